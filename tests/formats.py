"""Every format of a token with keys for it: what runs over all formats takes them from here."""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from daypass.jose.jwk import JWK
from daypass.paseto.keys import LocalKey, SecretKey
from daypass.tokens.format import FORMATS
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier

ISSUER, AUDIENCE = "https://issuer.example", "https://api.example"
PARTIES: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE}
NAMES = tuple(FORMATS)


class Material(msgspec.Struct, frozen=True):
    """Keys of one format: what issues, what verifies, and what each side needs besides."""

    name: str
    issuing: Any
    verifying: Any
    issuer_words: dict[str, Any]
    verifier_words: dict[str, Any]

    def issuer(self, keys: Any = None, **words: Any) -> Issuer:
        given = {**PARTIES, "format": self.name, **self.issuer_words, **words}
        return Issuer(self.issuing if keys is None else keys, **given)

    def verifier(self, keys: Any = None, **words: Any) -> Verifier:
        given = {**PARTIES, "format": self.name, **self.verifier_words, **words}
        return Verifier(self.verifying if keys is None else keys, **given)


def _signed(alg: str) -> Callable[[str], Material]:
    def make(name: str) -> Material:
        key = JWK.generate(alg)
        return Material(name, key, key.public() if key.kty != "oct" else key, {}, {})

    return make


def _encrypted(name: str) -> Material:
    key = JWK.generate("A256GCM")
    return Material(name, key, key, {}, {})


def _nested(name: str) -> Material:
    signing, recipient = JWK.generate("EdDSA"), JWK.generate("ECDH-ES+A128KW", crv="X25519")
    return Material(name, signing, signing.public(), {"encrypt_to": recipient.public()}, {"decrypt_with": recipient})


def _public(name: str) -> Material:
    key = SecretKey.generate(3 if "-v3-" in name else 4)
    return Material(name, key, key.public(), {}, {})


def _local(name: str) -> Material:
    key = LocalKey.generate(3 if "-v3-" in name else 4)
    return Material(name, key, key, {}, {})


def make(name: str) -> Material:
    """New keys for a format."""
    kinds = {"jwt": _signed("HS256"), "jwe": _encrypted, "nested": _nested}
    return kinds.get(name, _public if name.endswith("public") else _local)(name)


@cache
def material(name: str) -> Material:
    """Keys for a format, the same for all tests of this process."""
    return make(name)


class Ring:
    """Keys that a test changes, as a KeySource; `waiting` are those that only a reread finds."""

    def __init__(self, signing: Any, *verifying: Any) -> None:
        self.signing = signing
        self.verifying = verifying
        self.waiting: tuple[Any, ...] = ()
        self.epoch = 1

    def signing_keys(self) -> tuple[Any, ...]:
        return (self.signing,)

    def verification_keys(self) -> tuple[Any, ...]:
        return self.verifying

    def reread(self) -> None:
        if self.waiting:
            self.turn(self.signing, *self.waiting)
            self.waiting = ()

    def turn(self, signing: Any, *verifying: Any) -> None:
        self.signing, self.verifying = signing, verifying
        self.epoch += 1
