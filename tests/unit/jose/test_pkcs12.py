"""PKCS #12: a private key with its certificates."""

from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from daypass import jws
from daypass.errors import ConfigurationError, KeyFormatError
from daypass.jose.jwk import JWK
from daypass.jose.raw_key import raw_to_object
from daypass.limits import CERTIFICATES_MAX
from tests.unit.jose.certificates import certificate_for

ALGS = ["RS256", "ES256", "ES384", "Ed25519"]
KEY = JWK.generate("ES256")
OTHER = JWK.generate("ES256")


def private_object(key: JWK) -> Any:
    return raw_to_object(key.raw, private=True)


def store(key: JWK | None, *certificates: Any, password: bytes | None = b"pw") -> bytes:
    how = BestAvailableEncryption(password) if password else NoEncryption()
    inner = None if key is None else private_object(key)
    leaf, *chain = certificates or (None,)
    return pkcs12.serialize_key_and_certificates(b"me", inner, leaf, chain or None, how)


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("password", [b"pw", None])
def test_a_key_comes_with_its_certificates(alg: str, password: bytes | None) -> None:
    key = JWK.generate(alg)
    leaf, issuer = certificate_for(private_object(key)), certificate_for(private_object(OTHER))
    loaded = JWK.from_pkcs12(store(key, leaf, issuer, password=password), alg=alg, password=password)
    ders = [one.public_bytes(Encoding.DER) for one in (leaf, issuer)]
    assert list(loaded.x5c) == [b64encode(der).decode() for der in ders]
    assert (loaded.kid, loaded.alg, loaded.is_private) == (key.thumbprint(), alg, True)
    assert {**key.to_dict(private=True), **{name: loaded.to_dict()[name] for name in ("x5c", "x5t#S256")}} == (
        loaded.to_dict(private=True)
    )
    assert jws.verify(jws.sign(b"x", loaded), JWK.from_x509(ders[0], alg=alg)).payload == b"x"


def test_a_key_may_stand_alone_and_have_another_name() -> None:
    loaded = JWK.from_pkcs12(store(KEY), alg="ES256", password=b"pw", kid="mine")
    assert (loaded.kid, loaded.x5c) == ("mine", ())
    assert loaded.to_dict(private=True) == KEY.to_dict(private=True) | {"kid": "mine"}


def nested(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag, 0x82]) + len(body).to_bytes(2, "big") + body


def costly(rounds: bytes) -> bytes:
    """What asks for so many rounds before its MAC could be checked."""
    salt, count = b"\x04\x08" + bytes(8), b"\x02" + bytes([len(rounds)]) + rounds
    return nested(0x30, b"\x02\x01\x03", nested(0x30, nested(0xA0, nested(0x04, nested(0x30, salt, count)))))


def test_an_honest_number_of_rounds() -> None:
    """600,000 of PBKDF2, where the length of the key may follow the rounds."""
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(600_000)
    how = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).build(b"pw")
    certificate = certificate_for(private_object(KEY))
    data = pkcs12.serialize_key_and_certificates(b"me", private_object(KEY), certificate, None, how)
    assert JWK.from_pkcs12(data, alg="ES256", password=b"pw").thumbprint() == KEY.thumbprint()


@pytest.mark.parametrize(
    "data, words, message",
    [
        (lambda: store(KEY), {}, "password"),
        (lambda: store(KEY), {"password": b"PW"}, "password"),
        (lambda: store(None, certificate_for(private_object(KEY))), {"password": b"pw"}, "JWK.from_x509"),
        (lambda: store(KEY)[:-9], {"password": b"pw"}, "cannot be read"),
        (lambda: KEY.to_pem(private=True), {}, "JWK.from_pem"),
        (lambda: KEY.to_der(private=True), {}, "JWK.from_der"),
        (lambda: b"", {}, "empty"),
        (lambda: costly(b"\x7f\xff\xff\xff"), {"password": b"pw"}, "rounds"),
        (lambda: costly(b"\x01\x00\x00\x00\x00"), {"password": b"pw"}, "rounds"),
        (
            lambda: store(KEY, *[certificate_for(private_object(KEY)) for _ in range(CERTIFICATES_MAX + 1)]),
            {"password": b"pw"},
            "at most",
        ),
    ],
    ids=["no password", "wrong password", "no key", "cut", "PEM", "DER", "empty", "costly", "panic", "long chain"],
)
def test_what_cannot_be_read_says_why(data: Any, words: dict[str, Any], message: str) -> None:
    with pytest.raises(KeyFormatError, match=message):
        JWK.from_pkcs12(data(), alg="ES256", **words)


def test_words_of_the_wrong_type_are_the_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError):
        JWK.from_pkcs12(store(KEY), alg="ES256", password="pw")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        JWK.from_pkcs12(5, alg="ES256")  # type: ignore[arg-type]
    with pytest.raises((ConfigurationError, KeyFormatError)):
        JWK.from_pkcs12(store(KEY), alg="RS256", password=b"pw")
