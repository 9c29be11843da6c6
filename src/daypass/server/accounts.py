"""Accounts: a table beside the sessions, in the same database.

Enters: an e-mail address, roles, a password's hash. Leaves: an Account, or what an account may do.

The subject of a session is the account's ``id``, 128 random bits, never its e-mail address. Passwords come in
hashed and their hashes never leave but to ``credentials``. Roles stand in rows of their own: two who change
them at once lose nothing. Every transaction that writes begins with a write, so that none waits for a lock it
cannot get.
"""

from __future__ import annotations

import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.schema import CreateTable

from daypass.encoding import b64url_encode
from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.limits import EMAIL_BYTES_MAX, ROLE_CHARACTERS_MAX, ROLES_PER_ACCOUNT_MAX
from daypass.sessions.values import Grants
from daypass.stores.forks import transaction
from daypass.stores.schema import META

__all__ = ["Account", "Accounts", "StoredPassword", "normalise_email", "require_roles"]

_metadata = MetaData()
_accounts = Table(
    "daypass_accounts",
    _metadata,
    Column("id", String(22), primary_key=True),
    Column("email", String(EMAIL_BYTES_MAX), nullable=False, unique=True),
    Column("password_hash", String(255), nullable=False),
    Column("password_version", Integer, nullable=False),
    Column("password_changed_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("locked_at", BigInteger, nullable=True),
)
_roles = Table(
    "daypass_account_roles",
    _metadata,
    Column("account_id", String(22), ForeignKey("daypass_accounts.id"), primary_key=True),
    Column("role", String(ROLE_CHARACTERS_MAX), primary_key=True),
)

_VERSION_NAME: Final = "accounts_schema"
_VERSION: Final = "1"
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_ROLE: Final = re.compile(r"[a-z0-9][a-z0-9._:-]*")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account, without its password. All times are epoch seconds."""

    id: str
    email: str
    roles: tuple[str, ...]
    created_at: int
    password_changed_at: int
    locked_at: int | None


class StoredPassword(msgspec.Struct, frozen=True, kw_only=True):
    """What a password is compared with.

    Args:
        account_id: whose it is.
        phc: the hash.
        version: which of the account's passwords this is.
        is_locked: whether the account is locked.
    """

    account_id: str
    phc: str
    version: int
    is_locked: bool

    def __repr__(self) -> str:
        return f"<StoredPassword of {self.account_id}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("account_id", self.account_id)]


def normalise_email(text: str) -> str:
    """Bring an e-mail address into the one form under which it is stored and looked up.

    Raises:
        ConfigurationError: it has no form of an address, or is too long.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold())
    fits = folded.isprintable() and len(folded.encode("utf-8", "replace")) <= EMAIL_BYTES_MAX
    if not fits or not _EMAIL.fullmatch(folded):
        raise ConfigurationError("this is no e-mail address: expected name@host, without spaces")
    return folded


def require_roles(roles: tuple[str, ...]) -> None:
    """Refuse names that are no roles, and more roles than a token should carry.

    Raises:
        ConfigurationError: with the rule that was broken.
    """
    if len(roles) > ROLES_PER_ACCOUNT_MAX:
        raise ConfigurationError(f"an account has at most {ROLES_PER_ACCOUNT_MAX} roles")
    if not all(len(role) <= ROLE_CHARACTERS_MAX and _ROLE.fullmatch(role) for role in roles):
        raise ConfigurationError(f"a role is at most {ROLE_CHARACTERS_MAX} characters of a-z 0-9 . _ : -")


