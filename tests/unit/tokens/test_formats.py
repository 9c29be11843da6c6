"""One suite over every format: a token is a token, whatever protects it."""

import string
from base64 import urlsafe_b64decode
from typing import Any

import msgspec
import pytest

from daypass.errors import (
    ClaimError,
    ConfigurationError,
    DecryptionFailed,
    Expired,
    InvalidSignature,
    MalformedToken,
    NotYetValid,
    TokenError,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
    WrongAudience,
    WrongIssuer,
)
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.paseto.keys import LocalKey, SecretKey
from daypass.tokens.format import FORMATS, format_of
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests import formats
from tests.formats import AUDIENCE, ISSUER, NAMES, PARTIES, Material, Ring

CLAIMS: dict[str, Any] = {
    "sub": "u1",
    "nbf": 1000,
    "auth_time": 1_700_000_000,
    "roles": ["editor", "billing"],
    "data": {"tenant": "acme", "seats": 12, "ratio": 0.5, "none": None, "yes": True},
    "deep": [[{"a": []}]],
    "text": 'line\n"quoted" \\ \u00fc \U0001f511',
}
BIT = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


@pytest.fixture(params=NAMES)
def kit(request: pytest.FixtureRequest) -> Material:
    return formats.material(request.param)


def refused_by(verify: Any, token: Any, *kinds: type[TokenError]) -> None:
    with pytest.raises(kinds or TokenError) as raised:
        verify(token)
    assert raised.value.__class__ in kinds or not kinds


# --------------------------------------------------------------------------------------------- claims go through


@pytest.mark.parametrize("cache_entries", [0, 4])
def test_claims_go_in_and_come_out_with_epoch_seconds(kit: Material, cache_entries: int) -> None:
    token = kit.issuer(lifetime_s=600, clock=lambda: 1_800_000_000.9).issue(CLAIMS)
    verify = kit.verifier(cache_entries=cache_entries, clock=lambda: 1_800_000_100.0).verify
    added = {"iss": ISSUER, "aud": AUDIENCE, "iat": 1_800_000_000, "exp": 1_800_000_600}
    for _ in range(3):
        claims = verify(token)
        jti = claims.pop("jti")
        assert len(jti) == 32
        assert claims == added | CLAIMS
        assert [type(claims[name]) for name in ("iat", "exp", "nbf")] == [int] * 3
        claims["roles"].append("admin")
        claims["data"]["tenant"] = "other"
        claims["deep"][0][0]["a"].append(1)


def test_no_claims_at_all_are_claims_too(kit: Material) -> None:
    token = kit.issuer(typ="JWT").issue({})
    assert sorted(kit.verifier(typ="JWT").verify(token)) == ["aud", "exp", "iat", "iss"]


def test_a_token_of_one_spelling_each(kit: Material) -> None:
    issue = kit.issuer().issue
    assert issue({}) != issue({})
    assert issue({}).isascii()


def test_typed_claims(kit: Material) -> None:
    class Access(msgspec.Struct):
        sub: str
        exp: int
        roles: list[str]

    issue, verify = kit.issuer(claims_type=Access).issue, kit.verifier(claims_type=Access).verify
    access = verify(issue({"sub": "u1", "roles": ["a"]}))
    assert (access.sub, access.roles) == ("u1", ["a"])
    with pytest.raises(ValueError, match="roles"):
        issue({"sub": "u1", "roles": "a"})
    refused_by(verify, kit.issuer().issue({"sub": "u1"}), ClaimError)


def test_what_no_verifier_would_take_is_not_issued(kit: Material) -> None:
    issue = kit.issuer().issue
    for name in ("iss", "aud", "iat", "exp"):
        with pytest.raises(ValueError, match="set by the Issuer"):
            issue({name: 1})
    for bad in ({"sub": 5}, {"nbf": "2026-01-01T00:00:00+00:00"}, {"nbf": True}, {"nbf": 1e300}):
        with pytest.raises(ValueError, match="claim"):
            issue(bad)
    for odd in ({"a": {1: 2}}, {"a": b"bytes"}, {"a": float("nan")}, {5: 6}, [], None):
        with pytest.raises(TypeError):
            issue(odd)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bytes_max"):
        issue({"x": "y" * 20_000})


def test_a_token_may_end_earlier(kit: Material) -> None:
    now_s = 1000.0
    token = kit.issuer(clock=lambda: now_s).issue({}, expires_at=1010)
    verify = kit.verifier(clock=lambda: now_s).verify
    assert verify(token)["exp"] == 1010
    now_s = 1010.0
    refused_by(verify, token, Expired)
    with pytest.raises(ValueError, match="expired"):
        kit.issuer(clock=lambda: now_s).issue({}, expires_at=1010)


# -------------------------------------------------------------------------------------------- what is refused


