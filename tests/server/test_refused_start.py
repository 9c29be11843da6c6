"""A start that cannot succeed: one line, another exit code than 0, and nothing left behind."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.server.running import DAYPASS, ENVIRONMENT, Running, run

FULL = Path("/dev/full")


def one_line(answer: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert answer.returncode == 1, answer
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    assert line.startswith("daypass: ")
    for part in parts:
        assert part in line


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        data = tmp_path / "data"
        one_line(run("serve", "--port", port, "--data", str(data)), f"127.0.0.1:{port}", "in use", "--port")
        one_line(run("serve", "--data", str(data), DAYPASS_PORT=port), "in use")
        assert not data.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.invalid"])
def test_an_address_that_others_reach(host: str, tmp_path: Path) -> None:
    one_line(run("serve", "--host", host, "--port", "0", "--data", str(tmp_path / "data")), "--behind-tls")


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    answer = run("serve", "--host", "192.0.2.1", "--behind-tls", "--port", "0", "--data", str(tmp_path / "data"))
    one_line(answer, "cannot listen on 192.0.2.1")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for data in ("file", "file/data"):
        one_line(run("serve", "--port", "0", "--data", str(tmp_path / data)), "data folder", "--data")
    one_line(run("serve", "--port", "0", DAYPASS_DATA="/proc/nowhere"), "data folder")


@pytest.mark.parametrize("port", ["http", "70000", "-1"])
def test_a_port_that_is_none(port: str, tmp_path: Path) -> None:
    one_line(run("serve", "--data", str(tmp_path / "data"), DAYPASS_PORT=port), "DAYPASS_PORT")


def test_a_key_file_that_others_can_read_and_one_that_is_gone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Running(data) as service:
        service.login()
    keys = data / "daypass.keys.json"
    keys.chmod(0o644)
    one_line(run("serve", "--port", "0", "--data", str(data)), "daypass.keys.json", "chmod")
    keys.rename(data / "elsewhere")
    one_line(run("serve", "--port", "0", "--data", str(data)), "daypass.keys.json")
    assert not keys.exists()


def test_a_folder_that_everybody_may_write_to(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    one_line(run("serve", "--port", "0", "--data", str(data)), f"chmod o-w {data}")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "daypass.db").write_bytes(b"something else" * 100)
    one_line(run("serve", "--port", "0", "--data", str(data)), "daypass.db")


def test_a_guessable_secret_in_the_environment(tmp_path: Path) -> None:
    answer = run("serve", "--port", "0", "--data", str(tmp_path / "data"), DAYPASS_KEYS="changeme" * 5)
    one_line(answer, "secrets.token_urlsafe")
    assert "changemechangeme" not in answer.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full on this machine")
def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    for words in (("serve", "--port", "0", "--data", data), ("users", "list", "--data", data)):
        with FULL.open("w") as full:
            answer = subprocess.run(
                [*DAYPASS, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, check=False
            )
        assert (answer.returncode, answer.stderr) == (1, "daypass: No space left on device\n")
    # Nobody saw the password, so there is no administrator yet, and the next start makes one.
    with Running(tmp_path / "data") as service:
        service.login()


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full on this machine")
def test_a_later_start_needs_nobody_who_reads_how_to_try_it(tmp_path: Path) -> None:
    with Running(tmp_path / "data") as first:
        password = first.password
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["serve", "--port", str(port), "--data", str(tmp_path / "data")]
    with FULL.open("w") as full:
        process = subprocess.Popen([*DAYPASS, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    with process:
        transport = httpx.HTTPTransport(retries=10)  # waits a little longer before each
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=30) as http:
            answer = http.post("/v1/login", json={"email": "admin@example.com", "password": password})
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (answer.status_code, process.returncode, errors) == (200, 0, "")


@pytest.mark.parametrize("module", ["uvicorn", "fastapi", "argon2", "sqlalchemy", "pydantic_settings", "typer", "rich"])
def test_a_missing_extra(module: str, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        f"sys.argv = ['daypass', 'serve', '--port', '0', '--data', {str(tmp_path / 'data')!r}]\n"
        "from daypass.cli.main import main\nmain()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    one_line(answer, "not installed", "pip install", "daypass[")
