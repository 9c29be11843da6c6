"""The verification cache: remembers that a signature held, never that a session lives.

The key is the whole token, in a cache that belongs to one verifier and one epoch of its keys. The claims that come out
are a new dict each time: nothing that a caller does to them reaches the next one. There are two generations of entries,
young and old: a hit writes nothing and takes no lock, and there are never more than twice the entries asked for.
Source: RFC 8725 3.1; CVE-2026-35039 is what a cache can get wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from daypass.claims import Claims
from daypass.encoding import decode_object, encode_json
from daypass.limits import CACHED_TOKEN_BYTES_MAX

__all__ = ["VerificationCache"]


class VerificationCache:
    """Verified claims by token.

    Args:
        entries_max: entries of one generation; each is a token of at most CACHED_TOKEN_BYTES_MAX with its claims.
    """

    __slots__ = ("_entries_max", "_old", "_young")

    def __init__(self, entries_max: int) -> None:
        self._entries_max = entries_max
        self._young: dict[str, Callable[[], Claims]] = {}
        self._old: dict[str, Callable[[], Claims]] = {}

    def get(self, token: str) -> Claims | None:
        """The claims of a token whose signature held, or None; their times are the caller's to check."""
        copy = self._young.get(token)
        if copy is None:
            copy = self._old.get(token)
            if copy is None:
                return None
            self._keep(token, copy)  # still in use: it outlives the old generation
        try:
            return copy()
        except RecursionError:  # deep claims, read nearer to the end of the stack: whoever verifies anew says so
            return None

    def put(self, token: str, claims: Claims) -> None:
        """Remember a token that has just verified, unless it is long."""
        if len(token) <= CACHED_TOKEN_BYTES_MAX:
            self._keep(token, _copier(claims))

    def drop(self, token: str) -> None:
        """Forget a token: its time is over."""
        self._young.pop(token, None)
        self._old.pop(token, None)

    def _keep(self, token: str, copy: Callable[[], Claims]) -> None:
        if len(self._young) >= self._entries_max:
            self._old, self._young = self._young, {}
        self._young[token] = copy


def _copier(claims: Claims) -> Callable[[], Claims]:
    """The cheapest way to a copy that shares nothing that can change."""
    containers = [name for name, value in claims.items() if isinstance(value, list | dict)]
    if not containers:
        return dict(claims).copy
    if any(_is_deep(claims[name]) for name in containers):
        encoded = encode_json(claims)
        return lambda: decode_object(encoded)
    own = {name: value.copy() if isinstance(value, list | dict) else value for name, value in claims.items()}

    def copy() -> Claims:
        fresh = own.copy()
        for name in containers:
            fresh[name] = own[name].copy()
        return fresh

    return copy


def _is_deep(container: list[object] | dict[str, object]) -> bool:
    children = container if isinstance(container, list) else container.values()
    return any(isinstance(child, list | dict) for child in children)
