"""``daypass store``: the tables of a session database. Enters: a URL. Leaves: tables of this version."""

from __future__ import annotations

from typing import Annotated

import typer

from daypass.cli.options import Data
from daypass.cli.places import STORE_VARIABLE, service_settings, store_place
from daypass.concealed import Concealed

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
            help="sqlite:///file.db, postgresql://..., mysql://...; without one, the database of the service. With a"
            f" password in it, better in the variable, where no list of processes shows it. [{STORE_VARIABLE}]",
            show_default=False,
        ),
    ] = None,
    *,
    data: Data = None,
) -> None:
    """Bring the tables to the version that this daypass needs; safe to run twice, and on several machines at once."""
    place = store_place(url, data) or Concealed(service_settings(data, takes_store=True).database_url)
    del url
    from daypass.stores.upgrading import upgrade_store

    for line in upgrade_store(place):
        print(line)
