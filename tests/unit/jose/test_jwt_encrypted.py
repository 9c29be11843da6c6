"""JWT, encrypted and nested: what is asked of keys, headers and claims on both sides."""

import json
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from daypass import jwe, jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import (
    ClaimError,
    ConfigurationError,
    DecryptionFailed,
    Expired,
    InvalidSignature,
    MalformedToken,
    MissingClaim,
    TokenError,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
    WrongAudience,
    WrongIssuer,
)
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import JWT_BYTES_MAX
from tests.security import forge

SYMMETRIC = ["A128GCM", "A192CBC-HS384", "A256KW", "A128GCMKW"]
ASYMMETRIC = ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"]
CLAIMS = {"sub": "u", "data": {"n": [1, None, 1.5, "\u6c34"]}}


@cache
def key_of(alg: str) -> JWK:
    return JWK.generate(alg)


def header_of(token: str) -> dict[str, Any]:
    return json.loads(forge.unb64u(token.partition(".")[0]))


# ------------------------------------------------------------------------------------------------- encrypted


@pytest.mark.parametrize("alg", SYMMETRIC)
def test_claims_go_in_and_come_out(alg: str) -> None:
    key = key_of(alg)
    token = jwt.encrypt(CLAIMS, key, lifetime_s=60)
    for keys in (key, JWKSet([key]), [key, key_of("A256GCMKW")]):
        claims = jwt.decrypt(token, keys)
        assert claims == CLAIMS | {"iat": claims["iat"], "exp": claims["iat"] + 60}
    header = header_of(token)
    assert (header["typ"], header["kid"]) == ("JWT", key.kid)
    assert header["enc"] == (alg if header["alg"] == "dir" else "A256GCM")
    assert jwt.decrypt(token, key) is not jwt.decrypt(token, key)


@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_an_asymmetric_key_needs_a_word(alg: str) -> None:
    """Whoever has the public half can write such a token."""
    key = key_of(alg)
    token = jwt.encrypt(CLAIMS, key.public())
    for keys in (key, JWKSet([key]), [key_of("A256KW"), key]):
        with pytest.raises(ConfigurationError, match="decrypt_then_verify"):
            jwt.decrypt(token, keys)
        assert jwt.decrypt(token, keys, allow_unknown_sender=True)["sub"] == "u"
        with pytest.raises(ConfigurationError):
            jwt.decrypt(token, keys)  # it is not remembered


def test_a_set_for_several_tasks_is_judged_by_what_may_decrypt() -> None:
    box, signing = key_of("A256KW"), key_of("ES256")
    assert jwt.decrypt(jwt.encrypt(CLAIMS, box), JWKSet([box, signing]))["sub"] == "u"
    with pytest.raises(ConfigurationError):
        jwt.decrypt(jwt.encrypt(CLAIMS, box), [signing])


@pytest.mark.parametrize(
    "claims, policy, error",
    [
        ({"exp": 1}, {}, Expired),
        ({"exp": "soon"}, {}, ClaimError),
        ({"aud": "b"}, {}, WrongAudience),
        ({"aud": "b"}, {"audience": "a"}, WrongAudience),
        ({"iss": "b"}, {"issuer": "a"}, WrongIssuer),
        ({}, {"required": ("exp", "jti")}, MissingClaim),
        ({"iat": 1}, {"max_age_s": 5}, ClaimError),
    ],
    ids=str,
)
def test_the_claims_are_held_against_the_policy(
    claims: dict[str, Any], policy: dict[str, Any], error: type[TokenError]
) -> None:
    key, box = key_of("HS256"), key_of("A256KW")
    full = {"iat": int(time.time()), "exp": int(time.time()) + 60} | claims
    plaintext = json.dumps(full).encode()
    encrypted = jwe.encrypt(plaintext, box, enc="A128GCM")
    inner = forge.compact({"alg": "HS256", "kid": key.kid}, plaintext, forge.hs256(key.raw.private))
    nested = jwe.encrypt(inner.encode(), box, enc="A128GCM", header={"cty": "JWT"})
    with pytest.raises(error):
        jwt.decrypt(encrypted, box, policy=ClaimsPolicy(**policy))
    with pytest.raises(error):
        jwt.decrypt_then_verify(nested, box, key, policy=ClaimsPolicy(**policy))


