"""Version 2, for reading and migrating: XChaCha20-Poly1305, and Ed25519. Enters: raw keys, messages. Leaves: bytes.

Source: PASETO 01-Protocol-Versions/Version2.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from daypass.concealed import Concealed
from daypass.errors import DecryptionFailed
from daypass.paseto.ed25519 import SIGNATURE_BYTES, signing, verifying
from daypass.paseto.pae import pae
from daypass.paseto.protocol import Draw, LocalProtocol, Open, PublicProtocol, Seal, Sign, Verify

__all__ = ["LOCAL", "PUBLIC"]

_LOCAL: Final = b"v2.local."
_PUBLIC: Final = b"v2.public."
_NONCE_BYTES: Final = 24
_TAG_BYTES: Final = 16


def _sealer(key: bytes, draw: Draw) -> Seal:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

    secret = Concealed(key)  # what a function refers to, a traceback with locals shows

    def seal(message: bytes, footer: bytes, _implicit: bytes) -> bytes:
        # Bound to the message, too: a generator that repeats itself repeats no nonce for another message.
        nonce = blake2b(message, digest_size=_NONCE_BYTES, key=draw(_NONCE_BYTES)).digest()
        return nonce + encrypt(message, pae(_LOCAL, nonce, footer), nonce, secret.value)

    return seal


def _opener(key: bytes) -> Open:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
    from nacl.exceptions import CryptoError

    secret = Concealed(key)

    def open_token(sealed: bytes, footer: bytes, _implicit: bytes) -> bytes:
        nonce = sealed[:_NONCE_BYTES]
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise DecryptionFailed
        try:
            return decrypt(sealed[_NONCE_BYTES:], pae(_LOCAL, nonce, footer), nonce, secret.value)
        except CryptoError:
            pass
        raise DecryptionFailed

    return open_token


def _signer(secret: bytes) -> Sign:
    sign = signing(secret)
    return lambda message, footer, _implicit: sign(pae(_PUBLIC, message, footer))


def _verifier(public: bytes) -> Verify:
    holds = verifying(public)
    return lambda message, signature, footer, _implicit: holds(signature, pae(_PUBLIC, message, footer))


LOCAL: Final = LocalProtocol(header=_LOCAL, sealer=_sealer, opener=_opener, has_implicit=False)
PUBLIC: Final = PublicProtocol(
    header=_PUBLIC, signature_bytes=SIGNATURE_BYTES, signer=_signer, verifier=_verifier, has_implicit=False
)
