"""Key material on its way to a loader, concealed: should an error page show the locals of our frames, it shows nothing.

Enters: text, bytes, a password. Leaves: the same, under a ``repr`` that says nothing. Source: RFC 7517 9.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Concealed"]


class Concealed:
    """Key material on its way to a loader: tracebacks that show the locals of our frames show only this."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # noqa: ANN401
        self.value = value

    def __repr__(self) -> str:
        return "<redacted>"
