"""Passwords: bounds, hashes, equal work, and a house that fills up no further than it should."""

import threading

import pytest

from daypass.server import passwords
from daypass.server.passwords import Passwords, require_acceptable
from daypass.web.problem import Refused

GOOD = "correct horse battery"


@pytest.fixture(scope="module")
def hasher() -> Passwords:
    return Passwords()


@pytest.mark.parametrize(
    "password",
    [GOOD, "x" * 15, "x" * 1024, "\u00e9" * 15, "pass\x00word with nul", " " * 15, "\U0001f600" * 15],
)
def test_any_characters_are_accepted(password: str, hasher: Passwords) -> None:
    require_acceptable(password)
    stored = hasher.hash(password)
    assert hasher.fits(stored, password)
    assert not hasher.fits(stored, password + "x")


@pytest.mark.parametrize("password", ["", "x" * 14, "x" * 1025, "\u00e9" * 600, "\ud800" * 20, "e\u0301" * 14])
def test_too_short_and_too_long_ones_are_not(password: str, hasher: Passwords) -> None:
    with pytest.raises(Refused) as caught:
        require_acceptable(password)
    assert (caught.value.status, caught.value.code) == (422, "password_not_accepted")
    assert not hasher.fits(None, password)


def test_two_keyboards_write_the_same_password(hasher: Passwords) -> None:
    assert hasher.fits(hasher.hash("cafe\u0301 cafe\u0301 cafe\u0301"), "caf\u00e9 caf\u00e9 caf\u00e9")


def test_the_hash_keeps_to_owasp(hasher: Passwords) -> None:
    stored = hasher.hash(GOOD)
    assert stored.startswith("$argon2id$v=19$m=32768,t=2,p=1$")
    assert passwords.MEMORY_KIB >= 19 * 1024
    assert passwords.PASSES >= 2
    assert stored != hasher.hash(GOOD)
    assert GOOD not in stored


def test_nobodys_password_never_fits_and_costs_a_check(hasher: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    verify = hasher._hasher.verify
    monkeypatch.setattr(hasher, "_hasher", Counting(verify, seen))
    stored = hasher._nobodys_hash
    assert not hasher.fits(None, GOOD)
    assert seen == [stored]
    assert not hasher.fits("no hash at all", GOOD)


class Counting:
    def __init__(self, verify, seen: list[str]) -> None:
        self._verify, self._seen = verify, seen

    def verify(self, stored: str, data: bytes) -> bool:
        self._seen.append(stored)
        return self._verify(stored, data)


def test_a_hash_of_weaker_parameters_is_outdated(hasher: Passwords) -> None:
    weaker = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    assert hasher.fits(weaker, GOOD)
    assert hasher.is_outdated(weaker)
    assert not hasher.is_outdated(hasher.hash(GOOD))


def test_few_run_some_wait_and_the_rest_are_sent_away() -> None:
    hasher = Passwords(at_once_max=2, waiting_max=3)
    release, peak, running, lock = threading.Event(), [0], [0], threading.Lock()

    class Slow:
        def verify(self, _stored: str, _data: bytes) -> bool:
            with lock:
                running[0] += 1
                peak[0] = max(peak[0], running[0])
            release.wait(10)
            with lock:
                running[0] -= 1
            return True

    hasher._hasher = Slow()  # type: ignore[assignment]
    outcomes: list[object] = []
    inside = threading.Semaphore(0)

    def check() -> None:
        try:
            outcomes.append(hasher.fits("stored", GOOD))
        except Refused as refused:
            outcomes.append(refused.status)
            inside.release()

    threads = [threading.Thread(target=check) for _ in range(20)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        assert inside.acquire(timeout=10)
    release.set()
    for thread in threads:
        thread.join(10)
    assert peak[0] <= 2
    assert sorted(outcomes, key=str) == [503] * 15 + [True] * 5
    hasher._hasher = Passwords()._hasher
    assert not hasher.fits(None, GOOD)  # and the house is open again
