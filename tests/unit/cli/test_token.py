"""`daypass token`: what it shows, what it accepts, how it ends, and that no token or key is a word of a command."""

import io
import json
import os
import pty
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from daypass import jwe, jws, jwt
from daypass.cli.exit_codes import in_options
from daypass.cli.token_output import printable, since
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.keyring.ring import KeyRing
from daypass.limits import JWT_BYTES_MAX, TOKEN_BYTES_MAX
from tests.security import forge
from tests.security.forge import b64u, octets
from tests.unit.cli.conftest import Command

CLAIMS = {"sub": "alice", "roles": ["admin"]}
SECRET = "Zq3vX9rT1mK7bN5cW8yL2pD6fH4jS0gA"
EVIL = "\x1b]0;owned\x07\x1b[31m\u202e\x9b"
SIGNER = JWK.generate("EdDSA", kid="signer")
READER = JWK.generate("ECDH-ES+A128KW", kid="reader")
SHARED = JWK.generate("A256GCM", kid="shared")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with keys, in which commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_SECRET", SECRET)
    write(tmp_path / "private.json", SIGNER.to_dict(private=True))
    write(tmp_path / "public.json", SIGNER.public().to_dict())
    write(tmp_path / "reader.json", READER.to_dict(private=True))
    write(tmp_path / "reader-public.json", READER.public().to_dict())
    write(tmp_path / "shared.json", SHARED.to_dict(private=True))
    return tmp_path


def write(path: Path, members: dict[str, Any]) -> None:
    path.write_text(json.dumps(members), encoding="utf-8")


def claims_of(out: str) -> dict[str, Any]:
    """Read claims from JSON, without the times that signing adds."""
    claims = json.loads(out)
    return {name: value for name, value in claims.items() if name not in {"iat", "exp"}}


def signed(**changes: Any) -> bytes:
    return jwt.sign({**CLAIMS, **changes}, SIGNER).encode()


COMMANDS = ["inspect", "verify", "sign", "encrypt", "decrypt"]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_takes_a_key_or_a_token_as_a_word(command: str, daypass: Command) -> None:
    code, out, _ = daypass("token", command, "--help")
    assert code == 0
    assert "Usage:" in out
    for option in ("--secret", "--token", "--password"):
        code, _, err = daypass("token", command, option, SECRET, stdin=b"")
        assert (code, SECRET in err) == (2, False)


# ------------------------------------------------------------------------------------------------------ inspect


def test_inspect_shows_header_claims_times_and_findings(daypass: Command) -> None:
    now_s = int(time.time())
    claims = {"iss": "i", "aud": "a", "iat": now_s, "exp": now_s + 7230, "email": "ada@example.com"}
    token = forge.token({"alg": "HS256", "typ": "JWT"}, claims)
    code, out, err = daypass("token", "inspect", stdin=f"{token}\n".encode())
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert out.startswith(f"signed (JWS), compact, {len(token)} bytes; not verified\nheader\n")
    assert ["alg", '"HS256"'] in lines
    assert ["claims"] in lines
    (exp,) = [line for line in lines if line[0] == "exp"]
    assert exp[1] == str(now_s + 7230)
    assert exp[-4:] == ["UTC,", "in", "2", "hours"]
    (found,) = [line for line in lines if line[0] == "warning"]
    assert found[1] == "claims.email"
    assert "\x1b" not in out


def test_inspect_finds_nothing_where_nothing_is(daypass: Command) -> None:
    code, out, _ = daypass("token", "inspect", stdin=forge.token().encode())
    assert code == 0
    assert out.splitlines()[-2:] == ["findings", "  none"]


def test_inspect_writes_json_for_machines(daypass: Command) -> None:
    header, claims = {"alg": "none", "kid": EVIL}, {"sub": "ada@example.com", "n": EVIL}
    token = f"{b64u(octets(header))}.{b64u(octets(claims))}."
    code, out, err = daypass("token", "inspect", "--json", stdin=token.encode())
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert out.isascii()
    assert out[:-1].isprintable()
    seen = json.loads(out)
    assert seen["verified"] is False
    assert (seen["kind"], seen["form"], seen["token_bytes"]) == ("jws", "compact", len(token))
    assert seen["headers"] == [{"where": "header", "members": header}]
    assert seen["claims"] == claims
    assert {"code": "alg_none", "severity": "error", "where": "header.alg"}.items() <= seen["findings"][0].items()
    payload = jws.sign(b"\x00\xff", SIGNER).encode()
    assert json.loads(daypass("token", "inspect", "--json", stdin=payload)[1])["payload_base64url"] == "AP8"


