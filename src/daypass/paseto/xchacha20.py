"""XChaCha20: ChaCha20 under a nonce that is long enough to be drawn. Enters: key, nonce, data. Leaves: data.

No round is computed here. HChaCha20 is one block of ChaCha20 without its last step, which adds the initial state: so
that state is taken off again, in the eight words that count, 32 bits each, as one integer of 256 bits.
Source: draft-irtf-cfrg-xchacha 2.2 (HChaCha20), 2.3; RFC 8439 2.3 (the block function).
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

__all__ = ["hchacha20", "xchacha20"]

_CONSTANTS: Final = b"expand 32-byte k"
_BLOCK: Final = bytes(64)
_HIGH: Final = int.from_bytes(b"\x00\x00\x00\x80" * 8, "little")
_LOW: Final = int.from_bytes(b"\xff\xff\xff\x7f" * 8, "little")


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Derive the key of one nonce.

    Args:
        key: 32 bytes.
        nonce: 16 bytes.

    Returns:
        32 bytes.

    Source: draft-irtf-cfrg-xchacha 2.2.
    """
    block = Cipher(ChaCha20(key, nonce), None).encryptor().update(_BLOCK)
    final = int.from_bytes(block[:16] + block[48:], "little")
    initial = int.from_bytes(_CONSTANTS + nonce, "little")
    # Eight subtractions at once: the highest bit of each word is set so that none borrows, then put right.
    words = ((final | _HIGH) - (initial & _LOW)) ^ ((final ^ ~initial) & _HIGH)
    return words.to_bytes(32, "little")


def xchacha20(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt: one is the other.

    Args:
        key: 32 bytes.
        nonce: 24 bytes; no two messages under one key share one.
        data: less than 256 GiB.

    Source: draft-irtf-cfrg-xchacha 2.3.
    """
    stream = ChaCha20(hchacha20(key, nonce[:16]), bytes(8) + nonce[16:])
    return Cipher(stream, None).encryptor().update(data)
