"""Everything that a store says to a database. Enters: a driver. Leaves: statements, compiled.

No dialect's own SQL and no RETURNING: what differs is how a row is locked, and Core knows how that is said.

Source: DESIGN.md 5 (sessions, ending, store protocol).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, final

import sqlalchemy as sa

from daypass.limits import LEEWAY_S_MAX
from daypass.stores.direct import Statement
from daypass.stores.drivers import Driver
from daypass.stores.protocol import SessionRow
from daypass.stores.schema import BLOBS, META, REFERENCES, SESSIONS

__all__ = ["CHANGING", "FIELDS", "Statements"]

FIELDS: Final = SessionRow.__struct_fields__
CHANGING: Final = (
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
"""The columns that a successor brings."""
AT_ONCE: Final = (1, 16, 256)
"""Values in one statement: each number is a statement of its own, and databases bound it."""

_COLUMN: Final = SESSIONS.c
_param: Final = sa.bindparam
_ROW: Final = tuple(_COLUMN[name] for name in FIELDS)
_LIVE: Final = sa.and_(
    _COLUMN.subject == _param("for_subject"), _COLUMN.ended_at.is_(None), _COLUMN.idle_ends_at > _param("now")
)
_LAST_REFRESHED_FIRST: Final = (_COLUMN.last_refreshed_at.desc(), _COLUMN.created_at.desc(), _COLUMN.sid)
_ENDS: Final[dict[str, Any]] = {
    "ended_at": _param("now"),
    "denied_until": _COLUMN.access_until + sa.literal_column(str(LEEWAY_S_MAX)),
    "purge_at": _COLUMN.access_until + sa.literal_column(str(LEEWAY_S_MAX)),
}
_DENIAL: Final = sa.select(_COLUMN.sid, _COLUMN.denied_until)
_END: Final = SESSIONS.update().where(_COLUMN.sid == _param("of_sid"), _COLUMN.ended_at.is_(None)).values(_ENDS)
_FEED: Final = _DENIAL.where(_COLUMN.denied_until > _param("now"))
# What was ended lately is found by that index: COALESCE keeps a planner that knows no better from taking the other one,
# which leads through all endings that still matter.
_FEED_SINCE: Final = _DENIAL.where(
    sa.func.coalesce(_COLUMN.denied_until, sa.literal_column("0")) > _param("now"), _COLUMN.ended_at >= _param("since")
)
_PURGE: Final = _COLUMN.purge_at < _param("before")
_OLD: Final = REFERENCES.c.until < _param("before")
_META_OF: Final = sa.select(META.c.value).where(META.c.name == _param("wanted"))
_BLOB: Final = BLOBS.c.name == _param("wanted")


def _some(count: int) -> list[sa.BindParameter[Any]]:
    return [_param(f"some_{number}") for number in range(count)]


@final
class Statements:
    """The statements of a store.

    Args:
        driver: that they are sent with.
        skips_locked: whether the server can leave out the rows that another transaction holds.
    """

    def __init__(self, driver: Driver, *, skips_locked: bool) -> None:
        def compiled(clause: sa.ClauseElement) -> Statement:
            return Statement(clause, driver)

        self._sessions(compiled)
        self._purges(compiled, skips_locked=skips_locked)
        self._references(compiled)
        self._meta_and_ring(compiled)

    def _sessions(self, compiled: Callable[[sa.ClauseElement], Statement]) -> None:
        self.get = compiled(sa.select(*_ROW).where(_COLUMN.sid == _param("of_sid")))
        self.insert = compiled(
            SESSIONS.insert().values({column.name: _param(f"new_{column.name}") for column in _COLUMN})
        )
        self.replace = compiled(
            SESSIONS.update()
            .where(
                _COLUMN.sid == _param("of_sid"),
                _COLUMN.generation == _param("from_generation"),
                _COLUMN.ended_at.is_(None),
            )
            .values({name: _param(f"new_{name}") for name in CHANGING})
        )
        self.lock_subject = compiled(_META_OF.with_for_update())
        self.beyond_cap = compiled(
            sa.select(_COLUMN.sid)
            .where(_LIVE, _COLUMN.sid != _param("but_sid"))
            .order_by(*_LAST_REFRESHED_FIRST)
            .limit(_param("at_most"))
            .offset(_param("kept"))
        )
        self.end = compiled(_END)
        self.end_of = compiled(_END.where(_COLUMN.subject == _param("of_subject")))
        self.denial = compiled(_DENIAL.add_columns(_COLUMN.subject).where(_COLUMN.sid == _param("of_sid")))
        self.not_ended = compiled(
            sa.select(_COLUMN.sid).where(_COLUMN.subject == _param("for_subject"), _COLUMN.ended_at.is_(None))
        )
        self.active = compiled(sa.select(*_ROW).where(_LIVE).order_by(*_LAST_REFRESHED_FIRST))
        self.feed = compiled(_FEED)
        self.feed_since = compiled(_FEED_SINCE)
        self.any_left = compiled(sa.select(_COLUMN.sid).where(_COLUMN.ended_at.is_(None)).limit(1))

    def _purges(self, compiled: Callable[[sa.ClauseElement], Statement], *, skips_locked: bool) -> None:
        """What may go, in the order of an index, and then by name."""

        def free(query: sa.Select[Any]) -> Statement:
            return compiled(query.with_for_update(skip_locked=True) if skips_locked else query)

        self.purgeable = free(sa.select(_COLUMN.sid).where(_PURGE).order_by(_COLUMN.purge_at).limit(_param("at_most")))
        self.old_references = free(
            sa.select(REFERENCES.c.digest).where(_OLD).order_by(REFERENCES.c.until).limit(_param("at_most"))
        )
        self.end_many: dict[int, Statement] = {}
        self.denials_of: dict[int, Statement] = {}
        self.delete_many: dict[int, Statement] = {}
        self.delete_references: dict[int, Statement] = {}
        for count in AT_ONCE:
            sids = _COLUMN.sid.in_(_some(count))
            self.end_many[count] = compiled(SESSIONS.update().where(sids, _COLUMN.ended_at.is_(None)).values(_ENDS))
            self.denials_of[count] = compiled(_DENIAL.where(sids))
            self.delete_many[count] = compiled(SESSIONS.delete().where(sids, _PURGE))
            self.delete_references[count] = compiled(
                REFERENCES.delete().where(REFERENCES.c.digest.in_(_some(count)), _OLD)
            )

    def _references(self, compiled: Callable[[sa.ClauseElement], Statement]) -> None:
        reference = REFERENCES.c.digest == _param("of_digest")
        self.put_reference = compiled(
            REFERENCES.insert().values(
                digest=_param("new_digest"), sealed=_param("new_sealed"), until=_param("new_until")
            )
        )
        self.set_reference = compiled(
            REFERENCES.update().where(reference).values(sealed=_param("new_sealed"), until=_param("new_until"))
        )
        self.get_reference = compiled(sa.select(REFERENCES.c.sealed, REFERENCES.c.until).where(reference))
        self.drop_reference = compiled(REFERENCES.delete().where(reference))

    def _meta_and_ring(self, compiled: Callable[[sa.ClauseElement], Statement]) -> None:
        self.meta = compiled(_META_OF)
        self.put_meta = compiled(META.insert().values(name=_param("new_name"), value=_param("new_value")))
        self.set_meta = compiled(META.update().where(META.c.name == _param("wanted")).values(value=_param("new_value")))
        self.blob = compiled(sa.select(BLOBS.c.value).where(_BLOB))
        self.blob_version = compiled(sa.select(BLOBS.c.version).where(_BLOB))
        self.lock_blob = compiled(sa.select(BLOBS.c.version).where(_BLOB).with_for_update(nowait=True))
        self.add_blob = compiled(
            BLOBS.insert().values(name=_param("new_name"), version=_param("new_version"), value=_param("new_value"))
        )
        self.set_blob = compiled(
            BLOBS.update().where(_BLOB).values(version=_param("new_version"), value=_param("new_value"))
        )
