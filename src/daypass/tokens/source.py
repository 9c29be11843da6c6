"""Where keys come from: the port that single keys, sets and key rings fit. Enters: keys. Leaves: a KeySource.

A source that changes (a ring) says so by its ``epoch``; whoever prepared something from its keys compares the number
and prepares anew. What kind of key a token needs is for its format to say.
Source: RFC 8725 3.1, 3.10; PASETO 02-Implementation-Guide/03-Algorithm-Lucidity.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeGuard, runtime_checkable

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.key_use import management_of

if TYPE_CHECKING:
    from daypass.paseto.keys import LocalKey, PublicKey, SecretKey
    from daypass.tokens.format import Format

    TokenKey = JWK | LocalKey | SecretKey | PublicKey
    """A key of any format."""
    Keys = JWKSet | TokenKey | Sequence[TokenKey]

__all__ = ["KeySource", "Layers", "StaticKeys", "source_of"]


@runtime_checkable
class KeySource(Protocol):
    """Keys to issue and to verify with, and a number that changes with them."""

    @property
    def epoch(self) -> int:
        """Changes whenever one of the methods below would answer differently; asked often."""
        ...

    def signing_keys(self) -> Sequence[TokenKey]:
        """The keys that sign, or encrypt, now, one of each kind: a format takes the first that is for it."""
        ...

    def verification_keys(self) -> Sequence[TokenKey]:
        """Every key whose tokens are accepted now."""
        ...

    def reread(self) -> None:
        """Look again now: a token named a key that nobody here knows."""
        ...


class StaticKeys:
    """Keys that never change.

    Args:
        keys: one key, a JWKSet or a sequence of keys.
    """

    __slots__ = ("keys",)

    def __init__(self, keys: Keys) -> None:
        given = Concealed(keys)
        del keys  # a secret as bytes, perhaps
        if isinstance(given.value, Sequence):
            members = Concealed(tuple(given.value))
            is_paseto = bool(members.value) and all(map(_is_paseto_key, members.value))
            given = members if is_paseto else Concealed(JWKSet(members.value))
        self.keys: Keys = given.value

    @property
    def epoch(self) -> int:
        """Always the same."""
        return 0

    def signing_keys(self) -> tuple[TokenKey, ...]:
        """The key, or the one of the set that can issue; of several, nobody could tell which is meant."""
        if _is_key(self.keys):
            return (self.keys,)
        private = tuple(key for key in self.verification_keys() if key.is_private)
        if len(private) != 1:
            raise ConfigurationError(
                f"to issue, a set needs exactly one private key, this one has {len(private)}: pass that key"
            )
        return private

    def verification_keys(self) -> tuple[TokenKey, ...]:
        """All of them."""
        return (self.keys,) if _is_key(self.keys) else tuple(self.keys)  # type: ignore[arg-type]  # no single key

    def reread(self) -> None:
        """Nothing to read."""


def source_of(keys: object) -> KeySource:
    """Take whatever holds keys as a KeySource. Raises TypeError for anything else (a secret as bytes, say)."""
    given = Concealed(keys)
    del keys  # no frame of ours shows it, should an error page show locals
    if isinstance(given.value, JWKSet) or _is_key(given.value):
        return StaticKeys(given.value)
    if isinstance(given.value, KeySource):
        return given.value
    if isinstance(given.value, Sequence) and not isinstance(given.value, str | bytes | bytearray):
        return StaticKeys(given.value)
    raise TypeError(
        "keys is a JWK, a JWKSet, a key of PASETO, a sequence of keys or a KeyRing;"
        ' JWK.from_secret(b"...", alg="HS256") takes bytes'
    )


class Layers:
    """The sources of a format: of its one layer, or of the signature and of the encryption around it.

    Args:
        row: the format.
        keys: of the signature, or of the one layer; concealed, since somebody may pass a secret.
        outer: of the encryption around it, or None; concealed.
        word: what the caller calls ``outer``.

    Raises:
        ConfigurationError: the second one is missing, or would have no effect.
        TypeError: something that holds no keys.
    """

    __slots__ = ("_is_for", "_name", "inner", "outer")

    def __init__(self, row: Format, keys: Concealed, outer: Concealed, *, word: str) -> None:
        if row.is_nested and outer.value is None:
            raise ConfigurationError(f"format {row.name!r} needs {word}: the key of the encryption outside")
        if not row.is_nested and outer.value is not None:
            raise ConfigurationError(f"{word} is for format 'nested', it has no effect with {row.name!r}: leave it out")
        self._is_for, self._name = row.is_for, row.name
        self.inner = source_of(keys.value)
        self.outer = None if outer.value is None else source_of(outer.value)

    @property
    def can_change(self) -> bool:
        """Whether a source may have other keys later."""
        return not isinstance(self.inner, StaticKeys) or not isinstance(self.outer, StaticKeys | None)

    @property
    def epoch(self) -> object:
        """Changes with the keys of either layer."""
        return self.inner.epoch if self.outer is None else (self.inner.epoch, self.outer.epoch)

    def issuing_keys(self) -> tuple[TokenKey, TokenKey | None]:
        """The keys that sign and encrypt now. Raises ConfigurationError: a source has none for this format."""
        inner = _issuing(self.inner, self._is_for, self._name)
        return inner, None if self.outer is None else _issuing(self.outer, _encrypts, "the encryption of 'nested'")

    def accepted_keys(self) -> tuple[Keys, Keys | None]:
        """All that are accepted now.

        A single key stays one: then a token's key id is not compared. Of a source that changes, a ring say, those of
        the format are taken: it may hold keys of the format before, or of the one after.
        """
        return _accepted(self.inner, self._is_for), None if self.outer is None else _accepted(self.outer, _decrypts)

    def reread(self) -> None:
        """Look again now."""
        self.inner.reread()
        if self.outer is not None:
            self.outer.reread()


def _issuing(source: KeySource, is_for: Callable[[object], bool], purpose: str) -> TokenKey:
    """Take the key of a format. A single one stays what it is: whoever seals with it says best what it is not."""
    given = Concealed(source.signing_keys())
    if not isinstance(source, StaticKeys):
        if not isinstance(given.value, Sequence) or not all(map(_is_key, given.value)):
            raise TypeError("signing_keys() of this source gave something else than keys")
        fitting = Concealed([key for key in given.value if is_for(key)])
        if not fitting.value:
            raise ConfigurationError(
                f"no key of this source issues {purpose}: KeyRing.rotate(alg=...), or `daypass keys rotate --alg`,"
                " adds one beside the others"
            )
        given = fitting
    return given.value[0]  # type: ignore[no-any-return]  # a key


def _accepted(source: KeySource, is_for: Callable[[object], bool]) -> Keys:
    if isinstance(source, StaticKeys):
        return source.keys
    given = Concealed(source.verification_keys())
    if not isinstance(given.value, Sequence) or not all(map(_is_key, given.value)):
        raise TypeError("verification_keys() of this source gave something else than keys")
    if not given.value:
        raise ConfigurationError("verification_keys() of this source gave no key at all: nothing could pass")
    return tuple(key for key in given.value if is_for(key))


def _encrypts(key: object) -> bool:
    """Whether it is a JWK that may put the encryption around a nested token; a public one may, too."""
    return isinstance(key, JWK) and management_of(key) in KEY_MANAGEMENT_ALGORITHMS


def _decrypts(key: object) -> bool:
    """Whether it is a JWK that may take the encryption off a nested token."""
    return isinstance(key, JWK) and key.is_private and management_of(key) in KEY_MANAGEMENT_ALGORITHMS


def _is_key(value: object) -> TypeGuard[TokenKey]:
    return isinstance(value, JWK) or _is_paseto_key(value)


def _is_paseto_key(value: object) -> bool:
    """Whether it is a key of PASETO: nobody has one where that room was never entered, and JWTs do not pay for it."""
    room = sys.modules.get("daypass.paseto.keys")
    key = getattr(room, "Key", None)  # None as well while another thread is on its way in
    return key is not None and isinstance(value, key)
