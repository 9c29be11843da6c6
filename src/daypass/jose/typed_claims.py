"""Claims with a declared type: a dataclass, a TypedDict or a msgspec Struct. Enters: claims. Leaves: the same, typed.

What is issued is held against the type as well as what is verified, so that nobody issues what no verifier takes.
Source: RFC 7519 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from daypass.claims import Claims
from daypass.errors import ClaimError

__all__ = ["Issuable", "plain_claims", "typed_claims"]

T = TypeVar("T")


class DataclassInstance(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Issuable = Mapping[str, Any] | msgspec.Struct | DataclassInstance
"""Claims that may be issued; those that are no mapping together with their ``claims_type``."""


def typed_claims(claims: Claims, claims_type: type[T]) -> T:
    """Convert verified claims to a declared type. Raises ClaimError where they do not have it. Source: RFC 7519 4."""
    try:
        return msgspec.convert(claims, claims_type)
    except msgspec.ValidationError as error:
        place = _place_of(error)
    raise ClaimError(place if place in claims else "claims", "type", f"the claims are no {claims_type.__name__}")


def plain_claims(claims: Issuable, claims_type: type[Any], *, added: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take claims that are about to be issued as a mapping, and hold them against their type.

    Args:
        claims: an instance of the type, or a mapping that has its members.
        claims_type: a dataclass, TypedDict or msgspec Struct.
        added: claims that will be there, too: the type may ask for them.

    Raises:
        TypeError: they are neither.
        ValueError: a member is missing or has another type; the message names it.

    Source: RFC 7519 4.
    """
    plain = claims if isinstance(claims, Mapping) else _members_of(claims)
    try:
        msgspec.convert({**added, **plain}, claims_type)
    except msgspec.ValidationError as error:
        place = _place_of(error)
    else:
        return plain
    where = f" (see {place!r})" if place in plain or place in getattr(claims_type, "__annotations__", ()) else ""
    raise ValueError(f"the claims are no {claims_type.__name__}{where}: no verifier with this claims_type takes them")


def _members_of(claims: object) -> dict[str, Any]:
    """The members of a dataclass or Struct. Raises TypeError for the rest."""
    plain = msgspec.to_builtins(claims) if hasattr(claims, "__match_args__") else None
    if not isinstance(plain, dict):
        raise TypeError(f"claims are a mapping, a dataclass or a Struct, not {type(claims).__name__}")
    return plain


def _place_of(error: msgspec.ValidationError) -> str:
    """The name of the claim alone: the message of msgspec may repeat a value."""
    return str(error).rpartition(" - at `$.")[2].split("`")[0].split(".")[0].split("[")[0]
