"""Issuer: access tokens, many a second. Enters: the claims of one token. Leaves: the token.

What is equal for all tokens of one second (issuer, audience, times, header) is encoded once a second, and absorbed by
the signature's state where the format has one; a token costs the encoding of its own claims and the rest of the
protection. Source: RFC 7519 7.1; RFC 9068 2 (``at+jwt``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from daypass.claims import typ_equals
from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.issued_claims import too_long
from daypass.limits import JWT_BYTES_MAX, NUMERIC_DATE_MAX
from daypass.tokens.format import Format, FormatName, Seal, Shared, format_of
from daypass.tokens.source import KeySource, Layers
from daypass.typed_claims import Issuable, check_claims_type, plain_claims

if TYPE_CHECKING:
    from daypass.jose.jwk import JWK
    from daypass.tokens.source import Keys

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
    """Issues tokens under the key that signs, or encrypts, now.

    Args:
        keys: what to issue with, as the format wants it: JWKs, or keys of PASETO; a KeyRing is followed.
        issuer: ``iss`` of every token.
        audience: ``aud`` of every token; several only in formats of JOSE.
        lifetime_s: seconds from ``iat`` to ``exp``.
        format: ``jwt`` (signed), ``jwe`` (encrypted, symmetric keys), ``nested`` (signed, then encrypted),
            ``paseto-v4-public``, ``paseto-v4-local``, ``paseto-v3-public`` or ``paseto-v3-local``.
        typ: the kind of token, in the header, or the claim ``typ`` of a PASETO; ``at+jwt`` tokens get a random ``jti``.
        encrypt_to: for ``nested``, whom to encrypt to: a JWK, or a source whose key of now is taken.
        claims_type: a dataclass, TypedDict or msgspec Struct that all claims of a token fit, those set here included.
        bytes_max: the longest token; its verifiers must allow as much.
        clock: epoch seconds.

    Attributes:
        issue: ``issue(claims, expires_at=None) -> str``. ``claims`` are JSON values without ``iss aud iat exp``, times
            as epoch seconds; ``expires_at`` (epoch seconds) ends the token earlier than its lifetime would. Raises
            TypeError where a claim is nothing that JSON can say, ValueError where a verifier would refuse it, or it
            would be too long.

    Raises:
        ConfigurationError: the set-up cannot issue anything that would verify.

    Source: RFC 7519 7.1; RFC 9068 2.2; PASETO 02-Implementation-Guide/04-Claims.
    """

    __slots__ = ("issue",)
    issue: Callable[..., str]

    def __init__(
        self,
        keys: KeySource | Keys,
        *,
        issuer: str,
        audience: str | tuple[str, ...],
        lifetime_s: int = 900,
        format: FormatName = "jwt",  # noqa: A002 - the word of the settings
        typ: str = "at+jwt",
        encrypt_to: KeySource | JWK | None = None,
        claims_type: type[Any] | None = None,
        bytes_max: int = JWT_BYTES_MAX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        inner, outer = Concealed(keys), Concealed(encrypt_to)
        del keys, encrypt_to  # somebody may have passed a secret: no frame of ours shows it
        row = format_of(format)
        check_parties(issuer, audience, typ)
        if not isinstance(audience, str) and not row.has_audiences:
            raise ConfigurationError(f"format {row.name!r} has room for one audience: make an Issuer for each")
        check_count("lifetime_s", lifetime_s, least=1)
        check_count("bytes_max", bytes_max, least=1)
        with_jti = typ_equals(typ, "at+jwt")
        template = _Template(
            row,
            Layers(row, inner, outer, word="encrypt_to"),
            lambda iat, exp: Shared(issuer=issuer, audience=audience, iat=iat, exp=exp, typ=typ),
            lifetime_s,
        )
        template.second_of(clock())  # a key that cannot issue is found at start, not at request 1,000
        issue = _compile_issue(template, row.encode, bytes_max=bytes_max, clock=clock, with_jti=with_jti)
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


def check_parties(issuer: object, audience: object, typ: object) -> None:
    """Refuse an issuer, audience or typ that no token could have. Source: RFC 9068 2.1, 2.2."""
    audiences = audience if isinstance(audience, tuple) and audience else (audience,)
    named = [("issuer", issuer), ("typ", typ), *(("audience", one) for one in audiences)]
    for name, text in named:
        if not isinstance(text, str) or not text:
            raise ConfigurationError(f"{name} must be a non-empty str, the same for Issuer and Verifier")
    if isinstance(typ, str) and not typ.isascii():
        raise ConfigurationError("typ is the name of a media type, in ASCII: no other one is ever equal")


_SHORTEST_S: Final = 0.000_001
"""A lifetime that every format can spell: a PASETO writes its times in microseconds."""
Second = tuple[float, float, object, int, bytes, Seal]
"""From when, until when and for which epoch it holds; ``exp``, what is not sealed yet, what seals the rest."""


class _Template:
    """What all tokens of one second share."""

    __slots__ = ("_lifetime_s", "_row", "_shared", "layers")

    def __init__(self, row: Format, layers: Layers, shared: Callable[[int, int], Shared], lifetime_s: int) -> None:
        self.layers = layers
        self._row = row
        self._shared = shared
        self._lifetime_s = lifetime_s

    def second_of(self, now_s: float, *, expires_at: int | None = None) -> Second:
        """Encode, and absorb where that can be, what the tokens of this second begin with."""
        if expires_at is not None and not isinstance(expires_at, int | float):
            raise TypeError("expires_at is a number of epoch seconds: int(when.timestamp())")
        iat = int(now_s)
        exp = iat + self._lifetime_s if expires_at is None else min(expires_at, iat + self._lifetime_s)
        if not iat + _SHORTEST_S <= exp < NUMERIC_DATE_MAX:
            raise ValueError("the token would be born expired, or outlive the year 9999: see expires_at, lifetime_s")
        epoch = self.layers.epoch  # before the key: one that is exchanged meanwhile is noticed next time
        key, recipient = self.layers.issuing_keys()
        shared = self._shared(iat, exp)
        seal, rest = self._row.sealer(key, shared, self._row.begin(shared), recipient)
        return float(iat), float(iat + 1), epoch, exp, rest, seal


def _compile_issue(
    template: _Template,
    encode: Callable[[Mapping[str, Any]], bytes],
    *,
    bytes_max: int,
    clock: Callable[[], float],
    with_jti: bool,
) -> Callable[..., str]:
    second: Second = (0.0, 0.0, None, 0, b"", bytes.decode)
    layers = template.layers
    can_change = layers.can_change

    def issue(claims: Mapping[str, Any], expires_at: int | None = None) -> str:
        nonlocal second
        now_s = clock()
        start, end, epoch, exp, rest, seal = second
        if not start <= now_s < end or (can_change and layers.epoch != epoch):  # both ways: clocks go back
            start, end, epoch, exp, rest, seal = second = template.second_of(now_s)
        if expires_at is not None and not expires_at >= exp:  # NaN is refused, too
            start, end, epoch, exp, rest, seal = template.second_of(now_s, expires_at=expires_at)
        if "iss" in claims or "aud" in claims or "iat" in claims or "exp" in claims:
            raise ValueError("iss, aud, iat and exp are set by the Issuer: leave them out of the claims")
        own = encode(claims)
        if with_jti and "jti" not in claims:
            rest += b',"jti":"' + _fresh_jti() + b'"'
        token = seal(rest + (b"," + own[1:] if claims else b"}"))
        if len(token) > bytes_max:
            raise too_long(token, bytes_max)
        return token

    return issue
