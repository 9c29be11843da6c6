"""Claims in a PASETO: their lifetime, their policy, their type, and the kind of token that they say they are."""

import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypedDict

import msgspec
import pytest

from daypass import paseto
from daypass.claims import ClaimsPolicy
from daypass.errors import (
    ClaimError,
    ConfigurationError,
    DecryptionFailed,
    Expired,
    InvalidSignature,
    KeyFormatError,
    MalformedToken,
    MissingClaim,
    NotYetValid,
    TokenError,
    TokenTooLarge,
    UnsupportedToken,
    WrongAudience,
    WrongIssuer,
)
from daypass.limits import JWT_BYTES_MAX, TOKEN_BYTES_MAX
from daypass.paseto import claims_token
from daypass.paseto.claims_token import check_kind
from daypass.paseto.keys import PublicKey
from tests.paseto_keys import EVERY_KIND, issue, issue_claims, issuing, local, opening, public, read_claims, secret

LATER = 4_000_000_000


class Session(msgspec.Struct):
    sub: str
    exp: float
    roles: list[str] = []


@dataclass
class Visit:
    sub: str
    exp: float


class Named(TypedDict):
    sub: str


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that stands where it is put."""
    hand = SimpleNamespace(now_s=1_000_000.0)
    stopped = SimpleNamespace(time=lambda: hand.now_s)
    monkeypatch.setattr(claims_token, "time", stopped)
    monkeypatch.setattr("daypass.issued_claims.time", stopped)
    return hand


def refused(token: str, error: type[TokenError], *, version: Any = 4, purpose: str = "public", **words: Any) -> Any:
    with pytest.raises(error) as raised:
        read_claims(version, purpose, token, **words)
    assert type(raised.value) is error
    return raised.value


# -------------------------------------------------------------------------------------------- there and back


@EVERY_KIND
def test_claims_go_both_ways(version: Any, purpose: str) -> None:
    claims = {"sub": "u\u00e9", "exp": LATER, "nbf": 1.5, "iat": 0, "n": [1, {"a": None}], "\u00fc": -(2**63)}
    words = {"implicit": b"i"} if version > 2 else {}
    token = issue_claims(version, purpose, claims, footer=b"f", **words)
    assert read_claims(version, purpose, token, **words) == claims
    assert read_claims(version, purpose, token, footer=b"f", **words) == claims
    error = {"local": DecryptionFailed, "public": InvalidSignature}[purpose]
    refused(token, error, version=version, purpose=purpose, footer=b"g", **words)
    refused(token, error, version=version, purpose=purpose, footer=b"", **words)
    if words:
        refused(token, error, version=version, purpose=purpose, implicit=b"j")
        refused(token, error, version=version, purpose=purpose)
    changed = token[:30] + ("A" if token[30] != "A" else "B") + token[31:]
    refused(changed, error, version=version, purpose=purpose, **words)
    one, two = (read_claims(version, purpose, token, **words) for _ in range(2))
    assert one is not two


def test_a_refused_signature_hides_what_the_claims_are() -> None:
    expired = issue_claims(4, "public", {"exp": 1, "aud": "x"})
    refused(expired[:-4] + "AAAA", InvalidSignature)
    refused(expired, WrongAudience)


# ------------------------------------------------------------------------------------------------- lifetime


@EVERY_KIND
def test_a_token_lives_for_an_hour_unless_told_otherwise(clock: Any, version: Any, purpose: str) -> None:
    def issued(claims: Any, **words: Any) -> Any:
        policy = ClaimsPolicy(required=())
        return read_claims(version, purpose, issue_claims(version, purpose, claims, **words), policy=policy)

    assert issued({}) == {"iat": 1_000_000, "exp": 1_003_600}
    assert issued({}, lifetime_s=60) == {"iat": 1_000_000, "exp": 1_000_060}
    assert issued({}, lifetime_s=0.5) == {"iat": 1_000_000, "exp": 1_000_000.5}
    assert issued({}, lifetime_s=None) == {}
    assert issued({"exp": LATER}) == {"exp": LATER}
    assert issued({"iat": 5}) == {"iat": 5, "exp": 1_003_600}
    for lifetime_s, error in (("60", TypeError), (True, TypeError), (0, ValueError), (-1, ValueError)):
        with pytest.raises(error, match="lifetime_s"):
            issued({}, lifetime_s=lifetime_s)
    for lifetime_s in (float("inf"), float("nan"), 1e15):
        with pytest.raises(ValueError, match="lifetime_s|epoch seconds"):  # noqa: RUF043 - two texts
            issued({}, lifetime_s=lifetime_s)


def test_a_token_without_an_end_is_taken_where_that_is_allowed() -> None:
    endless = issue_claims(4, "public", {"sub": "u"}, lifetime_s=None)
    assert refused(endless, MissingClaim).claim == "exp"
    assert read_claims(4, "public", endless, policy=ClaimsPolicy(required=())) == {"sub": "u"}


@EVERY_KIND
def test_times_are_compared(clock: Any, version: Any, purpose: str) -> None:
    token = issue_claims(version, purpose, {"nbf": 999_000, "iat": 999_000, "exp": 1_000_000.25})
    kind = {"version": version, "purpose": purpose}
    assert read_claims(version, purpose, token)["exp"] == 1_000_000.25
    clock.now_s = 1_000_000.25
    assert refused(token, Expired, **kind).at == 1_000_000.25
    assert read_claims(version, purpose, token, policy=ClaimsPolicy(leeway_s=1))
    clock.now_s = 998_999
    assert refused(token, NotYetValid, **kind).at == 999_000
    assert read_claims(version, purpose, token, policy=ClaimsPolicy(leeway_s=1))
    clock.now_s = 999_101
    assert read_claims(version, purpose, token, policy=ClaimsPolicy(max_age_s=101))
    assert refused(token, ClaimError, policy=ClaimsPolicy(max_age_s=100), **kind).reason == "too_old"


# --------------------------------------------------------------------------------------------------- policy


@EVERY_KIND
def test_a_policy_is_held_against_the_claims(version: Any, purpose: str) -> None:
    claims = {"iss": "i", "aud": "a", "sub": "s", "exp": LATER}
    token = issue_claims(version, purpose, claims)

    def check(error: type[TokenError] | None, **policy: Any) -> None:
        if error is None:
            assert read_claims(version, purpose, token, policy=ClaimsPolicy(**policy)) == claims
        else:
            refused(token, error, version=version, purpose=purpose, policy=ClaimsPolicy(**policy))

    check(None, audience="a")
    check(None, audience=("b", "a"), issuer="i", subject="s", required=("exp", "sub", "iss"))
    check(WrongAudience)
    check(WrongAudience, audience="b")
    check(WrongAudience, audience=("b", "aa"))
    check(WrongIssuer, audience="a", issuer="j")
    check(ClaimError, audience="a", subject="t")
    check(MissingClaim, audience="a", required=("exp", "jti"))
    bare = issue_claims(version, purpose, {})
    assert (
        refused(bare, MissingClaim, version=version, purpose=purpose, policy=ClaimsPolicy(audience="a")).claim == "aud"
    )


@pytest.mark.parametrize("policy", [None, {}, "exp", 5, ClaimsPolicy], ids=repr)
def test_a_policy_is_a_claims_policy(policy: Any) -> None:
    for purpose in ("local", "public"):
        with pytest.raises(TypeError, match="a policy is a ClaimsPolicy"):
            read_claims(4, purpose, "no token", policy=policy)


@EVERY_KIND
def test_a_token_is_of_the_kind_that_is_expected(version: Any, purpose: str) -> None:
    kind = {"version": version, "purpose": purpose}
    plain, access = (issue_claims(version, purpose, it) for it in ({}, {"typ": "at+jwt"}))
    assert read_claims(version, purpose, plain)
    for typ in ("at+jwt", "AT+JWT", "application/at+jwt"):
        assert read_claims(version, purpose, access, policy=ClaimsPolicy(typ=typ))["typ"] == "at+jwt"
    raised = refused(access, UnsupportedToken, **kind)
    assert raised.typ == "at+jwt"
    assert "at+jwt" not in str(raised)
    refused(access, UnsupportedToken, policy=ClaimsPolicy(typ="rt+jwt"), **kind)
    assert refused(plain, UnsupportedToken, policy=ClaimsPolicy(typ="at+jwt"), **kind).typ is None
    expired = issue_claims(version, purpose, {"typ": "at+jwt", "exp": 1})
    refused(expired, UnsupportedToken, **kind)  # the kind first: the claims of another kind say nothing


@pytest.mark.parametrize("typ", [None, 5, True, ["at+jwt"], {}, "", "at+jw\u0442", "at+jwt\0", " at+jwt"], ids=repr)
def test_a_kind_is_a_text(typ: Any) -> None:
    for expected in (None, "at+jwt"):
        with pytest.raises(UnsupportedToken):
            check_kind({"typ": typ}, expected)
    with pytest.raises(UnsupportedToken):
        check_kind({}, "at+jwt")
    check_kind({}, None)
    check_kind({"typ": "x"}, "X")


# ------------------------------------------------------------------------------------------------ typed claims


@EVERY_KIND
def test_claims_have_a_type(version: Any, purpose: str) -> None:
    session = Session("u", LATER, ["admin"])
    token = issue_claims(version, purpose, session, claims_type=Session)
    assert read_claims(version, purpose, token, claims_type=Session) == session
    assert read_claims(version, purpose, token, claims_type=Named)["sub"] == "u"
    visit = issue_claims(version, purpose, Visit("u", LATER), claims_type=Visit)
    assert read_claims(version, purpose, visit, claims_type=Visit) == Visit("u", LATER)
    added = issue_claims(version, purpose, {"sub": "u"}, claims_type=Session)  # exp is added, and counts
    assert read_claims(version, purpose, added, claims_type=Session).exp > time.time()
    other = issue_claims(version, purpose, {"sub": "u", "roles": "admin"})
    raised = refused(other, ClaimError, version=version, purpose=purpose, claims_type=Session)
    assert (raised.claim, raised.reason) == ("roles", "type")
    expired = issue_claims(version, purpose, {"sub": "u", "exp": 1})
    refused(expired, Expired, version=version, purpose=purpose, claims_type=Session)


def test_claims_that_have_not_their_type_are_not_issued() -> None:
    for purpose in ("local", "public"):
        with pytest.raises(ValueError, match="no Session"):
            issue_claims(4, purpose, {"sub": 5}, claims_type=Session)
        with pytest.raises(ValueError, match="no Session"):
            issue_claims(4, purpose, {}, claims_type=Session)
        with pytest.raises(TypeError, match="claims_type="):
            issue_claims(4, purpose, Session("u", LATER))
        with pytest.raises(ConfigurationError, match="claims_type must be"):
            issue_claims(4, purpose, {}, claims_type=int)


@pytest.mark.parametrize("claims", [None, [], "x", b"{}", 5, [("a", 1)]], ids=repr)
def test_claims_are_a_mapping(claims: Any) -> None:
    for lifetime_s in (600, None):
        for purpose in ("local", "public"):
            with pytest.raises(TypeError):
                issue_claims(4, purpose, claims, lifetime_s=lifetime_s)


# ----------------------------------------------------------------------------------------------- what arrives


@EVERY_KIND
def test_a_token_is_bounded(version: Any, purpose: str) -> None:
    big = {"x": "y" * JWT_BYTES_MAX}
    with pytest.raises(ValueError, match=f"more than the {JWT_BYTES_MAX}"):
        issue_claims(version, purpose, big)
    token = issue_claims(version, purpose, big, bytes_max=40_000)
    refused(token, TokenTooLarge, version=version, purpose=purpose)
    assert read_claims(version, purpose, token, bytes_max=len(token))["x"] == big["x"]
    refused(token, TokenTooLarge, version=version, purpose=purpose, bytes_max=len(token) - 1)
    huge = f"v{version}.{purpose}." + "A" * TOKEN_BYTES_MAX
    refused(huge, TokenTooLarge, version=version, purpose=purpose, bytes_max=2 * TOKEN_BYTES_MAX)


@EVERY_KIND
@pytest.mark.parametrize("token", [None, 5, b"v4.public.AAAA", ["x"], {"v4"}, "", "\ud800", "\u00e9"], ids=repr)
def test_what_is_no_token_is_malformed(version: Any, purpose: str, token: Any) -> None:
    refused(token, MalformedToken, version=version, purpose=purpose)


@EVERY_KIND
def test_what_was_proven_and_holds_no_claims_is_malformed(version: Any, purpose: str) -> None:
    kind = {"version": version, "purpose": purpose}
    deep = b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    for payload in (
        b"",
        b"[]",
        b"\xff",
        b'{"exp":1,"exp":2}',
        b'{"a":"\\udc00"}',
        deep,
        b"null",
        b'"' + b"x" * 9 + b'"',
    ):
        refused(issue(version, purpose, payload), MalformedToken, **kind)
    for payload in (
        b'{"exp":4000000000}',
        b'{"exp":"2999-01-01T00:00:00z"}',
        b'{"exp":"2999-01-01T00:00:00Z","aud":[]}',
    ):
        refused(issue(version, purpose, payload), ClaimError, **kind)


def test_a_wrong_set_up_is_said_before_a_token_is_looked_at() -> None:
    with pytest.raises(KeyFormatError, match="no valid point"):
        paseto.verify_claims("no token", PublicKey.from_bytes(4, bytes(32)))
    with pytest.raises(ValueError, match="footer has at most"):
        paseto.verify_claims("no token", public(4), footer=bytes(9000))
    with pytest.raises(TypeError, match="footer is bytes"):
        paseto.decrypt_claims("no token", local(4), footer="text")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="no implicit assertion"):
        paseto.decrypt_claims("no token", local(2), implicit=b"x")


def test_a_key_of_another_kind_is_a_type_error() -> None:
    acts: dict[Any, Any] = {
        paseto.sign_claims: secret(4),
        paseto.verify_claims: public(4),
        paseto.encrypt_claims: local(4),
        paseto.decrypt_claims: local(4),
    }
    for act, own in acts.items():
        first: Any = {} if act in (paseto.sign_claims, paseto.encrypt_claims) else "no token"
        for key in (local(4), secret(4), public(4), None, bytes(32), "k4.local.AAAA"):
            if key is not own:
                with pytest.raises(TypeError, match=f"{act.__name__} takes a {type(own).__name__}"):
                    act(first, key)
    assert issuing(4, "public") is secret(4)
    assert opening(4, "public") is public(4)
