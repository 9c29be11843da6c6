"""The entry of ``daypass``. Enters: ``sys.argv``. Leaves: an exit code.

What the user can put right is one line, never a traceback. What nobody expected is Python's own traceback,
which shows no local variables, since those may be secrets.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from daypass.errors import DaypassError

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    try:
        from daypass.cli.application import application

        application()
    except DaypassError as error:
        _fail(str(error))
    except OSError as error:  # what a room has not named better: a disk that is full, an output that is closed
        place = f" ({error.filename})" if error.filename else ""
        _fail(f"{error.strerror or type(error).__name__}{place}")
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name in {"", "daypass"}:
            raise
        _fail(f'{name} is not installed: pip install "daypass[server,cli]"')


def _fail(reason: str) -> NoReturn:
    """Say in one line why nothing was done."""
    print(f"daypass: {' '.join(reason.split())}", file=sys.stderr)
    sys.exit(1)
