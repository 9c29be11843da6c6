"""Format ``nested``: claims, signed, then encrypted. Enters: JWKs of both layers. Leaves: functions.

The signature says who wrote a token, the encryption who reads it; that the recipient's key may be public does no harm,
because what is inside must be signed. Source: RFC 7519 5.2, 11.2; RFC 8725 3.3.
"""

from __future__ import annotations

from typing import Any, Final

from daypass.errors import ConfigurationError
from daypass.jose.jwe_header import allow
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.jwt_nested import compile_nested_verifier
from daypass.jose.key_choice import DecryptionChoice, KeyChoice
from daypass.tokens.format import Expected, Seal, Shared, Verify, demand_keys
from daypass.tokens.formats.jwe import encrypter_of
from daypass.tokens.formats.jwt import jose_format, sign_sealer, signs

__all__ = ["FORMATS"]

_WANTED: Final = "format 'nested' takes JWKs, to sign and to encrypt"


def _sealer(key: Any, shared: Shared, begun: bytes, recipient: Any) -> tuple[Seal, bytes]:  # noqa: ANN401
    demand_keys((key, recipient), JWK, _WANTED)
    sign, left = sign_sealer(key, shared, begun)
    encrypt = encrypter_of(recipient, {"cty": "JWT"})
    return lambda rest: encrypt(sign(rest).encode("ascii")), left


def _verifier(keys: Any, expected: Expected, decryption_keys: Any) -> Verify:  # noqa: ANN401
    demand_keys(keys, (JWK, JWKSet), _WANTED)
    demand_keys(decryption_keys, (JWK, JWKSet), _WANTED)
    decryption = DecryptionChoice(decryption_keys)
    if any(key.alg is not None and key.alg.startswith(("PBES2", "RSA1_5")) for key in decryption.keys):
        raise ConfigurationError("format 'nested' takes neither PBES2 nor RSA1_5: jwt.decrypt_then_verify names them")
    return compile_nested_verifier(
        decryption,
        KeyChoice(keys, expected.algs),
        allow(None, zip=False, pbes2=False, rsa1_5=False),
        expected.policy,
        bytes_max=expected.bytes_max,
        clock=expected.clock,
    )


FORMATS: Final = {"nested": jose_format("nested", is_for=signs, sealer=_sealer, verifier=_verifier, is_nested=True)}
