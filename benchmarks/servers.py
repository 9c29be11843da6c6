"""Private servers for one measurement: in memory or on the disk, waiting for it as in production, gone afterwards.

They are those of the tests (``tests/real_servers``). In memory, waiting for the disk costs nothing, so that a slow one
hides nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import pytest

from tests.real_servers.programs import FOLDER_VARIABLE
from tests.real_servers.server import Server

__all__ = ["Missing", "Place", "folder", "running"]

Place = Literal["memory", "disk"]
MEMORY: Final = Path("/dev/shm")
CORES: Final[set[int]] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
"""Those that this process began with."""
S = TypeVar("S", bound=Server)


class Missing(RuntimeError):
    """What a measurement needs is not on this machine; the message says what to do."""


@contextmanager
def running(server: S, place: Place) -> Iterator[S]:
    """Run a server with its data in a place.

    Raises:
        Missing: it is not installed, or there is no such place.
    """
    before = os.environ.get(FOLDER_VARIABLE)
    with folder(place) as data, ExitStack() as resources:
        data.chmod(0o755)  # servers do not run as root
        os.environ[FOLDER_VARIABLE] = str(data)
        try:
            with on_a_core_of_its_own(resources):
                server.start()
        except pytest.skip.Exception as skipped:
            raise Missing(str(skipped)) from None
        finally:
            if before is None:
                del os.environ[FOLDER_VARIABLE]
            else:
                os.environ[FOLDER_VARIABLE] = before
        try:
            yield server
        finally:
            server.close()


@contextmanager
def on_a_core_of_its_own(afterwards: ExitStack) -> Iterator[None]:
    """Start a process on the last core, and stay on the others until all is over.

    Where client and server sit by luck, two connections to one server differ by half, and none of it is the code's.

    Args:
        afterwards: gives this process its cores back.
    """
    if len(CORES) < 2:
        yield
        return
    last = {max(CORES)}
    os.sched_setaffinity(0, last)
    afterwards.callback(os.sched_setaffinity, 0, CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES - last)


@contextmanager
def folder(place: Place) -> Iterator[Path]:
    """Make a folder that is removed afterwards."""
    if place == "memory" and not MEMORY.is_dir():
        raise Missing(f"there is no {MEMORY}: nothing is measured in memory")
    parent: Any = MEMORY if place == "memory" else None
    with tempfile.TemporaryDirectory(prefix="daypass-bench-", dir=parent) as made:
        yield Path(made)
