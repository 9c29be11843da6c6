"""Interleaved rounds: every contestant runs a moment in every round, so that all of them meet the same machine.

A machine that is shared gets slower and faster by the second. Seconds measured one after the other compare two such
moods; a ratio taken within one round compares two libraries. What is reported is the median ratio of many short rounds.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from itertools import repeat
from random import Random
from statistics import median, quantiles
from time import perf_counter_ns

import msgspec

__all__ = ["Call", "Result", "Spread", "measure"]

Call = Callable[[], object]
"""One operation, with all that a caller does for each token."""

PARTS = 9
"""So often a contestant runs in one round, and the median counts: what another program took away does not."""
PART_NS = 100_000
"""How long one of these parts is, about; a slow contestant is called once."""
CALLS_MAX = 100
SLOW_NS = 300_000
PARTS_OF_SLOW = 3
WARM_UP_CALLS = 30


class Spread(msgspec.Struct, frozen=True):
    """A ratio: its median, and between which values eight of ten rounds lay."""

    ratio: float
    low: float
    high: float


class Result(msgspec.Struct, frozen=True):
    """What the contestants of one group needed, in microseconds for each call, round by round."""

    rounds: dict[str, list[float]]

    def microseconds(self, name: str) -> float:
        return median(self.rounds[name])

    def spread(self, name: str, reference: str) -> Spread:
        ratios = [one / other for one, other in zip(self.rounds[name], self.rounds[reference], strict=True)]
        tenths = quantiles(ratios, n=10)
        return Spread(median(ratios), tenths[0], tenths[-1])


def measure(contestants: Mapping[str, Call], *, rounds: int) -> Result:
    """Run all contestants, ``rounds`` times one after the other, each time in another order.

    Whoever runs meets the caches that its predecessor left: so the order is drawn anew, and the first calls of each
    slice are not counted. The cost of an empty call, measured in the same rounds, is taken off.
    """
    calls = {name: _calls_in_a_part(call) for name, call in contestants.items()}
    needed: dict[str, list[float]] = {name: [] for name in contestants}
    empty: list[float] = []
    order = list(contestants)
    draw = Random(1)
    was_enabled = gc.isenabled()
    try:
        for _ in range(rounds):
            gc.collect(0)
            gc.disable()
            draw.shuffle(order)
            for name in order:
                needed[name].append(_slice(contestants[name], calls[name]))
            empty.append(_slice(_nothing, CALLS_MAX))
            if was_enabled:
                gc.enable()
    finally:
        if was_enabled:
            gc.enable()
    overhead = median(empty)
    return Result({name: [max(one - overhead, 1e-6) for one in times] for name, times in needed.items()})


def _nothing() -> None:
    """What a call costs that does nothing."""


def _slice(call: Call, calls: int) -> float:
    """Microseconds for one call: the median of the parts of one round, after a part that warms the caches."""
    is_slow = _time(call, 1) * 1000 > SLOW_NS
    _time(call, calls)
    return median(_time(call, calls) for _ in range(PARTS_OF_SLOW if is_slow else PARTS))


def _time(call: Call, calls: int) -> float:
    """Microseconds for one call, of several in a row."""
    times = repeat(None, calls)
    start = perf_counter_ns()
    for _ in times:
        call()
    return (perf_counter_ns() - start) / calls / 1000


def _calls_in_a_part(call: Call) -> int:
    call()  # what is imported or remembered with the first use is not what is measured
    if _time(call, 1) * 1000 > PART_NS:
        return 1
    _time(call, WARM_UP_CALLS)
    return max(1, min(CALLS_MAX, int(PART_NS / (_time(call, WARM_UP_CALLS) * 1000))))
