"""Certificates as tests need them: of one key, signed by itself or by another."""

import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, mldsa
from cryptography.x509.oid import NameOID

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer.example")])
PURE = (
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    *(getattr(mldsa, f"MLDSA{n}PrivateKey") for n in (44, 65, 87)),
)


def certificate_for(key: Any, issuer: Any = None, *, serial: int = 5) -> x509.Certificate:
    """Make a certificate for the public half of a key object; without an issuer it is its own."""
    issuer = issuer or key
    return (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key if hasattr(key, "verify") or not hasattr(key, "public_key") else key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC))  # over: nobody looks at it
        .sign(issuer, None if isinstance(issuer, PURE) else hashes.SHA256())
    )
