"""What was found: each kind of failure once, with an input that shows it.

Enters: an input and what it raised. Leaves: two files in fuzz/findings, the input and what happened, and a count.
"""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path

import msgspec

KINDS_MAX = 20
FRAMES = 12


class Finding(msgspec.Struct):
    """One kind of failure.

    Args:
        what: class and message of the first one.
        where: the last line of code that was reached.
        file: the input, below fuzz/findings; the same name with ``.txt`` says what happened.
        times: how often it came.
    """

    what: str
    where: str
    file: str
    times: int = 1


class Findings:
    """The findings of one target.

    Args:
        directory: where inputs are written; made when something is found.
        target: begins the name of each file.
    """

    def __init__(self, directory: Path, target: str) -> None:
        self._directory = directory
        self._target = target
        self._kinds: dict[tuple[str, str], Finding] = {}

    def add(self, data: bytes, error: BaseException) -> None:
        """Count a failure; the first of its kind is written down."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        what = f"{type(error).__name__}: {error}"[:300]
        kind = self._kinds.get((where, type(error).__name__))
        if kind is not None:
            kind.times += 1
        elif len(self._kinds) < KINDS_MAX:
            name = f"{self._target}-{hashlib.sha256(data).hexdigest()[:16]}"
            self._directory.mkdir(parents=True, exist_ok=True)
            (self._directory / name).write_bytes(data)
            told = "".join(traceback.format_exception(error, limit=-FRAMES))
            (self._directory / f"{name}.txt").write_text(told, encoding="utf-8", errors="backslashreplace")
            self._kinds[where, type(error).__name__] = Finding(what, where, name)

    def all(self) -> list[Finding]:
        """Every kind, the first one first."""
        return list(self._kinds.values())
