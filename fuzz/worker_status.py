"""How far a worker is: what it writes once a second, and the report reads at the end."""

from __future__ import annotations

import msgspec

from fuzz.findings import Finding


class Status(msgspec.Struct):
    """How far a worker is.

    Args:
        executions: tries so far.
        seconds: since the first one.
        cpu_seconds: of this process.
        outcomes: how many tries reached which stage; ``found`` where one raised.
        slowest_s: the longest try, CPU seconds.
        findings: what was found.
    """

    executions: int = 0
    seconds: float = 0
    cpu_seconds: float = 0
    outcomes: dict[str, int] = {}
    slowest_s: float = 0
    findings: list[Finding] = []
