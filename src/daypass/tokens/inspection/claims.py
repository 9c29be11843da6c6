"""What is wrong with the claims of a token that nobody verified, in any format. Enters: claims. Leaves: findings.

Registered claims are looked at for their types and times; every name and value, nested ones too, for personal data.
What is found is named by its place, its value is never repeated.
Source: RFC 7519 4.1; RFC 9068 2.2; RFC 8725 3.8 to 3.11; OpenID Connect Core 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from daypass.limits import (
    ADVISED_ACCESS_LIFETIME_S_MAX,
    ADVISED_LIFETIME_S_MAX,
    INSPECTED_VALUES_MAX,
    LEEWAY_S_MAX,
    NUMERIC_DATE_MAX,
    PERSONAL_FINDINGS_MAX,
)
from daypass.tokens.inspection.findings import Findings, place_of

__all__ = ["DATES", "inspect_claims", "inspect_personal", "time_of"]

DATES: Final = ("iat", "nbf", "exp")
_MORE_DATES: Final = (*DATES, "auth_time")
_STRINGS: Final = ("iss", "sub", "jti", "client_id", "scope", "azp", "nonce", "sid")
_LIFETIME_AT_MOST_S: Final = 10 * 365 * 86_400
"""An ``exp`` below this, in 1979, is no time: somebody wrote how long instead of until when."""

_EXPECTED: Final[Mapping[str, tuple[str, ...]]] = {
    "at+jwt": ("iss", "exp", "aud", "sub", "client_id", "iat", "jti"),  # RFC 9068 2.2
    "dpop+jwt": ("jti", "htm", "htu", "iat"),  # RFC 9449 4.2
    "logout+jwt": ("iss", "aud", "iat", "exp", "jti", "events"),  # OpenID Connect Back-Channel Logout 2.4
    "secevent+jwt": ("iss", "iat", "jti", "events"),  # RFC 8417 2.2
    "token-introspection+jwt": ("iss", "aud", "iat", "token_introspection"),  # RFC 9701 5
    "statuslist+jwt": ("sub", "iat", "status_list"),
}
"""What the standard of a kind of token demands. Any other token should say until when, for whom and from whom."""

_PERSONAL_NAMES: Final = frozenset(
    [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "email",
        "gender",
        "birthdate",
        "phone_number",
        "address",
        "place_of_birth",
        "nationalities",
        "birth_family_name",
        "birth_given_name",
        "birth_middle_name",
        "salutation",
        "msisdn",
        "also_known_as",
    ]
)
"""Source: OpenID Connect Core 5.1 (less ``zoneinfo``, ``locale``, ``title`` and what is true or false), IDA 4.1."""
_PEOPLE: Final = frozenset({"user", "userinfo", "claims", "person", "customer", "account", "subject", "profile"})
"""What a nested ``name`` must stand in to be that of a person: roles, groups and products have one, too."""
_EMAIL: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}(?!\w)")
"""Bounded everywhere, and tried once a word: a megabyte of anything costs no more than reading it."""


def inspect_claims(
    found: Findings,
    claims: Mapping[str, Any],
    *,
    typ: str,
    now_s: float,
    is_compact: bool,
    odd_times: Collection[str] = (),
) -> None:
    """Look at registered claims: what is missing, has the wrong type or the wrong time.

    Args:
        found: collects.
        claims: a JSON object.
        typ: of the header, lower case, without ``application/``; empty where there is none.
        now_s: epoch seconds.
        is_compact: whether it can be a token of claims; of anything else no claim is missed.
        odd_times: claims that were found to be no times in the spelling of their format: they are there, and that is
            all.

    Source: RFC 7519 4.1, 7.2; RFC 9068 2.2.
    """
    fitting = {name: value for name, value in claims.items() if name not in odd_times} if odd_times else claims
    _inspect_types(found, fitting)
    if is_compact:
        _inspect_presence(found, claims, typ)
    _inspect_times(found, fitting, typ, now_s)


def time_of(claims: Mapping[str, Any], name: str) -> float | None:
    """A time in epoch seconds; None where the claim is absent, or no time. Source: RFC 7519 2."""
    value: Any = claims.get(name)
    if type(value) not in (int, float) or not -NUMERIC_DATE_MAX < value < NUMERIC_DATE_MAX:
        return None
    return value  # type: ignore[no-any-return]  # an int or a float, above


def _inspect_types(found: Findings, claims: Mapping[str, Any]) -> None:
    """Source: RFC 7519 4.1.1 to 4.1.7; RFC 9068 2.2, 2.2.3; OpenID Connect Core 2."""
    for name in _STRINGS:
        if name in claims and not isinstance(claims[name], str):
            found.error("claim_type", f"claims.{name}", f"{name} must be a string")
    aud = claims.get("aud", "somebody")
    audiences = [aud] if isinstance(aud, str) else aud
    if not isinstance(audiences, list) or not audiences or not all(isinstance(one, str) and one for one in audiences):
        found.error("claim_type", "claims.aud", "aud must be a non-empty string, or a non-empty list of such")
    for name in _MORE_DATES:
        value = claims.get(name, 0)
        if name not in claims or time_of(claims, name) is not None:
            continue
        if type(value) in (int, float) and 0 < value < NUMERIC_DATE_MAX * 1000:
            found.error(
                "milliseconds", f"claims.{name}", f"{name} is a thousand times too large: it counts milliseconds"
            )
        else:
            found.error(
                "claim_type", f"claims.{name}", f"{name} must be a number of epoch seconds before the year 10000"
            )


def _inspect_presence(found: Findings, claims: Mapping[str, Any], typ: str) -> None:
    expected = _EXPECTED.get(typ)
    for name in ("exp", "aud", "iss", "iat") if expected is None else expected:
        if name in claims:
            continue
        if name == "exp":
            found.error("no_exp", "claims.exp", "it never expires: who steals it has it for ever; daypass refuses it")
        elif name == "aud":
            found.warning(
                "no_aud", "claims.aud", "it says not for whom: any service that trusts the issuer would take it"
            )
        elif expected is None:
            what = "from whom it comes" if name == "iss" else "when it was made, so its age cannot be bounded"
            found.info(f"no_{name}", f"claims.{name}", f"it does not say {what}")
        else:
            found.warning("claim_missing", f"claims.{name}", f"the standard of {typ} demands {name}")


def _inspect_times(found: Findings, claims: Mapping[str, Any], typ: str, now_s: float) -> None:
    """Source: RFC 7519 4.1.4 to 4.1.6; RFC 8725 3.8 (no token is for ever)."""
    iat, nbf, exp = (time_of(claims, name) for name in DATES)
    if iat is not None and iat > now_s + LEEWAY_S_MAX:
        found.warning("issued_in_the_future", "claims.iat", "it was issued in the future: a clock is wrong, or a unit")
    if nbf is not None and nbf > now_s:
        found.error("not_yet_valid", "claims.nbf", "it is not valid yet")
    if exp is None:
        return
    if exp <= now_s:
        is_span = 0 < exp < _LIFETIME_AT_MOST_S
        hint = ": exp says until when, in epoch seconds, not how long" if is_span else ""
        found.error("expired", "claims.exp", f"it has expired{hint}")
    if any(other is not None and exp <= other for other in (iat, nbf)):
        found.error("never_valid", "claims.exp", "it expires before it begins")
        return
    began = now_s if iat is None else iat
    is_access = typ == "at+jwt"
    if exp - began > (ADVISED_ACCESS_LIFETIME_S_MAX if is_access else ADVISED_LIFETIME_S_MAX):
        advised = "a day" if is_access else "a week"
        found.warning("long_lifetime", "claims.exp", f"it lives longer than {advised}: for so long a stolen one works")


# ---------------------------------------------------------------------------------------------- personal data

_Path = tuple["_Path", str | int] | None
_KEEP_IT_OR_ENCRYPT: Final = "keep it on the server, or encrypt the token"


def inspect_personal(
    found: Findings, members: Mapping[str, Any] | str, where: str, *, advice: str = _KEEP_IT_OR_ENCRYPT
) -> None:
    """Look for personal data: names of OpenID Connect claims, and values that look like an e-mail address.

    Args:
        found: collects; at most PERSONAL_FINDINGS_MAX places of one object.
        members: claims or a header, of which INSPECTED_VALUES_MAX values are looked at; or a text.
        where: its place.
        advice: what to do about it.

    Source: OpenID Connect Core 5.1; RFC 7519 12 (privacy).
    """
    waiting: list[tuple[_Path, Any]] = [(None, members if isinstance(members, str) else dict(members))]
    reported = looked_at = 0
    while waiting and looked_at < INSPECTED_VALUES_MAX and reported < PERSONAL_FINDINGS_MAX:
        path, value = waiting.pop()
        looked_at += 1
        what = _what_is_personal(path, value)
        if what:
            reported += 1
            found.warning(
                "personal_data",
                place_of(where, _steps(path)),
                f"{what}: whoever holds or logs the token reads it; {advice}",
            )
        elif isinstance(value, dict):
            waiting.extend(((path, name), child) for name, child in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend(((path, at), child) for at, child in reversed([*enumerate(value)]))
    if waiting:
        found.info("not_all_looked_at", where, "it holds so much that not all of it was searched for personal data")


def _what_is_personal(path: _Path, value: object) -> str:
    """Say what is personal about a value; empty where nothing is. An empty value tells nothing of anybody."""
    if value in ("", None, [], {}):
        return ""
    name = path[1] if path else None
    if isinstance(name, str):
        last = name.rpartition("/")[2].rpartition(":")[2]  # of a name that is a URI
        above = path[0][1] if path and path[0] else None
        if last in _PERSONAL_NAMES and not (last == "name" and path and path[0] and above not in _PEOPLE):
            return "personal data by its name"
        if "@" in name and _EMAIL.search(name):
            return "a name that looks like an e-mail address"
    if isinstance(value, str) and "@" in value and _EMAIL.search(value):
        return "it looks like an e-mail address"
    return ""


def _steps(path: _Path) -> list[str | int]:
    """The steps of a path, from the top; only made where something was found, since nesting may be deep."""
    steps: list[str | int] = []
    while path is not None:
        path, step = path
        steps.append(step)
    return steps[::-1]
