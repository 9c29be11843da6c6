"""Which lines of daypass the inputs of a corpus reach: ``python -m fuzz.replay TARGET``, without atheris.

Enters: the name of a target. Leaves: JSON, for each module that the target concerns the lines inside of functions,
how many there are and those that were missed. Lines of modules and classes are not counted: no input decides on them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import msgspec

import daypass
from fuzz.places import corpus_of
from fuzz.targets import load

SOURCE = Path(daypass.__file__).resolve().parent
SECONDS_MAX = 240
IS_FUNCTION = 2  # the flag of a code object whose names are local to a call: not of a module, not of a class


class Reach(msgspec.Struct, frozen=True):
    """What one module shows.

    Args:
        module: its place below src/daypass.
        lines: inside of functions.
        missed: those that no input reached.
    """

    module: str
    lines: int
    missed: list[int]


def lines_of(code: CodeType) -> Iterator[int]:
    """The lines inside of functions, nested ones too."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from lines_of(constant)
    if code.co_flags & IS_FUNCTION:
        yield from (line for _, _, line in code.co_lines() if line and line != code.co_firstlineno)


def reached(name: str, inputs: Iterable[bytes], seconds_max: float = SECONDS_MAX) -> list[Reach]:
    """Load a target and run its seeds and further inputs, and see which lines they reach.

    Args:
        name: of the target. What runs when its modules are loaded counts as reached: most tables are built then.
        inputs: tried until the time is over.
        seconds_max: for all of them.
    """
    seen: dict[str, set[int]] = {}
    source, ends_s = f"{SOURCE}/", time.monotonic() + seconds_max

    def follow(frame: FrameType, event: str, _argument: Any) -> Any:  # noqa: ANN401 - as the interpreter calls it
        place = frame.f_code.co_filename
        if not place.startswith(source):
            return None
        if event == "line":
            seen.setdefault(place, set()).add(frame.f_lineno)
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        target = load(name)
        for data in (*target.seeds(), *inputs):
            with suppress(Exception):  # the worker has reported it
                target.run(data)
            if time.monotonic() > ends_s:
                break
    finally:
        sys.settrace(before)
    found = []
    for module in target.concerns:
        place = SOURCE / module
        lines = set(lines_of(compile(place.read_bytes(), place, "exec")))
        found.append(Reach(module, len(lines), sorted(lines - seen.get(str(place), set()))))
    return found


def main() -> int:
    """Replay a corpus."""
    name = sys.argv[1]
    corpus = (file.read_bytes() for file in sorted(corpus_of(name).iterdir()))
    sys.stdout.buffer.write(msgspec.json.encode(reached(name, corpus)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
