"""Token pairs: what a client gets after a login or a refresh. Enters: a row. Leaves: two tokens.

Source: DESIGN.md 5; RFC 9068 2.2 (claims of an access token).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from daypass.errors import SessionEnded
from daypass.keyring.ring import KeyRing
from daypass.sessions.access_tokens import Issue
from daypass.sessions.policy import SessionPolicy
from daypass.sessions.refresh_token import RefreshToken, write_refresh_token
from daypass.sessions.rotation import ENDED, access_expires_at
from daypass.sessions.values import Session, TokenPair
from daypass.stores.protocol import SessionRow

__all__ = ["PairMaker", "access_claims", "session_of"]


@final
class PairMaker:
    """Makes token pairs under the keys of a ring.

    Args:
        ring: authenticates the refresh token.
        policy: lifetime of the access token.
        issue: issues it.
        clock: epoch seconds.
    """

    __slots__ = ("_clock", "_issue", "_policy", "_ring")

    def __init__(self, ring: KeyRing, policy: SessionPolicy, *, issue: Issue, clock: Callable[[], float]) -> None:
        self._ring = ring
        self._policy = policy
        self._issue = issue
        self._clock = clock

    def pair(self, row: SessionRow, token: RefreshToken) -> TokenPair:
        """Issue an access token and write the refresh token.

        Args:
            row: the session; nothing in it is changed.
            token: the refresh token of its current generation.

        Raises:
            SessionEnded: its end has come meanwhile.
            UnknownKey: the ring secret of the refresh token was retired.
            TypeError: the data of the session is nothing that JSON can say.
            ValueError: the access token would be longer than ``token_bytes_max``.
            StoreUnavailable: what a reference token stands for could not be kept.
        """
        now_s = self._clock()
        expires_at = access_expires_at(row, self._policy, now_s=now_s)
        try:
            access_token = self._issue(access_claims(row), expires_at=expires_at)
        except ValueError:
            if expires_at > self._clock():
                raise
            raise SessionEnded(ENDED) from None  # nothing was wrong with the claims, it is over
        refresh_token = write_refresh_token(token, self._ring)
        return TokenPair(access_token, refresh_token, expires_at - int(now_s), session_of(row))


def session_of(row: SessionRow) -> Session:
    """Say of a session what its owner may see."""
    return Session(
        row.sid,
        row.subject,
        row.device,
        row.created_at,
        row.authenticated_at,
        row.last_refreshed_at,
        row.ends_at,
    )


def access_claims(row: SessionRow) -> dict[str, Any]:
    """Name the claims of an access token that are the session's own. Source: RFC 9068 2.2."""
    claims: dict[str, Any] = {
        "sub": row.subject,
        "client_id": row.client_id,
        "sid": row.sid,
        "auth_time": row.authenticated_at,
        "roles": list(row.roles),
    }
    if row.scopes:  # an empty scope would be none of the grammar of RFC 6749 3.3
        claims["scope"] = " ".join(row.scopes)
    if row.data:
        claims["data"] = dict(row.data)
    return claims
