"""Version 3: AES-256-CTR with HMAC-SHA384, and ECDSA over P-384. Enters: raw keys, messages. Leaves: bytes.

Source: PASETO 01-Protocol-Versions/Version3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.paseto.aes_ctr import aes_256_ctr, hkdf_sha384, hmac_sha384
from daypass.paseto.encrypt_then_mac import Split, Suite, local_protocol
from daypass.paseto.key_material import compressed_point
from daypass.paseto.pae import pae
from daypass.paseto.protocol import DerivedKey, Draw, PublicProtocol, Sign, Verify

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

__all__ = ["LOCAL", "PUBLIC"]

_PUBLIC: Final = b"v3.public."
_NONCE_BYTES: Final = 32
_SCALAR_BYTES: Final = 48


# --------------------------------------------------------------------------------------------------- v3.local


def _splitter(key: bytes) -> Split:
    derive = hkdf_sha384(key, length_bytes=48)

    def split(nonce: bytes) -> tuple[bytes, bytes, bytes]:
        derived = derive(b"paseto-encryption-key" + nonce)
        authentication = derive(b"paseto-auth-key-for-aead" + nonce)
        return DerivedKey(derived[:32]), DerivedKey(derived[32:]), DerivedKey(authentication)

    return split


def _nonce(draw: Draw, _message: bytes) -> bytes:
    return draw(_NONCE_BYTES)


LOCAL: Final = local_protocol(
    Suite(
        header=b"v3.local.",
        nonce_bytes=_NONCE_BYTES,
        tag_bytes=48,
        splitter=_splitter,
        cipher=aes_256_ctr,
        mac=hmac_sha384,
        draw_nonce=_nonce,
        has_implicit=True,
    )
)


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


PUBLIC: Final = PublicProtocol(
    header=_PUBLIC, signature_bytes=2 * _SCALAR_BYTES, signer=_signer, verifier=_verifier, has_implicit=True
)
