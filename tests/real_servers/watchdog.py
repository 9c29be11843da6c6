"""Ends the servers of a test run that was killed: a process of its own that outlives the run by a second.

It is told on its standard input what there is (``+ pid folder``) and what is gone (``- pid folder``). When the input
ends, or its parent is another, it kills what is left and removes the folders. A pidfd names the process itself, never
another one that got its number.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

LOOKS_EVERY_S = 1.0


class Watchdog:
    """The watchdog of this test run, as the run sees it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def tell(self, sign: str, pid: int, folder: Path) -> None:
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
                )
            assert self._process.stdin is not None
            self._process.stdin.write(f"{sign} {pid} {folder}\n")
            self._process.stdin.flush()

    def dismiss(self) -> None:
        """Let it end what is left, and go."""
        with self._lock:
            if self._process is not None:
                self._process.communicate(timeout=60)
                self._process = None


WATCHDOG = Watchdog()


def watch() -> None:
    """Read until the test run is gone; then end what it left behind."""
    parent = os.getppid()
    alive: dict[int, int] = {}
    folders: dict[int, str] = {}
    rest = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], LOOKS_EVERY_S)[0]:
            continue
        read = os.read(0, 65536)
        if not read:
            break
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            sign, pid, folder = line.decode().split(" ", 2)
            if sign == "-":
                folders.pop(int(pid), None)
                if int(pid) in alive:
                    os.close(alive.pop(int(pid)))
                continue
            folders[int(pid)] = folder
            try:
                alive[int(pid)] = os.pidfd_open(int(pid))
            except ProcessLookupError:
                continue
    for process in alive.values():
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    watch()
