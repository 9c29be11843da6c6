"""Version 1, for reading and migrating: AES-256-CTR with HMAC-SHA384, and RSASSA-PSS. Enters: raw keys. Leaves: bytes.

Source: PASETO 01-Protocol-Versions/Version1.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from daypass.errors import DecryptionFailed
from daypass.paseto.aes_ctr import aes_256_ctr, hkdf_sha384, hmac_sha384
from daypass.paseto.pae import pae
from daypass.paseto.protocol import Draw, LocalProtocol, Open, PublicProtocol, Seal, Sign, Verify

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PSS
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

__all__ = ["LOCAL", "PUBLIC"]

_LOCAL: Final = b"v1.local."
_PUBLIC: Final = b"v1.public."
_NONCE_BYTES: Final = 32
_TAG_BYTES: Final = 48
_SIGNATURE_BYTES: Final = 256


# --------------------------------------------------------------------------------------------------- v1.local


def _split(key: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """Encryption key and authentication key of a token: half of its nonce salts them, the other half is the counter."""
    derive = hkdf_sha384(key, length_bytes=32, salt=nonce[:16])
    return derive(b"paseto-encryption-key"), derive(b"paseto-auth-key-for-aead")


def _sealer(key: bytes, draw: Draw) -> Seal:
    def seal(message: bytes, footer: bytes, _implicit: bytes) -> bytes:
        # Bound to the message, too: a generator that repeats itself repeats no nonce for another message.
        nonce = hmac_sha384(draw(_NONCE_BYTES), message)[:_NONCE_BYTES]
        encryption_key, authentication_key = _split(key, nonce)
        ciphertext = aes_256_ctr(encryption_key, nonce[16:], message)
        return nonce + ciphertext + hmac_sha384(authentication_key, pae(_LOCAL, nonce, ciphertext, footer))

    return seal


def _opener(key: bytes) -> Open:
    def open_token(sealed: bytes, footer: bytes, _implicit: bytes) -> bytes:
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise DecryptionFailed
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:-_TAG_BYTES]
        encryption_key, authentication_key = _split(key, nonce)
        authenticated = pae(_LOCAL, nonce, ciphertext, footer)
        if not compare_digest(hmac_sha384(authentication_key, authenticated), sealed[-_TAG_BYTES:]):
            raise DecryptionFailed
        return aes_256_ctr(encryption_key, nonce[16:], ciphertext)

    return open_token


# -------------------------------------------------------------------------------------------------- v1.public


def _pss() -> PSS:
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
    from cryptography.hazmat.primitives.hashes import SHA384

    return PSS(mgf=MGF1(SHA384()), salt_length=PSS.DIGEST_LENGTH)


def _signer(secret: RSAPrivateKey) -> Sign:
    from cryptography.hazmat.primitives.hashes import SHA384

    padding, digest = _pss(), SHA384()
    return lambda message, footer, _implicit: secret.sign(pae(_PUBLIC, message, footer), padding, digest)


def _verifier(public: RSAPublicKey) -> Verify:
    from cryptography.exceptions import InvalidSignature as Refused
    from cryptography.hazmat.primitives.hashes import SHA384

    padding, digest = _pss(), SHA384()

    def holds(message: bytes, signature: bytes, footer: bytes, _implicit: bytes) -> bool:
        try:
            public.verify(signature, pae(_PUBLIC, message, footer), padding, digest)
        except Refused:
            return False
        return True

    return holds


LOCAL: Final = LocalProtocol(header=_LOCAL, sealer=_sealer, opener=_opener, has_implicit=False)
PUBLIC: Final = PublicProtocol(
    header=_PUBLIC, signature_bytes=_SIGNATURE_BYTES, signer=_signer, verifier=_verifier, has_implicit=False
)
