"""Sessions in a SQL database: SQLite, PostgreSQL, MariaDB and MySQL. Enters and leaves: rows.

What is one statement is sent as one, in autocommit: a read, a compare-and-swap. What takes several is a transaction
under READ COMMITTED that locks before it reads: logins and "end all" of one subject take turns at a row of
``daypass_meta`` that stands for the subject, so that a cap holds although the rows that it counts are not there yet.

Source: DESIGN.md 5 (sessions, ending, store protocol).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, final

import sqlalchemy as sa
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.limits import LEEWAY_S_MAX, PURGED_AFTER_S
from daypass.stores.creation import FEED, lock_name, prepare
from daypass.stores.database import Database, Refused, Transaction, refuse_async
from daypass.stores.direct import Statement
from daypass.stores.problems import Problem
from daypass.stores.protocol import Denial, Feed, SessionRow
from daypass.stores.rows import UNREADABLE, changes_of, columns_of, is_text, row_of, text_of
from daypass.stores.sql_ring import SQLRingStorage
from daypass.stores.statements import AT_ONCE

__all__ = ["SQLStore"]

DIALECTS: Final = ("sqlite", "postgresql", "mysql", "mariadb")
_SIDS_MAX: Final = 1_000_000


@final
class SQLStore:
    """A session store in a SQL database. Creates its tables where there are none.

    Args:
        engine: stays the caller's: the store makes connections as the engine does, in a pool of its own of the same
            size, and sets them to autocommit and READ COMMITTED. For SQLite, of a file.

    Raises:
        ConfigurationError: a dialect that is not supported, a database in memory, tables of another version.
        StoreUnavailable: the database cannot answer.
    """

    __slots__ = ("__weakref__", "_database", "_place", "_say")

    def __init__(self, engine: sa.Engine) -> None:
        if engine.dialect.name not in DIALECTS:
            raise ConfigurationError(f"no sessions in {engine.dialect.name}: supported are {', '.join(DIALECTS)}")
        if isinstance(engine.pool, SingletonThreadPool):
            raise ConfigurationError("SQLite in memory has one database a thread: use a file, or MemoryStore()")
        if isinstance(engine.pool, StaticPool):
            raise ConfigurationError("an engine with one connection for all threads: a store needs one for each")
        refuse_async(engine)
        self._place = _place_of(engine)
        self._database = Database(engine)
        try:
            prepare(self._database)
        except BaseException:
            self._database.close()
            raise
        self._say = self._database.statements

    # ------------------------------------------------------------------------------------------- sessions

    def insert(self, row: SessionRow, *, sessions_max: int, now_s: float) -> tuple[Denial, ...]:
        """Add a session and end what is beyond the cap, in one transaction."""
        columns = columns_of(row)
        cap = {
            "for_subject": row.subject,
            "but_sid": row.sid,
            "kept": sessions_max - 1,
            "at_most": _SIDS_MAX,
            "now": int(now_s),
        }

        def add(transaction: Transaction) -> tuple[Denial, ...]:
            self._lock(transaction, row.subject)
            transaction.count(self._say.insert, columns)
            return self._end_many(transaction, transaction.rows(self._say.beyond_cap, cap), now_s)

        return self._database.transact(add)

    def get(self, sid: str) -> SessionRow | None:
        """Read a session, ended or not, by one statement."""
        if not sid.isascii() or "\0" in sid:
            return None
        found = self._database.rows(self._say.get, {"of_sid": sid})
        return row_of(found[0], keeps_bytes=self._database.driver.keeps_bytes) if found else None

    def replace(self, row: SessionRow, *, generation: int) -> bool:
        """Compare and swap, by one statement."""
        values = changes_of(row)
        values["of_sid"] = row.sid
        values["from_generation"] = generation
        return self._database.count(self._say.replace, values) == 1

    def end(self, sid: str, *, now_s: float, subject: str | None = None) -> Denial | None:
        """End a session; row and denial are written by one statement, and read by another."""
        if not is_text(sid) or (subject is not None and not is_text(subject)):
            return None
        which: dict[str, object] = {"of_sid": sid, "now": int(now_s)}
        statement = self._say.end
        if subject is not None:
            which["of_subject"] = subject
            statement = self._say.end_of
        self._database.count(statement, which)
        for name, until, whose in self._database.rows(self._say.denial, {"of_sid": sid}):
            if until is not None and (subject is None or text_of(whose) == subject):
                return Denial(text_of(name), until)
        return None

    def end_all(self, subject: str, *, now_s: float, except_sid: str | None = None) -> tuple[Denial, ...]:
        """End the sessions of a subject in one transaction, which keeps logins of the subject out."""
        if not is_text(subject):
            return ()

        def end(transaction: Transaction) -> tuple[Denial, ...]:
            self._lock(transaction, subject)
            found = transaction.rows(self._say.not_ended, {"for_subject": subject})
            return self._end_many(transaction, [row for row in found if text_of(row[0]) != except_sid], now_s)

        return self._database.transact(end)

    def active(self, subject: str, *, now_s: float) -> tuple[SessionRow, ...]:
        """List the live sessions of a subject, the last refreshed first."""
        if not is_text(subject):
            return ()
        found = self._database.rows(self._say.active, {"for_subject": subject, "now": int(now_s)})
        return tuple([row_of(values, keeps_bytes=self._database.driver.keeps_bytes) for values in found])

    def denials(self, *, since_s: float | None, now_s: float) -> Feed:
        """Read the rows of ended sessions whose access tokens may still be about."""
        when = {"now": int(now_s)}
        statement = self._say.feed
        if since_s is not None:
            when["since"] = int(since_s)
            statement = self._say.feed_since
        names = self._database.rows(self._say.meta, {"wanted": FEED})
        if not names:
            raise StoreUnavailable("the table daypass_meta has lost its rows")
        entries = tuple([Denial(text_of(sid), until) for sid, until in self._database.rows(statement, when)])
        if not all(type(entry.until) is int for entry in entries):  # SQLite keeps any value in any column
            raise StoreUnavailable(UNREADABLE)
        return Feed(text_of(names[0][0]), entries)

    def purge(self, *, now_s: float, limit: int) -> int:
        """Remove sessions and references of which nothing matters any more. Two processes at once remove each once."""
        say = self._say
        # References first, and half of the limit: neither kind keeps the other one waiting for ever.
        references = self._purge(
            say.old_references, say.delete_references, before=int(now_s) - LEEWAY_S_MAX, limit=limit // 2
        )
        return references + self._purge(
            say.purgeable, say.delete_many, before=int(now_s) - PURGED_AFTER_S, limit=limit - references
        )

    def holds_sessions(self) -> bool:
        """Tell whether there is a session that was not ended."""
        return bool(self._database.rows(self._say.any_left, {}))

    # ------------------------------------------------------------------------------------------ references

    def put_reference(self, digest: bytes, sealed: bytes, *, until: int) -> None:
        """Keep an entry."""
        values = {"new_digest": digest, "new_sealed": sealed, "new_until": until}
        try:
            self._database.attempt(self._say.put_reference, values)
        except Refused as error:
            refused = error
        else:
            return
        if refused.problem is not Problem.EXISTS:
            raise refused.answer
        self._database.count(self._say.set_reference, {"of_digest": digest, "new_sealed": sealed, "new_until": until})

    def get_reference(self, digest: bytes, *, now_s: float, until: int | None = None) -> bytes | None:  # noqa: ARG002
        """Read an entry, by one statement. A row keeps its time: ``until`` is for memcached."""
        for sealed, kept_until in self._database.rows(self._say.get_reference, {"of_digest": digest}):
            if now_s < kept_until:
                return bytes(sealed)
        return None

    def drop_reference(self, digest: bytes) -> bool:
        """Remove an entry. Says whether there was one."""
        return self._database.count(self._say.drop_reference, {"of_digest": digest}) == 1

    # ------------------------------------------------------------------------------------------------ more

    def ring_storage(self) -> SQLRingStorage:
        """Name the place in this database that keeps a key ring."""
        return SQLRingStorage(self._database, location=f"{self._place}, table daypass_blobs")

    def close(self) -> None:
        """Close the connections of the store. A later call makes new ones."""
        self._database.close()

    def __repr__(self) -> str:
        return f"SQLStore({self._place})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a store is not pickled: open it in each process")

    # ----------------------------------------------------------------------------------------------- steps

    def _lock(self, transaction: Transaction, subject: str) -> None:
        """Wait until no other transaction starts or ends all sessions of the subject.

        Raises:
            StoreUnavailable: somebody removed the row that is locked: the cap would not hold.
        """
        # The transaction of SQLite has locked everything.
        if not self._database.locks_all and not transaction.rows(
            self._say.lock_subject, {"wanted": lock_name(hashlib.sha256(subject.encode()).digest())}
        ):
            raise StoreUnavailable("the table daypass_meta has lost its rows: run `daypass store upgrade`")

    def _end_many(self, transaction: Transaction, found: Sequence[tuple[Any, ...]], now_s: float) -> tuple[Denial, ...]:
        """End sessions that the transaction keeps others from starting and ending all of."""
        sids = [text_of(row[0]) for row in found]
        denials: dict[str, Denial] = {}
        for some in _batches(sids):
            values = _values(some)
            transaction.count(self._say.end_many[len(some)], values | {"now": int(now_s)})
            for sid, until in transaction.rows(self._say.denials_of[len(some)], values):
                denials[text_of(sid)] = Denial(text_of(sid), until)
        return tuple(denials.values())

    def _purge(self, query: Statement, delete: dict[int, Statement], *, before: int, limit: int) -> int:
        """Remove at most ``limit`` rows in transactions of at most as many as one statement takes."""
        removed = 0
        while removed < limit:
            at_most = min(limit - removed, AT_ONCE[-1])

            def remove(transaction: Transaction, at_most: int = at_most) -> tuple[int, int]:
                found = transaction.rows(query, {"before": before, "at_most": at_most})
                keys = sorted(row[0] for row in found)
                return len(keys), sum(
                    transaction.count(delete[len(some)], _values(some) | {"before": before}) for some in _batches(keys)
                )

            found, gone = self._database.transact(remove)
            removed += gone
            if found < at_most or not gone:
                break
        return removed


def _batches(keys: list[Any]) -> list[list[Any]]:
    """Cut keys into as many as one statement takes; a shorter batch names its last key again."""
    batches = []
    most = AT_ONCE[-1]
    for first in range(0, len(keys), most):
        some = keys[first : first + most]
        count = next(count for count in AT_ONCE if count >= len(some))
        batches.append(some + some[-1:] * (count - len(some)))
    return batches


def _values(some: list[Any]) -> dict[str, Any]:
    return {f"some_{number}": key for number, key in enumerate(some)}


def _place_of(engine: sa.Engine) -> str:
    """Say where a database is, without user and password."""
    url = engine.url
    name = url.get_backend_name()
    if name == "sqlite":
        return f"sqlite: {Path(url.database or '').absolute()}"
    port = f":{url.port}" if url.port else ""
    return f"{name}: {url.host or 'local'}{port}/{url.database or ''}"
