"""Signatures as the judge makes and checks them: hmac of the standard library, the rest straight from ``cryptography``.

Enters: the name of an algorithm, bytes, the fixed key of that algorithm. Leaves: a raw signature, or whether one holds.
Source: RFC 7518 3; RFC 8037 3.1; RFC 8812 3.2; RFC 9964.
"""

from __future__ import annotations

import hmac
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from fuzz.keys import (
    CURVES,
    derived,
    ec_key,
    ec_members,
    mldsa_key,
    mldsa_members,
    oct_members,
    okp_key,
    okp_members,
    rsa_key,
    rsa_members,
)

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
HMAC_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
ECDSA_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}
EDDSA_CURVES = {"EdDSA": "Ed25519", "Ed25519": "Ed25519", "Ed448": "Ed448"}
FAST = ("HS256", "HS256", "HS256", "HS512", "ES256", "EdDSA")
"""What a mutation signs with most of the time: a fuzzer that waits for RSA tries little."""


@cache
def algorithms() -> tuple[str, ...]:
    """Those that daypass offers and the judge can check."""
    known = (*HMAC_BYTES, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *ECDSA_CURVES, *EDDSA_CURVES)
    return tuple(alg for alg in (*known, "ML-DSA-44", "ML-DSA-65", "ML-DSA-87") if alg in SIGNATURE_ALGORITHMS)


def members_of(alg: str) -> dict[str, Any]:
    """The fixed key of an algorithm, as the members of a JWK; its kid is the name of the algorithm."""
    if alg in HMAC_BYTES:
        members = oct_members(alg, HMAC_BYTES[alg])
    elif alg in ECDSA_CURVES:
        members = ec_members(ECDSA_CURVES[alg])
    elif alg in EDDSA_CURVES:
        members = okp_members(EDDSA_CURVES[alg])
    else:
        members = mldsa_members(alg) if alg.startswith("ML-DSA") else rsa_members()
    return {**members, "alg": alg, "kid": alg}


def _rsa_padding(alg: str) -> padding.AsymmetricPadding:
    if alg.startswith("RS"):
        return padding.PKCS1v15()
    return padding.PSS(mgf=padding.MGF1(HASHES[alg[2:]]), salt_length=padding.PSS.DIGEST_LENGTH)


def _ecdsa_parts(alg: str) -> tuple[ec.EllipticCurvePrivateKey, ec.ECDSA, int]:
    crv = ECDSA_CURVES[alg]
    return ec_key(crv), ec.ECDSA(HASHES[alg[2:5]]), CURVES[crv][1]


def sign(alg: str, data: bytes) -> bytes:
    """Sign with the fixed key of an algorithm."""
    if alg in HMAC_BYTES:
        return hmac.digest(derived(alg, HMAC_BYTES[alg]), data, "sha" + alg[2:])
    if alg in ECDSA_CURVES:
        key, how, length = _ecdsa_parts(alg)
        r, s = decode_dss_signature(key.sign(data, how))
        return r.to_bytes(length, "big") + s.to_bytes(length, "big")
    if alg in EDDSA_CURVES:
        return bytes(okp_key(EDDSA_CURVES[alg]).sign(data))
    if alg.startswith("ML-DSA"):
        return bytes(mldsa_key(alg).sign(data))
    return rsa_key().sign(data, _rsa_padding(alg), HASHES[alg[2:]])


def holds(alg: str, data: bytes, signature: bytes) -> bool:
    """Check a signature with the fixed key of an algorithm."""
    if alg in HMAC_BYTES:
        return hmac.compare_digest(sign(alg, data), signature)
    try:
        if alg in ECDSA_CURVES:
            key, how, length = _ecdsa_parts(alg)
            if len(signature) != 2 * length:
                return False
            r, s = (int.from_bytes(part, "big") for part in (signature[:length], signature[length:]))
            key.public_key().verify(encode_dss_signature(r, s), data, how)
        elif alg in EDDSA_CURVES:
            okp_key(EDDSA_CURVES[alg]).public_key().verify(signature, data)
        elif alg.startswith("ML-DSA"):
            mldsa_key(alg).public_key().verify(signature, data)
        else:
            if len(signature) != rsa_key().key_size // 8:
                return False
            rsa_key().public_key().verify(signature, data, _rsa_padding(alg), HASHES[alg[2:]])
    except InvalidSignature:
        return False
    return True
