"""What a database refuses, in our words. Enters: an error of a driver. Leaves: what to do about it, StoreUnavailable.

No driver's own text leaves this room but SQLite's, which names tables and columns: those of servers repeat values,
and those of a failed connection pieces of a URL.
"""

from __future__ import annotations

import enum
from typing import Final

import sqlalchemy as sa

from daypass.errors import StoreUnavailable

__all__ = ["Problem", "code_of", "problem_of", "unavailable"]


class Problem(enum.Enum):
    """What an error asks for."""

    AGAIN = "the same transaction once more: another one was in its way, and it was rolled back"
    LOCKED = "another transaction holds the row"
    MISSING = "a table is not there"
    EXISTS = "a table, an index or a row is there already"
    FORBIDDEN = "the database user may not do that"
    OTHER = "nothing that we could put right"


_PROBLEMS: Final[dict[str | int, Problem]] = {
    # PostgreSQL, appendix A
    "40001": Problem.AGAIN,
    "40P01": Problem.AGAIN,
    "55P03": Problem.LOCKED,
    "42P01": Problem.MISSING,
    "42P07": Problem.EXISTS,
    "42710": Problem.EXISTS,
    "23505": Problem.EXISTS,
    "42501": Problem.FORBIDDEN,
    # MariaDB and MySQL
    1213: Problem.AGAIN,
    1020: Problem.AGAIN,  # MariaDB with innodb_snapshot_isolation
    1205: Problem.LOCKED,
    3572: Problem.LOCKED,
    1146: Problem.MISSING,
    1050: Problem.EXISTS,
    1061: Problem.EXISTS,
    1062: Problem.EXISTS,
    1044: Problem.FORBIDDEN,
    1142: Problem.FORBIDDEN,
}
_SAID_BY_SQLITE: Final = (
    ("database is locked", Problem.LOCKED),
    ("no such table", Problem.MISSING),
    ("already exists", Problem.EXISTS),
    ("UNIQUE constraint", Problem.EXISTS),
)
_REASONS: Final[dict[str | int, str]] = {
    "28P01": "the login was refused",
    "28000": "the login was refused",
    "3D000": "there is no such database",
    "53300": "the server has too many connections",
    "53100": "the disk of the server is full",
    "57014": "it took too long",
    "57P01": "the server shuts down",
    "55P03": "a row stayed locked",
    "42501": "the database user may not do that",
    "25006": "the database may only be read",
    1045: "the login was refused",
    1044: "the database user may not use this database",
    1142: "the database user may not do that",
    1049: "there is no such database",
    1040: "the server has too many connections",
    1021: "the disk of the server is full",
    1114: "the disk of the server is full",
    1205: "a row stayed locked",
    1290: "the database may only be read",
    2003: "the server cannot be reached",
    2006: "the connection was lost",
    2013: "the connection was lost, or it took too long",
}
_SAID_WHILE_CONNECTING: Final = (
    ("authentication failed", "the login was refused"),
    ("no password supplied", "the login was refused: no password was given"),
    ("too many clients", "the server has too many connections"),
    ("starting up", "the server starts"),
    ("shutting down", "the server shuts down"),
    ("timeout", "the server did not answer in time"),
    ("refused", "the server cannot be reached"),
    ("translate host name", "its host is not known"),
)
"""Of libpq, which has no codes for a connection that fails."""


def code_of(error: BaseException) -> str | int | None:
    """Read the code that the server gave: SQLSTATE of PostgreSQL, a number of MariaDB."""
    first = error.args[0] if error.args else None
    if type(first) is int:  # PyMySQL has a SQLSTATE, too, which says less
        return first
    for name in ("sqlstate", "pgcode"):
        if isinstance(code := getattr(error, name, None), str):
            return code
    return None


def problem_of(error: BaseException) -> Problem:
    """Tell what an error of a driver asks for."""
    if _is_of_sqlite(error):
        return next((problem for said, problem in _SAID_BY_SQLITE if said in str(error)), Problem.OTHER)
    return _PROBLEMS.get(code_of(error) or "", Problem.OTHER)


def unavailable(error: BaseException) -> StoreUnavailable:
    """Say that the store could not answer, and as much of why as holds no value.

    Raise the answer outside the ``except`` block: an error that is its context would bring values along.
    """
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        error = error.orig
    if isinstance(error, sa.exc.TimeoutError):
        said = "no connection became free in time"
    elif _is_of_sqlite(error):
        said = f"{type(error).__name__}: {error}"
    else:
        said = type(error).__name__
        code = code_of(error)
        if reason := _REASONS.get(code or "") or _reason_of_libpq(error, code):
            said = f"{reason}, {said}"
        said += f" {code}" if code is not None else ""
    return StoreUnavailable(f"the session store could not answer ({said})")


def _is_of_sqlite(error: BaseException) -> bool:
    return type(error).__module__ == "sqlite3"


def _reason_of_libpq(error: BaseException, code: str | int | None) -> str:
    if code is not None or not type(error).__module__.startswith("psycopg"):
        return ""
    text = str(error)
    return next((reason for said, reason in _SAID_WHILE_CONNECTING if said in text), "")
