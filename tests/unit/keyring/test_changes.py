"""Whoever listens to a ring is told of each change once, in each process; and nothing waits for them."""

import logging
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daypass.errors import ConfigurationError, InvalidSignature, UnknownKey
from daypass.keyring import description, reading
from daypass.keyring.changes import Change, Listeners, changes_between
from daypass.keyring.file import FileStorage
from daypass.keyring.ring import KeyRing
from daypass.keyring.rotation import new_ring, rotated, without
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.token_key import generate_key
from daypass.sessions import SessionPolicy, Sessions
from daypass.stores.memory import MemoryStore
from daypass.stores.opening import open_store
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.unit.keyring.places import WAIT_S, Server, until

T = 1_800_000_000
SCHEDULE = RotationSchedule(publish_s=60, token_lifetime_s_max=900, session_lifetime_s_max=9000)
MASTER = secrets.token_bytes(32)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (reading, description):  # both, or the one that is imported later would keep what is patched here
        monkeypatch.setattr(module, "POLL_S", 0.02)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def two(server: Server) -> Iterator[tuple[KeyRing, KeyRing]]:
    """Two nodes on one ring, each with its thread."""
    with open_ring(server) as here, open_ring(server) as there:
        yield here, there


def open_ring(server: Server) -> KeyRing:
    ring = KeyRing.from_storage(server, master_key=MASTER, alg="HS256")
    assert ring._follower is not None
    ring._follower.ensure()
    return ring


def listen(ring: KeyRing) -> list[Change]:
    told: list[Change] = []
    ring.on_change(lambda reason, kid: told.append((reason, kid)))
    return told


def signs(ring: KeyRing) -> str:
    return str(ring.signing_keys()[0].kid)


def is_refused(verifier: Verifier | Sessions, token: str) -> bool:
    try:
        verifier.verify(token)
    except (UnknownKey, InvalidSignature):
        return True
    return False


def new_kids(ring: KeyRing) -> set[str]:
    newest = max(entry.publish_at for entry in ring.entries())
    return {entry.kid for entry in ring.entries() if entry.retire_at is None and entry.publish_at == newest}


# ------------------------------------------------------------------------------------------------------- what


def test_what_came_and_what_went_is_found() -> None:
    before = new_ring(generate_key("HS256"), schedule=SCHEDULE, now_s=T)
    after = rotated(before, [generate_key("HS256")], now_s=T, at_once=True)
    old, new = (held.entry.kid for held in after.signing)
    assert changes_between(before, before, T) == []
    assert changes_between(before, after, T) == [("rotate", new), ("rotate", after.secrets[-1].entry.kid)]
    assert changes_between(after, without(after, old, now_s=T), T) == [("retire", old)]


def test_a_key_that_the_clock_has_removed_was_not_retired() -> None:
    before = new_ring(generate_key("HS256"), schedule=SCHEDULE, now_s=T)
    after = rotated(before, [generate_key("HS256")], now_s=T, at_once=True)
    gone_at = T + 901 + 300
    later = rotated(after, [generate_key("HS256")], now_s=gone_at, at_once=True)
    last = rotated(later, [generate_key("HS256")], now_s=gone_at + 1, at_once=True)
    assert len(last.signing) < len(later.signing) + 1  # one was dropped
    assert {reason for reason, _ in changes_between(later, last, gone_at + 1)} == {"rotate"}


# ------------------------------------------------------------------------------------------------------- once


def test_each_process_is_told_once_of_each_change(two: tuple[KeyRing, KeyRing]) -> None:
    here, there = two
    told_here, told_there = listen(here), listen(there)
    leaked = signs(here)
    here.rotate(at_once=True)
    came = {("rotate", kid) for kid in new_kids(here)}
    until(lambda: set(told_here) == came)
    here.retire(leaked)
    until(lambda: told_here[-1] == ("retire", leaked))
    until(lambda: len(told_there) >= 3)
    for _ in range(3):
        there._reread_at = 0
        there.reread()
    assert sorted(told_there) == sorted(told_here)
    assert len(told_here) == len(set(told_here)) == 3


def test_what_was_not_done_is_not_told(two: tuple[KeyRing, KeyRing], server: Server) -> None:
    here, _ = two
    told = listen(here)
    for kid in (signs(here), "strange"):
        with pytest.raises(ConfigurationError):
            here.retire(kid)
    here.rewrap()
    whole = server.text
    server.put(b"spoilt")
    with pytest.raises(ConfigurationError):
        here.rotate()
    server.put(whole)
    assert told == []


