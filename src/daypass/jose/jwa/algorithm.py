"""What every row of the tables of algorithms has. Enters: a name of RFC 7518. Leaves: which keys it takes.

Source: RFC 7518 3.1, 4.1, 5.1; RFC 7517 4.4.
"""

from __future__ import annotations

import msgspec

from daypass.limits import SECRET_BYTES_MAX

__all__ = ["Algorithm"]


class Algorithm(msgspec.Struct, frozen=True, kw_only=True):
    """A name, and the keys that may be used with it.

    Args:
        name: the ``alg`` or ``enc`` value, compared exactly.
        kty: the key type it takes.
        curves: the ``crv`` values it takes (for AKP, the ``alg`` that the key is made for); empty where there is none.
        key_bytes_min: the shortest symmetric key, bytes; 0 where the key type says it.
        key_bytes_max: the longest symmetric key, bytes.
    """

    name: str
    kty: str
    curves: tuple[str, ...] = ()
    key_bytes_min: int = 0
    key_bytes_max: int = SECRET_BYTES_MAX

    def takes(self, kty: str, crv: str | None) -> bool:
        """Tell whether keys of this type and curve may be used; a curve belongs to one type."""
        return crv in self.curves if self.curves else kty == self.kty
