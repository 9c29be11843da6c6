import json
import logging
import os
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.jose.jwk import JWK
from daypass.keyring.entry import RingEntry
from daypass.keyring.file import FileStorage
from daypass.keyring.memory import MemoryStorage
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.storage import RingText
from daypass.limits import LEEWAY_S_MAX

T = 1_800_000_000
SCHEDULE = RotationSchedule(publish_s=60, token_lifetime_s_max=1000, session_lifetime_s_max=9000)


class Clock:
    """Seconds that a test sets."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class Watched:
    """A storage that counts how often it is asked."""

    def __init__(self) -> None:
        self.inner = MemoryStorage()
        self.versions = 0
        self.reads = 0
        self.location = "watched"
        self.is_remote = False

    def version(self) -> object:
        self.versions += 1
        return self.inner.version()

    def read(self) -> RingText | None:
        self.reads += 1
        return self.inner.read()

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self.inner.lock():
            yield

    def write(self, text: RingText) -> None:
        self.inner.write(text)


@pytest.fixture
def clock() -> Clock:
    return Clock(T)


@pytest.fixture
def monotonic() -> Clock:
    return Clock(5.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ring.json"


def open_ring(path: Path, clock: Clock, monotonic: Clock, **words) -> KeyRing:
    return KeyRing.from_storage(FileStorage(path), clock=clock, monotonic=monotonic, **words)


def kids(ring: KeyRing) -> list[str | None]:
    return [key.kid for key in ring.verification_keys()]


def refresh_key(ring: KeyRing, kid: str | None = None) -> bytes:
    key = ring.derived_key(kid or ring.derive_kid(), "refresh")
    assert key is not None
    return key


# ------------------------------------------------------------------------------------------------------- open


def test_a_ring_is_made_on_first_use_and_found_again(path: Path) -> None:
    one = KeyRing.open(path)
    other = KeyRing.open(path, alg="ES256")
    assert one.signing_keys()[0].alg == other.signing_keys()[0].alg == "EdDSA"
    assert one.entries() == other.entries()
    assert refresh_key(one) == refresh_key(other)
    assert one.path == path


def test_the_schedule_of_the_first_holds_for_all(path: Path) -> None:
    KeyRing.open(path, schedule=SCHEDULE)
    assert KeyRing.open(path).schedule == SCHEDULE


def test_a_schedule_is_widened_and_never_narrowed(path: Path) -> None:
    first = KeyRing.open(path, schedule=SCHEDULE)
    narrow = RotationSchedule(publish_s=1, token_lifetime_s_max=1, session_lifetime_s_max=1)
    before = path.read_bytes()
    assert KeyRing.open(path, schedule=narrow).schedule == SCHEDULE
    assert path.read_bytes() == before
    wide = RotationSchedule(publish_s=1, token_lifetime_s_max=2000, session_lifetime_s_max=1)
    assert KeyRing.open(path, schedule=wide).schedule == SCHEDULE.widened(wide)
    first.reread()
    assert first.schedule == SCHEDULE.widened(wide)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"keys":[]}', b"hello", b"\0" * 1000])
def test_a_broken_file_is_an_error_and_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=str(path)):
        KeyRing.open(path)
    assert path.read_bytes() == content


def test_a_misspelt_alg_makes_no_ring(path: Path) -> None:
    with pytest.raises(ValueError, match="algorithm"):
        KeyRing.open(path, alg="EDDSA")
    assert not path.exists()


def test_rings_in_memory_share_nothing() -> None:
    assert KeyRing.in_memory().derive_kid() != KeyRing.in_memory().derive_kid()
    assert KeyRing.in_memory(alg="HS256").signing_keys()[0].alg == "HS256"
    assert KeyRing.in_memory().path is None


# ----------------------------------------------------------------------------------------------- a key source


def test_the_clock_moves_a_new_key_on_and_the_epoch_with_it(path: Path, clock: Clock, monotonic: Clock) -> None:
    ring = open_ring(path, clock, monotonic, schedule=SCHEDULE)
    old, old_secret = ring.signing_keys()[0].kid, ring.derive_kid()
    old_refresh_key = refresh_key(ring)
    new = ring.rotate()
    seen = [ring.epoch]
    assert (ring.signing_keys()[0].kid, kids(ring), ring.derive_kid()) == (old, [old, new], old_secret)

    clock.now_s = T + 60
    seen.append(ring.epoch)
    assert (ring.signing_keys()[0].kid, kids(ring)) == (new, [old, new])
    assert ring.derive_kid() != old_secret
    assert refresh_key(ring, old_secret) == old_refresh_key != refresh_key(ring)

    clock.now_s = T + 60 + 1000 + LEEWAY_S_MAX
    seen.append(ring.epoch)
    assert kids(ring) == [new]
    assert refresh_key(ring, old_secret) == old_refresh_key

    clock.now_s = T + 60 + 9000 + LEEWAY_S_MAX
    seen.append(ring.epoch)
    assert ring.derived_key(old_secret, "refresh") is None
    assert len(set(seen)) == 4
    assert ring.epoch == seen[-1]


def test_a_clock_stepped_back_moves_back_and_never_leaves_a_ring_without_key(
    path: Path, clock: Clock, monotonic: Clock
) -> None:
    ring = open_ring(path, clock, monotonic, schedule=SCHEDULE)
    old, new = ring.signing_keys()[0].kid, ring.rotate()
    clock.now_s = T + 100
    assert ring.signing_keys()[0].kid == new
    epoch = ring.epoch
    for now_s in (T, T - 10**6, 0, -5):
        clock.now_s = now_s
        assert ring.signing_keys()[0].kid == old
        assert set(kids(ring)) == {old, new}
    assert ring.epoch != epoch


def test_a_retired_key_does_not_come_back_with_the_clock(clock: Clock) -> None:
    ring = KeyRing.in_memory(clock=clock)
    old, old_secret = ring.signing_keys()[0].kid, ring.derive_kid()
    assert old is not None
    new = ring.rotate(at_once=True)
    ring.retire(old)
    ring.retire(old_secret)
    clock.now_s = T - 1000
    assert kids(ring) == [new]
    assert ring.signing_keys()[0].kid == new
    assert ring.derived_key(old_secret, "refresh") is None


@pytest.mark.parametrize("now_s", [-100, 253_402_300_800 - 1])
def test_a_clock_that_is_far_off_cannot_make_a_ring_unreadable(path: Path, clock: Clock, now_s: int) -> None:
    ring = KeyRing.open(path, clock=clock)
    before = path.read_bytes()
    clock.now_s = now_s
    with pytest.raises(ConfigurationError, match="no time"):
        ring.rotate()
    assert path.read_bytes() == before


def test_at_once_signs_at_once(clock: Clock) -> None:
    ring = KeyRing.in_memory(clock=clock)
    new = ring.rotate(at_once=True)
    assert ring.signing_keys()[0].kid == new


def test_a_rotation_may_change_the_algorithm_and_the_next_one_keeps_it(clock: Clock) -> None:
    ring = KeyRing.in_memory(clock=clock)
    ring.rotate(alg="ES256")
    ring.rotate(at_once=True)
    assert [key.alg for key in ring.verification_keys()] == ["EdDSA", "ES256", "ES256"]
    with pytest.raises(ValueError, match="algorithm"):
        ring.rotate(alg="none")


def test_the_newest_key_and_a_strange_one_are_not_retired() -> None:
    ring = KeyRing.in_memory()
    for kid in (ring.signing_keys()[0].kid or "", ring.derive_kid(), "strange", ""):
        with pytest.raises(ConfigurationError):
            ring.retire(kid)


@pytest.mark.parametrize("kid", ["", "x", "../../dev/null", "\0", "x" * 100_000, "' UNION SELECT"])
def test_a_strange_kid_derives_nothing(kid: str) -> None:
    assert KeyRing.in_memory().derived_key(kid, "refresh") is None


def test_each_purpose_has_its_own_key() -> None:
    ring = KeyRing.in_memory()
    assert ring.derived_key(ring.derive_kid(), "a") != ring.derived_key(ring.derive_kid(), "b")


# ----------------------------------------------------------------------------------------------------- public


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "RS256"])
def test_the_public_set_holds_no_private_part(alg: str, clock: Clock) -> None:
    ring = KeyRing.in_memory(alg=alg, clock=clock)
    ring.rotate()
    published = ring.public().to_dict()["keys"]
    assert [key["kid"] for key in published] == kids(ring)
    assert all(set(key) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"} for key in published)
    assert not any(key.is_private for key in ring.public())


def test_a_symmetric_key_is_never_published(clock: Clock) -> None:
    ring = KeyRing.in_memory(alg="HS256", clock=clock)
    assert ring.public().to_dict(private=True) == {"keys": []}
    new = ring.rotate(alg="ES256")
    ring.rotate(alg="HS512")
    assert [key["kid"] for key in ring.public().to_dict(private=True)["keys"]] == [new]


# ------------------------------------------------------------------------------------------------------ follow


def test_another_process_is_followed_within_a_second(path: Path, clock: Clock, monotonic: Clock) -> None:
    ring = open_ring(path, clock, monotonic)
    epoch = ring.epoch
    new = KeyRing.open(path, clock=clock).rotate(at_once=True)
    assert ring.epoch == epoch
    monotonic.now_s += 1.0
    assert ring.epoch != epoch
    assert ring.signing_keys()[0].kid == new


def test_whoever_asks_for_a_key_looks_too(path: Path, clock: Clock, monotonic: Clock) -> None:
    ring = open_ring(path, clock, monotonic)
    monotonic.now_s += 1.0
    new = KeyRing.open(path, clock=clock).rotate(at_once=True)
    assert ring.signing_keys()[0].kid == new


def test_an_unknown_kid_rereads_at_once_and_at_most_ten_times_a_second(clock: Clock, monotonic: Clock) -> None:
    storage = Watched()
    ring = KeyRing.from_storage(storage, clock=clock, monotonic=monotonic)
    _ = ring.epoch
    monotonic.now_s += 0.2
    before = storage.versions
    for tick in range(1000):
        monotonic.now_s = 6.0 + tick / 1000
        ring.reread()
        assert ring.derived_key(f"strange {tick}", "refresh") is None
    assert 8 <= storage.versions - before <= 11
    new = KeyRing.from_storage(storage, clock=clock).rotate(at_once=True)
    monotonic.now_s += 0.1
    ring.reread()
    assert ring.signing_keys()[0].kid == new


def test_a_look_of_its_own_does_not_delay_the_look_for_an_unknown_kid(
    path: Path, clock: Clock, monotonic: Clock
) -> None:
    ring = open_ring(path, clock, monotonic)
    monotonic.now_s += 1.0
    _ = ring.epoch
    new = KeyRing.open(path, clock=clock).rotate(at_once=True)
    ring.reread()
    assert ring.signing_keys()[0].kid == new


def test_an_unknown_secret_rereads_at_once(clock: Clock, monotonic: Clock) -> None:
    storage = Watched()
    ring = KeyRing.from_storage(storage, clock=clock, monotonic=monotonic)
    other = KeyRing.from_storage(storage, clock=clock)
    _ = ring.epoch
    other.rotate(at_once=True)
    monotonic.now_s += 0.1
    assert ring.derived_key(other.derive_kid(), "refresh") == refresh_key(other)


def test_while_nothing_changes_nothing_is_read(clock: Clock, monotonic: Clock) -> None:
    storage = Watched()
    ring = KeyRing.from_storage(storage, clock=clock, monotonic=monotonic)
    reads, epoch = storage.reads, ring.epoch
    for _ in range(50):
        monotonic.now_s += 0.5
        assert ring.epoch == epoch
    assert storage.reads == reads
    assert storage.versions <= 30


def spoil_mode(path: Path) -> None:
    path.chmod(0o644)


def spoil_text(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def spoil_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def spoil_empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil_kids(path: Path) -> None:
    document = json.loads(path.read_bytes())
    document["keys"] += document["keys"]
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("spoil", [Path.unlink, spoil_mode, spoil_text, spoil_link, spoil_empty, spoil_kids])
def test_a_file_that_goes_bad_changes_nothing_until_it_is_good_again(
    path: Path, clock: Clock, monotonic: Clock, spoil, caplog: pytest.LogCaptureFixture
) -> None:
    ring = open_ring(path, clock, monotonic, schedule=SCHEDULE)
    good, epoch, key = path.read_bytes(), ring.epoch, ring.signing_keys()[0]
    spoil(path)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            monotonic.now_s += 1.0
            ring.reread()
            assert (ring.epoch, ring.signing_keys()[0]) == (epoch, key)
    assert [record.name for record in caplog.records] == ["daypass.keyring"]
    assert str(path) in caplog.text
    assert "ALARM" in ring.describe()
    with pytest.raises(ConfigurationError, match=str(path)):
        ring.rotate()
    assert ring.signing_keys()[0] is key

    path.unlink(missing_ok=True)
    path.write_bytes(good)
    path.chmod(0o600)
    monotonic.now_s += 1.0
    assert ring.signing_keys()[0].kid == key.kid
    assert "ALARM" not in ring.describe()
    assert ring.rotate() in kids(ring)


def test_an_alarm_ends_when_the_very_same_text_is_back(
    clock: Clock, monotonic: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Watched()
    ring = KeyRing.from_storage(storage, clock=clock, monotonic=monotonic)
    monkeypatch.setattr(storage, "version", lambda: None)
    monkeypatch.setattr(storage, "read", lambda: None)
    monotonic.now_s += 1.0
    ring.reread()
    assert "ALARM" in ring.describe()
    monkeypatch.undo()
    monotonic.now_s += 1.0
    ring.reread()
    assert "ALARM" not in ring.describe()


def test_a_ring_that_is_gone_is_not_made_anew_by_a_rotation(path: Path, clock: Clock, monotonic: Clock) -> None:
    ring = open_ring(path, clock, monotonic)
    path.unlink()
    with pytest.raises(ConfigurationError, match="gone"):
        ring.rotate()
    assert not path.exists()


def test_another_process_may_make_the_ring_first(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Watched()
    answers = iter([None])
    real = storage.read
    monkeypatch.setattr(storage, "read", lambda: next(answers, real()))
    other = KeyRing.from_storage(storage.inner)
    assert KeyRing.from_storage(storage).entries() == other.entries()


def test_a_ring_put_in_its_place_is_taken_whole(path: Path, clock: Clock, monotonic: Clock) -> None:
    ring = open_ring(path, clock, monotonic)
    old = ring.derive_kid()
    other = KeyRing.open(path.with_name("other.json"), clock=clock)
    path.with_name("other.json").rename(path)
    monotonic.now_s += 1.0
    assert kids(ring) == kids(other)
    assert ring.derived_key(old, "refresh") is None


def test_a_write_that_fails_leaves_the_ring_as_it_was(
    path: Path, clock: Clock, monotonic: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = open_ring(path, clock, monotonic)
    before, entries = path.read_bytes(), ring.entries()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreUnavailable, match="No space left on device"):
        ring.rotate()
    assert (path.read_bytes(), ring.entries()) == (before, entries)


# ----------------------------------------------------------------------------------------- threads and processes


def test_threads_that_rotate_and_ask_lose_nothing(path: Path) -> None:
    ring = KeyRing.open(path)
    made: list[str] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                made.append(ring.rotate(at_once=True))
                assert ring.signing_keys()[0].kid in kids(ring)
                assert ring.derived_key(ring.derive_kid(), "refresh")
        except BaseException as error:  # noqa: BLE001 - it is raised again below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(made) == 30
    assert len(set(made)) >= 5  # those that asked at once share one
    assert set(made) < {entry.kid for entry in ring.entries()}
    assert ring.entries() == KeyRing.open(path).entries()


@contextmanager
def held_elsewhere(ring: KeyRing) -> Iterator[threading.Thread]:
    """Hold the lock of a ring in another thread."""
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with ring._reading():
            held.set()
            free.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    try:
        yield thread
    finally:
        free.set()
        thread.join()


def test_while_one_thread_reads_the_file_the_others_go_on(clock: Clock, monotonic: Clock) -> None:
    ring = KeyRing.from_storage(MemoryStorage(), clock=clock, monotonic=monotonic)
    with held_elsewhere(ring) as thread:
        monotonic.now_s += 1.0
        assert ring.signing_keys()[0] is not None
        assert thread.is_alive()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_forked_while_the_lock_is_held_is_not_stuck(clock: Clock) -> None:
    ring = KeyRing.in_memory(clock=clock)
    with held_elsewhere(ring):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                ring.reread()
                clock.now_s += 10**7
                status = 0 if ring.epoch else 1
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0


def test_a_log_handler_may_ask_the_ring(path: Path, clock: Clock, monotonic: Clock) -> None:
    ring = open_ring(path, clock, monotonic)
    asked = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            ring.reread()
            asked.append(ring.signing_keys()[0])

    handler = Handler()
    logging.getLogger("daypass.keyring").addHandler(handler)
    try:
        path.unlink()
        monotonic.now_s += 1.0
        assert asked == [ring.signing_keys()[0]]
    finally:
        logging.getLogger("daypass.keyring").removeHandler(handler)


# -------------------------------------------------------------------------------------------------------- show


def test_the_description_says_where_what_and_when(path: Path, clock: Clock, monotonic: Clock) -> None:
    ring = open_ring(path, clock, monotonic, schedule=SCHEDULE)
    new = ring.rotate()
    text = ring.describe()
    assert str(path) in text
    assert f"EdDSA {new}: next, signs from 2027-01-15 08:01:00 UTC" in text
    assert "whoever has a copy" in text
    clock.now_s += 10**7
    assert "removed, is refused" in ring.describe()
    assert "retiring" not in ring.describe()


def test_entries_show_times_and_nothing_else(clock: Clock) -> None:
    entries = KeyRing.in_memory(clock=clock).entries()
    assert [type(entry) for entry in entries] == [RingEntry, RingEntry]
    assert [(entry.purpose, entry.alg, entry.sign_from) for entry in entries] == [
        ("sign", "EdDSA", T),
        ("derive", "HKDF-SHA256", T),
    ]


def test_a_ring_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="open it in each process"):
        pickle.dumps(KeyRing.in_memory())


def test_verification_keys_are_public_halves() -> None:
    ring = KeyRing.in_memory(alg="ES256")
    assert [key.is_private for key in ring.verification_keys()] == [False]
    assert isinstance(ring.signing_keys()[0], JWK)
    assert ring.signing_keys()[0].is_private
