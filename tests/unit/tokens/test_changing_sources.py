"""Sources that change under a Verifier: one bad newcomer is left out, and no change of a ring is a 500."""

import logging
import traceback
from typing import Any

import msgspec
import pytest

from daypass.errors import ConfigurationError, UnknownKey
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.keyring.ring import KeyRing
from daypass.paseto.keys import PublicKey
from daypass.tokens.any_of import AnyOf
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests import formats
from tests.formats import PARTIES, Ring

NO_ALG = JWK.from_dict({name: value for name, value in JWK.generate("ES256").to_dict().items() if name != "alg"})
PASSWORD = JWK.from_secret(b"correct horse battery staple", alg="PBES2-HS256+A128KW", kid="p")
OFF_THE_CURVE = PublicKey.from_bytes(4, b"\xff" * 32)


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock by which a Verifier looks again; a test sets its one value."""
    now_s = [1000.0]
    monkeypatch.setattr("daypass.tokens.verifier.time.monotonic", lambda: now_s[0])
    return now_s


@pytest.mark.parametrize("cache_entries", [0, 4])
@pytest.mark.parametrize(
    "name, newcomers",
    [
        ("jwt", [NO_ALG]),
        ("nested", [NO_ALG]),
        ("jwe", [PASSWORD]),
        ("paseto-v4-public", [OFF_THE_CURVE]),
        ("paseto-v4-public", ["itself"]),
        ("jwt", ["itself"]),
        ("paseto-v4-local", ["itself", JWK.generate("HS256")]),
    ],
    ids=["no alg", "no alg, nested", "a password", "no point", "twice", "a JWK twice", "another format"],
)
def test_one_that_cannot_be_used_does_not_take_the_others_along(
    name: str, newcomers: list[Any], cache_entries: int, monotonic: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    kit = formats.material(name)
    ring = Ring(kit.issuing, kit.verifying)
    token = kit.issuer(ring).issue({"sub": "u1"})
    verify = kit.verifier(ring, cache_entries=cache_entries).verify
    assert verify(token)["sub"] == "u1"
    added = [kit.verifying if one == "itself" else one for one in newcomers]
    with caplog.at_level(logging.WARNING, logger="daypass.tokens"):
        ring.turn(kit.issuing, kit.verifying, *added)
        monotonic[0] += 1
        for _ in range(3):
            assert verify(token)["sub"] == "u1"
    assert len(caplog.records) <= 1
    ring.turn(kit.issuing, *added)
    monotonic[0] += 1
    if "itself" not in newcomers:
        for _ in range(3):
            with pytest.raises(UnknownKey):
                verify(token)
    ring.turn(kit.issuing, kit.verifying)
    monotonic[0] += 1
    assert verify(token)["sub"] == "u1"


@pytest.mark.parametrize("change", ["another format", "a signing key", "all gone"])
def test_a_ring_that_decrypts_may_turn(change: str, monotonic: list[float]) -> None:
    signing, outer = KeyRing.in_memory(alg="EdDSA"), KeyRing.in_memory(alg="A256KW")
    token = Issuer(signing, **PARTIES, format="nested", encrypt_to=outer).issue({"sub": "u1"})
    verify = Verifier(signing, **PARTIES, format="nested", decrypt_with=outer).verify
    assert verify(token)["sub"] == "u1"
    old = outer.entries()[0].kid
    outer.rotate(alg="v4.local" if change == "another format" else "EdDSA", at_once=True, replaces_all=True)
    monotonic[0] += 1
    assert verify(token)["sub"] == "u1"
    assert Verifier(signing, **PARTIES, format="nested", decrypt_with=outer).verify(token)
    if change == "all gone":
        outer.retire(old)
        monotonic[0] += 1
        with pytest.raises(UnknownKey):
            verify(token)
        with pytest.raises(ConfigurationError):
            Verifier(signing, **PARTIES, format="nested", decrypt_with=outer)


def test_at_start_a_key_that_cannot_be_used_is_an_error() -> None:
    kit = formats.material("jwt")
    with pytest.raises(ConfigurationError):
        kit.verifier(Ring(kit.issuing, kit.verifying, NO_ALG))


SECRET = b"a secret that somebody passed as it is, 42"


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: Verifier(SECRET, **PARTIES),  # type: ignore[arg-type]
        lambda: Verifier(SECRET.decode(), **PARTIES),  # type: ignore[arg-type]
        lambda: Verifier([SECRET], **PARTIES),  # type: ignore[list-item]
        lambda: Verifier({"kty": "oct", "k": SECRET.decode()}, **PARTIES),  # type: ignore[arg-type]
        lambda: Verifier(SECRET, issuer="", audience="a"),  # type: ignore[arg-type]
        lambda: Issuer(SECRET, **PARTIES),  # type: ignore[arg-type]
        lambda: Issuer([SECRET], **PARTIES, format="paseto-v4-local"),  # type: ignore[list-item]
        lambda: formats.material("jwt").issuer(encrypt_to=SECRET),
        lambda: formats.material("nested").issuer(encrypt_to=SECRET),
        lambda: formats.material("jwt").verifier(decrypt_with=SECRET),
        lambda: formats.material("nested").verifier(decrypt_with=[SECRET]),
        lambda: AnyOf(SECRET),  # type: ignore[arg-type]
        lambda: JWKSet([SECRET]),  # type: ignore[list-item]
    ],
)
def test_a_secret_that_was_passed_as_a_key_is_not_shown(mistake: Any) -> None:
    with pytest.raises((TypeError, ConfigurationError)) as raised:
        mistake()
    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    frames = [frame for frame in shown.stack if "/daypass/" in frame.filename and "/tests/" not in frame.filename]
    assert frames
    text = "".join(f"{frame.locals}" for frame in frames) + str(raised.value)
    assert SECRET.decode()[:20] not in text


def test_a_type_that_no_claims_convert_to_fails_at_start() -> None:
    class Odd(msgspec.Struct):
        sub: list[int] | tuple[int, ...]

    with pytest.raises(ConfigurationError, match="claims_type"):
        formats.material("jwt").verifier(claims_type=Odd)
    with pytest.raises(ConfigurationError, match="claims_type"):
        formats.material("jwt").issuer(claims_type=Odd)


@pytest.mark.parametrize("name", ["jwt", "paseto-v4-public"])
def test_no_token_is_born_expired_in_the_spelling_of_its_format(name: str) -> None:
    kit = formats.material(name)
    issue = kit.issuer(clock=lambda: 1_700_000_000.0).issue
    with pytest.raises(ValueError, match="expired"):
        issue({}, expires_at=1_700_000_000 + 3e-7)
    token = issue({}, expires_at=1_700_000_000 + 2e-6)
    assert kit.verifier(clock=lambda: 1_700_000_000.0).verify(token)
