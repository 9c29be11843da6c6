"""The SQL tables of sessions, and their version. Enters: an engine. Leaves: a database that has them.

Plain SQL types only, so that the same tables serve every dialect. What an ended session leaves to the
revocation feed stands in its own row (``ended_at``, ``denied_until``), so that both are written in one
statement.

Source: DESIGN.md 5 (schema): an empty database gets its tables, two nodes at once are safe, another version
is refused by name.
"""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.limits import SUBJECT_BYTES_MAX
from daypass.stores.forks import transaction

__all__ = ["META", "SCHEMA_VERSION", "SESSIONS", "feed_id", "prepare"]

SCHEMA_VERSION: Final = 1

_TABLES: Final = sa.MetaData()

META: Final = sa.Table(
    "daypass_meta",
    _TABLES,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)

SESSIONS: Final = sa.Table(
    "daypass_sessions",
    _TABLES,
    # The columns of SessionRow, in its order.
    sa.Column("sid", sa.String(22), primary_key=True),
    sa.Column("subject", sa.String(SUBJECT_BYTES_MAX), nullable=False),
    sa.Column("client_id", sa.String(255), nullable=False),
    sa.Column("device", sa.String(255)),
    sa.Column("scopes", sa.Text, nullable=False),  # this one and the next two: JSON
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("authenticated_at", sa.BigInteger, nullable=False),
    sa.Column("last_refreshed_at", sa.BigInteger, nullable=False),
    sa.Column("ends_at", sa.BigInteger, nullable=False),
    sa.Column("idle_ends_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("kid", sa.String(255), nullable=False),
    sa.Column("rotated_at", sa.Text, nullable=False),  # JSON
    sa.Column("nonce_sha256", sa.LargeBinary(32), nullable=False),
    sa.Column("access_until", sa.BigInteger, nullable=False),
    # What only the store needs: both follow from the columns above.
    sa.Column("denied_until", sa.BigInteger),  # set when the session is ended: how long the feed tells
    sa.Column("purge_at", sa.BigInteger, nullable=False),  # the last moment at which the row matters
    sqlite_with_rowid=False,
)

_ENDED: Final = SESSIONS.c.ended_at.is_not(None)

# The two indexes of the feed leave live sessions out where the dialect can: a refresh does not touch them.
_INDEXES: Final = (
    sa.Index("daypass_sessions_subject", SESSIONS.c.subject, SESSIONS.c.ended_at),
    sa.Index("daypass_sessions_purge", SESSIONS.c.purge_at),
    sa.Index("daypass_sessions_ended", SESSIONS.c.ended_at, sqlite_where=_ENDED, postgresql_where=_ENDED),
    sa.Index(
        "daypass_sessions_denied",
        SESSIONS.c.denied_until,
        sqlite_where=SESSIONS.c.denied_until.is_not(None),
        postgresql_where=SESSIONS.c.denied_until.is_not(None),
    ),
)

_SCHEMA: Final = "schema"
_FEED: Final = "feed"
_VALUE_OF: Final = sa.select(META.c.value).where(META.c.name == sa.bindparam("wanted"))


def prepare(engine: sa.Engine) -> None:
    """Create the tables of a database that has none, and check the version of those that it has.

    Safe to run twice, by two processes at once, and after one that was killed half-way: each step leaves
    alone what is there, and the version is written last.

    Args:
        engine: of a database that may be written to.

    Raises:
        ConfigurationError: the tables are of another version of daypass.
    """
    version = _version(engine)
    if version is None:
        _create(engine)
        version = _version(engine)
    if version != str(SCHEMA_VERSION):
        raise ConfigurationError(
            f"the tables of this database are not of schema version {SCHEMA_VERSION},"
            " which this daypass needs: run `daypass store upgrade` with the newest daypass in use"
        )


def feed_id(connection: sa.Connection) -> str:
    """Read the name of the feed, which is as old as the tables.

    Raises:
        StoreUnavailable: somebody removed it.
    """
    value = connection.execute(_VALUE_OF, {"wanted": _FEED}).scalar()
    if value is None:
        raise StoreUnavailable("the table daypass_meta has lost its rows")
    return str(value)


def _version(engine: sa.Engine) -> str | None:
    """Read the version of the tables; None where they are not there, or not complete."""
    with transaction(engine) as connection:
        if not sa.inspect(connection).has_table(META.name):
            return None
        value = connection.execute(_VALUE_OF, {"wanted": _SCHEMA}).scalar()
        return None if value is None else str(value)


def _create(engine: sa.Engine) -> None:
    """Create what is missing; the version comes last, together with the name of the feed."""
    with transaction(engine) as connection:
        for table in _TABLES.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
        for index in _INDEXES:
            connection.execute(CreateIndex(index, if_not_exists=True))
    rows = [
        {"name": _SCHEMA, "value": str(SCHEMA_VERSION)},
        {"name": _FEED, "value": secrets.token_urlsafe(16)},
    ]
    try:
        with transaction(engine) as connection:
            connection.execute(META.insert(), rows)
    except sa.exc.IntegrityError:
        pass  # another process wrote them first
