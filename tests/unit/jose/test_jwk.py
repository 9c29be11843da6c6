"""JWK: made, loaded and written, in every form, with what each form says of itself."""

import enum
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from daypass import jws, jwt
from daypass.errors import ConfigurationError, KeyFormatError, WeakKey
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.limits import KID_BYTES_MAX, PREPARED_PER_KEY_MAX, SECRET_BYTES_MAX
from daypass.prepared import Prepared
from tests.security import forge
from tests.security.forge import b64u

ALGS = list(SIGNATURE_ALGORITHMS)
ASYMMETRIC = [alg for alg in ALGS if not alg.startswith("HS")]
KINDS = ["RS256", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]


@pytest.mark.parametrize("alg", ALGS)
def test_generate(alg: str) -> None:
    key = JWK.generate(alg)
    entry = SIGNATURE_ALGORITHMS[alg]
    assert (key.kty, key.alg, key.is_private, key.use, key.key_ops) == (entry.kty, alg, True, None, None)
    assert key.crv == (entry.curves[0] if key.kty in ("EC", "OKP") else None)
    assert key.kid == (key.thumbprint() if key.kty != "oct" else key.kid)
    assert key.kid is not None
    assert len(key.kid) >= 22
    assert JWK.generate(alg).kid != key.kid
    assert JWK.generate(alg, kid="mine").kid == "mine"
    assert jws.verify(jws.sign(b"x", key), key).payload == b"x"


def test_generate_takes_a_size_or_a_curve() -> None:
    assert len(forge.unb64u(JWK.generate("HS256", bits=512).to_dict(private=True)["k"])) == 64
    assert len(forge.unb64u(JWK.generate("RS256", bits=3072).to_dict()["n"])) == 384
    assert JWK.generate("EdDSA", crv="Ed448").crv == "Ed448"
    for alg, words in (
        ("none", {}),
        ("A256kw", {}),
        ("A256GCM ", {}),
        ("zip", {}),
        ("HS256", {"crv": "P-256"}),
        ("ES256", {"crv": "P-384"}),
        ("EdDSA", {"crv": "X25519"}),
        ("Ed25519", {"crv": "Ed448"}),
        ("ES256", {"bits": 256}),
        ("HS256", {"bits": 257}),
        ("HS256", {"bits": 8 * SECRET_BYTES_MAX + 8}),
        ("RS256", {"bits": 2050}),
        ("RS256", {"bits": 32_768}),
    ):
        with pytest.raises(ConfigurationError):
            JWK.generate(alg, **words)  # type: ignore[arg-type]
    for alg, bits in (("HS256", 128), ("HS512", 256), ("RS256", 1024), ("HS256", 0)):
        with pytest.raises(WeakKey):
            JWK.generate(alg, bits=bits)


def test_from_secret() -> None:
    for secret in (forge.SECRET, bytearray(forge.SECRET), memoryview(forge.SECRET)):
        key = JWK.from_secret(secret, alg="HS256")
        assert (key.kty, key.alg, key.kid, key.is_private) == ("oct", "HS256", None, True)
        assert key.to_dict(private=True) == {"kty": "oct", "k": b64u(forge.SECRET), "alg": "HS256"}
    buffer = bytearray(forge.SECRET)
    key = JWK.from_secret(buffer, alg="HS256", kid="k")
    buffer[:] = bytes(32)  # a caller may wipe what it passed
    assert key.to_dict(private=True)["k"] == b64u(forge.SECRET)
    assert JWK.from_secret(b"a" * 32, alg="HS256")  # only its length is judged
    with pytest.raises(KeyFormatError):
        JWK.from_secret(b"a" * (SECRET_BYTES_MAX + 1), alg="HS256")


