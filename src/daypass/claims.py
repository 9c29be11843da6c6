"""Registered claims: what a policy demands and how a set of claims is held against it. JWT and PASETO share it.

Enters: the claims of a token whose signature held. Leaves: nothing; a claim that does not hold raises a ClaimError.
The policy is compiled once, into one predicate that is true for the common token and one function that checks
everything, in a fixed order, and names what failed. The predicate can only say "yes" to what the function passes.
Source: RFC 7519 4.1; RFC 8725 3.8, 3.9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType, convert

from daypass.encoding import encode_exactly, encode_json
from daypass.errors import (
    ClaimError,
    Expired,
    MissingClaim,
    NotYetValid,
    WrongAudience,
    WrongIssuer,
)
from daypass.limits import LEEWAY_S_MAX, NUMERIC_DATE_MAX

__all__ = [
    "Claims",
    "ClaimsCheck",
    "ClaimsPolicy",
    "check_claims",
    "compile_policy",
    "encode_claims",
    "short_typ",
    "typ_equals",
]

Claims = dict[str, Any]
ClaimsCheck = Callable[[Claims, float], object]

_STRINGS: Final = ("iss", "sub", "jti")
_DATES: Final = ("exp", "nbf", "iat")


class ClaimsPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the claims of a token must satisfy; checked when constructed, compiled once.

    Args:
        issuer: the exact ``iss``; None: ``iss`` is not compared.
        audience: an exact member of ``aud``, or a tuple of which one must be; None: a token with ``aud`` is refused.
        required: names of claims that must be there; ``iss``, ``aud`` and ``sub`` are where they are compared.
        leeway_s: clock skew that is forgiven, seconds, 0 to LEEWAY_S_MAX.
        max_age_s: how long ago, in seconds, ``iat`` may be; None: ``iat`` is not compared.
        typ: the ``typ`` that the header must have (``at+jwt``); None: none, or plain ``JWT``.
        subject: the exact ``sub``; None: not compared.

    Raises:
        TypeError: a value has the wrong type (``required`` or ``audience`` as one comma-separated text, say).
        ValueError: a value is empty or out of range.

    Source: RFC 7519 4.1; RFC 8725 3.8, 3.9, 3.11.
    """

    issuer: str | None = None
    audience: str | tuple[str, ...] | None = None
    required: tuple[str, ...] = ("exp",)
    leeway_s: float = 0
    max_age_s: float | None = None
    typ: str | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        for name, text in (("issuer", self.issuer), ("typ", self.typ), ("subject", self.subject)):
            _demand_text(name, text)
        audience: object = self.audience
        if isinstance(audience, tuple):
            if not audience:
                raise ValueError(
                    "audience must name somebody: an empty tuple would accept nothing; None for no audience"
                )
            for one in audience:
                _demand_text("audience", one if one is not None else 0)
        else:
            _demand_text("audience", self.audience)
        _demand_names("required", self.required)
        if "aud" in self.required and self.audience is None:
            raise ValueError("required names 'aud', and without audience every token that has one is refused")
        _demand_seconds("leeway_s", self.leeway_s, LEEWAY_S_MAX)
        if self.max_age_s is not None:
            _demand_seconds("max_age_s", self.max_age_s, NUMERIC_DATE_MAX)


