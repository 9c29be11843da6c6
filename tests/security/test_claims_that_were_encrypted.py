"""ATTACKS 3.3 and 3.4 behind encryption: claims hold as exactly as behind a signature, encrypted or nested."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest

from daypass import jwe, jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import (
    ClaimError,
    DecryptionFailed,
    Expired,
    InvalidSignature,
    MalformedToken,
    MissingClaim,
    NotYetValid,
    TokenError,
    UnsupportedToken,
    WrongIssuer,
)
from daypass.jose.jwe_header import allow
from daypass.jose.jwk import JWK
from daypass.jose.jwt_encrypted import compile_claims_decrypter
from daypass.jose.jwt_nested import compile_nested_verifier
from daypass.jose.key_choice import DecryptionChoice, KeyChoice
from tests.security import forge
from tests.security.forge import AUDIENCE, ISSUER, POLICY, claims, outcome
from tests.security.forge_jwe import receiver, segments, with_segment, wrapped
from tests.security.test_claims_of_a_token import OTHER_AUDIENCES, OTHER_ISSUERS, OTHER_KINDS, WRONG_DATES
from tests.security.test_parsing import DEEP, HEADER, in_other_encodings, payload_with

BOX, SIGNER = receiver("A256KW"), forge.jwk("HS256")
TYP, CTY = {"typ": "JWT"}, {"cty": "JWT"}


def encrypted(payload: forge.Part) -> str:
    return wrapped(TYP, forge.octets(payload))


def nested(payload: forge.Part, *, secret: bytes = forge.SECRET, header: forge.Part = HEADER) -> str:
    return wrapped(CTY, forge.token(header, payload, secret=secret).encode())


def decrypt(token: str, policy: ClaimsPolicy = POLICY, **words: Any) -> dict[str, Any]:
    return jwt.decrypt(token, BOX, policy=policy, **words)


def decrypt_then_verify(token: str, policy: ClaimsPolicy = POLICY, **words: Any) -> dict[str, Any]:
    return jwt.decrypt_then_verify(token, BOX, SIGNER, policy=policy, **words)


WAYS: list[tuple[Callable[..., str], Callable[..., dict[str, Any]]]] = [
    (encrypted, decrypt),
    (nested, decrypt_then_verify),
]


def refused_for(payload: forge.Part, error: Any, **words: Any) -> None:
    """Twice: the second time under a header, and with a key, that have opened a token before."""
    for make, read in WAYS:
        for _ in range(2):
            assert outcome(lambda m=make, r=read: r(m(payload), **words)) == error, make.__name__


def test_the_forge_makes_good_tokens() -> None:
    refused_for(claims(), "accepted")
    for make, read in WAYS:
        assert read(make(claims()))["sub"] == "u1"


# -------------------------------------------------------------------------------------------------- C: parsing


@pytest.mark.parametrize("members", [b'"exp":2000000001', b'"s\\u0075b":"a","sub":"a"', b'"a":[{"b":1,"b":1}]'])
def test_C01_claims_have_no_member_twice(members: bytes) -> None:
    refused_for(payload_with(members), MalformedToken)


@pytest.mark.parametrize("deep", DEEP.values(), ids=DEEP)
def test_C02_deep_nesting(deep: bytes) -> None:
    refused_for(deep, MalformedToken, bytes_max=10**7)
    refused_for(payload_with(b'"a":' + deep), MalformedToken, bytes_max=10**7)
    refused_for(payload_with(b'"a":' + deep[:4000]), MalformedToken)


@pytest.mark.parametrize(
    "number, error",
    [
        *((number, MalformedToken) for number in (b"9" * 6000, b"1e400", b"NaN", b"Infinity", b"-Infinity", b"01")),
        *((number, Expired) for number in (b"-0", b"1E3", b"1.5", b"5e-324")),
        *((number, ClaimError) for number in (b"9223372036854775808", b"1e308", b"253402300800")),
        (b"2e9", "accepted"),
    ],
    ids=lambda it: it[:24].decode() if isinstance(it, bytes) else "",
)
def test_C03_numbers_as_exp(number: bytes, error: Any) -> None:
    refused_for(b'{"iss":"%b","aud":"%b","exp":%b}' % (ISSUER.encode(), AUDIENCE.encode(), number), error)


@pytest.mark.parametrize("encoding", in_other_encodings(""))
def test_C04_json_is_utf8(encoding: str) -> None:
    payload = payload_with(b'"typ":"JWT"').decode()
    refused_for(in_other_encodings(payload)[encoding], MalformedToken)


@pytest.mark.parametrize("top", [b"[]", b'"x"', b"null", b"1", b"true", b"", b" ", b"[{}]", b"{", b"x", b"\xff"])
def test_C05_the_top_is_an_object(top: bytes) -> None:
    refused_for(top, MalformedToken)


@pytest.mark.parametrize("inner", [b"", b".", b"..", b"a.b.c", b"a.b.c.d.e", b"\0", "\u00e9".encode(), b"." * 4000])
def test_C05_what_is_inside_is_a_token(inner: bytes) -> None:
    assert outcome(decrypt_then_verify, wrapped(CTY, inner)) is MalformedToken


# --------------------------------------------------------------------------------------------------- D: claims


def test_D01_exp_is_required() -> None:
    refused_for(claims(exp=...), MissingClaim)


@pytest.mark.parametrize("exp", WRONG_DATES, ids=repr)
def test_D01_exp_of_a_wrong_type_is_not_absent(exp: Any) -> None:
    refused_for(claims(exp=exp), ClaimError)
    refused_for(claims(exp=exp), ClaimError, policy=ClaimsPolicy(required=(), issuer=ISSUER, audience=AUDIENCE))
    for issue in (lambda it: jwt.encrypt(it, BOX), lambda it: jwt.sign_then_encrypt(it, SIGNER, BOX)):
        with pytest.raises(ValueError, match="exp"):
            issue({"exp": exp})


@pytest.mark.parametrize("exp", [0, -1, 0.0, -0.5], ids=repr)
def test_D01_exp_long_ago(exp: float) -> None:
    refused_for(claims(exp=exp), Expired)


def test_D02_at_exp_it_has_expired_and_at_nbf_it_is_valid() -> None:
    now_s, box, none = 1_800_000_000, DecryptionChoice(BOX), allow(None, zip=False, pbes2=False, rsa1_5=False)
    for leeway_s in (0, 10):
        policy = ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, leeway_s=leeway_s)
        for make, read in (
            (encrypted, compile_claims_decrypter(box, none, policy, clock=lambda: now_s)),
            (nested, compile_nested_verifier(box, KeyChoice(SIGNER), none, policy, clock=lambda: now_s)),
        ):
            for changes, error in (
                ({"exp": now_s - leeway_s}, Expired),
                ({"exp": now_s - leeway_s + 0.001}, "accepted"),
                ({"exp": now_s + 60, "nbf": now_s + leeway_s}, "accepted"),
                ({"exp": now_s + 60, "nbf": now_s + leeway_s + 0.001}, NotYetValid),
            ):
                assert outcome(read, make(claims(iat=..., **changes))) == error


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("value", WRONG_DATES, ids=repr)
def test_D03_nbf_and_iat_of_a_wrong_type(name: str, value: Any) -> None:
    refused_for(claims(**{name: value}), ClaimError)


def test_D03_nbf_to_come() -> None:
    refused_for(claims(nbf=claims()["exp"]), NotYetValid)
    old = ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, max_age_s=60)
    refused_for(claims(iat=claims()["iat"] + 300), NotYetValid, policy=old)
    refused_for(claims(iat=claims()["iat"] - 300), ClaimError, policy=old)


@pytest.mark.parametrize("iss", OTHER_ISSUERS.values(), ids=OTHER_ISSUERS)
def test_D04_iss_is_exact(iss: Any) -> None:
    refused_for(claims(iss=iss), MissingClaim if iss is ... else WrongIssuer if isinstance(iss, str) else ClaimError)


@pytest.mark.parametrize("aud, error", OTHER_AUDIENCES.values(), ids=OTHER_AUDIENCES)
def test_D05_aud_is_exact(aud: Any, error: Any) -> None:
    refused_for(claims(aud=aud), error)


@pytest.mark.parametrize("name", ["sub", "jti", "iss"])
@pytest.mark.parametrize("value", [5, None, True, ["u1"], {}], ids=repr)
def test_D06_sub_and_jti_are_strings_at_both_ends(name: str, value: Any) -> None:
    refused_for(claims(**{name: value}), ClaimError)
    for issue in (lambda it: jwt.encrypt(it, BOX), lambda it: jwt.sign_then_encrypt(it, SIGNER, BOX)):
        with pytest.raises(ValueError, match=name):
            issue({name: value})


@pytest.mark.parametrize("typ", [*OTHER_KINDS, "at+jwt"], ids=repr)
def test_D07_another_kind_of_token(typ: str) -> None:
    """RFC 8725 3.11: the typ of an encrypted token, and that of the signed one inside a nested token."""
    for policy in (POLICY, ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE)):
        token = wrapped({"typ": typ}, forge.octets(claims()))
        assert outcome(lambda t=token, p=policy: decrypt(t, p)) is UnsupportedToken
        inner = nested(claims(), header={"alg": "HS256", "typ": typ})
        assert outcome(lambda t=inner, p=policy: decrypt_then_verify(t, p)) is UnsupportedToken
        outer = wrapped({**CTY, "typ": typ}, forge.token().encode())
        assert outcome(lambda t=outer, p=policy: decrypt_then_verify(t, p)) is UnsupportedToken


def test_D07_a_missing_typ_is_another_kind_where_one_is_expected() -> None:
    assert outcome(decrypt, wrapped({}, forge.octets(claims()))) is UnsupportedToken
    assert outcome(decrypt_then_verify, nested(claims(), header={"alg": "HS256"})) is UnsupportedToken


def test_D08_a_datetime_is_not_guessed_at_and_the_input_left_alone() -> None:
    naive = datetime.datetime(2030, 1, 1)  # noqa: DTZ001 - the point
    given: dict[str, Any] = {"sub": "u1", "list": [1, {"a": 2}]}
    before = json.dumps(given)
    for issue in (lambda it: jwt.encrypt(it, BOX), lambda it: jwt.sign_then_encrypt(it, SIGNER, BOX)):
        for value in (naive, naive.replace(tzinfo=datetime.UTC), datetime.timedelta(minutes=5)):
            for bad in ({"exp": value}, {"x": [value]}):
                with pytest.raises(TypeError):
                    issue(bad)
        assert issue(given)
    assert json.dumps(given) == before


def test_D09_two_layers_and_no_third() -> None:
    good = forge.token(None, claims()).encode()
    assert decrypt_then_verify(wrapped(CTY, good))["sub"] == "u1"
    signed_twice = forge.token({"alg": "HS256", "typ": "JWT", "cty": "JWT"}, good).encode()
    for inner, error in (
        (wrapped(CTY, good).encode(), MalformedToken),
        (wrapped(CTY, wrapped(CTY, good).encode()).encode(), MalformedToken),
        (signed_twice, UnsupportedToken),
    ):
        assert outcome(decrypt_then_verify, wrapped(CTY, inner)) is error


BAD_CLAIMS: list[dict[str, Any]] = [{"exp": 1}, {"exp": ...}, {"exp": "x"}, {"iss": "x"}, {"aud": 5}, {"nbf": 2**40}]


@pytest.mark.parametrize("changes", BAD_CLAIMS, ids=str)
def test_D10_tag_and_signature_come_before_the_claims(changes: dict[str, Any]) -> None:
    """CVE-2024-51744 behind encryption."""
    bad = claims(**changes)
    for make, read in WAYS:
        good = make(bad)
        for index in (1, 2, 4):
            octets = bytearray(forge.unb64u(segments(good)[index]))
            octets[0] ^= 1
            assert outcome(read, with_segment(good, index, forge.b64u(octets))) is DecryptionFailed
    assert outcome(decrypt_then_verify, nested(bad, secret=b"x" * 32)) is InvalidSignature


def test_D10_no_claim_of_a_failed_token_is_within_reach() -> None:
    planted = claims(sub="PLANTED", exp=1)
    for token, read in (
        (encrypted(planted), decrypt),
        (nested(planted), decrypt_then_verify),
        (nested(claims(sub="PLANTED"), secret=b"x" * 32), decrypt_then_verify),
        (wrapped(TYP, b'{"sub":"PLANTED"'), decrypt),
        (wrapped(CTY, b"PLANTED"), decrypt_then_verify),
    ):
        with pytest.raises(TokenError) as raised:
            read(token)
        error: BaseException | None = raised.value
        while error is not None:
            assert "PLANTED" not in repr((error.args, vars(error), str(error)))
            error = error.__cause__ or error.__context__


def test_D11_a_policy_adds_to_exp_and_never_takes_it_away() -> None:
    for words in ({"required": ()}, {"required": ("sub",)}, {"max_age_s": 10**9}, {"subject": "u1", "leeway_s": 300}):
        policy = ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, **words)  # type: ignore[arg-type]
        refused_for(claims(exp=1), Expired, policy=policy)


def test_D12_what_a_key_remembers_is_for_one_policy_and_one_partner() -> None:
    """The compiled function of a key: another policy, or another verification key, is another one."""
    box = JWK.from_dict(BOX.to_dict(private=True))
    token = nested(claims())
    for _ in range(2):
        assert jwt.decrypt_then_verify(token, box, SIGNER, policy=POLICY)["sub"] == "u1"
        other = ClaimsPolicy(issuer="other", audience=AUDIENCE, typ="JWT")
        assert outcome(lambda p=other: jwt.decrypt_then_verify(token, box, SIGNER, policy=p)) is WrongIssuer
        stranger = JWK.from_secret(b"x" * 32, alg="HS256")
        assert outcome(lambda k=stranger: jwt.decrypt_then_verify(token, box, k, policy=POLICY)) is InvalidSignature
        assert jwt.decrypt(encrypted(claims()), box, policy=POLICY)["sub"] == "u1"
        assert outcome(lambda p=other: jwt.decrypt(encrypted(claims()), box, policy=p)) is WrongIssuer
        assert jwe.decrypt(encrypted({"exp": 1}), box).plaintext == b'{"exp":1}'
