"""Header parameters: what a token says of itself, believed only after policy and key agreed.

Enters: the first segment of a token, or the members that a caller wants in one. Leaves: a frozen JWSHeader, or
bytes. Nothing in a header is ever followed: ``jwk``, ``jku``, ``x5u`` and ``x5c`` are data, ``kid`` is a look-up in a
fixed set. Shape and policy are two steps, because a malformed header refuses a token with several signatures as a
whole, and one that is merely not understood refuses one signature.
Source: RFC 7515 4.1; RFC 7797 3; RFC 8725 3.1, 3.10, 3.11.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from daypass.encoding import b64url_decode, b64url_segment, encode_exactly, is_json, parse_object, refuse_json
from daypass.errors import MalformedToken, UnsupportedToken
from daypass.limits import HEADER_BYTES_MAX, KID_BYTES_MAX

__all__ = [
    "JWSHeader",
    "check_shape",
    "check_understood",
    "demand_header",
    "encode_header",
    "encode_members",
    "parse_header",
    "read_members",
]

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
    """A header whose parameters have the right types.

    Args:
        alg: compared with policy and key, never used to choose.
        kid: at most KID_BYTES_MAX; None where absent.
        typ: None where absent.
        cty: None where absent.
        members: all parameters, the unknown ones included; unprotected ones too where a token has such.
    """

    alg: str
    kid: str | None
    typ: str | None
    cty: str | None
    members: dict[str, Any]


def parse_header(segment: bytes, *, crit: Collection[str] = ()) -> JWSHeader:
    """Parse the first segment of a compact JWS.

    Args:
        segment: base64url, at most HEADER_BYTES_MAX.
        crit: extension parameters that are understood and acted upon.

    Raises:
        MalformedToken: no strict JSON object, or a parameter has the wrong type.
        UnsupportedToken: ``crit`` names what nobody here understands.

    Source: RFC 7515 4, 5.2 steps 2 to 5.
    """
    header = check_shape(read_members(segment))
    check_understood(header.members, crit)
    return header


def read_members(segment: bytes) -> dict[str, Any]:
    """Decode a protected header. Raises MalformedToken: too long, no base64url, no strict JSON. Source: RFC 7515 4."""
    if len(segment) > HEADER_BYTES_MAX:
        raise MalformedToken(f"the header is longer than {HEADER_BYTES_MAX} bytes")
    return parse_object(b64url_decode(segment))


def check_shape(protected: dict[str, Any], unprotected: dict[str, Any] | None = None) -> JWSHeader:
    """Check the types of registered parameters, and where they stand.

    Args:
        protected: JSON values.
        unprotected: JSON values; what stands there was not signed.

    Raises:
        MalformedToken: a wrong type, a parameter in both places, or one that has to be protected and is not.

    Source: RFC 7515 4, 4.1; RFC 7797 3, 6.
    """
    members = protected
    if unprotected:
        if not protected.keys().isdisjoint(unprotected):
            raise MalformedToken("a header parameter stands twice: protected and unprotected")
        if "crit" in unprotected or "b64" in unprotected:
            raise MalformedToken("header parameters 'crit' and 'b64' must be protected")
        members = {**protected, **unprotected}
    alg = members.get("alg")
    if alg.__class__ is not str:
        raise MalformedToken("the header has no 'alg', or it is no string")
    for name in ("kid", "typ", "cty"):
        if name in members and members[name].__class__ is not str:
            raise MalformedToken(f"header parameter {name!r} is no string")
    kid = members.get("kid")
    if kid is not None and len(kid.encode("utf-8")) > KID_BYTES_MAX:
        raise MalformedToken(f"header parameter 'kid' is longer than {KID_BYTES_MAX} bytes")
    _check_crit(protected)
    return JWSHeader(alg, kid, members.get("typ"), members.get("cty"), members)  # a str, above


def _check_crit(protected: dict[str, Any]) -> None:
    """Refuse a ``crit`` or ``b64`` that is not well-formed, whoever may understand it.

    The parameters that ``crit`` names have to be protected as well: an extension that decides whether a token is taken
    should not be one that anybody on the way may rewrite.
    Source: RFC 7515 4.1.11; RFC 7797 3, 6.
    """
    if "b64" in protected and protected["b64"].__class__ is not bool:
        raise MalformedToken("header parameter 'b64' must be true or false")
    if "crit" not in protected:
        if "b64" in protected:
            raise MalformedToken("header parameter 'b64' must be named in 'crit'")
        return
    names = protected["crit"]
    if names.__class__ is not list or not names or not all(name.__class__ is str for name in names):
        raise MalformedToken("header parameter 'crit' must be a non-empty list of strings")
    if len(set(names)) != len(names) or not _REGISTERED.isdisjoint(names) or not protected.keys() >= set(names):
        raise MalformedToken("'crit' must name, once, extension parameters that the protected header has")
    if "b64" in protected and "b64" not in names:
        raise MalformedToken("header parameter 'b64' must be named in 'crit'")


def check_understood(protected: Mapping[str, Any], understood: Collection[str]) -> None:
    """Refuse a token with a critical parameter that is not understood.

    Args:
        protected: of checked shape.
        understood: extension parameters that are acted upon.

    Raises:
        UnsupportedToken: ``crit`` names another one.

    Source: RFC 7515 4.1.11.
    """
    for name in protected.get("crit", ()):
        if name not in understood:
            raise UnsupportedToken("the token has a critical header parameter that is not understood", crit=name)


def demand_header(header: object) -> dict[str, Any]:
    """Take the parameters that a caller wants in a header; None: none. Raises TypeError. Source: RFC 7515 4."""
    if header is not None and not isinstance(header, Mapping):
        raise TypeError('a header is a mapping: header={"cty": "text/plain"}')
    return dict(header or {})


def encode_header(members: Mapping[str, Any]) -> bytes:
    """Write a protected header that stands alone, in the order given, as the first segment of a token.

    Raises:
        TypeError: a value is nothing that JSON can say exactly.
        ValueError: what every verifier would refuse: a wrong type, a wrong ``crit``, too long.

    Source: RFC 7515 4, 5.1.
    """
    plain = dict(members)
    segment = encode_members(plain)
    try:
        check_shape(plain)
    except MalformedToken as refused:
        raise ValueError(refused.hint) from None
    return segment


def encode_members(members: dict[str, Any]) -> bytes:
    """Write header parameters as base64url.

    Raises:
        TypeError: a value is nothing that JSON can say exactly.
        ValueError: longer than HEADER_BYTES_MAX.

    Source: RFC 7515 4, 5.1.
    """
    if not is_json(members):
        refuse_json(members)
    segment = b64url_segment(encode_exactly(members))
    if len(segment) > HEADER_BYTES_MAX:
        raise ValueError(f"the header is longer than {HEADER_BYTES_MAX} bytes once encoded")
    return segment
