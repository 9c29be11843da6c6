"""Several real processes on one SQLite file and one key ring file."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daypass.errors import SessionEnded
from daypass.sessions import SessionPolicy, Sessions

WORDS = {"issuer": "i", "audience": "a"}
POLL_S = 0.2

OPENING = """
import json, os, sys, threading
from daypass.errors import DaypassError
from daypass.sessions import SessionPolicy, Sessions
sessions = Sessions.open("sqlite:///" + sys.argv[1], issuer="i", audience="a")
"""


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/sessions.db"


def program(text: str, folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-c", OPENING + text, str(folder / "sessions.db"), *arguments]


def run(text: str, folder: Path, *arguments: str) -> str:
    """Run a program beside this process."""
    done = subprocess.run(program(text, folder, *arguments), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


ENDING = """
sys.stdin.readline()
sessions.end(sys.argv[2])
print("ended", flush=True)
"""


def test_another_process_refuses_within_the_stated_delay(tmp_path: Path) -> None:
    policy = SessionPolicy(feed_poll_s=POLL_S, feed_stale_after_s=5)
    with Sessions.open(url_of(tmp_path), **WORDS, policy=policy) as sessions:
        pair = sessions.start("alice")
        sessions.verify(pair.access_token)
        other = subprocess.Popen(
            program(ENDING, tmp_path, pair.session.sid), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "ended\n"
        ended_at = time.monotonic()
        while True:
            try:
                sessions.verify(pair.access_token)
            except SessionEnded:
                break
            assert time.monotonic() - ended_at < 10
            time.sleep(0.005)
        assert time.monotonic() - ended_at < POLL_S + 1, "the poll, and a second for a busy machine"
        other.communicate()


def test_a_restarted_process_refuses_from_its_first_request(tmp_path: Path) -> None:
    with Sessions.open(url_of(tmp_path), **WORDS) as sessions:
        pair = sessions.start("alice")
        sessions.end(pair.session.sid)
    text = """
try:
    sessions.verify(sys.argv[2])
except DaypassError as error:
    print(error.code)
"""
    assert run(text, tmp_path, pair.access_token) == "session_ended\n"


def test_locking_an_account_from_another_process_ends_its_sessions_here(tmp_path: Path) -> None:
    policy = SessionPolicy(feed_poll_s=POLL_S)
    with Sessions.open(url_of(tmp_path), **WORDS, policy=policy) as sessions:
        pairs = [sessions.start("alice") for _ in range(3)]
        sessions.verify(pairs[0].access_token)
        assert run("print(sessions.end_all('alice'))", tmp_path) == "3\n"
        time.sleep(POLL_S * 2)  # the stated delay, and as much again
        for pair in pairs:
            with pytest.raises(SessionEnded):
                sessions.verify(pair.access_token)


REFRESHING = """
answers = []
def refresh():
    try:
        answers.append(sessions.refresh(sys.argv[2]).refresh_token)
    except DaypassError as error:
        answers.append(repr(error))
threads = [threading.Thread(target=refresh) for _ in range(20)]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(answers))
"""


BEGINNING = """
pair = sessions.start("alice")
print(pair.access_token, pair.refresh_token)
"""


def test_processes_that_begin_at_once_share_one_database_and_one_ring(tmp_path: Path) -> None:
    processes = [subprocess.Popen(program(BEGINNING, tmp_path), stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [process.communicate(timeout=60)[0].split() for process in processes]
    with Sessions.open(url_of(tmp_path), **WORDS) as sessions:
        for access_token, refresh_token in answers:
            assert sessions.verify(access_token).subject == "alice"
            sessions.refresh(refresh_token)
        assert len(sessions.active("alice")) == 4


def test_three_processes_of_twenty_threads_make_one_generation(tmp_path: Path) -> None:
    with Sessions.open(url_of(tmp_path), **WORDS) as sessions:
        pair = sessions.start("alice")
        processes = [
            subprocess.Popen(
                program(REFRESHING, tmp_path, pair.refresh_token),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        answers = [token for process in processes for token in json.loads(process.communicate(timeout=60)[0])]
        assert len(answers) == 60
        assert len(set(answers)) == 1
        assert answers[0].split(".")[3] == "2"
        assert sessions.refresh(answers[0]).session.sid == pair.session.sid


STREAM = """
clients = [sessions.start(f"user-{number}").refresh_token for number in range(8)]
def refresh(number):
    token = clients[number]
    while True:
        token = sessions.refresh(token).refresh_token
        os.write(1, f"{number} {token}\\n".encode())  # in one step: threads that share sys.stdout mix their lines
for number in range(8):
    print(number, clients[number], flush=True)
threads = [threading.Thread(target=refresh, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
"""


# With a window, four rotations are made in it and then none; without one, each refresh rotates.
@pytest.mark.parametrize("grace_s", [0, 10])
def test_a_kill_in_a_stream_of_refreshes_loses_nothing_that_was_answered(tmp_path: Path, grace_s: int) -> None:
    opening = OPENING.replace(', audience="a"', f', audience="a", policy=SessionPolicy(refresh_grace_s={grace_s})')
    process = subprocess.Popen(
        [sys.executable, "-c", opening + STREAM, str(tmp_path / "sessions.db")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    latest: dict[str, str] = {}
    for _ in range(200):
        number, token = process.stdout.readline().split()
        latest[number] = token
    process.send_signal(signal.SIGKILL)
    *whole_lines, _cut_off = process.stdout.read().split("\n")  # communicate() would pass over what was read ahead
    process.communicate()
    latest.update(line.split() for line in whole_lines)
    assert len(latest) == 8
    with Sessions.open(url_of(tmp_path), **WORDS) as sessions:
        for number, token in latest.items():
            pair = sessions.refresh(token)
            assert sessions.verify(pair.access_token).subject == f"user-{number}"
            assert len(sessions.active(f"user-{number}")) == 1
