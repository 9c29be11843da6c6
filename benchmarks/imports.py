"""What an import costs: ``from daypass import jwt`` beside PyJWT with cryptography, each in fresh interpreters.

They run in an environment that holds the core dependencies and nothing else (``make install-core``). PyJWT is lent to
it by a link to its one folder, on the path of all interpreters alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt as pyjwt

from benchmarks.report import Bar, Group, progress, rows_of
from benchmarks.rounds import Result

__all__ = ["imports_group"]

REPOSITORY = Path(__file__).resolve().parent.parent
CORE = Path(".venvs/core")
PROGRAM = "from time import perf_counter as now; start = now(); {}; print((now() - start) * 1e6)"
OURS = "from daypass import jwt"
THEIRS = "import jwt  (PyJWT, with cryptography)"
STATEMENTS = {
    OURS: "from daypass import jwt",
    THEIRS: "import jwt; assert jwt.algorithms.has_crypto",
    "import daypass": "import daypass",
    "from daypass import jwt, JWK; JWK.generate('HS256')": "from daypass import jwt, JWK; JWK.generate('HS256')",
    "import cryptography's HMAC and hashes": "from cryptography.hazmat.primitives import hashes, hmac",
}
INTERPRETERS_MIN = 20


def imports_group(*, rounds: int) -> Group:
    """Time each statement in ``rounds`` fresh interpreters of the core environment, by turns."""
    python = _core_python()
    needed: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    with _pyjwt_on_a_path() as path:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment["PYTHONPATH"] = str(path)
        for statement in STATEMENTS.values():  # once for nothing: compiled files, the cache of the disk
            _import_us(python, statement, environment)
        order = list(STATEMENTS)
        for _ in range(max(rounds, INTERPRETERS_MIN)):
            order.append(order.pop(0))
            for name in order:
                needed[name].append(_import_us(python, STATEMENTS[name], environment))
    notes = ("in an environment of core dependencies, in fresh interpreters, their start not counted",)
    return rows_of("Imports", Result(needed), THEIRS, (Bar(OURS, THEIRS, 0.7),), notes)


def _import_us(python: Path, statement: str, environment: dict[str, str]) -> float:
    command = [str(python), "-s", "-c", PROGRAM.format(statement)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(answer.stdout)


def _core_python() -> Path:
    """The interpreter of the core environment, which is made where it is not there."""
    python = REPOSITORY / CORE / "bin" / "python"
    progress("imports: the environment of core dependencies")
    command = ["make", "--no-print-directory", "install-core", f"VENV={CORE}", f"PYTHON={sys.executable}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=sys.stderr)
    return python


@contextmanager
def _pyjwt_on_a_path() -> Iterator[Path]:
    """A directory that holds PyJWT's folder and nothing else."""
    assert pyjwt.__file__ is not None
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as directory:
        (Path(directory) / "jwt").symlink_to(Path(pyjwt.__file__).parent)
        yield Path(directory)
