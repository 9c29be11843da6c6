"""Keys under a password. Enters: a concealed key, or data, and a concealed password. Leaves: the other.

What a PASERK says about its own cost is bounded before any of it is spent: whoever sends one could ask for hours.
Source: PASERK operations/PBKW; RFC 9106 (Argon2id); RFC 8018 5.2 (PBKDF2).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from hashlib import blake2b, pbkdf2_hmac, sha384
from struct import Struct
from typing import Final

import msgspec

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError, KeyFormatError
from daypass.limits import (
    ARGON2_LANES_MAX,
    ARGON2_MEMORY_BYTES_DEFAULT,
    ARGON2_MEMORY_BYTES_MAX,
    ARGON2_PASS_COUNT_DEFAULT,
    ARGON2_PASS_COUNT_MAX,
    ARGON2_WORK_BYTES_MAX,
    PASERK_PBKDF2_COUNT_MAX,
    PBES2_COUNT_DEFAULT,
    PBES2_COUNT_MIN,
)
from daypass.paseto.paserk_suite import SUITES, DerivedKeys

__all__ = ["overhead_bytes", "unwrap_with_password", "wrap_with_password"]

_KEY_BYTES: Final = 32
_KIB: Final = 1024
_LANE_BYTES_MIN: Final = 8 * _KIB
"""Source: RFC 9106 3.1, memory size."""


class _Stretching(msgspec.Struct, frozen=True, kw_only=True):
    """From a password to a key.

    Args:
        salt_bytes: how long a salt is.
        costs: how the numbers are spelled that say what it costs.
        written: those numbers, in what is made here.
        check: raises KeyFormatError for numbers out of bounds.
        stretch: password, salt, numbers -> 32 bytes, concealed.
        digest: what parts the key for the cipher from the one for the MAC.
    """

    salt_bytes: int
    costs: Struct
    written: tuple[int, ...]
    check: Callable[[tuple[int, ...]], None]
    stretch: Callable[[Concealed, bytes, tuple[int, ...]], Concealed]
    digest: Callable[[bytes], bytes]


def overhead_bytes(version: int) -> int:
    """How much longer the data is than the key in it. Source: PASERK types/local-pw."""
    suite, stretching = SUITES[version], _STRETCHING[version]
    return stretching.salt_bytes + stretching.costs.size + suite.nonce_bytes + suite.tag_bytes


def wrap_with_password(version: int, header: bytes, secret: Concealed, password: Concealed) -> bytes:
    """Wrap a key under a password.

    Args:
        version: 1 to 4.
        header: version and type with all dots; it is authenticated.
        secret: the octets of the key; of k1.secret-pw its PEM.
        password: bytes, concealed.

    Raises:
        KeyFormatError: the memory that Argon2id takes cannot be had.

    Source: PASERK operations/PBKW, Encryption.
    """
    suite, stretching = SUITES[version], _STRETCHING[version]
    salt, nonce = os.urandom(stretching.salt_bytes), os.urandom(suite.nonce_bytes)
    context = salt + stretching.costs.pack(*stretching.written) + nonce
    keys = _derived(stretching, stretching.stretch(password, salt, stretching.written), nonce)
    ciphertext, tag = suite.lock(keys, header + context, secret)
    return context + ciphertext + tag


def unwrap_with_password(version: int, header: bytes, data: Concealed, password: Concealed) -> Concealed | None:
    """Unwrap a key; None: it is under another password, or was changed. Its length was checked.

    Raises:
        KeyFormatError: it would cost more than ``limits`` allow, or less than is safe, or memory is short.

    Source: PASERK operations/PBKW, Decryption.
    """
    suite, stretching = SUITES[version], _STRETCHING[version]
    salt = data.value[: stretching.salt_bytes]
    costs = stretching.costs.unpack_from(data.value, stretching.salt_bytes)
    stretching.check(costs)
    context = data.value[: overhead_bytes(version) - suite.tag_bytes]
    ciphertext, tag = data.value[len(context) : -suite.tag_bytes], data.value[-suite.tag_bytes :]
    keys = _derived(stretching, stretching.stretch(password, salt, costs), context[-suite.nonce_bytes :])
    return suite.unlock(keys, header + context, ciphertext, tag)


def _derived(stretching: _Stretching, key: Concealed, nonce: bytes) -> Concealed:
    encryption = Concealed(stretching.digest(b"\xff" + key.value)[:32])
    return Concealed(DerivedKeys(encryption.value, nonce, stretching.digest(b"\xfe" + key.value)))


# ------------------------------------------------------------------------------------------- PBKDF2: k1, k3


def _check_pbkdf2(costs: tuple[int, ...]) -> None:
    if not PBES2_COUNT_MIN <= costs[0] <= PASERK_PBKDF2_COUNT_MAX:
        raise KeyFormatError(
            f"this PASERK asks for {costs[0]} rounds of PBKDF2: "
            f"{PBES2_COUNT_MIN} to {PASERK_PBKDF2_COUNT_MAX} are taken"
        )


def _pbkdf2(password: Concealed, salt: bytes, costs: tuple[int, ...]) -> Concealed:
    return Concealed(pbkdf2_hmac("sha384", password.value, salt, costs[0], _KEY_BYTES))


def _sha384(message: bytes) -> bytes:
    return sha384(message).digest()


# ----------------------------------------------------------------------------------------- Argon2id: k2, k4


def _check_argon2(costs: tuple[int, ...]) -> None:
    memory_bytes, passes, lanes = costs
    if not 1 <= lanes <= ARGON2_LANES_MAX:
        raise KeyFormatError(f"this PASERK asks for {lanes} lanes of Argon2id: 1 to {ARGON2_LANES_MAX} pass")
    if not 1 <= passes <= ARGON2_PASS_COUNT_MAX:
        raise KeyFormatError(f"this PASERK asks for {passes} passes of Argon2id: 1 to {ARGON2_PASS_COUNT_MAX} pass")
    if memory_bytes % _KIB or not lanes * _LANE_BYTES_MIN <= memory_bytes <= ARGON2_MEMORY_BYTES_MAX:
        raise KeyFormatError(
            f"this PASERK asks for {memory_bytes} bytes of memory for Argon2id: a multiple of {_KIB} is taken, "
            f"at least {_LANE_BYTES_MIN} a lane and at most {ARGON2_MEMORY_BYTES_MAX}"
        )
    if memory_bytes * passes > ARGON2_WORK_BYTES_MAX:
        raise KeyFormatError(
            f"this PASERK asks for {passes} passes over {memory_bytes} bytes with Argon2id:"
            f" their product may be {ARGON2_WORK_BYTES_MAX}"
        )


def _argon2id(password: Concealed, salt: bytes, costs: tuple[int, ...]) -> Concealed:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    memory_bytes, passes, lanes = costs
    is_supported = True
    try:
        argon2id = Argon2id(
            salt=salt, length=_KEY_BYTES, iterations=passes, lanes=lanes, memory_cost=memory_bytes // _KIB
        )
        return Concealed(argon2id.derive(password.value))
    except MemoryError:
        pass
    except UnsupportedAlgorithm:
        is_supported = False
    if is_supported:
        raise KeyFormatError(f"Argon2id takes {memory_bytes} bytes of memory for this PASERK, and they cannot be had")
    raise ConfigurationError("cryptography has no Argon2id here: it comes with OpenSSL 3.2, or with its own wheels")


_PBKDF2: Final = _Stretching(
    salt_bytes=32,
    costs=Struct(">I"),
    written=(PBES2_COUNT_DEFAULT,),
    check=_check_pbkdf2,
    stretch=_pbkdf2,
    digest=_sha384,
)
_ARGON2ID: Final = _Stretching(
    salt_bytes=16,
    costs=Struct(">QII"),
    # One lane: libsodium, which many peers are built upon, knows no other number.
    written=(ARGON2_MEMORY_BYTES_DEFAULT, ARGON2_PASS_COUNT_DEFAULT, 1),
    check=_check_argon2,
    stretch=_argon2id,
    digest=lambda message: blake2b(message, digest_size=32).digest(),
)
_STRETCHING: Final[Mapping[int, _Stretching]] = {1: _PBKDF2, 2: _ARGON2ID, 3: _PBKDF2, 4: _ARGON2ID}
