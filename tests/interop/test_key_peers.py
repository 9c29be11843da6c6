"""Keys travel: JWK, JWK Set, PEM, DER, thumbprints, certificates, OpenSSH lines, to other programs and back."""

import json
import shutil
import subprocess
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import joserfc.jwk
import jwcrypto.jwk
import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from daypass import jwe, jws
from daypass.errors import KeyFormatError, WeakKey
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet

KINDS = [
    *(("RS256", None), ("ES256", None), ("ES384", None), ("ES512", None), ("ES256K", None), ("HS256", None)),
    *(("EdDSA", "Ed25519"), ("EdDSA", "Ed448"), ("ECDH-ES", "P-384"), ("ECDH-ES", "X25519"), ("ECDH-ES", "X448")),
    *(("ML-DSA-44", None), ("ML-DSA-65", None), ("ML-DSA-87", None), ("A128KW", None), ("A256CBC-HS512", None)),
]
PASSWORD = b"open sesame"


@cache
def made(alg: str, crv: str | None) -> JWK:
    return JWK.generate(alg, crv=crv)


def crv_of(alg: str, crv: str | None) -> str:
    return crv or {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}.get(alg, "")


class Peer(NamedTuple):
    """Another library: what it cannot do, and its ways with keys; None where it has none."""

    lacks: frozenset[str]  # names of algorithms and curves
    no_pem: frozenset[str]
    import_jwk: Callable[[dict[str, Any]], Any]
    export_jwk: Callable[[Any, bool], dict[str, Any]]
    import_pem: Callable[[bytes, str, bytes | None], Any]
    export_pem: Callable[[Any, bool, bytes | None], bytes]
    thumbprint: Callable[[Any], tuple[str, str]] | None
    import_set: Callable[[dict[str, Any]], list[Any]]
    export_set: Callable[[list[Any]], dict[str, Any]] | None


# ------------------------------------------------------------------------------------------------------ joserfc


def joserfc_pem(pem: bytes, kty: str, password: bytes | None) -> Any:
    kinds = {"RSA": joserfc.jwk.RSAKey, "EC": joserfc.jwk.ECKey, "OKP": joserfc.jwk.OKPKey}
    return kinds[kty].import_key(pem, password=password)


def joserfc_set(jwks: Any) -> list[Any]:
    return list(joserfc.jwk.KeySet.import_key_set(jwks).keys)


