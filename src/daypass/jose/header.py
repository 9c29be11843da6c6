"""The protected header of a JWS: what a token says of itself, believed only after policy and key agreed.

Enters: the first segment of a token, or the members that a caller wants in one. Leaves: a frozen JWSHeader, or
bytes. Nothing in a header is ever followed: ``jwk``, ``jku``, ``x5u`` and ``x5c`` are data, ``kid`` is a look-up in a
fixed set.
Source: RFC 7515 4.1; RFC 8725 3.1, 3.10, 3.11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from daypass.encoding import b64url_decode, b64url_encode, encode_json, is_json, parse_object, refuse_json
from daypass.errors import MalformedToken, UnsupportedToken
from daypass.limits import HEADER_BYTES_MAX, KID_BYTES_MAX

__all__ = ["JWSHeader", "encode_header", "parse_header", "typ_equals"]

_REGISTERED: Final = frozenset(
    [
        "alg",
        "enc",
        "zip",
        "jku",
        "jwk",
        "kid",
        "x5u",
        "x5c",
        "x5t",
        "x5t#S256",
        "typ",
        "cty",
        "crit",
        "epk",
        "apu",
        "apv",
        "iv",
        "tag",
        "p2s",
        "p2c",
    ]
)
"""Parameters of RFC 7515, 7516 and 7518: ``crit`` must not name them. Source: RFC 7515 4.1.11."""


class JWSHeader(msgspec.Struct, frozen=True):
    """A protected header whose parameters have the right types.

    Args:
        alg: compared with policy and key, never used to choose.
        kid: at most KID_BYTES_MAX; None where absent.
        typ: None where absent.
        cty: None where absent.
        members: all parameters, the unknown ones included.
    """

    alg: str
    kid: str | None
    typ: str | None
    cty: str | None
    members: dict[str, Any]


def parse_header(segment: bytes, *, crit: Iterable[str] = ()) -> JWSHeader:
    """Parse the first segment of a compact JWS.

    Args:
        segment: base64url, at most HEADER_BYTES_MAX.
        crit: extension parameters that the caller understands and will act upon.

    Raises:
        MalformedToken: no strict JSON object, or a parameter has the wrong type.
        UnsupportedToken: ``crit`` names what nobody here understands.

    Source: RFC 7515 4, 5.2 steps 2 to 5.
    """
    if len(segment) > HEADER_BYTES_MAX:
        raise MalformedToken(f"the header is longer than {HEADER_BYTES_MAX} bytes")
    members = parse_object(b64url_decode(segment))
    return check_members(members, crit=crit)


def encode_header(members: Mapping[str, Any]) -> bytes:
    """Write a protected header, in the order given, as the first segment of a token.

    Raises:
        TypeError: a value is nothing that JSON can say exactly.
        ValueError: what every verifier would refuse: a wrong type, a wrong ``crit``, too long.

    Source: RFC 7515 4, 5.1.
    """
    plain = dict(members)
    if not is_json(plain):
        refuse_json(plain)
    wanted = plain.get("crit")
    try:
        check_members(plain, crit=wanted if isinstance(wanted, list) else ())
    except (MalformedToken, UnsupportedToken) as refused:
        raise ValueError(refused.hint) from None
    segment = b64url_encode(encode_json(plain)).encode("ascii")
    if len(segment) > HEADER_BYTES_MAX:
        raise ValueError(f"the header is longer than {HEADER_BYTES_MAX} bytes once encoded")
    return segment


def check_members(members: dict[str, Any], *, crit: Iterable[str] = ()) -> JWSHeader:
    """Check the registered parameters, ``crit`` and ``b64``. Source: RFC 7515 4.1; RFC 7797 3."""
    alg = members.get("alg")
    if alg.__class__ is not str:
        raise MalformedToken("the header has no 'alg', or it is no string")
    for name in ("kid", "typ", "cty"):
        if name in members and members[name].__class__ is not str:
            raise MalformedToken(f"header parameter {name!r} is no string")
    kid = members.get("kid")
    if kid is not None and len(kid.encode("utf-8")) > KID_BYTES_MAX:
        raise MalformedToken(f"header parameter 'kid' is longer than {KID_BYTES_MAX} bytes")
    _check_crit(members, crit)
    return JWSHeader(alg, kid, members.get("typ"), members.get("cty"), members)  # a str, above


def _check_crit(members: dict[str, Any], understood: Iterable[str]) -> None:
    """Refuse a ``crit`` that is not well-formed, or names what nobody understands. Source: RFC 7515 4.1.11."""
    if "crit" not in members:
        if "b64" in members:
            raise MalformedToken("header parameter 'b64' must be named in 'crit'")  # RFC 7797 6
        return
    names = members["crit"]
    if names.__class__ is not list or not names or not all(name.__class__ is str for name in names):
        raise MalformedToken("header parameter 'crit' must be a non-empty list of strings")
    if len(set(names)) != len(names) or not _REGISTERED.isdisjoint(names) or not members.keys() >= set(names):
        raise MalformedToken("'crit' must name, once, extension parameters that the header has")
    for name in names:
        if name not in understood or name == "b64":  # RFC 7797 changes what is signed: nobody may claim it for us
            raise UnsupportedToken("the token has a critical header parameter that is not understood", crit=name)


def typ_equals(actual: str | None, expected: str) -> bool:
    """Compare media types: without regard to case, ``application/`` may be left out. Source: RFC 7515 4.1.9."""
    return actual is not None and actual.isascii() and _short(actual) == _short(expected)


def _short(typ: str) -> str:
    return typ.lower().removeprefix("application/")
