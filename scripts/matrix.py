"""Run the tests on every Python from 3.11 on that this machine has, each in an environment of its own.

Usage: python scripts/matrix.py [pytest arguments]. Interpreters are looked for on PATH and among those of
pyenv: the newest of each minor version. The last lines say how each did; the exit code is 1 if one failed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
Version = tuple[int, int, int]


def candidates() -> list[str]:
    """Name every program here that may be a Python."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path) for path in sorted(pyenv.glob("3.*/bin/python"))]
    for name in ("python3", *(f"python3.{minor}" for minor in range(OLDEST[1], 30))):
        everywhere = (shutil.which(name, path=directory) for directory in os.get_exec_path())
        found.extend(path for path in everywhere if path)
    return found


def version_of(program: str) -> Version | None:
    """Ask a program which Python it is; None where it does not run, has no venv or is a test release."""
    question = (
        "import ensurepip, sys, venv; v = sys.version_info; "
        "print(*v[:3]) if v.releaselevel == 'final' and sys.prefix == sys.base_prefix else sys.exit(1)"
    )
    answer = subprocess.run([program, "-c", question], capture_output=True, text=True, check=False)
    if answer.returncode:
        return None
    major, minor, micro = (int(part) for part in answer.stdout.split())
    return major, minor, micro


def interpreters() -> dict[str, tuple[Version, str]]:
    """Choose, for each minor version, the newest interpreter."""
    chosen: dict[str, tuple[Version, str]] = {}
    for program in candidates():
        version = version_of(program)
        if version and version[:2] >= OLDEST:
            name = f"{version[0]}.{version[1]}"
            if name not in chosen or version > chosen[name][0]:
                chosen[name] = (version, program)
    return dict(sorted(chosen.items(), key=lambda item: item[1][0]))


def main() -> int:
    """Run `make test` once for each interpreter, then print the summary."""
    lines = []
    failed = False
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    environment["ARGS"] = shlex.join(sys.argv[1:])
    for name, (version, program) in interpreters().items():
        print(f"\n== Python {name}", flush=True)
        started = time.monotonic()
        command = ["make", "--no-print-directory", "test", f"VENV=.venvs/{name}", f"PYTHON={program}"]
        code = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
        failed = failed or code != 0
        outcome = "FAILED" if code else "passed"
        lines.append(f"Python {'.'.join(map(str, version)):8} {outcome} in {time.monotonic() - started:.0f} s")
    print("\n== summary")
    print("\n".join(lines) or "no Python >= 3.11 with venv found")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
