"""Keys of PASETO: typed by version and kind, octets and PEM both ways, and what is refused with which words."""

from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from daypass import paseto
from daypass.errors import KeyFormatError
from daypass.limits import PASETO_KEY_TEXT_BYTES_MAX
from daypass.paseto.keys import LocalKey, PublicKey, SecretKey
from tests.paseto_keys import EVERY_VERSION, local, public, secret

SECRET_BYTES = {2: 64, 3: 48, 4: 64}
PUBLIC_BYTES = {2: 32, 3: 49, 4: 32}
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


def key_object(version: int) -> Any:
    """The key of a version as `cryptography` has it."""
    if version in (2, 4):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(secret(version).to_bytes()[:32])  # type: ignore[arg-type]
    return secret(version).material  # type: ignore[arg-type]


def pem(version: int, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key_object(version).private_bytes(Encoding.PEM, form, NoEncryption())


def public_pem(version: int) -> bytes:
    return key_object(version).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signs_for(one: SecretKey, other: PublicKey) -> bool:
    return paseto.verify(paseto.sign(b"x", one, allow_legacy=True), other).payload == b"x"


# ----------------------------------------------------------------------------------------------- both ways


@EVERY_VERSION
def test_octets_go_both_ways(version: Any) -> None:
    for key in (local(version), secret(version), public(version)):
        kind: Any = type(key)
        raw = key.to_bytes()
        assert type(raw) is bytes
        for given in (raw, bytearray(raw), memoryview(raw)):
            again = kind.from_bytes(version, given)
            assert (type(again), again.version, again.to_bytes()) == (kind, version, raw)
    assert len(local(version).to_bytes()) == 32
    if version != 1:
        assert len(secret(version).to_bytes()) == SECRET_BYTES[version]
        assert len(public(version).to_bytes()) == PUBLIC_BYTES[version]
    assert signs_for(SecretKey.from_bytes(version, secret(version).to_bytes()), public(version))


def test_a_key_does_not_change_with_what_it_was_made_of() -> None:
    raw = bytearray(range(32))
    key = LocalKey.from_bytes(4, raw)
    raw[0] ^= 1
    assert key.to_bytes() == bytes(range(32))


def test_octets_with_a_step_are_those_that_are_seen() -> None:
    raw = bytes(range(64))
    assert LocalKey.from_bytes(4, memoryview(raw)[::2]).to_bytes() == raw[::2]


@EVERY_VERSION
def test_pem_goes_both_ways(version: Any) -> None:
    data = pem(version)
    for given in (data, data.decode(), bytearray(data), memoryview(data), data.replace(b"\n", b"\r\n"), b"\n" + data):
        assert SecretKey.from_pem(version, given).to_bytes() == secret(version).to_bytes()
    data = public_pem(version)
    for given in (data, data.decode(), bytearray(data), b"# of the service\n" + data):
        assert PublicKey.from_pem(version, given).to_bytes() == public(version).to_bytes()


def test_elder_forms_of_pem_are_read() -> None:
    for version in (1, 3):
        data = pem(version, PrivateFormat.TraditionalOpenSSL)
        assert SecretKey.from_pem(version, data).to_bytes() == secret(version).to_bytes()  # type: ignore[arg-type]
    parameters = b"-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n"  # as OpenSSL writes them
    with_parameters = parameters + pem(3, PrivateFormat.TraditionalOpenSSL)
    assert SecretKey.from_pem(3, with_parameters).to_bytes() == secret(3).to_bytes()


@EVERY_VERSION
def test_generated_keys_are_new_and_work(version: Any) -> None:
    assert LocalKey.generate(version).to_bytes() != LocalKey.generate(version).to_bytes()
    assert (local(version).version, local(version).purpose, local(version).is_private) == (version, "local", True)
    assert (secret(version).version, secret(version).purpose, secret(version).is_private) == (version, "public", True)
    assert (public(version).version, public(version).purpose, public(version).is_private) == (version, "public", False)
    assert signs_for(secret(version), public(version))
    if version != 1:
        assert SecretKey.generate(version).to_bytes() != SecretKey.generate(version).to_bytes()


def test_v2_and_v4_take_the_same_octets_and_are_different_keys() -> None:
    old = SecretKey.from_bytes(2, secret(4).to_bytes())
    assert old.public().to_bytes() == public(4).to_bytes()
    assert paseto.sign(b"x", old, allow_legacy=True)[3:] != paseto.sign(b"x", secret(4))[3:]


# -------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("version", [0, 5, -1, 4.0, "4", "v4", None, True, b"4"])
def test_there_are_four_versions(version: Any) -> None:
    for make in (
        lambda: LocalKey.generate(version),
        lambda: SecretKey.generate(version),
        lambda: LocalKey.from_bytes(version, bytes(32)),
        lambda: SecretKey.from_bytes(version, secret(4).to_bytes()),
        lambda: PublicKey.from_bytes(version, bytes(32)),
        lambda: SecretKey.from_pem(version, pem(4)),
        lambda: PublicKey.from_pem(version, public_pem(4)),
    ):
        with pytest.raises(ValueError, match="version is 1, 2, 3 or 4"):
            make()


@pytest.mark.parametrize("kind", [LocalKey, SecretKey, PublicKey])
def test_octets_are_bytes(kind: Any) -> None:
    for raw in ("A" * 32, list(range(32)), 32, None, object(), local(4)):
        with pytest.raises(TypeError, match="a key is bytes here"):
            kind.from_bytes(4, raw)


def test_pem_is_text() -> None:
    for load in (SecretKey.from_pem, PublicKey.from_pem):
        for data in (None, 1, [pem(4)], object()):
            with pytest.raises(TypeError, match="bytes or str"):
                load(4, data)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_octets_have_one_length(version: Any) -> None:
    for size in {*range(100), 128} - {SECRET_BYTES[version]}:
        with pytest.raises(KeyFormatError, match=f"exactly {SECRET_BYTES[version]} bytes"):
            SecretKey.from_bytes(version, b"\x02" * size)
    for size in {*range(100), 128} - {PUBLIC_BYTES[version]}:
        with pytest.raises(KeyFormatError, match=f"{PUBLIC_BYTES[version]} bytes"):
            PublicKey.from_bytes(version, b"\x02" * size)


@pytest.mark.parametrize("version", [2, 4])
def test_both_halves_of_an_ed25519_key_belong_together(version: Any) -> None:
    raw = secret(version).to_bytes()
    for at in (0, 31, 32, 63):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(KeyFormatError, match="not the one of its seed"):
            SecretKey.from_bytes(version, changed)


def test_a_scalar_of_p384_is_within_its_order() -> None:
    for number in (0, P384_ORDER, P384_ORDER + 1, 2**384 - 1):
        with pytest.raises(KeyFormatError, match="cannot be read"):
            SecretKey.from_bytes(3, number.to_bytes(48, "big"))
    for number in (1, P384_ORDER - 1):
        assert SecretKey.from_bytes(3, number.to_bytes(48, "big")).to_bytes() == number.to_bytes(48, "big")


def test_v1_octets_have_one_spelling() -> None:
    key = secret(1).material
    secrets = {
        form: key.private_bytes(Encoding.DER, form, NoEncryption())
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)
    }
    pkcs1 = secrets[PrivateFormat.TraditionalOpenSSL]
    assert SecretKey.from_bytes(1, pkcs1).to_bytes() == pkcs1 == secret(1).to_bytes()
    with pytest.raises(KeyFormatError, match="one spelling"):
        SecretKey.from_bytes(1, secrets[PrivateFormat.PKCS8])
    public_pkcs1 = key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    with pytest.raises(KeyFormatError, match="one spelling"):
        PublicKey.from_bytes(1, public_pkcs1)
    for load, raw in ((SecretKey.from_bytes, pkcs1), (PublicKey.from_bytes, public(1).to_bytes())):
        for other in (raw + b"\0", raw[:-1], b"", raw[1:], b"\x30\x80" + raw[4:] + b"\0\0"):
            with pytest.raises(KeyFormatError):
                load(1, other)


