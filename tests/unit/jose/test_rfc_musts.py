"""What several RFCs ask of every name and text: compared octet by octet, of the right type, ignored where unknown."""

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from daypass import jwe, jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import ClaimError, KeyFormatError, MalformedToken, UnknownKey, UnsupportedToken, WrongAudience
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from tests.security import forge
from tests.security.forge import b64u, outcome
from tests.security.forge_jwe import direct, flat, receiver

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD"))
PLAIN = ClaimsPolicy(issuer=forge.ISSUER, audience=forge.AUDIENCE)


# ------------------------------------------------------------------------------------------------- comparisons


def test_the_two_spellings_differ() -> None:
    assert COMPOSED != DECOMPOSED
    assert unicodedata.normalize("NFC", DECOMPOSED) == COMPOSED


def test_text_is_compared_without_normalization() -> None:
    """RFC 7515 5.3 and 10.13, RFC 7519 7.3, RFC 7638 3: two texts are equal where their code points are."""
    for mine, theirs in ((COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)):
        keys = JWKSet([JWK.from_secret(forge.SECRET, alg="HS256", kid=mine), JWK.generate("HS256")])
        good, other = (forge.token({"alg": "HS256", "kid": kid}) for kid in (mine, theirs))
        assert jwt.verify(good, keys, policy=PLAIN)["sub"] == "u1"
        assert outcome(lambda k=keys, t=other: jwt.verify(t, k, policy=PLAIN)) is UnknownKey
        both = JWKSet([JWK.from_secret(bytes([n]) * 32, alg="HS256", kid=kid) for n, kid in enumerate((mine, theirs))])
        assert [len(both.find(kid=kid)) for kid in (mine, theirs)] == [1, 1]
        for name, policy in (
            ("aud", ClaimsPolicy(audience=mine)),
            ("sub", ClaimsPolicy(subject=mine)),
            ("iss", ClaimsPolicy(issuer=mine)),
        ):
            claims = {"exp": 2**33, name: mine}
            assert jwt.verify(forge.token(None, claims), forge.jwk("HS256"), policy=policy) == claims
            with pytest.raises(ClaimError):
                jwt.verify(forge.token(None, {**claims, name: theirs}), forge.jwk("HS256"), policy=policy)
        assert jws.verify(forge.token({"alg": "HS256", mine: 1, theirs: 2}), forge.jwk("HS256")).header[theirs] == 2
        crit = forge.token({"alg": "HS256", mine: 1, "crit": [mine]})
        assert jws.verify(crit, forge.jwk("HS256"), crit=(mine,))
        assert outcome(lambda t=crit, c=theirs: jws.verify(t, forge.jwk("HS256"), crit=(c,))) is UnsupportedToken


def test_escapes_are_undone_before_anything_is_compared() -> None:
    """RFC 7515 5.3, RFC 7519 7.3: how JSON spells a text does not count."""
    header = b'{"\\u0061lg":"H\\u0053256","k\\u0069d":"\\u006b1","typ":"\\u004aWT"}'
    payload = json.dumps(forge.claims(aud="AUD")).replace('"AUD"', '"https:\\/\\/api.ex\\u0061mple"').encode()
    keys = JWKSet([JWK.from_secret(forge.SECRET, alg="HS256", kid="k1"), JWK.generate("HS256")])
    token = forge.token(header, payload)
    assert jwt.verify(token, keys, policy=forge.POLICY)["aud"] == forge.AUDIENCE
    assert jws.verify(token, keys).header == {"alg": "HS256", "kid": "k1", "typ": "JWT"}
    wrong = ClaimsPolicy(issuer=forge.ISSUER, audience="https:\\/\\/api.ex\\u0061mple")
    with pytest.raises(WrongAudience):
        jwt.verify(token, keys, policy=wrong)
    key = JWK.from_json(json.dumps(forge.jwk("ES256").to_dict()).replace('"kty"', '"\\u006bty"'))
    assert key.to_dict() == forge.jwk("ES256").to_dict()


# -------------------------------------------------------------------------------------------- header parameters


