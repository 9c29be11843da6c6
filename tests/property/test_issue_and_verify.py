"""What is issued verifies, as it was; what a verifier would refuse is not issued."""

import datetime
import decimal
import enum
import json
import types
from collections import OrderedDict, UserDict, defaultdict
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass import jws, jwt
from daypass.claims import ClaimsPolicy, encode_claims
from daypass.errors import NotYetValid, TokenError, WrongAudience
from daypass.jose.jwk import JWK
from daypass.jose.jwt_verifier import compile_verifier
from daypass.jose.key_choice import KeyChoice
from daypass.limits import NUMERIC_DATE_MAX
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.property.test_any_token import HEADERS
from tests.property.test_json_objects import JSON
from tests.security import forge

KEY = JWK.from_secret(forge.SECRET, alg="HS256")
LATER = ClaimsPolicy(required=())
AUDIENCES = ("", "a", "b")
REGISTERED = st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "jti"])
DATES = st.integers(-(2**70), 2**70) | st.integers(-10, 2 * 10**9) | st.floats()
LIKELY = DATES | st.sampled_from(["", "a", "b"]) | st.lists(st.sampled_from(["a", "b", "", 5, None]), max_size=3) | JSON
CLAIMS = st.dictionaries(REGISTERED | st.text(max_size=3), LIKELY, max_size=7)


def signed(claims: Any) -> str | None:
    """Sign without adding anything; None where that was refused as a mistake of the caller."""
    try:
        return jwt.sign(claims, KEY, lifetime_s=None)
    except (TypeError, ValueError):
        return None


def refusal(token: str) -> tuple[str, str]:
    """Why a token is refused by whoever asks for nothing but its good form; ("", "") where it is not."""
    verify = compile_verifier(KeyChoice(KEY), LATER, clock=lambda: 0.0)
    named = compile_verifier(KeyChoice(KEY), ClaimsPolicy(required=(), audience=AUDIENCES[1:]), clock=lambda: 0.0)
    try:
        verify(token)
    except WrongAudience:
        try:
            named(token)
        except TokenError as raised:
            return type(raised).__name__, getattr(raised, "reason", "")
    except TokenError as raised:
        return type(raised).__name__, getattr(raised, "reason", "")
    return "", ""


@given(CLAIMS)
@settings(max_examples=600)
@example({"exp": True})
@example({"aud": []})
@example({"exp": NUMERIC_DATE_MAX})
@example({"exp": -NUMERIC_DATE_MAX})
@example({"nbf": 1e300})
@example({"x": float("nan")})
def test_claims_are_issued_exactly_where_a_verifier_reads_them(claims: dict[str, Any]) -> None:
    token = signed(claims)
    if token is not None:
        assert json.loads(forge.unb64u(token.split(".")[1])) == claims
        assert refusal(token) in (
            ("", ""),
            ("Expired", "expired"),
            ("NotYetValid", "not_yet_valid"),
            ("WrongAudience", "mismatch"),
        )
        return
    peer = json.dumps(claims).encode()  # a peer that writes whatever it is given
    assert refusal(forge.token({"alg": "HS256"}, peer)) in (
        ("MalformedToken", ""),
        ("ClaimError", "type"),
        ("WrongAudience", "mismatch"),  # an empty list: it names nobody
    )


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=6), st.integers(1, 10**9))
def test_what_is_signed_is_verified_as_it_was(claims: dict[str, Any], lifetime_s: int) -> None:
    claims = {
        name: value for name, value in claims.items() if name not in ("iss", "aud", "sub", "exp", "nbf", "iat", "jti")
    }
    before = repr(claims)
    verified = jwt.verify(jwt.sign(claims, KEY, lifetime_s=lifetime_s), KEY)
    assert verified.pop("exp") - verified.pop("iat") == lifetime_s
    assert repr(verified) == repr(claims) or verified == claims
    assert repr({name: verified[name] for name in claims}) == before == repr(claims)


class Word(str):
    __slots__ = ()


class Colour(enum.StrEnum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


NAIVE = datetime.datetime(2030, 1, 1)  # noqa: DTZ001 - the point
LOOP: list[Any] = []
LOOP.append(LOOP)
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
STRANGE = {
    "nan": float("nan"),
    "inf": float("inf"),
    "tuple": (1, 2),
    "empty tuple": (),
    "set": {1},
    "frozenset": frozenset([1]),
    "bytes": b"x",
    "bytearray": bytearray(b"x"),
    "datetime": NAIVE,
    "date": NAIVE.date(),
    "timedelta": datetime.timedelta(1),
    "decimal": decimal.Decimal("1.5"),
    "whole decimal": decimal.Decimal(1),
    "complex": 1j,
    "object": object(),
    "class": int,
    "int names": {1: 2},
    "mixed names": {1: 2, "1": 3},
    "None names": {None: 1},
    "bool names": {True: 1},
    "surrogate": "\ud800",
    "surrogate name": {"\ud800": 1},
    "huge int": 10**5000,
    "in itself": LOOP,
    "deep": DEEP,
    "policy": LATER,
    "word": Word("w"),
    "range": range(3),
    "generator": (n for n in ()),
}


@pytest.mark.parametrize("place", ["value", "list", "dict", "deep", "known"])
@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_what_json_cannot_say_is_a_mistake_of_the_caller(value: Any, place: str) -> None:
    """Wherever it stands, also in a claim that was issued before with something else in it."""
    wrapped = {"list": [value], "dict": {"x": value}, "deep": {"x": [{"y": [value]}]}}.get(place, value)
    if place == "known":
        for usual in (1, "x", [1], {"a": 1}, 1.5):
            assert jwt.sign({"name": usual}, KEY)
    with pytest.raises((TypeError, ValueError)):
        jwt.sign({"name": wrapped}, KEY)
    with pytest.raises((TypeError, ValueError)):
        Issuer(KEY, issuer="i", audience="a").issue({"name": wrapped})
    with pytest.raises((TypeError, ValueError)):
        jws.sign(b"", KEY, header={"name": wrapped})


@pytest.mark.parametrize("name", [1, None, True, b"x", ("a",), 1.5, "\ud800"], ids=repr)
def test_a_name_is_text(name: Any) -> None:
    for claims in ({name: 1}, {"a": 1, name: 1}, {"x": {name: 1}}):
        with pytest.raises((TypeError, ValueError)):
            jwt.sign(claims, KEY)


@pytest.mark.parametrize("claims", [None, "x", b"x", 5, [], [("a", 1)], {1}], ids=repr)
def test_claims_are_a_dict(claims: Any) -> None:
    for sign in (
        lambda: jwt.sign(claims, KEY),
        lambda: jwt.sign(claims, KEY, lifetime_s=None),
        lambda: Issuer(KEY, issuer="i", audience="a").issue(claims),
    ):
        with pytest.raises((TypeError, ValueError)):
            sign()


@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict, types.MappingProxyType, lambda it: defaultdict(int, it)])
def test_any_mapping_is_a_dict(kind: Any) -> None:
    claims = kind({"sub": "u1", "x": kind({"a": 1}), "exp": 2_000_000_000})
    verified = jwt.verify(jwt.sign(claims, KEY), KEY)
    assert verified == {"sub": "u1", "x": {"a": 1}, "exp": 2_000_000_000}
    del verified["exp"]
    issued = Issuer(KEY, issuer="i", audience="a").issue(kind(verified))
    assert Verifier(KEY, issuer="i", audience="a").verify(issued).items() >= verified.items()