def test_one_pem_is_one_key() -> None:
    """Of two, nobody guesses which was meant: neither the first, nor the one that fits."""
    for version in (3, 4):
        for load, data, other in (
            (SecretKey.from_pem, pem(version), pem(3)),
            (PublicKey.from_pem, public_pem(version), public_pem(3)),
            (SecretKey.from_pem, pem(version), public_pem(version)),
            (PublicKey.from_pem, public_pem(version), pem(version)),
        ):
            for both in (data + other, other + data, data + data):
                with pytest.raises(KeyFormatError, match="expected one key"):
                    load(version, both)  # type: ignore[arg-type]
    for none in (b"", b"text", pem(4)[:-30], pem(4).replace(b"\n", b"\\n"), b64encode(pem(4)), secret(4).to_bytes()):
        with pytest.raises(KeyFormatError, match="expected one key"):
            SecretKey.from_pem(4, none)


def test_a_pem_is_bounded() -> None:
    padding = b" " * (PASETO_KEY_TEXT_BYTES_MAX - len(pem(4)))
    assert SecretKey.from_pem(4, padding + pem(4)).to_bytes() == secret(4).to_bytes()
    for load, data in ((SecretKey.from_pem, pem(4)), (PublicKey.from_pem, public_pem(4))):
        with pytest.raises(KeyFormatError, match=f"at most {PASETO_KEY_TEXT_BYTES_MAX} bytes"):
            load(4, b" " * PASETO_KEY_TEXT_BYTES_MAX + data)
    with pytest.raises(KeyFormatError, match="at most"):
        SecretKey.from_bytes(1, bytes(PASETO_KEY_TEXT_BYTES_MAX + 1))