def test_every_changed_character_is_refused(kit: Material) -> None:
    """Each character in turn becomes another of its alphabet, a dot, a space; one is taken out, one is put in."""
    token = kit.issuer().issue({"sub": "u1"})
    verify = kit.verifier(cache_entries=4).verify
    assert verify(token)
    for at, old in enumerate(token):
        other = BIT[(BIT.index(old) + 1 + at % 60) % 64] if old in BIT else "A"
        for changed in (
            token[:at] + other + token[at + 1 :],
            token[:at] + "." + token[at + 1 :] if old != "." else token[:at] + token[at + 1 :],
            token[:at] + " " + token[at:],
        ):
            with pytest.raises(TokenError):
                verify(changed)
    for cut in (1, len(token) // 2, len(token) - 1):
        refused_by(verify, token[:cut])
    for more in (".", "=", "\n", "A", ".AA", "\0", "\u00e9"):
        refused_by(verify, token + more)
        refused_by(verify, more + token)


def test_what_is_no_token_at_all(kit: Material) -> None:
    for cache_entries in (0, 2):
        verify = kit.verifier(cache_entries=cache_entries).verify
        for odd in (None, b"x", 5, [], {}, "", ".", "..", "....", "v4.public.", "a.b.c", "\ud800", object()):
            refused_by(verify, odd)
        refused_by(verify, "x" * 20_000, TokenTooLarge)
        refused_by(verify, "." * 20_000, TokenTooLarge)


def test_an_oversized_token_needs_a_wider_bound_on_both_sides(kit: Material) -> None:
    token = kit.issuer(bytes_max=60_000).issue({"x": "y" * 20_000})
    refused_by(kit.verifier().verify, token, TokenTooLarge)
    assert kit.verifier(bytes_max=60_000).verify(token)["x"] == "y" * 20_000


def test_another_key_of_the_same_format(kit: Material) -> None:
    other = formats.make(kit.name)
    token = other.issuer().issue({"sub": "u1"})
    assert other.verifier().verify(token)
    refused_by(kit.verifier().verify, token, InvalidSignature, DecryptionFailed)
    refused_by(kit.verifier([kit.verifying]).verify, token, UnknownKey, DecryptionFailed)


def test_another_issuer_or_audience(kit: Material) -> None:
    token = kit.issuer().issue({})
    refused_by(kit.verifier(issuer="https://other.example").verify, token, WrongIssuer)
    refused_by(kit.verifier(audience="https://other.example").verify, token, WrongAudience)
    assert kit.verifier(audience=("https://other.example", AUDIENCE)).verify(token)


def test_its_time(kit: Material) -> None:
    now_s = 1_800_000_000.0
    token = kit.issuer(lifetime_s=60, clock=lambda: now_s).issue({"nbf": 1_800_000_010})
    verifiers = [kit.verifier(cache_entries=entries, clock=lambda: now_s).verify for entries in (0, 3)]
    patient = kit.verifier(leeway_s=10, cache_entries=3, clock=lambda: now_s).verify
    for moment_s, outcome, leniently in (
        (1_800_000_000.0, NotYetValid, None),
        (1_800_000_010.0, None, None),
        (1_800_000_059.9, None, None),
        (1_800_000_060.0, Expired, None),
        (1_800_000_069.9, Expired, None),
        (1_800_000_070.0, Expired, Expired),
        (1_799_999_999.0, NotYetValid, NotYetValid),  # a clock that was put back
        (1_800_000_030.0, None, None),
    ):
        now_s = moment_s
        for verify, expected in ((verifiers[0], outcome), (verifiers[1], outcome), (patient, leniently)):
            for _ in range(2):
                if expected is None:
                    assert verify(token)["iss"] == ISSUER
                else:
                    refused_by(verify, token, expected)
    now_s = float("nan")
    for verify in (*verifiers, patient):
        refused_by(verify, token)


def test_another_kind_under_the_same_key(kit: Material) -> None:
    token = kit.issuer(typ="refresh+jwt").issue({"jti": "j"})
    refused_by(kit.verifier().verify, token, UnsupportedToken)
    assert kit.verifier(typ="refresh+jwt").verify(token)
    assert kit.verifier(typ="application/Refresh+JWT").verify(token)
    refused_by(kit.verifier(typ="refresh+jw").verify, token, UnsupportedToken)


# ------------------------------------------------------------------------------------------------ keys change


def test_a_rotated_key(kit: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monotonic_s = 1000.0
    monkeypatch.setattr("daypass.tokens.verifier.time.monotonic", lambda: monotonic_s)
    words = {"clock": lambda: monotonic_s}
    newer = formats.make(kit.name)
    ring = Ring(kit.issuing, kit.verifying)
    issue = kit.issuer(ring, lifetime_s=3600, **words).issue
    for cache_entries in (0, 4):
        ring.turn(kit.issuing, kit.verifying)
        verify = kit.verifier(ring, cache_entries=cache_entries, **words).verify
        old = issue({"sub": "old"})
        assert verify(old) == verify(old)
        ring.turn(newer.issuing, kit.verifying)  # it signs; this node has not heard of it
        ring.waiting = (kit.verifying, newer.verifying)
        new = issue({"sub": "new"})  # within the same second
        assert new.split(".")[-1] != old.split(".")[-1]
        assert verify(new)["sub"] == "new"
        assert verify(old)["sub"] == "old"
        ring.turn(newer.issuing, newer.verifying)  # retired
        if not cache_entries:
            monotonic_s += 0.2
        for _ in range(2):  # a remembered token dies at once
            refused_by(verify, old, UnknownKey, DecryptionFailed, InvalidSignature)
        assert verify(new)["sub"] == "new"
        monotonic_s += 10


def test_nested_follows_the_keys_of_both_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    kit, newer = formats.material("nested"), formats.make("nested")
    outer = Ring(kit.issuer_words["encrypt_to"], kit.verifier_words["decrypt_with"])
    issue = kit.issuer(encrypt_to=outer).issue
    verify = kit.verifier(decrypt_with=outer, cache_entries=4).verify
    old = issue({"sub": "old"})
    assert verify(old)["sub"] == "old"
    outer.turn(newer.issuer_words["encrypt_to"], kit.verifier_words["decrypt_with"])
    outer.waiting = (newer.verifier_words["decrypt_with"],)
    new = issue({"sub": "new"})
    assert verify(new)["sub"] == "new"
    refused_by(verify, old, UnknownKey)


def test_of_several_keys_the_key_id_selects(kit: Material) -> None:
    kits = [kit, *(formats.make(kit.name) for _ in range(2))]
    words = {}
    if kit.name == "nested":
        words = {"decrypt_with": [one.verifier_words["decrypt_with"] for one in kits]}
    verify = kit.verifier([one.verifying for one in kits], **words).verify
    for number, one in enumerate(kits):
        assert verify(one.issuer().issue({"sub": str(number)}))["sub"] == str(number)


# -------------------------------------------------------------------------------------------- a wrong set-up


@pytest.mark.parametrize("name", NAMES)
def test_a_key_of_another_format_fails_at_start(name: str) -> None:
    for other in NAMES:
        foreign, kit = formats.material(other), formats.material(name)
        alike = name == other or {name, other} == {"jwt", "nested"}  # both sign with JWKs
        for make, key in ((kit.issuer, foreign.issuing), (kit.verifier, foreign.verifying)):
            if alike:
                assert make(key)
            else:
                with pytest.raises(ConfigurationError):
                    make(key)
                with pytest.raises(ConfigurationError):
                    make([key])


@pytest.mark.parametrize("name", NAMES)
def test_what_would_have_no_effect_is_refused(name: str) -> None:
    kit, row = formats.material(name), format_of(name)
    if row.is_nested:
        with pytest.raises(ConfigurationError, match="encrypt_to"):
            Issuer(kit.issuing, **PARTIES, format=name)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="decrypt_with"):
            Verifier(kit.verifying, **PARTIES, format=name)  # type: ignore[arg-type]
    else:
        key = JWK.generate("A256KW")
        with pytest.raises(ConfigurationError, match="encrypt_to"):
            kit.issuer(encrypt_to=key)
        with pytest.raises(ConfigurationError, match="decrypt_with"):
            kit.verifier(decrypt_with=key)
    if not row.has_algs:
        with pytest.raises(ConfigurationError, match="algs"):
            kit.verifier(algs=("EdDSA",))


@pytest.mark.parametrize("name", NAMES)
def test_several_audiences_where_the_format_has_room_for_them(name: str) -> None:
    kit, both = formats.material(name), (AUDIENCE, "https://two.example")
    if name.startswith("paseto"):
        with pytest.raises(ConfigurationError, match="one audience"):
            kit.issuer(audience=both)
        return
    token = kit.issuer(audience=both).issue({})
    for audience in both:
        assert kit.verifier(audience=audience).verify(token)["aud"] == list(both)
    refused_by(kit.verifier(audience="https://three.example").verify, token, WrongAudience)


@pytest.mark.parametrize("audience", [(), [], ("a", ""), ("a", 5), ("a", None), {"a"}, b"a"], ids=repr)
def test_what_is_no_audience_fails_at_start(audience: Any) -> None:
    kit = formats.material("jwt")
    with pytest.raises(ConfigurationError):
        kit.issuer(audience=audience)
    with pytest.raises(ConfigurationError):
        kit.verifier(audience=audience)


@pytest.mark.parametrize("name", ["", "JWT", "paseto", "paseto-v4", "paseto-v2-local", "reference", None, 5, ["jwt"]])
def test_there_is_no_such_format(name: Any) -> None:
    key = JWK.generate("HS256")
    for make in (Issuer, Verifier):
        with pytest.raises(ConfigurationError, match="paseto-v4-public"):
            make(key, **PARTIES, format=name)


def test_jwe_takes_no_key_that_others_can_encrypt_to() -> None:
    for key in (JWK.generate("RSA-OAEP-256"), JWK.generate("ECDH-ES+A128KW")):
        with pytest.raises(ConfigurationError, match="nested"):
            Issuer(key.public(), **PARTIES, format="jwe")
        with pytest.raises(ConfigurationError, match="nested"):
            Verifier(key, **PARTIES, format="jwe")
        with pytest.raises(ConfigurationError, match="nested"):
            Verifier(JWKSet([JWK.generate("A256KW"), key]), **PARTIES, format="jwe")


def test_passwords_encrypt_no_tokens_of_a_service() -> None:
    password = JWK.from_secret(b"correct horse battery staple", alg="PBES2-HS256+A128KW")
    with pytest.raises(ConfigurationError, match="password"):
        Issuer(password, **PARTIES, format="jwe")
    with pytest.raises(ConfigurationError, match="password"):
        Verifier(password, **PARTIES, format="jwe")
    signing = JWK.generate("EdDSA")
    with pytest.raises(ConfigurationError, match="PBES2"):
        Verifier(signing, **PARTIES, format="nested", decrypt_with=password)


@pytest.mark.parametrize("version", [1, 2, 3, 4])
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("paseto")])
def test_a_key_of_another_version_fails_at_start(name: str, version: Any) -> None:
    key = SecretKey.generate(version) if name.endswith("public") else LocalKey.generate(version)
    if f"-v{version}-" in name:
        assert Issuer(key, **PARTIES, format=name)  # type: ignore[arg-type]
        return
    for make in (Issuer, Verifier):
        with pytest.raises(ConfigurationError, match=f"version {version}"):
            make(key, **PARTIES, format=name)


