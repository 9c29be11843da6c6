"""Pre-authentication encoding: pieces, joined so that no two lists of pieces give the same bytes.

Enters: pieces of bytes. Leaves: what is authenticated. Source: PASETO 01-Protocol-Versions/Common, PAE Definition.
"""

from __future__ import annotations

from struct import pack

__all__ = ["le64", "pae"]


def le64(number: int) -> bytes:
    """Spell a count or a length: 64 bits, little-endian, the highest one clear. Source: PASETO Common, PAE."""
    return pack("<q", number)


def pae(*pieces: bytes) -> bytes:
    """Join pieces, each behind its length, all behind their number. Source: PASETO Common, PAE Definition."""
    joined = [pack("<q", len(pieces))]
    for piece in pieces:
        joined += (pack("<q", len(piece)), piece)
    return b"".join(joined)