def test_no_exp_is_for_those_who_say_so() -> None:
    box = key_of("A256KW")
    token = jwt.encrypt({"id": 1}, box, lifetime_s=None)
    assert jwt.decrypt(token, box, policy=ClaimsPolicy(required=())) == {"id": 1}
    with pytest.raises(MissingClaim):
        jwt.decrypt(token, box)


def test_the_kind_is_compared() -> None:
    """RFC 8725 3.11: typ, and cty for what is inside."""
    box, key = key_of("A256KW"), key_of("HS256")
    plain, access = jwt.encrypt({}, box), jwt.encrypt({}, box, header={"typ": "at+jwt"})
    policy = ClaimsPolicy(typ="at+jwt")
    assert jwt.decrypt(access, box, policy=policy)
    assert jwt.decrypt(jwe.encrypt(b'{"exp":9999999999}', box, enc="A128GCM"), box)
    for token, words in ((plain, {"policy": policy}), (access, {})):
        with pytest.raises(UnsupportedToken):
            jwt.decrypt(token, box, **words)
    nested = jwt.sign_then_encrypt({}, key, box)
    assert header_of(nested) == {"alg": "A256KW", "enc": "A256GCM", "kid": box.kid, "cty": "JWT"}
    with pytest.raises(UnsupportedToken) as raised:
        jwt.decrypt(nested, box)
    assert raised.value.kind == "nested"
    with pytest.raises(UnsupportedToken):
        jwt.decrypt_then_verify(plain, box, key)
    outer = {"cty": "JWT", "typ": "at+jwt"}
    typed = jwe.encrypt(jwt.sign({}, key).encode(), box, enc="A128GCM", header=outer)
    with pytest.raises(UnsupportedToken):
        jwt.decrypt_then_verify(typed, box, key)


def test_claims_that_the_header_repeats_are_those_of_the_token() -> None:
    """RFC 7519 5.3."""
    box, key = key_of("A256KW"), key_of("HS256")
    header = {"iss": "a", "sub": "u", "aud": ["b"]}
    claims = {"iss": "a", "sub": "u", "aud": ["b"], "exp": 2**33}
    policy = ClaimsPolicy(issuer="a", audience="b")
    assert jwt.decrypt(jwt.encrypt(claims, box, header=header), box, policy=policy) == claims
    with pytest.raises(ConfigurationError):
        jwt.encrypt(claims, box, header={"iss": "c"})
    for wrong in ({"iss": "c"}, {"sub": None}, {"aud": "b"}):
        token = jwe.encrypt(json.dumps(claims).encode(), box, enc="A128GCM", header=wrong)
        with pytest.raises(ClaimError) as raised:
            jwt.decrypt(token, box, policy=policy)
        assert raised.value.reason == "mismatch"
        outer = jwe.encrypt(jwt.sign(claims, key).encode(), box, enc="A128GCM", header={"cty": "JWT", **wrong})
        with pytest.raises(ClaimError):
            jwt.decrypt_then_verify(outer, box, key, policy=policy)


@pytest.mark.parametrize(
    "plaintext",
    [b"", b"null", b"[]", b'{"exp":9999999999', b'{"exp":1,"exp":9999999999}', b"\xff", b'"' * 3, b"[" * 9999],
    ids=range(8),
)
def test_a_plaintext_that_is_no_object_is_malformed(plaintext: bytes) -> None:
    box, key = key_of("A256KW"), key_of("HS256")
    with pytest.raises(MalformedToken):
        jwt.decrypt(jwe.encrypt(plaintext, box, enc="A128GCM"), box)
    outer = jwe.encrypt(plaintext, box, enc="A128GCM", header={"cty": "JWT"})
    with pytest.raises(MalformedToken):
        jwt.decrypt_then_verify(outer, box, key)