@pytest.mark.parametrize("name", ["kid", "typ", "cty"])
@pytest.mark.parametrize("value", [None, 5, True, [], ["JWT"], {}], ids=repr)
def test_registered_parameters_are_text(name: str, value: Any) -> None:
    """RFC 7515 4.1.4, 4.1.9, 4.1.10; RFC 7516 4.1.6, 4.1.11, 4.1.12."""
    signer, box = forge.jwk("HS256"), receiver("dir")
    head, body, mac = forge.token({"alg": "HS256", name: value}).split(".")
    beside = {"payload": body, "protected": b64u(b'{"alg":"HS256"}'), "header": {name: value}, "signature": mac}
    sealed = direct({name: value})
    for verify in (
        lambda: jws.verify(f"{head}.{body}.{mac}", signer),
        lambda: jwt.verify(f"{head}.{body}.{mac}", signer),
        lambda: jws.verify_json({"payload": body, "protected": head, "signature": mac}, signer),
        lambda: jws.verify_json(beside, signer),
        lambda: jwe.decrypt(sealed, box),
        lambda: jwt.decrypt(sealed, box),
        lambda: jwe.decrypt_json(flat(sealed), box),
        lambda: jwe.decrypt_json({**flat(direct()), "unprotected": {name: value}}, box),
    ):
        assert outcome(verify) is MalformedToken
    for write in (
        lambda: jws.sign(b"x", signer, header={name: value}),
        lambda: jwe.encrypt(b"x", box, enc="A256GCM", header={name: value}),
    ):
        with pytest.raises(ValueError, match=name):
            write()


UNKNOWN: dict[str, Any] = {"u": None, "v": [1, {"w": 2.5}], "": "", "ALG": "none", "x5t": 5, "\u00e9": True}


def test_unknown_parameters_claims_and_members_are_ignored() -> None:
    """RFC 7515 4, RFC 7516 4, RFC 7517 4 and 5, RFC 7519 4; they are there for who asks."""
    signer, box = forge.jwk("HS256"), receiver("dir")
    signed = forge.token({"alg": "HS256", **UNKNOWN}, forge.claims(**{k: v for k, v in UNKNOWN.items() if k.isascii()}))
    assert jws.verify(signed, signer).header == {"alg": "HS256", **UNKNOWN}
    assert jwt.verify(signed, signer, policy=PLAIN).items() >= {"u": None, "ALG": "none", "x5t": 5}.items()
    sealed = direct({name: value for name, value in UNKNOWN.items() if name != "x5t"})
    assert jwe.decrypt(sealed, box).header["ALG"] == "none"
    members = forge.jwk("ES256").to_dict()
    assert JWK.from_dict({**members, **UNKNOWN}).to_dict() == members
    assert JWKSet.from_dict({"keys": [{**members, **UNKNOWN}], **UNKNOWN}).to_dict() == {"keys": [members]}


# ------------------------------------------------------------------------------------------------- a key at rest


def test_a_key_travels_encrypted_as_its_media_type_says() -> None:
    """RFC 7517 7: the plaintext is the JWK, and cty says so; what to do with it is for the receiver."""
    key, password = JWK.generate("ES256"), JWK.from_secret(b"Thus from my lips", alg="PBES2-HS256+A128KW")
    text = json.dumps(key.to_dict(private=True)).encode()
    header = {"cty": "jwk+json", "p2c": 1000}
    token = jwe.encrypt(text, password, enc="A128CBC-HS256", header=header)
    opened = jwe.decrypt(token, password, allow_pbes2=True)
    assert opened.header["cty"] == "jwk+json"
    assert JWK.from_json(opened.plaintext).to_dict(private=True) == key.to_dict(private=True)
    with pytest.raises(KeyFormatError):
        JWK.from_json(token)


@pytest.mark.parametrize("enc", ["A128GCM", "A256CBC-HS512"])
def test_key_material_is_not_reused(enc: str) -> None:
    """RFC 7518 8.4 and 8.7: for every token a CEK, an iv, an ephemeral key and a salt of its own."""
    keys: list[tuple[JWK, Callable[[dict[str, Any]], Any]]] = [
        (JWK.generate("A128GCMKW"), lambda header: header["iv"]),
        (JWK.generate("ECDH-ES+A128KW"), lambda header: header["epk"]["x"]),
        (JWK.from_secret(b"p", alg="PBES2-HS256+A128KW"), lambda header: header["p2s"]),
        (JWK.generate("RSA-OAEP"), lambda header: None),
    ]
    for key, fresh in keys:
        extra = {"p2c": 1000} if key.alg == "PBES2-HS256+A128KW" else None
        tokens = [jwe.encrypt(bytes(16), key, enc=enc, header=extra).split(".") for _ in range(20)]
        headers = [json.loads(forge.unb64u(token[0])) for token in tokens]
        for index in (1, 2, 3, 4):
            assert len({token[index] for token in tokens}) == 20
        assert len({fresh(header) for header in headers}) == (1 if key.alg == "RSA-OAEP" else 20)
