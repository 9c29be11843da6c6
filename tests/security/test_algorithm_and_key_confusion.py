"""ATTACKS 3.1: the header never chooses, a key does one thing, and nothing in a token is ever followed."""

import builtins
import json
import socket
from base64 import b64encode
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from daypass import jwe, jws, jwt
from daypass.errors import (
    ConfigurationError,
    InvalidSignature,
    KeyFormatError,
    MalformedToken,
    UnknownKey,
    UnsupportedToken,
    WeakKey,
)
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.tokens.verifier import Verifier
from tests.security import forge
from tests.security.forge import POLICY, b64u, compact, outcome, refused


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", " none", "none\0", "none ", "n\u043ene", ""])
@pytest.mark.parametrize("signature", [b"", b"\0" * 32, None], ids=["empty", "zeros", "a real MAC"])
def test_A01_alg_none(alg: str, signature: bytes | None) -> None:
    sign = forge.hs256() if signature is None else lambda _: signature
    bad = compact({"alg": alg, "typ": "JWT"}, forge.claims(), sign)
    refused(bad, UnsupportedToken)
    refused(bad, UnsupportedToken, forge.jwk("RS256"))
    refused(bad.rpartition(".")[0], MalformedToken)


@pytest.mark.parametrize("nothing", [None, "", b"", [], ()])
def test_A01_no_key_verifies_nothing(nothing: Any) -> None:
    unsigned = compact({"alg": "none"}, forge.claims(), lambda _: b"")
    for verify in (jws.verify, jwt.verify):
        with pytest.raises((TypeError, ConfigurationError)):
            verify(unsigned, nothing)
    with pytest.raises((TypeError, ConfigurationError)):
        Verifier(nothing, issuer="i", audience="a")


def test_A01_none_is_not_in_the_table_and_cannot_be_added() -> None:
    assert not any(name.lower() == "none" for name in SIGNATURE_ALGORITHMS)
    with pytest.raises(TypeError):
        SIGNATURE_ALGORITHMS["none"] = SIGNATURE_ALGORITHMS["HS256"]  # type: ignore[index]
    with pytest.raises(ConfigurationError):
        jwt.verify(forge.token(), forge.jwk("HS256"), algs=("HS256", "none"))
    with pytest.raises(ConfigurationError):
        JWK.generate("none")
    with pytest.raises(KeyFormatError):
        JWK.from_dict({"kty": "oct", "k": b64u(forge.SECRET), "alg": "none"})


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", " none", "none\0"])
@pytest.mark.parametrize("signature", ["", b64u(bytes(32)), ...], ids=["empty", "zeros", "absent"])
def test_A01_alg_none_in_json(alg: str, signature: Any) -> None:
    """Protected, unprotected, beside a good signature; and no list of signatures at all."""
    head, body, mac = forge.token().split(".")
    none = {"protected": b64u(forge.octets({"alg": alg}))} | ({} if signature is ... else {"signature": signature})
    error = MalformedToken if signature is ... else UnsupportedToken
    for bad in ({"payload": body, **none}, {"payload": body, "signatures": [none]}):
        for keys in (forge.jwk("HS256"), forge.jwk("RS256"), [forge.jwk("RS256"), forge.jwk("ES256")]):
            for words in ({}, {"allow_unprotected_alg": True}, {"require": "all"}):
                assert outcome(lambda b=bad, k=keys, w=words: jws.verify_json(b, k, **w)) is error
    both = {"payload": body, "signatures": [none, {"protected": head, "signature": mac}]}
    assert outcome(lambda: jws.verify_json(both, forge.jwk("HS256"), require="all")) is error
    if signature is not ...:
        assert [it.index for it in jws.verify_json(both, forge.jwk("HS256")).signatures] == [1]
    assert outcome(lambda: jws.verify_json({"payload": body, "signatures": []}, forge.jwk("HS256"))) is MalformedToken


def certificate(key: Any) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer.example")])
    since, until = (x509.base.datetime.datetime(year, 1, 1, tzinfo=x509.base.datetime.UTC) for year in (2020, 2040))
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, since, until)
    return builder.sign(key, hashes.SHA256())


