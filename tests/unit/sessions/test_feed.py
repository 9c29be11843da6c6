"""The revocation feed: how it is followed, how its age is judged, what happens when it cannot be read."""

import gc
import logging
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from daypass.errors import SessionEnded, StoreUnavailable
from daypass.sessions import Sessions
from daypass.sessions.feed import KEPT_AFTER_S, OVERLAP_S, PRUNE_EVERY_S, WHOLE_EVERY_S, Follower
from daypass.stores.protocol import Denial, Feed
from tests.unit.sessions.conftest import Clock, House, put_back


def soon(true: Callable[[], object]) -> bool:
    """Wait for another thread, a few seconds at most."""
    give_up_at = time.monotonic() + 10
    while not true():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.005)
    return True


def follower_of(sessions: Sessions) -> Follower:
    assert isinstance(sessions._denials, Follower)
    return sessions._denials


def refuses(sessions: Sessions, token: str) -> bool:
    try:
        sessions.verify(token)
    except SessionEnded:
        return True
    return False


# ---------------------------------------------------------------------------------------------------- following


def test_another_process_hears_of_it_at_the_next_reading(house: House, clock: Clock) -> None:
    here, there = house.sessions(feed_poll_s=3599, feed_stale_after_s=3600), house.sessions()
    pair = there.start("alice")
    here.verify(pair.access_token)
    there.end(pair.session.sid)
    assert not refuses(here, pair.access_token)
    clock.pass_s(2)
    follower_of(here).read()
    assert refuses(here, pair.access_token)


def test_the_background_thread_reads(house: House) -> None:
    here, there = house.sessions(feed_poll_s=0.01), house.sessions()
    pair = there.start("alice")
    here.verify(pair.access_token)
    there.end(pair.session.sid)
    assert soon(lambda: refuses(here, pair.access_token))


def test_the_whole_feed_is_read_before_the_first_verification(house: House) -> None:
    there = house.sessions()
    pair = there.start("alice")
    there.end(pair.session.sid)
    restarted = house.sessions()
    house.store.calls.clear()
    assert refuses(restarted, pair.access_token)
    assert house.store.calls == {"denials": 1}


def test_first_verifications_at_once_all_wait_for_the_reading(house: House) -> None:
    there = house.sessions()
    pair = there.start("alice")
    there.end(pair.session.sid)
    restarted = house.sessions()
    house.store.before["denials"] = lambda: time.sleep(0.05)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(refuses(restarted, pair.access_token))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8


def test_nothing_is_read_and_no_thread_started_before_the_first_verification(house: House) -> None:
    before = threading.active_count()
    sessions = house.sessions()
    sessions.end(sessions.start("alice").session.sid)
    assert house.store.calls["denials"] == 0
    assert threading.active_count() == before


class RecordingStore:
    """A store whose feed a test writes, and that remembers what it was asked."""

    def __init__(self) -> None:
        self.id = "one"
        self.entries: tuple[Denial, ...] = ()
        self.asked: list[float | None] = []
        self.is_down = False
        self.ended: list[str] = []

    def end(self, sid: str, *, now_s: float) -> None:
        if self.is_down:
            raise StoreUnavailable("down")
        self.ended.append(sid)

    def denials(self, *, since_s: float | None, now_s: float) -> Feed:
        if self.is_down:
            raise StoreUnavailable("down")
        self.asked.append(since_s)
        return Feed(self.id, self.entries)


def follower(store: RecordingStore, clock: Clock, **words: object) -> Follower:
    """A follower that reads when a test says so."""
    from daypass.sessions import SessionPolicy

    made = Follower(store, SessionPolicy(**words), clock=clock, monotonic=clock.monotonic)
    made._reader.has_read.set()
    made._reader.thread = threading.current_thread()
    return made


def test_readings_overlap_and_the_whole_feed_comes_again() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock)
    for _ in range(4):
        one.read()
        clock.pass_s(20)
    start = clock() - 80
    assert store.asked == [None, start - OVERLAP_S, start + 20 - OVERLAP_S, None]
    assert WHOLE_EVERY_S == 60


def test_a_clock_step_makes_it_read_the_whole_feed() -> None:
    for step_s in (5, -5, 3600, -3600):
        store, clock = RecordingStore(), Clock()
        one = follower(store, clock)
        one.read()
        clock.pass_s(2)
        clock.step_s(step_s)
        one.read()
        clock.pass_s(2)
        one.read()
        assert store.asked == [None, None, clock() - 2 - OVERLAP_S]


