"""`daypass keys`: what may be shown of a ring, and a new key."""

import json
import os
import secrets
import stat
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from daypass.cli import files
from daypass.cli.timeline import timeline
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.keyring.entry import RingEntry
from daypass.keyring.master_key import master_key_from_env
from daypass.keyring.ring import KeyRing
from daypass.sessions.manager import Sessions
from daypass.stores.opening import open_store
from tests.unit.cli.conftest import Command


@pytest.fixture
def ring(data: Path) -> KeyRing:
    data.mkdir(mode=0o700)
    return KeyRing.open(data / "daypass.keys.json")


def test_keys_are_listed_without_anything_secret(daypass: Command, ring: KeyRing, data: Path) -> None:
    code, out, err = daypass("keys", "list")
    assert (code, err) == (0, "")
    table, drawing = out.split("\n\n")
    head, *rows = table.splitlines()
    assert head.split() == ["KID", "ALG", "PURPOSE", "STATE", "USED", "FROM", "USED", "UNTIL", "REMOVED"]
    assert {tuple(row.split()[1:4]) for row in rows} == {
        ("EdDSA", "sign", "active"),
        ("HKDF-SHA256", "derive", "active"),
    }
    assert {row.split()[0] for row in rows} == {entry.kid for entry in ring.entries()}
    assert [line.split()[0] for line in drawing.splitlines()] == ["ALG", "EdDSA", "HKDF-SHA256", "·"]
    for key in json.loads((data / "daypass.keys.json").read_text())["keys"]:
        assert not any(key[name] in out for name in ("d", "k") if name in key)


def test_a_new_key_signs_after_it_was_published(daypass: Command, ring: KeyRing, data: Path) -> None:
    ring_file = data / "daypass.keys.json"
    code, out, _ = daypass("keys", "rotate")
    kid = out.removeprefix("new key ").partition(",")[0]
    assert code == 0
    rows = [row.split() for row in daypass("keys", "list")[1].split("\n\n")[0].splitlines()[1:]]
    assert [row[3] for row in rows if row[0] == kid] == ["next"]
    assert ring.signing_keys()[0].kid != kid
    code, out, _ = daypass("keys", "rotate", "--at-once")
    assert code == 0
    assert KeyRing.open(ring_file).signing_keys()[0].kid == out.removeprefix("new key ").partition(",")[0]


@pytest.mark.parametrize("kid", ["a-leaked-key", "-leaked-key", "--leaked"])
def test_a_leaked_key_is_followed_and_retired(daypass: Command, data: Path, kid: str) -> None:
    data.mkdir(mode=0o700)
    ring_file = data / "daypass.keys.json"
    KeyRing.open(ring_file)
    ring_file.write_text(ring_file.read_text().replace(KeyRing.open(ring_file).signing_keys()[0].kid or "", kid))
    code, out, err = daypass("keys", "retire", kid)
    assert (code, out) == (1, "")
    assert "rotate" in err
    daypass("keys", "rotate", "--at-once")
    assert daypass("keys", "retire", kid) == (0, f"retired {kid}\n", "")
    assert kid not in daypass("keys", "list")[1]
    code, _, err = daypass("keys", "retire", kid)
    assert (code, err.count("\n")) == (1, 1)


