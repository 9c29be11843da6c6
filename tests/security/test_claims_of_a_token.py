"""ATTACKS 3.4: claims hold exactly, after the signature, every time, and what is refused is not issued."""

import datetime
import json
import math
from typing import Any

import pytest

from daypass import jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import (
    ClaimError,
    ConfigurationError,
    Expired,
    InvalidSignature,
    MissingClaim,
    NotYetValid,
    UnsupportedToken,
    WrongAudience,
    WrongIssuer,
)
from daypass.jose.jwk import JWK
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.security import forge
from tests.security.forge import AUDIENCE, ISSUER, POLICY, claims, outcome, refused

NOW_S = 1_800_000_000
KEY = JWK.from_secret(forge.SECRET, alg="HS256")


def at(now_s: float, leeway_s: float = 0, *, warm: bool = False, cache_entries: int = 0) -> Any:
    """A verifier whose clock stands."""
    words = {"issuer": ISSUER, "audience": AUDIENCE, "typ": "JWT", "leeway_s": leeway_s, "cache_entries": cache_entries}
    verify = Verifier(KEY, **words, clock=lambda: now_s).verify
    if warm:
        verify(forge.token(None, claims(exp=now_s + 1, iat=...)))
    return verify


def refused_for(payload: dict[str, Any] | bytes, error: Any) -> None:
    refused(forge.token(None, payload), error, as_jws=False)


WRONG_DATES = [
    True,
    False,
    None,
    "2000000000",
    "",
    [2_000_000_000],
    [],
    {},
    {"exp": 1},
    10**12,
    -(10**12),
    2**63,
    1e300,
]


def test_D01_exp_is_required() -> None:
    refused_for(claims(exp=...), MissingClaim)
    assert jwt.verify(forge.token(None, {"id": "1"}), KEY, policy=ClaimsPolicy(required=())) == {"id": "1"}


@pytest.mark.parametrize("exp", WRONG_DATES, ids=repr)
def test_D01_exp_of_a_wrong_type_is_not_absent(exp: Any) -> None:
    refused_for(claims(exp=exp), ClaimError)
    lax = ClaimsPolicy(required=(), issuer=ISSUER, audience=AUDIENCE)
    with pytest.raises(ClaimError):
        jwt.verify(forge.token(None, claims(exp=exp)), KEY, policy=lax)
    with pytest.raises(ValueError):  # noqa: PT011
        jwt.sign({"exp": exp}, KEY)


@pytest.mark.parametrize("exp", [0, -1, 1, 0.0, -0.5], ids=repr)
def test_D01_exp_long_ago(exp: float) -> None:
    refused_for(claims(exp=exp), Expired)


@pytest.mark.parametrize("exp", [True, False], ids=repr)
@pytest.mark.parametrize("now_s", [0.0, 0.5, 1.0, 200.0])
def test_D01_true_is_no_number_even_in_1970(exp: bool, now_s: float) -> None:
    """A board without a battery starts there; to Python true is 1."""
    for leeway_s in (0, 300):
        verify = at(now_s, leeway_s, warm=True)
        assert outcome(verify, forge.token(None, claims(exp=exp, iat=...))) is ClaimError


@pytest.mark.parametrize("warm", [False, True])
def test_D02_at_exp_it_has_expired(warm: bool) -> None:
    """RFC 7519 4.1.4: on or after."""
    token = forge.token(None, claims(exp=NOW_S, iat=...))
    assert outcome(at(NOW_S, warm=warm), token) is Expired
    assert outcome(at(NOW_S + 0.001, warm=warm), token) is Expired
    assert outcome(at(NOW_S - 0.001, warm=warm), token) == "accepted"
    assert outcome(at(NOW_S + 10, 10, warm=warm), token) is Expired
    assert outcome(at(NOW_S + 9.999, 10, warm=warm), token) == "accepted"
    with pytest.raises(Expired) as raised:
        at(NOW_S)(token)
    assert (raised.value.at, raised.value.claim, raised.value.reason) == (NOW_S, "exp", "expired")


@pytest.mark.parametrize("warm", [False, True])
def test_D02_at_nbf_it_is_valid(warm: bool) -> None:
    """RFC 7519 4.1.5: not before."""
    token = forge.token(None, claims(nbf=NOW_S, exp=NOW_S + 600, iat=...))
    assert outcome(at(NOW_S, warm=warm), token) == "accepted"
    assert outcome(at(NOW_S - 0.001, warm=warm), token) is NotYetValid
    assert outcome(at(NOW_S - 10, 10, warm=warm), token) == "accepted"
    assert outcome(at(NOW_S - 10.001, 10, warm=warm), token) is NotYetValid


