"""What the formats of PASETO share: the claims, and the key id in the footer. Enters: keys, tokens. Leaves: functions.

The kind of a token stands in the claim ``typ``, since there is no header to hold it; Issuer and Verifier put it in and
take it out. The footer is ``{"kid": ...}``, the PASERK id of the key. A footer is authenticated with the payload, but
read before: it names a key among those that the Verifier has, and brings none.
Source: PASETO 02-Implementation-Guide/01-Payload-Processing, 04-Claims; PASERK types/lid, types/pid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from daypass.claims import Claims, compile_policy
from daypass.encoding import encode_json
from daypass.errors import ConfigurationError, MalformedToken, UnknownKey
from daypass.limits import HEADERS_REMEMBERED_MAX, KID_BYTES_MAX
from daypass.paseto import paserk
from daypass.paseto.claims_token import check_kind
from daypass.paseto.keys import Key, SecretKey
from daypass.paseto.payload import claims_of_payload, encode_payload, footer_members, rfc3339
from daypass.paseto.token_text import decode_footer
from daypass.tokens.format import Expected, Format, FormatName, Sealer, Shared, Verify

__all__ = ["KeysByFooter", "claims_reader", "demand_version", "footer_of", "paseto_format"]

Prepared = TypeVar("Prepared")


def paseto_format(
    name: FormatName, *, is_for: Callable[[object], bool], sealer: Sealer, verifier: Callable[..., Verify]
) -> Format:
    """A row of the family: one audience, and no algorithm to name."""
    return Format(
        name=name,
        has_audiences=False,
        has_algs=False,
        is_nested=False,
        is_for=is_for,
        encode=_encode_own,
        begin=_begin,
        sealer=sealer,
        verifier=verifier,
    )


def _encode_own(claims: Mapping[str, Any]) -> bytes:
    """Encode the claims of one token. Raises TypeError, ValueError: a verifier would refuse them. Source: 04-Claims."""
    if "typ" in claims:
        raise ValueError("typ is set by the Issuer, as the kind of token: leave it out of the claims")
    return encode_payload(claims)


def _begin(shared: Shared) -> bytes:
    """Spell what is shared, times as RFC 3339, the kind of token among it. Source: PASETO 04-Claims."""
    times = {"iat": rfc3339(shared.iat), "exp": rfc3339(shared.exp)}
    return encode_json({"typ": shared.typ, **shared.claims(), **times})[:-1]


def footer_of(key: Key) -> bytes:
    """The footer of tokens under a key: its id, or that of its public half. Source: PASERK types/lid, types/pid."""
    return encode_json({"kid": key_id_of(key)})


def key_id_of(key: Key) -> str:
    """How a token names a key: of a key pair, both halves have the id of the public one. Source: PASERK types/pid."""
    return paserk.key_id(key.public() if isinstance(key, SecretKey) else key)


def claims_reader(expected: Expected) -> Callable[[bytes], Claims]:
    """From a payload that was proven to claims that hold. Raises TokenError. Source: PASETO 01-Payload-Processing."""
    policy, clock = expected.policy, expected.clock
    fits, check = compile_policy(policy)

    def read(payload: bytes) -> Claims:
        claims = claims_of_payload(payload)
        check_kind(claims, policy.typ)
        del claims["typ"]
        now_s = clock()
        try:
            if fits(claims, now_s):
                return claims
        except (LookupError, TypeError):
            pass  # the check says what is wrong, if anything is
        check(claims, now_s)
        return claims

    return read


class KeysByFooter(Generic[Prepared]):
    """The keys of a Verifier, each prepared, by the footer that names it.

    Args:
        keys: one key: then the footer of a token is not compared (its owner named the key); or several, of which the
            footer's ``kid`` selects.
        prepare: from a key to what opens tokens.

    Raises:
        ConfigurationError: there is no key, or one stands there twice.

    Source: PASETO 01-Payload-Processing, Key-ID Support.
    """

    __slots__ = ("_by_kid", "_single", "known")

    def __init__(self, keys: Key | Sequence[Key], prepare: Callable[[Any], Prepared]) -> None:
        members = (keys,) if isinstance(keys, Key) else tuple(keys)
        self._by_kid = {key_id_of(key): prepare(key) for key in members}
        if len(self._by_kid) != len(members) or not members:
            raise ConfigurationError("keys holds no key, or one of them twice")
        self._single = isinstance(keys, Key)
        self.known: dict[bytes, tuple[bytes, Prepared]] = {}
        """Footers under which a token was proven, as they stand there: decoded, and what opens the next one."""

    def choose(self, segment: bytes) -> tuple[bytes, Prepared]:
        """Find the footer, decoded, and what opens the token.

        Raises:
            MalformedToken: no canonical base64url; or, where it has to select, no flat JSON object with a ``kid``.
            UnknownKey: no key has this id, or the token names none and several keys would do.
        """
        footer = decode_footer(segment)
        if self._single:
            return footer, next(iter(self._by_kid.values()))
        kid = footer_members(footer).get("kid") if footer else None
        if kid is not None and (not isinstance(kid, str) or not 0 < len(kid) <= KID_BYTES_MAX):
            raise MalformedToken(f"the kid of a footer is a non-empty string of at most {KID_BYTES_MAX} bytes")
        if kid is None and len(self._by_kid) > 1:
            raise UnknownKey("the token names no kid, and more than one key could have made it")
        prepared = next(iter(self._by_kid.values())) if kid is None else self._by_kid.get(kid)
        if prepared is None:
            raise UnknownKey("no key of this verifier has the kid of the token")
        return footer, prepared

    def remember(self, segment: bytes, footer: bytes, prepared: Prepared) -> None:
        """Keep what a token was proven with; bounded, since a holder of the key may write any footer."""
        if len(self.known) >= HEADERS_REMEMBERED_MAX:
            self.known.clear()
        self.known[segment] = (footer, prepared)


def demand_version(keys: Key | Sequence[Key], version: int, wanted: str) -> None:
    """Refuse a key of another version. Raises ConfigurationError. Source: PASETO 03-Algorithm-Lucidity."""
    for key in (keys,) if isinstance(keys, Key) else keys:
        if key.version != version:
            raise ConfigurationError(f"{wanted}; this key is one of version {key.version}")
