"""Version 1, for reading and migrating: AES-256-CTR with HMAC-SHA384, and RSASSA-PSS. Enters: raw keys. Leaves: bytes.

Source: PASETO 01-Protocol-Versions/Version1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.concealed import Concealed
from daypass.paseto.aes_ctr import aes_256_ctr, hkdf_sha384, hmac_sha384
from daypass.paseto.encrypt_then_mac import Split, Suite, local_protocol
from daypass.paseto.pae import pae
from daypass.paseto.protocol import DerivedKey, Draw, PublicProtocol, Sign, Verify

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PSS
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

__all__ = ["LOCAL", "PUBLIC"]

_PUBLIC: Final = b"v1.public."
_NONCE_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 256


# --------------------------------------------------------------------------------------------------- v1.local


def _splitter(key: bytes) -> Split:
    secret = Concealed(key)

    def split(nonce: bytes) -> tuple[bytes, bytes, bytes]:  # half of the nonce salts the keys, the other half counts
        derive = hkdf_sha384(secret.value, length_bytes=32, salt=nonce[:16])
        encryption, authentication = derive(b"paseto-encryption-key"), derive(b"paseto-auth-key-for-aead")
        return DerivedKey(encryption), nonce[16:], DerivedKey(authentication)

    return split


def _nonce(draw: Draw, message: bytes) -> bytes:
    """Bound to the message, too: a generator that repeats itself repeats no nonce for another message."""
    return hmac_sha384(draw(_NONCE_BYTES), message)[:_NONCE_BYTES]


LOCAL: Final = local_protocol(
    Suite(
        header=b"v1.local.",
        nonce_bytes=_NONCE_BYTES,
        tag_bytes=48,
        splitter=_splitter,
        cipher=aes_256_ctr,
        mac=hmac_sha384,
        draw_nonce=_nonce,
        has_implicit=False,
    )
)


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


PUBLIC: Final = PublicProtocol(
    header=_PUBLIC, signature_bytes=_SIGNATURE_BYTES, signer=_signer, verifier=_verifier, has_implicit=False
)