def test_the_size_is_bounded_both_ways() -> None:
    box, key = key_of("A256KW"), key_of("HS256")
    much = {"x": "y" * JWT_BYTES_MAX}
    issue: list[Callable[..., str]] = [
        lambda **words: jwt.encrypt(much, box, **words),
        lambda **words: jwt.sign_then_encrypt(much, key, box, **words),
    ]
    read: list[Callable[..., Any]] = [
        lambda it, **words: jwt.decrypt(it, box, **words),
        lambda it, **words: jwt.decrypt_then_verify(it, box, key, **words),
    ]
    for make, take in zip(issue, read, strict=True):
        with pytest.raises(ValueError, match="bytes_max"):
            make()
        token = make(bytes_max=100_000)
        with pytest.raises(TokenTooLarge):
            take(token)
        assert take(token, bytes_max=100_000)["x"] == much["x"]


def test_exceptions_are_named_here_as_well() -> None:
    password = JWK.from_secret(b"correct horse battery staple", alg="PBES2-HS256+A128KW")
    token = jwt.encrypt({}, password, header={"p2c": 1000})
    with pytest.raises(UnsupportedToken):
        jwt.decrypt(token, password)
    assert jwt.decrypt(token, password, allow_pbes2=True)["exp"]
    box = key_of("A256KW")
    zipped = jwt.encrypt({}, box, header={"zip": "DEF"})
    with pytest.raises(UnsupportedToken):
        jwt.decrypt(zipped, box)
    assert jwt.decrypt(zipped, box, allow_zip=True)["exp"]
    rsa = JWK.from_dict({**key_of("RSA-OAEP-256").to_dict(private=True), "alg": "RSA1_5"})
    old = jwt.encrypt({}, rsa)
    with pytest.raises(UnsupportedToken):
        jwt.decrypt(old, rsa, allow_unknown_sender=True)
    assert jwt.decrypt(old, rsa, allow_unknown_sender=True, allow_rsa1_5=True)["exp"]
    with pytest.raises(UnsupportedToken):
        jwt.decrypt(jwt.encrypt({}, box, enc="A128GCM"), box, encs=("A256GCM",))
    anything = JWK.from_dict({"kty": "oct", "k": forge.b64u(bytes(range(16)))})
    assert jwt.decrypt(jwt.encrypt({}, anything, alg="A128KW"), anything, algs=["A128KW"])["exp"]
    with pytest.raises(ConfigurationError):
        jwt.decrypt(zipped, anything)


def test_what_no_reader_takes_is_not_written() -> None:
    box, key = key_of("A256KW"), key_of("HS256")
    for words in (
        {"header": {"cty": "JWT"}},
        {"header": {"cty": "jwt"}},
        {"header": {"alg": "dir"}},
        {"header": {"typ": 5}},
        {"header": {"crit": ["x"], "x": 1}},
        {"header": {"zip": "LZ"}},
        {"enc": "A512GCM"},
        {"alg": "A128KW"},
        {"lifetime_s": 0},
    ):
        with pytest.raises(ValueError, match=r"."):
            jwt.encrypt({}, box, **words)  # type: ignore[arg-type]
    for claims in ({"sub": 5}, {"exp": "x"}, {"aud": []}):
        with pytest.raises(ValueError, match="claim"):
            jwt.encrypt(claims, box)
        with pytest.raises(ValueError, match="claim"):
            jwt.sign_then_encrypt(claims, key, box)
    with pytest.raises(ConfigurationError):
        jwt.encrypt({}, key)
    with pytest.raises(ConfigurationError):
        jwt.sign_then_encrypt({}, box, key)
    with pytest.raises(TypeError):
        jwt.encrypt({}, b"secret" * 8)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------- nested


