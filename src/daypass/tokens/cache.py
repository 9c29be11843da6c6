"""The verification cache: remembers that a token was proven, never that a session lives.

The key is the whole token, in a cache that belongs to one verifier and one epoch of its keys. Times are compared with
the clock on every hit. The claims that come out are a new dict each time: nothing that a caller does to them reaches
the next one. There are two generations of entries, young and old: a hit writes nothing and takes no lock, and there
are never more than twice the entries asked for.

Memory: an access token of a dozen claims takes about 3 KB, the largest entry less than 20 KB (a test measures both): what
would be larger as objects is kept as JSON, what is larger as text is not kept.
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
"""From when and until when its times hold, what makes the claims anew, and what makes the containers in them anew."""


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
        if token.__class__ is not str:
            return verify(token)
        entry = young.get(token)
        if entry is None:
            entry = old.get(token)
            if entry is None:
                return verify_anew(token)
            keep(token, entry)  # still in use: it outlives the old generation
        not_before, expires, fresh, copies = entry
        now_s = clock()
        if not_before <= now_s + leeway_s and now_s - leeway_s < expires:
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

    def verify_anew(token: str) -> Claims:
        claims = verify(token)
        if len(token) <= CACHED_TOKEN_BYTES_MAX:
            keep(token, _entry_of(claims))
        return claims

    def keep(token: str, entry: _Entry) -> None:
        nonlocal young, old
        if len(young) >= entries_max:
            young, old = {}, young
        young[token] = entry

    return verify_cached


def _entry_of(claims: Claims) -> _Entry:
    """The cheapest way to copies that share nothing that can change."""
    not_before, expires = claims.get("nbf", -inf), claims.get("exp", inf)
    containers = {name: value for name, value in claims.items() if isinstance(value, list | dict)}
    if any(map(_is_deep, containers.values())) or len(claims) + sum(map(len, containers.values())) > CACHED_VALUES_MAX:
        encoded = encode_json(claims)
        return not_before, expires, lambda: decode_object(encoded), ()
    own: Claims = claims | {name: value.copy() for name, value in containers.items()}
    return not_before, expires, own.copy, tuple((name, own[name].copy) for name in containers)


def _is_deep(container: list[object] | dict[str, object]) -> bool:
    children = container if isinstance(container, list) else container.values()
    return any(isinstance(child, list | dict) for child in children)