def test_what_becomes_visible_late_is_seen() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock)
    one.read()
    clock.pass_s(10)
    one.read()
    assert store.asked[-1] is not None
    assert store.asked[-1] <= clock() - 10 - OVERLAP_S, "a transaction may have begun that long ago"


def test_denials_are_forgotten_when_they_have_not_mattered_for_long() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock)
    one.deny([Denial("short", int(clock()) + 10), Denial("long", int(clock()) + 10_000)])
    clock.pass_s(PRUNE_EVERY_S + 20)
    one.deny([])
    assert set(one.denied) == {"short", "long"}
    clock.pass_s(KEPT_AFTER_S)
    one.deny([])
    assert set(one.denied) == {"long"}


# ---------------------------------------------------------------------------------------------------------- age


def test_a_stale_feed_accepts_with_an_alarm(caplog: pytest.LogCaptureFixture) -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock, when_stale="accept")
    one.read()
    clock.pass_s(10)
    one.check()
    assert not one.is_stale()
    assert not caplog.records
    clock.pass_s(0.1)
    assert one.look_again_at <= clock.monotonic_s
    for _ in range(100):
        one.check()
    assert one.is_stale()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    clock.pass_s(61)
    one.check()
    assert len(caplog.records) == 2
    one.read()
    assert not one.is_stale()
    assert one.look_again_at > clock.monotonic_s


def test_a_stale_feed_refuses_with_503() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock, when_stale="refuse")
    one.read()
    clock.pass_s(10.1)
    with pytest.raises(StoreUnavailable):
        one.check()
    one.read()
    one.check()


def test_age_is_judged_by_the_clock_that_cannot_be_set() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock, when_stale="refuse")
    one.read()
    clock.step_s(-86_400)
    one.check()
    clock.step_s(3 * 86_400)
    one.check()


@pytest.mark.parametrize("reader", ["the verification", "the thread"])
def test_the_hot_path_looks_again_before_the_feed_is_stale(house: House, clock: Clock, reader: str) -> None:
    sessions = house.sessions(when_stale="refuse", feed_poll_s=2, feed_stale_after_s=2.5)
    pair = sessions.start("alice")
    sessions.verify(pair.access_token)
    if reader == "the thread":
        follower_of(sessions).read()
    house.store.is_down = True
    clock.pass_s(2.4)
    sessions.verify(pair.access_token)
    clock.pass_s(0.2)
    with pytest.raises(StoreUnavailable):
        sessions.verify(pair.access_token)
    house.store.is_down = False
    follower_of(sessions).read()
    sessions.verify(pair.access_token)


@pytest.mark.parametrize("when_stale", ["accept", "refuse"])
def test_a_store_that_is_down_at_the_start_is_a_stale_feed(house: House, when_stale: str) -> None:
    there = house.sessions()
    pair = there.start("alice")
    restarted = house.sessions(when_stale=when_stale, feed_poll_s=0.01)
    house.store.is_down = True
    if when_stale == "accept":
        restarted.verify(pair.access_token)
    else:
        with pytest.raises(StoreUnavailable):
            restarted.verify(pair.access_token)
    assert "ALARM" in restarted.describe()
    house.store.is_down = False
    there.end(pair.session.sid)
    assert soon(lambda: not follower_of(restarted).is_stale())
    assert soon(lambda: refuses(restarted, pair.access_token))


def test_an_ended_session_stays_refused_while_the_feed_is_stale(house: House, clock: Clock) -> None:
    sessions = house.sessions()
    pair = sessions.start("alice")
    sessions.verify(pair.access_token)
    sessions.end(pair.session.sid)
    house.store.is_down = True
    clock.pass_s(60)
    assert refuses(sessions, pair.access_token)


# ------------------------------------------------------------------------------------------ a feed that is new


def test_a_feed_that_starts_anew_keeps_what_was_denied_and_is_stale_for_an_access_lifetime() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock, when_stale="refuse", access_lifetime_s=590, leeway_s=10)
    store.entries = (Denial("ended", int(clock()) + 900),)
    one.read()
    store.id, store.entries = "two", ()
    clock.pass_s(2)
    one.read()
    assert store.asked[-1] is None, "the whole of the new one"
    assert "ended" in one.denied
    for _ in range(299):
        with pytest.raises(StoreUnavailable):
            one.check()
        clock.pass_s(2)
        one.read()
        assert one.look_again_at <= clock.monotonic_s or clock.monotonic_s >= 1602
    clock.pass_s(2.1)
    one.read()
    one.check()


