"""ATTACKS C13: no text that a key, a loader, an issuer or a verifier produces holds a secret, a token or a claim."""

import copy
import json
import logging
import pickle
import pprint
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

import daypass
from daypass import jwe, jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.concealed import Concealed
from daypass.jose.concealed_members import Members
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.tokens.issuer import Issuer
from daypass.tokens.source import StaticKeys, source_of
from daypass.tokens.verifier import Verifier
from tests.der import pbkdf2
from tests.security import forge
from tests.security.forge import b64u

ROOM = str(Path(daypass.__file__).parent)
PLANTED = b"planted-secret-0123456789-abcdefghijklmnopqrstuv"
SEED = PLANTED[:32]


def spellings(secret: bytes) -> list[str]:
    """Every way in which a text may give a secret away."""
    number = int.from_bytes(secret, "big")
    forms = [secret.hex(), b64encode(secret).decode().rstrip("="), b64u(secret), str(number), f"{number:x}"]
    forms += [repr(secret)[2:-1], str(list(secret))[1:-1], secret.hex(":")]
    return [form for form in forms if len(form) > 15]


def private_parts() -> list[bytes]:
    """The secret itself, and every private number of the RSA key."""
    numbers = forge.rsa_key().private_numbers()
    values = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    return [PLANTED, SEED, *(value.to_bytes((value.bit_length() + 7) // 8, "big") for value in values)]


def pem_lines(pem: bytes) -> list[str]:
    return [line for line in pem.decode().splitlines() if not line.startswith("-") and len(line) > 15]


def pem_of(key: Any, password: bytes | None = None) -> bytes:
    how = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


RSA_PEM = pem_of(forge.rsa_key())
EC_KEY = ec.derive_private_key(int.from_bytes(SEED, "big"), ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
ED448_KEY = ed448.Ed448PrivateKey.from_private_bytes((PLANTED * 2)[:57])
AGREEMENT_KEYS = (
    ec.derive_private_key(int.from_bytes(SEED, "big"), ec.SECP256K1()),
    x25519.X25519PrivateKey.from_private_bytes(SEED),
    x448.X448PrivateKey.from_private_bytes((PLANTED * 2)[:56]),
    mldsa.MLDSA44PrivateKey.from_seed_bytes(SEED),
)
LOCKED_PEM = pem_of(EC_KEY, PLANTED)
PEMS = {"RS256": RSA_PEM, "ES256": pem_of(EC_KEY), "EdDSA": pem_of(ED_KEY), "Ed448": pem_of(ED448_KEY)}
NEEDLES = [form for part in private_parts() for form in spellings(part)]
NEEDLES += [line for pem in (*PEMS.values(), LOCKED_PEM) for line in pem_lines(pem)]
MORE_PEMS = dict(zip(("ES256K", "ECDH-ES", "ECDH-ES+A128KW", "ML-DSA-44"), map(pem_of, AGREEMENT_KEYS), strict=True))
NEEDLES += [line for pem in MORE_PEMS.values() for line in pem_lines(pem)]

HS = JWK.from_secret(PLANTED, alg="HS256", kid="hs")
KEYS = {"HS256": HS} | {alg: JWK.from_pem(pem, alg=alg, kid=alg) for alg, pem in PEMS.items()}
ENCRYPTION_KEYS = {alg: JWK.from_secret(PLANTED[:size], alg=alg, kid=alg) for alg, size in (
    ("A128KW", 16), ("A256KW", 32), ("A256GCMKW", 32), ("dir", 48), ("A192CBC-HS384", 48), ("PBES2-HS256+A128KW", 48),
)}  # fmt: skip
MORE_KEYS = {alg: JWK.from_pem(pem, alg=alg, kid=alg) for alg, pem in MORE_PEMS.items()} | ENCRYPTION_KEYS


def found_in(text: str) -> list[str]:
    return [needle for needle in NEEDLES if needle in text]


def test_the_needles_are_found_where_they_are() -> None:
    for alg, key in KEYS.items():
        assert found_in(json.dumps(key.to_dict(private=True))), alg
        if alg != "HS256":
            assert found_in(key.to_pem(private=True).decode())
    assert found_in(repr(PLANTED))


def texts_of(raised: BaseException) -> Iterator[str]:
    """All that a page, a log or an error service makes of an error, with the locals of every frame of ours."""
    error: BaseException | None = raised
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)), repr(getattr(error, "object", "")))
        frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), capture_locals=True)
        for frame in frames:
            if frame.filename.startswith(ROOM):
                yield from (f"{frame.name}: {name} = {value}" for name, value in (frame.locals or {}).items())
        error = error.__cause__ or error.__context__


