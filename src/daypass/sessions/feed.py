"""Following the revocation feed, so that ``verify`` asks nobody. Enters: a store. Leaves: who is denied.

The whole feed is read before the first verification of a process, then what is new, in a background thread.
Reads overlap by time, because what was ended earlier may become visible later, and from time to time the
whole feed is read again, because clocks of other machines may be wrong. How old the last reading is,
``verify`` sees by the monotonic clock, counted from when that reading began: a thread that died, hangs, or stayed
behind in a parent process is noticed there. What a whole reading no longer tells of was forgotten: the store was
emptied, or put back from an older copy.

Source: DESIGN.md 5 (ending).
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeGuard, final

from daypass.errors import StoreUnavailable
from daypass.limits import LEEWAY_S_MAX
from daypass.sessions.policy import SessionPolicy
from daypass.stores.protocol import Denial, FeedKeeper, SessionStore

if TYPE_CHECKING:
    import logging

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
CLOSE_WAIT_S: Final = 10
"""How long, at most, closing waits for a reading that has begun."""
ENDED_AGAIN_MAX: Final = 1000
"""How many ends that a store forgot one reading records again."""


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

    __slots__ = ("closed", "first_until", "has_read", "lock", "pid", "thread")

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.closed = threading.Event()
        self.has_read = threading.Event()  # or has tried to
        self.first_until = 0.0  # how long anybody waits for that, time.monotonic
        self.thread: threading.Thread | None = None


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
        "_forgotten",
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
        self._forgotten: set[str] = set()  # what is denied here and the feed no longer tells of
        self._read_at = self._whole_at = -math.inf  # monotonic, when the last readings began
        self._read_clock = 0.0  # the same by the wall clock
        self._distrusted_until = -math.inf
        self._alarm_at = -math.inf
        self.look_again_at = -math.inf
        _followers.add(self)

    def check(self) -> None:
        """See that somebody reads the feed, and that the last reading is recent.

        Raises:
            StoreUnavailable: it is stale, and ``when_stale`` says to refuse.
        """
        self._wait_for_first_reading()
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
        return self._reader.thread is not None

    @property
    def is_followed(self) -> bool:
        """Tell whether this process has read the feed, or tried to."""
        return self._is_closed or (self._reader.pid == os.getpid() and self._reader.has_read.is_set())

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
        known = self._still_matters(now)
        feed = self._store.denials(since_s=None if is_whole else self._read_clock - OVERLAP_S, now_s=now)
        if feed.id != self._feed_id and self._feed_id is not None:
            # The store was emptied or put back. What is denied here stays; what it forgot, nobody knows.
            self._distrust(began)
            feed, is_whole = self._store.denials(since_s=None, now_s=now), True
        self.deny(feed.entries)
        if is_whole:
            self._look_for_forgotten(known.difference(entry.sid for entry in feed.entries), began)
        self._feed_id = feed.id
        self._read_at, self._read_clock = began, now
        if is_whole:
            self._whole_at = began
        if began >= self._distrusted_until:
            self.look_again_at = began + min(1.5 * self._policy.feed_poll_s, self._policy.feed_stale_after_s)
        else:
            self.look_again_at = -math.inf

    def _still_matters(self, now: float) -> set[str]:
        """Name the denied sessions whose access tokens may be about, by our clock: the feed has to tell of them.

        The margin that a denial has for clocks of others is left out: a store that counts time itself may be early.
        """
        after = now + LEEWAY_S_MAX - self._policy.leeway_s
        return {sid for sid, until in list(self.denied.items()) if until > after}

    def _look_for_forgotten(self, missing: set[str], began: float) -> None:
        """Where the feed has forgotten an end that it once told of, record it again, and distrust it for a while."""
        news = missing - self._forgotten
        self._forgotten &= missing  # what is told of again may be forgotten again
        if not news:
            return
        self._distrust(began)
        with contextlib.suppress(StoreUnavailable):  # the next whole reading goes on
            for sid in sorted(news)[:ENDED_AGAIN_MAX]:
                if self._store.end(sid, now_s=self._clock()) is None:
                    self._tell_without_row(sid)
                self._forgotten.add(sid)

    def _tell_without_row(self, sid: str) -> None:
        """Where the session went as well, tell the processes that start now at least, if the store can."""
        store, until = self._store, self.denied.get(sid)
        if until is not None and _keeps_feed(store):
            store.deny(Denial(sid, until), now_s=self._clock())

    def _distrust(self, began: float) -> None:
        """Count the feed as stale until every token that it may have forgotten has expired."""
        seconds = self._policy.access_lifetime_s + self._policy.leeway_s
        self._distrusted_until = began + seconds
        _logger().warning(
            "the revocation feed has forgotten what it told before: the store was emptied, or put back from an older"
            " copy; the feed counts as stale for %d s",
            seconds,
        )

    def close(self) -> None:
        """Stop the thread, and wait for a reading that it may be in. Verification goes on; the feed grows stale."""
        self._is_closed = True
        reader = self._reader
        if reader.pid == os.getpid():
            reader.closed.set()
            with reader.lock:  # nobody starts it any more
                thread = reader.thread
            if thread is not None and thread is not threading.current_thread():
                thread.join(CLOSE_WAIT_S)

    def _wait_for_first_reading(self) -> None:
        """See that there is a thread that reads, and wait for what it reads first; a store that hangs is stale then."""
        while not self._is_closed:
            reader = self._reader
            if reader.pid != os.getpid():
                reader = self._reader = _Reader()
            self._ensure_thread(reader)
            if not reader.has_read.is_set():
                reader.has_read.wait(max(0.0, reader.first_until - time.monotonic()))
            if reader is self._reader:  # and no other thread of a new child was faster
                return

    def _ensure_thread(self, reader: _Reader) -> None:
        """Start the thread where there is none, or where it has died."""
        if reader.thread is not None and reader.thread.is_alive():
            return
        with reader.lock:
            if self._is_closed or (reader.thread is not None and reader.thread.is_alive()):
                return
            if not reader.first_until:
                reader.first_until = time.monotonic() + self._policy.feed_stale_after_s
            arguments = (weakref.ref(self), reader, self._policy.feed_poll_s)
            thread = threading.Thread(target=_keep_reading, args=arguments, name="daypass-feed", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread to be had, or the interpreter is going down
                self._try_to_read()
                reader.has_read.set()
            else:
                reader.thread = thread

    def _try_to_read(self) -> None:
        """Read; where that fails, the age of the last reading tells."""
        try:
            self.read()
        except StoreUnavailable:
            pass
        except Exception as error:  # noqa: BLE001 - a thread that ends here would only be started again
            _logger().error("the revocation feed cannot be read: %s", type(error).__name__)

    def _alarm(self) -> None:
        """Say in the log, once a minute, that logouts may not be heard of."""
        now = self._monotonic()
        if now >= self._alarm_at:
            self._alarm_at = now + ALARM_EVERY_S
            _logger().warning(
                "the revocation feed is stale: sessions that were ended elsewhere are accepted until their"
                " access tokens expire"
            )


_followers: Final[weakref.WeakSet[Follower]] = weakref.WeakSet()


def _look_again() -> None:
    """In a child: let the first verification see that the thread stayed behind, not only when the next poll is due."""
    for follower in list(_followers):
        follower.look_again_at = -math.inf


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_look_again)


def _keep_reading(owner: weakref.ref[Follower], reader: _Reader, poll_s: float) -> None:
    """Read until the owner is closed, or gone, or has another reader."""
    try:
        while not reader.closed.is_set():
            follower = owner()
            if follower is None or follower._reader is not reader:
                return
            follower._try_to_read()
            reader.has_read.set()
            del follower
            reader.closed.wait(poll_s)
    finally:
        reader.has_read.set()


def _keeps_feed(store: object) -> TypeGuard[FeedKeeper]:
    """Tell whether a store can tell of an end without a row."""
    return hasattr(store, "deny")


def _logger() -> logging.Logger:
    """The log of this room."""
    import logging

    return logging.getLogger("daypass.sessions")
