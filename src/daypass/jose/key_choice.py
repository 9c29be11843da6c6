"""Which key, with which algorithm, a header may select: policy and keys decide, the token only names.

Enters: the keys and algorithms that a caller allows, once; a checked header, often. Leaves: one key and one row of a
table, or a refusal. Verifying and decrypting choose alike, from tables of their own.
Source: RFC 8725 3.1 (algorithms fixed by the caller, one per key), 3.10; RFC 7515 D; RFC 7516 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from daypass.errors import ConfigurationError, UnknownKey, UnsupportedToken
from daypass.jose.jwa.algorithm import Algorithm
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS, KeyManagementAlgorithm
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS, SignatureAlgorithm
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.key_use import decrypting_algorithms, management_of, verifying_algorithms

__all__ = [
    "Choice",
    "DecryptionChoice",
    "KeyChoice",
    "Keys",
    "check_allowlist",
    "choice_of",
    "decryption_choice_of",
    "remember",
]

Keys = JWK | JWKSet | Sequence[JWK]
"""With a single JWK the token's ``kid`` is not compared: the caller named the key. In a set it selects."""

Row = TypeVar("Row", bound=Algorithm)


class Naming(Protocol):
    """What a header says of key and algorithm."""

    @property
    def alg(self) -> str:
        """Compared exactly."""
        ...

    @property
    def kid(self) -> str | None:
        """None where the token names no key."""
        ...


class Choice(Generic[Row]):
    """Keys, each with its algorithms; built once, then asked per distinct header.

    Args:
        keys: one JWK, a JWKSet or a sequence of JWK.
        algs: algorithms that the caller allows; None: those that the keys name.
        table: the algorithms of the task.
        algorithms_of: from a key and ``algs`` to its rows.
        is_for: whether a member of a set is for the task at all; the other members are for somebody else.

    Raises:
        TypeError: ``algs`` is one text, or ``keys`` holds something else than JWK.
        ConfigurationError: ``algs`` is empty or unknown, no key is for the task, or nobody names an algorithm for one.

    Source: RFC 8725 3.1.
    """

    __slots__ = ("_by_alg", "_by_kid", "_eligible", "_single")

    def __init__(
        self,
        keys: Keys,
        algs: Collection[str] | None,
        *,
        table: Mapping[str, Row],
        algorithms_of: Callable[[JWK, Collection[str] | None], dict[str, Row]],
        is_for: Callable[[JWK], bool],
    ) -> None:
        algs = None if algs is None else check_allowlist("algs", algs, table)
        given: object = keys
        if not isinstance(given, JWK | JWKSet | Sequence) or isinstance(given, str | bytes | bytearray):
            del given, keys  # a secret, perhaps
            raise TypeError(
                'keys is a JWK, a JWKSet or a sequence of JWK; JWK.from_secret(b"...", alg="HS256") takes bytes'
            )
        self._single = isinstance(keys, JWK)
        members: Iterable[JWK] = (
            (keys,) if isinstance(keys, JWK) else keys if isinstance(keys, JWKSet) else JWKSet(keys)
        )
        self._eligible = [(key, algorithms_of(key, algs)) for key in members if self._single or is_for(key)]
        if not self._eligible:
            raise ConfigurationError("none of these keys is for this task ('use', 'key_ops' or 'alg' say otherwise)")
        self._by_kid: dict[str | None, list[tuple[JWK, dict[str, Row]]]] = {}
        self._by_alg: dict[str, list[tuple[JWK, Row]]] = {}
        for key, entries in self._eligible:
            self._by_kid.setdefault(key.kid, []).append((key, entries))
            for name, entry in entries.items():
                self._by_alg.setdefault(name, []).append((key, entry))

    @property
    def keys(self) -> tuple[JWK, ...]:
        """The keys that are for the task."""
        return tuple(key for key, _ in self._eligible)

    def choose(self, header: Naming) -> tuple[JWK, Row]:
        """Find the one key and algorithm for a header.

        Raises:
            UnsupportedToken: the ``alg`` is not one that policy and key both allow.
            UnknownKey: no key has this ``kid``, or the token names none and several keys would do.

        Source: RFC 7515 5.2, D; RFC 7516 5.2; RFC 8725 3.1.
        """
        if self._single or header.kid is None:
            fitting = self._by_alg.get(header.alg, [])
        else:
            named = self._by_kid.get(header.kid)
            if named is None:
                raise UnknownKey("no key of this verifier has the kid of the token")
            fitting = [(key, entries[header.alg]) for key, entries in named if header.alg in entries]
        if not fitting:
            raise UnsupportedToken("the alg of the token is not one that key and policy allow", alg=header.alg)
        if len(fitting) > 1:
            raise UnknownKey("the token names no kid, and more than one key could have made it")
        return fitting[0]


