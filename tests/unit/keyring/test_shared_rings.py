"""A ring that real processes share, in a file or a store: who makes a key, who learns of it, who dies in between."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.keyring import master_key_from_env
from daypass.keyring.file import FileStorage
from daypass.keyring.ring import KeyRing
from daypass.keyring.storage import RingText
from daypass.keyring.wrapped import WRAPPED_BYTES_MAX
from daypass.limits import RING_BYTES_MAX
from daypass.stores.opening import open_store
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.real_servers.redis import Redis
from tests.unit.keyring.places import until

WAIT_S = 60
COMMON = """
import os, sys, time
from contextlib import contextmanager
from daypass.errors import TokenError
from daypass.keyring import KeyRing, master_key_from_env
from daypass.keyring.file import FileStorage
from daypass.stores.opening import open_store
from daypass.tokens.verifier import Verifier

place = sys.argv[1]

class Telling:
    "Says when it is about to wait for the lock."

    def __init__(self, inner):
        self.inner, self.location, self.is_remote = inner, inner.location, inner.is_remote
        self.version, self.read, self.write = inner.version, inner.read, inner.write

    @contextmanager
    def lock(self):
        print("asks", flush=True)
        with self.inner.lock():
            print("holds", flush=True)
            yield

is_file = place.endswith(".json")
store = None if is_file else open_store(place)
storage = Telling(FileStorage(place) if is_file else store.ring_storage())
ring = KeyRing.from_storage(storage, master_key=None if is_file else master_key_from_env(), may_create=False)
"""
ROTATE = """
print("ready", flush=True)
words = {"at_once": sys.argv[2] == "at once"}
if sys.argv[3]:
    words["alg"] = sys.argv[3]
sys.stdin.readline()
print(ring.rotate(**words), flush=True)
"""
HOLD = """
with storage.lock():
    time.sleep(60)
"""
VERIFY = """
verifier = Verifier(ring, issuer="i", audience="a")
verifier.verify(sys.argv[2])
print("ready", flush=True)
ends = time.monotonic() + 50
while time.monotonic() < ends:
    try:
        verifier.verify(sys.argv[2])
    except TokenError as error:
        print(time.monotonic(), type(error).__name__, flush=True)
        break
    time.sleep(0.01)
