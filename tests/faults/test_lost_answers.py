"""A server that did what it was asked, and whose answer was lost: it is asked again, and no more is done."""

import itertools
from pathlib import Path

import pytest

from daypass.errors import SessionEnded
from daypass.sessions import Sessions
from daypass.stores import redis_connection
from tests.faults.load import is_refused
from tests.faults.nodes import sessions_at

CAP = 3
WORDS_MAX = 12
"""No verb says more to a Redis here."""


@pytest.fixture(params=["redis", "redis_cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """A Redis: other drivers do not ask again."""
    return str(request.getfixturevalue(f"{request.param}_url"))


def lose_one_answer(patch: pytest.MonkeyPatch, number: int) -> None:
    """Break the connection after a command was done, and before its answer was read.

    Args:
        patch: undone at its end.
        number: of the command, from 1.
    """
    from redis.exceptions import ConnectionError as Broken

    exchange = redis_connection._exchange
    calls = itertools.count(1)

    def broken(*values: object, **words: object) -> object:
        answer = exchange(*values, **words)
        if next(calls) == number:
            raise Broken("lost")
        return answer

    patch.setattr(redis_connection, "_exchange", broken)


@pytest.mark.parametrize("cap", [1, CAP])
def test_a_login_whose_answer_was_lost_ends_no_more_than_its_place(url: str, ring: Path, cap: int) -> None:
    """The new session lives, and exactly the least recently refreshed has made place for it."""
    with sessions_at(url, ring, sessions_per_subject_max=cap) as sessions:
        for number in range(1, WORDS_MAX):
            subject = f"user {number}"
            before = [sessions.start(subject) for _ in range(cap - 1)]
            with pytest.MonkeyPatch.context() as patch:
                lose_one_answer(patch, number)
                newcomer = sessions.start(subject)
            live = {pair.session.sid for pair in (*before, newcomer)}
            assert {one.sid for one in sessions.active(subject)} == live, f"after answer {number} was lost"
            with pytest.MonkeyPatch.context() as patch:
                lose_one_answer(patch, number)
                last = sessions.start(subject)
            assert len(sessions.active(subject)) == cap, f"after answer {number} was lost"
            sessions.verify(sessions.refresh(last.refresh_token).access_token)


def test_a_refresh_and_a_logout_whose_answers_were_lost_are_done_once(url: str, ring: Path) -> None:
    """One new generation; and a session that has ended."""
    with sessions_at(url, ring) as sessions:
        for number in range(1, WORDS_MAX):
            pair = sessions.start(f"user {number}")
            for act in (sessions.refresh, sessions.refresh):
                with pytest.MonkeyPatch.context() as patch:
                    lose_one_answer(patch, number)
                    pair = act(pair.refresh_token)
            assert sessions._store.get(pair.session.sid).generation == 3
            sessions.verify(pair.access_token)
            with pytest.MonkeyPatch.context() as patch:
                lose_one_answer(patch, number)
                sessions.end(pair.session.sid)
            is_refused(sessions, pair)
            others = [sessions.start(f"user {number}") for _ in range(2)]
            with pytest.MonkeyPatch.context() as patch:
                lose_one_answer(patch, number)
                assert all_end(sessions, f"user {number}") <= len(others)
            for one in others:
                with pytest.raises(SessionEnded):
                    sessions.refresh(one.refresh_token)


def all_end(sessions: Sessions, subject: str) -> int:
    return sessions.end_all(subject)
