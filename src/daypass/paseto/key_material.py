"""The material of PASETO keys: what octets, PEM and DER say, and every check of it.

Enters: a version and concealed octets. Leaves: bytes of Ed25519, key objects of ``cryptography`` for P-384 and RSA.
Source: PASETO 01-Protocol-Versions; PASERK types/public, types/secret.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from daypass.concealed import Concealed
from daypass.errors import KeyFormatError
from daypass.limits import PASETO_KEY_TEXT_BYTES_MAX
from daypass.rsa_rules import check_rsa

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = [
    "LOCAL_KEY_BYTES",
    "compressed_point",
    "generate_secret",
    "point_of",
    "public_octets",
    "read_public_octets",
    "read_public_pem",
    "read_secret_octets",
    "read_secret_pem",
    "rsa_public_from_der",
    "secret_octets",
]

LOCAL_KEY_BYTES: Final = 32
_SEED_BYTES: Final = 32
_ED25519_SECRET_BYTES: Final = 64
_ED25519_PUBLIC_BYTES: Final = 32
_P384_SCALAR_BYTES: Final = 48
_P384_POINT_BYTES: Final = 49
_RSA_EXPONENT: Final = 65537
_RSA_BITS: Final = (2048, 4096)
"""Of a key that signs, and of one that unseals. Source: PASETO Version1; PASERK operations/PKE."""
_FORMS: Final = {
    1: "RSA of 2,048 bits (4,096 for k1.seal) with exponent 65537",
    2: "Ed25519",
    3: "P-384",
    4: "Ed25519",
}


def generate_secret(version: int) -> Concealed:
    """Make the secret half of a new key pair. Source: PASETO 01-Protocol-Versions."""
    if version == 1:
        from cryptography.hazmat.primitives.asymmetric import rsa

        return Concealed(rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS[0]))
    if version == 3:
        from cryptography.hazmat.primitives.asymmetric import ec

        return Concealed(ec.generate_private_key(ec.SECP384R1()))
    from nacl.bindings import crypto_sign_keypair

    return Concealed(crypto_sign_keypair()[1])


# ------------------------------------------------------------------------------------------------------ octets


def read_secret_octets(version: int, octets: Concealed) -> Concealed:
    """Octets of a secret key to what signs. Raises KeyFormatError, WeakKey. Source: PASERK types/secret."""
    if version == 1:
        secret = _checked_secret(1, _loaded(_private_der, octets))
        if secret_octets(1, secret) != octets.value:
            raise KeyFormatError("a v1 secret key is PKCS #1 as DER, in its one spelling: from_pem reads other forms")
        return secret
    if version == 3:
        if len(octets.value) != _P384_SCALAR_BYTES:
            raise KeyFormatError(f"a v3 secret key has exactly {_P384_SCALAR_BYTES} bytes")
        return _loaded(_scalar, octets)
    if len(octets.value) != _ED25519_SECRET_BYTES:
        raise KeyFormatError(
            f"a v{version} secret key has exactly {_ED25519_SECRET_BYTES} bytes: the seed, then the public half"
        )
    pair = _keypair(octets.value[:_SEED_BYTES])
    if pair.value != octets.value:
        raise KeyFormatError("the public half of this secret key is not the one of its seed")
    return pair


def read_public_octets(version: int, octets: Concealed) -> Concealed:
    """Octets of a public key, of the right length and form. Raises KeyFormatError, WeakKey. Source: PASERK public."""
    if version == 1:
        if _spki(rsa_public_from_der(octets)) != octets.value:
            raise KeyFormatError("a v1 public key is SubjectPublicKeyInfo as DER, in its one spelling")
    elif version == 3:
        if len(octets.value) != _P384_POINT_BYTES or octets.value[0] not in (2, 3):
            raise KeyFormatError(f"a v3 public key is a compressed point, {_P384_POINT_BYTES} bytes from 02 or 03 on")
    elif len(octets.value) != _ED25519_PUBLIC_BYTES:
        raise KeyFormatError(f"a v{version} public key has exactly {_ED25519_PUBLIC_BYTES} bytes")
    return octets


def secret_octets(version: int, material: Concealed) -> bytes:
    """The octets of a secret key. Source: PASERK types/secret."""
    if version == 1:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return material.value.private_bytes(  # type: ignore[no-any-return]
            Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        )
    if version == 3:
        scalar: int = material.value.private_numbers().private_value
        return scalar.to_bytes(_P384_SCALAR_BYTES, "big")
    return material.value  # type: ignore[no-any-return]


def public_octets(version: int, material: Concealed) -> bytes:
    """The octets of the public half of what signs. Source: PASERK types/public."""
    if version == 1:
        return _spki(material.value.public_key())
    if version == 3:
        return compressed_point(material.value.public_key())
    return material.value[_SEED_BYTES:]  # type: ignore[no-any-return]


def point_of(version: int, octets: Concealed) -> Any:  # noqa: ANN401 - bytes, or a key object of ``cryptography``
    """What verifies, of the octets of a v2, v3 or v4 key. Raises KeyFormatError: no honest point of the curve.

    Source: RFC 8032 5.1.3; SEC 1 2.3.4.
    """
    if version == 3:
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), octets.value)
        except ValueError:
            pass
    else:
        from nacl.bindings import crypto_core_ed25519_is_valid_point

        # Refused are small order, mixed order and what is not canonical: forgeries would pass.
        if crypto_core_ed25519_is_valid_point(octets.value):
            return octets.value
    raise KeyFormatError(f"this v{version} public key is no valid point of {_FORMS[version]}: nothing could verify")


def rsa_public_from_der(der: Concealed) -> RSAPublicKey:
    """What verifies, of the DER of a v1 key. Raises KeyFormatError, WeakKey. Source: PASETO Version1."""
    loaded = _loaded(_public_der, der)
    _check_kind(1, loaded.value)
    return loaded.value  # type: ignore[no-any-return]


# --------------------------------------------------------------------------------------------------------- PEM


def read_secret_pem(version: int, pem: Concealed) -> Concealed:
    """PEM of a secret key to what signs. Raises KeyFormatError, WeakKey. Source: RFC 7468."""
    return _checked_secret(version, _loaded(_private_pem, pem, blocks=1))


def read_public_pem(version: int, pem: Concealed) -> bytes:
    """PEM of a public key to its octets. Raises KeyFormatError, WeakKey. Source: RFC 7468."""
    key = _loaded(_public_pem, pem, blocks=1).value
    _check_kind(version, key)
    if version == 1:
        return _spki(key)
    return compressed_point(key) if version == 3 else bytes(key.public_bytes_raw())


def _checked_secret(version: int, loaded: Concealed) -> Concealed:
    _check_kind(version, loaded.value.public_key())
    return _keypair(loaded.value.private_bytes_raw()) if version in (2, 4) else loaded


def _check_kind(version: int, public: object) -> None:
    """Refuse the key object of another version, or RSA that PASETO does not take. Source: PASETO Versions."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if version == 1 and isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        check_rsa(numbers.n, numbers.e)
        if public.key_size in _RSA_BITS and numbers.e == _RSA_EXPONENT:
            return
    elif version == 3 and isinstance(public, ec.EllipticCurvePublicKey):
        if isinstance(public.curve, ec.SECP384R1):
            return
    elif version in (2, 4) and isinstance(public, ed25519.Ed25519PublicKey):
        return
    raise KeyFormatError(f"a key of v{version} is {_FORMS[version]}, this one is another")


