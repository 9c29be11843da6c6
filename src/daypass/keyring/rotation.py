"""How a ring changes: made, rotated, a key retired. Pure. Enters: a content, a time. Leaves: another content.

Source: DESIGN.md 5 (key ring): rotation logs nobody out and leaves every refresh token working.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from daypass.errors import ConfigurationError
from daypass.keyring.content import DERIVE_ALG, RingContent, SecretKey, SigningKey
from daypass.keyring.derive import RingSecret
from daypass.keyring.entry import RingEntry
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.token_key import alg_of, kid_of, verifying_half
from daypass.limits import SECRET_BYTES_MIN

if TYPE_CHECKING:
    from daypass.tokens.source import TokenKey

__all__ = ["in_use", "new_ring", "newest_alg", "rotated", "widened", "without"]

_KID_BYTES = 16

Held = TypeVar("Held", SigningKey, SecretKey)


def in_use(keys: Sequence[Held], now_s: float) -> Held:
    """Find the key that makes new things now: the active one that took over last.

    Args:
        keys: of one purpose, the oldest first; the last one has no successor.
        now_s: epoch seconds.

    Returns:
        Where none is active, the first that will be: the clock was stepped back to before the ring was made,
        or the active key was retired; every verifier knows that one already.
    """
    alive = [held for held in keys if held.entry.state(now_s) in {"next", "active"}]
    active = [held for held in alive if held.entry.sign_from <= now_s]
    return max(active, key=_sign_from) if active else alive[0]


def new_ring(key: TokenKey, *, schedule: RotationSchedule, now_s: int) -> RingContent:
    """Put a first key and a first secret on a new ring.

    Args:
        key: private; a JWK with ``alg`` and ``kid``.
        schedule: that the ring keeps from now on.
        now_s: epoch seconds.
    """
    return RingContent((_signing(key, now_s, now_s),), (_secret(now_s, now_s),), schedule)


def rotated(content: RingContent, key: TokenKey, *, at_once: bool, now_s: int) -> RingContent:
    """Add a key and a secret that supersede all others, and drop what is removed.

    Args:
        content: of the ring.
        key: private; a JWK with ``alg`` and ``kid``.
        at_once: from now on, instead of after ``publish_s``.
        now_s: epoch seconds.
    """
    from_s = now_s if at_once else now_s + content.schedule.publish_s
    return RingContent(
        signing=(
            *_superseded(content.signing, from_s, content.schedule, now_s),
            _signing(key, now_s, from_s),
        ),
        secrets=(*_superseded(content.secrets, from_s, content.schedule, now_s), _secret(now_s, from_s)),
        schedule=content.schedule,
    )


def without(content: RingContent, kid: str) -> RingContent:
    """Take one key off the ring, whole, so that no clock brings it back.

    Raises:
        ConfigurationError: the ring has no such key, or it is the newest, which nothing would follow.
    """
    found = next((entry for entry in content.entries() if entry.kid == kid), None)
    if found is None:
        raise ConfigurationError("the key ring has no key of that kid: `daypass keys list` shows them")
    if found.retire_at is None:
        raise ConfigurationError("this is the newest key: rotate(at_once=True) first, then retire it")
    return RingContent(
        signing=tuple(held for held in content.signing if held.entry.kid != kid),
        secrets=tuple(held for held in content.secrets if held.entry.kid != kid),
        schedule=content.schedule,
    )


def widened(content: RingContent, schedule: RotationSchedule, *, now_s: int) -> RingContent:
    """Take longer times into the schedule, and keep the keys that are still in use for as long as those say.

    Args:
        content: of the ring.
        schedule: whose longer times count.
        now_s: epoch seconds.
    """
    wider = content.schedule.widened(schedule)
    return RingContent(_stretched(content.signing, wider, now_s), _stretched(content.secrets, wider, now_s), wider)


def newest_alg(content: RingContent) -> str:
    """Name the algorithm of the key that was added last."""
    return [held.entry.alg for held in content.signing if held.entry.retire_at is None][-1]


def _superseded(keys: Sequence[Held], from_s: int, schedule: RotationSchedule, now_s: int) -> tuple[Held, ...]:
    kept = (held for held in keys if held.entry.state(now_s) != "removed")
    return tuple(_retired(held, from_s, schedule) for held in kept)


def _stretched(keys: Sequence[Held], schedule: RotationSchedule, now_s: int) -> tuple[Held, ...]:
    return tuple(
        _retired(held, at_s, schedule) if (at_s := held.entry.retire_at) is not None and at_s > now_s else held
        for held in keys
    )


def _retired(held: Held, at_s: int, schedule: RotationSchedule) -> Held:
    entry = held.entry.superseded(at_s, stays_s=schedule.stays_s(held.entry.purpose))
    return msgspec.structs.replace(held, entry=entry)


def _sign_from(held: SigningKey | SecretKey) -> int:
    return held.entry.sign_from


def _signing(key: TokenKey, now_s: int, from_s: int) -> SigningKey:
    kid, alg = kid_of(key) or "", alg_of(key) or ""
    entry = RingEntry(kid=kid, alg=alg, purpose="sign", publish_at=now_s, sign_from=from_s)
    return SigningKey(entry=entry, key=key, verifying=verifying_half(key))


def _secret(now_s: int, from_s: int) -> SecretKey:
    kid = secrets.token_urlsafe(_KID_BYTES)
    entry = RingEntry(kid=kid, alg=DERIVE_ALG, purpose="derive", publish_at=now_s, sign_from=from_s)
    return SecretKey(entry=entry, secret=RingSecret(secrets.token_bytes(SECRET_BYTES_MIN)))