@pytest.mark.parametrize("leeway_s", [-1, -0.001, math.nan, math.inf, 301, "5", None, True])
def test_D02_leeway_is_small_and_positive(leeway_s: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        ClaimsPolicy(leeway_s=leeway_s)
    with pytest.raises(ConfigurationError):
        Verifier(KEY, issuer="i", audience="a", leeway_s=leeway_s)


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("value", WRONG_DATES, ids=repr)
def test_D03_nbf_and_iat_of_a_wrong_type(name: str, value: Any) -> None:
    refused_for(claims(**{name: value}), ClaimError)
    with pytest.raises(ValueError):  # noqa: PT011
        jwt.sign({name: value}, KEY)


def test_D03_nbf_to_come() -> None:
    refused_for(claims(nbf=claims()["exp"]), NotYetValid)


def test_D03_iat_is_compared_with_max_age_only() -> None:
    now_s = claims()["iat"]
    future, old = forge.token(None, claims(iat=now_s + 300)), forge.token(None, claims(iat=now_s - 300))
    beyond_exp = forge.token(None, claims(iat=now_s + 50, exp=now_s + 40))
    assert jwt.verify(future, KEY, policy=POLICY)
    assert jwt.verify(old, KEY, policy=POLICY)

    def under(token: str, max_age_s: float, leeway_s: float = 0) -> object:
        policy = ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, max_age_s=max_age_s, leeway_s=leeway_s)
        return outcome(lambda: jwt.verify(token, KEY, policy=policy))

    assert under(future, 1000) is NotYetValid
    assert under(future, 1000, 300) == "accepted"
    assert under(old, 200) is ClaimError
    assert under(old, 400) == "accepted"
    assert under(old, 200, 150) == "accepted"
    assert under(forge.token(None, claims(iat=...)), 1000) is MissingClaim
    assert under(beyond_exp, 1000, 60) is ClaimError


OTHER_ISSUERS = {
    "missing": ...,
    "null": None,
    "empty": "",
    "a part": "issuer.example",
    "a beginning": ISSUER[:-1],
    "longer": ISSUER + ".evil.example",
    "trailing slash": ISSUER + "/",
    "case": ISSUER.upper(),
    "space": ISSUER + " ",
    "NUL": ISSUER + "\0",
    "homograph": ISSUER.replace("e", "\u0435"),
    "list": [ISSUER],
    "list of two": [ISSUER, "https://evil.example"],
    "object": {ISSUER: 1},
    "number": 5,
    "true": True,
    "regex": ".*",
}


@pytest.mark.parametrize("iss", OTHER_ISSUERS.values(), ids=OTHER_ISSUERS)
def test_D04_iss_is_exact(iss: Any) -> None:
    error = MissingClaim if iss is ... else WrongIssuer if isinstance(iss, str) else ClaimError
    refused_for(claims(iss=iss), error)


def test_D04_the_expected_issuer_is_no_pattern() -> None:
    policy = ClaimsPolicy(issuer="https://.*", audience=AUDIENCE)
    with pytest.raises(WrongIssuer):
        jwt.verify(forge.token(), KEY, policy=policy)
    for issuer in ((ISSUER,), [ISSUER], 5):
        with pytest.raises(TypeError):
            ClaimsPolicy(issuer=issuer)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="empty"):
        ClaimsPolicy(issuer="")


OTHER_AUDIENCES = {
    "missing": (..., MissingClaim),
    "null": (None, ClaimError),
    "empty": ("", WrongAudience),
    "empty list": ([], WrongAudience),
    "list of the empty": ([""], WrongAudience),
    "longer": (f"x{AUDIENCE}x", WrongAudience),
    "a part": (AUDIENCE[8:], WrongAudience),
    "trailing slash": (AUDIENCE + "/", WrongAudience),
    "case": (AUDIENCE.upper(), WrongAudience),
    "list of another": (["https://other.example"], WrongAudience),
    "mine and a number": ([AUDIENCE, 5], ClaimError),
    "mine and null": ([AUDIENCE, None], ClaimError),
    "object": ({AUDIENCE: 1}, ClaimError),
    "list in a list": ([[AUDIENCE]], ClaimError),
    "number": (5, ClaimError),
    "true": (True, ClaimError),
    "characters": (list(AUDIENCE), WrongAudience),
    "space separated": (f"{AUDIENCE} other", WrongAudience),
    "comma separated": (f"{AUDIENCE},other", WrongAudience),
}


