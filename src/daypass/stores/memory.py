"""Sessions in the memory of one process. Enters and leaves: rows.

For tests and for a service whose sessions may end with it. Lists of one subject's sessions walk over all of
them.

Source: DESIGN.md 5 (store protocol).
"""

from __future__ import annotations

import secrets
import threading
from typing import NoReturn, final

import msgspec

from daypass.limits import PURGED_AFTER_S
from daypass.stores.protocol import Denial, Feed, SessionRow

__all__ = ["MemoryStore"]


@final
class MemoryStore:
    """A session store in memory: one process, nothing survives it."""

    __slots__ = ("__weakref__", "_feed_id", "_lock", "_references", "_rows")

    def __init__(self) -> None:
        self._feed_id = secrets.token_urlsafe(16)
        self._lock = threading.Lock()
        self._references: dict[bytes, tuple[bytes, int]] = {}
        self._rows: dict[str, SessionRow] = {}

    def insert(self, row: SessionRow, *, sessions_max: int, now_s: float) -> tuple[Denial, ...]:
        """Add a session and end what is beyond the cap."""
        with self._lock:
            others = self._live(row.subject, now_s)
            self._rows[row.sid] = row
            return tuple(self._end(other, now_s) for other in others[sessions_max - 1 :])

    def get(self, sid: str) -> SessionRow | None:
        """Read a session, ended or not."""
        return self._rows.get(sid)

    def replace(self, row: SessionRow, *, generation: int) -> bool:
        """Compare and swap."""
        with self._lock:
            found = self._rows.get(row.sid)
            if found is None or found.generation != generation or found.ended_at is not None:
                return False
            self._rows[row.sid] = msgspec.structs.replace(
                row,
                subject=found.subject,
                client_id=found.client_id,
                device=found.device,
                created_at=found.created_at,
                ends_at=found.ends_at,
                ended_at=None,
            )
            return True

    def end(self, sid: str, *, now_s: float, subject: str | None = None) -> Denial | None:
        """End a session."""
        with self._lock:
            row = self._rows.get(sid)
            if row is None or (subject is not None and row.subject != subject):
                return None
            return self._end(row, now_s)

    def end_all(self, subject: str, *, now_s: float, except_sid: str | None = None) -> tuple[Denial, ...]:
        """End the sessions of a subject, but for one."""
        with self._lock:
            rows = [row for row in self._rows.values() if row.subject == subject and row.ended_at is None]
            return tuple(self._end(row, now_s) for row in rows if row.sid != except_sid)

    def active(self, subject: str, *, now_s: float) -> tuple[SessionRow, ...]:
        """List the live sessions of a subject, the last refreshed first."""
        with self._lock:
            return tuple(self._live(subject, now_s))

    def denials(self, *, since_s: float | None, now_s: float) -> Feed:
        """Name the ended sessions whose access tokens may still be about."""
        since = -1 if since_s is None else int(since_s)
        with self._lock:
            entries = tuple(
                Denial(row.sid, row.denied_until)
                for row in self._rows.values()
                if row.ended_at is not None and row.ended_at >= since and row.denied_until > int(now_s)
            )
        return Feed(self._feed_id, entries)

    def purge(self, *, now_s: float, limit: int) -> int:
        """Remove sessions of which nothing matters any more."""
        before = int(now_s) - PURGED_AFTER_S
        with self._lock:
            gone = [row.sid for row in self._rows.values() if _matters_until(row) < before][:limit]
            for sid in gone:
                del self._rows[sid]
            over = [digest for digest, (_, until) in self._references.items() if until <= now_s][:limit]
            for digest in over:
                del self._references[digest]
        return len(gone)

    def put_reference(self, digest: bytes, sealed: bytes, *, until: int) -> None:
        """Keep what a reference token stands for."""
        self._references[digest] = (sealed, until)

    def get_reference(self, digest: bytes, *, now_s: float, until: int | None = None) -> bytes | None:  # noqa: ARG002
        """Read it; an entry that is over is none."""
        sealed, over_at = self._references.get(digest, (None, 0))
        return sealed if now_s < over_at else None

    def drop_reference(self, digest: bytes) -> bool:
        """Remove it."""
        return self._references.pop(digest, None) is not None

    def close(self) -> None:
        """Nothing to close."""

    def _live(self, subject: str, now_s: float) -> list[SessionRow]:
        """List live sessions, the last refreshed first."""
        rows = [row for row in self._rows.values() if row.subject == subject and row.is_live(now_s)]
        return sorted(rows, key=lambda row: (-row.last_refreshed_at, -row.created_at, row.sid))

    def _end(self, row: SessionRow, now_s: float) -> Denial:
        """End a session that may have ended already."""
        if row.ended_at is None:
            self._rows[row.sid] = msgspec.structs.replace(row, ended_at=int(now_s))
        return Denial(row.sid, row.denied_until)

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._rows)} sessions)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a store is not pickled: sessions in memory belong to one process")


def _matters_until(row: SessionRow) -> int:
    """Tell when the last moment of a row is."""
    return row.idle_ends_at if row.ended_at is None else row.denied_until
