"""The connections of one store, each in autocommit. Enters: an engine. Leaves: a connection nobody else has.

They are made exactly as the engine makes its own, but kept apart: what is set on them is seen by nobody else. A
connection goes back only where every call on it came to its end; after anything else (a refused statement, a thread
that was interrupted in the middle of one) it is closed, so that no request reads the answer that another one asked
for.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import Any, Final, final

import sqlalchemy as sa

from daypass.stores import forks
from daypass.stores.drivers import Driver
from daypass.stores.liveness import ASKED_AFTER_S, DROPPED_AFTER_S

__all__ = ["Connections", "Lease"]

_KEPT: Final = 8
_MORE: Final = 32
_WAIT_S: Final = 5.0
_LOOK_S: Final = 0.005
_HANGS_S: Final = 2.0


@final
class Lease:
    """A connection while one thread has it.

    Attributes:
        connection: of the driver.
        cursor: of the connection, for one statement after the other.
        mark: what it leads to, as the driver names it.
        pid: of the process that made it, the only one that may use or close it.
        used_at: when it was used last, by the monotonic clock.
        owners: the leases that it is one of; None where it was dropped.
    """

    __slots__ = ("__weakref__", "connection", "cursor", "mark", "owners", "pid", "used_at")

    def __init__(self, owners: weakref.WeakSet[Lease]) -> None:
        owners.add(self)
        self.owners: weakref.WeakSet[Lease] | None = owners
        self.connection: Any = None
        self.cursor: Any = None
        self.mark: object = None
        self.pid = os.getpid()
        self.used_at = 0.0

    def close(self, driver: Driver) -> None:
        """Close the connection, which undoes what was not committed."""
        connection, self.connection = self.connection, None
        cursor, self.cursor = self.cursor, None
        if self.pid != os.getpid():
            forks.leave_to_parent(connection, cursor)  # in a child, which was made in the middle of a call
            return
        with suppress(Exception):  # it may be closed, broken, or in the middle of something
            driver.close(connection, cursor)


@final
class Connections:
    """Connections of one process, made when they are needed.

    Args:
        engine: whose connections these are like.
        driver: how they are set up and watched.
    """

    def __init__(self, engine: sa.Engine, driver: Driver) -> None:
        self.driver = driver
        # Makes connections with all that the engine was told to do with new ones, and keeps none.
        pool = engine.pool
        self._factory = sa.NullPool(pool._creator, dialect=pool._dialect, reset_on_return=None, _dispatch=pool.dispatch)
        size = engine.pool.size() if isinstance(engine.pool, sa.QueuePool) else _KEPT
        more = engine.pool._max_overflow if isinstance(engine.pool, sa.QueuePool) else _MORE
        self._kept = max(size, 1)
        self._most = size + more if more >= 0 else 10**9
        self._wait_s = engine.pool._timeout if isinstance(engine.pool, sa.QueuePool) else _WAIT_S
        self._begin()
        forks.watch(self)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._idle: deque[Lease] = deque()
        # Those that are lost with the frame of an interrupted thread leave it by themselves.
        self._leases: weakref.WeakSet[Lease] = weakref.WeakSet()
        self._counting = threading.Lock()

    def take(self) -> Lease:
        """Find a connection that works, or make one.

        Raises:
            Exception: whatever the driver or SQLAlchemy raises where no connection can be made.
        """
        if self._pid != os.getpid():
            self.begin_anew()  # the fork told Python nothing, as that of a server written in C
        now_s = time.monotonic()
        while True:
            try:
                lease = self._idle.pop()
            except IndexError:
                lease = self._place(now_s + self._wait_s)
            if lease.connection is None:
                break
            is_good = False
            try:
                is_good = self._is_good(lease, now_s)
            finally:
                if not is_good:
                    self.drop(lease)
            if is_good:
                return lease
        self._connect(lease)
        return lease

    def give(self, lease: Lease) -> None:
        """Take a connection back on which every call has come to its end."""
        if lease.owners is not self._leases or len(self._idle) >= self._kept:
            lease.close(self.driver)
            lease.owners = None
            self._leases.discard(lease)
        else:
            lease.used_at = time.monotonic()
            self._idle.append(lease)

    def drop(self, lease: Lease) -> None:
        """Close a connection of which nobody knows where it stands."""
        lease.owners = None
        self._leases.discard(lease)
        lease.close(self.driver)

    def close_idle(self) -> None:
        """Close the connections that nobody has."""
        while True:
            try:
                lease = self._idle.pop()
            except IndexError:
                return
            self.drop(lease)

    def begin_anew(self) -> None:
        """In a child: leave all connections to the parent, without a word to the server."""
        forks.leave_to_parent(self._idle, list(self._leases), self._leases, self._factory)
        self._factory = self._factory.recreate()  # its locks may be held by a thread that is not here
        self._begin()

    # ----------------------------------------------------------------------------------------------- steps

    def _place(self, give_up_at: float) -> Lease:
        """Wait for a connection, or for the right to make one.

        A thread that is interrupted while it enters a Condition would leave it locked for ever, so nobody waits in one;
        a Lock is entered in one step.
        """
        while True:
            with suppress(IndexError):
                return self._idle.pop()
            with self._counting:
                if len(self._leases) < self._most:
                    return Lease(self._leases)
            if time.monotonic() >= give_up_at:
                raise sa.exc.TimeoutError("all connections of the store are in use")
            time.sleep(_LOOK_S)

    def _connect(self, lease: Lease) -> None:
        try:
            lease.mark = self.driver.mark()
            fairy = self._factory.connect()
            fairy.detach()
            lease.connection = fairy.dbapi_connection
            self.driver.set_up(lease.connection)
            lease.cursor = lease.connection.cursor()
        except BaseException:
            self.drop(lease)
            raise

    def _is_good(self, lease: Lease, now_s: float) -> bool:
        """Tell whether an idle connection still works, by asking the server only where it was idle for a while.

        Raises:
            Exception: whatever the driver raises where the server hangs.
        """
        driver = self.driver
        if lease.mark != driver.mark():
            return False
        silent = driver.is_silent(lease.connection)
        if driver.forks_wait:
            return True
        idle_s = now_s - lease.used_at
        if silent is False or idle_s > DROPPED_AFTER_S:
            return False
        if idle_s > ASKED_AFTER_S or silent is None:
            try:
                driver.ping(lease.connection)
            except Exception:
                if time.monotonic() - now_s > _HANGS_S:
                    raise  # the server hangs: so it would on every other connection, one after the other
                return False  # whatever it is, another connection may work
        return True
