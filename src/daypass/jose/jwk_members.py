"""Raw keys and the members of a JWK that spell them: oct, RSA, EC, OKP. All checks of key material stand here.

Enters: a JWK's members, or a key object of ``cryptography``. Leaves: a RawKey whose parts are known to belong together.
Source: RFC 7518 6; RFC 8037 2; RFC 8725 3.4, 3.5 (points on their curve, keys long enough).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NoReturn

from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import ConfigurationError, KeyFormatError, MalformedToken, WeakKey
from daypass.jose.concealed import Concealed
from daypass.limits import (
    KEY_TEXT_BYTES_MAX,
    RSA_EXPONENT_BITS_MAX,
    RSA_MODULUS_BITS_MAX,
    RSA_MODULUS_BITS_MIN,
    SECRET_BYTES_MAX,
)

__all__ = [
    "RawKey",
    "generate",
    "raw_from_object",
    "raw_to_object",
    "read_members",
    "write_members",
]

_EC_BYTES: Final = {"P-256": 32, "P-384": 48, "P-521": 66}
_EC_OBJECT_NAMES: Final = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1"}
_OKP_BYTES: Final = {"Ed25519": 32, "Ed448": 57, "X25519": 32, "X448": 56}
_RSA_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi")


class RawKey:
    """What a JWK is about, in the form that jwa takes; shows nothing of it.

    Args:
        kty: oct, RSA, EC or OKP.
        crv: None for oct and RSA.
        public: a public key object; 32 bytes for Ed25519; None for oct.
        private: a private key object; 64 bytes (seed, public half) for Ed25519; the secret for oct; or None.
    """

    __slots__ = ("crv", "kty", "private", "public")

    def __init__(self, kty: str, crv: str | None, *, public: Any, private: Any) -> None:  # noqa: ANN401
        self.kty = kty
        self.crv = crv
        self.public = public
        self.private = private

    def __repr__(self) -> str:
        return f"RawKey(kty={self.kty!r}, crv={self.crv!r}, redacted)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a raw key is not pickled: it would be written in the clear")


def read_members(jwk: Mapping[str, Any]) -> RawKey:
    """Build the raw key that a JWK spells.

    Raises:
        KeyFormatError: a member is missing, misspelt, or contradicts another.
        WeakKey: an RSA key that is too short, or of a known weak make.

    Source: RFC 7518 6; RFC 8037 2.
    """
    kty = jwk.get("kty")
    readers = {"oct": _read_oct, "RSA": _read_rsa, "EC": _read_ec, "OKP": _read_okp}
    if not isinstance(kty, str) or kty not in readers:
        raise KeyFormatError(f"a JWK needs a 'kty' that is one of {', '.join(readers)}")
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return readers[kty](jwk)
    except (ValueError, OverflowError, UnsupportedAlgorithm):
        pass  # outside of the handler nothing of the key hangs on the new error
    raise KeyFormatError(f"the members of this {kty} key do not belong together, or are out of range")


def raw_from_secret(secret: Concealed) -> RawKey:
    """Take over a symmetric secret, as bytes. Raises TypeError, or KeyFormatError: too long. Source: RFC 7518 6.4."""
    if not isinstance(secret.value, bytes | bytearray | memoryview):
        raise TypeError("a secret is bytes: os.environ['API_KEY'].encode()")
    raw = RawKey("oct", None, public=None, private=bytes(secret.value))
    if len(raw.private) > SECRET_BYTES_MAX:
        raise KeyFormatError(f"a symmetric key may have at most {SECRET_BYTES_MAX} bytes")
    return raw


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
    _check_rsa(n, e)
    public = rsa.RSAPublicNumbers(e, n)
    given = [name for name in _RSA_PRIVATE if name in jwk]
    if not given:
        return RawKey("RSA", None, public=public.public_key(), private=None)
    if given == ["d"]:
        if _uint(jwk, "d") >= n:  # the search for the primes raises numbers to this power
            raise KeyFormatError("the private exponent 'd' is larger than the modulus")
        p, q = rsa.rsa_recover_prime_factors(n, e, _uint(jwk, "d"))
        parts = [_uint(jwk, "d"), p, q, *_crt(_uint(jwk, "d"), p, q)]
    elif len(given) == len(_RSA_PRIVATE):
        parts = [_uint(jwk, name) for name in _RSA_PRIVATE]
    else:
        raise KeyFormatError("a private RSA JWK has d alone, or all of d, p, q, dp, dq, qi")  # RFC 7518 6.3.2
    d, p, q, dp, dq, qi = parts
    private = rsa.RSAPrivateNumbers(p=p, q=q, d=d, dmp1=dp, dmq1=dq, iqmp=qi, public_numbers=public).private_key()
    return RawKey("RSA", None, public=private.public_key(), private=private)


def _crt(d: int, p: int, q: int) -> tuple[int, int, int]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)


def _check_rsa(n: int, e: int) -> None:
    """Refuse RSA keys that are too short, too long, even, or made by a chip with ROCA. Source: RFC 7518 3.3."""
    bits = n.bit_length()
    if bits < RSA_MODULUS_BITS_MIN:
        raise WeakKey(f"an RSA key needs at least {RSA_MODULUS_BITS_MIN} bits, this one has {bits}")
    if bits > RSA_MODULUS_BITS_MAX:
        raise KeyFormatError(f"an RSA key may have at most {RSA_MODULUS_BITS_MAX} bits, this one has {bits}")
    if e < 3 or e % 2 == 0 or e.bit_length() > RSA_EXPONENT_BITS_MAX:
        raise WeakKey(f"an RSA exponent must be odd, at least 3, and at most {RSA_EXPONENT_BITS_MAX} bits long")
    if n % 2 == 0:
        raise WeakKey("an RSA modulus is odd")
    if all(n % prime in residues for prime, residues in _roca_residues()):
        raise WeakKey("this RSA key bears the fingerprint of CVE-2017-15361 (ROCA): it can be factored")


@cache
def _roca_residues() -> tuple[tuple[int, frozenset[int]], ...]:
    """Per small prime, the powers of 65537: the moduli of the broken generator are among them for every one."""
    primes = [p for p in range(3, 168, 2) if all(p % k for k in range(3, int(p**0.5) + 1, 2))]
    return tuple((p, frozenset(pow(65537, i, p) for i in range(p))) for p in primes)


def _read_ec(jwk: Mapping[str, Any]) -> RawKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    crv = jwk.get("crv")
    if not isinstance(crv, str) or crv not in _EC_BYTES:
        raise KeyFormatError(f"an EC key needs a 'crv' that is one of {', '.join(_EC_BYTES)}")
    curve, length = _curve(crv), _EC_BYTES[crv]
    x, y = (int.from_bytes(_octets(jwk, name, length=length), "big") for name in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()  # refuses points off the curve
    if "d" not in jwk:
        return RawKey("EC", crv, public=public, private=None)
    private = ec.derive_private_key(int.from_bytes(_octets(jwk, "d", length=length), "big"), curve)
    if private.public_key() != public:
        del private
        raise KeyFormatError("the private part 'd' does not belong to the public point 'x', 'y'")
    return RawKey("EC", crv, public=public, private=private)


def _curve(crv: str) -> Any:  # noqa: ANN401 - the class is imported late
    from cryptography.hazmat.primitives.asymmetric import ec

    return getattr(ec, _EC_OBJECT_NAMES[crv])()


def _read_okp(jwk: Mapping[str, Any]) -> RawKey:
    crv = jwk.get("crv")
    if not isinstance(crv, str) or crv not in _OKP_BYTES:
        raise KeyFormatError(f"an OKP key needs a 'crv' that is one of {', '.join(_OKP_BYTES)}")
    length = _OKP_BYTES[crv]
    x = _octets(jwk, "x", length=length)
    raw = _okp_public(crv, x) if "d" not in jwk else _okp_private(crv, _octets(jwk, "d", length=length))
    if "d" in jwk and _okp_x(raw) != x:
        raise KeyFormatError("the private part 'd' does not belong to the public part 'x'")
    return raw


def _okp_public(crv: str, x: bytes) -> RawKey:
    if crv == "Ed25519":
        from nacl.bindings import crypto_core_ed25519_is_valid_point

        if not crypto_core_ed25519_is_valid_point(x):  # small order, mixed order, not canonical: forgeries would pass
            raise KeyFormatError("the public part 'x' is no valid point of Ed25519")
        return RawKey("OKP", crv, public=x, private=None)
    if crv == "Ed448" and not _is_honest_ed448(x):
        raise KeyFormatError("the public part 'x' is no valid point of Ed448")
    return RawKey("OKP", crv, public=_okp_module(crv, "Public").from_public_bytes(x), private=None)


def _is_honest_ed448(x: bytes) -> bool:
    """Whether y is canonical, and not one of the four points of small order: OpenSSL accepts forgeries under them."""
    prime = 2**448 - 2**224 - 1
    return 1 < int.from_bytes(x, "little") % 2**455 < prime - 1  # the top bit is the sign of x


def _okp_private(crv: str, seed: bytes) -> RawKey:
    if crv == "Ed25519":
        from nacl.bindings import crypto_sign_seed_keypair

        public, secret = crypto_sign_seed_keypair(seed)
        return RawKey("OKP", crv, public=public, private=secret)
    private = _okp_module(crv, "Private").from_private_bytes(seed)
    return RawKey("OKP", crv, public=private.public_key(), private=private)


def _okp_module(crv: str, half: str) -> Any:  # noqa: ANN401
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, x448, x25519

    modules = {"Ed25519": ed25519, "Ed448": ed448, "X25519": x25519, "X448": x448}
    return getattr(modules[crv], f"{crv}{half}Key")


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
        length, point = _EC_BYTES[raw.crv or ""], raw.public.public_numbers()
        members = {
            "kty": "EC",
            "crv": raw.crv or "",
            "x": _from_uint(point.x, length),
            "y": _from_uint(point.y, length),
        }
        if private:
            members["d"] = _from_uint(raw.private.private_numbers().private_value, length)
        return members
    members = {"kty": "OKP", "crv": raw.crv or "", "x": b64url_encode(_okp_x(raw))}
    if private:
        members["d"] = b64url_encode(
            raw.private[:32] if isinstance(raw.private, bytes) else raw.private.private_bytes_raw()
        )
    return members


def _from_uint(value: int, length: int | None = None) -> str:
    return b64url_encode(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


# -------------------------------------------------------------------------------------- objects, generation


def raw_from_object(key: Any) -> RawKey:  # noqa: ANN401
    """Take over a key object of ``cryptography``, with the same checks as for a JWK. Source: RFC 7518 6."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    private = key if hasattr(key, "private_bytes") else None
    public = key.public_key() if private is not None else key
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        _check_rsa(numbers.n, numbers.e)
        return RawKey("RSA", None, public=public, private=private)
    if isinstance(public, ec.EllipticCurvePublicKey):
        for crv, name in _EC_OBJECT_NAMES.items():
            if public.curve.name == name.lower():
                return RawKey("EC", crv, public=public, private=private)
    for crv in _OKP_BYTES:
        if isinstance(public, _okp_module(crv, "Public")):
            return (
                _okp_public(crv, public.public_bytes_raw())
                if private is None
                else _okp_private(crv, private.private_bytes_raw())
            )
    raise KeyFormatError("a key of this type or curve is not supported")


