"""Ed25519 for v2 and v4, by libsodium. Enters: keys of 64 and 32 bytes, messages. Leaves: signatures, yes or no.

libsodium takes half the time of OpenSSL, and refuses the public keys of small order, under which anybody can forge.
Source: RFC 8032 5.1; PASETO Version2, Version4.
"""

from __future__ import annotations

from collections.abc import Callable

from daypass.concealed import Concealed

__all__ = ["SIGNATURE_BYTES", "signing", "verifying"]

SIGNATURE_BYTES = 64


def signing(secret: bytes) -> Callable[[bytes], bytes]:
    """What signs with a seed and its public half, 64 bytes. Source: RFC 8032 5.1.6."""
    from nacl.bindings import crypto_sign

    key = Concealed(secret)
    return lambda message: crypto_sign(message, key.value)[:SIGNATURE_BYTES]


def verifying(public: bytes) -> Callable[[bytes, bytes], bool]:
    """What tells whether a signature of 64 bytes holds for a message. Source: RFC 8032 5.1.7."""
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError

    def holds(signature: bytes, message: bytes) -> bool:
        try:
            crypto_sign_open(signature + message, public)
        except BadSignatureError:
            return False
        return True

    return holds
