"""From a URL to a store. Enters: ``sqlite:///file`` or ``memory://``. Leaves: a store.

Source: DESIGN.md 3 (open_store).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass.errors import ConfigurationError
from daypass.stores.memory import MemoryStore

if TYPE_CHECKING:
    from daypass.stores.sql import SQLStore

__all__ = ["open_store", "sqlite_path"]

_SQLITE: Final = "sqlite:///"
_SUPPORTED: Final = "sqlite:///relative.db, sqlite:////absolute/file.db, memory://"


def open_store(url: str) -> SQLStore | MemoryStore:
    """Open a session store; a new SQLite file gets its tables.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute/file.db`` or ``memory://``.

    Raises:
        ConfigurationError: another URL, a driver that is not installed, tables of another version.
        StoreUnavailable: the database cannot be opened now.
    """
    if url == "memory://":
        return MemoryStore()
    path = sqlite_path(url)
    try:
        from daypass.stores.sql import SQLStore
        from daypass.stores.sqlite import sqlite_engine
    except ModuleNotFoundError as error:
        if error.name != "sqlalchemy":
            raise
        raise ConfigurationError('SQLAlchemy is not installed: pip install "daypass[sql]"') from None
    engine = sqlite_engine(path)
    try:
        return SQLStore(engine)
    except BaseException:
        engine.dispose()
        raise


def sqlite_path(url: str) -> Path:
    """Read the absolute path out of the URL of a SQLite file.

    Raises:
        ConfigurationError: another URL. The message does not repeat it: it may hold a password.
    """
    name = url.removeprefix(_SQLITE)
    if name == url:
        raise ConfigurationError(f"no session store of that kind: supported are {_SUPPORTED}")
    if not name or name == ":memory:":
        raise ConfigurationError("SQLite in memory has one database a connection: use memory://, or a file")
    if "?" in name or "#" in name or name.endswith("/"):
        raise ConfigurationError("sqlite:/// is followed by the path of a file, without options or fragments")
    return Path(name).absolute()
