"""The members of a JWK that spell key material: oct, RSA, EC, OKP, AKP. Enters: members. Leaves: a RawKey, and back.

A private part is held against the public one: a key whose halves do not belong together is refused.
Source: RFC 7518 6; RFC 8037 2; RFC 8812 3.1; RFC 9964 3, 4; RFC 8725 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Any, Final

from daypass.concealed import Concealed
from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import KeyFormatError, MalformedToken
from daypass.jose.raw_key import (
    AKP_BYTES,
    EC_BYTES,
    OKP_BYTES,
    RawKey,
    akp_private,
    akp_public,
    ec_curve,
    okp_private,
    okp_public,
    raw_from_secret,
)
from daypass.limits import KEY_TEXT_BYTES_MAX
from daypass.rsa_rules import check_rsa

__all__ = ["read_members", "write_members"]

_RSA_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi")
_FACTOR_NUMBERS: Final = tuple(p for p in range(3, 138) if all(p % k for k in range(2, p)))


def read_members(jwk: Mapping[str, Any]) -> RawKey:
    """Build the raw key that a JWK spells.

    Raises:
        KeyFormatError: a member is missing, misspelt, or contradicts another.
        WeakKey: an RSA key that is too short, or of a known weak make.

    Source: RFC 7518 6; RFC 8037 2; RFC 9964 3, 4.
    """
    kty = jwk.get("kty")
    readers = {"oct": _read_oct, "RSA": _read_rsa, "EC": _read_ec, "OKP": _read_okp, "AKP": _read_akp}
    if kty is None and isinstance(jwk.get("keys"), list):
        raise KeyFormatError("this is a JWK Set, not a JWK: JWKSet.from_dict or JWKSet.from_json reads it")
    if not isinstance(kty, str) or kty not in readers:
        raise KeyFormatError(f"a JWK needs a 'kty' that is one of {', '.join(readers)}")
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return readers[kty](jwk)
    except (ValueError, OverflowError, UnsupportedAlgorithm):
        pass  # outside of the handler nothing of the key hangs on the new error
    raise KeyFormatError(f"the members of this {kty} key do not belong together, or are out of range")


def _octets(jwk: Mapping[str, Any], name: str, *, length: int | None = None) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not text or len(text) > KEY_TEXT_BYTES_MAX:
        del text
        raise KeyFormatError(f"JWK member {name!r} must be a non-empty base64url text")
    try:
        raw = b64url_decode(text.encode("ascii"))
    except (MalformedToken, UnicodeEncodeError):
        raw = b""
    if not raw:
        del text
        raise KeyFormatError(f"JWK member {name!r} is not canonical base64url")
    if length is not None and len(raw) != length:
        del text, raw
        raise KeyFormatError(f"JWK member {name!r} must be exactly {length} octets")
    return raw


def _uint(jwk: Mapping[str, Any], name: str) -> int:
    """Base64urlUInt: big-endian, no leading zero octets. Source: RFC 7518 2."""
    raw = _octets(jwk, name)
    if raw[0] == 0:
        del raw
        raise KeyFormatError(f"JWK member {name!r} has leading zero octets")
    return int.from_bytes(raw, "big")


# ------------------------------------------------------------------------------------------------- per kty


def _read_oct(jwk: Mapping[str, Any]) -> RawKey:
    return raw_from_secret(Concealed(_octets(jwk, "k")))


def _read_rsa(jwk: Mapping[str, Any]) -> RawKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    if "oth" in jwk:
        raise KeyFormatError("RSA keys with more than two primes are not supported")
    n, e = _uint(jwk, "n"), _uint(jwk, "e")
    check_rsa(n, e)
    public = rsa.RSAPublicNumbers(e, n)
    given = [name for name in _RSA_PRIVATE if name in jwk]
    if not given:
        return RawKey("RSA", None, public=public.public_key(), private=None)
    if given == ["d"]:
        if _uint(jwk, "d") >= n:  # the search for the primes raises numbers to this power
            raise KeyFormatError("the private exponent 'd' is larger than the modulus")
        p, q = _factors(n, e, _uint(jwk, "d"))
        parts = [_uint(jwk, "d"), p, q, *_crt(_uint(jwk, "d"), p, q)]
    elif len(given) == len(_RSA_PRIVATE):
        parts = [_uint(jwk, name) for name in _RSA_PRIVATE]
    else:
        raise KeyFormatError("a private RSA JWK has d alone, or all of d, p, q, dp, dq, qi")  # RFC 7518 6.3.2
    d, p, q, dp, dq, qi = parts
    private = rsa.RSAPrivateNumbers(p=p, q=q, d=d, dmp1=dp, dmq1=dq, iqmp=qi, public_numbers=public).private_key()
    return RawKey("RSA", None, public=private.public_key(), private=private)


def _factors(n: int, e: int, d: int) -> tuple[int, int]:
    """Find the primes from both exponents; raises ValueError where they do not belong together.

    The function of cryptography tries hundreds of numbers, with a power for each squaring: where n is prime itself, and
    n - 1 a multiple of a large power of two, that takes hours. Here a number costs one power, and 32 of them are tried;
    of an honest key each finds the primes with a chance of one half or better.
    Source: NIST SP 800-56B Rev. 2 appendix C.1.
    """
    odd, squarings = d * e - 1, 0
    while odd and odd % 2 == 0:
        odd, squarings = odd // 2, squarings + 1
    if odd <= 0 or pow(2, n - 1, n) == 1:
        raise ValueError
    for number in _FACTOR_NUMBERS:
        root = power = pow(number, odd, n)
        for _ in range(squarings):
            if power == 1:
                break
            root, power = power, power * power % n
        if power != 1:
            raise ValueError
        if root not in (1, n - 1):
            p = gcd(root - 1, n)
            return max(p, n // p), min(p, n // p)
    raise ValueError


def _crt(d: int, p: int, q: int) -> tuple[int, int, int]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)


def _read_ec(jwk: Mapping[str, Any]) -> RawKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    crv = jwk.get("crv")
    if not isinstance(crv, str) or crv not in EC_BYTES:
        raise KeyFormatError(f"an EC key needs a 'crv' that is one of {', '.join(EC_BYTES)}")
    curve, length = ec_curve(crv), EC_BYTES[crv]
    point = b"\x04" + _octets(jwk, "x", length=length) + _octets(jwk, "y", length=length)
    public = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)  # refuses points off the curve
    if "d" not in jwk:
        return RawKey("EC", crv, public=public, private=None)
    private = ec.derive_private_key(int.from_bytes(_octets(jwk, "d", length=length), "big"), curve)
    if private.public_key() != public:
        del private
        raise KeyFormatError("the private part 'd' does not belong to the public point 'x', 'y'")
    return RawKey("EC", crv, public=public, private=private)


def _read_okp(jwk: Mapping[str, Any]) -> RawKey:
    crv = jwk.get("crv")
    if not isinstance(crv, str) or crv not in OKP_BYTES:
        raise KeyFormatError(f"an OKP key needs a 'crv' that is one of {', '.join(OKP_BYTES)}")
    length = OKP_BYTES[crv]
    x = _octets(jwk, "x", length=length)
    raw = okp_public(crv, x) if "d" not in jwk else okp_private(crv, _octets(jwk, "d", length=length))
    if "d" in jwk and _okp_x(raw) != x:
        raise KeyFormatError("the private part 'd' does not belong to the public part 'x'")
    return raw


def _read_akp(jwk: Mapping[str, Any]) -> RawKey:
    alg = jwk.get("alg")
    if not isinstance(alg, str) or alg not in AKP_BYTES:
        raise KeyFormatError(f"an AKP key needs an 'alg' that is one of {', '.join(AKP_BYTES)}")
    pub = _octets(jwk, "pub", length=AKP_BYTES[alg])
    raw = akp_public(alg, pub) if "priv" not in jwk else akp_private(alg, _octets(jwk, "priv", length=32))
    if "priv" in jwk and raw.public.public_bytes_raw() != pub:
        raise KeyFormatError("the private part 'priv' does not belong to the public part 'pub'")
    return raw


def _okp_x(raw: RawKey) -> bytes:
    return raw.public if isinstance(raw.public, bytes) else raw.public.public_bytes_raw()


# --------------------------------------------------------------------------------------------------- write


def write_members(raw: RawKey, *, private: bool) -> dict[str, str]:
    """Spell a raw key as JWK members, with its private parts only where asked. Source: RFC 7518 6; RFC 8037 2."""
    if raw.kty == "oct":
        return {"kty": "oct", "k": b64url_encode(raw.private)}
    if raw.kty == "RSA":
        public = raw.public.public_numbers()
        members = {"kty": "RSA", "n": _from_uint(public.n), "e": _from_uint(public.e)}
        if private:
            numbers = raw.private.private_numbers()
            parts = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
            members |= {name: _from_uint(part) for name, part in zip(_RSA_PRIVATE, parts, strict=True)}
        return members
    if raw.kty == "EC":
        length, point = EC_BYTES[raw.crv or ""], raw.public.public_numbers()
        members = {
            "kty": "EC",
            "crv": raw.crv or "",
            "x": _from_uint(point.x, length),
            "y": _from_uint(point.y, length),
        }
        if private:
            members["d"] = _from_uint(raw.private.private_numbers().private_value, length)
        return members
    if raw.kty == "AKP":
        members = {"kty": "AKP", "alg": raw.crv or "", "pub": b64url_encode(raw.public.public_bytes_raw())}
        if private:
            members["priv"] = b64url_encode(raw.private.private_bytes_raw())
        return members
    members = {"kty": "OKP", "crv": raw.crv or "", "x": b64url_encode(_okp_x(raw))}
    if private:
        members["d"] = b64url_encode(
            raw.private[:32] if isinstance(raw.private, bytes) else raw.private.private_bytes_raw()
        )
    return members


def _from_uint(value: int, length: int | None = None) -> str:
    return b64url_encode(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))