def test_a_feed_that_forgets_under_the_same_name_is_found_out(caplog: pytest.LogCaptureFixture) -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock, when_stale="refuse", access_lifetime_s=590, leeway_s=10)
    kept, lost = Denial("kept", int(clock()) + 900), Denial("lost", int(clock()) + 900)
    store.entries = (kept, lost)
    one.read()
    store.entries = (kept,)  # a backup was put back, with the name of its feed
    clock.pass_s(WHOLE_EVERY_S)
    one.read()
    assert store.ended == ["lost"], "the store is told again"
    assert {"kept", "lost"} <= set(one.denied)
    with pytest.raises(StoreUnavailable):
        one.check()
    assert len(caplog.records) == 1
    assert "put back" in caplog.text
    for _ in range(10):  # it stays forgotten, which is no news
        clock.pass_s(WHOLE_EVERY_S)
        one.read()
    one.check()
    assert store.ended == ["lost"]
    assert len(caplog.records) == 1


def test_a_feed_that_leaves_out_what_matters_no_longer_has_forgotten_nothing() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock, when_stale="refuse")
    store.entries = (Denial("ended", int(clock()) + 900),)
    one.read()
    store.entries = ()
    clock.pass_s(601)  # its tokens have expired; the rest is for clocks that are wrong
    one.read()
    one.check()
    assert store.ended == []


def test_what_is_ended_while_the_feed_is_read_is_not_taken_for_forgotten() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock, when_stale="refuse")
    answer = store.denials

    def end_meanwhile(**words: object) -> Feed:
        feed = answer(**words)
        one.deny([Denial("now", int(clock()) + 900)])
        return feed

    store.denials = end_meanwhile
    one.read()
    one.check()
    assert store.ended == []


def test_an_end_that_cannot_be_recorded_again_is_tried_at_the_next_whole_reading() -> None:
    store, clock = RecordingStore(), Clock()
    one = follower(store, clock)
    one.deny([Denial("lost", int(clock()) + 90_000)])
    store.end = lambda *_values, **_words: (_ for _ in ()).throw(StoreUnavailable("down"))
    one.read()
    del store.end
    clock.pass_s(WHOLE_EVERY_S)
    one.read()
    assert store.ended == ["lost"]


def test_a_backup_that_was_put_back_brings_no_ended_session_back(house: House, clock: Clock) -> None:
    here = house.sessions(feed_poll_s=3599, feed_stale_after_s=3600)
    pair = here.start("alice")
    here.verify(pair.access_token)
    here.end(pair.session.sid)
    put_back(house, pair.session.sid)
    clock.pass_s(WHOLE_EVERY_S)
    follower_of(here).read()
    restarted = house.sessions()
    assert refuses(restarted, pair.access_token)
    with pytest.raises(SessionEnded):
        restarted.refresh(pair.refresh_token)
    assert "ALARM" in here.describe()


# ------------------------------------------------------------------------------------- a store that does not answer


def test_a_reading_that_hangs_counts_as_stale(house: House, clock: Clock) -> None:
    sessions = house.sessions(when_stale="refuse", feed_poll_s=0.01, feed_stale_after_s=5)
    pair = sessions.start("alice")
    sessions.verify(pair.access_token)
    hangs, release = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        assert release.wait(20)

    house.store.before["denials"] = hang
    assert hangs.wait(20)
    assert follower_of(sessions)._reader.thread.is_alive(), "it lives, and reads nothing"
    clock.pass_s(5.1)
    with pytest.raises(StoreUnavailable):
        sessions.verify(pair.access_token)
    release.set()
    assert soon(lambda: not follower_of(sessions).is_stale())
    sessions.verify(pair.access_token)


