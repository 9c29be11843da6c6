"""ATTACKS C13 and A16 for PASETO: no key, no error and no frame of ours shows a secret; keys that are none stay out."""

import copy
import json
import pickle
import pprint
import time
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from nacl.bindings import crypto_core_ed25519_is_valid_point

import daypass
from daypass import paseto
from daypass.concealed import Concealed
from daypass.errors import ConfigurationError, KeyFormatError, TokenError, WeakKey
from daypass.paseto.keys import Key, LocalKey, PublicKey, SecretKey
from tests.der import pbes1, pbkdf2, scrypt
from tests.paseto_keys import EVERY_VERSION, VERSIONS, joined, parts, read

ROOM = str(Path(daypass.__file__).parent)
SEED = b"planted-secret-0123456789-abcdef"
PASSWORD = b"planted-password-0123456789"
P384 = ec.derive_private_key(int.from_bytes(SEED * 2, "big") >> 136, ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)


@cache
def rsa_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


def pem_of(key: Any, password: bytes | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(password) if password else NoEncryption())


def pem_of_public(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def object_of(version: int) -> Any:
    return {1: rsa_key(), 3: P384}.get(version, ED25519)


@cache
def secret(version: Any) -> SecretKey:
    return SecretKey.from_pem(version, pem_of(object_of(version)))


@cache
def local(version: Any) -> LocalKey:
    return LocalKey.from_bytes(version, SEED)


def spellings(part: bytes) -> list[str]:
    number = int.from_bytes(part, "big")
    forms = [repr(part)[2:-1], part.hex(), part.hex(":"), b64encode(part).decode().rstrip("="), str(list(part))[1:-1]]
    return [*forms, forms[3].replace("+", "-").replace("/", "_"), str(number), f"{number:x}"]


@cache
def needles() -> list[str]:
    numbers = rsa_key().private_numbers()
    whole = [numbers.d, numbers.p, numbers.q, P384.private_numbers().private_value]
    found = [SEED, PASSWORD, *(it.to_bytes((it.bit_length() + 7) // 8, "big") for it in whole)]
    pems = [pem_of(object_of(version)) for version in VERSIONS]
    lines = [line for pem in pems for line in pem.decode().splitlines() if not line.startswith("-") and len(line) > 15]
    return [form for part in found for form in spellings(part)] + lines


def found_in(text: str) -> list[str]:
    return [it for it in needles() if it in text]


def frames_of(error: BaseException) -> Iterator[tuple[str, str, str]]:
    for frame in traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), capture_locals=True):
        if frame.filename.startswith(ROOM):
            yield from ((frame.name, name, value) for name, value in (frame.locals or {}).items())


def texts_of(raised: BaseException) -> Iterator[str]:
    """What a page, a log or an error service makes of an error, with the locals of every frame of ours."""
    error: BaseException | None = raised
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        yield from (f"{frame}: {name} = {value}" for frame, name, value in frames_of(error))
        error = error.__cause__ or error.__context__


def raises_without(act: Callable[[], object]) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        act()
    for text in texts_of(raised.value):
        assert not found_in(text), text[:300]


def test_the_needles_are_found_where_they_are() -> None:
    assert found_in(repr(SEED))
    for version in VERSIONS:
        assert found_in(pem_of(object_of(version)).decode())
    planted = Concealed(SEED).value

    def fail(shown: bytes) -> None:
        raise LookupError

    with pytest.raises(LookupError) as raised:
        fail(planted)
    frames = traceback.StackSummary.extract(traceback.walk_tb(raised.value.__traceback__), capture_locals=True)
    assert any(found_in(value) for frame in frames for value in (frame.locals or {}).values())


# ------------------------------------------------------------------------------------------- keys at rest


@EVERY_VERSION
def test_C13_a_key_shows_copies_and_pickles_nothing(version: Any) -> None:
    for key in (local(version), secret(version), secret(version).public()):
        if isinstance(key, PublicKey):
            read(version, "public", paseto.sign(b"x", secret(version), allow_legacy=True), key)
        shown = (key, [key], {"key": key}, key.prepared, type(key), (key,))
        for text in (form(it) for it in shown for form in (repr, str, ascii, pprint.pformat, "{!s:>9}".format)):
            assert not found_in(text), text
        assert repr(key) == f"{type(key).__name__}(v{version}, redacted)"
        assert copy.copy(key) is copy.deepcopy(key) is copy.deepcopy([key])[0] is key
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="not pickled"):
                pickle.dumps(key, protocol)
        for act in (json.dumps, msgspec.json.encode, msgspec.to_builtins, vars, dict, list, bytes):
            raises_without(lambda act=act, key=key: act(key))
        for name in ("version", "prepared", "_material", "purpose", "more"):
            with pytest.raises(AttributeError):
                setattr(key, name, 4)
        assert not hasattr(key, "__dict__")
    assert key is not None


def test_C13_a_key_that_was_not_made_shows_nothing() -> None:
    assert repr(object.__new__(Key)) == "Key(v?, redacted)"


# -------------------------------------------------------------------------------- frames of what was refused


def subkeys(version: int, token: str, key: bytes) -> list[bytes]:
    """What the shared key becomes under the nonce of one token: whoever sees it writes tokens."""
    from hashlib import blake2b

    from daypass.paseto.aes_ctr import hkdf_sha384

    nonce = parts(token)[1][: 24 if version == 2 else 32]
    if version == 4:
        names = ((b"paseto-encryption-key", 56), (b"paseto-auth-key-for-aead", 32))
        made = [blake2b(name + nonce, key=key, digest_size=size).digest() for name, size in names]
        return [made[0][:32], made[0][32:], made[1]]
    if version == 3:
        derive = hkdf_sha384(key, length_bytes=48)
        made = [derive(name + nonce) for name in (b"paseto-encryption-key", b"paseto-auth-key-for-aead")]
        return [made[0][:32], made[0][32:], made[1]]
    derive = hkdf_sha384(key, length_bytes=32, salt=nonce[:16])
    return [derive(b"paseto-encryption-key"), derive(b"paseto-auth-key-for-aead")]


@EVERY_VERSION
def test_C13_a_refused_token_shows_neither_the_key_nor_what_is_derived_of_it(version: Any) -> None:
    """A stranger may send the nonce of another's token: its subkeys would open that, and forge the next."""
    good = paseto.encrypt(b"payload", local(version), allow_legacy=True)
    header, held, _ = parts(good)
    bad = [
        joined(header, held[:-1] + bytes([held[-1] ^ 1])),
        joined(header, held, b"f"),
        header + "AAAA",
        good + "=",
        "x",
    ]
    derived = [form for it in subkeys(version, good, SEED) for form in spellings(it)] if version != 2 else []
    assert derived or version == 2
    for token in bad:
        with pytest.raises(TokenError) as raised:
            paseto.decrypt(token, local(version))
        for text in texts_of(raised.value):
            assert not found_in(text), text[:300]
            assert not [it for it in derived if it in text], text[:300]
        assert raised.value.__context__ is None


@EVERY_VERSION
def test_C13_the_subkeys_are_those_that_are_looked_for(version: Any) -> None:
    """What the test above derives by itself does open the token."""
    if version == 2:
        return
    from daypass.paseto import aes_ctr, xchacha20

    token = paseto.encrypt(b"payload", local(version), allow_legacy=True)
    held = parts(token)[1]
    encryption, *rest = subkeys(version, token, SEED)
    if version == 4:
        assert xchacha20.xchacha20(encryption, rest[0], held[32:-32]) == b"payload"
    else:
        counter = held[16:32] if version == 1 else rest[0]
        assert aes_ctr.aes_256_ctr(encryption, counter, held[32:-48]) == b"payload"


INSIDE = {
    "derivation": "daypass.paseto.aes_ctr.HKDF",
    "encoding of v1, v3, v4": "daypass.paseto.encrypt_then_mac.pae",
    "encoding of v2": "daypass.paseto.v2.pae",
    "cipher of v2": "nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt",
    "other cipher of v2": "nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt",
    "signature": "nacl.bindings.crypto_sign",
    "chance": "os.urandom",
}


@pytest.mark.parametrize("what", INSIDE)
def test_C13_what_breaks_inside_shows_no_key(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = {version: paseto.encrypt(b"x", local(version), allow_legacy=True) for version in VERSIONS}
    keys = {version: LocalKey.from_bytes(version, SEED) for version in VERSIONS}
    secrets = {version: SecretKey.from_bytes(version, secret(version).to_bytes()) for version in VERSIONS}

    def broken(*_: object, **__: object) -> Any:
        raise MemoryError

    monkeypatch.setattr(INSIDE[what], broken)
    failed = 0
    for version in VERSIONS:
        for act in (
            lambda version=version: paseto.encrypt(b"x", keys[version], allow_legacy=True),
            lambda version=version: paseto.decrypt(tokens[version], keys[version]),
            lambda version=version: paseto.sign(b"x", secrets[version], allow_legacy=True),
        ):
            try:
                act()
            except MemoryError:
                raises_without(act)
                failed += 1
    assert failed


@EVERY_VERSION
def test_C13_a_mistake_with_a_key_shows_nothing(version: Any) -> None:
    key, signing = local(version), secret(version)
    anything: Any = SEED
    may = {"allow_legacy": True}
    for act in (
        lambda: paseto.encrypt(b"x", anything),
        lambda: paseto.encrypt("text", key, **may),  # type: ignore[arg-type]
        lambda: paseto.encrypt(bytes(2**20), key, **may),
        lambda: paseto.encrypt(b"x", key, footer=bytes(9000), **may),
        lambda: paseto.encrypt(b"x", key, footer="f", **may),  # type: ignore[arg-type]
        lambda: paseto.encrypt(b"x", key, implicit="i", **may),  # type: ignore[arg-type]
        lambda: paseto.sign(b"x", anything),
        lambda: paseto.sign(b"x", key),  # type: ignore[arg-type]
        lambda: paseto.sign(bytes(2**20), signing, **may),
        lambda: paseto.sign_claims({"x": {1}}, signing, **may),
        lambda: paseto.sign_claims({}, anything, **may),
        lambda: paseto.encrypt_claims({}, anything, **may),
        lambda: paseto.encrypt_claims({}, key, lifetime_s=-1, **may),
        lambda: paseto.decrypt("x", anything),
        lambda: paseto.verify("x", anything),
        lambda: paseto.verify("x", signing),  # type: ignore[arg-type]
        lambda: paseto.verify_claims("x", anything),
        lambda: paseto.decrypt_claims("x", anything),
        lambda: key.no_such_attribute,  # type: ignore[attr-defined]
    ):
        raises_without(act)


# ------------------------------------------------------------------------------------------ loaders that refuse


@EVERY_VERSION
@pytest.mark.parametrize("kind", [LocalKey, SecretKey, PublicKey])
def test_C13_octets_that_are_refused_show_nothing(version: Any, kind: Any) -> None:
    """Another length, another kind, another type, and version and octets in each other's place."""
    own = secret(version).to_bytes()
    der = object_of(version).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    wrong: list[Any] = [SEED + b"x", SEED[:31], SEED.decode(), [SEED], None, SEED * 9, SEED.hex(), PASSWORD, der]
    wrong += [memoryview(SEED * 4).cast("Q")] + ([own, bytearray(own)] if kind is not SecretKey else [SEED * 2])
    for raw in wrong:
        raises_without(lambda raw=raw: kind.from_bytes(version, raw))
    for swapped in (SEED, own, PASSWORD):
        raises_without(lambda swapped=swapped: kind.from_bytes(swapped, version))
        raises_without(lambda swapped=swapped: kind.from_bytes(swapped, swapped))
    for unknown in (0, 5, True, "4", 4.0, None):
        raises_without(lambda unknown=unknown: kind.from_bytes(unknown, SEED if kind is LocalKey else own))


def test_C13_a_seed_that_is_taken_for_a_public_key_is_not_shown() -> None:
    """It may be no point: then the first use says so, and not more."""
    seeds = [bytes([first, *SEED[1:]]) for first in range(65, 91)]
    none = [seed for seed in seeds if not crypto_core_ed25519_is_valid_point(seed)]
    assert none
    for seed in none:
        key = PublicKey.from_bytes(4, seed)
        with pytest.raises(KeyFormatError) as raised:
            paseto.verify("v4.public.AAAA", key)
        assert not [it for text in texts_of(raised.value) for it in spellings(seed) if it in text]


@EVERY_VERSION
@pytest.mark.parametrize("load", [SecretKey.from_pem, PublicKey.from_pem])
def test_C13_a_pem_that_is_refused_shows_nothing(version: Any, load: Any) -> None:
    pem = pem_of(object_of(version))
    other = pem_of(object_of(3 if version != 3 else 4))
    wrong: list[Any] = [pem[:-60], pem * 2, pem + other, other, SEED, SEED.decode(), [pem], None, pem + bytes(5000)]
    wrong += [pem.replace(b"\nM", b"\nMM"), pem.replace(b"\n", b"\\n"), pem_of(object_of(version), PASSWORD)]
    wrong += [pem.replace(b"PRIVATE", b"PUBLIC"), pem.replace(b"-----B", b"\xd0-----B", 1)[:99], b"-----BEGIN " + SEED]
    wrong += [pem.decode()[:-60] + "\ud800", json.dumps({"k": SEED.decode()}), b"ssh-ed25519 " + b64encode(SEED)]
    if load == PublicKey.from_pem:
        wrong += [pem, pem.decode()]
    for data in wrong:
        raises_without(lambda data=data: load(version, data))
    raises_without(lambda: load(pem, version))
    raises_without(lambda: load(5, pem))
    assert load(version, pem if load == SecretKey.from_pem else pem_of_public(object_of(version))).version == version


# ----------------------------------------------------------------------------------- keys that are none


def test_A16_rsa_of_another_size_or_exponent_does_not_sign() -> None:
    for pem, key in ((pem_of(rsa_key(1024)), WeakKey), (pem_of(rsa_key(2048, 3)), KeyFormatError)):
        with pytest.raises(key):
            SecretKey.from_pem(1, pem)
    for bad, key in ((rsa_key(1024), WeakKey), (rsa_key(2048, 3), KeyFormatError)):
        with pytest.raises(key):
            PublicKey.from_pem(1, pem_of_public(bad))
        with pytest.raises(key):
            PublicKey.from_bytes(1, bad.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        with pytest.raises(key):
            SecretKey.from_bytes(1, bad.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()))


def test_A16_rsa_of_4096_bits_seals_and_does_not_sign() -> None:
    key = SecretKey.from_pem(1, pem_of(rsa_key(4096)))
    for _ in range(2):  # nothing was prepared
        with pytest.raises(ConfigurationError, match=r"k1\.seal alone"):
            paseto.sign(b"x", key, allow_legacy=True)
        with pytest.raises(ConfigurationError, match=r"k1\.seal alone"):
            paseto.verify("v1.public." + "A" * 800, key.public())


@pytest.mark.parametrize(
    "der", [pbkdf2(2**31), scrypt(2**20, 8, 2**20), pbes1(2**30)], ids=["pbkdf2", "scrypt", "pbes1"]
)
def test_E06_a_key_under_a_password_is_refused_without_work(der: bytes) -> None:
    pem = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + b64encode(der) + b"\n-----END ENCRYPTED PRIVATE KEY-----\n"
    began_s = time.perf_counter()
    for version in VERSIONS:
        for load in (SecretKey.from_pem, PublicKey.from_pem):
            with pytest.raises(KeyFormatError, match="not encrypted"):
                load(version, pem)
        with pytest.raises(KeyFormatError):
            SecretKey.from_bytes(version, der)
    assert time.perf_counter() - began_s < 1


def test_F01_a_pem_of_another_type_is_refused() -> None:
    """Also where the bits would do: of X25519, of another curve, of another version, the other half."""
    objects = {1: rsa_key(), 2: ED25519, 3: P384, 4: ED25519}
    strange = [x25519.X25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate(), dsa.generate_private_key(1024)]
    strange += [ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP521R1, ec.SECP256K1)]
    for version, own in objects.items():
        others = [it for it in objects.values() if type(it) is not type(own)]
        for key in (*others, *strange, rsa_key(1024)):
            for load, pem in ((SecretKey.from_pem, pem_of(key)), (PublicKey.from_pem, pem_of_public(key))):
                with pytest.raises((KeyFormatError, WeakKey)):
                    load(version, pem)
        for load, pem in (
            (SecretKey.from_pem, pem_of_public(own)),
            (PublicKey.from_pem, pem_of(own)),
            (SecretKey.from_pem, pem_of(own, form=PrivateFormat.OpenSSH)),
            (PublicKey.from_pem, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ):
            with pytest.raises(KeyFormatError):
                load(version, pem)  # type: ignore[arg-type]


DH = (  # 2,048 bits of RFC 3526, the private number 2: a kind of key that `cryptography` warns of
    "MIICJQIBADCCAhkGByqGSM4+AgEwggIMAoIBAQD//////////8kP2qIhaMI0xMZii4DcHNEpAk4IimfMdAILvqY7E5siUUoIeY40BN3vlRmz"
    "zTpDGzArCm3yXxQ3T+E1bW1RwkXkhbV2Yl5+xvRMQummN+1rC/9ctvQGt+3uOGv7Womfpa6fJBF8Sx/mSShmUezkWz3CAHy4oWO/BZjaSDYc"
    "VdOaaRY/qP0kz1+DZV0j3KOtlhxi81YghVK7ntUpB3CWlm1nDDVOSryYBPF0bAjKGCF8MpBeRi42zjvjnncsGA6GA5sng6LsB6KPtcVd8G9M"
    "UsneK8v2lVgXGDmVSXzqlWrlFdImGJj6BRAVco5aiqyqaP//////////AgECAoIBAH//////////5IftURC0YRpiYzFFwG4OaJSBJwRFM+Y6"
    "AQXfUx2JzZEopQQ8xxoCbvfKjNnmnSGNmBWFNvkvihun8Jq2tqjhIvJC2rsxLz9jeiYhdNMb9rWF/65begNb9vccNf2tRM/S10+SCL4lj/Mk"
    "lDMo9nItnuEAPlxQsd+CzG0kGw4q6c00ix/UfpJnr8GyrpHuUdbLDjF5qxBCqV3PapSDuEtLNrOGGqclXkwCeLo2BGUMEL4ZSC8jFxtnHfHP"
    "O5YMB0MBzZPB0XYD0Ufa4q74N6YpZO8V5ftKrAuMHMqkvnVKtXKK6RMMTH0CiAq5Ry1FVlU0f/////////8EAwIBAg=="
)


def test_F01_a_kind_of_key_that_is_warned_of_is_refused_all_the_same() -> None:
    """A program that takes warnings for errors gets a KeyFormatError, and no warning."""
    pem = f"-----BEGIN PRIVATE KEY-----\n{DH}\n-----END PRIVATE KEY-----\n"
    for version in VERSIONS:
        with pytest.raises(KeyFormatError):
            SecretKey.from_pem(version, pem)