def raises_without(act: Callable[[], object]) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        act()
    for text in texts_of(raised.value):
        assert not found_in(text), text[:200]
    try:
        pickled = pickle.dumps(raised.value)
    except Exception:  # noqa: BLE001 - then nothing travels
        return
    assert not found_in(repr(pickled))
    assert PLANTED not in pickled


K = b64u(PLANTED)
MEMBERS = {alg: key.to_dict(private=True) for alg, key in KEYS.items()}
OTHER_RSA = JWK.generate("RS256").to_dict(private=True)
OTHER_EC = JWK.generate("ES256").to_dict(private=True)
OTHER_ED = JWK.generate("EdDSA").to_dict(private=True)

WRONG_DICTS: dict[str, Any] = {
    "no kty": {"k": K},
    "kty of a wrong type": {"kty": ["oct"], "k": K},
    "unknown kty": {"kty": "FOO", "priv": K, "k": K, "d": K},
    "AKP without alg": {"kty": "AKP", "priv": K, "pub": K},
    "AKP: priv too long": {**MORE_KEYS["ML-DSA-44"].to_dict(private=True), "priv": K},
    "AKP: priv of another": {**JWK.generate("ML-DSA-44").to_dict(), "priv": b64u(SEED)},
    "AKP: another alg": {**MORE_KEYS["ML-DSA-44"].to_dict(private=True), "alg": "ML-DSA-65"},
    "secp256k1: another curve": {**MORE_KEYS["ES256K"].to_dict(private=True), "crv": "P-256", "alg": "ES256"},
    "X25519: another curve": {**MORE_KEYS["ECDH-ES"].to_dict(private=True), "crv": "Ed25519", "alg": "EdDSA"},
    "X25519: d of another": {**JWK.generate("ECDH-ES", crv="X25519").to_dict(), "d": b64u(SEED)},
    "oct: wrong length for its alg": {"kty": "oct", "k": K, "alg": "A256KW"},
    "oct: wrong length for dir": {"kty": "oct", "k": K + "AAAA", "alg": "dir"},
    "oct: with a certificate": {"kty": "oct", "k": K, "x5c": ["MIIB"]},
    "a set": {"keys": [{"kty": "oct", "k": K}]},
    "a kid that is none": {"kty": "oct", "k": K, "kid": "\ud800"},
    "RSA: d alone, not of this modulus": {
        name: {**MEMBERS["RS256"], "e": "AQAD"}[name] for name in ("kty", "n", "e", "d")
    },
    "padding": {"kty": "oct", "k": K + "="},
    "white space": {"kty": "oct", "k": K + "\n"},
    "not ASCII": {"kty": "oct", "k": K + "\u00e9"},
    "stray bits": {"kty": "oct", "k": K + "AB"},
    "too long": {"kty": "oct", "k": K * 400},
    "far too long": {"kty": "oct", "k": K * 6000},
    "wrong alg": {"kty": "oct", "k": K, "alg": "RS256"},
    "almost an alg": {"kty": "oct", "k": K, "alg": "hs256"},
    "alg of a wrong type": {"kty": "oct", "k": K, "alg": 5},
    "too short": {"kty": "oct", "k": b64u(PLANTED[:31]), "alg": "HS256"},
    "kid of a wrong type": {"kty": "oct", "k": K, "kid": 5},
    "empty kid": {"kty": "oct", "k": K, "kid": ""},
    "use of a wrong type": {"kty": "oct", "k": K, "use": []},
    "use and key_ops": {"kty": "oct", "k": K, "use": "sig", "key_ops": ["encrypt"]},
    "key_ops of a wrong type": {"kty": "oct", "k": K, "key_ops": "sign"},
    "EC: d of another": {**MEMBERS["ES256"], "x": OTHER_EC["x"], "y": OTHER_EC["y"]},
    "EC: off the curve": {**MEMBERS["ES256"], "x": b64u(bytes(32))},
    "EC: d too long": {**MEMBERS["ES256"], "d": K},
    "EC: d misspelt": {**MEMBERS["ES256"], "d": MEMBERS["ES256"]["d"] + "="},
    "EC: d beyond the order": {**MEMBERS["ES256"], "d": b64u(b"\xff" * 32), "k": K},
    "EC: another curve": {**MEMBERS["ES256"], "crv": "P-384"},
    "EC: another alg": {**MEMBERS["ES256"], "alg": "ES512"},
    "OKP: d of another": {**MEMBERS["EdDSA"], "x": OTHER_ED["x"]},
    "OKP: d too long": {**MEMBERS["EdDSA"], "d": K},
    "OKP: another curve": {**MEMBERS["EdDSA"], "crv": "X448"},
    "OKP: another alg": {**MEMBERS["EdDSA"], "alg": "Ed448"},
    "RSA: n of another": {**MEMBERS["RS256"], "n": OTHER_RSA["n"]},
    "RSA: d alone, n of another": {
        name: {**MEMBERS["RS256"], "n": OTHER_RSA["n"]}[name] for name in ("kty", "n", "e", "d")
    },
    "RSA: d too long": {**{name: MEMBERS["RS256"][name] for name in ("kty", "n", "e")}, "d": MEMBERS["RS256"]["d"] * 2},
    "RSA: no q": {name: value for name, value in MEMBERS["RS256"].items() if name != "q"},
    "RSA: q misspelt": {**MEMBERS["RS256"], "q": MEMBERS["RS256"]["q"] + "="},
    "RSA: leading zero": {**MEMBERS["RS256"], "d": b64u(b"\0" + forge.unb64u(MEMBERS["RS256"]["d"]))},
    "RSA: p and q swapped": {**MEMBERS["RS256"], "p": MEMBERS["RS256"]["q"], "q": MEMBERS["RS256"]["p"]},
    "RSA: more primes": {**MEMBERS["RS256"], "oth": [{"r": K}]},
    "RSA: another alg": {**MEMBERS["RS256"], "alg": "ES256"},
}


