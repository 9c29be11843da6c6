"""JWT: claims, signed. Enters: claims, or a token of a stranger. Leaves: a token, or claims that hold.

``compile_verifier`` makes one function per (keys, policy), with two roads through it. The straight road is for the
common token under a header that has verified before; whatever does not fit falls through, without a word, to the
complete road, which makes every check in the documented order (size, shape, header, key, signature, claims) and
returns or raises. The straight road does nothing that the complete one does not do, it only does it faster.
Source: RFC 7519 7; RFC 8725.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar, overload

import msgspec

from daypass.claims import Claims, ClaimsPolicy, compile_policy, encode_claims
from daypass.encoding import b64url_decode, decode_object, encode_json, parse_object
from daypass.errors import ClaimError, ConfigurationError, InvalidSignature, MalformedToken, UnsupportedToken
from daypass.jose.header import JWSHeader, parse_header, typ_equals
from daypass.jose.jwa.signature import Holds, Seal
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.jws_compact import demand_key, signing_header, split_compact
from daypass.jose.key_choice import KeyChoice, Keys, choice_of
from daypass.limits import HEADERS_REMEMBERED_MAX, JWT_BYTES_MAX

__all__ = ["sign", "verify"]

Verify = Callable[[str], Claims]
"""From a token to its claims."""

T = TypeVar("T")
_DEFAULT_POLICY: Final = ClaimsPolicy()


# ------------------------------------------------------------------------------------------------------ sign


def sign(
    claims: Mapping[str, Any],
    key: JWK,
    *,
    lifetime_s: float | None = 900,
    header: Mapping[str, Any] | None = None,
    bytes_max: int = JWT_BYTES_MAX,
) -> str:
    """Sign claims.

    Args:
        claims: JSON values; an ``exp`` of yours stays, otherwise ``iat`` and ``exp`` are added.
        key: private or symmetric, with an ``alg``.
        lifetime_s: seconds until ``exp``; None: no ``exp``, which a verifier accepts only with ``required=()``.
        header: further header parameters; ``typ`` is ``JWT`` unless named, ``alg`` and ``kid`` come from the key.
        bytes_max: the longest token; a verifier must allow as much.

    Returns:
        ASCII, a compact JWS.

    Raises:
        TypeError: a claim is nothing that JSON can say exactly (convert a datetime to epoch seconds).
        ValueError: what a verifier would refuse: a wrong type, a key that cannot sign, a token that is too long.

    Source: RFC 7519 7.1; RFC 7515 5.1.
    """
    try:
        seal: Seal = key.prepared["jwt"] if header is None else _sealer(key, header)
    except (KeyError, AttributeError):
        demand_key(key)
        seal = _sealer(key, header)
    if "exp" not in claims and lifetime_s is not None:
        claims = _with_lifetime(claims, lifetime_s)
    token = seal(encode_claims(claims))
    if len(token) > bytes_max:
        raise ValueError(f"the token would have {len(token)} bytes, more than the {bytes_max} of bytes_max")
    return token


def _sealer(key: JWK, header: Mapping[str, Any] | None) -> Seal:
    """What signs under a header; the key remembers it for the plain one. Source: RFC 7519 5.1."""
    if header is not None and "b64" in header:
        raise ConfigurationError("a JWT has no b64 header parameter")  # RFC 7797 7
    entry, segment = key.signing_algorithm(), signing_header(key, header, typ="JWT")
    try:
        parsed = parse_header(segment)
        check_jwt_header(parsed, parsed.typ)
    except (MalformedToken, UnsupportedToken) as refused:
        raise ConfigurationError(f"no verifier of a JWT would take this header: {refused.hint}") from None
    seal = key.prepared_signer(entry)(segment + b".")
    return seal if header is not None else key.prepared.once("jwt", lambda: seal)


def _with_lifetime(claims: Mapping[str, Any], lifetime_s: float) -> dict[str, Any]:
    if isinstance(lifetime_s, bool) or not isinstance(lifetime_s, int | float):
        raise TypeError("lifetime_s is a number of seconds, or None")
    if not 0 < lifetime_s < float("inf"):
        raise ValueError("lifetime_s must be a positive number of seconds")
    now_s = time.time()
    exp = int(now_s) + int(lifetime_s) if lifetime_s >= 1 else now_s + lifetime_s  # never born expired
    return {"iat": int(now_s), **claims, "exp": exp}


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
    """Compile, and let the key or set remember; a sequence, or algs that are no tuple, are compiled each time."""
    if isinstance(keys, JWK | JWKSet) and (algs is None or isinstance(algs, tuple)):
        choice = choice_of(keys, algs)
        verify = compile_verifier(choice, policy, bytes_max=bytes_max)
        return keys.prepared.once((policy, algs, bytes_max), lambda: verify)  # type: ignore[no-any-return]
    return compile_verifier(choice_of(keys, algs), policy, bytes_max=bytes_max)


def typed_claims(claims: Claims, claims_type: type[T]) -> T:
    """Convert verified claims to a declared type. Raises ClaimError where they do not have it. Source: RFC 7519 4."""
    try:
        return msgspec.convert(claims, claims_type)
    except msgspec.ValidationError as error:
        # The message of msgspec may repeat a value; of the place only the name of the claim is taken.
        place = str(error).rpartition(" - at `$.")[2].split("`")[0].split(".")[0].split("[")[0]
    raise ClaimError(place if place in claims else "claims", "type", f"the claims are no {claims_type.__name__}")


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
        head, payload, signature = split_compact(token, bytes_max)
        raw, _ = b64url_decode(payload), b64url_decode(signature)
        header = parse_header(head)
        check_jwt_header(header, policy.typ)
        key, entry = choice.choose(header)
        holds = key.prepared_verifier(entry)(head + b".")
        if not holds(payload, signature):
            raise InvalidSignature
        if len(admitted) >= HEADERS_REMEMBERED_MAX:
            admitted.clear()
        admitted[head] = holds
        claims = parse_object(raw)
        check(claims, clock())
        return claims

    return verify


def check_jwt_header(header: JWSHeader, typ: str | None) -> None:
    """Refuse another kind of token than the expected one. Source: RFC 8725 3.11; RFC 7519 5; RFC 7797 7."""
    if header.typ is None and typ is not None:
        raise UnsupportedToken(f"the token has no typ, and {typ!r} is expected")
    if header.typ is not None and not typ_equals(header.typ, typ or "JWT"):
        wanted = (
            f"{typ!r} is expected" if typ else "none or 'JWT' is expected: name another kind with ClaimsPolicy(typ=...)"
        )
        raise UnsupportedToken(f"the token is of another kind: its typ differs, {wanted}", typ=header.typ)
    if header.cty is not None and typ_equals(header.cty, "JWT"):
        raise UnsupportedToken("the token holds another token (cty JWT): it is no plain signed JWT", kind="nested")
