"""The judge's rules for headers, protected and not, and for which key a header may select.

Enters: members that were read strictly. Leaves: whether they are understood; ``Refuse`` where they are malformed.
Source: RFC 7515 4, 4.1.11; RFC 7797 3, 6; RFC 8725 3.1.
"""

from __future__ import annotations

from typing import Any

from daypass.limits import HEADER_BYTES_MAX, KID_BYTES_MAX
from fuzz.judge import Refuse, json_object, octets

REGISTERED = {"alg", "enc", "zip", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit"}
REGISTERED |= {"epk", "apu", "apv", "iv", "tag", "p2s", "p2c"}
PROTECTED_ONLY = {"crit", "b64"}


def read(segment: str) -> dict[str, Any]:
    """Read a protected header. Raises Refuse or Undecided."""
    if len(segment) > HEADER_BYTES_MAX:
        raise Refuse("the header is too long")
    return json_object(octets(segment))


def merged(protected: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    """All members of several headers. Raises Refuse: one stands twice, or what has to be protected is not."""
    members = dict(protected)
    for other in others:
        if other.keys() & members.keys():
            raise Refuse("a parameter stands twice")
        if other.keys() & PROTECTED_ONLY:
            raise Refuse("a parameter that has to be protected is not")
        members |= other
    return members


def check(protected: dict[str, Any], members: dict[str, Any]) -> bool:
    """Check types and ``crit``. Returns whether all that is critical is understood; raises Refuse: malformed."""
    if not isinstance(members.get("alg"), str):
        raise Refuse("no alg")
    for name in ("kid", "typ", "cty"):
        if not isinstance(members.get(name, ""), str):
            raise Refuse(f"{name} is no text")
    if len(members.get("kid", "").encode()) > KID_BYTES_MAX:
        raise Refuse("kid is too long")
    names = protected.get("crit", ["b64"])
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise Refuse("crit is no list of names")
    if len(set(names)) != len(names) or REGISTERED & set(names):
        raise Refuse("crit names a parameter twice, or one that is not an extension")
    if "crit" in protected and not set(names) <= protected.keys():
        raise Refuse("crit names a parameter that is not there")
    if "b64" in protected and not ("crit" in protected and "b64" in names and isinstance(protected["b64"], bool)):
        raise Refuse("b64 is not critical, or no boolean")
    return names == ["b64"]


def is_selected(members: dict[str, Any], algs: tuple[str, ...], *, single: bool) -> bool:
    """Whether a key is found: kid and alg are the same word in the set of all keys; a single key has no other name."""
    alg = members["alg"]
    return alg in algs and (single or members.get("kid", alg) == alg)
