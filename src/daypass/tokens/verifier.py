"""Verifier: access tokens, on every call of an API. Enters: a token of a stranger. Leaves: claims that hold.

Built once, where a wrong set-up fails; ``verify`` is a compiled function of the format. Where the keys can change, a
thin layer around it follows their epoch, and looks again when a token names an unknown key.
Source: RFC 7519 7.2; RFC 9068 4; RFC 8725 3; PASETO 02-Implementation-Guide/03-Algorithm-Lucidity.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from daypass.claims import Claims, ClaimsPolicy
from daypass.concealed import Concealed
from daypass.errors import ConfigurationError, KeyFormatError, UnknownKey, WeakKey
from daypass.jose.jwk import JWK
from daypass.limits import JWT_BYTES_MAX, LEEWAY_S_MAX
from daypass.tokens.cache import cached
from daypass.tokens.format import Expected, FormatName, Verify, format_of
from daypass.tokens.issuer import check_count, check_parties
from daypass.tokens.source import KeySource, Layers
from daypass.typed_claims import check_claims_type, typed_claims

if TYPE_CHECKING:
    from daypass.tokens.source import Keys

__all__ = ["Verifier"]

_EPOCH_CHECKED_EVERY_S = 0.1


class Verifier:
    """Verifies tokens of one format and kind, from one issuer, for one audience.

    Args:
        keys: what to verify with, as the format wants it: JWKs, or keys of PASETO; a KeyRing is followed.
        issuer: the exact ``iss``.
        audience: what ``aud`` must be, or hold; of a tuple, one suffices.
        format: ``jwt`` (signed), ``jwe`` (encrypted, symmetric keys), ``nested`` (signed, then encrypted),
            ``paseto-v4-public``, ``paseto-v4-local``, ``paseto-v3-public`` or ``paseto-v3-local``. Another one is
            refused, whatever its key; ``AnyOf`` puts several Verifiers together.
        typ: the kind of token, in the header, or the claim ``typ`` of a PASETO; another one is refused even under the
            same key.
        leeway_s: clock skew that is forgiven, seconds, 0 to LEEWAY_S_MAX.
        decrypt_with: for ``nested``, the keys that decrypt: JWKs, or a source of them.
        claims_type: a dataclass, TypedDict or msgspec Struct to convert the claims to.
        algs: algorithms that are allowed; None: those that the keys name. Needed for JWKs that name none (Azure's).
        cache_entries: verified tokens to remember, with their claims; 0: none. Made for asymmetric algorithms. Twice as
            many entries may be kept for a moment, of at most about 20 KB each, and 3 KB for an access token.
        bytes_max: the longest token that is looked at.
        clock: epoch seconds.

    Attributes:
        verify: ``verify(token: str) -> claims``, a new dict (or a ``claims_type``), times as epoch seconds. Raises
            TokenError: refused.
        format: the one that was named.

    Raises:
        ConfigurationError: the set-up could never verify anything.

    Source: RFC 9068 4; RFC 8725 3.1, 3.8, 3.9, 3.11.
    """

    __slots__ = ("format", "verify")
    verify: Callable[[str], Any]
    format: FormatName

    def __init__(
        self,
        keys: KeySource | Keys,
        *,
        issuer: str,
        audience: str | tuple[str, ...],
        format: FormatName = "jwt",  # noqa: A002 - the word of the settings
        typ: str = "at+jwt",
        leeway_s: float = 0,
        decrypt_with: KeySource | Keys | None = None,
        claims_type: type[Any] | None = None,
        algs: Collection[str] | None = None,
        cache_entries: int = 0,
        bytes_max: int = JWT_BYTES_MAX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        inner, outer = Concealed(keys), Concealed(decrypt_with)
        del keys, decrypt_with  # somebody may have passed a secret: no frame of ours shows it
        row = format_of(format)
        check_parties(issuer, audience, typ)
        try:
            policy = ClaimsPolicy(issuer=issuer, audience=audience, typ=typ, leeway_s=leeway_s)
        except (TypeError, ValueError):
            raise ConfigurationError(f"typ must be a non-empty str, leeway_s 0 to {LEEWAY_S_MAX} seconds") from None
        check_count("cache_entries", cache_entries, least=0)
        check_count("bytes_max", bytes_max, least=1)
        if claims_type is not None:
            check_claims_type(claims_type)
        if algs is not None and not row.has_algs:
            raise ConfigurationError(f"algs would have no effect with {row.name!r}: the version fixes the algorithm")
        # A generator would be empty the second time that a ring turns.
        allowed = tuple(algs) if isinstance(algs, list | set | frozenset) else algs
        expected = Expected(policy=policy, algs=allowed, bytes_max=bytes_max, clock=clock)

        def compile_for(keys: Keys, decryption_keys: Keys | None = None) -> Verify:
            verify = row.verifier(keys, expected, decryption_keys)
            if not cache_entries:
                return verify
            return cached(verify, entries_max=cache_entries, leeway_s=leeway_s, clock=clock)

        layers = Layers(row, inner, outer, word="decrypt_with")
        if layers.can_change:
            if () in layers.accepted_keys():
                raise ConfigurationError(
                    f"none of the keys is for format {row.name!r}: KeyRing.rotate(alg=...) adds one"
                )
            verify = _following(layers, compile_for, is_remembering=cache_entries > 0)
        else:
            verify = compile_for(*layers.accepted_keys())
        self.verify = verify if claims_type is None else lambda token: typed_claims(verify(token), claims_type)
        self.format = row.name


def _compiled(layers: Layers, compile_for: Callable[..., Verify]) -> Verify:
    """Compile the keys of now. One of a source that cannot be used is left out, and does not take the others along."""
    keys, outer = layers.accepted_keys()
    if not isinstance(keys, tuple):
        return compile_for(keys, outer)
    if not keys or outer == ():
        return _refuse
    with suppress(ConfigurationError, KeyFormatError, WeakKey):
        return compile_for(keys, outer)
    usable: dict[object, Any] = {}
    for key in keys:
        with suppress(ConfigurationError, KeyFormatError, WeakKey):
            compile_for((key,), outer)
            usable.setdefault(_name_of(key), key)
    import logging

    logging.getLogger("daypass.tokens").warning(
        "%d of %d keys of the source cannot be used and are left out", len(keys) - len(usable), len(keys)
    )
    with suppress(ConfigurationError, KeyFormatError, WeakKey):
        return compile_for(tuple(usable.values()), outer) if usable else _refuse
    return _refuse


def _name_of(key: Any) -> object:  # noqa: ANN401 - a key of any format
    """What tells two keys apart: for a pair of halves, the same name."""
    if isinstance(key, JWK):
        return key.kty, key.kid
    return (key.public() if hasattr(key, "public") else key).to_bytes()


def _refuse(_token: str) -> Claims:
    """What a Verifier does when the last key of its format has left the source."""
    raise UnknownKey("no key of this verifier is left")


def _following(layers: Layers, compile_for: Callable[..., Verify], *, is_remembering: bool) -> Verify:
    """Follow sources whose keys change: compile anew with each epoch.

    What remembers tokens asks for the epoch with every one: none must outlive its key by a moment. What proves each
    token asks ten times a second: a key that was just retired still proves what it signed.
    """
    source = layers if layers.outer is not None else layers.inner
    epoch = source.epoch
    current = compile_for(*layers.accepted_keys())  # at start, a key that cannot be used is an error
    due_s = 0.0

    def follow() -> None:
        nonlocal epoch, current, due_s
        now_epoch = source.epoch
        if now_epoch != epoch:
            current = _compiled(layers, compile_for)
            epoch = now_epoch
        due_s = time.monotonic() + _EPOCH_CHECKED_EVERY_S

    def verify(token: str) -> Claims:
        if source.epoch != epoch if is_remembering else time.monotonic() >= due_s:
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
