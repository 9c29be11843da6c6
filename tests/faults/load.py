"""Clients that log in, refresh and log out in many threads, and remember what was confirmed to them."""

import threading
import time
from typing import Self

import pytest

from daypass.errors import SessionEnded, StoreUnavailable
from daypass.sessions import Sessions
from daypass.sessions.values import TokenPair
from tests.faults.duties import await_refusal

WAIT_S = 60
REFRESHED = 3
"""How often each session is refreshed: its first token is remembered for longer."""


class Load:
    """Threads of clients, each of which stops when the store is away for the first time.

    Args:
        sessions: that they use; ``refresh_grace_s`` is long, so that no test depends on how fast a server starts.
        threads: how many.

    Attributes:
        kept: by sid, the last pair that was handed out for a session that nobody wanted to end.
        ended: by sid, one whose end was confirmed.
        open: by sid, one whose end was asked for and not confirmed.
        refused: what clients were told that they should not have been.
    """

    def __init__(self, sessions: Sessions, threads: int = 8) -> None:
        self.sessions = sessions
        self.kept: dict[str, TokenPair] = {}
        self.ended: dict[str, TokenPair] = {}
        self.open: dict[str, TokenPair] = {}
        self.refused: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]

    def _run(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            try:
                self._visit(f"user {number}", logs_out=turn % 2 == 0)
            except StoreUnavailable:
                return
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                self.refused.append(error)
                return

    def _visit(self, subject: str, *, logs_out: bool) -> None:
        sessions = self.sessions
        pair = sessions.start(subject)
        sid = pair.session.sid
        self.kept[sid] = pair
        for _ in range(REFRESHED):
            sessions.verify(pair.access_token)
            self.kept[sid] = pair = sessions.refresh(pair.refresh_token)
        if logs_out:
            self.open[sid] = self.kept.pop(sid)
            sessions.end(sid)
            self.ended[sid] = self.open.pop(sid)

    def until_busy(self) -> Self:
        """Wait until much was confirmed."""
        ends = time.monotonic() + WAIT_S
        while min(len(self.kept), len(self.ended)) < 2 * len(self._threads):
            assert time.monotonic() < ends
            assert not self.refused, self.refused
            time.sleep(0.01)
        return self

    def finish(self) -> None:
        """Wait for all threads; each has noticed that the store is away, or is told to stop."""
        for thread in self._threads:
            thread.join(WAIT_S)
        assert not any(thread.is_alive() for thread in self._threads)
        assert self.refused == []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self.finish()


def nothing_was_lost(load: Load, *nodes: Sessions) -> None:
    """Check that what was confirmed holds, at each of several processes.

    A session that was kept goes on, with the last pair that its client was given; one that was ended is refused. Where
    an end was not confirmed, either holds: one that has ended for one process ends for all.
    """
    for node in nodes:
        for sid, pair in load.kept.items():
            assert node.verify(pair.access_token).sid == sid
            following = node.refresh(pair.refresh_token)
            assert node.verify(following.access_token).sid == sid
        for pair in load.ended.values():
            is_refused(node, pair)
    for pair in load.open.values():
        if "ended" in [_said(node, pair) for node in nodes]:
            for node in nodes:  # nobody confirmed the end, so they hear of it from the feed
                assert await_refusal(node, pair.access_token, WAIT_S) is not None
                is_refused(node, pair)


def is_refused(node: Sessions, pair: TokenPair) -> None:
    """Check that a session has ended, for both of its tokens."""
    with pytest.raises(SessionEnded):
        node.verify(pair.access_token)
    with pytest.raises(SessionEnded):
        node.refresh(pair.refresh_token)


def _said(node: Sessions, pair: TokenPair) -> str:
    try:
        node.refresh(pair.refresh_token)
    except SessionEnded:
        return "ended"
    return "live"
