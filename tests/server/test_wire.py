"""What only a real connection can send, and what no output of the process may ever show."""

import json
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from tests.server import running
from tests.server.running import Running, run

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("wire") / "data"
    run("users", "add", "ada@example.com", "--password-stdin", "--data", str(data), stdin=PASSWORD)
    with Running(data) as service:
        yield service


def send(service: Running, *parts: bytes) -> bytes:
    """Send bytes as they are, and read the answer to its end."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


HEAD = b"GET /v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
POST = b"POST /v1/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "sent, status",
    [
        (HEAD + b"\r\n", 401),
        (HEAD + b"Authorization: Bearer \xff\xfe\r\n\r\n", 401),
        (HEAD + b"Authorization: Bearer " + b"x" * 60_000 + b"\r\n\r\n", 401),
        (HEAD + b"Authorization: Bearer " + b"x" * 200_000 + b"\r\n\r\n", 400),
        (HEAD + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
        (HEAD + b"Authorization: Bearer a\x00b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/session%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (POST + b"Content-Length: 65537\r\n\r\n", 413),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 413),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (
            POST
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"8000\r\n"
            + b"x" * 32768
            + b"\r\n" * 1
            + b"8001\r\n"
            + b"x" * 32769
            + b"\r\n0\r\n\r\n",
            413,
        ),
        (POST + b"Content-Length: 2\r\n\r\n{}", 422),
    ],
)
def test_whatever_arrives_the_answer_is_a_problem_document(sent: bytes, status: int, service: Running) -> None:
    head, _, body = send(service, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert b"content-type: application/problem+json" in head
    assert b"server:" not in head.lower()
    assert json.loads(body)["status"] == status
    assert service.http.get("/healthz").status_code == 200


def test_a_body_that_ends_early_harms_nobody(service: Running) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
    assert service.http.get("/healthz").status_code == 200


def test_a_request_of_two_lengths_is_the_last_of_its_connection(service: Running) -> None:
    both = b"Content-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = send(service, POST.replace(b"Connection: close\r\n", b"") + both + hidden)
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("sent", [b"", HEAD, POST + b"Content-Length: 100\r\n\r\n{"])
def test_clients_that_send_no_whole_request_keep_nobody_out(
    sent: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = 128
    limited = ["sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', *running.DAYPASS]
    monkeypatch.setattr(running, "DAYPASS", limited)
    with Running(tmp_path / "data") as service, ExitStack() as stuck:
        pair = service.login()
        host, port = service.url.removeprefix("http://").split(":")
        for _ in range(2 * files):
            connection = stuck.enter_context(socket.create_connection((host, int(port)), timeout=30))
            connection.sendall(sent)
        with httpx.Client(base_url=service.url, timeout=30) as http:
            assert http.get("/healthz").status_code == 200
        assert service.session(pair).status_code == 200
        assert service.errors == ""


def test_verification_goes_on_while_logins_storm(service: Running) -> None:
    pair = service.login("ada@example.com", PASSWORD)
    statuses: list[int] = []
    stop = threading.Event()

    def storm() -> None:
        with httpx.Client(base_url=service.url, timeout=60) as http:
            while not stop.is_set():
                answer = http.post("/v1/login", json={"email": "ada@example.com", "password": "wrong" * 5})
                statuses.append(answer.status_code)
                if answer.status_code == 503:
                    assert int(answer.headers["retry-after"]) > 0

    threads = [threading.Thread(target=storm) for _ in range(40)]
    for thread in threads:
        thread.start()
    slowest_s, rounds, deadline_s = 0.0, 0, time.monotonic() + 60
    # Twenty calls may be answered before the storm has begun: it has to be felt, both ways.
    while (rounds < 20 or set(statuses) != {401, 503}) and time.monotonic() < deadline_s:
        rounds += 1
        begun = time.monotonic()
        assert service.session(pair).status_code == 200
        slowest_s = max(slowest_s, time.monotonic() - begun)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert set(statuses) == {401, 503}
    assert slowest_s < 5


def test_nothing_that_the_process_writes_holds_a_secret(tmp_path: Path) -> None:
    planted = ["a planted pass phrase, number one", "a planted pass phrase, number two", "planted.person@example.com"]
    first, second, email = planted
    data = tmp_path / "data"
    with Running(data) as service:
        planted.append(service.password)
        run("users", "add", email, "--password-stdin", "--data", str(data), stdin=first)
        login = service.login(email, first)
        pairs = [service.login(), login, service.refresh(login).json()]
        planted += [pair[name] for pair in pairs for name in ("access_token", "refresh_token")]
        bearer = {"Authorization": f"Bearer {pairs[2]['access_token']}"}
        service.http.post("/v1/password", json={"current_password": first, "new_password": second}, headers=bearer)
        service.http.post("/v1/login", json={"email": email, "password": first})
        service.http.post("/v1/login", content=f'{{"email":"{email}","password":"{second}"'.encode())
        service.http.get("/v1/session", params={"access_token": pairs[0]["access_token"]})
        service.http.get("/v1/session", headers={"Authorization": f"Bearer {pairs[0]['access_token']}x"})
        service.http.get(f"/v1/{pairs[0]['refresh_token']}")
        send(service, HEAD + b"Authorization: Bearer " + pairs[0]["access_token"].encode() + b"\x00\r\n\r\n")
        send(service, HEAD + b"Upgrade: websocket\r\n".replace(b"close", b"upgrade") + b"Connection: upgrade\r\n\r\n")
        run("users", "password", email, "--password-stdin", "--data", str(data), stdin=first)
        with closing(sqlite3.connect(data / "daypass.db")) as connection:  # from here on everything fails
            connection.execute("DROP TABLE daypass_account_roles")
            connection.execute("DROP TABLE daypass_accounts")
        assert service.http.post("/v1/login", json={"email": email, "password": first}).status_code == 503
        assert service.refresh(pairs[0]).status_code == 503
        service.stop()
        output = "\n".join([line for line in service.lines if not line.startswith(("email:", "password:", "TOKENS="))])
        assert service.errors.count("store_unavailable") == 2  # the log says what the answers do not
        output += service.errors
    for secret in planted:
        assert secret not in output, output
    assert not re.search(r"eyJ[\w-]{10}|dpr1\.", output)
