"""What a run says at its end: one line for each target, the modules that it reached, and what it found.

Enters: the results of the targets. Leaves: text, or JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from fuzz.findings import Finding
from fuzz.judge import STAGES
from fuzz.replay import Reach


class Result(msgspec.Struct, kw_only=True):
    """What one target did.

    Args:
        target: its name.
        reads: what it fuzzes.
        executions: tries.
        seconds: how long it ran.
        cpu_seconds: how much of a processor it had in that time.
        executions_per_second: on the clock, beside the others.
        slowest_s: the longest try, CPU seconds.
        seeds: inputs that it began with.
        corpus: inputs that it kept beyond them, those of earlier runs included.
        outcomes: tries by the stage that they reached.
        reach: lines of daypass that seeds and corpus reach.
        findings: what was found.
        broken: how workers ended where that was not as planned.
    """

    target: str
    reads: str
    executions: int
    seconds: float
    cpu_seconds: float
    executions_per_second: float
    slowest_s: float
    seeds: int
    corpus: int = 0
    outcomes: dict[str, int] = {}
    reach: list[Reach] = []
    findings: list[Finding] = []
    broken: list[str] = []


def share(reaches: Iterable[Reach]) -> str:
    """How many of the lines were reached."""
    those = list(reaches)
    total = sum(one.lines for one in those)
    return f"{100 * (total - sum(len(one.missed) for one in those)) / total:.0f} %" if total else "-"


def together(results: Iterable[Result]) -> list[tuple[Reach, list[str]]]:
    """Each module once: what no target reaches is missed; and the targets that are about it."""
    found: dict[str, tuple[Reach, list[str]]] = {}
    for result in results:
        for one in result.reach:
            before, names = found.get(one.module, (one, []))
            missed = sorted(set(before.missed) & set(one.missed))
            found[one.module] = Reach(one.module, one.lines, missed), [*names, result.target]
    return [found[module] for module in sorted(found)]


def counted(number: int, noun: str) -> str:
    """A number and its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Align columns, the first one to the left."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for at, line in enumerate(lines):
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[0] = line[0].ljust(widths[0])
        yield "  ".join(cells).rstrip()
        if at == 0:
            yield "  ".join("-" * width for width in widths)


def as_text(results: Sequence[Result]) -> str:
    """The report for people."""
    seconds = max((one.seconds for one in results), default=0)
    lines = [f"{counted(len(results), 'fuzzer')}, {seconds:.0f} s each", ""]
    lines += table(
        ("target", "executions", "per s", "seeds", "corpus", "lines", "slowest", "findings"),
        (
            (
                one.target,
                f"{one.executions:,}",
                f"{one.executions_per_second:,.0f}",
                f"{one.seeds:,}",
                f"{one.corpus:,}",
                share(one.reach),
                f"{one.slowest_s * 1000:,.0f} ms",
                str(len(one.findings) + len(one.broken)),
            )
            for one in results
        ),
    )
    lines += ["", "How far the inputs came:", ""]
    stages = [stage for stage in (*STAGES, "found") if any(stage in one.outcomes for one in results)]
    rows = ((one.target, *(f"{one.outcomes.get(stage, 0):,}" for stage in stages)) for one in results)
    lines += table(("target", *stages), rows)
    lines += ["", "Lines inside of functions that the corpora reach:", ""]
    modules = (
        (one.module, f"{one.lines - len(one.missed):,}", f"{one.lines:,}", share([one]), ", ".join(names))
        for one, names in together(results)
    )
    lines += table(("module", "reached", "of", "share", "by"), modules)
    lines += told(results)
    found = sum(len(one.findings) + len(one.broken) for one in results)
    executions = counted(sum(one.executions for one in results), "execution")
    lines += ["", f"{executions}, {counted(found, 'finding')}"]
    return "\n".join(lines)


def told(results: Iterable[Result]) -> Iterator[str]:
    """What was found, in words."""
    for one in results:
        for how in one.broken:
            yield f"\n{one.target}: {how}"
        for finding in one.findings:
            yield f"\n{one.target} found {finding.what}"
            yield f"    at {finding.where}, {finding.times:,} times; one input: fuzz/findings/{finding.file}"


def as_json(results: Sequence[Result]) -> str:
    """The report for programs."""
    return msgspec.json.format(msgspec.json.encode(list(results))).decode()
