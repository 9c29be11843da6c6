"""The rules of a refresh, without any I/O. Enters: a row, a token, a time. Leaves: a step, or the next row.

The grace window makes a lost answer and two tabs harmless: whoever brings a token that was superseded a
moment ago gets the current one. A token that comes back after that has two owners, so the session ends.

Source: DESIGN.md 5; RFC 9700 4.14.2 (rotation, detection of replay); RFC 6749 10.4.
"""

from __future__ import annotations

import enum
import hmac
import math
from typing import Any, Final

import msgspec

from daypass.errors import InvalidSignature, SessionEnded, UnknownSession
from daypass.limits import ROTATIONS_REMEMBERED
from daypass.sessions.policy import SessionPolicy
from daypass.sessions.refresh_token import NOT_OURS, RefreshToken
from daypass.sessions.values import Grants
from daypass.stores.protocol import SessionRow

__all__ = ["Step", "access_expires_at", "judge", "new_row", "reauthenticated", "successor", "with_grants"]

ENDED: Final = "the session was ended, or it ran out: log in again"


class Step(enum.Enum):
    """What a genuine refresh token of a live session leads to."""

    ROTATE = "make the next generation"
    REPEAT = "answer with the current generation"
    REUSED = "end the session"


def judge(row: SessionRow, token: RefreshToken, *, now_s: float, grace_s: int) -> Step:
    """Decide what a refresh token leads to. Its mac holds.

    Args:
        row: of the token's sid.
        token: as the client sent it.
        now_s: when it arrived, epoch seconds.
        grace_s: how long a superseded token gets the current one, in seconds.

    Raises:
        UnknownSession: the store has forgotten this generation (a restored backup).
        InvalidSignature: a nonce of another login, or of a time before ``reauthenticate``.
        SessionEnded: ended, idle for too long, or past its absolute end.
    """
    if not hmac.compare_digest(token.nonce_sha256(), row.nonce_sha256):
        raise InvalidSignature(NOT_OURS)
    if not row.is_live(now_s):
        raise SessionEnded(ENDED)
    behind = row.generation - token.generation
    if behind < 0 or (behind == 0 and token.kid != row.kid):
        raise UnknownSession("the store has forgotten this refresh token, perhaps a backup was restored")
    if behind == 0:
        # A further rotation in this window would push a token out of memory that may still be on its way.
        is_full = len(row.rotated_at) == ROTATIONS_REMEMBERED and now_s - row.rotated_at[-1] <= grace_s
        return Step.REPEAT if is_full else Step.ROTATE
    # An age below zero comes from a clock that was stepped back, or from another machine's.
    is_recent = behind <= len(row.rotated_at) and now_s - row.rotated_at[behind - 1] <= grace_s
    return Step.REPEAT if is_recent else Step.REUSED


def new_row(
    token: RefreshToken,
    policy: SessionPolicy,
    *,
    subject: str,
    device: str | None,
    grants: Grants,
    data: dict[str, Any],
    now_s: float,
) -> SessionRow:
    """Describe a session that starts.

    Args:
        token: the first of the session.
        policy: its lifetimes.
        subject: whose it is.
        device: its label.
        grants: what it allows.
        data: the bag of its access tokens.
        now_s: epoch seconds.
    """
    now = int(now_s)
    ends_at = now + policy.absolute_lifetime_s
    return SessionRow(
        sid=token.sid,
        subject=subject,
        client_id=policy.client_id,
        device=device,
        scopes=tuple(grants.scopes),
        roles=tuple(grants.roles),
        data=data,
        created_at=now,
        authenticated_at=now,
        last_refreshed_at=now,
        ends_at=ends_at,
        idle_ends_at=now + policy.idle_lifetime_s,
        ended_at=None,
        generation=token.generation,
        kid=token.kid,
        rotated_at=(),
        nonce_sha256=token.nonce_sha256(),
        access_until=_access_until(policy, ends_at, now_s),
    )


def successor(row: SessionRow, policy: SessionPolicy, *, grants: Grants, kid: str, now_s: float) -> SessionRow:
    """Describe the next generation of a session. The absolute end stays where it is.

    Args:
        row: the current generation.
        policy: its lifetimes.
        grants: what the session allows from now on.
        kid: of the ring secret that the new token is made under.
        now_s: epoch seconds.
    """
    return msgspec.structs.replace(
        row,
        scopes=tuple(grants.scopes),
        roles=tuple(grants.roles),
        last_refreshed_at=int(now_s),
        idle_ends_at=min(int(now_s) + policy.idle_lifetime_s, row.ends_at),
        generation=row.generation + 1,
        kid=kid,
        rotated_at=(now_s, *row.rotated_at)[:ROTATIONS_REMEMBERED],
        # Never earlier than before: a token that was handed out stays handed out, whatever the clock does.
        access_until=max(row.access_until, _access_until(policy, row.ends_at, now_s)),
    )


def reauthenticated(row: SessionRow, token: RefreshToken) -> SessionRow:
    """Describe a generation that begins with the password. It has no predecessors: their nonce is another.

    Args:
        row: the successor, as it is after a refresh.
        token: of this generation, with the new nonce.
    """
    return msgspec.structs.replace(
        row, authenticated_at=row.last_refreshed_at, nonce_sha256=token.nonce_sha256(), rotated_at=()
    )


def with_grants(row: SessionRow, grants: Grants) -> SessionRow:
    """Describe a session that allows something else."""
    return msgspec.structs.replace(row, scopes=tuple(grants.scopes), roles=tuple(grants.roles))


def access_expires_at(row: SessionRow, policy: SessionPolicy, *, now_s: float) -> int:
    """Tell when an access token expires that is issued now: with its session at the latest.

    It never passes what the row has recorded either: that is how long the feed tells of the session.
    """
    return min(int(now_s) + policy.access_lifetime_s, row.access_until, row.idle_ends_at, row.ends_at)


def _access_until(policy: SessionPolicy, ends_at: int, now_s: float) -> int:
    """Bound the access tokens of a generation, those of its grace window too."""
    return min(math.ceil(now_s) + policy.access_lifetime_s + policy.refresh_grace_s, ends_at)
