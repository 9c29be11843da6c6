"""The first start, the second one, and the lines that it prints, run as they stand."""

import json
import re
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server.running import Running, run


def test_the_first_start_says_how_to_log_in_and_what_to_try(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    with Running(data) as service:
        email, password, listens, *trial = service.lines
        assert email == "email: admin@example.com"
        assert re.fullmatch(r"password: [A-Za-z2-9]{24}", password)
        assert listens == f"daypass listens on {service.url} - try it:"
        assert [re.search(r"/v1/\w+", line)[0] for line in trial] == [
            "/v1/login",
            "/v1/session",
            "/v1/refresh",
            "/v1/logout",
        ]
        assert all("curl -s http://127.0.0.1:" in line for line in trial)
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        for name in ("daypass.db", "daypass.keys.json"):
            assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
        assert service.stop() == 0
        assert service.errors == ""

    with Running(data) as again:
        assert not any(line.startswith(("email:", "password:")) for line in again.lines)
        listens, *trial = again.lines
        assert listens == f"daypass listens on {again.url} - try it, with your password in $PASSWORD:"
        assert len(trial) == 4
        again.login(password=service.password)
        assert again.errors == ""


def test_two_first_starts_at_once_make_one_administrator(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        services = list(pool.map(Running, [tmp_path / "data"] * 3))
    with services[0], services[1], services[2]:
        (password,) = [line for service in services for line in service.lines if line.startswith("password: ")]
        for service in services:
            pair = service.login(password=password.removeprefix("password: "))
            assert [other.session(pair).status_code for other in services] == [200, 200, 200]
            assert service.errors == ""


def test_a_service_with_its_key_in_the_environment(tmp_path: Path) -> None:
    secret = "Zq3vX9rT1mK7bN5cW8yL2pD6fH4jS0gA"
    with Running(tmp_path / "data", DAYPASS_KEYS=secret) as service:
        pair = service.login()
        assert service.session(service.refresh(pair).json()).status_code == 200
        assert service.http.get("/.well-known/jwks.json").json() == {"keys": []}
        assert not (tmp_path / "data" / "daypass.keys.json").exists()
        assert (
            run("users", "lock", "admin@example.com", "--data", str(service.data)).stdout
            == "locked, sessions ended: 1\n"
        )
    with Running(tmp_path / "data", DAYPASS_KEYS=secret) as again:
        assert again.session(pair).status_code == 401
        assert secret not in "".join(again.lines) + again.errors


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_printed_lines_work_as_they_stand_in_any_shell(tmp_path: Path) -> None:
    with Running(tmp_path / "data") as service:
        trial = [line for line in service.lines if "curl" in line]
        for shell in filter(shutil.which, ("sh", "dash", "bash", "zsh")):
            answer = subprocess.run([shell, "-c", "\n".join(trial)], capture_output=True, text=True, check=True)
            login, session, refresh, logout = answer.stdout.splitlines()
            assert json.loads(login)["token_type"] == "Bearer"
            assert json.loads(session)["roles"] == ["admin"]
            assert json.loads(session)["sid"] == json.loads(refresh)["session"]["sid"]
            assert logout == "204"
            assert service.refresh(json.loads(refresh)).status_code == 401


def test_the_printed_lines_of_a_later_start_ask_for_the_password(tmp_path: Path) -> None:
    with Running(tmp_path / "data") as first:
        password = first.password
    with Running(tmp_path / "data") as service:
        script = "\n".join(line for line in service.lines if "curl" in line)
        answer = subprocess.run(
            ["sh", "-c", script],
            env={"PASSWORD": password, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.endswith("204\n")
