"""A ring on a server is followed by a thread: nobody who verifies waits for the server, and all follow each other."""

import gc
import itertools
import os
import secrets
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from daypass.keyring.reading import POLL_S, SILENT_S
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.unit.keyring.remote import Remote

MASTER = secrets.token_bytes(32)
PARTIES = {"issuer": "https://id.example", "audience": "https://api.example"}
WAIT_S = 30


def until(holds: Callable[[], bool], within_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def place() -> Iterator[Remote]:
    remote = Remote()
    yield remote
    remote.answers.set()


@pytest.fixture
def opened(place: Remote) -> Iterator[Callable[..., KeyRing]]:
    rings: list[KeyRing] = []

    def open_ring(**words: object) -> KeyRing:
        rings.append(KeyRing.from_storage(place, master_key=MASTER, **words))  # type: ignore[arg-type]
        return rings[-1]

    yield open_ring
    place.answers.set()
    for ring in rings:
        ring.close()


Opened = Callable[..., KeyRing]


def awake(ring: KeyRing) -> KeyRing:
    """Use a ring until it has a thread: it gets one about a second after it was opened, past a fork."""

    def runs() -> bool:
        ring.epoch  # noqa: B018 - somebody verifies
        return ring._follower is not None and ring._follower._state.runs()

    until(runs)
    return ring


def test_another_process_is_followed_without_being_asked_for(opened: Opened) -> None:
    here, there = opened(), opened()
    awake(there)
    kid = here.rotate(at_once=True)
    began = time.monotonic()
    until(lambda: any(entry.kid == kid for entry in there.entries()))
    assert time.monotonic() - began < 10 * POLL_S


def test_a_retired_key_is_refused_elsewhere_within_the_stated_delay(opened: Opened) -> None:
    here, there = opened(), opened()
    token = Issuer(here, **PARTIES).issue({"sub": "u", "client_id": "c"})
    verify = Verifier(there, **PARTIES).verify
    verify(token)
    kid = str(here.signing_keys()[0].kid)
    here.rotate(at_once=True)
    here.retire(kid)
    began = time.monotonic()
    from daypass.errors import UnknownKey

    refused = None
    while refused is None and time.monotonic() - began < WAIT_S:
        try:
            verify(token)
        except UnknownKey as error:
            refused = error
        time.sleep(0.01)
    assert refused is not None
    assert "within about 2 s" in there.describe()
    assert time.monotonic() - began < 10  # 2 s, on a machine that has other things to do


def test_no_verification_waits_for_a_server_that_hangs(place: Remote, opened: Opened) -> None:
    ring = opened()
    token = Issuer(ring, **PARTIES).issue({"sub": "u", "client_id": "c"})
    verify = Verifier(ring, **PARTIES).verify
    verify(token)
    awake(ring)
    place.answers.clear()
    began = time.monotonic()
    while time.monotonic() < began + 2.5 * POLL_S:  # over several looks that are due
        before = time.monotonic()
        assert verify(token)["sub"] == "u"
        assert ring.derive_kid()
        assert time.monotonic() - before < 0.9 * POLL_S
        time.sleep(0.01)


def test_unknown_kids_of_a_stranger_do_not_pile_up_behind_a_server_that_hangs(place: Remote, opened: Opened) -> None:
    ring = opened()
    awake(ring)
    place.answers.clear()
    began = time.monotonic()
    threads = [threading.Thread(target=ring.derived_key, args=(f"nobody{n}", "x")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert time.monotonic() - began < 10  # each waits a quarter of a second at most, side by side
    began = time.monotonic()
    assert ring.derived_key("nobody", "x") is None
    assert time.monotonic() - began < 5


def test_a_new_key_is_known_with_its_first_token(opened: Opened) -> None:
    here, there = opened(), opened()
    verify = Verifier(there, **PARTIES).verify
    for _ in range(3):
        here.rotate(at_once=True)
        assert verify(Issuer(here, **PARTIES).issue({"sub": "u", "client_id": "c"}))["sub"] == "u"
        time.sleep(0.11)  # an unknown kid makes a ring look ten times a second at most


def test_an_outage_is_outlived_and_said(place: Remote, opened: Opened) -> None:
    ring = opened()
    kid = ring.signing_keys()[0].kid
    place.is_away = True
    until(lambda: "no answer" in ring.describe())
    assert ring.signing_keys()[0].kid == kid
    place.is_away = False
    until(lambda: "no answer" not in ring.describe())
    assert SILENT_S > POLL_S


def test_closing_ends_the_thread_before_the_store_is_closed(place: Remote, opened: Opened) -> None:
    ring = opened()
    awake(ring)
    until(lambda: place.asked > 3)
    ring.close()
    place.is_closed = True  # the place notices whoever asks now
    assert not [thread for thread in threading.enumerate() if thread.name == "daypass-keyring"]
    assert ring.signing_keys()
    ring.reread()
    assert ring.derived_key("nobody", "x") is None
    ring.close()


def test_a_ring_that_nobody_holds_leaves_no_thread_behind(place: Remote) -> None:
    ring = KeyRing.from_storage(place, master_key=MASTER)  # type: ignore[arg-type]
    awake(ring)
    gone = weakref.ref(ring)
    del ring
    gc.collect()
    assert gone() is None
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "daypass-keyring"])


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork_follows_by_itself(place: Remote, opened: Opened) -> None:
    ring = opened()
    awake(ring)
    until(lambda: place.asked > 3)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            before = place.asked
            deadline = time.monotonic() + WAIT_S
            while place.asked == before and time.monotonic() < deadline:
                ring.epoch  # noqa: B018
                time.sleep(0.01)
            os.write(writing, b"1" if place.asked > before else b"0")
        finally:
            os._exit(0)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"1"
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


class TestSchedule:
    """Keys that are made by the clock."""

    SCHEDULE = RotationSchedule(publish_s=0.1, token_lifetime_s_max=1, session_lifetime_s_max=1, rotate_every_s=0.3)

    def test_they_come_by_themselves_and_one_for_all(self, opened: Opened) -> None:
        rings = [opened(schedule=self.SCHEDULE) for _ in range(3)]
        first = {entry.kid for entry in rings[0].entries()}
        for ring in rings:
            awake(ring)
        until(lambda: len({entry.kid for entry in rings[0].entries()} - first) >= 4)
        for ring in rings:
            ring.close()
        signing = [entry for entry in rings[0].entries() if entry.purpose == "sign"]
        times = [entry.publish_at for entry in signing]
        assert all(later - earlier >= 0.29 for earlier, later in itertools.pairwise(times))

    def test_a_schedule_without_an_interval_makes_none(self, place: Remote, opened: Opened) -> None:
        ring = opened(schedule=RotationSchedule(publish_s=0.1, token_lifetime_s_max=1, session_lifetime_s_max=1))
        awake(ring)
        asked = place.asked
        until(lambda: place.asked > asked + 2)
        assert len(ring.entries()) == 2
        assert "by hand" in ring.describe()

    def test_a_rotation_that_fails_is_said_and_tried_again(
        self, place: Remote, opened: Opened, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("daypass.keyring.changing.RETRY_S", 0.2)
        ring = opened(schedule=self.SCHEDULE)
        count = len(ring.entries())
        place.is_away = True
        awake(ring)
        until(lambda: "no answer" in ring.describe())
        place.is_away = False
        until(lambda: len({entry.kid for entry in ring.entries()}) > count)


class TestListeners:
    """Who is told of changes."""

    def test_each_process_is_told_once_whoever_changed_it(self, opened: Opened) -> None:
        here, there = opened(), opened()
        awake(there)
        told: dict[str, list[tuple[str, str]]] = {"here": [], "there": []}
        here.on_change(lambda reason, kid: told["here"].append((reason, kid)))
        take_off = there.on_change(lambda reason, kid: told["there"].append((reason, kid)))
        old = str(here.signing_keys()[0].kid)
        kid = here.rotate(at_once=True)
        here.retire(old)
        until(lambda: ("retire", old) in told["there"])
        for heard in told.values():
            assert heard.count(("rotate", kid)) == 1
            assert heard.count(("retire", old)) == 1
            assert len(heard) == 3  # a key, its secret, a retirement
        take_off()
        last = here.rotate(at_once=True)
        until(lambda: last in {entry.kid for entry in there.entries()})
        assert len(told["there"]) == 3
        assert ("rotate", last) in told["here"]

    def test_one_that_is_slow_or_fails_keeps_no_retired_key_alive(self, opened: Opened) -> None:
        here, there = opened(), opened()
        awake(there)
        goes_on = threading.Event()

        def slow(_reason: str, _kid: str) -> None:
            goes_on.wait(WAIT_S)
            raise RuntimeError("planted")

        there.on_change(slow)
        old = str(here.signing_keys()[0].kid)
        here.rotate(at_once=True)
        until(lambda: len(there.entries()) == 4)
        here.retire(old)
        until(lambda: old not in {entry.kid for entry in there.entries()})
        assert not goes_on.is_set()
        goes_on.set()
