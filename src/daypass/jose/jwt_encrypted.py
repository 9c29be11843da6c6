"""An encrypted JWT: claims that the holder of a key reads. Enters: claims, or a token. Leaves: a token, or claims.

Whoever has a public key can write such a token for its holder: encryption says nothing of who wrote it. So only
symmetric keys are taken for claims to believe in, unless the caller says otherwise; a nested JWT is the better answer.
Source: RFC 7519 5.2, 5.3, 7; RFC 8725 3.2, 3.11.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar, overload

from daypass.claims import Claims, ClaimsPolicy, compile_policy, encode_claims, typ_equals
from daypass.encoding import parse_object
from daypass.errors import ClaimError, ConfigurationError
from daypass.issued_claims import claims_to_issue, too_long
from daypass.jose.header import demand_header
from daypass.jose.jwe_compact import compile_decrypter, compile_encrypter
from daypass.jose.jwe_header import Allowed, JWEHeader, allow
from daypass.jose.jwe_sender import demand_recipient
from daypass.jose.jwk import JWK
from daypass.jose.jwt_verifier import Verify, check_jwt_header
from daypass.jose.key_choice import DecryptionChoice, Keys, decryption_choice_of, remember
from daypass.jose.key_use import enc_of
from daypass.limits import JWT_BYTES_MAX
from daypass.typed_claims import Issuable, typed_claims

__all__ = ["decrypt", "encrypt"]

T = TypeVar("T")
_DEFAULT_POLICY: Final = ClaimsPolicy()
_REPLICATED: Final = ("iss", "sub", "aud")


# --------------------------------------------------------------------------------------------------- encrypt


def encrypt(
    claims: Issuable,
    key: JWK,
    *,
    enc: str | None = None,
    alg: str | None = None,
    lifetime_s: float | None = 900,
    header: Mapping[str, Any] | None = None,
    claims_type: type[Any] | None = None,
    bytes_max: int = JWT_BYTES_MAX,
) -> str:
    """Encrypt claims for the holder of a key.

    Args:
        claims: JSON values; an ``exp`` of yours stays, otherwise ``iat`` and ``exp`` are added.
        key: symmetric, or public: then its holder cannot know who wrote the token (see ``sign_then_encrypt``).
        enc: content encryption; None: the one that the key names, or A256GCM.
        alg: key management; None: the one that the key names.
        lifetime_s: seconds until ``exp``; None: no ``exp``, which a reader accepts only with ``required=()``.
        header: further protected parameters; ``typ`` is ``JWT`` unless named.
        claims_type: a dataclass, TypedDict or msgspec Struct that the claims fit; they may be an instance of it.
        bytes_max: the longest token; a reader must allow as much.

    Returns:
        ASCII, a compact JWE.

    Raises:
        TypeError: a claim is nothing that JSON can say exactly.
        ValueError: what a reader would refuse: a wrong type, a key for something else, a token that is too long.

    Source: RFC 7519 7.1; RFC 7516 5.1.
    """
    seal = jwt_encrypter(key, enc, alg, header)
    ready = claims_to_issue(claims, claims_type, lifetime_s)
    for name in _REPLICATED:
        if header is not None and name in header and header[name] != ready.get(name):
            raise ConfigurationError(f"{name!r} in the header must be the one of the claims")
    token = seal(encode_claims(ready))
    if len(token) > bytes_max:
        raise too_long(token, bytes_max)
    return token


def jwt_encrypter(
    key: JWK, enc: str | None, alg: str | None, header: Mapping[str, Any] | None, *, nested: bool = False
) -> Callable[[bytes], str]:
    """What encrypts a JWT for a key; the key remembers it for the plain header. Source: RFC 7519 5.1, 5.2."""
    own = enc_of(demand_recipient(key))
    row = enc or own or "A256GCM"
    kind = {"cty": "JWT"} if nested else {"typ": "JWT"}
    if header is not None:
        own_header = demand_header(header)
        if not nested and typ_equals(str(own_header.get("cty", "")), "JWT"):
            raise ConfigurationError("cty JWT says that the token holds another one: jwt.sign_then_encrypt makes it")
        return compile_encrypter(key, row, alg, {**kind, **own_header})
    name = ("jwt", row, alg, nested)
    return key.prepared.once(name, lambda: compile_encrypter(key, row, alg, kind))  # type: ignore[no-any-return]


# --------------------------------------------------------------------------------------------------- decrypt


@overload
def decrypt(
    token: str,
    keys: Keys,
    *,
    policy: ClaimsPolicy = ...,
    algs: Collection[str] | None = ...,
    encs: Collection[str] | None = ...,
    claims_type: None = ...,
    allow_unknown_sender: bool = ...,
    allow_zip: bool = ...,
    allow_pbes2: bool = ...,
    allow_rsa1_5: bool = ...,
    bytes_max: int = ...,
) -> Claims: ...


@overload
def decrypt(
    token: str,
    keys: Keys,
    *,
    policy: ClaimsPolicy = ...,
    algs: Collection[str] | None = ...,
    encs: Collection[str] | None = ...,
    claims_type: type[T],
    allow_unknown_sender: bool = ...,
    allow_zip: bool = ...,
    allow_pbes2: bool = ...,
    allow_rsa1_5: bool = ...,
    bytes_max: int = ...,
) -> T: ...


def decrypt(
    token: str,
    keys: Keys,
    *,
    policy: ClaimsPolicy = _DEFAULT_POLICY,
    algs: Collection[str] | None = None,
    encs: Collection[str] | None = None,
    claims_type: type[T] | None = None,
    allow_unknown_sender: bool = False,
    allow_zip: bool = False,
    allow_pbes2: bool = False,
    allow_rsa1_5: bool = False,
    bytes_max: int = JWT_BYTES_MAX,
) -> Claims | T:
    """Decrypt a JWT and return its claims.

    Args:
        token: ASCII, a compact JWE of at most ``bytes_max``.
        keys: one JWK, a JWKSet or a sequence of JWK, private or symmetric.
        policy: what the claims must satisfy; by default an ``exp`` to come, and no ``aud``.
        algs: key management that is allowed; None: that which the keys name.
        encs: content encryption that is allowed; None: all of RFC 7518.
        claims_type: a dataclass, TypedDict or msgspec Struct to convert the claims to.
        allow_unknown_sender: take tokens for a private key: everybody who has its public half can write one, with any
            claims. Without it such a key is a ValueError; ``jwt.decrypt_then_verify`` asks for a signature inside.
        allow_zip: take compressed claims: their length tells of their content (CRIME).
        allow_pbes2: take tokens that are encrypted to a password: each costs up to PBES2_COUNT_MAX iterations.
        allow_rsa1_5: take RSAES-PKCS1-v1_5, on which padding oracles are built.
        bytes_max: the longest token that is looked at.

    Returns:
        The claims, a new dict (or a ``claims_type``).

    Raises:
        TokenError: the token was refused; its subclasses say why, DecryptionFailed does not.
        TypeError, ValueError: the words could never decrypt anything, or a key needs ``allow_unknown_sender``.

    Source: RFC 7519 7.2; RFC 8725 3.
    """
    flags = (bool(allow_unknown_sender), bool(allow_zip), bool(allow_pbes2), bool(allow_rsa1_5))
    name = (policy, algs, encs, flags, bytes_max)
    try:
        compiled: Verify = keys.prepared[name]  # type: ignore[union-attr]  # or the next line
    except (AttributeError, KeyError, TypeError):
        allowed = allow(encs, zip=allow_zip, pbes2=allow_pbes2, rsa1_5=allow_rsa1_5)
        choice = decryption_choice_of(keys, algs)
        if not allow_unknown_sender:
            demand_known_sender(choice)
        compiled = compile_claims_decrypter(choice, allowed, policy, bytes_max=bytes_max)
        remember(keys, name, compiled)
    claims = compiled(token)
    return claims if claims_type is None else typed_claims(claims, claims_type)


def demand_known_sender(choice: DecryptionChoice) -> None:
    """Refuse private keys where claims are to be believed. Raises ConfigurationError. Source: RFC 8725 3.2, 3.10."""
    if any(key.kty != "oct" for key in choice.keys):
        raise ConfigurationError(
            "whoever has the public half of this key can write such a token, with any claims: sign inside"
            " (jwt.decrypt_then_verify), or say allow_unknown_sender=True where the claims need no trust"
        )


def compile_claims_decrypter(
    choice: DecryptionChoice,
    allowed: Allowed,
    policy: ClaimsPolicy,
    *,
    bytes_max: int = JWT_BYTES_MAX,
    clock: Callable[[], float] = time.time,
) -> Verify:
    """Compile keys and policy into the function from an encrypted token to its claims.

    Args:
        choice: the keys; they do not change, a new set is compiled anew.
        allowed: which exceptions the caller makes.
        policy: what the claims must satisfy.
        bytes_max: the longest token that is looked at.
        clock: epoch seconds.

    Source: RFC 7519 7.2.
    """

    def check_kind(header: JWEHeader) -> None:
        check_jwt_header(header, policy.typ)

    open_token = compile_decrypter(choice, allowed, bytes_max=bytes_max, check_header=check_kind)
    _, check = compile_policy(policy)

    def verify(token: str) -> Claims:
        plaintext, header, _ = open_token(token)
        claims = parse_object(plaintext)
        check(claims, clock())
        check_replicated(header, claims)
        return claims

    return verify


def check_replicated(header: JWEHeader, claims: Claims) -> None:
    """Claims that the header repeats must be those of the token. Raises ClaimError. Source: RFC 7519 5.3."""
    for name in _REPLICATED:
        if name in header.members and header.members[name] != claims.get(name):
            raise ClaimError(name, "mismatch", f"the header repeats claim {name!r} with another value")
