"""``daypass users``: accounts, beside a running service. Enters: e-mail addresses. Leaves: changed rows.

Ending sessions needs no key, only the store: what is ended here is refused by the service within its feed's
delay.
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daypass.cli.options import Data, moment, print_table
from daypass.cli.places import service_settings
from daypass.errors import ConfigurationError

if TYPE_CHECKING:
    from daypass.server.accounts import Accounts
    from daypass.server.settings import Settings

__all__ = ["group"]

group = typer.Typer(help="Accounts: add, list, lock, unlock, roles, passwords.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The e-mail address of the account.", show_default=False)]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the first line of the standard input."),
]


@group.command()
def add(
    email: Email,
    *,
    role: Annotated[list[str] | None, typer.Option(help="A role; may be repeated.", show_default=False)] = None,
    password_stdin: PasswordStdin = False,
    data: Data = None,
) -> None:
    """Add an account."""
    from daypass.server.accounts import normalise_email, require_roles

    normalise_email(email)  # before a password is asked for in vain
    roles = tuple(role or ())
    require_roles(roles)
    with _accounts(_settings(data, make=True)) as accounts:
        account = accounts.add(email, _hash_of(_ask_password(password_stdin)), roles=roles)
    print(f"added {account.email}")


@group.command("list")
def list_accounts(*, data: Data = None) -> None:
    """List the accounts. Times are UTC."""
    with _accounts(_settings(data)) as opened:
        accounts = opened.all()
    rows = [
        (
            account.email,
            " ".join(account.roles),
            f"locked {moment(account.locked_at)}" if account.locked_at is not None else "open",
            moment(account.created_at),
            moment(account.password_changed_at),
        )
        for account in accounts
    ]
    print_table(("EMAIL", "ROLES", "STATE", "CREATED", "PASSWORD OF"), rows)


@group.command()
def lock(email: Email, *, data: Data = None) -> None:
    """Lock an account and end its sessions."""
    settings = _settings(data)
    with _accounts(settings) as accounts:
        account_id = accounts.id_of(email)
        # The flag first: a login that this does not see yet sees the flag, and one that it does see is ended.
        was_open = accounts.lock(account_id)
    ended = _end_sessions(settings, account_id)
    print(f"{'locked' if was_open else 'was locked already'}, sessions ended: {ended}")


@group.command()
def unlock(email: Email, *, data: Data = None) -> None:
    """Let an account log in again."""
    with _accounts(_settings(data)) as accounts:
        was_locked = accounts.unlock(accounts.id_of(email))
    print("unlocked" if was_locked else "was not locked")


@group.command()
def password(email: Email, *, password_stdin: PasswordStdin = False, data: Data = None) -> None:
    """Set a new password and end the account's sessions."""
    settings = _settings(data)
    with _accounts(settings) as accounts:
        account_id = accounts.id_of(email)
        accounts.set_password(account_id, _hash_of(_ask_password(password_stdin)))
    print(f"password changed, sessions ended: {_end_sessions(settings, account_id)}")


@group.command()
def grant(email: Email, role: Annotated[str, typer.Argument(help="The role.")], *, data: Data = None) -> None:
    """Give a role; sessions have it from their next refresh."""
    with _accounts(_settings(data)) as accounts:
        accounts.grant(accounts.id_of(email), role)
    print("granted")


@group.command()
def revoke(email: Email, role: Annotated[str, typer.Argument(help="The role.")], *, data: Data = None) -> None:
    """Take a role away; sessions lose it at their next refresh."""
    with _accounts(_settings(data)) as accounts:
        had_it = accounts.revoke(accounts.id_of(email), role)
    print("revoked" if had_it else "did not have it")


def _settings(data: Path | None, *, make: bool = False) -> Settings:
    """Find the data folder, which a first ``serve`` or ``add`` has made."""
    if not make:
        return service_settings(data)
    from daypass.server.boot import make_folder
    from daypass.server.settings import read_settings

    settings = read_settings(data=data)
    make_folder(settings)
    return settings


def _accounts(settings: Settings) -> AbstractContextManager[Accounts]:
    """Open the accounts, and close them after use."""
    from daypass.server.boot import open_accounts

    return open_accounts(settings)


def _end_sessions(settings: Settings, account_id: str) -> int:
    """End all sessions of an account, and count those that lived."""
    from daypass.stores.opening import open_store

    with closing(open_store(settings.database_url)) as store:
        return len(store.end_all(account_id, now_s=time.time()))


def _ask_password(from_stdin: bool) -> str:
    """Get a password without it ever being a word of a command."""
    if from_stdin:
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            pass  # the error that follows does not carry what was typed
        raise ConfigurationError("the password on the standard input is not UTF-8")
    if not sys.stdin.isatty():
        raise ConfigurationError("no terminal to ask for the password: pipe it in and say --password-stdin")
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


def _hash_of(new_password: str) -> str:
    """Check and hash a new password."""
    from daypass.server.passwords import Passwords, require_acceptable
    from daypass.web.problem import Refused

    try:
        require_acceptable(new_password)
    except Refused as refused:
        raise ConfigurationError(refused.detail) from None
    return Passwords().hash(new_password)
