"""Claims in a PASETO: a JSON object whose times are texts. Enters: claims, or a proven payload. Leaves: either.

Outside, times are epoch seconds, as everywhere in daypass; inside, they are RFC 3339, in upper case and with an offset.
A PASETO has one audience, as a text. Source: PASETO 02-Implementation-Guide/01-Payload-Processing, 04-Claims.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from daypass.claims import Claims, encode_claims
from daypass.encoding import decode_object, encode_json, parse_object
from daypass.errors import ClaimError, ConfigurationError, MalformedToken
from daypass.limits import FOOTER_BYTES_MAX, FOOTER_MEMBERS_MAX

__all__ = ["claims_of_payload", "encode_payload", "footer_members", "rfc3339", "with_times_as_text"]

_DATES: Final = ("exp", "nbf", "iat")
_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_INSTANTS_MAX: Final = 1024
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


# ---------------------------------------------------------------------------------------------------- issue


def encode_payload(claims: Mapping[str, Any]) -> bytes:
    """Encode claims, times as texts, and refuse what a verifier would refuse.

    Raises:
        TypeError: a claim is nothing that JSON can say.
        ValueError: a registered claim has a type that every verifier refuses, or there are two audiences.

    Source: PASETO 04-Claims; RFC 3339 5.6.
    """
    raw = encode_claims(claims)
    if "aud" in claims and isinstance(claims["aud"], list):
        raise ConfigurationError("a PASETO has one audience: 'aud' is a str, issue a token for each")
    return raw if not claims.keys() & _DATES else encode_json(with_times_as_text(claims))


def with_times_as_text(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Checked claims, with their times as RFC 3339. Raises ValueError: before the year 1. Source: PASETO 04-Claims."""
    return {name: rfc3339(value) if name in _DATES else value for name, value in claims.items()}


def rfc3339(at_s: float) -> str:
    """Spell epoch seconds as a time of UTC. Raises ValueError: before the year 1. Source: RFC 3339 5.6."""
    try:
        return datetime.fromtimestamp(at_s, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        raise ValueError("a time must lie in the years 1 to 9999, as epoch seconds") from None


# --------------------------------------------------------------------------------------------------- verify


def claims_of_payload(payload: bytes) -> Claims:
    """Read the claims of a payload that was proven; their times come out as epoch seconds.

    Args:
        payload: UTF-8. The caller has bounded its length.

    Raises:
        MalformedToken: no strict JSON object.
        ClaimError: a time is no RFC 3339, or ``aud`` is no text.

    Source: PASETO 01-Payload-Processing; 04-Claims; RFC 3339 5.6.
    """
    try:
        claims = decode_object(payload)
        same = encode_json(claims) == payload  # then no member stands twice
    except (ValueError, RecursionError):
        same = False
    if not same:
        claims = parse_object(payload)
    for name in _DATES:
        if name in claims:
            claims[name] = _instant(name, claims[name])
    if "aud" in claims and claims["aud"].__class__ is not str:
        raise ClaimError("aud", "type", "claim 'aud' of a PASETO must be a string")
    return claims


# The times of one second are the same in many tokens.
_instants: Final[dict[str, int | float]] = {}


def _instant(name: str, value: Any) -> int | float:  # noqa: ANN401 - any value that JSON can say
    if value.__class__ is str:
        known = _instants.get(value)
        if known is not None:
            return known
        if _RFC3339.fullmatch(value):
            try:
                since = datetime.fromisoformat(value) - _EPOCH
            except ValueError:  # the 30th of February, the 61st second
                pass
            else:
                # total_seconds() rounds once, so that a float that was issued comes back as it was.
                whole_s = since.days * 86_400 + since.seconds
                instant: int | float = since.total_seconds() if since.microseconds else whole_s
                if len(_instants) >= _INSTANTS_MAX:
                    _instants.clear()
                _instants[value] = instant
                return instant
    raise ClaimError(name, "type", f"claim {name!r} of a PASETO must be an RFC 3339 time with an offset, in upper case")


def footer_members(footer: bytes) -> dict[str, Any]:
    """Read a footer that has to be a JSON object: bounded before it is read, and flat.

    Args:
        footer: decoded.

    Raises:
        MalformedToken: too long, no strict JSON object, too many members, or one that holds an object or array.

    Source: PASETO 02-Implementation-Guide/01-Payload-Processing, Optional Footer.
    """
    if len(footer) <= FOOTER_BYTES_MAX:
        try:
            members = _flat_object(footer)
            if len(members) <= FOOTER_MEMBERS_MAX:
                return members if encode_json(members) == footer else parse_object(footer)
        except ValueError:  # at the first bracket that has no place in it
            pass
    raise MalformedToken(
        f"a footer in JSON is one flat object of at most {FOOTER_BYTES_MAX} bytes and {FOOTER_MEMBERS_MAX} members"
    )


_flat_object: Final = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode
