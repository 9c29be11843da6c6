"""A ring in words, for whoever runs it. Enters: the content of a ring. Leaves: lines without a secret."""

from __future__ import annotations

from datetime import UTC, datetime

from daypass.keyring.content import RingContent
from daypass.keyring.entry import RingEntry

__all__ = ["describe_ring"]


def describe_ring(content: RingContent, *, location: str, now_s: float, fault: str) -> str:
    """Say where a ring is, which keys do what, and what is wrong.

    Args:
        content: of the ring.
        location: where it is kept.
        now_s: epoch seconds.
        fault: why it could not be read the last time; empty where it could.
    """
    schedule = content.schedule
    lines = [
        f"key ring: {location}",
        "  whoever has a copy of it can sign any token and make any login: keep it like a password",
        *(f"  {_in_words(entry, now_s)}" for entry in content.entries()),
        f"  rotation: a new key signs after {schedule.publish_s} s",
        f"  an old key is accepted for {schedule.stays_s('sign')} s more",
        f"  an old secret is accepted for {schedule.stays_s('derive')} s more",
    ]
    if fault:
        lines.append(f"  ALARM: {fault}; going on with the keys read before, and trying again")
    return "\n".join(lines)


def _in_words(entry: RingEntry, now_s: float) -> str:
    state = entry.state(now_s)
    what = "signs" if entry.purpose == "sign" else "makes refresh tokens"
    return (
        f"{entry.alg} {entry.kid}: {state}, "
        + {
            "next": f"{what} from {_utc(entry.sign_from)}",
            "active": what if entry.retire_at is None else f"{what} until {_utc(entry.retire_at)}",
            "retiring": "is accepted" if entry.remove_at is None else f"is accepted until {_utc(entry.remove_at)}",
            "removed": "is refused",
        }[state]
    )


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
