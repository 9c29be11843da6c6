"""What differs between the drivers. Enters: an engine. Leaves: how its connections are set up, begun and watched.

Every connection of a store commits each statement by itself unless a transaction is begun: so a read or a
compare-and-swap is one trip. A driver that is not known here works on the road that all drivers share: it begins by
itself, and each statement is followed by a commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from daypass.stores.liveness import is_silent

__all__ = ["ANSWER_S", "Driver", "driver_of"]

ANSWER_S: Final = 5.0
"""How long a server may take for one answer, in seconds; then the store is unavailable."""
_GONE_S: Final = 75
"""When a server of MariaDB gives up a connection that says nothing, in seconds: a client whose machine lost its power
says nothing, and holds its locks until then. We use none that was idle for DROPPED_AFTER_S."""
_LOCK_S: Final = 4
"""How long a server lets a statement wait for a lock, in seconds: less, so that it says so itself."""


class Driver:
    """What all drivers can do.

    Args:
        engine: of the connections.
    """

    keeps_bytes = False
    """Whether texts are sent and come back as bytes."""
    commits_by_itself = False
    """Whether a statement outside a transaction needs no commit."""
    begin: tuple[str, ...] = ()
    """What begins a transaction that writes."""
    forks_wait = False
    """Whether a fork has to wait for statements of other threads, and finds no open connection."""

    def __init__(self, engine: sa.Engine) -> None:
        self.dialect = engine.dialect

    def set_up(self, connection: Any) -> None:  # noqa: ANN401 - drivers have no common type
        """Make a new connection one of ours."""
        self.dialect.set_isolation_level(connection, "READ COMMITTED")

    def mark(self) -> object:
        """Name what a new connection leads to; one whose mark has changed is not used again."""
        return None

    def close(self, connection: Any, _cursor: Any) -> None:  # noqa: ANN401
        """Close a connection wherever it stands, without waiting for an answer. Raises whatever the driver raises."""
        connection.close()

    def is_silent(self, _connection: Any) -> bool | None:  # noqa: ANN401
        """Tell whether the server has said nothing unasked: a connection that it closed has. None: unknown."""
        return None

    def ping(self, connection: Any) -> None:  # noqa: ANN401
        """Ask the server something. Raises whatever the driver raises."""
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT 1")
            cursor.fetchall()
        finally:
            cursor.close()
        if not self.commits_by_itself:
            connection.rollback()


class SQLiteDriver(Driver):
    """sqlite3: the file is watched, not a socket."""

    commits_by_itself = True
    begin = ("BEGIN IMMEDIATE",)
    forks_wait = True

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        name = engine.url.database or ""
        self._path = "" if name.startswith("file:") else str(Path(name).absolute())

    def set_up(self, connection: Any) -> None:  # noqa: ANN401
        connection.isolation_level = None

    def mark(self) -> object:
        return file_at(self._path) if self._path else None

    def close(self, connection: Any, cursor: Any) -> None:  # noqa: ANN401
        # As long as anything refers to a statement, SQLite keeps a closed connection alive, and its locks.
        if cursor is not None:
            cursor.close()
        connection.close()

    def is_silent(self, _connection: Any) -> bool | None:  # noqa: ANN401
        return True


class PostgreSQLDriver(Driver):
    """psycopg 3."""

    commits_by_itself = True
    # Whatever the server's default is: a snapshot of a whole transaction would not see what a lock waited for.
    begin = ("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",)

    def set_up(self, connection: Any) -> None:  # noqa: ANN401
        connection.autocommit = True

    def is_silent(self, connection: Any) -> bool | None:  # noqa: ANN401
        return not connection.closed and is_silent(connection.fileno())

    def ping(self, connection: Any) -> None:  # noqa: ANN401
        connection.execute("")


class MariaDBDriver(Driver):
    """Any driver of MariaDB and MySQL."""

    keeps_bytes = True

    def set_up(self, connection: Any) -> None:  # noqa: ANN401
        super().set_up(connection)
        cursor = connection.cursor()
        # A server that is not strict cuts what is too long.
        cursor.execute(
            f"SET SESSION sql_mode = 'STRICT_ALL_TABLES', SESSION innodb_lock_wait_timeout = {_LOCK_S},"
            f" SESSION wait_timeout = {_GONE_S}"
        )
        cursor.close()


class PyMySQLDriver(MariaDBDriver):
    """PyMySQL."""

    commits_by_itself = True
    begin = ("START TRANSACTION",)

    def set_up(self, connection: Any) -> None:  # noqa: ANN401
        super().set_up(connection)
        connection.autocommit(True)

    def is_silent(self, connection: Any) -> bool | None:  # noqa: ANN401
        socket = getattr(connection, "_sock", None)
        return is_silent(socket.fileno()) if socket is not None else False

    def ping(self, connection: Any) -> None:  # noqa: ANN401
        connection.ping(reconnect=False)


_DRIVERS: Final[dict[tuple[str, str], Callable[[sa.Engine], Driver]]] = {
    ("sqlite", "pysqlite"): SQLiteDriver,
    ("postgresql", "psycopg"): PostgreSQLDriver,
    ("mysql", "pymysql"): PyMySQLDriver,
    ("mariadb", "pymysql"): PyMySQLDriver,
}


def driver_of(engine: sa.Engine) -> Driver:
    """Find out how to treat the connections of an engine."""
    name = engine.dialect.name
    known = _DRIVERS.get((name, engine.dialect.driver))
    return (known or (MariaDBDriver if name in {"mysql", "mariadb"} else Driver))(engine)


def file_at(path: str) -> tuple[int, int] | None:
    """Name the file behind a path; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - at each statement, and twice as fast
    except OSError:
        return None
    return found.st_dev, found.st_ino
