"""Sessions with a clock that stands still until a test moves it."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from daypass.errors import StoreUnavailable
from daypass.keyring.ring import KeyRing
from daypass.sessions import SessionPolicy, Sessions
from daypass.stores.memory import MemoryStore
from daypass.stores.opening import open_store
from daypass.stores.protocol import SessionStore

NOW = 1_800_000_000.25


class Clock:
    """Wall clock and monotonic clock of a test."""

    def __init__(self) -> None:
        self.now_s = NOW
        self.monotonic_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def monotonic(self) -> float:
        return self.monotonic_s

    def pass_s(self, seconds: float) -> None:
        """Let both go on."""
        self.now_s += seconds
        self.monotonic_s += seconds

    def step_s(self, seconds: float) -> None:
        """Set the wall clock, as an administrator does."""
        self.now_s += seconds


class WatchedStore:
    """Counts the calls to a store, can be down, and can run something before a call."""

    def __init__(self, store: SessionStore) -> None:
        self.store = store
        self.calls: Counter[str] = Counter()
        self.is_down = False
        self.before: dict[str, Callable[[], object]] = {}

    def __getattr__(self, name: str) -> object:
        method = getattr(self.store, name)

        def call(*values: object, **words: object) -> object:
            self.calls[name] += 1
            if self.is_down:
                raise StoreUnavailable("down")
            if act := self.before.pop(name, None):
                act()
            return method(*values, **words)

        return call


class House:
    """A store, a ring and a clock that several processes' Sessions share."""

    def __init__(self, store: SessionStore, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.store = WatchedStore(store)
        self.ring = KeyRing.in_memory(alg="HS256", clock=self.clock)
        self.opened: list[Sessions] = []

    def sessions(self, *, authorize: object = None, on_event: object = None, **words: object) -> Sessions:
        """Open sessions, as one process of several does."""
        opened = Sessions(
            self.store,
            self.ring,
            issuer="https://id.example",
            audience="https://api.example",
            policy=SessionPolicy(**words),
            authorize=authorize,
            on_event=on_event,
            clock=self.clock,
            monotonic=self.clock.monotonic,
        )
        self.opened.append(opened)
        return opened


def put_back(house: House, sid: str) -> None:
    """Make a session live again, as the copy of yesterday has it."""
    store = house.store.store
    row = store.get(sid)
    if isinstance(store, MemoryStore):
        store._rows[sid] = msgspec.structs.replace(row, ended_at=None)
    else:
        with contextlib.closing(sqlite3.connect(house.folder / "sessions.db")) as database, database:
            database.execute("update daypass_sessions set ended_at = null, denied_until = null")
    assert house.store.store.get(sid).is_live(house.clock())


@pytest.fixture(params=["memory", "sqlite"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    store = MemoryStore() if request.param == "memory" else open_store(f"sqlite:///{tmp_path}/sessions.db")
    built = House(store, tmp_path)
    yield built
    for sessions in built.opened:
        sessions.close()
    store.close()


@pytest.fixture
def clock(house: House) -> Clock:
    return house.clock


@pytest.fixture
def sessions(house: House) -> Sessions:
    return house.sessions()