def test_an_ec_key_whose_point_is_not_its_own_is_refused() -> None:
    der = [
        key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        for key in (key_object(3), ec.generate_private_key(ec.SECP384R1()))
    ]
    for mixed, loads in ((der[0][:-97] + der[0][-97:], True), (der[0][:-97] + der[1][-97:], False)):
        data = b"-----BEGIN EC PRIVATE KEY-----\n" + b64encode(mixed) + b"\n-----END EC PRIVATE KEY-----\n"
        if loads:
            assert SecretKey.from_pem(3, data).to_bytes() == secret(3).to_bytes()
        else:
            with pytest.raises(KeyFormatError):
                SecretKey.from_pem(3, data)


@EVERY_VERSION
def test_a_pem_of_another_version_is_refused(version: Any) -> None:
    for other in {1, 2, 3, 4} - {version}:
        if {version, other} == {2, 4}:
            continue  # the same keys: the owner says which it is
        with pytest.raises(KeyFormatError, match=f"a key of v{version} is"):
            SecretKey.from_pem(version, pem(other))
        with pytest.raises(KeyFormatError, match=f"a key of v{version} is"):
            PublicKey.from_pem(version, public_pem(other))


# -------------------------------------------------------------------------------------------------- frozen


def test_a_key_does_not_change() -> None:
    for key in (local(4), secret(4), public(4)):
        for name in ("version", "_material", "prepared", "other"):
            with pytest.raises(AttributeError, match="does not change"):
                setattr(key, name, 3)
            with pytest.raises(AttributeError, match="does not change"):
                delattr(key, name)
        assert key.version == 4


def test_what_verifies_is_prepared_once() -> None:
    for version in (1, 3):
        key = PublicKey.from_bytes(version, public(version).to_bytes())  # type: ignore[arg-type]
        assert key.material is key.material
