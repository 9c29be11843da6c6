"""What JWS and JWE in JSON serialization have in common: members of a stranger, bounded and typed before they are used.

Enters: JSON text, or the dict that it says. Leaves: members, lists, headers that are copies, base64url still encoded.
Source: RFC 7515 7.2; RFC 7516 7.2.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from daypass.encoding import decode_object, encode_json, is_json, parse_object, refuse_json
from daypass.errors import MalformedToken, TokenTooLarge
from daypass.jose.header import read_members
from daypass.limits import HEADER_BYTES_MAX, TOKEN_BYTES_MAX

__all__ = [
    "check_size",
    "copy_header",
    "encoded_in",
    "header_in",
    "parts_in",
    "protected_in",
    "read_json_token",
    "utf8",
]

_TOO_LONG: Final = f"the token is longer than {TOKEN_BYTES_MAX} bytes"


def read_json_token(token: object, *, compact: str) -> dict[str, Any]:
    """Read the outermost object; its members are still anything.

    Args:
        token: JSON text of at most TOKEN_BYTES_MAX, or a dict.
        compact: what to call for a compact token.

    Raises:
        TokenTooLarge: too long; nothing else was looked at.
        MalformedToken: no strict JSON object.

    Source: RFC 7515 7.2; RFC 7516 7.2.
    """
    if isinstance(token, str):
        if len(token) > TOKEN_BYTES_MAX:
            raise TokenTooLarge(_TOO_LONG)
        raw = utf8(token)
        if len(raw) > TOKEN_BYTES_MAX:
            raise TokenTooLarge(_TOO_LONG)
        if raw[:1] not in b"{ \t\r\n":
            raise MalformedToken(f"the text is no JSON object: {compact} takes a compact token")
        return parse_object(raw)
    if not isinstance(token, dict):
        raise MalformedToken(f"a token in JSON serialization is a str or a dict; {compact} takes a compact one")
    return token


def parts_in(members: dict[str, Any], name: str, of_one: Collection[str], most: int) -> list[dict[str, Any]]:
    """Find the signatures or recipients of a token.

    Args:
        members: the outermost object.
        name: of the list, in general serialization.
        of_one: members of one part; in flattened serialization they stand at the top.
        most: how many parts there may be.

    Raises:
        TokenTooLarge: there are more.
        MalformedToken: it is flattened and general at once, or the list is none, empty, or holds something else.

    Source: RFC 7515 7.2.1, 7.2.2; RFC 7516 7.2.1, 7.2.2.
    """
    if name not in members:
        return [members]
    if not members.keys().isdisjoint(of_one):
        raise MalformedToken(f"a token has {name!r}, or the members of one of them, but not both")
    found = members[name]
    if found.__class__ is not list or not found:
        raise MalformedToken(f"{name!r} must be a non-empty list")
    if len(found) > most:
        raise TokenTooLarge(f"{name!r} of a token may be {most} at most")
    if not all(isinstance(it, dict) for it in found):
        raise MalformedToken(f"{name!r} must hold objects")
    return found


def check_size(members: dict[str, Any], parts: list[dict[str, Any]], names: Collection[str]) -> None:
    """Bound all texts that will be decoded, a dict's too.

    Args:
        members: the outermost object.
        parts: of ``parts_in``.
        names: of the members that hold texts.

    Raises:
        TokenTooLarge: they have more than TOKEN_BYTES_MAX characters together.

    Source: RFC 7515 7.2; RFC 7516 7.2.
    """
    objects = parts if parts[0] is members else [members, *parts]  # a flattened token is its own part
    if sum(len(it[name]) for it in objects for name in names if isinstance(it.get(name), str)) > TOKEN_BYTES_MAX:
        raise TokenTooLarge(_TOO_LONG)


def encoded_in(members: dict[str, Any], name: str) -> bytes:
    """Take a member that holds base64url, still encoded. Raises MalformedToken: it is none. Source: RFC 7515 7.2.1."""
    text = members.get(name)
    if not isinstance(text, str) or not text.isascii():
        raise MalformedToken(f"the token has no {name!r}, or it is no base64url")
    return text.encode("ascii")


def protected_in(members: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Read the protected header: as it stands, which is what was authenticated, and decoded; both empty where absent.

    Raises:
        MalformedToken: no strict JSON object, too long, or empty: such a one is left out.

    Source: RFC 7515 7.2.1; RFC 7516 7.2.1.
    """
    if "protected" not in members:
        return b"", {}
    head = encoded_in(members, "protected")
    protected = read_members(head)
    if not protected:
        raise MalformedToken("an empty 'protected' must be left out")
    return head, protected


def header_in(members: dict[str, Any], name: str) -> dict[str, Any]:
    """Copy an unprotected header; empty where absent. Raises MalformedToken. Source: RFC 7515 7.2.1; RFC 7516 7.2.1."""
    header = members.get(name, {})
    copy, _ = _copied(header) if header.__class__ is dict else (None, 0)
    if copy is None:  # and no search for the reason: in a deep header it takes long
        raise MalformedToken(f"{name!r} is no JSON object of acceptable length")
    return copy


def copy_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an unprotected header of a caller's, whole.

    Raises:
        TypeError: a value is nothing that JSON can say exactly.
        ValueError: longer than HEADER_BYTES_MAX.

    Source: RFC 7515 7.2.1; RFC 7516 7.2.1.
    """
    plain = dict(header)
    copy, size = _copied(plain)
    if size > HEADER_BYTES_MAX:
        raise ValueError(f"the unprotected header is longer than {HEADER_BYTES_MAX} bytes")
    if copy is None:
        refuse_json(plain)
    return copy


def _copied(header: dict[str, Any]) -> tuple[dict[str, Any] | None, int]:
    """A copy of what JSON says exactly and within the bound, else None; and how long it is in JSON."""
    copy, size = None, 0
    if is_json(header):
        try:
            size = len(raw := encode_json(header))
            copy = decode_object(raw) if size <= HEADER_BYTES_MAX else None
        except (TypeError, ValueError, RecursionError, OverflowError):
            pass
    return copy if copy == header else None, size


def utf8(text: str) -> bytes:
    """Encode a text of a stranger. Raises MalformedToken: it holds a lone surrogate. Source: RFC 8259 8.1."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedToken("the text holds a lone surrogate") from None
