"""Nodes: processes of their own with the same store and the same key ring, as behind a load balancer.

A node does what it is asked, one thing after the other, and says what came of it; it can be killed in the middle. What
nodes can be asked to do stands in ``duties``, which imports no test.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from daypass.errors import DaypassError
from daypass.keyring.ring import KeyRing
from daypass.sessions import SessionPolicy, Sessions
from daypass.stores.opening import open_store

WAIT_S = 60
WORDS = {"issuer": "https://id.example", "audience": "https://api.example"}
START_S = 0.2
"""How far ahead nodes are told to begin at once, in seconds."""


class Killed(Exception):
    """The node has ended without an answer."""


def sessions_at(url: str, ring: Path, **words: Any) -> Sessions:
    """Open sessions, as each node does."""
    around = {name: words.pop(name) for name in ("clock", "monotonic", "authorize", "on_event") if name in words}
    store = open_store(url)
    opened = Sessions(store, KeyRing.open(ring, alg="HS256"), **WORDS, policy=SessionPolicy(**words), **around)
    opened._closings += (store.close,)
    return opened


def soon() -> float:
    """A moment, by the clock that all processes of a machine share, at which nodes can begin at once."""
    return time.monotonic() + START_S


class Node:
    """A process. It opens nothing by itself: see ``open``."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()

    def open(self, url: str, ring: Path, **words: Any) -> Self:
        """Open sessions there, in the place of those before."""
        assert self.ask(_open, url, ring, words) is None
        return self

    def tell(self, duty: Callable[..., object], *values: object) -> None:
        """Ask for something, and do not wait.

        Args:
            duty: a function of a module; it is given the sessions of the node and the values.
            values: what else it is given.
        """
        self._pipe.send((duty, values))

    def answer(self) -> Any:
        """Wait for what came of it; a refusal is returned, too, any other exception is raised.

        Raises:
            Killed: the process has ended.
        """
        try:
            if not self._pipe.poll(WAIT_S):
                raise TimeoutError("the node did not answer")
            answer = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            raise Killed from None
        if isinstance(answer, Exception) and not isinstance(answer, DaypassError):
            raise answer
        return answer

    def ask(self, duty: Callable[..., object], *values: object) -> Any:
        """Ask for something, and wait for what came of it."""
        self.tell(duty, *values)
        return self.answer()

    @property
    def is_killed(self) -> bool:
        """Whether it was killed: not one that ended by itself."""
        self._process.join(WAIT_S)
        return self._process.exitcode == -signal.SIGKILL

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self._process.join(WAIT_S)

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._process.close()
        self._pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


_opened: list[Sessions] = []


def _open(before: Sessions | None, url: str, ring: Path, words: dict[str, Any]) -> None:
    if before is not None:
        _opened.clear()
        before.close()
    _opened.append(sessions_at(url, ring, **words))


def _serve(pipe: Connection) -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            if not pipe.poll(1):
                continue
            duty, values = pipe.recv()
        except EOFError:
            return
        try:
            answer = duty(_opened[0] if _opened else None, *values)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            answer = error
        pipe.send(answer)