def test_a_person_is_told_who_refuses_a_retired_key_when(
    daypass: Command, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    kid = str(ring.signing_keys()[0].kid)
    daypass("keys", "rotate", "--at-once")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    out = daypass("keys", "retire", kid)[1]
    assert out.startswith(f"retired {kid}\n")
    assert "within about 2 s" in out
    assert "cannot reach the ring" in out


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


def test_a_kind_goes_on_beside_the_others_until_one_replaces_all(daypass: Command, ring: KeyRing) -> None:
    first = ring.signing_keys()[0].kid
    code, out, _ = daypass("keys", "rotate", "--alg", "v4.public")
    assert code == 0
    kid = out.removeprefix("new key ").partition(",")[0]
    states = {row.split()[0]: row.split()[3] for row in daypass("keys", "list")[1].split("\n\n")[0].splitlines()[1:]}
    assert states[first] == "active"
    assert states[kid] == "next"
    assert daypass("keys", "rotate", "--replaces-all")[0] == 1
    assert daypass("keys", "rotate", "--alg", "nothing")[0] == 1
    assert daypass("keys", "rotate", "--alg", "v4.public", "--replaces-all", "--at-once")[0] == 0
    states = {row.split()[0]: row.split()[3] for row in daypass("keys", "list")[1].split("\n\n")[0].splitlines()[1:]}
    assert states[first] == "retiring"


def test_a_ring_in_any_file_is_named(daypass: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.keys.json"
    ring = KeyRing.open(path)
    assert str(ring.signing_keys()[0].kid) in daypass("keys", "list", "--file", str(path))[1]
    assert daypass("keys", "rotate", "--file", str(path))[0] == 0
    assert len(KeyRing.open(path).entries()) == 4
    for words in (("--file", str(tmp_path / "none")), ("--file", str(path), "--data", str(tmp_path))):
        code, out, err = daypass("keys", "list", *words)
        assert (code, out, err.count("\n")) == (1, "", 1)
    assert not (tmp_path / "none").exists()


class TestStore:
    """A ring beside a SQLite file, and one that a store keeps under a master key."""

    def test_the_ring_beside_a_database_is_found(self, daypass: Command, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/x.db"
        with Sessions.open(url, issuer="a", audience="a") as sessions:
            kids = {entry.kid for entry in sessions.keys.entries()}
        out = daypass("keys", "list", "--store", url)[1]
        assert all(kid in out for kid in kids)

    def test_a_ring_in_a_store_is_listed_rotated_retired_and_rewrapped(
        self, daypass: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url, old, new = f"sqlite:///{tmp_path}/x.db", *(secrets.token_urlsafe(32) for _ in range(2))
        monkeypatch.setenv("DAYPASS_STORE", url)
        code, _, err = daypass("keys", "list")
        assert (code, "there is no database" in err) == (1, True)
        with closing(open_store(url)) as store:
            monkeypatch.setenv("DAYPASS_MASTER_KEY", old)
            code, _, err = daypass("keys", "list")
            assert (code, err.count("\n")) == (1, 1)  # no ring is made by looking for one
            with KeyRing.from_storage(store.ring_storage(), master_key=master_key_from_env()) as ring:
                leaked = str(ring.signing_keys()[0].kid)
                assert leaked in daypass("keys", "list")[1]
                assert daypass("keys", "rotate", "--at-once")[0] == 0
                assert daypass("keys", "retire", leaked) == (0, f"retired {leaked}\n", "")
                deadline = time.monotonic() + 30
                while leaked in {entry.kid for entry in ring.entries()}:  # another process follows within seconds
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
        monkeypatch.setenv("DAYPASS_MASTER_KEY", new)
        code, out, err = daypass("keys", "list")
        assert (code, out) == (1, "")
        assert "another master key" in err
        assert new not in err
        monkeypatch.setenv("DAYPASS_MASTER_KEY", f"{new} {old}")
        assert daypass("keys", "rewrap")[0] == 0
        monkeypatch.setenv("DAYPASS_MASTER_KEY", new)
        assert daypass("keys", "list")[0] == 0
        monkeypatch.delenv("DAYPASS_MASTER_KEY")
        code, _, err = daypass("keys", "list")
        assert (code, "DAYPASS_MASTER_KEY" in err) == (1, True)

    def test_a_ring_in_a_file_is_not_said_to_be_wrapped(
        self, daypass: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DAYPASS_MASTER_KEY", secrets.token_urlsafe(32))
        url = f"sqlite:///{tmp_path}/x.db"
        Sessions.open(url, issuer="https://id.example", audience="https://api.example").close()
        code, out, err = daypass("keys", "rewrap", "--store", url)
        assert (code, out) == (1, "")
        assert "x.keys.json" in err
        assert "no master key wraps it" in err


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_timeline_shows_each_state_in_its_time(ascii_only: bool) -> None:
    signs = ".#-" if ascii_only else "·█░"
    old = RingEntry(kid="a", alg="x", purpose="sign", publish_at=0, sign_from=0, retire_at=200, remove_at=400)
    new = RingEntry(kid="b", alg="x", purpose="sign", publish_at=100, sign_from=200)
    head, *lines, meaning = timeline([old, new], now_s=150, ascii_only=ascii_only)
    drawn = [line.replace("|", "").replace("│", "") for line in lines]
    published, signs_now, accepted = (sign * 9 for sign in signs)
    assert drawn == [signs_now * 3 + accepted, " " * 9 + published * 2 + signs_now * 2]
    assert [line[18] for line in lines] == ["|" if ascii_only else "│"] * 2
    assert head.split() == ["1970-01-01", "00:00", "1970-01-01", "00:06"]
    assert all(sign in meaning for sign in signs)


def test_a_timeline_of_many_keys_stays_on_the_screen() -> None:
    entries = [
        RingEntry(kid=str(n), alg="x", purpose="sign", publish_at=n, sign_from=n + 1, retire_at=n + 2, remove_at=n + 99)
        for n in range(0, 200, 7)
    ]
    assert max(map(len, timeline(entries, now_s=50, ascii_only=True))) <= 130


# --------------------------------------------------------------------------------------------------- generate


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("alg", [*SIGNATURE_ALGORITHMS, *KEY_MANAGEMENT_ALGORITHMS, *CONTENT_ENCRYPTIONS])
def test_a_key_is_made_for_any_algorithm(alg: str, daypass: Command) -> None:
    bits = ("--bits", "256") if alg == "dir" else ()
    code, out, err = daypass("keys", "generate", "--alg", alg, *bits)
    assert (code, err, out.count("\n")) == (0, "", 1)
    key = JWK.from_json(out)
    assert (key.alg, key.is_private) == (alg, True)
    assert key.kid == key.thumbprint() if key.kty != "oct" else key.kid


def test_size_curve_and_name_are_chosen(daypass: Command) -> None:
    assert JWK.from_json(daypass("keys", "generate", "--alg", "EdDSA", "--crv", "Ed448")[1]).crv == "Ed448"
    assert JWK.from_json(daypass("keys", "generate", "--alg", "HS256", "--kid", "-mine")[1]).kid == "-mine"
    secret = json.loads(daypass("keys", "generate", "--alg", "HS256", "--bits", "512")[1])["k"]
    assert len(secret) == 86


def test_a_private_key_is_written_for_its_owner_alone(daypass: Command, place: Path) -> None:
    before = os.umask(0)
    try:
        code, out, err = daypass("keys", "generate", "--alg", "ES256", "--out", "key.json", "--public", "public.json")
    finally:
        os.umask(before)
    key = JWK.from_json((place / "key.json").read_bytes())
    assert (code, out, err) == (0, f"new key {key.kid}\n", "")
    assert (mode_of(place / "key.json"), mode_of(place / "public.json")) == (0o600, 0o644)
    assert json.loads((place / "public.json").read_text()) == key.public().to_dict()
    assert sorted(path.name for path in place.iterdir()) == ["key.json", "public.json"]


def test_a_key_as_pem(daypass: Command, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daypass("keys", "generate", "--alg", "ES256", "--pem", "--out", "key.pem", "--public", "public.pem")
    key = JWK.from_pem((place / "key.pem").read_bytes(), alg="ES256")
    assert key.is_private
    assert JWK.from_pem((place / "public.pem").read_bytes(), alg="ES256").to_dict() == key.public().to_dict()
    assert JWK.from_pem(daypass("keys", "generate", "--alg", "Ed448", "--pem")[1], alg="Ed448").is_private
    monkeypatch.setenv("MY_PASSWORD", "open sesame")
    daypass("keys", "generate", "--alg", "ES256", "--pem", "--password-env", "MY_PASSWORD", "--out", "locked.pem")
    assert JWK.from_pem((place / "locked.pem").read_bytes(), alg="ES256", password=b"open sesame").is_private


@pytest.mark.parametrize("there", ["key.json", "public.json"])
def test_no_file_is_overwritten_and_nothing_is_left_behind(there: str, daypass: Command, place: Path) -> None:
    (place / there).write_text("mine", encoding="ascii")
    words = ("keys", "generate", "--alg", "EdDSA", "--out", "key.json", "--public", "public.json")
    code, out, err = daypass(*words)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "--force" in err
    assert [(path.name, path.read_text()) for path in place.iterdir()] == [(there, "mine")]
    assert daypass(*words, "--force")[0] == 0
    assert JWK.from_json((place / "key.json").read_bytes()).is_private
    assert mode_of(place / "key.json") == 0o600


def test_a_symbolic_link_is_not_followed(daypass: Command, place: Path) -> None:
    (place / "theirs").write_text("theirs", encoding="ascii")
    (place / "key.json").symlink_to("theirs")
    assert daypass("keys", "generate", "--alg", "EdDSA", "--out", "key.json")[0] == 4
    assert daypass("keys", "generate", "--alg", "EdDSA", "--out", "key.json", "--force")[0] == 0
    assert (place / "theirs").read_text() == "theirs"
    assert not (place / "key.json").is_symlink()


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_disk_that_is_full_leaves_what_was_there(
    force: tuple[str, ...], daypass: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if force:
        (place / "key.json").write_text("mine", encoding="ascii")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fail)
    code, out, err = daypass("keys", "generate", "--alg", "EdDSA", "--out", "key.json", *force)
    assert (code, out, err) == (4, "", "daypass: No space left on device\n")
    assert [path.read_text() for path in place.iterdir()] == (["mine"] if force else [])


@pytest.mark.parametrize(
    "code, words",
    [
        (2, ()),
        (2, ("--alg", "ES256", "--password-env", "MY_PASSWORD")),
        (3, ("--alg", "none")),
        (3, ("--alg", "es256")),
        (3, ("--alg", "ES256", "--crv", "P-384")),
        (3, ("--alg", "ES256", "--bits", "256")),
        (3, ("--alg", "RS256", "--bits", "1024")),
        (3, ("--alg", "HS256", "--bits", "128")),
        (3, ("--alg", "dir")),
        (3, ("--alg", "HS256", "--public", "public.json")),
        (3, ("--alg", "HS256", "--pem")),
        (3, ("--alg", "ES256", "--pem", "--password-env", "NOT_SET")),
        (3, ("--alg", "ES256", "--out", "one", "--public", "one")),
        (4, ("--alg", "ES256", "--out", "no/such/folder")),
    ],
    ids=str,
)
def test_what_cannot_be_generated_leaves_no_file(
    code: int, words: tuple[str, ...], daypass: Command, place: Path
) -> None:
    ended, out, err = daypass("keys", "generate", *words)
    assert (ended, out) == (code, "")
    assert err
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("public", ["./key.json", "../{here}/key.json", "link/key.json"])
def test_one_file_is_not_named_twice_by_two_names(
    public: str, force: tuple[str, ...], daypass: Command, place: Path
) -> None:
    """Otherwise the public half would take the place of the private one, which nobody has any longer."""
    (place / "link").symlink_to(".")
    words = ("--out", "key.json", "--public", public.format(here=place.name), *force)
    code, out, err = daypass("keys", "generate", "--alg", "EdDSA", *words)
    assert (code, out) == (3, "")
    assert "one file" in err
    assert [path.name for path in place.iterdir()] == ["link"]


@pytest.mark.parametrize("public", ["no/such/folder", "folder"])
def test_a_key_is_not_replaced_where_its_other_half_cannot_be_written(
    public: str, daypass: Command, place: Path
) -> None:
    (place / "key.json").write_text("mine", encoding="ascii")
    (place / "folder").mkdir()
    words = ("--out", "key.json", "--public", public, "--force")
    assert daypass("keys", "generate", "--alg", "EdDSA", *words)[:2] == (4, "")
    assert (place / "key.json").read_text() == "mine"
    assert sorted(path.name for path in place.iterdir()) == ["folder", "key.json"]


def test_an_empty_password_is_said_to_be_empty(daypass: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", "")
    code, out, err = daypass("keys", "generate", "--alg", "ES256", "--pem", "--password-env", "MY_PASSWORD")
    assert (code, out) == (3, "")
    assert "the variable is empty" in err
    assert "private=" not in err


def test_a_kid_with_control_characters_does_not_reach_the_terminal(
    daypass: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = daypass("keys", "generate", "--alg", "HS256", "--kid", "a\x1b[31mb", "--out", "k.json")
    assert (code, "\x1b" in out) == (0, False)
    assert out.startswith("new key a")
