"""What was prepared with a key, kept beside it. Enters: a name and how to make it. Leaves: the one that was made first.

Bounded, so that a policy made anew for each call is no leak. Source: RFC 7515 5 (work that is equal for many tokens).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daypass.limits import PREPARED_PER_KEY_MAX

__all__ = ["Prepared"]


class Prepared(dict[object, Any]):
    """Functions by name, at most PREPARED_PER_KEY_MAX. The hot path reads it as the dict that it is."""

    __slots__ = ()

    def once(self, name: object, make: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Take what has this name, or make it. Source: RFC 7515 5."""
        found = self.get(name)
        if found is None:
            made = make()
            if len(self) >= PREPARED_PER_KEY_MAX:
                self.clear()
            found = self.setdefault(name, made)  # of two threads that made it, both get the first
        return found
