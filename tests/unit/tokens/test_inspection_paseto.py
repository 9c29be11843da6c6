"""`inspect_token` of a PASETO: what it says, what is wrong with it; and of a PASERK, which is a key and no token."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass import paseto
from daypass.errors import MalformedToken, TokenError
from daypass.limits import (
    ADVISED_LIFETIME_S_MAX,
    COOKIE_BYTES_MAX,
    FINDINGS_MAX,
    FOOTER_BYTES_MAX,
    FOOTER_MEMBERS_MAX,
    JWT_BYTES_MAX,
    TOKEN_BYTES_MAX,
)
from daypass.paseto import paserk
from daypass.paseto.keys import Version
from daypass.tokens.inspection import UnverifiedToken, inspect_token
from tests import vectors
from tests.security.forge import b64u

NOW_S = 1_800_000_000
TIMES = {"iat": "2027-01-15T07:59:00+00:00", "exp": "2027-01-15T08:10:00+00:00"}
CLAIMS = {"typ": "at+jwt", "iss": "i", "aud": "api", "sub": "u1", "client_id": "c", "jti": "j", **TIMES}
PERSONAL = "ada.lovelace@example.com"
VERSIONS: tuple[Version, ...] = (1, 2, 3, 4)
SIGNATURES = {1: 256, 2: 64, 3: 96, 4: 64}
FOOTER = {"kid": "k4.pid.AAAA"}
SECRET = paseto.SecretKey.generate(4)


def public(payload: Any = None, footer: Any = None, version: int = 4) -> str:
    """Spell a token that nobody signed."""
    token = f"v{version}.public.{b64u(octets(CLAIMS if payload is None else payload) + bytes(SIGNATURES[version]))}"
    return token if footer is None else f"{token}.{b64u(octets(footer))}"


def local(footer: Any = None, version: int = 4) -> str:
    token = f"v{version}.local.{b64u(bytes(100))}"
    return token if footer is None else f"{token}.{b64u(octets(footer))}"


def octets(part: Any) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part).encode()


def inspect(token: str) -> UnverifiedToken:
    return inspect_token(token, now_s=NOW_S)


def found(token: str) -> set[tuple[str, str, str]]:
    return {(finding.severity, finding.code, finding.where) for finding in inspect(token).findings}


# ------------------------------------------------------------------------------------------------ what it says


def test_a_good_token_says_what_it_says_and_nothing_is_wrong() -> None:
    token = public(footer=FOOTER)
    seen = inspect(token)
    assert (seen.kind, seen.form, seen.token_bytes) == ("paseto", "v4.public", len(token))
    assert seen.header == {"version": "v4", "purpose": "public"}
    assert [(header.where, header.members) for header in seen.headers[1:]] == [("footer", FOOTER)]
    assert seen.claims == {**CLAIMS, "iat": NOW_S - 60, "exp": NOW_S + 600}
    assert (seen.issued_at, seen.not_before, seen.expires_at) == (NOW_S - 60, None, NOW_S + 600)
    assert (seen.payload, seen.footer, seen.findings) == (None, None, ())


def test_of_an_encrypted_token_only_the_footer_can_be_read() -> None:
    seen = inspect(local(FOOTER))
    assert (seen.kind, seen.form, seen.claims, seen.payload) == ("paseto", "v4.local", None, None)
    assert [header.members for header in seen.headers] == [{"version": "v4", "purpose": "local"}, FOOTER]
    assert (seen.expires_at, seen.findings) == (None, ())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_daypass_makes_is_read_in_every_version(version: Version) -> None:
    secret, shared = paseto.SecretKey.generate(version), paseto.LocalKey.generate(version)
    signed = paseto.sign_claims({"sub": "u"}, secret, lifetime_s=600, footer=b'{"kid":"a"}', allow_legacy=True)
    seen = inspect_token(signed)
    assert seen.claims is not None
    assert (seen.form, seen.claims["sub"], seen.headers[1].members) == (f"v{version}.public", "u", {"kid": "a"})
    assert seen.claims["exp"] - seen.claims["iat"] == 600
    assert not [finding for finding in seen.findings if finding.severity == "error"]
    sealed = inspect_token(paseto.encrypt_claims({"sub": "u"}, shared, footer=b"text", allow_legacy=True))
    assert (sealed.form, sealed.claims, sealed.footer) == (f"v{version}.local", None, b"text")
    legacy = ("warning", "legacy_version", "header.version")
    assert [legacy in found(token) for token in (public(version=version), local(version=version))] == [version < 3] * 2


def test_nothing_of_a_token_is_in_a_repr() -> None:
    seen = inspect(public({**CLAIMS, "sub": PERSONAL}, {"kid": "a-kid-of-mine"}))
    text = f"{seen!r} {seen} {seen.headers!r} {seen.__rich_repr__()}"
    assert "redacted" in text
    assert not any(part in text for part in ("a-kid-of-mine", PERSONAL))


# ------------------------------------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    "changes, wanted",
    [
        ({"exp": ...}, ("error", "no_exp", "claims.exp")),
        ({"exp": "2027-01-15T08:00:00Z"}, ("error", "expired", "claims.exp")),
        ({"exp": "2027-01-15T07:00:00Z"}, ("error", "never_valid", "claims.exp")),
        ({"exp": "2027-01-17T08:10:00Z"}, ("warning", "long_lifetime", "claims.exp")),
        ({"nbf": "2027-01-15T08:00:01Z"}, ("error", "not_yet_valid", "claims.nbf")),
        ({"iat": "2027-01-15T08:06:00Z"}, ("warning", "issued_in_the_future", "claims.iat")),
        ({"exp": NOW_S + 600}, ("error", "claim_type", "claims.exp")),
        ({"exp": "tomorrow"}, ("error", "claim_type", "claims.exp")),
        ({"exp": "2027-01-15T08:10:00"}, ("error", "claim_type", "claims.exp")),
        ({"exp": "2027-02-30T08:10:00Z"}, ("error", "claim_type", "claims.exp")),
        ({"nbf": None}, ("error", "claim_type", "claims.nbf")),
        ({"iat": [1]}, ("error", "claim_type", "claims.iat")),
        ({"aud": ["api"]}, ("error", "claim_type", "claims.aud")),
        ({"aud": 5}, ("error", "claim_type", "claims.aud")),
        ({"aud": []}, ("error", "claim_type", "claims.aud")),
        ({"sub": 5}, ("error", "claim_type", "claims.sub")),
        ({"typ": 5}, ("error", "claim_type", "claims.typ")),
        ({"typ": ...}, ("info", "no_typ", "claims.typ")),
        ({"typ": "other", "aud": ...}, ("warning", "no_aud", "claims.aud")),
        ({"typ": "other", "iss": ...}, ("info", "no_iss", "claims.iss")),
        ({"jti": ...}, ("warning", "claim_missing", "claims.jti")),
        ({"email": "x"}, ("warning", "personal_data", "claims.email")),
        ({"sub": PERSONAL}, ("warning", "personal_data", "claims.sub")),
    ],
    ids=str,
)
def test_what_the_claims_tell(changes: dict[str, Any], wanted: tuple[str, str, str]) -> None:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    token = public(claims)
    assert wanted in found(token)
    assert PERSONAL not in "".join(finding.message + finding.where for finding in inspect(token).findings)


def test_a_long_lifetime_is_a_week_for_what_is_no_access_token() -> None:
    long = {"typ": "other", "exp": "2027-01-22T08:00:00Z"}
    assert ADVISED_LIFETIME_S_MAX == 7 * 86_400
    assert ("warning", "long_lifetime", "claims.exp") in found(public({**CLAIMS, **long}))
    assert found(public({**CLAIMS, **long, "exp": "2027-01-22T07:59:00Z"})) == set()


@pytest.mark.parametrize("exp", [NOW_S + 600, "tomorrow", "2027-02-30T08:10:00Z", True, None, [{}], 1e300, 10**400])
def test_a_time_that_is_none_is_shown_as_it_stands(exp: Any) -> None:
    seen = inspect(public({**CLAIMS, "exp": exp}))
    if seen.claims is None:  # no JSON reader of ours takes such a number
        assert exp == 10**400
        return
    assert (seen.claims["exp"], seen.expires_at, seen.issued_at) == (exp, None, NOW_S - 60)
    assert [(finding.code, finding.where) for finding in seen.findings] == [("claim_type", "claims.exp")]


@pytest.mark.parametrize("payload", [b"hello", b"[1, 2]", b"\xff\xfe", b"", b'"text"', b'{"a": NaN}'])
def test_a_payload_that_holds_no_claims_stays_bytes(payload: bytes) -> None:
    seen = inspect(public(payload))
    assert (seen.claims, seen.payload) == (None, payload)
    assert found(public(payload)) == {("error", "json", "payload")}


def test_a_member_that_stands_twice_is_told() -> None:
    token = public(octets(CLAIMS).replace(b'"sub": "u1"', b'"sub": "u1", "sub": "u2"'))
    assert ("error", "json", "payload") in found(token)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("purpose", ["local", "public"])
def test_a_token_that_is_too_short_for_its_protection(version: int, purpose: str) -> None:
    for raw in (b"", b"abc", bytes(39)):
        token = f"v{version}.{purpose}.{b64u(raw)}"
        assert ("error", "too_short", "payload") in found(token)
        assert (inspect(token).claims, inspect(token).payload) == (None, None)


MISSPELT = [
    (f"{public()}==", ("error", "base64url", "payload")),
    (f"{public()}.", ("error", "footer_empty", "footer")),
    (f"{public()}.e30=", ("error", "base64url", "footer")),
    (f"{public()}.\xe9\xe9", ("error", "base64url", "footer")),
    (f"{public()}.x", ("error", "base64url", "footer")),
    (f" {public()}", ("error", "surrounded", "token")),
    (f"Bearer {public()}", ("error", "surrounded", "token")),
    (local().replace("AAAA", "AA+/", 1), ("error", "base64url", "payload")),
]


@pytest.mark.parametrize("token, wanted", MISSPELT, ids=lambda it: "")
def test_what_is_misspelt_is_told_and_read(token: str, wanted: tuple[str, str, str]) -> None:
    assert wanted in found(token)
    assert inspect(token).kind == "paseto"


# ---------------------------------------------------------------------------------------------------- footers


@pytest.mark.parametrize("make", [public, local])
@pytest.mark.parametrize(
    "footer, wanted",
    [
        ({"kid": 5}, ("error", "header_type", "footer.kid")),
        ({"kid": "../../etc/passwd"}, ("warning", "kid_suspicious", "footer.kid")),
        ({"email": "x"}, ("warning", "personal_data", "footer.email")),
        ({"note": f"of {PERSONAL}"}, ("warning", "personal_data", "footer.note")),
        ({"wpk": "k4.local-wrap.pie.AAAA"}, ("warning", "embedded_key", "footer.wpk")),
        ({"wpk": "k4.seal.AAAA"}, ("warning", "embedded_key", "footer.wpk")),
        ({"wpk": "k4.local-pw.AAAA"}, ("error", "password", "footer.wpk")),
        ({"wpk": "AAAA"}, ("error", "header_type", "footer.wpk")),
        ({"wpk": 5}, ("error", "header_type", "footer.wpk")),
        ({"kid": "k4.public.AAAA"}, ("warning", "embedded_key", "footer.kid")),
        ({"kid": "k4.local.AAAA"}, ("error", "private_key", "footer.kid")),
        ({"a": "my key is k3.secret.AAAA"}, ("error", "private_key", "footer.a")),
        (b"k4.secret.AAAA", ("error", "private_key", "footer")),
        (b"text", ("info", "footer_no_json", "footer")),
        (b"[1]", ("info", "footer_no_json", "footer")),
        (b"\xff\x00", ("info", "footer_no_json", "footer")),
        (f"of {PERSONAL}".encode(), ("warning", "personal_data", "footer")),
        ({"a": {"b": 1}}, ("warning", "footer_json", "footer")),
        ({f"a{at}": 1 for at in range(FOOTER_MEMBERS_MAX + 1)}, ("warning", "footer_json", "footer")),
        (b'{"a":1,"a":2}', ("warning", "footer_json", "footer")),
        (b'{"a":' + b"[" * 5000, ("warning", "footer_json", "footer")),
        ({"a": "x" * FOOTER_BYTES_MAX}, ("error", "footer_too_long", "footer")),
        (b"x" * 20_000, ("error", "footer_too_long", "footer")),
    ],
    ids=lambda it: str(it)[:40],
)
def test_what_a_footer_tells(make: Any, footer: Any, wanted: tuple[str, str, str]) -> None:
    token = make(footer=footer)
    assert wanted in found(token)
    seen = inspect(token)
    shown = seen.footer if seen.footer is not None else octets(seen.headers[1].members)
    assert shown == octets(footer)
    assert not any(PERSONAL in finding.message + finding.where for finding in seen.findings)


@pytest.mark.parametrize("footer", [FOOTER, {"kid": "k3.lid.AAAA"}, {"kid": "k4.sid.AAAA", "n": 1, "b": True}, {}])
def test_an_ordinary_footer_is_no_finding(footer: dict[str, Any]) -> None:
    assert inspect(public(footer=footer)).findings == ()


# ------------------------------------------------------------------------------------------- bounds and vectors


def test_a_large_token() -> None:
    def of_length(length: int) -> str:
        return public({**CLAIMS, "n": "x" * length})

    assert ("warning", "size", "token") in found(of_length(COOKIE_BYTES_MAX))
    assert ("error", "size", "token") in found(of_length(JWT_BYTES_MAX))
    assert ("warning", "size", "token") in found(local(b"x" * 5000))


LARGE = {
    "claims": public({"a": "a@" * 380_000}),
    "a footer": local(b"a@" * 380_000),
    "keys": local(b"k4.secret.A" * 70_000),
    "almost keys": local(b"k4.local-wrap.a" * 50_000),
    "braces": local(b"{" * 700_000),
    "nesting": public(b'{"a":' * 150_000),
    "dots": "v4.local." + "." * 1_000_000,
}


@pytest.mark.parametrize("what", LARGE)
def test_a_megabyte_of_anything_takes_no_time(what: str) -> None:
    assert len(LARGE[what]) <= TOKEN_BYTES_MAX
    began = time.process_time()
    try:
        assert len(inspect(LARGE[what]).findings) <= FINDINGS_MAX
    except MalformedToken:
        assert what == "dots"
    assert time.process_time() - began < 2


@pytest.mark.parametrize("depth", [400, 900, 990, 1000, 1990, 2000, 3000, 20_000])
def test_no_depth_is_a_crash(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    for token in (public(b'{"exp":' + deep + b"}"), public(footer=b'{"a":' + deep + b"}")):
        assert inspect(token).kind == "paseto"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_official_tokens_are_read(version: int) -> None:
    read = 0
    for vector in vectors.load(f"paseto/v{version}.json")["tests"]:
        if vector["expect-fail"]:
            continue  # another version or purpose, or a footer that was changed
        seen = inspect(vector["token"])
        read += 1
        purpose = "local" if "nonce" in vector and vector.get("key") else "public"
        assert (seen.kind, seen.form) == ("paseto", f"v{version}.{purpose}")
        footer = json.dumps(seen.headers[1].members, separators=(",", ":")) if len(seen.headers) > 1 else seen.footer
        assert footer in (vector["footer"], vector["footer"].encode(), None)
        assert (footer is None) == (vector["footer"] == "")
        assert purpose == "local" or (seen.claims is not None and seen.expires_at in (1_546_300_800, 1_640_995_200))
    assert read >= 10


# ------------------------------------------------------------------------------------------------ keys as text


def protected() -> list[tuple[str, str]]:
    """Every type of PASERK, with a word of what is said of it."""
    shared = paseto.LocalKey.generate(4)
    return [
        (paserk.dump(SECRET), "a key that signs, in the clear"),
        (paserk.dump(shared), "encrypts and decrypts, in the clear"),
        (paserk.dump(SECRET.public()), "no secret"),
        (paserk.key_id(SECRET), "no secret"),
        (paserk.key_id(SECRET.public()), "no secret"),
        (paserk.key_id(shared), "no secret"),
        (paserk.dump(SECRET, wrapping_key=shared), "wrapped"),
        (paserk.dump(shared, wrapping_key=shared), "wrapped"),
        (paserk.dump(paseto.LocalKey.generate(3), password=b"x"), "password"),
        (paserk.dump(shared, sealing_key=SECRET.public()), "sealed"),
        ("k9.secret.AAAA", "k9.secret"),
        ("k4.local-wrap.other.AAAA", "wrapped"),
    ]


@pytest.mark.parametrize("text, hint", protected(), ids=lambda it: "")
@pytest.mark.parametrize("around", ["{}", " {}\n", "Bearer {}", "{}.AAAA"])
def test_a_key_is_recognised_and_never_repeated(text: str, hint: str, around: str) -> None:
    with pytest.raises(MalformedToken, match="PASERK and no token") as raised:
        inspect(around.format(text))
    said = f"{raised.value!r} {raised.value} {vars(raised.value)}"
    assert hint in said
    data = text.rpartition(".")[2]
    assert len(data) < 5 or data not in said


@pytest.mark.parametrize(
    "text, hint",
    [
        ("v5.public.AAAA", "another version"),
        ("v0.local.AAAA", "another version"),
        ("v4.local.A.A.A", "no more dots"),
        ("v4.local", "three segments"),
        ("v4.secret.AAAA", "first segment"),
        ("V4.local.AAAA", "first segment"),
    ],
)
def test_what_is_no_paseto_is_malformed(text: str, hint: str) -> None:
    with pytest.raises(MalformedToken, match=hint):
        inspect(text)


# ------------------------------------------------------------------------------------- whatever text comes in


@given(
    st.sampled_from([public(footer=FOOTER), local(FOOTER), public(b"text", b"text", 1), local(b"{", 3)]),
    st.integers(0),
    st.integers(0, 9),
    st.text('AZaz09-_=.+/ {}[]":,kv1234', max_size=6) | st.text(),
)
@settings(max_examples=1000)
def test_mutated_tokens(token: str, at: int, removed: int, inserted: str) -> None:
    at %= len(token) + 1
    try:
        seen = inspect(token[:at] + inserted + token[at + removed :])
    except TokenError:
        return
    assert seen.headers
    assert all(finding.where.isprintable() for finding in seen.findings)