@pytest.mark.parametrize("what", WRONG_DICTS)
def test_a_jwk_that_is_refused_shows_nothing(what: str) -> None:
    members = WRONG_DICTS[what]
    raises_without(lambda: JWK.from_dict(members))
    raises_without(lambda: JWK.from_json(json.dumps(members)))
    raises_without(lambda: JWK.from_json(json.dumps(members).encode()))
    raises_without(lambda: JWKSet.from_dict({"keys": [members]}))
    raises_without(lambda: JWKSet.from_json(json.dumps({"keys": [members]})))


WRONG_TEXTS = {
    "cut short": json.dumps(MEMBERS["HS256"])[:-1],
    "twice": json.dumps(MEMBERS["HS256"]) * 2,
    "duplicate": f'{{"kty":"oct","k":"{K}","k":"{K}"}}',
    "array": json.dumps([MEMBERS["HS256"]]),
    "the secret alone": json.dumps(K),
    "no JSON": K,
    "not UTF-8": json.dumps(MEMBERS["HS256"]).encode() + b"\xff",
    "UTF-16": json.dumps(MEMBERS["HS256"]).encode("utf-16"),
    "surrogate": json.dumps(MEMBERS["HS256"]) + "\ud800",
    "too long": json.dumps(MEMBERS["HS256"]) + " " * 17_000_000,
    "deep": json.dumps(MEMBERS["HS256"])[:-1] + ',"x":' + "[" * 100_000,
}


