"""What is no symmetric secret, though it is bytes: keys that others may know. Enters: bytes. Leaves: nothing, or a no.

Whoever can read a public key could sign with it, if it were used as an HMAC secret.
Source: RFC 8725 2.1, 3.1.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Final

from daypass.errors import KeyFormatError
from daypass.jose.der import FOREIGN_KEYS, parsed

__all__ = ["SSH_MARKS", "refuse_key_as_secret"]

SSH_MARKS: Final = (b"ssh-rsa ", b"ssh-ed25519 ", b"ssh-dss ", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")
"""What the line of an OpenSSH public key begins with."""
_MARKS: Final = (*SSH_MARKS, b"-----BEGIN", b"---- BEGIN SSH2", b"-cert-v01@openssh.com")


def refuse_key_as_secret(secret: bytes) -> None:
    """Refuse a symmetric secret that is some form of an asymmetric key, which others may know.

    Whoever can read a public key could sign with it, if it were used as an HMAC secret.

    Raises:
        KeyFormatError: PEM, OpenSSH, DER, a JWK or JWK Set, or base64 of one of them.

    Source: RFC 8725 2.1, 3.1.
    """
    kind = _key_kind(secret) or _key_kind(_unbase64(secret))
    if kind:
        del secret
        raise KeyFormatError(
            f"this secret is {kind}: load it as what it is (JWK.from_pem, JWK.from_json, JWK.from_ssh)"
        )


def _key_kind(data: bytes) -> str:
    if any(mark in data for mark in _MARKS):
        return "a PEM or OpenSSH key"
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"[") and (b'"kty"' in text or b'"keys"' in text):
        return "a JWK or JWK Set"
    return "a DER key or certificate" if _is_der_key(data) else ""


def _is_der_key(data: bytes) -> bool:
    """Try to read DER; random secrets that begin like a SEQUENCE are not refused for that alone."""
    if data[:1] != b"\x30" or len(data) < 32:
        return False
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

    if any(mark in data for mark in FOREIGN_KEYS):
        return True
    loaders = (load_der_public_key, lambda der: load_der_private_key(der, None), x509.load_der_x509_certificate)
    return any(parsed(load, data) is not None for load in loaders)


def _unbase64(data: bytes) -> bytes:
    try:
        return b64decode(data.translate(bytes.maketrans(b"-_", b"+/"), b"\r\n \t=") + b"==")
    except ValueError:
        return b""
