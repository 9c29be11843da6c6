"""RSA without padding, which k1.seal encapsulates a number with, and nothing else may use.

Enters: RSA keys of 4,096 bits, octets. Leaves: a drawn number concealed, and its capsule. No library offers this
operation, so it is Python's ``pow``, whose time depends on its operands. Therefore base and exponents are blinded with
fresh randomness on the side of the secret, and the result is checked, since one fault in the computation would give
a factor of the modulus away. Even so it is not what this package would choose: both directions have to be asked for.
Source: PASERK operations/PKE, Version 1; RFC 8017 5.1; P. Kocher, Timing Attacks, 1996 (blinding); D. Boneh et al.,
On the Importance of Checking Cryptographic Protocols for Faults, 1997.
"""

from __future__ import annotations

import secrets
from math import gcd
from typing import TYPE_CHECKING, Final

from daypass.concealed import Concealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["CAPSULE_BYTES", "RSA_BITS", "decapsulate", "encapsulate"]

RSA_BITS: Final = 4096
"""Longer than what signs, so that one key never does both. Source: PASERK operations/PKE, Version 1."""
CAPSULE_BYTES: Final = RSA_BITS // 8
_BLIND_BITS: Final = 64
"""By so much an exponent is longer than it has to be, other bits each time."""


def encapsulate(public: RSAPublicKey) -> tuple[Concealed, bytes]:
    """Draw a number and encrypt it.

    Args:
        public: of RSA_BITS.

    Returns:
        The number, 512 bytes, concealed; and its capsule, 512 bytes.

    Source: PASERK operations/PKE, V1 Encryption, steps 1 and 2.
    """
    numbers = public.public_numbers()
    # Its highest bit is clear, so it is below every modulus; the next one is set, so its power wraps around.
    drawn = Concealed(secrets.randbits(RSA_BITS - 2) | 1 << (RSA_BITS - 2))
    capsule = pow(drawn.value, numbers.e, numbers.n)
    return Concealed(drawn.value.to_bytes(CAPSULE_BYTES, "big")), capsule.to_bytes(CAPSULE_BYTES, "big")


def decapsulate(secret: Concealed, capsule: bytes) -> Concealed | None:
    """Decrypt the number in a capsule.

    Args:
        secret: an RSAPrivateKey of RSA_BITS.
        capsule: 512 bytes.

    Returns:
        The number, 512 bytes; None: no capsule of this key, or the computation failed.

    Source: PASERK operations/PKE, V1 Decryption, step 1; RFC 8017 5.1.2.
    """
    n, e = secret.value.public_key().public_numbers().n, secret.value.public_key().public_numbers().e
    wanted = int.from_bytes(capsule, "big")
    if wanted >= n:
        return None
    blind = Concealed(_blind(n))
    blinded = wanted * pow(blind.value, e, n) % n
    number = Concealed(_secret_power(secret, blinded) * pow(blind.value, -1, n) % n)
    if pow(number.value, e, n) != wanted:
        return None
    return Concealed(number.value.to_bytes(CAPSULE_BYTES, "big"))


def _secret_power(secret: Concealed, base: int) -> int:
    """Raise to the secret exponent, modulo each prime, and join the two. Source: RFC 8017 5.1.2, 2.b."""
    numbers = Concealed(secret.value.private_numbers())
    p, q = Concealed(numbers.value.p), Concealed(numbers.value.q)
    by_p = Concealed(_blinded_power(base, Concealed(numbers.value.dmp1), p))
    by_q = Concealed(_blinded_power(base, Concealed(numbers.value.dmq1), q))
    joined = Concealed(numbers.value.iqmp * (by_p.value - by_q.value) % p.value)
    power: int = by_q.value + q.value * joined.value
    return power


def _blinded_power(base: int, exponent: Concealed, prime: Concealed) -> int:
    """A multiple of ``prime - 1`` changes the bits of an exponent, and not the power."""
    blind = Concealed(secrets.randbits(_BLIND_BITS) | 1 << _BLIND_BITS)
    power: int = pow(base, exponent.value + blind.value * (prime.value - 1), prime.value)
    return power


def _blind(n: int) -> int:
    """A number that can be divided by, modulo n; one that cannot would be a factor, which nobody will draw."""
    blind = 0
    while gcd(blind, n) != 1:
        blind = 2 + secrets.randbelow(n - 2)
    return blind
