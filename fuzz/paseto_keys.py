"""Fixed keys of PASETO, and the judge of strange ones: which octets are a key of a version, and which a sound point.

Enters: a version, octets. Leaves: objects of ``cryptography`` that the judge works with; ``Refuse`` where octets are no
key. Points are judged by integers alone.
Source: PASERK types/local, types/secret, types/public; RFC 8032 5.1; SEC 1 2.3.4; PASETO Version1.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from fuzz import key_material, keys
from fuzz.judge import Refuse
from fuzz.keys import derived, uint

VERSIONS = (1, 2, 3, 4)
PURPOSES = ("local", "public")
DER_BYTES_MAX = 4096
PEM_OF_RSA = b"-----BEGIN RSA PRIVATE KEY-----"
SEALING_OFFSETS = {"p4096": 132, "q4096": 90}  # from the derived number to the next prime that goes with 65537
ED25519_PRIME = 2**255 - 19
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
ED25519_D = -121665 * pow(121666, -1, ED25519_PRIME) % ED25519_PRIME
P384_ORDER = keys.CURVES["P-384"][0].group_order
Extended = tuple[int, int, int, int]


# ----------------------------------------------------------------------------------------------------- fixed


def local(version: int, name: str = "") -> bytes:
    """The shared key of a version; another for each further name."""
    return derived(f"v{version}.local{name}", 32)


@cache
def secret(version: int, name: str = "") -> Any:  # noqa: ANN401 - three classes without a common one
    """What signs in a version; of version 1 there is one, whatever the name."""
    if version == 1:
        return keys.rsa_key()
    return keys.ec_key("P-384", f"v3{name}") if version == 3 else keys.okp_key("Ed25519", f"v{version}{name}")


@cache
def sealing_rsa() -> rsa.RSAPrivateKey:
    """The RSA key that k1.seal is for, 4,096 bits."""
    p, q = (
        (int.from_bytes(derived(name, 256), "big") | 3 << 2046 | 1) + offset for name, offset in SEALING_OFFSETS.items()
    )
    d = pow(65537, -1, (p - 1) * (q - 1))
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(65537, p * q)).private_key()


def secret_octets(version: int, key: Any) -> bytes:  # noqa: ANN401 - three classes without a common one
    """A secret key as PASERK spells it."""
    if version == 1:
        pkcs1: bytes = key.private_bytes(s.Encoding.DER, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption())
        return pkcs1
    if version == 3:
        scalar: int = key.private_numbers().private_value
        return scalar.to_bytes(48, "big")
    return bytes(key.private_bytes_raw()) + bytes(key.public_key().public_bytes_raw())


def public_octets(version: int, key: Any) -> bytes:  # noqa: ANN401 - three classes without a common one
    """The public half of a secret key as PASERK spells it."""
    public = key.public_key()
    if version == 1:
        spki: bytes = public.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
        return spki
    if version == 3:
        point: bytes = public.public_bytes(s.Encoding.X962, s.PublicFormat.CompressedPoint)
        return point
    return bytes(public.public_bytes_raw())


def fixed_octets(version: int, kind: str) -> bytes:
    """The fixed key of a kind: local, secret or public."""
    if kind == "local":
        return local(version)
    return (secret_octets if kind == "secret" else public_octets)(version, secret(version))


def pem_of_rsa() -> bytes:
    """The fixed secret key of v1 as k1.secret-pw wraps it. Source: PASERK types/secret-pw."""
    pem: bytes = secret(1).private_bytes(s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption())
    return pem.rstrip(b"\n")


# ---------------------------------------------------------------------------------------------------- octets


def demand_key(version: int, kind: str, octets: bytes) -> None:
    """Refuse octets that are no key of a version. Raises Refuse."""
    if kind == "local":
        _demand(len(octets) == 32, "a local key has 32 bytes")
    elif version == 1:
        _demand(len(octets) <= DER_BYTES_MAX, "too long for RSA")
        (_demand_rsa_secret if kind == "secret" else _demand_rsa_public)(octets)
    elif kind == "public":
        _demand(len(octets) == (49 if version == 3 else 32), "a public key of another length")
        _demand(version != 3 or octets[0] in (2, 3), "no compressed point")
    elif version == 3:
        _demand(len(octets) == 48 and 0 < int.from_bytes(octets, "big") < P384_ORDER, "no scalar of P-384")
    else:
        _demand(len(octets) == 64, "a secret key has seed and public half")
        half = ed25519.Ed25519PrivateKey.from_private_bytes(octets[:32]).public_key().public_bytes_raw()
        _demand(half == octets[32:], "the halves do not belong together")


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise Refuse(what)


def _read(load: Any) -> Any:  # noqa: ANN401 - any of a dozen classes
    """What ``cryptography`` reads, asked directly. Raises Refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return load()
        except Exception:  # noqa: BLE001 - whatever the parser dislikes, it is no key
            raise Refuse("no key that the parser reads") from None


