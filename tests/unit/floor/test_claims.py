"""ClaimsPolicy: what cannot be meant is refused when it is made; and the order in which claims are checked."""

import copy
import enum
import pickle
from typing import Any

import msgspec
import pytest

from daypass.claims import ClaimsPolicy, _known_of, check_claims, compile_policy, encode_claims
from daypass.errors import ClaimError, Expired, MissingClaim, NotYetValid, WrongAudience, WrongIssuer
from daypass.limits import LEEWAY_S_MAX, NUMERIC_DATE_MAX


@pytest.mark.parametrize(
    "words, error",
    [
        ({"issuer": ""}, ValueError),
        ({"issuer": 5}, TypeError),
        ({"issuer": ["i"]}, TypeError),
        ({"audience": ""}, ValueError),
        ({"audience": ()}, ValueError),
        ({"audience": ("a", "")}, ValueError),
        ({"audience": ("a", None)}, TypeError),
        ({"audience": ["a"]}, TypeError),
        ({"audience": {"a"}}, TypeError),
        ({"required": "exp"}, TypeError),
        ({"required": "exp,sub"}, TypeError),
        ({"required": ["exp"]}, TypeError),
        ({"required": ("exp", "")}, TypeError),
        ({"required": (5,)}, TypeError),
        ({"required": ("aud",)}, ValueError),
        ({"leeway_s": -1}, ValueError),
        ({"leeway_s": LEEWAY_S_MAX + 1}, ValueError),
        ({"leeway_s": float("nan")}, ValueError),
        ({"leeway_s": "5"}, TypeError),
        ({"leeway_s": None}, TypeError),
        ({"leeway_s": True}, TypeError),
        ({"max_age_s": -1}, ValueError),
        ({"max_age_s": float("inf")}, ValueError),
        ({"max_age_s": NUMERIC_DATE_MAX + 1}, ValueError),
        ({"max_age_s": "5"}, TypeError),
        ({"typ": ""}, ValueError),
        ({"typ": 5}, TypeError),
        ({"subject": ""}, ValueError),
        ({"subject": 5}, TypeError),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(words: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ClaimsPolicy(**words)


def test_a_misspelt_word_is_refused() -> None:
    with pytest.raises(TypeError):
        ClaimsPolicy(leeway=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        ClaimsPolicy("issuer")  # type: ignore[misc]


def test_a_policy_is_a_frozen_value() -> None:
    policy = ClaimsPolicy(issuer="i", audience=("a", "b"), required=("exp", "sub"), leeway_s=5)
    with pytest.raises(AttributeError):
        policy.issuer = "other"  # type: ignore[misc]
    again = ClaimsPolicy(issuer="i", audience=("a", "b"), required=("exp", "sub"), leeway_s=5)
    assert policy == again == copy.deepcopy(policy) == pickle.loads(pickle.dumps(policy))
    assert hash(policy) == hash(again)
    with pytest.raises(ValueError, match="leeway_s"):
        msgspec.structs.replace(policy, leeway_s=-1)


def test_the_default_asks_for_exp_alone() -> None:
    policy = ClaimsPolicy()
    assert (policy.issuer, policy.audience, policy.required, policy.leeway_s) == (None, None, ("exp",), 0)
    assert (policy.max_age_s, policy.typ, policy.subject) == (None, None, None)


FULL = {"iss": "i", "aud": "a", "sub": "s", "jti": "j", "exp": 100, "nbf": 10, "iat": 10}
STRICT = ClaimsPolicy(issuer="i", audience="a", subject="s", required=("exp", "jti"), max_age_s=50)


def test_good_claims_hold() -> None:
    check_claims(FULL, STRICT, now_s=60)


@pytest.mark.parametrize(
    "changes, error, reason",
    [
        ({"jti": ..., "iss": 5, "exp": 1}, MissingClaim, "missing"),
        ({"iss": 5, "aud": "x", "exp": 1}, ClaimError, "type"),
        ({"exp": "x", "aud": "x"}, ClaimError, "type"),
        ({"iss": "x", "aud": "x", "exp": 1}, WrongIssuer, "mismatch"),
        ({"aud": "x", "sub": "x", "exp": 1}, WrongAudience, "mismatch"),
        ({"sub": "x", "exp": 1}, ClaimError, "mismatch"),
        ({"exp": 1, "nbf": 1000, "iat": 1000}, Expired, "expired"),
        ({"nbf": 1000, "iat": 1000}, NotYetValid, "not_yet_valid"),
        ({"iat": 99}, NotYetValid, "not_yet_valid"),
        ({"iat": 5}, ClaimError, "too_old"),
        ({"iat": ...}, MissingClaim, "missing"),
    ],
    ids=str,
)
def test_the_first_failure_wins(changes: dict[str, Any], error: type[ClaimError], reason: str) -> None:
    """Presence, types, issuer, audience, subject, then the times."""
    claims = {name: value for name, value in {**FULL, **changes}.items() if value is not ...}
    fits, check = compile_policy(STRICT)
    for act in (lambda: check_claims(claims, STRICT, now_s=60), lambda: check(claims, 60)):
        with pytest.raises(ClaimError) as raised:
            act()
        assert type(raised.value) is error
        assert raised.value.reason == reason
    with pytest.raises(ClaimError):
        fits(claims, 60)


def test_only_iss_and_aud_of_our_own_are_told() -> None:
    """A hint names what the verifier expects, never what the token says."""
    for policy, claims in (
        (ClaimsPolicy(issuer="mine"), {"exp": 100, "iss": "theirs"}),
        (ClaimsPolicy(audience="mine"), {"exp": 100, "aud": "theirs"}),
    ):
        with pytest.raises(ClaimError) as raised:
            check_claims(claims, policy, now_s=1)
        assert "mine" in raised.value.hint
        assert "theirs" not in raised.value.hint
        assert "mine" not in raised.value.public_message


class Word(enum.StrEnum):
    ONE = "one"


class Moment(enum.IntEnum):
    LATER = 2_000_000_000


@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize(
    "claims, written",
    [
        ({"sub": Word.ONE}, b'{"sub":"one"}'),
        ({"aud": Word.ONE}, b'{"aud":"one"}'),
        ({"aud": ["a", Word.ONE]}, b'{"aud":["a","one"]}'),
        ({"exp": Moment.LATER}, b'{"exp":2000000000}'),
        ({"sub": Moment.LATER}, None),
        ({"aud": [Moment.LATER]}, None),
        ({"exp": Word.ONE}, None),
    ],
    ids=str,
)
def test_a_member_of_an_enum_counts_as_its_value_whatever_was_issued_before(
    claims: dict[str, Any], written: bytes | None, seen_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.claims._known", _known_of((), frozenset()))
    if seen_before:
        encode_claims({"sub": "u", "aud": ["a"], "exp": 1})
    if written is None:
        with pytest.raises(ValueError, match="must be"):
            encode_claims(claims)
    else:
        assert encode_claims(claims) == written


def test_a_clock_that_is_no_number_refuses() -> None:
    nan = float("nan")
    fits, check = compile_policy(ClaimsPolicy(leeway_s=60))
    assert not fits({"exp": 2**33}, nan)
    with pytest.raises(Expired):
        check({"exp": 2**33}, nan)
    with pytest.raises(NotYetValid):
        check_claims({"nbf": 1}, ClaimsPolicy(required=()), now_s=nan)
    with pytest.raises(NotYetValid):
        check_claims({"iat": 1}, ClaimsPolicy(required=(), max_age_s=5), now_s=nan)