@pytest.mark.parametrize("when_stale", ["accept", "refuse"])
def test_a_store_that_hangs_at_the_start_holds_nobody_up_for_longer_than_a_stale_feed(
    house: House, when_stale: str
) -> None:
    pair = house.sessions().start("alice")
    sessions = house.sessions(when_stale=when_stale, feed_poll_s=0.05, feed_stale_after_s=0.2)
    release = threading.Event()
    house.store.before["denials"] = lambda: release.wait(20)
    for _ in range(2):
        if when_stale == "accept":
            sessions.verify(pair.access_token)
        else:
            with pytest.raises(StoreUnavailable):
                sessions.verify(pair.access_token)
    assert not release.is_set()
    release.set()


def test_a_reading_that_fails_in_an_unknown_way_is_logged_and_tried_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    there = house.sessions()
    pair = there.start("alice")
    sessions = house.sessions(feed_poll_s=0.01)

    def fail() -> None:
        raise KeyError("a value that nobody shall read")

    house.store.before["denials"] = fail
    sessions.verify(pair.access_token)
    there.end(pair.session.sid)
    assert soon(lambda: refuses(sessions, pair.access_token))
    assert "KeyError" in caplog.text
    assert "nobody shall read" not in caplog.text


def test_closing_waits_for_a_reading_that_has_begun(house: House) -> None:
    sessions = house.sessions(feed_poll_s=0.01)
    sessions.verify(sessions.start("alice").access_token)
    hangs, release, closed = threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        assert release.wait(20)

    house.store.before["denials"] = hang
    assert hangs.wait(20)
    closing = threading.Thread(target=lambda: (sessions.close(), closed.set()))
    closing.start()
    assert not closed.wait(0.1), "the store is not closed under it"
    release.set()
    assert closed.wait(20)
    assert not follower_of(sessions)._reader.thread.is_alive()


def test_without_a_thread_the_verification_reads(house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    here, there = house.sessions(), house.sessions()
    pair = there.start("alice")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        here.verify(pair.access_token)
        there.end(pair.session.sid)
        clock.pass_s(5)
        assert refuses(here, pair.access_token)


# --------------------------------------------------------------------------------------------- threads, forks


def test_a_dead_poller_is_replaced(house: House, clock: Clock) -> None:
    here, there = house.sessions(feed_poll_s=0.01), house.sessions()
    pair = there.start("alice")
    here.verify(pair.access_token)
    reader = follower_of(here)._reader
    reader.closed.set()
    reader.thread.join()
    reader.closed.clear()
    there.end(pair.session.sid)
    clock.pass_s(5)
    refuses(here, pair.access_token)  # whether this one is refused already, the new thread decides
    assert reader.thread.is_alive()
    assert soon(lambda: refuses(here, pair.access_token))


def test_closing_ends_the_thread(house: House) -> None:
    sessions = house.sessions()
    sessions.verify(sessions.start("alice").access_token)
    thread = follower_of(sessions)._reader.thread
    assert thread.is_alive()
    sessions.close()
    assert not thread.is_alive()
    house.clock.pass_s(60)
    sessions.verify(sessions.start("alice").access_token)
    assert follower_of(sessions)._reader.thread is thread, "nobody follows for closed sessions"


def test_sessions_that_are_forgotten_leave_no_thread(house: House) -> None:
    sessions = house.sessions(feed_poll_s=0.01)
    sessions.verify(sessions.start("alice").access_token)
    one = follower_of(sessions)
    thread, gone = one._reader.thread, weakref.ref(one)
    house.opened.clear()
    del sessions, one
    gc.collect()
    assert soon(lambda: gone() is None and not thread.is_alive())


FORKING = """
import os, sys, time
from daypass.errors import SessionEnded
from daypass.sessions import SessionPolicy, Sessions

policy = SessionPolicy(feed_poll_s=0.1, feed_stale_after_s=30)
sessions = Sessions.open("sqlite:///" + sys.argv[1], issuer="i", audience="a", policy=policy)
pair = sessions.start("alice")
sessions.verify(pair.access_token)
parents = sessions._denials._reader
child = os.fork()
if child == 0:
    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        try:
            sessions.verify(pair.access_token)
        except SessionEnded:
            own = sessions._denials._reader
            os._exit(0 if own is not parents and own.thread.is_alive() else 2)
        time.sleep(0.01)
    os._exit(1)
sessions.end(pair.session.sid)
print(os.waitpid(child, 0)[1], parents.thread.is_alive())
sessions.close()
"""


def test_a_forked_child_notices_that_the_poller_stayed_behind(house: House) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKING, str(house.folder / "forked.db")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert answer.stdout == "0 True\n", answer.stderr
