"""Keys as PEM, DER and OpenSSH lines. Enters: what somebody read from a file. Leaves: a RawKey, or why not.

What is no key of the expected form gets an error that says what it is, and what to call instead.
Source: RFC 7468; RFC 5958 (PKCS#8), RFC 8017 A.1 (PKCS#1), RFC 5915 (SEC1), RFC 5280 4.1.2.7 (SPKI), RFC 4253 6.6.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

from daypass.errors import KeyFormatError
from daypass.jose.concealed import Concealed
from daypass.jose.raw_key import RawKey, raw_from_object, raw_to_object
from daypass.jose.secret_form import SSH_MARKS
from daypass.limits import KEY_TEXT_BYTES_MAX

__all__ = ["dump_key", "load_der", "load_pem", "load_ssh", "octets_of"]


def octets_of(data: Concealed) -> Concealed:
    """The bytes of a text or of bytes. Raises TypeError; KeyFormatError: too long. Source: RFC 7468 2."""
    given = data.value
    if not isinstance(given, str | bytes | bytearray | memoryview):
        kind = type(given).__name__
        del given
        raise TypeError(f"a key is bytes or str, not {kind}: read its file first")
    octets = Concealed(given.encode("utf-8", "replace") if isinstance(given, str) else bytes(given))
    del given
    if len(octets.value) > KEY_TEXT_BYTES_MAX:
        raise KeyFormatError(f"the key is longer than {KEY_TEXT_BYTES_MAX} bytes")
    return octets


def load_pem(data: Concealed, *, password: Concealed) -> RawKey:
    """Load a private or public key from PEM.

    Args:
        data: bytes or str: PKCS#8, PKCS#1, SEC1 or SubjectPublicKeyInfo, one key, at most KEY_TEXT_BYTES_MAX.
        password: bytes, of an encrypted private key; or None.

    Raises:
        KeyFormatError: it is something else, or cannot be read; the message says what to do.

    Source: RFC 7468.
    """
    text = octets_of(data)
    problem = _what_else(text.value) if b"-----BEGIN" not in text.value else _diagnose_pem(text)
    problem = problem or _diagnose_password(b"ENCRYPTED" in text.value, password)
    if problem:
        raise KeyFormatError(problem)
    return _loaded(text, password, form="PEM", is_private=b"PRIVATE KEY" in text.value)


def load_der(data: Concealed, *, password: Concealed) -> RawKey:
    """Load a private or public key from DER: the same forms, the same errors as ``load_pem``. Source: RFC 5958 2, 3."""
    octets = octets_of(data)
    if octets.value[:1] != b"\x30":
        raise KeyFormatError(f"this is no DER: {_what_else(octets.value)}")
    is_encrypted = _is_encrypted_der(octets)
    problem = _diagnose_password(is_encrypted, password)
    if problem:
        raise KeyFormatError(problem)
    if _is_certificate(octets):
        raise KeyFormatError("this is a certificate, not a key: JWK.from_x509 reads it")
    is_private = is_encrypted or _object_of(octets, Concealed(None), form="DER", is_private=False) is None
    return _loaded(octets, password, form="DER", is_private=is_private)


def load_ssh(line: Concealed) -> RawKey:
    """Load a public key from the line that OpenSSH keeps it in. Raises KeyFormatError. Source: RFC 4253 6.6."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    octets = octets_of(line)
    text = octets.value.strip()
    key = None
    if text.startswith(SSH_MARKS) and b"\n" not in text:
        with suppress(ValueError, UnsupportedAlgorithm):
            key = load_ssh_public_key(text)
    if key is None:
        raise KeyFormatError(
            "this is no line of an OpenSSH public key that is supported (ssh-rsa, ecdsa-sha2-*, ssh-ed25519)"
            if text.startswith(SSH_MARKS)
            else f"this is no OpenSSH public key: {_what_else(text)}"
        )
    return raw_from_object(key)


