"""Step-up: a login that is too old for an operation, and the password that makes it young again. Source: RFC 9470."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.errors import FreshLoginRequired, InvalidSignature, SessionEnded, StoreUnavailable, UnknownSession
from daypass.sessions import Grants
from daypass.stores.memory import MemoryStore
from tests.unit.sessions.conftest import House


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    built = House(MemoryStore(), tmp_path)
    yield built
    for sessions in built.opened:
        sessions.close()


@pytest.mark.parametrize("leeway_s", [0, 30])
def test_the_age_of_a_login_counts_to_the_second(home: House, leeway_s: int) -> None:
    sessions = home.sessions(leeway_s=leeway_s)
    principal = sessions.verify(sessions.start("u1").access_token)
    sessions.require_fresh(principal, max_age_s=60)
    home.clock.pass_s(59.7 + leeway_s)  # NOW is a quarter past a second
    sessions.require_fresh(principal, max_age_s=60)
    home.clock.pass_s(1)
    with pytest.raises(FreshLoginRequired) as raised:
        sessions.require_fresh(principal, max_age_s=60)
    assert raised.value.max_age_s == 60


def test_a_refresh_does_not_make_a_login_younger_and_the_password_does(home: House) -> None:
    sessions = home.sessions()
    first = sessions.start("u1")
    home.clock.pass_s(100)
    refreshed = sessions.refresh(first.refresh_token)
    with pytest.raises(FreshLoginRequired):
        sessions.require_fresh(sessions.verify(refreshed.access_token), max_age_s=60)
    pair = sessions.reauthenticate(first.session.sid)
    principal = sessions.verify(pair.access_token)
    sessions.require_fresh(principal, max_age_s=60)
    assert principal.authenticated_at == int(home.clock())
    assert pair.session.created_at == first.session.created_at
    assert pair.session.ends_at == first.session.ends_at


def test_tokens_from_before_are_refused_and_harm_nothing(home: House) -> None:
    sessions = home.sessions()
    old = sessions.start("u1")
    new = sessions.reauthenticate(old.session.sid)
    with pytest.raises(InvalidSignature):  # a thief who had the old one gains nothing by the owner's step-up
        sessions.refresh(old.refresh_token)
    home.clock.pass_s(60)
    with pytest.raises(InvalidSignature):
        sessions.refresh(old.refresh_token)
    assert sessions.verify(sessions.refresh(new.refresh_token).access_token).sid == old.session.sid


def test_an_ended_or_unknown_session_is_not_reauthenticated(home: House) -> None:
    sessions = home.sessions()
    sid = sessions.start("u1").session.sid
    sessions.end(sid)
    with pytest.raises(SessionEnded):
        sessions.reauthenticate(sid)
    for unknown in ("", "x", sid[::-1]):
        with pytest.raises(UnknownSession):
            sessions.reauthenticate(unknown)


def test_a_locked_account_ends_with_its_step_up(home: House) -> None:
    answers: list[Grants | None] = [Grants(), Grants()]
    sessions = home.sessions(authorize=lambda subject: answers.pop(0))
    pair = sessions.start("u1")
    answers.append(None)
    with pytest.raises(SessionEnded):
        sessions.reauthenticate(pair.session.sid)
    with pytest.raises(SessionEnded):
        sessions.verify(pair.access_token)


def test_a_store_that_is_away_changes_nothing(home: House) -> None:
    sessions = home.sessions()
    pair = sessions.start("u1")
    home.store.is_down = True
    with pytest.raises(StoreUnavailable):
        sessions.reauthenticate(pair.session.sid)
    home.store.is_down = False
    assert sessions.refresh(pair.refresh_token).session.sid == pair.session.sid


def test_a_refresh_meanwhile_does_not_undo_it(home: House) -> None:
    sessions = home.sessions()
    pair = sessions.start("u1")
    home.clock.pass_s(20)
    home.store.before["replace"] = lambda: sessions.refresh(pair.refresh_token)
    stepped = sessions.reauthenticate(pair.session.sid)
    assert stepped.session.authenticated_at == int(home.clock())
    assert sessions.refresh(stepped.refresh_token).session.authenticated_at == int(home.clock())


@pytest.mark.parametrize(
    "max_age_s, error", [(0, ValueError), (-1, ValueError), (True, TypeError), (1.5, TypeError), ("60", TypeError)]
)
def test_an_age_that_makes_no_sense_is_the_callers_mistake(home: House, max_age_s: Any, error: type[Exception]) -> None:
    sessions = home.sessions()
    principal = sessions.verify(sessions.start("u1").access_token)
    with pytest.raises(error):
        sessions.require_fresh(principal, max_age_s=max_age_s)


def test_a_login_from_the_future_is_not_fresh(home: House) -> None:
    sessions = home.sessions()
    principal = sessions.verify(sessions.start("u1").access_token)
    home.clock.step_s(-3600)
    with pytest.raises(FreshLoginRequired):
        sessions.require_fresh(principal, max_age_s=60)
