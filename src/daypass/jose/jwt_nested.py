"""A nested JWT: claims that are signed, then encrypted. Enters: claims, or a token. Leaves: a token, or claims.

The signature says who wrote it, the encryption who reads it. There is one order, and one depth: what is inside is a
signed JWT, held against a signature policy of its own.
Source: RFC 7519 5.2, 11.2; RFC 8725 3.3 (every layer must hold), 3.11.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar, overload

from daypass.claims import Claims, ClaimsPolicy, typ_equals
from daypass.errors import MalformedToken, UnsupportedToken
from daypass.issued_claims import too_long
from daypass.jose.jwe_compact import compile_decrypter
from daypass.jose.jwe_header import Allowed, JWEHeader, allow
from daypass.jose.jwk import JWK
from daypass.jose.jwt_encrypted import check_replicated, jwt_encrypter
from daypass.jose.jwt_signed import sign
from daypass.jose.jwt_verifier import Verify, compile_verifier
from daypass.jose.key_choice import DecryptionChoice, KeyChoice, Keys, choice_of, decryption_choice_of, remember
from daypass.limits import JWT_BYTES_MAX
from daypass.typed_claims import Issuable, typed_claims

__all__ = ["compile_nested_verifier", "decrypt_then_verify", "sign_then_encrypt"]

T = TypeVar("T")
_DEFAULT_POLICY: Final = ClaimsPolicy()


def sign_then_encrypt(
    claims: Issuable,
    signing_key: JWK,
    encryption_key: JWK,
    *,
    enc: str | None = None,
    alg: str | None = None,
    lifetime_s: float | None = 900,
    header: Mapping[str, Any] | None = None,
    claims_type: type[Any] | None = None,
    bytes_max: int = JWT_BYTES_MAX,
) -> str:
    """Sign claims, then encrypt them for the holder of a key.

    Args:
        claims: JSON values; an ``exp`` of yours stays, otherwise ``iat`` and ``exp`` are added.
        signing_key: private or symmetric, with an ``alg``.
        encryption_key: public or symmetric.
        enc: content encryption; None: the one that the key names, or A256GCM.
        alg: key management; None: the one that the key names.
        lifetime_s: seconds until ``exp``; None: no ``exp``, which a verifier accepts only with ``required=()``.
        header: further parameters of the signed header; ``typ`` is ``JWT`` unless named. Outside stands ``cty: JWT``.
        claims_type: a dataclass, TypedDict or msgspec Struct that the claims fit; they may be an instance of it.
        bytes_max: the longest token; a verifier must allow as much.

    Returns:
        ASCII, a compact JWE that holds a compact JWS.

    Raises:
        TypeError: a claim is nothing that JSON can say exactly.
        ValueError: what a verifier would refuse: a wrong type, a key for something else, a token that is too long.

    Source: RFC 7519 5.2, 7.1.
    """
    seal = jwt_encrypter(encryption_key, enc, alg, None, nested=True)
    inner = sign(
        claims, signing_key, lifetime_s=lifetime_s, header=header, claims_type=claims_type, bytes_max=bytes_max
    )
    token = seal(inner.encode("ascii"))
    if len(token) > bytes_max:
        raise too_long(token, bytes_max)
    return token


@overload
def decrypt_then_verify(
    token: str,
    decryption_keys: Keys,
    verification_keys: Keys,
    *,
    policy: ClaimsPolicy = ...,
    algs: Collection[str] | None = ...,
    decryption_algs: Collection[str] | None = ...,
    encs: Collection[str] | None = ...,
    claims_type: None = ...,
    allow_zip: bool = ...,
    allow_pbes2: bool = ...,
    allow_rsa1_5: bool = ...,
    bytes_max: int = ...,
) -> Claims: ...


@overload
def decrypt_then_verify(
    token: str,
    decryption_keys: Keys,
    verification_keys: Keys,
    *,
    policy: ClaimsPolicy = ...,
    algs: Collection[str] | None = ...,
    decryption_algs: Collection[str] | None = ...,
    encs: Collection[str] | None = ...,
    claims_type: type[T],
    allow_zip: bool = ...,
    allow_pbes2: bool = ...,
    allow_rsa1_5: bool = ...,
    bytes_max: int = ...,
) -> T: ...


def decrypt_then_verify(
    token: str,
    decryption_keys: Keys,
    verification_keys: Keys,
    *,
    policy: ClaimsPolicy = _DEFAULT_POLICY,
    algs: Collection[str] | None = None,
    decryption_algs: Collection[str] | None = None,
    encs: Collection[str] | None = None,
    claims_type: type[T] | None = None,
    allow_zip: bool = False,
    allow_pbes2: bool = False,
    allow_rsa1_5: bool = False,
    bytes_max: int = JWT_BYTES_MAX,
) -> Claims | T:
    """Decrypt a nested JWT, verify the signature inside, and return the claims.

    Args:
        token: ASCII, a compact JWE of at most ``bytes_max`` with ``cty: JWT``.
        decryption_keys: one JWK, a JWKSet or a sequence of JWK, private or symmetric.
        verification_keys: one JWK, a JWKSet or a sequence of JWK.
        policy: what the claims must satisfy, and the ``typ`` of the signed header.
        algs: signature algorithms that are allowed; None: those that the keys name.
        decryption_algs: key management that is allowed; None: that which the keys name.
        encs: content encryption that is allowed; None: all of RFC 7518.
        claims_type: a dataclass, TypedDict or msgspec Struct to convert the claims to.
        allow_zip: take compressed tokens: their length tells of their content (CRIME).
        allow_pbes2: take tokens that are encrypted to a password: each costs up to PBES2_COUNT_MAX iterations.
        allow_rsa1_5: take RSAES-PKCS1-v1_5, on which padding oracles are built.
        bytes_max: the longest token that is looked at.

    Returns:
        The claims, a new dict (or a ``claims_type``).

    Raises:
        TokenError: either layer was refused; the subclasses say why.
        TypeError, ValueError: the words could never verify anything.

    Source: RFC 7519 7.2; RFC 8725 3.3.
    """
    flags = (bool(allow_zip), bool(allow_pbes2), bool(allow_rsa1_5))
    name = ("nested", verification_keys, policy, algs, decryption_algs, encs, flags, bytes_max)
    try:
        verify: Verify = decryption_keys.prepared[name]  # type: ignore[union-attr]  # or the next line
    except (AttributeError, KeyError, TypeError):
        verify = compile_nested_verifier(
            decryption_choice_of(decryption_keys, decryption_algs),
            choice_of(verification_keys, algs),
            allow(encs, zip=allow_zip, pbes2=allow_pbes2, rsa1_5=allow_rsa1_5),
            policy,
            bytes_max=bytes_max,
        )
        remember(decryption_keys, name, verify)
    claims = verify(token)
    return claims if claims_type is None else typed_claims(claims, claims_type)


def compile_nested_verifier(
    decryption: DecryptionChoice,
    verification: KeyChoice,
    allowed: Allowed,
    policy: ClaimsPolicy,
    *,
    bytes_max: int = JWT_BYTES_MAX,
    clock: Callable[[], float] = time.time,
) -> Verify:
    """Compile keys and policy into the function from a nested token to its claims.

    Args:
        decryption: the keys of the outer layer.
        verification: the keys of the inner one.
        allowed: which exceptions the caller makes.
        policy: what the claims must satisfy.
        bytes_max: the longest token that is looked at.
        clock: epoch seconds.

    Source: RFC 7519 7.2; RFC 8725 3.3.
    """
    open_token = compile_decrypter(decryption, allowed, bytes_max=bytes_max, check_header=_check_outer)
    verify_inner = compile_verifier(verification, policy, bytes_max=bytes_max, clock=clock)

    def verify(token: str) -> Claims:
        plaintext, header, _ = open_token(token)
        if not plaintext.isascii():
            raise MalformedToken("what the token holds is no compact JWS")
        claims = verify_inner(plaintext.decode("ascii"))
        check_replicated(header, claims)
        return claims

    return verify


def _check_outer(header: JWEHeader) -> None:
    """The outer header says that a JWT is inside; its own typ, if any, says no more. Source: RFC 7519 5.1, 5.2."""
    if header.cty is None or not typ_equals(header.cty, "JWT"):
        raise UnsupportedToken("the token is not nested: cty JWT is expected; jwt.decrypt takes others", kind="jwe")
    if header.typ is not None and not typ_equals(header.typ, "JWT"):
        raise UnsupportedToken(
            "the token is of another kind: its typ differs, none or 'JWT' is expected", typ=header.typ
        )
