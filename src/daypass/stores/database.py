"""One database, spoken to in statements and transactions. Enters: statements. Leaves: rows, or StoreUnavailable.

A statement outside a transaction is one of its own. A transaction that another one was in the way of (a deadlock) was
undone by the server, so it is made once more, a few times. Whatever else a driver raises leaves as StoreUnavailable.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar, final

import sqlalchemy as sa

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.stores import forks
from daypass.stores.connections import Connections, Lease
from daypass.stores.direct import Statement
from daypass.stores.drivers import driver_of
from daypass.stores.problems import Problem, problem_of, unavailable
from daypass.stores.statements import Statements

__all__ = ["Database", "Refused", "Transaction"]

_TRIES: Final = 10
_PAUSE_S: Final = 0.005
_SKIPS_LOCKED_SINCE: Final = {"mysql": (8, 0, 1), "mariadb": (10, 6)}

T = TypeVar("T")
Rows = list[tuple[Any, ...]]


class Refused(Exception):
    """The database refused something that the caller may know what to do about.

    Args:
        problem: what it was.
        answer: what to raise otherwise.
    """

    def __init__(self, problem: Problem, answer: StoreUnavailable) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.answer = answer


@final
class Transaction:
    """A transaction that has begun; it is committed or undone by who began it."""

    __slots__ = ("lease",)

    def __init__(self, lease: Lease) -> None:
        self.lease = lease

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> Rows:
        """Send a query."""
        cursor = self.lease.cursor
        cursor.execute(statement.text, statement.values(parameters))
        return list(cursor.fetchall())

    def count(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        """Send a change; say how many rows it met."""
        cursor = self.lease.cursor
        cursor.execute(statement.text, statement.values(parameters))
        return int(cursor.rowcount)

    def say(self, text: str) -> None:
        """Send SQL of our own, without values."""
        self.lease.cursor.execute(text)


@final
class Database:
    """A database, and the statements for it.

    Args:
        engine: whose connections are used as patterns.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.driver = driver_of(engine)
        self.connections = Connections(engine, self.driver)
        self.dialect = engine.dialect
        errors = engine.dialect.loaded_dbapi.Error
        self.errors: tuple[type[BaseException], ...] = (errors, OSError, sa.exc.SQLAlchemyError)
        self._statements: Statements | None = None

    @property
    def locks_all(self) -> bool:
        """Whether a transaction keeps all others from writing."""
        return self.dialect.name == "sqlite"

    @property
    def makes_tables_at_once(self) -> bool:
        """Whether tables are made in a transaction."""
        return self.dialect.name in {"sqlite", "postgresql"}

    @property
    def statements(self) -> Statements:
        """The statements; the first to ask connects, since they depend on the version of the server."""
        if self._statements is None:
            self.transact(lambda _: None)
            self._statements = Statements(self.driver, skips_locked=self._skips_locked())
        return self._statements

    def _skips_locked(self) -> bool:
        name = self.dialect.name
        if name == "mysql" and getattr(self.dialect, "is_mariadb", False):
            name = "mariadb"
        since = _SKIPS_LOCKED_SINCE.get(name, ())
        return name != "sqlite" and (self.dialect.server_version_info or ()) >= since

    # --------------------------------------------------------------------------------------- one statement

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> Rows:
        """Send a query, as a transaction of its own.

        Raises:
            StoreUnavailable: the database cannot answer.
        """
        return self._alone(lambda cursor: list(cursor.fetchall()), statement, parameters)

    def count(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        """Send a change, as a transaction of its own; say how many rows it met.

        Raises:
            StoreUnavailable: the database cannot answer.
        """
        return self._alone(lambda cursor: int(cursor.rowcount), statement, parameters)

    def attempt(self, statement: Statement, parameters: Mapping[str, Any]) -> None:
        """Send a change once.

        Raises:
            Refused: the database did not make it.
        """
        values = statement.values(parameters)
        self._once(lambda lease: self._sent(lease, statement, values))

    def attempt_rows(self, statement: Statement, parameters: Mapping[str, Any]) -> Rows:
        """Send a query once.

        Raises:
            Refused: the database did not answer it.
        """
        values = statement.values(parameters)
        return self._once(lambda lease: self._sent(lease, statement, values, fetch=True))

    def _sent(self, lease: Lease, statement: Statement, values: Any, *, fetch: bool = False) -> Rows:  # noqa: ANN401
        lease.cursor.execute(statement.text, values)
        rows = list(lease.cursor.fetchall()) if fetch else []
        if not self.driver.commits_by_itself:
            lease.connection.commit()
        return rows

    def _alone(self, read: Callable[[Any], T], statement: Statement, parameters: Mapping[str, Any]) -> T:
        values = statement.values(parameters)

        def send(lease: Lease) -> T:
            cursor = lease.cursor
            cursor.execute(statement.text, values)
            answer = read(cursor)
            if not self.driver.commits_by_itself:
                lease.connection.commit()
            return answer

        try:
            return self._once(send)  # the straight road: every refresh comes by twice
        except Refused as error:
            refused = error
        if refused.problem is not Problem.AGAIN:
            raise refused.answer
        return self._answered(send)

    # ---------------------------------------------------------------------------------------- transactions

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run a transaction; once more where another one was in its way.

        Args:
            work: does nothing but speak to the database: it may run several times.

        Raises:
            StoreUnavailable: the database cannot answer; nothing was changed, unless the answer to the commit was lost.
        """
        try:
            return self.attempt_transaction(work)
        except Refused as error:
            answer = error.answer
        raise answer

    def attempt_transaction(self, work: Callable[[Transaction], T]) -> T:
        """Run a transaction as ``transact`` does.

        Raises:
            Refused: the database did not make it; nothing was changed.
        """

        def run(lease: Lease) -> T:
            for text in self.driver.begin:
                lease.cursor.execute(text)
            answer = work(Transaction(lease))
            lease.connection.commit()
            return answer

        return self._again(run)

    @contextmanager
    def held(self, begin: Callable[[Transaction], None]) -> Iterator[Transaction]:
        """Hold a transaction open while somebody works, and commit it then; undo it after an exception.

        Args:
            begin: what comes first, which may be refused.

        Raises:
            Refused: ``begin`` was.
            StoreUnavailable: the database cannot answer; nothing was changed, unless the answer to the commit was lost.
        """
        gate = forks.enter() if self.driver.forks_wait else None
        try:
            lease = self._begun(begin)
            try:
                yield Transaction(lease)
                if lease.pid != os.getpid():
                    raise StoreUnavailable("this process was forked in the middle: only its parent can go on")
                problem = self._committed(lease)
            except BaseException:
                self.connections.drop(lease)
                raise
        finally:
            if gate is not None:
                forks.leave(gate)
        if problem is not None:
            raise problem
        self.connections.give(lease)

    def _begun(self, begin: Callable[[Transaction], None]) -> Lease:
        lease: Lease | None = None
        try:
            lease = self.connections.take()
            for text in self.driver.begin:
                lease.cursor.execute(text)
            begin(Transaction(lease))
        except self.errors as error:
            refused = Refused(problem_of(error), unavailable(error))
        except BaseException:
            if lease is not None:
                self.connections.drop(lease)
            raise
        else:
            return lease
        if lease is not None:
            self.connections.drop(lease)
        raise refused

    def _committed(self, lease: Lease) -> StoreUnavailable | None:
        try:
            lease.connection.commit()
        except self.errors as error:
            problem = unavailable(error)
        else:
            return None
        self.connections.drop(lease)
        return problem

    # ----------------------------------------------------------------------------------------------- steps

    def _answered(self, act: Callable[[Lease], T]) -> T:
        try:
            return self._again(act)
        except Refused as error:
            answer = error.answer
        raise answer

    def _again(self, act: Callable[[Lease], T]) -> T:
        """Do something with a connection; once more where another transaction was in the way."""
        for left in range(_TRIES - 1, -1, -1):
            try:
                return self._once(act)
            except Refused as error:
                refused = error
            if refused.problem is not Problem.AGAIN or not left:
                break
            time.sleep(random.random() * _PAUSE_S * (_TRIES - left))  # noqa: S311 - so that two do not meet again
        raise refused

    def _once(self, act: Callable[[Lease], T]) -> T:
        gate = forks.enter() if self.driver.forks_wait else None
        lease: Lease | None = None
        is_whole = False
        try:
            lease = self.connections.take()
            answer = act(lease)
            is_whole = True
            return answer
        except self.errors as error:
            refused = Refused(problem_of(error), unavailable(error))
        finally:
            if lease is not None:
                (self.connections.give if is_whole else self.connections.drop)(lease)
            if gate is not None:
                forks.leave(gate)
        raise refused

    def close(self) -> None:
        """Close the connections that nobody has."""
        self.connections.close_idle()


def refuse_async(engine: sa.Engine) -> None:
    """Refuse an engine whose driver wants to be awaited.

    Raises:
        ConfigurationError: it does.
    """
    if engine.dialect.is_async:
        raise ConfigurationError("an engine of an asynchronous driver: a store takes one that is not, in threads")
