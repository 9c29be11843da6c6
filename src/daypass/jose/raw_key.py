"""Raw keys: the material of a key in the form that jwa takes. All checks of key material stand here.

Enters: octets of a secret or a curve, or a key object of ``cryptography``. Leaves: a RawKey that may be used.
Source: RFC 7518 6; RFC 8037 2; RFC 8725 3.4, 3.5 (points on their curve, keys long enough); RFC 9964 3, 4.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from daypass.concealed import Concealed
from daypass.errors import KeyFormatError
from daypass.limits import SECRET_BYTES_MAX
from daypass.rsa_rules import check_rsa

__all__ = [
    "AKP_BYTES",
    "EC_BYTES",
    "OKP_BYTES",
    "RawKey",
    "akp_class",
    "akp_private",
    "akp_public",
    "ec_curve",
    "okp_class",
    "okp_private",
    "okp_public",
    "raw_from_object",
    "raw_from_secret",
    "raw_to_object",
]

EC_BYTES: Final = {"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}
"""Octets of a coordinate. Source: RFC 7518 6.2.1; RFC 8812 3.1."""
OKP_BYTES: Final = {"Ed25519": 32, "Ed448": 57, "X25519": 32, "X448": 56}
"""Octets of either half. Source: RFC 8037 2."""
AKP_BYTES: Final = {"ML-DSA-44": 1312, "ML-DSA-65": 1952, "ML-DSA-87": 2592}
"""Octets of the public half; the private one is a seed of 32. Source: RFC 9964 4, 5."""
_PRIME_25519: Final = 2**255 - 19
_PRIME_448: Final = 2**448 - 2**224 - 1
_LOW_ORDER: Final = {
    "X25519": (
        0,
        1,
        _PRIME_25519 - 1,
        0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
        0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
    ),
    "X448": (0, 1, _PRIME_448 - 1),
}
"""Coordinates of points, of the curve or its twist, that every private key takes to zero. Source: RFC 7748 6."""
_EC_NAMES: Final = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1", "secp256k1": "SECP256K1"}


class RawKey:
    """What a JWK is about; shows nothing of it.

    Args:
        kty: oct, RSA, EC, OKP or AKP.
        crv: None for oct and RSA; for AKP the one ``alg`` that the material is for.
        public: a public key object; 32 bytes for Ed25519; None for oct.
        private: a private key object; 64 bytes (seed, public half) for Ed25519; the secret for oct; or None.
    """

    __slots__ = ("crv", "kty", "private", "public")

    def __init__(self, kty: str, crv: str | None, *, public: Any, private: Any) -> None:  # noqa: ANN401
        self.kty = kty
        self.crv = crv
        self.public = public
        self.private = private

    @property
    def open_half(self) -> Any:  # noqa: ANN401
        """What verifies and encrypts: the public half, or the secret of an oct key."""
        return self.private if self.kty == "oct" else self.public

    def __repr__(self) -> str:
        return f"RawKey(kty={self.kty!r}, crv={self.crv!r}, redacted)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a raw key is not pickled: it would be written in the clear")


def raw_from_secret(secret: Concealed) -> RawKey:
    """Take over a symmetric secret, as bytes. Raises TypeError, or KeyFormatError: too long. Source: RFC 7518 6.4."""
    if not isinstance(secret.value, bytes | bytearray | memoryview):
        raise TypeError("a secret is bytes: os.environ['API_KEY'].encode()")
    raw = RawKey("oct", None, public=None, private=bytes(secret.value))
    if len(raw.private) > SECRET_BYTES_MAX:
        raise KeyFormatError(f"a symmetric key may have at most {SECRET_BYTES_MAX} bytes")
    return raw


# ---------------------------------------------------------------------------------------------------- curves


def ec_curve(crv: str) -> Any:  # noqa: ANN401 - the class is imported late
    """The curve object of ``cryptography`` for a name of EC_BYTES. Source: RFC 7518 6.2.1.1; RFC 8812 3.1."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return getattr(ec, _EC_NAMES[crv])()


