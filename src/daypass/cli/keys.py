"""``daypass keys``: the key ring, beside a running service. Enters: no secret. Leaves: a table, a new key."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daypass.cli.options import Data, moment, print_table
from daypass.errors import ConfigurationError

if TYPE_CHECKING:
    from daypass.keyring.ring import KeyRing

__all__ = ["group"]

group = typer.Typer(help="The key ring: list, rotate, retire.", no_args_is_help=True)


@group.command("list")
def list_keys(*, data: Data = None) -> None:
    """List the keys, without anything secret. Times are UTC."""
    now_s = time.time()
    rows = [
        (
            entry.kid,
            entry.alg,
            entry.purpose,
            entry.state(now_s),
            moment(entry.sign_from),
            moment(entry.retire_at),
            moment(entry.remove_at),
        )
        for entry in _ring(data).entries()
    ]
    columns = ("KID", "ALG", "PURPOSE", "STATE", "USED FROM", "USED UNTIL", "REMOVED")
    print_table(columns, rows)


@group.command()
def rotate(
    *,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="Sign with the new key from now on: for a key that has leaked, then retire it."),
    ] = False,
    data: Data = None,
) -> None:
    """Make a new key. It is published now and signs soon; nobody is logged out."""
    ring = _ring(data)
    kid = ring.rotate(at_once=at_once)
    entry = next(entry for entry in ring.entries() if entry.kid == kid)
    print(f"new key {kid}, signs from {moment(entry.sign_from)} UTC")


# A kid may begin with a hyphen; it is a kid nevertheless.
@group.command(context_settings={"ignore_unknown_options": True})
def retire(
    kid: Annotated[str, typer.Argument(help="The KID of a key that has a successor.", show_default=False)],
    *,
    data: Data = None,
) -> None:
    """Refuse what was made with a key, within about a second: for a key that has leaked."""
    _ring(data).retire(kid)
    print(f"retired {kid}")


def _ring(data: Path | None) -> KeyRing:
    """Open the ring that the service uses, and never a new one."""
    from daypass.keyring.ring import KeyRing
    from daypass.server.settings import KEYS_VARIABLE, read_settings

    settings = read_settings(data=data)
    if settings.keys_from_environment:
        return KeyRing.from_env(KEYS_VARIABLE)
    if not settings.keys.is_file():
        raise ConfigurationError(
            f"there is no key ring {settings.keys}: run `daypass serve` once, or name its folder with --data"
        )
    return KeyRing.open(settings.keys)
