"""One SQLite file, opened so that what it confirmed is kept. Enters: a path. Leaves: an engine.

WAL, so that readers and the writer do not wait for each other; ``synchronous=FULL``, so that what was
answered survives a power cut; a new file is readable by its owner only, and so are its companions, which
SQLite gives the same mode. A file that is removed or replaced while it is in use (a backup put back) is
noticed at the next statement: what is written to a file without a name is lost.

Source: DESIGN.md 5 (SQLite is the embedded default).
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.stores.drivers import file_at

__all__ = ["BUSY_S", "sqlite_engine"]

BUSY_S: Final = 5.0
"""How long a statement waits for another writer, in seconds."""
_RETRY_S: Final = 0.02
_FILE: Final = "daypass file"
_CONNECTIONS_KEPT: Final = 8
_CONNECTIONS_MORE: Final = 32


def sqlite_engine(path: Path, *, busy_s: float = BUSY_S) -> sa.Engine:
    """Open a SQLite file, made on first use.

    Args:
        path: of the database; its folder exists.
        busy_s: how long a statement waits for another writer, in seconds.

    Raises:
        ConfigurationError: the folder is missing, or the file is no place for a database.
        StoreUnavailable: the file cannot be opened now.
    """
    path = path.absolute()
    if not path.parent.is_dir():
        raise ConfigurationError(f"the folder {path.parent} does not exist: make it first")
    _create(path)
    _use_wal(path, busy_s)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        creator=lambda: _connect(path, busy_s),
        hide_parameters=True,
        pool_size=_CONNECTIONS_KEPT,
        max_overflow=_CONNECTIONS_MORE,
        pool_timeout=busy_s,
    )

    place = str(path)

    def remember(_connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info[_FILE] = file_at(place)

    def compare(_connection: sqlite3.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if record.info[_FILE] != file_at(place):
            raise sa.exc.DisconnectionError("another file is there now")  # opens that one instead

    sa.event.listen(engine, "connect", remember)
    sa.event.listen(engine, "checkout", compare)
    return engine


def _create(path: Path) -> None:
    """Make an empty file, which is an empty database, for the owner's eyes only."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigurationError(f"cannot create {path}: {error.strerror}") from None


def _use_wal(path: Path, busy_s: float) -> None:
    """Switch the file to write-ahead logging, which stays; two processes may do so at once.

    SQLite does not wait for the lock that the switch takes, so we do.
    """
    give_up_at = time.monotonic() + busy_s
    while True:
        try:
            with closing(sqlite3.connect(path, timeout=busy_s)) as connection:
                (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if time.monotonic() >= give_up_at:
                raise StoreUnavailable(f"cannot open {path} ({error})") from None
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"{path} is no SQLite database ({error})") from None
        time.sleep(_RETRY_S)
    if mode != "wal":
        raise ConfigurationError(f"{path} cannot use write-ahead logging: put it on a local file system")


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """Open the file that is there, never a new one, and wait for the disk at each commit.

    Raises:
        sqlite3.Error: that is what the engine expects of a driver.
    """
    # The pool hands a connection to one thread at a time.
    uri = f"{path.as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=busy_s, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous=FULL").close()
    except BaseException:
        connection.close()
        raise
    return connection
