"""Which RSA keys are refused, whatever format brings them. Enters: modulus and exponent. Leaves: nothing, or an error.

Source: RFC 7518 3.3, 4.2; RFC 8725 3.5.
"""

from __future__ import annotations

from functools import cache

from daypass.errors import KeyFormatError, WeakKey
from daypass.limits import RSA_EXPONENT_BITS_MAX, RSA_MODULUS_BITS_MAX, RSA_MODULUS_BITS_MIN

__all__ = ["check_rsa"]


def check_rsa(n: int, e: int) -> None:
    """Refuse RSA keys that are too short, too long, even, or made by a chip with ROCA. Source: RFC 7518 3.3, 4.2."""
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
