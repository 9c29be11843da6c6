"""The keys that a ring issues tokens with, of every format: JWKs that sign or encrypt, and keys of PASETO.

Enters: the name of an algorithm, or the members of a key in the text of a ring. Leaves: a key; and back. A key of
PASETO stands there as PASERK, in a member ``paserk``: whoever reads the text as a plain JWK Set finds no key in it.
Source: RFC 7517 4, 5; RFC 7518 3, 4, 5; PASERK types; DESIGN.md 3 (an entry's ``alg`` may be a version and purpose).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daypass.encoding import b64url_decode
from daypass.errors import ConfigurationError, KeyFormatError
from daypass.jose.jwk import JWK
from daypass.jose.key_use import (
    decrypting_algorithms,
    encrypting_algorithm,
    signing_algorithm,
    verifying_algorithms,
)
from daypass.keyring.kinds import PASETO_ALGS

if TYPE_CHECKING:
    from daypass.tokens.source import TokenKey

__all__ = [
    "alg_of",
    "generate_key",
    "kid_of",
    "private_octets",
    "read_key",
    "signs_tokens",
    "verifying_half",
    "write_key",
]


def generate_key(alg: str) -> TokenKey:
    """Make a key.

    Args:
        alg: of a signature (``EdDSA``), of symmetric encryption (``A256GCM``, ``A256KW``), or a version and purpose of
            PASETO (``v4.public``).

    Raises:
        ConfigurationError: there is none of that name, or a ring has no use for it.

    Source: RFC 7518 3.1, 4.1, 5.1; PASETO 01-Protocol-Versions.
    """
    given: object = alg
    if not isinstance(given, str) or not given:
        raise ConfigurationError("alg is the name of an algorithm: EdDSA, A256GCM, v4.public ...")
    if alg in PASETO_ALGS:
        from daypass.paseto.keys import LocalKey, SecretKey

        kind = LocalKey if alg.endswith(".local") else SecretKey
        return kind.generate(PASETO_ALGS[alg])  # type: ignore[arg-type]
    key = JWK.generate(alg)
    _check_use(key)
    return key


def kid_of(key: TokenKey) -> str | None:
    """How tokens name it: of PASETO, the PASERK id of the public half or of the shared key."""
    if isinstance(key, JWK):
        return key.kid
    from daypass.paseto.paserk import key_id

    return key_id(verifying_half(key))  # type: ignore[arg-type]  # no JWK


def alg_of(key: TokenKey) -> str | None:
    """What it is for: the ``alg`` of a JWK, version and purpose of a key of PASETO."""
    return key.alg if isinstance(key, JWK) else f"v{key.version}.{key.purpose}"


def verifying_half(key: TokenKey) -> TokenKey:
    """What verifiers get: the public half, or the key itself where it is shared."""
    if isinstance(key, JWK):
        return key if key.kty == "oct" else key.public()
    from daypass.paseto.keys import SecretKey

    return key.public() if isinstance(key, SecretKey) else key


def write_key(key: TokenKey) -> dict[str, Any]:
    """Spell it for the text of a ring, with its private parts. The members are as secret as the key."""
    if isinstance(key, JWK):
        return key.to_dict(private=key.is_private)
    from daypass.paseto import paserk

    return {"kid": kid_of(key), "paserk": paserk.dump(key)}


def read_key(members: Mapping[str, Any], kid: str, *, alg: str | None = None) -> TokenKey:
    """Read a key from its members.

    Args:
        members: of a JWK, or ``paserk``.
        kid: of the entry.
        alg: binds a JWK that names none.

    Raises:
        DaypassError: it is none of those that issue tokens, or too weak. The frames of this error may hold the key:
            catch it, and raise another one outside of the handler.
    """
    if "paserk" in members:
        held = paserk_key(members)
        if kid_of(held) != kid:
            raise KeyFormatError("its kid is not the PASERK id of the key")
        return held
    key = JWK.from_dict({**members, "kid": kid}, alg=alg)
    if key.alg is None:
        raise KeyFormatError("a key of a ring names its alg")
    _check_use(key)
    return key


def private_octets(key: TokenKey) -> bytes:
    """What of a private key is secret: other secrets are derived from it. As secret as the key."""
    if not isinstance(key, JWK):
        return key.to_bytes()
    name = {"oct": "k", "AKP": "priv"}.get(key.kty, "d")
    return b64url_decode(key.to_dict(private=True)[name].encode("ascii"))


def paserk_key(members: Mapping[str, Any]) -> TokenKey:
    """Read the key in a member ``paserk``. Raises DaypassError, as ``read_key`` does. Source: PASERK types."""
    from daypass.paseto import keys as paseto_keys
    from daypass.paseto import paserk

    text = members["paserk"]
    if not isinstance(text, str) or "kty" in members:
        raise KeyFormatError("a key of a ring is a JWK, or has a member 'paserk' with the text of one")
    key = paserk.load(text)
    if alg_of(key) not in PASETO_ALGS:
        raise KeyFormatError(f"a key of PASETO in a ring is one of {', '.join(PASETO_ALGS)}")
    if not isinstance(key, paseto_keys.LocalKey):
        _ = key.material  # KeyFormatError: no point of its curve; PASERK itself may carry that
    return key


def _check_use(key: JWK) -> None:
    """Refuse a JWK that issues nothing: asymmetric encryption above all. Raises DaypassError. Source: RFC 8725 3.2."""
    if key.use == "enc" or not signs_tokens(key):
        if key.kty != "oct" or str(key.alg).startswith("PBES2"):
            raise ConfigurationError("a ring encrypts with shared keys alone: to a public one anybody could")
        encrypting_algorithm(key, None)
        decrypting_algorithms(key, None)
        return
    verifying_algorithms(key if key.kty == "oct" else key.public(), None)
    if key.is_private:
        signing_algorithm(key)


def signs_tokens(key: TokenKey) -> bool:
    """Whether it is a JWK that signs. Source: RFC 7518 3.1."""
    from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS

    return isinstance(key, JWK) and key.alg in SIGNATURE_ALGORITHMS
