"""Transactions that no fork cuts in two. Enters: connections. Leaves: a transaction; a fork finds nothing open.

SQLite keeps in the memory of a process, and once for all its connections to a file, what that process has
locked. A child forked in the middle of another thread's transaction would find the file locked for as long as
it lives, and one forked beside an open connection would believe that it holds locks which only its parent
has: what it writes after the end of the parent could be lost. So a fork waits for the transactions of other
threads, and closes what is open.

A connection to a server belongs to the process that made it: the child neither uses nor closes it.

Source: https://www.sqlite.org/howtocorrupt.html 2.6 (carrying an open database connection across a fork).
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from daypass.stores.connections import Connections

__all__ = ["enter", "leave", "leave_to_parent", "transaction", "watch"]

WAIT_S: Final = 5.0
"""How long, at most, forks and transactions wait for each other, in seconds."""

# What a child inherited all the same: closing a connection there would pull it from under the parent.
_inherited: Final[list[object]] = []
_watched: Final[weakref.WeakSet[Connections]] = weakref.WeakSet()


class _Gate:
    """Which threads of this process are inside a transaction, and how many want to fork.

    Every statement passes it, so nobody takes a lock here unless somebody forks: who enters says so and looks
    for forks after that, who forks says so and looks for threads after that. One of the two sees the other.
    """

    __slots__ = ("changed", "engines", "forks", "inside", "pid")

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.changed = threading.Condition()
        self.engines: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
        self.forks = 0
        self.inside: dict[int, int] = {}
        """How often each thread has entered: it alone writes its number."""

    def enter(self) -> None:
        me, inside = threading.get_ident(), self.inside
        depth = inside.get(me, 0)
        inside[me] = depth + 1
        if self.forks and not depth:
            self._wait_for_forks(me)

    def leave(self) -> None:
        me, inside = threading.get_ident(), self.inside
        depth = inside[me] - 1
        if depth:
            inside[me] = depth
            return
        del inside[me]
        if self.forks:
            with self.changed:
                self.changed.notify_all()

    def is_left_to(self, thread: int) -> bool:
        """Tell whether no other thread is inside."""
        return set(self.inside) <= {thread}  # a copy is made in one step, whoever enters meanwhile

    def _wait_for_forks(self, me: int) -> None:
        del self.inside[me]
        with self.changed:
            self.changed.notify_all()  # a fork may have seen this thread inside
            self.changed.wait_for(lambda: not self.forks, WAIT_S)
            self.inside[me] = 1  # before the next one, which needs the lock, looks


_gate = _Gate()


def enter() -> _Gate:
    """Begin something that a fork waits for; it waits for a fork itself. Give the answer to ``leave``."""
    if _gate.pid != os.getpid():
        _begin_anew()  # the fork told Python nothing, as that of a server written in C
    gate = _gate
    gate.enter()
    return gate


def leave(gate: _Gate) -> None:
    """Let forks go on."""
    gate.leave()


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Begin, and commit or roll back, as ``engine.begin`` does; a fork in another thread waits meanwhile.

    Args:
        engine: whose idle connections are closed at a fork, from now on.
    """
    gate = enter()
    try:
        gate.engines.add(engine)
        with engine.begin() as connection:
            yield connection
    finally:
        gate.leave()


def watch(connections: Connections) -> None:
    """See to it that no child uses these connections."""
    _watched.add(connections)


def leave_to_parent(*inherited: object) -> None:
    """Keep what a child has inherited, for ever: so nothing of it is closed."""
    _inherited.extend(inherited)


def _before_fork() -> None:
    """Wait for other threads, and hold the gate until ``_in_parent``."""
    me, gate = threading.get_ident(), _gate
    gate.changed.acquire()
    gate.forks += 1
    gate.changed.wait_for(lambda: gate.is_left_to(me), WAIT_S)
    for engine in list(gate.engines):
        engine.dispose()
    for connections in list(_watched):
        if connections.driver.forks_wait:
            connections.close_idle()


def _in_parent() -> None:
    _gate.forks -= 1
    _gate.changed.notify_all()
    _gate.changed.release()


def _begin_anew() -> None:
    """Leave the gate, the connections and the pools to the parent."""
    global _gate
    engines, _gate = list(_gate.engines), _Gate()
    for engine in engines:
        _inherited.append(engine.pool)
        engine.dispose(close=False)
    for connections in list(_watched):
        connections.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_begin_anew)