class Accounts:
    """The table of accounts.

    Args:
        engine: of the database that holds the sessions too.
        clock: epoch seconds.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def prepare(self) -> None:
        """Create the tables of a database that has none; two processes may do so at once.

        The version stands beside that of the sessions, whose tables are there already.

        Raises:
            ConfigurationError: the tables are of another version of daypass.
        """
        version = select(META.c.value).where(META.c.name == _VERSION_NAME)
        first = select(literal(_VERSION_NAME), literal(_VERSION)).where(~exists(version))
        with self._transaction() as connection:
            connection.execute(insert(META).from_select(["name", "value"], first))
            for table in _metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
            found = connection.execute(version).scalar()
        if found != _VERSION:
            raise ConfigurationError(
                f"the accounts of this database are not of schema version {_VERSION}, which this"
                " daypass needs: run `daypass store upgrade` with the newest daypass that uses the database"
            )

    def add(self, email: str, phc: str, *, roles: tuple[str, ...] = ()) -> Account:
        """Create an account.

        Args:
            email: in any spelling.
            phc: the hash of its password.
            roles: names of roles.

        Raises:
            ConfigurationError: no e-mail address, no role, or the address has an account.
            StoreUnavailable: the database cannot be written.
        """
        account = self._new(email, roles)
        try:
            with self._transaction() as connection:
                connection.execute(insert(_accounts).values(_row(account, phc)))
                _insert_roles(connection, account)
        except IntegrityError:
            raise ConfigurationError(f"{account.email} has an account already") from None
        return account

    def add_first(self, email: str, phc: str, *, roles: tuple[str, ...], announce: Callable[[], None]) -> bool:
        """Create an account if there is none at all, and tell whether that was so.

        Args:
            email: in any spelling.
            phc: the hash of its password.
            roles: names of roles.
            announce: called before the account exists for good: what it says was said even if the process
                dies now, and where it fails there is no account.
        """
        account = self._new(email, roles)
        row = _row(account, phc)
        columns = [_accounts.c[name] for name in row]
        values = select(*(literal(row[column.name], column.type) for column in columns))
        nobody = ~exists(select(_accounts.c.id))
        with self._transaction() as connection:
            added = connection.execute(insert(_accounts).from_select(list(row), values.where(nobody))).rowcount == 1
            if added:
                _insert_roles(connection, account)
                announce()
        return added

    def all(self) -> tuple[Account, ...]:
        """List all accounts by e-mail address."""
        with self._transaction() as connection:
            rows = connection.execute(select(_accounts).order_by(_accounts.c.email)).all()
            grants = connection.execute(select(_roles).order_by(_roles.c.role)).all()
        roles: dict[str, list[str]] = {}
        for grant in grants:
            roles.setdefault(grant.account_id, []).append(grant.role)
        return tuple(
            Account(
                id=row.id,
                email=row.email,
                roles=tuple(roles.get(row.id, ())),
                created_at=row.created_at,
                password_changed_at=row.password_changed_at,
                locked_at=row.locked_at,
            )
            for row in rows
        )

    def authorize(self, account_id: str) -> Grants | None:
        """Say what an account may do now: the ``authorize`` of Sessions.

        Returns:
            Its roles; None where it does not exist or is locked.
        """
        joined = _accounts.outerjoin(_roles)
        found = select(_accounts.c.locked_at, _roles.c.role).select_from(joined).where(_accounts.c.id == account_id)
        with self._transaction() as connection:
            rows = connection.execute(found.order_by(_roles.c.role)).all()
        if not rows or rows[0].locked_at is not None:
            return None
        return Grants(scopes=(), roles=tuple(row.role for row in rows if row.role is not None))

    def id_of(self, email: str) -> str:
        """Look an account up.

        Raises:
            ConfigurationError: there is none under this address.
        """
        folded = normalise_email(email)
        with self._transaction() as connection:
            found = connection.execute(select(_accounts.c.id).where(_accounts.c.email == folded)).scalar()
        if found is None:
            raise ConfigurationError(f"there is no account for {folded}: see `daypass users list`")
        return str(found)

    def password_by_email(self, folded: str) -> StoredPassword | None:
        """Fetch what a login is compared with; None where there is no such account.

        Args:
            folded: as ``normalise_email`` returned it.
        """
        return self._password(_accounts.c.email == folded)

    def password_by_id(self, account_id: str) -> StoredPassword | None:
        """Fetch what a change of password is compared with; None where there is no such account."""
        return self._password(_accounts.c.id == account_id)

    def set_password(self, account_id: str, phc: str, *, version: int | None = None) -> bool:
        """Replace a password.

        Args:
            account_id: whose.
            phc: the hash of the new one.
            version: do so only if this is still the version; None for always.

        Returns:
            Whether it was replaced.
        """
        matches = _accounts.c.id == account_id
        if version is not None:
            matches &= _accounts.c.password_version == version
        values = {
            _accounts.c.password_hash: phc,
            _accounts.c.password_version: _accounts.c.password_version + 1,
            _accounts.c.password_changed_at: int(self._clock()),
        }
        return self._update(matches, values)

    def rehash_password(self, stored: StoredPassword, phc: str) -> None:
        """Replace the hash of a password that stays the same, unless it was changed meanwhile."""
        same = (_accounts.c.id == stored.account_id) & (_accounts.c.password_hash == stored.phc)
        self._update(same, {_accounts.c.password_hash: phc})

    def lock(self, account_id: str) -> bool:
        """Forbid logins and refreshes; its sessions are to be ended afterwards, never before.

        Returns:
            Whether it was open.
        """
        is_open = (_accounts.c.id == account_id) & _accounts.c.locked_at.is_(None)
        return self._update(is_open, {_accounts.c.locked_at: int(self._clock())})

    def unlock(self, account_id: str) -> bool:
        """Allow logins again. Returns whether it was locked."""
        is_locked = (_accounts.c.id == account_id) & _accounts.c.locked_at.is_not(None)
        return self._update(is_locked, {_accounts.c.locked_at: None})

    def grant(self, account_id: str, role: str) -> None:
        """Give a role; its sessions have it from their next refresh.

        Raises:
            ConfigurationError: this is no role, or it is one too many.
        """
        require_roles((role,))
        try:
            with self._transaction() as connection:
                connection.execute(insert(_roles).values(account_id=account_id, role=role))
                counted = select(func.count()).where(_roles.c.account_id == account_id)
                if (connection.execute(counted).scalar() or 0) > ROLES_PER_ACCOUNT_MAX:
                    raise ConfigurationError(f"an account has at most {ROLES_PER_ACCOUNT_MAX} roles")
        except IntegrityError:
            return  # it has it already

    def revoke(self, account_id: str, role: str) -> bool:
        """Take a role away; its sessions lose it at their next refresh. Returns whether it had it."""
        with self._transaction() as connection:
            gone = delete(_roles).where(_roles.c.account_id == account_id, _roles.c.role == role)
            return connection.execute(gone).rowcount == 1

    def _new(self, email: str, roles: tuple[str, ...]) -> Account:
        """Check the parts of a new account and draw its id."""
        roles = tuple(sorted(set(roles)))
        require_roles(roles)
        now_s = int(self._clock())
        return Account(
            id=b64url_encode(secrets.token_bytes(16)),
            email=normalise_email(email),
            roles=roles,
            created_at=now_s,
            password_changed_at=now_s,
            locked_at=None,
        )

    def _password(self, condition: ColumnElement[bool]) -> StoredPassword | None:
        """Fetch one hash."""
        with self._transaction() as connection:
            row = connection.execute(select(_accounts).where(condition)).one_or_none()
        if row is None:
            return None
        return StoredPassword(
            account_id=row.id,
            phc=row.password_hash,
            version=row.password_version,
            is_locked=row.locked_at is not None,
        )

    def _update(self, condition: ColumnElement[bool], values: dict[Column[Any], object]) -> bool:
        """Change one account, and tell whether there was one to change."""
        with self._transaction() as connection:
            return connection.execute(update(_accounts).where(condition).values(values)).rowcount == 1

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Begin and commit; what the database cannot do is a StoreUnavailable that shows no value."""
        try:
            with transaction(self._engine) as connection:
                yield connection
        except IntegrityError:
            raise
        except DBAPIError as error:
            said = f": {error.orig}" if type(error.orig).__module__ == "sqlite3" else ""  # tables, never values
            reason = type(error.orig).__name__ + said
        except NoConnectionFree:
            reason = "no connection is free"
        else:
            return
        raise StoreUnavailable(f"the accounts cannot be read or written ({reason})")


def _row(account: Account, phc: str) -> dict[str, Any]:
    """Write an account down as a row."""
    return {
        "id": account.id,
        "email": account.email,
        "password_hash": phc,
        "password_version": 1,
        "password_changed_at": account.password_changed_at,
        "created_at": account.created_at,
        "locked_at": account.locked_at,
    }


def _insert_roles(connection: Connection, account: Account) -> None:
    """Write the roles of a new account down."""
    if account.roles:
        connection.execute(insert(_roles), [{"account_id": account.id, "role": role} for role in account.roles])