@pytest.mark.parametrize("strict, code", [((), 0), (("--strict",), 1)])
def test_inspect_is_strict_where_it_is_told_to(strict: tuple[str, ...], code: int, daypass: Command) -> None:
    expired = forge.token(payload=forge.claims(exp=1, iat=...)).encode()
    assert daypass("token", "inspect", *strict, stdin=expired)[::2] == (code, "")
    assert daypass("token", "inspect", "--strict", stdin=forge.token().encode())[0] == 0


def test_inspect_shows_a_payload_that_is_no_json(daypass: Command) -> None:
    out = daypass("token", "inspect", stdin=jws.sign(f"hello {EVIL}\n".encode(), SIGNER).encode())[1]
    assert "payload\n  hello \\u001b" in out
    assert (
        "encrypted (JWE), compact"
        in daypass("token", "inspect", stdin=jwe.encrypt(b"hello", SHARED, enc="A256GCM").encode())[1]
    )


def test_nothing_in_a_token_reaches_a_terminal_that_it_would_obey(daypass: Command) -> None:
    header = {"alg": "HS256", EVIL: EVIL}
    token = forge.token(header, {EVIL: {EVIL: [EVIL]}, "sub": EVIL, "crit": [EVIL]}).encode()
    out = daypass("token", "inspect", stdin=token)[1]
    assert all(line.isprintable() for line in out.splitlines())
    assert "\\u001b]0;owned\\u0007" in out


def on_a_terminal(*words: str, folder: Path, **environment: str) -> str:
    """Run a command whose output is a terminal, and return what the terminal got."""
    ours, theirs = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "daypass", *words],
            stdout=theirs,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**plain, "TERM": "xterm-256color", "COLUMNS": "80", **environment},
            check=False,
        )
        assert ended.stderr == b""
        got = b""
        os.set_blocking(ours, False)
        while True:
            try:
                got += os.read(ours, 65536)
            except BlockingIOError:
                return got.decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_terminal_gets_colours_marks_and_lines_that_fit(place: Path) -> None:
    (place / "token").write_bytes(forge.token(payload={"sub": EVIL, "data": "x" * 200}).encode())
    out = on_a_terminal("token", "inspect", "token", folder=place)
    assert "\x1b[1m" in out
    assert "\u2717 error" in out
    assert "owned\\u0007" in out
    assert "\x1b]0;" not in out
    plain = on_a_terminal("token", "inspect", "token", folder=place, NO_COLOR="1")
    assert "\x1b[3" not in plain
    assert max(map(len, plain.splitlines())) < 100  # 80, and what switches bold on and off


def test_a_payload_on_a_terminal_does_no_harm(place: Path) -> None:
    (place / "token").write_text(jws.sign(f"one\ttwo\n{EVIL}".encode() + b"\xff", SIGNER), encoding="ascii")
    out = on_a_terminal("token", "verify", "--jws", "--key", "public.json", "token", folder=place)
    assert out == "one    two\r\n\\u001b]0;owned\\u0007\\u001b[31m\\u202e\\u009b\\xff\r\n"


@pytest.mark.parametrize(
    "away_s, words",
    [
        (0.5, "now"),
        (1, "in 1 second"),
        (-59, "59 seconds ago"),
        (899.6, "in 15 minutes"),
        (-7000, "2 hours ago"),
        (86_400, "in 1 day"),
        (-400 * 86_400, "1 year ago"),
    ],
)
def test_a_time_in_words(away_s: float, words: str) -> None:
    assert since(1_800_000_000 + away_s, 1_800_000_000) == words


def test_what_is_not_printable_is_escaped() -> None:
    assert printable("K\u00f6ln \U0001f511") == "K\u00f6ln \U0001f511"
    assert printable("a\x1b\x7f\ud800\U000e0001") == "a\\u001b\\u007f\\ud800\\U000e0001"


# ------------------------------------------------------------------------------------------------ sign and verify


