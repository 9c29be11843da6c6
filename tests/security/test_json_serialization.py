"""Attacks on JWS in JSON serialization. ATTACKS A07, A08, A11, A14, B04, C01, C02, C04 to C12, E01."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass import jws, jwt
from daypass.errors import (
    InvalidSignature,
    MalformedToken,
    TokenError,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
)
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.key_use import prepared_verifier
from daypass.limits import HEADER_BYTES_MAX, SIGNATURES_MAX, TOKEN_BYTES_MAX
from tests.security import forge
from tests.security.forge import b64u
from tests.security.primitives import allocating_at_most

KEY = JWK.from_secret(forge.SECRET, alg="HS256", kid="k")
OTHER = JWK.from_secret(b"o" * 64, alg="HS512", kid="o")
EVERYONE = (KEY, OTHER)
PLAIN = {"alg": "HS256", "b64": False, "crit": ["b64"]}
Members = dict[str, Any]


def signature(
    protected: Any = None, payload: str = "eA", header: Any = ..., *, secret: bytes = forge.SECRET
) -> Members:
    """Sign whatever it is given, HS256; `...` as protected leaves it out, a str stands there as it is."""
    protected = {"alg": "HS256"} if protected is None else protected
    head = "" if protected is ... else protected if isinstance(protected, str) else b64u(forge.octets(protected))
    members = {} if protected is ... else {"protected": head}
    members |= {} if header is ... else {"header": header}
    return {**members, "signature": b64u(forge.hs256(secret)(f"{head}.{payload}".encode()))}


def flattened(protected: Any = None, payload: str = "eA", header: Any = ...) -> Members:
    return {"payload": payload, **signature(protected, payload, header)}


def general(*signatures: Any, payload: str = "eA") -> Members:
    return {"payload": payload, "signatures": list(signatures)}


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[JWK]:
    """The keys whose primitive was called, in order."""
    calls: list[JWK] = []

    def counting(key: JWK, entry: Any) -> Callable[[bytes], Callable[[bytes, bytes], bool]]:
        def absorb(head: bytes) -> Callable[[bytes, bytes], bool]:
            holds = prepared_verifier(key, entry)(head)
            return lambda body, mac: calls.append(key) or holds(body, mac)

        return absorb

    for room in ("jws_compact", "jws_json", "jwt_verifier"):
        monkeypatch.setattr(f"daypass.jose.{room}.prepared_verifier", counting)
    return calls


def refused(bad: Any, error: type[TokenError], key: Any = KEY, **words: Any) -> None:
    """Hold that a dict and its text are refused with exactly this class, whatever signatures are asked for."""
    texts = [bad] if isinstance(bad, str) else [bad, json.dumps(bad), json.dumps(bad, indent=1)]
    for it in texts:
        for require in ("any", "all"):
            assert forge.outcome(lambda it=it, r=require: jws.verify_json(it, key, require=r, **words)) is error
    for it in texts:  # and nothing in JSON is a compact token
        for verify in (jws.verify, jwt.verify):
            assert forge.outcome(verify, it, KEY) in (MalformedToken, TokenTooLarge)


def test_the_forge_makes_good_tokens(tried: list[JWK]) -> None:
    for good in (flattened(), general(signature()), general(signature(), signature({"alg": "HS256", "kid": "k"}))):
        assert jws.verify_json(good, KEY, require="all").payload == b"x"
        assert jws.verify_json(json.dumps(good), KEY).payload == b"x"
    assert len(tried) == 8


# ---------------------------------------------------------------------------------------------- A: algorithms, keys


@pytest.mark.parametrize("alg", ["HS256", "none", "None", "HS512", "RS256", ""])
def test_A07_alg_in_the_unprotected_header(alg: str, tried: list[JWK]) -> None:
    for protected in (..., {"typ": "x"}):
        for header in ({"alg": alg}, {"alg": alg, "kid": "k"}):
            refused(flattened(protected, header=header), UnsupportedToken)
            refused(general(signature(protected, header=header)), UnsupportedToken, EVERYONE)
            if alg != "HS256":  # and where it is taken, it still does not choose
                for keys in (KEY, JWKSet([KEY])):
                    refused(flattened(protected, header=header), UnsupportedToken, keys, allow_unprotected_alg=True)
    assert tried == []
    assert jws.verify_json(flattened(..., header={"alg": "HS256"}), KEY, allow_unprotected_alg=True).header == {}


def test_A07_an_unprotected_alg_never_overrides_a_protected_one(tried: list[JWK]) -> None:
    """GHSA-jc38-x7x8-2xc8: the unprotected header was merged last."""
    for alg in ("none", "HS256", "HS512", None, 5):
        for words in ({}, {"allow_unprotected_alg": True}):
            refused(flattened(header={"alg": alg}), MalformedToken, **words)
    assert tried == []


@pytest.mark.parametrize("alg", [None, 5, True, ["HS256"], {"HS256": 1}])
@pytest.mark.parametrize("words", [{}, {"allow_unprotected_alg": True}], ids=["", "allowed"])
def test_A07_alg_is_a_string_wherever_it_stands(alg: Any, words: Members) -> None:
    refused(flattened({"alg": alg}), MalformedToken, **words)
    refused(flattened(..., header={"alg": alg}), MalformedToken, **words)
    refused(flattened({"typ": "x"}, header={"kid": "k"}), MalformedToken, **words)


@pytest.mark.parametrize("name", ["kid", "typ", "cty", "jwk", "x5c", "x", ""])
def test_A08_one_name_in_both_headers(name: str, tried: list[JWK]) -> None:
    for other in ("k", "another"):
        bad = signature({"alg": "HS256", name: "k"}, header={name: other})
        refused({"payload": "eA", **bad}, MalformedToken, crit=("x",))
        refused(general(signature(), bad), MalformedToken)  # a good one beside it does not help
    assert tried == []


def embedded() -> list[Members]:
    attacker = JWK.from_secret(b"e" * 32, alg="HS256", kid="k")
    own = JWK.generate("ES256", kid="k")
    return [
        {"jwk": attacker.to_dict(private=True)},
        {"jwk": own.to_dict()},
        {"x5c": ["MIIB"]},
        {"x5u": "https://evil.example/x"},
        {"jku": "https://evil.example/jwks.json"},
        {"x5t": "AAAA", "x5t#S256": "AAAA"},
    ]


@pytest.mark.parametrize("header", embedded(), ids=lambda it: next(iter(it)))
def test_A11_A14_a_key_in_a_header_is_never_used(header: Members, tried: list[JWK]) -> None:
    for kid in ({}, {"kid": "k"}, {"kid": "k2"}):
        places = [({"alg": "HS256", **kid, **header}, ...), ({"alg": "HS256"}, {**kid, **header})]
        for protected, unprotected in places:
            bad = {"payload": "eA", **signature(protected, header=unprotected, secret=b"e" * 32)}
            refused(bad, InvalidSignature)
            refused(bad, UnknownKey if kid == {"kid": "k2"} else InvalidSignature, EVERYONE)
            good = flattened(protected, header=unprotected)
            assert jws.verify_json(good, KEY).key is KEY
    assert set(tried) == {KEY}


# ------------------------------------------------------------------------------------------- B, C: encoding, parsing

SPELLINGS = [
    "eA==",
    "eB",
    "e",
    "eA\n",
    " eA",
    "e A",
    "+/+/",
    "eA\0",
    "\u0435A",
    "eA.",
    "\\u0065A",
    "\ud800",
    5,
    None,
    [],
    {},
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ascii)
def test_B04_base64url_has_one_spelling_in_every_member(spelling: Any, tried: list[JWK]) -> None:
    good = signature()
    for bad in (
        {"payload": spelling, **good},
        {**flattened(), "protected": spelling},
        {**flattened(), "signature": spelling},
    ):
        refused(bad, MalformedToken)
    for name in ("protected", "signature"):
        refused(general(good, {**good, name: spelling}), MalformedToken)
    assert tried == []


def test_C01_no_member_stands_twice(tried: list[JWK]) -> None:
    text = json.dumps(flattened(header={"x": 1}))
    for name in ("payload", "protected", "signature", "unknown"):
        refused(text[:-1] + f', "{name}": "eA", "{name}": "eA"}}', MalformedToken)
    refused(text.replace('"x": 1', '"x": 1, "x": 1'), MalformedToken)
    refused(json.dumps(general(signature())).replace('"signature":', '"signature": "eA", "signature":'), MalformedToken)
    refused(flattened(b64u(b'{"alg":"HS256","alg":"HS256"}')), MalformedToken)
    refused(flattened(b64u(b'{"alg":"none","alg":"HS256"}')), MalformedToken)
    assert tried == []


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000], ids=range(3))
def test_C02_deep_nesting(deep: str) -> None:
    good = json.dumps(flattened())
    for bad in (deep, good[:-1] + f', "x": {deep}}}', good[:-1] + f', "header": {deep}}}', f'{{"signatures": {deep}}}'):
        refused(bad, MalformedToken)
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    own: list[Any] = []
    own.append(own)
    for value in (nested, own):
        assert forge.outcome(jws.verify_json, flattened(header={"x": value}), KEY) is MalformedToken
        assert forge.outcome(jws.verify_json, {"payload": "eA", "signatures": value}, KEY) is MalformedToken
        assert jws.verify_json({**flattened(), "ignored": value}, KEY).payload == b"x"


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), b"x", (1,), {1}, {5: 1}, object(), "\ud800", 10**5000, 1j],
    ids=type,
)
def test_C03_C04_a_header_holds_json_also_in_a_dict(value: Any, tried: list[JWK]) -> None:
    for header in ({"x": value}, {"x": [{"y": value}]}, {"kid": value}, {"alg": value}):
        bad = flattened(... if "alg" in header else None, header=header)
        assert forge.outcome(jws.verify_json, bad, KEY) is MalformedToken
    assert tried == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
def test_C04_json_is_utf8(encoding: str) -> None:
    header = '{"alg":"HS256","x":"\u00e9"}'.encode(encoding)
    refused(flattened(b64u(header)), MalformedToken)
    refused("\ufeff" + json.dumps(flattened()), MalformedToken)
    text = json.dumps(flattened(PLAIN, "\u00e9"), ensure_ascii=False)
    assert jws.verify_json(text, KEY).payload == "\u00e9".encode()
    refused(text.replace("\u00e9", "\ud800"), MalformedToken)
    assert (
        forge.outcome(jws.verify_json, flattened({"alg": "HS256"}, "eA") | {"payload": "\ud800"}, KEY) is MalformedToken
    )
    lone = {"payload": "\udc80", **signature(PLAIN)}
    assert forge.outcome(jws.verify_json, lone, KEY) is MalformedToken


@pytest.mark.parametrize("top", ["", " ", "[]", '"x"', "null", "1", "{", "x", "{}", '{"payload":"eA"}'])
def test_C05_the_top_is_an_object_with_a_signature(top: str) -> None:
    refused(top, MalformedToken)


@pytest.mark.parametrize("bad", [None, 5, b"{}", [], (), True, object(), json.dumps(flattened()).encode()], ids=type)
def test_C05_what_is_neither_text_nor_dict(bad: Any) -> None:
    assert forge.outcome(jws.verify_json, bad, KEY) is MalformedToken


HEADERS = [None, 5, "x", b"x", [], [{}], {}, True, (("alg", "HS256"),)]


@pytest.mark.parametrize("header", HEADERS, ids=repr)
def test_C05_a_header_is_an_object_with_members(header: Any) -> None:
    assert forge.outcome(jws.verify_json, flattened(header=header), KEY) is MalformedToken
    empty = "" if header is None else b64u(json.dumps(header, default=str).encode())
    assert forge.outcome(jws.verify_json, flattened(empty, header={"alg": "HS256"}), KEY) is MalformedToken


# ------------------------------------------------------------------------------------------------------- C06: size


def test_C06_a_thousand_signatures(tried: list[JWK]) -> None:
    for count in (SIGNATURES_MAX + 1, 1000):
        bad = general(*[signature()] * count)
        text = json.dumps(bad)
        refused(bad, TokenTooLarge)
        with allocating_at_most(50_000):
            forge.outcome(jws.verify_json, bad, KEY)
        with allocating_at_most(TOKEN_BYTES_MAX + len(text)):
            forge.outcome(jws.verify_json, text, KEY)
    assert tried == []
    assert (
        len(jws.verify_json(general(*[signature()] * SIGNATURES_MAX), KEY).signatures) == SIGNATURES_MAX == len(tried)
    )


def test_C06_30_megabytes(tried: list[JWK]) -> None:
    huge = "A" * 30_000_000
    good = signature()
    texts = [
        huge,
        json.dumps({**flattened(), "unknown": huge}),
        "{" * 30_000_000,
        "\u00e9" * 1_000_000,
        "\ud800" * 2_000_000,
    ]
    dicts = [
        {"payload": huge, **good},
        {**flattened(), "protected": huge},
        {**flattened(), "signature": huge},
        general(good, {**good, "protected": huge}),
        general(*[{**good, "signature": "A" * 40_000}] * SIGNATURES_MAX),
        {"payload": "\u00e9" * 30_000_000, **signature(PLAIN)},
    ]
    for bad in (*texts, *dicts):
        begun = time.perf_counter()
        short = isinstance(bad, str) and len(bad) <= TOKEN_BYTES_MAX  # in characters alone: it has to be encoded
        with allocating_at_most(2 * TOKEN_BYTES_MAX if short else 100_000):
            assert forge.outcome(jws.verify_json, bad, KEY) is TokenTooLarge
        assert time.perf_counter() - begun < 1
    detached = {"payload": "\u00e9" * (TOKEN_BYTES_MAX - 1000), **signature(PLAIN)}  # short in characters alone
    assert forge.outcome(jws.verify_json, detached, KEY) is TokenTooLarge
    assert tried == []


def test_C06_a_long_header(tried: list[JWK]) -> None:
    for length in (HEADER_BYTES_MAX, 10_000, 700_000):
        long = {"x": "y" * length}
        refused(flattened({"alg": "HS256", **long}), MalformedToken)
        refused(flattened(header=long), MalformedToken)
        refused(general(signature(), signature(header=long)), MalformedToken)
    refused(flattened(header={"kid": "k" * 1025}), MalformedToken)
    assert tried == []


def test_C06_a_missing_protected_header(tried: list[JWK]) -> None:
    """CVE-2024-21664: a nil that was followed."""
    for bad in (signature(...), signature(..., header={"kid": "k"}), {"signature": "eA"}):
        refused({"payload": "eA", **bad}, MalformedToken)
        refused(general(signature(), bad), MalformedToken)
    for bad in ({"protected": signature()["protected"]}, {}, None, 5, "x", [signature()]):
        refused(general(signature(), bad), MalformedToken)
    assert tried == []


def test_C06_no_message_echoes_the_token() -> None:
    for bad in (
        {**flattened({"alg": "SECRETALG"})},
        {**flattened({"alg": "HS256", "kid": "SECRETKID"})},
        {**flattened({"alg": "HS256", "crit": ["SECRETCRIT"], "SECRETCRIT": 1})},
        {**flattened(header={"SECRET": 1, "alg": "SECRET"})},
        {"payload": "SECRET!", **signature()},
        {"SECRET": "SECRET"},
    ):
        with pytest.raises(TokenError) as raised:
            jws.verify_json(bad, [KEY, OTHER])
        for text in (str(raised.value), repr(raised.value), raised.value.hint, raised.value.public_message):
            assert "SECRET" not in text


# ------------------------------------------------------------------------------------------------ C07, C08: crit, b64

CRITS: dict[str, tuple[Any, type[TokenError]]] = {
    "empty": ([], MalformedToken),
    "a string": ("x", MalformedToken),
    "null": (None, MalformedToken),
    "an object": ({"x": 1}, MalformedToken),
    "not strings": ([1], MalformedToken),
    "a list inside": ([["x"]], MalformedToken),
    "twice": (["x", "x"], MalformedToken),
    "registered": (["alg"], MalformedToken),
    "registered by RFC 7516": (["zip"], MalformedToken),
    "crit": (["crit"], MalformedToken),
    "absent": (["y"], MalformedToken),
    "b64, absent": (["b64"], MalformedToken),
    "unprotected": (["z"], MalformedToken),
    "unknown": (["x"], UnsupportedToken),
}


@pytest.mark.parametrize("crit, error", CRITS.values(), ids=CRITS)
def test_C07_crit(crit: Any, error: type[TokenError], tried: list[JWK]) -> None:
    bad = signature({"alg": "HS256", "x": 1, "crit": crit}, header={"z": 1})
    refused({"payload": "eA", **bad}, error)
    if error is MalformedToken:  # even for who understands all of them, and beside a good signature
        refused({"payload": "eA", **bad}, error, crit=("x", "y", "z", "alg", "zip", "crit"))
        refused(general(signature(), bad), error)
    else:
        assert jws.verify_json({"payload": "eA", **bad}, KEY, crit=("x",)).header["x"] == 1
        tried.clear()
    assert tried == []


def test_C07_crit_in_the_unprotected_header(tried: list[JWK]) -> None:
    for header in ({"crit": ["x"], "x": 1}, {"crit": []}, {"crit": None}):
        refused(flattened(header=header), MalformedToken, crit=("x",))
        refused(
            flattened(..., header={"alg": "HS256", **header}), MalformedToken, crit=("x",), allow_unprotected_alg=True
        )
    assert tried == []


B64: list[tuple[Members, Any]] = [
    ({"b64": False}, ...),
    ({"b64": True}, ...),
    ({"b64": "false", "crit": ["b64"]}, ...),
    ({"b64": 0, "crit": ["b64"]}, ...),
    ({"b64": None, "crit": ["b64"]}, ...),
    ({"b64": False, "x": 1, "crit": ["x"]}, ...),
    ({}, {"b64": False}),
    ({}, {"b64": True}),
    ({"crit": ["b64"]}, {"b64": False}),
    ({}, {"b64": False, "crit": ["b64"]}),
]


@pytest.mark.parametrize("protected, header", B64, ids=str)
def test_C08_b64_is_a_protected_critical_boolean(protected: Members, header: Any, tried: list[JWK]) -> None:
    for words in ({}, {"crit": ("b64", "x")}):
        refused(flattened({"alg": "HS256", **protected}, header=header), MalformedToken, **words)
    if header is ...:
        for compact in (forge.token({"alg": "HS256", **protected}), forge.token({"alg": "HS256", **protected}, b"")):
            for verify in (jws.verify, jwt.verify):
                assert forge.outcome(verify, compact, KEY) is MalformedToken
    assert tried == []


def test_C08_a_jwt_is_never_unencoded() -> None:
    """RFC 7797 7."""
    for b64 in (False, True):
        token = forge.token({"alg": "HS256", "typ": "JWT", "b64": b64, "crit": ["b64"]})
        forge.refused(token, UnsupportedToken, KEY, good=forge.token(), as_jws=False)
        with pytest.raises(ValueError, match="b64"):
            jwt.sign({}, KEY, header={"b64": b64, "crit": ["b64"]})
    claims = json.dumps({"exp": int(time.time()) + 600})  # without a dot, so that it may stand in the token as it is
    signed = f"{b64u(forge.octets({**PLAIN, 'typ': 'JWT'}))}.{claims}"
    plain = f"{signed}.{b64u(forge.hs256()(signed.encode()))}"
    assert jws.verify(plain, KEY).payload == claims.encode()
    assert forge.outcome(jwt.verify, plain, KEY) is MalformedToken


def test_C08_mixed_b64(tried: list[JWK]) -> None:
    mixed = general(signature(PLAIN), signature())
    refused(mixed, MalformedToken)
    refused(general(signature({**PLAIN, "b64": True}), signature(PLAIN)), MalformedToken)
    refused(general(signature(PLAIN), signature({"alg": "HS512", "kid": "nobody here knows"})), MalformedToken)
    detached = {"signatures": mixed["signatures"]}
    refused(detached, MalformedToken, payload=b"eA")
    assert tried == []
    both = general(signature({**PLAIN, "b64": True}), signature())  # absent means true
    assert jws.verify_json(both, KEY, require="all").payload == b"x"


def test_C08_detached_means_absent(tried: list[JWK]) -> None:
    for protected in (None, PLAIN):
        whole = flattened(protected)
        for payload in (b"x", b"eA", b""):
            refused(whole, MalformedToken, payload=payload)
            refused({**whole, "payload": ""}, MalformedToken, payload=payload)
        without = {name: value for name, value in whole.items() if name != "payload"}
        refused(without, MalformedToken)
        assert tried == []
        assert jws.verify_json(without, KEY, payload=b"x" if protected is None else b"eA").payload in (b"x", b"eA")
        refused(without, InvalidSignature, payload=b"other")
        tried.clear()


# ------------------------------------------------------------------------------------------ C09 to C12, E01: shapes


def test_C09_a_polyglot_of_compact_and_json() -> None:
    """CVE-2022-39227: in JSON the odd member is ignored and nothing is read from it; a compact verifier refuses all."""
    head, body, mac = forge.token(payload={"sub": "alice"}).split(".")
    forged = b64u(b'{"sub":"admin"}')
    for name in (f"  {head}.{forged}.{mac}", f"{head}.{forged}.", f"{head}.{forged}.{mac}"):
        polyglot = {name: "", "protected": head, "payload": body, "signature": mac}
        for token in (polyglot, json.dumps(polyglot)):
            assert json.loads(jws.verify_json(token, KEY).payload) == {"sub": "alice"}
            for verify in (jws.verify, jwt.verify):
                assert forge.outcome(verify, token, KEY) is MalformedToken
    for compact in (f"{head}.{body}.{mac}", f'"{head}.{body}.{mac}"', f"{head}.{body}.{mac}{{}}"):
        assert forge.outcome(jws.verify_json, compact, KEY) is MalformedToken


def test_C09_a_jwt_is_never_json() -> None:
    for token in (flattened({"alg": "HS256", "typ": "JWT"}, b64u(forge.octets(forge.claims()))), flattened()):
        for it in (token, json.dumps(token)):
            for name, verify in forge.ways(KEY, forge.token()):
                assert forge.outcome(verify, it) is MalformedToken, name


def test_C10_flattened_and_general_at_once(tried: list[JWK]) -> None:
    good = signature()
    for name in ("protected", "signature", "header"):
        for value in (good.get(name, {"kid": "k"}), "", None):
            refused({**general(good), name: value}, MalformedToken)
    refused({**general(good), **good}, MalformedToken)
    assert tried == []


@pytest.mark.parametrize("signatures", [[], None, {}, "x", 5, (), [None], [[]], {"0": {}}], ids=repr)
def test_C10_signatures_is_a_list_of_objects(signatures: Any) -> None:
    bad = {"payload": "eA", "signatures": signatures}
    assert forge.outcome(jws.verify_json, bad, KEY) is MalformedToken
    refused(json.dumps(bad), MalformedToken)
    assert forge.outcome(jws.verify_json, {**bad, **signature()}, KEY) is MalformedToken


def test_C11_the_result_says_who_signed() -> None:
    """CVE-2016-9122: one good signature vouched for a bad one."""
    good, bad = signature({"alg": "HS256", "kid": "k"}), signature({"alg": "HS256", "kid": "k"}, secret=b"e" * 32)
    stranger = signature({"alg": "HS256", "kid": "stranger"}, secret=b"e" * 32)
    for token, held in (
        (general(good, bad), [0]),
        (general(bad, good), [1]),
        (general(stranger, bad, good, good), [2, 3]),
    ):
        verified = jws.verify_json(token, EVERYONE)
        assert [it.index for it in verified.signatures] == held
        assert {it.key for it in verified.signatures} == {KEY}
        with pytest.raises((InvalidSignature, UnknownKey)):
            jws.verify_json(token, EVERYONE, require="all")
    refused(general(bad, bad), InvalidSignature, EVERYONE)
    refused(general(stranger), UnknownKey, EVERYONE)
    assert forge.outcome(jws.verify_json, general(stranger, bad), EVERYONE) is InvalidSignature


def test_C11_all_asks_header_and_key_of_each_before_any_primitive(tried: list[JWK]) -> None:
    good = signature({"alg": "HS256", "kid": "k"})
    for bad, error in (
        (signature({"alg": "HS256", "kid": "stranger"}), UnknownKey),
        (signature({"alg": "RS256", "kid": "k"}), UnsupportedToken),
        (signature({"alg": "HS256", "kid": "k", "crit": ["x"], "x": 1}), UnsupportedToken),
        (signature({"typ": "x"}, header={"alg": "HS256"}), UnsupportedToken),
    ):
        token = general(good, bad)
        assert forge.outcome(lambda t=token: jws.verify_json(t, EVERYONE, require="all")) is error
        assert tried == []
        assert [it.index for it in jws.verify_json(token, EVERYONE).signatures] == [0]
        assert tried == [KEY]
        tried.clear()


def test_C12_nothing_stands_around_a_token() -> None:
    text = json.dumps(flattened())
    for bad in (f"Bearer {text}", f"{text},{text}", f"{text}{text}", f"{text}\0", f"[{text}]", f"{text};", text[1:]):
        refused(bad, MalformedToken)


def test_E01_an_encrypted_token_is_of_another_kind(tried: list[JWK]) -> None:
    """RFC 7516 9: a JWE has a ciphertext, a JWS has none, and what has both is neither."""
    encrypted = {"protected": b64u(b'{"alg":"dir","enc":"A256GCM"}'), "iv": "eA", "ciphertext": "eA", "tag": "eA"}
    for bad in (encrypted, {**flattened(), "ciphertext": "eA"}, {**general(signature()), "ciphertext": None}):
        refused(bad, UnsupportedToken)
        with pytest.raises(UnsupportedToken) as raised:
            jws.verify_json(bad, KEY)
        assert raised.value.kind == "jwe"
    assert tried == []


# --------------------------------------------------------------------------------------------- whatever else arrives

NAMES = st.sampled_from(["payload", "protected", "header", "signature", "signatures", "alg", "kid", "crit", "b64", "x"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=5),
    st.text(max_size=8),
    st.sampled_from(["eA", "eyJhbGciOiJIUzI1NiJ9", "HS256", "none", "\ud800", "b64", float("nan"), 10**400]),
    st.sampled_from(["protected", "signature"]).map(lambda name: signature()[name]),
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=6)),
    max_leaves=12,
)
SHAPES = st.fixed_dictionaries(
    {},
    optional={
        "payload": LEAVES,
        "protected": st.one_of(
            LEAVES, st.dictionaries(NAMES, ANYTHING).map(lambda it: b64u(json.dumps(it, default=str).encode()))
        ),
        "header": ANYTHING,
        "signature": LEAVES,
        "signatures": st.lists(st.one_of(st.just(signature()), ANYTHING), max_size=3),
    },
)


@given(
    token=st.one_of(SHAPES, ANYTHING),
    require=st.sampled_from(["any", "all"]),
    detached=st.booleans(),
    lax=st.booleans(),
)
def test_whatever_arrives_only_a_token_error_leaves(token: Any, require: Any, detached: bool, lax: bool) -> None:
    texts = [token, json.dumps(token, default=str), json.dumps(token, default=str, ensure_ascii=False)]
    for it in texts:
        try:
            verified = jws.verify_json(
                it,
                EVERYONE,
                require=require,
                payload=b"x" if detached else None,
                allow_unprotected_alg=lax,
                crit=("x",),
            )
        except TokenError:
            continue
        assert verified.payload in (b"x", b"eA")
        assert verified.key is KEY