def raw_to_object(raw: RawKey, *, private: bool) -> Any:  # noqa: ANN401
    """The key object of ``cryptography`` for a raw asymmetric key. Source: RFC 8037 2."""
    if raw.crv == "Ed25519":
        if private:
            return _okp_module("Ed25519", "Private").from_private_bytes(raw.private[:32])
        return _okp_module("Ed25519", "Public").from_public_bytes(raw.public)
    return raw.private if private else raw.public


def generated_size(kty: str, *, bits: int | None, bytes_min: int) -> int:
    """Bytes of a symmetric key or bits of an RSA modulus to generate. Source: RFC 7518 3.2, 3.3."""
    if kty not in ("oct", "RSA"):
        if bits is not None:
            raise ConfigurationError("the size of this key follows from its curve: leave bits out")
        return 0
    least, most = (
        (RSA_MODULUS_BITS_MIN, RSA_MODULUS_BITS_MAX) if kty == "RSA" else (bytes_min * 8, SECRET_BYTES_MAX * 8)
    )
    bits = least if bits is None else bits
    if bits < least:
        raise WeakKey(f"a key for this algorithm needs at least {least} bits")
    if bits > most or bits % 8:
        raise ConfigurationError(f"bits must be a multiple of 8, at most {most}")
    return bits if kty == "RSA" else bits // 8


def generate(kty: str, *, crv: str | None, size: int) -> RawKey:
    """Make a new key.

    Args:
        kty: oct, RSA, EC or OKP.
        crv: for EC and OKP.
        size: bytes of an oct key, bits of an RSA modulus, else unused.

    Source: RFC 7518 6.
    """
    import secrets

    if kty == "oct":
        return RawKey("oct", None, public=None, private=secrets.token_bytes(size))
    if kty == "OKP":
        return _okp_private(crv or "", _okp_module(crv or "", "Private").generate().private_bytes_raw())
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    private = ec.generate_private_key(_curve(crv or "")) if kty == "EC" else rsa.generate_private_key(65537, size)
    return RawKey(kty, crv, public=private.public_key(), private=private)
