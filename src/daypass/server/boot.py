"""From a data folder to a running service, and its first administrator.

Enters: settings. Leaves: a Service. What is missing is made: the folder (0700), the database, the key ring,
and on the first start an administrator whose password is shown once and kept nowhere but as a hash.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine

from daypass.errors import ConfigurationError
from daypass.keyring.ring import KeyRing
from daypass.server.accounts import Accounts
from daypass.server.credentials import PasswordLogin
from daypass.server.passwords import Passwords
from daypass.server.settings import KEYS_VARIABLE, Settings
from daypass.sessions.manager import Sessions
from daypass.stores.sql import SQLStore
from daypass.stores.sqlite import sqlite_engine

__all__ = [
    "ADMINISTRATOR_EMAIL",
    "Service",
    "first_administrator",
    "make_folder",
    "open_accounts",
    "open_service",
]

ADMINISTRATOR_EMAIL: Final = "admin@example.com"
ADMINISTRATOR_ROLE: Final = "admin"
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Nothing that is mistaken for something else (l 1 I o 0 O), and nothing that a shell reads as its own."""
_PASSWORD_CHARACTERS: Final = 24  # 139 bits


class Service:
    """What the routes need, opened together and closed together.

    Args:
        engine: of the accounts.
        accounts: the table.
        sessions: with the accounts as their ``authorize``.
    """

    def __init__(self, engine: Engine, accounts: Accounts, sessions: Sessions) -> None:
        self._engine = engine
        self.accounts = accounts
        self.sessions = sessions
        self.passwords = Passwords()
        self.login = PasswordLogin(accounts, self.passwords)

    def close(self) -> None:
        """Close the sessions and the database."""
        self.sessions.close()
        self._engine.dispose()


def open_service(settings: Settings) -> Service:
    """Open the data folder, and make what is missing in it.

    Raises:
        ConfigurationError: the folder, the database or the key ring cannot be used as they are.
        StoreUnavailable: the database cannot be opened now.
    """
    make_folder(settings)
    engine = sqlite_engine(settings.database)
    keys = KeyRing.from_env(KEYS_VARIABLE) if settings.keys_from_environment else None
    accounts = Accounts(engine)
    sessions = Sessions.open(
        settings.database_url,
        keys=keys,
        issuer=settings.issuer,
        audience=settings.issuer,
        authorize=accounts.authorize,
    )
    accounts.prepare()
    return Service(engine, accounts, sessions)


@contextmanager
def open_accounts(settings: Settings) -> Iterator[Accounts]:
    """Open the accounts alone, for a command that works beside the service, and close them after it.

    Raises:
        ConfigurationError: the database cannot be used as it is.
        StoreUnavailable: the database cannot be opened now.
    """
    engine = sqlite_engine(settings.database)
    try:
        SQLStore(engine)  # makes its tables where there are none
        accounts = Accounts(engine)
        accounts.prepare()
        yield accounts
    finally:
        engine.dispose()


def make_folder(settings: Settings) -> None:
    """Make the data folder, for its owner only; one that is there keeps its mode.

    Raises:
        ConfigurationError: it cannot be made, not be written to, or be written to by everybody.
    """
    folder = settings.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        if folder.stat().st_mode & stat.S_IWOTH:
            reason = f"everybody may write to it: chmod o-w {folder}"
        elif os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return
        else:
            reason = "this user may not write to it"
    raise ConfigurationError(f"no data folder {folder}: {reason}. Another folder: --data or DAYPASS_DATA")


def first_administrator(service: Service, announce: Callable[[str, str], None]) -> None:
    """Make an administrator where there is no account at all.

    Args:
        service: just opened.
        announce: told the e-mail address and the password, once, before the account exists for good.
    """
    if service.accounts.all():
        return  # without the cost of a hash; add_first asks again, in one step with the insertion
    password = "".join(secrets.choice(_LETTERS) for _ in range(_PASSWORD_CHARACTERS))
    service.accounts.add_first(
        ADMINISTRATOR_EMAIL,
        service.passwords.hash(password),
        roles=(ADMINISTRATOR_ROLE,),
        announce=lambda: announce(ADMINISTRATOR_EMAIL, password),
    )
