"""What users of other session libraries asked for, for years: each wish is kept here, over a real database.

The names say what was wrong elsewhere. Source: the trackers of flask-jwt-extended, simplejwt, fastapi-users,
supertokens, hydra, kratos, better-auth, iron-session.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daypass.errors import ConfigurationError, DaypassError, RefreshReused, SessionEnded, StoreUnavailable, TokenError
from daypass.sessions import Grants, SessionPolicy, Sessions
from daypass.web.problem import refusal_of

PARTIES = {"issuer": "https://id.example", "audience": "https://api.example"}
Opened = Callable[..., Sessions]


class Clock:
    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Iterator[Opened]:
    all_of_them: list[Sessions] = []

    def open_sessions(*, authorize: Any = None, on_event: Any = None, **words: Any) -> Sessions:
        all_of_them.append(
            Sessions.open(
                f"sqlite:///{tmp_path}/s.db",
                policy=SessionPolicy(**words),
                authorize=authorize,
                on_event=on_event,
                clock=clock,
                **PARTIES,
            )
        )
        return all_of_them[-1]

    yield open_sessions
    for sessions in all_of_them:
        sessions.close()


def test_one_call_ends_access_and_refresh_together(opened: Opened) -> None:
    sessions = opened()
    pair = sessions.start("u1")
    sessions.end(pair.session.sid)
    for verb, token in ((sessions.verify, pair.access_token), (sessions.refresh, pair.refresh_token)):
        with pytest.raises(SessionEnded):
            verb(token)


def test_a_refresh_that_crosses_a_logout_brings_nothing_back(opened: Opened) -> None:
    def authorize(subject: str) -> Grants:
        sessions.end_all(subject)  # elsewhere, at the same moment
        return Grants()

    sessions = opened(authorize=authorize)
    with pytest.raises(DaypassError):
        sessions.verify(sessions.start("u1").access_token)  # it was ended while it was started
    quiet = opened()
    pair = quiet.start("u2")
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)  # ended between reading and writing
    with pytest.raises(SessionEnded):
        quiet.refresh(pair.refresh_token)


def test_keys_rotate_and_nobody_is_logged_out(opened: Opened, clock: Clock) -> None:
    sessions = opened()
    pairs = [sessions.start("u1")]
    for _ in range(5):
        sessions.keys.rotate()
        clock.now_s += 120
        pairs.append(sessions.start("u1"))
    for pair in pairs:
        assert sessions.verify(sessions.refresh(pair.refresh_token).access_token).sid == pair.session.sid


def test_rotation_is_never_off_without_a_word(opened: Opened) -> None:
    """There is no setting that leaves refresh tokens unrotated, and no second part that has to be installed."""
    sessions = opened()
    pair = sessions.start("u1")
    assert sessions.refresh(pair.refresh_token).refresh_token != pair.refresh_token
    with pytest.raises(ConfigurationError):
        opened(revocation="off")


def test_a_token_that_was_rotated_out_is_not_accepted_again(opened: Opened, clock: Clock) -> None:
    sessions = opened()
    old = sessions.start("u1")
    new = sessions.refresh(old.refresh_token)
    clock.now_s += 11
    with pytest.raises(RefreshReused):
        sessions.refresh(old.refresh_token)
    with pytest.raises(SessionEnded):
        sessions.refresh(new.refresh_token)
    with pytest.raises(SessionEnded):
        sessions.verify(new.access_token)


@pytest.mark.parametrize("name", ["jwt", "reference"])
def test_no_token_lies_in_the_database_and_every_look_up_has_an_index(
    opened: Opened, tmp_path: Path, name: str
) -> None:
    sessions = opened(format=name)
    pairs = [sessions.start(f"u{number}") for number in range(5)]
    pairs += [sessions.refresh(pair.refresh_token) for pair in pairs]
    held = b"".join(path.read_bytes() for path in tmp_path.glob("s.db*"))
    for pair in pairs:
        for token in (pair.access_token, pair.refresh_token):
            assert token.encode() not in held
            parts = [part for part in token.split(".")[1:] if len(part) > 21 and part != pair.session.sid]
            known = {entry.kid for entry in sessions.keys.entries()}
            assert not [part for part in parts if part.encode() in held and part not in known]
    with closing(sqlite3.connect(tmp_path / "s.db")) as database:
        for query in (
            "select * from daypass_sessions where sid = 'x'",
            "select sid from daypass_sessions where subject = 'x' and ended_at is null",
            "select sid from daypass_sessions where purge_at < 1 limit 10",
        ):
            plan = " ".join(str(row) for row in database.execute(f"explain query plan {query}"))
            assert "SCAN" not in plan
            assert "SEARCH" in plan


def test_old_sessions_leave_without_a_cron_job(opened: Opened, clock: Clock, tmp_path: Path) -> None:
    sessions = opened(access_lifetime_s=60, idle_lifetime_s=60, absolute_lifetime_s=60)
    for number in range(30):
        sessions.start(f"u{number}")
    clock.now_s += 30 * 86_400
    sessions._flows._purge_at = 0  # now and then: it has been a while
    sessions.start("late")
    with closing(sqlite3.connect(tmp_path / "s.db")) as database:
        assert database.execute("select count(*) from daypass_sessions").fetchone() == (1,)


def test_the_number_of_sessions_has_a_cap_and_can_be_listed(opened: Opened, clock: Clock) -> None:
    sessions = opened(sessions_per_subject_max=2)
    pairs = []
    for name in ("phone", "laptop", "tablet"):
        pairs.append(sessions.start("u1", device=name))
        clock.now_s += 1
    first, *others = pairs
    assert {session.device for session in sessions.active("u1")} == {"laptop", "tablet"}
    with pytest.raises(SessionEnded):
        sessions.verify(first.access_token)
    assert {sessions.verify(pair.access_token).sid for pair in others} == {pair.session.sid for pair in others}


def test_revocation_costs_no_database_call_a_request(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = opened()
    pair = sessions.start("u1")
    sessions.verify(pair.access_token)

    def asked(*_values: object, **_words: object) -> None:
        pytest.fail("a verification asked the store")

    for name in ("get", "active", "get_reference"):
        monkeypatch.setattr(type(sessions._store), name, asked)
    for _ in range(1000):
        sessions.verify(pair.access_token)


def test_a_lost_answer_strands_nobody_and_two_tabs_log_nobody_out(opened: Opened, clock: Clock) -> None:
    sessions = opened()
    pair = sessions.start("u1")
    lost = sessions.refresh(pair.refresh_token)
    clock.now_s += 9
    tabs = [sessions.refresh(pair.refresh_token) for _ in range(3)]
    assert {tab.refresh_token for tab in tabs} == {lost.refresh_token}
    clock.now_s += 100
    assert sessions.verify(sessions.refresh(tabs[0].refresh_token).access_token).subject == "u1"


def test_all_sessions_of_a_subject_end_and_others_may_be_kept(opened: Opened) -> None:
    here, there = opened(), opened()
    kept, other = here.start("u1"), here.start("u1")
    for sessions in (here, there):
        sessions.verify(other.access_token)
    assert there.end_all("u1", except_sid=kept.session.sid) == 1
    with pytest.raises(SessionEnded):
        there.verify(other.access_token)
    with pytest.raises(SessionEnded):
        here.refresh(other.refresh_token)
    assert here.verify(kept.access_token).sid == kept.session.sid


def test_how_late_an_end_is_felt_is_published(opened: Opened) -> None:
    for words, said in (
        ({"revocation": "feed"}, "by the others within 2 s"),
        ({"revocation": "feed", "feed_poll_s": 0.5}, "by the others within 0.5 s"),
        ({"revocation": "none"}, "at worst 600 s later"),
        ({"revocation": "strict"}, "the store is asked at each verification"),
    ):
        assert said in opened(**words).describe()


def test_a_long_session_gets_another_token_with_each_refresh_and_keeps_its_end(opened: Opened, clock: Clock) -> None:
    sessions = opened()
    pair = sessions.start("u1")
    seen, ends_at = {pair.refresh_token}, pair.session.ends_at
    for _ in range(29):
        clock.now_s += 86_400
        pair = sessions.refresh(pair.refresh_token)
        seen.add(pair.refresh_token)
        assert pair.session.ends_at == ends_at
    assert len(seen) == 30
    clock.now_s += 86_401
    with pytest.raises(TokenError):
        sessions.refresh(pair.refresh_token)


def test_only_a_refusal_may_clear_what_a_client_keeps(opened: Opened) -> None:
    """A store that is away is a 503: a client that clears its tokens at 401 keeps them."""
    assert refusal_of(StoreUnavailable("away")).status == 503
    sessions = opened()
    pair = sessions.start("u1")
    sessions.end(pair.session.sid)
    with pytest.raises(SessionEnded) as raised:
        sessions.verify(pair.access_token)
    assert refusal_of(raised.value).status == 401


def test_too_much_data_is_said_when_the_token_is_made(opened: Opened) -> None:
    """Elsewhere a browser drops the cookie without a word."""
    sessions = opened()
    with pytest.raises(ValueError, match="4096"):
        sessions.start("u1", data={"basket": "x" * 4096})
    assert sessions.active("u1") == ()


@pytest.mark.parametrize("name", ["jwt", "jwe", "nested", "paseto-v4-public", "paseto-v4-local", "reference"])
def test_no_kind_of_token_works_after_a_logout(opened: Opened, name: str) -> None:
    sessions = opened(format=name)
    pair = sessions.start("u1")
    sessions.end(pair.session.sid)
    with pytest.raises(TokenError):
        sessions.verify(pair.access_token)
