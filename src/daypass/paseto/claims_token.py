"""A PASETO that holds claims. Enters: claims and a key, or a token of a stranger. Leaves: a token, or claims that hold.

What claims must satisfy is a ClaimsPolicy, the same as for a JWT. A PASETO has no header that could say what kind of
token it is: the claim ``typ`` does, and is held against the policy's.
Source: PASETO 02-Implementation-Guide/01-Payload-Processing, 04-Claims, 05-API-UX; RFC 8725 3.11.
"""

from __future__ import annotations

import time
from typing import Any, Final, TypeVar, overload

from daypass.claims import Claims, ClaimsCheck, ClaimsPolicy, compile_policy, typ_equals
from daypass.errors import TokenTooLarge, UnsupportedToken
from daypass.issued_claims import claims_to_issue
from daypass.limits import JWT_BYTES_MAX
from daypass.paseto.keys import LocalKey, PublicKey, SecretKey
from daypass.paseto.message import OpenedToken, bounded, decrypt, encrypt, is_of, sign, verify
from daypass.paseto.payload import claims_of_payload, encode_payload
from daypass.typed_claims import Issuable, typed_claims

__all__ = ["check_kind", "decrypt_claims", "encrypt_claims", "sign_claims", "verify_claims"]

T = TypeVar("T")
_DEFAULT_POLICY: Final = ClaimsPolicy()
_LIFETIME_S: Final = 3600  # what PASETO asks for where nobody says otherwise: 05-API-UX


# --------------------------------------------------------------------------------------------------- public


def sign_claims(
    claims: Issuable,
    key: SecretKey,
    *,
    lifetime_s: float | None = _LIFETIME_S,
    footer: bytes = b"",
    implicit: bytes = b"",
    claims_type: type[Any] | None = None,
    allow_legacy: bool = False,
    bytes_max: int = JWT_BYTES_MAX,
) -> str:
    """Sign claims.

    Args:
        claims: JSON values, times as epoch seconds; an ``exp`` of yours stays, otherwise ``iat`` and ``exp`` are added.
        key: of the version that the token will have.
        lifetime_s: seconds until ``exp``; None: no ``exp``, which a verifier accepts only with ``required=()``.
        footer: bytes that travel beside the claims, readable and authenticated; at most FOOTER_BYTES_MAX.
        implicit: an assertion that both sides know and that does not travel; v3 and v4 alone.
        claims_type: a dataclass, TypedDict or msgspec Struct that the claims fit; they may be an instance of it.
        allow_legacy: issue v1 or v2, which are for migrating.
        bytes_max: the longest token; a verifier must allow as much.

    Returns:
        ASCII ``v4.public.payload`` or ``v4.public.payload.footer``.

    Raises:
        TypeError: a claim is nothing that JSON can say exactly, or the key no SecretKey.
        ValueError: what a verifier would refuse: a wrong type, two audiences, a token that is too long.

    Source: PASETO 01-Payload-Processing; 04-Claims; 05-API-UX.
    """
    if not is_of(key, SecretKey):
        del key
        raise TypeError("sign_claims takes a SecretKey; a LocalKey encrypts: paseto.encrypt_claims")
    payload = encode_payload(claims_to_issue(claims, claims_type, lifetime_s))
    return bounded(sign(payload, key, footer=footer, implicit=implicit, allow_legacy=allow_legacy), bytes_max)


@overload
def verify_claims(
    token: str,
    key: PublicKey,
    *,
    policy: ClaimsPolicy = ...,
    footer: bytes | None = ...,
    implicit: bytes = ...,
    claims_type: None = ...,
    bytes_max: int = ...,
) -> Claims: ...


@overload
def verify_claims(
    token: str,
    key: PublicKey,
    *,
    policy: ClaimsPolicy = ...,
    footer: bytes | None = ...,
    implicit: bytes = ...,
    claims_type: type[T],
    bytes_max: int = ...,
) -> T: ...


def verify_claims(
    token: str,
    key: PublicKey,
    *,
    policy: ClaimsPolicy = _DEFAULT_POLICY,
    footer: bytes | None = None,
    implicit: bytes = b"",
    claims_type: type[T] | None = None,
    bytes_max: int = JWT_BYTES_MAX,
) -> Claims | T:
    """Verify a signed token and return its claims, times as epoch seconds.

    Args:
        token: ASCII, at most ``bytes_max``.
        key: of the one version that is accepted.
        policy: what the claims must satisfy; by default an ``exp`` to come, and no ``aud`` and no ``typ``.
        footer: the exact footer; None: whatever stands there, it is authenticated in any case.
        implicit: the assertion that the token was made with.
        claims_type: a dataclass, TypedDict or msgspec Struct to convert the claims to.
        bytes_max: the longest token that is looked at.

    Returns:
        The claims, a new dict (or a ``claims_type``).

    Raises:
        TokenError: the token was refused; its subclasses say why.
        KeyFormatError: the key is no point of its curve.
        TypeError, ValueError: the words could never verify anything.

    Source: PASETO 01-Payload-Processing; 04-Claims.
    """
    if not is_of(key, PublicKey):
        del key
        raise TypeError("verify_claims takes a PublicKey: that of a SecretKey is key.public()")
    _, check = compile_policy(policy)  # a wrong set-up is said before the token is looked at
    _check_length(token, bytes_max)
    return _held(verify(token, key, footer=footer, implicit=implicit), policy, check, claims_type)


