"""Threads that read their own session while others stop them in the middle, as a time limit of a framework does."""

import contextlib
import ctypes
import gc
import sys
import threading
import time

from daypass.errors import StoreUnavailable
from daypass.stores.protocol import SessionRow, SessionStore

THREADS = 8
LASTS_S = 2


class Interrupt(BaseException):
    """Hits a thread from outside, wherever it is."""


def leaves_no_answer_behind(store: SessionStore, rows: list[SessionRow]) -> tuple[list[object], int]:
    """Read in many threads, half of which are interrupted again and again.

    What they leave half open (a socket that was just made) is collected here: Python warns of it, and pytest would, in
    whatever test comes next.

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

    # An interruption may hit a finalizer, the hook that tells of that, or the last line of a thread.
    hooks = sys.unraisablehook, threading.excepthook
    sys.unraisablehook = threading.excepthook = lambda _: None
    try:
        raised = _interrupt(done, [threading.Thread(target=run, args=(number,)) for number in range(len(rows))])
        gc.collect()
    finally:
        sys.unraisablehook, threading.excepthook = hooks
    return wrong, raised


def _interrupt(done: threading.Event, threads: list[threading.Thread]) -> int:
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
    return raised
