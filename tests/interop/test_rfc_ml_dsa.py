"""The examples of ML-DSA for JOSE (RFC 9964): keys, thumbprints and signatures."""

from typing import Any

import pytest

from daypass import jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.encoding import b64url_decode
from daypass.errors import InvalidSignature, KeyFormatError, MalformedToken, TokenError, UnsupportedToken
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from tests import vectors
from tests.security import forge

SIGNATURE_BYTES = {"ML-DSA-44": 2420, "ML-DSA-65": 3309, "ML-DSA-87": 4627}
EXAMPLES = {alg: vectors.load(f"jose-ml-dsa/{alg.replace('-', '_')}.jose.json") for alg in SIGNATURE_BYTES}


@pytest.mark.parametrize("alg", EXAMPLES)
def test_an_example_of_rfc_9964(alg: str) -> None:
    example: dict[str, Any] = EXAMPLES[alg]
    private = JWK.from_dict({**example["jwk"], "priv": forge.b64u(bytes.fromhex(example["priv"]))})
    public = JWK.from_dict({name: value for name, value in example["jwk"].items() if name != "priv"})
    assert (public.kty, public.alg, public.crv, public.is_private) == ("AKP", alg, None, False)
    assert private.public().to_dict() == public.to_dict()
    assert public.thumbprint() == private.thumbprint() == example["jwk"]["kid"]
    assert private.to_dict(private=True)["priv"] == forge.b64u(bytes.fromhex(example["priv"]))

    head, payload, signature = example["jws"].split(".")
    assert f"{head}.{payload}".encode() == bytes.fromhex(example["raw_to_be_signed"])
    assert b64url_decode(signature.encode()) == bytes.fromhex(example["raw_signature"])
    assert len(b64url_decode(signature.encode())) == SIGNATURE_BYTES[alg]
    for keys in (public, private, JWKSet([public])):
        verified = jws.verify(example["jws"], keys)
        assert (verified.payload, verified.header["alg"]) == (b64url_decode(payload.encode()), alg)
    again = jws.sign(verified.payload, private)
    assert jws.verify(again, public).payload == verified.payload

    changed = bytearray(b64url_decode(signature.encode()))
    for position in (0, len(changed) // 2, len(changed) - 1):
        changed[position] ^= 1
        with pytest.raises(InvalidSignature):
            jws.verify(f"{head}.{payload}.{forge.b64u(bytes(changed))}", public)
        changed[position] ^= 1
    for short in (b"", bytes(changed[:-1]), bytes(changed) + b"\0"):
        with pytest.raises(InvalidSignature):
            jws.verify(f"{head}.{payload}.{forge.b64u(short)}", public)


@pytest.mark.parametrize("alg", EXAMPLES)
def test_a_key_is_for_its_own_parameter_set(alg: str) -> None:
    example: dict[str, Any] = EXAMPLES[alg]
    other = next(name for name in EXAMPLES if name != alg)
    with pytest.raises(KeyFormatError):
        JWK.from_dict({**example["jwk"], "alg": other})
    with pytest.raises(KeyFormatError):
        JWK.from_dict({name: value for name, value in example["jwk"].items() if name != "alg"})
    with pytest.raises(KeyFormatError):
        JWK.from_dict({name: value for name, value in example["jwk"].items() if name != "alg"}, alg=alg)
    renamed = forge.b64u(f'{{"alg":"{other}"}}'.encode()) + "." + example["jws"].partition(".")[2]
    with pytest.raises(UnsupportedToken):
        jws.verify(renamed, JWK.from_dict(example["jwk"]))


def test_claims_travel_under_it() -> None:
    key = JWK.generate("ML-DSA-44")
    token = jwt.sign({"sub": "u"}, key)
    assert jwt.verify(token, key.public(), policy=ClaimsPolicy())["sub"] == "u"
    with pytest.raises(TokenError) as raised:
        jwt.verify(token[:-2], key.public())
    assert isinstance(raised.value, InvalidSignature | MalformedToken)