JOSERFC = Peer(
    frozenset({"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}),
    frozenset(),
    joserfc.jwk.import_key,
    lambda key, private: key.as_dict(private=private),
    joserfc_pem,
    lambda key, private, password: key.as_pem(private=private, password=password),
    lambda key: (key.thumbprint(), key.thumbprint_uri()),
    joserfc_set,
    lambda keys: joserfc.jwk.KeySet(keys).as_dict(private=True),
)

# ----------------------------------------------------------------------------------------------------- jwcrypto


def jwcrypto_set(jwks: Any) -> list[Any]:
    return list(jwcrypto.jwk.JWKSet.from_json(json.dumps(jwks))["keys"])


def jwcrypto_written(keys: list[Any]) -> dict[str, Any]:
    written = jwcrypto.jwk.JWKSet()
    for key in keys:
        written.add(key)
    return written.export(private_keys=True, as_dict=True)


JWCRYPTO = Peer(
    frozenset(),
    frozenset({"X448"}),
    lambda members: jwcrypto.jwk.JWK.from_json(json.dumps(members)),
    lambda key, private: key.export(private_key=private, as_dict=True),
    lambda pem, _kty, password: jwcrypto.jwk.JWK.from_pem(pem, password),
    lambda key, private, password: key.export_to_pem(private, password),
    lambda key: (key.thumbprint(), key.thumbprint_uri()),
    jwcrypto_set,
    jwcrypto_written,
)

# -------------------------------------------------------------------------------------------------------- PyJWT


def pyjwt_algorithm(key: Any) -> Any:
    kinds = {
        (rsa.RSAPrivateKey, rsa.RSAPublicKey): pyjwt.algorithms.RSAAlgorithm,
        (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey): pyjwt.algorithms.ECAlgorithm,
        (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey, ed448.Ed448PrivateKey, ed448.Ed448PublicKey): (
            pyjwt.algorithms.OKPAlgorithm
        ),
        (bytes,): pyjwt.algorithms.HMACAlgorithm,
    }
    return next(kind for classes, kind in kinds.items() if isinstance(key, classes))


def pyjwt_jwk(key: Any, private: bool) -> dict[str, Any]:
    public = key if private or not hasattr(key, "public_key") else key.public_key()
    return pyjwt_algorithm(key).to_jwk(public, as_dict=True)


def pyjwt_pem(pem: bytes, kty: str, password: bytes | None) -> Any:
    kinds = {
        "RSA": pyjwt.algorithms.RSAAlgorithm(pyjwt.algorithms.RSAAlgorithm.SHA256),
        "EC": pyjwt.algorithms.ECAlgorithm(pyjwt.algorithms.ECAlgorithm.SHA256),
        "OKP": pyjwt.algorithms.OKPAlgorithm(),
    }
    assert password is None
    return kinds[kty].prepare_key(pem)


PYJWT = Peer(
    frozenset({"X25519", "X448", "P-384 of ECDH-ES", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "A128KW", "A256CBC-HS512"}),
    frozenset(),
    lambda members: pyjwt.PyJWK(members).key,
    pyjwt_jwk,
    pyjwt_pem,
    lambda key, private, _: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    None,
    lambda jwks: [key.key for key in pyjwt.PyJWKSet.from_dict(jwks).keys],
    None,
)
PEERS = {"joserfc": JOSERFC, "jwcrypto": JWCRYPTO, "PyJWT": PYJWT}


def cases(*, pem: bool = False) -> list[Any]:
    found = []
    for name, peer in PEERS.items():
        for alg, crv in KINDS:
            lacking = {alg, crv_of(alg, crv), f"{crv} of {alg}"} & peer.lacks
            if lacking or (pem and (made(alg, crv).kty == "oct" or crv in peer.no_pem)):
                continue
            found.append(pytest.param(peer, alg, crv, id="-".join(filter(None, (name, alg, crv)))))
    return found


def material(members: dict[str, Any]) -> dict[str, Any]:
    """A JWK without what is said beside its material."""
    beside = {"kid", "use", "key_ops"} | ({"alg"} if members["kty"] != "AKP" else set())
    return {name: value for name, value in members.items() if name not in beside}


def sorted_text(members: dict[str, Any]) -> str:
    return json.dumps(members, sort_keys=True)


EVERY = pytest.mark.parametrize("peer, alg, crv", cases())
WITH_PEM = pytest.mark.parametrize("peer, alg, crv", cases(pem=True))


# ---------------------------------------------------------------------------------------------------- libraries


@EVERY
def test_a_jwk_goes_there_and_comes_back(peer: Peer, alg: str, crv: str | None) -> None:
    key = made(alg, crv)
    members = key.to_dict(private=True)
    theirs = peer.import_jwk(members)
    again = JWK.from_dict({**material(peer.export_jwk(theirs, True)), "alg": alg, "kid": key.kid})
    assert again.to_dict(private=True) == members
    if key.kty != "oct":
        public = peer.import_jwk(key.to_dict())
        assert material(peer.export_jwk(public, False)) == material(key.to_dict())
        assert material(peer.export_jwk(theirs, False)) == material(key.to_dict())
        assert JWK.from_dict({**peer.export_jwk(public, False), "alg": alg}).thumbprint() == key.thumbprint()


@EVERY
def test_a_thumbprint_is_the_same_there(peer: Peer, alg: str, crv: str | None) -> None:
    if peer.thumbprint is not None:
        key = made(alg, crv)
        assert peer.thumbprint(peer.import_jwk(key.to_dict(private=True))) == (key.thumbprint(), key.thumbprint_uri())


@WITH_PEM
def test_a_pem_goes_there_and_comes_back(peer: Peer, alg: str, crv: str | None) -> None:
    key = made(alg, crv)
    theirs = peer.import_pem(key.to_pem(private=True), key.kty, None)
    assert material(peer.export_jwk(theirs, True)) == material(key.to_dict(private=True))
    again = JWK.from_pem(peer.export_pem(theirs, True, None), alg=alg)
    assert again.to_dict(private=True) == key.to_dict(private=True)
    public = peer.import_pem(key.to_pem(), key.kty, None)
    assert material(peer.export_jwk(public, False)) == material(key.to_dict())
    if peer is not PYJWT:
        assert JWK.from_pem(peer.export_pem(public, False, None), alg=alg).to_dict() == key.to_dict()


@pytest.mark.parametrize("peer, alg, crv", [case for case in cases(pem=True) if case.values[0] is not PYJWT])
def test_an_encrypted_pem_goes_there_and_comes_back(peer: Peer, alg: str, crv: str | None) -> None:
    key = made(alg, crv)
    theirs = peer.import_pem(key.to_pem(private=True, password=PASSWORD), key.kty, PASSWORD)
    assert material(peer.export_jwk(theirs, True)) == material(key.to_dict(private=True))
    locked = peer.export_pem(theirs, True, PASSWORD)
    assert b"ENCRYPTED" in locked
    assert JWK.from_pem(locked, alg=alg, password=PASSWORD).to_dict(private=True) == key.to_dict(private=True)
    with pytest.raises(KeyFormatError):
        JWK.from_pem(locked, alg=alg)


@pytest.mark.parametrize(
    "alg, crv", [case.values[1:] for case in cases(pem=True) if case.values[0] is JOSERFC], ids=str
)
def test_der_goes_to_joserfc_and_comes_back(alg: str, crv: str | None) -> None:
    key = made(alg, crv)
    theirs = joserfc_pem(key.to_der(private=True), key.kty, None)
    assert material(theirs.as_dict(private=True)) == material(key.to_dict(private=True))
    assert JWK.from_der(theirs.as_der(private=True), alg=alg).to_dict(private=True) == key.to_dict(private=True)
    assert JWK.from_der(theirs.as_der(private=False), alg=alg).to_dict() == key.to_dict()


def their_keys() -> list[Any]:
    """Keys that a peer made itself, of each kind that it can make."""
    words = {
        "RS256": ("RSA", 2048),
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "ES512": ("EC", "P-521"),
        "ES256K": ("EC", "secp256k1"),
        "HS256": ("oct", 256),
        "Ed25519": ("OKP", "Ed25519"),
        "Ed448": ("OKP", "Ed448"),
        "ECDH-ES+A128KW": ("OKP", "X25519"),
        "ECDH-ES": ("OKP", "X448"),
    }
    found = []
    for alg, (kty, what) in words.items():
        found.append(
            pytest.param(
                lambda kty=kty, what=what: joserfc.jwk.generate_key(kty, what, private=True).as_dict(private=True),
                alg,
                id=f"joserfc-{alg}",
            )
        )
        word = {"size": what} if isinstance(what, int) else {"crv": what}
        found.append(
            pytest.param(
                lambda kty=kty, word=word: jwcrypto.jwk.JWK.generate(kty=kty, **word).export(as_dict=True),
                alg,
                id=f"jwcrypto-{alg}",
            )
        )
    return found


@pytest.mark.parametrize("generate, alg", their_keys())
def test_a_key_that_was_made_there_does_its_task_here(generate: Callable[[], dict[str, Any]], alg: str) -> None:
    members = generate()
    key = JWK.from_json(json.dumps(material(members)), alg=alg)
    assert material(key.to_dict(private=True)) == material(members)
    if alg.startswith("ECDH"):
        assert jwe.decrypt(jwe.encrypt(b"x", key.public(), enc="A128GCM"), key).plaintext == b"x"
    else:
        assert jws.verify(jws.sign(b"x", key), key if key.kty == "oct" else key.public()).payload == b"x"


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_a_set_goes_there_and_comes_back(peer: Peer) -> None:
    """RSA, EC and OKP keys and a secret, side by side."""
    keys = JWKSet([made(alg, crv) for alg, crv in KINDS[:8]])
    theirs = peer.import_set(keys.to_dict(private=True))
    mine = [material(key.to_dict(private=True)) for key in keys]
    there = [material(peer.export_jwk(one, True)) for one in theirs]
    assert sorted(there, key=sorted_text) == sorted(mine, key=sorted_text)  # jwcrypto keeps no order
    if peer.export_set is not None:
        written = peer.export_set(theirs)
        again = JWKSet.from_json(json.dumps(written))
        assert {key.kid for key in again} == {key.kid for key in keys}
        for key in keys:
            (found,) = again.find(kid=key.kid)
            assert found.to_dict(private=True) == key.to_dict(private=True)
    assert len(peer.import_set(keys.to_dict())) == len(keys) - 1  # what is published holds no secret


def test_what_they_let_through_is_refused_here() -> None:
    """By design: each peer loads at least one of these."""
    weak = rsa.generate_private_key(65537, 1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert jwcrypto.jwk.JWK.from_pem(weak)
    with pytest.raises(WeakKey):
        JWK.from_pem(weak, alg="RS256")
    members = made("ES256", None).to_dict()
    padded = {**members, "x": members["x"] + "="}
    assert jwcrypto.jwk.JWK.from_json(json.dumps(padded))
    with pytest.raises(KeyFormatError):
        JWK.from_dict(padded)
    short = {"kty": "oct", "k": "c2hvcnQ", "alg": "HS256"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert pyjwt.PyJWK(short)
        assert joserfc.jwk.import_key(short)
    with pytest.raises(WeakKey):
        JWK.from_dict(short)
    twice = {"keys": [members, {**made("ES256", "P-256").to_dict(), "kid": members["kid"]}]}
    assert len(pyjwt.PyJWKSet.from_dict(twice).keys) == 2
    with pytest.raises(KeyFormatError):
        JWKSet.from_dict(twice)


# ----------------------------------------------------------------------------------------- openssl, ssh-keygen


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., bytes]:
    def call(*words: str, given: bytes | None = None) -> bytes:
        if shutil.which(words[0]) is None:
            pytest.skip(f"there is no {words[0]} on this machine")
        return subprocess.run(words, input=given, capture_output=True, check=True, cwd=tmp_path, timeout=60).stdout

    return call


Run = Callable[..., bytes]
OPENSSL = {
    "RS256": ("RSA", "rsa_keygen_bits:2048"),
    "ES256": ("EC", "ec_paramgen_curve:P-256"),
    "ES384": ("EC", "ec_paramgen_curve:P-384"),
    "ES512": ("EC", "ec_paramgen_curve:P-521"),
    "ES256K": ("EC", "ec_paramgen_curve:secp256k1"),
    "EdDSA": ("ED25519", ""),
    "Ed448": ("ED448", ""),
    "ECDH-ES": ("X25519", ""),
    "ECDH-ES+A256KW": ("X448", ""),
}
EVERY_OPENSSL = pytest.mark.parametrize("alg", OPENSSL)


def genpkey(run: Run, alg: str) -> bytes:
    kind, option = OPENSSL[alg]
    return run("openssl", "genpkey", "-algorithm", kind, *(("-pkeyopt", option) if option else ()))


@EVERY_OPENSSL
def test_a_key_of_openssl(alg: str, run: Run) -> None:
    pem = genpkey(run, alg)
    key = JWK.from_pem(pem, alg=alg)
    public = run("openssl", "pkey", "-pubout", given=pem)
    assert JWK.from_pem(public, alg=alg).to_dict() == key.to_dict()
    assert key.to_pem() == public
    der = run("openssl", "pkey", "-outform", "DER", given=pem)
    assert JWK.from_der(der, alg=alg).to_dict(private=True) == key.to_dict(private=True)
    public_der = run("openssl", "pkey", "-pubout", "-outform", "DER", given=pem)
    assert key.to_der() == public_der
    assert JWK.from_der(public_der, alg=alg).to_dict() == key.to_dict()
    text = run("openssl", "pkey", "-text", given=pem)  # the PEM, and a description behind it
    assert JWK.from_pem(text, alg=alg).to_dict(private=True) == key.to_dict(private=True)


@EVERY_OPENSSL
def test_our_key_in_openssl(alg: str, run: Run) -> None:
    key = JWK.from_pem(genpkey(run, alg), alg=alg)
    for form, written, locked in (
        ("PEM", key.to_pem(private=True), key.to_pem(private=True, password=PASSWORD)),
        ("DER", key.to_der(private=True), key.to_der(private=True, password=PASSWORD)),
    ):
        for data, words in ((written, ()), (locked, ("-passin", f"pass:{PASSWORD.decode()}"))):
            public = run("openssl", "pkey", "-inform", form, *words, "-pubout", given=data)
            assert public == key.to_pem()


CIPHERS = {
    "PBES2, AES": ("-v2", "aes-256-cbc"),
    "PBES2, many rounds": ("-v2", "aes-128-cbc", "-iter", "200000"),
    "PBES2, SHA-512": ("-v2", "aes256", "-v2prf", "hmacWithSHA512"),
    "PBES2, 3DES": ("-v2", "des3"),
    "PBES1, 3DES": ("-v1", "PBE-SHA1-3DES"),
    "scrypt": ("-scrypt",),
}


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_an_encrypted_key_of_openssl(alg: str, cipher: str, run: Run) -> None:
    key, word = made(alg, "Ed25519" if alg == "EdDSA" else None), ("-passout", f"pass:{PASSWORD.decode()}")
    for form, load in (("PEM", JWK.from_pem), ("DER", JWK.from_der)):
        written = run(
            *("openssl", "pkcs8", "-topk8", *CIPHERS[cipher], *word, "-outform", form), given=key.to_pem(private=True)
        )
        assert load(written, alg=alg, password=PASSWORD).to_dict(private=True) == key.to_dict(private=True)
        with pytest.raises(KeyFormatError, match="another"):
            load(written, alg=alg, password=b"x")
        with pytest.raises(KeyFormatError, match="encrypted"):
            load(written, alg=alg)


@pytest.mark.parametrize("cipher", ["-aes128", "-aes256", "-des3"])
@pytest.mark.parametrize("alg", ["RS256", "ES256", "ES512"])
def test_a_key_as_openssl_wrote_it_of_old(alg: str, cipher: str, run: Run) -> None:
    key = made(alg, None)
    kind = ("rsa", "-traditional") if alg == "RS256" else ("ec",)
    pem = key.to_pem(private=True)
    clear = run("openssl", *kind, given=pem)
    assert clear.startswith((b"-----BEGIN RSA PRIVATE KEY-----", b"-----BEGIN EC PRIVATE KEY-----"))
    assert JWK.from_pem(clear, alg=alg).to_dict(private=True) == key.to_dict(private=True)
    locked = run("openssl", *kind, cipher, "-passout", f"pass:{PASSWORD.decode()}", given=pem)
    assert b"DEK-Info" in locked
    assert JWK.from_pem(locked, alg=alg, password=PASSWORD).to_dict(private=True) == key.to_dict(private=True)
    seldom = run("openssl", *kind, "-aes192", "-passout", f"pass:{PASSWORD.decode()}", given=pem)
    with pytest.raises(KeyFormatError, match="not supported"):
        JWK.from_pem(seldom, alg=alg, password=PASSWORD)
    if alg == "RS256":
        public = run("openssl", "rsa", "-RSAPublicKey_out", given=pem)
        assert public.startswith(b"-----BEGIN RSA PUBLIC KEY-----")
        assert JWK.from_pem(public, alg=alg).to_dict() == key.to_dict()
    else:
        curve = {"ES256": "prime256v1", "ES512": "secp521r1"}[alg]
        with_parameters = run("openssl", "ecparam", "-name", curve, "-genkey")
        assert b"EC PARAMETERS" in with_parameters
        assert JWK.from_pem(with_parameters, alg=alg).is_private


@pytest.mark.parametrize("alg", ["RS256", "ES256", "ES384", "ES256K", "EdDSA", "Ed448"])
def test_a_certificate_of_openssl(alg: str, run: Run, tmp_path: Path) -> None:
    key = JWK.from_pem(genpkey(run, alg), alg=alg)
    (tmp_path / "key.pem").write_bytes(key.to_pem(private=True))
    subject = ("-subj", "/CN=issuer.example/O=J\u00f8rgen", "-utf8")
    pem = run("openssl", "req", "-x509", "-key", "key.pem", "-days", "1", *subject)
    certified = JWK.from_x509(pem, alg=alg)
    assert material(certified.public().to_dict()) == {
        **material(key.to_dict()),
        **{name: certified.to_dict()[name] for name in ("x5c", "x5t#S256")},
    }
    der = run("openssl", "x509", "-outform", "DER", given=pem)
    assert JWK.from_x509(der, alg=alg).to_dict() == certified.to_dict()
    fingerprint = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", given=pem).decode()
    octets = bytes.fromhex(fingerprint.partition("=")[2].replace(":", ""))
    assert certified.to_dict()["x5t#S256"] == jwcrypto.common.base64url_encode(octets)
    assert JWK.from_x509(run("openssl", "x509", "-text", given=pem), alg=alg).x5c == certified.x5c
    request = run("openssl", "req", "-new", "-key", "key.pem", *subject)
    trusted = run("openssl", "x509", "-trustout", given=pem)
    (tmp_path / "certificate.pem").write_bytes(pem)
    bag = run("openssl", "crl2pkcs7", "-nocrl", "-certfile", "certificate.pem")
    for data, word in ((request, "request"), (trusted, "openssl x509"), (bag, "PKCS #7")):
        for load in (JWK.from_x509, JWK.from_pem):
            with pytest.raises(KeyFormatError, match=word):
                load(data, alg=alg)


SSH = {
    "RS256": ("-t", "rsa", "-b", "2048"),
    "ES256": ("-t", "ecdsa", "-b", "256"),
    "ES384": ("-t", "ecdsa", "-b", "384"),
    "ES512": ("-t", "ecdsa", "-b", "521"),
    "EdDSA": ("-t", "ed25519"),
}


@pytest.mark.parametrize("alg", SSH)
def test_a_key_of_openssh(alg: str, run: Run, tmp_path: Path) -> None:
    run("ssh-keygen", "-q", *SSH[alg], "-N", "", "-C", "J\u00f8rgen@host.example", "-f", "id")
    line = (tmp_path / "id.pub").read_bytes()
    key = JWK.from_ssh(line, alg=alg)
    assert (key.is_private, key.kid) == (False, key.thumbprint())
    assert JWK.from_ssh(line.decode(), alg=alg).to_dict() == key.to_dict()
    with pytest.raises(KeyFormatError, match="ssh-keygen -p -m PKCS8"):
        JWK.from_pem((tmp_path / "id").read_bytes(), alg=alg)
    run("ssh-keygen", "-q", "-s", "id", "-I", "name", "-n", "user", "id.pub")
    with pytest.raises(KeyFormatError, match="OpenSSH certificate"):
        JWK.from_ssh((tmp_path / "id-cert.pub").read_bytes(), alg=alg)
    with pytest.raises(KeyFormatError, match="RFC 4716"):
        JWK.from_ssh(run("ssh-keygen", "-e", "-f", "id.pub"), alg=alg)
    with pytest.raises(KeyFormatError, match="before the key"):
        JWK.from_ssh(b"host.example " + line, alg=alg)
    if alg == "EdDSA":
        return  # ssh-keygen writes no other form of it
    pem = run("ssh-keygen", "-e", "-m", "PKCS8", "-f", "id.pub")
    assert JWK.from_pem(pem, alg=alg).to_dict() == key.to_dict()
    (tmp_path / "public.pem").write_bytes(key.to_pem())
    assert run("ssh-keygen", "-i", "-m", "PKCS8", "-f", "public.pem").split()[:2] == line.split()[:2]
    run("ssh-keygen", "-q", "-p", "-m", "PKCS8", "-N", "", "-f", "id")  # as the message says
    private = JWK.from_pem((tmp_path / "id").read_bytes(), alg=alg)
    assert private.public().to_dict() == key.to_dict()
    assert jws.verify(jws.sign(b"x", private), key).payload == b"x"


def test_a_signature_of_openssl(run: Run, tmp_path: Path) -> None:
    """The same key there: what openssl signs holds here, and the other way round."""
    key = made("RS256", None)
    (tmp_path / "key.pem").write_bytes(key.to_pem(private=True))
    (tmp_path / "public.pem").write_bytes(key.to_pem())
    head, body, signature = jws.sign(b"x", key).split(".")
    signed = f"{head}.{body}".encode()
    (tmp_path / "data").write_bytes(signed)
    theirs = run("openssl", "dgst", "-sha256", "-sign", "key.pem", "data")
    assert jwcrypto.common.base64url_encode(theirs) == signature
    (tmp_path / "signature").write_bytes(jwcrypto.common.base64url_decode(signature))
    assert b"OK" in run("openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "data")
