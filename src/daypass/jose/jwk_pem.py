"""Keys as PEM text, and the recognition of what is no symmetric secret.

Enters: what somebody read from a file or an environment variable. Leaves: a RawKey, or an error that says what it was.
Source: RFC 7468; RFC 5958 (PKCS#8), RFC 8017 A.1 (PKCS#1), RFC 5915 (SEC1).
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Final

from daypass.errors import KeyFormatError
from daypass.jose.concealed import Concealed
from daypass.jose.jwk_members import RawKey, raw_from_object, raw_to_object
from daypass.limits import KEY_TEXT_BYTES_MAX

__all__ = ["dump_pem", "load_pem", "refuse_key_as_secret"]

_MARKS: Final = (
    b"-----BEGIN",
    b"---- BEGIN SSH2",
    b"ssh-rsa ",
    b"ssh-ed25519 ",
    b"ssh-dss ",
    b"ecdsa-sha2-",
    b"sk-ssh-",
    b"sk-ecdsa-",
    b"-cert-v01@openssh.com",
)


def load_pem(data: Concealed, *, password: Concealed) -> RawKey:
    """Load a private or public key from PEM.

    Args:
        data: bytes or str: PKCS#8, PKCS#1, SEC1 or SubjectPublicKeyInfo, one key, at most KEY_TEXT_BYTES_MAX.
        password: bytes, of an encrypted private key; or None.

    Raises:
        KeyFormatError: it is something else, or cannot be read; the message says what to do.

    Source: RFC 7468.
    """
    text = Concealed(data.value.encode("utf-8", "replace") if isinstance(data.value, str) else bytes(data.value))
    problem = _diagnose(text, has_password=password.value is not None)
    if problem:
        raise KeyFormatError(problem)
    key = _load_object(text, password)
    if key is None:
        raise KeyFormatError(
            "the PEM cannot be read" + ("" if password.value is None else ", or its password is another")
        )
    return raw_from_object(key)


def _diagnose(pem: Concealed, *, has_password: bool) -> str:
    """Say what is wrong with a PEM before it is parsed; empty where nothing is."""
    text = pem.value
    if len(text) > KEY_TEXT_BYTES_MAX:
        return f"the PEM is longer than {KEY_TEXT_BYTES_MAX} bytes"
    if b"-----BEGIN" not in text:
        return (
            "this is no PEM: it has no -----BEGIN line (JWK.from_json reads JSON, JWK.from_secret a symmetric secret)"
        )
    if b"\\n" in text:
        return r"the PEM holds escaped newlines: \n stands as two characters; replace them by line breaks"
    if b"BEGIN CERTIFICATE" in text:
        return "this is a certificate, not a key: pass the PEM of its public key (openssl x509 -pubkey -noout)"
    if text.count(b"-----BEGIN") - text.count(b"-----BEGIN EC PARAMETERS") > 1:
        return "the PEM holds more than one key: pass one"
    encrypted = b"ENCRYPTED" in text
    if encrypted and not has_password:
        return "the private key is encrypted: pass its password"
    if has_password and not encrypted:
        return "a password was passed, and the key is not encrypted"
    return ""


def _load_object(pem: Concealed, password: Concealed) -> Any:  # noqa: ANN401
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    try:
        if b"PRIVATE KEY" in pem.value:
            return load_pem_private_key(pem.value, password.value)
        return load_pem_public_key(pem.value)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def dump_pem(raw: RawKey, *, private: bool, password: Concealed) -> bytes:
    """Write SubjectPublicKeyInfo, or PKCS#8 with the private parts. Source: RFC 5280 4.1.2.7; RFC 5958."""
    from cryptography.hazmat.primitives import serialization as s

    key = raw_to_object(raw, private=private)
    if not private:
        return key.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]
    how = s.BestAvailableEncryption(password.value) if password.value else s.NoEncryption()
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, how)  # type: ignore[no-any-return]


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
        raise KeyFormatError(f"this secret is {kind}: load it as what it is (JWK.from_pem, JWK.from_json)")


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

    for load in (
        load_der_public_key,
        lambda der: load_der_private_key(der, None),
        x509.load_der_x509_certificate,
    ):
        try:
            load(data)
        except Exception:  # noqa: BLE001, S112 - whatever the parser dislikes, it is no key
            continue
        return True
    return False


def _unbase64(data: bytes) -> bytes:
    try:
        return b64decode(data.translate(bytes.maketrans(b"-_", b"+/"), b"\r\n \t=") + b"==")
    except ValueError:
        return b""
