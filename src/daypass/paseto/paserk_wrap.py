"""Keys under another key, by the protocol pie. Enters: a concealed key, or data, and a LocalKey. Leaves: the other.

Source: PASERK operations/Wrap/pie.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import Final

from daypass.concealed import Concealed
from daypass.paseto.aes_ctr import hmac_sha384
from daypass.paseto.keys import LocalKey
from daypass.paseto.paserk_suite import SUITES, DerivedKeys

__all__ = ["overhead_bytes", "unwrap", "wrap"]

_NONCE_BYTES: Final = 32


def overhead_bytes(version: int) -> int:
    """How much longer the data is than the key in it. Source: PASERK operations/Wrap/pie."""
    return SUITES[version].tag_bytes + _NONCE_BYTES


def wrap(header: bytes, secret: Concealed, wrapping_key: LocalKey) -> bytes:
    """Wrap a key.

    Args:
        header: version and type with all dots; it is authenticated.
        secret: the octets of the key.
        wrapping_key: of the version that the header says.

    Source: PASERK operations/Wrap/pie, Encryption.
    """
    nonce = os.urandom(_NONCE_BYTES)
    ciphertext, tag = SUITES[wrapping_key.version].lock(_derived(wrapping_key, nonce), header + nonce, secret)
    return tag + nonce + ciphertext


def unwrap(header: bytes, data: Concealed, wrapping_key: LocalKey) -> Concealed | None:
    """Unwrap a key; None: this wrapping key did not wrap it. Its length was checked.

    Source: PASERK operations/Wrap/pie, Decryption.
    """
    suite = SUITES[wrapping_key.version]
    tag, rest = data.value[: suite.tag_bytes], data.value[suite.tag_bytes :]
    nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
    return suite.unlock(_derived(wrapping_key, nonce), header + nonce, ciphertext, tag)


def _derived(wrapping_key: LocalKey, nonce: bytes) -> Concealed:
    """The keys of one nonce: 80 tells those of the cipher apart from the one of the MAC, 81."""
    key = Concealed(wrapping_key.to_bytes())
    if wrapping_key.version in (1, 3):
        derived = Concealed(hmac_sha384(key.value, b"\x80" + nonce))
        authentication = Concealed(hmac_sha384(key.value, b"\x81" + nonce)[:32])
    else:
        derived = Concealed(blake2b(b"\x80" + nonce, digest_size=56, key=key.value).digest())
        authentication = Concealed(blake2b(b"\x81" + nonce, digest_size=32, key=key.value).digest())
    return Concealed(DerivedKeys(derived.value[:32], derived.value[32:], authentication.value))
