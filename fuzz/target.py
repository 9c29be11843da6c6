"""What a target is: seeds, changes by structure, and one try.

Enters: nothing. Leaves: the type that each module of fuzz.targets fills once.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fuzz.chance import Chance


class Target(msgspec.Struct, frozen=True):
    """One thing that reads a stranger's bytes.

    Args:
        name: for the command line and the report.
        reads: what it fuzzes, in a few words.
        concerns: modules of daypass, by their place below src/daypass, whose lines the report counts.
        seeds: inputs to begin with.
        mutate: an input, changed by its structure.
        run: one try: the stage that was reached, one of STAGES. Anything raised is a finding.
    """

    name: str
    reads: str
    concerns: tuple[str, ...]
    seeds: Callable[[], list[bytes]]
    mutate: Callable[[bytes, Chance], bytes]
    run: Callable[[bytes], str]
