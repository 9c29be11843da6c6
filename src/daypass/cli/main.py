"""The entry of ``daypass``. Enters: ``sys.argv``. Leaves: an exit code.

What the user can put right is one line, never a traceback. What nobody expected is Python's own traceback,
which shows no local variables, since those may be secrets.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from daypass.cli.exit_codes import FAILED, Stopped, reason_of
from daypass.errors import DaypassError

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    try:
        from daypass.cli.application import application

        application()
    except Stopped as stopped:
        _fail(stopped.reason, stopped.code)
    except DaypassError as error:
        _fail(str(error))
    except OSError as error:  # what a room has not named better: a disk that is full, an output that is closed
        _fail(reason_of(error))
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name in {"", "daypass"}:
            raise
        _fail(f'{name} is not installed: pip install "daypass[server,cli]"')


def _fail(reason: str, code: int = FAILED) -> NoReturn:
    """Say in one line why nothing was done, unless all was said."""
    if reason:
        print(f"daypass: {' '.join(reason.split())}", file=sys.stderr)
    sys.exit(code)
