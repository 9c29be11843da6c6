"""Following the text of a ring. Enters: a place. Leaves: the view of this moment, and what changed.

Everything a ring answers comes from one immutable view of its content at a time. A new view is made when the wall clock
passes a time of an entry (in either direction), and when the place says that its text has changed. A file is asked by
whoever needs a key, once a second; a server by a thread of the ring, so that no caller waits for a dead one: but those
who ask before it has looked once, for a second at most.
Source: DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Hashable
from functools import partial
from typing import Final

from daypass.errors import ConfigurationError, DaypassError
from daypass.keyring.changes import Change, Listeners, changes_between
from daypass.keyring.content import RingContent, parse_ring
from daypass.keyring.follower import Follower
from daypass.keyring.storage import RingStorage
from daypass.keyring.view import View, look_at

__all__ = ["POLL_S", "SILENT_S", "UNKNOWN", "RingReader", "read_ring"]

POLL_S: Final = 1.0
"""How often, at most, a ring asks its place whether the text has changed, in seconds."""
REREAD_S: Final = 0.1
"""How often, at most, an unknown kid makes it ask, in seconds."""
WAIT_S: Final = 0.25
"""How long, at most, an unknown kid waits for a server to answer, in seconds."""
FIRST_WAIT_S: Final = 1.0
"""How long, at most, those who ask first wait for what was missed before the thread ran, in seconds: in a forked child,
and in a process that was idle since it opened the ring."""
SILENT_S: Final = 10.0
"""After how many seconds without an answer of the place ``describe`` says so."""
UNKNOWN: Final[Hashable] = object()
"""In the place of a version: the next look reads the text, whichever it is."""
_logger: Final = logging.getLogger("daypass.keyring")


class RingReader:
    """What a ring knows of its place.

    Args:
        storage: where the ring is kept; one is there.
        clock: epoch seconds.
        monotonic: seconds that never go back, for the bounds on reading.

    Raises:
        ConfigurationError: no whole ring is there.
        WeakKey: it holds a secret that is too short or can be guessed.
        StoreUnavailable: it cannot be read now.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_fault",
        "_follower",
        "_generation",
        "_guarded_by",
        "_guards",
        "_listeners",
        "_monotonic",
        "_poll_at",
        "_read_at",
        "_reread_at",
        "_storage",
        "_version",
        "_view",
    )

    def __init__(self, storage: RingStorage, *, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._storage = storage
        self._clock = clock
        self._monotonic = monotonic
        # Reentrant: a log handler or a signal handler may ask the ring while it reads.
        self._guards = threading.RLock(), threading.RLock()
        self._guarded_by = os.getpid()
        self._fault = ""
        self._generation = 0
        self._listeners = Listeners()
        self._follower: Follower[RingReader] | None = None
        self._read_at = self._reread_at = monotonic()
        self._poll_at = self._read_at + POLL_S  # a parent that opens a ring and forks has no thread yet
        self._version: Hashable = storage.version()
        self._view = look_at(read_ring(storage), clock(), epoch=1)
        if storage.is_remote:
            self._follow()

    # ------------------------------------------------------------------------------------------------ now

    def _now(self) -> View:
        """Find the view of this moment."""
        if self._monotonic() >= self._poll_at:
            self._poll()
        if not self._view.holds(self._clock()):
            with self._viewing():
                if not self._view.holds(now_s := self._clock()):
                    self._view = look_at(self._view.content, now_s, epoch=self._view.epoch + 1)
        return self._view

    def _poll(self) -> None:
        """See that somebody looks: the thread, or this caller. While one caller reads, the others go on."""
        follower = self._follower
        is_late = self._monotonic() - self._read_at > POLL_S
        if follower is not None:
            follower.ensure()
            if is_late and not follower.has_looked():
                follower.ask(FIRST_WAIT_S)  # not the one alone who started it: what was read before may be old
        if self._storage.is_remote:
            self._poll_at = self._monotonic() + POLL_S
        elif (reading := self._reading()).acquire(blocking=False):
            try:
                changes, fault = self._reload()
            finally:
                reading.release()
            self._announce(changes, fault)

    def reread(self) -> None:
        """Look now whether the ring has changed, because somebody named a key that it does not hold.

        At most ten times a second; in between it does nothing, but waits for a look that is under way. Where the ring
        is on a server it waits a moment, no longer. It never raises: a ring that cannot be read any more keeps what it
        has, and ``describe`` says so.
        """
        follower, is_remote = self._follower, self._storage.is_remote
        if follower is not None and is_remote:
            with self._viewing():
                if is_due := self._monotonic() >= self._reread_at:
                    self._reread_at = self._monotonic() + REREAD_S
            follower.ask(WAIT_S, is_due=is_due)
        elif (reading := self._reading()).acquire(timeout=WAIT_S):
            try:
                if self._monotonic() < self._reread_at:
                    return
                self._reread_at = self._monotonic() + REREAD_S
                changes, fault = self._reload()
            finally:
                reading.release()
            self._announce(changes, fault)

    # ------------------------------------------------------------------------------------------------ read

    def _reload(self) -> tuple[list[Change], str]:
        """Read the text again if it has changed; where that fails, keep what is there. Under ``_reading``.

        Returns:
            What is to be announced: the new view stands already, whoever listens may take their time.
        """
        if not self._storage.is_remote:  # else callers would believe that the thread has looked, while it looks
            self._poll_at = self._monotonic() + POLL_S
        generation = self._generation
        try:
            version = self._storage.version()
            if version == self._version and not self._fault:
                self._read_at = self._monotonic()
                return [], ""
            content = read_ring(self._storage)
            self._refuse_older(content)
        except DaypassError as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 - a driver's surprise must not end the thread, nor show what it holds
            fault = f"{self._storage.location}: the key ring cannot be read: {type(error).__name__}"
        else:
            self._fault = ""
            self._read_at = self._monotonic()
            return self._take(content, version, generation), ""
        is_news = fault != self._fault
        self._fault = fault
        return [], fault if is_news else ""

    def _take(self, content: RingContent, version: Hashable, generation: int) -> list[Change]:
        """Look at another content from now on. What was read before a change of our own is dropped."""
        with self._viewing():
            if generation != self._generation:
                return []
            before, now_s = self._view.content, self._clock()
            self._version = version
            self._view = look_at(content, now_s, epoch=self._view.epoch + 1)
            return changes_between(before, content, now_s)

    def _take_own(self, content: RingContent, version: Hashable) -> list[Change]:
        """Look at what this process wrote, or found when it was about to, where nothing newer was read meanwhile."""
        with self._viewing():
            held = self._view.content
            if held.ring_id == content.ring_id and held.serial > content.serial:
                return []
            self._generation += 1
            return self._take(content, version, self._generation)

    def _refuse_older(self, content: RingContent) -> None:
        """Raise ConfigurationError for an old copy of this ring: whoever can write to a server could undo a retirement.

        In a file it is the owner's own doing, and taken.
        """
        held = self._view.content
        is_same = bool(content.ring_id) and content.ring_id == held.ring_id
        if self._storage.is_remote and is_same and content.serial < held.serial:
            raise ConfigurationError(
                f"{self._storage.location}: an older text of the key ring was put in its place; whoever restored it"
                " restarts all processes, or takes it away and puts the newer one back (KeyRing.copy_to)"
            )

    def _announce(self, changes: list[Change], fault: str) -> None:
        """Log what went wrong, and tell who listens, outside of every lock."""
        if fault:
            log = partial(_logger.warning, "%s; going on with the keys read before", fault)
            if self._follower is not None and self._follower.is_inside():
                self._listeners.later(log)  # a handler that hangs must not keep the thread from reading
            else:
                log()
        self._listeners.tell_later(changes)

    # ------------------------------------------------------------------------------------------------ thread

    def _follow(self) -> None:
        if self._follower is None:
            self._follower = Follower(self, _look_after, name="daypass-keyring")

    def _look_in_thread(self) -> float:
        """Look at the place; returns how many seconds the thread may rest."""
        with self._reading():
            changes, fault = self._reload()
        self._announce(changes, fault)
        return POLL_S

    def close(self) -> None:
        """End the thread of this ring, where it has one; then its store may be closed. The ring still answers."""
        if self._follower is not None:
            self._follower.close()

    # ------------------------------------------------------------------------------------------------ locks

    def _reading(self) -> threading.RLock:
        """Held by whoever asks the place."""
        return self._own_guards()[0]

    def _viewing(self) -> threading.RLock:
        """Held for a moment, to exchange the view: never while a place is asked."""
        return self._own_guards()[1]

    def _own_guards(self) -> tuple[threading.RLock, threading.RLock]:
        """The locks of this process: those of a parent may be held by a thread that was not forked."""
        if self._guarded_by != os.getpid():
            self._guards, self._guarded_by = (threading.RLock(), threading.RLock()), os.getpid()
        return self._guards


def _look_after(ring: RingReader) -> float:
    return ring._look_in_thread()


def read_ring(storage: RingStorage) -> RingContent:
    """Read and check a ring that must be there. Raises DaypassError."""
    text = storage.read()
    if text is None:
        raise ConfigurationError(
            f"{storage.location}: the key ring is gone: put the backup back, or let a process that still runs copy it"
            " (KeyRing.copy_to); a restart makes a new one, and every login ends"
        )
    return parse_ring(text, where=storage.location)
