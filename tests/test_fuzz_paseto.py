"""The judge of PASETO and PASERK, against the official vectors and against libraries: a judge must be right, too."""

import random
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt, crypto_core_ed25519_is_valid_point

from fuzz import paserk_protecting, paseto_keys, paseto_sealing, vectors
from fuzz.chance import Chance
from fuzz.judge import Refuse, Undecided
from fuzz.paseto_payload import claims_of, instant, is_of_kind, named_key
from fuzz.paseto_relatives import relative
from fuzz.paseto_text import Refused, opened, split
from fuzz.targets import paserk, paseto_claims, paseto_token
from tests.vectors import load

VERSIONS = (1, 2, 3, 4)
PURPOSES = ("local", "public")
ABOUT_THE_UNSEALING_KEY = ("k1.seal-fail-1", "k3.seal-fail-2")
"""Its length and its form are nothing that the judge, whose key is fixed, looks at."""


def secret_of(version: int, text: str) -> Any:
    """The key object of a secret key, of PEM or hex."""
    if text.startswith("-----BEGIN"):
        return serialization.load_pem_private_key(text.encode(), None)
    octets = bytes.fromhex(text)
    if version == 3:
        return ec.derive_private_key(int.from_bytes(octets, "big"), ec.SECP384R1())
    return ed25519.Ed25519PrivateKey.from_private_bytes(octets[:32])


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_judge_opens_the_tokens_of_the_vectors(version: int, purpose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [it for it in load(f"paseto/v{version}.json")["tests"] if ("key" in it) is (purpose == "local")]
    assert len(cases) > 3
    for it in cases:
        key = bytes.fromhex(it["key"]) if purpose == "local" else secret_of(version, it["secret-key"])
        monkeypatch.setattr(paseto_keys, "local" if purpose == "local" else "secret", lambda *_, key=key: key)
        if it["expect-fail"]:
            with pytest.raises(Refused):
                opened(split(it["token"], version, purpose, 10_000), it["implicit-assertion"].encode())
            continue
        parts, implicit = split(it["token"], version, purpose, 10_000), it["implicit-assertion"].encode()
        assert opened(parts, implicit) == (it["payload"].encode(), it["footer"].encode())
        with pytest.raises(Refused, match="proof"):
            opened(parts._replace(footer=b"another"), implicit)


@pytest.mark.parametrize("name", paserk_protecting.TYPES)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_judge_opens_the_keys_of_the_vectors(version: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paserk_protecting, "CHEAP_ROUNDS_MAX", 10_000)
    monkeypatch.setattr(paserk_protecting, "CHEAP_WORK_BYTES_MAX", 2**27)
    count = 0
    for it in load(f"paserk/k{version}.{name}.json")["tests"]:
        if it.get("paserk") is None or it["name"] in ABOUT_THE_UNSEALING_KEY:
            continue
        monkeypatch.setattr(paserk_protecting, "PASSWORD", it.get("password", "").encode())
        wrapping = bytes.fromhex(it.get("wrapping-key", ""))
        monkeypatch.setattr(paseto_keys, "local", lambda *_, key=wrapping: key)
        if "sealing-secret-key" in it:
            secret = secret_of(version, it["sealing-secret-key"])
            monkeypatch.setattr(paseto_keys, "sealing_rsa", lambda key=secret: key)
            monkeypatch.setattr(paseto_keys, "secret", lambda *_, key=secret: key)
        if it["expect-fail"] or name in ("lid", "sid", "pid"):
            with pytest.raises((Refuse, Undecided)):
                paserk_protecting.opened(split_paserk(it["paserk"], version, name))
        elif not is_dear(it["paserk"]):
            wanted = next(it[word] for word in ("key", "unwrapped", "unsealed") if word in it)
            found = paserk_protecting.opened(split_paserk(it["paserk"], version, name))
            assert found == octets_of(version, name, wanted)
            count += 1
    assert count or name in ("lid", "sid", "pid")


def split_paserk(text: str, version: int, name: str) -> paserk_protecting.Text:
    """A PASERK that has to be of this version and type. Raises Refuse."""
    found = paserk_protecting.split(text)
    if (found.version, found.type) != (version, name):
        raise Refuse("another version or type")
    return found


def is_dear(text: str) -> bool:
    """Whether it would take a second to open."""
    found = paserk_protecting.split(text)
    return found.word == "password" and paserk_protecting.cost_of(found) == "dear"


def octets_of(version: int, name: str, text: str) -> bytes:
    if not text.startswith("-----BEGIN"):
        return bytes.fromhex(text)
    if "public" in name:
        public = serialization.load_pem_public_key(text.encode())
        return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return paseto_keys.secret_octets(version, secret_of(version, text))


def test_the_ids_of_the_judge_are_those_of_the_vectors() -> None:
    for kind, name in paserk_protecting.IDS.items():
        for version in VERSIONS:
            cases = load(f"paserk/k{version}.{name}.json")["tests"]
            for it in (it for it in cases if not it["expect-fail"]):
                assert paserk_protecting.key_id(version, kind, octets_of(version, kind, it["key"])) == it["paserk"]


def test_the_judges_xchacha20_is_that_of_libsodium() -> None:
    """The construction with Poly1305 encrypts from the second block on."""
    key, nonce = bytes(range(32)), bytes(range(100, 124))
    stream = crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(200), b"", nonce, key)[:-16]
    derived = paseto_sealing.xchacha20(key, nonce, bytes(264))
    assert derived[64:] == stream


