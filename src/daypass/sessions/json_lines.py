"""Events as lines of JSON, in a file that several processes append to. Enters: events. Leaves: one line each.

A line is one write to a file that is open for appending, so lines of threads and processes do not mix. A file that is
named by its path is opened for each line: whoever rotates logs may move it at any time, and a fork shares nothing.

Source: DESIGN.md 5 (events); OWASP Logging Vocabulary Cheat Sheet (format: ISO 8601 with an offset).
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Final, Protocol, final

import msgspec

from daypass.errors import ConfigurationError
from daypass.sessions.events import Event, level_of

__all__ = ["JsonLines"]

_PRIVATE: Final = 0o600
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class FileWithDescriptor(Protocol):
    """An open file, a pipe, a socket or a terminal."""

    def fileno(self) -> int:
        """Its descriptor."""


@final
class JsonLines:
    """A callback for ``on_event`` that appends one JSON object a line. What cannot be written is logged, once.

    Args:
        target: the path of a file, made with mode 0600 where there is none; or a file that is open for appending
            (``sys.stderr``, say), which stays the caller's.

    Raises:
        ConfigurationError: nothing can be appended there.
    """

    __slots__ = ("_descriptor", "_is_failing", "_is_torn", "_path")

    def __init__(self, target: str | os.PathLike[str] | FileWithDescriptor) -> None:
        self._path: str | None = None
        self._descriptor = -1
        self._is_failing = self._is_torn = False
        if isinstance(target, str | os.PathLike):
            self._path = os.path.abspath(target)  # noqa: PTH100 - kept as text: each event opens it
            try:
                os.close(os.open(self._path, _APPEND, _PRIVATE))
                return
            except OSError as error:
                reason = error.strerror or type(error).__name__
            raise ConfigurationError(f"no events can be appended to {self._path}: {reason}")
        try:
            self._descriptor = target.fileno()
        except (AttributeError, OSError, ValueError):
            raise ConfigurationError("JsonLines takes a path, or a file of the system: one with a fileno") from None

    def __call__(self, event: Event) -> None:
        """Append an event. Never raises because of the file."""
        at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds")
        line = {"datetime": at, "level": level_of(event), **msgspec.to_builtins(event)}
        data = json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"  # no character that any reader splits at
        if self._is_torn:  # what did not fit on a full disk shall not swallow this line, too
            data = b"\n" + data
        try:
            written = self._append(data)
        except OSError as error:
            self._report(error.strerror or type(error).__name__)
            return
        self._is_torn = written < len(data)
        self._report("a line was cut short: no space is left" if self._is_torn else "")

    def _append(self, data: bytes) -> int:
        """Write in one call; returns how many bytes found their place."""
        if self._path is None:
            return os.write(self._descriptor, data)
        descriptor = os.open(self._path, _APPEND, _PRIVATE)
        try:
            return os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def _report(self, fault: str) -> None:
        """Log what is wrong when it begins; the line that was not written is lost."""
        is_news = bool(fault) and not self._is_failing
        self._is_failing = bool(fault)
        if is_news:
            import logging

            logging.getLogger("daypass.sessions").error("events cannot be written, and are lost: %s", fault)

    def __repr__(self) -> str:
        return f"JsonLines({self._path or self._descriptor!r})"