@pytest.mark.parametrize("aud, error", OTHER_AUDIENCES.values(), ids=OTHER_AUDIENCES)
def test_D05_aud_is_exact(aud: Any, error: Any) -> None:
    refused_for(claims(aud=aud), error)
    if error is ClaimError or aud == []:
        with pytest.raises(ValueError):  # noqa: PT011
            jwt.sign({"aud": aud}, KEY)


def test_D05_aud_may_be_a_list_that_holds_it() -> None:
    for aud in ([AUDIENCE], ["https://other.example", AUDIENCE], [AUDIENCE, AUDIENCE]):
        refused_for(claims(aud=aud), "accepted")
    several = ClaimsPolicy(issuer=ISSUER, audience=("https://other.example", AUDIENCE))
    assert jwt.verify(forge.token(), KEY, policy=several)
    with pytest.raises(WrongAudience):
        jwt.verify(forge.token(None, claims(aud="https://third.example")), KEY, policy=several)


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], [], ""], ids=repr)
def test_D05_a_token_for_somebody_is_not_for_nobody_in_particular(aud: Any) -> None:
    for policy in (ClaimsPolicy(), ClaimsPolicy(issuer=ISSUER), ClaimsPolicy(required=())):
        with pytest.raises(WrongAudience):
            jwt.verify(forge.token(None, claims(aud=aud)), KEY, policy=policy)


def test_D05_a_policy_that_contradicts_itself_is_a_mistake() -> None:
    """Requiring an aud that without audience is always refused: on the straight road it was not asked for."""
    with pytest.raises(ValueError, match="audience"):
        ClaimsPolicy(required=("exp", "aud"))


def test_D05_what_is_required_is_required_of_every_token() -> None:
    """The second token goes the straight road, under a header that has verified before."""
    for name in ("iss", "sub", "jti", "nbf", "aud", "custom"):
        full = claims(nbf=1, custom=1)
        audience = AUDIENCE if name == "aud" else None
        if audience is None:
            del full["aud"]
        policy = ClaimsPolicy(required=("exp", name), audience=audience)
        assert jwt.verify(forge.token(None, full), KEY, policy=policy) == full
        del full[name]
        for _ in range(2):
            with pytest.raises(MissingClaim) as raised:
                jwt.verify(forge.token(None, full), KEY, policy=policy)
            assert raised.value.claim == name


@pytest.mark.parametrize("name", ["sub", "jti", "iss"])
@pytest.mark.parametrize("value", [5, 0, None, True, [], ["u1"], {}, 1.5], ids=repr)
def test_D06_sub_and_jti_are_strings_at_both_ends(name: str, value: Any) -> None:
    refused_for(claims(**{name: value}), ClaimError)
    with pytest.raises(ClaimError):
        jwt.verify(forge.token(None, {"exp": 2e9, name: value}), KEY)
    with pytest.raises(ValueError):  # noqa: PT011
        jwt.sign({name: value}, KEY)
    if name != "iss":
        with pytest.raises(ValueError):  # noqa: PT011
            Issuer(KEY, issuer=ISSUER, audience=AUDIENCE).issue({name: value})


def test_D06_the_subject_may_be_fixed() -> None:
    policy = ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, subject="u1")
    assert jwt.verify(forge.token(), KEY, policy=policy)
    for sub, error in (("u2", ClaimError), ("u", ClaimError), ("U1", ClaimError), (..., MissingClaim)):
        assert outcome(lambda sub=sub: jwt.verify(forge.token(None, claims(sub=sub)), KEY, policy=policy)) is error


OTHER_KINDS = [
    "logout+jwt",
    "refresh+jwt",
    "dpop+jwt",
    "secevent+jwt",
    "JOSE",
    "id_token",
    "at+jwt2",
    "at+jw",
    "",
    " at+jwt",
]


@pytest.mark.parametrize("typ", [*OTHER_KINDS, "JWT", None], ids=repr)
def test_D07_another_kind_of_token_is_no_access_token(typ: str | None) -> None:
    verify = Verifier(KEY, issuer=ISSUER, audience=AUDIENCE).verify
    header = {"alg": "HS256"} | ({} if typ is None else {"typ": typ})
    assert outcome(verify, forge.token(header)) is UnsupportedToken
    assert outcome(verify, forge.token({"alg": "HS256", "typ": "at+jwt"})) == "accepted"
    assert outcome(verify, forge.token(header)) is UnsupportedToken


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"])
def test_D07_typ_is_a_media_type(typ: str) -> None:
    token = forge.token({"alg": "HS256", "typ": typ})
    assert outcome(Verifier(KEY, issuer=ISSUER, audience=AUDIENCE).verify, token) == "accepted"
    assert (
        outcome(Verifier(KEY, issuer=ISSUER, audience=AUDIENCE, typ="application/AT+JWT").verify, token) == "accepted"
    )


