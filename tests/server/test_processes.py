"""What two processes must agree on: accounts and keys changed beside the service, and a service that is killed."""

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.running import Running, run

PASSWORD = "correct horse battery staple"
FEED_DELAY_S = 2 + 2  # the feed is read every 2 s; the rest is for a slow machine


def eventually(holds: Any, within_s: float = FEED_DELAY_S) -> bool:
    """Wait for what another process is about to notice."""
    ends = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    for email in ("ada@example.com", "eve@example.com"):
        answer = run("users", "add", email, "--role", "editor", "--password-stdin", "--data", str(data), stdin=PASSWORD)
        assert answer.returncode == 0, answer.stderr
    return data


def test_a_locked_account_is_out_within_the_delay_of_the_feed_and_stays_out(data: Path) -> None:
    with Running(data) as service:
        assert not any(line.startswith("password:") for line in service.lines)  # there are accounts already
        pairs = [service.login("ada@example.com", PASSWORD) for _ in range(3)]
        eve = service.login("eve@example.com", PASSWORD)
        answer = run("users", "lock", "Ada@example.com", DAYPASS_DATA=str(data))
        assert (answer.stdout, answer.stderr) == ("locked, sessions ended: 3\n", "")
        assert eventually(lambda: all(service.session(pair).status_code == 401 for pair in pairs))
        refused = service.session(pairs[0])
        assert refused.json()["code"] == "session_ended"
        assert service.refresh(pairs[1]).json()["code"] == "session_ended"
        login = service.http.post("/v1/login", json={"email": "ada@example.com", "password": PASSWORD})
        assert (login.status_code, login.json()["code"]) == (401, "wrong_credentials")
        assert service.session(eve).status_code == 200
        service.kill()
    with Running(data) as service:  # a new process knows it from its first request on
        assert [service.session(pair).status_code for pair in (*pairs, eve)] == [401, 401, 401, 200]
        assert run("users", "unlock", "ada@example.com", "--data", str(data)).stdout == "unlocked\n"
        assert service.session(pairs[0]).status_code == 401
        service.login("ada@example.com", PASSWORD)


def test_logins_that_race_a_lock_leave_no_token_that_works(data: Path) -> None:
    with Running(data) as service:
        pairs: list[dict[str, Any]] = []
        stop = threading.Event()

        def storm() -> None:
            with httpx.Client(base_url=service.url, timeout=30) as http:
                while not stop.is_set():
                    answer = http.post("/v1/login", json={"email": "ada@example.com", "password": PASSWORD})
                    assert answer.status_code in {200, 401, 503}
                    if answer.status_code == 200:
                        pairs.append(answer.json())

        threads = [threading.Thread(target=storm) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert eventually(lambda: len(pairs) >= 8, 30)
        assert run("users", "lock", "ada@example.com", "--data", str(data)).returncode == 0
        locked_with = len(pairs)
        stop.set()
        for thread in threads:
            thread.join(30)
        assert locked_with >= 8
        assert eventually(lambda: all(service.session(pair).status_code == 401 for pair in pairs))
        assert all(service.refresh(pair).status_code == 401 for pair in pairs)


def test_a_removed_role_is_gone_at_the_next_refresh(data: Path) -> None:
    with Running(data) as service:
        pair = service.login("ada@example.com", PASSWORD)
        assert service.session(pair).json()["roles"] == ["editor"]
        assert run("users", "revoke", "ada@example.com", "editor", "--data", str(data)).stdout == "revoked\n"
        assert run("users", "grant", "ada@example.com", "auditor", "--data", str(data)).stdout == "granted\n"
        assert service.session(service.refresh(pair).json()).json()["roles"] == ["auditor"]


def test_a_new_password_ends_the_sessions_of_the_old_one(data: Path) -> None:
    with Running(data) as service:
        pair = service.login("ada@example.com", PASSWORD)
        new = "another horse, another battery"
        answer = run("users", "password", "ada@example.com", "--password-stdin", "--data", str(data), stdin=f"{new}\n")
        assert answer.stdout == "password changed, sessions ended: 1\n"
        assert eventually(lambda: service.session(pair).status_code == 401)
        assert service.refresh(pair).status_code == 401
        service.login("ada@example.com", new)


def test_a_rotated_ring_logs_nobody_out(data: Path) -> None:
    with Running(data) as service:
        pair = service.login("ada@example.com", PASSWORD)
        assert run("keys", "rotate", "--at-once", "--data", str(data)).returncode == 0
        assert eventually(lambda: len(service.http.get("/.well-known/jwks.json").json()["keys"]) == 2)
        assert service.session(pair).status_code == 200
        successor = service.refresh(pair)
        assert successor.status_code == 200
        assert service.session(successor.json()).status_code == 200
        # Within one second an issuer signs with one key: the new one signs from the next second on.
        header = pair["access_token"].partition(".")[0]
        assert eventually(lambda: service.refresh(pair).json()["access_token"].partition(".")[0] != header)


def test_a_kill_in_a_stream_of_refreshes_logs_nobody_out(data: Path) -> None:
    clients = 8
    with Running(data) as service:
        held = [[service.login("ada@example.com", PASSWORD)] for _ in range(clients)]
        refreshed = [0] * clients

        def stream(number: int) -> None:
            with httpx.Client(base_url=service.url, timeout=30) as http:
                while True:
                    body = {"refresh_token": held[number][-1]["refresh_token"]}
                    try:
                        answer = http.post("/v1/refresh", json=body)
                    except httpx.TransportError:
                        return  # killed; whether it was done, this client cannot know
                    assert answer.status_code == 200, answer.text
                    held[number].append(answer.json())
                    refreshed[number] += 1

        threads = [threading.Thread(target=stream, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        assert eventually(lambda: min(refreshed) >= 5, 30)
        service.kill()
        for thread in threads:
            thread.join(30)
        assert min(refreshed) >= 5
    with Running(data) as service:
        for tokens in held:
            assert service.session(tokens[-1]).status_code == 200
            successor = service.refresh(tokens[-1])
            assert successor.status_code == 200, successor.text
            assert service.session(successor.json()).status_code == 200
