"""AES-256 in counter mode and the MAC beside it, HMAC-SHA384. Enters: keys, data. Leaves: data, a tag.

Source: PASETO 01-Protocol-Versions/Version1, Version3; PASERK operations/Wrap/pie.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daypass.concealed import Concealed

__all__ = ["aes_256_ctr", "hkdf_sha384", "hmac_sha384"]


def aes_256_ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt: one is the other.

    Args:
        key: 32 bytes.
        counter: 16 bytes, the first counter block; no two messages under one key share one.
        data: any bytes.

    Source: PASETO Version3, Encrypt, step 5.
    """
    return Cipher(AES(key), CTR(counter)).encryptor().update(data)


def hmac_sha384(key: bytes, message: bytes) -> bytes:
    """Authenticate: 48 bytes. Source: RFC 2104; RFC 4868."""
    return hmac.digest(key, message, "sha384")


def hkdf_sha384(key: bytes, *, length_bytes: int, salt: bytes | None = None) -> Callable[[bytes], bytes]:
    """Derive keys from a key: returns a function from ``info`` to ``length_bytes`` bytes. Source: RFC 5869 2."""
    sha384, secret = SHA384(), Concealed(key)

    def derive(info: bytes) -> bytes:
        return HKDF(algorithm=sha384, length=length_bytes, salt=salt, info=info).derive(secret.value)

    return derive
