"""The content encryption algorithms, one frozen table. Enters: a raw key. Leaves: functions that encrypt or open.

Preparation is staged: ``row.encryptor(cek)`` per key, the rest per message. Ciphertext and tag travel as one, the tag
last. The lengths of iv and tag are the caller's to check, before a cipher is called. What does not open raises
DecryptionFailed, for every reason alike.
Source: RFC 7518 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from hmac import compare_digest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from daypass.errors import DecryptionFailed
from daypass.jose.jwa.algorithm import Algorithm

if TYPE_CHECKING:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["CONTENT_ENCRYPTIONS", "ContentEncryption", "Decrypt", "Encrypt"]

Encrypt = Callable[[bytes, bytes, bytes], bytes]
"""From iv, plaintext and additional authenticated data to the ciphertext and its tag."""
Decrypt = Callable[[bytes, bytes, bytes], bytes]
"""From iv, ciphertext and tag, and additional authenticated data to the plaintext. Raises DecryptionFailed."""


class ContentEncryption(Algorithm, frozen=True, kw_only=True):
    """One row of the table.

    Args:
        iv_bytes: exactly so long is an initialization vector.
        tag_bytes: exactly so long is a tag.
        encryptor: content encryption key -> Encrypt.
        decryptor: content encryption key -> Decrypt.
    """

    iv_bytes: int
    tag_bytes: int
    encryptor: Callable[[bytes], Encrypt]
    decryptor: Callable[[bytes], Decrypt]

    @property
    def cek_bytes(self) -> int:
        """Exactly so long is a content encryption key."""
        return self.key_bytes_min


def _gcm(bits: int) -> ContentEncryption:
    """AES in Galois/Counter Mode, 96 bits of iv, 128 bits of tag. Source: RFC 7518 5.3."""

    def encryptor(cek: bytes) -> Encrypt:
        aes_gcm, _ = _gcm_classes()
        return aes_gcm(cek).encrypt

    def decryptor(cek: bytes) -> Decrypt:
        aes_gcm, refusal = _gcm_classes()
        opens = aes_gcm(cek).decrypt

        def decrypt(iv: bytes, sealed: bytes, aad: bytes) -> bytes:
            try:
                return opens(iv, sealed, aad)
            except refusal:
                pass
            raise DecryptionFailed

        return decrypt

    return _row(f"A{bits}GCM", bits // 8, iv_bytes=12, tag_bytes=16, encryptor=encryptor, decryptor=decryptor)


@cache
def _gcm_classes() -> tuple[type[AESGCM], type[InvalidTag]]:
    """The cipher and its refusal: most tokens have a key of their own, and an import costs as much as its set-up."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM, InvalidTag


def _cbc_hs(bits: int) -> ContentEncryption:
    """AES in CBC mode, then HMAC with SHA-2 of twice the size, cut in half. Source: RFC 7518 5.2."""
    half = bits // 8

    def parts(cek: bytes) -> tuple[Callable[[bytes, bytes, bytes], bytes], Callable[[bytes], Any]]:
        """What makes the tag, and what makes the cipher: the first half of the key is for the MAC."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        from cryptography.hazmat.primitives.hmac import HMAC

        kinds = {16: hashes.SHA256(), 24: hashes.SHA384(), 32: hashes.SHA512()}
        keyed, aes = HMAC(cek[:half], kinds[half]), algorithms.AES(cek[half:])

        def tag_of(iv: bytes, ciphertext: bytes, aad: bytes) -> bytes:
            mac = keyed.copy()
            mac.update(aad + iv)
            mac.update(ciphertext)
            mac.update((len(aad) * 8).to_bytes(8, "big"))  # all 64 bits of AL: CVE-2016-9123
            return mac.finalize()[:half]

        return tag_of, lambda iv: Cipher(aes, modes.CBC(iv))

    def encryptor(cek: bytes) -> Encrypt:
        from cryptography.hazmat.primitives.padding import PKCS7

        tag_of, cipher_of = parts(cek)

        def encrypt(iv: bytes, plaintext: bytes, aad: bytes) -> bytes:
            pad, cipher = PKCS7(128).padder(), cipher_of(iv).encryptor()
            ciphertext = cipher.update(pad.update(plaintext) + pad.finalize()) + cipher.finalize()
            return ciphertext + tag_of(iv, ciphertext, aad)  # type: ignore[no-any-return]

        return encrypt

    def decryptor(cek: bytes) -> Decrypt:
        from cryptography.hazmat.primitives.padding import PKCS7

        tag_of, cipher_of = parts(cek)

        def decrypt(iv: bytes, sealed: bytes, aad: bytes) -> bytes:
            ciphertext, tag = sealed[:-half], sealed[-half:]
            # The tag first, and in constant time: no byte of what was not authenticated is ever decrypted.
            if compare_digest(tag_of(iv, ciphertext, aad), tag):
                try:
                    cipher, unpad = cipher_of(iv).decryptor(), PKCS7(128).unpadder()
                    padded = cipher.update(ciphertext) + cipher.finalize()
                    return unpad.update(padded) + unpad.finalize()
                except ValueError:
                    pass
            raise DecryptionFailed

        return decrypt

    return _row(
        f"A{bits}CBC-HS{bits * 2}", 2 * half, iv_bytes=16, tag_bytes=half, encryptor=encryptor, decryptor=decryptor
    )


def _row(
    name: str,
    cek_bytes: int,
    *,
    iv_bytes: int,
    tag_bytes: int,
    encryptor: Callable[[bytes], Encrypt],
    decryptor: Callable[[bytes], Decrypt],
) -> ContentEncryption:
    return ContentEncryption(
        name=name,
        kty="oct",
        key_bytes_min=cek_bytes,
        key_bytes_max=cek_bytes,
        iv_bytes=iv_bytes,
        tag_bytes=tag_bytes,
        encryptor=encryptor,
        decryptor=decryptor,
    )


_ROWS: Final = (_cbc_hs(128), _cbc_hs(192), _cbc_hs(256), _gcm(128), _gcm(192), _gcm(256))

CONTENT_ENCRYPTIONS: Final[Mapping[str, ContentEncryption]] = MappingProxyType({row.name: row for row in _ROWS})
"""``enc`` -> row. As the ``alg`` of a JWK, the name says: a key for ``dir`` with this ``enc``. Source: RFC 7518 5.1."""