@pytest.mark.parametrize("what", WRONG_TEXTS)
def test_json_that_is_refused_shows_nothing(what: str) -> None:
    raises_without(lambda: JWK.from_json(WRONG_TEXTS[what]))
    raises_without(lambda: JWKSet.from_json(WRONG_TEXTS[what]))


@pytest.mark.parametrize(
    "jwks",
    [
        [MEMBERS["HS256"]],
        {"keys": MEMBERS},
        {"keys": [K]},
        {"keys": [MEMBERS["HS256"]] * 2},
    ],
    ids=["a list", "an object inside", "text inside", "a key twice"],
)
def test_a_set_that_is_refused_shows_nothing(jwks: Any) -> None:
    raises_without(lambda: JWKSet.from_dict(jwks))
    raises_without(lambda: JWKSet.from_json(json.dumps(jwks)))


WRONG_SECRETS: dict[str, Callable[[], object]] = {
    "text": lambda: JWK.from_secret(PLANTED.decode(), alg="HS256"),  # type: ignore[arg-type]
    "too short": lambda: JWK.from_secret(PLANTED[:31], alg="HS256"),
    "too short for the alg": lambda: JWK.from_secret(PLANTED, alg="HS512"),
    "too long": lambda: JWK.from_secret(PLANTED * 1000, alg="HS256"),
    "another family": lambda: JWK.from_secret(PLANTED, alg="RS256"),
    "no alg": lambda: JWK.from_secret(PLANTED, alg="none"),
    "alg of a wrong type": lambda: JWK.from_secret(PLANTED, alg=["HS256"]),  # type: ignore[arg-type]
    "kid of a wrong type": lambda: JWK.from_secret(PLANTED, alg="HS256", kid=5),  # type: ignore[arg-type]
    "empty kid": lambda: JWK.from_secret(PLANTED, alg="HS256", kid=""),
    "a list": lambda: JWK.from_secret(list(PLANTED), alg="HS256"),  # type: ignore[arg-type]
    "a PEM": lambda: JWK.from_secret(RSA_PEM, alg="HS256"),
    "a PEM in base64": lambda: JWK.from_secret(b64encode(RSA_PEM), alg="HS256"),
    "DER": lambda: JWK.from_secret(forge.private_der(forge.rsa_key()), alg="HS256"),
    "a JWK": lambda: JWK.from_secret(json.dumps(MEMBERS["HS256"]).encode(), alg="HS256"),
}


@pytest.mark.parametrize("what", WRONG_SECRETS)
def test_a_secret_that_is_refused_shows_nothing(what: str) -> None:
    raises_without(WRONG_SECRETS[what])


WRONG_PEMS: dict[str, Callable[[], object]] = {
    "another alg": lambda: JWK.from_pem(RSA_PEM, alg="ES256"),
    "another family": lambda: JWK.from_pem(RSA_PEM, alg="HS256"),
    "no alg": lambda: JWK.from_pem(RSA_PEM, alg="NONE"),
    "text, another alg": lambda: JWK.from_pem(RSA_PEM.decode(), alg="ES256"),
    "cut short": lambda: JWK.from_pem(RSA_PEM[:-60], alg="RS256"),
    "a letter too many": lambda: JWK.from_pem(RSA_PEM.replace(b"\nMII", b"\nMMII"), alg="RS256"),
    "twice": lambda: JWK.from_pem(RSA_PEM * 2, alg="RS256"),
    "escaped": lambda: JWK.from_pem(RSA_PEM.replace(b"\n", b"\\n"), alg="RS256"),
    "surrogate": lambda: JWK.from_pem(RSA_PEM.decode() + "\ud800-----BEGIN", alg="RS256"),
    "too long": lambda: JWK.from_pem(RSA_PEM + b" " * 300_000, alg="RS256"),
    "no PEM": lambda: JWK.from_pem(PLANTED, alg="HS256"),
    "no PEM, text": lambda: JWK.from_pem(PLANTED.decode(), alg="HS256"),
    "password for none": lambda: JWK.from_pem(RSA_PEM, alg="RS256", password=PLANTED),
    "no password": lambda: JWK.from_pem(LOCKED_PEM, alg="ES256"),
    "another password": lambda: JWK.from_pem(LOCKED_PEM, alg="ES256", password=PLANTED + b"x"),
    "password as text": lambda: JWK.from_pem(LOCKED_PEM, alg="ES256", password="x"),  # type: ignore[arg-type]
    "kid of a wrong type": lambda: JWK.from_pem(RSA_PEM, alg="RS256", kid=5),  # type: ignore[arg-type]
    "weak": lambda: JWK.from_pem(pem_of(forge.rsa_key(1024)) + PLANTED, alg="RS256"),
}


