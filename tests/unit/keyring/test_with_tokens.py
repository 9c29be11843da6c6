"""A ring under an Issuer and a Verifier: rotation logs nobody out, and a retired key's tokens are refused."""

from pathlib import Path

import pytest

from daypass.errors import InvalidSignature, UnknownKey
from daypass.keyring.file import FileStorage
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier

T = 1_800_000_000
SCHEDULE = RotationSchedule(publish_s=60, token_lifetime_s_max=900, session_lifetime_s_max=9000)
CLAIMS = {"sub": "alice", "client_id": "c"}


class Clock:
    """Seconds that a test sets."""

    now_s = float(T)

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def issuer(ring: KeyRing, clock: Clock) -> Issuer:
    return Issuer(ring, issuer="i", audience="a", clock=clock)


def verifier(ring: KeyRing, clock: Clock) -> Verifier:
    return Verifier(ring, issuer="i", audience="a", clock=clock)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "HS256"])
def test_tokens_of_both_keys_are_accepted_through_a_rotation(alg: str, clock: Clock) -> None:
    ring = KeyRing.in_memory(alg=alg, schedule=SCHEDULE, clock=clock)
    one, other = issuer(ring, clock), verifier(ring, clock)
    ring.rotate()
    before = one.issue(CLAIMS)
    clock.now_s += 61
    after = one.issue(CLAIMS)
    assert before.split(".")[0] != after.split(".")[0]
    for token in (before, after):
        assert other.verify(token)["sub"] == "alice"


def test_another_ring_object_learns_a_key_from_its_first_token(tmp_path: Path, clock: Clock) -> None:
    ring = KeyRing.open(tmp_path / "ring.json", clock=clock)
    elsewhere = verifier(KeyRing.from_storage(FileStorage(tmp_path / "ring.json"), clock=clock), clock)
    assert elsewhere.verify(issuer(ring, clock).issue(CLAIMS))
    ring.rotate(at_once=True)
    assert elsewhere.verify(issuer(ring, clock).issue(CLAIMS))


def test_the_tokens_of_a_retired_key_are_refused(clock: Clock) -> None:
    ring = KeyRing.in_memory(clock=clock)
    old = ring.signing_keys()[0].kid or ""
    token = issuer(ring, clock).issue(CLAIMS)
    ring.rotate(at_once=True)
    assert verifier(ring, clock).verify(token)
    ring.retire(old)
    with pytest.raises((UnknownKey, InvalidSignature)):
        verifier(ring, clock).verify(token)