def test_a_scheduled_rotation_is_told_by_both(server: Server) -> None:
    now = [float(T)]
    schedule = RotationSchedule(publish_s=60, token_lifetime_s_max=900, session_lifetime_s_max=900, rotate_every_s=500)
    rings = [
        KeyRing.from_storage(server, master_key=MASTER, alg="HS256", schedule=schedule, clock=lambda: now[0])
        for _ in range(2)
    ]
    told = [listen(ring) for ring in rings]
    for ring in rings:
        ring._follower.ensure()
    now[0] += 500
    until(lambda: all(len(one) == 2 for one in told))
    for ring in rings:
        ring.close()
    assert sorted(told[0]) == sorted(told[1])
    assert {kid for _, kid in told[0]} == new_kids(rings[0])


def test_who_was_taken_off_is_told_no_more(two: tuple[KeyRing, KeyRing]) -> None:
    here, _ = two
    told: list[str] = []
    take_off = here.on_change(lambda reason, kid: told.append(kid))
    others = listen(here)
    here.rotate()
    count = len(told)
    take_off()
    take_off()
    here.rotate()
    assert len(told) == count == 2
    assert len(others) == 4


# ------------------------------------------------------------------------------------------------------- slow


def test_a_slow_listener_keeps_no_retired_key_alive(two: tuple[KeyRing, KeyRing]) -> None:
    """It hangs in the change before, in the thread of changes: verification and the thread that reads go on."""
    here, there = two
    hangs, released = threading.Event(), threading.Event()

    def hang(*_change: str) -> None:
        hangs.set()
        assert released.wait(WAIT_S)

    there.on_change(hang)
    leaked = signs(here)
    token = Issuer(here, issuer="i", audience="a").issue({"sub": "u", "client_id": "c"})
    verifier = Verifier(there, issuer="i", audience="a")
    assert verifier.verify(token)
    here.rotate(at_once=True)
    assert hangs.wait(WAIT_S)
    try:
        here.retire(leaked)
        began = time.monotonic()
        until(lambda: is_refused(verifier, token))  # it asks for other keys ten times a second
        assert time.monotonic() - began < 5
        assert not released.is_set()
    finally:
        released.set()


def test_a_slow_listener_in_the_process_that_retires_is_called_once_the_key_is_refused(server: Server) -> None:
    """Whoever retires waits for their own listener; nobody else does, and the key is refused from before it is told."""
    with open_ring(server) as ring:
        leaked = signs(ring)
        ring.rotate(at_once=True)
        held = []
        ring.on_change(lambda *_: held.append({entry.kid for entry in ring.entries()}))
        ring.retire(leaked)
        until(lambda: bool(held))
        assert leaked not in held[0]


def test_rotate_and_retire_tell_before_they_return() -> None:
    with KeyRing.in_memory(alg="HS256") as ring:
        told, leaked = listen(ring), signs(ring)
        ring.rotate(at_once=True)
        assert len(told) == 2
        ring.retire(leaked)
        assert told[2:] == [("retire", leaked)]


def test_sessions_whose_on_event_hangs_refuse_a_retired_key_all_the_same(two: tuple[KeyRing, KeyRing]) -> None:
    here, there = two
    hangs, released = threading.Event(), threading.Event()

    def hang(event: object) -> None:
        if type(event).__name__ == "KeysRotated" or "otat" in repr(event):
            hangs.set()
            assert released.wait(WAIT_S)

    policy = SessionPolicy(revocation="none")
    words = {"issuer": "i", "audience": "a", "policy": policy}
    leaked = signs(here)
    with (
        Sessions(MemoryStore(), here, **words) as issuing,
        Sessions(MemoryStore(), there, on_event=hang, **words) as verifying,
    ):
        token = issuing.start("u").access_token
        assert verifying.verify(token).subject == "u"
        here.rotate(at_once=True)
        assert hangs.wait(WAIT_S)
        try:
            here.retire(leaked)
            until(lambda: is_refused(verifying, token))
            assert not released.is_set()
        finally:
            released.set()


def test_closed_sessions_are_told_no_more_of_a_ring_that_goes_on() -> None:
    with KeyRing.in_memory(alg="HS256") as ring:
        told: list[object] = []
        policy = SessionPolicy(revocation="none")
        with Sessions(MemoryStore(), ring, issuer="i", audience="a", policy=policy, on_event=told.append):
            ring.rotate()
        count = len(told)
        assert count
        ring.rotate()
        assert len(told) == count


def test_a_slow_listener_of_a_file_ring_keeps_no_caller_waiting(tmp_path: Path) -> None:
    """A file is read by whoever needs a key: that is not the one who calls listeners."""
    here, there = (KeyRing.open(tmp_path / "ring.json", alg="HS256") for _ in range(2))
    hangs, released = threading.Event(), threading.Event()
    there.on_change(lambda *_: (hangs.set(), released.wait(WAIT_S)))
    kid = here.rotate(at_once=True)
    began = time.monotonic()
    until(lambda: signs(there) == kid)
    assert hangs.wait(WAIT_S)
    assert not released.is_set()
    assert time.monotonic() - began < 5
    released.set()


