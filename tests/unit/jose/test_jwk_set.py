"""JWKSet: what is found by which name, and what a set of strangers may hold."""

from collections.abc import Iterator
from typing import Any

import pytest

from daypass import jwe, jws, jwt
from daypass.errors import ConfigurationError, DecryptionFailed, KeyFormatError, UnknownKey, UnsupportedToken
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


def test_what_is_named_twice_is_refused_though_one_of_them_cannot_be_read() -> None:
    """ATTACKS A18: which of them a token means is open all the same."""
    broken = {**ES.to_dict(), "y": "AA"}
    misspelt = {**HS.to_dict(private=True), "k": HS.to_dict(private=True)["k"] + "="}
    weak = {**RS.to_dict(), "n": "AQAB"}
    for good, bad in ((ES.to_dict(), broken), (HS.to_dict(private=True), misspelt), (RS.to_dict(), weak)):
        assert JWKSet.from_dict({"keys": [good]}).find(kid=good["kid"])
        for keys in ([good, bad], [bad, good], [bad, ENC.to_dict(), good]):
            with pytest.raises(KeyFormatError, match="one kid"):
                JWKSet.from_dict({"keys": keys})
        renamed = {**bad, "kid": "another"}
        assert len(JWKSet.from_dict({"keys": [good, renamed]})) == 1
    strange = {"kty": "FOO", "kid": ES.kid}
    assert len(JWKSet.from_dict({"keys": [ES.to_dict(), strange]})) == 1  # another type: another key


def test_what_stands_in_the_list_may_be_anything() -> None:
    rest = [None, 5, "x", [], {}, {"kty": None}, {"kty": "EC"}, {"kty": ["EC"], "kid": "b"}, {"kid": {"a": 1}}, True]
    for keys in ([*rest, ES.to_dict()], [ES.to_dict(), *rest]):
        assert [key.kid for key in JWKSet.from_dict({"keys": keys})] == ["b"]
    for none in ([], rest, [{**ES.to_dict(), "alg": "ES384"}], [{**ES.to_dict(), "use": 5}]):
        with pytest.raises(KeyFormatError, match="no key of this JWK Set can be used"):
            JWKSet.from_dict({"keys": none})


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


# -------------------------------------------------------------------------------------------- several tasks

WRAP = JWK.generate("A256KW", kid="w")
DIRECT = JWK.generate("A128GCM", kid="d")
OAEP = JWK.generate("RSA-OAEP-256", kid="o")
AGREE = JWK.generate("ECDH-ES+A128KW", kid="g", crv="X25519")
SIGNING, ENCRYPTING = (HS, RS, ES), (WRAP, DIRECT, OAEP, AGREE)
EVERY = JWKSet([*SIGNING, *ENCRYPTING])


@pytest.mark.parametrize("key", SIGNING, ids=lambda key: key.alg)
def test_a_mixed_set_verifies_with_the_keys_that_sign(key: JWK) -> None:
    token = jws.sign(b"x", key)
    for keys in (EVERY, list(EVERY), JWKSet([*ENCRYPTING, *SIGNING])):
        assert jws.verify(token, keys).key is key
    assert jwt.verify(jwt.sign({"sub": "u"}, key), EVERY)["sub"] == "u"
    with pytest.raises(ConfigurationError, match="none of these keys"):
        jws.verify(token, JWKSet(ENCRYPTING))
    with pytest.raises(UnknownKey):
        jws.verify(jws.sign(b"x", JWK.generate("HS256", kid="w")), EVERY)  # there is such a key, for something else


@pytest.mark.parametrize("key", ENCRYPTING, ids=lambda key: key.alg)
def test_a_mixed_set_decrypts_with_the_keys_that_decrypt(key: JWK) -> None:
    token = jwe.encrypt(b"x", key, enc="A128GCM")
    for keys in (EVERY, list(EVERY), JWKSet([*ENCRYPTING, *SIGNING])):
        assert jwe.decrypt(token, keys).key is key
    with pytest.raises(ConfigurationError, match="none of these keys"):
        jwe.decrypt(token, JWKSet(SIGNING))
    others = JWKSet([*SIGNING, *(one for one in ENCRYPTING if one is not key)])
    with pytest.raises(UnknownKey):
        jwe.decrypt(token, others)


def test_public_keys_of_a_set_decrypt_nothing() -> None:
    token = jwe.encrypt(b"x", OAEP, enc="A128GCM")
    with pytest.raises(ConfigurationError):
        jwe.decrypt(token, JWKSet([OAEP.public(), AGREE.public()]))
    with pytest.raises(UnknownKey):
        jwe.decrypt(token, JWKSet([OAEP.public(), AGREE]))