def spellings_of_public_keys() -> dict[str, bytes]:
    """Every form in which somebody may know a public key, of every type."""
    found: dict[str, bytes] = {}
    keys = {"rsa": forge.rsa_key(), "ec": forge.ec_key("ES256"), "ed": forge.ed25519_key()}
    for kind, key in keys.items():
        pem, der = forge.public_pem(key), forge.public_der(key)
        member = json.dumps(JWK.from_pem(pem, alg={"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}[kind]).to_dict())
        forms = {
            "PEM": pem,
            "PEM without its last newline": pem.rstrip(),
            "PEM with CRLF": pem.replace(b"\n", b"\r\n"),
            "PEM after a newline": b"\n" + pem,
            "PEM after a byte order mark": b"\xef\xbb\xbf" + pem,
            "PEM after garbage": b"key: " + pem,
            "PEM twice": pem + pem,
            "DER": der,
            "OpenSSH": key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
            "JWK": member.encode(),
            "JWK after white space": b" \n" + member.encode(),
            "JWK Set": b'{"keys": [' + member.encode() + b"]}",
            "JSON array": b"[" + member.encode() + b"]",
        }
        if kind == "rsa":
            forms["PKCS#1 PEM"] = forge.public_pem(key, PublicFormat.PKCS1)
            forms["PKCS#1 DER"] = forge.public_der(key, PublicFormat.PKCS1)
        if kind != "ed":
            forms["certificate PEM"] = certificate(key).public_bytes(Encoding.PEM)
            forms["certificate DER"] = certificate(key).public_bytes(Encoding.DER)
        found |= {f"{kind} {form}": data for form, data in forms.items()}
    return found


SPELLINGS = spellings_of_public_keys()


@pytest.mark.parametrize("secret", SPELLINGS.values(), ids=SPELLINGS)
def test_A02_hmac_with_the_public_key_as_secret(secret: bytes) -> None:
    """The policy allows both families, and the keys are in one set: HMAC takes a symmetric key, by type."""
    pair = JWKSet([forge.jwk("RS256"), JWK.from_secret(forge.SECRET, alg="HS256", kid="hs")])
    both = ("HS256", "RS256", "ES256", "EdDSA")
    for alg in ("RS256", "ES256", "EdDSA"):
        bad = compact({"alg": "HS256", "typ": "JWT"}, forge.claims(), forge.hs256(secret))
        refused(bad, UnsupportedToken, forge.jwk(alg))
        with pytest.raises(UnsupportedToken):
            jws.verify(bad, forge.jwk(alg), algs=both)
        unbound = JWK.from_dict({**forge.jwk(alg).to_dict(), "alg": alg})
        with pytest.raises(UnsupportedToken):
            jwt.verify(bad, unbound, algs=both)
        nameless = {name: value for name, value in forge.jwk(alg).to_dict().items() if name != "alg"}
        with pytest.raises(UnsupportedToken):
            jwt.verify(bad, JWK.from_dict(nameless), algs=both)
    refused(bad, InvalidSignature, pair)
    named = compact({"alg": "HS256", "typ": "JWT", "kid": "RS256"}, forge.claims(), forge.hs256(secret))
    refused(named, UnsupportedToken, pair)


@pytest.mark.parametrize("secret", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("wrap", [bytes, b64encode, lambda it: b64u(it).encode()], ids=["", "base64", "base64url"])
def test_A03_a_public_key_is_no_secret(secret: bytes, wrap: Any) -> None:
    with pytest.raises(KeyFormatError):
        JWK.from_secret(wrap(secret), alg="HS256")


@pytest.mark.parametrize(
    "alg, crv",
    [
        ("ES256K", None),
        ("ES384", None),
        ("ES512", None),
        ("Ed448", None),
        ("ML-DSA-44", None),
        ("ECDH-ES", "P-256"),
        ("ECDH-ES", "X25519"),
        ("ECDH-ES", "X448"),
    ],
)
def test_A03_nor_is_one_of_another_type(alg: str, crv: str | None) -> None:
    key = JWK.generate(alg, crv=crv)
    member = json.dumps(key.to_dict()).encode()
    forms = [key.to_pem(), key.to_der(), member, b'{"keys":[' + member + b"]}"]
    for form in (*forms, key.to_pem(private=True), key.to_der(private=True)):
        for secret in (form, b64encode(form), b64u(form).encode(), form if form[:1] == b"0" else b"\n" + form):
            for asked in ("HS256", "HS512", "PBES2-HS256+A128KW"):
                with pytest.raises(KeyFormatError):
                    JWK.from_secret(secret, alg=asked)


@pytest.mark.parametrize("mark", [b"---- BEGIN SSH2 PUBLIC KEY ----\n", b"ssh-rsa-cert-v01@openssh.com ", b"ssh-dss "])
def test_A03_other_forms_of_ssh_are_no_secret(mark: bytes) -> None:
    with pytest.raises(KeyFormatError):
        JWK.from_secret(mark + b64encode(bytes(range(200))), alg="HS256")


def test_A03_a_random_secret_that_begins_like_der_is_one() -> None:
    assert JWK.from_secret(b"\x30\x82\x01\x22" + bytes(range(60)), alg="HS256").alg == "HS256"


@pytest.mark.parametrize("empty", [(), [], set(), frozenset(), {}])
def test_A04_an_empty_allowlist_is_a_mistake(empty: Any) -> None:
    for verify in (jws.verify, jwt.verify):
        with pytest.raises(ConfigurationError):
            verify(forge.token(), forge.jwk("HS256"), algs=empty)


def test_A04_the_header_does_not_decide_for_a_key_without_alg() -> None:
    unbound = JWK.from_dict({"kty": "oct", "k": b64u(forge.SECRET)})
    for verify in (jws.verify, jwt.verify):
        with pytest.raises(ConfigurationError):
            verify(forge.token(), unbound)
    with pytest.raises(ConfigurationError):
        jwt.sign({}, unbound)
    with pytest.raises(ConfigurationError):
        Verifier(unbound, issuer="i", audience="a")


@pytest.mark.parametrize("text", ["HS256", "HS256-RS256", "HS256,RS256", b"HS256", 5])
def test_A05_an_allowlist_is_a_collection_of_names(text: Any) -> None:
    for verify in (jws.verify, jwt.verify):
        with pytest.raises(TypeError):
            verify(forge.token(), forge.jwk("HS256"), algs=text)


@pytest.mark.parametrize(
    "header",
    [{}, {"alg": None}, {"alg": ["PS256"]}, {"alg": {}}, {"alg": 256}, {"alg": True}],
    ids=["missing", "null", "list", "object", "number", "true"],
)
def test_A06_alg_must_be_a_string(header: dict[str, Any]) -> None:
    refused(compact({"typ": "JWT", **header}, forge.claims(), forge.pss()), MalformedToken, forge.jwk("PS256"))
    refused(forge.token({"typ": "JWT", **header}), MalformedToken)


def test_A06_the_key_is_bound_to_one_algorithm() -> None:
    """A good signature of the same key under another algorithm is refused, whatever the policy allows."""
    for header, sign, key in (("RS256", forge.pss(), "PS256"), ("PS256", forge.pss(), "RS256")):
        bad = compact({"alg": header, "typ": "JWT"}, forge.claims(), sign)
        refused(bad, UnsupportedToken, forge.jwk(key))
        with pytest.raises(UnsupportedToken):
            jws.verify(bad, forge.jwk(key), algs=("RS256", "PS256"))
    good = compact({"alg": "PS256", "typ": "JWT"}, forge.claims(), forge.pss())
    assert jwt.verify(good, forge.jwk("PS256"), policy=POLICY, algs=("RS256", "PS256"))["sub"] == "u1"
    with pytest.raises(UnsupportedToken):
        jwt.verify(good, forge.jwk("PS256"), policy=POLICY, algs=("RS256",))


def test_A07_A08_a_json_serialization_is_no_token_here() -> None:
    """Compact only: an unprotected header does not exist, so nothing in one can win."""
    head, body, mac = forge.token().split(".")
    flattened = {"payload": body, "protected": head, "header": {"alg": "none"}, "signature": mac}
    for bad in (flattened, json.dumps(flattened), {"payload": body, "header": {"alg": "HS256"}, "signature": mac}):
        refused(bad, MalformedToken)


def test_A09_wrong_curve_for_the_algorithm() -> None:
    p384 = forge.jwk("ES384").to_dict()
    with pytest.raises(KeyFormatError):
        JWK.from_dict({**p384, "alg": "ES256"})
    with pytest.raises(KeyFormatError):
        JWK.from_pem(forge.public_pem(forge.ec_key("ES384")), alg="ES256")
    koblitz = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(KeyFormatError):
        JWK.from_pem(forge.public_pem(koblitz), alg="ES256")
    point = koblitz.public_key().public_numbers()
    members = {"kty": "EC", "x": b64u(point.x.to_bytes(32, "big")), "y": b64u(point.y.to_bytes(32, "big"))}
    for crv in ("secp256k1", "P-256", "P-256K", "p-256", ""):
        with pytest.raises(KeyFormatError):
            JWK.from_dict({**members, "crv": crv}, alg="ES256")


def test_A09_a_key_without_alg_serves_its_own_curve_only() -> None:
    del (members := forge.jwk("ES384").to_dict())["alg"]
    bad = compact({"alg": "ES256", "typ": "JWT"}, forge.claims(), lambda _: bytes(64))
    with pytest.raises(UnsupportedToken):
        jws.verify(bad, JWK.from_dict(members), algs=("ES256", "ES384"))


@pytest.mark.parametrize(
    "metadata",
    [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": []}, {"alg": "A256KW"}, {"use": "enc", "key_ops": ["encrypt"]}],
    ids=str,
)
def test_A10_what_a_key_says_of_itself_holds(metadata: dict[str, Any]) -> None:
    members = {"kty": "oct", "k": b64u(forge.SECRET), "alg": "HS256", **metadata}
    for keys in (JWK.from_dict(members), JWKSet.from_dict({"keys": [members]})):
        for verify in (jws.verify, jwt.verify):
            with pytest.raises(ConfigurationError):
                verify(forge.token(), keys)
        with pytest.raises(ConfigurationError):
            Verifier(keys, issuer="i", audience="a")


@pytest.mark.parametrize("metadata", [{"use": "enc"}, {"key_ops": ["verify"]}, {"alg": "dir"}], ids=str)
def test_A10_a_key_signs_only_where_it_may(metadata: dict[str, Any]) -> None:
    key = JWK.from_dict({"kty": "oct", "k": b64u(forge.SECRET), "alg": "HS256", **metadata})
    for sign in (lambda: jws.sign(b"", key), lambda: jwt.sign({}, key)):
        with pytest.raises(ConfigurationError):
            sign()


@pytest.mark.parametrize(
    "metadata",
    [{"use": "sig", "key_ops": ["encrypt"]}, {"use": "enc", "key_ops": ["sign"]}, {"key_ops": ["sign", "sign"]}],
    ids=str,
)
def test_A10_use_and_key_ops_agree(metadata: dict[str, Any]) -> None:
    with pytest.raises(KeyFormatError):
        JWK.from_dict({"kty": "oct", "k": b64u(forge.SECRET), "alg": "HS256", **metadata})


def test_A11_a_key_in_the_header_is_never_used() -> None:
    theirs = forge.other_rsa_key()
    attacker = JWK.from_pem(forge.public_pem(theirs), alg="RS256", kid="RS256").to_dict()
    chain = [b64encode(certificate(theirs).public_bytes(Encoding.DER)).decode()]
    two = JWKSet([forge.jwk("RS256"), forge.jwk("ES256")])
    for extra in ({"jwk": attacker}, {"x5c": chain}, {"jwk": attacker, "x5c": chain, "kid": "RS256"}):
        bad = compact({"alg": "RS256", "typ": "JWT", **extra}, forge.claims(), forge.pkcs1(theirs))
        refused(bad, InvalidSignature, forge.jwk("RS256"))
        refused(bad, InvalidSignature, two)
    stranger = compact(
        {"alg": "RS256", "typ": "JWT", "jwk": attacker, "kid": "k2"}, forge.claims(), forge.pkcs1(theirs)
    )
    refused(stranger, UnknownKey, two)


@pytest.mark.parametrize("nothing", [None, "", b"", [], ()], ids=repr)
def test_A11_a_key_in_the_header_is_not_used_for_want_of_another(nothing: Any) -> None:
    """CVE-2026-27962: with no key given, that of the token was taken."""
    theirs = forge.other_rsa_key()
    attacker = JWK.from_pem(forge.public_pem(theirs), alg="RS256").to_dict()
    bad = compact({"alg": "RS256", "typ": "JWT", "jwk": attacker}, forge.claims(), forge.pkcs1(theirs))
    head, body, signature = bad.split(".")
    flattened = {"payload": body, "protected": head, "signature": signature}
    for verify in (
        lambda: jws.verify(bad, nothing),
        lambda: jwt.verify(bad, nothing),
        lambda: jws.verify_json(flattened, nothing),
        lambda: jws.verify(bad, nothing, algs=("RS256",)),
    ):
        with pytest.raises((TypeError, ConfigurationError)):
            verify()


@pytest.fixture
def sealed_off(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No socket is made, no name resolved, no file opened; the list says what was tried."""
    tried: list[str] = []

    def refuse(what: str) -> Any:
        def attempt(*args: Any, **words: Any) -> Any:
            tried.append(what)
            raise AssertionError(f"{what} was used")

        return attempt

    monkeypatch.setattr(socket, "socket", refuse("a socket"))
    monkeypatch.setattr(socket, "getaddrinfo", refuse("name resolution"))
    monkeypatch.setattr(socket, "create_connection", refuse("a connection"))
    monkeypatch.setattr(builtins, "open", refuse("open"))
    return tried


URLS = [
    "http://169.254.169.254/latest/meta-data",
    "https://issuer.example@evil.example/jwks.json",
    "https://evil.example/redirect",
    "file:///etc/passwd",
    "ftp://evil.example/k",
    "data:application/json,{}",
    "//evil.example",
    5,
]


@pytest.mark.parametrize("url", URLS, ids=str)
@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_A12_no_url_of_a_header_is_followed(name: str, url: Any, sealed_off: list[str]) -> None:
    header = {"alg": "HS256", "typ": "JWT", name: url}
    for _, verify in forge.ways(forge.jwk("HS256")):
        assert verify(forge.token(header))
    refused(forge.token(header, secret=b"x" * 32), InvalidSignature)
    assert sealed_off == []


@pytest.mark.parametrize("url", URLS[:6], ids=str)
@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_A12_wherever_it_stands(name: str, url: str, sealed_off: list[str]) -> None:
    """In an unprotected header, in one of an encrypted token, in a key and in a set."""
    key, box = forge.jwk("HS256"), JWK.generate("A256KW")
    signed = jws.sign_json(b"x", jws.Signer(key, {name: url}))
    beside = jws.sign_json(b"x", jws.Signer(key, unprotected={name: url}), flattened=True)
    for token in (signed, beside, json.dumps(signed)):
        assert jws.verify_json(token, key).payload == b"x"
        assert outcome(jws.verify_json, token, JWK.generate("HS256")) is InvalidSignature
    sealed = (
        jwe.encrypt_json(b"x", box, enc="A128GCM", header={name: url}),
        jwe.encrypt_json(b"x", box, enc="A128GCM", unprotected={name: url}),
    )
    for token in sealed:
        assert jwe.decrypt_json(token, box).plaintext == b"x"
    assert jwe.decrypt(jwe.encrypt(b"x", box, enc="A128GCM", header={name: url}), box).plaintext == b"x"
    members = {**forge.jwk("RS256").to_dict(), name: url}
    assert JWK.from_dict(members).to_dict() == forge.jwk("RS256").to_dict()
    assert len(JWKSet.from_dict({"keys": [members], name: url})) == 1
    assert sealed_off == []


STRANGE_KIDS = [
    "../../../../dev/null",
    "/etc/passwd",
    "' UNION SELECT 'secret' --",
    "|cat /etc/passwd",
    "a\0b",
    "a\r\nSet-Cookie: x",
    "${jndi:ldap://evil.example}",
    "",
    "k" * 1024,
]


@pytest.mark.parametrize("kid", STRANGE_KIDS, ids=lambda kid: ascii(kid)[:24])
def test_A13_a_kid_is_a_name_in_a_fixed_set(kid: str, sealed_off: list[str]) -> None:
    keys = JWKSet([JWK.from_secret(forge.SECRET, alg="HS256", kid="k1"), forge.jwk("RS256")])
    bad = forge.token({"alg": "HS256", "typ": "JWT", "kid": kid})
    refused(bad, UnknownKey, keys)
    with pytest.raises(UnknownKey) as raised:
        jws.verify(bad, keys)
    assert str(raised.value) == "no key of this verifier has the kid of the token"
    assert sealed_off == []


@pytest.mark.parametrize("kid", [5, None, True, ["k1"], {"k": 1}, "k" * 1025, "\u00e9" * 513, "k" * 6000])
def test_A13_a_kid_is_a_bounded_string(kid: Any) -> None:
    refused(forge.token({"alg": "HS256", "typ": "JWT", "kid": kid}), MalformedToken)


@pytest.mark.parametrize("text", ["/etc/hostname", "../../dev/null", "file:///etc/passwd", "key.pem", "k1"])
def test_A13_no_text_is_a_path(text: str, sealed_off: list[str]) -> None:
    """CVE-2021-41106: the path of a key file was taken for the secret, or for the file."""
    loads = (JWK.from_pem, JWK.from_der, JWK.from_x509, JWK.from_ssh, JWK.from_pkcs12)
    for load in loads:
        for given in (text.encode(), text):
            with pytest.raises((KeyFormatError, TypeError)):
                load(given, alg="RS256")  # type: ignore[operator]
    for read in (JWK.from_json, JWKSet.from_json):
        with pytest.raises(KeyFormatError):
            read(text)
    with pytest.raises(WeakKey):
        JWK.from_secret(text.encode(), alg="HS256")
    for verify in (jws.verify, jwt.verify):
        with pytest.raises(TypeError):
            verify(forge.token(), text)
    assert sealed_off == []


def test_A14_a_known_kid_does_not_vouch_for_an_embedded_key() -> None:
    theirs = forge.other_rsa_key()
    embedded = JWK.from_pem(forge.public_pem(theirs), alg="RS256", kid="RS256").to_dict()
    header = {"alg": "RS256", "typ": "JWT", "kid": "RS256", "jwk": embedded}
    refused(compact(header, forge.claims(), forge.pkcs1(theirs)), InvalidSignature, JWKSet([forge.jwk("RS256")]))


def test_A15_an_empty_hmac_key() -> None:
    with pytest.raises(WeakKey):
        JWK.from_secret(b"", alg="HS256")
    for k in ("", None, 5, [], b""):
        with pytest.raises(KeyFormatError):
            JWK.from_dict({"kty": "oct", "k": k, "alg": "HS256"})
    with pytest.raises(KeyFormatError):
        JWK.from_dict({"kty": "oct", "alg": "HS256"})
    for secret in (None, "", "a secret of more than thirty-two characters"):
        with pytest.raises(TypeError):
            JWK.from_secret(secret, alg="HS256")  # type: ignore[arg-type]


def test_A15_an_rsa_jwk_is_no_hmac_key() -> None:
    with pytest.raises(KeyFormatError):
        JWK.from_dict({**forge.jwk("RS256").to_dict(), "alg": "HS256"})
    refused(forge.token(secret=b""), InvalidSignature)


class Resolver:
    """Keys that somebody looks up, and sometimes does not find."""

    def __init__(self, found: Any) -> None:
        self.found: Any = [forge.jwk("HS256")]
        self.later, self.epoch = found, 1

    def signing_keys(self) -> Any:
        return self.found

    def verification_keys(self) -> Any:
        return self.found

    def reread(self) -> None:
        self.found, self.epoch = self.later, self.epoch + 1


@pytest.mark.parametrize("found", [None, "", b"", (), [], [None], [""], [b""]], ids=repr)
def test_A15_a_resolver_that_finds_nothing(found: Any) -> None:
    """CVE-2026-44351: what a resolver did not find became the empty secret. It is the caller's mistake, at once."""
    empty = forge.token({"alg": "HS256", "typ": "JWT", "kid": "k9"}, secret=b"")
    resolver = Resolver(found)
    verify = Verifier(resolver, issuer=forge.ISSUER, audience=forge.AUDIENCE, typ="JWT").verify
    assert verify(forge.token())["sub"] == "u1"
    with pytest.raises((TypeError, ConfigurationError)):  # a kid that nobody has: it looks again
        verify(empty)
    with pytest.raises((TypeError, ConfigurationError)):
        Verifier(resolver, issuer=forge.ISSUER, audience=forge.AUDIENCE, typ="JWT")


@pytest.mark.parametrize("alg, least", [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_A16_a_short_secret_is_refused_at_load(alg: str, least: int) -> None:
    for length in (1, least - 1):
        with pytest.raises(WeakKey):
            JWK.from_secret(b"\xa5" * length, alg=alg)
        with pytest.raises(WeakKey):
            JWK.from_dict({"kty": "oct", "k": b64u(b"\xa5" * length), "alg": alg})
        with pytest.raises(WeakKey):
            JWK.generate(alg, bits=8 * length)
    assert JWK.from_secret(b"\xa5" * least, alg=alg).alg == alg


def test_A16_a_short_secret_without_alg_verifies_nothing() -> None:
    short = JWK.from_dict({"kty": "oct", "k": b64u(b"\xa5" * 31)})
    with pytest.raises(UnsupportedToken):
        jws.verify(forge.token(secret=b"\xa5" * 31), short, algs=("HS256",))


def with_the_fingerprint_of_roca() -> int:
    """A modulus that is a power of 65537 modulo the primorial, as the broken chips made them."""
    primorial = 1
    for prime in (n for n in range(3, 168, 2) if all(n % k for k in range(3, n, 2))):
        primorial *= prime
    modulus = pow(65537, 1234, primorial) + primorial * (2**2047 // primorial + 1)
    return modulus if modulus % 2 else modulus + primorial


def rsa_members(n: int, e: int = 65537) -> dict[str, str]:
    return {
        "kty": "RSA",
        "n": b64u(n.to_bytes((n.bit_length() + 7) // 8, "big")),
        "e": b64u(e.to_bytes(max(1, (e.bit_length() + 7) // 8), "big")),
    }


@pytest.mark.parametrize(
    "n, e",
    [
        ((1 << 1023) + 1, 65537),
        ((1 << 2046) + 1, 65537),
        ((1 << 2047) + 1, 1),
        ((1 << 2047) + 1, 2),
        ((1 << 2047) + 1, 65536),
        ((1 << 2047) + 1, (1 << 64) + 1),
        ((1 << 2047) + 2, 65537),
        (with_the_fingerprint_of_roca(), 65537),
    ],
    ids=["1024 bits", "2047 bits", "e = 1", "e = 2", "e even", "e of 65 bits", "n even", "ROCA"],
)
def test_A16_a_weak_rsa_key_is_refused_at_load(n: int, e: int) -> None:
    with pytest.raises(WeakKey):
        JWK.from_dict(rsa_members(n, e), alg="RS256")


def test_A16_a_huge_rsa_key_is_refused_at_load() -> None:
    with pytest.raises(KeyFormatError):
        JWK.from_dict(rsa_members((1 << 16_384) + 1), alg="RS256")


def test_A16_a_weak_rsa_key_in_pem_is_refused_at_load() -> None:
    with pytest.raises(WeakKey):
        JWK.from_pem(forge.public_pem(forge.rsa_key(1024)), alg="RS256")
    with pytest.raises(WeakKey):
        JWK.generate("RS256", bits=1024)


def test_A17_a_private_key_verifies_with_its_public_half() -> None:
    for alg in ("RS256", "ES256", "EdDSA"):
        private = JWK.generate(alg)
        made = jwt.sign({"sub": "u1"}, private)
        assert jwt.verify(made, private) == jwt.verify(made, private.public())
        touched = made[:-6] + ("A" if made[-6] != "A" else "B") + made[-5:]
        with pytest.raises(InvalidSignature):
            jwt.verify(touched, private)


def test_A18_a_kid_stands_once_for_one_type() -> None:
    one, other = (JWK.from_secret(bytes([n]) * 32, alg="HS256", kid="k") for n in (1, 2))
    private = JWK.generate("RS256", kid="k")
    for keys in ([one, other], [one, one], [private, private.public()], [private, forge_named("k")]):
        with pytest.raises(KeyFormatError):
            JWKSet(keys)
        with pytest.raises(KeyFormatError):
            JWKSet.from_dict({"keys": [key.to_dict(private=key.is_private) for key in keys]})


def forge_named(kid: str) -> JWK:
    return JWK.from_pem(forge.public_pem(forge.rsa_key()), alg="RS256", kid=kid)


def test_A18_one_kid_over_two_types_keeps_each_key_to_its_algorithm() -> None:
    """RFC 7520 4.8 shares a kid over RSA and EC."""
    symmetric = JWK.from_secret(forge.SECRET, alg="HS256", kid="k")
    keys = JWKSet([symmetric, forge_named("k")])
    header = {"alg": "HS256", "typ": "JWT", "kid": "k"}
    assert jwt.verify(forge.token(header), keys, policy=POLICY)["sub"] == "u1"
    with_public_key = forge.token(header, secret=forge.public_pem(forge.rsa_key()))
    refused(with_public_key, InvalidSignature, keys)
    refused(compact({**header, "alg": "ES256"}, forge.claims(), lambda _: bytes(64)), UnsupportedToken, keys)


def test_A18_a_token_without_kid_needs_exactly_one_key() -> None:
    keys = JWKSet([JWK.from_secret(bytes([n]) * 32, alg="HS256", kid=str(n)) for n in (1, 2)])
    refused(forge.token(secret=b"\1" * 32), UnknownKey, keys)


def test_A19_no_function_of_the_token_gives_the_key() -> None:
    for verify in (jws.verify, jwt.verify):
        with pytest.raises(TypeError):
            verify(forge.token(), lambda header: forge.jwk("HS256"))
    with pytest.raises(TypeError):
        Verifier(lambda header: forge.jwk("HS256"), issuer="i", audience="a")  # type: ignore[arg-type]


@pytest.mark.parametrize("alg", ["hs256", "Hs256", "HS256 ", " HS256", "HS256\0", "HS-256", "SHA256", "HS2566", "HMAC"])
def test_A20_the_name_of_an_algorithm_is_exact(alg: str) -> None:
    refused(forge.token({"alg": alg, "typ": "JWT"}), UnsupportedToken)
    with pytest.raises(ConfigurationError):
        jws.verify(forge.token(), forge.jwk("HS256"), algs=(alg,))
    with pytest.raises(ConfigurationError):
        JWK.generate(alg)


@pytest.mark.parametrize("alg", ["ES521", "es521", "es512", "eddsa", "ED25519"])
def test_A20_an_alias_is_no_algorithm(alg: str) -> None:
    key = forge.jwk("ES512")
    refused(compact({"alg": alg, "typ": "JWT"}, forge.claims(), lambda _: bytes(132)), UnsupportedToken, key)
    with pytest.raises(KeyFormatError):
        JWK.from_dict({**key.to_dict(), "alg": alg})


def test_A20_a_pem_serves_its_own_family() -> None:
    with pytest.raises(KeyFormatError):
        JWK.from_pem(forge.public_pem(forge.rsa_key()), alg="HS256")
    with pytest.raises(KeyFormatError):
        JWK.from_pem(forge.public_pem(forge.rsa_key()), alg="ES256")
