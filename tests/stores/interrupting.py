"""Threads that read their own session while others stop them in the middle, as a time limit of a framework does."""

import contextlib
import ctypes
import gc
import threading
import time

import pytest

from daypass.errors import StoreUnavailable
from daypass.stores.protocol import SessionRow, SessionStore

THREADS = 8
LASTS_S = 2


class Interrupt(BaseException):
    """Hits a thread from outside, wherever it is."""


def leaves_no_answer_behind(store: SessionStore, rows: list[SessionRow]) -> tuple[list[object], int]:
    """Read in many threads, half of which are interrupted again and again.

    What they leave half open (a socket that was just made) is collected here: Python warns of it, and so would pytest,
    in whatever test comes next. Use with ``quietly``.

    Returns:
        The answers that were another's, and the number of interruptions.
    """
    wrong: list[object] = []
    done = threading.Event()

    def read(mine: SessionRow) -> None:
        while not done.is_set():
            with contextlib.suppress(Interrupt, StoreUnavailable):
                if (found := store.get(mine.sid)) != mine:
                    wrong.append(found)

    def run(number: int) -> None:
        while not done.is_set():
            with contextlib.suppress(Interrupt):
                read(rows[number])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(rows))]
    for thread in threads:
        thread.start()
    ends, raised = time.monotonic() + LASTS_S, 0
    while time.monotonic() < ends:
        for thread in threads[::2]:
            identity = ctypes.c_ulong(thread.ident or 0)
            raised += ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(Interrupt))
        time.sleep(0.02)
    done.set()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    gc.collect()
    return wrong, raised


def quietly(test: object) -> object:
    """Mark a test: it interrupts, so a socket may be left to the collector, and a thread may end by an Interrupt."""
    for ignored in (
        "ResourceWarning",
        "pytest.PytestUnraisableExceptionWarning",
        "pytest.PytestUnhandledThreadExceptionWarning",
    ):
        test = pytest.mark.filterwarnings(f"ignore::{ignored}")(test)
    return test
