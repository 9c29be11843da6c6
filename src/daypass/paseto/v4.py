"""Version 4: XChaCha20 with keyed BLAKE2b, and Ed25519. Enters: raw keys, messages. Leaves: sealed or signed bytes.

Source: PASETO 01-Protocol-Versions/Version4.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from daypass.paseto.ed25519 import SIGNATURE_BYTES, signing, verifying
from daypass.paseto.encrypt_then_mac import Split, Suite, local_protocol
from daypass.paseto.pae import pae
from daypass.paseto.protocol import DerivedKey, Draw, PublicProtocol, Sign, Verify
from daypass.paseto.xchacha20 import xchacha20

__all__ = ["LOCAL", "PUBLIC"]

_PUBLIC: Final = b"v4.public."
_NONCE_BYTES: Final = 32
_TAG_BYTES: Final = 32


# --------------------------------------------------------------------------------------------------- v4.local


def _splitter(key: bytes) -> Split:
    encryption = blake2b(b"paseto-encryption-key", digest_size=56, key=key)
    authentication = blake2b(b"paseto-auth-key-for-aead", digest_size=32, key=key)

    def split(nonce: bytes) -> tuple[bytes, bytes, bytes]:
        encrypting, authenticating = encryption.copy(), authentication.copy()
        encrypting.update(nonce)
        authenticating.update(nonce)
        derived = encrypting.digest()
        return DerivedKey(derived[:32]), DerivedKey(derived[32:]), DerivedKey(authenticating.digest())

    return split


def _mac(key: bytes, message: bytes) -> bytes:
    return blake2b(message, digest_size=_TAG_BYTES, key=key).digest()


def _nonce(draw: Draw, _message: bytes) -> bytes:
    return draw(_NONCE_BYTES)


LOCAL: Final = local_protocol(
    Suite(
        header=b"v4.local.",
        nonce_bytes=_NONCE_BYTES,
        tag_bytes=_TAG_BYTES,
        splitter=_splitter,
        cipher=xchacha20,
        mac=_mac,
        draw_nonce=_nonce,
        has_implicit=True,
    )
)


# -------------------------------------------------------------------------------------------------- v4.public


def _signer(secret: bytes) -> Sign:
    sign = signing(secret)
    return lambda message, footer, implicit: sign(pae(_PUBLIC, message, footer, implicit))


def _verifier(public: bytes) -> Verify:
    holds = verifying(public)
    return lambda message, signature, footer, implicit: holds(signature, pae(_PUBLIC, message, footer, implicit))


PUBLIC: Final = PublicProtocol(
    header=_PUBLIC, signature_bytes=SIGNATURE_BYTES, signer=_signer, verifier=_verifier, has_implicit=True
)