@pytest.mark.parametrize("what", WRONG_PEMS)
def test_a_pem_that_is_refused_shows_nothing(what: str) -> None:
    raises_without(WRONG_PEMS[what])


def der_of(pem: bytes) -> bytes:
    return b64decode("".join(pem.decode().splitlines()[1:-1]))


RSA_DER, LOCKED_DER = der_of(RSA_PEM), der_of(LOCKED_PEM)
DSA_DER = dsa.generate_private_key(1024).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
WRONG_DERS: dict[str, Callable[[], object]] = {
    "another alg": lambda: JWK.from_der(RSA_DER, alg="ES256"),
    "no alg": lambda: JWK.from_der(RSA_DER, alg="none"),
    "alg of a wrong type": lambda: JWK.from_der(RSA_DER, alg=5),  # type: ignore[arg-type]
    "kid of a wrong type": lambda: JWK.from_der(RSA_DER, alg="RS256", kid=5),  # type: ignore[arg-type]
    "cut short": lambda: JWK.from_der(RSA_DER[:-5], alg="RS256"),
    "longer": lambda: JWK.from_der(RSA_DER + PLANTED, alg="RS256"),
    "a PEM": lambda: JWK.from_der(RSA_PEM, alg="RS256"),
    "base64": lambda: JWK.from_der(b64encode(RSA_DER), alg="RS256"),
    "base64, text": lambda: JWK.from_der(b64encode(RSA_DER).decode(), alg="RS256"),  # type: ignore[arg-type]
    "JSON": lambda: JWK.from_der(json.dumps(MEMBERS["RS256"]).encode(), alg="RS256"),
    "a secret": lambda: JWK.from_der(PLANTED, alg="HS256"),
    "a list": lambda: JWK.from_der([RSA_DER], alg="RS256"),  # type: ignore[arg-type]
    "too long": lambda: JWK.from_der(RSA_DER + bytes(300_000), alg="RS256"),
    "DSA": lambda: JWK.from_der(DSA_DER + PLANTED, alg="RS256"),
    "weak": lambda: JWK.from_der(forge.private_der(forge.rsa_key(1024)), alg="RS256"),
    "password for none": lambda: JWK.from_der(RSA_DER, alg="RS256", password=PLANTED),
    "no password": lambda: JWK.from_der(LOCKED_DER, alg="ES256"),
    "another password": lambda: JWK.from_der(LOCKED_DER, alg="ES256", password=PLANTED + b"x"),
    "another alg, locked": lambda: JWK.from_der(LOCKED_DER, alg="RS256", password=PLANTED),
    "password as text": lambda: JWK.from_der(LOCKED_DER, alg="ES256", password=K),  # type: ignore[arg-type]
    "too many rounds": lambda: JWK.from_der(pbkdf2(2**31), alg="ES256", password=PLANTED),
    "too many rounds, PEM": lambda: JWK.from_pem(
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        + b64encode(pbkdf2(2**31))
        + b"\n-----END ENCRYPTED PRIVATE KEY-----",
        alg="ES256",
        password=PLANTED,
    ),
    "an old cipher": lambda: JWK.from_pem(
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"
        + b64encode(RSA_DER)
        + b"\n-----END RSA PRIVATE KEY-----",
        alg="RS256",
        password=PLANTED,
    ),
}


@pytest.mark.parametrize("what", WRONG_DERS)
def test_der_that_is_refused_shows_nothing(what: str) -> None:
    raises_without(WRONG_DERS[what])