"""


@contextmanager
def running(program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMON + program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


@pytest.fixture(params=["file", "sqlite", "postgresql", "mariadb", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DAYPASS_MASTER_KEY", secrets.token_urlsafe(32))
    if request.param == "file":
        return str(tmp_path / "ring.json")
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/x.db"
    return str(request.getfixturevalue(f"{request.param}_url"))


@contextmanager
def ring_at(place: str) -> Iterator[tuple[KeyRing, object]]:
    if place.endswith(".json"):
        storage = FileStorage(place)
        yield KeyRing.from_storage(storage), storage
        return
    store = open_store(place)
    storage = store.ring_storage()
    try:
        with KeyRing.from_storage(storage, master_key=master_key_from_env()) as ring:
            yield ring, storage
    finally:
        store.close()


def fresh_entries(place: str) -> tuple:
    with ring_at(place) as (ring, _):
        return ring.entries()


@pytest.mark.parametrize("how", ["later", "at once"])
@pytest.mark.parametrize("alg", ["", "v4.public"])
def test_processes_that_rotate_at_once_make_one_key(place: str, how: str, alg: str) -> None:
    """Two administrators, or a cron job on each node: all ask while another one holds the ring."""
    with ring_at(place) as (ring, storage):
        before = {entry.kid for entry in ring.entries()}
        with running(ROTATE, place, how, alg) as one, running(ROTATE, place, how, alg) as two:
            both = (one, two)
            for process in both:
                assert heard(process) == "ready"
            with storage.lock():
                for process in both:
                    say(process, "go")
                for process in both:
                    assert heard(process) == "asks"
            answers = set()
            for process in both:
                assert heard(process) == "holds"
                answers.add(heard(process))
                process.communicate(timeout=WAIT_S)
                assert process.returncode == 0
    made = [entry for entry in fresh_entries(place) if entry.kid not in before]
    assert len(answers) == 1
    assert sorted(entry.purpose for entry in made) == ["derive", "sign"]
    assert {entry.kid for entry in made if entry.purpose == "sign"} == answers


def test_who_asks_after_another_rotation_was_done_makes_a_key_of_their_own(place: str) -> None:
    with ring_at(place) as (ring, _), running(ROTATE, place, "at once", "") as process:
        assert heard(process) == "ready"
        mine = ring.rotate(at_once=True)
        say(process, "go")
        assert [heard(process) for _ in range(2)] == ["asks", "holds"]
        theirs = heard(process)
    assert theirs != mine
    kids = [entry.kid for entry in fresh_entries(place) if entry.purpose == "sign"]
    assert kids[-2:] == [mine, theirs]


def test_a_retired_key_is_refused_by_all_processes_within_the_delay_that_describe_states(place: str) -> None:
    with ring_at(place) as (ring, _):
        assert "by others within about 2 s" in ring.describe()
        leaked = str(ring.signing_keys()[0].kid)
        token = Issuer(ring, issuer="i", audience="a").issue({"sub": "u", "client_id": "c"})
        with running(VERIFY, place, token) as one, running(VERIFY, place, token) as two:
            for process in (one, two):
                assert heard(process) == "ready"
            ring.rotate(at_once=True)
            began = time.monotonic()  # the same clock in every process of a machine
            ring.retire(leaked)
            for process in (one, two):
                refused_at, how = heard(process).split()
                assert how in {"UnknownKey", "InvalidSignature"}
                assert float(refused_at) - began < 2 + 3  # a slow machine may take its time


def test_a_process_that_is_killed_while_it_holds_the_ring_keeps_nobody_from_rotating(place: str) -> None:
    with ring_at(place) as (ring, _):
        before = ring.entries()
        with running(HOLD, place) as process:
            assert [heard(process) for _ in range(2)] == ["asks", "holds"]
            os.kill(process.pid, signal.SIGKILL)
            process.wait(WAIT_S)
            kid = ring.rotate(at_once=True)
        assert str(ring.signing_keys()[0].kid) == kid
        assert {entry.kid for entry in before} < {entry.kid for entry in ring.entries()}
    assert kid in {entry.kid for entry in fresh_entries(place)}


def test_a_change_that_fails_leaves_the_ring_and_its_lock_as_they_were(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ring_at(place) as (ring, _):
        before = ring.entries()

        def fail(_alg: str) -> None:
            raise MemoryError

        with monkeypatch.context() as patched:
            patched.setattr("daypass.keyring.changing.generate_key", fail)
            with pytest.raises(MemoryError):
                ring.rotate()
        assert ring.entries() == before == fresh_entries(place)
        assert ring.rotate() in {entry.kid for entry in fresh_entries(place)}


def test_the_largest_ring_is_kept_whole(place: str) -> None:
    """A column or a packet that is too small would cut it off, and every login would end."""
    with ring_at(place) as (_, storage):
        text = secrets.token_bytes(WRAPPED_BYTES_MAX // 2).hex().encode()
        if place.endswith(".json"):
            text = text[:RING_BYTES_MAX]
        version = storage.version()
        with storage.lock():
            storage.write(RingText(text))
        assert storage.read().reveal() == text
        assert storage.version() != version


def test_a_ring_of_many_keys_of_every_kind_is_followed(place: str) -> None:
    with ring_at(place) as (ring, _):
        for alg in ("v4.public", "v4.local", "v3.local", "A256GCM", "ES256"):
            ring.rotate(alg=alg)
        for _ in range(40):
            ring.rotate(at_once=True)
        entries = ring.entries()
    assert len(entries) > 200
    assert fresh_entries(place) == entries


# --------------------------------------------------------------------------------------------- a server that fails


def test_a_server_that_hangs_holds_up_no_verification_and_a_retirement_fails_loudly(
    redis_server: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever retires a key and gets no error may believe it: so there is one, and the key is still accepted."""
    monkeypatch.setenv("DAYPASS_MASTER_KEY", secrets.token_urlsafe(32))
    with ring_at(redis_url) as (ring, _):
        kid = str(ring.signing_keys()[0].kid)
        verifier = Verifier(ring, issuer="i", audience="a")
        token = Issuer(ring, issuer="i", audience="a").issue({"sub": "u", "client_id": "c"})
        ring.rotate(at_once=True)
        ring._follower.ensure()
        until(ring._follower.has_looked)  # before it has, the first to ask wait for a second at most
        redis_server.pause()
        try:
            ends = time.monotonic() + 3  # several looks of the thread begin meanwhile
            slowest_s = 0.0
            while time.monotonic() < ends:
                began = time.monotonic()
                verifier.verify(token)
                slowest_s = max(slowest_s, time.monotonic() - began)
                time.sleep(0.01)
            assert slowest_s < 1
            with pytest.raises(StoreUnavailable):
                ring.retire(kid)
            verifier.verify(token)
        finally:
            redis_server.resume()
        ring.retire(kid)
        assert kid not in {entry.kid for entry in ring.entries()}


def test_a_ring_that_was_flushed_goes_on_where_it_runs_and_is_put_back_from_there(
    redis_server: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAYPASS_MASTER_KEY", secrets.token_urlsafe(32))
    with ring_at(redis_url) as (ring, storage):
        before = ring.entries()
        redis_server.flush()
        ring.reread()
        assert ring.entries() == before
        assert "gone" in ring.describe()
        with pytest.raises(ConfigurationError, match="gone"):
            ring.rotate()
        ring.copy_to(storage, master_key=master_key_from_env())
        assert fresh_entries(redis_url) == before
        ring.rotate()
