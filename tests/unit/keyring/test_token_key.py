"""A ring holds keys of every format: it makes, keeps, rotates and retires them, and publishes what is public."""

import json
from pathlib import Path
from typing import Any

import pytest

from daypass.errors import ConfigurationError, DaypassError, KeyFormatError, UnknownKey, WeakKey
from daypass.jose.jwk import JWK
from daypass.keyring.content import dump_ring, parse_ring
from daypass.keyring.ring import KeyRing
from daypass.keyring.rotation import new_ring
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.storage import RingText
from daypass.keyring.token_key import PASETO_ALGS, alg_of, generate_key, kid_of
from daypass.paseto import LocalKey, PublicKey, SecretKey, paserk
from daypass.tokens.any_of import AnyOf
from tests.formats import Material

T = 1_800_000_000
NAME = "DAYPASS_TEST_KEYS"
SCHEDULE = RotationSchedule(publish_s=60, token_lifetime_s_max=900, session_lifetime_s_max=9000)
FORMAT_OF = {
    "EdDSA": "jwt",
    "HS256": "jwt",
    "ML-DSA-44": "jwt",
    "A256GCM": "jwe",
    "A256KW": "jwe",
    "v4.public": "paseto-v4-public",
    "v4.local": "paseto-v4-local",
    "v3.public": "paseto-v3-public",
    "v3.local": "paseto-v3-local",
}


class Clock:
    """Seconds that a test sets."""

    now_s = float(T)

    def __call__(self) -> float:
        return self.now_s


def kit(ring: KeyRing, alg: str) -> Material:
    return Material(FORMAT_OF[alg], ring, ring, {}, {})


@pytest.mark.parametrize("alg", FORMAT_OF)
def test_tokens_of_both_keys_are_accepted_through_a_rotation(alg: str, tmp_path: Path) -> None:
    clock = Clock()
    ring = KeyRing.open(tmp_path / "ring.json", alg=alg, schedule=SCHEDULE, clock=clock)
    here = kit(ring, alg)
    elsewhere = kit(KeyRing.open(tmp_path / "ring.json", clock=clock), alg).verifier(clock=clock).verify
    issue = here.issuer(clock=clock, bytes_max=16_000).issue
    ring.rotate()
    old = issue({"sub": "u1"})
    clock.now_s += 61
    new = issue({"sub": "u1"})
    for token in (old, new):
        assert elsewhere(token)["sub"] == here.verifier(clock=clock).verify(token)["sub"] == "u1"
    assert [entry.alg for entry in ring.entries()] == [alg, alg, "HKDF-SHA256", "HKDF-SHA256"]
    ring.retire(ring.entries()[0].kid)
    with pytest.raises(UnknownKey):
        here.verifier(clock=clock).verify(old)


@pytest.mark.parametrize("alg", FORMAT_OF)
def test_what_is_written_is_read_back(alg: str) -> None:
    key = generate_key(alg)
    content = new_ring(key, schedule=SCHEDULE, now_s=T)
    text = dump_ring(content)
    again = parse_ring(text, where="here")
    held = again.signing[0]
    assert (held.entry.kid, held.entry.alg) == (kid_of(key), alg_of(key)) == (kid_of(held.key), alg)
    assert dump_ring(again).reveal() == text.reveal()


def test_only_public_jwks_are_published() -> None:
    ring = KeyRing.in_memory(alg="v4.public")
    assert list(ring.public()) == []
    ring.rotate(alg="EdDSA")
    ring.rotate(alg="v4.local")
    ring.rotate(alg="A256GCM")
    ring.rotate(alg="ML-DSA-44")
    assert [key.alg for key in ring.public()] == ["EdDSA", "ML-DSA-44"]
    published = json.dumps(ring.public().to_dict())
    assert "paserk" not in published
    assert "k4." not in published


def test_as_a_plain_jwk_set_a_ring_of_paseto_has_no_keys_but_the_secret_that_signs_nothing() -> None:
    text = dump_ring(new_ring(generate_key("v4.public"), schedule=SCHEDULE, now_s=T)).reveal()
    members = json.loads(text)["keys"]
    assert [set(one) for one in members] == [{"kid", "paserk", "daypass"}, {"kty", "k", "key_ops", "kid", "daypass"}]
    assert members[0]["kid"].startswith("k4.pid.")
    assert members[0]["paserk"].startswith("k4.secret.")


