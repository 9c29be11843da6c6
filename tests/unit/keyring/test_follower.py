"""A ring on a server: a thread follows it, and nobody who verifies a token waits for the server."""

import gc
import logging
import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daypass.errors import StoreUnavailable, UnknownKey
from daypass.keyring import description, follower, reading
from daypass.keyring.follower import Follower
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.stores.opening import open_store
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.unit.keyring.places import WAIT_S, Server, until

MASTER = secrets.token_bytes(32)
THREAD = "daypass-keyring"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, and do not wait long for a look that hangs."""
    for module in (reading, description):  # both, or the one that is imported later would keep what is patched here
        monkeypatch.setattr(module, "POLL_S", 0.02)
    monkeypatch.setattr(follower, "CLOSE_WAIT_S", 0.1)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.answers.set()
    until(lambda: not following())


def following() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == THREAD]


def open_ring(server: Server, **words) -> KeyRing:
    """Open a ring that has been asked once already: its thread begins with that, so that a parent forks without it."""
    ring = KeyRing.from_storage(server, master_key=MASTER, alg="HS256", **words)
    assert ring._follower is not None
    ring._follower.ensure()
    return ring


def kids(ring: KeyRing) -> set[str]:
    return {entry.kid for entry in ring.entries()}


def signs(ring: KeyRing) -> str:
    return str(ring.signing_keys()[0].kid)


# -------------------------------------------------------------------------------------------------------- follows


def test_the_thread_begins_with_the_first_question_after_a_second(server: Server) -> None:
    """A parent that opens a ring and forks has no thread yet."""
    with KeyRing.from_storage(server, master_key=MASTER) as ring:
        assert following() == []
        until(lambda: bool(ring.signing_keys() and following()))


def test_a_thread_asks_and_no_caller_ever_does(server: Server) -> None:
    with open_ring(server) as ring:
        server.askers.clear()
        until(lambda: len(server.askers) > 3)
        for _ in range(100):
            ring.signing_keys()
            ring.verification_keys()
            ring.derive_kid()
            assert ring.epoch
            ring.derived_key("strange", "refresh")
            ring.reread()
            ring.describe()
        assert set(server.askers) == {THREAD}


def test_what_another_node_did_is_followed_without_anybody_asking(server: Server) -> None:
    with open_ring(server) as here, open_ring(server) as there:
        kid = here.rotate(at_once=True)
        until(lambda: signs(there) == kid)
        retired = next(entry.kid for entry in here.entries() if entry.retire_at is not None)
        here.retire(retired)
        until(lambda: retired not in kids(there))


def test_an_unknown_kid_is_looked_up_before_it_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that signs at once is first seen in a token: no thread has looked yet."""
    monkeypatch.setattr(reading, "POLL_S", 3600)
    with open_ring(server) as here, open_ring(server) as there:
        verifier = Verifier(there, issuer="i", audience="a")
        here.rotate(at_once=True)
        token = Issuer(here, issuer="i", audience="a").issue({"sub": "u", "client_id": "c"})
        assert verifier.verify(token)["sub"] == "u"


