"""A secret is planted in every place that a loader reads; every text that comes out is searched for it."""

import base64
import copy
import hashlib
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import pytest

from daypass.errors import ConfigurationError, DaypassError, StoreUnavailable
from daypass.jose.jwk import JWK
from daypass.keyring.content import dump_ring, parse_ring
from daypass.keyring.derive import RingSecret
from daypass.keyring.environment import EnvironmentStorage
from daypass.keyring.file import FileStorage
from daypass.keyring.memory import MemoryStorage
from daypass.keyring.ring import KeyRing
from daypass.keyring.rotation import new_ring
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.secret_strength import refuse_weak_secret
from daypass.keyring.storage import RingText

NAME = "DAYPASS_TEST_KEYS"
PLANTED = hashlib.sha256(b"planted").digest()
TEXT_SECRET = hashlib.sha256(b"as text").hexdigest()[:43]  # too short for HS512


def spellings(secret: bytes) -> list[str]:
    """Spell the first bytes of a secret in every way that could show up in a text."""
    encoded = [base64.b64encode(secret), base64.urlsafe_b64encode(secret), secret.hex().encode()]
    return [repr(secret[:6])[2:-1], *(code.decode()[:8] for code in encoded)]


NEEDLES = [*spellings(PLANTED), TEXT_SECRET[:8]]


def assert_silent(text: str) -> None:
    assert [needle for needle in NEEDLES if needle in text] == []


