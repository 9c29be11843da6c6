"""Version 4: XChaCha20 with keyed BLAKE2b, and Ed25519. Enters: raw keys, messages. Leaves: sealed or signed bytes.

Source: PASETO 01-Protocol-Versions/Version4.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from daypass.errors import DecryptionFailed
from daypass.paseto.ed25519 import SIGNATURE_BYTES, signing, verifying
from daypass.paseto.pae import pae
from daypass.paseto.protocol import Draw, LocalProtocol, Open, PublicProtocol, Seal, Sign, Verify
from daypass.paseto.xchacha20 import xchacha20

__all__ = ["LOCAL", "PUBLIC"]

_LOCAL: Final = b"v4.local."
_PUBLIC: Final = b"v4.public."
_NONCE_BYTES: Final = 32
_TAG_BYTES: Final = 32


# --------------------------------------------------------------------------------------------------- v4.local


def _key_splitter(key: bytes) -> Callable[[bytes], tuple[bytes, bytes, bytes]]:
    """From the nonce of a token to encryption key, counter nonce and authentication key."""
    encryption = blake2b(b"paseto-encryption-key", digest_size=56, key=key)
    authentication = blake2b(b"paseto-auth-key-for-aead", digest_size=32, key=key)

    def split(nonce: bytes) -> tuple[bytes, bytes, bytes]:
        encrypting, authenticating = encryption.copy(), authentication.copy()
        encrypting.update(nonce)
        authenticating.update(nonce)
        derived = encrypting.digest()
        return derived[:32], derived[32:], authenticating.digest()

    return split


def _sealer(key: bytes, draw: Draw) -> Seal:
    split = _key_splitter(key)

    def seal(message: bytes, footer: bytes, implicit: bytes) -> bytes:
        nonce = draw(_NONCE_BYTES)
        encryption_key, counter_nonce, authentication_key = split(nonce)
        ciphertext = xchacha20(encryption_key, counter_nonce, message)
        authenticated = pae(_LOCAL, nonce, ciphertext, footer, implicit)
        return nonce + ciphertext + blake2b(authenticated, digest_size=_TAG_BYTES, key=authentication_key).digest()

    return seal


def _opener(key: bytes) -> Open:
    split = _key_splitter(key)

    def open_token(sealed: bytes, footer: bytes, implicit: bytes) -> bytes:
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise DecryptionFailed
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:-_TAG_BYTES]
        encryption_key, counter_nonce, authentication_key = split(nonce)
        authenticated = pae(_LOCAL, nonce, ciphertext, footer, implicit)
        mac = blake2b(authenticated, digest_size=_TAG_BYTES, key=authentication_key)
        # The right tag never gets a name here: a traceback that shows locals would show a forgery.
        if not compare_digest(mac.digest(), sealed[-_TAG_BYTES:]):
            raise DecryptionFailed
        return xchacha20(encryption_key, counter_nonce, ciphertext)

    return open_token


# -------------------------------------------------------------------------------------------------- v4.public


def _signer(secret: bytes) -> Sign:
    sign = signing(secret)
    return lambda message, footer, implicit: sign(pae(_PUBLIC, message, footer, implicit))


def _verifier(public: bytes) -> Verify:
    holds = verifying(public)
    return lambda message, signature, footer, implicit: holds(signature, pae(_PUBLIC, message, footer, implicit))


LOCAL: Final = LocalProtocol(header=_LOCAL, sealer=_sealer, opener=_opener, has_implicit=True)
PUBLIC: Final = PublicProtocol(
    header=_PUBLIC, signature_bytes=SIGNATURE_BYTES, signer=_signer, verifier=_verifier, has_implicit=True
)
