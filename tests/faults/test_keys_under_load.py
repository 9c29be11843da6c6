"""Keys that rotate five times a second, under load, over processes: no valid token is refused, whoever verifies it.

Outcome: nobody is logged out by a rotation, also on a node that looks at the ring more slowly; processes that rotate
by the same schedule make one key each time; a retired key is refused everywhere within the stated delay.
"""

import json
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from daypass.errors import UnknownKey
from daypass.keyring.master_key import MasterKeys
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.sessions import SessionPolicy, Sessions
from daypass.stores.opening import open_store

ROTATE_S, RUN_S, POLL_S, SLOW_POLL_S = 0.2, 5, 0.2, 1.0
LIVES = {"token_lifetime_s_max": 2, "session_lifetime_s_max": 20}
BY_ITSELF = {**LIVES, "publish_s": 0.1, "rotate_every_s": ROTATE_S}
"""A file is read at once when a token names an unknown key, so a key may sign before the next look."""
BY_HAND = {**LIVES, "publish_s": 1.5, "rotate_every_s": 0}
"""From a server a key is known before it signs: it is published for longer than the slowest node rests."""
NODE = """
import json, os, sys, threading, time
from daypass.errors import TokenError
from daypass.keyring import reading
place, poll_s, run_s, schedule, by_hand_s = json.loads(sys.argv[1])
reading.POLL_S = poll_s
from daypass.keyring import KeyRing, RotationSchedule, master_key_from_env
from daypass.sessions import SessionPolicy, Sessions
from daypass.stores import MemoryStore, open_store

if place.endswith(".keys.json"):
    store, ring = MemoryStore(), KeyRing.open(place, schedule=RotationSchedule(**schedule))
else:
    store = open_store(place)
    ring = KeyRing.from_storage(
        store.ring_storage(), master_key=master_key_from_env(), schedule=RotationSchedule(**schedule)
    )
policy = SessionPolicy(
    access_lifetime_s=2, idle_lifetime_s=20, absolute_lifetime_s=20, refresh_grace_s=5, revocation="none"
)
sessions = Sessions(MemoryStore(), ring, issuer="load", audience="load", policy=policy)
counts = {"issued": 0, "verified": 0, "refreshed": 0, "refused": []}
started = threading.Event()

def verify():
    for line in sys.stdin:
        started.set()
        token, issued_at = line.split()
        if time.time() - float(issued_at) > 1:  # a machine that stood still is nobody's rotation
            continue
        try:
            sessions.verify(token)
        except TokenError as error:
            counts["refused"].append(f"{type(error).__name__}: {error}")
        counts["verified"] += 1

def rotate():
    while by_hand_s and not ended.wait(by_hand_s):
        ring.rotate()

ended = threading.Event()
thread = threading.Thread(target=verify, daemon=True)
thread.start()
pair = sessions.start("u")
print("ready", flush=True)
begun = started.wait(60)
threading.Thread(target=rotate, daemon=True).start()
ends = time.monotonic() + run_s
while time.monotonic() < ends:
    for _ in range(5):
        pair = sessions.refresh(pair.refresh_token)
        counts["refreshed"] += 1
        counts["issued"] += 1
        print(pair.access_token, time.time(), flush=True)
    time.sleep(0.02)
print("end", flush=True)
sys.stdout.close()
thread.join(60)
ended.set()
ring.close()
counts["keys"] = [e.kid for e in ring.entries() if e.purpose == "sign"]
print(json.dumps(counts), file=sys.stderr)
"""


