"""JWK Set: several keys, found by name. Enters: keys, or JSON of a stranger. Leaves: an immutable set.

Two keys of one type with one ``kid`` are refused; one ``kid`` over two types is not (RFC 7520 4.8 does it). Keys that
we cannot read are skipped when a set comes as JSON, as the RFC asks; nothing is ever guessed between two candidates.
Source: RFC 7517 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError, KeyFormatError, WeakKey
from daypass.jose.jwk import JWK
from daypass.jose.key_formats import load_members
from daypass.limits import KEY_SET_BYTES_MAX
from daypass.prepared import Prepared

__all__ = ["JWKSet"]

_TWICE: Final = "two keys of one kty in this set have one kid: name them apart"


class JWKSet:
    """An immutable set of keys; a look-up by ``kid`` costs the same with ten and with ten thousand.

    Args:
        keys: at least one JWK.
        allow_empty: for a set that is published, not verified with: what signs with a secret publishes no key.

    Raises:
        TypeError: something else than a JWK.
        KeyFormatError: two keys of one ``kty`` have one ``kid``.
        ConfigurationError: no key at all.

    Source: RFC 7517 5.
    """

    __slots__ = ("_by_kid", "_keys", "prepared")

    def __init__(self, keys: Iterable[JWK], *, allow_empty: bool = False) -> None:
        given = Concealed(tuple(keys))
        del keys  # secrets as bytes, perhaps: no frame of ours shows them
        if not all(isinstance(key, JWK) for key in given.value):
            raise TypeError("a JWKSet is made of JWK objects; JWKSet.from_dict reads a dict")
        self._keys: tuple[JWK, ...] = given.value
        self._by_kid: dict[str | None, tuple[JWK, ...]] = {}
        self.prepared = Prepared()
        if not self._keys and not allow_empty:
            raise ConfigurationError("a JWK Set needs at least one key: an empty one would refuse every token")
        for key in self._keys:
            same = self._by_kid.get(key.kid, ())
            if key.kid is not None and any(other.kty == key.kty for other in same):
                raise KeyFormatError(_TWICE)
            self._by_kid[key.kid] = (*same, key)

    @classmethod
    def from_dict(cls, jwks: Mapping[str, Any]) -> JWKSet:
        """Load a JWK Set; keys of a type, curve or form that we do not know are skipped.

        Raises:
            KeyFormatError: no list ``keys``, two keys of one ``kty`` have one ``kid`` (if only one of them can be read:
                which of them a token means is open all the same), or none could be read.

        Source: RFC 7517 5: implementations should ignore JWKs that they do not understand.
        """
        concealed = Concealed(jwks)
        del jwks
        concealed = Concealed(_listed(concealed))
        keys, seen = [], set()
        for position in range(len(concealed.value)):
            named = _name_of(Concealed(concealed.value[position]))
            if named in seen:
                raise KeyFormatError(_TWICE)
            seen |= {named} - {None}
            try:
                keys.append(JWK.from_dict(concealed.value[position]))
            except (KeyFormatError, WeakKey):
                continue
        if not keys:
            raise KeyFormatError("no key of this JWK Set can be used: they are of no known type, broken or weak")
        return cls(keys)

    @classmethod
    def from_json(cls, text: str | bytes) -> JWKSet:
        """Load a JWK Set from JSON text, at most KEY_SET_BYTES_MAX; raises as ``from_dict``. Source: RFC 7517 5."""
        concealed = Concealed(text)
        del text
        return cls.from_dict(load_members(concealed, KEY_SET_BYTES_MAX))

    def to_dict(self, *, private: bool = False) -> dict[str, Any]:
        """Spell it as a JWK Set.

        Args:
            private: with private parts where a key has them. Without, symmetric keys are left out: they have no others.

        Source: RFC 7517 5.
        """
        if private:
            return {"keys": [key.to_dict(private=key.is_private) for key in self._keys]}
        return {"keys": [key.to_dict() for key in self._keys if key.kty != "oct"]}

    def find(self, *, kid: str | None = None, alg: str | None = None, use: str | None = None) -> tuple[JWK, ...]:
        """Find keys; None leaves a property open.

        Args:
            kid: exact.
            alg: the one that a key names; keys that name none are found, too.
            use: the one that a key names; keys that name none are found, too.

        Source: RFC 7517 4.2, 4.4, 4.5.
        """
        found: Sequence[JWK] = self._keys if kid is None else self._by_kid.get(kid, ())
        return tuple(key for key in found if alg in (None, key.alg or alg) and use in (None, key.use or use))

    def __iter__(self) -> Iterator[JWK]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"JWKSet({list(getattr(self, '_keys', ()))!r})"

    def __copy__(self) -> JWKSet:
        return self

    def __deepcopy__(self, memo: object) -> JWKSet:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a JWKSet is not pickled: pass to_dict() on purpose")


def _listed(jwks: Concealed) -> list[Any]:
    """The list ``keys`` of a JWK Set. Raises KeyFormatError, which says what it is instead."""
    given = jwks.value
    is_object = isinstance(given, Mapping)
    keys, is_single = (given.get("keys"), "kty" in given) if is_object else (None, False)
    del given
    if isinstance(keys, list):
        return keys
    del keys
    if is_single:
        raise KeyFormatError(
            "this is a single JWK, not a JWK Set: JWK.from_dict reads it, JWKSet([key]) makes it a set"
        )
    hint = "" if is_object else "; JWKSet.from_json reads text, JWKSet(keys) takes JWK objects"
    raise KeyFormatError(f"a JWK Set is an object with a list 'keys'{hint}")


def _name_of(jwk: Concealed) -> tuple[str, str] | None:
    """What a member of a set is found by: its ``kty`` and ``kid``; None where it has no such name."""
    if not isinstance(jwk.value, Mapping):
        return None
    kty, kid = jwk.value.get("kty"), jwk.value.get("kid")
    return (kty, kid) if isinstance(kty, str) and isinstance(kid, str) else None