# ---------------------------------------------------------------------------------------------------- local


def encrypt_claims(
    claims: Issuable,
    key: LocalKey,
    *,
    lifetime_s: float | None = _LIFETIME_S,
    footer: bytes = b"",
    implicit: bytes = b"",
    claims_type: type[Any] | None = None,
    allow_legacy: bool = False,
    bytes_max: int = JWT_BYTES_MAX,
) -> str:
    """Encrypt claims under a shared key: arguments and errors of ``sign_claims``, a LocalKey for the SecretKey.

    Returns:
        ASCII ``v4.local.payload`` or ``v4.local.payload.footer``.

    Source: PASETO 01-Payload-Processing; 04-Claims; 05-API-UX.
    """
    if not is_of(key, LocalKey):
        del key
        raise TypeError("encrypt_claims takes a LocalKey; a SecretKey signs: paseto.sign_claims")
    payload = encode_payload(claims_to_issue(claims, claims_type, lifetime_s))
    return bounded(encrypt(payload, key, footer=footer, implicit=implicit, allow_legacy=allow_legacy), bytes_max)


@overload
def decrypt_claims(
    token: str,
    key: LocalKey,
    *,
    policy: ClaimsPolicy = ...,
    footer: bytes | None = ...,
    implicit: bytes = ...,
    claims_type: None = ...,
    bytes_max: int = ...,
) -> Claims: ...


@overload
def decrypt_claims(
    token: str,
    key: LocalKey,
    *,
    policy: ClaimsPolicy = ...,
    footer: bytes | None = ...,
    implicit: bytes = ...,
    claims_type: type[T],
    bytes_max: int = ...,
) -> T: ...


def decrypt_claims(
    token: str,
    key: LocalKey,
    *,
    policy: ClaimsPolicy = _DEFAULT_POLICY,
    footer: bytes | None = None,
    implicit: bytes = b"",
    claims_type: type[T] | None = None,
    bytes_max: int = JWT_BYTES_MAX,
) -> Claims | T:
    """Decrypt a token and return its claims: arguments and errors of ``verify_claims``, a LocalKey for the PublicKey.

    Source: PASETO 01-Payload-Processing; 04-Claims.
    """
    if not is_of(key, LocalKey):
        del key
        raise TypeError("decrypt_claims takes a LocalKey; a PublicKey verifies: paseto.verify_claims")
    _, check = compile_policy(policy)
    _check_length(token, bytes_max)
    return _held(decrypt(token, key, footer=footer, implicit=implicit), policy, check, claims_type)


# --------------------------------------------------------------------------------------------------- shared


def _check_length(token: str, bytes_max: int) -> None:
    given: object = token
    if isinstance(given, str) and len(given) > bytes_max:
        raise TokenTooLarge(f"the token is longer than {bytes_max} bytes")


def _held(opened: OpenedToken, policy: ClaimsPolicy, check: ClaimsCheck, claims_type: type[T] | None) -> Claims | T:
    claims = claims_of_payload(opened.payload)
    check_kind(claims, policy.typ)
    check(claims, time.time())
    return claims if claims_type is None else typed_claims(claims, claims_type)


def check_kind(claims: Claims, typ: str | None) -> None:
    """Refuse another kind of token than the expected one: the claim ``typ`` says it.

    Args:
        claims: of a token that was proven.
        typ: None: the token must have none.

    Raises:
        UnsupportedToken: it is of another kind, or says none.

    Source: RFC 8725 3.11.
    """
    if "typ" not in claims:
        if typ is not None:
            raise UnsupportedToken(f"the token has no claim 'typ', and {typ!r} is expected")
        return
    found = claims["typ"]
    if typ is None or not isinstance(found, str) or not typ_equals(found, typ):
        wanted = f"{typ!r} is expected" if typ else "none is expected: name a kind with ClaimsPolicy(typ=...)"
        raise UnsupportedToken(
            f"the token is of another kind: its claim 'typ' differs, {wanted}",
            typ=found if isinstance(found, str) else None,
        )
