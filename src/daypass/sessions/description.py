"""Sessions in words, for whoever runs them: where everything is, and how late a logout may be heard of.

Enters: store, ring, policy. Leaves: lines without a secret. Source: DESIGN.md 5 (describe).
"""

from __future__ import annotations

from daypass.keyring.ring import KeyRing
from daypass.sessions.feed import OVERLAP_S, WHOLE_EVERY_S
from daypass.sessions.policy import SessionPolicy
from daypass.stores.memory import MemoryStore
from daypass.stores.protocol import SessionStore

__all__ = ["describe_sessions"]


def describe_sessions(store: SessionStore, ring: KeyRing, policy: SessionPolicy, *, is_stale: bool) -> str:
    """Say how sessions behave.

    Args:
        store: where they are.
        ring: their keys.
        policy: their settings.
        is_stale: whether the revocation feed is, now.
    """
    lines = [f"sessions: {store!r}"]
    if isinstance(store, MemoryStore):
        lines.append("  they end with this process, and no other process sees them")
    elif ring.path is not None:
        lines.append(f"  keys in {ring.path}: a copy of this folder is a copy of every login")
    lines += [
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
        *_ending_in_words(policy),
    ]
    if is_stale:
        lines.append("  ALARM: the revocation feed is stale: it cannot be read, or it was started anew")
    return "\n".join([*lines, ring.describe()])


def _grace_in_words(policy: SessionPolicy) -> list[str]:
    """Say what the grace window gives and what it costs."""
    window = f"{policy.refresh_grace_s} s"
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
        return [f"{here} too: the store is asked at each verification"]
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
            f"  where clocks are more than {OVERLAP_S} s apart,"
            f" within {WHOLE_EVERY_S + policy.feed_poll_s:g} s and one reading"
        ),
    ]
