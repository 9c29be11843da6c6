"""DER: what stands in it, and what a parser of cryptography makes of it. Enters: octets of anybody. Leaves: parts.

Source: X.690 8.1; RFC 5280 4.1; RFC 5958 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["FOREIGN_KEYS", "SCRYPT", "elements_of", "is_pkcs12", "parsed"]

FOREIGN_KEYS: Final = {
    bytes.fromhex("06072a8648ce380401"): "a DSA key",
    bytes.fromhex("06092a864886f70d010301"): "a Diffie-Hellman key",
    bytes.fromhex("06072a8648ce3e0201"): "a Diffie-Hellman key",
}
"""Object identifiers of key types that JOSE has no algorithm for, as they stand in DER."""
SCRYPT: Final = bytes.fromhex("06092b06010401da47040b")
"""The identifier of a key derivation that costs N * r * p. Source: RFC 7914 7."""
_VERSION_3: Final = b"\x02\x01\x03\x30"


def elements_of(der: bytes) -> Iterator[tuple[int, bytes]]:
    """What stands in DER side by side: tags and contents; of what is no DER, something. Source: X.690 8.1."""
    at = 0
    while at + 2 <= len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length > 127:
            length, at = int.from_bytes(der[at : at + length - 128], "big"), at + length - 128
        yield tag, der[at : at + length]
        at += length


def is_pkcs12(der: bytes) -> bool:
    """Whether it begins as PKCS #12 does: a SEQUENCE, in it version 3 and another SEQUENCE. Source: RFC 7292 4."""
    return der[:1] == b"\x30" and _VERSION_3 in der[:8]


def parsed(load: Callable[[bytes], Any], octets: bytes) -> Any:  # noqa: ANN401 - classes that are imported late
    """What a parser of cryptography makes of octets, or None where it refuses. Source: RFC 5280 4.1; RFC 5958 2."""
    try:
        return load(octets)
    except BaseException as refused:
        # It has classes of its own for what it dislikes, not all of them ValueErrors; what its panics raise is, on
        # purpose, no Exception at all, and has no name that could be imported.
        if isinstance(refused, Exception) or type(refused).__name__ == "PanicException":
            return None
        raise
