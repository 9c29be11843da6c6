"""Sessions in a SQL database, through SQLAlchemy Core. Enters and leaves: rows.

Every transaction that writes starts with a statement that writes, so that it takes its locks before it
reads: on SQLite a transaction that reads first is refused when another writes in between. No dialect's own
SQL, no RETURNING.

Source: DESIGN.md 5 (sessions, ending, store protocol).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, final

import msgspec
import sqlalchemy as sa
from sqlalchemy.pool import SingletonThreadPool

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.limits import LEEWAY_S_MAX, PURGED_AFTER_S
from daypass.stores.forks import transaction
from daypass.stores.protocol import Denial, Feed, SessionRow
from daypass.stores.schema import SESSIONS, feed_id, prepare

__all__ = ["SQLStore"]

DIALECTS: Final = ("sqlite",)

_FIELDS: Final = SessionRow.__struct_fields__
_JSON_FIELDS: Final = ("scopes", "roles", "data", "rotated_at")
_value_of: Final = msgspec.json.Decoder().decode
_json: Final = msgspec.json.Encoder().encode

_COLUMN: Final = SESSIONS.c
_param: Final = sa.bindparam
_LIVE: Final = sa.and_(
    _COLUMN.subject == _param("for_subject"), _COLUMN.ended_at.is_(None), _COLUMN.idle_ends_at > _param("now")
)
_LAST_REFRESHED_FIRST: Final = (_COLUMN.last_refreshed_at.desc(), _COLUMN.created_at.desc(), _COLUMN.sid)
_ENDS: Final[dict[str, Any]] = {
    "ended_at": _param("now"),
    "denied_until": _COLUMN.access_until + LEEWAY_S_MAX,
    "purge_at": _COLUMN.access_until + LEEWAY_S_MAX,
}

_GET: Final = sa.select(*(_COLUMN[name] for name in _FIELDS)).where(_COLUMN.sid == _param("of_sid"))
_INSERT: Final = SESSIONS.insert()
_BEYOND_CAP: Final = (
    sa.select(_COLUMN.sid)
    .where(_LIVE, _COLUMN.sid != _param("but_sid"))
    .order_by(*_LAST_REFRESHED_FIRST)
    .offset(_param("kept"))
)
_MUTABLE: Final = (
    "scopes",
    "roles",
    "data",
    "authenticated_at",
    "last_refreshed_at",
    "idle_ends_at",
    "generation",
    "kid",
    "rotated_at",
    "nonce_sha256",
    "access_until",
    "purge_at",
)
_REPLACE: Final = (
    SESSIONS.update()
    .where(
        _COLUMN.sid == _param("of_sid"),
        _COLUMN.generation == _param("from_generation"),
        _COLUMN.ended_at.is_(None),
    )
    .values({name: _param(f"new_{name}") for name in _MUTABLE})
)
_END: Final = SESSIONS.update().where(_COLUMN.sid == _param("of_sid"), _COLUMN.ended_at.is_(None)).values(_ENDS)
_END_OF: Final = _END.where(_COLUMN.subject == _param("of_subject"))
_END_MANY: Final = (
    SESSIONS.update()
    .where(_COLUMN.sid.in_(_param("of_sids", expanding=True)), _COLUMN.ended_at.is_(None))
    .values(_ENDS)
)
_DENIAL: Final = sa.select(_COLUMN.sid, _COLUMN.denied_until)
_DENIAL_OF: Final = _DENIAL.add_columns(_COLUMN.subject).where(_COLUMN.sid == _param("of_sid"))
_DENIALS_OF: Final = _DENIAL.where(_COLUMN.sid.in_(_param("of_sids", expanding=True)))
_LOCK_SUBJECT: Final = (
    SESSIONS.update()
    .where(_COLUMN.subject == _param("for_subject"), _COLUMN.ended_at.is_(None))
    .values(client_id=_COLUMN.client_id)
)
_NOT_ENDED: Final = sa.select(_COLUMN.sid).where(_COLUMN.subject == _param("for_subject"), _COLUMN.ended_at.is_(None))
_ACTIVE: Final = sa.select(*(_COLUMN[name] for name in _FIELDS)).where(_LIVE).order_by(*_LAST_REFRESHED_FIRST)
_FEED: Final = _DENIAL.where(_COLUMN.denied_until > _param("now"))
_FEED_SINCE: Final = _FEED.where(_COLUMN.ended_at >= _param("since"))
_PURGE: Final = _COLUMN.purge_at < _param("before")
_PURGEABLE: Final = sa.select(_COLUMN.sid).where(_PURGE).order_by(_COLUMN.purge_at).limit(_param("at_most"))
_DELETE: Final = SESSIONS.delete().where(_COLUMN.sid.in_(_param("of_sids", expanding=True)), _PURGE)
_ANY_LEFT: Final = sa.select(_COLUMN.sid).where(_COLUMN.ended_at.is_(None)).limit(1)

# Values in one statement: databases bound that, some builds of SQLite at 32,766.
_SIDS_AT_ONCE: Final = 1000


@final
class SQLStore:
    """A session store in a SQL database. Creates its tables where there are none.

    Args:
        engine: stays the caller's; for SQLite, of a file (``daypass.stores.sqlite.sqlite_engine`` makes one).

    Raises:
        ConfigurationError: a dialect that is not supported, a database in memory, tables of another version.
        StoreUnavailable: the database cannot answer.
    """

    __slots__ = ("__weakref__", "_engine")

    def __init__(self, engine: sa.Engine) -> None:
        if engine.dialect.name not in DIALECTS:
            raise ConfigurationError(f"no sessions in {engine.dialect.name}: supported are {', '.join(DIALECTS)}")
        if isinstance(engine.pool, SingletonThreadPool):
            raise ConfigurationError("SQLite in memory has one database a thread: use a file, or MemoryStore()")
        self._engine = engine
        with _translated():
            prepare(engine)

    def insert(self, row: SessionRow, *, sessions_max: int, now_s: float) -> tuple[Denial, ...]:
        """Add a session and end what is beyond the cap, in one transaction."""
        cap = {"for_subject": row.subject, "but_sid": row.sid, "kept": sessions_max - 1, "now": int(now_s)}
        with self._transaction() as connection:
            connection.execute(_INSERT, _columns_of(row))
            sids = list(connection.execute(_BEYOND_CAP, cap).scalars())
            return _end_many(connection, sids, now_s)

    def get(self, sid: str) -> SessionRow | None:
        """Read a session, ended or not."""
        with self._transaction() as connection:
            values = connection.execute(_GET, {"of_sid": sid}).first()
        return None if values is None else _row_of(values)

    def replace(self, row: SessionRow, *, generation: int) -> bool:
        """Compare and swap, in one statement."""
        columns = _columns_of(row)
        values = {f"new_{name}": columns[name] for name in _MUTABLE}
        where = {"of_sid": row.sid, "from_generation": generation}
        with self._transaction() as connection:
            return connection.execute(_REPLACE, where | values).rowcount == 1

    def end(self, sid: str, *, now_s: float, subject: str | None = None) -> Denial | None:
        """End a session; row and denial are written by one statement."""
        which: dict[str, object] = {"of_sid": sid, "now": int(now_s)}
        statement = _END
        if subject is not None:
            which["of_subject"] = subject
            statement = _END_OF
        with self._transaction() as connection:
            connection.execute(statement, which)
            found = connection.execute(_DENIAL_OF, {"of_sid": sid}).first()
        if found is None or found.denied_until is None or (subject is not None and found.subject != subject):
            return None
        return Denial(found.sid, found.denied_until)

    def end_all(self, subject: str, *, now_s: float, except_sid: str | None = None) -> tuple[Denial, ...]:
        """End the sessions of a subject in one transaction, which locks them before it counts them."""
        with self._transaction() as connection:
            connection.execute(_LOCK_SUBJECT, {"for_subject": subject})
            sids = connection.execute(_NOT_ENDED, {"for_subject": subject}).scalars()
            return _end_many(connection, [sid for sid in sids if sid != except_sid], now_s)

    def active(self, subject: str, *, now_s: float) -> tuple[SessionRow, ...]:
        """List the live sessions of a subject, the last refreshed first."""
        with self._transaction() as connection:
            found = connection.execute(_ACTIVE, {"for_subject": subject, "now": int(now_s)}).all()
        return tuple(map(_row_of, found))

    def denials(self, *, since_s: float | None, now_s: float) -> Feed:
        """Read the rows of ended sessions whose access tokens may still be about."""
        when = {"now": int(now_s)}
        statement = _FEED
        if since_s is not None:
            when["since"] = int(since_s)
            statement = _FEED_SINCE
        with self._transaction() as connection:
            name = feed_id(connection)
            return Feed(name, tuple(Denial(sid, until) for sid, until in connection.execute(statement, when)))

    def purge(self, *, now_s: float, limit: int) -> int:
        """Remove sessions of which nothing matters any more. Two processes at once remove each row once."""
        before = {"before": int(now_s) - PURGED_AFTER_S}
        with self._transaction() as connection:
            sids = list(connection.execute(_PURGEABLE, before | {"at_most": limit}).scalars())
        if not sids:
            return 0
        with self._transaction() as connection:
            return connection.execute(_DELETE, {**before, "of_sids": sids}).rowcount

    def holds_sessions(self) -> bool:
        """Tell whether there is a session that was not ended."""
        with self._transaction() as connection:
            return connection.execute(_ANY_LEFT).first() is not None

    def close(self) -> None:
        """Close the idle connections of the engine."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """Run one transaction; what the database refuses leaves as StoreUnavailable."""
        with _translated(), transaction(self._engine) as connection:
            yield connection

    def __repr__(self) -> str:
        url = self._engine.url
        place = str(Path(url.database or "").absolute()) if url.get_backend_name() == "sqlite" else url.host
        return f"SQLStore({url.get_backend_name()}: {place})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a store is not pickled: open it in each process")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what a driver or the pool raises into StoreUnavailable, without the values of the statement."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        reason = type(error.orig).__name__
        # What SQLite says names tables and columns, never values; other servers repeat them.
        said = f": {error.orig}" if type(error.orig).__module__ == "sqlite3" else ""
    except sa.exc.TimeoutError:
        reason, said = "no connection became free in time", ""
    else:
        return
    raise StoreUnavailable(f"the session store could not answer ({reason}{said})")


def _end_many(connection: sa.Connection, sids: list[str], now_s: float) -> tuple[Denial, ...]:
    """End sessions that the transaction has locked."""
    denials: list[Denial] = []
    for first in range(0, len(sids), _SIDS_AT_ONCE):
        some = sids[first : first + _SIDS_AT_ONCE]
        connection.execute(_END_MANY, {"of_sids": some, "now": int(now_s)})
        denials += (Denial(sid, until) for sid, until in connection.execute(_DENIALS_OF, {"of_sids": some}))
    return tuple(denials)


def _columns_of(row: SessionRow) -> dict[str, Any]:
    """Turn a row into the values of its columns."""
    values = {name: getattr(row, name) for name in _FIELDS}
    for name in _JSON_FIELDS:
        values[name] = _json(values[name]).decode()
    values["denied_until"] = None
    values["purge_at"] = row.idle_ends_at
    return values


def _row_of(values: sa.Row[Any]) -> SessionRow:
    """Turn the columns of _FIELDS into a row.

    Raises:
        StoreUnavailable: they hold what no daypass wrote.
    """
    fields = dict(zip(_FIELDS, values, strict=True))
    try:
        for name in _JSON_FIELDS:
            fields[name] = _value_of(fields[name])
        return msgspec.convert(fields, SessionRow, builtin_types=(bytes,))
    except (msgspec.MsgspecError, TypeError):
        pass
    raise StoreUnavailable("the session store holds a session that cannot be read: was it changed by hand?")
