"""Where keys come from, and how Issuer and Verifier follow those that change."""

import threading
from typing import Any

import pytest

from daypass.errors import ConfigurationError, InvalidSignature, StoreUnavailable, UnknownKey
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.tokens import verifier as verifier_module
from daypass.tokens.issuer import Issuer
from daypass.tokens.source import KeySource, StaticKeys, source_of
from daypass.tokens.verifier import Verifier

WORDS: dict[str, Any] = {"issuer": "i", "audience": "a"}
ONE, TWO, THREE = (JWK.generate("HS256", kid=kid) for kid in ("1", "2", "3"))


class Ring:
    """Keys that a test changes; `waiting` are those that only a reread finds."""

    def __init__(self, *keys: JWK) -> None:
        self.keys = keys
        self.waiting: tuple[JWK, ...] = ()
        self.epoch = 1
        self.reads = 0

    def signing_keys(self) -> tuple[JWK, ...]:
        return self.keys[-1:]

    def verification_keys(self) -> tuple[JWK, ...]:
        return self.keys

    def reread(self) -> None:
        self.reads += 1
        if self.waiting:
            self.turn(*self.waiting)
            self.waiting = ()

    def turn(self, *keys: JWK) -> None:
        self.keys = keys
        self.epoch += 1


class Clock:
    """The monotonic clock that says when the epoch is looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        monkeypatch.setattr(verifier_module.time, "monotonic", lambda: self.now_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def issue(key: JWK) -> str:
    return Issuer(key, **WORDS).issue({"sub": key.kid})


def test_what_holds_keys_is_a_source() -> None:
    assert isinstance(Ring(ONE), KeySource)
    assert source_of(ring := Ring(ONE)) is ring
    for keys in (ONE, JWKSet([ONE]), [ONE], (ONE,)):
        source = source_of(keys)
        assert isinstance(source, StaticKeys)
        assert (source.signing_keys(), source.verification_keys(), source.epoch) == ((ONE,), (ONE,), 0)
        source.reread()
    for wrong in (None, b"secret", "secret", 5, {"1": ONE}, {ONE}, iter([ONE])):
        with pytest.raises(TypeError):
            source_of(wrong)  # type: ignore[arg-type]


def test_of_several_private_keys_nobody_can_tell() -> None:
    with pytest.raises(ConfigurationError):
        StaticKeys([ONE, TWO]).signing_keys()
    private = JWK.generate("ES256")
    assert StaticKeys([private, JWK.generate("EdDSA").public()]).signing_keys()[0] is private


def test_an_issuer_signs_with_the_key_of_now() -> None:
    ring, now_s = Ring(ONE), 1000.0
    issued = Issuer(ring, **WORDS, clock=lambda: now_s)
    verify = Verifier([ONE, TWO], **WORDS, clock=lambda: now_s).verify
    assert verify(issued.issue({"kid": "1"}))
    ring.turn(ONE, TWO)
    now_s += 1
    token = issued.issue({})
    assert Verifier([TWO], **WORDS, clock=lambda: now_s).verify(token)


def test_a_new_key_is_found_and_a_retired_one_dies(clock: Clock) -> None:
    ring = Ring(ONE)
    for cache_entries in (0, 8):
        ring.turn(ONE)
        verify = Verifier(ring, **WORDS, cache_entries=cache_entries).verify
        first, second = issue(ONE), issue(TWO)
        assert verify(first) == verify(first)
        ring.turn(ONE, TWO)
        clock.now_s += 1
        assert verify(second)["sub"] == "2"
        assert verify(first)["sub"] == "1"
        ring.turn(TWO)
        clock.now_s += 1
        for _ in range(2):
            with pytest.raises(UnknownKey):
                verify(first)
        assert verify(second)["sub"] == "2"


def test_an_unknown_kid_looks_again_at_once(clock: Clock) -> None:
    ring = Ring(ONE)
    verify = Verifier(ring, **WORDS).verify
    assert verify(issue(ONE))
    ring.waiting = (ONE, TWO)
    assert verify(issue(TWO))["sub"] == "2"
    assert ring.reads == 1
    with pytest.raises(UnknownKey):
        verify(issue(THREE))
    assert ring.reads == 2


def test_only_an_unknown_key_looks_again(clock: Clock) -> None:
    ring = Ring(ONE)
    verify = Verifier(ring, **WORDS).verify
    forged = issue(JWK.generate("HS256", kid="1"))
    for bad in (forged, "x", "a.b.c", ""):
        with pytest.raises(Exception):  # noqa: B017, PT011
            verify(bad)
    assert ring.reads == 0


def test_the_epoch_is_asked_about_ten_times_a_second(clock: Clock) -> None:
    ring = Ring(ONE)
    verify = Verifier(ring, **WORDS).verify
    token = issue(ONE)
    assert verify(token)
    ring.turn(TWO)
    clock.now_s += 0.09
    assert verify(token)  # not looked at yet
    clock.now_s += 0.02
    with pytest.raises(UnknownKey):
        verify(token)


def test_a_store_that_is_away_is_not_the_fault_of_the_token(clock: Clock) -> None:
    ring = Ring(ONE)
    verify = Verifier(ring, **WORDS).verify

    def away() -> None:
        raise StoreUnavailable

    ring.reread = away  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        verify(issue(TWO))
    assert verify(issue(ONE))


def test_who_loses_the_race_for_new_keys_still_uses_them(clock: Clock) -> None:
    """Between a refusal and the next look, another thread has followed the ring already."""
    ring = Ring(ONE)
    verify = Verifier(ring, **WORDS).verify
    first, second = issue(ONE), issue(TWO)
    assert verify(first)

    def while_another_follows() -> None:
        ring.turn(ONE, TWO)
        clock.now_s += 1
        other = threading.Thread(target=verify, args=(first,))
        other.start()
        other.join()

    ring.reread = while_another_follows  # type: ignore[method-assign]
    assert verify(second)["sub"] == "2"


def test_many_threads_while_keys_turn(clock: Clock) -> None:
    ring = Ring(ONE)
    verify = Verifier(ring, **WORDS, cache_entries=4).verify
    tokens = {key.kid: issue(key) for key in (ONE, TWO, THREE)}
    faults: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(300):
                verify(tokens["1"])
        except BaseException as raised:  # noqa: BLE001 - told by the test
            faults.append(raised)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for turn in range(100):
        ring.turn(*((ONE, TWO) if turn % 2 else (ONE, THREE)))
        clock.now_s += 1
    for thread in threads:
        thread.join()
    assert faults == []
    clock.now_s += 1
    assert verify(tokens["2"])["sub"] == "2"


def test_a_kid_of_ours_under_another_key_is_a_bad_signature(clock: Clock) -> None:
    with pytest.raises(InvalidSignature):
        Verifier(Ring(ONE), **WORDS).verify(issue(JWK.generate("HS256", kid="1")))


def test_an_issuer_signs_with_the_new_key_from_the_very_next_token() -> None:
    ring = Ring(ONE)
    issued = Issuer(ring, **WORDS).issue
    issued({})
    ring.turn(TWO)
    assert Verifier(TWO, **WORDS).verify(issued({}))
