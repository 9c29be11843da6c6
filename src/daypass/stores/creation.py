"""Tables are made, and brought up to date. Enters: a database. Leaves: one that has the tables of this version.

Safe to run twice, by two processes at once, and after one that was killed half-way: only one process works at a time
where the database has a lock for that, each step leaves alone what is there, and the version is written last.

Source: DESIGN.md 5 (schema): an empty database gets its tables, two nodes at once are safe, another version
is refused by name.
"""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy.schema import CreateIndex, CreateTable

from daypass.errors import ConfigurationError
from daypass.stores.database import Database, Refused, Transaction
from daypass.stores.direct import Statement
from daypass.stores.problems import Problem
from daypass.stores.rows import text_of
from daypass.stores.schema import INDEXES, SCHEMA_VERSION, TABLES
from daypass.stores.statements import Statements

__all__ = ["FEED", "RING", "lock_name", "prepare", "upgrade", "version_of"]

SCHEMA: Final = "schema"
FEED: Final = "feed"
RING: Final = "ring"
_LOCKS: Final = 256
_SQL_LOCK: Final = 4_919_131_752_989_213_764  # "DDaypass", as a number that PostgreSQL locks
_UPGRADABLE: Final = ("1",)
_FORBIDDEN: Final = (
    "the database user may not make tables: run `daypass store upgrade` once, as a user who may; after that, this one"
    " needs no more than SELECT, INSERT, UPDATE and DELETE"
)

_FirstRow = tuple[tuple[Statement, Statement], dict[str, object], dict[str, object]]
"""How to look for a row and how to add it, what the one needs, and what the other."""


def lock_name(digest: bytes) -> str:
    """Name the row that a subject's logins lock.

    Args:
        digest: of the subject.
    """
    return f"lock.{digest[0]:02x}"


def prepare(database: Database) -> None:
    """Create the tables of a database that has none, and check the version of those that it has.

    Raises:
        ConfigurationError: the tables are of another version of daypass, or may not be made.
        StoreUnavailable: the database cannot answer.
    """
    version = version_of(database)
    if version is None:
        _create(database)
        version = version_of(database)
    if version == str(SCHEMA_VERSION):
        return
    if version in _UPGRADABLE:
        raise ConfigurationError(
            f"the tables of this database are of schema version {version}, and this daypass needs {SCHEMA_VERSION}:"
            " run `daypass store upgrade`, with the URL of a database that is not the service's; nobody is logged out"
        )
    raise ConfigurationError(
        f"the tables of this database are not of schema version {SCHEMA_VERSION}, which this daypass needs:"
        " run `daypass store upgrade` with the newest daypass in use"
    )


def upgrade(database: Database) -> tuple[str, ...]:
    """Bring the tables to this version, those of an empty database too.

    Returns:
        What was done, in words.

    Raises:
        ConfigurationError: the tables are newer than this daypass, or may not be changed.
        StoreUnavailable: the database cannot answer; run it again.
    """
    version = version_of(database)
    if version == str(SCHEMA_VERSION):
        _create(database)  # what somebody removed by hand comes back
        return (f"the tables are of schema version {SCHEMA_VERSION}: nothing to do",)
    if version is not None and version not in _UPGRADABLE:
        raise ConfigurationError(
            f"the tables of this database are newer than schema version {SCHEMA_VERSION}, or not ours:"
            " use the newest daypass in use"
        )
    _create(database)
    if version is None:
        return (f"created the tables of schema version {SCHEMA_VERSION}",)
    say = database.statements
    done = database.transact(
        lambda transaction: transaction.count(say.set_meta, {"wanted": SCHEMA, "new_value": str(SCHEMA_VERSION)})
    )
    if not done or version_of(database) != str(SCHEMA_VERSION):
        raise ConfigurationError("the table daypass_meta may not be changed: run it as a user who may")
    return (
        "created the tables daypass_references and daypass_blobs",
        f"upgraded from schema version {version} to {SCHEMA_VERSION}; sessions go on",
    )


def version_of(database: Database) -> str | None:
    """Read the version of the tables; None where they are not there, or not complete."""
    try:
        found = database.attempt_rows(database.statements.meta, {"wanted": SCHEMA})
    except Refused as error:
        refused = error
    else:
        return text_of(found[0][0]) if found else None
    if refused.problem is Problem.MISSING:
        return None
    raise refused.answer


def _create(database: Database) -> None:
    """Create what is missing; the version comes last."""
    try:
        if database.makes_tables_at_once:
            database.attempt_transaction(lambda transaction: _make_all(database, transaction))
        else:
            _make_each(database)
    except Refused as error:
        refused = error
    else:
        return
    if refused.problem is Problem.FORBIDDEN:
        raise ConfigurationError(_FORBIDDEN)
    raise refused.answer


def _make_all(database: Database, transaction: Transaction) -> None:
    """Create what is missing in one transaction, which others wait for."""
    if database.dialect.name == "postgresql":
        transaction.say(f"SELECT pg_advisory_xact_lock({_SQL_LOCK})")
    for table in TABLES.sorted_tables:
        transaction.say(str(CreateTable(table, if_not_exists=True).compile(dialect=database.dialect)))
    for index in INDEXES:
        transaction.say(str(CreateIndex(index, if_not_exists=True).compile(dialect=database.dialect)))
    for statement, key, values in _first_rows(database):
        if not transaction.rows(statement[0], key):
            transaction.count(statement[1], values)


def _make_each(database: Database) -> None:
    """Create what is missing step by step: MariaDB commits after each table, and MySQL has no IF NOT EXISTS."""
    clauses: list[CreateTable | CreateIndex] = [
        CreateTable(table, if_not_exists=True) for table in TABLES.sorted_tables
    ]
    clauses += [CreateIndex(index) for index in INDEXES]
    for clause in clauses:
        _unless_there(database, Statement(clause, database.driver), {})
    for statement, key, values in _first_rows(database):
        if not database.rows(statement[0], key):
            _unless_there(database, statement[1], values)


def _unless_there(database: Database, statement: Statement, values: dict[str, object]) -> None:
    """Send a statement that another process may have sent already. Raises Refused where it did anything else."""
    try:
        database.attempt(statement, values)
    except Refused as error:
        if error.problem is not Problem.EXISTS:
            raise


def _first_rows(database: Database) -> list[_FirstRow]:
    """List the rows that are there from the beginning. The version is last."""
    say = database.statements
    meta = [(f"lock.{number:02x}", "") for number in range(_LOCKS)] if not database.locks_all else []
    meta += [(FEED, secrets.token_urlsafe(16)), (SCHEMA, str(SCHEMA_VERSION))]
    return [
        (
            (say.blob_version, say.add_blob),
            {"wanted": RING},
            {"new_name": RING, "new_version": "", "new_value": None},
        ),
        *(_meta_row(say, name, value) for name, value in meta),
    ]


def _meta_row(say: Statements, name: str, value: str) -> _FirstRow:
    return (say.meta, say.put_meta), {"wanted": name}, {"new_name": name, "new_value": value}
