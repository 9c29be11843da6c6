"""How a ring changes: made, rotated, a key retired. Pure. Enters: a content, a time. Leaves: another content.

Source: DESIGN.md 5 (key ring): rotation logs nobody out and leaves every refresh token working.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from daypass.errors import ConfigurationError
from daypass.keyring.content import RingContent, SecretKey, SigningKey
from daypass.keyring.derive import RingSecret
from daypass.keyring.entry import RingEntry
from daypass.keyring.kinds import DERIVE_ALG, Kind, kind_of
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.token_key import alg_of, kid_of, verifying_half
from daypass.limits import SECRET_BYTES_MIN

if TYPE_CHECKING:
    from daypass.tokens.source import TokenKey

__all__ = ["Due", "Request", "due", "in_use", "issuing", "new_ring", "newest_algs", "rotated", "widened", "without"]

_KID_BYTES: Final = 16
_LATE_S: Final = 60
"""How late, in seconds, a scheduled rotation may come without a clock being suspected."""

Held = TypeVar("Held", SigningKey, SecretKey)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks of a ring by hand.

    Args:
        alg: of the new key; None: those of the newest keys.
        at_once: sign from now on.
        replaces_all: supersede the keys of all kinds.

    Raises:
        ConfigurationError: an alg that is no text, or nobody could tell which key would replace all.
    """

    alg: str | None
    at_once: bool
    replaces_all: bool

    def __post_init__(self) -> None:
        given: object = self.alg
        if given is not None and not isinstance(given, str):
            raise ConfigurationError("alg is the name of an algorithm: EdDSA, A256GCM, v4.public ...")
        if self.replaces_all and self.alg is None:
            raise ConfigurationError("replaces_all goes with the alg of the key that replaces all others: name it")

    def algs(self, content: RingContent) -> tuple[str, ...]:
        """Of which algorithms it wants keys, the kind that came last at the end."""
        return newest_algs(content) if self.alg is None else (self.alg,)

    def met_since(self, before: RingContent, content: RingContent, now_s: float) -> str:
        """Find out whether somebody else has done meanwhile what is asked for.

        Args:
            before: the content when it was asked for.
            content: of now.
            now_s: epoch seconds.

        Returns:
            The kid of the new key; empty where there is something to be done.
        """
        known = {entry.kid for entry in before.entries()}
        made = {
            held.entry.alg: held.entry
            for held in content.signing
            if held.entry.kid not in known and held.entry.retire_at is None
        }
        algs = self.algs(content)
        if not made.keys() >= set(algs) or (self.replaces_all and newest_algs(content) != algs):
            return ""
        if self.at_once and any(made[alg].sign_from > now_s for alg in algs):
            return ""
        return made[algs[-1]].kid


class Due(msgspec.Struct, frozen=True):
    """What the schedule asks for.

    Args:
        algs: of keys to be made.
        with_secret: whether a secret is.
        next_s: when something is due next, epoch seconds; in the past where it is now.
    """

    algs: tuple[str, ...]
    with_secret: bool
    next_s: float

    def __bool__(self) -> bool:
        return bool(self.algs) or self.with_secret


def in_use(keys: Sequence[Held], now_s: float) -> Held:
    """Find the key that makes new things now: the active one that took over last.

    Args:
        keys: of one kind, the oldest first; the last one has no successor.
        now_s: epoch seconds.

    Returns:
        Where none is active, the first that will be: the clock was stepped back to before the ring was made, the active
        key was retired, or it is the first of its kind; every verifier that reads the ring knows that one already.
    """
    if (found := _in_use(keys, now_s)) is None:
        raise ConfigurationError("no key of this kind is left")
    return found


def issuing(content: RingContent, now_s: float) -> tuple[SigningKey, ...]:
    """Find the keys that issue now, one of each kind that is in use, the kind that came last at the end."""
    by_kind: dict[Kind, list[SigningKey]] = {}
    for held in content.signing:
        by_kind.setdefault(kind_of(held.entry.alg), []).append(held)
    found = [_in_use(keys, now_s) for keys in by_kind.values()]
    return tuple(held for held in found if held is not None)


def _in_use(keys: Sequence[Held], now_s: float) -> Held | None:
    alive = [held for held in keys if held.entry.state(now_s) in {"next", "active"} and _can_make(held)]
    active = [held for held in alive if held.entry.sign_from <= now_s]
    if active:
        return max(active, key=_sign_from)
    return alive[0] if alive else None


