"""How a PASERK protects the key in it, as rows of functions: one row a word of ``dump`` and ``load``.

Enters: the words of a caller, concealed. Leaves: the one that was given, checked, and what it does.
Source: PASERK operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.paseto import paserk_password, paserk_seal, paserk_wrap
from daypass.paseto.keys import LocalKey, PublicKey, SecretKey
from daypass.paseto.paserk_text import Word

__all__ = ["Protection", "Row", "protection_of"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a word.

    Args:
        takes: the type of its value.
        otherwise: what to say of another.
        overhead_bytes: version -> how much longer the data is than the key.
        wrap: version, header, key, value of the word -> data; None: this word is for reading.
        unwrap: version, header, data, value of the word -> key, or None; None: this word is for writing.
    """

    takes: type[bytes | LocalKey | PublicKey | SecretKey]
    otherwise: str
    overhead_bytes: Callable[[int], int]
    wrap: Callable[[int, bytes, Concealed, Concealed], bytes] | None = None
    unwrap: Callable[[int, bytes, Concealed, Concealed], Concealed | None] | None = None


_ROWS: Final[Mapping[Word, Row]] = {
    "password": Row(
        takes=bytes,
        otherwise="a password is bytes: text.encode() makes them of a str",
        overhead_bytes=paserk_password.overhead_bytes,
        wrap=paserk_password.wrap_with_password,
        unwrap=paserk_password.unwrap_with_password,
    ),
    "wrapping_key": Row(
        takes=LocalKey,
        otherwise="wrapping_key is a LocalKey: LocalKey.from_bytes makes one of 32 bytes",
        overhead_bytes=paserk_wrap.overhead_bytes,
        wrap=lambda _version, header, secret, key: paserk_wrap.wrap(header, secret, key.value),
        unwrap=lambda _version, header, data, key: paserk_wrap.unwrap(header, data, key.value),
    ),
    "sealing_key": Row(
        takes=PublicKey,
        otherwise="sealing_key is a PublicKey: that of a SecretKey is key.public()",
        overhead_bytes=paserk_seal.overhead_bytes,
        wrap=lambda _version, header, secret, key: paserk_seal.seal(header, secret, key.value),
    ),
    "unsealing_key": Row(
        takes=SecretKey,
        otherwise="unsealing_key is a SecretKey: the other half of the PublicKey that the key was sealed with",
        overhead_bytes=paserk_seal.overhead_bytes,
        unwrap=lambda _version, header, data, key: paserk_seal.unseal(header, data, key.value),
    ),
}


class Protection(msgspec.Struct, frozen=True):
    """The one word that a caller gave.

    Args:
        word: its name.
        value: what was given, concealed: bytes of a password, or a key.
        row: what the word does.
    """

    word: Word
    value: Concealed
    row: Row

    @property
    def key_version(self) -> int | None:
        """The version of the key that was given; None: it is a password."""
        key: Any = self.value.value
        return None if self.word == "password" else key.version


def protection_of(words: Mapping[Word, Concealed], *, allow_raw_rsa: bool) -> Protection | None:
    """Take the one word that was given.

    Args:
        words: each of a call, None for one that was not given.
        allow_raw_rsa: RSA may seal and unseal.

    Returns:
        None: no word was given.

    Raises:
        TypeError: its value is of another type.
        ConfigurationError: several words, or RSA that cannot or may not seal.

    Source: PASERK types.
    """
    given = [word for word, value in words.items() if value.value is not None]
    if not given:
        return None
    if len(given) > 1:
        raise ConfigurationError(f"a key is protected in one way: pass {' or '.join(given)}, one of them")
    word = given[0]
    row, value = _ROWS[word], words[word]
    if not isinstance(value.value, row.takes):
        raise TypeError(row.otherwise)
    if isinstance(value.value, PublicKey | SecretKey):
        paserk_seal.demand_sealing(value.value, allow_raw_rsa=allow_raw_rsa)
    return Protection(word, value, row)
