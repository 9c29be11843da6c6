"""What verifies a signed JWT: one compiled function for keys and policy. Enters: a token. Leaves: claims that hold.

``compile_verifier`` makes one function per (keys, policy), with two roads through it. The straight road is for the
common token under a header that has verified before; whatever does not fit falls through, without a word, to the
complete road, which makes every check in the documented order (size, shape, header, key, signature, claims) and
returns or raises. The straight road does nothing that the complete one does not do, it only does it faster.
Source: RFC 7519 7.2; RFC 8725.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from daypass.claims import Claims, ClaimsPolicy, compile_policy, typ_equals
from daypass.encoding import b64url_decode, decode_object, encode_json, parse_object
from daypass.errors import InvalidSignature, MalformedToken, UnsupportedToken
from daypass.jose.compact_serialization import JWS_SEGMENTS, split_compact
from daypass.jose.header import parse_header
from daypass.jose.jwa.signature import Holds
from daypass.jose.key_choice import KeyChoice
from daypass.jose.key_use import prepared_verifier
from daypass.limits import HEADERS_REMEMBERED_MAX, JWT_BYTES_MAX

__all__ = ["Verify", "check_jwt_header", "compile_verifier"]

Verify = Callable[[str], Claims]
"""From a token to its claims."""


class Kind(Protocol):
    """What a header says of the kind of token."""

    @property
    def typ(self) -> str | None:
        """None where absent."""
        ...

    @property
    def cty(self) -> str | None:
        """None where absent."""
        ...


def compile_verifier(
    choice: KeyChoice,
    policy: ClaimsPolicy,
    *,
    bytes_max: int = JWT_BYTES_MAX,
    clock: Callable[[], float] = time.time,
) -> Verify:
    """Compile keys and policy into the function that verifies tokens.

    Args:
        choice: the keys; they do not change, a new set is compiled anew.
        policy: what the claims must satisfy.
        bytes_max: the longest token that is looked at.
        clock: epoch seconds.

    Source: RFC 7519 7.2.
    """
    fits, check = compile_policy(policy)
    admitted: dict[bytes, Holds] = {}  # encoded headers under which a token has verified

    def verify(token: str) -> Claims:
        try:
            if len(token) <= bytes_max:
                head, payload, signature = token.encode().split(b".", 3)  # beyond ASCII nothing is found below
                if admitted[head](payload, signature):
                    raw = b64url_decode(payload)
                    claims = decode_object(raw)
                    if encode_json(claims) == raw and fits(claims, clock()):
                        return claims
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError, MalformedToken):
            pass  # the complete road says what is wrong, if anything is
        return verify_completely(token)

    def verify_completely(token: str) -> Claims:
        head, payload, signature = split_compact(token, JWS_SEGMENTS, bytes_max)
        raw, _ = b64url_decode(payload), b64url_decode(signature)
        header = parse_header(head)
        check_jwt_header(header, policy.typ)
        key, entry = choice.choose(header)
        holds = prepared_verifier(key, entry)(head + b".")
        if not holds(payload, signature):
            raise InvalidSignature
        if len(admitted) >= HEADERS_REMEMBERED_MAX:
            admitted.clear()
        admitted[head] = holds
        claims = parse_object(raw)
        check(claims, clock())
        return claims

    return verify


def check_jwt_header(header: Kind, typ: str | None) -> None:
    """Refuse another kind of token than the expected one. Source: RFC 8725 3.11; RFC 7519 5; RFC 7797 7."""
    if header.typ is None and typ is not None:
        raise UnsupportedToken(f"the token has no typ, and {typ!r} is expected")
    if header.typ is not None and not typ_equals(header.typ, typ or "JWT"):
        wanted = (
            f"{typ!r} is expected" if typ else "none or 'JWT' is expected: name another kind with ClaimsPolicy(typ=...)"
        )
        raise UnsupportedToken(f"the token is of another kind: its typ differs, {wanted}", typ=header.typ)
    if header.cty is not None and typ_equals(header.cty, "JWT"):
        raise UnsupportedToken("the token holds another token (cty JWT): see jwt.decrypt_then_verify", kind="nested")