def test_unknown_kids_make_the_server_be_asked_ten_times_a_second_at_most(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends junk must not reach the server through us."""
    monkeypatch.setattr(reading, "POLL_S", 3600)
    with open_ring(server) as ring:
        server.askers.clear()
        began = time.monotonic()
        for _ in range(2000):
            ring.reread()
        assert len(server.askers) <= 2 + (time.monotonic() - began) / reading.REREAD_S


# ---------------------------------------------------------------------------------------------------------- hangs


def test_no_verification_waits_for_a_server_that_hangs(server: Server) -> None:
    with open_ring(server) as ring:
        token = Issuer(ring, issuer="i", audience="a").issue({"sub": "u", "client_id": "c"})
        verifier = Verifier(ring, issuer="i", audience="a")
        server.answers.clear()
        assert server.is_hanging.wait(WAIT_S)
        began = time.monotonic()
        for _ in range(500):
            assert verifier.verify(token)["sub"] == "u"
        assert time.monotonic() - began < 5
        server.answers.set()


def test_tokens_of_unknown_keys_do_not_hold_anybody_up_while_a_server_hangs(server: Server) -> None:
    """Each could wait a quarter of a second: an attacker would stop the service with a few of them."""
    with open_ring(server) as ring:
        with KeyRing.in_memory(alg="HS256") as strange:
            token = Issuer(strange, issuer="i", audience="a").issue({"sub": "u", "client_id": "c"})
        verifier = Verifier(ring, issuer="i", audience="a")
        server.answers.clear()
        assert server.is_hanging.wait(WAIT_S)
        began = time.monotonic()
        for _ in range(300):
            with pytest.raises(UnknownKey):
                verifier.verify(token)
        assert time.monotonic() - began < 10
        server.answers.set()


def test_all_who_ask_first_in_a_process_that_was_idle_learn_what_it_missed(server: Server) -> None:
    """A key was retired while nobody asked: of the first requests at once, not the one alone that starts the thread."""
    with KeyRing.from_storage(server, master_key=MASTER, alg="HS256") as idle, open_ring(server) as other:
        leaked = signs(other)
        other.rotate(at_once=True)
        other.retire(leaked)
        other.close()
        server.is_hanging.clear()
        server.answers.clear()
        idle._poll_at = idle._read_at = 0
        seen: list[set[str]] = []
        first, second = (threading.Thread(target=lambda: seen.append(kids(idle))) for _ in range(2))
        first.start()
        assert server.is_hanging.wait(WAIT_S)
        second.start()
        second.join(0.1)
        assert second.is_alive()
        server.answers.set()
        for thread in (first, second):
            thread.join(WAIT_S)
        assert len(seen) == 2
        assert all(leaked not in one for one in seen)


def test_a_server_that_hangs_from_the_first_question_on_holds_nobody_up_for_long(server: Server) -> None:
    with KeyRing.from_storage(server, master_key=MASTER, alg="HS256") as ring:
        server.answers.clear()
        ring._poll_at = ring._read_at = 0
        began = time.monotonic()
        assert signs(ring)
        assert time.monotonic() - began < 5  # a second, on a machine with nothing else to do
        began = time.monotonic()
        for _ in range(20):
            ring._poll_at = 0
            assert signs(ring)
        assert time.monotonic() - began < 1
        server.answers.set()


def test_an_outage_is_said_once_and_survived(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with open_ring(server) as ring:
        before = kids(ring)
        server.fault = StoreUnavailable("the server is away")
        until(lambda: "ALARM" in ring.describe())
        server.askers.clear()
        until(lambda: len(server.askers) > 10)
        assert kids(ring) == before
        assert "going on with the keys read before" in ring.describe()
        with pytest.raises(StoreUnavailable):
            ring.rotate()
        assert kids(ring) == before
        until(lambda: bool(caplog.records))
        assert [record.message for record in caplog.records if "away" in record.message] == [caplog.records[0].message]
        server.fault = None
        until(lambda: "ALARM" not in ring.describe())
        kid = ring.rotate()
        assert kid in kids(ring)


def test_a_server_that_hangs_is_an_alarm(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SILENT_S", 0.05)
    monkeypatch.setattr(description, "SILENT_S", 0.05)
    with open_ring(server) as ring:
        server.answers.clear()
        until(lambda: "has not answered for" in ring.describe())
        server.answers.set()
        until(lambda: ring._monotonic() - ring._read_at < 0.05 or "ALARM" not in ring.describe())


def test_the_surprise_of_a_driver_ends_no_thread_and_is_named_by_its_kind(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ring(server) as ring:
        server.fault = RuntimeError("redis://user:hunter2@host")
        until(lambda: "RuntimeError" in ring.describe())
        assert "hunter2" not in ring.describe()
        until(lambda: bool(caplog.records))
        assert "hunter2" not in caplog.text
        server.fault = None
        until(lambda: "ALARM" not in ring.describe())


def test_a_log_handler_that_hangs_keeps_nobody_from_reading(server: Server) -> None:
    held = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert held.wait(WAIT_S)

    handler = Handler()
    logging.getLogger("daypass.keyring").addHandler(handler)
    try:
        with open_ring(server) as here, open_ring(server) as there:
            server.fault = StoreUnavailable("the server is away")
            until(lambda: "ALARM" in there.describe())
            server.fault = None
            kid = here.rotate(at_once=True)
            until(lambda: signs(there) == kid)
    finally:
        held.set()
        logging.getLogger("daypass.keyring").removeHandler(handler)


# --------------------------------------------------------------------------------------------------------- closes


def test_a_closed_ring_asks_no_more_and_still_answers(server: Server) -> None:
    ring = open_ring(server)
    before = kids(ring)
    ring.close()
    ring.close()
    assert following() == []
    server.askers.clear()
    ring.reread()
    ring._poll_at = 0
    assert kids(ring) == before
    assert server.askers == []
    assert following() == []


def test_close_waits_for_a_look_that_is_under_way_so_that_the_store_is_not_pulled_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "CLOSE_WAIT_S", WAIT_S)
    ring = open_ring(server)
    server.answers.clear()
    assert server.is_hanging.wait(WAIT_S)
    closing_thread = threading.Thread(target=ring.close)
    closing_thread.start()
    closing_thread.join(0.1)
    assert closing_thread.is_alive()
    server.answers.set()
    closing_thread.join(WAIT_S)
    assert not closing_thread.is_alive()
    assert following() == []


def test_close_does_not_wait_for_ever(server: Server) -> None:
    ring = open_ring(server)
    server.answers.clear()
    assert server.is_hanging.wait(WAIT_S)
    began = time.monotonic()
    ring.close()
    assert time.monotonic() - began < 10
    server.answers.set()
    until(lambda: following() == [])


def test_a_ring_may_be_closed_from_a_listener_in_its_own_thread(server: Server) -> None:
    with open_ring(server) as here:
        there = open_ring(server)
        done = threading.Event()
        there.on_change(lambda *_: (there.close(), done.set()))
        here.rotate()
        assert done.wait(WAIT_S)


def test_a_ring_that_nobody_holds_is_followed_by_no_thread(server: Server) -> None:
    ring = open_ring(server)
    held = weakref.ref(ring)
    assert following() == [THREAD]
    del ring
    gc.collect()
    until(lambda: held() is None and following() == [])


def test_a_store_is_closed_after_its_ring_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        with (
            closing(open_store(f"sqlite:///{tmp_path}/x.db")) as store,
            KeyRing.from_storage(store.ring_storage(), master_key=MASTER, alg="HS256") as ring,
        ):
            until(lambda ring=ring: ring.signing_keys() and ring._read_at > ring._reread_at)  # the thread has looked
        assert following() == []
    assert caplog.records == []


# ---------------------------------------------------------------------------------------------------------- forks


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_follows_by_itself_and_begins_with_what_the_parent_missed(server: Server) -> None:
    """As a worker of gunicorn --preload: the thread of the parent is not in it."""
    with open_ring(server) as ring, open_ring(server) as other:
        before = signs(ring)
        ring.close()  # as if the parent had not looked for long
        ring._follower._closed = False  # type: ignore[union-attr]
        other.rotate(at_once=True)
        ring._poll_at = ring._read_at = 0
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                if signs(ring) != before and following().count(THREAD) == 1:
                    status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0


# --------------------------------------------------------------------------------------------------------- itself


def test_threads_that_begin_at_once_start_one() -> None:
    class Followed:
        pass

    followed, looks = Followed(), []
    one = Follower(followed, lambda _: looks.append(threading.get_ident()) or 3600, name="daypass-test")
    starts = []
    threads = [threading.Thread(target=lambda: starts.append(one.ensure())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert starts.count(True) == 1
    until(lambda: len(looks) == 1)
    one.ask(WAIT_S)
    assert len(looks) == 2
    assert len(set(looks)) == 1
    one.close()
    assert not one.ensure()


# ------------------------------------------------------------------------------------------------------ schedule


class Clock:
    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


SCHEDULE = RotationSchedule(publish_s=60, token_lifetime_s_max=900, session_lifetime_s_max=900, rotate_every_s=500)


def test_a_schedule_publishes_signs_retires_and_removes_by_the_clock_alone(server: Server) -> None:
    clock = Clock()
    begins = clock.now_s
    with open_ring(server, schedule=SCHEDULE, clock=clock) as ring:
        first = signs(ring)
        states = {}
        for at_s in (499, 500, 559, 560, 999, 1000, 1759, 1760, 1761):
            clock.now_s = begins + at_s
            count = len(server.askers)
            until(lambda count=count: len(server.askers) > count + 2)  # the thread has seen this time
            if at_s in {500, 1000}:
                until(lambda at_s=at_s: any(entry.publish_at == begins + at_s for entry in ring.entries()))
            states[at_s] = {entry.kid: entry.state(clock.now_s) for entry in ring.entries() if entry.purpose == "sign"}
        second = next(kid for kid in states[500] if kid != first)
        assert states[499] == {first: "active"}
        assert states[500] == states[559] == {first: "active", second: "next"}
        assert states[560] == states[999] == {first: "retiring", second: "active"}
        assert states[1000][second] == "active"
        assert states[1759][first] == "retiring"  # 560 + 900 + 300 for leeway
        assert states[1760].get(first, "removed") == "removed"


def test_a_scheduled_rotation_that_fails_is_tried_again_and_said(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.keyring.changing.RETRY_S", 0.02)
    clock = Clock()
    with open_ring(server, schedule=SCHEDULE, clock=clock) as ring:
        first = kids(ring)
        server.fault = StoreUnavailable("the server is away")
        clock.now_s += 600
        until(lambda: "the scheduled rotation failed" in ring.describe())
        assert kids(ring) == first
        server.fault = None
        until(lambda: kids(ring) > first)
        until(lambda: "ALARM" not in ring.describe())


def test_a_process_that_was_given_no_schedule_rotates_nothing(server: Server) -> None:
    clock = Clock()
    open_ring(server, schedule=SCHEDULE, clock=clock).close()
    with open_ring(server, clock=clock) as ring:
        clock.now_s += 10_000
        server.askers.clear()
        until(lambda: len(server.askers) > 5)
        assert len(ring.entries()) == 2
        assert "leaves it to others" in ring.describe()


def test_a_clock_that_is_behind_rotates_nothing(server: Server) -> None:
    """It would make a key that is older than the ring, again and again."""
    clock = Clock()
    with open_ring(server, schedule=SCHEDULE, clock=clock) as ring:
        before = kids(ring)
        clock.now_s -= 10**7
        server.askers.clear()
        until(lambda: len(server.askers) > 5)
        assert kids(ring) == before
        assert signs(ring)


def test_a_file_ring_with_a_schedule_has_a_thread_until_it_is_closed(tmp_path: Path) -> None:
    clock = Clock()
    with KeyRing.open(tmp_path / "ring.json", alg="HS256", schedule=SCHEDULE, clock=clock) as ring:
        before = signs(ring)
        clock.now_s += 500
        until(lambda: len(ring.entries()) == 4)
        clock.now_s += 60
        assert signs(ring) != before
    assert following() == []
