"""PASERK: every type goes both ways, what is no key or costs too much is refused first, and no secret is repeated."""

import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from struct import pack
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.kdf import argon2
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import daypass
from daypass import encoding, paseto
from daypass.concealed import Concealed
from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import ConfigurationError, DaypassError, KeyFormatError, WeakKey
from daypass.limits import (
    ARGON2_LANES_MAX,
    ARGON2_MEMORY_BYTES_DEFAULT,
    ARGON2_MEMORY_BYTES_MAX,
    ARGON2_PASS_COUNT_DEFAULT,
    ARGON2_PASS_COUNT_MAX,
    ARGON2_WORK_BYTES_MAX,
    PASERK_BYTES_MAX,
    PASERK_PBKDF2_COUNT_MAX,
    PBES2_COUNT_DEFAULT,
)
from daypass.paseto import LocalKey, PublicKey, SecretKey, paserk, paserk_password, paserk_rsa_kem
from daypass.paseto.keys import Version

VERSIONS: tuple[Version, ...] = (1, 2, 3, 4)
EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS)
PASSWORD = b"planted-password-0123456789"
REFUSED = "the key cannot be unwrapped: it was made with another password or key, or it was changed since"
IDS = ["lid", "sid", "pid"]
HOLDING_A_KEY = ["local", "secret", "public", "local-wrap.pie", "secret-wrap.pie", "local-pw", "secret-pw", "seal"]


@cache
def local_of(version: Version) -> LocalKey:
    return LocalKey.generate(version)


@cache
def secret_of(version: Version) -> SecretKey:
    return SecretKey.generate(version)


@cache
def unsealing_of(version: Version) -> SecretKey:
    """A key that unseals: of v1 a longer one than the one that signs."""
    return rsa_of(4096) if version == 1 else SecretKey.generate(version)