@pytest.fixture(params=["file", "sqlite", "postgresql", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "load.keys.json")
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/load.db"
    return str(request.getfixturevalue(f"{request.param}_url"))


def test_keys_that_rotate_under_load_refuse_no_valid_token(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three nodes issue, each token is verified by the next one; the third looks at the ring five times as slowly."""
    monkeypatch.setenv("DAYPASS_MASTER_KEY", secrets.token_urlsafe(32))
    nodes = []
    is_file = place.endswith(".keys.json")
    for number, poll_s in enumerate((POLL_S, POLL_S, SLOW_POLL_S)):
        schedule, by_hand_s = (BY_ITSELF, 0) if is_file else (BY_HAND, ROTATE_S if number == 0 else 0)
        words = json.dumps([place, poll_s, RUN_S, schedule, by_hand_s])
        nodes.append(
            subprocess.Popen(
                [sys.executable, "-c", NODE, words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    with ExitStack() as running:
        for node in nodes:
            running.callback(node.kill)
        for node in nodes:
            assert node.stdout is not None
            assert node.stdout.readline() == "ready\n"
        counts = _relay(nodes)
    for one in counts:
        assert one["refused"] == []
        assert one["verified"] > 100
        assert one["refreshed"] == one["issued"]
    made = {kid for one in counts for kid in one["keys"]}
    assert 10 <= len(made) <= (RUN_S + 15) / ROTATE_S  # one each time, not one a node


def _relay(nodes: list[subprocess.Popen[str]]) -> list[dict[str, object]]:
    """Pass what each node issues to the next one, until all have ended."""
    import threading

    def pump(source: subprocess.Popen[str], target: subprocess.Popen[str]) -> None:
        assert source.stdout is not None
        assert target.stdin is not None
        for line in source.stdout:
            if line == "end\n":
                break
            target.stdin.write(line)
            target.stdin.flush()
        target.stdin.close()

    kick = time.time() - 100  # too old to be verified: it says that all are ready
    for node in nodes:
        assert node.stdin is not None
        node.stdin.write(f"go {kick}\n")
        node.stdin.flush()
    threads = [
        threading.Thread(target=pump, args=(node, nodes[(number + 1) % len(nodes)]))
        for number, node in enumerate(nodes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = []
    for node in nodes:
        assert node.stderr is not None
        errors = node.stderr.read()
        node.wait(60)
        for stream in (node.stdout, node.stderr):
            assert stream is not None
            stream.close()
        assert node.returncode == 0, errors
        found.append(json.loads(errors.splitlines()[-1]))
    return found


def test_processes_that_rotate_at_once_by_the_schedule_make_one_key(place: str) -> None:
    """Two nodes find the same key due: one makes its successor, the other takes that for its own."""
    with ExitStack() as opened:
        rings = []
        master = MasterKeys(secrets.token_bytes(32))
        schedule = RotationSchedule(publish_s=1, token_lifetime_s_max=60, session_lifetime_s_max=60, rotate_every_s=2)
        for _ in range(2):
            if place.endswith(".keys.json"):
                rings.append(KeyRing.open(place, schedule=schedule))
            else:
                store = opened.enter_context(closing(open_store(place)))
                rings.append(KeyRing.from_storage(store.ring_storage(), master_key=master, schedule=schedule))
            opened.callback(rings[-1].close)
        deadline = time.monotonic() + 30
        while any(len(ring.entries()) < 4 for ring in rings):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        both = [{entry.kid for entry in ring.entries() if entry.publish_at < _third(ring)} for ring in rings]
        assert both[0] == both[1]
        assert len(both[0]) == 4  # the first key and its secret, and one successor of each


def _third(ring: KeyRing) -> float:
    """When the third generation of keys was made, if it was."""
    times = sorted({entry.publish_at for entry in ring.entries()})
    return times[2] if len(times) > 2 else float("inf")


def test_a_retired_key_is_refused_by_every_process_within_the_stated_delay(place: str) -> None:
    """The owner of a leaked key retires it: where it was done at once, elsewhere within two seconds or so."""
    master = MasterKeys(secrets.token_bytes(32))
    with ExitStack() as opened:
        both = []
        for _ in range(2):
            if place.endswith(".keys.json"):
                ring = KeyRing.open(place)
            else:
                store = opened.enter_context(closing(open_store(place)))
                ring = KeyRing.from_storage(store.ring_storage(), master_key=master)
            opened.callback(ring.close)
            policy = SessionPolicy(revocation="none")
            over = open_store("memory://")
            both.append(Sessions(over, ring, issuer="load", audience="load", policy=policy))
        here, there = both
        leaked = here.start("u").access_token
        there.verify(leaked)
        kid = str(here.keys.signing_keys()[0].kid)
        here.keys.rotate(at_once=True)
        here.keys.retire(kid)
        began = time.monotonic()
        took = []
        for sessions in both:
            while True:
                try:
                    sessions.verify(leaked)
                except UnknownKey:
                    break
                assert time.monotonic() < began + 30
                time.sleep(0.01)
            took.append(time.monotonic() - began)
        assert took[0] < 2
        assert took[1] < 10
        assert there.verify(here.start("u").access_token).subject == "u"
