"""The members of a JWK on their way to a loader. Enters: text, concealed. Leaves: members that show nothing.

Source: RFC 7517 4, 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daypass.concealed import Concealed
from daypass.encoding import parse_object
from daypass.errors import KeyFormatError, MalformedToken

__all__ = ["Members", "members_of", "parse_members"]


class Members(dict[str, Any]):
    """The members of a JWK, some of them private: shows none."""

    def __repr__(self) -> str:
        return "<members of a JWK, redacted>"


def members_of(jwk: Concealed) -> Members:
    """The members of a JWK as a dict that shows none. Raises KeyFormatError for the rest. Source: RFC 7517 4."""
    if isinstance(jwk.value, Mapping):
        return Members(jwk.value)
    raise KeyFormatError("a JWK is a dict of members; JWK.from_json reads text")


def parse_members(text: Concealed, bytes_max: int) -> Members:
    """Parse key material as strict JSON. Raises KeyFormatError, which shows nothing of it. Source: RFC 7517 4, 5."""
    parsed = None
    try:
        data = text.value.encode("utf-8") if isinstance(text.value, str) else bytes(text.value)
        if len(data) <= bytes_max:
            parsed = parse_object(data)
    except (MalformedToken, UnicodeEncodeError):
        pass
    data = b""
    if parsed is None:
        raise KeyFormatError(f"not a strict JSON object of at most {bytes_max} bytes")
    return Members(parsed)