@pytest.mark.parametrize("alg", MORE_PEMS)
def test_a_key_of_every_kind_that_is_refused_shows_nothing(alg: str) -> None:
    pem = MORE_PEMS[alg]
    assert found_in(pem.decode())
    for act in (
        lambda: JWK.from_pem(pem, alg="RS256"),
        lambda: JWK.from_pem(pem[:-50], alg=alg),
        lambda: JWK.from_pem(pem, alg=alg, password=PLANTED),
        lambda: JWK.from_der(der_of(pem), alg="RS256"),
        lambda: JWK.from_der(der_of(pem)[:-3], alg=alg),
        lambda: JWK.from_der(pem, alg=alg),
        lambda: JWK.from_json(pem),
        lambda: JWKSet.from_json(pem.decode()),
        lambda: JWK.from_x509(pem, alg=alg),
        lambda: JWK.from_ssh(pem, alg=alg),
    ):
        raises_without(act)


@pytest.mark.parametrize("load", [JWK.from_pem, JWK.from_der, JWK.from_x509, JWK.from_ssh])
def test_a_secret_in_the_wrong_hands_is_not_repeated(load: Callable[..., object]) -> None:
    """What somebody passes by mistake is as secret as what belongs there."""
    ssh = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    needles = [line for line in ssh.decode().splitlines()[1:-1] if len(line) > 15]
    for data in (
        *(PLANTED, PLANTED.decode(), b"ssh-ed25519 " + PLANTED, b"ssh-ed25519 " + b64encode(PLANTED), [PLANTED], ssh),
        *(b"0\x82\x01\x00" + PLANTED, json.dumps(MEMBERS["HS256"]), K, {"k": K}, b"-----BEGIN " + PLANTED + b"-----"),
        *(b"-----BEGIN CERTIFICATE-----\n" + b64encode(PLANTED) + b"\n-----END CERTIFICATE-----\n", RSA_DER),
        *(
            b'command="' + PLANTED + b'" ssh-ed25519 AAAA',
            b"ssh-dss " + PLANTED,
            b"sk-ssh-ed25519@openssh.com " + PLANTED,
        ),
    ):
        if load is JWK.from_der and data is RSA_DER:
            continue
        with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
            load(data, alg="ES256")
        for text in texts_of(raised.value):
            assert not found_in(text), text[:200]
            assert not any(needle in text for needle in needles)