def test_claims_are_signed_and_verified(daypass: Command, place: Path) -> None:
    code, token, err = daypass("token", "sign", "--key", "private.json", stdin=json.dumps(CLAIMS).encode())
    assert (code, err, token.count("\n")) == (0, "", 1)
    assert claims_of(json.dumps(jwt.verify(token.strip(), SIGNER))) == CLAIMS
    code, out, err = daypass("token", "verify", "--key", "public.json", stdin=token.encode())
    assert (code, err) == (0, "")
    assert out.startswith("verified\nclaims\n")
    assert '"alice"' in out
    code, out, _ = daypass("token", "verify", "--key", "public.json", "--json", stdin=token.encode())
    assert (code, claims_of(out)) == (0, CLAIMS)


def test_a_token_comes_from_a_file_or_from_the_standard_input(daypass: Command, place: Path) -> None:
    (place / "token").write_bytes(b"\n" + signed() + b"\r\n")
    assert daypass("token", "verify", "--key", "public.json", "token")[0] == 0
    assert daypass("token", "verify", "--key", "public.json", "-", stdin=signed())[0] == 0


def test_signing_takes_lifetime_kind_and_kid(daypass: Command, place: Path) -> None:
    words = ("token", "sign", "--secret-env", "MY_SECRET", "--alg", "HS256")
    token = daypass(*words, "--lifetime", "60", "--header-typ", "at+jwt", "--kid", "k1", stdin=b"{}")[1].strip()
    head, body, _ = token.split(".")
    assert json.loads(forge.unb64u(head)) == {"alg": "HS256", "typ": "at+jwt", "kid": "k1"}
    claims = json.loads(forge.unb64u(body))
    assert claims["exp"] - claims["iat"] == 60
    assert "exp" not in json.loads(forge.unb64u(daypass(*words, "--no-exp", stdin=b"{}")[1].split(".")[1]))


def test_any_bytes_are_signed_and_verified(daypass: Command, place: Path) -> None:
    token = daypass("token", "sign", "--jws", "--key", "private.json", stdin=b" \x00\xff\n")[1].encode()
    words = ("token", "verify", "--jws", "--key", "public.json")
    assert jws.verify(token.strip().decode(), SIGNER).payload == b" \x00\xff\n"
    run = subprocess.run([sys.executable, "-m", "daypass", *words], input=token, capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b" \x00\xff\n", b"")
    assert json.loads(daypass(*words, "--json", stdin=token)[1]) == {
        "header": {"alg": "EdDSA", "kid": "signer"},
        "payload_base64url": "IAD_Cg",
    }
    general = json.dumps(jws.sign_json(b"hello", SIGNER)).encode()
    assert daypass(*words, stdin=general) == (0, "hello", "")


@pytest.mark.parametrize(
    "words, changes, code",
    [
        ((), {}, 0),
        ((), {"exp": 1}, 1),
        (("--leeway", "60"), {"exp": "five seconds ago"}, 0),
        ((), {"aud": "a"}, 1),
        (("--audience", "a"), {"aud": ["a", "b"]}, 0),
        (("--audience", "c"), {"aud": ["a", "b"]}, 1),
        (("--issuer", "i"), {"iss": "i"}, 0),
        (("--issuer", "i"), {"iss": "I"}, 1),
        (("--required", "sub", "--required", "roles"), {}, 0),
        (("--required", "sub", "--required", "jti"), {}, 1),
        (("--typ", "at+jwt"), {}, 1),
        (("--alg", "EdDSA"), {}, 0),
    ],
)
def test_what_verify_demands(
    words: tuple[str, ...], changes: dict[str, Any], code: int, daypass: Command, place: Path
) -> None:
    if changes.get("exp") == "five seconds ago":
        changes = {"exp": int(time.time()) - 5}
    assert daypass("token", "verify", "--key", "public.json", *words, stdin=signed(**changes))[0] == code


def test_a_token_without_exp_is_taken_only_where_that_is_said(daypass: Command, place: Path) -> None:
    token = jwt.sign(CLAIMS, SIGNER, lifetime_s=None).encode()
    assert daypass("token", "verify", "--key", "public.json", stdin=token)[0] == 1
    assert daypass("token", "verify", "--key", "public.json", "--no-exp", stdin=token)[0] == 0


