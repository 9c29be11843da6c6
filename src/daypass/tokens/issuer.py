"""Issuer: access tokens, many a second. Enters: the claims of one token. Leaves: the token.

What is equal for all tokens of one second (issuer, audience, times, header) is encoded once a second, up to a multiple
of three bytes, and absorbed by the signature's state; a token costs the encoding of its own claims and the rest of
the signature. Source: RFC 7519 7.1; RFC 9068 2 (``at+jwt``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from daypass.claims import encode_claims, typ_equals
from daypass.encoding import b64url_segment, encode_json
from daypass.errors import ConfigurationError
from daypass.issued_claims import too_long
from daypass.jose.jwa.signature import Seal
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.jws_compact import signing_header
from daypass.jose.key_use import prepared_signer, signing_algorithm
from daypass.limits import JWT_BYTES_MAX, NUMERIC_DATE_MAX
from daypass.tokens.source import KeySource, StaticKeys, source_of
from daypass.typed_claims import Issuable, check_claims_type, plain_claims

__all__ = ["Issuer", "check_count", "check_parties"]

# Token ids: 128 random bits each, drawn in bulk. A forked process must not draw what its parent will draw.
_JTI_BATCH: Final = 256
_jtis: Final[list[bytes]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_jtis.clear)


def _fresh_jti() -> bytes:
    """128 random bits in hexadecimal."""
    try:
        return _jtis.pop()
    except IndexError:
        drawn = os.urandom(16 * _JTI_BATCH).hex().encode("ascii")
        _jtis.extend(drawn[i : i + 32] for i in range(0, len(drawn) - 32, 32))
        return drawn[-32:]


class Issuer:
    """Issues tokens under the key that signs now.

    Args:
        keys: what to sign with; a KeyRing is followed when it rotates.
        issuer: ``iss`` of every token.
        audience: ``aud`` of every token.
        lifetime_s: seconds from ``iat`` to ``exp``.
        format: ``jwt``.
        typ: of the header; ``at+jwt`` tokens get a random ``jti``.
        claims_type: a dataclass, TypedDict or msgspec Struct that all claims of a token fit, those set here included.
        bytes_max: the longest token; its verifiers must allow as much.
        clock: epoch seconds.

    Attributes:
        issue: ``issue(claims, expires_at=None) -> str``. ``claims`` are JSON values without ``iss aud iat exp``;
            ``expires_at`` (epoch seconds) ends the token earlier than its lifetime would. Raises TypeError where a
            claim is nothing that JSON can say, ValueError where a verifier would refuse it, or it would be too long.

    Raises:
        ConfigurationError: the set-up cannot issue anything that would verify.

    Source: RFC 7519 7.1; RFC 9068 2.2.
    """

    __slots__ = ("issue",)
    issue: Callable[..., str]

    def __init__(
        self,
        keys: KeySource | JWK | JWKSet | Sequence[JWK],
        *,
        issuer: str,
        audience: str,
        lifetime_s: int = 900,
        format: Literal["jwt"] = "jwt",  # noqa: A002 - the word of the settings
        typ: str = "at+jwt",
        claims_type: type[Any] | None = None,
        bytes_max: int = JWT_BYTES_MAX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_parties(issuer, audience, typ, format)
        check_count("lifetime_s", lifetime_s, least=1)
        check_count("bytes_max", bytes_max, least=1)
        with_jti = typ_equals(typ, "at+jwt")
        template = _Template(source_of(keys), issuer=issuer, audience=audience, lifetime_s=lifetime_s, typ=typ)
        template.second_of(clock())  # a key that cannot sign is found at start, not at request 1,000
        issue = _compile_issue(template, bytes_max=bytes_max, clock=clock, with_jti=with_jti)
        added = {"iss": issuer, "aud": audience, "iat": 0, "exp": 1} | ({"jti": ""} if with_jti else {})
        self.issue = issue if claims_type is None else _typed(issue, claims_type, added)


def _typed(issue: Callable[..., str], claims_type: type[Any], added: Mapping[str, Any]) -> Callable[..., str]:
    """Hold claims against their type before they are issued; ``added`` stands for what the Issuer sets."""
    check_claims_type(claims_type)

    def issue_typed(claims: Issuable, expires_at: int | None = None) -> str:
        return issue(plain_claims(claims, claims_type, added=added), expires_at)

    return issue_typed


def check_count(name: str, value: object, *, least: int) -> None:
    """Refuse what is no int, or out of range."""
    if value.__class__ is not int or not least <= value < NUMERIC_DATE_MAX:  # an int
        raise ConfigurationError(f"{name} must be an int of at least {least}")


def check_parties(issuer: object, audience: object, typ: object, format: object) -> None:  # noqa: A002
    """Refuse an issuer, audience, typ or format that no token could have. Source: RFC 9068 2.1, 2.2."""
    for name, text in (("issuer", issuer), ("audience", audience), ("typ", typ)):
        if not isinstance(text, str) or not text:
            raise ConfigurationError(f"{name} must be a non-empty str, the same for Issuer and Verifier")
    if isinstance(typ, str) and not typ.isascii():
        raise ConfigurationError("typ is the name of a media type, in ASCII: no other one is ever equal")
    if format != "jwt":
        raise ConfigurationError("format must be 'jwt'")


Second = tuple[float, float, int, int, bytes, Seal]
"""From when, until when and for which epoch it holds; ``exp``, what is not encoded yet, what seals the rest."""


class _Template:
    """What all tokens of one second share."""

    __slots__ = ("_audience", "_issuer", "_lifetime_s", "_typ", "source")

    def __init__(self, source: KeySource, *, issuer: str, audience: str, lifetime_s: int, typ: str) -> None:
        self.source = source
        self._issuer = issuer
        self._audience = audience
        self._lifetime_s = lifetime_s
        self._typ = typ

    def second_of(self, now_s: float, *, expires_at: int | None = None) -> Second:
        """Encode and absorb what the tokens of this second begin with."""
        if expires_at is not None and not isinstance(expires_at, int | float):
            raise TypeError("expires_at is a number of epoch seconds: int(when.timestamp())")
        iat = int(now_s)
        exp = iat + self._lifetime_s if expires_at is None else min(expires_at, iat + self._lifetime_s)
        if not iat < exp < NUMERIC_DATE_MAX:
            raise ValueError("the token would be born expired, or outlive the year 9999: see expires_at, lifetime_s")
        epoch = self.source.epoch  # before the key: one that is exchanged meanwhile is noticed next time
        key = self.source.signing_key()
        entry = signing_algorithm(key)
        head = signing_header(key, None, typ=self._typ) + b"."
        shared = encode_json({"iss": self._issuer, "aud": self._audience, "iat": iat, "exp": exp})[:-1]
        whole = len(shared) - len(shared) % 3
        seal = prepared_signer(key, entry)(head + b64url_segment(shared[:whole]))
        return float(iat), float(iat + 1), epoch, exp, shared[whole:], seal


def _compile_issue(
    template: _Template, *, bytes_max: int, clock: Callable[[], float], with_jti: bool
) -> Callable[..., str]:
    second: Second = (0.0, 0.0, 0, 0, b"", bytes.decode)
    source = template.source
    can_change = not isinstance(source, StaticKeys)

    def issue(claims: Mapping[str, Any], expires_at: int | None = None) -> str:
        nonlocal second
        now_s = clock()
        start, end, epoch, exp, rest, seal = second
        if not start <= now_s < end or (can_change and source.epoch != epoch):  # both ways: clocks go back
            start, end, epoch, exp, rest, seal = second = template.second_of(now_s)
        if expires_at is not None and not expires_at >= exp:  # NaN is refused, too
            start, end, epoch, exp, rest, seal = template.second_of(now_s, expires_at=expires_at)
        if "iss" in claims or "aud" in claims or "iat" in claims or "exp" in claims:
            raise ValueError("iss, aud, iat and exp are set by the Issuer: leave them out of the claims")
        own = encode_claims(claims)
        if with_jti and "jti" not in claims:
            rest += b',"jti":"' + _fresh_jti() + b'"'
        token = seal(rest + (b"," + own[1:] if claims else b"}"))
        if len(token) > bytes_max:
            raise too_long(token, bytes_max)
        return token

    return issue