def test_the_judge_takes_the_points_that_libsodium_takes() -> None:
    octets, found = paseto_keys.fixed_octets(4, "public"), set()
    for seed in range(300):
        changed = relative(4, "public", octets, Chance(seed))
        if len(changed) == 32:
            sound = paseto_keys.is_sound_point(4, changed)
            assert sound == crypto_core_ed25519_is_valid_point(changed), changed.hex()
            found.add(sound)
    assert found == {True, False}


@pytest.mark.parametrize(
    "text, at_s",
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2000-02-29T12:00:00-00:30", 951_827_400),
        ("2022-01-01T00:00:00.25+00:00", 1_640_995_200.25),
        ("2022-01-01T00:00:00.0000009Z", 1_640_995_200),
        ("1969-12-31T23:59:59.999999Z", -0.000001),
        ("0001-01-01T00:00:00Z", -62_135_596_800),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ],
)
def test_the_judge_reads_a_time(text: str, at_s: float) -> None:
    assert instant(text) == at_s


@pytest.mark.parametrize(
    "value",
    [
        *(0, None, True, "", "2100-02-29T00:00:00Z", "2022-01-01T00:00:60Z", "2022-01-01T24:00:00Z"),
        *("2022-01-01t00:00:00Z", "2022-01-01T00:00:00", "2022-01-01T00:00:00.Z", "2022-01-01T00:00:00+24:00"),
        *("0000-01-01T00:00:00Z", "2022-00-01T00:00:00Z", "2022-01-01T00:00:00Z\n", "\u0662022-01-01T00:00:00Z"),
    ],
)
def test_the_judge_refuses_what_is_no_time(value: object) -> None:
    with pytest.raises(Refused, match="ClaimError"):
        instant(value)


def test_the_judge_reads_claims_and_footers() -> None:
    assert claims_of(b'{"exp":"1970-01-01T00:01:00Z","aud":"a"}') == {"exp": 60, "aud": "a"}
    for payload, said in ((b'{"aud":["a"]}', "ClaimError"), (b'{"a":1,"a":1}', "MalformedToken")):
        with pytest.raises(Refused, match=said):
            claims_of(payload)
    assert named_key(b'{"kid":"k","x":1}') == "k"
    many = b"{%s}" % b",".join(b'"x%d":1' % number for number in range(65))
    for footer, said in (
        *((footer, "UnknownKey") for footer in (b"", b"{}", b'{"kid":null}')),
        *(
            (footer, "MalformedToken")
            for footer in (b"x", b"[]", b'{"kid":1}', b'{"kid":"k","x":[]}', many, b" " * 9000)
        ),
    ):
        with pytest.raises(Refused, match=said):
            named_key(footer)
    assert is_of_kind({"typ": "Application/AT+jwt"}, "at+jwt")
    assert is_of_kind({}, None)
    assert not any(is_of_kind({"typ": typ}, "at+jwt") for typ in ("jwt", None, ["at+jwt"], "at+jwt\u212a"))
    assert not is_of_kind({"typ": "a"}, None)


def test_costs_are_bounded_by_the_judge() -> None:
    found = set()
    for seed in range(400):
        it = paserk_protecting.split(paserk._costs(Chance(seed)).decode())
        found.add((it.version in paserk_protecting.NIST, paserk_protecting.cost_of(it)))
    assert found == {(nist, cost) for nist in (True, False) for cost in ("cheap", "dear", "refused")}


def test_the_targets_of_paseto_have_every_form_among_their_seeds() -> None:
    tokens, texts = paseto_token.good(), paserk.good()
    for version in VERSIONS:
        assert all(any(token.startswith(b"v%d.%b." % (version, it.encode())) for token in tokens) for it in PURPOSES)
        for name in paserk_protecting.TYPES:
            assert any(text.startswith(b"k%d.%b." % (version, name.encode())) for text in texts)
    for data in random.Random(1).sample(paseto_claims.good(), 20):
        assert paseto_claims.joined(paseto_claims.parts(data)) == data
    assert len(vectors.texts("paseto", "v")) > 40
    assert len(vectors.texts("paserk", "k")) > 100
