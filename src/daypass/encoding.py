"""Strict base64url and strict JSON: one value has one spelling. Enters: text of a stranger. Leaves: bytes, a dict.

Every refusal is a MalformedToken. base64url is unpadded and canonical (no whitespace, no stray bits at the end);
JSON is UTF-8 without a byte order mark, an object at the top, no member twice, no NaN, no lone surrogate.
Source: RFC 7515 2 (base64url), RFC 7515 4 and RFC 7519 4 (unique member names), RFC 8259.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NoReturn

import msgspec

from daypass.errors import MalformedToken, TokenTooLarge

__all__ = [
    "JSON",
    "b64url_decode",
    "b64url_encode",
    "b64url_segment",
    "decode_object",
    "encode_exactly",
    "encode_json",
    "is_json",
    "parse_object",
    "refuse_json",
    "token_octets",
]

JSON = None | bool | int | float | str | list[Any] | dict[str, Any]
"""What a claim may hold. The containers hold JSON again."""


def _as_dict(value: object) -> dict[str, Any]:
    """Take any mapping as an object: the encoder knows dict alone. Raises TypeError for the rest."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{type(value).__name__} is nothing that JSON can say")
    return dict(value)


encode_json: Final = msgspec.json.Encoder(enc_hook=_as_dict).encode
"""A JSON value to compact UTF-8. What it is given must satisfy ``is_json``: it writes NaN as null."""
decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
"""UTF-8 to a dict, strict but for duplicate members. Raises ValueError or RecursionError."""

# msgspec reads a JSON string of base64 three times faster than binascii and refuses whatever is foreign to it,
# but for the escapes of JSON, the padding, the standard alphabet and stray bits: those are ours to refuse.
_bytes_of: Final = msgspec.json.Decoder(bytes).decode
_CLOSE: Final = (b'"', b'"', b'=="', b'="')
_LAST: Final = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")
_PLUS, _SLASH, _PAD, _BACKSLASH = b"+/=\\"


def b64url_encode(raw: bytes) -> str:
    """Encode as base64url without padding.

    Args:
        raw: any bytes.

    Returns:
        ASCII, ``ceil(len(raw) * 4 / 3)`` characters.

    Source: RFC 7515 2.
    """
    return b64url_segment(raw).decode("ascii")


def b64url_segment(raw: bytes) -> bytes:
    """Encode as base64url without padding, as the ASCII bytes that a token is joined from. Source: RFC 7515 2."""
    # msgspec writes bytes as a JSON string of base64, and replace() is memchr: a third below b2a_base64 and translate.
    return encode_json(raw).replace(b"+", b"-").replace(b"/", b"_").strip(b'"=')


def b64url_decode(data: bytes) -> bytes:
    """Decode the one canonical base64url spelling of some bytes.

    Args:
        data: ASCII, unpadded. The caller has bounded its length.

    Raises:
        MalformedToken: any other spelling, however common.

    Source: RFC 7515 2; RFC 4648 3.5 (stray bits).
    """
    rest = len(data) & 3
    if _PLUS in data or _SLASH in data or _PAD in data or _BACKSLASH in data or (rest and data[-1] not in _LAST[rest]):
        raise MalformedToken(_NOT_BASE64URL)
    try:
        return _bytes_of(b'"' + data.replace(b"-", b"+").replace(b"_", b"/") + _CLOSE[rest])
    except ValueError:
        raise MalformedToken(_NOT_BASE64URL) from None


_NOT_BASE64URL: Final = "not canonical base64url: expected A-Z a-z 0-9 - _ without padding, whitespace or stray bits"