def test_a_secret_key_verifies_with_its_public_half() -> None:
    key = SecretKey.generate(4)
    token = Issuer(key, **PARTIES, format="paseto-v4-public").issue({})
    for keys in (key, [key], key.public(), [key.public()]):
        assert Verifier(keys, **PARTIES, format="paseto-v4-public").verify(token)
    with pytest.raises(ConfigurationError, match="SecretKey"):
        Issuer(key.public(), **PARTIES, format="paseto-v4-public")
    with pytest.raises(ConfigurationError, match="twice"):
        Verifier([key, key.public()], **PARTIES, format="paseto-v4-public")


def test_every_format_has_its_row() -> None:
    assert [format_of(name).name for name in FORMATS] == list(FORMATS)


def test_the_kind_of_a_paseto_is_a_claim_and_the_key_id_its_footer() -> None:
    for name in ("paseto-v4-public", "paseto-v3-public"):
        *_, payload, footer = formats.material(name).issuer(typ="at+jwt").issue({}).split(".")
        assert b'"typ":"at+jwt"' in urlsafe_b64decode(payload + "==")
        assert urlsafe_b64decode(footer + "==").startswith(b'{"kid":"k' + name[8:9].encode() + b".pid.")
    with pytest.raises(ValueError, match="typ"):
        formats.material("paseto-v4-local").issuer().issue({"typ": "at+jwt"})


