"""`inspect_token`: what an unverified token says, what is wrong with it, and that nothing else comes out of it."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import daypass
from daypass.errors import MalformedToken, TokenError, TokenTooLarge
from daypass.limits import (
    ADVISED_ACCESS_LIFETIME_S_MAX,
    ADVISED_LIFETIME_S_MAX,
    COOKIE_BYTES_MAX,
    FINDINGS_MAX,
    HEADER_BYTES_MAX,
    INSPECTED_PARTS_MAX,
    INSPECTED_VALUES_MAX,
    JWT_BYTES_MAX,
    KID_BYTES_MAX,
    LEEWAY_S_MAX,
    PBES2_COUNT_DEFAULT,
    PBES2_COUNT_MAX,
    PERSONAL_FINDINGS_MAX,
    TOKEN_BYTES_MAX,
)
from daypass.tokens.inspection import UnverifiedToken, inspect_token
from daypass.tokens.inspection.findings import Finding
from tests import vectors
from tests.security import forge
from tests.security.forge import b64u, octets

NOW_S = 1_800_000_000
HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"iss": "https://issuer.example", "aud": "api", "sub": "u1", "iat": NOW_S - 60, "exp": NOW_S + 600}
PERSONAL = "ada.lovelace@example.com"


def compact(header: Any = None, payload: Any = None, signature: bytes = bytes(32)) -> str:
    parts = HEADER if header is None else header, CLAIMS if payload is None else payload
    return ".".join([*(b64u(octets(part)) for part in parts), b64u(signature)])


def jwe(header: dict[str, Any], key: bytes = b"", iv: bytes = bytes(12), tag: bytes = bytes(16)) -> str:
    return ".".join(b64u(part) for part in (octets(header), key, iv, b"sealed", tag))


def inspect(token: str) -> UnverifiedToken:
    return inspect_token(token, now_s=NOW_S)


def found(token: str) -> set[tuple[str, str, str]]:
    """Name the severity, code and place of all findings."""
    return {(finding.severity, finding.code, finding.where) for finding in inspect(token).findings}


# ------------------------------------------------------------------------------------------------ what it says


def test_a_good_token_says_what_it_says_and_nothing_is_wrong() -> None:
    token = compact()
    seen = inspect(token)
    assert (seen.kind, seen.form, seen.token_bytes) == ("jws", "compact", len(token))
    assert (seen.header, seen.claims, seen.payload) == (HEADER, CLAIMS, None)
    assert [(header.where, header.members) for header in seen.headers] == [("header", HEADER)]
    assert (seen.issued_at, seen.not_before, seen.expires_at) == (NOW_S - 60, None, NOW_S + 600)
    assert (seen.now_s, seen.age_s, seen.expires_in_s) == (NOW_S, 60, 600)
    assert seen.findings == ()


def test_without_a_time_it_is_now() -> None:
    before = time.time()
    assert before <= daypass.inspect_token(compact()).now_s <= time.time()


def test_no_signature_is_looked_at_so_any_key_could_have_made_it() -> None:
    assert inspect(forge.token(HEADER, CLAIMS, secret=b"x" * 32)).claims == CLAIMS
    assert inspect(compact(signature=b"\1" * 32)).findings == ()


def test_no_time_is_taken_from_what_is_none() -> None:
    seen = inspect(compact(payload={"iat": "1", "nbf": True, "exp": 1e300}))
    assert (seen.issued_at, seen.not_before, seen.expires_at, seen.age_s, seen.expires_in_s) == (None,) * 5


@pytest.mark.parametrize("payload", [b"hello", b"[1, 2]", b"\xff\xfe", b'"text"', b"nul", b'{"a": NaN}'])
def test_a_payload_that_is_no_json_object_stays_bytes(payload: bytes) -> None:
    seen = inspect(compact({"alg": "HS256"}, payload))
    assert (seen.claims, seen.payload, seen.findings) == (None, payload, ())
    assert ("error", "json", "payload") in found(compact(HEADER, payload))


def test_an_encrypted_token_shows_its_header_only() -> None:
    header = {"alg": "dir", "enc": "A256GCM", "typ": "JWT"}
    seen = inspect(jwe(header))
    assert (seen.kind, seen.form, seen.header, seen.claims, seen.payload) == ("jwe", "compact", header, None, None)
    assert seen.findings == ()


def test_json_serialization_shows_every_header_with_its_place() -> None:
    protected = b64u(octets({"alg": "HS256"}))
    signatures = [
        {"protected": protected, "header": {"kid": "a"}, "signature": b64u(bytes(32))},
        {"header": {"alg": "ES256"}, "signature": b64u(bytes(64))},
    ]
    seen = inspect(json.dumps({"payload": b64u(octets(CLAIMS)), "signatures": signatures}))
    assert (seen.kind, seen.form, seen.claims) == ("jws", "general", CLAIMS)
    assert [(header.where, header.members) for header in seen.headers] == [
        ("signatures[0].protected", {"alg": "HS256"}),
        ("signatures[0].header", {"kid": "a"}),
        ("signatures[1].header", {"alg": "ES256"}),
    ]
    assert [(finding.code, finding.where) for finding in seen.findings] == [
        ("alg_unprotected", "signatures[1].header.alg")
    ]


def test_a_detached_and_an_unencoded_payload() -> None:
    head, _, signature = compact({"alg": "HS256"}).split(".")
    seen = inspect(f"{head}..{signature}")
    assert (seen.claims, seen.payload) == (None, b"")
    assert found(f"{head}..{signature}") == {("info", "detached", "payload")}
    head = b64u(octets({"alg": "HS256", "b64": False, "crit": ["b64"]}))
    seen = inspect(f"{head}.$02.{signature}")
    assert (seen.payload, [finding.code for finding in seen.findings]) == (b"$02", ["b64"])


def test_nothing_of_a_token_is_in_a_repr() -> None:
    seen = inspect(compact({**HEADER, "kid": "a-kid-of-mine"}, {**CLAIMS, "sub": PERSONAL}))
    text = f"{seen!r} {seen} {seen.headers!r} {seen.__rich_repr__()} {seen.headers[0].__rich_repr__()}"
    assert "redacted" in text
    assert not any(part in text for part in ("a-kid-of-mine", PERSONAL, "issuer.example", str(NOW_S + 600)))


# ------------------------------------------------------------------------------------------------ what is wrong

JWK_PUBLIC = {"kty": "OKP", "crv": "Ed25519", "x": b64u(bytes(32))}
ALGORITHMS: list[tuple[dict[str, Any], int, tuple[str, str, str]]] = [
    ({"alg": "none"}, 0, ("error", "alg_none", "header.alg")),
    ({"alg": "nOnE"}, 32, ("error", "alg_none", "header.alg")),
    ({"alg": " NONE\0"}, 0, ("error", "alg_none", "header.alg")),
    ({"alg": "none"}, 0, ("error", "no_signature", "signature")),
    ({"alg": "HS256"}, 0, ("error", "no_signature", "signature")),
    ({}, 32, ("error", "alg_missing", "header.alg")),
    ({"alg": None}, 32, ("error", "alg_missing", "header.alg")),
    ({"alg": ["HS256"]}, 32, ("error", "header_type", "header.alg")),
    ({"alg": "hs256"}, 32, ("error", "alg_unknown", "header.alg")),
    ({"alg": "HS1"}, 20, ("error", "alg_unknown", "header.alg")),
    ({"alg": "A128KW"}, 32, ("error", "alg_unknown", "header.alg")),
    ({"alg": "HS256", "jwk": JWK_PUBLIC}, 32, ("error", "alg_confusion", "header.alg")),
    ({"alg": "HS512"}, 32, ("error", "signature_length", "signature")),
    ({"alg": "ES256"}, 70, ("error", "signature_length", "signature")),
    ({"alg": "Ed25519"}, 114, ("error", "signature_length", "signature")),
    ({"alg": "RS256"}, 128, ("error", "weak_key", "signature")),
    ({"alg": "PS512"}, 128, ("error", "weak_key", "signature")),
    ({"alg": "EdDSA"}, 64, ("info", "alg_name", "header.alg")),
]


@pytest.mark.parametrize("header, length, wanted", ALGORITHMS)
def test_what_the_algorithm_of_a_signature_tells(
    header: dict[str, Any], length: int, wanted: tuple[str, str, str]
) -> None:
    assert wanted in found(compact({"typ": "JWT", **header}, signature=bytes(length)))


@pytest.mark.parametrize(
    "alg, length",
    [("RS256", 256), ("PS384", 512), ("ES256", 64), ("ES384", 96), ("ES512", 132), ("Ed448", 114), ("HS512", 64)],
)
def test_a_fine_algorithm_is_no_finding(alg: str, length: int) -> None:
    assert found(compact({"alg": alg, "typ": "JWT"}, signature=bytes(length))) == set()


HEADERS: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"typ": 5}, ("error", "header_type", "header.typ")),
    ({"kid": ["a"]}, ("error", "header_type", "header.kid")),
    ({"jku": {}}, ("error", "header_type", "header.jku")),
    ({"crit": ["exp"], "exp": 1}, ("error", "crit_unknown", "header.crit.exp")),
    ({"crit": ["x@y"], "x@y": 1}, ("error", "crit_unknown", "header.crit.*")),
    ({"crit": ["exp"]}, ("error", "crit", "header.crit.exp")),
    ({"crit": []}, ("error", "crit", "header.crit")),
    ({"crit": "exp"}, ("error", "crit", "header.crit")),
    ({"crit": [1]}, ("error", "crit", "header.crit")),
    ({"b64": True}, ("error", "crit", "header.b64")),
    ({"b64": "false"}, ("error", "header_type", "header.b64")),
    ({"kid": "../../dev/null"}, ("warning", "kid_suspicious", "header.kid")),
    ({"kid": "/etc/passwd"}, ("warning", "kid_suspicious", "header.kid")),
    ({"kid": "file:///dev/null"}, ("warning", "kid_suspicious", "header.kid")),
    ({"kid": "x' UNION SELECT 'secret"}, ("warning", "kid_suspicious", "header.kid")),
    ({"kid": "a|cmd"}, ("warning", "kid_suspicious", "header.kid")),
    ({"kid": "a\0"}, ("warning", "kid_suspicious", "header.kid")),
    ({"kid": "k" * (KID_BYTES_MAX + 1)}, ("error", "kid_too_long", "header.kid")),
    ({"jwk": JWK_PUBLIC}, ("warning", "embedded_key", "header.jwk")),
    ({"jku": "https://x.example"}, ("warning", "embedded_key", "header.jku")),
    ({"x5u": "file:///x"}, ("warning", "embedded_key", "header.x5u")),
    ({"x5c": ["MII"]}, ("warning", "embedded_key", "header.x5c")),
    ({"typ": "dpop+jwt", "jwk": JWK_PUBLIC}, ("info", "embedded_key", "header.jwk")),
    ({"jwk": {**JWK_PUBLIC, "d": "AAAA"}}, ("error", "private_key", "header.jwk")),
    ({"jwk": {"kty": "oct", "k": "AAAA"}}, ("error", "private_key", "header.jwk")),
    ({"kid": PERSONAL}, ("warning", "personal_data", "header.kid")),
    ({"cty": "JWT"}, ("info", "nested", "payload")),
    ({"x": "x" * HEADER_BYTES_MAX}, ("error", "header_too_long", "header")),
]


@pytest.mark.parametrize("header, wanted", HEADERS, ids=lambda it: "")
def test_what_a_header_tells(header: dict[str, Any], wanted: tuple[str, str, str]) -> None:
    assert wanted in found(compact({"alg": "ES256", "typ": "JWT", **header}, signature=bytes(64)))


@pytest.mark.parametrize(
    "kid", ["2026-01", "https://vault.example/keys/a/1", "did:web:x#key-1", "a+/b==", b64u(bytes(32))]
)
def test_an_ordinary_kid_is_no_finding(kid: str) -> None:
    assert found(compact({**HEADER, "kid": kid})) == set()


@pytest.mark.parametrize("header, wanted", [({}, {("info", "no_typ", "header.typ")}), ({"typ": "jwt"}, set())])
def test_a_missing_typ(header: dict[str, Any], wanted: set[Any]) -> None:
    assert found(compact({"alg": "HS256", **header})) == wanted


def with_claims(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (CLAIMS | changes).items() if value is not ...}


TIMES: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"exp": ...}, ("error", "no_exp", "claims.exp")),
    ({"aud": ...}, ("warning", "no_aud", "claims.aud")),
    ({"iss": ...}, ("info", "no_iss", "claims.iss")),
    ({"iat": ...}, ("info", "no_iat", "claims.iat")),
    ({"exp": NOW_S}, ("error", "expired", "claims.exp")),
    ({"exp": 3600, "iat": ...}, ("error", "expired", "claims.exp")),
    ({"nbf": NOW_S + 1}, ("error", "not_yet_valid", "claims.nbf")),
    ({"iat": NOW_S + LEEWAY_S_MAX + 1}, ("warning", "issued_in_the_future", "claims.iat")),
    ({"iat": NOW_S + 900}, ("error", "never_valid", "claims.exp")),
    ({"nbf": NOW_S + 600}, ("error", "never_valid", "claims.exp")),
    ({"exp": NOW_S * 1000}, ("error", "milliseconds", "claims.exp")),
    ({"iat": NOW_S * 1000.5}, ("error", "milliseconds", "claims.iat")),
    ({"exp": NOW_S - 59 + ADVISED_LIFETIME_S_MAX}, ("warning", "long_lifetime", "claims.exp")),
    ({"exp": NOW_S + 1 + ADVISED_LIFETIME_S_MAX, "iat": ...}, ("warning", "long_lifetime", "claims.exp")),
    ({"exp": "1"}, ("error", "claim_type", "claims.exp")),
    ({"exp": True}, ("error", "claim_type", "claims.exp")),
    ({"nbf": None}, ("error", "claim_type", "claims.nbf")),
    ({"iat": 10**400}, ("error", "claim_type", "claims.iat")),
    ({"auth_time": []}, ("error", "claim_type", "claims.auth_time")),
    ({"iss": 5}, ("error", "claim_type", "claims.iss")),
    ({"sub": None}, ("error", "claim_type", "claims.sub")),
    ({"jti": 7}, ("error", "claim_type", "claims.jti")),
    ({"scope": ["a"]}, ("error", "claim_type", "claims.scope")),
    *(({"aud": aud}, ("error", "claim_type", "claims.aud")) for aud in ([], "", ["a", 5], {"a": 1}, [["a"]], None)),
]


@pytest.mark.parametrize("changes, wanted", TIMES, ids=lambda it: "")
def test_what_the_registered_claims_tell(changes: dict[str, Any], wanted: tuple[str, str, str]) -> None:
    assert wanted in found(compact(payload=with_claims(**changes)))


def test_a_lifetime_is_not_mistaken_for_a_time() -> None:
    (told,) = [f.message for f in inspect(compact(payload=with_claims(exp=3600))).findings if f.code == "expired"]
    assert "not how long" in told


@pytest.mark.parametrize(
    "changes", [{"exp": NOW_S + 1}, {"nbf": NOW_S}, {"aud": ["a", "b"]}, {"exp": NOW_S + 0.5}, {"iat": NOW_S + 299}]
)
def test_what_holds_is_no_finding(changes: dict[str, Any]) -> None:
    assert found(compact(payload=with_claims(**changes))) == set()


def test_an_access_token_is_held_against_its_standard() -> None:
    header = {"alg": "HS256", "typ": "application/AT+JWT"}
    seen = found(compact(header, with_claims(exp=NOW_S - 60 + ADVISED_ACCESS_LIFETIME_S_MAX + 1)))
    assert seen == {
        ("warning", "claim_missing", "claims.client_id"),
        ("warning", "claim_missing", "claims.jti"),
        ("warning", "long_lifetime", "claims.exp"),
    }


def test_a_proof_of_possession_needs_no_exp() -> None:
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": JWK_PUBLIC}
    claims = {"jti": "1", "htm": "GET", "htu": "https://api.example", "iat": NOW_S}
    assert found(compact(header, claims, bytes(64))) == {("info", "embedded_key", "header.jwk")}


PERSONAL_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"email": PERSONAL}, "claims.email"),
    ({"phone_number": "+1 (310) 123-4567"}, "claims.phone_number"),
    ({"birthdate": "1815-12-10"}, "claims.birthdate"),
    ({"address": {"locality": "London"}}, "claims.address"),
    ({"given_name": "Ada"}, "claims.given_name"),
    ({"name": "Ada Lovelace"}, "claims.name"),
    ({"https://example.com/claims/email": "x"}, "claims.https://example.com/claims/email"),
    ({"sub": PERSONAL}, "claims.sub"),
    ({"sub": f"mailto:{PERSONAL}"}, "claims.sub"),
    ({"upn": f"Ada <{PERSONAL}>"}, "claims.upn"),
    ({"data": {"owners": ["x", {"contact": PERSONAL}]}}, "claims.data.owners[1].contact"),
    ({"user": {"name": "Ada"}}, "claims.user.name"),
    ({PERSONAL: 1}, "claims.*"),
    ({PERSONAL: {"x": {"email": "x"}}}, "claims.*"),
]


@pytest.mark.parametrize("claims, place", PERSONAL_CLAIMS, ids=[place for _, place in PERSONAL_CLAIMS])
def test_personal_data_is_found_by_its_place_and_never_repeated(claims: dict[str, Any], place: str) -> None:
    seen = inspect(compact(payload={**CLAIMS, **claims}))
    personal = [finding for finding in seen.findings if finding.code == "personal_data"]
    assert [(finding.severity, finding.where) for finding in personal] == [("warning", place)]
    assert not any(value in repr(personal) for value in (PERSONAL, "Lovelace", "London", "1815", "4567"))


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": True, "email": ""},
        {"roles": [{"name": "admin"}], "scope": "email profile"},
        {"note": "at @home or @ x.y, a@b, 5@3.2"},
        {"url": "https://example.com/@ada"},
    ],
)
def test_what_is_not_personal_is_not_found(claims: dict[str, Any]) -> None:
    assert found(compact(payload={**CLAIMS, **claims})) == set()


def test_a_large_token() -> None:
    for length, wanted in ((COOKIE_BYTES_MAX, "warning"), (JWT_BYTES_MAX, "error")):
        token = compact(payload={**CLAIMS, "data": "x" * length})
        assert found(token) == {(wanted, "size", "token")}
    assert ("warning", "size", "token") in found(compact({"alg": "HS256"}, b"x" * JWT_BYTES_MAX))


# ------------------------------------------------------------------------------------------------- misspelt


def test_what_surrounds_a_token_is_told_and_taken_away() -> None:
    for text in (f" {compact()}\n", f"Bearer {compact()}", f"bearer  {compact()}\r\n"):
        seen = inspect(text)
        assert seen.claims == CLAIMS
        assert {finding.code for finding in seen.findings} == {"surrounded"}


def misspelt(token: str) -> list[tuple[str, str]]:
    head, body, signature = token.split(".")
    stray = signature[:-1] + chr(ord(signature[-1]) + 1)
    return [
        (f"{head}.{body}.{signature}=", "signature"),
        (f"{head}=.{body}.{signature}", "header"),
        (f"{head}.{body[:20]}\n{body[20:]}.{signature}", "payload"),
        (f"{head}.{body}.{stray}", "signature"),
        (f"{head}.{body}.{signature[:-2]}+/", "signature"),
        (f"{head}.{body}!.{signature}", "payload"),
        (f"{head}.{body}.\u00e9", "signature"),
    ]


@pytest.mark.parametrize("text, place", misspelt(compact()))
def test_misspelt_base64url_is_told(text: str, place: str) -> None:
    seen = inspect(text)
    assert ("error", "base64url", place) in found(text)
    assert seen.header == HEADER
    assert seen.claims == (None if "!" in text else CLAIMS)


@pytest.mark.parametrize(
    "header, payload, place",
    [
        (b'{"alg":"none","alg":"HS256","typ":"JWT"}', CLAIMS, "header"),
        (HEADER, b'{"iss":"i","aud":"a","iat":1800000000,"exp":1,"exp":1800000600}', "payload"),
        (b"\xef\xbb\xbf" + octets(HEADER), CLAIMS, "header"),
    ],
)
def test_lax_json_is_told(header: Any, payload: Any, place: str) -> None:
    assert found(compact(header, payload)) == {("error", "json", place)}


# ----------------------------------------------------------------------------------------------- encryption

ENCRYPTED: list[tuple[str, tuple[str, str, str]]] = [
    (jwe({"alg": "RSA1_5", "enc": "A128GCM"}, bytes(256)), ("error", "alg_deprecated", "header.alg")),
    (jwe({"alg": "RSA-OAEP-256", "enc": "A128GCM"}, bytes(256)), ("info", "unknown_sender", "header.alg")),
    (jwe({"alg": "RSA-OAEP", "enc": "A128GCM"}, bytes(128)), ("error", "weak_key", "encrypted_key")),
    (jwe({"enc": "A128GCM"}), ("error", "alg_missing", "header.alg")),
    (jwe({"alg": "dir"}), ("error", "enc_missing", "header.enc")),
    (jwe({"alg": "HS256", "enc": "A128GCM"}), ("error", "alg_unknown", "header.alg")),
    (jwe({"alg": "dir", "enc": "a128gcm"}), ("error", "alg_unknown", "header.enc")),
    (jwe({"alg": "dir", "enc": "A128GCM"}, b"key"), ("error", "encrypted_key", "encrypted_key")),
    (jwe({"alg": "A128KW", "enc": "A128GCM"}), ("error", "encrypted_key", "encrypted_key")),
    (jwe({"alg": "dir", "enc": "A128GCM"}, iv=bytes(16)), ("error", "iv_length", "iv")),
    (jwe({"alg": "dir", "enc": "A128GCM"}, tag=bytes(4)), ("error", "tag_length", "tag")),
    (jwe({"alg": "dir", "enc": "A128CBC-HS256"}), ("error", "iv_length", "iv")),
    (jwe({"alg": "dir", "enc": "A128GCM", "zip": "DEF"}), ("warning", "zip", "header.zip")),
    (jwe({"alg": "dir", "enc": "A128GCM", "zip": "GZ"}), ("error", "zip", "header.zip")),
    (jwe({"alg": "ECDH-ES", "enc": "A128GCM"}), ("error", "parameter_missing", "header.epk")),
    (
        jwe({"alg": "ECDH-ES", "enc": "A128GCM", "epk": {**JWK_PUBLIC, "d": "AA"}}),
        ("error", "private_key", "header.epk"),
    ),
    (jwe({"alg": "dir", "enc": "A128GCM", "sub": PERSONAL}), ("warning", "personal_data", "header.sub")),
]
PASSWORD = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": b64u(bytes(16))}
ENCRYPTED += [(jwe({**PASSWORD, "p2c": PBES2_COUNT_DEFAULT}, bytes(24)), ("warning", "password", "header.alg"))]
ENCRYPTED += [(jwe({**PASSWORD, "p2c": 5000}, bytes(24)), ("warning", "p2c", "header.p2c"))]
ENCRYPTED += [
    (jwe({**PASSWORD, "p2c": count}, bytes(24)), ("error", "p2c", "header.p2c"))
    for count in (PBES2_COUNT_MAX + 1, 2_000_000_000, 999, 1, 0, -5, "4096", 1e6, True, [], None)
]
ENCRYPTED += [(jwe({**PASSWORD, "p2c": 600_000, "p2s": "AAAA"}, bytes(24)), ("error", "p2s", "header.p2s"))]
ENCRYPTED += [(jwe({**PASSWORD, "p2s": 5}, bytes(24)), ("error", "parameter_missing", "header.p2c"))]


ENCRYPTED += [
    (jwe({"alg": "ECDH-ES", "enc": "A128GCM", name: "AB"}), ("error", "base64url", f"header.{name}"))
    for name in ("apu", "apv")
]
ENCRYPTED += [
    (jwe({"alg": "A128GCMKW", "enc": "A128GCM", name: "AA=="}), ("error", "base64url", f"header.{name}"))
    for name in ("iv", "tag")
]
OPEN = {
    "protected": b64u(b'{"alg":"dir","enc":"A128GCM"}'),
    "iv": b64u(bytes(12)),
    "ciphertext": "",
    "tag": b64u(bytes(16)),
}
ENCRYPTED += [
    (json.dumps({**OPEN, **more}), wanted)
    for more, wanted in (
        ({"unprotected": {"zip": "DEF"}}, ("error", "zip", "unprotected.zip")),
        ({"header": {"zip": "DEF"}}, ("error", "zip", "header.zip")),
        ({"aad": ""}, ("error", "aad", "aad")),
        ({"aad": "AB"}, ("error", "base64url", "aad")),
        ({"aad": 5}, ("error", "base64url", "aad")),
    )
]


@pytest.mark.parametrize("token, wanted", ENCRYPTED, ids=lambda it: "")
def test_what_an_encrypted_token_tells(token: str, wanted: tuple[str, str, str]) -> None:
    assert wanted in found(token)


# ------------------------------------------------------------------------------------------------------- JSON

PROTECTED = b64u(octets({"alg": "HS256"}))
SIGNED = {"payload": b64u(octets(CLAIMS)), "protected": PROTECTED, "signature": b64u(bytes(32))}
SEALED = {
    "protected": b64u(octets({"enc": "A128GCM"})),
    "iv": b64u(bytes(12)),
    "ciphertext": "AAAA",
    "tag": b64u(bytes(16)),
}
ONE = {"header": {"alg": "A128KW"}, "encrypted_key": b64u(bytes(24))}


@pytest.mark.parametrize(
    "token, form",
    [
        (SIGNED, "flattened"),
        (
            {"payload": SIGNED["payload"], "signatures": [{"protected": PROTECTED, "signature": b64u(bytes(32))}]},
            "general",
        ),
        ({**SEALED, **ONE}, "flattened"),
        ({**SEALED, "recipients": [ONE, {**ONE, "header": {"alg": "A128KW", "kid": "b"}}]}, "general"),
        ({**SEALED, "unprotected": {"alg": "A128KW"}, "encrypted_key": ONE["encrypted_key"]}, "flattened"),
    ],
    ids=lambda it: "",
)
def test_json_serialization_that_is_fine(token: dict[str, Any], form: str) -> None:
    seen = inspect(json.dumps(token))
    assert (seen.form, seen.findings) == (form, ())


WRONG_JSON: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({**SIGNED, "signatures": [SIGNED]}, ("error", "ambiguous", "token")),
    ({**SEALED, **ONE, "payload": "AAAA"}, ("error", "ambiguous", "token")),
    ({**SEALED, "recipients": []}, ("error", "no_recipients", "recipients")),
    ({**SEALED, "recipients": [ONE, 5]}, ("error", "no_recipients", "recipients")),
    ({**SEALED, "recipients": [ONE] * (INSPECTED_PARTS_MAX + 1)}, ("error", "too_many", "recipients")),
    ({**SIGNED, "header": {"alg": "HS256"}}, ("error", "header_overlap", "header")),
    ({**SIGNED, "header": {"crit": ["x"], "x": 1}}, ("error", "crit", "header.crit")),
    ({**SIGNED, "header": 5}, ("error", "header", "header")),
    ({**SIGNED, "protected": 5, "header": {"alg": "HS256"}}, ("error", "header", "protected")),
    ({**SIGNED, "protected": "!", "header": {"alg": "HS256"}}, ("error", "header", "protected")),
    ({**SIGNED, "signature": ""}, ("error", "no_signature", "signature")),
    ({**SIGNED, "signature": 5}, ("error", "base64url", "signature")),
    ({**SIGNED, "payload": 5}, ("error", "base64url", "payload")),
    ({name: SIGNED[name] for name in ("protected", "signature")}, ("info", "detached", "payload")),
    ({**SEALED, "recipients": [{**ONE, "header": {"alg": "A128KW", "enc": "A128GCM"}}]},
     ("error", "header_overlap", "recipients[0].header")),
]  # fmt: skip


@pytest.mark.parametrize("token, wanted", WRONG_JSON, ids=lambda it: "")
def test_what_json_serialization_tells(token: dict[str, Any], wanted: tuple[str, str, str]) -> None:
    assert wanted in found(json.dumps(token))


def test_a_member_that_stands_twice_in_json_serialization() -> None:
    text = json.dumps(SIGNED)[:-1] + f', "payload": "{SIGNED["payload"]}"}}'
    assert found(text) == {("error", "json", "token")}


def cookbook() -> list[Any]:
    place = vectors.directory() / "rfc7520-cookbook"
    return [
        pytest.param(output[name], id=f"{path.stem}-{name}")
        for path in sorted(place.rglob("*.json"))
        for output in [json.loads(path.read_text(encoding="utf-8")).get("output", {})]
        for name in ("compact", "json", "json_flat")
        if name in output
    ]


@pytest.mark.parametrize("token", cookbook())
def test_the_tokens_of_rfc_7520_are_read(token: Any) -> None:
    """The one deprecated algorithm is the only error among them (and a vector that leaves ``crit`` out)."""
    seen = inspect(token if isinstance(token, str) else json.dumps(token))
    assert seen.header
    assert {finding.code for finding in seen.findings if finding.severity == "error"} <= {"alg_deprecated", "crit"}


# ----------------------------------------------------------------------------------------- what is no token


@pytest.mark.parametrize(
    "text, hint",
    [
        ("", "empty"),
        (" \n", "empty"),
        ("hello", "three segments"),
        ("a.b.c", "first segment"),
        ("a.b", "three segments"),
        ("....", "first segment"),
        (".....", "three segments"),
        (f"{b64u(b'[1]')}.e30.AAAA", "first segment"),
        ("{", "begins like JSON"),
        ("{}", "no token"),
        ('{"kty": "oct", "k": "AAAA"}', "it is a key"),
        ('{"access_token": "a.b.c", "token_type": "Bearer"}', "answer to a login"),
        ('{"payload": "AAAA"}', "no header"),
        ('{"signatures": 5}', "no header"),
        ("dpr1.a.b.1.c.d", "refresh token"),
        ("-----BEGIN PUBLIC KEY-----", "PEM"),
        (f"{compact()}~WyJhIl0~", "SD-JWT"),
        ("\ud800.\ud800.\ud800", "first segment"),
        ("V4.public.AAAA", "first segment"),
    ],
)
def test_what_is_no_token_is_malformed(text: str, hint: str) -> None:
    if "~" in text:
        assert inspect(text).claims == CLAIMS  # the signature is misspelt, all else can be read
        return
    with pytest.raises(MalformedToken, match=hint):
        inspect(text)


@pytest.mark.parametrize("text", [None, b"a.b.c", 5, ["a"], object()])
def test_what_is_no_text_is_malformed(text: Any) -> None:
    with pytest.raises(MalformedToken, match="str"):
        inspect_token(text)


def test_no_error_repeats_the_text() -> None:
    for text in (PERSONAL, f"{PERSONAL}.{PERSONAL}.x", json.dumps({"email": PERSONAL}), "{" + PERSONAL):
        with pytest.raises(MalformedToken) as raised:
            inspect(text)
        assert PERSONAL not in f"{raised.value!r} {raised.value} {vars(raised.value)}"


# ---------------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize("text", ["x" * (TOKEN_BYTES_MAX + 1), "." * 2_000_000, "x" * 30_000_000], ids=len)
def test_C06_a_text_beyond_the_bound_is_not_looked_at(text: str) -> None:
    with pytest.raises(TokenTooLarge):
        inspect(text)


DEEP = b'{"a":' + b"[" * 100_000


@pytest.mark.parametrize("closed", [b"", b"]" * 100_000 + b"}"])
def test_C02_deep_nesting_is_no_crash(closed: bytes) -> None:
    seen = inspect(compact(HEADER, DEEP + closed))
    assert (seen.claims, seen.payload) == (None, DEEP + closed)
    assert ("error", "json", "payload") in found(compact(HEADER, DEEP + closed))
    for text in (compact(DEEP + closed), (DEEP + closed).decode()):
        with pytest.raises(MalformedToken):
            inspect(text)


@pytest.mark.parametrize("depth", [400, 900, 990, 1000, 1990, 2000, 3000, 20_000])
@pytest.mark.parametrize("begin, end", [(b"[", b"]"), (b'{"a":', b"}")])
def test_no_depth_in_between_is_a_crash(depth: int, begin: bytes, end: bytes) -> None:
    seen = inspect(compact(HEADER, b'{"exp":1,"a":' + begin * depth + b"1" + end * depth + b"}"))
    assert (seen.claims is None) == bool({"json"} & {finding.code for finding in seen.findings})


def test_findings_and_the_search_for_personal_data_are_bounded() -> None:
    many = inspect(compact({"alg": "HS256", "crit": [f"a{at}" for at in range(5000)]}))
    assert len(many.findings) == FINDINGS_MAX
    codes = [f.code for f in inspect(compact(payload={f"{at}x": PERSONAL for at in range(300)})).findings]
    assert codes.count("personal_data") == PERSONAL_FINDINGS_MAX
    assert "not_all_looked_at" in codes
    late = [0] * INSPECTED_VALUES_MAX + [PERSONAL]
    assert ("info", "not_all_looked_at", "claims") in found(compact(payload={"a": late}))
    nested: Any = PERSONAL
    for _ in range(300):
        nested = {"a-long-name-of-a-member": nested}
    (place,) = [f.where for f in inspect(compact(payload={"n": nested})).findings if f.code == "personal_data"]
    assert len(place) < 210


LARGE: dict[str, str] = {
    "at signs": compact(payload={"a": "a@" * 380_000}),
    "almost addresses": compact(payload={"a": "@a.a.a.a.a.a.a.a.a.1 " * 35_000}),
    "one word": compact(payload={"a": "a.b-c+" * 120_000 + "@"}),
    "a list": compact(payload={"a": [0] * 190_000}),
    "padding": f"{b64u(octets(HEADER))}.{'=' * 1_000_000}.AAAA",
    "digits": compact(payload=b'{"exp":' + b"9" * 700_000 + b"}"),
    "a kid": compact({"alg": "HS256", "kid": "select " * 90_000}),
    "signatures": json.dumps({**SIGNED, "signatures": [SIGNED] * 3_000}),
}


@pytest.mark.parametrize("what", LARGE)
def test_a_megabyte_of_anything_takes_no_time(what: str) -> None:
    began = time.process_time()
    inspect(LARGE[what])
    assert time.process_time() - began < 2  # a twentieth of that here; what is quadratic takes minutes


# ------------------------------------------------------------------------------------- whatever text comes in


def only_token_errors(text: Any) -> None:
    try:
        seen = inspect(text)
    except TokenError:
        return
    assert seen.headers
    assert all(isinstance(finding, Finding) and finding.where.isprintable() for finding in seen.findings)
    assert "redacted" in repr(seen)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("alg", "enc", "kid", "typ", "cty", "crit", "b64", "jwk", "jku", "x5c", "zip", "p2c", "p2s", "epk", "iv"),
        *("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "email", "address", "auth_time", "scope", "tag"),
    ]
)
LIKELY = st.sampled_from(
    [
        *("HS256", "none", "RSA1_5", "dir", "PBES2-HS256+A128KW", "ECDH-ES", "A128GCM", "DEF", "JWT", "at+jwt"),
        *(False, NOW_S, NOW_S * 1000, -1, 1e308, "a@b.de", "../x", ["b64"], {}, ["exp"], {"d": 1}, "", []),
    ]
)
MEMBERS = st.dictionaries(NAMES | st.text(max_size=3), LIKELY | JSON, max_size=8)
PARTS = MEMBERS.map(json.dumps).map(str.encode).map(b64u) | st.binary(max_size=20).map(b64u) | st.text(max_size=6)


@given(st.text() | st.lists(PARTS, max_size=6).map(".".join) | st.integers() | st.binary())
@settings(max_examples=1000)
@example("\ud800.\ud800.\ud800")
@example("." * 20_000)
def test_arbitrary_text(text: Any) -> None:
    only_token_errors(text)


TOKEN_MEMBERS = st.sampled_from(
    [
        *("payload", "signatures", "signature", "protected", "header", "unprotected", "kty"),
        *("recipients", "ciphertext", "encrypted_key", "iv", "tag", "aad"),
    ]
)
ENTRY = st.dictionaries(TOKEN_MEMBERS, PARTS | MEMBERS | JSON, max_size=5)


@given(st.dictionaries(TOKEN_MEMBERS, PARTS | MEMBERS | JSON | st.lists(ENTRY | JSON, max_size=3), max_size=8))
@settings(max_examples=1000)
def test_arbitrary_json(token: dict[str, Any]) -> None:
    only_token_errors(json.dumps(token))


GOOD = [
    compact(),
    jwe({"alg": "dir", "enc": "A256GCM"}),
    json.dumps(SIGNED),
    json.dumps({**SEALED, "recipients": [ONE]}),
]


@given(
    st.sampled_from(GOOD), st.integers(0), st.integers(0, 9), st.text('AZaz09-_=.+/ {}[]":,', max_size=3) | st.text()
)
@settings(max_examples=1000)
def test_mutated_tokens(token: str, at: int, removed: int, inserted: str) -> None:
    at %= len(token) + 1
    only_token_errors(token[:at] + inserted + token[at + removed :])


def test_no_primitive_is_loaded() -> None:
    """What is not loaded is not called: no signature is looked at, nothing is decrypted."""
    tokens = [compact(), compact({"alg": "ES256"}), jwe({**PASSWORD, "p2c": 2_000_000_000}), json.dumps(SIGNED)]
    program = (
        "import hashlib, hmac, json, sys\n"
        "hmac.new = hmac.digest = hashlib.sha256 = None\n"
        "from daypass import inspect_token\n"
        "for token in json.load(sys.stdin): inspect_token(token)\n"
        "print(sorted({'cryptography', 'nacl', 'socket'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(tokens), capture_output=True, text=True, check=False
    )
    assert (answer.stdout, answer.stderr) == ("[]\n", "")


@pytest.mark.parametrize("member", ["", "x"])
def test_a_lone_surrogate_is_an_error_as_it_is_to_a_verifier(member: str) -> None:
    token = {"protected": b64u(b'{"alg":"HS256"}'), "payload": "", "signature": b64u(bytes(32)), f"\ud800{member}": "a"}
    text = json.dumps(token, ensure_ascii=False)
    with pytest.raises(MalformedToken, match="surrogate"):
        daypass.jws.verify_json(text, daypass.JWK.generate("HS256"))
    assert ("error", "json", "token") in found(text)
