"""Several nodes and one store: what one has ended, the others refuse, also the late, the forked and the restarted."""

import contextlib
from pathlib import Path

from tests.faults.nodes import sessions_at


def open_files() -> set[str]:
    """What this process has open: sockets by their number, so that one of another test is no other one."""
    found = set()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found.add(str(file.readlink()))
    return found


def test_sessions_that_were_closed_leave_no_connection(shared_url: str, ring: Path) -> None:
    """A process that opens a store again and again does not use up its files, nor the server's connections."""
    with sessions_at(shared_url, ring) as sessions:
        sessions.verify(sessions.start("alice").access_token)
    before = open_files()
    with sessions_at(shared_url, ring) as sessions:
        sessions.verify(sessions.refresh(sessions.start("alice").refresh_token).access_token)
    assert open_files() - before == set()