def test_a_listener_may_change_the_ring(two: tuple[KeyRing, KeyRing]) -> None:
    """One that retires the old key after each rotation, say: no lock is held when it is called."""
    here, there = two
    leaked = signs(here)
    done = threading.Event()

    def retire_it(reason: str, _kid: str) -> None:
        if reason == "rotate" and not done.is_set():
            done.set()
            there.retire(leaked)

    there.on_change(retire_it)
    here.rotate(at_once=True)
    until(lambda: leaked not in {entry.kid for entry in here.entries()})


def test_a_listener_that_fails_stops_nobody_and_shows_nothing(
    two: tuple[KeyRing, KeyRing], caplog: pytest.LogCaptureFixture
) -> None:
    here, there = two

    def fail(_reason: str, _kid: str) -> None:
        raise RuntimeError("hunter2")

    for ring in two:
        ring.on_change(fail)
    told = listen(here), listen(there)
    assert here.rotate()
    until(lambda: all(len(one) == 2 for one in told))
    assert {record.message for record in caplog.records} == {"a listener failed: RuntimeError"}
    assert "hunter2" not in caplog.text
    here.rotate()
    until(lambda: all(len(one) == 4 for one in told))


def test_what_waits_is_bounded_and_nothing_is_told_twice(caplog: pytest.LogCaptureFixture) -> None:
    listeners, released = Listeners(), threading.Event()
    told: list[str] = []

    def slow(_reason: str, kid: str) -> None:
        assert released.wait(WAIT_S)
        told.append(kid)

    listeners.add(slow)
    for number in range(1500):
        listeners.tell_later([("rotate", str(number))])
    released.set()
    until(lambda: listeners._thread is None)
    assert 1000 <= len(told) <= 1001
    assert len(told) == len(set(told))
    assert told[-1] == "1499"


def test_threads_that_tell_at_once_lose_nothing() -> None:
    listeners, told = Listeners(), []
    listeners.add(lambda _reason, kid: told.append(kid))

    def tell(thread: int) -> None:
        for number in range(50):
            listeners.tell_later([("rotate", f"{thread} {number}")])

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    until(lambda: len(told) == 400)
    assert len(set(told)) == 400


# -------------------------------------------------------------------------------------------------- processes

LISTEN = """
import sys, time
from contextlib import closing
from daypass.keyring import KeyRing, master_key_from_env
from daypass.stores.opening import open_store
place = sys.argv[1]
if place.startswith("sqlite:"):
    store = open_store(place)
    ring = KeyRing.from_storage(store.ring_storage(), master_key=master_key_from_env())
else:
    ring = KeyRing.open(place)
ring.on_change(lambda reason, kid: print(reason, kid, flush=True))
print("ready", flush=True)
ends = time.monotonic() + 60
last = sys.argv[2]
while time.monotonic() < ends and last in {entry.kid for entry in ring.entries()}:
    time.sleep(0.02)
time.sleep(0.3)
ring.close()
"""


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_every_process_is_told_once_whoever_changed_the_ring(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = secrets.token_urlsafe(32)
    monkeypatch.setenv("DAYPASS_MASTER_KEY", master)
    from daypass.keyring import master_key_from_env

    url = f"sqlite:///{tmp_path}/x.db"
    with closing(open_store(url)) as store:
        place = store.ring_storage() if kind == "sqlite" else FileStorage(tmp_path / "ring.json")
        keys = master_key_from_env() if kind == "sqlite" else None
        with KeyRing.from_storage(place, master_key=keys, alg="HS256") as ring:
            leaked = signs(ring)
            words = [url if kind == "sqlite" else str(tmp_path / "ring.json"), leaked]
            processes = [
                subprocess.Popen([sys.executable, "-c", LISTEN, *words], stdout=subprocess.PIPE, text=True)
                for _ in range(2)
            ]
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            told = listen(ring)
            ring.rotate(at_once=True)
            ring.retire(leaked)
            for process in processes:
                lines = process.communicate(timeout=60)[0].splitlines()
                assert sorted(lines) == sorted(f"{reason} {kid}" for reason, kid in told)
                assert lines.count(f"retire {leaked}") == 1


def test_the_log_says_no_kid_of_a_change(two: tuple[KeyRing, KeyRing], caplog: pytest.LogCaptureFixture) -> None:
    """Who wants a record listens: by itself the ring logs what is wrong, nothing else."""
    caplog.set_level(logging.DEBUG)
    here, there = two
    kid = here.rotate(at_once=True)
    until(lambda: signs(there) == kid)
    assert [record for record in caplog.records if record.name.startswith("daypass")] == []