def okp_public(crv: str, x: bytes) -> RawKey:
    """Take the public half of an OKP key, as octets of the right length. Source: RFC 8037 2."""
    if crv == "Ed25519":
        from nacl.bindings import crypto_core_ed25519_is_valid_point

        if not crypto_core_ed25519_is_valid_point(x):  # small order, mixed order, not canonical: forgeries would pass
            raise KeyFormatError("the public part 'x' is no valid point of Ed25519")
        return RawKey("OKP", crv, public=x, private=None)
    if crv == "Ed448" and not _is_honest_ed448(x):
        raise KeyFormatError("the public part 'x' is no valid point of Ed448")
    if crv in _LOW_ORDER and _coordinate(crv, x) in _LOW_ORDER[crv]:  # nothing secret can be agreed on with it
        raise KeyFormatError(f"the public part 'x' is a point of small order of {crv}")
    return RawKey("OKP", crv, public=okp_class(crv, "Public").from_public_bytes(x), private=None)


def _coordinate(crv: str, x: bytes) -> int:
    """The number that X25519 and X448 make of octets: any spelling of it is taken. Source: RFC 7748 5."""
    number = int.from_bytes(x, "little")
    return number % 2**255 % _PRIME_25519 if crv == "X25519" else number % _PRIME_448


def _is_honest_ed448(x: bytes) -> bool:
    """Whether y is canonical, and not one of the four points of small order: OpenSSL accepts forgeries under them."""
    return 1 < int.from_bytes(x, "little") % 2**455 < _PRIME_448 - 1  # the top bit is the sign of x


def okp_private(crv: str, seed: bytes) -> RawKey:
    """Take the private half of an OKP key, as octets of the right length. Source: RFC 8037 2."""
    if crv == "Ed25519":
        from nacl.bindings import crypto_sign_seed_keypair

        public, secret = crypto_sign_seed_keypair(seed)
        return RawKey("OKP", crv, public=public, private=secret)
    private = okp_class(crv, "Private").from_private_bytes(seed)
    return RawKey("OKP", crv, public=private.public_key(), private=private)


def okp_class(crv: str, half: str) -> Any:  # noqa: ANN401
    """The class of ``cryptography``; ``half`` is Public or Private. Source: RFC 8037 2."""
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, x448, x25519

    modules = {"Ed25519": ed25519, "Ed448": ed448, "X25519": x25519, "X448": x448}
    return getattr(modules[crv], f"{crv}{half}Key")


# ---------------------------------------------------------------------------------------- algorithm key pairs


def akp_public(alg: str, pub: bytes) -> RawKey:
    """Take the public half of an ML-DSA key, as octets of the right length. Source: RFC 9964 5."""
    return RawKey("AKP", alg, public=akp_class(alg, "Public").from_public_bytes(pub), private=None)


def akp_private(alg: str, seed: bytes) -> RawKey:
    """Take the seed of an ML-DSA key, 32 octets. Source: RFC 9964 4."""
    private = akp_class(alg, "Private").from_seed_bytes(seed)
    return RawKey("AKP", alg, public=private.public_key(), private=private)


def akp_class(alg: str, half: str) -> Any:  # noqa: ANN401
    """The class of ``cryptography``; ``half`` is Public or Private. Source: RFC 9964 3."""
    from cryptography.hazmat.primitives.asymmetric import mldsa

    return getattr(mldsa, f"{alg.replace('-', '')}{half}Key")


# --------------------------------------------------------------------------------------------------- objects


def raw_from_object(key: Any) -> RawKey:  # noqa: ANN401
    """Take over a key object of ``cryptography``, with the same checks as for a JWK. Source: RFC 7518 6."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    private = key if hasattr(key, "private_bytes") else None
    public = key.public_key() if private is not None else key
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        check_rsa(numbers.n, numbers.e)
        return RawKey("RSA", None, public=public, private=private)
    if isinstance(public, ec.EllipticCurvePublicKey):
        for crv, name in _EC_NAMES.items():
            if public.curve.name == name.lower():
                return RawKey("EC", crv, public=public, private=private)
    for crv in OKP_BYTES:
        if isinstance(public, okp_class(crv, "Public")):
            raw = public.public_bytes_raw() if private is None else private.private_bytes_raw()
            return okp_public(crv, raw) if private is None else okp_private(crv, raw)
    for alg in AKP_BYTES:
        if isinstance(public, akp_class(alg, "Public")):
            return RawKey("AKP", alg, public=public, private=private)
    raise KeyFormatError("a key of this type or curve is not supported")


def raw_to_object(raw: RawKey, *, private: bool) -> Any:  # noqa: ANN401
    """The key object of ``cryptography`` for a raw asymmetric key. Source: RFC 8037 2."""
    if raw.crv == "Ed25519":
        if private:
            return okp_class("Ed25519", "Private").from_private_bytes(raw.private[:32])
        return okp_class("Ed25519", "Public").from_public_bytes(raw.public)
    return raw.private if private else raw.public