def test_a_migration_from_one_format_to_another_in_one_ring() -> None:
    """The ring is rotated to a key of the new format; tokens of the old one live on until they expire."""
    clock = Clock()
    ring = KeyRing.in_memory(alg="EdDSA", schedule=SCHEDULE, clock=clock)
    before, after = kit(ring, "EdDSA"), kit(ring, "v4.public")
    old = before.issuer(clock=clock).issue({"sub": "old"})
    with pytest.raises(ConfigurationError, match="rotate"):
        after.verifier(clock=clock)
    with pytest.raises(ConfigurationError, match="rotate"):
        after.issuer(clock=clock)
    ring.rotate(alg="v4.public")
    assert before.issuer(clock=clock).issue({"sub": "old"})  # a node that was not restarted yet
    assert after.issuer(clock=clock).issue({"sub": "new"})  # one that was
    ring.rotate(alg="v4.public", at_once=True, replaces_all=True)
    verify = AnyOf(*(one.verifier(clock=clock, cache_entries=4) for one in (after, before))).verify
    new = after.issuer(clock=clock).issue({"sub": "new"})
    for _ in range(2):
        assert [verify(token)["sub"] for token in (old, new)] == ["old", "new"]
    with pytest.raises(ConfigurationError, match="rotate"):
        before.issuer(clock=clock)
    ring.retire(ring.entries()[0].kid)
    with pytest.raises(UnknownKey):
        verify(old)  # the last key of the old format is gone: nothing of it passes, and nothing breaks
    assert verify(new)["sub"] == "new"


# ------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "alg", ["v1.public", "v2.local", "v4.secret", "V4.public", "k4.public", "RSA-OAEP-256", "ECDH-ES", "", 5, ["x"]]
)
def test_a_ring_makes_no_such_keys(alg: Any) -> None:
    with pytest.raises(ConfigurationError):
        KeyRing.in_memory(alg=alg)
    ring = KeyRing.in_memory(alg="EdDSA")
    entries = ring.entries()
    with pytest.raises(ConfigurationError):
        ring.rotate(alg=alg)
    assert ring.entries() == entries


def document(alg: str = "v4.public") -> dict[str, Any]:
    text = dump_ring(new_ring(generate_key(alg), schedule=SCHEDULE, now_s=T)).reveal()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.mark.parametrize(
    "change",
    [
        {"paserk": 5},
        {"paserk": None},
        {"paserk": ""},
        {"paserk": "k4.secret."},
        {"paserk": "k4.pid.AAAA"},
        {"paserk": lambda: paserk.dump(SecretKey.generate(2))},
        {"paserk": lambda: paserk.dump(LocalKey.generate(1))},
        {"paserk": lambda: paserk.dump(LocalKey.generate(4), password=b"pw")},
        {"paserk": lambda: paserk.dump(SecretKey.generate(4))},
        {"paserk": lambda: paserk.dump(SecretKey.generate(4).public())},
        {"kid": "other"},
        {"kty": "oct"},
    ],
)
def test_what_is_no_key_of_paseto(change: dict[str, Any]) -> None:
    ring = document()
    ring["keys"][0] |= {name: value() if callable(value) else value for name, value in change.items()}
    with pytest.raises(ConfigurationError, match="key 1 of 2") as caught:
        parse_ring(RingText(json.dumps(ring).encode()), where="the ring")
    assert isinstance(caught.value.__cause__, KeyFormatError)


def test_a_shared_key_that_can_be_guessed() -> None:
    ring = document("v4.local")
    key = LocalKey.from_bytes(4, b"0123456789abcdef" * 2)
    ring["keys"][0] |= {"paserk": paserk.dump(key), "kid": kid_of(key)}
    with pytest.raises(WeakKey, match="guessed"):
        parse_ring(RingText(json.dumps(ring).encode()), where="the ring")


# ------------------------------------------------------------------------------------------- the environment