def test_one_kid_over_the_types() -> None:
    """RFC 7520 4.8: a symmetric, an RSA, an EC and an OKP key of one name, each bound to its own algorithm."""
    shared = [JWK.generate(alg, kid="k") for alg in ("HS256", "RS256", "ES256", "EdDSA", "ML-DSA-44")]
    keys = JWKSet.from_dict(JWKSet(shared).to_dict(private=True))
    assert len(keys.find(kid="k")) == 5
    for key in shared:
        verified = jws.verify(jws.sign(b"x", key), keys)
        assert (verified.key.alg, verified.key.kty) == (key.alg, key.kty)
    assert [key.kty for key in keys.find(kid="k", alg="EdDSA")] == ["OKP"]
    with pytest.raises(KeyFormatError):
        JWKSet([*shared, JWK.generate("ECDH-ES", kid="k")])  # EC again, though for another task


def test_without_a_kid_exactly_one_key_may_do() -> None:
    """Of the keys for the task and the algorithm; what the others are for does not matter."""
    named = [JWK.generate("A256KW", kid="1"), JWK.generate("A256KW", kid="2"), JWK.generate("A128KW", kid="3")]
    nameless = [JWK.from_dict({k: v for k, v in it.to_dict(private=True).items() if k != "kid"}) for it in named]
    for key in nameless[:2]:
        token = jwe.encrypt(b"x", key, enc="A128GCM")
        with pytest.raises(UnknownKey):
            jwe.decrypt(token, named)
        with pytest.raises(UnknownKey):
            jwe.decrypt(token, nameless)
        assert jwe.decrypt(token, [key, *named[2:], HS, RS]).plaintext == b"x"
    assert jwe.decrypt(jwe.encrypt(b"x", nameless[2], enc="A128GCM"), named).key is named[2]
    with pytest.raises(DecryptionFailed):
        jwe.decrypt(jwe.encrypt(b"x", nameless[0], enc="A128GCM"), [named[1], named[2]])


def test_a_key_without_alg_beside_others() -> None:
    """A set of strangers: nobody guesses an algorithm for it."""
    unbound = JWK.from_dict({name: value for name, value in RS.to_dict().items() if name != "alg"} | {"kid": "u"})
    token = jws.sign(b"x", ES)
    with pytest.raises(ConfigurationError, match="algs"):
        jws.verify(token, JWKSet([ES, unbound]))
    assert jws.verify(token, JWKSet([ES, unbound]), algs=("ES256",)).key is ES
    signing = JWK.from_dict({**RS.to_dict(private=True), "kid": "u"})
    assert jws.verify(jws.sign(b"x", signing), [ES, unbound], algs=("RS256", "HS256")).key is unbound


# ------------------------------------------------------------------------------------------ what a find costs


class Untouchable(tuple[JWK, ...]):
    """Keys that nobody may walk through."""

    __slots__ = ()

    def __iter__(self) -> Iterator[JWK]:
        raise AssertionError("all keys were looked at")


class Counted(dict[Any, Any]):
    """A dict that counts how often it is asked, and refuses to be walked through."""

    asked = 0

    def get(self, name: object, default: Any = None) -> Any:
        self.asked += 1
        return super().get(name, default)

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("all names were looked at")

    items = values = keys = __iter__  # type: ignore[assignment]


@pytest.mark.parametrize("size", [10, 10_000])
def test_a_look_up_by_kid_costs_the_same_in_any_set(size: int) -> None:
    """One look-up in a dict; no key is looked at but those that have the name."""
    keys = JWKSet(
        [JWK.from_secret(bytes(28) + number.to_bytes(4, "big"), alg="HS256", kid=str(number)) for number in range(size)]
    )
    keys._by_kid, keys._keys = Counted(keys._by_kid), Untouchable(keys._keys)
    for number in (0, size // 2, size - 1):
        assert [key.kid for key in keys.find(kid=str(number))] == [str(number)]
        assert keys.find(kid=str(number), alg="HS256", use="sig")
    assert keys.find(kid="none") == ()
    assert keys._by_kid.asked == 7
    with pytest.raises(AssertionError):
        keys.find(alg="HS256")


@pytest.mark.parametrize("size", [10, 2_000])
def test_to_verify_with_a_set_looks_at_one_key_of_it(size: int) -> None:
    """The set is walked through once, for its first token."""
    members = [
        JWK.from_secret(bytes(28) + number.to_bytes(4, "big"), alg="HS256", kid=str(number)) for number in range(size)
    ]
    tokens = [jws.sign(b"x", members[number]) for number in (0, size // 2, size - 1)]
    keys = JWKSet(members)
    assert jws.verify(tokens[0], keys).key is members[0]
    keys._by_kid, keys._keys = Counted(keys._by_kid), Untouchable(keys._keys)
    for token in tokens * 2:
        assert jws.verify(token, keys).payload == b"x"


@pytest.mark.parametrize(
    "more", [{"key_ops": ["deriveKey"]}, {"key_ops": ["sign"]}, {"use": "sig"}, {"alg": "HS256"}, {"alg": "A128CTR"}]
)
def test_a_secret_for_another_task_is_passed_over_when_decrypting(more: dict[str, Any]) -> None:
    key = JWK.generate("A256GCM")
    other = JWK.from_dict({"kty": "oct", "k": key.to_dict(private=True)["k"], "kid": "other", **more})
    token = jwe.encrypt(b"x", key, enc="A256GCM")
    assert jwe.decrypt(token, JWKSet([other, key])).plaintext == b"x"
