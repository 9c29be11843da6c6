"""Certificates beside a key: its key is taken from the first, ``x5c`` and its thumbprints are held against it."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from daypass import jwe, jws
from daypass.errors import ConfigurationError, InvalidSignature, KeyFormatError, UnknownKey, WeakKey
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import CERTIFICATES_MAX
from tests.security import forge
from tests.security.forge import b64u
from tests.unit.jose.certificates import certificate_for
from tests.unit.jose.test_key_formats import other_things, refused

ALGS = ["RS256", "PS512", "RSA-OAEP-256", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed448", "ECDH-ES", "ML-DSA-44"]


@cache
def key_of(alg: str) -> JWK:
    return JWK.generate(alg)


@cache
def ders_of(alg: str, length: int = 1) -> tuple[bytes, ...]:
    """A certificate for the key of an algorithm, and others behind it."""
    issuer = ec.generate_private_key(ec.SECP256R1())
    inner = load_pem_private_key(key_of(alg).to_pem(private=True), None)
    made = [certificate_for(inner, issuer), *(certificate_for(issuer) for _ in range(length - 1))]
    return tuple(one.public_bytes(Encoding.DER) for one in made)


def pem_of(*ders: bytes) -> bytes:
    blocks = (b64encode(der).decode() for der in ders)
    return "".join(f"-----BEGIN CERTIFICATE-----\n{it}\n-----END CERTIFICATE-----\n" for it in blocks).encode()


def x5c_of(*ders: bytes) -> list[str]:
    return [b64encode(der).decode() for der in ders]


def sha(name: str, der: bytes) -> str:
    return b64u(hashlib.new(name, der).digest())


def members_with(alg: str = "ES256", **more: Any) -> dict[str, Any]:
    return {**key_of(alg).to_dict(), "x5c": x5c_of(*ders_of(alg)), **more}


# ------------------------------------------------------------------------------------------------- from_x509


@pytest.mark.parametrize("alg", ALGS)
def test_the_key_of_a_certificate(alg: str) -> None:
    key, (der,) = key_of(alg), ders_of(alg)
    text = pem_of(der)
    for data in (
        der,
        bytearray(der),
        memoryview(der),
        text,
        text.decode(),
        text.replace(b"\n", b"\r\n"),
        b"# x\n" + text,
    ):
        certified = JWK.from_x509(data, alg=alg)
        assert (certified.is_private, certified.alg, certified.x5c) == (False, alg, tuple(x5c_of(der)))
        assert certified.kid == key.thumbprint() == certified.thumbprint()
        assert certified.to_dict() == {**key.to_dict(), "x5c": x5c_of(der), "x5t#S256": sha("sha256", der)}
        assert certified.public().to_dict() == certified.to_dict()
        assert JWK.from_dict(certified.to_dict()).to_dict() == certified.to_dict()
        assert certified.to_pem() == key.to_pem()
    assert JWK.from_x509(der, alg=alg, kid="mine").kid == "mine"


def test_the_key_of_a_certificate_does_its_task() -> None:
    for alg in ("RS256", "ES256", "EdDSA", "ML-DSA-44"):
        assert jws.verify(jws.sign(b"x", key_of(alg)), JWK.from_x509(ders_of(alg)[0], alg=alg)).payload == b"x"
    for alg in ("RSA-OAEP-256", "ECDH-ES"):
        token = jwe.encrypt(b"x", JWK.from_x509(ders_of(alg)[0], alg=alg), enc="A128GCM")
        assert jwe.decrypt(token, key_of(alg)).plaintext == b"x"


@pytest.mark.parametrize("length", [2, CERTIFICATES_MAX])
def test_a_chain(length: int) -> None:
    ders = ders_of("ES256", length)
    key = JWK.from_x509(pem_of(*ders), alg="ES256")
    assert key.x5c == tuple(x5c_of(*ders))
    assert key.to_dict()["x5t#S256"] == sha("sha256", ders[0])
    assert key.kid == key_of("ES256").thumbprint()
    assert JWK.from_dict(key.to_dict()).x5c == key.x5c


def test_a_chain_is_bounded() -> None:
    der = ders_of("ES256")[0]
    refused(lambda: JWK.from_x509(pem_of(*[der] * (CERTIFICATES_MAX + 1)), alg="ES256"), f"at most {CERTIFICATES_MAX}")
    for size in (CERTIFICATES_MAX + 1, 5000):
        refused(lambda size=size: JWK.from_dict(members_with(x5c=x5c_of(der) * size)), f"1 to {CERTIFICATES_MAX}")


def test_a_key_beside_a_certificate_is_left_alone() -> None:
    """A file that holds both: the certificate is taken, the private key stays where it is."""
    der = ders_of("ES256")[0]
    private = key_of("ES256").to_pem(private=True)
    for data in (pem_of(der) + private, private + pem_of(der)):
        key = JWK.from_x509(data, alg="ES256")
        assert (key.is_private, key.x5c) == (False, tuple(x5c_of(der)))


@pytest.mark.parametrize(
    "what, words",
    [
        ("request", ["certificate request"]),
        ("request, DER", ["certificate request"]),
        ("trusted certificate", ["openssl x509"]),
        ("PKCS #12", ["openssl pkcs12"]),
        ("PKCS #7", ["openssl pkcs7"]),
        ("PKCS #7, DER", ["openssl pkcs7"]),
        ("OpenSSH public", ["JWK.from_ssh"]),
        ("JWK", ["JWK.from_json"]),
        ("PEM", ["a key in PEM", "JWK.from_pem"]),
        ("DER", ["DER", "JWK.from_der"]),
        ("base64", ["base64", "JWK.from_x509"]),
        ("two keys", ["more than one key"]),
        ("empty", ["empty"]),
        ("UTF-16", ["UTF-16"]),
    ],
)
def test_what_is_no_certificate_is_told_what_it_is(what: str, words: list[str]) -> None:
    refused(lambda: JWK.from_x509(other_things()[what], alg="ES256"), "no certificate", *words)


def test_a_damaged_certificate() -> None:
    der = ders_of("ES256")[0]
    for data in (der[:-1], der[:40], der + b"\0"):
        refused(lambda data=data: JWK.from_x509(data, alg="ES256"), "no certificate")
        refused(lambda data=data: JWK.from_x509(pem_of(data), alg="ES256"), "cannot be read")
        refused(lambda data=data: JWK.from_x509(pem_of(der, data), alg="ES256"), "cannot be read")
    escaped = pem_of(der).replace(b"\n", b"\\n")
    refused(lambda: JWK.from_x509(escaped, alg="ES256"), "escaped newlines")
    with_version = der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020109"))
    assert with_version != der
    for data in (with_version, pem_of(with_version)):  # the parser has an error of its own for it
        with pytest.raises(KeyFormatError):
            JWK.from_x509(data, alg="ES256")
    refused(lambda: JWK.from_dict(members_with(x5c=x5c_of(with_version))), "cannot be read")


def test_a_certificate_for_a_key_of_another_kind() -> None:
    issuer = ec.generate_private_key(ec.SECP256R1())
    for key in (ec.generate_private_key(ec.SECP224R1()), dsa.generate_private_key(2048)):
        with pytest.raises(KeyFormatError, match="type"):
            JWK.from_x509(certificate_for(key, issuer).public_bytes(Encoding.DER), alg="ES256")
    der = ders_of("ES256")[0]
    for alg in ("RS256", "ES384", "EdDSA", "HS256", "A128KW", "dir"):
        with pytest.raises(KeyFormatError):
            JWK.from_x509(der, alg=alg)
    with pytest.raises(ConfigurationError):
        JWK.from_x509(der, alg="none")
    curve = bytes.fromhex("06082a8648ce3d030107")
    unknown = der.replace(curve, curve[:-1] + b"\x66")
    assert unknown != der
    with pytest.raises(KeyFormatError, match="of no supported type"):
        JWK.from_x509(unknown, alg="ES256")
    agreement = certificate_for(x25519.X25519PrivateKey.generate(), issuer).public_bytes(Encoding.DER)
    assert JWK.from_x509(agreement, alg="ECDH-ES+A128KW").crv == "X25519"


def test_a_certificate_for_a_weak_key() -> None:
    weak = certificate_for(rsa.generate_private_key(65537, 1024)).public_bytes(Encoding.DER)
    for data in (weak, pem_of(weak)):
        with pytest.raises(WeakKey):
            JWK.from_x509(data, alg="RS256")
    with pytest.raises(WeakKey):
        JWK.from_dict({**key_of("RS256").to_dict(), "x5c": x5c_of(weak)})


# ------------------------------------------------------------------------------------------- x5c of a JWK


@pytest.mark.parametrize("alg", ALGS)
def test_x5c_travels_with_a_jwk(alg: str) -> None:
    der = ders_of(alg)[0]
    members = members_with(alg, x5t=sha("sha1", der), **{"x5t#S256": sha("sha256", der)})
    key = JWK.from_json(json.dumps(members))
    assert key.x5c == tuple(x5c_of(der))
    assert key.to_dict() == {name: value for name, value in members.items() if name != "x5t"}
    private = JWK.from_dict({**members, **key_of(alg).to_dict(private=True)})
    assert private.x5c == key.x5c == private.public().x5c
    assert private.to_dict() == key.to_dict()
    assert private.to_dict(private=True)["x5c"] == x5c_of(der)
    assert key.thumbprint() == key_of(alg).thumbprint()


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_a_certificate_of_another_key(alg: str) -> None:
    other = JWK.generate(alg)
    refused(lambda: JWK.from_dict({**other.to_dict(), "x5c": x5c_of(*ders_of(alg))}), "another key")
    private = other.to_dict(private=True)
    refused(lambda: JWK.from_dict({**private, "x5c": x5c_of(*ders_of(alg))}), "another key")
    refused(lambda: JWK.from_dict({**other.to_dict(), "x5c": x5c_of(*ders_of("ES384"))}), "another key")
    chain = x5c_of(ders_of("ES384")[0], *ders_of(alg))
    refused(lambda: JWK.from_dict({**key_of(alg).to_dict(), "x5c": chain}), "another key")  # its own comes second
    secret = {"kty": "oct", "k": b64u(bytes(range(32))), "alg": "HS256"}
    refused(lambda: JWK.from_dict({**secret, "x5c": x5c_of(*ders_of(alg))}), "another key")


NOT_BASE64: dict[str, Callable[[str], Any]] = {
    "base64url": lambda text: text.replace("+", "-").replace("/", "_"),
    "no padding": lambda text: text.rstrip("=") if text.endswith("=") else text[:-1],
    "more padding": lambda text: text + "====",
    "line breaks": lambda text: text[:64] + "\n" + text[64:],
    "a space": lambda text: " " + text,
    "empty": lambda text: "",
    "cut short": lambda text: text[: len(text) // 8 * 4],
    "the PEM": lambda text: f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----",
    "not ASCII": lambda text: text + "\u00e9",
    "bytes": lambda text: text.encode(),
    "None": lambda text: None,
    "a list": lambda text: [text],
    "a number": lambda text: 5,
    "no DER": lambda text: "AAAA",
    "no certificate": lambda text: b64encode(key_of("ES256").to_der()).decode(),
}


@pytest.mark.parametrize("what", NOT_BASE64)
def test_a_certificate_that_is_misspelt(what: str) -> None:
    text = ""
    while not ("+" in text or "/" in text):
        text = x5c_of(certificate_for(forge.ec_key("ES256")).public_bytes(Encoding.DER))[0]
    members = forge.jwk("ES256").to_dict()
    assert JWK.from_dict({**members, "x5c": [text]}).x5c == (text,)
    refused(lambda: JWK.from_dict({**members, "x5c": [NOT_BASE64[what](text)]}), "x5c")
    if what not in ("cut short", "no certificate"):
        refused(lambda: JWK.from_dict({**members, "x5c": [text, NOT_BASE64[what](text)]}), "x5c")


@pytest.mark.parametrize("x5c", [None, "", "AAAA", {}, 5, [], True], ids=str)
def test_x5c_is_a_list(x5c: Any) -> None:
    refused(lambda: JWK.from_dict(members_with(x5c=x5c)), "'x5c' must be a list of 1 to")


@pytest.mark.parametrize("name, digest", [("x5t", "sha1"), ("x5t#S256", "sha256")])
def test_a_thumbprint_is_that_of_the_first_certificate(name: str, digest: str) -> None:
    der, other = ders_of("ES256", 2)
    x5c = x5c_of(der, other)
    assert JWK.from_dict(members_with(x5c=x5c, **{name: sha(digest, der)}))
    wrong = {"sha1": "sha256", "sha256": "sha1"}[digest]
    for value in (sha(digest, other), sha(wrong, der), sha(digest, der) + "=", "", None, 5, [sha(digest, der)]):
        refused(lambda value=value: JWK.from_dict(members_with(x5c=x5c, **{name: value})), name, "another certificate")


def test_a_thumbprint_in_hexadecimal_digits() -> None:
    """Some issuers encode the digits of the hash instead of its octets: it says the same, and people log in there."""
    der = ders_of("ES256")[0]
    digits = b64u(hashlib.sha1(der).hexdigest().upper().encode())
    assert JWK.from_dict(members_with(x5t=digits, kid=digits)).kid == digits
    other = b64u(hashlib.sha1(b"x").hexdigest().upper().encode())
    refused(lambda: JWK.from_dict(members_with(x5t=other)), "x5t")


def test_a_thumbprint_without_a_certificate_is_nothing_to_go_by() -> None:
    members = key_of("ES256").to_dict()
    for more in ({"x5t": "AAAA"}, {"x5t#S256": 5}, {"x5u": "https://evil.example/c.pem"}):
        key = JWK.from_dict({**members, **more})
        assert (key.x5c, key.to_dict()) == ((), members)


# ------------------------------------------------------------------------------ sets as large issuers write them


@cache
def as_azure_writes_it() -> dict[str, Any]:
    """Keys without ``alg``; ``use``, ``kid`` and ``x5t`` are there, and one certificate each."""
    keys = []
    for number in range(3):
        inner = rsa.generate_private_key(65537, 2048) if number else forge.rsa_key()
        der = certificate_for(inner).public_bytes(Encoding.DER)
        public = JWK.from_x509(der, alg="RS256").to_dict()
        name = sha("sha1", der)
        keys.append(
            {
                "kty": "RSA",
                "use": "sig",
                "kid": name,
                "x5t": name,
                "n": public["n"],
                "e": public["e"],
                "x5c": x5c_of(der),
                "cloud_instance_name": "login.example",
                "issuer": "https://login.example/v2.0",
            }
        )
    return {"keys": keys}


def test_keys_without_alg_get_the_algorithms_of_the_caller() -> None:
    written = as_azure_writes_it()
    keys = JWKSet.from_json(json.dumps(written))
    assert [(key.alg, key.use, key.kid) for key in keys] == [(None, "sig", it["kid"]) for it in written["keys"]]
    header = {"alg": "RS256", "kid": written["keys"][0]["kid"], "x5t": written["keys"][0]["x5t"]}
    token = forge.compact(header, forge.claims(), forge.pkcs1())
    assert jws.verify(token, keys, algs=("RS256",)).key is keys.find(kid=header["kid"])[0]
    with pytest.raises(ConfigurationError, match="algs"):
        jws.verify(token, keys)
    for kid in (written["keys"][1]["kid"], written["keys"][2]["kid"]):
        with pytest.raises(InvalidSignature):
            jws.verify(forge.compact({**header, "kid": kid}, forge.claims(), forge.pkcs1()), keys, algs=("RS256",))
    nameless = forge.compact({"alg": "RS256"}, forge.claims(), forge.pkcs1())
    with pytest.raises(UnknownKey):
        jws.verify(nameless, keys, algs=("RS256",))


def test_one_key_of_a_set_has_the_certificate_of_another() -> None:
    written = json.loads(json.dumps(as_azure_writes_it()))
    written["keys"][1]["x5c"] = written["keys"][0]["x5c"]
    assert [key.kid for key in JWKSet.from_dict(written)] == [written["keys"][at]["kid"] for at in (0, 2)]
    version = bytes.fromhex("a003020102")
    der = b64decode(written["keys"][2]["x5c"][0]).replace(version, bytes.fromhex("a003020107"))
    written["keys"][2]["x5c"] = x5c_of(der)
    assert [key.kid for key in JWKSet.from_dict(written)] == [written["keys"][0]["kid"]]