@pytest.mark.parametrize("kid", ["", "k" * (KID_BYTES_MAX + 1), "\u00e9" * KID_BYTES_MAX])
def test_a_kid_is_bounded(kid: str) -> None:
    with pytest.raises(KeyFormatError):
        JWK.from_secret(forge.SECRET, alg="HS256", kid=kid)
    with pytest.raises(KeyFormatError):
        JWK.from_dict({"kty": "oct", "k": b64u(forge.SECRET), "kid": kid})
    with pytest.raises(TypeError):
        JWK.generate("HS256", kid=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("alg", KINDS)
def test_every_form_of_pem(alg: str) -> None:
    key = JWK.generate(alg)
    private, public = key.to_pem(private=True), key.to_pem()
    inner = load_pem_private_key(private, None)
    forms = [private, private.decode(), private.replace(b"\n", b"\r\n"), b"a comment\n" + private, private.rstrip()]
    if key.kty in ("RSA", "EC"):
        forms.append(inner.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    for pem in forms:
        assert JWK.from_pem(pem, alg=alg).to_dict(private=True) == key.to_dict(private=True)
    again = JWK.from_pem(public, alg=alg)
    assert (again.to_dict(), again.is_private, again.kid) == (key.to_dict(), False, key.thumbprint())
    assert JWK.from_pem(public, alg=alg, kid="mine").kid == "mine"
    locked = key.to_pem(private=True, password=b"open sesame")
    assert locked.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert JWK.from_pem(locked, alg=alg, password=b"open sesame").to_dict(private=True) == key.to_dict(private=True)
    if key.kty in ("RSA", "EC"):
        old = inner.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"pw"))
        assert JWK.from_pem(old, alg=alg, password=b"pw").is_private


