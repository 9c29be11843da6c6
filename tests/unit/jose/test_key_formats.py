"""Keys as PEM, DER, OpenSSH lines and JSON: every form is read, and what is another form is told what it is."""

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)

from daypass.errors import ConfigurationError, KeyFormatError, WeakKey
from daypass.jose.der import parsed
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import KEY_DERIVATION_COUNT_MAX, KEY_SET_BYTES_MAX, KEY_TEXT_BYTES_MAX
from tests.der import der, number, pbes1, pbkdf2, scrypt
from tests.security import forge
from tests.unit.jose.certificates import certificate_for

KINDS = [
    *(("RS256", None), ("RSA-OAEP", None), ("ES256", None), ("ES384", None), ("ES512", None), ("ES256K", None)),
    *(("EdDSA", "Ed25519"), ("EdDSA", "Ed448"), ("ECDH-ES", "P-256"), ("ECDH-ES", "X25519"), ("ECDH-ES", "X448")),
    *(("ML-DSA-44", None), ("ML-DSA-65", None), ("ML-DSA-87", None)),
]
EVERY_KIND = pytest.mark.parametrize("alg, crv", KINDS, ids=[f"{alg}-{crv}" if crv else alg for alg, crv in KINDS])
PASSWORD = b"open sesame"
RSA_OR_EC = ("RS256", "ES256", "ES384", "ES512", "ES256K")


@cache
def key_of(alg: str, crv: str | None = None) -> JWK:
    return JWK.generate(alg, crv=crv)


@cache
def object_of(alg: str) -> Any:
    return load_pem_private_key(key_of(alg).to_pem(private=True), None)


def pem_of(label: str, der: bytes) -> bytes:
    lines = base64.encodebytes(der).decode().replace("\n", "")
    wrapped = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return f"-----BEGIN {label}-----\n{wrapped}\n-----END {label}-----\n".encode()


def refused(load: Callable[[], object], *words: str) -> None:
    with pytest.raises(KeyFormatError) as raised:
        load()
    for word in words:
        assert word in str(raised.value), raised.value


# ---------------------------------------------------------------------------------------------- what is read


@EVERY_KIND
def test_pem_and_der_come_back_as_they_were(alg: str, crv: str | None) -> None:
    key = key_of(alg, crv)
    for write, load in ((key.to_pem, JWK.from_pem), (key.to_der, JWK.from_der)):
        public = load(write(), alg=alg)
        assert (public.to_dict(), public.is_private, public.kid) == (key.to_dict(), False, key.thumbprint())
        private = load(write(private=True), alg=alg)
        assert private.to_dict(private=True) == key.to_dict(private=True)
        assert private.kid == key.thumbprint()
        locked = write(private=True, password=PASSWORD)
        assert load(locked, alg=alg, password=PASSWORD).to_dict(private=True) == key.to_dict(private=True)
        assert load(write(), alg=alg, kid="mine").kid == "mine"
    assert key.to_pem().startswith(b"-----BEGIN PUBLIC KEY-----\n")
    assert key.to_pem(private=True).startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert key.to_pem(private=True, password=PASSWORD).startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert pem_of("PUBLIC KEY", key.to_der()) == key.to_pem()
    assert pem_of("PRIVATE KEY", key.to_der(private=True)) == key.to_pem(private=True)


@EVERY_KIND
def test_whatever_holds_the_bytes_and_however_the_lines_end(alg: str, crv: str | None) -> None:
    key = key_of(alg, crv)
    pem, der = key.to_pem(private=True), key.to_der(private=True)
    pems: list[Any] = [pem, pem.decode(), bytearray(pem), memoryview(pem), pem.replace(b"\n", b"\r\n"), pem.rstrip()]
    pems += [b"# a comment: C:\\new, PRIVATE KEY, 4,ENCRYPTED\n\n" + pem, b"\xef\xbb\xbf" + pem, pem + b"\n\n# end\n"]
    for one in pems:
        assert JWK.from_pem(one, alg=alg).to_dict(private=True) == key.to_dict(private=True)
    for other in (der, bytearray(der), memoryview(der)):
        assert JWK.from_der(other, alg=alg).to_dict(private=True) == key.to_dict(private=True)
    locked = key.to_pem(private=True, password=PASSWORD)
    for one in (locked.decode(), locked.replace(b"\n", b"\r\n"), b"comment\n" + locked):
        assert JWK.from_pem(one, alg=alg, password=PASSWORD).is_private


