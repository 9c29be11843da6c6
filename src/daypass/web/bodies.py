"""The bodies of the session API as types. Enters: what ``transport`` read. Leaves: what ``transport`` writes.

They are also what the OpenAPI document is made from. All times are epoch seconds. Those that hold a password
or a token do not show it. Source: RFC 6749 5.1 (names of the members of ``Tokens``).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = [
    "ChangePassword",
    "CurrentSession",
    "Login",
    "Logout",
    "Refresh",
    "SessionBody",
    "SessionList",
    "Tokens",
]


class _Redacted(msgspec.Struct, frozen=True, kw_only=True):
    """A body whose fields are secrets: its text is its name."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Login(_Redacted, frozen=True, kw_only=True):
    """An e-mail address, the password, and optionally what to call this device in the list of sessions."""

    email: str
    password: str
    device: str | None = None


class Refresh(_Redacted, frozen=True, kw_only=True):
    """A refresh token. The whole answer of a login may be sent back: other members are passed over."""

    refresh_token: str


class Logout(_Redacted, frozen=True, kw_only=True):
    """Where the access token has expired: the refresh token."""

    refresh_token: str | None = None


class ChangePassword(_Redacted, frozen=True, kw_only=True):
    """The password of now and the one to be."""

    current_password: str
    new_password: str


class SessionBody(msgspec.Struct, frozen=True, kw_only=True):
    """One session, as its owner sees it."""

    sid: str
    device: str | None
    created_at: int
    authenticated_at: int
    last_refreshed_at: int
    ends_at: int
    current: bool


class SessionList(msgspec.Struct, frozen=True, kw_only=True):
    """The live sessions of the caller."""

    sessions: list[SessionBody]


class CurrentSession(msgspec.Struct, frozen=True, kw_only=True):
    """What the access token says. Source: RFC 7519 4.1 (sub)."""

    sub: str
    sid: str
    roles: list[str]
    scopes: list[str]
    authenticated_at: int
    expires_at: int


class Tokens(_Redacted, frozen=True, kw_only=True):
    """A fresh pair. ``expires_in``: seconds that the access token is valid for. Source: RFC 6749 5.1."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    session: SessionBody


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """A JWK Set of public keys. Source: RFC 7517 5."""

    keys: list[dict[str, Any]]
