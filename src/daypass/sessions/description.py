"""Sessions in words, for whoever runs them: where everything is, and how late a logout may be heard of.

Enters: store, ring, policy. Leaves: lines without a secret. Source: DESIGN.md 5 (describe).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daypass.keyring.ring import KeyRing
from daypass.sessions.feed import OVERLAP_S, WHOLE_EVERY_S
from daypass.sessions.policy import SessionPolicy
from daypass.stores.memory import MemoryStore

__all__ = ["describe_sessions"]

_FORMATS: Final[Mapping[str, str]] = {
    "jwt": "signed (JWT): whoever holds one can read it",
    "jwe": "encrypted (JWE): nobody but this service can read one",
    "nested": "signed, then encrypted (JWT in JWE): nobody but this service can read one",
    "paseto-v4-public": "signed (PASETO v4.public): whoever holds one can read it",
    "paseto-v4-local": "encrypted (PASETO v4.local): nobody but this service can read one",
    "paseto-v3-public": "signed (PASETO v3.public): whoever holds one can read it",
    "paseto-v3-local": "encrypted (PASETO v3.local): nobody but this service can read one",
    "reference": "random texts: at each verification the store is asked what one stands for",
}


def describe_sessions(store: object, ring: KeyRing, policy: SessionPolicy, *, is_stale: bool) -> str:
    """Say how sessions behave.

    Args:
        store: where they are.
        ring: their keys.
        policy: their settings.
        is_stale: whether the revocation feed is, now.
    """
    kind = type(store).__name__  # no isinstance: a store whose driver is an extra is not imported for that
    lines = [f"sessions: {store!r}"]
    if isinstance(store, MemoryStore):
        lines.append("  they end with this process, and no other process sees them")
    elif ring.path is not None:
        lines.append(f"  keys in {ring.path}: a copy of this folder is a copy of every login")
    lines += [
        *_format_in_words(policy),
        *(_times_of_a_cache(policy) if kind == "MemcachedStore" else _times_in_words(policy)),
        *_ending_in_words(policy),
        *_loss_in_words(kind, policy),
    ]
    if is_stale:
        lines.append("  ALARM: the revocation feed is stale: it cannot be read, or it was started anew")
    return "\n".join([*lines, ring.describe()])


def _format_in_words(policy: SessionPolicy) -> list[str]:
    """Say what an access token is, and which other kinds are taken."""
    lines = [f"  access tokens are {_FORMATS[policy.format]}"]
    others = [name for name in dict.fromkeys(policy.accepted_formats) if name != policy.format]
    if others:
        lines.append(f"  accepted besides, from before a change of format: {', '.join(others)}")
    return lines


def _times_in_words(policy: SessionPolicy) -> list[str]:
    """Say how long tokens and sessions live, and how many a subject has."""
    return [
        (
            f"  an access token is valid for {policy.access_lifetime_s} s,"
            " and what `authorize` answers holds from the next refresh"
        ),
        (
            f"  a session ends {policy.idle_lifetime_s} s after its last refresh,"
            f" and {policy.absolute_lifetime_s} s after the login in any case"
        ),
        (
            f"  a subject has {policy.sessions_per_subject_max} sessions at most:"
            " one more ends the least recently refreshed"
        ),
        *_grace_in_words(policy),
    ]


def _times_of_a_cache(policy: SessionPolicy) -> list[str]:
    """Say the same where one token is a whole session, and nobody can list those of a subject."""
    return [
        "  an access token is valid until its session ends; `authorize` is asked at the login alone",
        (
            f"  a session ends {policy.idle_lifetime_s} s after its last verification,"
            f" and {policy.absolute_lifetime_s} s after the login in any case"
        ),
        "  a subject may have any number of sessions: sessions_per_subject_max holds in other stores alone",
    ]


def _grace_in_words(policy: SessionPolicy) -> list[str]:
    """Say what the grace window gives and what it costs."""
    window = f"{policy.refresh_grace_s} s"
    if not policy.refresh_grace_s:
        return ["  a replaced refresh token ends its session at once: two tabs can log each other out"]
    return [
        (
            f"  a replaced refresh token gets the current one for {window}, after that it ends the session:"
            f" a client that lost an answer asks again within {window}"
        ),
        "  a thief's replay inside the grace window is found at the next refresh",
        f"  the clocks of all processes that share the store agree to much less than {window}",
    ]


def _ending_in_words(policy: SessionPolicy) -> list[str]:
    """Say how late, at worst, an ended session is refused."""
    expiry = policy.access_lifetime_s + policy.leeway_s
    here = "  a session that was ended is refused by this process at once, and by the others"
    if policy.revocation == "strict":
        return [
            f"{here} too: the store is asked at each verification",
            "  where the store cannot answer nothing is accepted (503)",
        ]
    if policy.revocation == "none":
        return [f"{here} when its access token expires: at worst {expiry} s later"]
    stale = f"  where the feed cannot be read for {policy.feed_stale_after_s:g} s,"
    if policy.when_stale == "refuse":
        worst = f"{stale} nothing is accepted (503): at worst it is refused {policy.feed_stale_after_s:g} s later"
    else:
        worst = f"{stale} tokens are accepted with an alarm: at worst it is refused {expiry} s later"
    return [
        f"{here} within {policy.feed_poll_s:g} s and the time of one reading of the feed",
        worst,
        (
            f"  where clocks are more than {OVERLAP_S} s apart, or a transaction takes that long to commit,"
            f" within {WHOLE_EVERY_S + policy.feed_poll_s:g} s and one reading"
        ),
    ]


def _loss_in_words(kind: str, policy: SessionPolicy) -> list[str]:
    """Say what becomes of sessions, and of ends, that the store loses."""
    if kind == "SQLStore":
        lines = ["  a backup that is put back knows nothing of later logouts"]
        known = (
            f"and record it again within {WHOLE_EVERY_S} s" if policy.revocation == "feed" else "and nobody else does"
        )
        lines.append(f"  there running processes refuse what they know to have ended, {known}")
    elif kind == "RedisStore":
        known = f", and tell the others within {WHOLE_EVERY_S} s" if policy.revocation == "feed" else ""
        lines = [
            "  where Redis loses its data (FLUSHALL, a restart without persistence) the sessions are gone: 401, log in",
            f"  there running processes refuse what they know to have ended{known}",
            "  Redis must not evict (maxmemory-policy noeviction): an evicted session is a logout nobody asked for",
        ]
    elif kind == "MemcachedStore":
        return [
            "  memcached evicts, and forgets at a restart: a session that is gone there has ended, and none comes back",
            "  there is no refresh, no list and no `end_all`: a session has the roles of its login until it ends",
        ]
    else:
        return []
    if policy.revocation == "feed":
        seconds = policy.access_lifetime_s + policy.leeway_s
        meaning = "nothing is accepted (503)" if policy.when_stale == "refuse" else "there is an alarm"
        lines.append(f"  a feed that has forgotten something counts as stale for {seconds} s: {meaning}")
    return lines
