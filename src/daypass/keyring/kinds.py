"""Kinds of keys: those of one kind follow each other, those of another kind go on beside them.

Enters: the ``alg`` of an entry. Leaves: its kind. A node that still issues one format and a node that issues the
next one take their keys from one ring, each of the kind that it needs.
Source: RFC 7518 3, 4, 5; PASETO 01-Protocol-Versions; DESIGN.md 5 (key ring).
"""

from __future__ import annotations

from typing import Final, Literal

from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS

__all__ = ["DERIVE_ALG", "KINDS", "PASETO_ALGS", "Kind", "kind_of"]

DERIVE_ALG: Final = "HKDF-SHA256"
PASETO_ALGS: Final = {"v4.public": 4, "v4.local": 4, "v3.public": 3, "v3.local": 3}
"""Versions and purposes that a ring makes keys of; v1 and v2 are not issued."""
Kind = Literal["signature", "encryption", "v4.public", "v4.local", "v3.public", "v3.local", "secret"]
KINDS: Final[dict[Kind, str]] = {
    "signature": "JOSE signatures (jwt, nested)",
    "encryption": "JOSE encryption (jwe, nested)",
    "v4.public": "PASETO v4.public",
    "v4.local": "PASETO v4.local",
    "v3.public": "PASETO v3.public",
    "v3.local": "PASETO v3.local",
    "secret": "refresh tokens and sealed cookies",
}
"""What each kind is for, in words."""


def kind_of(alg: str) -> Kind:
    """Tell what kind a key is of.

    Args:
        alg: of its entry: signatures of JOSE are one kind whatever their algorithm, symmetric encryption another.
    """
    if alg == DERIVE_ALG:
        return "secret"
    if alg in PASETO_ALGS:
        return alg  # type: ignore[return-value]  # its keys are kinds
    return "signature" if alg in SIGNATURE_ALGORITHMS else "encryption"
