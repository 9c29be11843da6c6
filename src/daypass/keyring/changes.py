"""Telling others that a ring has other keys than before. Enters: two contents. Leaves: calls, once a key and process.

Whoever listens may be slow, or fail: nothing of that reaches ``verify``, and no retired key lives a moment longer.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

from daypass.keyring.content import RingContent

__all__ = ["Change", "Listeners", "Reason", "changes_between"]

Reason = Literal["rotate", "retire"]
"""``rotate``: the ring has a new key. ``retire``: a key was taken off it before its time."""
Change = tuple[Reason, str]
"""What happened, and the kid of the key."""
_WAITING_MAX: Final = 1000


def changes_between(before: RingContent, after: RingContent, now_s: float) -> list[Change]:
    """Find what came, and what went though it was not removed by the clock.

    Args:
        before: of the ring.
        after: of the ring.
        now_s: epoch seconds.
    """
    old, new = ({entry.kid: entry for entry in content.entries()} for content in (before, after))
    came: list[Change] = [("rotate", kid) for kid in new if kid not in old]
    gone: list[Change] = [
        ("retire", kid) for kid, entry in old.items() if kid not in new and entry.state(now_s) != "removed"
    ]
    return came + gone


class Listeners:
    """Who wants to be told."""

    __slots__ = ("_callbacks", "_thread", "_waiting")

    def __init__(self) -> None:
        self._callbacks: tuple[Callable[[Reason, str], object], ...] = ()
        self._waiting: deque[Callable[[], object]] = deque(maxlen=_WAITING_MAX)
        self._thread: threading.Thread | None = None

    def add(self, callback: Callable[[Reason, str], object]) -> Callable[[], None]:
        """Add one; returns what takes it off again."""
        self._callbacks = (*self._callbacks, callback)

        def take_off() -> None:
            self._callbacks = tuple(one for one in self._callbacks if one is not callback)

        return take_off

    def tell(self, changes: Sequence[Change]) -> None:
        """Call all of them, one after the other, in this thread; what they raise is logged by its kind alone."""
        for reason, kid in changes:
            for callback in self._callbacks:
                try:
                    callback(reason, kid)
                except Exception as error:  # noqa: BLE001 - a listener's fault is no fault of the ring
                    logging.getLogger("daypass.keyring").warning("a listener failed: %s", type(error).__name__)

    def tell_later(self, changes: Sequence[Change]) -> None:
        """Call all of them from a thread of their own: the caller has a token to verify."""
        if changes and self._callbacks:
            self.later(partial(self.tell, changes))

    def later(self, call: Callable[[], object]) -> None:
        """Call something from that thread. No lock: a fork could leave it locked for ever."""
        self._waiting.append(call)
        thread = self._thread
        if thread is None or not thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="daypass-keyring-events", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is on its way out
                self._waiting.clear()

    def _work(self) -> None:
        while True:
            try:
                call = self._waiting.popleft()
            except IndexError:
                self._thread = None
                if not self._waiting:  # whoever adds now finds no thread, and starts one
                    return
                continue
            call()
