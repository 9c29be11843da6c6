"""A password that is asked for on a terminal: twice, and never shown."""

import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest

from tests.server.running import DAYPASS, ENVIRONMENT, WAIT_S, run

PASSWORD = "correct horse battery staple"


@pytest.mark.parametrize("command", ["add", "password"])
def test_a_password_is_asked_for_twice_and_not_shown(command: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    if command == "password":
        run("users", "add", "ada@example.com", "--password-stdin", "--data", str(data), stdin="x" * 20)
    ours, theirs = pty.openpty()
    words = [*DAYPASS, "users", command, "ada@example.com", "--data", str(data)]
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT, start_new_session=True
    )
    os.close(theirs)
    # A terminal that waits for ever would hang the tests: where the process does not end, what it wrote is shown.
    ending = threading.Timer(WAIT_S, process.kill)
    ending.start()
    seen = b""
    try:
        for question in (b"Password", b"Repeat"):
            while question not in seen or not seen.endswith(b": "):  # the blank comes once the echo is off
                seen += os.read(ours, 1024)
            os.write(ours, PASSWORD.encode() + b"\n")
        while part := os.read(ours, 1024):
            seen += part
    except OSError:  # the other end is closed
        pass
    ending.cancel()
    os.close(ours)
    assert process.wait(WAIT_S) == 0, seen
    assert PASSWORD.encode() not in seen
    assert b"added ada@example.com" in seen or b"password changed" in seen
