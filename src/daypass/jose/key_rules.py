"""What a key may be used for: its ``alg``, ``use`` and ``key_ops`` held against its material and against a task.

Enters: what a JWK says beside its material. Leaves: rows of the tables of algorithms, or a refusal.
Source: RFC 7517 4.2 to 4.5; RFC 8725 3.1 (one algorithm for each key).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from daypass.errors import ConfigurationError, KeyFormatError, WeakKey
from daypass.jose.jwa.algorithm import Algorithm
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.raw_key import RawKey
from daypass.limits import KID_BYTES_MAX

__all__ = ["ALGORITHMS", "check_names", "check_permitted", "check_suits", "key_algorithm", "suits"]

ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {**SIGNATURE_ALGORITHMS, **KEY_MANAGEMENT_ALGORITHMS, **CONTENT_ENCRYPTIONS}
)
"""Everything that the ``alg`` of a JWK may say. Source: RFC 7517 4.4; RFC 7518 7.1."""
_OPS: Final = {
    "sig": frozenset({"sign", "verify"}),
    "enc": frozenset({"encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"}),
}
_DIRECT_BYTES: Final = frozenset(row.key_bytes_min for row in CONTENT_ENCRYPTIONS.values())
_ALMOST_ALGORITHMS: Final = {"ES521", "NONE"} | {name.upper() for name in ALGORITHMS}


def key_algorithm(alg: object) -> Algorithm:
    """The row of a name that a key may be made for. Raises ConfigurationError. Source: RFC 7518 3.1, 4.1, 5.1."""
    entry = ALGORITHMS.get(alg) if isinstance(alg, str) else None
    if entry is None:
        raise ConfigurationError(f"no algorithm of that name: expected one of {', '.join(ALGORITHMS)}")
    return entry


def check_names(alg: str | None, kid: str | None, use: str | None, key_ops: Sequence[str] | None) -> None:
    """Check what a JWK says beside its material. Raises KeyFormatError. Source: RFC 7517 4.2 to 4.5."""
    if kid is not None and not isinstance(kid, str):
        raise TypeError("a kid is a str")
    if kid is not None and not (0 < len(kid.encode("utf-8", "replace")) <= KID_BYTES_MAX and _is_unicode(kid)):
        raise KeyFormatError(f"a kid has 1 to {KID_BYTES_MAX} bytes of UTF-8")
    if alg is not None and alg not in ALGORITHMS and alg.upper() in _ALMOST_ALGORITHMS:
        raise KeyFormatError("alg is compared exactly, and there is none of that name (the curve of ES512 is P-521)")
    if key_ops is not None:
        if len(set(key_ops)) != len(key_ops):
            raise KeyFormatError("'key_ops' names an operation twice")
        if use in _OPS and not set(key_ops) <= _OPS[use]:
            raise KeyFormatError("'use' and 'key_ops' contradict each other")


def _is_unicode(text: str) -> bool:
    """Whether no surrogate stands alone in it: no token could carry the name."""
    return text.encode("utf-8", "replace").decode() == text


def suits(raw: RawKey, entry: Algorithm) -> bool:
    """Tell whether a key is of the type, curve and length that an algorithm takes. Source: RFC 7518 3.1, 4.1, 5.1."""
    if not entry.takes(raw.kty, raw.crv):
        return False
    if entry.name == "dir":
        return len(raw.private) in _DIRECT_BYTES
    return raw.kty != "oct" or entry.key_bytes_min <= len(raw.private) <= entry.key_bytes_max


def check_suits(raw: RawKey, entry: Algorithm) -> None:
    """Say why a key does not suit an algorithm. Raises KeyFormatError or WeakKey. Source: RFC 7518 3.1, 4.1, 5.1."""
    if suits(raw, entry):
        return
    if not entry.takes(raw.kty, raw.crv):
        wanted = f"{entry.kty} {' or '.join(entry.curves)}".strip()
        raise KeyFormatError(
            f"{entry.name} takes a key of type {wanted}, this one is {raw.kty} {raw.crv or ''}".strip()
        )
    if entry.name == "dir" and len(raw.private) > min(_DIRECT_BYTES):
        sizes = ", ".join(map(str, sorted(_DIRECT_BYTES)))
        raise KeyFormatError(f"a key for dir is as long as that of its enc: {sizes} bytes, this one has another length")
    if len(raw.private) > entry.key_bytes_max:
        raise KeyFormatError(f"{entry.name} takes a secret of {entry.key_bytes_max} bytes, this one has more")
    least, hint = "exactly", f'JWK.generate("{entry.name}") makes one'
    if entry.key_bytes_min < entry.key_bytes_max:
        source = f"import secrets; print(secrets.token_urlsafe({entry.key_bytes_min}))"
        least, hint = "at least", f'make one with python -c "{source}"'
    raise WeakKey(
        f"{entry.name} needs a secret of {least} {entry.key_bytes_min} bytes, this one has {len(raw.private)}: {hint}"
    )


def check_permitted(use: str | None, key_ops: Sequence[str] | None, *, wanted: str, operations: Sequence[str]) -> None:
    """Hold ``use`` and ``key_ops`` against a task.

    Args:
        use: of the key.
        key_ops: of the key.
        wanted: ``sig`` or ``enc``.
        operations: of which the key must allow one.

    Raises:
        ConfigurationError: the key is for something else.

    Source: RFC 7517 4.2, 4.3.
    """
    if use not in (None, wanted):
        raise ConfigurationError(f"this key is for use {use!r}: it may not {operations[0]}")
    if key_ops is not None and not set(operations) & set(key_ops):
        raise ConfigurationError(f"the key_ops of this key do not allow it to {' or '.join(operations)}")
