"""The straight road and the complete one, and the cache before both, agree on every token."""

import copy
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass.claims import ClaimsPolicy
from daypass.errors import ClaimError, TokenError
from daypass.jose.jwk import JWK
from daypass.jose.jwt_verifier import Verify, compile_verifier
from daypass.jose.key_choice import KeyChoice
from daypass.tokens.verifier import Verifier
from tests.property.test_json_objects import JSON
from tests.security import forge
from tests.security.forge import AUDIENCE, ISSUER

KEY = JWK.from_secret(forge.SECRET, alg="HS256")
HEADER = b'{"alg":"HS256","typ":"JWT"}'
GOOD = forge.token(HEADER, {"exp": 2})

DATES = st.sampled_from(
    [0, 1, 2, True, False, None, "3", 2.5, 999, 1000, 1001, 1000.5, 10**12, -(10**12), 2**70, 1e300]
)
PARTIES = st.sampled_from([ISSUER, AUDIENCE, [AUDIENCE], ["x", AUDIENCE], [AUDIENCE, 5], [], "", "x", None, 5, {}])
VALUES = {
    "iss": PARTIES,
    "aud": PARTIES,
    "sub": PARTIES,
    "jti": PARTIES,
    "exp": DATES,
    "nbf": DATES,
    "iat": DATES,
    "n": JSON,
    "\u00e9": JSON,
}
CLAIMS = st.fixed_dictionaries({}, optional=VALUES)
FULL = st.fixed_dictionaries(
    {
        "iss": st.just(ISSUER),
        "aud": st.sampled_from([AUDIENCE, [AUDIENCE]]),
        "sub": st.just("u1"),
        "jti": st.just("j1"),
        "iat": st.sampled_from([0, 1, 999, 1000, 2.5, True, None, 10**12, -(10**12)]),
        "exp": DATES,
    },
    optional={"n": JSON, "nbf": DATES},
)
WRITTEN = st.sampled_from([b"", b" ", b',"exp":5', b',"n":{"a":1,"a":2}', b"\n"])
CLOCKS = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 300.5, 999.0, 1000.0, 1000.5, 1001.0, 2e9]) | st.floats(0, 3e9)
NAMES = st.lists(st.sampled_from(["exp", "iss", "aud", "sub", "jti", "nbf", "n"]), max_size=3).map(tuple)


def policies() -> st.SearchStrategy[ClaimsPolicy]:
    def build(it: tuple[Any, ...]) -> ClaimsPolicy:
        issuer, audience, required, leeway_s, max_age_s, subject, typ = it
        required = required if audience is not None else tuple(name for name in required if name != "aud")
        words = {"issuer": issuer, "audience": audience, "required": required, "leeway_s": leeway_s}
        return ClaimsPolicy(**words, max_age_s=max_age_s, subject=subject, typ=typ)

    return st.tuples(
        st.sampled_from([None, ISSUER]),
        st.sampled_from([None, AUDIENCE, (AUDIENCE, "x")]),
        st.just(("exp",)) | NAMES,
        st.sampled_from([0, 0.5, 10, 300]),
        st.sampled_from([None, None, 0, 100]),
        st.sampled_from([None, None, "u1"]),
        st.sampled_from([None, "JWT"]),
    ).map(build)


def result(verify: Verify, token: str) -> object:
    """The value, or what was wrong; anything but a TokenError fails the test."""
    try:
        return repr(verify(token))
    except ClaimError as raised:
        return type(raised), raised.claim, raised.reason
    except TokenError as raised:
        return type(raised), str(raised)


def written(claims: dict[str, Any], extra: bytes) -> str:
    raw = forge.octets(claims)
    return forge.token(HEADER, raw[:-1] + extra + raw[-1:] if claims else raw)


@given(CLAIMS | FULL, WRITTEN, policies(), CLOCKS)
@settings(max_examples=700)
@example({"exp": True}, b"", ClaimsPolicy(), 0.5)
@example({"exp": 2000}, b"", ClaimsPolicy(required=("exp", "iss")), 1000.0)
def test_a_warm_verifier_agrees_with_a_fresh_one(
    claims: dict[str, Any], extra: bytes, policy: ClaimsPolicy, now_s: float
) -> None:
    token = written(claims, extra)
    warm = compile_verifier(KeyChoice(KEY), policy, clock=lambda: now_s)
    result(warm, GOOD)  # its header is known from now on
    fresh = result(compile_verifier(KeyChoice(KEY), policy, clock=lambda: now_s), token)
    assert result(warm, token) == fresh
    assert result(warm, token) == fresh


@given(FULL, WRITTEN, st.lists(CLOCKS, min_size=1, max_size=4), st.sampled_from([0, 10]))
@settings(max_examples=500)
def test_a_cache_agrees_at_any_time(claims: dict[str, Any], extra: bytes, clocks: list[float], leeway_s: float) -> None:
    """Whatever was remembered, and wherever the clock goes: forwards, backwards."""
    token, now_s = written(claims, extra), 0.0
    words = {"issuer": ISSUER, "audience": AUDIENCE, "typ": "JWT", "leeway_s": leeway_s, "clock": lambda: now_s}
    cached = Verifier(KEY, **words, cache_entries=2).verify
    for now_s in clocks:  # noqa: B007 - the clock above reads it
        assert result(cached, token) == result(Verifier(KEY, **words).verify, token)
        assert result(cached, token) == result(Verifier(KEY, **words).verify, token)


def spoil(value: Any) -> None:
    """Change whatever can be changed, at every depth."""
    if isinstance(value, list):
        for child in value:
            spoil(child)
        value.append("spoilt")
    if isinstance(value, dict):
        for child in value.values():
            spoil(child)
        value["spoilt"] = True


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=5))
@settings(max_examples=300)
@example({"n": []})
@example({"n": {"a": [1]}})
@example({"n": [{"a": []}], "m": {}})
def test_nothing_returned_reaches_the_next(more: dict[str, Any]) -> None:
    claims = {"iss": ISSUER, "aud": [AUDIENCE], "sub": "u1", "jti": "j1", "iat": 1, "exp": 2_000_000_000}
    claims = {**more, **claims}
    claims.pop("nbf", None)
    token = forge.token(HEADER, claims)
    verify = Verifier(KEY, issuer=ISSUER, audience=AUDIENCE, typ="JWT", cache_entries=4).verify
    for _ in range(4):
        verified = verify(token)
        assert repr(verified) == repr(claims)
        spoil(verified)
        assert copy.deepcopy(verified) == verified != claims
