"""Several processes on one ring: real ones, so that locks, signals and the file system are real too."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daypass.keyring.content import parse_ring
from daypass.keyring.file import FileStorage
from daypass.keyring.ring import KeyRing

OPEN = """
import sys
from daypass.keyring.ring import KeyRing
sys.stdin.readline()
ring = KeyRing.open(sys.argv[1], alg=sys.argv[2])
print(ring.signing_keys()[0].kid, ring.derive_kid(), len(ring.entries()))
"""
ROTATE = """
import sys
from daypass.keyring.ring import KeyRing
ring = KeyRing.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    print(ring.rotate(at_once=True), flush=True)
"""
FOLLOW = """
import sys, time
from daypass.keyring.ring import KeyRing
ring = KeyRing.open(sys.argv[1])
print(ring.epoch, flush=True)
wanted = sys.stdin.readline().strip()
began = time.monotonic()
while sys.argv[2] == "epoch" and ring.epoch == 1 and time.monotonic() < began + 10:
    time.sleep(0.01)
ring.reread()
print(time.monotonic() - began, ring.signing_keys()[0].kid == wanted, flush=True)
"""


def start(program: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: subprocess.Popen[str]) -> list[str]:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.splitlines()


def test_processes_that_create_at_once_find_one_ring(tmp_path: Path) -> None:
    algs = ["EdDSA", "ES256", "HS256", "EdDSA", "ES256", "HS256"]
    processes = [start(OPEN, tmp_path / "ring.json", alg) for alg in algs]
    for process in processes:
        say(process, "go")
    assert len({line for process in processes for line in finish(process)}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ring.json", "ring.json.lock"]


def test_processes_that_rotate_at_once_lose_no_key_and_no_reader_sees_half(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "ring.json")
    first = KeyRing.open(storage.path).signing_keys()[0].kid
    processes = [start(ROTATE, storage.path, 8) for _ in range(4)]
    for process in processes:
        assert heard(process) == "ready"
    for process in processes:
        say(process, "go")
    reads = 0
    while any(process.poll() is None for process in processes):
        text = storage.read()
        assert text is not None
        parse_ring(text, where="here")  # raises where it is half
        reads += 1
    made = [line for process in processes for line in finish(process)]
    assert reads > 5
    assert len(made) == 32
    assert len(set(made)) >= 8  # those that asked at once share one
    entries = [entry for entry in KeyRing.open(storage.path).entries() if entry.purpose == "sign"]
    assert {entry.kid for entry in entries} == {first, *made}
    assert [entry.kid for entry in entries if entry.retire_at is None] == [entries[-1].kid]


@pytest.mark.parametrize("how", ["epoch", "reread"])
def test_a_running_process_follows_another_one(tmp_path: Path, how: str) -> None:
    ring = KeyRing.open(tmp_path / "ring.json")
    follower = start(FOLLOW, tmp_path / "ring.json", how)
    assert heard(follower) == "1"
    wanted = ring.rotate(at_once=True)
    say(follower, wanted)
    took_s, found = finish(follower)[0].split()
    assert found == "True"
    assert float(took_s) < (3 if how == "epoch" else 0.5)


def test_a_kill_at_any_moment_leaves_a_whole_ring_with_every_key_that_was_reported(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    first = KeyRing.open(path).signing_keys()[0].kid
    reported: set[str | None] = {first}
    for number in range(6):
        process = start(ROTATE, path, 10_000)
        assert heard(process) == "ready"
        say(process, "go")
        reported |= {heard(process) for _ in range(1 + number)}
        process.send_signal(signal.SIGKILL)
        assert process.stdout is not None
        *rest, _cut_off = process.stdout.read().split("\n")  # communicate() would pass over what was read ahead
        process.communicate(timeout=60)
        reported |= set(rest)
        ring = KeyRing.open(path)
        assert reported <= {entry.kid for entry in ring.entries()}
    assert ring.rotate() in {entry.kid for entry in ring.entries()}
    assert not path.with_name("ring.json.new").exists()
    assert json.loads(path.read_bytes())["daypass"]["format"] == 1


def test_a_kill_before_the_first_ring_is_there_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from daypass.keyring.ring import KeyRing\n"
        "Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "KeyRing.open(sys.argv[1])"
    )
    path = tmp_path / "ring.json"
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert len(KeyRing.open(path).entries()) == 2