def frames_of(error: BaseException) -> Iterator[str]:
    """Render an error, its causes and its contexts with the locals of every frame below this file."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        step: TracebackType | None = one.__traceback__
        while step is not None and step.tb_frame.f_code.co_filename == __file__:
            step = step.tb_next
        yield "".join(traceback.TracebackException(type(one), one, step, capture_locals=True).format())
        yield repr(one) + repr(vars(one))


def shows_nothing(load: Callable[[], object], expected: type[DaypassError] = DaypassError) -> None:
    with pytest.raises(expected) as caught:
        load()
    for text in frames_of(caught.value):
        assert_silent(text)


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def ring_document(alg: str = "HS256") -> dict[str, Any]:
    """A ring of which every private part is the planted secret."""
    members = (
        {"kty": "OKP", "crv": "Ed25519", "d": b64url(PLANTED)}
        if alg == "EdDSA"
        else {"kty": "oct", "k": b64url(PLANTED)}
    )
    if alg == "EdDSA":
        from nacl.bindings import crypto_sign_seed_keypair

        members["x"] = b64url(crypto_sign_seed_keypair(PLANTED)[0])
    key = JWK.from_dict({**members, "kid": "planted"}, alg=alg)
    document: dict[str, Any] = json.loads(dump_ring(new_ring(key, schedule=RotationSchedule(), now_s=5)).reveal())
    document["keys"][1]["k"] = b64url(PLANTED)
    return document


def test_the_probe_finds_what_a_frame_holds() -> None:
    def careless() -> None:
        local = PLANTED  # noqa: F841 - it is what the probe has to find
        raise ConfigurationError("x")

    code = careless.__code__.replace(co_filename="elsewhere.py")
    with pytest.raises(ConfigurationError) as caught:
        type(careless)(code, globals())()
    shown = "".join(frames_of(caught.value))
    with pytest.raises(AssertionError):
        assert_silent(shown)


Spoil = Callable[[dict[str, Any]], object]
FAULTS: list[Spoil] = [
    lambda it: it.update(more=it["keys"], keys=7),
    lambda it: it["daypass"].update(format=9),
    lambda it: it["daypass"].update(schedule={"publish_s": it["keys"][0].get("k") or it["keys"][0].get("d")}),
    lambda it: it["keys"][0].update(alg="RS256"),
    lambda it: it["keys"][0].update(alg="HS512"),
    lambda it: it["keys"][0].update(alg=it["keys"][1]["k"]),
    lambda it: it["keys"][0].update(kty=it["keys"][1]["k"]),
    lambda it: it["keys"][0].update(use="enc"),
    lambda it: it["keys"][0].update(key_ops=[it["keys"][1]["k"], it["keys"][1]["k"]]),
    lambda it: it["keys"][0].update(kid=[it["keys"][1]["k"]]),
    lambda it: it["keys"][0].update({"k": it["keys"][1]["k"] + "=", "d": it["keys"][1]["k"] + "="}),
    lambda it: it["keys"][0].update({"k": it["keys"][1]["k"] + "!", "d": it["keys"][1]["k"] + "!"}),
    lambda it: it["keys"][0].update({"k": it["keys"][1]["k"][:20], "d": it["keys"][1]["k"][:20]}),
    lambda it: it["keys"][0].update({"k": {"x": it["keys"][1]["k"]}, "d": [it["keys"][1]["k"]]}),
    lambda it: it["keys"][0]["daypass"].update(purpose=it["keys"][1]["k"]),
    lambda it: it["keys"][0]["daypass"].update(sign_from=it["keys"][1]["k"]),
    lambda it: it["keys"][0]["daypass"].update(retire_at=5),
    lambda it: it["keys"][1].update(kty="RSA"),
    lambda it: it["keys"][1].update(kid="a.b"),
    lambda it: it["keys"][1].update(k=it["keys"][1]["k"] + "="),
    lambda it: it["keys"][1].update(k=it["keys"][1]["k"][:20]),
    lambda it: it["keys"][1].update(k=[it["keys"][1]["k"]]),
    lambda it: it["keys"].append(it["keys"][0]),
    lambda it: it["keys"].append(it["keys"][1]["k"]),
    lambda it: it["keys"].pop(),
]  # fmt: skip


@pytest.mark.parametrize("spoil", FAULTS)
@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_a_ring_with_a_fault(tmp_path: Path, spoil: Spoil, alg: str) -> None:
    document = ring_document(alg)
    spoil(document)
    path = tmp_path / "ring.json"
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    del document
    try:
        KeyRing.open(path)
        return  # no fault for this kind of key
    except DaypassError:
        pass
    shows_nothing(lambda: KeyRing.open(path))
    shows_nothing(lambda: parse_ring(RingText(path.read_bytes()), where="here"))


@pytest.mark.parametrize("spoil", FAULTS)
@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_an_environment_with_a_fault(monkeypatch: pytest.MonkeyPatch, spoil: Spoil, alg: str) -> None:
    for keep in ("ring", "set", "key"):
        document = ring_document(alg)
        spoil(document)
        if keep != "ring":
            document.pop("daypass")
        keys = document["keys"]
        monkeypatch.setenv(NAME, json.dumps(keys[0] if keep == "key" and isinstance(keys, list) else document))
        del document, keys
        try:
            KeyRing.from_env(NAME)
        except DaypassError as error:
            for text in frames_of(error):
                assert_silent(text)


@pytest.mark.parametrize("cut", [1, 2, 30, 200])
def test_a_ring_that_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    path = tmp_path / "ring.json"
    path.write_text(json.dumps(ring_document())[:-cut])
    path.chmod(0o600)
    monkeypatch.setenv(NAME, path.read_text())
    shows_nothing(lambda: KeyRing.open(path), ConfigurationError)
    shows_nothing(lambda: KeyRing.from_env(NAME), ConfigurationError)


@pytest.mark.parametrize(
    "value",
    [
        TEXT_SECRET[:20],
        f" {TEXT_SECRET}",
        TEXT_SECRET[:10] * 5,
        f"{{{TEXT_SECRET}",
        f'{{"k":"{TEXT_SECRET}"',
        f'{{"kty":"{TEXT_SECRET}"}}',
        f'{{"keys":["{TEXT_SECRET}"]}}',
        f'{{"keys":"{TEXT_SECRET}"}}',
        f'{{"kty":"oct","k":"{TEXT_SECRET}"}}',
        f'{{"kty":"oct","alg":"RS256","k":"{TEXT_SECRET}"}}',
        f"-----BEGIN PRIVATE KEY-----\n{TEXT_SECRET}\n-----END PRIVATE KEY-----",
    ],
)
def test_a_value_that_is_no_key(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)
    shows_nothing(lambda: KeyRing.from_env(NAME))


def test_a_text_with_another_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, TEXT_SECRET)
    for alg in ("HS512", "RS256", "none", "dir"):
        shows_nothing(lambda alg=alg: KeyRing.from_env(NAME, alg=alg))  # type: ignore[misc]


def test_a_weak_secret() -> None:
    shows_nothing(lambda: refuse_weak_secret(PLANTED[:20], name="x"))


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    path = tmp_path / "ring.json"
    path.write_text(json.dumps(ring_document("EdDSA")))
    path.chmod(0o600)
    return KeyRing.open(path)


def test_a_write_that_fails(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    shows_nothing(ring.rotate, StoreUnavailable)
    monkeypatch.undo()
    shows_nothing(lambda: ring.retire("planted"), ConfigurationError)
    shows_nothing(lambda: ring.retire("unknown"), ConfigurationError)


def test_a_file_that_goes_bad_is_logged_without_its_text(ring: KeyRing, caplog: pytest.LogCaptureFixture) -> None:
    assert ring.path is not None
    ring.path.write_bytes(ring.path.read_bytes()[:-5])
    with caplog.at_level(logging.DEBUG):
        shows_nothing(ring.rotate, ConfigurationError)
        KeyRing.open(ring.path.with_name("other.json")).rotate()
        ring.reread()
    assert caplog.records
    assert_silent(caplog.text)
    assert_silent(ring.describe())


def test_what_can_be_printed(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, TEXT_SECRET)
    memory = MemoryStorage()
    assert ring.path is not None
    text = FileStorage(ring.path).read()
    assert text is not None
    memory.write(text)
    view = ring._view
    shown: list[object] = [
        ring, view, view.content, view.content.signing, view.content.secrets, view.secrets, ring.entries(),
        ring.public(), ring.public().to_dict(), ring.signing_keys()[0], ring.verification_keys(), text, memory,
        RingSecret(PLANTED), FileStorage(ring.path), EnvironmentStorage(NAME), KeyRing.from_env(NAME), ring.schedule,
    ]  # fmt: skip
    assert ring.derived_key(ring.derive_kid(), "refresh")
    for one in shown:
        assert_silent(f"{one!r} {one!s} {one}")
        assert_silent(repr(getattr(one, "__dict__", "")))
    assert_silent(ring.describe())


def test_nothing_that_holds_a_secret_is_pickled_copied_or_encoded(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, TEXT_SECRET)
    closed: list[object] = [
        ring, ring._view, ring._view.content, RingText(PLANTED), RingSecret(PLANTED), MemoryStorage(),
        EnvironmentStorage(NAME),
    ]  # fmt: skip
    for one in closed:
        with pytest.raises(TypeError) as caught:
            pickle.dumps(one)
        assert_silent(str(caught.value))
        with pytest.raises(TypeError):
            copy.deepcopy(one)
        with pytest.raises(TypeError):
            msgspec.json.encode(one)
        with pytest.raises(TypeError):
            json.dumps(one)


@pytest.mark.parametrize("alg", ["v4.local", "v3.local", "v4.public", "v3.public"])
@pytest.mark.parametrize(
    "spoil",
    [
        {"kid": "other"},
        {"kty": "oct"},
        {"daypass": 5},
        {"paserk": lambda text: text + "="},
        {"paserk": lambda text: text[:-1]},
        {"paserk": lambda text: text + "AAAA"},
        {"paserk": lambda text: text.replace("k4.", "k2.").replace("k3.", "k1.")},
        {"paserk": lambda text: [text]},
    ],
    ids=["kid", "kty", "entry", "padded", "shorter", "longer", "version", "list"],
)
def test_a_ring_with_a_paserk_that_is_refused(alg: str, spoil: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from daypass.keyring.token_key import kid_of
    from daypass.paseto import LocalKey, SecretKey, paserk

    version: Any = int(alg[1])
    if alg.endswith("local"):
        key: Any = LocalKey.from_bytes(version, PLANTED)
    elif version == 4:
        from nacl.bindings import crypto_sign_seed_keypair

        key = SecretKey.from_bytes(4, crypto_sign_seed_keypair(PLANTED)[1])
    else:
        key = SecretKey.from_bytes(3, PLANTED + PLANTED[:16])
    document = json.loads(dump_ring(new_ring(key, schedule=RotationSchedule(), now_s=5)).reveal())
    text = paserk.dump(key)
    document["keys"][0] |= {name: value(text) if callable(value) else value for name, value in spoil.items()}
    shows_nothing(lambda: parse_ring(RingText(json.dumps(document).encode()), where="the ring"), ConfigurationError)
    if "paserk" in spoil and isinstance(wrong := document["keys"][0]["paserk"], str):
        monkeypatch.setenv(NAME, wrong)
        shows_nothing(lambda: KeyRing.from_env(NAME))
    monkeypatch.setenv(NAME, text)
    shows_nothing(lambda: KeyRing.from_env(NAME, alg="HS512"))
    assert_silent(repr(key) + str(kid_of(key)) + KeyRing.from_env(NAME).describe())