def _can_make(held: SigningKey | SecretKey) -> bool:
    """Whether it is more than the public half of a key that is kept to verify with."""
    return isinstance(held, SecretKey) or bool(held.key.is_private)


def new_ring(key: TokenKey, *, schedule: RotationSchedule, now_s: float) -> RingContent:
    """Put a first key and a first secret on a new ring.

    Args:
        key: private; a JWK with ``alg`` and ``kid``.
        schedule: that the ring keeps from now on.
        now_s: epoch seconds.
    """
    ring_id = secrets.token_urlsafe(_KID_BYTES)
    return RingContent((_signing(key, now_s, now_s),), (_secret(now_s, now_s),), schedule, ring_id)


def rotated(
    content: RingContent,
    keys: Sequence[TokenKey],
    *,
    now_s: float,
    at_once: bool = False,
    replaces_all: bool = False,
    with_secret: bool = True,
) -> RingContent:
    """Add keys that supersede the others of their kinds, and a secret; drop what is removed.

    Args:
        content: of the ring.
        keys: private, each of another kind; a JWK has ``alg`` and ``kid``.
        now_s: epoch seconds.
        at_once: from now on, instead of after ``publish_s``.
        replaces_all: they supersede the keys of all other kinds, too.
        with_secret: False where only keys are due.
    """
    from_s = now_s if at_once else round(now_s + content.schedule.publish_s, 3)
    confirmed_s = _confirmed(content, now_s)
    made = [_signing(key, now_s, from_s) for key in keys]
    kinds = {kind_of(held.entry.alg) for held in made}
    signing = list[SigningKey]()
    for kind in dict.fromkeys(kind_of(held.entry.alg) for held in content.signing):
        kept = _kept([held for held in content.signing if kind_of(held.entry.alg) == kind], confirmed_s)
        if kind in kinds:
            kept = _taken_up(kept, now_s)
        signing += _superseded(kept, from_s, content.schedule) if kind in kinds or replaces_all else kept
    kept_secrets = _kept(content.secrets, confirmed_s)
    if with_secret:
        kept_secrets = (*_superseded(kept_secrets, from_s, content.schedule), _secret(now_s, from_s))
    return msgspec.structs.replace(content, signing=(*_in_order(signing, content.signing), *made), secrets=kept_secrets)


def without(content: RingContent, kid: str, *, now_s: float) -> RingContent:
    """Take one key off the ring, whole, so that no clock brings it back.

    Args:
        content: of the ring.
        kid: of the key.
        now_s: epoch seconds.

    Raises:
        ConfigurationError: the ring has no such key, or nothing would follow it: it is the newest of its kind, or the
            last of a kind that another one is about to replace.
    """
    found = next((entry for entry in content.entries() if entry.kid == kid), None)
    if found is None:
        raise ConfigurationError("the key ring has no key of that kid: `daypass keys list` shows them")
    if found.retire_at is None:
        raise ConfigurationError(
            f"this is the newest key of its kind: rotate(at_once=True{_alg_word(found)}) first, then retire it"
        )
    rest = msgspec.structs.replace(
        content,
        signing=tuple(held for held in content.signing if held.entry.kid != kid),
        secrets=tuple(held for held in content.secrets if held.entry.kid != kid),
    )
    if found.purpose == "sign" and len(issuing(rest, now_s)) < len(issuing(content, now_s)):
        raise ConfigurationError(
            "this key is the last of its kind, and nodes still issue with it: rotate(at_once=True, replaces_all=True,"
            f" alg=...) ends its kind now, rotate(at_once=True{_alg_word(found)}) goes on with it; then retire it"
        )
    return rest


def widened(content: RingContent, schedule: RotationSchedule, *, now_s: float) -> RingContent:
    """Take longer times into the schedule, and keep the keys that are still in use for as long as those say.

    Args:
        content: of the ring.
        schedule: whose longer times count.
        now_s: epoch seconds.
    """
    wider = content.schedule.widened(schedule)
    return msgspec.structs.replace(
        content,
        signing=_stretched(content.signing, wider, now_s),
        secrets=_stretched(content.secrets, wider, now_s),
        schedule=wider,
    )


