"""JWS in compact serialization: bytes, signed. Enters: a payload, or a stranger's token. Leaves: a token, or bytes.

Checks run in one order: size, shape, header, key, signature. The first failure wins.
An unencoded payload (``b64: false``) is signed as it is: it goes where its encoded form would go, so what is absorbed
and what is sealed is the same road for both.
Source: RFC 7515 3.1, 5, 7.1; RFC 7797.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from daypass.encoding import b64url_decode, b64url_segment
from daypass.errors import ConfigurationError, InvalidSignature, MalformedToken
from daypass.jose.compact_serialization import JWS_SEGMENTS, split_compact
from daypass.jose.header import check_shape, check_understood, demand_header, encode_header, read_members
from daypass.jose.jwk import JWK
from daypass.jose.key_choice import Keys, choice_of
from daypass.jose.key_use import prepared_signer, prepared_verifier, signing_algorithm
from daypass.limits import TOKEN_BYTES_MAX

__all__ = [
    "VerifiedJWS",
    "VerifiedSignature",
    "demand_key",
    "payload_bytes",
    "sealed",
    "sign",
    "signing_header",
    "signing_members",
    "understood_names",
    "verify",
]

_UNENCODED: Final = bytes(range(0x20, 0x2E)) + bytes(range(0x2F, 0x7F))
"""What an unencoded payload may hold inside a compact token: printable ASCII but the dot. Source: RFC 7797 5.2."""


class VerifiedSignature(msgspec.Struct, frozen=True):
    """One signature that held.

    Args:
        index: its place among the signatures of the token, from 0.
        header: its protected header.
        unprotected: its unprotected header, which nobody signed.
        key: the key that verified it.
    """

    index: int
    header: dict[str, Any]
    unprotected: dict[str, Any]
    key: JWK


class VerifiedJWS(msgspec.Struct, frozen=True):
    """What a signature held for.

    Args:
        payload: the bytes that were signed.
        header: the protected header; of several signatures, that of the first one that held.
        key: the key that verified it.
        unprotected: the unprotected header beside it, which nobody signed; empty in compact serialization.
        signatures: every signature that held, in the order of the token. One key may have made several.
    """

    payload: bytes
    header: dict[str, Any]
    key: JWK
    unprotected: dict[str, Any]
    signatures: tuple[VerifiedSignature, ...]

    def __repr__(self) -> str:  # a payload holds claims, or another token
        return f"VerifiedJWS({len(self.payload)} bytes, header with {', '.join(self.header)}, {self.key!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("payload_bytes", len(self.payload)), ("key", self.key)]


def sign(payload: bytes, key: JWK, *, header: Mapping[str, Any] | None = None, detached: bool = False) -> str:
    """Sign bytes.

    Args:
        payload: any bytes; the token must not be longer than TOKEN_BYTES_MAX.
        key: private or symmetric, with an ``alg``.
        header: further protected parameters; ``alg`` and ``kid`` come from the key. With
            ``{"b64": False, "crit": ["b64"]}`` the payload is signed, and stands in the token, as it is: printable
            ASCII without a dot, or any bytes where it is detached.
        detached: leave the payload out of the token: it travels on its own.

    Returns:
        ASCII ``header.payload.signature``; ``header..signature`` when detached.

    Raises:
        TypeError: the payload is no bytes, or a header value is nothing that JSON can say.
        ValueError: the key cannot sign, the header contradicts it, the payload cannot stand in the token as it is, or
            the token would be too long.

    Source: RFC 7515 5.1, 7.1; appendix F (detached); RFC 7797 5.
    """
    raw = payload_bytes(payload)
    demand_key(key)
    signing_algorithm(key)  # what is wrong with the key is said before what is wrong with the header
    head = signing_header(key, header)
    unencoded = header is not None and header.get("b64") is False
    if unencoded and not detached and raw.translate(None, _UNENCODED):
        raise ValueError(
            "with b64: false the payload of a compact token is printable ASCII without a dot:"
            " pass detached=True, or use sign_json"
        )
    token = sealed(key, head, raw, unencoded=unencoded)
    if detached:
        token = f"{head.decode('ascii')}..{token.rpartition('.')[2]}"
    if len(token) > TOKEN_BYTES_MAX:
        raise ValueError(f"the token would be longer than {TOKEN_BYTES_MAX} bytes: no verifier would take it")
    return token


def sealed(key: JWK, head: bytes, payload: bytes, *, unencoded: bool) -> str:
    """Sign a payload under an encoded header.

    Args:
        key: private or symmetric, with an ``alg``.
        head: base64url; empty where nothing is protected.
        payload: any bytes.
        unencoded: sign them as they are.

    Returns:
        ``header.payload.signature``, one character an octet; only an unencoded payload is not ASCII.

    Raises:
        ConfigurationError: the key may not, or cannot, sign.

    Source: RFC 7515 5.1 steps 5 and 6; RFC 7797 3.
    """
    signer = prepared_signer(key, signing_algorithm(key))
    # What is absorbed is signed as it stands; what is sealed is encoded first, and nothing is encoded to nothing.
    return signer(head + b"." + payload)(b"") if unencoded else signer(head + b".")(payload)


def payload_bytes(payload: object) -> bytes:
    """Take a payload. Raises TypeError: no bytes (of a number, bytes() makes zeros). Source: RFC 7515 2."""
    if not isinstance(payload, bytes | bytearray | memoryview):
        raise TypeError("a payload is bytes; jwt.sign takes claims")
    return bytes(payload)


def demand_key(key: object) -> None:
    """Refuse what is no key, a secret as bytes above all. Raises TypeError. Source: RFC 8725 3.1."""
    if not isinstance(key, JWK):
        del key
        raise TypeError('one JWK signs: JWK.from_secret(secret, alg="HS256") makes one of bytes')


def signing_header(key: JWK, extra: Mapping[str, Any] | None, *, typ: str | None = None) -> bytes:
    """Encode the header of a token; ValueError where ``extra`` contradicts the key. Source: RFC 7515 4.1."""
    return encode_header(signing_members(key, extra, typ=typ))


def signing_members(key: JWK, extra: Mapping[str, Any] | None, *, typ: str | None = None) -> dict[str, Any]:
    """What a header says: ``alg`` and ``kid`` of the key, and what the caller adds.

    Raises:
        TypeError: ``extra`` is no mapping.
        ConfigurationError: it contradicts the key.

    Source: RFC 7515 4.1.
    """
    members: dict[str, Any] = {"alg": key.alg} | ({} if typ is None else {"typ": typ})
    for name, value in demand_header(extra).items():
        if name == "alg" and value != key.alg:
            raise ConfigurationError("the header names another alg than the key has: leave it out")
        if name == "kid" and key.kid is not None and value != key.kid:
            raise ConfigurationError("the header names another kid than the key has: leave it out")
        members[name] = value
    if key.kid is not None:
        members["kid"] = key.kid
    return members


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
        payload: of a detached token, not encoded.
        crit: critical header parameters that the caller understands and acts upon; ``b64`` is understood here.

    Raises:
        TokenTooLarge, MalformedToken: it is no compact JWS.
        UnsupportedToken, UnknownKey: header, policy and keys do not agree.
        InvalidSignature: the signature does not hold.
        TypeError, ValueError: ``algs``, ``keys``, ``payload`` or ``crit`` could never verify anything.

    Source: RFC 7515 5.2; RFC 7797 5; RFC 8725 3.1.
    """
    choice = choice_of(keys, algs)
    understood = understood_names(crit)
    apart = None if payload is None else payload_bytes(payload)
    head, body, signature = split_compact(token, JWS_SEGMENTS, TOKEN_BYTES_MAX)
    if apart is not None and body:
        raise MalformedToken("a detached payload was passed, and the token holds one itself")
    b64url_decode(signature)
    members = read_members(head)
    if members.get("b64") is False:  # believed, for now, to read the payload: the next check demands it in crit
        signed = _unencoded(body) if apart is None else apart
        body = signed
    else:
        signed = b64url_decode(body) if apart is None else apart
        body = body if apart is None else b64url_segment(apart)
    header = check_shape(members)
    check_understood(members, understood)
    key, entry = choice.choose(header)
    if not prepared_verifier(key, entry)(head + b".")(body, signature):
        raise InvalidSignature
    return VerifiedJWS(signed, members, key, {}, (VerifiedSignature(0, members, {}, key),))


def understood_names(crit: Collection[str]) -> frozenset[str]:
    """What may be critical: what the caller names, and ``b64``. Raises TypeError: one text. Source: RFC 7797 6."""
    if isinstance(crit, str | bytes):
        raise TypeError('crit is a collection of names: crit=("exp",)')  # one text would match by substring
    return frozenset({"b64", *crit})


def _unencoded(body: bytes) -> bytes:
    """Take a payload that stands in a compact token as it is. Source: RFC 7797 5.2."""
    if body.translate(None, _UNENCODED):
        raise MalformedToken("an unencoded payload in a compact JWS is printable ASCII without a dot")
    return body