@pytest.mark.parametrize("alg", PASETO_ALGS)
def test_a_paserk_in_the_environment(alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = generate_key(alg)
    monkeypatch.setenv(NAME, f" {paserk.dump(key)}\n")  # type: ignore[arg-type]
    rings = [KeyRing.from_env(NAME, clock=lambda: T) for _ in range(2)]
    token = kit(rings[0], alg).issuer(clock=lambda: T).issue({"sub": "u1"})
    assert kit(rings[1], alg).verifier(clock=lambda: T).verify(token)["sub"] == "u1"
    first, second = (ring.derived_key(ring.derive_kid(), "refresh") for ring in rings)
    assert first == second is not None


@pytest.mark.parametrize(
    "text",
    [
        lambda: paserk.dump(SecretKey.generate(4).public()),
        lambda: paserk.dump(SecretKey.generate(2)),
        lambda: paserk.key_id(LocalKey.generate(4)),
        lambda: paserk.dump(LocalKey.generate(4), wrapping_key=LocalKey.generate(4)),
        lambda: "k4.local.AAAA",
        lambda: "k4.secret." + "A" * 40,
        lambda: "k4.localised text that somebody took for a secret",
    ],
)
def test_what_looks_like_a_paserk_is_no_secret_text(text: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """HS256 under the text of a public key would let everybody sign."""
    monkeypatch.setenv(NAME, text())
    with pytest.raises(DaypassError):
        KeyRing.from_env(NAME)
    monkeypatch.setenv(NAME, paserk.dump(LocalKey.generate(4)))
    with pytest.raises(ConfigurationError, match="alg"):
        KeyRing.from_env(NAME, alg="HS256")


def test_a_jwk_of_ml_dsa_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its private part is called neither d nor k."""
    key = JWK.generate("ML-DSA-44")
    monkeypatch.setenv(NAME, json.dumps(key.to_dict(private=True)))
    ring = KeyRing.from_env(NAME, clock=lambda: T)
    token = kit(ring, "ML-DSA-44").issuer(clock=lambda: T, bytes_max=16_000).issue({"sub": "u1"})
    assert kit(ring, "ML-DSA-44").verifier(clock=lambda: T).verify(token)["sub"] == "u1"
    assert ring.derived_key(ring.derive_kid(), "refresh")


def test_a_set_of_paseto_keys_in_the_environment_rotates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new private key stands in front of the old one, as for JWKs; nobody is logged out."""
    old, new = generate_key("v4.public"), generate_key("v4.public")
    monkeypatch.setenv(NAME, json.dumps({"keys": [{"paserk": paserk.dump(old)}]}))  # type: ignore[arg-type]
    before = KeyRing.from_env(NAME, clock=lambda: T)
    token = kit(before, "v4.public").issuer(clock=lambda: T).issue({"sub": "u1"})
    members = [{"paserk": paserk.dump(key), "kid": kid_of(key)} for key in (new, old)]  # type: ignore[arg-type]
    monkeypatch.setenv(NAME, json.dumps({"keys": members}))
    after = KeyRing.from_env(NAME, clock=lambda: T)
    assert kid_of(after.signing_keys()[0]) == kid_of(new)
    verify = kit(after, "v4.public").verifier(clock=lambda: T).verify
    assert verify(token)["sub"] == "u1"
    assert verify(kit(after, "v4.public").issuer(clock=lambda: T).issue({"sub": "u1"}))
    assert after.derived_key(before.derive_kid(), "refresh") == before.derived_key(before.derive_kid(), "refresh")


def test_a_public_key_that_is_no_point_is_no_part_of_a_ring() -> None:
    ring = document()
    lost = PublicKey.from_bytes(4, b"\xff" * 32)
    entry = {**ring["keys"][0]["daypass"], "retire_at": T, "remove_at": T + 60, "sign_from": T - 60}
    ring["keys"].insert(0, {"paserk": paserk.dump(lost), "kid": kid_of(lost), "daypass": entry})
    with pytest.raises(ConfigurationError, match="key 1 of 3"):
        parse_ring(RingText(json.dumps(ring).encode()), where="the ring")


@pytest.mark.parametrize("alg", ["A128GCM", "A192GCM", "A128KW", "A128GCMKW", "A256CBC-HS512", "A256GCMKW"])
def test_shared_keys_of_every_length(alg: str) -> None:
    ring = KeyRing.in_memory(alg=alg)
    token = Material("jwe", ring, ring, {}, {}).issuer().issue({"sub": "u1"})
    assert Material("jwe", ring, ring, {}, {}).verifier().verify(token)["sub"] == "u1"
