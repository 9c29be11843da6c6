"""Fill the running virtual environment from one of the pinned lists, then daypass itself, without a copy.

Usage: python scripts/install.py NAME, where requirements/NAME.txt is the list. Where the list, the project's
own data, this checkout and the interpreter are those of the last time it does nothing and says nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
INCLUDES = {"test": ("serve",)}  # lists that are part of another: what holds the larger holds the smaller
PIP = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input", "install"]


def fingerprint(name: str) -> str:
    """Name everything an installation depends on; equal text means that nothing is to be done."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    installed = [project["build-system"], project["project"], project["tool"]["hatch"]]
    digest = hashlib.sha256((REPOSITORY / f"requirements/{name}.txt").read_bytes())
    digest.update(json.dumps(installed).encode())
    return f"{digest.hexdigest()} {sys.version.split()[0]} {REPOSITORY}\n"


def is_installed(stamp: Path, expected: str) -> bool:
    """Compare the stamp of the last installation with what is wanted now."""
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == expected


def install(name: str, stamps: Path) -> None:
    """Install the list and daypass, and leave the stamps."""
    expected = fingerprint(name)
    stamp = stamps / f".{name}-installed"
    if is_installed(stamp, expected):
        return
    with (stamps / ".installing").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed(stamp, expected):  # by another make, while this one waited
            return
        where = os.path.relpath(stamps, REPOSITORY)
        print(f"daypass: installing into {where} (once)", file=sys.stderr, flush=True)
        subprocess.run([*PIP, "--require-hashes", "-r", f"requirements/{name}.txt"], cwd=REPOSITORY, check=True)
        if name != "tools":
            subprocess.run([*PIP, "--no-deps", "--no-build-isolation", "-e", "."], cwd=REPOSITORY, check=True)
        for part in (name, *INCLUDES.get(name, ())):
            (stamps / f".{part}-installed").write_text(fingerprint(part), encoding="utf-8")


def main() -> int:
    """Check the arguments, install, and turn a failure into one line."""
    names = sorted(path.stem for path in (REPOSITORY / "requirements").glob("*.txt"))
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        print(f"usage: install.py {{{'|'.join(names)}}}", file=sys.stderr)
        return 2
    if sys.prefix == sys.base_prefix:
        print("daypass: install.py runs in a virtual environment only: use make", file=sys.stderr)
        return 2
    try:
        install(sys.argv[1], Path(sys.prefix))
    except subprocess.CalledProcessError as failure:
        print(
            f"daypass: pip could not install (exit code {failure.returncode}), its message is above:"
            " the first time needs a network, or a package index that pip is told of",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
