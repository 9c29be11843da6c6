"""JWS in compact serialization: bytes, signed. Enters: a payload, or a stranger's token. Leaves: a token, or bytes.

Checks run in one order: size, shape, header, key, signature. The first failure wins.
Source: RFC 7515 3.1, 5, 7.1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import ConfigurationError, InvalidSignature, MalformedToken, TokenTooLarge
from daypass.jose.header import JWSHeader, encode_header, parse_header
from daypass.jose.jwk import JWK
from daypass.jose.key_choice import Keys, choice_of
from daypass.limits import TOKEN_BYTES_MAX

__all__ = ["VerifiedJWS", "sign", "verify"]


class VerifiedJWS(msgspec.Struct, frozen=True):
    """What a signature held for.

    Args:
        payload: the bytes that were signed.
        header: the protected header.
        key: the key that verified it.
    """

    payload: bytes
    header: dict[str, Any]
    key: JWK


def sign(payload: bytes, key: JWK, *, header: Mapping[str, Any] | None = None, detached: bool = False) -> str:
    """Sign bytes.

    Args:
        payload: any bytes; the token must not be longer than TOKEN_BYTES_MAX.
        key: private or symmetric, with an ``alg``.
        header: further protected parameters; ``alg`` and ``kid`` come from the key.
        detached: leave the payload out of the token: it travels on its own.

    Returns:
        ASCII ``header.payload.signature``; ``header..signature`` when detached.

    Raises:
        TypeError: the payload is no bytes, or a header value is nothing that JSON can say.
        ValueError: the key cannot sign, the header contradicts it, or the token would be too long.

    Source: RFC 7515 5.1, 7.1; appendix F (detached).
    """
    if not isinstance(payload, bytes | bytearray | memoryview):
        raise TypeError("a payload is bytes; jwt.sign takes claims")
    demand_key(key)
    entry = key.signing_algorithm()
    head = signing_header(key, header)
    token = key.prepared_signer(entry)(head + b".")(bytes(payload))
    if detached:
        token = f"{head.decode()}..{token.rpartition('.')[2]}"
    if len(token) > TOKEN_BYTES_MAX:
        raise ValueError(f"the token would be longer than {TOKEN_BYTES_MAX} bytes: no verifier would take it")
    return token


def demand_key(key: object) -> None:
    """Refuse what is no key, a secret as bytes above all. Raises TypeError. Source: RFC 8725 3.1."""
    if not isinstance(key, JWK):
        del key
        raise TypeError('one JWK signs: JWK.from_secret(secret, alg="HS256") makes one of bytes')


def signing_header(key: JWK, extra: Mapping[str, Any] | None, *, typ: str | None = None) -> bytes:
    """Encode the header of a token; ValueError where ``extra`` contradicts the key. Source: RFC 7515 4.1."""
    members: dict[str, Any] = {"alg": key.alg} | ({} if typ is None else {"typ": typ})
    for name, value in (extra or {}).items():
        if name == "alg" and value != key.alg:
            raise ConfigurationError("the header names another alg than the key has: leave it out")
        if name == "kid" and key.kid is not None and value != key.kid:
            raise ConfigurationError("the header names another kid than the key has: leave it out")
        members[name] = value
    if key.kid is not None:
        members["kid"] = key.kid
    return encode_header(members)


def verify(
    token: str,
    keys: Keys,
    *,
    algs: Collection[str] | None = None,
    payload: bytes | None = None,
    crit: Collection[str] = (),
) -> VerifiedJWS:
    """Verify a compact JWS.

    Args:
        token: ASCII, at most TOKEN_BYTES_MAX.
        keys: one JWK, a JWKSet or a sequence of JWK.
        algs: algorithms that are allowed; None: those that the keys name.
        payload: of a detached token.
        crit: critical header parameters that the caller understands and acts upon.

    Raises:
        TokenTooLarge, MalformedToken: it is no compact JWS.
        UnsupportedToken, UnknownKey: header, policy and keys do not agree.
        InvalidSignature: the signature does not hold.
        TypeError, ValueError: ``algs`` or ``keys`` could never verify anything.

    Source: RFC 7515 5.2; RFC 8725 3.1.
    """
    choice = choice_of(keys, algs)
    if isinstance(crit, str | bytes):
        raise TypeError('crit is a collection of names: crit=("exp",)')  # one text would match by substring
    head, body, signature = split_compact(token, TOKEN_BYTES_MAX)
    if payload is not None:
        if body:
            raise MalformedToken("a detached payload was passed, and the token holds one itself")
        body = b64url_encode(bytes(payload)).encode("ascii")
    signed, _ = b64url_decode(body), b64url_decode(signature)
    header: JWSHeader = parse_header(head, crit=crit)
    key, entry = choice.choose(header)
    if not key.prepared_verifier(entry)(head + b".")(body, signature):
        raise InvalidSignature
    return VerifiedJWS(signed, header.members, key)


def split_compact(token: str, bytes_max: int) -> tuple[bytes, bytes, bytes]:
    """Split a compact JWS into its three encoded segments. Source: RFC 7515 3.1, 7.1.

    Raises:
        TokenTooLarge: longer than ``bytes_max``; nothing else was looked at.
        MalformedToken: no str, not ASCII, not three segments.
    """
    if not isinstance(token, str):
        raise MalformedToken("a token is a str")
    if len(token) > bytes_max:
        raise TokenTooLarge(f"the token is longer than {bytes_max} bytes")
    if not token.isascii():
        raise MalformedToken("a token is ASCII")
    segments = token.encode("ascii").split(b".", 3)
    if len(segments) != 3:
        raise MalformedToken("a compact JWS has three segments, separated by two dots")
    return segments[0], segments[1], segments[2]
