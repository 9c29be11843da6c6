"""The commands put together. Enters: words. Leaves: a call of the command that they name."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Annotated

import typer

from daypass.cli import keys, sessions, store, token, users
from daypass.cli.serve import serve

__all__ = ["application"]

application = typer.Typer(
    name="daypass",
    help="Sessions that the client carries: the service, its accounts and keys, and tokens of any kind.",
    add_completion=False,
    no_args_is_help=True,
    # A pretty traceback shows local variables, and those may be secrets.
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)
application.command()(serve)
application.add_typer(users.group, name="users")
application.add_typer(sessions.group, name="sessions")
application.add_typer(keys.group, name="keys")
application.add_typer(store.group, name="store")
application.add_typer(token.group, name="token")


def _print_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        print(f"daypass {version_of('daypass')}")
        raise typer.Exit


@application.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""
