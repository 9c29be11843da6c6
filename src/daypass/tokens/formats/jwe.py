"""Format ``jwe``: claims, encrypted under a key that both sides share. Enters: symmetric JWKs. Leaves: functions.

Whoever has a public key can encrypt to it, with any claims: so no asymmetric key is taken here, and no password, which
is somebody's to guess. Source: RFC 7519 5.2, 7; RFC 8725 3.2.
"""

from __future__ import annotations

from typing import Any, Final

from daypass.errors import ConfigurationError
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwe_compact import compile_encrypter
from daypass.jose.jwe_header import allow
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.jwt_encrypted import compile_claims_decrypter
from daypass.jose.key_choice import DecryptionChoice
from daypass.jose.key_use import enc_of
from daypass.tokens.format import Expected, Seal, Shared, Verify, demand_keys
from daypass.tokens.formats.jwt import jose_format

__all__ = ["FORMATS", "encrypter_of"]

_WANTED: Final = "format 'jwe' takes symmetric JWKs (dir, A*KW, A*GCMKW)"


def _encrypts(key: object) -> bool:
    return isinstance(key, JWK) and key.kty == "oct" and key.alg not in SIGNATURE_ALGORITHMS


def _demand_shared(key: JWK) -> None:
    """Refuse keys under which another than the issuer could write."""
    if key.kty != "oct":
        raise ConfigurationError(
            "whoever has the public half of this key can write such a token, with any claims:"
            " format 'nested' signs first"
        )
    if key.alg is not None and key.alg.startswith("PBES2"):
        raise ConfigurationError(f"{_WANTED}: a password can be guessed, and every guess costs the verifier")


def encrypter_of(key: JWK, header: dict[str, str]) -> Seal:
    """What encrypts under a header, once per key. Raises ConfigurationError: it cannot. Source: RFC 7516 5.1."""
    name = ("token", *header.items())
    return key.prepared.once(  # type: ignore[no-any-return]
        name, lambda: compile_encrypter(key, enc_of(key) or "A256GCM", None, header)
    )


def _sealer(key: Any, shared: Shared, begun: bytes, _second: object) -> tuple[Seal, bytes]:  # noqa: ANN401
    demand_keys(key, JWK, _WANTED)
    _demand_shared(key)
    return encrypter_of(key, {"typ": shared.typ}), begun


def _verifier(keys: Any, expected: Expected, _second: object) -> Verify:  # noqa: ANN401
    demand_keys(keys, (JWK, JWKSet), _WANTED)
    choice = DecryptionChoice(keys, expected.algs)
    for key in choice.keys:
        _demand_shared(key)
    return compile_claims_decrypter(
        choice,
        allow(None, zip=False, pbes2=False, rsa1_5=False),
        expected.policy,
        bytes_max=expected.bytes_max,
        clock=expected.clock,
    )


FORMATS: Final = {"jwe": jose_format("jwe", is_for=_encrypts, sealer=_sealer, verifier=_verifier)}