def test_a_pem_that_cannot_be_used_says_what_it_is() -> None:
    key = JWK.generate("ES256")
    pem, locked = key.to_pem(private=True), key.to_pem(private=True, password=b"pw")
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    for data, words, hint in (
        (b"", {}, "no PEM"),
        (b'{"kty":"oct"}', {}, "from_json"),
        (pem.replace(b"\n", b"\\n"), {}, "escaped newlines"),
        (pem + key.to_pem(), {}, "more than one"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", {}, "certificate"),
        (locked, {}, "encrypted"),
        (locked, {"password": b"other"}, "password is another"),
        (pem, {"password": b"pw"}, "not encrypted"),
        (pem[:-40], {}, "cannot be read"),
        (pem, {"alg": "ES384"}, "P-384"),
        (pem, {"alg": "RS256"}, "RSA"),
        (b" " * 300_000, {}, "longer"),
    ):
        with pytest.raises(KeyFormatError, match=hint):
            JWK.from_pem(data, **{"alg": "ES256", **words})
    traditional = load_pem_private_key(pem, None).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    assert JWK.from_pem(parameters + traditional, alg="ES256").is_private


@pytest.mark.parametrize(
    "key",
    [dsa.generate_private_key(2048), ec.generate_private_key(ec.SECP256K1()), ec.generate_private_key(ec.SECP224R1())],
    ids=["DSA", "secp256k1", "P-224"],
)
def test_a_key_of_another_kind_is_refused(key: Any) -> None:
    for alg in ("RS256", "ES256", "EdDSA"):
        with pytest.raises(KeyFormatError):
            JWK.from_pem(forge.public_pem(key), alg=alg)


def test_a_key_agreement_key_loads_and_does_not_sign() -> None:
    for kind, crv in ((x25519.X25519PrivateKey, "X25519"), (ed448.Ed448PrivateKey, "Ed448")):
        with pytest.raises(KeyFormatError):
            JWK.from_pem(forge.public_pem(kind.generate()), alg="Ed25519")
        assert crv
    raw = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    key = JWK.from_dict({"kty": "OKP", "crv": "X25519", "x": b64u(raw), "alg": "ECDH-ES"})
    assert key.crv == "X25519"
    with pytest.raises(ConfigurationError):
        jws.verify(forge.token(), key)


@pytest.mark.parametrize("alg", KINDS)
def test_members_come_back_as_they_were(alg: str) -> None:
    key = JWK.generate(alg, kid="k")
    members = {**key.to_dict(private=True), "use": "sig", "key_ops": ["sign", "verify"]}
    again = JWK.from_dict({**members, "unknown": [1], "x5t": "x"})
    assert again.to_dict(private=True) == members
    assert JWK.from_json(json.dumps(members)).to_dict(private=True) == members
    assert (again.use, again.key_ops, again.kid, again.alg) == ("sig", ("sign", "verify"), "k", alg)
    public = again.public()
    assert (public.is_private, public.kid, public.alg, public.key_ops) == (False, "k", alg, ("verify",))
    assert public.public().to_dict() == public.to_dict()
    assert not {"d", "p", "q", "dp", "dq", "qi", "k", "priv"} & public.to_dict().keys()
    assert again.to_dict().keys() == public.to_dict().keys()


def test_an_alg_is_bound_at_load() -> None:
    del (members := JWK.generate("RS256").to_dict())["alg"]
    assert JWK.from_dict(members).alg is None
    for alg in ("RS256", "PS512"):
        assert JWK.from_dict(members, alg=alg).alg == JWK.from_dict({**members, "alg": alg}, alg=alg).alg == alg
    for named, asked in (("RS256", "PS256"), ("RS256", ""), ("dir", "RS256")):
        with pytest.raises(KeyFormatError):
            JWK.from_dict({**members, "alg": named}, alg=asked)
    with pytest.raises(KeyFormatError):
        JWK.from_dict(members, alg="ES256")


def test_a_key_without_alg_verifies_where_the_caller_names_some() -> None:
    key = JWK.generate("RS256")
    unbound = JWK.from_dict({name: value for name, value in key.public().to_dict().items() if name != "alg"})
    token = jwt.sign({"sub": "u"}, key)
    assert jwt.verify(token, unbound, algs=("PS256", "RS256", "HS256"))["sub"] == "u"
    with pytest.raises(ConfigurationError, match="algs"):
        jwt.verify(token, unbound)


def test_what_cannot_be_written_is_a_mistake() -> None:
    secret, private = JWK.generate("HS256"), JWK.generate("ES256")
    for act in (
        secret.public,
        secret.to_dict,
        secret.to_pem,
        lambda: secret.to_pem(private=True),
        lambda: private.public().to_dict(private=True),
        lambda: private.public().to_pem(private=True),
        lambda: private.to_pem(password=b"pw"),
        lambda: private.to_pem(private=True, password=b""),
        lambda: private.thumbprint("md5"),
        lambda: private.thumbprint_uri("sha1"),
        lambda: jws.sign(b"", private.public()),
    ):
        with pytest.raises(ConfigurationError):
            act()


@pytest.mark.parametrize("alg", KINDS)
@pytest.mark.parametrize("hash_name, length", [("sha256", 43), ("sha384", 64), ("sha512", 86)])
def test_a_thumbprint_is_that_of_the_public_half(alg: str, hash_name: str, length: int) -> None:
    """RFC 7638 3.2: whatever else the key says."""
    key = JWK.generate(alg)
    other = JWK.from_dict({**key.to_dict(), "kid": "other", "use": "sig"})
    assert key.thumbprint(hash_name) == key.public().thumbprint(hash_name) == other.thumbprint(hash_name)
    assert len(key.thumbprint(hash_name)) == length
    name = f"sha-{hash_name[3:]}"
    assert key.thumbprint_uri(hash_name) == f"urn:ietf:params:oauth:jwk-thumbprint:{name}:{key.thumbprint(hash_name)}"


def test_a_key_does_not_change() -> None:
    key = JWK.generate("HS256")
    for name in ("alg", "kid", "use", "_raw", "new"):
        with pytest.raises(AttributeError):
            setattr(key, name, "none")
    members = key.to_dict(private=True)
    members["alg"] = "none"
    assert key.alg == "HS256"


def test_what_a_key_prepares_is_bounded() -> None:
    """A policy made anew for each call is no leak."""
    key = JWK.generate("HS256")
    token = jwt.sign({}, key)
    for number in range(3 * PREPARED_PER_KEY_MAX):
        assert jwt.verify(token, key, bytes_max=1000 + number)
        assert len(key.prepared) <= PREPARED_PER_KEY_MAX


class Alg(enum.StrEnum):
    HS256 = "HS256"
    EDDSA = "EdDSA"


def test_an_algorithm_may_be_a_member_of_an_enum() -> None:
    for key in (JWK.generate(Alg.EDDSA), JWK.from_secret(b"0123456789abcdef" * 2, alg=Alg.HS256)):
        assert type(key.alg) is str
        assert jwt.verify(jwt.sign({"sub": "u"}, key), key, algs=(Alg(key.alg),))["sub"] == "u"


def test_what_two_threads_prepare_at_once_is_one_thing() -> None:
    prepared = Prepared()
    first = object()

    def make_slowly() -> object:
        assert prepared.once("name", lambda: first) is first  # another thread was faster
        return object()

    assert prepared.once("name", make_slowly) is first
    assert prepared == {"name": first}
