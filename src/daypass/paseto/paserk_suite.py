"""What a PASERK is locked with: a cipher, and a MAC over header, context and ciphertext; two such pairs serve all.

Enters: derived keys and a key to protect, both concealed. Leaves: ciphertext and tag, or the key again.
Source: PASERK operations/Wrap/pie, operations/PBKW, operations/PKE.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from hmac import compare_digest
from typing import Final, NamedTuple

import msgspec

from daypass.concealed import Concealed
from daypass.paseto.aes_ctr import aes_256_ctr, hmac_sha384
from daypass.paseto.xchacha20 import xchacha20

__all__ = ["SUITES", "DerivedKeys", "Suite"]


class DerivedKeys(NamedTuple):
    """What one PASERK is locked with; it travels concealed."""

    encryption: bytes
    nonce: bytes
    authentication: bytes


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A cipher and a MAC.

    Args:
        cipher: key, nonce, data -> data; encrypts and decrypts.
        mac: key, message -> tag.
        nonce_bytes: of the cipher.
        tag_bytes: of the MAC.
    """

    cipher: Callable[[bytes, bytes, bytes], bytes]
    mac: Callable[[bytes, bytes], bytes]
    nonce_bytes: int
    tag_bytes: int

    def lock(self, keys: Concealed, context: bytes, secret: Concealed) -> tuple[bytes, bytes]:
        """Encrypt, then authenticate what stands before the ciphertext, and it.

        Args:
            keys: DerivedKeys, for this one PASERK.
            context: header, and what the keys were derived from.
            secret: the key to protect.

        Returns:
            Ciphertext and tag.

        Source: PASERK operations/Wrap/pie, steps 4 and 5.
        """
        ciphertext = self.cipher(keys.value.encryption, keys.value.nonce, secret.value)
        return ciphertext, self.mac(keys.value.authentication, context + ciphertext)

    def unlock(self, keys: Concealed, context: bytes, ciphertext: bytes, tag: bytes) -> Concealed | None:
        """Check the tag, then decrypt; None: it does not hold. Source: PASERK operations/Wrap/pie, Decryption."""
        # The right tag never gets a name here: a traceback that shows locals would show a forgery.
        if not compare_digest(self.mac(keys.value.authentication, context + ciphertext), tag):
            return None
        return Concealed(self.cipher(keys.value.encryption, keys.value.nonce, ciphertext))


def _blake2b_mac(key: bytes, message: bytes) -> bytes:
    return blake2b(message, digest_size=32, key=key).digest()


_NIST: Final = Suite(cipher=aes_256_ctr, mac=hmac_sha384, nonce_bytes=16, tag_bytes=48)
_SODIUM: Final = Suite(cipher=xchacha20, mac=_blake2b_mac, nonce_bytes=24, tag_bytes=32)
SUITES: Final[Mapping[int, Suite]] = {1: _NIST, 2: _SODIUM, 3: _NIST, 4: _SODIUM}
"""By version. Source: PASERK operations."""
