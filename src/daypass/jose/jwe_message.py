"""The content of a JWE, whatever its serialization: from a key to a plaintext and back. Enters: checked parts.

Leaves: a plaintext, or DecryptionFailed: one error and one road, whatever failed. A CEK that could not be had is
replaced by a random one, so that the tag is what fails in the end.
Source: RFC 7516 5.1 steps 2, 9 to 15, 5.2 steps 9 to 18, 11.5; RFC 7518 5.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

import msgspec

from daypass.errors import DecryptionFailed, TokenTooLarge
from daypass.jose.jwa.content_encryption import ContentEncryption, Decrypt, Encrypt
from daypass.jose.jwa.key_management import KeyParameters, Receive
from daypass.jose.jwk import JWK
from daypass.limits import INFLATED_BYTES_FREE, INFLATED_RATIO_MAX, PLAINTEXT_BYTES_MAX

__all__ = ["DecryptedJWE", "content_opener", "deflate", "inflate", "open_content", "received_cek", "seal_content"]


class DecryptedJWE(msgspec.Struct, frozen=True):
    """What was decrypted.

    Args:
        plaintext: bytes.
        header: the protected header; what it says was authenticated.
        key: the key that decrypted it.
        unprotected: header parameters that nobody authenticated: shared ones, and those of the recipient.
        aad: additional authenticated data; empty where there is none.
        recipient: which of the recipients the key was for, from 0.
    """

    plaintext: bytes
    header: dict[str, Any]
    key: JWK
    unprotected: dict[str, Any] = {}
    aad: bytes = b""
    recipient: int = 0

    def __repr__(self) -> str:  # a plaintext was encrypted for a reason
        return f"DecryptedJWE({len(self.plaintext)} bytes, header with {', '.join(self.header)}, {self.key!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("plaintext_bytes", len(self.plaintext)), ("key", self.key)]


def received_cek(receive: Receive, encrypted_key: bytes, parameters: KeyParameters) -> bytes:
    """The content encryption key, or a random one in its place. Source: RFC 7516 5.2 step 9, 11.5."""
    substitute = os.urandom(parameters.cek_bytes)  # drawn in any case: its time tells nothing
    try:
        cek = receive(encrypted_key, parameters)
    except DecryptionFailed:
        return substitute
    return cek if len(cek) == parameters.cek_bytes else substitute


def content_opener(
    enc: ContentEncryption, receive: Receive, encrypted_key: bytes, parameters: KeyParameters
) -> Decrypt:
    """What opens the content, under the key that was handed over or a random one. Source: RFC 7516 5.2 steps 9, 16."""
    # The CEK gets no name: a traceback that shows locals would show that of a token which somebody changed.
    return enc.decryptor(received_cek(receive, encrypted_key, parameters))


def open_content(
    enc: ContentEncryption, decrypt: Decrypt, *, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes
) -> bytes:
    """Decrypt a content. Raises DecryptionFailed, before a cipher runs where a length is wrong. Source: RFC 7518 5."""
    if len(iv) != enc.iv_bytes or len(tag) != enc.tag_bytes:
        raise DecryptionFailed
    return decrypt(iv, ciphertext + tag, aad)


def seal_content(enc: ContentEncryption, encrypt: Encrypt, plaintext: bytes, aad: bytes) -> tuple[bytes, bytes, bytes]:
    """Encrypt a content under a random iv: iv, ciphertext, tag. Source: RFC 7516 5.1 steps 9 to 15."""
    iv = os.urandom(enc.iv_bytes)
    sealed = encrypt(iv, plaintext, aad)
    return iv, sealed[: -enc.tag_bytes], sealed[-enc.tag_bytes :]


# ----------------------------------------------------------------------------------------------- compression


def deflate(plaintext: bytes) -> bytes:
    """Compress a plaintext. Raises ValueError: no receiver would inflate it. Source: RFC 7516 4.1.3; RFC 1951."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(plaintext) + packer.flush()
    if len(plaintext) > _inflated_max(packed):
        raise ValueError(
            f"a plaintext that is compressed has at most {PLAINTEXT_BYTES_MAX} bytes, and beyond {INFLATED_BYTES_FREE}"
            f" at most {INFLATED_RATIO_MAX} times those that it is compressed to: leave zip out"
        )
    return packed


def inflate(packed: bytes) -> bytes:
    """Decompress what was decrypted, never beyond the bound.

    Raises:
        TokenTooLarge: it would have more than PLAINTEXT_BYTES_MAX bytes, or is as dense as only a bomb is.
        DecryptionFailed: it is no whole DEFLATE stream, or something follows it.

    Source: RFC 7516 4.1.3; RFC 1951; RFC 8725 3.6.
    """
    most = _inflated_max(packed)
    unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        plaintext = unpacker.decompress(packed, most + 1)
        is_whole = unpacker.eof and not unpacker.unused_data
    except zlib.error:
        plaintext, is_whole = b"", False
    if len(plaintext) > most:
        raise TokenTooLarge(f"the token inflates to more than {most} bytes")
    if not is_whole:
        raise DecryptionFailed
    return plaintext


def _inflated_max(packed: bytes) -> int:
    return min(PLAINTEXT_BYTES_MAX, max(INFLATED_BYTES_FREE, INFLATED_RATIO_MAX * len(packed)))
