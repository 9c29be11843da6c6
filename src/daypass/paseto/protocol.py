"""What a version of PASETO is: two protocols, as rows of functions. Enters: nothing. Leaves: the types of the rows.

Preparation is staged, as in jose.jwa: per key, then per token. Keys come as raw material, whose kind and length the
key classes have checked. What a protocol cannot know (text, footers, claims) is decided above.
Source: PASETO 01-Protocol-Versions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

__all__ = ["DerivedKey", "LocalProtocol", "Open", "PublicProtocol", "Seal", "Sign", "Verify"]

Seal = Callable[[bytes, bytes, bytes], bytes]
"""From message, footer and implicit assertion to what the token holds of them, not encoded."""
Open = Callable[[bytes, bytes, bytes], bytes]
"""From what the token holds, footer and implicit assertion to the message. DecryptionFailed: nobody sealed this."""
Sign = Callable[[bytes, bytes, bytes], bytes]
"""From message, footer and implicit assertion to the signature."""
Verify = Callable[[bytes, bytes, bytes, bytes], bool]
"""From message, signature, footer and implicit assertion to whether the signature holds."""
Draw = Callable[[int], bytes]
"""Random bytes, as ``os.urandom`` gives them; test vectors, and nobody else, bring their own."""


class DerivedKey(bytes):
    """A key that is for one nonce, shown redacted: with those of a token that was refused, one could write others."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<redacted>"

    __str__ = __repr__


class LocalProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """Encryption with a shared key.

    Args:
        header: with both dots, ASCII.
        sealer: key of 32 bytes, where randomness comes from -> Seal.
        opener: key of 32 bytes -> Open.
        has_implicit: whether an implicit assertion is authenticated; without, it must be empty.
    """

    header: bytes
    sealer: Callable[[bytes, Draw], Seal]
    opener: Callable[[bytes], Open]
    has_implicit: bool


class PublicProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """Signatures.

    Args:
        header: with both dots, ASCII.
        signature_bytes: how long a signature is; it stands behind the message.
        signer: material of a secret key -> Sign.
        verifier: material of a public key -> Verify.
        has_implicit: whether an implicit assertion is authenticated; without, it must be empty.
    """

    header: bytes
    signature_bytes: int
    signer: Callable[[Any], Sign]
    verifier: Callable[[Any], Verify]
    has_implicit: bool
