"""What JWS and JWE in compact serialization have in common: segments, bounded before they are decoded.

Enters: a token of a stranger. Leaves: its segments, still encoded. A signed token has three of them, an encrypted five.
Source: RFC 7515 3.1, 7.1; RFC 7516 3.1, 7.1.
"""

from __future__ import annotations

from daypass.encoding import token_octets
from daypass.errors import MalformedToken

__all__ = ["JWE_SEGMENTS", "JWS_SEGMENTS", "split_compact"]

JWS_SEGMENTS = 3
JWE_SEGMENTS = 5
_SHAPES = {
    JWS_SEGMENTS: "a compact JWS has three segments, separated by two dots; an encrypted token has five",
    JWE_SEGMENTS: "a compact JWE has five segments, separated by four dots; a signed token has three",
}


def split_compact(token: str, count: int, bytes_max: int) -> list[bytes]:
    """Split a compact token into its segments, and look for no more dots than it may have.

    Args:
        token: ASCII, at most ``bytes_max``.
        count: JWS_SEGMENTS or JWE_SEGMENTS.
        bytes_max: the longest token that is looked at.

    Raises:
        TokenTooLarge: longer than ``bytes_max``; nothing else was looked at.
        MalformedToken: no str, not ASCII, not so many segments.

    Source: RFC 7515 3.1, 7.1; RFC 7516 3.1, 7.1.
    """
    segments = token_octets(token, bytes_max).split(b".", count)
    if len(segments) != count:
        raise MalformedToken(_SHAPES[count])
    return segments
