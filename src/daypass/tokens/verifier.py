"""Verifier: access tokens, on every call of an API. Enters: a token of a stranger. Leaves: claims that hold.

Built once, where a wrong set-up fails; ``verify`` is a compiled function (see jose.jwt_verifier). Where the keys can
change, a thin layer around it follows their epoch, and looks again when a token names an unknown key.
Source: RFC 7519 7.2; RFC 9068 4; RFC 8725 3.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

from daypass.claims import Claims, ClaimsPolicy, compile_policy
from daypass.errors import ConfigurationError, TokenError, UnknownKey
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.jwt_verifier import Verify, compile_verifier
from daypass.jose.key_choice import KeyChoice
from daypass.limits import JWT_BYTES_MAX, LEEWAY_S_MAX
from daypass.tokens.cache import VerificationCache
from daypass.tokens.issuer import check_count, check_parties
from daypass.tokens.source import KeySource, StaticKeys, source_of
from daypass.typed_claims import check_claims_type, typed_claims

__all__ = ["Verifier"]

_EPOCH_CHECKED_EVERY_S = 0.1


class Verifier:
    """Verifies tokens of one kind, from one issuer, for one audience.

    Args:
        keys: what to verify with; a KeyRing is followed when it rotates.
        issuer: the exact ``iss``.
        audience: what ``aud`` must be, or hold.
        format: ``jwt``.
        typ: what the header must say; another kind of token is refused even under the same key.
        leeway_s: clock skew that is forgiven, seconds, 0 to LEEWAY_S_MAX.
        claims_type: a dataclass, TypedDict or msgspec Struct to convert the claims to.
        algs: algorithms that are allowed; None: those that the keys name. Needed for keys that name none (Azure's).
        cache_entries: verified tokens to remember; 0: none. Made for asymmetric algorithms.
        bytes_max: the longest token that is looked at.
        clock: epoch seconds.

    Attributes:
        verify: ``verify(token: str) -> claims``, a new dict (or a ``claims_type``). Raises TokenError: refused.

    Raises:
        ConfigurationError: the set-up could never verify anything.

    Source: RFC 9068 4; RFC 8725 3.1, 3.8, 3.9, 3.11.
    """

    __slots__ = ("verify",)
    verify: Callable[[str], Any]

    def __init__(
        self,
        keys: KeySource | JWK | JWKSet | Sequence[JWK],
        *,
        issuer: str,
        audience: str,
        format: Literal["jwt"] = "jwt",  # noqa: A002 - the word of the settings
        typ: str = "at+jwt",
        leeway_s: float = 0,
        claims_type: type[Any] | None = None,
        algs: Collection[str] | None = None,
        cache_entries: int = 0,
        bytes_max: int = JWT_BYTES_MAX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_parties(issuer, audience, typ, format)
        try:
            policy = ClaimsPolicy(issuer=issuer, audience=audience, typ=typ, leeway_s=leeway_s)
        except (TypeError, ValueError):
            raise ConfigurationError(f"typ must be a non-empty str, leeway_s 0 to {LEEWAY_S_MAX} seconds") from None
        check_count("cache_entries", cache_entries, least=0)
        check_count("bytes_max", bytes_max, least=1)
        if claims_type is not None:
            check_claims_type(claims_type)
        # A generator would be empty the second time that a ring turns.
        allowed = tuple(algs) if isinstance(algs, list | set | frozenset) else algs

        def compile_for(keys: JWK | JWKSet | Sequence[JWK]) -> Verify:
            verify = compile_verifier(KeyChoice(keys, allowed), policy, bytes_max=bytes_max, clock=clock)
            return _cached(verify, policy, cache_entries, clock) if cache_entries else verify

        source = source_of(keys)
        verify = compile_for(source.keys) if isinstance(source, StaticKeys) else _following(source, compile_for)
        self.verify = verify if claims_type is None else lambda token: typed_claims(verify(token), claims_type)


def _following(source: KeySource, compile_for: Callable[[Sequence[JWK]], Verify]) -> Verify:
    """Follow a source whose keys change: compile anew with each epoch."""
    epoch = source.epoch
    current = compile_for(source.verification_keys())
    due_s = 0.0

    def follow() -> None:
        nonlocal epoch, current, due_s
        now_epoch = source.epoch
        if now_epoch != epoch:
            current = compile_for(source.verification_keys())
            epoch = now_epoch
        due_s = time.monotonic() + _EPOCH_CHECKED_EVERY_S

    def verify(token: str) -> Claims:
        if time.monotonic() >= due_s:
            follow()
        tried = current  # another thread may follow meanwhile
        try:
            return tried(token)
        except UnknownKey:
            pass
        source.reread()
        follow()
        if current is tried:
            raise UnknownKey("no key of this verifier has the kid of the token")
        return current(token)

    return verify


def _cached(verify: Verify, policy: ClaimsPolicy, entries_max: int, clock: Callable[[], float]) -> Verify:
    """Put a cache before a verifier; claims are held against the policy on every hit."""
    cache = VerificationCache(entries_max)
    fits, check = compile_policy(policy)

    def verify_cached(token: str) -> Claims:
        claims = cache.get(token) if token.__class__ is str else None
        if claims is None:
            claims = verify(token)
            cache.put(token, claims)
            return claims
        now_s = clock()
        try:
            if fits(claims, now_s):
                return claims
        except (LookupError, TypeError):
            pass  # the check says what is wrong, if anything is
        try:
            check(claims, now_s)
        except TokenError:
            cache.drop(token)
            raise
        return claims

    return verify_cached
