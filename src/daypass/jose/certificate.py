"""X.509 certificates beside a key: ``x5c`` and its thumbprint. Enters: a certificate. Leaves: its key, its chain.

A certificate is taken for what it says of its key, and is nobody's trust: no chain, date or name is checked here.
Source: RFC 7517 4.7 to 4.9; RFC 5280 4.1.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from daypass.concealed import Concealed
from daypass.encoding import b64url_encode
from daypass.errors import KeyFormatError
from daypass.jose.der import parsed
from daypass.jose.jwk_members import write_members
from daypass.jose.key_diagnosis import foreign_key, labels_of, what_is
from daypass.jose.key_formats import octets_of
from daypass.jose.raw_key import RawKey, raw_from_object
from daypass.limits import CERTIFICATES_MAX

__all__ = ["certificate_thumbprint", "chain_of", "load_certificates", "spelt_chain"]


def load_certificates(data: Concealed) -> tuple[RawKey, tuple[str, ...]]:
    """Take the key of a certificate.

    Args:
        data: PEM (a chain may follow, its first certificate holds the key) or DER, at most KEY_TEXT_BYTES_MAX.

    Returns:
        The public key, and the chain as ``x5c`` spells it: base64 of DER.

    Raises:
        KeyFormatError: it is no certificate, or its key is of no supported type.
        WeakKey: its key is too weak.

    Source: RFC 7517 4.7; RFC 7468 5.
    """
    from cryptography import x509

    octets = octets_of(data)
    is_pem = bool({b"CERTIFICATE", b"X509 CERTIFICATE"} & set(labels_of(octets.value)))
    if is_pem:
        found = parsed(x509.load_pem_x509_certificates, octets.value) or []
    else:
        found = [one for one in (parsed(x509.load_der_x509_certificate, octets.value),) if one is not None]
    if not found:
        what = what_is(octets.value)
        raise KeyFormatError(
            "the certificate cannot be read: it is cut short, or was changed"
            if is_pem and "JWK.from_x509" in what
            else f"this is no certificate in PEM or DER: {what}"
        )
    chain = spelt_chain(found)
    return _key_of(found[0]), chain


def spelt_chain(certificates: Sequence[Any]) -> tuple[str, ...]:
    """Spell certificates as ``x5c`` does, base64 of DER. Raises KeyFormatError: too many. Source: RFC 7517 4.7."""
    from cryptography.hazmat.primitives.serialization import Encoding

    if len(certificates) > CERTIFICATES_MAX:
        raise KeyFormatError(
            f"a key may have a chain of at most {CERTIFICATES_MAX} certificates, its own included, this one has"
            f" {len(certificates)}"
        )
    return tuple(b64encode(one.public_bytes(Encoding.DER)).decode("ascii") for one in certificates)


def chain_of(jwk: Mapping[str, Any], raw: RawKey) -> tuple[str, ...]:
    """The ``x5c`` of a JWK, held against its key and its thumbprints; empty where there is none.

    Raises:
        KeyFormatError: it is no list of certificates, its first one is of another key, or ``x5t`` or ``x5t#S256`` is
            that of another certificate.

    Source: RFC 7517 4.7: the key in the first certificate must match the public key of the JWK.
    """
    if "x5c" not in jwk:
        return ()
    chain = jwk["x5c"]
    if not isinstance(chain, list) or not 0 < len(chain) <= CERTIFICATES_MAX:
        raise KeyFormatError(f"JWK member 'x5c' must be a list of 1 to {CERTIFICATES_MAX} certificates")
    ders = [_der_of(one) for one in chain]
    certified = write_members(_parsed(ders[0]), private=False)
    if raw.kty == "oct" or certified != write_members(raw, private=False):
        raise KeyFormatError("the first certificate of 'x5c' is that of another key")
    for name, digest in (("x5t", "sha1"), ("x5t#S256", "sha256")):
        if name in jwk and jwk[name] not in _spellings(hashlib.new(digest, ders[0], usedforsecurity=False)):
            raise KeyFormatError(f"JWK member {name!r} is that of another certificate than the first of 'x5c'")
    return tuple(chain)


def _spellings(digest: Any) -> tuple[str, str]:  # noqa: ANN401 - the type of a hash has no public name
    """How a thumbprint may stand: base64url of its octets; some issuers encode its hexadecimal digits instead.

    Either says the same of the certificate, and whoever refuses the second one cannot log in with them.
    Source: RFC 7517 4.8, 4.9.
    """
    return b64url_encode(digest.digest()), b64url_encode(digest.hexdigest().upper().encode("ascii"))


def certificate_thumbprint(certificate: str) -> str:
    """The ``x5t#S256`` of a certificate: base64 of DER in, base64url out. Source: RFC 7517 4.9."""
    return b64url_encode(hashlib.sha256(b64decode(certificate)).digest())


def _der_of(text: object) -> bytes:
    """Base64 (not base64url) of DER, in its one spelling. Source: RFC 7517 4.7."""
    try:
        der = b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        der = b""
    if der[:1] != b"\x30" or b64encode(der).decode("ascii") != text:
        raise KeyFormatError("a certificate in 'x5c' must be base64 (not base64url, no line breaks) of DER")
    return der


def _parsed(der: bytes) -> RawKey:
    from cryptography import x509

    certificate = parsed(x509.load_der_x509_certificate, der)
    if certificate is None:
        raise KeyFormatError("the first certificate of 'x5c' cannot be read")
    return _key_of(certificate)


def _key_of(certificate: Any) -> RawKey:  # noqa: ANN401 - the class is imported late
    from cryptography.hazmat.primitives.serialization import Encoding

    if foreign_key(certificate.public_bytes(Encoding.DER)):
        raise KeyFormatError("the key of this certificate is of a type that JOSE has no algorithm for")
    key = parsed(lambda _: certificate.public_key(), b"")
    if key is None:
        raise KeyFormatError("the key of this certificate is of no supported type")
    return raw_from_object(key)