def rsa_of(bits: int) -> SecretKey:
    key = rsa.generate_private_key(65537, bits)
    return SecretKey.from_pem(1, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that cost next to nothing."""
    rows = {
        version: msgspec.structs.replace(row, written=(1000,) if version in (1, 3) else (8192, 1, 1))
        for version, row in paserk_password._STRETCHING.items()
    }
    monkeypatch.setattr(paserk_password, "_STRETCHING", rows)


def words_for(type_: str, version: Version) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """A key, what dump needs to give it this type, and what load needs to read it."""
    key: Any = local_of(version) if type_.startswith(("l", "seal")) else secret_of(version)
    if type_ == "public":
        key = secret_of(version).public()
    if type_.endswith("-wrap.pie"):
        wrapping = {"wrapping_key": LocalKey.from_bytes(version, bytes(range(32)))}
        return key, wrapping, wrapping
    if type_.endswith("-pw"):
        return key, {"password": PASSWORD}, {"password": PASSWORD}
    if type_ == "seal":
        unsealing_key, may = unsealing_of(version), {"allow_raw_rsa": version == 1}
        return key, {"sealing_key": unsealing_key.public(), **may}, {"unsealing_key": unsealing_key, **may}
    return key, {}, {}


def text_of(type_: str, version: Version) -> tuple[str, dict[str, Any]]:
    """A PASERK of a type, and the words that open it."""
    key, dumping, loading = words_for(type_, version)
    if type_ in IDS:
        return paserk.key_id(secret_of(version).public() if type_ == "pid" else key), {}
    return paserk.dump(key, **dumping), loading


def data_of(text: str) -> bytes:
    return b64url_decode(text.rpartition(".")[2].encode())


def with_data(text: str, data: bytes) -> str:
    return text.rpartition(".")[0] + "." + b64url_encode(data)


def refused(text: Any, message: str, **words: Any) -> None:
    with pytest.raises(KeyFormatError) as raised:
        paserk.load(text, **words)
    assert message in str(raised.value), raised.value


# ------------------------------------------------------------------------------------------------ both ways


@EVERY_VERSION
@pytest.mark.parametrize("type_", HOLDING_A_KEY)
def test_each_type_goes_both_ways(cheap: None, type_: str, version: Version) -> None:
    key, dumping, loading = words_for(type_, version)
    text = paserk.dump(key, **dumping)
    assert text.startswith(f"k{version}.{type_}.")
    assert text.isascii()
    assert len(text) < PASERK_BYTES_MAX
    for demanded in (None, version):
        loaded = paserk.load(text, version=demanded, **loading)
        assert (type(loaded), loaded.version, loaded.to_bytes()) == (type(key), version, key.to_bytes())
    assert (text == paserk.dump(key, **dumping)) is (not dumping)  # what is drawn is never drawn twice
    other = next(it for it in VERSIONS if it != version)
    refused(text, f"of version {other} is demanded, and this is a k{version}.{type_}", version=other, **loading)


@EVERY_VERSION
def test_a_loaded_key_does_its_work(version: Version) -> None:
    local, secret = paserk.load(paserk.dump(local_of(version))), paserk.load(paserk.dump(secret_of(version)))
    public = paserk.load(paserk.dump(secret_of(version).public()))
    assert isinstance(local, LocalKey)
    assert isinstance(secret, SecretKey)
    assert isinstance(public, PublicKey)
    encrypted = paseto.encrypt(b"payload", local_of(version), allow_legacy=True)
    assert paseto.decrypt(encrypted, local).payload == b"payload"
    assert paseto.verify(paseto.sign(b"payload", secret, allow_legacy=True), public).payload == b"payload"


@EVERY_VERSION
def test_an_id_names_a_key(version: Version) -> None:
    local, secret = local_of(version), secret_of(version)
    for key, type_ in ((local, "lid"), (secret, "sid"), (secret.public(), "pid")):
        name = paserk.key_id(key)
        assert name.startswith(f"k{version}.{type_}.")
        assert len(name) == len("k4.lid.") + 44
        assert name == paserk.key_id(key) == paserk.key_id(paserk.load(paserk.dump(key)))
        refused(name, "is the name of a key, and no key")
        refused(name, "is the name of a key, and no key", password=b"x")
    assert paserk.key_id(local) != paserk.key_id(LocalKey.generate(version))


def test_the_same_octets_have_another_id_in_another_version() -> None:
    assert len({paserk.key_id(LocalKey.from_bytes(version, bytes(32))) for version in VERSIONS}) == 4


# -------------------------------------------------------------------------------------------- what is no key


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no PASERK"),
        ("k4.local", "no PASERK"),
        ("k4.local.", "exactly 32 bytes"),
        ("k4.locals.AAAA", "no PASERK"),
        ("K4.local." + "A" * 43, "no PASERK"),
        (" k4.local." + "A" * 43, "no PASERK"),
        ("k4.local." + "A" * 43 + "\n", "canonical base64url"),
        ("k4.local." + "A" * 43 + "=", "canonical base64url"),
        ("k4.local." + "A" * 42 + "B", "canonical base64url"),
        ("k4.local." + "A" * 42 + "/", "canonical base64url"),
        ("k4.local." + "A" * 43 + ".", "canonical base64url"),
        ("k4.local." + "A" * 42 + "\u0410", "no PASERK"),
        ("k\u0664.local." + "A" * 43, "no PASERK"),
        ("k4.local." + "A" * 42, "exactly 32 bytes"),
        ("k4.local." + "A" * 44, "exactly 32 bytes"),
        ("k4.secret." + "A" * 43, "exactly 64 bytes"),
        ("k4.secret." + "A" * 86, "not the one of its seed"),
        ("k3.secret." + "A" * 64, "cannot be read"),
        ("k3.public." + "A" * 64, "exactly 49 bytes"),
        ("k3.public." + "B" + "A" * 65, "from 02 or 03 on"),
        ("k1.public.", "more than 0 bytes"),
        ("k1.secret.AAAA", "cannot be read"),
        ("k5.local." + "A" * 43, "another version than k1 to k4"),
        ("k4.local-wrap.aws-kms." + "A" * 43, "another protocol than pie"),
        ("k4.seal.pie.AAAA", "is sealed: pass unsealing_key"),
        ("v4.local." + "A" * 43, "a PASETO token, and no key"),
        ("v4.public.AAAA", "a PASETO token, and no key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA", "this is PEM"),
        ("k4.local." + "A" * PASERK_BYTES_MAX, f"at most {PASERK_BYTES_MAX} bytes"),
    ],
)
def test_what_is_no_paserk_is_refused(text: str, message: str) -> None:
    refused(text, message)


@pytest.mark.parametrize("text", [None, 1, b"k4.local.AAAA", ["k4.local.AAAA"]])
def test_a_paserk_is_a_str(text: Any) -> None:
    with pytest.raises(TypeError, match="a PASERK is a str"):
        paserk.load(text)


@EVERY_VERSION
@pytest.mark.parametrize("type_", [*HOLDING_A_KEY, *IDS])
def test_only_its_own_word_opens_a_type(
    cheap: None, monkeypatch: pytest.MonkeyPatch, type_: str, version: Version
) -> None:
    text, own = text_of(type_, version)
    monkeypatch.setattr(paserk_password, "pbkdf2_hmac", None)  # whoever comes so far fails loudly
    every = {
        "password": {"password": PASSWORD},
        "wrapping_key": {"wrapping_key": local_of(version)},
        "unsealing_key": {"unsealing_key": unsealing_of(version), "allow_raw_rsa": True},
        "": {},
    }
    for word, words in every.items():
        if word in own or (not word and not own):
            continue
        is_id = type_ in IDS
        needed = "no key" if is_id else f"pass {next(iter(own))}=" if own else f"pass no {word}"
        refused(text, needed, **words)


@EVERY_VERSION
@pytest.mark.parametrize("type_", ["local-wrap.pie", "secret-wrap.pie", "seal"])
def test_a_key_of_another_version_opens_nothing(type_: str, version: Version) -> None:
    text, _ = text_of(type_, version)
    for other in VERSIONS:
        if other != version:
            refused(text, f"not opened by a key of v{other}", **words_for(type_, other)[2])


# ----------------------------------------------------------------------------------------- mistakes of callers


@pytest.mark.parametrize("key", [None, b"\x01" * 32, "k4.local.AAAA", object()])
def test_what_is_no_key_is_a_type_error(key: Any) -> None:
    for act in (paserk.dump, paserk.key_id):
        with pytest.raises(TypeError, match="a key is a LocalKey"):
            act(key)


def test_a_word_of_another_type_is_a_type_error() -> None:
    local, secret, plain = local_of(4), secret_of(4), paserk.dump(local_of(4))
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"password": "text"}, r"text\.encode\(\)"),
        ({"password": 1}, "a password is bytes"),
        ({"wrapping_key": bytes(32)}, "wrapping_key is a LocalKey"),
        ({"wrapping_key": secret}, "wrapping_key is a LocalKey"),
    ]
    for words, message in wrong:
        for act in (lambda words=words: paserk.dump(local, **words), lambda words=words: paserk.load(plain, **words)):
            with pytest.raises(TypeError, match=message):
                act()
    with pytest.raises(TypeError, match=r"key\.public\(\)"):
        paserk.dump(local, sealing_key=secret)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unsealing_key is a SecretKey"):
        paserk.load(plain, unsealing_key=secret.public())  # type: ignore[arg-type]


def test_words_that_do_not_fit_are_refused() -> None:
    local, secret = local_of(4), secret_of(4)
    public = secret.public()
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (local, {"password": b"x", "wrapping_key": local}, "password or wrapping_key"),
        (local, {"wrapping_key": local, "sealing_key": public}, "wrapping_key or sealing_key"),
        (local, {"password": b""}, "password is empty"),
        (public, {"password": b"x"}, "no secret: dump it without password"),
        (public, {"wrapping_key": local}, "no secret: dump it without wrapping_key"),
        (public, {"sealing_key": public}, "no secret: dump it without sealing_key"),
        (secret, {"sealing_key": public}, "a seal holds local keys alone"),
        (local, {"wrapping_key": local_of(3)}, "wrapping_key is of v3"),
        (local, {"sealing_key": secret_of(2).public()}, "sealing_key is of v2"),
    ]
    for key, words, message in wrong:
        with pytest.raises(ConfigurationError, match=message):
            paserk.dump(key, **words)
    with pytest.raises(ConfigurationError, match="password or unsealing_key"):
        paserk.load(paserk.dump(local), password=b"x", unsealing_key=secret)
    for version in (0, 5, "4", True):
        with pytest.raises(ValueError, match="version is 1, 2, 3 or 4"):
            paserk.load(paserk.dump(local), version=version)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- tampering


@EVERY_VERSION
@pytest.mark.parametrize("type_", ["local-wrap.pie", "local-pw", "secret-pw", "seal"])
def test_a_changed_byte_has_one_message(cheap: None, type_: str, version: Version) -> None:
    text, words = text_of(type_, version)
    data = data_of(text)
    costs = range(16 if version in (2, 4) else 32, 32 if version in (2, 4) else 36) if type_.endswith("-pw") else ()
    step = 61 if len(data) > 300 else 7
    for position in {*range(0, len(data), step), len(data) - 1} - set(costs):
        changed = bytearray(data)
        changed[position] ^= 0x01
        refused(with_data(text, bytes(changed)), REFUSED, **words)
    exactly = "more than" if (version, type_) == (1, "secret-pw") else "exactly"
    for cut in (b"", data[:40]):
        refused(with_data(text, cut), exactly, **words)
    refused(with_data(text, data + b"\0"), REFUSED if exactly == "more than" else "exactly", **words)


@EVERY_VERSION
def test_another_key_or_password_has_the_same_message(cheap: None, version: Version) -> None:
    text, _ = text_of("secret-wrap.pie", version)
    refused(text, REFUSED, wrapping_key=LocalKey.generate(version))
    text, _ = text_of("secret-pw", version)
    refused(text, REFUSED, password=PASSWORD + b"x")
    refused(text, REFUSED, password=b"")
    if version != 1:  # another RSA key of 4,096 bits would take a second
        text, _ = text_of("seal", version)
        refused(text, REFUSED, unsealing_key=secret_of(version))


@EVERY_VERSION
def test_a_header_is_authenticated(cheap: None, version: Version) -> None:
    """k2 and k4, k1 and k3 compute alike: their names alone tell them apart."""
    sibling: Version = {1: 3, 2: 4, 3: 1, 4: 2}[version]  # type: ignore[assignment]
    for type_ in ("local-wrap.pie", "local-pw"):
        text, words = text_of(type_, version)
        if "wrapping_key" in words:
            words = {"wrapping_key": LocalKey.from_bytes(sibling, words["wrapping_key"].to_bytes())}
        refused(f"k{sibling}" + text[2:], REFUSED, **words)


def test_points_that_are_none_are_carried_and_not_used() -> None:
    for version in (2, 4):
        text = f"k{version}.public." + "A" * 43
        point = paserk.load(text)
        assert paserk.dump(point) == text
        with pytest.raises(KeyFormatError, match="no valid point"):
            paserk.dump(local_of(version), sealing_key=point)  # type: ignore[arg-type]
        sealed, words = text_of("seal", version)
        data = data_of(sealed)
        for small in (bytes(32), b"\x01" + bytes(31)):  # X25519 with them is zero, whoever computes it
            refused(with_data(sealed, data[:32] + small + data[64:]), REFUSED, **words)
    sealed, words = text_of("seal", 3)
    data = data_of(sealed)
    for none in (b"\x02" + b"\xff" * 48, bytes(49)):
        refused(with_data(sealed, data[:48] + none + data[97:]), REFUSED, **words)


# ----------------------------------------------------------------------------------- what a password may cost


def test_the_costs_of_what_is_written() -> None:
    text = paserk.dump(local_of(4), password=PASSWORD)
    assert data_of(text)[16:32] == pack(">QII", ARGON2_MEMORY_BYTES_DEFAULT, ARGON2_PASS_COUNT_DEFAULT, 1)
    assert paserk.load(text, password=PASSWORD).to_bytes() == local_of(4).to_bytes()
    text = paserk.dump(secret_of(3), password=PASSWORD)
    assert data_of(text)[32:36] == pack(">I", PBES2_COUNT_DEFAULT)
    assert paserk.load(text, password=PASSWORD).to_bytes() == secret_of(3).to_bytes()


def reach(*_: object, **__: object) -> Any:
    raise AssertionError("work was done for a PASERK that is out of bounds")


@pytest.mark.parametrize("version", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 999, PASERK_PBKDF2_COUNT_MAX + 1, 2**31, 2**32 - 1])
def test_rounds_are_bounded_before_they_are_run(
    cheap: None, monkeypatch: pytest.MonkeyPatch, count: int, version: Version
) -> None:
    text, words = text_of("local-pw", version)
    data = data_of(text)
    monkeypatch.setattr(paserk_password, "pbkdf2_hmac", reach)
    refused(with_data(text, data[:32] + pack(">I", count) + data[36:]), f"1000 to {PASERK_PBKDF2_COUNT_MAX}", **words)


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize(
    "memory_bytes, passes, lanes, message",
    [
        (0, 1, 1, "at least 8192 a lane"),
        (7168, 1, 1, "at least 8192 a lane"),
        (8192, 1, 2, "at least 8192 a lane"),
        (8193, 1, 1, "a multiple of 1024"),
        (ARGON2_MEMORY_BYTES_MAX + 1024, 1, 1, f"at most {ARGON2_MEMORY_BYTES_MAX}"),
        (2**64 - 1024, 1, 1, f"at most {ARGON2_MEMORY_BYTES_MAX}"),
        (8192, 0, 1, f"passes of Argon2id: 1 to {ARGON2_PASS_COUNT_MAX}"),
        (8192, ARGON2_PASS_COUNT_MAX + 1, 1, f"passes of Argon2id: 1 to {ARGON2_PASS_COUNT_MAX}"),
        (8192, 2**32 - 1, 1, f"passes of Argon2id: 1 to {ARGON2_PASS_COUNT_MAX}"),
        (ARGON2_MEMORY_BYTES_MAX, 5, 1, f"their product may be {ARGON2_WORK_BYTES_MAX}"),
        (ARGON2_WORK_BYTES_MAX // 16 + 1024, 16, 1, f"their product may be {ARGON2_WORK_BYTES_MAX}"),
        (8192, 1, 0, f"lanes of Argon2id: 1 to {ARGON2_LANES_MAX}"),
        (2**20, 1, ARGON2_LANES_MAX + 1, f"lanes of Argon2id: 1 to {ARGON2_LANES_MAX}"),
        (2**20, 1, 2**32 - 1, f"lanes of Argon2id: 1 to {ARGON2_LANES_MAX}"),
    ],
)
def test_memory_passes_and_lanes_are_bounded_before_they_are_spent(
    cheap: None,
    monkeypatch: pytest.MonkeyPatch,
    memory_bytes: int,
    passes: int,
    lanes: int,
    message: str,
    version: Version,
) -> None:
    text, words = text_of("local-pw", version)
    data = data_of(text)
    monkeypatch.setattr(argon2, "Argon2id", reach)
    refused(with_data(text, data[:16] + pack(">QII", memory_bytes, passes, lanes) + data[32:]), message, **words)


@pytest.mark.parametrize("costs", [(16 * 1024, 2, 1), (32 * 1024, 1, 4), (128 * 1024, 1, ARGON2_LANES_MAX)])
def test_other_costs_within_the_bounds_are_read(monkeypatch: pytest.MonkeyPatch, costs: tuple[int, int, int]) -> None:
    row = msgspec.structs.replace(paserk_password._STRETCHING[4], written=costs)
    with monkeypatch.context() as patched:
        patched.setattr(paserk_password, "_STRETCHING", {4: row})
        text = paserk.dump(local_of(4), password=PASSWORD)
    assert paserk.load(text, password=PASSWORD).to_bytes() == local_of(4).to_bytes()


@pytest.mark.parametrize(
    "error, kind, message",
    [
        (MemoryError(), KeyFormatError, "they cannot be had"),
        (UnsupportedAlgorithm("no"), ConfigurationError, "OpenSSL 3.2"),
    ],
)
def test_argon2_that_cannot_run_says_so(
    cheap: None, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[DaypassError], message: str
) -> None:
    text, words = text_of("local-pw", 4)

    def fail(**_: object) -> Any:
        raise error

    monkeypatch.setattr(argon2, "Argon2id", fail)
    with pytest.raises(kind, match=message):
        paserk.load(text, **words)
    with pytest.raises(kind, match=message):
        paserk.dump(local_of(4), password=PASSWORD)


# -------------------------------------------------------------------------------------------------------- RSA


def test_raw_rsa_has_to_be_asked_for() -> None:
    unsealing_key = unsealing_of(1)
    sealed, _ = text_of("seal", 1)
    wrong: tuple[Any, ...] = (False, 1, None)
    for allowed in wrong:
        with pytest.raises(ConfigurationError, match="not in constant time"):
            paserk.dump(local_of(1), sealing_key=unsealing_key.public(), allow_raw_rsa=allowed)
        with pytest.raises(ConfigurationError, match="not in constant time"):
            paserk.load(sealed, unsealing_key=unsealing_key, allow_raw_rsa=allowed)


def test_rsa_that_signs_does_not_seal_and_the_other_way_round() -> None:
    signing, sealing = secret_of(1), unsealing_of(1)
    with pytest.raises(ConfigurationError, match="RSA of 4096 bits"):
        paserk.dump(local_of(1), sealing_key=signing.public(), allow_raw_rsa=True)
    with pytest.raises(ConfigurationError, match="RSA of 4096 bits"):
        paserk.load(text_of("seal", 1)[0], unsealing_key=signing, allow_raw_rsa=True)
    for key in (sealing, sealing.public()):
        for act in (paserk.dump, paserk.key_id):
            with pytest.raises(ConfigurationError, match="not of 2048 bits"):
                act(key)
    for type_, key in (("secret", sealing), ("public", sealing.public())):
        refused(f"k1.{type_}." + b64url_encode(key.to_bytes()), "RSA of 2048 bits")
    small = rsa.generate_private_key(65537, 1024).private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    with pytest.raises(WeakKey):
        paserk.load("k1.secret." + b64url_encode(small))


def test_k1_secret_pw_wraps_pem_and_reads_der(cheap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    key, seen = secret_of(1), []
    lock = paserk_password.SUITES[1].cipher
    suite = msgspec.structs.replace(
        paserk_password.SUITES[1], cipher=lambda k, n, data: (seen.append(data), lock(k, n, data))[1]
    )
    monkeypatch.setattr(paserk_password, "SUITES", {**paserk_password.SUITES, 1: suite})
    paserk.dump(key, password=PASSWORD)
    assert seen[0].startswith(b"-----BEGIN RSA PRIVATE KEY-----\nMII")
    assert seen[0].endswith(b"\n-----END RSA PRIVATE KEY-----")
    monkeypatch.setattr(paserk, "_pem_of_rsa", lambda it: Concealed(it.value.to_bytes()))
    assert paserk.load(paserk.dump(key, password=PASSWORD), password=PASSWORD).to_bytes() == key.to_bytes()


def test_a_fault_while_unsealing_gives_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed, words = text_of("seal", 1)
    data = data_of(sealed)
    refused(with_data(sealed, data[:-512] + b"\xff" * 512), REFUSED, **words)  # beyond the modulus
    refused(with_data(sealed, data[:-512] + bytes(512)), REFUSED, **words)
    seen: list[int] = []
    right = paserk_rsa_kem._secret_power
    monkeypatch.setattr(paserk_rsa_kem, "_secret_power", lambda key, base: (seen.append(base), right(key, base))[1])
    for _ in range(2):
        assert paserk.load(sealed, **words).to_bytes() == local_of(1).to_bytes()
    assert len({*seen, int.from_bytes(data[-512:], "big")}) == 3  # each time another base, and never the one sent
    monkeypatch.setattr(paserk_rsa_kem, "_secret_power", lambda key, base: right(key, base) ^ 1)
    material = Concealed(unsealing_of(1).material)
    assert paserk_rsa_kem.decapsulate(material, data[-512:]) is None  # a wrong power is not even hashed
    refused(sealed, REFUSED, **words)


# ---------------------------------------------------------------------------------------------------- secrecy


ROOM = str(Path(daypass.__file__).parent)
PLANTED = b"planted-octets-0123456789-abcdef"
WRAPPING = b"planted-wrapper-0123456789-abcde"


def spellings(secret: bytes) -> list[str]:
    return [repr(secret)[2:-1], secret.hex(), b64url_encode(secret), b64encode(secret).decode()[:40]]


def shown_by(raised: BaseException) -> Iterator[str]:
    yield from (str(raised), repr(raised))
    seen: list[BaseException | None] = [raised]
    while (error := seen.pop()) is not None:
        ours = [step for step in traceback.walk_tb(error.__traceback__) if step[0].f_code.co_filename.startswith(ROOM)]
        yield "".join(traceback.StackSummary.extract(ours, capture_locals=True).format())
        seen += [it for it in (error.__cause__, error.__context__) if it is not None] or [None]


def mistakes() -> dict[str, Callable[[], object]]:
    """Calls that fail, with secrets among their words; what they need is made here, so no frame of theirs shows it."""
    local, secret = LocalKey.from_bytes(4, PLANTED), SecretKey.from_bytes(4, seed_pair())
    wrapping, plain = LocalKey.from_bytes(4, WRAPPING), "k4.local." + b64url_encode(PLANTED)
    wrapped, sealed = paserk.dump(local, wrapping_key=wrapping), paserk.dump(local, sealing_key=secret.public())
    under_password = paserk.dump(local, password=PASSWORD)
    anything: Any = PLANTED
    return {
        "no key": lambda: paserk.dump(anything),
        "no key for an id": lambda: paserk.key_id(anything),
        "two words": lambda: paserk.dump(local, password=PASSWORD, wrapping_key=wrapping),
        "octets for a key": lambda: paserk.dump(local, wrapping_key=anything),
        "octets for a key to seal": lambda: paserk.dump(local, sealing_key=anything),
        "octets for a key to unseal": lambda: paserk.load(sealed, unsealing_key=anything),
        "a password as text": lambda: paserk.dump(local, password=PASSWORD.decode()),  # type: ignore[arg-type]
        "a public key": lambda: paserk.dump(secret.public(), password=PASSWORD),
        "a wrong version": lambda: paserk.dump(local, wrapping_key=LocalKey.from_bytes(3, WRAPPING)),
        "no such version": lambda: paserk.load(plain, version=7),  # type: ignore[arg-type]
        "bytes for text": lambda: paserk.load(plain.encode()),  # type: ignore[arg-type]
        "another version": lambda: paserk.load(plain, version=3),
        "an unknown type": lambda: paserk.load(plain.replace("local", "loca1")),
        "a needless word": lambda: paserk.load(plain, password=PASSWORD),
        "another spelling": lambda: paserk.load(plain + "="),
        "too short": lambda: paserk.load(plain[:-2]),
        "no key pair": lambda: paserk.load("k4.secret." + b64url_encode(PLANTED * 2)),
        "too long": lambda: paserk.load(plain * 1000),
        "changed wrapped": lambda: paserk.load(wrapped[:-6] + "AAAAAA", wrapping_key=wrapping),
        "changed sealed": lambda: paserk.load(sealed[:-6] + "AAAAAA", unsealing_key=secret),
        "another password": lambda: paserk.load(under_password, password=PASSWORD + b"!"),
        "a costly password": lambda: paserk.load(with_data(under_password, b"\xff" * 120), password=PASSWORD),
    }


def seed_pair() -> bytes:
    from nacl.bindings import crypto_sign_seed_keypair

    return crypto_sign_seed_keypair(PLANTED)[1]


def test_the_needles_are_found_where_they_are() -> None:
    with pytest.raises(DaypassError) as raised:
        encoding.b64url_decode(PLANTED + b"=")  # a frame of ours that does not know how secret its locals are
    shown = "".join(shown_by(raised.value))
    assert any(it in shown for it in spellings(PLANTED))


def test_what_is_refused_shows_no_secret(cheap: None) -> None:
    needles = [it for secret in (PLANTED, WRAPPING, PASSWORD, PLANTED * 2) for it in spellings(secret)]
    for name, act in mistakes().items():
        with pytest.raises((DaypassError, TypeError, ValueError)) as raised:
            act()
        for text in shown_by(raised.value):
            assert [it for it in needles if it in text] == [], name


def test_a_failure_of_memory_shows_no_secret(cheap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    act = mistakes()["another password"]

    def fail(**_: object) -> Any:
        raise MemoryError

    monkeypatch.setattr(argon2, "Argon2id", fail)
    with pytest.raises(KeyFormatError) as raised:
        act()
    assert raised.value.__context__ is None
    shown = "".join(shown_by(raised.value))
    assert [it for it in (*spellings(PASSWORD), *spellings(PLANTED)) if it in shown] == []
