"""Whatever arrives as a token, or as a key, leaves as a value or as the error that says so: nothing else gets out."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass import jws, jwt
from daypass.errors import ConfigurationError, KeyFormatError, TokenError, WeakKey
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.tokens.verifier import Verifier
from tests.property.test_json_objects import JSON
from tests.security import forge
from tests.security.forge import AUDIENCE, ISSUER, POLICY, b64u

KEY = JWK.from_secret(forge.SECRET, alg="HS256")
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "iat": 1, "exp": 2_000_000_000, "jti": "j1", "n": [1, {"a": 2}]}
HEADER = {"alg": "HS256", "typ": "JWT"}
GOOD = forge.token(HEADER, CLAIMS)
KEYS = [KEY, JWKSet([JWK.from_secret(forge.SECRET, alg="HS256", kid="k"), forge.jwk("RS256")])]
WAYS = [verify for key in KEYS for _, verify in forge.ways(key, GOOD)]


def accepted(token: Any) -> list[object]:
    """Verify in every way; what is no TokenError fails the test."""
    values = []
    for verify in WAYS:
        try:
            values.append(verify(token))
        except TokenError:
            continue
    return values


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.lists(st.text()) | st.builds(object)
DOTTED = st.lists(st.text(max_size=12) | st.binary(max_size=12).map(b64u), max_size=5).map(".".join)


@given(st.text() | DOTTED | ODD)
@settings(max_examples=1000)
@example("\ud800.\ud800.\ud800")
@example("." * 20_000)
def test_arbitrary_input(token: Any) -> None:
    assert accepted(token) == []


def everything_signed() -> dict[str, tuple[str, JWK]]:
    found = {"HS256": (GOOD, KEY)}
    for alg in ("ES256", "EdDSA", "RS256"):
        key = JWK.generate(alg)
        found[alg] = (jwt.sign({**CLAIMS, "n": 1}, key), key)
    return found


SIGNED = everything_signed()


@pytest.mark.parametrize("alg", SIGNED)
def test_one_bit_anywhere(alg: str) -> None:
    """Every bit of every character: a token has no spare ones."""
    token, key = SIGNED[alg]
    ways = [verify for _, verify in forge.ways(key, token)]
    bits = range(7) if alg == "HS256" else (0, 3)
    for at in range(len(token)):
        for bit in bits:
            flipped = f"{token[:at]}{chr(ord(token[at]) ^ 1 << bit)}{token[at + 1 :]}"
            for verify in ways if alg == "HS256" else ways[-1:]:
                with pytest.raises(TokenError):
                    verify(flipped)


def spliced(it: tuple[int, int, str]) -> str:
    begin, end = sorted((it[0] % (len(GOOD) + 1), it[1] % (len(GOOD) + 1)))
    return GOOD[:begin] + it[2] + GOOD[end:]


OTHER = forge.token({**HEADER, "kid": "k"}, {**CLAIMS, "sub": "u2"})
SEGMENTS = st.lists(st.sampled_from([*GOOD.split("."), *OTHER.split("."), "", "e30", "AAAA"]), max_size=5)


@given(
    st.tuples(st.integers(0), st.integers(0), st.text('AZaz09-_=.+/ {"', max_size=3) | st.text(max_size=3)).map(spliced)
    | SEGMENTS.map(".".join)
)
@settings(max_examples=1000)
def test_mutations_of_good_tokens(token: str) -> None:
    if token not in (GOOD, OTHER):
        assert accepted(token) == []


NAMES = st.sampled_from(
    ["alg", "kid", "typ", "cty", "crit", "b64", "jwk", "jku", "x5c", "x5u", "zip", "enc", "p2c", "x"]
)
LIKELY = st.sampled_from(
    ["HS256", "none", "JWT", "jwt", "application/jwt", "at+jwt", "k", "", ["x"], ["b64"], [], False]
)
HEADERS = st.dictionaries(NAMES | st.text(max_size=4), LIKELY | JSON, max_size=5)


def may_stand(header: dict[str, Any]) -> bool:
    """What a header may say to a verifier of plain JWTs that has one HS256 key."""
    kid, typ, cty = (header.get(name, "JWT" if name == "typ" else "") for name in ("kid", "typ", "cty"))
    return (
        header.get("alg") == "HS256"
        and all(isinstance(text, str) for text in (kid, typ, cty))
        and typ.lower() in ("jwt", "application/jwt")
        and cty.lower() not in ("jwt", "application/jwt")
        and "crit" not in header
        and "b64" not in header
    )


@given(HEADERS, st.booleans())
@settings(max_examples=600)
def test_any_header_under_the_right_key(header: dict[str, Any], likely: bool) -> None:
    """It is accepted where it says what it may, and refused as a token everywhere else."""
    header = {**HEADER, **header} if likely else header
    token = forge.token(header, CLAIMS)
    assert all(value in (CLAIMS, forge.octets(CLAIMS)) or value.payload for value in accepted(token))
    try:
        jwt.verify(token, KEY, policy=POLICY)
        passed = True
    except TokenError:
        passed = False
    assert passed == (may_stand(header) and "typ" in header)


REGISTERED = st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "jti"])
PAYLOADS = st.dictionaries(REGISTERED | st.text(max_size=3), JSON, max_size=6)


@given(
    st.binary(max_size=60)
    | PAYLOADS
    | PAYLOADS.map(lambda more: {**CLAIMS, **more})
    | JSON.map(json.dumps).map(str.encode)
)
@settings(max_examples=600)
def test_any_payload_under_the_right_key(payload: Any) -> None:
    raw = forge.octets(payload)
    for value in accepted(forge.token(HEADER, raw)):
        if isinstance(value, dict):
            assert repr(value) == repr(json.loads(raw))
        else:
            assert value.payload == raw


def load(loader: Any, *args: Any, **words: Any) -> JWK | JWKSet | None:
    try:
        return loader(*args, **words)
    except (KeyFormatError, WeakKey, ConfigurationError):
        return None


MEMBERS = st.dictionaries(
    st.sampled_from(["kty", "k", "crv", "x", "y", "d", "n", "e", "p", "q", "alg", "use", "kid", "key_ops", "oth"]),
    st.sampled_from(["oct", "RSA", "EC", "OKP", "P-256", "Ed25519", "Ed448", "X25519", "sig", "HS256", "EdDSA", "AQAB"])
    | st.binary(max_size=60).map(b64u)
    | JSON,
    max_size=8,
)
REAL = [JWK.generate(alg).to_dict(private=True) for alg in ("HS256", "RS256", "ES256", "ES512", "EdDSA", "Ed448")]


@given(MEMBERS | st.tuples(st.sampled_from(REAL), MEMBERS).map(lambda it: {**it[0], **it[1]}))
@settings(max_examples=300)
def test_any_jwk(members: dict[str, Any]) -> None:
    key = load(JWK.from_dict, members)
    if key is not None:
        assert repr(load(JWK.from_dict, key.to_dict(private=key.is_private))) == repr(key)
    load(JWK.from_json, json.dumps(members))
    load(JWKSet.from_dict, {"keys": [members]})
    for alg in ("HS256", "ES256", "ML-DSA-44", ""):
        load(JWK.from_dict, members, alg=alg)


@given(st.binary(max_size=100) | st.text(max_size=60))
def test_any_text_as_a_key(data: bytes | str) -> None:
    load(JWK.from_json, data)
    load(JWKSet.from_json, data)
    load(JWK.from_pem, data, alg="RS256")
    for label in ("PUBLIC KEY", "PRIVATE KEY", "RSA PUBLIC KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        body = data if isinstance(data, str) else b64u(data)
        load(JWK.from_pem, f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n", alg="ES256")
    if isinstance(data, bytes):
        load(JWK.from_secret, data, alg="HS256")


PEMS = [JWK.from_dict(members).to_pem(private=private) for members in REAL[1:] for private in (True, False)]


@given(st.sampled_from(PEMS), st.integers(0), st.binary(max_size=3), st.integers(0, 3))
@settings(max_examples=200)
def test_a_touched_pem(pem: bytes, at: int, inserted: bytes, removed: int) -> None:
    at %= len(pem)
    for alg in ("RS256", "ES256", "EdDSA"):
        load(JWK.from_pem, pem[:at] + inserted + pem[at + removed :], alg=alg)


def test_a_key_of_a_stranger_does_not_break_a_verifier() -> None:
    """A set of a stranger with keys that cannot be used still verifies with the one that can."""
    others = [{"kty": "AKP"}, {"kty": "EC"}, {}, {"kty": "OKP", "crv": "Ed25519", "x": b64u(bytes(32))}]
    keys = JWKSet.from_dict({"keys": [*others, {**KEY.to_dict(private=True), "kid": "k"}]})
    assert len(keys) == 1
    assert Verifier(keys, issuer=ISSUER, audience=AUDIENCE, typ="JWT").verify(OTHER)["sub"] == "u2"
    assert jws.verify(OTHER, keys).key.kid == "k"
