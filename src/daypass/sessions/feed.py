"""Following the revocation feed, so that ``verify`` asks nobody. Enters: a store. Leaves: who is denied.

The whole feed is read before the first verification of a process, then what is new, in a background thread.
Reads overlap by time, because what was ended earlier may become visible later, and from time to time the
whole feed is read again, because clocks of other machines may be wrong. How old the last reading is,
``verify`` sees by the monotonic clock: a thread that died, or stayed behind in a parent process, is noticed
there and replaced.

Source: DESIGN.md 5 (ending).
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Final, final

from daypass.errors import StoreUnavailable
from daypass.sessions.policy import SessionPolicy
from daypass.stores.protocol import Denial, SessionStore

__all__ = ["Denials", "Follower"]

OVERLAP_S: Final = 60
"""How far a reading goes back before the one before it: longer than a commit takes, or clocks are apart."""
WHOLE_EVERY_S: Final = 60
"""How often the whole feed is read again."""
CLOCK_STEP_S: Final = 1.0
"""How far wall clock and monotonic clock may part between two readings before the whole feed is read."""
PRUNE_EVERY_S: Final = 60
KEPT_AFTER_S: Final = 300
"""How long a denial is kept after it stopped to matter: the clock may be stepped back."""
ALARM_EVERY_S: Final = 60


class Denials:
    """The sessions that this process refuses. Made for reading without a lock: ``sid in denials.denied``.

    Args:
        clock: epoch seconds.
        monotonic: seconds that never go back.
    """

    __slots__ = ("__weakref__", "_clock", "_monotonic", "_prune_at", "denied", "look_again_at")

    def __init__(self, *, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._prune_at = monotonic() + PRUNE_EVERY_S
        self.denied: dict[str, int] = {}
        self.look_again_at = math.inf
        """From when on, by the monotonic clock, ``verify`` calls ``check``."""

    def deny(self, denials: Iterable[Denial]) -> None:
        """Refuse sessions from now on, each until its denial matters no longer."""
        for denial in denials:
            self.denied[denial.sid] = denial.until
        if self._monotonic() >= self._prune_at:
            self._prune_at = self._monotonic() + PRUNE_EVERY_S
            before = self._clock() - KEPT_AFTER_S
            for sid, until in list(self.denied.items()):  # a copy: other threads deny meanwhile
                if until < before:
                    self.denied.pop(sid, None)

    def check(self) -> None:
        """Do what ``verify`` cannot do on the way: nothing, where nobody follows a feed."""

    @property
    def is_followed(self) -> bool:
        """Tell whether ``verify`` waits for nobody now: not for a first reading of the feed."""
        return True

    def close(self) -> None:
        """Stop following."""


@final
class _Reader:
    """Who reads in this process: a fork leaves thread, lock and event behind, so the child makes its own."""

    __slots__ = ("closed", "lock", "pid", "thread", "was_started")

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.closed = threading.Event()
        self.thread: threading.Thread | None = None
        self.was_started = False


@final
class Follower(Denials):
    """Denials that follow the feed of a store.

    Args:
        store: whose feed.
        policy: how often it is read, when it counts as stale, and what that means.
        clock: epoch seconds.
        monotonic: seconds that never go back.
    """

    __slots__ = (
        "_alarm_at",
        "_distrusted_until",
        "_feed_id",
        "_is_closed",
        "_policy",
        "_read_at",
        "_read_clock",
        "_reader",
        "_store",
        "_whole_at",
    )

    def __init__(
        self,
        store: SessionStore,
        policy: SessionPolicy,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__(clock=clock, monotonic=monotonic)
        self._store = store
        self._policy = policy
        self._reader = _Reader()
        self._is_closed = False
        self._feed_id: str | None = None
        self._read_at = self._whole_at = -math.inf  # monotonic, when the last readings began
        self._read_clock = 0.0  # the same by the wall clock
        self._distrusted_until = -math.inf
        self._alarm_at = -math.inf
        self.look_again_at = -math.inf

    def check(self) -> None:
        """See that somebody reads the feed, and that the last reading is recent.

        Raises:
            StoreUnavailable: it is stale, and ``when_stale`` says to refuse.
        """
        self._ensure_reader()
        if not self.is_stale():
            self.look_again_at = min(
                self._monotonic() + self._policy.feed_poll_s, self._read_at + self._policy.feed_stale_after_s
            )
            return
        if self._policy.when_stale == "refuse":
            raise StoreUnavailable("the revocation feed cannot be read: nobody knows who has logged out")
        self._alarm()

    @property
    def has_started(self) -> bool:
        """Tell whether there was a first verification, which is when the feed is read first."""
        return self._reader.was_started

    @property
    def is_followed(self) -> bool:
        """Tell whether this process has read the feed, or tried to."""
        return self._is_closed or (self._reader.pid == os.getpid() and self._reader.thread is not None)

    def is_stale(self) -> bool:
        """Tell whether the feed was not read for too long, or may have forgotten something."""
        now = self._monotonic()
        return now - self._read_at > self._policy.feed_stale_after_s or now < self._distrusted_until

    def read(self) -> None:
        """Read the feed once.

        Raises:
            StoreUnavailable: the store cannot answer.
        """
        began, now = self._monotonic(), self._clock()
        stepped = abs((now - self._read_clock) - (began - self._read_at)) > CLOCK_STEP_S
        is_whole = stepped or began - self._whole_at >= WHOLE_EVERY_S
        feed = self._store.denials(since_s=None if is_whole else self._read_clock - OVERLAP_S, now_s=now)
        if feed.id != self._feed_id and self._feed_id is not None:
            # The store was emptied or put back. What is denied here stays; what it forgot, nobody knows.
            self._distrusted_until = began + self._policy.access_lifetime_s + self._policy.leeway_s
            feed, is_whole = self._store.denials(since_s=None, now_s=now), True
        self.deny(feed.entries)
        self._feed_id = feed.id
        self._read_at, self._read_clock = began, now
        if is_whole:
            self._whole_at = began
        if began >= self._distrusted_until:
            self.look_again_at = began + min(1.5 * self._policy.feed_poll_s, self._policy.feed_stale_after_s)
        else:
            self.look_again_at = -math.inf

    def close(self) -> None:
        """Stop the thread. Verification goes on, with a feed that grows stale."""
        self._is_closed = True
        reader = self._reader
        if reader.pid == os.getpid():
            reader.closed.set()
            if reader.thread is not None and reader.thread is not threading.current_thread():
                reader.thread.join(self._policy.feed_poll_s)

    def _ensure_reader(self) -> None:
        """Start the thread where there is none, after a first reading that every verification waits for."""
        if self._reader.pid != os.getpid():
            self._reader = _Reader()
        reader = self._reader
        with reader.lock:
            if self._is_closed or (reader.thread is not None and reader.thread.is_alive()):
                return
            if not reader.was_started:
                reader.was_started = True
                self._try_to_read()
            arguments = (weakref.ref(self), reader, self._policy.feed_poll_s)
            reader.thread = threading.Thread(target=_keep_reading, args=arguments, name="daypass-feed", daemon=True)
            try:
                reader.thread.start()
            except RuntimeError:  # no thread to be had, or the interpreter is going down
                reader.thread = None

    def _try_to_read(self) -> None:
        """Read; where the store does not answer, the age of the last reading tells."""
        with contextlib.suppress(StoreUnavailable):
            self.read()

    def _alarm(self) -> None:
        """Say in the log, once a minute, that logouts may not be heard of."""
        now = self._monotonic()
        if now >= self._alarm_at:
            self._alarm_at = now + ALARM_EVERY_S
            import logging

            logging.getLogger("daypass.sessions").warning(
                "the revocation feed is stale: sessions that were ended elsewhere are accepted until their"
                " access tokens expire"
            )


def _keep_reading(owner: weakref.ref[Follower], reader: _Reader, poll_s: float) -> None:
    """Read until the owner is closed, or gone, or has another reader."""
    while not reader.closed.wait(poll_s):
        follower = owner()
        if follower is None or follower._reader is not reader:
            return
        follower._try_to_read()
        del follower
