"""New keys. Enters: the name of an algorithm. Leaves: a RawKey that is made for it.

Source: RFC 7518 3.1, 4.1, 5.1, 6; RFC 8037 2; RFC 9964 3.
"""

from __future__ import annotations

import secrets
from typing import Final

from daypass.errors import ConfigurationError, WeakKey
from daypass.jose.jwa.algorithm import Algorithm
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.raw_key import (
    AKP_BYTES,
    EC_BYTES,
    RawKey,
    akp_class,
    ec_curve,
    okp_class,
    okp_private,
)
from daypass.limits import RSA_MODULUS_BITS_MAX, RSA_MODULUS_BITS_MIN

__all__ = ["generate_for"]

_DIRECT_BITS: Final = tuple(sorted({row.key_bytes_min * 8 for row in CONTENT_ENCRYPTIONS.values()}))


def generate_for(entry: Algorithm, *, bits: int | None, crv: str | None) -> RawKey:
    """Make a new key for an algorithm.

    Args:
        entry: the row of the algorithm.
        bits: of an RSA modulus or a symmetric key; None: what is usual for the algorithm.
        crv: where the algorithm takes several curves; None: the first of them.

    Raises:
        ConfigurationError: ``bits`` or ``crv`` do not go with the algorithm.
        WeakKey: ``bits`` is too small.

    Source: RFC 7518 3.1, 4.1, 5.1.
    """
    if crv is not None and crv not in entry.curves:
        wanted = f"crv {' or '.join(entry.curves)}" if entry.curves else "no crv"
        raise ConfigurationError(f"{entry.name} keys have {wanted}")
    curve = crv or (entry.curves[0] if entry.curves else None)
    if curve is not None and bits is not None:
        raise ConfigurationError("the size of this key follows from its algorithm or curve: leave bits out")
    if curve is not None:
        return _generate_on(curve)
    if entry.kty == "oct":
        usual = _usual_bits(entry) if bits is None else bits
        size = _checked_size(usual, least=entry.key_bytes_min * 8, most=entry.key_bytes_max * 8)
        if entry.name == "dir" and size not in _DIRECT_BITS:
            raise ConfigurationError(f"a key for dir is as long as that of its enc: bits of {_DIRECT_BITS}")
        return RawKey("oct", None, public=None, private=secrets.token_bytes(size // 8))
    from cryptography.hazmat.primitives.asymmetric import rsa

    usual = RSA_MODULUS_BITS_MIN if bits is None else bits
    size = _checked_size(usual, least=RSA_MODULUS_BITS_MIN, most=RSA_MODULUS_BITS_MAX)
    private = rsa.generate_private_key(65537, size)
    return RawKey("RSA", None, public=private.public_key(), private=private)


def _usual_bits(entry: Algorithm) -> int:
    """As long as the algorithm asks for; a generated secret in the place of a password is as good as a key."""
    if entry.name == "dir":
        raise ConfigurationError(
            "a key for dir is as long as its enc: pass bits=, or generate one for the enc: JWK.generate('A256GCM')"
        )
    return max(entry.key_bytes_min * 8, 256) if entry.name.startswith("PBES2") else entry.key_bytes_min * 8


def _checked_size(bits: int, *, least: int, most: int) -> int:
    if not isinstance(bits, int):
        raise TypeError(f"bits is an int, not {type(bits).__name__}")
    if bits < least:
        raise WeakKey(f"a key for this algorithm needs at least {least} bits")
    if bits > most or bits % 8:
        raise ConfigurationError(f"bits must be a multiple of 8, at most {most}")
    return bits


def _generate_on(curve: str) -> RawKey:
    if curve in EC_BYTES:
        from cryptography.hazmat.primitives.asymmetric import ec

        private = ec.generate_private_key(ec_curve(curve))
        return RawKey("EC", curve, public=private.public_key(), private=private)
    if curve in AKP_BYTES:
        private = akp_class(curve, "Private").generate()
        return RawKey("AKP", curve, public=private.public_key(), private=private)
    return okp_private(curve, okp_class(curve, "Private").generate().private_bytes_raw())