def _demand_rsa_public(octets: bytes) -> None:
    key = _read(lambda: s.load_der_public_key(octets))
    _demand(isinstance(key, rsa.RSAPublicKey), "no RSA")
    _demand(key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo) == octets, "another spelling")
    _demand_size(key)


def _demand_rsa_secret(octets: bytes) -> None:
    key = _read(lambda: s.load_der_private_key(octets, None))
    _demand(isinstance(key, rsa.RSAPrivateKey), "no RSA")
    _demand(secret_octets(1, key) == octets, "another spelling")
    _demand_pair(key)


def rsa_of_pem(pem: bytes) -> bytes:
    """The octets of a v1 secret key that was written as PEM. Raises Refuse."""
    _demand(len(pem) <= DER_BYTES_MAX, "too long for RSA")
    key = _read(lambda: s.load_pem_private_key(pem, None))
    _demand(isinstance(key, rsa.RSAPrivateKey), "no RSA")
    _demand_pair(key)
    return secret_octets(1, key)


def _demand_pair(key: rsa.RSAPrivateKey) -> None:
    _demand_size(key.public_key())
    numbers = key.private_numbers()
    parts = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    members = {"kty": "RSA", "n": uint(numbers.public_numbers.n), "e": uint(numbers.public_numbers.e)}
    members |= {name: uint(value) for name, value in zip(("d", "p", "q", "dp", "dq", "qi"), parts, strict=True)}
    _demand(key_material.judge(members) != "refuse", "the parts do not belong together")


def _demand_size(key: rsa.RSAPublicKey) -> None:
    numbers = key.public_numbers()
    _demand(numbers.n.bit_length() == 2048 and numbers.e == 65537 and numbers.n % 2 == 1, "RSA of another kind")


# ---------------------------------------------------------------------------------------------------- points


def is_sound_point(version: int, octets: bytes) -> bool:
    """Whether a public key of v2, v3 or v4 is a point on the curve and of its prime order: nobody can forge."""
    if version == 3:
        prime, a, b = key_material.WEIERSTRASS["P-384"]
        x = int.from_bytes(octets[1:], "big")
        return x < prime and pow(x * x * x + a * x + b, (prime - 1) // 2, prime) in (0, 1)
    point = _edwards(octets)
    if point is None or point[0] == 0:
        return False
    x, y, z, _ = _times(ED25519_ORDER, point)
    return x == 0 and y == z


def _edwards(octets: bytes) -> Extended | None:
    """Decode a point of Ed25519. Source: RFC 8032 5.1.3."""
    number, prime = int.from_bytes(octets, "little"), ED25519_PRIME
    sign, y = number >> 255, number % 2**255
    if y >= prime:
        return None
    u, v = (y * y - 1) % prime, (ED25519_D * y * y + 1) % prime
    square = u * pow(v, -1, prime) % prime
    x = pow(square, (prime + 3) // 8, prime)
    if x * x % prime != square:
        x = x * pow(2, (prime - 1) // 4, prime) % prime
    if x * x % prime != square or (x == 0 and sign):
        return None
    x = prime - x if x % 2 != sign else x
    return x, y, 1, x * y % prime


def _added(one: Extended, other: Extended) -> Extended:
    """Add two points. Source: RFC 8032 5.1.4."""
    prime = ED25519_PRIME
    a, b = (one[1] - one[0]) * (other[1] - other[0]), (one[1] + one[0]) * (other[1] + other[0])
    c, d = 2 * one[3] * other[3] * ED25519_D, 2 * one[2] * other[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % prime, g * h % prime, f * g % prime, e * h % prime


def _times(scalar: int, point: Extended) -> Extended:
    total: Extended = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _added(total, point)
        point, scalar = _added(point, point), scalar >> 1
    return total
