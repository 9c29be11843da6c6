"""A ring that lives and dies with its process. Enters and leaves: the text of a ring."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import NoReturn, final

from daypass.keyring.storage import RingText

__all__ = ["MemoryStorage"]


@final
class MemoryStorage:
    """Keep a ring in memory: for tests, and for a service whose sessions may end with it."""

    __slots__ = ("_lock", "_text")

    location = "memory"
    is_remote = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text: RingText | None = None

    def version(self) -> Hashable:
        """Name the text by itself: each write brings a new object."""
        return self._text

    def read(self) -> RingText | None:
        """Hand out the text of the last write."""
        return self._text

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other threads out."""
        with self._lock:
            yield

    def write(self, text: RingText) -> None:
        """Replace the text."""
        self._text = text

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ring in memory is not pickled: it belongs to its process")
