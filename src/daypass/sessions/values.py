"""What sessions hand out and take: frozen values. Enters and leaves: facts. All times are epoch seconds.

Source: DESIGN.md 3 (daypass.sessions).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from daypass.encoding import JSON

__all__ = ["Grants", "Principal", "Session", "TokenPair"]


class Grants(msgspec.Struct, frozen=True):
    """What a subject may do now; ``authorize`` answers with it.

    Args:
        scopes: for the access token. Source: RFC 6749 3.3.
        roles: of the subject.
    """

    scopes: Collection[str] = ()
    roles: Collection[str] = ()


class Session(msgspec.Struct, frozen=True):
    """A session as its owner may see it.

    Args:
        sid: public id.
        subject: whose it is.
        device: the label of the login.
        created_at: when it was started.
        authenticated_at: when the password was last asked.
        last_refreshed_at: when it was last refreshed.
        ends_at: the absolute end.
    """

    sid: str
    subject: str
    device: str | None
    created_at: int
    authenticated_at: int
    last_refreshed_at: int
    ends_at: int


class Principal(msgspec.Struct, frozen=True):
    """Who sent a request, from a verified access token. Shows neither data nor claims as text.

    Args:
        subject: the account.
        sid: its session.
        scopes: what the token allows.
        roles: what the subject is.
        data: the small bag of the login.
        authenticated_at: when the password was last asked.
        expires_at: when the access token expires.
        claims: all of them.
    """

    subject: str
    sid: str
    scopes: frozenset[str]
    roles: frozenset[str]
    data: Mapping[str, JSON]
    authenticated_at: int
    expires_at: int
    claims: Mapping[str, JSON]

    def __repr__(self) -> str:
        return f"Principal(subject={self.subject!r}, sid={self.sid!r}, expires_at={self.expires_at})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("subject", self.subject), ("sid", self.sid), ("expires_at", self.expires_at)]


class TokenPair(msgspec.Struct, frozen=True):
    """What a login or a refresh answers. Shows no token as text.

    Args:
        access_token: for the API, in ``Authorization: Bearer``.
        refresh_token: for the next pair; replaces the one that was sent.
        expires_in: of the access token, in seconds.
        session: that they belong to.
    """

    access_token: str
    refresh_token: str
    expires_in: int
    session: Session

    def __repr__(self) -> str:
        return f"TokenPair(<tokens redacted>, expires_in={self.expires_in}, session={self.session!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("tokens", "redacted"), ("expires_in", self.expires_in), ("session", self.session)]
