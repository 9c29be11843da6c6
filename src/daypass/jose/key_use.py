"""What a key is used for: the algorithm of a task, and the functions that were prepared with a key.

Enters: a JWK and what a caller allows. Leaves: rows of the tables of algorithms, functions. A key that may not do what
is asked of it, or that nobody has named an algorithm for, is a ConfigurationError: when it is taken, not at request
1,000.
Source: RFC 7517 4.2 to 4.4; RFC 8725 3.1 (one algorithm for each key).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from daypass.errors import ConfigurationError
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS, KeyManagementAlgorithm, Receive, Send
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS, Holds, Seal, SignatureAlgorithm
from daypass.jose.jwk import JWK
from daypass.jose.key_rules import check_permitted, check_suits, suits

__all__ = [
    "decrypting_algorithms",
    "enc_of",
    "encrypting_algorithm",
    "management_of",
    "prepared_receiver",
    "prepared_sender",
    "prepared_signer",
    "prepared_verifier",
    "signing_algorithm",
    "verifying_algorithms",
]


# ------------------------------------------------------------------------------------------------ signatures


def signing_algorithm(key: JWK) -> SignatureAlgorithm:
    """The algorithm that it signs with. Raises ConfigurationError: it may not, or cannot. Source: RFC 7517 4.4."""
    if key.alg is None:
        raise ConfigurationError('this JWK names no alg, and a key signs with one: JWK.from_dict(jwk, alg="...")')
    entry = _signature_entry(key, key.alg, "sign")
    if not key.is_private:
        raise ConfigurationError("this is a public key: signing needs the private one")
    return entry


def verifying_algorithms(key: JWK, algs: Collection[str] | None) -> dict[str, SignatureAlgorithm]:
    """The algorithms that it verifies with, of those that the caller allows; may be empty.

    Args:
        key: its public half is enough.
        algs: None: the one that the key names.

    Raises:
        ConfigurationError: neither the key nor the caller names an algorithm, or the key is for something else.

    Source: RFC 8725 3.1; RFC 7517 4.2 to 4.4.
    """
    if key.alg is not None:
        entry = _signature_entry(key, key.alg, "verify")
        return {key.alg: entry} if algs is None or key.alg in algs else {}
    check_permitted(key.use, key.key_ops, wanted="sig", operations=("verify",))
    entries = (SIGNATURE_ALGORITHMS[alg] for alg in _demand_algs(algs))
    return {entry.name: entry for entry in entries if suits(key.raw, entry)}


def _signature_entry(key: JWK, alg: str, operation: str) -> SignatureAlgorithm:
    check_permitted(key.use, key.key_ops, wanted="sig", operations=(operation,))
    entry = SIGNATURE_ALGORITHMS.get(alg)
    if entry is None:
        raise ConfigurationError(f"the alg of this key is no signature algorithm: it cannot {operation}")
    return entry


def prepared_signer(key: JWK, entry: SignatureAlgorithm) -> Callable[[bytes], Seal]:
    """What signs under a header, prepared once per key. Source: RFC 7515 5.1."""
    return key.prepared.once(entry.signer, lambda: entry.signer(key.raw.private))  # type: ignore[no-any-return]


def prepared_verifier(key: JWK, entry: SignatureAlgorithm) -> Callable[[bytes], Holds]:
    """What verifies under a header, prepared once per key, with its public half. Source: RFC 7515 5.2."""
    return key.prepared.once(entry.verifier, lambda: entry.verifier(key.raw.open_half))  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------ encryption


def enc_of(key: JWK) -> str | None:
    """The one ``enc`` of a key whose ``alg`` is an enc: it is for ``dir``. Source: RFC 7517 4.4; RFC 7520 5.6."""
    return key.alg if key.alg in CONTENT_ENCRYPTIONS else None


def management_of(key: JWK) -> str | None:
    """The one key management of a key; None where it names none. Source: RFC 7517 4.4; RFC 7518 4.1."""
    return "dir" if enc_of(key) else key.alg


def encrypting_algorithm(key: JWK, alg: str | None) -> KeyManagementAlgorithm:
    """The algorithm that hands over a content encryption key to the holder of a key.

    Args:
        key: its public half is enough.
        alg: None: the one that the key names, ``dir`` where that is an enc.

    Raises:
        ConfigurationError: nobody names an algorithm, it is another than the key names, or the key may not.
        KeyFormatError, WeakKey: the key is none for ``alg``.

    Source: RFC 7516 5.1; RFC 7517 4.2 to 4.4.
    """
    own = management_of(key)
    if own is None and alg is None:
        raise ConfigurationError('this JWK names no alg: pass alg="..." or load it with one')
    if own is not None and alg not in (None, own):
        raise ConfigurationError("the key names another alg than the one that was asked for: leave it out")
    entry = KEY_MANAGEMENT_ALGORITHMS.get(own or alg or "")
    if entry is None:
        raise ConfigurationError(f"no alg that encrypts: expected one of {', '.join(KEY_MANAGEMENT_ALGORITHMS)}")
    is_bare = bool(entry.curves) and not key.is_private and key.key_ops == ()  # as browsers write a public ECDH key
    check_permitted(key.use, None if is_bare else key.key_ops, wanted="enc", operations=entry.operations[0])
    check_suits(key.raw, entry)
    return entry


def decrypting_algorithms(key: JWK, algs: Collection[str] | None) -> dict[str, KeyManagementAlgorithm]:
    """The algorithms that it decrypts with, of those that the caller allows; may be empty.

    Args:
        key: private or symmetric.
        algs: None: the one that the key names.

    Raises:
        ConfigurationError: neither the key nor the caller names an algorithm, or the key cannot or may not decrypt.

    Source: RFC 7516 5.2; RFC 7517 4.2 to 4.4; RFC 8725 3.1.
    """
    own = management_of(key)
    names = _demand_algs(algs) if own is None else (own,)
    entries = [KEY_MANAGEMENT_ALGORITHMS[alg] for alg in names if alg in KEY_MANAGEMENT_ALGORITHMS]
    if not entries:
        raise ConfigurationError("the alg of this key is for no encryption: it cannot decrypt")
    if not key.is_private:
        raise ConfigurationError("this is a public key: decrypting needs the private one")
    fitting = [entry for entry in entries if suits(key.raw, entry)]
    for entry in fitting:
        check_permitted(key.use, key.key_ops, wanted="enc", operations=entry.operations[1])
    return {entry.name: entry for entry in fitting if algs is None or entry.name in algs}


def prepared_sender(key: JWK, entry: KeyManagementAlgorithm) -> Send:
    """What hands over a key to its holder, prepared once per key. Source: RFC 7516 5.1."""
    return key.prepared.once(entry.sender, lambda: entry.sender(key.raw.open_half))  # type: ignore[no-any-return]


def prepared_receiver(key: JWK, entry: KeyManagementAlgorithm) -> Receive:
    """What takes a key that was handed over, prepared once per key. Source: RFC 7516 5.2."""
    return key.prepared.once(entry.receiver, lambda: entry.receiver(key.raw.private))  # type: ignore[no-any-return]


def _demand_algs(algs: Collection[str] | None) -> Collection[str]:
    if algs is None:
        raise ConfigurationError(
            'this JWK names no alg: pass algs=("...",) or load it with JWK.from_dict(jwk, alg="...")'
        )
    return algs
