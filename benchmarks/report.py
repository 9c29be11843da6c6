"""What a group of measurements says: its rows, its bars, and how both are printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import msgspec

from benchmarks.rounds import Result

__all__ = ["Bar", "Group", "Row", "Verdict", "print_bars", "print_group", "progress", "rows_of"]


class Bar(msgspec.Struct, frozen=True):
    """A promise: the median ratio of ``contestant`` to ``reference`` is at most ``most``."""

    contestant: str
    reference: str
    most: float


class Row(msgspec.Struct, frozen=True):
    """One line of a table."""

    name: str
    microseconds: float
    ratio: float
    low: float
    high: float


class Verdict(msgspec.Struct, frozen=True):
    """What became of a promise."""

    group: str
    bar: Bar
    ratio: float
    low: float
    high: float
    is_kept: bool


class Group(msgspec.Struct, frozen=True):
    """One table.

    Args:
        title: what was done.
        reference: the name of the row that the others are compared with.
        rows: in order of time.
        verdicts: on the promises of this group.
        notes: what a reader has to know.
        unit: of the times.
    """

    title: str
    reference: str
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    unit: str = "us"


def rows_of(title: str, result: Result, reference: str, bars: Iterable[Bar] = (), notes: Sequence[str] = ()) -> Group:
    """Make the table of one measurement."""
    rows = []
    for name in sorted(result.rounds, key=result.microseconds):
        spread = result.spread(name, reference)
        rows.append(Row(name, result.microseconds(name), spread.ratio, spread.low, spread.high))
    verdicts = []
    for bar in bars:
        spread = result.spread(bar.contestant, bar.reference)
        kept = spread.ratio <= bar.most
        verdicts.append(Verdict(title, bar, spread.ratio, spread.low, spread.high, kept))
    return Group(title, reference, tuple(rows), tuple(verdicts), tuple(notes))


def progress(text: str) -> None:
    """Say on stderr what is going on; on a terminal, in one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def print_group(group: Group) -> None:
    width = max(len(row.name) for row in group.rows)
    print(f"\n{group.title}")
    print(f"  {'':{width}}  {group.unit:>9}  {'ratio':>6}  8 of 10 rounds")
    for row in group.rows:
        mark = "  <- 1.00" if row.name == group.reference else f"  {row.low:.2f}-{row.high:.2f}"
        ratio = f"{row.ratio:6.3f}" if row.ratio < 0.2 else f"{row.ratio:6.2f}"  # a bar at 0.10 needs the third digit
        print(f"  {row.name:{width}}  {row.microseconds:9,.2f}  {ratio}{mark}")
    for note in group.notes:
        print(f"  {note}")


def print_bars(verdicts: Sequence[Verdict]) -> None:
    if not verdicts:
        return
    lines = [(f"{one.bar.contestant} / {one.bar.reference}", one.group, one) for one in verdicts]
    width = max(len(name) for name, _, _ in lines)
    print("\nBars: the median ratio is at most what was promised")
    print(f"  {'':6}  {'ratio':>6}  {'bar':>5}  {'8 of 10':>11}")
    for name, title, one in lines:
        word = "OK" if one.is_kept else "MISSED"
        spread = f"{one.low:.2f}-{one.high:.2f}"
        print(f"  {word:6}  {one.ratio:6.3f}  {one.bar.most:5.2f}  {spread:>11}  {name:{width}}  {title}")
