"""A million sessions of others, written through SQL, so that a store can be measured among them.

They are copies of one session that ``Sessions`` has started: each has its own sid, five share a subject, and their
times are spread over two weeks.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.report import progress
from daypass.encoding import b64url_encode

__all__ = ["Database", "postgresql_database", "sqlite_database"]

TABLE = "daypass_sessions"
REFERENCES = "daypass_references"
OF_ONE_SUBJECT = 5
SPREAD_S = 1_200_000
"""Less than the idle lifetime of a session, so that all of them live."""
AT_ONCE = 50_000
SIDS_DRAWN = 4096


class Database(NamedTuple):
    """How one database is written to, beside the store.

    Args:
        name: what people call it.
        connect: opens a connection that commits each statement; it need not wait for the disk.
        mark: of a parameter.
        numbers: a query with the numbers from one parameter to another, as ``i``.
        new_sid: an expression for 128 random bits as base64url.
        new_digest: an expression for 256 random bits.
        settle: what a database does in quiet hours; after the filling.
    """

    name: str
    connect: Callable[[], Any]
    mark: str
    numbers: str
    new_sid: str
    new_digest: str
    settle: tuple[str, ...]

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """A cursor of a connection of its own, committing each statement."""
        with closing(self.connect()) as connection, closing(connection.cursor()) as cursor:
            yield cursor

    def add(self, count: int, like: str, *, subject: str | None = None, is_past: bool = False) -> None:
        """Copy a session.

        Args:
            count: how often.
            like: the sid of the one that is copied.
            subject: of all copies; None: five have one, and their times are spread.
            is_past: nobody needs them any more, they wait for a purge.
        """
        with self.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {TABLE} WHERE sid = {self.mark}", (like,))
            columns = [column[0] for column in cursor.description]
            template = dict(zip(columns, cursor.fetchone(), strict=True))
            template["purge_at"] = 1 if is_past else template["purge_at"]
            changed = {"sid": self.new_sid}
            if subject is None:
                changed |= _spread()
            else:
                template["subject"] = subject
            asked = ", ".join(changed.get(name, self.mark) for name in columns)
            # Columns that are computed from what is there need the value of the session that is copied.
            values = [template[name] for name in columns if name not in changed]
            insert = f"INSERT INTO {TABLE} ({', '.join(columns)}) SELECT {asked} FROM ({self.numbers}) AS numbers"
            self._insert(cursor, insert, values, count, "sessions")

    def add_references(self, count: int) -> None:
        """Copy what a reference token stands for, any one that is there, each under a digest of its own."""
        with self.cursor() as cursor:
            cursor.execute(f"SELECT sealed, until FROM {REFERENCES} LIMIT 1")
            values = cursor.fetchone()
            asked = f"{self.new_digest}, {self.mark}, {self.mark}"
            insert = f"INSERT INTO {REFERENCES} (digest, sealed, until) SELECT {asked} FROM ({self.numbers}) AS numbers"
            self._insert(cursor, insert, values, count, "references")

    def _insert(self, cursor: Any, insert: str, values: Iterable[object], count: int, what: str) -> None:
        for first in range(0, count, AT_ONCE):
            if count > AT_ONCE:
                progress(f"{self.name}: {first:,} of {count:,} {what}")
            cursor.execute(insert, (*values, first, min(first + AT_ONCE, count) - 1))

    def rest(self) -> None:
        """Do what is due after so many changes."""
        with self.cursor() as cursor:
            for statement in self.settle:
                cursor.execute(statement)

    def total(self) -> int:
        with self.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {TABLE}")
            return int(cursor.fetchone()[0])


def _spread() -> dict[str, str]:
    """Expressions of the columns that differ from session to session: the times of each go back as far."""
    now_s = int(time.time())
    ago = f"(i * 7919 - i * 7919 / {SPREAD_S} * {SPREAD_S})"  # the remainder: "%" is a parameter of psycopg
    ends_at = now_s + SPREAD_S + 3600
    return {
        "subject": f"'subject-' || (i / {OF_ONE_SUBJECT})",
        "created_at": f"{now_s} - {ago}",
        "last_refreshed_at": f"{now_s} - {ago}",
        "idle_ends_at": f"{ends_at} - {ago}",
        "purge_at": f"{ends_at} - {ago}",
    }


def sqlite_database(path: Path) -> Database:
    """A SQLite file that a store has made."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-2000000")
        connection.create_function("new_sid", 0, _sids().__next__)
        return connection

    return Database(
        name="SQLite",
        connect=connect,
        mark="?",
        numbers="WITH RECURSIVE n(i, z) AS (SELECT ?, ? UNION ALL SELECT i + 1, z FROM n WHERE i < z) SELECT i FROM n",
        new_sid="new_sid()",
        new_digest="randomblob(32)",
        settle=("PRAGMA wal_checkpoint(TRUNCATE)",),
    )


def _sids() -> Iterator[str]:
    while True:
        drawn = secrets.token_bytes(16 * SIDS_DRAWN)
        for first in range(0, len(drawn), 16):
            yield b64url_encode(drawn[first : first + 16])


def postgresql_database(connect: Callable[[], Any]) -> Database:
    """A PostgreSQL database that has its tables.

    Args:
        connect: opens a connection that commits each statement.
    """
    return Database(
        name="PostgreSQL",
        connect=connect,
        mark="%s",
        numbers="SELECT i FROM generate_series(%s::bigint, %s::bigint) AS i",
        # 122 of the 128 bits are random, which is enough to scatter rows over an index.
        new_sid="translate(rtrim(encode(uuid_send(gen_random_uuid()), 'base64'), '='), '+/', '-_')",
        new_digest="uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())",
        settle=(f"VACUUM ANALYZE {TABLE}", f"VACUUM ANALYZE {REFERENCES}", "CHECKPOINT"),
    )
