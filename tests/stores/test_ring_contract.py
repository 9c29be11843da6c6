"""What every store does that keeps a key ring: its text is opaque, one writer at a time, readers see all or nothing."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.errors import StoreUnavailable
from daypass.jose.jwk import JWK
from daypass.keyring.ring import KeyRing
from daypass.keyring.storage import RingStorage, RingText
from daypass.stores.memory import MemoryStore
from daypass.stores.opening import open_store
from tests.stores.conftest import STORES, opened
from tests.stores.test_contract import together

WRITES = 20


@pytest.fixture(params=STORES)
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    yield from opened(request.param, request, tmp_path)


@pytest.fixture
def place(keeper: Any) -> RingStorage:
    found: RingStorage = keeper.ring_storage()
    return found


def text_of(place: RingStorage) -> bytes | None:
    found = place.read()
    return None if found is None else found.reveal()


def put(place: RingStorage, raw: bytes) -> None:
    with place.lock():
        place.write(RingText(raw))


def test_a_new_place_is_empty(place: RingStorage) -> None:
    assert place.read() is None
    assert place.version() == place.version()


def test_what_is_written_is_read_back_byte_by_byte(keeper: Any, place: RingStorage) -> None:
    for raw in (b"{}", b"", bytes(range(256)), b"\0\r\n'\\%s{}", os.urandom(300_000)):
        put(place, raw)
        assert text_of(place) == raw
        assert text_of(keeper.ring_storage()) == raw, "and by whoever else asks"


def test_each_write_has_a_version_of_its_own(place: RingStorage) -> None:
    seen = [place.version()]
    for raw in (b"one", b"two", b"two"):
        put(place, raw)
        assert place.version() not in seen
        assert place.version() == place.version(), "asking changes nothing"
        seen.append(place.version())


def test_under_the_lock_the_own_write_is_read(place: RingStorage) -> None:
    put(place, b"before")
    with place.lock():
        assert text_of(place) == b"before"
        place.write(RingText(b"after"))
        assert text_of(place) == b"after"
        version = place.version()
    assert place.version() == version
    assert text_of(place) == b"after"


def test_who_fails_before_the_write_changes_nothing_and_lets_go(place: RingStorage) -> None:
    put(place, b"kept")
    version = place.version()
    with pytest.raises(LookupError), place.lock():
        raise LookupError
    assert (text_of(place), place.version()) == (b"kept", version)
    put(place, b"next")
    assert text_of(place) == b"next"


def test_a_write_without_the_lock_of_this_thread_is_refused(place: RingStorage) -> None:
    if not place.is_remote:
        return  # memory is written to by its own ring alone
    put(place, b"kept")

    def intrude(_: int) -> object:
        try:
            place.write(RingText(b"stray"))
        except (RuntimeError, StoreUnavailable) as error:
            return type(error)
        return None

    with place.lock():
        assert together(1, intrude) != [None]
    assert intrude(0) is not None
    assert text_of(place) == b"kept"


def test_a_reader_is_not_kept_waiting_by_a_writer(keeper: Any, place: RingStorage) -> None:
    put(place, b"old")
    reader = keeper.ring_storage()
    with place.lock():
        place.write(RingText(b"new"))
        answers = together(2, lambda _: (text_of(reader), reader.version()))
    assert {raw for raw, _ in answers} <= {b"old", b"new"}  # type: ignore[misc]
    assert text_of(reader) == b"new"


def test_of_writers_at_once_none_is_lost(keeper: Any) -> None:
    def add(_: int) -> None:
        mine = keeper.ring_storage()
        for _ in range(WRITES // 4):
            with mine.lock():
                mine.write(RingText(b"%d" % (int(text_of(mine) or b"0") + 1)))

    assert together(4, add) == [None] * 4
    assert text_of(keeper.ring_storage()) == b"%d" % WRITES


def add_in_process(url: str, start: Any) -> None:
    store = open_store(url)
    place = store.ring_storage()
    start.wait(30)
    for _ in range(WRITES // 2):
        with place.lock():
            place.write(RingText(b"%d" % (int(text_of(place) or b"0") + 1)))
    store.close()


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mariadb", "redis"])
def test_of_processes_that_write_at_once_none_is_lost(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/s.db" if name == "sqlite" else request.getfixturevalue(f"{name}_url")
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    processes = [context.Process(target=add_in_process, args=(url, start)) for _ in range(2)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    store = open_store(url)
    assert text_of(store.ring_storage()) == b"%d" % WRITES
    store.close()


def test_only_memory_is_no_remote_place(keeper: Any, place: RingStorage) -> None:
    assert place.is_remote is not isinstance(keeper, MemoryStore)
    assert place.location


def test_no_text_shows_the_ring_or_a_password(keeper: Any, place: RingStorage) -> None:
    put(place, b"plum-coloured")
    shown = repr(place) + str(place) + place.location + repr(place.read()) + repr(keeper)
    assert "plum" not in shown
    assert "a password of the tests" not in shown.replace("%20", " ")


def test_rings_that_are_made_at_once_are_one(keeper: Any) -> None:
    master = JWK.generate("A256GCM")
    ready = threading.Barrier(4)

    def make(_: int) -> frozenset[str]:
        ready.wait()
        with KeyRing.from_storage(keeper.ring_storage(), master_key=master) as ring:
            return frozenset(entry.kid for entry in ring.entries())

    answers = together(4, make)
    assert len(set(answers)) == 1, answers
