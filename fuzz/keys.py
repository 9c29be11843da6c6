"""Fixed test keys, so that a finding can be repeated: derived from their names, never written down, good for nothing.

Enters: the name of an algorithm. Leaves: its key as the members of a JWK (built here, not by daypass) and as the object
of ``cryptography`` that the judge verifies and signs with.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519

RSA_OFFSETS = {"p": 850, "q": 1918}  # from the derived number to the next prime that goes with 65537
CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
    "secp256k1": (ec.SECP256K1(), 32),
}
OKP: dict[str, tuple[Any, int]] = {
    "Ed25519": (ed25519.Ed25519PrivateKey, 32),
    "Ed448": (ed448.Ed448PrivateKey, 57),
    "X25519": (x25519.X25519PrivateKey, 32),
    "X448": (x448.X448PrivateKey, 56),
}


def b64u(raw: bytes) -> str:
    """Encode as base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def derived(name: str, length: int) -> bytes:
    """Some fixed bytes for a name."""
    return hashlib.shake_256(b"daypass fuzz " + name.encode()).digest(length)


def uint(number: int, length: int | None = None) -> str:
    """Spell a number as the members of RSA and EC keys are."""
    return b64u(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """The one RSA key, 2,048 bits."""
    p, q = (
        (int.from_bytes(derived(name, 128), "big") | 3 << 1022 | 1) + offset for name, offset in RSA_OFFSETS.items()
    )
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()


@cache
def ec_key(crv: str, name: str = "") -> ec.EllipticCurvePrivateKey:
    """The key of a curve; another for each further name."""
    curve, length = CURVES[crv]
    scalar = int.from_bytes(derived(crv + name, length), "big") % (2 ** (length * 8 - 8)) + 1
    return ec.derive_private_key(scalar, curve)


@cache
def okp_key(crv: str, name: str = "") -> Any:  # noqa: ANN401 - four classes without a common one
    """The key of an Edwards or Montgomery curve; another for each further name."""
    kind, length = OKP[crv]
    return kind.from_private_bytes(derived(crv + name, length))


@cache
def mldsa_key(alg: str) -> Any:  # noqa: ANN401 - three classes without a common one
    """The key of ML-DSA, from its seed."""
    from cryptography.hazmat.primitives.asymmetric import mldsa

    return getattr(mldsa, alg.replace("-", "") + "PrivateKey").from_seed_bytes(derived(alg, 32))


def rsa_members() -> dict[str, Any]:
    """The RSA key as the members of a JWK."""
    numbers = rsa_key().private_numbers()
    public = numbers.public_numbers
    values = (public.n, public.e, numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    names = ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    return {"kty": "RSA", **{name: uint(value) for name, value in zip(names, values, strict=True)}}


def ec_members(crv: str, name: str = "") -> dict[str, Any]:
    """An EC key as the members of a JWK."""
    numbers, length = ec_key(crv, name).private_numbers(), CURVES[crv][1]
    point = numbers.public_numbers
    parts = {"x": uint(point.x, length), "y": uint(point.y, length), "d": uint(numbers.private_value, length)}
    return {"kty": "EC", "crv": crv, **parts}


def okp_members(crv: str, name: str = "") -> dict[str, Any]:
    """An OKP key as the members of a JWK."""
    key = okp_key(crv, name)
    x, d = b64u(key.public_key().public_bytes_raw()), b64u(key.private_bytes_raw())
    return {"kty": "OKP", "crv": crv, "x": x, "d": d}


def oct_members(name: str, length: int) -> dict[str, Any]:
    """A symmetric key as the members of a JWK."""
    return {"kty": "oct", "k": b64u(derived(name, length))}


def mldsa_members(alg: str) -> dict[str, Any]:
    """A key of ML-DSA as the members of a JWK. Source: RFC 9964."""
    public = mldsa_key(alg).public_key().public_bytes_raw()
    return {"kty": "AKP", "alg": alg, "pub": b64u(public), "priv": b64u(derived(alg, 32))}


PUBLIC_MEMBERS = {
    "oct": ("k",),
    "RSA": ("n", "e"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
    "AKP": ("alg", "pub"),
}


def public_half(members: dict[str, Any]) -> dict[str, Any]:
    """The same key without its private members."""
    names = ("kty", *PUBLIC_MEMBERS[members["kty"]], "kid", "alg", "use", "key_ops")
    return {name: members[name] for name in names if name in members}
