"""Where keys come from: the port that single keys, sets and key rings fit. Enters: keys. Leaves: a KeySource.

A source that changes (a ring) says so by its ``epoch``; whoever prepared something from its keys compares the number
and prepares anew. Source: RFC 8725 3.1, 3.10.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from daypass.errors import ConfigurationError
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet

__all__ = ["KeySource", "StaticKeys", "source_of"]


@runtime_checkable
class KeySource(Protocol):
    """Keys to sign and to verify with, and a number that changes with them."""

    @property
    def epoch(self) -> int:
        """Changes whenever one of the methods below would answer differently; asked often."""
        ...

    def signing_key(self) -> JWK:
        """The key that signs now. Raises ConfigurationError: there is none."""
        ...

    def verification_keys(self) -> tuple[JWK, ...]:
        """Every key whose tokens are accepted now."""
        ...

    def reread(self) -> None:
        """Look again now: a token named a key that nobody here knows."""
        ...


class StaticKeys:
    """Keys that never change.

    Args:
        keys: one JWK, a JWKSet or a sequence of JWK.
    """

    __slots__ = ("keys",)

    def __init__(self, keys: JWK | JWKSet | Sequence[JWK]) -> None:
        self.keys: JWK | JWKSet = keys if isinstance(keys, JWK | JWKSet) else JWKSet(keys)

    @property
    def epoch(self) -> int:
        """Always the same."""
        return 0

    def signing_key(self) -> JWK:
        """The key, or the one private key of the set; of several, nobody could tell which is meant."""
        if isinstance(self.keys, JWK):
            return self.keys
        private = [key for key in self.keys if key.is_private]
        if len(private) != 1:
            raise ConfigurationError(
                f"to sign, a set needs exactly one private key, this one has {len(private)}: pass the JWK"
            )
        return private[0]

    def verification_keys(self) -> tuple[JWK, ...]:
        """All of them."""
        return (self.keys,) if isinstance(self.keys, JWK) else tuple(self.keys)

    def reread(self) -> None:
        """Nothing to read."""


def source_of(keys: object) -> KeySource:
    """Take whatever holds keys as a KeySource. Raises TypeError for anything else (a secret as bytes, say)."""
    if isinstance(keys, JWK | JWKSet):
        return StaticKeys(keys)
    if isinstance(keys, KeySource):
        return keys
    if isinstance(keys, Sequence) and not isinstance(keys, str | bytes | bytearray):
        return StaticKeys(keys)
    raise TypeError(
        'keys is a JWK, a JWKSet, a sequence of JWK or a KeyRing; JWK.from_secret(b"...", alg="HS256") takes bytes'
    )