def test_a_touched_token_is_refused_without_a_word_of_it(daypass: Command, place: Path) -> None:
    token = signed().decode()
    touched = f"{token[:-2]}AA" if not token.endswith("AA") else f"{token[:-2]}BA"
    code, out, err = daypass("token", "verify", "--key", "public.json", stdin=touched.encode())
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("daypass: ")
    assert not any(part in err for part in token.split("."))


# ----------------------------------------------------------------------------------------------- kinds of keys

RSA = forge.rsa_key()
EC = forge.ec_key("ES256")


def certificate(key: Any) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "daypass")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(begin + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def spelt(key: Any, encoding: Encoding) -> bytes:
    return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def jwk_without_alg() -> bytes:
    members = JWK.from_pem(spelt(EC, Encoding.PEM), alg="ES256").to_dict()
    return json.dumps({name: value for name, value in members.items() if name != "alg"}).encode()


KINDS: dict[str, tuple[bytes, str, Any]] = {
    "PEM": (spelt(RSA, Encoding.PEM), "RS256", RSA),
    "PEM after text": (b"Public-Key: (2048 bit)\n" + spelt(RSA, Encoding.PEM), "RS256", RSA),
    "DER": (spelt(EC, Encoding.DER), "ES256", EC),
    "private DER": (forge.private_der(EC), "ES256", EC),
    "certificate": (certificate(EC).public_bytes(Encoding.PEM), "ES256", EC),
    "certificate as DER": (certificate(RSA).public_bytes(Encoding.DER), "RS256", RSA),
    "OpenSSH": (RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" me@host\n", "RS256", RSA),
    "JWK without alg": (jwk_without_alg(), "ES256", EC),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [(), ("--alg", "PS512", "--alg", "HS256")])
def test_the_kind_of_a_key_file_is_told_by_its_content(
    kind: str, more: tuple[str, ...], daypass: Command, place: Path
) -> None:
    data, alg, key = KINDS[kind]
    (place / "key").write_bytes(data)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    token = jwt.sign(CLAIMS, JWK.from_pem(pem, password=b"secret", alg=alg)).encode()
    assert daypass("token", "verify", "--key", "key", "--alg", alg, *more, stdin=token)[::2] == (0, "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_does_not_say_its_algorithm_needs_one(kind: str, daypass: Command, place: Path) -> None:
    (place / "key").write_bytes(KINDS[kind][0])
    code, out, err = daypass("token", "verify", "--key", "key", stdin=signed())
    assert (code, out) == (3, "")
    assert "--alg" in err
    code, _, err = daypass("token", "verify", "--key", "key", "--alg", "EdDSA", stdin=signed())
    assert (code, err.count("\n")) == (3, 1)


def test_a_jwk_without_alg_needs_one_and_one_with_alg_takes_no_other(daypass: Command, place: Path) -> None:
    members = SIGNER.public().to_dict()
    del members["alg"]
    write(place / "key", members)
    assert daypass("token", "verify", "--key", "key", stdin=signed())[0] == 3
    assert daypass("token", "verify", "--key", "key", "--alg", "EdDSA", stdin=signed())[0] == 0
    code, _, err = daypass("token", "verify", "--key", "public.json", "--alg", "ES256", stdin=signed())
    assert (code, "--alg" in err) == (3, True)


def test_a_set_verifies_and_one_of_its_keys_signs(daypass: Command, place: Path) -> None:
    other = JWK.generate("ES256", kid="other")
    write(place / "set.json", JWKSet([SIGNER, other, SHARED]).to_dict(private=True))
    assert daypass("token", "verify", "--key", "set.json", stdin=signed())[0] == 0
    assert daypass("token", "verify", "--key", "set.json", stdin=jwt.sign(CLAIMS, other).encode())[0] == 0
    code, _, err = daypass("token", "sign", "--key", "set.json", stdin=b"{}")
    assert (code, "2 keys" in err, "--kid" in err) == (3, True, True)
    token = daypass("token", "sign", "--key", "set.json", "--kid", "other", stdin=b"{}")[1].strip()
    assert jwt.verify(token, other)
    assert daypass("token", "sign", "--key", "set.json", "--kid", "nobody", stdin=b"{}")[0] == 3
    assert daypass("token", "sign", "--key", "private.json", "--kid", "nobody", stdin=b"{}")[0] == 3
    sealed = daypass("token", "encrypt", "--key", "set.json", stdin=b"hello")[1].strip()
    assert jwe.decrypt(sealed, SHARED).plaintext == b"hello"
    assert daypass("token", "decrypt", "--key", "set.json", stdin=sealed.encode())[:2] == (0, "hello")


def test_the_ring_of_a_service_verifies_what_it_has_signed(daypass: Command, place: Path) -> None:
    ring = KeyRing.open(place / "ring.json")
    token = jwt.sign(CLAIMS, ring.signing_keys()[0]).encode()
    assert daypass("token", "verify", "--key", "ring.json", stdin=token)[::2] == (0, "")


def test_an_encrypted_pem_is_opened_by_a_variable(
    daypass: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PASSWORD", "open sesame")
    (place / "key").write_bytes(SIGNER.to_pem(private=True, password=b"open sesame"))
    words = ("token", "sign", "--key", "key", "--alg", "EdDSA")
    assert daypass(*words, stdin=b"{}")[0] == 3
    assert daypass(*words, "--password-env", "MY_PASSWORD", stdin=b"{}")[0] == 0
    code, _, err = daypass(*words, "--password-env", "MY_SECRET", stdin=b"{}")
    assert (code, SECRET in err) == (3, False)


# --------------------------------------------------------------------------------------------- encrypt and decrypt


def test_a_pkcs12_file_signs(daypass: Command, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", "pw")
    data = pkcs12.serialize_key_and_certificates(b"me", EC, certificate(EC), None, BestAvailableEncryption(b"pw"))
    (place / "key.p12").write_bytes(data)
    words = ("token", "sign", "--key", "key.p12", "--alg", "ES256")
    code, token, _ = daypass(*words, "--password-env", "MY_PASSWORD", stdin=b"{}")
    assert code == 0
    assert jwt.verify(token.strip(), JWK.from_x509(certificate(EC).public_bytes(Encoding.DER), alg="ES256"))["exp"]
    code, _, err = daypass(*words, "--password-env", "MY_SECRET", stdin=b"{}")
    assert (code, SECRET in err) == (3, False)


@pytest.mark.parametrize(
    "sealing, opening",
    [
        (("--key", "shared.json"), ("--key", "shared.json")),
        (("--key", "shared.json", "--alg", "dir"), ("--key", "shared.json", "--alg", "dir")),
        (("--key", "reader-public.json", "--enc", "A128CBC-HS256"), ("--key", "reader.json")),
        (("--secret-env", "MY_SECRET", "--alg", "A256KW"), ("--secret-env", "MY_SECRET", "--alg", "A256KW")),
        (("--secret-env", "MY_SECRET", "--alg", "A256GCM"), ("--secret-env", "MY_SECRET", "--alg", "A256GCM")),
    ],
)
def test_any_bytes_are_encrypted_and_decrypted(
    sealing: tuple[str, ...], opening: tuple[str, ...], daypass: Command, place: Path
) -> None:
    code, token, err = daypass("token", "encrypt", *sealing, stdin=b" hello\n")
    assert (code, err, token.count(".")) == (0, "", 4)
    assert daypass("token", "decrypt", *opening, stdin=token.encode()) == (0, " hello\n", "")


def test_a_pem_encrypts(daypass: Command, place: Path) -> None:
    (place / "public.pem").write_bytes(spelt(RSA, Encoding.PEM))
    (place / "private.der").write_bytes(forge.private_der(RSA))
    token = daypass("token", "encrypt", "--key", "public.pem", "--alg", "RSA-OAEP-256", stdin=b"hello")[1]
    words = ("token", "decrypt", "--key", "private.der")
    assert daypass(*words, "--alg", "RSA-OAEP-256", stdin=token.encode()) == (0, "hello", "")
    assert daypass(*words, "--alg", "RSA-OAEP-256", "--alg", "RSA-OAEP", stdin=token.encode()) == (0, "hello", "")
    assert daypass(*words, "--alg", "RSA-OAEP", stdin=token.encode())[0] == 1
    words = (*words, "--alg", "RSA-OAEP-256", "--enc", "A128GCM")
    assert daypass(*words, stdin=token.encode())[0] == 1
    assert daypass(*words, "--enc", "A256GCM", stdin=token.encode())[0] == 0


def test_claims_are_encrypted_and_checked(daypass: Command, place: Path) -> None:
    claims = json.dumps(CLAIMS).encode()
    token = daypass("token", "encrypt", "--claims", "--key", "shared.json", stdin=claims)[1].encode()
    words = ("token", "decrypt", "--claims", "--key", "shared.json")
    assert daypass(*words, stdin=token)[1].startswith("decrypted\nclaims\n")
    assert claims_of(daypass(*words, "--json", stdin=token)[1]) == CLAIMS
    assert daypass(*words, "--required", "jti", stdin=token)[0] == 1
    assert daypass(*words, "--audience", "a", stdin=token)[0] == 1


def test_claims_for_a_public_key_are_taken_only_where_that_is_said(daypass: Command, place: Path) -> None:
    token = daypass("token", "encrypt", "--claims", "--key", "reader-public.json", stdin=b'{"sub":"x"}')[1].encode()
    words = ("token", "decrypt", "--claims", "--key", "reader.json")
    code, out, err = daypass(*words, stdin=token)
    assert (code, out) == (3, "")
    assert "--allow-unknown-sender" in err
    assert "--verify-key" in err
    assert daypass(*words, "--allow-unknown-sender", stdin=token)[0] == 0


def test_a_nested_token(daypass: Command, place: Path) -> None:
    claims = json.dumps(CLAIMS).encode()
    words = ("token", "encrypt", "--key", "reader-public.json", "--sign-key", "private.json")
    token = daypass(*words, stdin=claims)[1].encode()
    words = ("token", "decrypt", "--key", "reader.json", "--verify-key", "public.json")
    assert daypass(*words, stdin=token)[1].startswith("decrypted and verified\nclaims\n")
    assert claims_of(daypass(*words, "--json", stdin=token)[1]) == CLAIMS
    write(place / "other.json", JWK.generate("EdDSA", kid="signer").public().to_dict())
    assert daypass(*words[:-1], "other.json", stdin=token)[0] == 1
    (place / "public.pem").write_bytes(SIGNER.to_pem())
    assert daypass(*words[:-1], "public.pem", stdin=token)[0] == 3
    assert daypass(*words[:-1], "public.pem", "--verify-alg", "EdDSA", stdin=token)[0] == 0


def sealed_in_a_way_that_is_off() -> dict[str, tuple[str, tuple[str, ...]]]:
    """For each option the token that needs it, and the words of its key."""
    password = JWK.from_secret(SECRET.encode(), alg="PBES2-HS256+A128KW")
    rsa = JWK.from_pem(spelt(RSA, Encoding.PEM), alg="RSA1_5")
    return {
        "--allow-zip": (
            jwe.encrypt(b"hello", SHARED, enc="A256GCM", header={"zip": "DEF"}),
            ("--key", "shared.json"),
        ),
        "--allow-pbes2": (
            jwe.encrypt(b"hello", password, enc="A128GCM", header={"p2c": 1000}),
            ("--secret-env", "MY_SECRET", "--alg", "PBES2-HS256+A128KW"),
        ),
        "--allow-rsa1-5": (
            jwe.encrypt(b"hello", rsa, enc="A128GCM"),
            ("--key", "key.der", "--alg", "RSA1_5"),
        ),
    }


@pytest.mark.parametrize("option", ["--allow-zip", "--allow-pbes2", "--allow-rsa1-5"])
def test_each_exception_is_named(option: str, daypass: Command, place: Path) -> None:
    (place / "key.der").write_bytes(forge.private_der(RSA))
    token, key = sealed_in_a_way_that_is_off()[option]
    words = ("token", "decrypt", *key)
    code, out, err = daypass(*words, stdin=token.encode())
    assert (code, out) == (1, "")
    assert option in err
    assert daypass(*words, option, stdin=token.encode()) == (0, "hello", "")


def test_json_serialization_is_decrypted(daypass: Command, place: Path) -> None:
    token = json.dumps(jwe.encrypt_json(b"hello", READER.public(), enc="A128GCM")).encode()
    assert daypass("token", "decrypt", "--key", "reader.json", stdin=token) == (0, "hello", "")


# ------------------------------------------------------------------------------------------------- how it ends

GOOD_KEY = ("--key", "public.json")


@pytest.mark.parametrize(
    "code, words, stdin",
    [
        (1, ("inspect",), b"no token"),
        (1, ("inspect",), b""),
        (1, ("inspect",), b"\xff\xfe"),
        (1, ("inspect",), b"x" * (TOKEN_BYTES_MAX + 2000)),
        (1, ("verify", *GOOD_KEY), b"a.b.c"),
        (1, ("verify", *GOOD_KEY), b"a.b.c" + b"x" * JWT_BYTES_MAX),
        (1, ("decrypt", "--key", "shared.json"), b"a.b.c.d.e"),
        (2, ("inspect", "--key", "x"), b""),
        (2, ("verify",), b""),
        (2, ("verify", *GOOD_KEY, "--secret-env", "MY_SECRET"), b""),
        (2, ("verify", *GOOD_KEY, "--leeway", "long"), b""),
        (2, ("no-such-command",), b""),
        (3, ("verify", "--key", "missing.json"), b"a.b.c"),
        (3, ("verify", "--key", "."), b"a.b.c"),
        (3, ("verify", "--key", "junk"), b"a.b.c"),
        (3, ("verify", "--key", "reader.json"), b"a.b.c"),
        (3, ("verify", *GOOD_KEY, "--leeway", "301"), b"a.b.c"),
        (3, ("verify", *GOOD_KEY, "--issuer", ""), b"a.b.c"),
        (3, ("verify", "--secret-env", "NOT_SET", "--alg", "HS256"), b"a.b.c"),
        (3, ("verify", "--secret-env", "MY_SECRET", "--alg", "HS512"), b"a.b.c"),
        (3, ("verify", "--secret-env", "MY_SECRET", "--alg", "none"), b"a.b.c"),
        (3, ("sign", *GOOD_KEY), b"{}"),
        (3, ("sign", "--key", "reader.json"), b"{}"),
        (3, ("encrypt", *GOOD_KEY), b"hello"),
        (3, ("decrypt", "--key", "reader-public.json"), b"a.b.c.d.e"),
        (4, ("inspect", "missing"), b""),
        (4, ("inspect", "."), b""),
        (4, ("sign", "--key", "private.json"), b"{"),
        (4, ("sign", "--key", "private.json"), b"[]"),
        (4, ("sign", "--key", "private.json"), b'{"a":1,"a":2}'),
        (4, ("sign", "--key", "private.json"), b'{"exp":"tomorrow"}'),
        (4, ("sign", "--key", "private.json"), b'{"a":"' + b"x" * JWT_BYTES_MAX + b'"}'),
        (4, ("sign", "--key", "private.json"), b'{"a":"' + b"x" * (JWT_BYTES_MAX - 20) + b'"}'),
        (3, ("sign", "--key", "private.json", "--lifetime", "-1"), b"{}"),
        (3, ("sign", "--key", "private.json", "--lifetime", "nan"), b"{}"),
        (3, ("encrypt", "--claims", "--key", "shared.json", "--lifetime", "inf"), b"{}"),
        (4, ("sign", "--jws", "--key", "private.json"), b"x" * TOKEN_BYTES_MAX),
    ],
    ids=lambda it: str(it)[:40],
)
def test_each_reason_has_its_exit_code(
    code: int, words: tuple[str, ...], stdin: bytes, daypass: Command, place: Path
) -> None:
    (place / "junk").write_text(SECRET, encoding="ascii")
    ended, out, err = daypass("token", *words, stdin=stdin)
    assert (ended, out) == (code, "")
    assert SECRET not in err
    if code != 2:
        assert err.startswith("daypass: ")
        assert err.count("\n") == 1


@pytest.mark.parametrize("words", [("inspect",), ("verify", *GOOD_KEY), ("decrypt", "--key", "shared.json")])
def test_a_token_or_a_secret_that_was_written_as_a_word_is_not_repeated(
    words: tuple[str, ...], daypass: Command, place: Path
) -> None:
    token = signed().decode()
    code, out, err = daypass("token", *words, token)
    assert (code, out) == (4, "")
    assert token not in err
    for option in ("--key", "--secret-env"):
        code, _, err = daypass("token", "verify", option, SECRET, "--alg", "HS256", stdin=b"a.b.c")
        assert (code, SECRET in err) == (3, False)


def test_without_a_standard_input_there_is_nothing_to_read(monkeypatch: pytest.MonkeyPatch, daypass: Command) -> None:
    monkeypatch.setattr(io, "TextIOWrapper", lambda _: None)
    code, _, err = daypass("token", "inspect")
    assert (code, "no standard input" in err) == (4, True)


def test_a_terminal_is_told_what_it_waits_for() -> None:
    ours, theirs = pty.openpty()
    os.write(ours, forge.token().encode() + b"\n\x04")
    try:
        command = [sys.executable, "-m", "daypass", "token", "inspect"]
        ended = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (ended.returncode, ended.stderr) == (0, "daypass: paste the token, then press Enter and Ctrl-D\n")
    assert ended.stdout.startswith("signed (JWS)")


def test_an_output_that_cannot_be_written_is_one_line(place: Path) -> None:
    (place / "token").write_bytes(signed())
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "daypass", "token", "inspect", "token"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=place,
            check=False,
        )
    assert (ended.returncode, ended.stderr.count("\n")) == (4, 1)


@pytest.mark.parametrize(
    "python, words",
    [
        ("compressed: allow_zip=True takes it", "compressed: --allow-zip takes it"),
        ("say allow_rsa1_5=True", "say --allow-rsa1-5"),
        ("name another kind with ClaimsPolicy(typ=...)", "name another kind with --typ"),
        ("name yours with the parameter audience", "name yours with --audience"),
        (
            "a symmetric key has no PEM form: use to_dict(private=True)",
            "a symmetric key has no PEM form: leave out --pem",
        ),
        ("compare the clocks, or set leeway_s", "compare the clocks, or set --leeway"),
    ],
)
def test_messages_speak_of_options(python: str, words: str) -> None:
    assert in_options(python) == words


WITHOUT_THE_SERVER = """
import sys
for name in ("argon2", "fastapi", "h11", "pydantic_settings", "sqlalchemy", "starlette", "uvicorn"):
    sys.modules[name] = None
sys.argv = ["daypass", *sys.argv[1:]]
from daypass.cli.main import main
main()
"""


@pytest.mark.parametrize(
    "words, stdin",
    [
        (("token", "inspect"), None),
        (("token", "verify", *GOOD_KEY), None),
        (("token", "sign", "--key", "private.json"), b"{}"),
        (("token", "encrypt", "--key", "shared.json"), b"hello"),
        (("keys", "generate", "--alg", "ES256"), b""),
    ],
    ids=str,
)
def test_the_extra_cli_is_enough(words: tuple[str, ...], stdin: bytes | None, place: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_THE_SERVER, *words],
        input=signed() if stdin is None else stdin,
        capture_output=True,
        cwd=place,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout


CLAIM_OPTIONS = [
    ("--issuer", "i"),
    ("--audience", "a"),
    ("--typ", "at+jwt"),
    ("--leeway", "5"),
    ("--required", "sub"),
    ("--no-exp",),
]


@pytest.mark.parametrize(
    "words",
    [
        *(("verify", "--jws", "--key", "public.json", *option) for option in CLAIM_OPTIONS),
        *(("decrypt", "--key", "shared.json", *option) for option in CLAIM_OPTIONS),
        ("decrypt", "--key", "shared.json", "--claims", "--verify-alg", "EdDSA"),
        ("decrypt", "--key", "shared.json", "--verify-alg", "EdDSA"),
        ("encrypt", "--key", "shared.json", "--sign-alg", "EdDSA"),
        ("encrypt", "--key", "shared.json", "--lifetime", "5"),
        ("encrypt", "--key", "shared.json", "--no-exp"),
        ("sign", "--jws", "--key", "private.json", "--lifetime", "5"),
        ("sign", "--jws", "--key", "private.json", "--no-exp"),
    ],
    ids=" ".join,
)
def test_an_option_that_would_check_nothing_is_refused(words: tuple[str, ...], daypass: Command, place: Path) -> None:
    """Whoever names an audience, or the algorithm of a signature, believes that it was looked at."""
    given = jws.sign(b"x", SIGNER) if words[0] == "verify" else jwe.encrypt(b"x", SHARED, enc="A256GCM")
    code, out, err = daypass("token", *words, stdin=given.encode())
    assert (code, out) == (2, "")
    assert "--" in err
