"""A place on a server, as the port shows it to a ring, that a test can hold up, take away and overwrite."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from daypass.errors import StoreUnavailable
from daypass.keyring.storage import RingText

WAIT_S = 10
"""How long, at most, a test waits for a thread, in seconds."""


class Server:
    """Keeps what it is given, and remembers which threads asked."""

    def __init__(self) -> None:
        self.text: bytes | None = None
        self.is_remote = True
        self.location = "a server"
        self.askers: list[str] = []
        self.answers = threading.Event()
        """Cleared: it hangs."""
        self.answers.set()
        self.is_hanging = threading.Event()
        """Set once somebody has waited for it."""
        self.fault: Exception | None = None
        self.writes = 0
        self._lock = threading.Lock()

    def _ask(self) -> None:
        self.askers.append(threading.current_thread().name)
        if not self.answers.is_set():
            self.is_hanging.set()
            assert self.answers.wait(WAIT_S)
        if self.fault is not None:
            raise self.fault

    def version(self) -> Hashable:
        try:
            self._ask()
        except StoreUnavailable:
            return "unavailable"
        return self.text, self.writes

    def read(self) -> RingText | None:
        self._ask()
        return None if self.text is None else RingText(self.text)

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._lock:
            yield

    def write(self, text: RingText) -> None:
        self._ask()
        self.put(text.reveal())

    def put(self, text: bytes | None) -> None:
        """Overwrite, as an administrator does."""
        self.text = text
        self.writes += 1


def until(holds: Callable[[], bool]) -> None:
    """Wait for another thread or process."""
    for _ in range(int(WAIT_S / 0.005)):
        if holds():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came to hold")
