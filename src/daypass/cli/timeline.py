"""Keys on a line of time. Enters: the entries of a ring. Leaves: lines of text.

Seconds stand beside months on it, so it has no scale: each step to the right is the next thing that happens to a key.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from daypass.cli.options import moment

if TYPE_CHECKING:
    from daypass.keyring.entry import RingEntry

__all__ = ["timeline"]

_WIDTH: Final = 72
_STEP_MAX: Final = 9
_STATES: Final = ("next", "active", "retiring", "removed")
_BLOCKS: Final = dict(zip(_STATES, "·█░ ", strict=True))
_ASCII: Final = dict(zip(_STATES, ".#- ", strict=True))
_MEANINGS: Final = (("next", "published"), ("active", "makes new ones"), ("retiring", "still accepted"))


def timeline(entries: Sequence[RingEntry], *, now_s: float, ascii_only: bool | None = None) -> list[str]:
    """Draw keys, one a line, and the present as a bar through all of them.

    Args:
        entries: of a ring.
        now_s: epoch seconds.
        ascii_only: without block characters; None: as the standard output can show them.

    Returns:
        A line of times, one line a key in the order given, and what the signs mean.
    """
    if ascii_only is None:
        ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    signs, bar = (_ASCII, "|") if ascii_only else (_BLOCKS, "│")
    times = [(entry.publish_at, entry.sign_from, entry.retire_at, entry.remove_at) for entry in entries]
    moments = sorted({at_s for row in times for at_s in row if at_s is not None} | {now_s})
    step = max(1, min(_STEP_MAX, _WIDTH // len(moments)))
    present = moments.index(now_s) * step
    lines = [_scale(moments, now_s, step)]
    for entry in entries:
        drawn = "".join((" " if at_s < entry.publish_at else signs[entry.state(at_s)]) * step for at_s in moments)
        lines.append(f"{drawn[:present]}{bar}{drawn[present:]}".rstrip())
    return [*lines, "  ".join(f"{signs[state]} {meaning}" for state, meaning in _MEANINGS) + f"  {bar} now"]


def _scale(moments: Sequence[float], now_s: float, step: int) -> str:
    """Write when the line begins, and when its last change is."""
    begins, ends = moment(moments[0]), moment(moments[-1])
    room = step * len(moments) + 1 - len(begins) - len(ends)
    return begins if len(moments) == 1 or moments[-1] == now_s or room < 1 else f"{begins}{' ' * room}{ends}"
