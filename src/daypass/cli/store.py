"""``daypass store``: the tables of a session database. Enters: a URL. Leaves: tables of this version."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from daypass.cli.places import STORE_VARIABLE
from daypass.concealed import Concealed
from daypass.errors import ConfigurationError

__all__ = ["group"]

group = typer.Typer(help="The database of the sessions: upgrade its tables.", no_args_is_help=True)


@group.callback()
def commands() -> None:
    """Keep ``upgrade`` a word of its own, however few commands there are."""


@group.command()
def upgrade(
    url: Annotated[
        str | None,
        typer.Argument(
            help="sqlite:///file.db, postgresql://..., mysql://... A URL with a password is better kept in the"
            f" variable, where no list of processes shows it. [{STORE_VARIABLE}]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Bring the tables to the version that this daypass needs; safe to run twice, and on several machines at once."""
    place = Concealed(url or os.environ.get(STORE_VARIABLE, ""))
    del url
    if not place.value:
        raise ConfigurationError(f"which database? Give its URL, or set {STORE_VARIABLE}")
    from daypass.stores.upgrading import upgrade_store

    for line in upgrade_store(place):
        print(line)
