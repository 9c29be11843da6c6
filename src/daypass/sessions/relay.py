"""A flow that threads take turns to run, and that may be closed meanwhile. Enters: a flow. Leaves: its result.

Source: DESIGN.md 5 (store protocol: AsyncSessions).
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar, final

from daypass.sessions.flows import Flow

__all__ = ["Question", "Relay", "Result"]

T = TypeVar("T")


@final
class Question:
    """A flow has stopped: somebody has to be asked.

    Args:
        subject: about whom.
        answer: where a function in the thread has given something to await.
    """

    __slots__ = ("answer", "subject")

    def __init__(self, subject: str, answer: Awaitable[object] | None = None) -> None:
        self.subject = subject
        self.answer = answer


@final
class Result(Generic[T]):
    """A flow has come to its end."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


@final
class Relay(Generic[T]):
    """A flow that threads take turns to run. A caller that was cancelled may close it while another runs it.

    Args:
        flow: not begun.
        authorize: a plain function, asked in the thread; None where the event loop asks.
    """

    __slots__ = ("_authorize", "_flow", "_lock", "is_over")

    def __init__(self, flow: Flow[T], authorize: Callable[[str], object] | None) -> None:
        self._flow = flow
        self._authorize = authorize
        self._lock = threading.Lock()
        self.is_over = False

    def advance(self, answer: object) -> Question | Result[T]:
        """Go on until somebody has to be asked by the event loop, or to the end."""
        with self._lock:
            try:
                return self._advance(answer)
            except BaseException:
                self._flow.close()
                self.is_over = True
                raise

    def _advance(self, answer: object) -> Question | Result[T]:
        while True:
            try:
                subject = self._flow.send(answer)
            except StopIteration as finished:
                self.is_over = True
                return Result(finished.value)
            if self._authorize is None:
                return Question(subject)
            answer = self._authorize(subject)
            if inspect.isawaitable(answer):
                return Question(subject, answer)

    def close(self) -> None:
        """Close the flow, once no thread runs it any more."""
        with self._lock:
            self._flow.close()
            self.is_over = True