@pytest.mark.parametrize("alg", RSA_OR_EC)
def test_the_older_forms(alg: str) -> None:
    """PKCS #1 and SEC1, in the clear and as OpenSSL of old encrypts them; parameters of the curve before the key."""
    inner, members = object_of(alg), key_of(alg).to_dict(private=True)
    old = inner.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert old.startswith((b"-----BEGIN RSA PRIVATE KEY-----", b"-----BEGIN EC PRIVATE KEY-----"))
    assert JWK.from_pem(old, alg=alg).to_dict(private=True) == members
    der = inner.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert JWK.from_der(der, alg=alg).to_dict(private=True) == members
    locked = inner.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(PASSWORD))
    assert b"Proc-Type: 4,ENCRYPTED" in locked
    assert JWK.from_pem(locked, alg=alg, password=PASSWORD).to_dict(private=True) == members
    refused(lambda: JWK.from_pem(locked, alg=alg), "encrypted", "pass its password")
    refused(lambda: JWK.from_pem(locked, alg=alg, password=b"x"), "password is another")
    if alg == "RS256":
        for encoding, load in ((Encoding.PEM, JWK.from_pem), (Encoding.DER, JWK.from_der)):
            data = inner.public_key().public_bytes(encoding, PublicFormat.PKCS1)
            assert load(data, alg=alg).to_dict() == key_of(alg).to_dict()
    else:
        parameters = pem_of("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))
        assert JWK.from_pem(parameters + old, alg=alg).to_dict(private=True) == members
        assert JWK.from_pem(old + parameters, alg=alg).to_dict(private=True) == members


def test_a_compressed_point_is_written_whole() -> None:
    public = object_of("ES256").public_key()
    spki = key_of("ES256").to_der()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    short = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    head = spki.removesuffix(b"\x03\x42\x00" + point)
    der = b"\x30\x39" + head[2:] + b"\x03\x22\x00" + short
    assert JWK.from_der(der, alg="ES256").to_der() == spki


# ------------------------------------------------------------------------------------------------- passwords


@pytest.mark.parametrize("form", ["pem", "der"])
def test_a_password(form: str) -> None:
    key = key_of("ES256")
    write, load = (key.to_pem, JWK.from_pem) if form == "pem" else (key.to_der, JWK.from_der)
    locked, clear, public = write(private=True, password=PASSWORD), write(private=True), write()
    refused(lambda: load(locked, alg="ES256"), "encrypted: pass its password")
    for wrong in (b"x", PASSWORD + b"\n", b""):
        refused(lambda wrong=wrong: load(locked, alg="ES256", password=wrong), "password is another")
    for open_key in (clear, public):
        for password in (PASSWORD, b""):
            refused(lambda it=open_key, password=password: load(it, alg="ES256", password=password), "not encrypted")
    for kind in ("open sesame", bytearray(PASSWORD), 5, ["x"]):
        with pytest.raises(TypeError, match="a password is bytes"):
            load(locked, alg="ES256", password=kind)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        write(private=True, password="text")  # type: ignore[arg-type]


COSTLY = {
    "one round too many": pbkdf2(KEY_DERIVATION_COUNT_MAX + 1),
    "two billion": pbkdf2(2**31 - 1),
    "beyond an int": pbkdf2(2**31),
    "beyond a long": pbkdf2(2**64 - 1),
    "with a length": pbkdf2(2**31, number(16)),
    "PKCS #12": pbes1(2**31),
    "scrypt, n": scrypt(2**30, 8, 1),
    "scrypt, r": scrypt(16, 2**28, 1),
    "scrypt, p": scrypt(2**14, 8, 2**14),
    "scrypt, a gigabyte": scrypt(2**20, 8, 1),
}


@pytest.mark.parametrize("what", COSTLY)
def test_a_password_is_not_worked_on_for_minutes(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """ATTACKS E06 for files: beyond 31 bits the parser panics, with what is no Exception."""
    asked: list[str] = []
    for name in ("load_der_private_key", "load_pem_private_key"):
        monkeypatch.setattr(serialization, name, lambda *_, name=name: asked.append(name))
    data = COSTLY[what]
    refused(lambda: JWK.from_der(data, alg="ES256", password=PASSWORD), "rounds", "encrypt it anew")
    pem = pem_of("ENCRYPTED PRIVATE KEY", data)
    refused(lambda: JWK.from_pem(pem, alg="ES256", password=PASSWORD), "rounds", "encrypt it anew")
    refused(lambda: JWK.from_der(data, alg="ES256"), "pass its password")
    assert asked == []


@pytest.mark.parametrize(
    "said",
    [
        "AES-256-CBC,D233FC89803D2DA2C5869440C9D64D",
        "AES-128-CBC,",
        "DES-EDE3-CBC,D233FC89803D2D",
        "DES-CBC,D233FC89803D2DA2",
        "AES-192-CBC,D233FC89803D2DA2C5869440C9D64D00",
        "AES-256-CBC",
        "AES-256-GCM,D233FC89803D2DA2C5869440C9D64D00",
        "CAMELLIA-128-CBC,D233FC89803D2DA2C5869440C9D64D00",
    ],
)
def test_a_pem_of_old_with_a_cipher_that_is_none(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a short initialization vector the parser panics, and prints what it was doing."""
    asked: list[str] = []
    monkeypatch.setattr(serialization, "load_pem_private_key", lambda *_: asked.append("parsed"))
    head = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: {said}\n\n".encode()
    for label in (b"EC PRIVATE KEY", b"RSA PRIVATE KEY"):
        pem = (
            b"-----BEGIN "
            + label
            + b"-----\n"
            + head
            + base64.b64encode(bytes(48))
            + b"\n-----END "
            + label
            + b"-----\n"
        )
        for text in (pem, pem.replace(b"\n", b"\r\n")):
            refused(lambda text=text: JWK.from_pem(text, alg="ES256", password=PASSWORD), "not supported", "anew")
    assert asked == []


def test_a_panic_of_the_parser_is_a_refusal() -> None:
    """What it raises is no Exception: it would end a service, or be taken for an exit."""

    class PanicException(BaseException):
        pass

    def raising(error: BaseException) -> Callable[[bytes], object]:
        def load(_: bytes) -> object:
            raise error

        return load

    assert parsed(raising(PanicException()), b"") is None
    assert parsed(raising(NotImplementedError()), b"") is None
    for error in (KeyboardInterrupt(), SystemExit()):
        with pytest.raises(type(error)):
            parsed(raising(error), b"")


def test_an_honest_number_of_rounds() -> None:
    for data in (pbkdf2(2048), pbkdf2(1_000_000), pbes1(2048), scrypt(2**14, 8, 1), scrypt(2**16, 8, 1)):
        refused(lambda data=data: JWK.from_der(data, alg="ES256", password=PASSWORD), "password is another")


# ------------------------------------------------------------------------------------- what is something else


@cache
def other_things() -> dict[str, bytes]:
    """Texts that are no key in PEM or DER, by what they are."""
    inner = object_of("ES256")
    certificate = certificate_for(inner)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(inner, hashes.SHA256())
    store = pkcs12.serialize_key_and_certificates(b"me", inner, certificate, None, BestAvailableEncryption(b"pw"))
    bag = pkcs7.serialize_certificates([certificate], Encoding.DER)
    openssh = inner.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    pem = key_of("ES256").to_pem(private=True)
    unarmoured = b"".join(pem.splitlines()[1:-1])
    return {
        "certificate": certificate.public_bytes(Encoding.PEM),
        "certificate, DER": certificate.public_bytes(Encoding.DER),
        "trusted certificate": pem_of("TRUSTED CERTIFICATE", certificate.public_bytes(Encoding.DER)),
        "request": request.public_bytes(Encoding.PEM),
        "request, DER": request.public_bytes(Encoding.DER),
        "new request": pem_of("NEW CERTIFICATE REQUEST", request.public_bytes(Encoding.DER)),
        "PKCS #12": store,
        "PKCS #7": pem_of("PKCS7", bag),
        "PKCS #7, DER": bag,
        "OpenSSH private": openssh,
        "OpenSSH public": inner.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" me@host\n",
        "RFC 4716": b'---- BEGIN SSH2 PUBLIC KEY ----\nComment: "me"\nAAAA\n---- END SSH2 PUBLIC KEY ----\n',
        "PuTTY": b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
        "escaped": pem.replace(b"\n", b"\\n"),
        "escaped, Windows": pem.replace(b"\n", b"\\r\\n"),
        "JWK": json.dumps(key_of("ES256").to_dict()).encode(),
        "JWK Set": json.dumps({"keys": [key_of("ES256").to_dict()]}, indent=1).encode(),
        "list": json.dumps([key_of("ES256").to_dict()]).encode(),
        "base64": unarmoured,
        "base64, lines": b"\n".join(pem.splitlines()[1:-1]),
        "PEM": pem,
        "DER": key_of("ES256").to_der(),
        "empty": b"",
        "white space": b" \r\n\t\n",
        "byte order mark": b"\xef\xbb\xbf",
        "UTF-16": pem.decode().encode("utf-16"),
        "a secret": b"correct horse battery staple, 32",
        "two keys": pem + key_of("ES256").to_pem(),
        "key and certificate": pem + certificate.public_bytes(Encoding.PEM),
        "certificate and key": certificate.public_bytes(Encoding.PEM) + pem,
        "parameters": pem_of("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107")),
        "CRL": pem_of("X509 CRL", b"\x30\x00"),
        "PGP": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "broken BEGIN": pem.replace(b"KEY-----\n", b"KEY----\n", 1),
        "a second BEGIN": pem + b"-----BEGIN",
    }


WHAT_IT_IS = {
    "certificate": ("certificate", "JWK.from_x509"),
    "certificate, DER": ("certificate", "JWK.from_x509"),
    "trusted certificate": ("certificate", "openssl x509"),
    "request": ("certificate request",),
    "request, DER": ("certificate request",),
    "new request": ("certificate request",),
    "PKCS #12": ("PKCS #12", "openssl pkcs12"),
    "PKCS #7": ("PKCS #7", "openssl pkcs7"),
    "PKCS #7, DER": ("PKCS #7", "openssl pkcs7"),
    "OpenSSH private": ("private key in the form of OpenSSH", "ssh-keygen -p -m PKCS8"),
    "OpenSSH public": ("OpenSSH public key", "JWK.from_ssh"),
    "RFC 4716": ("RFC 4716", "ssh-keygen -i"),
    "PuTTY": ("PuTTY", "puttygen"),
    "escaped": ("escaped newlines",),
    "escaped, Windows": ("escaped newlines",),
    "JWK": ("JSON", "JWK.from_json"),
    "JWK Set": ("JSON", "JWKSet.from_json"),
    "list": ("JSON list", "JWKSet.from_dict"),
    "base64": ("base64 of DER", "JWK.from_der(base64.b64decode"),
    "base64, lines": ("base64 of DER", "JWK.from_der(base64.b64decode"),
    "empty": ("empty",),
    "white space": ("empty",),
    "byte order mark": ("empty",),
    "UTF-16": ("UTF-16", "UTF-8"),
    "a secret": ("no -----BEGIN line", "JWK.from_secret"),
    "two keys": ("more than one key",),
    "key and certificate": ("certificate beside a key",),
    "certificate and key": ("certificate beside a key",),
    "parameters": ("parameters of a curve",),
    "CRL": ("revoked",),
    "PGP": ("of no key that JOSE knows",),
    "broken BEGIN": ("-----BEGIN line", "broken"),
    "a second BEGIN": ("-----BEGIN line", "broken"),
}


@pytest.mark.parametrize("what", WHAT_IT_IS)
@pytest.mark.parametrize("password", [None, PASSWORD], ids=["", "password"])
def test_what_is_no_pem_of_a_key_is_told_what_it_is(what: str, password: bytes | None) -> None:
    data = other_things()[what]
    refused(lambda: JWK.from_pem(data, alg="ES256", password=password), *WHAT_IT_IS[what])
    if data.isascii():
        refused(lambda: JWK.from_pem(data.decode(), alg="ES256", password=password), *WHAT_IT_IS[what])


@pytest.mark.parametrize("what", [*WHAT_IT_IS, "PEM"])
def test_what_is_no_der_of_a_key_is_told_what_it_is(what: str) -> None:
    data = other_things()[what]
    words = WHAT_IT_IS.get(what, ("this is a key in PEM", "JWK.from_pem"))
    refused(lambda: JWK.from_der(data, alg="ES256"), *words)
    if data.isascii():
        refused(lambda: JWK.from_der(data.decode(), alg="ES256"), *words)  # type: ignore[arg-type]


def test_der_given_to_from_pem() -> None:
    refused(lambda: JWK.from_pem(other_things()["DER"], alg="ES256"), "DER", "JWK.from_der")
    refused(lambda: JWK.from_pem(key_of("RS256").to_der(private=True), alg="RS256"), "DER", "JWK.from_der")


@pytest.mark.parametrize("what", [*WHAT_IT_IS, "PEM", "DER"])
def test_what_is_no_line_of_openssh_is_told_what_it_is(what: str) -> None:
    if what == "OpenSSH public":
        return
    words = WHAT_IT_IS.get(what, ("JWK.from_pem" if what == "PEM" else "JWK.from_der",))
    refused(lambda: JWK.from_ssh(other_things()[what], alg="ES256"), "no OpenSSH public key", *words)


@pytest.mark.parametrize("loader", [JWK.from_json, JWKSet.from_json], ids=["JWK", "JWKSet"])
@pytest.mark.parametrize("what", [*WHAT_IT_IS, "PEM", "DER"])
def test_what_is_no_json_is_told_what_it_is(what: str, loader: Callable[[Any], object]) -> None:
    if what in ("JWK", "JWK Set"):
        return
    words = WHAT_IT_IS.get(what, ("JWK.from_pem" if what == "PEM" else "JWK.from_der",))
    refused(lambda: loader(other_things()[what]), "not a strict JSON object", *words)


def test_json_of_the_other_form() -> None:
    one, several = other_things()["JWK"], other_things()["JWK Set"]
    for text in (several, several.decode()):
        refused(lambda text=text: JWK.from_json(text), "JWK Set", "JWKSet.from_json")
    refused(lambda: JWK.from_dict(json.loads(several)), "JWK Set", "JWKSet.from_dict")
    for text in (one, one.decode()):
        refused(lambda text=text: JWKSet.from_json(text), "single JWK", "JWK.from_dict")
    refused(lambda: JWKSet.from_dict(json.loads(one)), "single JWK", "JWKSet([key])")
    refused(lambda: JWK.from_dict(one.decode()), "JWK.from_json")  # type: ignore[arg-type]
    for wrong in (one.decode(), [json.loads(one)], None, [key_of("ES256")]):
        refused(lambda wrong=wrong: JWKSet.from_dict(wrong), "list 'keys'", "JWKSet.from_json", "JWKSet(keys)")
    for wrong in ({}, {"keys": None}, {"keys": {}}, {"Keys": []}):
        refused(lambda wrong=wrong: JWKSet.from_dict(wrong), "list 'keys'")


@pytest.mark.parametrize(
    "text",
    [
        b'{"kty":"oct","k":"AAAA","k":"AAAA"}',
        b'{"kty":"oct","kty":"oct","k":"AAAA"}',
        b'{"kty":"oct","k":"AAAA","x":{"a":1,"a":2}}',
        b'{"kty":"oct","k":"AAAA"',
        b'{"kty":"oct","k":"AAAA"} {}',
        b"{'kty':'oct','k':'AAAA'}",
        b'{"kty":"oct","k":"AAAA","x":NaN}',
        b'{"kty":"oct","k":"AAAA","x":"\xff"}',
        b'{"kty":"oct","k":"AAAA","x":"\\ud800"}',
        b'{"kty":"oct","k":"AAAA","x":' + b"[" * 50_000,
    ],
    ids=lambda text: text[22:40].decode("latin-1"),
)
def test_json_is_strict(text: bytes) -> None:
    refused(lambda: JWK.from_json(text), "not a strict JSON object", "a member stands twice")
    refused(lambda: JWKSet.from_json(b'{"keys":[' + text + b"]}"), "not a strict JSON object")


def test_json_is_bounded() -> None:
    members = key_of("ES256").to_dict()
    longest = json.dumps(members | {"x5u": "x" * (KEY_TEXT_BYTES_MAX - len(json.dumps(members | {"x5u": ""})))})
    assert len(longest) == KEY_TEXT_BYTES_MAX
    assert JWK.from_json(longest).kid == members["kid"]
    refused(lambda: JWK.from_json(longest + " "), str(KEY_TEXT_BYTES_MAX))
    refused(lambda: JWKSet.from_json(b" " * (KEY_SET_BYTES_MAX + 1)), str(KEY_SET_BYTES_MAX))
    assert JWK.from_json(f"\n {json.dumps(members, indent=4)}\n").to_dict() == members


def test_another_type_is_a_mistake_of_the_caller() -> None:
    for wrong in (None, 5, 10**12, ["x"], {"kty": "oct"}, key_of("ES256"), object_of("ES256")):
        for load in (JWK.from_pem, JWK.from_der, JWK.from_ssh, JWK.from_x509):
            with pytest.raises(TypeError, match="a key is bytes or str"):
                load(wrong, alg="ES256")
        for loader in (JWK.from_json, JWKSet.from_json):
            with pytest.raises(TypeError, match="from_dict takes a dict"):
                loader(wrong)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------- keys of other kinds


@cache
def foreign_keys() -> dict[str, Any]:
    return {
        "DSA": dsa.generate_private_key(2048),
        "P-224": ec.generate_private_key(ec.SECP224R1()),
        "brainpool": ec.generate_private_key(ec.BrainpoolP256R1()),
    }


@pytest.mark.parametrize("kind", ["DSA", "P-224", "brainpool"])
def test_a_key_that_jose_does_not_know(kind: str) -> None:
    inner = foreign_keys()[kind]
    word = "DSA" if kind == "DSA" else "not supported"
    private = inner.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    locked = inner.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))
    public = inner.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for alg in ("ES256", "RS256", "EdDSA"):
        for label, data in (("PRIVATE KEY", private), ("PUBLIC KEY", public)):
            refused(lambda data=data, alg=alg: JWK.from_der(data, alg=alg), word)
            refused(lambda data=data, label=label, alg=alg: JWK.from_pem(pem_of(label, data), alg=alg), word)
        refused(lambda alg=alg: JWK.from_der(locked, alg=alg, password=PASSWORD), "not supported")
    if kind == "DSA":
        old = inner.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        refused(lambda: JWK.from_pem(old, alg="ES256"), "DSA")


DH = bytes.fromhex("06092a864886f70d010301")
DH_PRIVATE = der(
    0x30, number(0), der(0x30, DH, der(0x30, number(2**521 - 1), number(2))), der(0x04, number(2**300 + 1))
)


def test_a_diffie_hellman_key_is_told_from_its_identifier() -> None:
    """Loading it warns, so it is not loaded."""
    for data in (DH_PRIVATE, DH_PRIVATE.replace(DH, bytes.fromhex("06072a8648ce3e0201"))):
        refused(lambda data=data: JWK.from_der(data, alg="ECDH-ES"), "Diffie-Hellman")
        refused(lambda data=data: JWK.from_pem(pem_of("PRIVATE KEY", data), alg="ECDH-ES"), "Diffie-Hellman")
        refused(lambda data=data: JWK.from_secret(data, alg="HS256"), "DER key")


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA", "ML-DSA-44"])
@pytest.mark.parametrize("private", [True, False], ids=["private", "public"])
def test_damaged_der(alg: str, private: bool) -> None:
    whole = key_of(alg).to_der(private=private)
    for damaged in (whole[:-1], whole[: len(whole) // 2], whole[:2], whole[:1], whole + b"\0", whole + whole, b"0\0"):
        refused(lambda damaged=damaged: JWK.from_der(damaged, alg=alg), "DER")
    label = "PRIVATE KEY" if private else "PUBLIC KEY"
    for damaged in (whole[:-1], whole[: len(whole) // 2], whole + b"\0", b"", b"0\0"):
        refused(lambda damaged=damaged: JWK.from_pem(pem_of(label, damaged), alg=alg), "cannot be read")
    pem = pem_of(label, whole)
    for text in (pem[:-30], pem.replace(b"\nM", b"\n!"), pem.replace(b"-----END", b"-----end")):
        refused(lambda text=text: JWK.from_pem(text, alg=alg), "cannot be read")
    for other in {"PUBLIC KEY", "RSA PUBLIC KEY", "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"} - {label}:
        if (label, other) == ("PUBLIC KEY", "RSA PUBLIC KEY"):
            continue  # the parser takes either form under either name
        refused(lambda other=other: JWK.from_pem(pem_of(other, whole), alg=alg), "cannot be read")
    refused(lambda: JWK.from_pem(pem_of("ENCRYPTED PRIVATE KEY", whole), alg=alg, password=b"x"), "cannot be read")


def test_the_halves_of_a_pem_belong_together() -> None:
    """ATTACKS B11, in DER."""
    mine, other = key_of("ES256"), JWK.generate("ES256")
    points = [b"\4" + forge.unb64u(key.to_dict()["x"]) + forge.unb64u(key.to_dict()["y"]) for key in (mine, other)]
    assert mine.to_der(private=True).count(points[0]) == 1
    mixed = mine.to_der(private=True).replace(*points)
    refused(lambda: JWK.from_der(mixed, alg="ES256"), "cannot be read")
    refused(lambda: JWK.from_der(mine.to_der().replace(points[0][-8:], bytes(8)), alg="ES256"), "cannot be read")


def test_a_weak_key_is_refused_in_every_form() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    for encoding, load in ((Encoding.PEM, JWK.from_pem), (Encoding.DER, JWK.from_der)):
        for data in (
            weak.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption()),
            weak.private_bytes(encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
            weak.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo),
            weak.public_key().public_bytes(encoding, PublicFormat.PKCS1),
        ):
            with pytest.raises(WeakKey, match="2048"):
                load(data, alg="RS256")
    for data in (certificate_for(weak).public_bytes(Encoding.PEM), certificate_for(weak).public_bytes(Encoding.DER)):
        with pytest.raises(WeakKey, match="2048"):
            JWK.from_x509(data, alg="RS256")
    line = weak.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    with pytest.raises(WeakKey, match="2048"):
        JWK.from_ssh(line, alg="RS256")


@pytest.mark.parametrize(
    "crv, x", [("X25519", bytes(32)), ("X25519", b"\xec" + b"\xff" * 30 + b"\x7f"), ("X448", bytes(56))]
)
def test_a_point_of_small_order_in_der(crv: str, x: bytes) -> None:
    honest = key_of("ECDH-ES", crv)
    data = honest.to_der().replace(forge.unb64u(honest.to_dict()["x"]), x)
    refused(lambda: JWK.from_der(data, alg="ECDH-ES"), "small order", crv)
    refused(lambda: JWK.from_pem(pem_of("PUBLIC KEY", data), alg="ECDH-ES"), "small order", crv)


@EVERY_KIND
def test_a_key_for_another_algorithm(alg: str, crv: str | None) -> None:
    for wrong in ("HS256", "A128KW", "dir", "A128GCM", "ES384" if alg != "ES384" else "ES256", "PBES2-HS256+A128KW"):
        refused(lambda wrong=wrong: JWK.from_pem(key_of(alg, crv).to_pem(), alg=wrong), wrong, "takes a key of type")
        refused(lambda wrong=wrong: JWK.from_der(key_of(alg, crv).to_der(private=True), alg=wrong), wrong)


@pytest.mark.parametrize("alg", ["none", "", "FOO", "es256", "ES256 ", None, 5, ["ES256"], b"ES256"])
def test_an_algorithm_that_does_not_exist(alg: Any) -> None:
    """A key that nobody could use is refused when it is loaded, not when the first token comes."""
    key = key_of("ES256")
    line = object_of("ES256").public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    certificate = certificate_for(object_of("ES256")).public_bytes(Encoding.PEM)
    for load, data in (
        (JWK.from_pem, key.to_pem()),
        (JWK.from_der, key.to_der()),
        (JWK.from_ssh, line),
        (JWK.from_x509, certificate),
    ):
        with pytest.raises(ConfigurationError, match="expected one of"):
            load(data, alg=alg)
    if alg is not None:
        members = {name: value for name, value in key.to_dict().items() if name != "alg"}
        with pytest.raises(ConfigurationError, match="expected one of"):
            JWK.from_dict(members, alg=alg)


# --------------------------------------------------------------------------------------------------- OpenSSH


def ssh_line(inner: Any) -> bytes:
    return inner.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


SSH_ALGS = ["RS256", "ES256", "ES384", "ES512", "EdDSA"]


@pytest.mark.parametrize("alg", SSH_ALGS)
def test_a_line_of_openssh(alg: str) -> None:
    line = ssh_line(object_of(alg) if alg != "EdDSA" else object_of("EdDSA"))
    for text in (
        line,
        line.decode(),
        line + b" me@host\n",
        b"\n " + line + b" a comment, \xc3\xa9\r\n",
        bytearray(line),
    ):
        key = JWK.from_ssh(text, alg=alg)
        assert key.to_dict() == key_of(alg).to_dict()
        assert (key.is_private, key.kid) == (False, key_of(alg).thumbprint())
    assert JWK.from_ssh(line, alg=alg, kid="mine").kid == "mine"


@pytest.mark.parametrize("alg", SSH_ALGS)
def test_a_line_of_openssh_that_is_no_plain_public_key(alg: str) -> None:
    line = ssh_line(object_of(alg))
    kind, _, text = line.partition(b" ")
    for data, word in (
        (line + b"\n" + line, "several lines"),
        (b"# my keys\n" + line, "several lines"),
        (b'no-pty,command="ls" ' + line, "before the key"),
        (b"host.example " + line, "before the key"),
        (kind + b"-cert-v01@openssh.com " + text, "OpenSSH certificate"),
        (line[:-10], "cut short"),
        (kind + b" ", "no OpenSSH public key" if kind.startswith(b"ssh") else "cut short"),
        (kind, "no OpenSSH public key" if kind.startswith(b"ssh") else "cut short"),
        (kind + b" " + text.replace(b"AAAA", b"!!!!", 1), "cut short"),
        (b"ssh-ed25519 " + ssh_line(object_of("ES256")).partition(b" ")[2], "cut short"),
        (b"ecdsa-sha2-nistp224 " + text, "not supported"),
        (b"ssh-dss " + text, "not supported"),
    ):
        refused(lambda data=data: JWK.from_ssh(data, alg=alg), word)


def sk_line(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(len(part).to_bytes(4, "big") + part for part in (kind, *parts, b"ssh:"))
    return kind + b" " + base64.b64encode(body)


def test_a_key_on_a_security_key_is_refused() -> None:
    """What it signs is no plain signature: the parser would read it as a plain key."""
    ed = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    point = object_of("ES256").public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    for line in (
        sk_line(b"sk-ssh-ed25519@openssh.com", ed),
        sk_line(b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", point),
    ):
        for alg in ("EdDSA", "ES256"):
            refused(lambda line=line, alg=alg: JWK.from_ssh(line, alg=alg), "security key")


def test_a_compressed_point_in_a_line_of_openssh() -> None:
    """The parser has an error of its own for it."""
    point = object_of("ES256").public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    body = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ecdsa-sha2-nistp256", b"nistp256", point))
    refused(lambda: JWK.from_ssh(b"ecdsa-sha2-nistp256 " + base64.b64encode(body), alg="ES256"), "cut short")


def test_a_text_is_bounded() -> None:
    pem = key_of("ES256").to_pem()
    padded = pem + b"#" * (KEY_TEXT_BYTES_MAX - len(pem))
    assert JWK.from_pem(padded, alg="ES256").kid == key_of("ES256").kid
    for load in (JWK.from_pem, JWK.from_der, JWK.from_ssh, JWK.from_x509):
        for data in (padded + b"#", "\u00e9" * (KEY_TEXT_BYTES_MAX // 2 + 1)):
            refused(lambda load=load, data=data: load(data, alg="ES256"), "longer")


def test_der_may_end_in_what_looks_like_white_space() -> None:
    """Its last octet is 0x0a; without that it would not be DER any more."""
    der = bytes.fromhex("3008020103300304010a")
    for load in (lambda: JWK.from_json(der), lambda: JWK.from_ssh(der, alg="EdDSA"), lambda: JWKSet.from_json(der)):
        with pytest.raises(KeyFormatError, match="PKCS #12"):
            load()
