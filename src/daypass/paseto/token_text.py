"""A PASETO as text: header, payload, and perhaps a footer. Enters: a token of a stranger. Leaves: its parts, bounded.

A header is version and purpose with both dots (``v4.local.``). A footer that is empty is not written: so one token has
one spelling. Source: PASETO 01-Protocol-Versions/Common; RFC 4648 5.
"""

from __future__ import annotations

import re
from typing import Final

from daypass.encoding import b64url_decode, b64url_segment, token_octets
from daypass.errors import MalformedToken, TokenTooLarge, UnsupportedToken
from daypass.limits import FOOTER_BYTES_MAX

__all__ = ["decode_footer", "is_paseto", "join_token", "refuse_header", "split_token"]

_HEADER: Final = re.compile(r"v[1-4]\.(?:local|public)\.", re.ASCII)
_FOOTER_CHARACTERS_MAX: Final = (FOOTER_BYTES_MAX * 4 + 2) // 3


def is_paseto(token: str) -> bool:
    """Whether a text begins like a PASETO. Source: PASETO Common."""
    return _HEADER.match(token) is not None


def split_token(token: str, header: bytes, bytes_max: int) -> tuple[bytes, bytes]:
    """Split a token of one version and purpose.

    Args:
        token: ASCII, at most ``bytes_max``.
        header: the one that is expected, with both dots.
        bytes_max: the longest token that is looked at.

    Returns:
        What it holds, decoded, and its footer as it stands there; empty where there is none.

    Raises:
        TokenTooLarge: longer than ``bytes_max``, or its footer than FOOTER_BYTES_MAX.
        UnsupportedToken: another version or purpose.
        MalformedToken: no PASETO, or not in its one spelling.

    Source: PASETO Common; 02-Implementation-Guide/03-Algorithm-Lucidity.
    """
    raw = token_octets(token, bytes_max)
    if not raw.startswith(header):
        refuse_header(token, header)
    payload, dot, footer = raw[len(header) :].partition(b".")
    if len(footer) > _FOOTER_CHARACTERS_MAX:
        raise TokenTooLarge(f"the footer is longer than {FOOTER_BYTES_MAX} bytes")
    if dot and not footer:
        raise MalformedToken("a PASETO without a footer ends without a dot")
    return b64url_decode(payload), footer


def refuse_header(token: str, header: bytes) -> None:
    """Say why a token has not the header that is expected. Source: PASETO Common."""
    expected = header.decode("ascii").rstrip(".")
    if found := _HEADER.match(token):
        raise UnsupportedToken(f"a {expected} token is expected, this is another kind", kind=found[0].rstrip("."))
    raise MalformedToken(
        f"a {expected} token is expected: version, purpose, payload, perhaps a footer, with dots between"
    )


def decode_footer(footer: bytes) -> bytes:
    """Decode a footer as it stands in a token. Raises MalformedToken: not its one spelling. Source: PASETO Common."""
    return b64url_decode(footer)  # another dot is nothing that base64url has


def join_token(header: bytes, payload: bytes, footer: bytes) -> str:
    """Write a token. Source: PASETO Common."""
    token = header + b64url_segment(payload)
    if footer:
        token += b"." + b64url_segment(footer)
    return token.decode("ascii")
