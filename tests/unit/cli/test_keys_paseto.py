"""`daypass keys generate` for PASETO: what is written, and where."""

import stat
from pathlib import Path

import pytest

from daypass import paseto
from daypass.paseto import paserk
from tests.unit.cli.conftest import Command

ALGS = [f"v{version}.{purpose}" for version in (1, 2, 3, 4) for purpose in ("local", "public")]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_PASSWORD", "open sesame")
    return tmp_path


@pytest.mark.parametrize("alg", ALGS)
def test_a_key_is_made_for_every_version_and_purpose(alg: str, daypass: Command, place: Path) -> None:
    code, out, err = daypass("keys", "generate", "--alg", alg)
    assert (code, err, out.count("\n")) == (0, "", 1)
    key = paserk.load(out.strip())
    assert isinstance(key, paseto.LocalKey if alg.endswith("local") else paseto.SecretKey)
    assert (key.version, list(place.iterdir())) == (int(alg[1]), [])


@pytest.mark.parametrize("alg", ["v4.public", "v3.public", "v1.public"])
def test_a_pair_is_written_for_its_owner_and_for_the_others(alg: str, daypass: Command, place: Path) -> None:
    code, out, err = daypass("keys", "generate", "--alg", alg, "--out", "key", "--public", "public")
    key, public = (paserk.load((place / name).read_text().strip()) for name in ("key", "public"))
    assert isinstance(key, paseto.SecretKey)
    assert isinstance(public, paseto.PublicKey)
    assert (code, out, err) == (0, f"new key {paserk.key_id(public)}\n", "")
    assert paserk.key_id(key.public()) == paserk.key_id(public)
    assert [stat.S_IMODE((place / name).stat().st_mode) for name in ("key", "public")] == [0o600, 0o644]


def test_a_local_key_is_named_by_its_id(daypass: Command, place: Path) -> None:
    out = daypass("keys", "generate", "--alg", "v4.local", "--out", "key")[1]
    text = (place / "key").read_text().strip()
    assert out == f"new key {paserk.key_id(paserk.load(text))}\n"
    assert text.rpartition(".")[2] not in out


@pytest.mark.parametrize("alg", ["v4.public", "v4.local", "v3.local"])
def test_a_key_is_written_under_a_password(alg: str, daypass: Command, place: Path) -> None:
    words = ("keys", "generate", "--alg", alg, "--password-env", "MY_PASSWORD", "--out", "key")
    assert daypass(*words)[0] == 0
    text = (place / "key").read_text().strip()
    assert "-pw." in text
    assert paserk.load(text, password=b"open sesame").version == int(alg[1])


@pytest.mark.parametrize(
    "code, words",
    [
        (2, ("--alg", "v4.public", "--kid", "a")),
        (2, ("--alg", "v4.public", "--crv", "Ed25519")),
        (2, ("--alg", "v1.public", "--bits", "4096")),
        (2, ("--alg", "v4.local", "--bits", "0")),
        (2, ("--alg", "v4.public", "--pem")),
        (3, ("--alg", "v4.local", "--public", "public")),
        (3, ("--alg", "v4.public", "--password-env", "NOT_SET")),
        (3, ("--alg", "v4.public", "--password-env", "EMPTY")),
        (3, ("--alg", "v5.public")),
        (3, ("--alg", "v4.secret")),
        (3, ("--alg", "v4")),
        (3, ("--alg", "v4.public", "--out", "one", "--public", "one")),
        (4, ("--alg", "v4.public", "--out", "no/such/folder")),
    ],
    ids=str,
)
def test_what_cannot_be_generated_leaves_no_file(
    code: int, words: tuple[str, ...], daypass: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "")
    ended, out, err = daypass("keys", "generate", *words)
    assert (ended, out) == (code, "")
    assert err
    assert list(place.iterdir()) == []


def test_no_file_is_overwritten(daypass: Command, place: Path) -> None:
    (place / "key").write_text("mine", encoding="ascii")
    words = ("keys", "generate", "--alg", "v4.local", "--out", "key")
    code, out, err = daypass(*words)
    assert (code, out, "--force" in err) == (4, "", True)
    assert (place / "key").read_text() == "mine"
    assert daypass(*words, "--force")[0] == 0
    assert paserk.load((place / "key").read_text().strip()).version == 4
