"""Claims with a declared type: a dataclass, a TypedDict or a msgspec Struct. Enters: claims. Leaves: the same, typed.

What is issued is held against the type as well as what is verified, so that nobody issues what no verifier takes.
Source: RFC 7519 4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Protocol, TypeVar, get_origin, is_typeddict

import msgspec

from daypass.claims import Claims
from daypass.errors import ClaimError, ConfigurationError

__all__ = ["Issuable", "check_claims_type", "demand_mapping", "plain_claims", "typed_claims"]

T = TypeVar("T")


class DataclassInstance(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Issuable = Mapping[str, Any] | msgspec.Struct | DataclassInstance
"""Claims that may be issued; those that are no mapping together with their ``claims_type``."""


def demand_mapping(claims: Issuable) -> Mapping[str, Any]:
    """Refuse claims that are no mapping, and were given without their type. Raises TypeError. Source: RFC 7519 4."""
    if not isinstance(claims, Mapping):
        raise TypeError(
            f"claims are a mapping, not {type(claims).__name__}: with claims_type= a dataclass or a Struct will do"
        ) from None
    return claims


def check_claims_type(claims_type: type[Any]) -> None:
    """Refuse a type that no claims could have. Raises ConfigurationError. Source: RFC 7519 4."""
    kind = get_origin(claims_type) or claims_type
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    if not (is_struct or is_typeddict(kind) or hasattr(kind, "__dataclass_fields__")):
        raise ConfigurationError("claims_type must be a dataclass, a TypedDict or a msgspec Struct")
    try:
        msgspec.json.Decoder(claims_type)  # finds what no claims could be converted to, before a token does
    except (TypeError, NameError) as error:
        raise ConfigurationError(f"claims_type cannot be converted to: {error}") from None


def typed_claims(claims: Claims, claims_type: type[T]) -> T:
    """Convert verified claims to a declared type. Raises ClaimError where they do not have it. Source: RFC 7519 4."""
    try:
        return msgspec.convert(claims, claims_type)
    except msgspec.ValidationError as error:
        place = _place_of(error)
    except TypeError:
        check_claims_type(claims_type)
        raise
    known = place in claims or place in _members_named(claims_type)
    raise ClaimError(place if known else "claims", "type", f"the claims are no {_name_of(claims_type)}")


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
    check_claims_type(claims_type)
    plain = claims if isinstance(claims, Mapping) else _members_of(claims)
    try:
        msgspec.convert({**added, **plain}, claims_type)
    except msgspec.ValidationError as error:
        place = _place_of(error)
    else:
        return plain
    where = f" (see {place!r})" if place in plain or place in _members_named(claims_type) else ""
    raise ValueError(f"the claims are no {_name_of(claims_type)}{where}: no verifier with this claims_type takes them")


def _members_of(claims: object) -> dict[str, Any]:
    """The members of a dataclass or Struct. Raises TypeError for the rest."""
    if not isinstance(claims, msgspec.Struct) and not hasattr(type(claims), "__dataclass_fields__"):
        raise TypeError(f"claims are a mapping, a dataclass or a Struct, not {type(claims).__name__}")
    try:
        members: dict[str, Any] = _as_lists(msgspec.to_builtins(claims))
    except RecursionError:
        raise TypeError("the claims are nested too deeply, or hold themselves") from None
    return members


def _as_lists(value: Any) -> Any:  # noqa: ANN401 - any value that JSON can say
    """The tuples of a frozen type as the lists that JSON has."""
    if isinstance(value, dict):
        return {name: _as_lists(member) for name, member in value.items()}
    return [_as_lists(member) for member in value] if isinstance(value, list | tuple | set | frozenset) else value


def _members_named(claims_type: type[Any]) -> Collection[str]:
    """The names that claims of a type have, inherited and renamed ones too."""
    kind = get_origin(claims_type) or claims_type
    for names in ("__struct_encode_fields__", "__dataclass_fields__", "__annotations__"):
        if hasattr(kind, names):
            return getattr(kind, names)  # type: ignore[no-any-return]
    return ()


def _name_of(claims_type: type[Any]) -> str:
    return getattr(claims_type, "__name__", "claims_type")


def _place_of(error: msgspec.ValidationError) -> str:
    """The name of the claim alone: the message of msgspec may repeat a value."""
    text, _, path = str(error).rpartition(" - at `$.")
    if not text and path.startswith("Object missing required field `"):
        return path.split("`")[1]
    return path.split("`")[0].split(".")[0].split("[")[0]
