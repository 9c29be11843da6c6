"""Which database a command is about. Enters: ``--store``, ``--data``, DAYPASS_STORE. Leaves: an open store.

A URL with a password is better kept in the variable, where no list of processes shows it. Nothing is made here: a
mistyped path would be a new, empty database, in which every session seems to have ended, and a mistyped name the
database of something else, where nobody wants our tables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError

if TYPE_CHECKING:
    from daypass.server.settings import Settings

__all__ = ["STORE_VARIABLE", "Store", "existing_store", "service_settings", "store_place"]

STORE_VARIABLE: Final = "DAYPASS_STORE"
Store = Annotated[
    str | None,
    typer.Option(
        help="The URL of the store: sqlite:///file.db, postgresql://, mysql://, redis://. With a password in it, better"
        f" in the variable. [{STORE_VARIABLE}]",
        show_default=False,
    ),
]


def store_place(url: str | None, data: Path | None) -> Concealed | None:
    """Find the URL that was given; None where the folder of the service is meant.

    Args:
        url: of ``--store``.
        data: of ``--data``, which goes before the variable.

    Raises:
        ConfigurationError: two databases are named.
    """
    place = Concealed(url or ("" if data is not None else os.environ.get(STORE_VARIABLE, "")))
    del url
    if place.value and data is not None:
        raise ConfigurationError("--store and --data name two databases: give one")
    return place if place.value else None


@contextmanager
def existing_store(place: Concealed) -> Iterator[Any]:
    """Open a store that is there.

    Args:
        place: its URL.

    Raises:
        ConfigurationError: the URL means nothing, no file is there, or no tables of daypass.
        StoreUnavailable: it cannot be opened now.
    """
    from daypass.stores.opening import open_store, scheme_of, sqlite_path

    if place.value.startswith("sqlite:") and not (path := sqlite_path(place.value)).is_file():
        raise ConfigurationError(f"there is no database {path}")
    if place.value.startswith("memory:"):
        raise ConfigurationError("memory:// is in another process: no command reaches it")
    if scheme_of(place) not in {"redis", "rediss", "memcached"}:
        from daypass.stores.upgrading import has_tables

        if not has_tables(place):
            raise ConfigurationError("this database has no tables of daypass: the first use of a store makes them")
    with closing(open_store(place.value)) as store:
        yield store


def service_settings(data: Path | None, *, takes_store: bool = False) -> Settings:
    """Find the data folder of the service, which a first ``serve`` or ``users add`` has made.

    Args:
        data: of ``--data``.
        takes_store: whether the command could be told of another store.

    Raises:
        ConfigurationError: there is none.
    """
    from daypass.server.settings import read_settings

    settings = read_settings(data=data)
    if not settings.database.is_file():
        raise ConfigurationError(
            f"no database in {settings.data}: run `daypass serve` once, or name its folder with --data"
            + (f"; the URL of another store stands in {STORE_VARIABLE}" if takes_store else "")
        )
    return settings
