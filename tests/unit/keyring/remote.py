"""A place that is a server as far as a ring can tell: it may hang, be away, answer with anything."""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from daypass.errors import StoreUnavailable
from daypass.keyring.memory import MemoryStorage
from daypass.keyring.storage import RingText


class Remote:
    """Keep a ring as ``MemoryStorage`` does, behind a wire."""

    location = "far away"
    is_remote = True

    def __init__(self) -> None:
        self.place = MemoryStorage()
        self.answers = threading.Event()
        self.answers.set()
        self.is_away = False
        self.asked = 0
        self.is_closed = False

    def text(self) -> bytes:
        """What stands there, as whoever reads the server sees it."""
        found = self.place.read()
        assert found is not None
        return found.reveal()

    def put(self, raw: bytes) -> None:
        """Write there as whoever can write to the server."""
        self.place.write(RingText(raw))

    def forget(self) -> None:
        """Lose it, as FLUSHALL does."""
        self.place = MemoryStorage()

    def _wire(self) -> None:
        assert not self.is_closed, "asked after it was closed"
        self.asked += 1
        assert self.answers.wait(60)
        if self.is_away:
            raise StoreUnavailable("no answer")

    def version(self) -> Hashable:
        try:
            self._wire()
        except StoreUnavailable:
            return "away"
        return self.place.version()

    def read(self) -> RingText | None:
        self._wire()
        return self.place.read()

    @contextmanager
    def lock(self) -> Iterator[None]:
        self._wire()
        with self.place.lock():
            yield

    def write(self, text: RingText) -> None:
        self._wire()
        self.place.write(text)
