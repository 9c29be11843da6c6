"""Events: what is told, how often, to whom, and that telling harms nothing."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from daypass.errors import (
    AccessDenied,
    ConfigurationError,
    InvalidSignature,
    RefreshReused,
    SessionEnded,
    StoreUnavailable,
    TokenError,
    UnknownSession,
)
from daypass.sessions import Grants, JsonLines, Sessions
from daypass.sessions.events import (
    EndEvent,
    Event,
    KeysEvent,
    LoginEvent,
    ReauthenticationEvent,
    RefusalEvent,
    ReuseEvent,
    level_of,
)
from tests.unit.sessions.conftest import NOW, Clock, House, put_back


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def watched(house: House, told: list[Event]) -> Sessions:
    return house.sessions(on_event=told.append)


def kinds(told: list[Event]) -> list[tuple[str, str | None]]:
    """Name what was told, and forget it."""
    named = [(type(event).__name__, event.reason) for event in told]
    told.clear()
    return named


# ------------------------------------------------------------------------------------------------ one for each


def test_a_login_is_told_with_what_an_operator_looks_for(watched: Sessions, told: list[Event]) -> None:
    sid = watched.start("alice", device="Firefox").session.sid
    assert told == [
        LoginEvent(
            event="authn_login_success",
            at=NOW,
            sid=sid,
            subject="alice",
            client_id="first-party",
            device="Firefox",
        )
    ]


def test_a_refresh_and_a_repetition_are_told_apart(watched: Sessions, told: list[Event]) -> None:
    pair = watched.start("alice")
    watched.refresh(pair.refresh_token)
    watched.refresh(pair.refresh_token)
    assert [event.event for event in told] == ["authn_login_success", "session_renewed", "session_renewed"]
    assert kinds(told)[1:] == [("RefreshEvent", "rotated"), ("RefreshEvent", "repeated")]


def test_a_password_that_was_asked_again_is_told(watched: Sessions, told: list[Event]) -> None:
    sid = watched.start("alice").session.sid
    watched.reauthenticate(sid)
    assert isinstance(told[1], ReauthenticationEvent)
    assert (told[1].event, told[1].sid) == ("authn_login_success", sid)


def test_reuse_is_told_and_the_end_that_follows(watched: Sessions, told: list[Event], clock: Clock) -> None:
    pair = watched.start("alice")
    watched.refresh(pair.refresh_token)
    clock.pass_s(11)
    told.clear()
    with pytest.raises(RefreshReused):
        watched.refresh(pair.refresh_token)
    assert [event.event for event in told] == ["authn_token_reuse", "session_expired"]
    assert {(event.sid, event.subject) for event in told} == {(pair.session.sid, "alice")}
    assert kinds(told) == [("ReuseEvent", None), ("EndEvent", "reuse")]


def test_every_way_to_end_is_told_with_its_reason(house: House, told: list[Event]) -> None:
    allowed: list[Grants | None] = [Grants()]
    watched = house.sessions(on_event=told.append, authorize=lambda _subject: allowed[0], sessions_per_subject_max=1)
    first, second = watched.start("alice"), watched.start("alice")
    assert [(type(event).__name__, event.sid, event.reason) for event in told] == [
        ("LoginEvent", first.session.sid, None),
        ("EndEvent", first.session.sid, "cap"),
        ("LoginEvent", second.session.sid, None),
    ]
    told.clear()
    watched.end(second.session.sid)
    third = watched.start("alice")
    watched.end_all("alice")
    fourth = watched.start("alice")
    watched.end_with(fourth.refresh_token)
    fifth = watched.start("alice")
    allowed[0] = None
    with pytest.raises(SessionEnded):
        watched.refresh(fifth.refresh_token)
    ends = [(event.sid, event.subject, event.reason) for event in told if isinstance(event, EndEvent)]
    sids = [pair.session.sid for pair in (second, third, fourth, fifth)]
    assert ends == list(zip(sids, ["alice"] * 4, ["logout", "logout_all", "logout", "authorize"], strict=True))
    assert isinstance(told[-1], RefusalEvent), "the refresh was refused, too"


def test_a_refusal_is_told_with_the_code_of_its_error(house: House, told: list[Event], clock: Clock) -> None:
    allowed: list[Grants | None] = [Grants()]
    watched = house.sessions(on_event=told.append, authorize=lambda _subject: allowed[0])
    pair = watched.start("alice")
    watched.end(pair.session.sid)
    told.clear()
    refused: list[tuple[Callable[[], object], type[Exception]]] = [
        (lambda: watched.verify(pair.access_token), SessionEnded),
        (lambda: watched.verify("junk"), TokenError),
        (lambda: watched.refresh(pair.refresh_token), SessionEnded),
        (lambda: watched.refresh(pair.refresh_token[:-5] + "AAAAA"), TokenError),
        (lambda: watched.reauthenticate(pair.session.sid), SessionEnded),
        (lambda: watched.end("nobody"), UnknownSession),
    ]
    for act, error in refused:
        with pytest.raises(error):
            act()
    allowed[0] = None
    with pytest.raises(AccessDenied):
        watched.start("alice")
    clock.pass_s(601)
    with pytest.raises(TokenError):
        watched.verify(pair.access_token)
    sid = pair.session.sid
    assert [(event.verb, event.event, event.sid, event.subject) for event in told] == [
        ("verify", "session_use_after_expire", sid, "alice"),
        ("verify", "authz_fail", None, None),
        ("refresh", "session_use_after_expire", sid, "alice"),
        ("refresh", "authz_fail", None, None),
        ("reauthenticate", "session_use_after_expire", sid, "alice"),
        ("end", "session_use_after_expire", None, None),
        ("start", "authn_login_fail", None, "alice"),
        ("verify", "authz_fail", None, None),
    ]
    assert [level_of(event) for event in told[-2:]] == ["WARN", "INFO"]


def test_what_is_accepted_is_not_told(watched: Sessions, told: list[Event]) -> None:
    token = watched.start("alice").access_token
    told.clear()
    for _ in range(3):
        watched.verify(token)
    watched.active("alice")
    assert told == []


def test_a_store_that_is_down_is_no_refusal(house: House, watched: Sessions, told: list[Event]) -> None:
    pair = watched.start("alice")
    told.clear()
    house.store.is_down = True
    for act in (
        lambda: watched.start("alice"),
        lambda: watched.refresh(pair.refresh_token),
        lambda: watched.end(pair.session.sid),
        lambda: watched.end_with(pair.refresh_token),
        lambda: watched.end_all("alice"),
    ):
        with pytest.raises(StoreUnavailable):
            act()
    assert told == [], "nothing has happened"


def test_a_mistake_of_the_caller_is_no_refusal(watched: Sessions, told: list[Event]) -> None:
    with pytest.raises(TypeError):
        watched.start(7)
    with pytest.raises(TypeError):
        watched.refresh(None)
    assert told == []


def test_a_login_that_leaves_no_session_is_told_as_a_refusal_alone(house: House, told: list[Event]) -> None:
    answers = iter([Grants(), None])
    watched = house.sessions(on_event=told.append, authorize=lambda _subject: next(answers))
    with pytest.raises(AccessDenied):
        watched.start("alice")
    assert kinds(told) == [("RefusalEvent", "access_denied")]


# ---------------------------------------------------------------------------------------------------- how often


def test_ending_twice_is_told_once(watched: Sessions, told: list[Event]) -> None:
    pair = watched.start("alice")
    for _ in range(2):
        watched.end(pair.session.sid)
        watched.end_with(pair.refresh_token)
    watched.end_all("alice")
    assert kinds(told)[1:] == [("EndEvent", "logout")]


def test_threads_that_end_one_session_at_once_tell_once(house: House, watched: Sessions, told: list[Event]) -> None:
    for _ in range(10):
        sid = watched.start("alice").session.sid
        begin = threading.Barrier(8)

        def end(sid: str = sid, begin: threading.Barrier = begin) -> None:
            begin.wait()
            watched.end(sid)

        threads = [threading.Thread(target=end) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len([event for event in told if event.sid == sid and isinstance(event, EndEvent)]) == 1


def test_a_session_that_another_process_has_ended_is_not_told_again(house: House, told: list[Event]) -> None:
    here, there = house.sessions(on_event=told.append), house.sessions()
    sid = there.start("alice").session.sid
    there.end(sid)
    here.end(sid)
    assert told == []


def test_an_end_does_not_depend_on_what_is_read_for_its_event(house: House, told: list[Event]) -> None:
    watched = house.sessions(on_event=told.append)
    pair = watched.start("alice")

    def fail() -> None:
        raise StoreUnavailable("down for a moment")

    house.store.before["get"] = fail
    watched.end(pair.session.sid)
    with pytest.raises(SessionEnded):
        watched.verify(pair.access_token)


# ------------------------------------------------------------------------------------------- telling is harmless


def test_a_callback_that_raises_breaks_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event: Event) -> None:
        raise OSError("the log server is away")

    watched = house.sessions(on_event=fail)
    pair = watched.start("alice")
    watched.verify(pair.access_token)
    pair = watched.refresh(pair.refresh_token)
    watched.end(pair.session.sid)
    with pytest.raises(SessionEnded):
        watched.verify(pair.access_token)
    with pytest.raises(SessionEnded):
        watched.refresh(pair.refresh_token)
    assert len(caplog.records) == 5
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


def test_a_slow_callback_holds_up_its_own_thread_alone(house: House) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def wait(event: Event) -> None:
        if event.subject == "slow":
            entered.set()
            assert go_on.wait(20)

    watched = house.sessions(on_event=wait)
    slow = threading.Thread(target=watched.start, args=("slow",))
    slow.start()
    assert entered.wait(20)
    pair = watched.start("alice")  # while the other waits
    watched.verify(pair.access_token)
    watched.end(watched.refresh(pair.refresh_token).session.sid)
    assert len(watched.active("slow")) == 1, "told after the fact"
    go_on.set()
    slow.join()


def test_a_callback_may_use_the_sessions(house: House) -> None:
    seen: list[int] = []
    watched = house.sessions(on_event=lambda event: seen.append(len(watched.active(str(event.subject)))))
    watched.end(watched.start("alice").session.sid)
    assert seen == [1, 0]


async def awaited(_event: Event) -> None: ...


class Awaited:
    async def __call__(self, _event: Event) -> None: ...


@pytest.mark.parametrize("on_event", [awaited, Awaited(), 7, "log.jsonl"])
def test_a_callback_that_could_not_be_called_is_refused_at_once(house: House, on_event: object) -> None:
    with pytest.raises(ConfigurationError, match="on_event is a"):
        house.sessions(on_event=on_event)


def test_no_event_holds_a_token_a_nonce_or_a_claim(house: House, clock: Clock, tmp_path: Path) -> None:
    told: list[Event] = []
    watched = house.sessions(on_event=told.append, authorize=lambda _subject: Grants(("plum:read",), ("plum-admin",)))
    pair = watched.start("alice", data={"note": "plum-coloured"}, device="phone")
    second = watched.refresh(pair.refresh_token)
    third = watched.reauthenticate(pair.session.sid)
    clock.pass_s(11)
    for act in (
        lambda: watched.refresh(pair.refresh_token),
        lambda: watched.verify(third.access_token + "A"),
        lambda: watched.end(pair.refresh_token),
    ):
        with pytest.raises(TokenError):
            act()
    watched.end(pair.session.sid)
    lines = JsonLines(tmp_path / "events.jsonl")
    for event in told:
        lines(event)
    text = (tmp_path / "events.jsonl").read_text() + "".join(map(repr, told))
    secrets = [part for one in (pair, second, third) for part in one.refresh_token.split(".")[3:] if len(part) > 4]
    secrets += [one.access_token.split(".")[part] for one in (pair, second, third) for part in (1, 2)]
    assert len(told) >= 7
    assert not [secret for secret in (*secrets, "plum") if secret in text]


def test_no_one_pays_for_events_that_nobody_wants(house: House) -> None:
    sessions = house.sessions()
    assert sessions.verify is sessions._verify_in_silence
    sid = sessions.start("alice").session.sid
    house.store.calls.clear()
    sessions.end(sid)
    assert house.store.calls == {"end": 1}


# --------------------------------------------------------------------------------------------------- JSON lines


EVENT = EndEvent(event="session_expired", at=NOW, sid="s", subject="al\nice \u2028", reason="logout")


def test_a_line_says_all_in_json(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = JsonLines(path)
    lines(EVENT)
    lines(KeysEvent(event="sensitive_update", at=NOW, reason="rotated", kid="k"))
    lines(ReuseEvent(event="authn_token_reuse", at=NOW))
    first, second, third = path.read_text().split("\n")[:-1]
    assert json.loads(first) == {
        "datetime": "2027-01-15T08:00:00.250+00:00",
        "level": "INFO",
        "kind": "session_ended",
        "event": "session_expired",
        "at": NOW,
        "sid": "s",
        "subject": "al\nice \u2028",
        "reason": "logout",
    }
    assert json.loads(second)["kid"] == "k"
    assert json.loads(third)["level"] == "CRITICAL"
    assert msgspec.json.decode(first, type=EndEvent) == EVENT, "the kind is the tag of the type"


def test_the_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        JsonLines(tmp_path / "events.jsonl")
    finally:
        os.umask(before)
    assert (tmp_path / "events.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = JsonLines(path)
    lines(EVENT)
    path.rename(tmp_path / "events.1")
    lines(EVENT)
    assert path.read_text() == (tmp_path / "events.1").read_text()


def test_an_open_file_stays_the_callers(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file:
        JsonLines(file)(EVENT)
        assert not file.closed
    assert len((tmp_path / "events.jsonl").read_text().splitlines(keepends=True)) == 1


@pytest.mark.parametrize("target", [7, None, object(), "missing/events.jsonl", "."])
def test_a_place_for_no_lines_is_refused_at_once(target: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        JsonLines(tmp_path / target if isinstance(target, str) else target)


def test_a_full_disk_breaks_no_login_and_is_logged_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    watched = house.sessions(on_event=JsonLines("/dev/full"))
    pair = watched.start("alice")
    watched.end(watched.refresh(pair.refresh_token).session.sid)
    (record,) = caplog.records
    assert "lost: No space left on device" in record.getMessage()


def test_a_line_that_was_cut_short_takes_no_other_along(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    path = tmp_path / "events.jsonl"
    lines = JsonLines(path)
    lines(EVENT)
    size = path.stat().st_size
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 9, limits[1]))
    try:
        lines(EVENT)
        lines(EVENT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    lines(EVENT)
    whole = path.read_text().splitlines()
    assert [whole[0], whole[-1]] == [whole[0], whole[0]]
    assert len(caplog.records) == 1


APPENDING = """
import sys, threading
from daypass.sessions import JsonLines
from daypass.sessions.events import LoginEvent
lines = JsonLines(sys.argv[1])
def tell(number):
    for _ in range(100):
        lines(LoginEvent(event="authn_login_success", at=1.0, subject=sys.argv[2] * 200, sid=str(number)))
threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_of_several_processes_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    started = [subprocess.Popen([sys.executable, "-c", APPENDING, str(path), name]) for name in "abc"]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    told = [json.loads(line)["subject"][0] for line in path.read_text().splitlines()]
    assert sorted(told) == sorted("abc" * 400)


# -------------------------------------------------------------------------------------- a store that came back


def test_a_session_that_ended_here_stays_ended_when_the_store_has_it_live_again(
    house: House, told: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    here, there = house.sessions(on_event=told.append), house.sessions()
    pair = here.start("alice")
    here.end(pair.session.sid)
    put_back(house, pair.session.sid)
    assert here.active("alice") == ()
    with pytest.raises(SessionEnded):
        here.refresh(pair.refresh_token)
    assert "had it live again" in caplog.text
    with pytest.raises(SessionEnded):
        there.refresh(pair.refresh_token)
    put_back(house, pair.session.sid)
    with pytest.raises(SessionEnded):
        here.reauthenticate(pair.session.sid)
    put_back(house, pair.session.sid)
    here.end_with(pair.refresh_token)
    assert not house.store.store.get(pair.session.sid).is_live(house.clock())


def test_a_token_with_another_nonce_puts_nothing_right(house: House, clock: Clock) -> None:
    here = house.sessions()
    pair = here.start("alice")
    here.reauthenticate(pair.session.sid)
    for act in (here.refresh, here.end_with):
        with pytest.raises(InvalidSignature):
            act(pair.refresh_token)
    assert len(here.active("alice")) == 1


def test_changes_of_keys_are_told_until_the_sessions_are_closed(house: House) -> None:
    told: list[Event] = []
    sessions = house.sessions(on_event=told.append)
    old = str(house.ring.signing_keys()[0].kid)
    new = house.ring.rotate(at_once=True)
    house.ring.retire(old)
    keys = [event for event in told if isinstance(event, KeysEvent)]
    assert {(event.event, event.reason) for event in keys} == {
        ("sensitive_update", "rotate"),
        ("sensitive_update", "retire"),
    }
    assert [event.kid for event in keys if event.reason == "retire"] == [old]
    assert new in {event.kid for event in keys if event.reason == "rotate"}
    count = len(told)
    sessions.close()
    house.ring.rotate()
    assert len(told) == count


def test_a_listener_that_fails_keeps_no_key_from_changing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event: Event) -> None:
        raise RuntimeError("planted")

    house.sessions(on_event=fail)
    new = house.ring.rotate(at_once=True)
    assert house.ring.signing_keys()[0].kid == new
    assert "on_event failed" in caplog.text
