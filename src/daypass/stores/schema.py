"""The SQL tables of sessions, as data. Enters and leaves: nothing.

The same tables serve every dialect. Ids, subjects and JSON are compared and kept byte by byte: PostgreSQL compares
under the collation C, and MariaDB keeps bytes, since its texts are padded, folded and converted by rules that differ
from server to server. What an ended session leaves to the revocation feed stands in its own row (``ended_at``,
``denied_until``), so that both are written in one statement.

Source: DESIGN.md 5 (schema).
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from daypass.limits import SUBJECT_BYTES_MAX

__all__ = ["BLOBS", "INDEXES", "META", "REFERENCES", "SCHEMA_VERSION", "SESSIONS", "TABLES"]

SCHEMA_VERSION: Final = 2
"""1: sessions. 2: references, blobs, and rows that logins lock."""

TABLES: Final = sa.MetaData()

_OPTIONS: Final[dict[str, Any]] = {
    # Without transactions nothing here would hold; MyISAM may be the default of an old server.
    "mysql_engine": "InnoDB",
    "mariadb_engine": "InnoDB",
}


def _text(characters: int, octets: int) -> sa.types.TypeEngine[Any]:
    """Name the type of a short text that is compared exactly.

    Args:
        characters: at most, where a dialect counts these.
        octets: at most, as UTF-8.
    """
    return (
        sa.String(characters)
        .with_variant(sa.String(characters, collation="C"), "postgresql")
        .with_variant(mysql.VARBINARY(octets), "mysql", "mariadb")
    )


_JSON: Final = sa.Text().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
_SHA256: Final = sa.LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")
_BLOB: Final = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")

META: Final = sa.Table(
    "daypass_meta",
    TABLES,
    sa.Column("name", _text(32, 32), primary_key=True),
    sa.Column("value", _text(255, 255), nullable=False),
    **_OPTIONS,
)

SESSIONS: Final = sa.Table(
    "daypass_sessions",
    TABLES,
    # The columns of SessionRow, in its order.
    sa.Column("sid", _text(22, 22), primary_key=True),
    sa.Column("subject", _text(SUBJECT_BYTES_MAX, SUBJECT_BYTES_MAX), nullable=False),
    sa.Column("client_id", _text(255, 1020), nullable=False),
    sa.Column("device", _text(255, 1020)),
    sa.Column("scopes", _JSON, nullable=False),
    sa.Column("roles", _JSON, nullable=False),
    sa.Column("data", _JSON, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("authenticated_at", sa.BigInteger, nullable=False),
    sa.Column("last_refreshed_at", sa.BigInteger, nullable=False),
    sa.Column("ends_at", sa.BigInteger, nullable=False),
    sa.Column("idle_ends_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("kid", _text(255, 1020), nullable=False),
    sa.Column("rotated_at", _JSON, nullable=False),
    sa.Column("nonce_sha256", _SHA256, nullable=False),
    sa.Column("access_until", sa.BigInteger, nullable=False),
    # What only the store needs: both follow from the columns above.
    sa.Column("denied_until", sa.BigInteger),  # set when the session is ended: how long the feed tells
    sa.Column("purge_at", sa.BigInteger, nullable=False),  # the last moment at which the row matters
    sqlite_with_rowid=False,
    **_OPTIONS,
)

REFERENCES: Final = sa.Table(
    "daypass_references",
    TABLES,
    sa.Column("digest", _SHA256, primary_key=True),
    sa.Column("sealed", _BLOB, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
    **_OPTIONS,
)

BLOBS: Final = sa.Table(
    "daypass_blobs",
    TABLES,
    sa.Column("name", _text(32, 32), primary_key=True),
    sa.Column("version", _text(32, 32), nullable=False),
    sa.Column("value", _BLOB),  # NULL: nothing was written yet
    **_OPTIONS,
)

_ENDED: Final = SESSIONS.c.ended_at.is_not(None)
_DENIED: Final = SESSIONS.c.denied_until.is_not(None)

# The two indexes of the feed leave live sessions out where the dialect can: a refresh does not touch them.
INDEXES: Final = (
    sa.Index("daypass_sessions_subject", SESSIONS.c.subject, SESSIONS.c.ended_at),
    sa.Index("daypass_sessions_purge", SESSIONS.c.purge_at),
    sa.Index(
        "daypass_sessions_ended",
        SESSIONS.c.ended_at,
        SESSIONS.c.denied_until,  # so that a reading of the feed needs no row
        sqlite_where=_ENDED,
        postgresql_where=_ENDED,
    ),
    sa.Index("daypass_sessions_denied", SESSIONS.c.denied_until, sqlite_where=_DENIED, postgresql_where=_DENIED),
    sa.Index("daypass_references_until", REFERENCES.c.until),
)
