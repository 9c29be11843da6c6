"""The port: where a ring is kept. Enters and leaves: the text of a ring, out of sight of every traceback.

Implemented by ``file``, ``environment`` and ``memory`` here, and by the stores.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager
from typing import NoReturn, Protocol, final

__all__ = ["RingStorage", "RingText"]


@final
class RingText:
    """The JSON of a ring, with every secret in it; shows itself redacted and cannot be pickled.

    Args:
        raw: UTF-8.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def reveal(self) -> bytes:
        """Hand the text out. Give it to no variable of a function that may raise: tracebacks show locals."""
        return self._raw

    def __len__(self) -> int:
        return len(self._raw)

    def __repr__(self) -> str:
        return "<RingText: redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the text of a ring is not pickled: open the ring in each process")


class RingStorage(Protocol):
    """A place that keeps the text of one ring."""

    @property
    def location(self) -> str:
        """Where it is, for messages: an absolute path, the name of a variable."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether asking it may take long, as that of a server does: a ring then asks in a thread of its own."""
        ...

    def version(self) -> Hashable:
        """Say cheaply which text is there: differs whenever ``read`` would answer otherwise. Never raises."""
        ...

    def read(self) -> RingText | None:
        """Read the whole text; None where there is none yet.

        Raises:
            ConfigurationError: the place is not safe to read from.
            StoreUnavailable: it cannot be read now.
        """
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Keep all other writers out, threads and processes, while a change is read, made and written.

        Raises:
            ConfigurationError: the place cannot be changed from here.
            StoreUnavailable: another writer has held the lock for too long.
        """
        ...

    def write(self, text: RingText) -> None:
        """Replace the text in one step: a reader or a crash finds the old or the new one. Under ``lock``.

        Raises:
            ConfigurationError: the place cannot be written to.
            StoreUnavailable: it cannot be written to now; the old text is still there.
        """
        ...