def test_malformed_footers_where_one_has_to_select() -> None:
    from daypass import paseto

    kit = formats.material("paseto-v4-public")
    token = kit.issuer().issue({})
    opened = paseto.verify(token, kit.verifying)
    single, several = kit.verifier().verify, kit.verifier([kit.verifying]).verify
    one_of_two = kit.verifier([kit.verifying, formats.make(kit.name).verifying]).verify
    for footer, refused in (
        (b"", None),
        (b"{}", None),
        (b"free text", MalformedToken),
        (b'{"kid":5}', MalformedToken),
        (b'{"kid":""}', MalformedToken),
        (b'{"kid":"' + b"k" * 1025 + b'"}', MalformedToken),
        (b'{"kid":"k4.pid.other"}', UnknownKey),
        (b'{"kid":{"a":1}}', MalformedToken),
        (b'{"a":' * 1500, MalformedToken),
        (b'{"kid":"a","kid":"b"}', MalformedToken),
        (b"{" + b",".join(b'"%d":1' % n for n in range(65)) + b"}", MalformedToken),
    ):
        other = paseto.sign(opened.payload, kit.issuing, footer=footer)
        assert single(other)  # its owner named the key: the footer is authenticated, and says nothing
        if refused is None:
            assert several(other)
            refused_by(one_of_two, other, UnknownKey)
        else:
            refused_by(several, other, refused)
