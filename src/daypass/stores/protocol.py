"""The store protocol: what a place that keeps sessions has to do. Enters and leaves: rows, as frozen values.

Eight methods, all synchronous. What is said to happen in one step happens in one step for every process
that uses the store, or not at all. A store knows neither tokens nor policy: it is told the time and every
bound, so that any two stores answer alike. All times are epoch seconds.

Source: DESIGN.md 5 (sessions, ending, store protocol).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from daypass.limits import LEEWAY_S_MAX

__all__ = ["Denial", "Feed", "FeedKeeper", "ReferenceStore", "SessionRow", "SessionStore"]


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is stored. Holds no secret: of the nonce that the client keeps, only the SHA-256.

    Args:
        sid: public id, 128 random bits as base64url.
        subject: whose session it is.
        client_id: which client it was started for.
        device: a label for the list of sessions.
        scopes: what its access tokens allow.
        roles: what the subject is.
        data: a small bag that travels in each access token.
        created_at: when it was started.
        authenticated_at: when the password was last asked.
        last_refreshed_at: when it was last refreshed, or started.
        ends_at: absolute end; never moves.
        idle_ends_at: end unless it is refreshed before; at most ``ends_at``.
        ended_at: when it was ended; None while it lives.
        generation: number of the current refresh token, from 1.
        kid: the ring secret that the current refresh token was made under.
        rotated_at: when the latest predecessors were superseded, newest first, at most ROTATIONS_REMEMBERED.
        nonce_sha256: bytes[32].
        access_until: no access token of this session expires later than that.
    """

    sid: str
    subject: str
    client_id: str
    device: str | None
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    data: Mapping[str, Any]
    created_at: int
    authenticated_at: int
    last_refreshed_at: int
    ends_at: int
    idle_ends_at: int
    ended_at: int | None
    generation: int
    kid: str
    rotated_at: tuple[float, ...]
    nonce_sha256: bytes
    access_until: int

    def __repr__(self) -> str:
        return f"SessionRow(sid={self.sid!r}, generation={self.generation}, ended_at={self.ended_at})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("sid", self.sid), ("generation", self.generation), ("ended_at", self.ended_at)]

    def is_live(self, now_s: float) -> bool:
        """Tell whether the session has neither been ended nor run out.

        Args:
            now_s: epoch seconds.
        """
        return self.ended_at is None and now_s < self.idle_ends_at and now_s < self.ends_at

    @property
    def denied_until(self) -> int:
        """How long the feed tells of the session once it has ended: until no clock takes its tokens."""
        return self.access_until + LEEWAY_S_MAX


class Denial(msgspec.Struct, frozen=True):
    """An entry of the revocation feed.

    Args:
        sid: the session that has ended.
        until: from when on nobody needs to know, epoch seconds: its last access token has expired everywhere.
    """

    sid: str
    until: int


class Feed(msgspec.Struct, frozen=True):
    """A reading of the revocation feed.

    Args:
        id: names the feed; another id means that it was started anew and may have forgotten something.
        entries: denials, in no order.
    """

    id: str
    entries: tuple[Denial, ...]


class SessionStore(Protocol):
    """A place that keeps sessions. Every method raises StoreUnavailable where the place cannot answer."""

    def insert(self, row: SessionRow, *, sessions_max: int, now_s: float) -> tuple[Denial, ...]:
        """Add a session and, in the same step, end what its subject has beyond the cap.

        Args:
            row: a session with a new sid.
            sessions_max: live sessions that the subject may have, the new one included; at least 1.
            now_s: epoch seconds.

        Returns:
            The denials of the sessions that made place: the least recently refreshed.
        """
        ...

    def get(self, sid: str) -> SessionRow | None:
        """Read a session, ended or not."""
        ...

    def replace(self, row: SessionRow, *, generation: int) -> bool:
        """Compare and swap: write a row where its session still has this generation and has not been ended.

        Subject, client, device, creation and absolute end stay as they are; they never change.

        Args:
            row: the successor.
            generation: of the row that it was made from.

        Returns:
            Whether it was written. True means that it is kept, whatever happens to this process.
        """
        ...

    def end(self, sid: str, *, now_s: float, subject: str | None = None) -> Denial | None:
        """End a session and record its denial in one step. A session that has ended already stays as it is.

        Args:
            sid: which.
            now_s: epoch seconds.
            subject: where given, only a session of this subject.

        Returns:
            The denial that holds; None where there is no such session.
        """
        ...

    def end_all(self, subject: str, *, now_s: float, except_sid: str | None = None) -> tuple[Denial, ...]:
        """End every session of a subject, but for one, and record the denials, in one step.

        Returns:
            The denials of the sessions that had not been ended before.
        """
        ...

    def active(self, subject: str, *, now_s: float) -> tuple[SessionRow, ...]:
        """List the live sessions of a subject, the last refreshed first."""
        ...

    def denials(self, *, since_s: float | None, now_s: float) -> Feed:
        """Read the revocation feed.

        Args:
            since_s: only what was ended from then on, epoch seconds; None: the whole feed.
            now_s: epoch seconds; what matters no longer is left out.
        """
        ...

    def purge(self, *, now_s: float, limit: int) -> int:
        """Remove sessions of which nothing has mattered for PURGED_AFTER_S.

        Args:
            now_s: epoch seconds.
            limit: how many at most.

        Returns:
            How many were removed.
        """
        ...


class FeedKeeper(Protocol):
    """A session store whose feed is apart from its rows, so that it can tell of an end after both were lost."""

    def deny(self, denial: Denial, *, now_s: float) -> None:
        """Tell of an end whose session is not there any more.

        Args:
            denial: what a process remembers.
            now_s: epoch seconds.

        Raises:
            StoreUnavailable: it was not written.
        """
        ...


class ReferenceStore(Protocol):
    """A place that keeps what reference tokens stand for, sealed. It never sees a token: only its SHA-256.

    Every session store is one, too. memcached is nothing else: what it evicts is a session that has ended, never one
    that lives again. Every method raises StoreUnavailable where the place cannot answer.
    """

    def put_reference(self, digest: bytes, sealed: bytes, *, until: int) -> None:
        """Keep an entry.

        Args:
            digest: bytes[32], the SHA-256 of a new token.
            sealed: what it stands for, encrypted and authenticated.
            until: when nobody needs it any more, epoch seconds.
        """
        ...

    def get_reference(self, digest: bytes, *, now_s: float, until: int | None = None) -> bytes | None:
        """Read an entry; None where there is none (any more).

        Args:
            digest: bytes[32].
            now_s: epoch seconds.
            until: where given, and where the place can say it in the same round trip, keep the entry until then. Only
                memcached is asked that: its entries are whole sessions.
        """
        ...

    def drop_reference(self, digest: bytes) -> bool:
        """Remove an entry. Says whether there was one."""
        ...