def _loaded(load: Any, text: Concealed, *, blocks: int | None = None) -> Concealed:  # noqa: ANN401
    """Load bounded text; what the primitives say of it may repeat it, so they are not quoted."""
    value = text.value.encode("ascii", "replace") if isinstance(text.value, str) else text.value
    if not isinstance(value, bytes | bytearray | memoryview):
        del value
        raise TypeError("a key in PEM or DER is bytes or str")
    data = Concealed(bytes(value))
    del value
    if len(data.value) > PASETO_KEY_TEXT_BYTES_MAX:
        raise KeyFormatError(f"a key may have at most {PASETO_KEY_TEXT_BYTES_MAX} bytes as PEM or DER")
    from cryptography.exceptions import UnsupportedAlgorithm

    if blocks is None or _blocks_in(data) == blocks:  # of two keys, none is guessed to be the one
        # A TypeError: it is encrypted. A Warning, where a program takes them for errors: of an old kind of key.
        with suppress(ValueError, TypeError, UnsupportedAlgorithm, Warning):
            return Concealed(load(data))
    raise KeyFormatError("the key cannot be read: expected one key, not encrypted, in the form of this loader")


def _blocks_in(pem: Concealed) -> int:
    """The blocks of a PEM, less the parameters that OpenSSL writes before a key. Source: RFC 7468 2."""
    begin = b"-----BEGIN "
    return pem.value.count(begin) - pem.value.count(begin + b"EC PARAMETERS-----")  # type: ignore[no-any-return]


def _private_pem(pem: Concealed) -> Any:  # noqa: ANN401
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem.value, password=None)


def _private_der(der: Concealed) -> Any:  # noqa: ANN401
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(der.value, password=None)


def _public_pem(pem: Concealed) -> Any:  # noqa: ANN401
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return load_pem_public_key(pem.value)


def _public_der(der: Concealed) -> Any:  # noqa: ANN401
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return load_der_public_key(der.value)


def _scalar(octets: Concealed) -> Any:  # noqa: ANN401
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(int.from_bytes(octets.value, "big"), ec.SECP384R1())  # ValueError: out of range


def _keypair(seed: bytes) -> Concealed:
    from nacl.bindings import crypto_sign_seed_keypair

    return Concealed(crypto_sign_seed_keypair(seed)[1])


def _spki(key: RSAPublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def compressed_point(key: EllipticCurvePublicKey) -> bytes:
    """Spell a point of P-384 the one way that PASETO takes, 49 bytes. Source: SEC 1 2.3.3; PASETO Version3, Sign."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
