"""Forks and transactions wait for each other, although a transaction takes no lock for it where nobody forks."""

import sys
import threading
from collections.abc import Iterator

import pytest

from daypass.stores import forks

FORKS = 300
THREADS = 4


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that change as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_no_thread_is_inside_while_another_one_forks(restless: None) -> None:
    is_forking = False
    met: list[str] = []
    passed = 0
    over = threading.Event()

    def transact() -> None:
        nonlocal passed
        while not over.is_set():
            gate = forks.enter()
            nested = forks.enter()
            if is_forking:
                met.append("a thread has come in")
            forks.leave(nested)
            if is_forking:
                met.append("a thread has come in")
            forks.leave(gate)
            passed += 1

    threads = [threading.Thread(target=transact, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for _ in range(FORKS):
        forks._before_fork()  # what the interpreter calls around os.fork()
        is_forking = True
        if not forks._gate.is_left_to(threading.get_ident()):
            met.append("a thread was left inside")
        is_forking = False
        forks._in_parent()
    over.set()
    for thread in threads:
        thread.join(10)
    assert not met
    assert passed > 0
    assert (forks._gate.inside, forks._gate.forks) == ({}, 0)


def test_who_is_inside_may_fork_and_waits_for_nobody() -> None:
    gate = forks.enter()
    try:
        forks._before_fork()
        again = forks.enter()
        forks.leave(again)
        forks._in_parent()
    finally:
        forks.leave(gate)
    assert forks._gate.inside == {}
