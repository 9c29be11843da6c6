"""`daypass token` with keys of PASETO: every version and purpose, every form of a key, and what is refused."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from daypass import paseto
from daypass.cli.exit_codes import in_options
from daypass.jose.jwk import JWK
from daypass.paseto import paserk
from daypass.paseto.keys import Version
from tests.unit.cli.conftest import Command

CLAIMS = {"sub": "alice", "roles": ["admin"]}
CLAIMS_JSON = json.dumps(CLAIMS).encode()
PASSWORD = "open sesame, please"
VERSIONS: tuple[Version, ...] = (1, 2, 3, 4)
SECRETS: dict[int, paseto.SecretKey] = {version: paseto.SecretKey.generate(version) for version in VERSIONS}
LOCALS: dict[int, paseto.LocalKey] = {version: paseto.LocalKey.generate(version) for version in VERSIONS}
PEM_ALGS = {1: "PS384", 2: "EdDSA", 3: "ES384", 4: "EdDSA"}
EVIL = "\x1b]0;owned\x07"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with keys of every version, in which commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_PASSWORD", PASSWORD)
    monkeypatch.setenv("OTHER_PASSWORD", "another")
    for version in VERSIONS:
        write(tmp_path / f"secret{version}", paserk.dump(SECRETS[version]))
        write(tmp_path / f"public{version}", paserk.dump(SECRETS[version].public()))
        write(tmp_path / f"local{version}", paserk.dump(LOCALS[version]))
    write(tmp_path / "jwk.json", json.dumps(JWK.generate("EdDSA").to_dict(private=True)))
    write(tmp_path / "oct.json", json.dumps(JWK.generate("A256GCM").to_dict(private=True)))
    return tmp_path


def write(path: Path, text: str) -> None:
    path.write_text(f"{text}\n", encoding="utf-8")


def claims_of(out: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(out).items() if name not in {"iat", "exp"}}


# ------------------------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize("version", VERSIONS)
def test_claims_are_signed_and_verified_in_every_version(version: int, daypass: Command, place: Path) -> None:
    words = ("token", "sign", "--key", f"secret{version}", "--lifetime", "60", "--footer", '{"kid":"mine"}')
    code, token, err = daypass(*words, "--allow-legacy", stdin=CLAIMS_JSON)
    assert (code, err, token.count("\n")) == (0, "", 1)
    assert token.startswith(f"v{version}.public.")
    assert claims_of(json.dumps(paseto.verify_claims(token.strip(), SECRETS[version].public()))) == CLAIMS
    for key in (f"public{version}", f"secret{version}"):
        code, out, err = daypass("token", "verify", "--key", key, "--json", stdin=token.encode())
        assert (code, claims_of(out), err) == (0, CLAIMS, "")
    claims = json.loads(out)
    assert claims["exp"] - claims["iat"] == 60
    shown = daypass("token", "verify", "--key", f"public{version}", stdin=token.encode())[1]
    assert shown.startswith("verified\nclaims\n")
    assert "UTC, in " in shown


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_and_claims_are_encrypted_and_decrypted_in_every_version(
    version: int, daypass: Command, place: Path
) -> None:
    key = ("--key", f"local{version}")
    code, token, err = daypass("token", "encrypt", *key, "--allow-legacy", stdin=b" hello\n")
    assert (code, err, token.startswith(f"v{version}.local.")) == (0, "", True)
    assert daypass("token", "decrypt", *key, stdin=token.encode()) == (0, " hello\n", "")
    token = daypass("token", "encrypt", "--claims", *key, "--allow-legacy", stdin=CLAIMS_JSON)[1]
    assert daypass("token", "decrypt", "--claims", *key, stdin=token.encode())[1].startswith("decrypted\nclaims\n")
    assert claims_of(daypass("token", "decrypt", "--claims", "--json", *key, stdin=token.encode())[1]) == CLAIMS


@pytest.mark.parametrize("version", [1, 2])
def test_a_legacy_version_is_made_only_where_that_is_said(version: int, daypass: Command, place: Path) -> None:
    for command, key in (("sign", f"secret{version}"), ("encrypt", f"local{version}")):
        code, out, err = daypass("token", command, "--key", key, stdin=b"{}")
        assert (code, out) == (3, "")
        assert "--allow-legacy" in err
        assert "allow_legacy" not in err


@pytest.mark.parametrize("version", [3, 4])
def test_footer_and_implicit_assertion_are_held_against_the_token(version: int, daypass: Command, place: Path) -> None:
    beside = ("--footer", "K\u00f6ln", "--implicit", "tenant 7")
    making = (("sign", f"secret{version}"), ("encrypt", f"local{version}"))
    checking = (("verify", f"public{version}", ()), ("decrypt", f"local{version}", ("--claims",)))
    for (make, made_with), (check, checked_with, more) in zip(making, checking, strict=True):
        token = daypass("token", make, *more, "--key", made_with, *beside, stdin=CLAIMS_JSON)[1].encode()
        words = ("token", check, *more, "--key", checked_with)
        assert daypass(*words, *beside, stdin=token)[0] == 0
        assert daypass(*words, "--implicit", "tenant 7", stdin=token)[0] == 0
        for wrong in ((), ("--implicit", "tenant 8"), ("--implicit", "tenant 7", "--footer", "")):
            code, out, err = daypass(*words, *wrong, stdin=token)
            assert (code, out, err.count("\n")) == (1, "", 1)
            assert "tenant" not in err


@pytest.mark.parametrize("version", [1, 2])
def test_an_assertion_that_would_not_be_authenticated_is_refused(version: int, daypass: Command, place: Path) -> None:
    implicit = ("--implicit", "x")
    for command, key in (("sign", "secret"), ("verify", "public"), ("encrypt", "local"), ("decrypt", "local")):
        more = ("--allow-legacy",) if command in ("sign", "encrypt") else ()
        code, out, err = daypass("token", command, "--key", f"{key}{version}", *implicit, *more, stdin=b"{}")
        assert (code, out, "implicit" in err) == (3, "", True)


@pytest.mark.parametrize(
    "words, changes, code",
    [
        ((), {"exp": 1}, 1),
        (("--leeway", "60"), {"exp": ...}, 0),
        ((), {"aud": "a"}, 1),
        (("--audience", "a"), {"aud": "a"}, 0),
        (("--issuer", "i"), {"iss": "j"}, 1),
        (("--required", "jti"), {}, 1),
        ((), {"typ": "at+jwt"}, 1),
        (("--typ", "at+jwt"), {"typ": "at+jwt"}, 0),
        (("--typ", "at+jwt"), {}, 1),
    ],
    ids=["expired", "leeway", "an audience", "its audience", "issuer", "required", "a kind", "its kind", "no kind"],
)
def test_what_is_demanded_of_claims(
    words: tuple[str, ...], changes: dict[str, Any], code: int, daypass: Command, place: Path
) -> None:
    if "--leeway" in words:
        changes = {"exp": int(time.time()) - 5}
    token = paseto.sign_claims({**CLAIMS, **changes}, SECRETS[4]).encode()
    assert daypass("token", "verify", "--key", "public4", *words, stdin=token)[0] == code
    sealed = paseto.encrypt_claims({**CLAIMS, **changes}, LOCALS[4]).encode()
    assert daypass("token", "decrypt", "--claims", "--key", "local4", *words, stdin=sealed)[0] == code


def test_a_token_without_exp_is_made_and_taken_only_where_that_is_said(daypass: Command, place: Path) -> None:
    token = daypass("token", "sign", "--key", "secret4", "--no-exp", stdin=CLAIMS_JSON)[1].encode()
    assert daypass("token", "verify", "--key", "public4", stdin=token)[0] == 1
    assert daypass("token", "verify", "--key", "public4", "--no-exp", stdin=token)[0] == 0


# ---------------------------------------------------------------------------------------------- forms of a key


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pem_is_for_the_version_that_is_named(version: int, daypass: Command, place: Path) -> None:
    pair = JWK.generate(PEM_ALGS[version])
    (place / "key.pem").write_bytes(pair.to_pem(private=True))
    (place / "locked.pem").write_bytes(pair.to_pem(private=True, password=PASSWORD.encode()))
    (place / "public.pem").write_bytes(pair.to_pem())
    named = ("--paseto", f"v{version}")
    token = daypass("token", "sign", "--key", "key.pem", *named, "--allow-legacy", stdin=CLAIMS_JSON)[1]
    assert token.startswith(f"v{version}.public.")
    assert daypass("token", "verify", "--key", "public.pem", *named, stdin=token.encode())[0] == 0
    locked = ("token", "verify", "--key", "locked.pem", *named)
    assert daypass(*locked, "--password-env", "MY_PASSWORD", stdin=token.encode())[0] == 0
    assert daypass(*locked, stdin=token.encode())[0] == 3
    code, _, err = daypass(*locked, "--password-env", "OTHER_PASSWORD", stdin=token.encode())
    assert (code, PASSWORD in err) == (3, False)
    other = f"v{version % 4 + 1}"  # the next version has another kind of key
    assert daypass("token", "verify", "--key", "public.pem", "--paseto", other, stdin=token.encode())[0] == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_a_key_under_a_password_is_opened_by_a_variable(version: Version, daypass: Command, place: Path) -> None:
    write(place / "secret-pw", paserk.dump(SECRETS[version], password=PASSWORD.encode()))
    write(place / "local-pw", paserk.dump(LOCALS[version], password=PASSWORD.encode()))
    for command, key in (("sign", "secret-pw"), ("encrypt", "local-pw")):
        words = ("token", command, "--allow-legacy", "--key", key)
        assert daypass(*words, "--password-env", "MY_PASSWORD", stdin=b"{}")[::2] == (0, "")
        code, out, err = daypass(*words, stdin=b"{}")
        assert (code, out, "--password-env" in err) == (3, "", True)
        code, out, err = daypass(*words, "--password-env", "OTHER_PASSWORD", stdin=b"{}")
        assert (code, out, "another password" in err) == (3, "", True)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrapped_key_is_opened_by_another_key(version: Version, daypass: Command, place: Path) -> None:
    kek = paseto.LocalKey.generate(version)
    write(place / "kek", paserk.dump(kek))
    write(place / "kek-pw", paserk.dump(kek, password=PASSWORD.encode()))
    write(place / "secret-wrap", paserk.dump(SECRETS[version], wrapping_key=kek))
    write(place / "local-wrap", paserk.dump(LOCALS[version], wrapping_key=kek))
    for command, key in (("sign", "secret-wrap"), ("encrypt", "local-wrap")):
        words = ("token", command, "--allow-legacy", "--key", key)
        assert daypass(*words, "--unwrap-with", "kek", stdin=b"{}")[::2] == (0, "")
        password = ("--password-env", "MY_PASSWORD")
        assert daypass(*words, "--unwrap-with", "kek-pw", *password, stdin=b"{}")[::2] == (0, "")
        for wrong in ((), ("--unwrap-with", f"local{version}"), ("--unwrap-with", f"local{version % 4 + 1}")):
            code, out, err = daypass(*words, *wrong, stdin=b"{}")
            assert (code, out, err.count("\n")) == (3, "", 1)
        assert "--unwrap-with" in daypass(*words, stdin=b"{}")[2]
        for wrong in (f"secret{version}", f"public{version}", "jwk.json", "missing"):
            assert daypass(*words, "--unwrap-with", wrong, stdin=b"{}")[:2] == (3, "")


@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_sealed_key_is_opened_by_the_secret_key(version: Version, daypass: Command, place: Path) -> None:
    write(place / "sealed", paserk.dump(LOCALS[version], sealing_key=SECRETS[version].public()))
    token = paseto.encrypt(b"hello", LOCALS[version], allow_legacy=True).encode()
    words = ("token", "decrypt", "--key", "sealed")
    assert daypass(*words, "--unwrap-with", f"secret{version}", stdin=token) == (0, "hello", "")
    assert "secret key" in daypass(*words, stdin=token)[2]
    for wrong in (f"public{version}", f"local{version}"):
        assert daypass(*words, "--unwrap-with", wrong, stdin=token)[:2] == (3, "")
    write(place / "other", paserk.dump(paseto.SecretKey.generate(version)))
    assert daypass(*words, "--unwrap-with", "other", stdin=token)[:2] == (3, "")


def test_a_paserk_in_a_variable(daypass: Command, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", paserk.dump(LOCALS[4]))
    token = daypass("token", "encrypt", "--secret-env", "MY_KEY", stdin=b"hello")[1].encode()
    assert daypass("token", "decrypt", "--key", "local4", stdin=token) == (0, "hello", "")
    assert daypass("token", "encrypt", "--secret-env", "MY_KEY", "--alg", "A256KW", stdin=b"hello")[0] == 2


def test_a_byte_order_mark_and_white_space_belong_to_the_file(daypass: Command, place: Path) -> None:
    (place / "key").write_bytes(b"\xef\xbb\xbf \n" + paserk.dump(SECRETS[4]).encode() + b" \r\n\n")
    assert daypass("token", "sign", "--key", "key", stdin=b"{}")[0] == 0


def test_the_version_of_a_paserk_can_be_demanded(daypass: Command, place: Path) -> None:
    assert daypass("token", "sign", "--key", "secret4", "--paseto", "v4", stdin=b"{}")[0] == 0
    assert daypass("token", "sign", "--key", "secret4", "--paseto", "v3", stdin=b"{}")[:2] == (3, "")


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    "command, key",
    [
        *(("sign", f"{kind}4") for kind in ("public", "local")),
        ("verify", "local4"),
        *(("encrypt", f"{kind}4") for kind in ("public", "secret")),
        *(("decrypt", f"{kind}4") for kind in ("public", "secret")),
        ("sign", "pid"),
        ("verify", "pid"),
        ("verify", "junk"),
        ("verify", "unknown"),
        ("verify", "small-order"),
    ],
)
def test_a_key_that_cannot_do_it_is_refused(command: str, key: str, daypass: Command, place: Path) -> None:
    write(place / "pid", paserk.key_id(SECRETS[4].public()))
    write(place / "junk", "k4.public.A=B")
    write(place / "unknown", "k5.public.AAAA")
    write(place / "small-order", paserk.dump(paseto.PublicKey.from_bytes(4, bytes(32))))
    token = paseto.sign_claims(CLAIMS, SECRETS[4])
    code, out, err = daypass("token", command, "--key", key, stdin=token.encode() if command == "verify" else b"{}")
    assert (code, out) == (3, "")
    assert (err.startswith("daypass: "), err.count("\n")) == (True, 1)


@pytest.mark.parametrize(
    "words, token",
    [
        (("verify", "--key", "public4"), paseto.sign_claims(CLAIMS, SECRETS[3])),
        (("verify", "--key", "public4"), paseto.sign_claims(CLAIMS, paseto.SecretKey.generate(4))),
        (("verify", "--key", "public4"), paseto.encrypt_claims(CLAIMS, LOCALS[4])),
        (("verify", "--key", "public4"), "eyJhbGciOiJub25lIn0.e30."),
        (("verify", "--key", "public4"), "v4.public.AAAA"),
        (("verify", "--key", "jwk.json"), paseto.sign_claims(CLAIMS, SECRETS[4])),
        (("decrypt", "--key", "local4"), paseto.encrypt_claims(CLAIMS, LOCALS[3])),
        (("decrypt", "--key", "local4"), paseto.encrypt_claims(CLAIMS, paseto.LocalKey.generate(4))),
        (("decrypt", "--key", "local4"), paseto.sign_claims(CLAIMS, SECRETS[4])),
        (("decrypt", "--claims", "--key", "local4"), paseto.encrypt(b"no claims", LOCALS[4])),
    ],
)
def test_another_token_is_refused_without_a_word_of_it(
    words: tuple[str, ...], token: str, daypass: Command, place: Path
) -> None:
    code, out, err = daypass("token", *words, stdin=token.encode())
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert not any(part in err for part in token.split(".") if len(part) > 8)


PASETO_OPTIONS = [("--footer", "x"), ("--implicit", "x"), ("--allow-legacy",), ("--unwrap-with", "local4")]


@pytest.mark.parametrize(
    "words",
    [
        *(("sign", "--key", "secret4", *it) for it in [("--alg", "EdDSA"), ("--kid", "a"), ("--jws",)]),
        ("sign", "--key", "secret4", "--header-typ", "at+jwt"),
        *(("verify", "--key", "public4", *it) for it in [("--alg", "EdDSA"), ("--jws",)]),
        *(("encrypt", "--key", "local4", *it) for it in [("--alg", "dir"), ("--enc", "A256GCM"), ("--kid", "a")]),
        ("encrypt", "--key", "local4", "--sign-key", "secret4"),
        ("encrypt", "--key", "local4", "--lifetime", "5"),
        *(("decrypt", "--key", "local4", *it) for it in [("--alg", "dir"), ("--enc", "A256GCM"), ("--allow-zip",)]),
        *(("decrypt", "--key", "local4", it) for it in ("--allow-pbes2", "--allow-rsa1-5", "--allow-unknown-sender")),
        ("decrypt", "--key", "local4", "--verify-key", "public4"),
        ("decrypt", "--key", "local4", "--audience", "a"),
        *(("sign", "--key", "jwk.json", *it) for it in PASETO_OPTIONS),
        *(("encrypt", "--key", "oct.json", *it) for it in PASETO_OPTIONS),
        *(("verify", "--key", "jwk.json", *it) for it in PASETO_OPTIONS if it != ("--allow-legacy",)),
        *(("decrypt", "--key", "oct.json", *it) for it in PASETO_OPTIONS if it != ("--allow-legacy",)),
    ],
    ids=" ".join,
)
def test_an_option_that_would_have_no_effect_is_refused(words: tuple[str, ...], daypass: Command, place: Path) -> None:
    code, out, err = daypass("token", *words, stdin=b"{}")
    assert (code, out) == (2, "")
    assert "--" in err


@pytest.mark.parametrize(
    "code, words, stdin",
    [
        (3, ("sign", "--key", "jwk.json", "--paseto", "v4"), b"{}"),
        (3, ("sign", "--key", "secret4", "--paseto", "v5"), b"{}"),
        (3, ("sign", "--key", "secret4", "--paseto", "4"), b"{}"),
        (3, ("sign", "--key", "secret4", "--password-env", "MY_PASSWORD"), b"{}"),
        (3, ("sign", "--key", "secret4", "--unwrap-with", "local4"), b"{}"),
        (3, ("sign", "--key", "secret4", "--footer", "x" * 9000), b"{}"),
        (3, ("sign", "--key", "secret4"), b'{"aud": ["a", "b"]}'),
        (3, ("encrypt", "--key", "oct.json", "--sign-key", "secret4"), b"{}"),
        (4, ("sign", "--key", "secret4"), b"["),
        (4, ("sign", "--key", "secret4"), b'{"exp": "tomorrow"}'),
        (4, ("encrypt", "--key", "local4"), b"x" * 2_000_000),
    ],
    ids=lambda it: str(it)[:40],
)
def test_each_reason_has_its_exit_code(
    code: int, words: tuple[str, ...], stdin: bytes, daypass: Command, place: Path
) -> None:
    ended, out, err = daypass("token", *words, stdin=stdin)
    assert (ended, out) == (code, "")
    assert (err.startswith("daypass: "), err.count("\n")) == (True, 1)
    assert not any(f"{word}=" in err or f"{word}_key" in err for word in ("password", "wrapping", "unsealing"))


@pytest.mark.parametrize("command", ["inspect", "sign", "verify", "encrypt", "decrypt"])
def test_no_secret_is_ever_printed(command: str, daypass: Command, place: Path) -> None:
    """A key where a token belongs, a key as a word, a key that is cut off: nothing of it comes out."""
    for key in (paserk.dump(SECRETS[4]), paserk.dump(LOCALS[4]), paserk.dump(LOCALS[4])[:-3]):
        write(place / "key", key)
        data = key.rpartition(".")[2]
        with_key = () if command == "inspect" else ("--key", "public4" if command == "verify" else "local4")
        for words, stdin in (
            (with_key, key.encode()),
            ((*with_key, key), b""),
            (("--key", "key"), b"no token"),
            (("--key", key), b""),
        ):
            _, out, err = daypass("token", command, *words, stdin=stdin)
            if command == "encrypt":
                out = ""  # a token, which may hold what was read
            assert data not in out + err


# -------------------------------------------------------------------------------------------------------- inspect


def test_inspect_shows_header_footer_claims_and_findings(daypass: Command) -> None:
    token = paseto.sign_claims({**CLAIMS, "email": "ada@example.com"}, SECRETS[4], footer=b'{"kid":"mine"}')
    code, out, err = daypass("token", "inspect", stdin=token.encode())
    assert (code, err) == (0, "")
    assert out.startswith(f"signed (PASETO), v4.public, {len(token)} bytes; not verified\nheader\n")
    assert 'footer\n  kid  "mine"\nclaims\n' in out
    assert "UTC, in " in out
    assert ["warning", "claims.email"] in [line.split()[:2] for line in out.splitlines()]


def test_inspect_says_what_is_encrypted_and_shows_a_footer_that_is_no_json(daypass: Command) -> None:
    footer = f"text {EVIL} \u202e\xff".encode() + b"\xff"
    token = paseto.encrypt_claims(CLAIMS, LOCALS[4], footer=footer)
    out = daypass("token", "inspect", stdin=token.encode())[1]
    assert out.startswith(f"encrypted (PASETO), v4.local, {len(token)} bytes; not verified\n")
    assert "footer\n  text \\u001b]0;owned\\u0007" in out
    assert "claims\n" not in out
    seen = json.loads(daypass("token", "inspect", "--json", stdin=token.encode())[1])
    assert (seen["kind"], seen["form"], seen["claims"], seen["verified"]) == ("paseto", "v4.local", None, False)
    assert seen["footer_base64url"] == token.rpartition(".")[2]
    assert seen["headers"] == [{"where": "header", "members": {"version": "v4", "purpose": "local"}}]


def test_inspect_is_strict_about_a_paseto_and_refuses_a_key(daypass: Command, place: Path) -> None:
    token = paseto.sign(b'{"exp":1}', SECRETS[4]).encode()
    assert daypass("token", "inspect", "--strict", stdin=token)[0] == 1
    for kind in ("secret4", "local4", "public4"):
        code, out, err = daypass("token", "inspect", kind)
        assert (code, out) == (1, "")
        assert f"k4.{kind[:-1]}" in err
        assert (place / kind).read_text().strip().rpartition(".")[2] not in err


@pytest.mark.parametrize(
    "python, words",
    [
        ("issue v3, or say allow_legacy=True", "issue v3, or say --allow-legacy"),
        (
            "is wrapped under another key: pass wrapping_key=, a LocalKey of v4",
            "is wrapped under another key: name with --unwrap-with the file of a local key of v4",
        ),
        (
            "is sealed: pass unsealing_key=, a SecretKey of v2",
            "is sealed: name with --unwrap-with the file of a secret key of v2",
        ),
        ("is protected by nothing: pass no password for it", "is protected by nothing: leave out --password-env"),
        ("pass no wrapping_key for it", "leave out --unwrap-with"),
        ("Seal with v4, or say allow_raw_rsa=True", "Seal with v4, or open it in Python"),
    ],
)
def test_messages_speak_of_options(python: str, words: str) -> None:
    assert in_options(python) == words


def test_bytes_leave_as_they_are(place: Path) -> None:
    token = paseto.encrypt(b" \x00\xff\n", LOCALS[4]).encode()
    words = [sys.executable, "-m", "daypass", "token", "decrypt", "--key", "local4"]
    run = subprocess.run(words, input=token, capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b" \x00\xff\n", b"")
