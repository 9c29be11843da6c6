"""From a URL to a store. Enters: a URL. Leaves: a store.

Whatever goes wrong, the URL is neither in the message nor in a frame of ours: it may hold a password.

Source: DESIGN.md 3 (open_store).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.stores.memory import MemoryStore

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["open_engine", "open_store", "scheme_of", "sqlite_path"]

_SQLITE: Final = "sqlite:///"
_SUPPORTED: Final = (
    "sqlite:///relative.db, sqlite:////absolute/file.db, postgresql://, mysql://, mariadb://, redis://, rediss://,"
    " memcached://, memory://"
)
_POSTGRESQL: Final = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_MARIADB: Final = frozenset({"mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"})


def open_store(url: str) -> Any:  # noqa: ANN401 - a SQLStore, RedisStore, MemcachedStore or MemoryStore, by the URL
    """Open a session store; an empty SQL database gets its tables.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute/file.db``, ``postgresql://user:password@host/database``,
            ``mysql://`` or ``mariadb://`` likewise, ``redis://``, ``rediss://``, ``memcached://``, ``memory://``.

    Raises:
        ConfigurationError: another URL, a driver that is not installed, tables of another version.
        StoreUnavailable: the database cannot be opened now.
    """
    place = Concealed(url)
    del url  # a traceback may show the locals of this frame
    if type(place.value) is not str:
        raise ConfigurationError(f"the URL of a store is a text: {_SUPPORTED}")
    scheme = scheme_of(place)
    if place.value == "memory://":
        return MemoryStore()
    if scheme in {"redis", "rediss"}:
        from daypass.stores.redis import open_redis

        return open_redis(place.value)
    if scheme == "memcached":
        from daypass.stores.memcached import open_memcached

        return open_memcached(place.value)
    engine = open_engine(place)
    from daypass.stores.sql import SQLStore

    try:
        return SQLStore(engine)
    finally:
        engine.dispose()  # the store has connections of its own


def open_engine(place: Concealed) -> sa.Engine:
    """Find out how to connect to the SQL database of a URL.

    Raises:
        ConfigurationError: another URL, a driver that is not installed.
        StoreUnavailable: the file of SQLite cannot be opened now.
    """
    scheme = scheme_of(place)
    path = None if scheme in _POSTGRESQL | _MARIADB else sqlite_path(place.value)
    try:
        import sqlalchemy as sa
    except ModuleNotFoundError as error:
        if error.name != "sqlalchemy":
            raise
        is_there = False
    else:
        is_there = sa is not None
    if not is_there:
        extra = "sql" if path else "postgresql" if scheme in _POSTGRESQL else "mariadb"
        raise ConfigurationError(f'SQLAlchemy is not installed: pip install "daypass[{extra}]"')
    if path is not None:
        from daypass.stores.sqlite import sqlite_engine

        return sqlite_engine(path)
    if scheme in _POSTGRESQL:
        from daypass.stores.postgresql import postgresql_engine

        return postgresql_engine(Concealed(f"postgresql://{place.value.partition('://')[2]}"))
    from daypass.stores.mariadb import mariadb_engine

    return mariadb_engine(place)


def scheme_of(place: Concealed) -> str:
    """Read what stands before ``://``; nothing where that is nowhere, for then it may be a password."""
    scheme, found, _ = place.value.partition("://")
    return str(scheme) if found and scheme.replace("+", "").isalnum() else ""


def sqlite_path(url: str) -> Path:
    """Read the absolute path out of the URL of a SQLite file.

    Raises:
        ConfigurationError: another URL. The message does not repeat it: it may hold a password.
    """
    place = Concealed(url)
    del url
    name = place.value.removeprefix(_SQLITE)
    if name == place.value:
        del name
        raise ConfigurationError(f"no session store of that kind: supported are {_SUPPORTED}")
    if not name or name == ":memory:":
        raise ConfigurationError("SQLite in memory has one database a connection: use memory://, or a file")
    if "?" in name or "#" in name or name.endswith("/"):
        raise ConfigurationError("sqlite:/// is followed by the path of a file, without options or fragments")
    return Path(name).absolute()