@pytest.mark.parametrize("value", [Colour.RED, Number.ONE], ids=repr)
def test_a_value_that_equals_its_json_is_read_as_that(value: Any) -> None:
    claims = jwt.verify(jwt.sign({"x": value, "y": [value], "z": {"a": value}}, KEY), KEY)
    assert (claims["x"], claims["y"], claims["z"]) == (value, [value], {"a": value})


@given(st.lists(CLAIMS, max_size=4))
@settings(max_examples=150)
def test_what_was_issued_before_changes_nothing(history: list[dict[str, Any]]) -> None:
    """The encoder learns the names of what it issues; with whatever it learnt, it decides and says the same."""

    def encoded(claims: dict[str, Any]) -> list[tuple[str, str]] | None:
        try:
            return sorted((name, repr(value)) for name, value in json.loads(encode_claims(claims)).items())
        except (TypeError, ValueError):
            return None

    first = [encoded(claims) for claims in history]
    assert [encoded(claims) for claims in reversed(history)] == first[::-1]


@given(HEADERS)
@settings(max_examples=250)
def test_a_header_is_written_exactly_where_a_verifier_takes_it(header: dict[str, Any]) -> None:
    crit = header.get("crit")
    understood = [name for name in crit if isinstance(name, str)] if isinstance(crit, list) else []
    try:
        token = jws.sign(b"x", KEY, header=header)
    except (TypeError, ValueError):
        with pytest.raises(TokenError):
            jws.verify(forge.token({"alg": "HS256", **header}, b"x"), KEY, crit=understood)
    else:
        assert jws.verify(token, KEY, crit=understood).header == {"alg": "HS256", **header}


@given(HEADERS)
@settings(max_examples=250)
def test_a_jwt_header_is_written_exactly_where_a_verifier_takes_it(header: dict[str, Any]) -> None:
    typ = header.get("typ")
    policy = ClaimsPolicy(typ=typ if isinstance(typ, str) and typ else None)
    try:
        token = jwt.sign({}, KEY, header=header)
    except (TypeError, ValueError):
        with pytest.raises(TokenError):
            jwt.verify(
                forge.token({"alg": "HS256", "typ": "JWT", **header}, {"exp": 2_000_000_000}), KEY, policy=policy
            )
    else:
        assert jwt.verify(token, KEY, policy=policy)


NAME = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable())


@given(
    st.dictionaries(st.text(max_size=4) | st.sampled_from(["sub", "jti", "nbf"]), LIKELY, max_size=5),
    NAME,
    NAME,
    st.floats(2, 2.5e11, allow_subnormal=False),
    st.integers(1, 10**6),
    st.sampled_from(["at+jwt", "JWT", "logout+jwt", "x"]),
)
@settings(max_examples=250)
def test_what_an_issuer_issues_its_verifier_verifies(
    claims: dict[str, Any], issuer: str, audience: str, now_s: float, lifetime_s: int, typ: str
) -> None:
    words = {"issuer": issuer, "audience": audience, "typ": typ}
    issue = Issuer(KEY, **words, lifetime_s=lifetime_s, clock=lambda: now_s).issue
    verifiers = [Verifier(KEY, **words, cache_entries=n, clock=lambda: now_s) for n in (0, 2)]
    try:
        token = issue(claims)
    except (TypeError, ValueError):
        assert {"iss", "aud", "iat", "exp"} & claims.keys() or signed(claims) is None
        return
    for verify in [verifier.verify for verifier in verifiers for _ in range(2)]:
        try:
            verified = verify(token)
        except NotYetValid:
            assert claims["nbf"] > now_s
            continue
        assert verified.items() >= claims.items()
        assert verified.keys() - claims.keys() == {"iss", "aud", "iat", "exp"} | (
            {"jti"} - claims.keys() if typ == "at+jwt" else set()
        )
        assert (verified["iss"], verified["aud"]) == (issuer, audience)
        assert (verified["iat"], verified["exp"]) == (int(now_s), int(now_s) + lifetime_s)