def token_octets(token: object, bytes_max: int) -> bytes:
    """Take the text of a token as octets, before anything else is done with it.

    Args:
        token: of a stranger: anything.
        bytes_max: the longest token that is looked at.

    Raises:
        TokenTooLarge: longer than ``bytes_max``; nothing else was looked at.
        MalformedToken: no str, not ASCII.

    Source: RFC 7515 3.1; PASETO 01-Protocol-Versions/Common.
    """
    if not isinstance(token, str):
        raise MalformedToken("a token is a str")
    if len(token) > bytes_max:
        raise TokenTooLarge(f"the token is longer than {bytes_max} bytes")
    if not token.isascii():
        raise MalformedToken("a token is ASCII")
    return token.encode("ascii")


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object in which no member stands twice, at any depth.

    Args:
        raw: UTF-8. The caller has bounded its length.

    Raises:
        MalformedToken: not UTF-8, not JSON, not an object, nested too deeply, or a member stands twice.

    Source: RFC 7515 4, RFC 7519 4: names within an object must be unique.
    """
    try:
        value = decode_object(raw)
        # The encoder writes a member once. So where it gives the same bytes back, none stood twice.
        if encode_json(value) != raw:
            _refuse_duplicates(raw)
    except RecursionError:
        raise MalformedToken("the JSON is nested too deeply") from None
    except ValueError:
        raise MalformedToken("not a strict JSON object in UTF-8") from None
    return value


def _refuse_duplicates(raw: bytes) -> None:
    """Read JSON once more, slowly, to see its members one by one. Raises ValueError or RecursionError."""
    import json

    def unique(pairs: list[tuple[str, object]]) -> None:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError

    json.loads(raw.decode("utf-8"), object_pairs_hook=unique)


def encode_exactly(value: Mapping[str, Any]) -> bytes:
    """Encode an object as compact JSON, and refuse what would not be read back as it was written.

    The encoder turns NaN to null, a datetime to text and a tuple to a list without a word. So what it wrote is read and
    compared: that is whole and exact, and for a dozen members still cheaper than a look at the type of each value.

    Raises:
        TypeError: a name is no str, or a value is nothing that JSON says exactly.

    Source: RFC 8259.
    """
    try:
        raw = encode_json(value)
        same = decode_object(raw) == value
    except (TypeError, ValueError, RecursionError, OverflowError):
        same = False
    if not same:
        refuse_json(value)
    return raw


def is_json(value: object) -> bool:
    """Tell whether JSON can say a value so that it is read back as it was written.

    Args:
        value: str, int, finite float, bool, None, or a list or dict (str keys) of those; no subclass of them.
    """
    kind = value.__class__
    if kind in _SCALARS:
        return True
    if kind is float:
        return isfinite(value)  # type: ignore[arg-type]
    if kind is dict:
        if not _STR.issuperset(map(type, value)):  # type: ignore[call-overload]
            return False
        value = value.values()  # type: ignore[attr-defined]
    elif kind is not list:
        return False
    try:
        return _SCALARS.issuperset(map(type, value)) or all(map(is_json, value))  # type: ignore[call-overload]
    except RecursionError:  # a list in itself, say
        return False


_SCALARS: Final = frozenset({str, int, bool, type(None)})
_STR: Final = frozenset({str})


def refuse_json(value: object) -> NoReturn:
    """Say why JSON cannot say a value. Raises TypeError; never repeats the value."""
    if not isinstance(value, Mapping):
        raise TypeError(f"claims and headers are a mapping of names to values, not {type(value).__name__}")
    try:
        found = "a lone surrogate, or an int of thousands of digits" if is_json(value) else _offender(value)
    except RecursionError:
        found = "a list or dict that is nested too deeply, or in itself"
    raise TypeError(
        "claims and headers hold str, int, finite float, bool, None, list and dict with str keys, exactly;"
        f" found {found}: convert it first (a datetime to int epoch seconds, bytes to base64url text)"
    )


def _offender(value: object) -> str:
    """Name the type of the first value that is no JSON."""
    if isinstance(value, float):
        return "a float that is not finite"
    children = value if value.__class__ is list else value.values() if value.__class__ is dict else ()
    for child in children:
        if not is_json(child):
            return _offender(child)
    return "a dict with a key that is no str" if value.__class__ is dict else type(value).__name__
