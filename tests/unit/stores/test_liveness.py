"""A connection that lay idle, seen from outside: silent, spoken to, closed; and waiting for one."""

import select
import socket
import time
from collections.abc import Iterator

import pytest

from daypass.stores.liveness import READ, WRITE, is_silent, ready_of

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["poll", "select"])
def pair(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    if request.param == "select":
        monkeypatch.delattr(select, "poll")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_an_idle_connection_is_silent_until_the_other_side_says_something(pair: Pair) -> None:
    ours, theirs = pair
    assert is_silent(ours.fileno())
    theirs.send(b"x")
    assert not is_silent(ours.fileno())
    ours.recv(1)
    assert is_silent(ours.fileno())


def test_a_connection_that_was_closed_is_not_silent(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()
    assert not is_silent(ours.fileno())
    ours.close()
    assert not is_silent(ours.fileno()), "nor is one without a descriptor"


def test_waiting_ends_when_it_can_be_read_or_written(pair: Pair) -> None:
    ours, theirs = pair
    assert ready_of(ours.fileno(), WRITE, 5) == WRITE
    assert ready_of(ours.fileno(), READ + WRITE, 5) == WRITE
    theirs.send(b"x")
    assert ready_of(ours.fileno(), READ, 5) == READ
    assert ready_of(ours.fileno(), READ + WRITE, 5) == READ + WRITE


def test_waiting_for_what_does_not_come_ends_in_time(pair: Pair) -> None:
    ours, theirs = pair
    began = time.monotonic()
    assert ready_of(ours.fileno(), READ, 0.05) == 0
    assert 0.04 < time.monotonic() - began < 5
    theirs.close()
    assert ready_of(ours.fileno(), READ, 5) == READ, "whoever reads is told of the end"
