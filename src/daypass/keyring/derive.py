"""Keys from a ring secret: one purpose, one key. Enters: a secret, the name of a purpose. Leaves: 32 bytes.

Source: RFC 5869 (HKDF).
"""

from __future__ import annotations

from typing import Final, NoReturn, final

from daypass.encoding import b64url_encode
from daypass.keyring.entry import Purpose

__all__ = ["DERIVED_KEY_BYTES", "RingSecret", "derive_kid", "master_kid", "ring_secret_of"]

DERIVED_KEY_BYTES: Final = 32
_KID_BYTES: Final = 16
_REMEMBERED_MAX: Final = 64
_FROM_KEY: Final = "daypass ring secret v1"
_KID_OF: Final = {"sign": "daypass signing kid v1", "derive": "daypass ring secret kid v1"}


@final
class RingSecret:
    """The bytes that keys are derived from; shows itself redacted and cannot be pickled.

    Args:
        raw: at least SECRET_BYTES_MIN bytes, of full strength.
    """

    __slots__ = ("_derived", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._derived: dict[str, bytes] = {}

    def reveal(self) -> bytes:
        """Hand the bytes out. Give them to no variable of a function that may raise."""
        return self._raw

    def key_for(self, purpose: str) -> bytes:
        """Derive the key of one purpose, and remember it.

        Args:
            purpose: a constant text that names what the key is for, with a version; no two uses share one.

        Returns:
            DERIVED_KEY_BYTES bytes.

        Source: RFC 5869 2 and 3.1 (a secret of full strength needs no salt), 3.2 (info).
        """
        if (found := self._derived.get(purpose)) is None:
            if len(self._derived) >= _REMEMBERED_MAX:
                self._derived.clear()
            found = self._derived[purpose] = _hkdf(self, purpose, DERIVED_KEY_BYTES)
        return found

    def __repr__(self) -> str:
        return "<RingSecret: redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ring secret is not pickled: open the ring in each process")


def derive_kid(secret: RingSecret, purpose: Purpose) -> str:
    """Name what came without a kid: every process that holds the secret finds the same one, nobody else."""
    return b64url_encode(_hkdf(secret, _KID_OF[purpose], _KID_BYTES))


def master_kid(secret: RingSecret) -> str:
    """Name a master key: every process that holds it finds the same name, nobody else."""
    return b64url_encode(_hkdf(secret, "daypass master kid v1", _KID_BYTES))


def ring_secret_of(private_parts: RingSecret) -> RingSecret:
    """Derive a ring secret from the private parts of a signing key, for a ring that was given no other."""
    return RingSecret(_hkdf(private_parts, _FROM_KEY, DERIVED_KEY_BYTES))


def _hkdf(secret: RingSecret, info: str, length_bytes: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=length_bytes, salt=None, info=info.encode()).derive(secret.reveal())
