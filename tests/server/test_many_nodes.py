"""The example of several nodes, as processes over each server that people run: whatever node is asked, it knows."""

import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.server.running import ENVIRONMENT

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples/many_nodes.py"
WAIT_S = 30


@contextmanager
def node(url: str, master_key: str) -> Iterator[httpx.Client]:
    """Start a node, and end it as a supervisor does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**ENVIRONMENT, "DAYPASS_STORE": url, "DAYPASS_MASTER_KEY": master_key}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(EXAMPLE), str(port)], env=environment, stderr=subprocess.PIPE, text=True
    )
    transport = httpx.HTTPTransport(retries=8)  # until it listens
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S, transport=transport) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=WAIT_S)
    assert "Traceback" not in errors, errors


def bearer(pair: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access_token']}"}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("server", ["postgresql", "mariadb", "redis"])
def test_nodes_share_logins_logouts_and_keys(server: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{server}_url")
    running = request.getfixturevalue("redis_server" if server == "redis" else server)
    master_key = secrets.token_urlsafe(32)
    with ExitStack() as nodes:
        here, there = (nodes.enter_context(node(url, master_key)) for _ in range(2))
        pair = here.post("/login", json={"name": "alice"}).json()
        for one in (here, there):
            assert one.get("/me", headers=bearer(pair)).json()["subject"] == "alice"
        pair = there.post("/refresh", json={"refresh_token": pair["refresh_token"]}).json()
        other = there.post("/login", json={"name": "bob"}).json()
        assert here.post("/logout", headers=bearer(pair)).status_code == 204
        assert here.get("/me", headers=bearer(pair)).status_code == 401
        until(lambda: there.get("/me", headers=bearer(pair)).status_code == 401)
        with node(url, master_key) as late:  # from its first request on
            assert late.get("/me", headers=bearer(pair)).status_code == 401
            assert late.get("/me", headers=bearer(other)).status_code == 200
        assert there.post("/refresh", json={"refresh_token": pair["refresh_token"]}).status_code == 401

        running.stop()
        try:
            assert here.post("/login", json={"name": "carol"}).status_code == 503
            assert here.post("/refresh", json={"refresh_token": other["refresh_token"]}).status_code == 503
            assert here.get("/me", headers=bearer(other)).status_code in {200, 503}
            assert here.post("/logout", headers=bearer(other)).status_code == 503
        finally:
            running.start()
        until(lambda: here.get("/me", headers=bearer(other)).status_code == 200)
        assert here.get("/me", headers=bearer(pair)).status_code == 401
        assert there.post("/refresh", json={"refresh_token": other["refresh_token"]}).status_code == 200


def test_a_node_with_another_master_key_does_not_start(redis_url: str) -> None:
    with node(redis_url, secrets.token_urlsafe(32)) as here:
        assert here.post("/login", json={"name": "alice"}).status_code == 200
    environment = {**ENVIRONMENT, "DAYPASS_STORE": redis_url, "DAYPASS_MASTER_KEY": secrets.token_urlsafe(32)}
    ended = subprocess.run(
        [sys.executable, str(EXAMPLE), "0"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode != 0
    assert "another master key" in ended.stderr
    assert environment["DAYPASS_MASTER_KEY"] not in ended.stderr
