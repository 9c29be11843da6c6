"""The verification cache: remembers that a token was proven, never that a session lives.

The key is the whole token, in a cache that belongs to one verifier and one epoch of its keys. Times are compared with
the clock on every hit. The claims that come out are a new dict each time: nothing that a caller does to them reaches
the next one. There are two generations of entries, young and old: a hit writes nothing and takes no lock, and there
are never more than twice the entries asked for.

Memory: an access token of a dozen claims takes about 3 KB, the largest entry less than 20 KB (a test measures both):
what would be larger as objects is kept as JSON, what is larger as text is not kept.
Source: RFC 8725 3.1; CVE-2026-35039 is what a cache can get wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from daypass.claims import Claims
from daypass.encoding import decode_object, encode_json
from daypass.limits import CACHED_TOKEN_BYTES_MAX, CACHED_VALUES_MAX

__all__ = ["cached"]

_Copies = tuple[tuple[str, Callable[[], object]], ...]
_Entry = tuple[float, float, Callable[[], Claims], _Copies]
"""From when and until when its times hold (leeway included), what makes the claims anew, and the containers in them."""


def cached(
    verify: Callable[[str], Claims], *, entries_max: int, leeway_s: float, clock: Callable[[], float]
) -> Callable[[str], Claims]:
    """Put a cache before the verification of tokens.

    Args:
        verify: of one policy and one epoch of keys.
        entries_max: entries of one generation.
        leeway_s: of the policy.
        clock: epoch seconds.
    """
    young: dict[str, _Entry] = {}
    old: dict[str, _Entry] = {}

    def verify_cached(token: str) -> Claims:
        try:
            entry: _Entry | None = young[token]
        except (KeyError, TypeError):
            entry = recall(token)
        if token.__class__ is str and entry is not None:
            begins_at, ends_at, fresh, copies = entry
            if begins_at <= clock() < ends_at:
                try:
                    claims = fresh()
                except RecursionError:  # deep claims, read nearer to the end of the stack: verify says so
                    return verify(token)
                for name, copy in copies:
                    claims[name] = copy()
                return claims
            young.pop(token, None)
            old.pop(token, None)
        return verify_anew(token)

    def recall(token: str) -> _Entry | None:
        """Take an entry out of the old generation: still in use, it outlives that."""
        entry = old.get(token) if token.__class__ is str else None
        if entry is not None:
            keep(token, entry)
        return entry

    def verify_anew(token: str) -> Claims:
        claims = verify(token)
        if token.__class__ is str and len(token) <= CACHED_TOKEN_BYTES_MAX:
            keep(token, _entry_of(claims, leeway_s))
        return claims

    def keep(token: str, entry: _Entry) -> None:
        nonlocal young, old
        if len(young) >= entries_max:
            young, old = {}, young
        young[token] = entry

    return verify_cached


def _entry_of(claims: Claims, leeway_s: float) -> _Entry:
    """The cheapest way to copies that share nothing that can change."""
    begins_at, ends_at = claims.get("nbf", -inf) - leeway_s, claims.get("exp", inf) + leeway_s
    containers = {name: value for name, value in claims.items() if isinstance(value, list | dict)}
    if any(map(_is_deep, containers.values())) or len(claims) + sum(map(len, containers.values())) > CACHED_VALUES_MAX:
        encoded = encode_json(claims)
        return begins_at, ends_at, lambda: decode_object(encoded), ()
    own: Claims = claims | {name: value.copy() for name, value in containers.items()}
    return begins_at, ends_at, own.copy, tuple((name, own[name].copy) for name in containers)


def _is_deep(container: list[object] | dict[str, object]) -> bool:
    children = container if isinstance(container, list) else container.values()
    return any(isinstance(child, list | dict) for child in children)
