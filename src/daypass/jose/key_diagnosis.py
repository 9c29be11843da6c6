"""What a text is that is no key of the expected form, and what reads it. Enters: bytes. Leaves: a sentence, or "".

A sentence names the form and what to call instead; nothing of the text itself stands in it.
Source: RFC 7468 (PEM); RFC 5958 (PKCS #8); RFC 7292 4 (PKCS #12); RFC 5652 3 (PKCS #7); RFC 4253 6.6 (OpenSSH).
"""

from __future__ import annotations

import re
from base64 import b64decode
from contextlib import suppress
from typing import Final

from daypass.jose.der import FOREIGN_KEYS, is_pkcs12, parsed
from daypass.jose.key_as_secret import SSH_MARKS

__all__ = ["KEY_LABELS", "foreign_key", "is_whole_pem", "labels_of", "what_is"]

KEY_LABELS: Final = frozenset(
    {b"PUBLIC KEY", b"RSA PUBLIC KEY", b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY"}
)
"""What the PEM of a key begins with. Source: RFC 7468 10, 11, 13."""
_PARAMETERS: Final = b"EC PARAMETERS"
_CERTIFICATES: Final = (b"CERTIFICATE", b"X509 CERTIFICATE")
_CERTIFICATE: Final = "this is a certificate, not a key: JWK.from_x509 reads it"
_REQUEST: Final = "this is a certificate request, not a key: pass the key that it was made for, or its certificate"
_PKCS7: Final = "this is PKCS #7: openssl pkcs7 -print_certs writes its certificates as PEM, for JWK.from_x509"
_PKCS12: Final = "this is PKCS #12: JWK.from_pkcs12 reads it (openssl pkcs12 -nodes writes it as PEM)"
_LABELS: Final = {
    b"TRUSTED CERTIFICATE": (
        "this is a certificate in a form of OpenSSL alone: openssl x509 writes it for JWK.from_x509"
    ),
    b"CERTIFICATE REQUEST": _REQUEST,
    b"NEW CERTIFICATE REQUEST": _REQUEST,
    b"OPENSSH PRIVATE KEY": (
        "this is a private key in the form of OpenSSH: make a PEM of it (ssh-keygen -p -m PKCS8 -f FILE)"
    ),
    b"DSA PRIVATE KEY": "this is a DSA key: JOSE has no algorithm for it",
    b"DH PARAMETERS": "these are Diffie-Hellman parameters, not a key",
    b"X509 CRL": "this is a list of revoked certificates, not a key",
    b"PKCS7": _PKCS7,
    b"CMS": _PKCS7,
    _PARAMETERS: "these are the parameters of a curve alone: the block of the key is missing",
}
_LABEL: Final = re.compile(rb"-----BEGIN ([^\r\n-]*)-----")
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d0107")
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"


def labels_of(text: bytes) -> list[bytes]:
    """The labels of the PEM blocks in a text, in their order. Source: RFC 7468 2."""
    return _LABEL.findall(text)


def is_whole_pem(text: bytes) -> bool:
    """Whether each BEGIN line is one, and no line break stands as two characters. Source: RFC 7468 2."""
    return len(labels_of(text)) == text.count(b"-----BEGIN") and not _is_escaped(text)


def _is_escaped(text: bytes) -> bool:
    return b"-----\\n" in text or b"-----\\r" in text


def foreign_key(der: bytes) -> str:
    """Say that a key is of a type which JOSE does not know, without loading it; or "". Source: RFC 7518 6."""
    kinds = [kind for mark, kind in FOREIGN_KEYS.items() if mark in der]
    return f"this is {kinds[0]}: JOSE has no algorithm for it" if kinds else ""


def what_is(text: bytes) -> str:
    """Say what a text is, and what reads it.

    Args:
        text: bytes of a file; the caller has bounded their length.

    Source: RFC 7468; RFC 7292 4; RFC 4253 6.6.
    """
    begin = text.lstrip(_BLANK)
    if not begin:
        return "this is no PEM and no key: it is empty"
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "this text is UTF-16: save it as UTF-8"
    if b"-----BEGIN" in begin:
        return _what_pem_is(begin)
    return _what_line_is(begin) or (_what_der_is(text) if _is_der(text) else "") or _what_base64_is(begin)


def _what_pem_is(text: bytes) -> str:
    if _is_escaped(text):
        return r"the PEM holds escaped newlines: \n stands as two characters; replace them by line breaks"
    labels = labels_of(text)
    if not is_whole_pem(text):
        return "a -----BEGIN line of this PEM is broken: it ends in five dashes, and nothing follows it"
    kinds = [label for label in labels if label in KEY_LABELS]
    if kinds and len(labels) > len(kinds) and set(labels) & set(_CERTIFICATES):
        return (
            "the PEM holds a certificate beside a key: pass the block of the key alone, or that of the certificate to"
            " JWK.from_x509"
        )
    if len(kinds) > 1:
        return "the PEM holds more than one key: pass one"
    if kinds:
        return "this is a key in PEM: JWK.from_pem reads it"
    if labels and labels[0] in _CERTIFICATES:
        return _CERTIFICATE
    return next((_LABELS[label] for label in labels if label in _LABELS), "this is PEM, but of no key that JOSE knows")


def _what_line_is(begin: bytes) -> str:
    """Text that is no PEM: OpenSSH, JSON, PuTTY."""
    if begin.startswith(SSH_MARKS) or b"-cert-v01@openssh.com " in begin[:64]:
        return "this is an OpenSSH public key: JWK.from_ssh reads it"
    if begin.startswith(b"---- BEGIN SSH2"):
        return "this is a public key in the form of RFC 4716: ssh-keygen -i -f FILE writes the line for JWK.from_ssh"
    if begin.startswith(b"PuTTY-User-Key-File"):
        return "this is a key of PuTTY: puttygen writes it in the form of OpenSSH"
    if begin[:1] == b"{":
        return "this looks like JSON: JWK.from_json reads a JWK, JWKSet.from_json a set"
    if begin[:1] == b"[":
        return 'this looks like a JSON list: JWKSet.from_dict({"keys": [...]}) reads the keys of a set'
    return ""


def _is_der(text: bytes) -> bool:
    """A SEQUENCE of its length, or of a length of several octets: no text begins like that. Source: X.690 8.1.3."""
    return text[:1] == b"\x30" and len(text) > 1 and (text[1] > 127 or text[1] + 2 == len(text))


def _what_der_is(der: bytes) -> str:
    from cryptography import x509

    if is_pkcs12(der):
        return _PKCS12
    if _SIGNED_DATA in der[:16]:
        return _PKCS7
    if parsed(x509.load_der_x509_certificate, der) is not None:
        return _CERTIFICATE
    if parsed(x509.load_der_x509_csr, der) is not None:
        return _REQUEST
    return foreign_key(der) or "this looks like DER: JWK.from_der reads a key"


def _what_base64_is(begin: bytes) -> str:
    with suppress(ValueError):
        der = b64decode(begin.translate(None, b"\r\n \t"), validate=True)
        if begin[:1] == b"M" and der[:1] == b"\x30":
            return (
                "this looks like the base64 of DER without its -----BEGIN line: decode it first, "
                "JWK.from_der(base64.b64decode(...)) reads a key, JWK.from_x509 a certificate"
            )
    return (
        "this is no PEM: it has no -----BEGIN line (JWK.from_json reads JSON, JWK.from_der DER, JWK.from_secret"
        " a symmetric secret)"
    )
