"""The reference token, ``dpa1.<256 random bits>.<checksum>``, and what it stands for.

Enters: claims, or a text. Leaves: the other.

The text says nothing. A store keeps the claims under its SHA-256, so whoever reads the store has no token; and it keeps
them sealed (PASETO v4.local) under a key derived from a ring secret, with that SHA-256 as implicit assertion: whoever
writes to the store can end a session, but make none, change none, and move none under another token. The checksum keeps
mistyped and made-up texts from the store, and lets scanners know a leaked token for what it is; it proves nothing.

Source: DESIGN.md 5 (reference tokens); RFC 9068 2.2 (the claims); PASETO 01-Protocol-Versions/Version4.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast, final

from daypass.claims import Claims, ClaimsPolicy, compile_policy, encode_claims
from daypass.concealed import Concealed
from daypass.encoding import b64url_encode, parse_object
from daypass.errors import (
    ConfigurationError,
    DecryptionFailed,
    MalformedToken,
    TokenTooLarge,
    UnknownKey,
    UnknownSession,
)
from daypass.keyring.ring import KeyRing
from daypass.limits import JWT_BYTES_MAX, LEEWAY_S_MAX, REFERENCE_BYTES_MAX
from daypass.paseto import v4
from daypass.paseto.claims_token import check_kind
from daypass.paseto.keys import LocalKey
from daypass.paseto.message import opener_of, sealer_of
from daypass.paseto.token_text import decode_footer, join_token, split_token
from daypass.stores.protocol import ReferenceStore

__all__ = ["PREFIX", "References", "digest_of", "keeps_references", "new_reference"]

PREFIX: Final = "dpa1."
PURPOSE: Final = "daypass reference v1"
TYP: Final = "at+jwt"
UNKNOWN: Final = "nothing is kept for this reference token (any more): it expired, its session ended, or there was none"
_RANDOM_BYTES: Final = 32
_CHECKSUM_BYTES: Final = 6
# The last character of the random part carries unused bits, which are zero: one token has one spelling.
_SHAPE: Final = re.compile(r"(dpa1\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])\.([A-Za-z0-9_-]{8})", re.ASCII)
_KID: Final = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_KEYS_REMEMBERED_MAX: Final = 64


def new_reference() -> str:
    """Draw a reference token."""
    body = PREFIX + b64url_encode(os.urandom(_RANDOM_BYTES))
    return f"{body}.{_checksum(body)}"


def digest_of(token: object) -> bytes:
    """Hash a reference token as stores know it: it is random, so that needs no salt.

    Args:
        token: of a stranger: anything.

    Raises:
        TokenTooLarge: longer than any token.
        MalformedToken: no reference token, or its checksum is another.
    """
    if not isinstance(token, str):
        del token  # a secret as bytes, perhaps: no frame of ours shows it
        raise MalformedToken("a token is a str")
    if len(token) > JWT_BYTES_MAX:
        del token
        raise TokenTooLarge(f"the token is longer than {JWT_BYTES_MAX} bytes")
    match = _SHAPE.fullmatch(token)
    if match is None or _checksum(match[1]) != match[2]:
        del token, match
        raise MalformedToken("not a reference token: expected dpa1.<43 characters>.<its checksum>")
    return hashlib.sha256(token.encode("ascii")).digest()


def keeps_references(store: object) -> ReferenceStore:
    """Demand a store that keeps what reference tokens stand for.

    Raises:
        ConfigurationError: it does not.
    """
    if not all(hasattr(store, name) for name in ("put_reference", "get_reference", "drop_reference")):
        raise ConfigurationError(f"a {type(store).__name__} keeps no reference tokens: it has no put_reference")
    return cast("ReferenceStore", store)


def _checksum(body: str) -> str:
    return b64url_encode(hashlib.sha256(body.encode("ascii")).digest()[:_CHECKSUM_BYTES])


@final
class References:
    """Issues and verifies reference tokens: what Issuer and Verifier are for the tokens that say everything themselves.

    Args:
        ring: its secrets seal what is kept.
        store: keeps it.
        issuer: ``iss``.
        audience: ``aud``.
        leeway_s: how far the clocks of services may be apart, in seconds.
        clock: epoch seconds.

    Raises:
        ConfigurationError: parties that no token could have.
    """

    __slots__ = ("_check", "_clock", "_fits", "_keys", "_parties", "_policy", "_ring", "_store")

    def __init__(
        self,
        ring: KeyRing,
        store: ReferenceStore,
        *,
        issuer: str,
        audience: str,
        leeway_s: float,
        clock: Callable[[], float],
    ) -> None:
        try:
            self._policy = ClaimsPolicy(issuer=issuer, audience=audience, typ=TYP, leeway_s=leeway_s)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"issuer and audience are non-empty texts: {error}") from None
        self._fits, self._check = compile_policy(self._policy)
        self._parties = {"iss": issuer, "aud": audience}
        self._ring = ring
        self._store = store
        self._clock = clock
        self._keys: dict[bytes, LocalKey] = {}

    # ------------------------------------------------------------------------------------------------ issue

    def issue(self, claims: Mapping[str, Any], expires_at: int) -> str:
        """Issue a token; what it stands for is kept before anybody has it.

        Args:
            claims: without those that every token has: ``iss aud iat exp jti typ``.
            expires_at: epoch seconds.

        Raises:
            TypeError: a claim is nothing that JSON can say.
            ValueError: it would be born expired, or be more than REFERENCE_BYTES_MAX bytes once it is sealed.
            StoreUnavailable: it was not kept; there is no token.
        """
        token = new_reference()
        # As long as any verifier's clock may take it: then the refusal says "expired".
        self.keep(digest_of(token), claims, expires_at=expires_at, until=expires_at + LEEWAY_S_MAX)
        return token

    def keep(self, digest: bytes, claims: Mapping[str, Any], *, expires_at: int, until: int) -> None:
        """Seal claims and keep them.

        Args:
            digest: of their token.
            claims: see ``issue``.
            expires_at: epoch seconds.
            until: how long the store keeps them, epoch seconds.
        """
        iat = int(self._clock())
        if expires_at <= iat:
            raise ValueError("the token would be born expired: see expires_at")
        own = {**self._parties, "iat": iat, "exp": expires_at, "jti": os.urandom(16).hex(), "typ": TYP}
        if not own.keys().isdisjoint(claims):
            raise ValueError(f"{', '.join(own)} are set here: leave them out of the claims")
        sealed = self._seal(encode_claims({**own, **claims}), digest)
        if len(sealed) > REFERENCE_BYTES_MAX:
            raise ValueError(f"the session would take {len(sealed)} bytes, more than the {REFERENCE_BYTES_MAX} it may")
        self._store.put_reference(digest, sealed, until=until)

    # ----------------------------------------------------------------------------------------------- verify

    def verify(self, token: str) -> Claims:
        """Look a token up and check everything that a Verifier checks.

        Raises:
            TokenError: it is refused.
            StoreUnavailable: nobody can say.
        """
        digest = digest_of(token)
        del token  # where the store is away, an error service would be shown tokens that live
        return self.read(digest)

    def read(self, digest: bytes, *, until: int | None = None) -> Claims:
        """Read what is kept under a digest, and check it.

        Args:
            digest: of the token.
            until: how long the store keeps it from now on; None: as before.
        """
        now_s = self._clock()
        sealed = self._store.get_reference(digest, now_s=now_s, until=until)
        if sealed is None:
            raise UnknownSession(UNKNOWN)
        claims = parse_object(self._open(sealed, digest))
        check_kind(claims, TYP)
        del claims["typ"]  # as in any other format
        try:
            if self._fits(claims, now_s):
                return claims
        except (LookupError, TypeError):
            pass  # the check says what is wrong, if anything is
        self._check(claims, now_s)
        return claims

    # -------------------------------------------------------------------------------------------------- seal

    def _seal(self, payload: bytes, digest: bytes) -> bytes:
        kid = self._ring.derive_kid()
        key = self._key_of(kid)
        assert key is not None  # the ring has just named it
        footer = kid.encode("ascii")
        return join_token(v4.LOCAL.header, sealer_of(key)(payload, footer, digest), footer).encode("ascii")

    def _open(self, sealed: bytes, digest: bytes) -> bytes:
        """Open what a store gave. Raises TokenError: this ring did not seal it for this token."""
        try:
            text = sealed.decode("ascii")
        except UnicodeDecodeError:
            raise DecryptionFailed from None
        content, segment = split_token(text, v4.LOCAL.header, REFERENCE_BYTES_MAX)
        footer = decode_footer(segment)
        if not _KID.fullmatch(footer):
            raise MalformedToken("what the store keeps for this token names no ring secret")
        key = self._key_of(footer.decode("ascii"))
        if key is None:
            raise UnknownKey("the ring secret that this token was issued under is not accepted (any more)")
        return opener_of(key)(content, footer, digest)

    def _key_of(self, kid: str) -> LocalKey | None:
        """Derive the key of a ring secret, prepared; the ring is asked each time, since it may have retired it."""
        derived = Concealed(self._ring.derived_key(kid, PURPOSE))
        if derived.value is None:
            return None
        if (key := self._keys.get(derived.value)) is None:
            if len(self._keys) >= _KEYS_REMEMBERED_MAX:
                self._keys.clear()
            key = self._keys.setdefault(derived.value, LocalKey.from_bytes(4, derived.value))
        return key