@pytest.mark.parametrize("typ", [*OTHER_KINDS, "at+jwt"], ids=repr)
def test_D07_without_a_named_kind_only_a_plain_jwt_is_taken(typ: str) -> None:
    token = forge.token({"alg": "HS256", "typ": typ})
    plain = ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE)
    with pytest.raises(UnsupportedToken):
        jwt.verify(token, KEY, policy=plain)
    for good in ({"alg": "HS256"}, {"alg": "HS256", "typ": "jwt"}, {"alg": "HS256", "typ": "application/JWT"}):
        assert jwt.verify(forge.token(good), KEY, policy=plain)


@pytest.mark.parametrize("typ", [None, 5, ["JWT"], {}], ids=repr)
def test_D07_typ_is_a_string(typ: Any) -> None:
    refused(forge.token({"alg": "HS256", "typ": typ}), forge_error())


def forge_error() -> type[Exception]:
    from daypass.errors import MalformedToken

    return MalformedToken


def test_D08_a_datetime_is_not_guessed_at() -> None:
    naive = datetime.datetime(2030, 1, 1)  # noqa: DTZ001 - the point
    for value in (naive, naive.replace(tzinfo=datetime.UTC), naive.date(), datetime.timedelta(minutes=5)):
        for given in ({"exp": value}, {"iat": value}, {"x": value}, {"x": [value]}, {"x": {"y": value}}):
            with pytest.raises(TypeError):
                jwt.sign(given, KEY)
    with pytest.raises(TypeError):
        jwt.sign({}, KEY, lifetime_s=datetime.timedelta(minutes=5))  # type: ignore[arg-type]


def test_D08_the_input_of_the_caller_is_left_alone() -> None:
    given = {"sub": "u1", "list": [1, {"a": 2}], "nested": {"b": [3]}}
    before = json.dumps(given)
    jwt.sign(given, KEY)
    Issuer(KEY, issuer=ISSUER, audience=AUDIENCE).issue(given)
    header = {"x": [1]}
    jwt.sign(given, KEY, header=header)
    jws.sign(b"", KEY, header=header)
    assert json.dumps(given) == before
    assert header == {"x": [1]}


def test_D09_a_token_in_a_token_is_not_opened() -> None:
    """jwt.verify opens nothing; what does is in test_encryption and test_jwt_encrypted."""
    inner = forge.token().encode()
    for cty in ("JWT", "jwt", "application/jwt"):
        refused(forge.token({"alg": "HS256", "typ": "JWT", "cty": cty}, inner), UnsupportedToken, as_jws=False)
        refused(forge.token({"alg": "HS256", "typ": "JWT", "cty": cty}), UnsupportedToken, as_jws=False)
        with pytest.raises(ValueError, match="another token"):
            jwt.sign({}, KEY, header={"cty": cty})
    unsecured = forge.compact({"alg": "none"}, claims(), lambda _: b"").encode()
    refused(forge.token(None, unsecured), forge_error(), as_jws=False)


def test_D10_the_signature_comes_before_the_claims() -> None:
    """CVE-2024-51744: an expired token with a bad signature was reported as expired."""
    for changes in ({"exp": 1}, {"exp": ...}, {"exp": "x"}, {"iss": "x"}, {"aud": 5}, {"nbf": 2**40}, {"sub": 5}):
        refused(forge.token(None, claims(**changes), secret=b"x" * 32), InvalidSignature)
    for payload in (b"[]", b"\xff", b"", b'{"a":1,"a":1}'):
        refused(forge.token(None, payload, secret=b"x" * 32), InvalidSignature)


def test_D10_no_claim_of_a_failed_token_is_within_reach() -> None:
    """Nothing on the error, its chain or its arguments holds them."""
    for token in (
        forge.token(None, claims(sub="PLANTED"), secret=b"x" * 32),
        forge.token(None, claims(sub="PLANTED", exp=1)),
    ):
        for _, verify in list(forge.ways(KEY))[1:]:
            with pytest.raises(Exception) as raised:  # noqa: PT011
                verify(token)
            error: BaseException | None = raised.value
            while error is not None:
                assert "PLANTED" not in repr((error.args, vars(error), str(error)))
                error = error.__cause__ or error.__context__


