"""A thread that looks after a ring, so that no caller of ``verify`` waits for a place or a rotation.

Enters: what to do, and how long until it has to be done again. Leaves: a daemon thread. It holds its ring weakly: where
nobody else holds the ring any more, the thread ends. A fork does not copy it: ``ensure`` starts one in the child.
Source: DESIGN.md 5 (key ring: all nodes follow).
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final, Generic, TypeVar, final

__all__ = ["Follower"]

Followed = TypeVar("Followed")
CLOSE_WAIT_S: Final = 5.0
"""How long, at most, ``close`` waits for a look that is under way, in seconds."""

_START_WAIT_S: Final = 1.0


class _Gate:
    """Lets one thread start a follower at a time."""

    lock = threading.Lock()


def _begin_anew() -> None:
    """Leave the lock to the parent: it may be held by a thread that was not forked."""
    _Gate.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


class _State:
    """What callers share with one thread. Looks are counted: asked for, begun, done."""

    __slots__ = ("asked", "began_at", "begun", "changed", "done", "has_looked", "is_over", "pid", "thread")

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.asked = self.begun = self.done = 0
        self.began_at: float | None = None
        self.has_looked = self.is_over = False
        self.pid = os.getpid()
        self.thread: threading.Thread | None = None

    def runs(self) -> bool:
        return self.pid == os.getpid() and self.thread is not None and self.thread.is_alive()


@final
class Follower(Generic[Followed]):
    """Looks after something, again and again, in a thread.

    Args:
        followed: held weakly.
        look: what to do with it; returns how many seconds it may rest. It raises nothing.
        name: of the thread.
    """

    __slots__ = ("__weakref__", "_closed", "_followed", "_look", "_name", "_state")

    def __init__(self, followed: Followed, look: Callable[[Followed], float], *, name: str) -> None:
        self._followed = weakref.ref(followed)
        self._look = look
        self._name = name
        self._closed = False
        self._state = _State()

    def ensure(self) -> bool:
        """Start the thread where none runs: at first, and in a child of a fork.

        Returns:
            Whether one was started.
        """
        if self._closed or self._state.runs():
            return False
        gate = _Gate.lock
        if not gate.acquire(timeout=_START_WAIT_S):
            _begin_anew()  # the fork told Python nothing, as that of a server written in C
            return False  # the next caller starts it
        try:
            return False if self._state.runs() else self._start()
        finally:
            gate.release()

    def _start(self) -> bool:
        state = self._state = _State()
        arguments = (state, self._followed, self._look)
        state.thread = threading.Thread(target=_run, args=arguments, name=self._name, daemon=True)
        try:
            state.thread.start()
        except RuntimeError:  # the interpreter is on its way out, or the system gives no more threads
            return False
        return True

    def ask(self, wait_s: float, *, is_due: bool = True) -> None:
        """Have it look now, and wait until it has, for a moment at most; where a look hangs, do not wait.

        Args:
            wait_s: at most, in seconds.
            is_due: False: do not ask for another look, wait where somebody else has asked.
        """
        self.ensure()
        state = self._state
        if self.is_inside() or not state.runs():
            return
        with state.changed:
            if is_due and state.asked == state.begun:  # a look that has begun may have missed what is asked for
                state.asked += 1
                state.changed.notify_all()
            if state.began_at is not None and time.monotonic() - state.began_at > wait_s:
                return
            ticket = state.asked
            state.changed.wait_for(lambda: state.done >= ticket or state.is_over, wait_s)

    def has_looked(self) -> bool:
        """Whether the thread has looked once, in vain or not."""
        return self._state.has_looked

    def is_inside(self) -> bool:
        """Whether the caller is the thread itself."""
        return threading.current_thread() is self._state.thread

    def close(self) -> None:
        """End the thread, and wait for it; none is started again."""
        self._closed = True
        state = self._state
        if not state.runs():
            return
        with state.changed:
            state.is_over = True
            state.changed.notify_all()
        if state.thread is not None and not self.is_inside():
            state.thread.join(CLOSE_WAIT_S)


def _run(state: _State, followed: weakref.ReferenceType[Followed], look: Callable[[Followed], float]) -> None:
    """Look, rest, look again. Between two looks nothing here holds what is followed."""
    rest_s = 0.0
    while True:
        with state.changed:
            if not state.is_over and state.asked == state.begun:
                state.changed.wait(rest_s)
            if state.is_over:
                return
            state.begun, state.began_at = state.asked, time.monotonic()
        one = followed()
        if one is None:
            return
        rest_s = look(one)
        del one
        with state.changed:
            state.done, state.began_at, state.has_looked = state.begun, None, True
            state.changed.notify_all()
