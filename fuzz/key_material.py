"""The judge of key material: numbers of RSA, points of curves, halves that belong together. Integers, and hashes.

Enters: the members of a JWK. Leaves: accept, refuse or either; and relatives of a key, some of which are good keys.
Source: RFC 7518 6; RFC 8037 2; RFC 8812 3.1; RFC 9964 3.
"""

from __future__ import annotations

from math import gcd
from typing import Any

from daypass.limits import RSA_EXPONENT_BITS_MAX, RSA_MODULUS_BITS_MAX, RSA_MODULUS_BITS_MIN, SECRET_BYTES_MAX
from fuzz.chance import Chance
from fuzz.judge import Refuse, octets
from fuzz.keys import CURVES, OKP, b64u, uint

Members = dict[str, Any]
Point = tuple[int, int] | None

# field prime, a, b
P256, P384, P521 = 2**256 - 2**224 + 2**192 + 2**96 - 1, 2**384 - 2**128 - 2**96 + 2**32 - 1, 2**521 - 1
WEIERSTRASS: dict[str, tuple[int, int, int]] = {
    "P-256": (P256, -3, 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B),
    "P-384": (
        P384,
        -3,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
    "P-521": (
        P521,
        -3,
        0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF1 << 272
        | 0x09E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
    ),
    "secp256k1": (2**256 - 2**32 - 977, 0, 7),
}
MLDSA_BYTES = {"ML-DSA-44": 1312, "ML-DSA-65": 1952, "ML-DSA-87": 2592}
CRT = ("p", "q", "dp", "dq", "qi")
PLAIN = {"kty", "crv", "k", "n", "e", "d", *CRT, "x", "y", "pub", "priv", "kid", "ext"}
"""With other members (alg, use, key_ops, x5c) the judge knows when to refuse, and leaves the rest to daypass."""


def number(members: Members, name: str) -> int:
    """A number of RSA. Raises Refuse."""
    raw = material(members, name)
    if raw[0] == 0:
        raise Refuse("leading zeros")
    return int.from_bytes(raw, "big")


def material(members: Members, name: str, length: int | None = None) -> bytes:
    """A member that holds octets. Raises Refuse."""
    text = members.get(name)
    raw = octets(text) if isinstance(text, str) else b""
    if not raw or (length is not None and len(raw) != length):
        raise Refuse(f"{name} has another length")
    return raw


def judge(members: Members) -> str:
    """Whether a JWK must be accepted, must be refused, or may be either."""
    try:
        return _judge(members)
    except Refuse:
        return "refuse"


def _judge(members: Members) -> str:
    for name in ("alg", "use", "kid"):
        if not isinstance(members.get(name, ""), str):
            return "refuse"
    kid = members.get("kid", "x")
    if not 0 < len(kid.encode()) <= 1024:
        return "refuse"
    judges = {"oct": _oct, "RSA": _rsa, "EC": _ec, "OKP": _okp, "AKP": _akp}
    kty = members.get("kty")
    if not isinstance(kty, str) or kty not in judges:
        return "refuse"
    certain = judges[kty](members)
    return "accept" if certain and members.keys() <= PLAIN | ({"alg"} if kty == "AKP" else set()) else "either"


def _oct(members: Members) -> bool:
    if len(material(members, "k")) > SECRET_BYTES_MAX:
        raise Refuse("too long")
    return True


def _rsa(members: Members) -> bool:
    n, e = number(members, "n"), number(members, "e")
    if not RSA_MODULUS_BITS_MIN <= n.bit_length() <= RSA_MODULUS_BITS_MAX or n % 2 == 0:
        raise Refuse("the modulus")
    if e < 3 or e % 2 == 0 or e.bit_length() > RSA_EXPONENT_BITS_MAX or "oth" in members:
        raise Refuse("the exponent, or more primes")
    given = {"d", *CRT} & members.keys()
    if not given:
        return False  # a modulus of any odd number may be refused for other reasons: small factors, ROCA
    if given == {"d"}:
        d = number(members, "d")
        if pow(pow(2, e, n), d, n) != 2:  # an honest pair gives back what went in
            raise Refuse("d is no inverse of e")
        return False
    if len(given) != 6:
        raise Refuse("some of the parts")
    d, p, q, dp, dq, qi = (number(members, name) for name in ("d", *CRT))
    if p * q != n or min(p, q) < 3 or dp != d % (p - 1) or dq != d % (q - 1) or qi * q % p != 1:
        raise Refuse("the parts do not belong together")
    order = (p - 1) * (q - 1) // gcd(p - 1, q - 1)
    if e * d % order != 1:
        raise Refuse("d is no inverse of e")
    return False


def _ec(members: Members) -> bool:
    crv = members.get("crv")
    if not isinstance(crv, str) or crv not in WEIERSTRASS:
        raise Refuse("no such curve")
    length = CURVES[crv][1]
    prime, a, b = WEIERSTRASS[crv]
    x, y = (int.from_bytes(material(members, name, length), "big") for name in ("x", "y"))
    if x >= prime or y >= prime or (y * y - (x * x * x + a * x + b)) % prime:
        raise Refuse("no point of the curve")
    if "d" in members:
        from cryptography.hazmat.primitives.asymmetric import ec

        scalar = int.from_bytes(material(members, "d", length), "big")
        if not 0 < scalar < CURVES[crv][0].group_order:
            raise Refuse("no scalar of the curve")
        point = ec.derive_private_key(scalar, CURVES[crv][0]).public_key().public_numbers()
        if (point.x, point.y) != (x, y):
            raise Refuse("the halves do not belong together")
    return True


def _okp(members: Members) -> bool:
    crv = members.get("crv")
    if not isinstance(crv, str) or crv not in OKP:
        raise Refuse("no such curve")
    kind, length = OKP[crv]
    x = material(members, "x", length)
    if "d" not in members:
        return False  # points of small order are refused, and which ones there are is not for the judge to say
    d = material(members, "d", length)
    if kind.from_private_bytes(d).public_key().public_bytes_raw() != x:
        raise Refuse("the halves do not belong together")
    return True


def _akp(members: Members) -> bool:
    alg = members.get("alg")
    if not isinstance(alg, str) or alg not in MLDSA_BYTES:
        raise Refuse("no such algorithm")
    pub = material(members, "pub", MLDSA_BYTES[alg])
    if "priv" in members:
        from cryptography.hazmat.primitives.asymmetric import mldsa

        kind = getattr(mldsa, alg.replace("-", "") + "PrivateKey")
        if kind.from_seed_bytes(material(members, "priv", 32)).public_key().public_bytes_raw() != pub:
            raise Refuse("the halves do not belong together")
    return True


# ------------------------------------------------------------------------------------------------- relatives


def relative(members: Members, chance: Chance) -> Members:
    """Another key of the same kind: some good, some off by one rule."""
    try:
        makers = {"RSA": _other_rsa, "EC": _other_ec, "OKP": _other_okp}
        return makers[members["kty"]](members, chance)
    except (Refuse, KeyError, ValueError, TypeError, OverflowError):
        return members


def _other_rsa(members: Members, chance: Chance) -> Members:
    n, e, d, p, q = (number(members, name) for name in ("n", "e", "d", "p", "q"))
    order = (p - 1) * (q - 1) // gcd(p - 1, q - 1)
    kind = chance.random.randrange(6)
    if kind == 0:  # the same key, written the other way round: good
        p, q = q, p
    elif kind == 1:
        d = d % order
    elif kind == 2:
        d += order * chance.pick((1, 2, 2**64))
    elif kind == 3:
        e = chance.pick((3, 17, 1, 2, 65536, 2**63 + 1, 2**64 + 1, 2**65 + 1, n))
    elif kind == 4:
        p, q = chance.pick(((n, 1), (1, n), (p + 2, q), (n // 3, 3)))
    else:
        n, p = chance.pick(((n * q, p * q), (n + 2, p), (-n + 2**2048, p), (n << 1, p << 1)))
    parts = {"n": n, "e": e, "d": d, "p": p, "q": q, "dp": d % max(p - 1, 1), "dq": d % max(q - 1, 1)}
    try:
        parts["qi"] = pow(q, -1, p)
    except ValueError:
        parts["qi"] = 1
    return {**members, **{name: uint(value) for name, value in parts.items()}}


def _other_ec(members: Members, chance: Chance) -> Members:
    crv = members["crv"]
    curve, length = CURVES[crv]
    prime = WEIERSTRASS[crv][0]
    kind = chance.random.randrange(4)
    if kind == 0 and "d" in members:
        from cryptography.hazmat.primitives.asymmetric import ec

        order = curve.group_order
        scalar = chance.pick((1, 2, order - 1, chance.random.randrange(1, order)))
        point = ec.derive_private_key(scalar, curve).public_key().public_numbers()
        return {**members, "d": uint(scalar, length), "x": uint(point.x, length), "y": uint(point.y, length)}
    x, y = (int.from_bytes(material(members, name, length), "big") for name in ("x", "y"))
    if kind == 1:
        return {**members, "y": uint(prime - y, length)}  # the other point of this x: a good public key
    if kind == 2:
        name, value = chance.pick((("x", x + prime), ("y", y + prime), ("x", 0), ("y", 0)))
        return {**members, name: uint(value, max(length, (value.bit_length() + 7) // 8))}
    scalar = int.from_bytes(material(members, "d", length), "big")
    order = curve.group_order
    other = chance.pick((0, order, order + 1, scalar + order, order - scalar))
    return {**members, "d": uint(other, max(length, (other.bit_length() + 7) // 8))}


def _other_okp(members: Members, chance: Chance) -> Members:
    kind, length = OKP[members["crv"]]
    if "d" in members and chance.once_in(2):
        seed = chance.random.randbytes(length)
        public = kind.from_private_bytes(seed).public_key().public_bytes_raw()
        return {**members, "d": b64u(seed), "x": b64u(public)}
    edges = (
        0,
        1,
        2**255 - 19,
        2**255 - 20,
        2**255 - 18,
        2**448 - 2**224 - 1,
        2**448 - 2**224 - 2,
        2 ** (8 * length) - 1,
    )
    return {**members, "x": b64u((chance.pick(edges) % 2 ** (8 * length)).to_bytes(length, "little"))}
