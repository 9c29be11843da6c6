"""Version 3: AES-256-CTR with HMAC-SHA384, and ECDSA over P-384. Enters: raw keys, messages. Leaves: bytes.

Source: PASETO 01-Protocol-Versions/Version3.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from daypass.errors import DecryptionFailed
from daypass.paseto.aes_ctr import aes_256_ctr, hkdf_sha384, hmac_sha384
from daypass.paseto.key_material import compressed_point
from daypass.paseto.pae import pae
from daypass.paseto.protocol import Draw, LocalProtocol, Open, PublicProtocol, Seal, Sign, Verify

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

__all__ = ["LOCAL", "PUBLIC"]

_LOCAL: Final = b"v3.local."
_PUBLIC: Final = b"v3.public."
_NONCE_BYTES: Final = 32
_TAG_BYTES: Final = 48
_SCALAR_BYTES: Final = 48


# --------------------------------------------------------------------------------------------------- v3.local


def _key_splitter(key: bytes) -> Callable[[bytes], tuple[bytes, bytes, bytes]]:
    """From the nonce of a token to encryption key, counter block and authentication key."""
    derive = hkdf_sha384(key, length_bytes=48)

    def split(nonce: bytes) -> tuple[bytes, bytes, bytes]:
        derived = derive(b"paseto-encryption-key" + nonce)
        return derived[:32], derived[32:], derive(b"paseto-auth-key-for-aead" + nonce)

    return split


def _sealer(key: bytes, draw: Draw) -> Seal:
    split = _key_splitter(key)

    def seal(message: bytes, footer: bytes, implicit: bytes) -> bytes:
        nonce = draw(_NONCE_BYTES)
        encryption_key, counter, authentication_key = split(nonce)
        ciphertext = aes_256_ctr(encryption_key, counter, message)
        authenticated = pae(_LOCAL, nonce, ciphertext, footer, implicit)
        return nonce + ciphertext + hmac_sha384(authentication_key, authenticated)

    return seal


def _opener(key: bytes) -> Open:
    split = _key_splitter(key)

    def open_token(sealed: bytes, footer: bytes, implicit: bytes) -> bytes:
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise DecryptionFailed
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:-_TAG_BYTES]
        encryption_key, counter, authentication_key = split(nonce)
        authenticated = pae(_LOCAL, nonce, ciphertext, footer, implicit)
        if not compare_digest(hmac_sha384(authentication_key, authenticated), sealed[-_TAG_BYTES:]):
            raise DecryptionFailed
        return aes_256_ctr(encryption_key, counter, ciphertext)

    return open_token


# -------------------------------------------------------------------------------------------------- v3.public


def _signer(secret: EllipticCurvePrivateKey) -> Sign:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA384

    scheme = ECDSA(SHA384(), deterministic_signing=True)  # RFC 6979, as PASETO asks for
    public = compressed_point(secret.public_key())

    def sign(message: bytes, footer: bytes, implicit: bytes) -> bytes:
        r, s = decode_dss_signature(secret.sign(pae(public, _PUBLIC, message, footer, implicit), scheme))
        return r.to_bytes(_SCALAR_BYTES, "big") + s.to_bytes(_SCALAR_BYTES, "big")

    return sign


def _verifier(public: EllipticCurvePublicKey) -> Verify:
    from cryptography.exceptions import InvalidSignature as Refused
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA384

    scheme = ECDSA(SHA384())
    point = compressed_point(public)

    def holds(message: bytes, signature: bytes, footer: bytes, implicit: bytes) -> bool:
        r, s = int.from_bytes(signature[:_SCALAR_BYTES], "big"), int.from_bytes(signature[_SCALAR_BYTES:], "big")
        try:
            public.verify(encode_dss_signature(r, s), pae(point, _PUBLIC, message, footer, implicit), scheme)
        except Refused:
            return False
        return True

    return holds


LOCAL: Final = LocalProtocol(header=_LOCAL, sealer=_sealer, opener=_opener, has_implicit=True)
PUBLIC: Final = PublicProtocol(
    header=_PUBLIC, signature_bytes=2 * _SCALAR_BYTES, signer=_signer, verifier=_verifier, has_implicit=True
)
