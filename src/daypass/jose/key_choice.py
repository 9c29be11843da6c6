"""Which key, with which algorithm, a header may select: policy and keys decide, the token only names.

Enters: the keys and algorithms that a caller allows, once; a checked header, often. Leaves: one key and one row of the
table, or a refusal. Source: RFC 8725 3.1 (algorithms fixed by the caller, one per key), 3.10; RFC 7515 D.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from daypass.errors import ConfigurationError, UnknownKey, UnsupportedToken
from daypass.jose.header import JWSHeader
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS, SignatureAlgorithm
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet

__all__ = ["KeyChoice", "Keys", "choice_of"]

Keys = JWK | JWKSet | Sequence[JWK]
"""With a single JWK the token's ``kid`` is not compared: the caller named the key. In a set it selects."""


class KeyChoice:
    """The keys that may verify, each with its algorithms; built once, then asked per distinct header.

    Args:
        keys: one JWK, a JWKSet or a sequence of JWK.
        algs: algorithms that the caller allows; None: those that the keys name.

    Raises:
        TypeError: ``algs`` is one text, or ``keys`` holds something else than JWK.
        ConfigurationError: ``algs`` is empty or unknown, no key may verify, or nobody names an algorithm for one.

    Source: RFC 8725 3.1.
    """

    __slots__ = ("_by_kid", "_eligible", "_single")

    def __init__(self, keys: Keys, algs: Collection[str] | None = None) -> None:
        algs = _check_algs(algs)
        self._single = isinstance(keys, JWK)
        members: Iterable[JWK] = (
            (keys,) if isinstance(keys, JWK) else keys if isinstance(keys, JWKSet) else JWKSet(keys)
        )
        self._eligible = [(key, key.verifying_algorithms(algs)) for key in members if self._single or _may_verify(key)]
        if not self._eligible:
            raise ConfigurationError(
                "none of these keys may verify a signature ('use', 'key_ops' or 'alg' say otherwise)"
            )
        self._by_kid: dict[str | None, list[tuple[JWK, dict[str, SignatureAlgorithm]]]] = {}
        for key, entries in self._eligible:
            self._by_kid.setdefault(key.kid, []).append((key, entries))

    def choose(self, header: JWSHeader) -> tuple[JWK, SignatureAlgorithm]:
        """Find the one key and algorithm for a header.

        Raises:
            UnsupportedToken: the ``alg`` is not one that policy and key both allow.
            UnknownKey: no key has this ``kid``, or the token names none and several keys would do.

        Source: RFC 7515 5.2, D; RFC 8725 3.1.
        """
        named = self._eligible if self._single or header.kid is None else self._by_kid.get(header.kid, [])
        if not named:
            raise UnknownKey("no key of this verifier has the kid of the token")
        fitting = [(key, entries[header.alg]) for key, entries in named if header.alg in entries]
        if not fitting:
            raise UnsupportedToken("the alg of the token is not one that key and policy allow", alg=header.alg)
        if len(fitting) > 1:
            raise UnknownKey("the token names no kid, and more than one key could have made it")
        return fitting[0]


def choice_of(keys: Keys, algs: Collection[str] | None) -> KeyChoice:
    """The choice among keys, remembered by the key or set itself. Source: RFC 8725 3.1."""
    if isinstance(keys, JWK | JWKSet) and (algs is None or isinstance(algs, tuple)):
        return keys.prepared.once(("choice", algs), lambda: KeyChoice(keys, algs))  # type: ignore[no-any-return]
    return KeyChoice(keys, algs)


def _check_algs(algs: Collection[str] | None) -> tuple[str, ...] | None:
    """An allowlist is a collection of known names; one text would match by substring, an empty one would be a trap."""
    if algs is None:
        return None
    if isinstance(algs, str | bytes) or not isinstance(algs, Collection):
        raise TypeError('algs is a collection of names: algs=("ES256",)')
    if not algs:
        raise ConfigurationError("algs is empty: nothing could verify; None takes the algorithm that each key names")
    for alg in algs:
        if alg not in SIGNATURE_ALGORITHMS:
            raise ConfigurationError(f"algs holds an unknown name: expected some of {', '.join(SIGNATURE_ALGORITHMS)}")
    return tuple(algs)


def _may_verify(key: JWK) -> bool:
    """Whether a member of a set is for signatures at all; the other members are for somebody else."""
    if key.use == "enc" or (key.key_ops is not None and "verify" not in key.key_ops):
        return False
    return key.alg is None or key.alg in SIGNATURE_ALGORITHMS
