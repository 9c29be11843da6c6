"""A signed JWT: claims, signed. Enters: claims, or a token of a stranger. Leaves: a token, or claims that hold.

Source: RFC 7519 7; RFC 8725.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeVar, overload

from daypass.claims import Claims, ClaimsPolicy, encode_claims
from daypass.errors import ConfigurationError, MalformedToken, UnsupportedToken
from daypass.issued_claims import claims_to_issue, too_long, with_lifetime
from daypass.jose.header import parse_header
from daypass.jose.jwa.signature import Seal
from daypass.jose.jwk import JWK
from daypass.jose.jws_compact import demand_key, signing_header
from daypass.jose.jwt_verifier import Verify, check_jwt_header, compile_verifier
from daypass.jose.key_choice import Keys, choice_of, remember
from daypass.jose.key_use import prepared_signer, signing_algorithm
from daypass.limits import JWT_BYTES_MAX
from daypass.typed_claims import Issuable, typed_claims

__all__ = ["sign", "verify"]

T = TypeVar("T")
_DEFAULT_POLICY: Final = ClaimsPolicy()


# ------------------------------------------------------------------------------------------------------ sign


def sign(
    claims: Issuable,
    key: JWK,
    *,
    lifetime_s: float | None = 900,
    header: Mapping[str, Any] | None = None,
    claims_type: type[Any] | None = None,
    bytes_max: int = JWT_BYTES_MAX,
) -> str:
    """Sign claims.

    Args:
        claims: JSON values; an ``exp`` of yours stays, otherwise ``iat`` and ``exp`` are added.
        key: private or symmetric, with an ``alg``.
        lifetime_s: seconds until ``exp``; None: no ``exp``, which a verifier accepts only with ``required=()``.
        header: further header parameters; ``typ`` is ``JWT`` unless named, ``alg`` and ``kid`` come from the key.
        claims_type: a dataclass, TypedDict or msgspec Struct that the claims fit; they may be an instance of it.
        bytes_max: the longest token; a verifier must allow as much.

    Returns:
        ASCII, a compact JWS.

    Raises:
        TypeError: a claim is nothing that JSON can say exactly (convert a datetime to epoch seconds).
        ValueError: what a verifier would refuse: a wrong type, a key that cannot sign, a token that is too long.

    Source: RFC 7519 7.1; RFC 7515 5.1.
    """
    try:
        seal: Seal = key.prepared[claims_type if header is None else False]  # under None: for the plain header
        if "exp" not in claims and lifetime_s is not None:  # type: ignore[operator]  # no mapping: the road below
            claims = with_lifetime(claims, lifetime_s)  # type: ignore[arg-type]
    except (KeyError, AttributeError, TypeError):
        demand_key(key)
        seal = _sealer(key, header)
        claims = claims_to_issue(claims, claims_type, lifetime_s)
    token = seal(encode_claims(claims))  # type: ignore[arg-type]
    if len(token) > bytes_max:
        raise too_long(token, bytes_max)
    return token


def _sealer(key: JWK, header: Mapping[str, Any] | None) -> Seal:
    """What signs under a header; the key remembers it for the plain one. Source: RFC 7519 5.1."""
    if header is None:
        known: Seal | None = key.prepared.get(None)  # asked once: another thread may clear it meanwhile
        if known is not None:
            return known
    if header is not None and "b64" in header:
        raise ConfigurationError("a JWT has no b64 header parameter")  # RFC 7797 7
    entry, segment = signing_algorithm(key), signing_header(key, header, typ="JWT")
    try:
        parsed = parse_header(segment)
        check_jwt_header(parsed, parsed.typ)
    except (MalformedToken, UnsupportedToken) as refused:
        raise ConfigurationError(f"no verifier of a JWT would take this header: {refused.hint}") from None
    seal = prepared_signer(key, entry)(segment + b".")
    return seal if header is not None else key.prepared.once(None, lambda: seal)


# ---------------------------------------------------------------------------------------------------- verify


@overload
def verify(
    token: str,
    keys: Keys,
    *,
    policy: ClaimsPolicy = ...,
    algs: Collection[str] | None = ...,
    claims_type: None = ...,
    bytes_max: int = ...,
) -> Claims: ...


@overload
def verify(
    token: str,
    keys: Keys,
    *,
    policy: ClaimsPolicy = ...,
    algs: Collection[str] | None = ...,
    claims_type: type[T],
    bytes_max: int = ...,
) -> T: ...


def verify(
    token: str,
    keys: Keys,
    *,
    policy: ClaimsPolicy = _DEFAULT_POLICY,
    algs: Collection[str] | None = None,
    claims_type: type[T] | None = None,
    bytes_max: int = JWT_BYTES_MAX,
) -> Claims | T:
    """Verify a signed JWT and return its claims.

    Args:
        token: ASCII, a compact JWS of at most ``bytes_max``.
        keys: one JWK, a JWKSet or a sequence of JWK.
        policy: what the claims must satisfy; by default an ``exp`` to come, and no ``aud``.
        algs: algorithms that are allowed; None: those that the keys name.
        claims_type: a dataclass, TypedDict or msgspec Struct to convert the claims to.
        bytes_max: the longest token that is looked at.

    Returns:
        The claims, a new dict (or a ``claims_type``).

    Raises:
        TokenError: the token was refused; its subclasses say why.
        TypeError, ValueError: ``algs``, ``keys`` or ``policy`` could never verify anything.

    Source: RFC 7519 7.2; RFC 8725 3.
    """
    try:
        compiled = keys.prepared[policy, algs, bytes_max]  # type: ignore[union-attr]  # or the next line
    except (AttributeError, KeyError, TypeError):
        compiled = _compiled(keys, policy, algs, bytes_max)
    claims = compiled(token)
    return claims if claims_type is None else typed_claims(claims, claims_type)


def _compiled(keys: Keys, policy: ClaimsPolicy, algs: Collection[str] | None, bytes_max: int) -> Verify:
    verify = compile_verifier(choice_of(keys, algs), policy, bytes_max=bytes_max)
    remember(keys, (policy, algs, bytes_max), verify)
    return verify