class KeyChoice(Choice[SignatureAlgorithm]):
    """The keys that may verify; arguments and errors of Choice. Source: RFC 8725 3.1; RFC 7517 4.2, 4.3."""

    __slots__ = ()

    def __init__(self, keys: Keys, algs: Collection[str] | None = None) -> None:
        super().__init__(keys, algs, table=SIGNATURE_ALGORITHMS, algorithms_of=verifying_algorithms, is_for=_may_verify)


class DecryptionChoice(Choice[KeyManagementAlgorithm]):
    """The keys that may decrypt; arguments and errors of Choice. Source: RFC 8725 3.1; RFC 7517 4.2, 4.3."""

    __slots__ = ()

    def __init__(self, keys: Keys, algs: Collection[str] | None = None) -> None:
        super().__init__(
            keys, algs, table=KEY_MANAGEMENT_ALGORITHMS, algorithms_of=decrypting_algorithms, is_for=_may_decrypt
        )


Made = TypeVar("Made", KeyChoice, DecryptionChoice)


def choice_of(keys: Keys, algs: Collection[str] | None) -> KeyChoice:
    """The choice among keys, remembered by the key or set itself. Source: RFC 8725 3.1."""
    return _remembered(KeyChoice, keys, algs)


def decryption_choice_of(keys: Keys, algs: Collection[str] | None) -> DecryptionChoice:
    """The choice among keys that decrypt, remembered by the key or set itself. Source: RFC 8725 3.1."""
    return _remembered(DecryptionChoice, keys, algs)


def _remembered(kind: type[Made], keys: Keys, algs: Collection[str] | None) -> Made:
    if isinstance(keys, JWK | JWKSet) and (algs is None or isinstance(algs, tuple)):
        return keys.prepared.once((kind, algs), lambda: kind(keys, algs))  # type: ignore[no-any-return]
    return kind(keys, algs)


def remember(keys: Keys, name: tuple[object, ...], prepared: object) -> None:
    """Let the key or set itself keep what was prepared with it, where ``name`` can be one. Source: RFC 7515 5.

    A sequence keeps nothing, and neither is a list, or a collection of somebody's own, part of a name: both can change,
    and a key or an algorithm that was taken out would count for ever.
    """
    if isinstance(keys, JWK | JWKSet) and all(map(_stays_as_it_is, name)):
        try:
            hash(name)
        except TypeError:
            return
        keys.prepared.once(name, lambda: prepared)


def _stays_as_it_is(part: object) -> bool:
    return part.__class__ in (str, tuple, frozenset) or not isinstance(part, Collection)


def check_allowlist(word: str, names: Collection[str], table: Mapping[str, Algorithm]) -> tuple[str, ...]:
    """An allowlist is a collection of known names; one text would match by substring, an empty one would be a trap.

    Raises:
        TypeError: it is one text, or no collection.
        ConfigurationError: it is empty, or holds a name that ``table`` does not.

    Source: RFC 8725 3.1.
    """
    if isinstance(names, str | bytes) or not isinstance(names, Collection):
        raise TypeError(f'{word} is a collection of names: {word}=("{next(iter(table))}",)')
    if not names:
        raise ConfigurationError(
            f"{word} is empty: nothing could pass; None takes what the keys and the defaults allow"
        )
    for name in names:
        if name not in table:
            raise ConfigurationError(f"{word} holds an unknown name: expected some of {', '.join(table)}")
    return tuple(names)


def _may_verify(key: JWK) -> bool:
    if key.use == "enc" or (key.key_ops is not None and "verify" not in key.key_ops):
        return False
    return key.alg is None or key.alg in SIGNATURE_ALGORITHMS


def _may_decrypt(key: JWK) -> bool:
    if key.use == "sig" or not key.is_private:
        return False
    operations: Collection[str] = ("deriveKey", "deriveBits") if key.kty in ("EC", "OKP") else ("decrypt", "unwrapKey")
    if key.alg is not None:
        entry = KEY_MANAGEMENT_ALGORITHMS.get(management_of(key) or "")
        if entry is None:
            return False
        operations = entry.operations[1]
    return key.key_ops is None or not set(operations).isdisjoint(key.key_ops)