def _demand_text(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str or None")
    if not value:
        raise ValueError(f"{name} must not be empty; None where it is not to be compared")


def _demand_names(name: str, value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(one, str) and one for one in value):
        raise TypeError(f'{name} must be a tuple of claim names: {name}=("exp", "sub")')


def _demand_seconds(name: str, value: object, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds")
    if not 0 <= value <= most:  # false for NaN, too
        raise ValueError(f"{name} must be 0 to {most} seconds")


# ------------------------------------------------------------------------------------------------------ kind


def typ_equals(actual: str | None, expected: str) -> bool:
    """Compare media types: without regard to case, ``application/`` may be left out. Source: RFC 7515 4.1.9."""
    return actual is not None and actual.isascii() and short_typ(actual) == short_typ(expected)


def short_typ(typ: str) -> str:
    """A media type as it is compared. Source: RFC 7515 4.1.9."""
    return typ.lower().removeprefix("application/")


# ---------------------------------------------------------------------------------------------------- verify


def compile_policy(policy: ClaimsPolicy) -> tuple[Callable[[Claims, float], bool], ClaimsCheck]:
    """Compile a policy into the two functions that a verifier calls.

    Returns:
        ``fits(claims, now_s)``, fast, true for the common token (it may raise whatever a wrong type makes it raise),
        and ``check(claims, now_s)``, complete, which returns or raises a ClaimError.

    Source: RFC 7519 4.1.
    """
    given: object = policy
    if not isinstance(given, ClaimsPolicy):
        raise TypeError("a policy is a ClaimsPolicy: policy=ClaimsPolicy(issuer=..., audience=...)")
    issuer, audience, leeway_s = policy.issuer, policy.audience, policy.leeway_s
    horizon = NUMERIC_DATE_MAX
    # Below, "1 <" keeps out an exp of true where the clock is at 1970: to Python true is the number 1.

    def fits_access_token(claims: Claims, now_s: float) -> bool:  # what RFC 9068 demands is there: no get()
        return (
            1 < now_s - leeway_s < claims["exp"] < horizon
            and claims["iss"] == issuer
            and claims["aud"] == audience
            and claims["sub"].__class__ is str
            and claims["jti"].__class__ is str
            and (iat := claims["iat"]).__class__ is int
            and -horizon < iat < horizon
            and "nbf" not in claims
        )

    def fits_anyone(claims: Claims, now_s: float) -> bool:
        get = claims.get
        return (
            1 < now_s - leeway_s < claims["exp"] < horizon
            and "aud" not in claims
            and get("iss", "").__class__ is str
            and get("sub", "").__class__ is str
            and get("jti", "").__class__ is str
            and (iat := get("iat", 0)).__class__ is int
            and -horizon < iat < horizon
            and "nbf" not in claims
        )

    def fits_checked(claims: Claims, now_s: float) -> bool:
        check(claims, now_s)
        return True

    def check(claims: Claims, now_s: float) -> None:
        check_claims(claims, policy, now_s=now_s)

    if set(policy.required) - {"exp", "iss", "aud"} or policy.max_age_s is not None or policy.subject is not None:
        return fits_checked, check
    if issuer is not None and isinstance(audience, str):
        return fits_access_token, check
    return (
        fits_anyone if issuer is None and audience is None and "iss" not in policy.required else fits_checked
    ), check


def check_claims(claims: Mapping[str, Any], policy: ClaimsPolicy, *, now_s: float) -> None:
    """Hold claims against a policy: presence, types, issuer, audience, subject, then the times.

    Args:
        claims: of a token whose signature held.
        policy: what they must satisfy.
        now_s: epoch seconds.

    Raises:
        MissingClaim: a required claim is absent.
        WrongIssuer, WrongAudience: it is another's.
        Expired, NotYetValid: its time is over, or has not come.
        ClaimError: a claim has the wrong type, the subject differs, or the token is too old.

    Source: RFC 7519 4.1.1 to 4.1.7; RFC 8725 3.8, 3.9.
    """
    for name in policy.required:
        if name not in claims:
            raise MissingClaim(name)
    for name in _STRINGS:
        if name in claims and claims[name].__class__ is not str:
            raise ClaimError(name, "type", f"claim {name!r} must be a string")
    for name in _DATES:
        if name in claims and not _is_numeric_date(claims[name]):
            raise ClaimError(name, "type", f"claim {name!r} must be a number of epoch seconds before the year 10000")
    _check_parties(claims, policy)
    _check_times(claims, policy, now_s)


def _check_parties(claims: Mapping[str, Any], policy: ClaimsPolicy) -> None:
    if policy.issuer is not None and claims.get("iss") != policy.issuer:
        if "iss" not in claims:
            raise MissingClaim("iss")
        raise WrongIssuer(f"the token names another issuer than the expected {policy.issuer!r} (parameter issuer)")
    audiences = _audiences(claims)
    if policy.audience is None:
        if audiences is not None:
            raise WrongAudience("the token is meant for an audience: name yours with the parameter audience")
    elif audiences is None:
        raise MissingClaim("aud")
    else:
        accepted = (policy.audience,) if isinstance(policy.audience, str) else policy.audience
        if not any(one in audiences for one in accepted):
            raise WrongAudience(f"the token is not meant for the expected {policy.audience!r} (parameter audience)")
    if policy.subject is not None and claims.get("sub") != policy.subject:
        if "sub" not in claims:
            raise MissingClaim("sub")
        raise ClaimError(
            "sub", "mismatch", "the token is about another subject than the expected one (parameter subject)"
        )


def _audiences(claims: Mapping[str, Any]) -> list[str] | None:
    """The members of ``aud``; None where the claim is absent. Source: RFC 7519 4.1.3."""
    if "aud" not in claims:
        return None
    aud = claims["aud"]
    audiences = [aud] if aud.__class__ is str else aud
    if audiences.__class__ is not list or not all(one.__class__ is str for one in audiences):
        raise ClaimError("aud", "type", "claim 'aud' must be a string or a list of strings")
    return audiences  # just checked


def _check_times(claims: Mapping[str, Any], policy: ClaimsPolicy, now_s: float) -> None:
    exp, nbf, iat = claims.get("exp"), claims.get("nbf"), claims.get("iat")
    # Each is asked so that a clock that is no number (NaN) refuses: it is neither before nor after anything.
    if exp is not None and not exp > now_s - policy.leeway_s:  # "on or after" is expired
        raise Expired(exp)
    if nbf is not None and not nbf <= now_s + policy.leeway_s:
        raise NotYetValid(nbf)
    if policy.max_age_s is None:
        return
    if iat is None:
        raise MissingClaim("iat", "max_age_s needs an 'iat' claim, and the token has none")
    if not iat <= now_s + policy.leeway_s:
        raise NotYetValid(iat, claim="iat")
    if exp is not None and iat > exp:
        raise ClaimError("iat", "type", "the token expires before it was issued")
    if not now_s - iat <= policy.max_age_s + policy.leeway_s:
        raise ClaimError(
            "iat",
            "too_old",
            f"the token was issued more than the {policy.max_age_s} s ago that max_age_s allows",
        )


def _is_numeric_date(value: object) -> bool:
    """JSON numbers that a datetime can say; true and false are no numbers. Source: RFC 7519 2."""
    if value.__class__ is not int and value.__class__ is not float:
        return False
    return -NUMERIC_DATE_MAX < value < NUMERIC_DATE_MAX  # just checked


# ----------------------------------------------------------------------------------------------------- issue


def encode_claims(claims: Mapping[str, Any]) -> bytes:
    """Encode claims as JSON, and refuse what a verifier would refuse or could not read back as it was written.

    A member of an Enum of str or int counts as its value, a Mapping as the object that it equals.

    Raises:
        TypeError: a name is no str, or a value is nothing that JSON says exactly.
        ValueError: a registered claim has a type that every verifier refuses.

    Source: RFC 7519 4.1, 7.1.
    """
    known = _known
    try:
        convert(claims, known.type)
        # A conversion takes a tuple for a list; of the members in it, it has looked at every one.
        for name in known.containers:
            value: Any = claims.get(name)
            if type(value) not in _EXACT or (type(value) is dict and not _STR.issuperset(map(type, value))):
                break
        else:
            return encode_json(claims)
    except (AttributeError, TypeError, ValueError, RecursionError):  # a range, say, lacks what is asked of a mapping
        pass
    raw = encode_exactly(claims)
    _check_registered(claims)
    _learn(claims)
    return raw


# Programs issue tokens with few names. A Struct type that has a field for each name issued so far lets msgspec check
# names, types and ranges in one call, three times faster than anything that looks at the values from here. It says
# yes only to what the complete check says yes to; what it does not know (a float, say) takes that one.
_Scalar = str | int | bool | None
_Container = list[_Scalar] | dict[str, _Scalar]
_Date = Annotated[int, msgspec.Meta(gt=-NUMERIC_DATE_MAX, lt=NUMERIC_DATE_MAX)]
_Named = Annotated[str, msgspec.Meta(min_length=1)]
_STR: Final = frozenset({str})
_EXACT: Final = frozenset({str, int, bool, type(None), list, dict})
_NAMES_MAX: Final = 64


class _Known(msgspec.Struct, frozen=True):
    """The names issued so far, which of them with a list or an object in it, and the type made of them."""

    names: tuple[str, ...]
    containers: frozenset[str]
    type: type[msgspec.Struct]


def _known_of(names: tuple[str, ...], containers: frozenset[str]) -> _Known:
    def kind_of(name: str) -> Any:  # noqa: ANN401 - a type expression
        if name in _DATES:
            return _Date
        if name in _STRINGS:
            return str
        if name == "aud":
            return _Named | Annotated[list[str], msgspec.Meta(min_length=1)] if name in containers else _Named
        return _Scalar | _Container if name in containers else _Scalar

    fields = [
        (f"claim{i}", kind_of(name) | UnsetType, msgspec.field(name=name, default=UNSET))
        for i, name in enumerate(names)
    ]
    kind = msgspec.defstruct("KnownClaims", fields, forbid_unknown_fields=True, gc=False)
    return _Known(names, containers, kind)


_known = _known_of((), frozenset())


def _learn(claims: Mapping[str, Any]) -> None:
    """Know the names of a token that was issued, from now on; few, so that nobody fills the memory with names."""
    global _known  # noqa: PLW0603 - a memory of what was seen; it decides nothing
    # A Struct has no field whose name JSON would escape; a token with one takes the complete check each time.
    plain = (name for name in claims if name.isprintable() and '"' not in name and "\\" not in name)
    names = tuple(dict.fromkeys((*_known.names, *plain)))  # in this order a conversion finds the next name at once
    found = (name for name, value in claims.items() if value.__class__ is list or value.__class__ is dict)
    containers = _known.containers.union(found).intersection(names)
    if len(names) <= _NAMES_MAX and (names, containers) != (_known.names, _known.containers):
        _known = _known_of(names, containers)


def _check_registered(claims: Mapping[str, Any]) -> None:
    """Say which registered claim has a type that every verifier refuses, if any has."""
    for name in _STRINGS:
        if name in claims and _value_of(claims[name]).__class__ is not str:
            raise ValueError(f"claim {name!r} must be a str: every verifier refuses another type")
    aud = _value_of(claims.get("aud", "somebody"))
    audiences = aud if aud.__class__ is list else [aud]
    if not aud or not all(_value_of(one).__class__ is str for one in audiences):
        raise ValueError("claim 'aud' must be a non-empty str, or a non-empty list of str")
    for name in _DATES:
        if name in claims and not _is_numeric_date(_value_of(claims[name])):
            raise ValueError(f"claim {name!r} must be int or float epoch seconds before the year 10000")


def _value_of(value: Any) -> Any:  # noqa: ANN401 - any value that JSON can say
    """What the encoder has written for a member of an Enum: its value."""
    return value.value if isinstance(value, Enum) else value
