"""JWKSet: what is found by which name, and what a set of strangers may hold."""

import pytest

from daypass import jws
from daypass.errors import ConfigurationError, KeyFormatError, UnknownKey, UnsupportedToken
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet

HS = JWK.generate("HS256", kid="a")
RS = JWK.generate("RS256", kid="a")
ES = JWK.generate("ES256", kid="b")
NAMELESS = JWK.from_secret(b"s" * 32, alg="HS256")
ENC = JWK.from_dict({**JWK.generate("ES256", kid="e").to_dict(), "use": "enc"})


def test_keys_keep_their_order() -> None:
    keys = JWKSet([HS, RS, ES, NAMELESS])
    assert (tuple(keys), len(keys)) == ((HS, RS, ES, NAMELESS), 4)
    assert tuple(JWKSet(key for key in (ES, HS))) == (ES, HS)


def test_find() -> None:
    keys = JWKSet([HS, RS, ES, NAMELESS, ENC])
    assert keys.find(kid="a") == (HS, RS)
    assert keys.find(kid="a", alg="RS256") == (RS,)
    assert keys.find(alg="HS256") == (HS, NAMELESS)
    assert keys.find(kid="none") == ()
    assert keys.find(use="enc") == (HS, RS, ES, NAMELESS, ENC)  # a key that names no use is for any
    assert keys.find(use="sig") == (HS, RS, ES, NAMELESS)
    assert keys.find() == (HS, RS, ES, NAMELESS, ENC)


def test_what_is_no_set_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        JWKSet([])
    for wrong in (["x"], [None], [HS.to_dict(private=True)], [b"secret"], "text"):
        with pytest.raises(TypeError):
            JWKSet(wrong)  # type: ignore[arg-type]
    with pytest.raises(KeyFormatError):
        JWKSet([HS, JWK.generate("HS512", kid="a")])


def test_two_keys_may_lack_a_name() -> None:
    assert len(JWKSet([NAMELESS, JWK.from_secret(b"t" * 32, alg="HS256")])) == 2


def test_written_and_read() -> None:
    keys = JWKSet([HS, RS, ES])
    assert keys.to_dict() == {"keys": [RS.to_dict(), ES.to_dict()]}
    assert JWKSet.from_dict(keys.to_dict(private=True)).to_dict(private=True) == keys.to_dict(private=True)
    public_too = JWKSet([RS, ES.public()])
    assert [key.is_private for key in JWKSet.from_dict(public_too.to_dict(private=True))] == [True, False]


def test_keys_that_nobody_understands_are_skipped() -> None:
    """RFC 7517 5."""
    strange = [
        {"kty": "AKP", "kid": "x"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "AQ", "e": "AQ"},
    ]
    assert [key.kid for key in JWKSet.from_dict({"keys": [*strange, ES.to_dict()], "unknown": 1})] == ["b"]
    with pytest.raises(KeyFormatError):
        JWKSet.from_dict({"keys": strange})


def test_a_set_of_algorithms_of_the_caller() -> None:
    token = jws.sign(b"x", ES)
    keys = JWKSet([HS, RS, ES, ENC])
    assert jws.verify(token, keys).key is ES
    assert jws.verify(token, [HS, ES]).key is ES
    assert jws.verify(token, keys, algs=["ES256"]).key is ES
    assert jws.verify(token, keys, algs={"ES256", "RS256"}).key is ES
    with pytest.raises(UnsupportedToken):
        jws.verify(token, keys, algs=("RS256",))
    with pytest.raises(UnknownKey):
        jws.verify(token, JWKSet([HS, RS]))


def test_a_key_for_encryption_does_not_verify() -> None:
    with pytest.raises(ConfigurationError):
        jws.verify(jws.sign(b"x", ES), JWKSet([ENC]))
    with pytest.raises(UnknownKey):
        jws.verify(jws.sign(b"x", JWK.generate("ES256", kid="e")), JWKSet([ENC, ES]))


def test_a_token_without_kid() -> None:
    token = jws.sign(b"x", NAMELESS)
    assert jws.verify(token, JWKSet([NAMELESS, RS, ES])).key is NAMELESS
    with pytest.raises(UnknownKey):
        jws.verify(token, JWKSet([NAMELESS, HS]))
    assert jws.verify(jws.sign(b"x", NAMELESS, header={"kid": "free"}), NAMELESS).header["kid"] == "free"
    with pytest.raises(UnknownKey):
        jws.verify(jws.sign(b"x", NAMELESS, header={"kid": "free"}), JWKSet([NAMELESS]))