@pytest.mark.parametrize("signing", ["HS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("boxing", ["A256GCM", "ECDH-ES+A256KW", "RSA-OAEP-256"])
def test_signed_then_encrypted(signing: str, boxing: str) -> None:
    key, box = key_of(signing), key_of(boxing)
    theirs = box if box.kty == "oct" else box.public()
    token = jwt.sign_then_encrypt(CLAIMS, key, theirs, header={"typ": "at+jwt"})
    policy = ClaimsPolicy(typ="at+jwt")
    ours = key if key.kty == "oct" else key.public()
    assert jwt.decrypt_then_verify(token, box, ours, policy=policy)["sub"] == "u"
    assert jwt.decrypt_then_verify(token, JWKSet([box]), JWKSet([ours]), policy=policy)["sub"] == "u"
    inner = jwe.decrypt(token, box)
    assert inner.header["cty"] == "JWT"
    assert json.loads(jws.verify(inner.plaintext.decode(), ours).payload)["sub"] == "u"
    with pytest.raises(UnsupportedToken):
        jwt.decrypt_then_verify(token, box, ours)  # the typ of the inner header is compared


def test_every_layer_must_hold() -> None:
    """RFC 8725 3.3."""
    key, box = key_of("ES256"), key_of("A256KW")
    good = jwt.sign_then_encrypt({}, key, box)
    with pytest.raises(DecryptionFailed):
        jwt.decrypt_then_verify(good, JWK.generate("A256KW"), key)
    with pytest.raises(InvalidSignature):
        jwt.decrypt_then_verify(good, box, JWK.generate("ES256"))
    with pytest.raises(UnknownKey):
        jwt.decrypt_then_verify(good, box, [JWK.generate("ES256")])
    with pytest.raises(UnsupportedToken):
        jwt.decrypt_then_verify(good, box, JWK.generate("EdDSA"))
    for token in (jwt.sign({}, key), jwt.encrypt({}, box), ""):
        with pytest.raises((MalformedToken, UnsupportedToken)):
            jwt.decrypt_then_verify(token, box, key)


def unsecured(claims: dict[str, Any]) -> str:
    head, payload = forge.b64u(b'{"alg":"none"}'), forge.b64u(json.dumps(claims).encode())
    return f"{head}.{payload}."


def test_D09_the_inner_token_satisfies_the_signature_policy() -> None:
    """CVE-2026-29000: a JWE around an unsecured JWT; and loops of cty JWT."""
    key, box = key_of("ES256"), key_of("RSA-OAEP-256")
    claims = {"sub": "admin", "exp": 2**33}

    def boxed(inner: str, **header: Any) -> str:
        return jwe.encrypt(inner.encode(), box.public(), enc="A128GCM", header={"cty": "JWT"} | header)

    assert jwt.decrypt_then_verify(boxed(jwt.sign(claims, key)), box, key) == claims
    for inner, error in (
        (unsecured(claims), UnsupportedToken),
        (unsecured(claims) + "e30", UnsupportedToken),
        (json.dumps(claims), MalformedToken),
        (boxed(jwt.sign(claims, key)), MalformedToken),
        (jws.sign(jwt.sign(claims, key).encode(), key, header={"cty": "JWT"}), UnsupportedToken),
        (f" {jwt.sign(claims, key)}", MalformedToken),
        (json.dumps(jws.sign_json(json.dumps(claims).encode(), key)), MalformedToken),
    ):
        with pytest.raises(error):
            jwt.decrypt_then_verify(boxed(inner), box, key)
    assert jwt.decrypt_then_verify(boxed(jwt.sign(claims, key), cty="application/jwt"), box, key) == claims
    with pytest.raises(UnsupportedToken):
        jwt.decrypt_then_verify(boxed(jwt.sign(claims, key), cty="json"), box, key)


def test_E01_the_kind_of_a_token_is_fixed_by_who_takes_it() -> None:
    """CVE-2022-3102, CVE-2023-51774: an encrypted token where a signed one is expected, and the other way round."""
    key, box = key_of("RS256"), key_of("RSA-OAEP-256")
    same = JWK.from_dict({**key.to_dict(private=True), "alg": "RSA-OAEP-256"})
    forged = jwt.encrypt({"sub": "admin"}, same.public())  # with the public key that verifies
    for act in (
        lambda: jwt.verify(forged, key),
        lambda: jwt.verify(forged, JWKSet([key.public(), box])),
        lambda: jws.verify(forged, key),
        lambda: jwt.decrypt(jwt.sign({}, key), key_of("A256KW")),
        lambda: jwe.decrypt(jwt.sign({}, key), box),
    ):
        with pytest.raises(TokenError) as raised:
            act()
        assert type(raised.value) is MalformedToken
    with pytest.raises(ConfigurationError):
        jwe.decrypt(forged, key)


@pytest.mark.parametrize("keys", [None, b"secret" * 8, "secret", 5, {"kty": "oct"}, iter(())])
def test_what_is_no_key_is_a_mistake_that_says_so(keys: Any) -> None:
    token = jwt.sign({}, key_of("HS256"))
    for act in (
        lambda: jwt.verify(token, keys),
        lambda: jwt.decrypt(token, keys),
        lambda: jwe.decrypt_json({}, keys),
        lambda: jws.verify_json({}, keys),
        lambda: jwt.decrypt_then_verify(token, keys, key_of("HS256")),
        lambda: jwt.decrypt_then_verify(token, key_of("A256KW"), keys),
    ):
        with pytest.raises(TypeError, match="JWKSet") as raised:
            act()
        assert "secretsecret" not in str(raised.value)


def test_a_policy_is_a_policy() -> None:
    for act in (
        lambda: jwt.verify("a.b.c", key_of("HS256"), policy=None),  # type: ignore[call-overload]
        lambda: jwt.decrypt("a.b.c.d.e", key_of("A256KW"), policy={"issuer": "a"}),  # type: ignore[call-overload]
    ):
        with pytest.raises(TypeError, match="ClaimsPolicy"):
            act()


# -------------------------------------------------------------------------------- what the callers have at hand


@pytest.mark.parametrize("enc", [None, "A256GCM"])
def test_a_secret_is_no_key_whichever_words_stand_beside_it(enc: str | None) -> None:
    for make in (jwt.encrypt, lambda claims, key, enc: jwt.sign_then_encrypt(claims, key_of("ES256"), key, enc=enc)):
        with pytest.raises(TypeError, match="one JWK encrypts"):
            make({}, b"0123456789abcdef", enc=enc)


@pytest.mark.parametrize("cty", ["JWT", "jwt", "application/jwt", "APPLICATION/JWT"])
def test_claims_are_not_said_to_be_a_token(cty: str) -> None:
    with pytest.raises(ConfigurationError, match="sign_then_encrypt"):
        jwt.encrypt({}, key_of("A128GCM"), header={"cty": cty})


class Changing(Sequence[Any]):
    """A collection of somebody's own: its hash stays, what it holds does not."""

    def __init__(self, *members: Any) -> None:
        self.members = list(members)

    def __getitem__(self, at: Any) -> Any:
        return self.members[at]

    def __len__(self) -> int:
        return len(self.members)


def test_a_key_that_was_taken_out_of_a_changing_sequence_verifies_no_longer() -> None:
    box, leaked, fresh = key_of("A128GCM"), JWK.generate("ES256"), JWK.generate("ES256")
    trusted = Changing(leaked)
    token = jwt.sign_then_encrypt({"sub": "u"}, leaked, box)
    assert jwt.decrypt_then_verify(token, box, trusted)["sub"] == "u"
    trusted.members[:] = [fresh]
    with pytest.raises(UnknownKey):
        jwt.decrypt_then_verify(token, box, trusted)


def test_an_algorithm_that_was_taken_out_of_a_changing_collection_is_refused() -> None:
    signer, box = key_of("HS256"), key_of("A128GCM")
    algs, encs = Changing("HS256"), Changing("A128GCM")
    signed, sealed, opaque = jwt.sign({}, signer), jwt.encrypt({}, box), jwe.encrypt(b"", box, enc="A128GCM")
    tries: list[Callable[[], object]] = [
        lambda: jwt.verify(signed, signer, algs=algs),
        lambda: jws.verify(signed, signer, algs=algs),
        lambda: jwt.decrypt(sealed, box, encs=encs),
        lambda: jwe.decrypt(opaque, box, encs=encs),
    ]
    for verify in tries:
        verify()
    algs.members[:], encs.members[:] = ["HS384"], ["A256GCM"]
    for verify in tries:
        with pytest.raises(UnsupportedToken):
            verify()