def dump_key(raw: RawKey, *, form: Literal["PEM", "DER"], private: bool, password: Concealed) -> bytes:
    """Write SubjectPublicKeyInfo, or PKCS#8 with the private parts. Source: RFC 5280 4.1.2.7; RFC 5958."""
    from cryptography.hazmat.primitives import serialization as s

    key, encoding = raw_to_object(raw, private=private), {"PEM": s.Encoding.PEM, "DER": s.Encoding.DER}[form]
    if not private:
        return key.public_bytes(encoding, s.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]
    how = s.BestAvailableEncryption(password.value) if password.value else s.NoEncryption()
    return key.private_bytes(encoding, s.PrivateFormat.PKCS8, how)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------- diagnoses


def _what_else(text: bytes) -> str:
    """Say what a text is that is not PEM, and who reads it."""
    begin = text.lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith(SSH_MARKS):
        return "this is an OpenSSH public key: JWK.from_ssh reads it"
    if begin[:1] == b"{":
        return "this looks like JSON: JWK.from_json reads a JWK, JWKSet.from_json a set"
    if b"-----BEGIN" in begin:
        return "this is PEM: JWK.from_pem reads it, JWK.from_x509 a certificate"
    if begin[:1] == b"\x30":
        return "this looks like DER: JWK.from_der reads it, JWK.from_x509 a certificate"
    if begin[:2] == b"MI":
        return "this looks like the base64 of DER without its -----BEGIN line: JWK.from_der(base64.b64decode(...))"
    return (
        "this is no PEM: it has no -----BEGIN line (JWK.from_json reads JSON, JWK.from_der DER, JWK.from_secret"
        " a symmetric secret)"
    )


def _diagnose_pem(pem: Concealed) -> str:
    """Say what is wrong with a PEM before it is parsed; empty where nothing is."""
    text = pem.value
    if b"\\n" in text:
        return r"the PEM holds escaped newlines: \n stands as two characters; replace them by line breaks"
    if b"BEGIN CERTIFICATE REQUEST" in text or b"BEGIN NEW CERTIFICATE REQUEST" in text:
        return "this is a certificate request, not a key: pass the key that it was made for"
    if b"BEGIN CERTIFICATE" in text or b"BEGIN TRUSTED CERTIFICATE" in text:
        return "this is a certificate, not a key: JWK.from_x509 reads it"
    if b"BEGIN OPENSSH PRIVATE KEY" in text:
        return "this is a private key in the form of OpenSSH: make a PEM of it (ssh-keygen -p -m PKCS8 -f FILE)"
    if text.count(b"-----BEGIN") - text.count(b"-----BEGIN EC PARAMETERS") > 1:
        return "the PEM holds more than one key: pass one"
    return ""


def _diagnose_password(is_encrypted: bool, password: Concealed) -> str:
    if is_encrypted and password.value is None:
        return "the private key is encrypted: pass its password"
    if password.value is not None and not is_encrypted:
        return "a password was passed, and the key is not encrypted"
    if password.value is not None and not isinstance(password.value, bytes):
        raise TypeError("a password is bytes")
    return ""


def _is_encrypted_der(der: Concealed) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        load_der_private_key(der.value, None)
    except TypeError:  # it asks for a password
        return True
    except (ValueError, UnsupportedAlgorithm):
        pass
    return False


def _is_certificate(der: Concealed) -> bool:
    from cryptography.x509 import load_der_x509_certificate

    try:
        load_der_x509_certificate(der.value)
    except ValueError:
        return False
    return True


def _loaded(text: Concealed, password: Concealed, *, form: Literal["PEM", "DER"], is_private: bool) -> RawKey:
    key = _object_of(text, password, form=form, is_private=is_private)
    if key is None:
        hint = "" if password.value is None else ", or its password is another"
        raise KeyFormatError(f"the {form} cannot be read{hint}")
    return raw_from_object(key)


def _object_of(text: Concealed, password: Concealed, *, form: Literal["PEM", "DER"], is_private: bool) -> Any:  # noqa: ANN401
    """The key object, or None where the parser refuses."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as s

    private = {"PEM": s.load_pem_private_key, "DER": s.load_der_private_key}[form]
    public = {"PEM": s.load_pem_public_key, "DER": s.load_der_public_key}[form]
    try:
        return private(text.value, password.value) if is_private else public(text.value)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