def test_D11_a_policy_adds_to_exp_and_never_takes_it_away() -> None:
    expired = forge.token(None, claims(exp=1))
    for policy in (
        ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, required=()),
        ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, required=("sub",)),
        ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, max_age_s=10**9),
        ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, subject="u1", leeway_s=300),
    ):
        with pytest.raises(Expired):
            jwt.verify(expired, KEY, policy=policy)


def test_D12_the_cache_is_keyed_by_the_whole_token() -> None:
    """CVE-2026-35039: no part of a token finds an entry."""
    verify = at(NOW_S, cache_entries=8)
    good = forge.token(None, claims(sub="a", exp=NOW_S + 60, iat=...))
    other = forge.token(None, claims(sub="b", exp=NOW_S + 60, iat=...))
    assert verify(good)["sub"] == verify(good)["sub"] == "a"
    for bad in (
        good.rpartition(".")[0] + "." + other.rpartition(".")[2],
        ".".join([good.split(".")[0], other.split(".")[1], good.split(".")[2]]),
        good[:-1] + ("A" if good[-1] != "A" else "E"),
    ):
        assert outcome(verify, bad) is InvalidSignature
        assert outcome(verify, bad) is InvalidSignature
    assert verify(other)["sub"] == "b"


def test_D12_two_verifiers_share_nothing() -> None:
    token = forge.token(None, claims(exp=NOW_S + 60, iat=...))
    words = {"typ": "JWT", "cache_entries": 8, "clock": lambda: NOW_S}
    mine = Verifier(KEY, issuer=ISSUER, audience=AUDIENCE, **words).verify
    assert mine(token) == mine(token)
    assert outcome(Verifier(KEY, issuer=ISSUER, audience="other", **words).verify, token) is WrongAudience
    assert outcome(Verifier(KEY, issuer="other", audience=AUDIENCE, **words).verify, token) is WrongIssuer
    other_key = JWK.from_secret(b"x" * 32, alg="HS256")
    assert outcome(Verifier(other_key, issuer=ISSUER, audience=AUDIENCE, **words).verify, token) is InvalidSignature


def test_D12_time_is_looked_at_on_every_hit() -> None:
    now_s = float(NOW_S)
    verify = Verifier(
        KEY, issuer=ISSUER, audience=AUDIENCE, typ="JWT", cache_entries=8, leeway_s=5, clock=lambda: now_s
    ).verify
    token = forge.token(None, claims(exp=NOW_S + 10, nbf=NOW_S - 10, iat=...))
    assert verify(token) == verify(token)
    now_s = NOW_S + 14.9
    assert verify(token)
    now_s = NOW_S + 15
    assert outcome(verify, token) is Expired
    now_s = NOW_S - 15.1  # a clock that was set back
    assert outcome(verify, token) is NotYetValid
    now_s = NOW_S
    assert verify(token)


class TurningKeys:
    """A ring of one key, turned by the test."""

    def __init__(self, key: JWK) -> None:
        self.key, self.epoch = key, 1

    def signing_keys(self) -> tuple[JWK, ...]:
        return (self.key,)

    def verification_keys(self) -> tuple[JWK, ...]:
        return (self.key,)

    def reread(self) -> None:
        """Nothing waits."""

    def turn(self, key: JWK) -> None:
        self.key, self.epoch = key, self.epoch + 1


def test_D12_an_entry_dies_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the next key has the same name."""
    elapsed_s = 1000.0
    monkeypatch.setattr("daypass.tokens.verifier.time.monotonic", lambda: elapsed_s)
    mine, next_one = (JWK.from_secret(secret, alg="HS256", kid="k") for secret in (forge.SECRET, b"x" * 32))
    ring = TurningKeys(mine)
    words = {"issuer": ISSUER, "audience": AUDIENCE, "typ": "JWT", "clock": lambda: NOW_S}
    verify = Verifier(ring, **words, cache_entries=8).verify
    token = forge.token({"alg": "HS256", "typ": "JWT", "kid": "k"}, claims(exp=NOW_S + 60, iat=...))
    assert verify(token) == verify(token)
    ring.turn(next_one)
    elapsed_s += 1
    assert outcome(verify, token) is InvalidSignature
    assert outcome(verify, token) is InvalidSignature
    ring.turn(mine)
    elapsed_s += 1
    assert verify(token) == verify(token)