def test_a_mistake_in_making_a_key_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is there already when its name turns out to be none."""
    monkeypatch.setattr("secrets.token_bytes", lambda size: (PLANTED * 2)[:size])
    assert JWK.generate("HS256").to_dict(private=True)["k"] == b64u(PLANTED[:32])
    monkeypatch.setattr(rsa, "generate_private_key", lambda *_: forge.rsa_key())
    monkeypatch.setattr(ec, "generate_private_key", lambda *_: EC_KEY)
    for alg in ("HS256", "A128KW", "A256GCM", "PBES2-HS256+A128KW", "RS256", "ES256"):
        for kid in (5, "", "\ud800", b"k"):
            raises_without(lambda alg=alg, kid=kid: JWK.generate(alg, kid=kid))  # type: ignore[arg-type]


@pytest.mark.parametrize("alg", ENCRYPTION_KEYS)
def test_a_mistake_with_a_key_that_encrypts_shows_nothing(alg: str) -> None:
    key = ENCRYPTION_KEYS[alg]
    enc = {"A192CBC-HS384": "A192CBC-HS384", "dir": "A192CBC-HS384"}.get(alg, "A128GCM")
    words = {"header": {"p2c": 1000}} if alg.startswith("PBES2") else {}
    good = jwe.encrypt(b"x", key, enc=enc, **words)
    for act in (
        lambda: jwe.encrypt(b"x", key, enc="none"),
        lambda: jwe.encrypt("text", key, enc=enc),  # type: ignore[arg-type]
        lambda: jwe.encrypt(b"x", key, enc=enc, alg="RSA-OAEP"),
        lambda: jwe.encrypt(b"x", key, enc=enc, header={"crit": ["x"]}),
        lambda: jwe.encrypt(b"x", JWK.from_dict({**key.to_dict(private=True), "use": "sig"}), enc=enc),
        lambda: jwe.decrypt(good[:-4] + "AAAA", key, allow_pbes2=True),
        lambda: jwe.decrypt(good + "=", key, allow_pbes2=True),
        lambda: jwe.decrypt(good, key, algs=("none",)),
        lambda: jwe.decrypt(good, key, encs=()),
        lambda: jwe.decrypt(good, HS),
        lambda: jws.sign(b"x", key),
        lambda: jws.verify(good, key),
        lambda: JWKSet([key, key]),
        key.public,
        lambda: key.to_pem(private=True),
        key.to_der,
        lambda: json.dumps(key),
        lambda: pickle.dumps(key),
        lambda: JWK.from_secret(PLANTED[:11], alg=alg) if alg[:5] != "PBES2" else JWK.from_secret(b"", alg=alg),
        lambda: (
            JWK.from_secret(PLANTED[:47], alg=alg) if alg[:5] != "PBES2" else JWK.from_secret(PLANTED * 999, alg=alg)
        ),
    ):
        raises_without(act)


@pytest.mark.parametrize("alg", KEYS)
def test_a_mistake_with_a_key_shows_nothing(alg: str) -> None:
    key = KEYS[alg]
    for act in (
        lambda: jwt.sign({"x": float("nan")}, key),
        lambda: jwt.sign({"x": 1}, key, header={"alg": "none"}),
        lambda: jwt.sign({"x": "y" * 20_000}, key),
        lambda: jwt.sign({}, key, lifetime_s=-1),
        lambda: jws.sign("text", key),  # type: ignore[arg-type]
        lambda: jws.sign(b"x", key, header={"crit": ["y"]}),
        lambda: jws.verify(forge.token(), key, algs=()),
        lambda: jws.verify(forge.token(), key, algs="HS256"),
        lambda: JWKSet([key, key]),
        lambda: JWKSet([key, "x"]),  # type: ignore[list-item]
        lambda: Issuer(key, issuer="", audience="a"),
        lambda: Issuer(key, issuer="i", audience="a", lifetime_s=0),
        lambda: Issuer([key, KEYS["EdDSA"], JWK.generate("HS256")], issuer="i", audience="a"),
        lambda: Issuer(key, issuer="i", audience="a").issue({"x": {1}}),
        lambda: Verifier(key, issuer="i", audience="a", leeway_s=-1),
        lambda: Verifier(JWK.from_dict({**key.to_dict(private=True), "use": "enc"}), issuer="i", audience="a"),
        lambda: key.to_pem(password=PLANTED),
        lambda: key.to_der(password=PLANTED),
        lambda: key.to_pem(private=True, password=PLANTED.decode()),  # type: ignore[arg-type]
        lambda: key.to_der(private=True, password=[PLANTED]),  # type: ignore[arg-type]
        lambda: key.thumbprint("md5"),
        lambda: key.public().to_dict(private=True),
        lambda: setattr(key, "alg", "none"),
        lambda: key.no_such_attribute,
        lambda: msgspec.json.encode(key),
        lambda: msgspec.to_builtins(key),
        lambda: json.dumps(key),
        lambda: json.dumps({"key": key}),
        lambda: pickle.dumps(key),
        lambda: pickle.dumps(JWKSet([key])),
        lambda: pickle.dumps(StaticKeys(key)),
        lambda: vars(key),
    ):
        raises_without(act)


@pytest.mark.parametrize("alg", KEYS)
def test_a_refused_token_shows_no_key(alg: str) -> None:
    key = KEYS[alg]
    good = jwt.sign({"iss": forge.ISSUER, "aud": forge.AUDIENCE}, key)
    claims = forge.claims()
    bad = [good[:-8] + "AAAAAAAA", forge.token(), "x", good + "=", jwt.sign({}, key), jwt.sign({"exp": 1}, key)]
    bad += [jwt.sign(claims | {"exp": 1}, key), jws.sign(b"[]", key), forge.token({"alg": alg, "kid": "x"}, claims)]
    for one in (key, JWKSet([key])):
        ways = [
            lambda it, one=one: jws.verify(it, one, payload=b"x"),
            lambda it, one=one: jwt.verify(it, one, bytes_max=5),
        ]
        ways += [verify for _, verify in list(forge.ways(one, good))[1:]]
        for verify in ways:
            for token in bad:
                raises_without(lambda verify=verify, token=token: verify(token))


def test_what_is_printed_logged_or_copied_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for key in MORE_KEYS.values():
        for thing in (key, JWKSet([key]), key.prepared, key.raw, (key,)):
            for text in (str(thing), repr(thing), pprint.pformat(thing), ascii([thing]), f"{thing!s:>5}"):
                assert not found_in(text)
    for key in KEYS.values():
        issuer = Issuer(key, issuer="i", audience="a")
        verifier = Verifier([key], issuer="i", audience="a", cache_entries=2)
        verifier.verify(issuer.issue({}))
        jwt.verify(jwt.sign({}, key), key)
        things = (key, JWKSet([key]), key.prepared, issuer, verifier, source_of(key), StaticKeys([key]), issuer.issue)
        things += (
            key.raw,
            Concealed(PLANTED),
            Members(key.to_dict(private=True)),
            jws.verify(jws.sign(b"", key), key),
        )
        for thing in things:
            logging.getLogger("x").info("%s %r", thing, thing)
            for shown in (thing, thing if thing is key.raw else copy.copy(thing), [thing], {"key": thing}):
                for text in (str(shown), repr(shown), f"{shown!s:>5}", pprint.pformat(shown), ascii(shown)):
                    assert not found_in(text)
    assert not found_in(caplog.text)
    assert "redacted" in repr(HS)


@pytest.mark.parametrize("alg", KEYS)
def test_a_key_is_not_copied_into_something_else(alg: str) -> None:
    key = KEYS[alg]
    assert copy.copy(key) is copy.deepcopy(key) is key
    assert copy.deepcopy([key])[0] is key
    for thing in (key, JWKSet([key])):
        with pytest.raises(TypeError):
            iter(thing) if isinstance(thing, JWK) else dict(thing)
        assert not hasattr(thing, "__dict__")


def test_public_parts_are_public() -> None:
    for alg, key in KEYS.items():
        if alg != "HS256":
            public = key.public()
            for text in (json.dumps(public.to_dict()), public.to_pem().decode(), json.dumps(key.to_dict())):
                assert not found_in(text)
    assert JWKSet(KEYS.values()).to_dict().keys() == {"keys"}
    assert not found_in(json.dumps(JWKSet(KEYS.values()).to_dict()))
    assert "oct" not in {member["kty"] for member in JWKSet(KEYS.values()).to_dict()["keys"]}


def test_a_claim_is_not_told() -> None:
    """Not its value: neither of a token that is refused, nor of claims that are not issued."""
    policy = ClaimsPolicy(issuer="planted-is-mine", audience="a", subject="s")
    value = "planted-secret-0123456789"
    for claims in (
        {"iss": value},
        {"iss": policy.issuer, "aud": value},
        {"iss": policy.issuer, "aud": "a", "sub": value},
        {"iss": policy.issuer, "aud": [value, 5]},
        {"exp": value},
    ):
        token = forge.compact({"alg": "HS256"}, {"exp": 2_000_000_000, **claims}, forge.hs256(PLANTED))
        with pytest.raises(Exception) as raised:  # noqa: PT011
            jwt.verify(token, HS, policy=policy)
        assert value not in str(raised.value) + repr(raised.value) + repr(vars(raised.value))
    for claims in ({"sub": [value]}, {"exp": value}, {"x": {value}}, {"x": (value,)}, {"aud": [value, 5]}):
        with pytest.raises((TypeError, ValueError)) as refused:
            jwt.sign(claims, HS)
        assert value not in str(refused.value) + repr(refused.value.args)