def due(content: RingContent, now_s: float) -> Due:
    """Find what needs a successor by the schedule.

    Args:
        content: of the ring.
        now_s: epoch seconds.

    Returns:
        Nothing where the clock is behind every key, and where a key that is due has its successor already: one whose
        publication lies in the future of this clock does not count (a clock that was far ahead has made it).
    """
    every_s = content.schedule.rotate_every_s
    if not every_s:
        return Due((), with_secret=False, next_s=math.inf)
    newest: dict[Kind, float] = {}
    algs: dict[Kind, str] = {}
    for entry in content.entries():
        kind = kind_of(entry.alg)
        if entry.retire_at is None:
            algs[kind] = entry.alg
        if entry.publish_at <= now_s:
            newest[kind] = max(newest.get(kind, 0), entry.publish_at)
    times = {kind: newest[kind] + every_s for kind in algs if kind in newest}
    is_due = {kind for kind, at_s in times.items() if at_s <= now_s}
    return Due(
        algs=tuple(alg for kind, alg in algs.items() if kind in is_due and kind != "secret"),
        with_secret="secret" in is_due,
        next_s=min(times.values(), default=math.inf),
    )


def newest_algs(content: RingContent) -> tuple[str, ...]:
    """Name the algorithm of the newest key of each kind that goes on, the kind that came last at the end."""
    return tuple(held.entry.alg for held in content.signing if held.entry.retire_at is None)


def _alg_word(entry: RingEntry) -> str:
    return f", alg={entry.alg!r}" if entry.purpose == "sign" else ""


def _confirmed(content: RingContent, now_s: float) -> float:
    """Find the time by which keys are dropped: the latest that the ring itself has seen, not the clock's alone.

    A clock that is far ahead would otherwise take keys from everybody whose tokens are still alive. So a key is dropped
    when it was removed already at the last rotation, and where rotations are scheduled and one was left out, none is.
    """
    seen_s = max((entry.publish_at for entry in content.entries() if entry.publish_at <= now_s), default=-math.inf)
    every_s = content.schedule.rotate_every_s
    return -math.inf if every_s and now_s - seen_s > 2 * every_s + content.schedule.publish_s + _LATE_S else seen_s


def _kept(keys: Sequence[Held], confirmed_s: float) -> tuple[Held, ...]:
    return tuple(held for held in keys if held.entry.state(confirmed_s) != "removed")


def _taken_up(keys: Sequence[Held], now_s: float) -> tuple[Held, ...]:
    """Let the newest key of a kind that was to end go on until its successor signs."""
    if not keys or any(held.entry.retire_at is None for held in keys):
        return tuple(keys)
    *others, newest = keys
    if newest.entry.state(now_s) not in {"next", "active"}:
        return tuple(keys)
    return (*others, msgspec.structs.replace(newest, entry=msgspec.structs.replace(newest.entry, retire_at=None)))


def _in_order(keys: Sequence[SigningKey], before: Sequence[SigningKey]) -> list[SigningKey]:
    """Put keys where they stood."""
    place = {held.entry.kid: number for number, held in enumerate(before)}
    return sorted(keys, key=lambda held: place[held.entry.kid])


def _superseded(keys: Sequence[Held], from_s: float, schedule: RotationSchedule) -> tuple[Held, ...]:
    return tuple(_retired(held, from_s, schedule) for held in keys)


def _stretched(keys: Sequence[Held], schedule: RotationSchedule, now_s: float) -> tuple[Held, ...]:
    return tuple(
        _retired(held, at_s, schedule) if (at_s := held.entry.retire_at) is not None and at_s > now_s else held
        for held in keys
    )


def _retired(held: Held, at_s: float, schedule: RotationSchedule) -> Held:
    entry = held.entry.superseded(at_s, stays_s=schedule.stays_s(held.entry.purpose))
    return msgspec.structs.replace(held, entry=entry)


def _sign_from(held: SigningKey | SecretKey) -> float:
    return held.entry.sign_from


def _signing(key: TokenKey, now_s: float, from_s: float) -> SigningKey:
    kid, alg = kid_of(key) or "", alg_of(key) or ""
    entry = RingEntry(kid=kid, alg=alg, purpose="sign", publish_at=now_s, sign_from=from_s)
    return SigningKey(entry=entry, key=key, verifying=verifying_half(key))


def _secret(now_s: float, from_s: float) -> SecretKey:
    kid = secrets.token_urlsafe(_KID_BYTES)
    entry = RingEntry(kid=kid, alg=DERIVE_ALG, purpose="derive", publish_at=now_s, sign_from=from_s)
    return SecretKey(entry=entry, secret=RingSecret(secrets.token_bytes(SECRET_BYTES_MIN)))
