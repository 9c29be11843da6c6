"""jws and jwt: what they write, what they give back, and which mistakes of the caller they name."""

import json
import math
import time
from typing import Any

import msgspec
import pytest

from daypass import jws, jwt
from daypass.claims import ClaimsPolicy, typ_equals
from daypass.errors import ClaimError, Expired, InvalidSignature, UnsupportedToken
from daypass.jose.header import parse_header
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from tests.security import forge

KEY = JWK.from_secret(forge.SECRET, alg="HS256", kid="k")
NAMELESS = JWK.from_secret(forge.SECRET, alg="HS256")


def header_of(token: str) -> dict[str, Any]:
    return json.loads(forge.unb64u(token.partition(".")[0]))


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)), bytearray(b"x"), memoryview(b"x")], ids=range(5))
def test_any_bytes_are_signed(payload: Any) -> None:
    verified = jws.verify(jws.sign(payload, KEY), KEY)
    assert (verified.payload, verified.header, verified.key) == (bytes(payload), {"alg": "HS256", "kid": "k"}, KEY)
    detached = jws.sign(payload, KEY, detached=True)
    assert detached.split(".")[1] == ""
    assert jws.verify(detached, KEY, payload=payload).payload == bytes(payload)
    with pytest.raises(AttributeError):
        verified.payload = b"other"  # type: ignore[misc]


def test_a_compact_token_has_one_signature_and_protects_all_it_says() -> None:
    verified = jws.verify(jws.sign(b"x", KEY, header={"x": 1}), [KEY])
    assert verified.unprotected == {}
    (only,) = verified.signatures
    assert (only.index, only.header, only.unprotected, only.key) == (0, verified.header, {}, KEY)


@pytest.mark.parametrize("payload", ["text", None, 5, {"sub": "u"}, [1]], ids=repr)
def test_a_payload_is_bytes(payload: Any) -> None:
    with pytest.raises(TypeError, match="takes claims"):
        jws.sign(payload, KEY)


def test_what_a_header_may_add() -> None:
    token = jws.sign(b"x", KEY, header={"typ": "x", "cty": "text/plain", "url": ["a"], "kid": "k", "alg": "HS256"})
    assert header_of(token) == {"alg": "HS256", "typ": "x", "cty": "text/plain", "url": ["a"], "kid": "k"}
    assert header_of(jws.sign(b"x", NAMELESS, header={"kid": "mine"})) == {"alg": "HS256", "kid": "mine"}
    for header in ({"alg": "none"}, {"alg": "HS512"}, {"kid": "other"}, {"kid": None}, {"typ": 5}, {"crit": ["x"]}):
        with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
            jws.sign(b"x", KEY, header=header)


def test_a_jwt_has_a_lifetime() -> None:
    now_s = int(time.time())
    claims = jwt.verify(jwt.sign({"id": 7}, KEY, lifetime_s=600), KEY)
    assert claims["id"] == 7
    assert claims["exp"] - claims["iat"] == 600
    assert 0 <= claims["iat"] - now_s <= 2
    assert jwt.verify(jwt.sign({"iat": 5}, KEY), KEY)["iat"] == 5
    own = jwt.verify(jwt.sign({"exp": now_s + 5}, KEY, lifetime_s=600), KEY)
    assert own == {"exp": now_s + 5}
    assert header_of(jwt.sign({}, KEY)) == {"alg": "HS256", "typ": "JWT", "kid": "k"}
    short = jwt.sign({}, KEY, lifetime_s=0.5)
    assert jwt.verify(short, KEY)
    none = jwt.sign({"id": 1}, KEY, lifetime_s=None)
    assert jwt.verify(none, KEY, policy=ClaimsPolicy(required=())) == {"id": 1}


