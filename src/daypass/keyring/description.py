"""A ring in words, for whoever runs it. Enters: the content of a ring. Leaves: lines without a secret."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from daypass.keyring.content import RingContent
from daypass.keyring.entry import RingEntry
from daypass.keyring.kinds import KINDS, kind_of
from daypass.keyring.reading import POLL_S, SILENT_S
from daypass.keyring.rotation import due

__all__ = ["Circumstances", "describe_ring"]

_SKEW_S = 60
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What a process knows of a ring beside its content.

    Args:
        location: where it is kept.
        is_remote: whether a thread reads it.
        is_read_only: whether it cannot be changed from anywhere but there.
        rotates: whether this process makes new keys by the schedule.
        silent_s: for how many seconds the place has not answered.
        fault: why it could not be read the last time; empty where it could.
        rotation_fault: why a scheduled rotation failed; empty where none did.
        master_kid: the name of the master key that wraps it; None where none does.
        wrapped_under: that of the one under which it stands.
    """

    location: str
    is_remote: bool = False
    is_read_only: bool = False
    rotates: bool = False
    silent_s: float = 0.0
    fault: str = ""
    rotation_fault: str = ""
    master_kid: str | None = None
    wrapped_under: str | None = None


def describe_ring(content: RingContent, place: Circumstances, *, now_s: float) -> str:
    """Say where a ring is, which keys do what and when, how fast others follow, and what is wrong.

    Args:
        content: of the ring.
        place: what else is known.
        now_s: epoch seconds.
    """
    lines = [f"key ring: {place.location}", *(f"  {line}" for line in _about_secrecy(place))]
    kinds = dict.fromkeys(kind_of(entry.alg) for entry in content.entries())
    for kind in kinds:
        lines.append(f"  {KINDS[kind]}:")
        lines += [f"    {_in_words(entry, now_s)}" for entry in content.entries() if kind_of(entry.alg) == kind]
    lines += [f"  {line}" for line in (*_about_rotation(content, place, now_s), *_about_delays(content, place))]
    return "\n".join([*lines, *(f"  ALARM: {alarm}" for alarm in _alarms(content, place, now_s))])


def _about_secrecy(place: Circumstances) -> list[str]:
    if place.master_kid is None:
        return ["whoever has a copy of it can sign any token and make any login: keep it like a password"]
    risk = f"wrapped under the master key {place.master_kid}: whoever has both can sign any token and make any login"
    loss = "if its place is emptied, running processes go on; the next that starts makes a new ring, every login ends"
    lines = [risk, loss]
    if place.wrapped_under not in (None, place.master_kid):
        lines.append(f"it still stands under the master key {place.wrapped_under}: a rotation, or rewrap(), ends that")
    return lines


def _about_rotation(content: RingContent, place: Circumstances, now_s: float) -> list[str]:
    schedule = content.schedule
    every_s, next_s = schedule.rotate_every_s, due(content, now_s).next_s
    if place.is_read_only:
        how = "by whoever sets it: it cannot be changed from here"
        if every_s:
            how += f", so that rotate_every_s={every_s:g} has no effect"
    elif not every_s:
        how = "by hand (rotate, or `daypass keys rotate`), by no schedule"
    else:
        when = "as soon as a process looks" if next_s <= now_s else f"at {_utc(next_s)}"
        who = "this process does it, or another one" if place.rotates else "this process leaves it to others"
        how = f"every {_duration(every_s)}, next {when}; {who}"
    return [f"new keys are made {how}"]


def _about_delays(content: RingContent, place: Circumstances) -> list[str]:
    schedule = content.schedule
    lines = [
        f"a new key signs after {_duration(schedule.publish_s)}",
        f"an old key is accepted for {_duration(schedule.stays_s('sign'))} more",
        f"an old secret is accepted for {_duration(schedule.stays_s('derive'))} more",
    ]
    if place.is_read_only:
        return [*lines, "a key that is taken out is refused once all processes were restarted"]
    who = "a thread asks the place" if place.is_remote else "the place is asked"
    delay, every = _duration(2 * POLL_S), _duration(POLL_S)
    lines.append(
        f"a retired key is refused within 0.1 s by the process that retires it, by others within about {delay}:"
    )
    return [*lines, f"  {who} every {every}; a process that cannot reach it goes on with what it has"]


def _alarms(content: RingContent, place: Circumstances, now_s: float) -> list[str]:
    alarms = []
    if place.fault:
        alarms.append(f"{place.fault}; going on with the keys read before, and trying again")
    elif place.is_remote and place.silent_s > SILENT_S:
        alarms.append(f"the place has not answered for {_duration(place.silent_s)}; going on with the keys read before")
    if place.rotation_fault:
        alarms.append(f"the scheduled rotation failed: {place.rotation_fault}; trying again")
    ahead_s = max(entry.publish_at for entry in content.entries()) - now_s
    if ahead_s > _SKEW_S:
        alarms.append(
            f"the newest key was made {_duration(ahead_s)} in the future: a clock is wrong, here or where it was made"
        )
    return alarms


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


def _duration(of_s: float) -> str:
    """Write a duration as a person says it: ``30 d 5 min``."""
    words = []
    rest_s = of_s
    for unit_s, name in _UNITS:
        count, rest_s = divmod(rest_s, unit_s)
        if count:
            words.append(f"{count:g} {name}")
    if rest_s or not words:
        words.append(f"{rest_s:.15g} s" if rest_s == int(rest_s) else f"{rest_s:.1f} s")
    return " ".join(words)


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
