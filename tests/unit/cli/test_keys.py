"""`daypass keys`: what may be shown of a ring, and a new key."""

import json
from pathlib import Path

import pytest

from daypass.keyring.ring import KeyRing
from tests.unit.cli.conftest import Command


@pytest.fixture
def ring(data: Path) -> KeyRing:
    data.mkdir(mode=0o700)
    return KeyRing.open(data / "daypass.keys.json")


def test_keys_are_listed_without_anything_secret(daypass: Command, ring: KeyRing, data: Path) -> None:
    code, out, err = daypass("keys", "list")
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["KID", "ALG", "PURPOSE", "STATE", "USED", "FROM", "USED", "UNTIL", "REMOVED"]
    assert {tuple(row.split()[1:4]) for row in rows} == {
        ("EdDSA", "sign", "active"),
        ("HKDF-SHA256", "derive", "active"),
    }
    assert {row.split()[0] for row in rows} == {entry.kid for entry in ring.entries()}
    for key in json.loads((data / "daypass.keys.json").read_text())["keys"]:
        assert not any(key[name] in out for name in ("d", "k") if name in key)


def test_a_new_key_signs_after_it_was_published(daypass: Command, ring: KeyRing, data: Path) -> None:
    ring_file = data / "daypass.keys.json"
    code, out, _ = daypass("keys", "rotate")
    kid = out.removeprefix("new key ").partition(",")[0]
    assert code == 0
    rows = [row.split() for row in daypass("keys", "list")[1].splitlines()[1:]]
    assert [row[3] for row in rows if row[0] == kid] == ["next"]
    assert ring.signing_key().kid != kid
    code, out, _ = daypass("keys", "rotate", "--at-once")
    assert code == 0
    assert KeyRing.open(ring_file).signing_key().kid == out.removeprefix("new key ").partition(",")[0]


@pytest.mark.parametrize("kid", ["a-leaked-key", "-leaked-key", "--leaked"])
def test_a_leaked_key_is_followed_and_retired(daypass: Command, data: Path, kid: str) -> None:
    data.mkdir(mode=0o700)
    ring_file = data / "daypass.keys.json"
    KeyRing.open(ring_file)
    ring_file.write_text(ring_file.read_text().replace(KeyRing.open(ring_file).signing_key().kid or "", kid))
    code, out, err = daypass("keys", "retire", kid)
    assert (code, out) == (1, "")
    assert "rotate" in err
    daypass("keys", "rotate", "--at-once")
    assert daypass("keys", "retire", kid) == (0, f"retired {kid}\n", "")
    assert kid not in daypass("keys", "list")[1]
    code, _, err = daypass("keys", "retire", kid)
    assert (code, err.count("\n")) == (1, 1)


def test_a_ring_is_never_made_by_looking_at_it(daypass: Command, data: Path) -> None:
    for command in ("list", "rotate"):
        code, out, err = daypass("keys", command)
        assert (code, out) == (1, "")
        assert "daypass serve" in err
    assert not data.exists()


def test_a_ring_of_the_environment_is_listed_and_not_rotated(daypass: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "Zq3vX9rT1mK7bN5cW8yL2pD6fH4jS0gA"
    monkeypatch.setenv("DAYPASS_KEYS", secret)
    code, out, _ = daypass("keys", "list")
    assert code == 0
    assert "HS256" in out
    code, out, err = daypass("keys", "rotate")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert secret not in err