@pytest.mark.parametrize("lifetime_s", [0, -1, math.inf, math.nan, 1e300, "600", True, [600]], ids=repr)
def test_a_lifetime_is_a_positive_number(lifetime_s: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        jwt.sign({}, KEY, lifetime_s=lifetime_s)


@pytest.mark.parametrize("key", [None, "secret", forge.SECRET, 5, {"kty": "oct"}], ids=repr)
def test_what_is_no_key_is_a_mistake(key: Any) -> None:
    for act in (
        lambda: jwt.sign({}, key),
        lambda: jws.sign(b"", key),
        lambda: jwt.verify(forge.token(), key),
        lambda: jws.verify(forge.token(), key),
    ):
        with pytest.raises((TypeError, ValueError)):
            act()


def test_a_set_does_not_sign() -> None:
    for act in (lambda: jwt.sign({}, JWKSet([KEY])), lambda: jws.sign(b"", JWKSet([KEY]))):  # type: ignore[arg-type]
        with pytest.raises((TypeError, ValueError)):
            act()


def test_keys_may_be_a_sequence_and_algs_any_collection() -> None:
    token = jwt.sign({"sub": "u"}, KEY)
    for keys in (KEY, JWKSet([KEY]), [KEY], (KEY,)):
        for algs in (None, ("HS256",), ["HS256", "RS256"], {"HS256"}, frozenset(["HS256"]), {"HS256": 1}.keys()):
            assert jwt.verify(token, keys, algs=algs)["sub"] == "u"
            assert jws.verify(token, keys, algs=algs).key is KEY


class Named(msgspec.Struct):
    sub: str


def test_typed_claims() -> None:
    assert jwt.verify(jwt.sign({"sub": "u"}, KEY), KEY, claims_type=Named).sub == "u"
    with pytest.raises(ClaimError) as raised:
        jwt.verify(jwt.sign({"id": 5}, KEY), KEY, claims_type=Named)
    assert "Named" in raised.value.hint
    with pytest.raises(Expired):  # the type comes last
        jwt.verify(jwt.sign({"exp": 1}, KEY), KEY, claims_type=Named)


def test_a_key_by_its_own_name_is_not_asked_for_its_kid() -> None:
    """The caller named the key; in a set the kid selects."""
    token = jwt.sign({}, JWK.from_secret(forge.SECRET, alg="HS256", kid="other"))
    assert jwt.verify(token, KEY)
    assert jwt.verify(token, NAMELESS)


def test_the_readme_says_so() -> None:
    key = JWK.generate("HS256")
    token = jwt.sign({"user": "alice"}, key, lifetime_s=600)
    head, body, mac = token.split(".")
    touched = forge.unb64u(body).replace(b"alice", b"administrator")
    with pytest.raises(InvalidSignature):
        jwt.verify(f"{head}.{forge.b64u(touched)}.{mac}", key)


def test_policies_of_one_key_do_not_meet() -> None:
    token = jwt.sign({"iss": "i", "aud": "a"}, KEY)
    good = ClaimsPolicy(issuer="i", audience="a")
    for _ in range(2):
        assert jwt.verify(token, KEY, policy=good)
        for policy in (ClaimsPolicy(), ClaimsPolicy(issuer="x", audience="a"), ClaimsPolicy(issuer="i", audience="x")):
            with pytest.raises(ClaimError):
                jwt.verify(token, KEY, policy=policy)
        with pytest.raises(UnsupportedToken):
            jwt.verify(token, KEY, policy=ClaimsPolicy(issuer="i", audience="a", typ="at+jwt"))
        with pytest.raises(UnsupportedToken):
            jwt.verify(token, KEY, policy=good, algs=("HS512",))


def test_a_header_is_a_frozen_value() -> None:
    header = parse_header(forge.b64u(b'{"alg":"HS256","kid":"k","x":1}').encode())
    assert (header.alg, header.kid, header.typ, header.cty) == ("HS256", "k", None, None)
    assert header.members == {"alg": "HS256", "kid": "k", "x": 1}
    with pytest.raises(AttributeError):
        header.alg = "none"  # type: ignore[misc]


@pytest.mark.parametrize(
    "actual, expected, equal",
    [
        ("JWT", "jwt", True),
        ("application/at+jwt", "AT+JWT", True),
        ("at+jwt", "application/at+jwt", True),
        ("text/at+jwt", "at+jwt", False),
        ("at+jwt ", "at+jwt", False),
        ("", "JWT", False),
        (None, "JWT", False),
        ("application/application/jwt", "jwt", False),
        ("J\u212aT", "JKT", False),
    ],
)
def test_media_types(actual: str | None, expected: str, equal: bool) -> None:
    """RFC 7515 4.1.9."""
    assert typ_equals(actual, expected) is equal


class _Twin(str):
    """A name that equals nothing but itself, so that two of one spelling stand in one dict."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def test_no_member_is_written_twice_whatever_was_issued_before() -> None:
    jwt.sign({"data": {"a": 1}}, NAMELESS)  # the name and its kind are known from now on
    with pytest.raises(TypeError, match="exactly"):
        jwt.sign({"data": {_Twin("a"): 1, _Twin("a"): 2}}, NAMELESS)


@pytest.mark.parametrize("aud", ["", [], 5, {}])
def test_an_audience_that_nobody_can_name_is_not_issued(aud: object) -> None:
    jwt.sign({"aud": "a"}, NAMELESS)
    with pytest.raises(ValueError, match="aud"):
        jwt.sign({"aud": aud}, NAMELESS)


def test_the_same_claims_are_the_same_octets_whatever_was_issued_before() -> None:
    claims = {"exp": 2**31, "b": 1, "a": [1]}
    first = jwt.sign(claims, NAMELESS)
    jwt.sign({"a": 1, "b": 2}, NAMELESS)
    assert jwt.sign(claims, NAMELESS) == first == jwt.sign(dict(claims), NAMELESS)
