"""Payload and footer of a PASETO as the judge reads them: times by the calendar alone, footers that name a key.

Enters: bytes that were proven. Leaves: claims with times as epoch seconds, or which footer names which key; ``Refused``
with the name of the error that has to come. Source: PASETO 01-Payload-Processing, 04-Claims; RFC 3339 5.6.
"""

from __future__ import annotations

import re
from typing import Any

from daypass.limits import FOOTER_BYTES_MAX, FOOTER_MEMBERS_MAX, KID_BYTES_MAX
from fuzz.judge import Refuse, json_object
from fuzz.paseto_text import Refused

DATES = ("exp", "nbf", "iat")
TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def claims_of(payload: bytes) -> dict[str, Any]:
    """Read claims. Raises Refused, named after the error, or Undecided."""
    try:
        claims = json_object(payload)
    except Refuse:
        raise Refused("MalformedToken") from None
    for name in DATES:
        if name in claims:
            claims[name] = instant(claims[name])
    if not isinstance(claims.get("aud", ""), str):
        raise Refused("ClaimError")
    return claims


def instant(value: object) -> int | float:
    """Epoch seconds of a time of the years 1 to 9999, as exact as microseconds. Raises Refused."""
    found = TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Refused("ClaimError")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    leaps = int(year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    if not (year and 1 <= month <= 12 and 1 <= day <= MONTHS[month - 1] + leaps * (month == 2)):
        raise Refused("ClaimError")
    offset_hour, offset_minute = int(found[9] or 0), int(found[10] or 0)
    if max(hour, offset_hour) > 23 or max(minute, second, offset_minute) > 59:
        raise Refused("ClaimError")
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719_162
    days += sum(MONTHS[: month - 1]) + leaps * (month > 2) + day - 1
    offset_s = (offset_hour * 60 + offset_minute) * (-60 if found[8] == "-" else 60)
    at_s = days * 86_400 + hour * 3600 + minute * 60 + second - offset_s
    micro = int((found[7] or "")[:6].ljust(6, "0"))
    return (at_s * 1_000_000 + micro) / 1_000_000 if micro else at_s


def named_key(footer: bytes) -> str:
    """The id of the key that a footer names, where several could be meant. Raises Refused or Undecided."""
    if not footer:
        raise Refused("UnknownKey")
    if len(footer) > FOOTER_BYTES_MAX:
        raise Refused("MalformedToken")
    try:
        members = json_object(footer)
    except Refuse:
        raise Refused("MalformedToken") from None
    if len(members) > FOOTER_MEMBERS_MAX or any(isinstance(value, dict | list) for value in members.values()):
        raise Refused("MalformedToken")
    kid = members.get("kid")
    if kid is None:
        raise Refused("UnknownKey")
    if not isinstance(kid, str) or not 0 < len(kid) <= KID_BYTES_MAX:
        raise Refused("MalformedToken")
    return kid


def is_of_kind(claims: dict[str, Any], typ: str | None) -> bool:
    """Whether the claim ``typ`` says the kind that is expected. Source: RFC 8725 3.11."""
    if typ is None or "typ" not in claims:
        return typ is None and "typ" not in claims
    found = claims["typ"]
    return isinstance(found, str) and _short(found) == _short(typ)


def _short(typ: str) -> str:
    """A media type without regard to the case of ASCII, the only letters that it has."""
    return (typ.lower() if typ.isascii() else typ).removeprefix("application/")
