"""From a URL to tables of this version. Enters: a URL. Leaves: what was done, in words.

Source: DESIGN.md 5 (schema): an upgrade is asked for, never made by the way.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.stores.opening import open_engine, scheme_of, sqlite_path

__all__ = ["has_tables", "upgrade_store"]

_LOOK: Final = "SELECT 1 FROM sqlite_master WHERE name = 'daypass_meta'"


def upgrade_store(place: Concealed) -> tuple[str, ...]:
    """Bring the tables of a SQL database to this version; those of an empty one are made.

    Args:
        place: the URL of the store.

    Raises:
        ConfigurationError: no SQL database, a file that is not there, tables that are newer or may not be changed.
        StoreUnavailable: the database cannot answer now; run it again.
    """
    scheme = scheme_of(place)
    if scheme in {"redis", "rediss", "memcached", "memory"}:
        return (f"{scheme}: a store without tables, nothing to do",)
    if scheme == "sqlite" and not (path := sqlite_path(place.value)).is_file():
        raise ConfigurationError(f"there is no file {path}: the first use of a store makes it")
    engine = open_engine(place)
    from daypass.stores.creation import upgrade
    from daypass.stores.database import Database

    database = Database(engine)
    try:
        return upgrade(database)
    finally:
        database.close()
        engine.dispose()


def has_tables(place: Concealed) -> bool:
    """Tell whether a SQL database holds tables of daypass; nothing is made there, and nothing changed.

    Args:
        place: the URL of the store.

    Returns:
        True, too, where a file cannot be read: whoever opens it says why.

    Raises:
        ConfigurationError: no SQL database, or a driver that is not installed.
        StoreUnavailable: the database cannot answer now.
    """
    if scheme_of(place) == "sqlite":
        uri = f"{sqlite_path(place.value).as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                return connection.execute(_LOOK).fetchone() is not None
        except sqlite3.Error:
            return True
    engine = open_engine(place)
    from daypass.stores.creation import version_of
    from daypass.stores.database import Database

    database = Database(engine)
    try:
        return version_of(database) is not None
    finally:
        database.close()
        engine.dispose()
