"""Races between processes: whatever is asked at the same moment, there is one answer that all agree on."""

import itertools
import time
from pathlib import Path

import pytest

from daypass.errors import SessionEnded
from daypass.keyring.ring import KeyRing
from daypass.limits import LEEWAY_S_MAX
from daypass.sessions import Sessions
from daypass.sessions.values import TokenPair
from daypass.stores.memory import MemoryStore
from tests.faults import duties
from tests.faults.nodes import WORDS, Node, sessions_at, soon

THREADS = 20
ROUNDS = 2


def test_three_processes_of_twenty_threads_refresh_one_token(nodes: list[Node], shared_url: str, ring: Path) -> None:
    """One new generation; every caller holds a working pair; no session ends."""
    with sessions_at(shared_url, ring) as sessions:
        for _ in range(ROUNDS):
            first = sessions.start("alice")
            at = soon()
            for node in nodes:
                node.tell(duties.refresh_at_once, first.refresh_token, THREADS, at)
            pairs = [pair for node in nodes for pair in node.answer()]
            assert len(pairs) == 3 * THREADS
            assert [pair for pair in pairs if not isinstance(pair, TokenPair)] == []
            assert len({pair.refresh_token for pair in pairs}) == 1
            row = sessions._store.get(first.session.sid)
            assert (row.generation, row.ended_at) == (2, None)
            for pair in pairs:
                assert sessions.verify(pair.access_token).sid == first.session.sid
            following = nodes[0].ask(duties.refresh, pairs[0].refresh_token)
            assert nodes[1].ask(duties.verify, following.access_token) == ("alice", first.session.sid)
            sessions.end(first.session.sid)


@pytest.mark.parametrize("ends_after_s", [0.0, 0.05])
def test_a_logout_that_races_refreshes_is_final(
    nodes: list[Node], shared_url: str, ring: Path, ends_after_s: float
) -> None:
    """A session that was ended stays so: no refresh works after that, and no pair that was handed out on the way."""
    *refreshing, ending = nodes
    first = ending.ask(duties.start, "alice")
    at = soon()
    for node in refreshing:
        node.tell(duties.refresh_on_and_on, first, 4, at)
    ending.tell(duties.end_at, first.session.sid, at + ends_after_s)
    ended_at = ending.answer()
    assert isinstance(ended_at, float), ended_at
    seen = [one for node in refreshing for one in node.answer()]
    last_words = [one for one in seen if not isinstance(one, TokenPair)]
    assert len(last_words) == 8
    assert all(isinstance(one, SessionEnded) for one in last_words), last_words
    pairs = [first, *(one for one in seen if isinstance(one, TokenPair))]
    with sessions_at(shared_url, ring) as late:
        for pair in pairs:
            for use in (
                lambda pair=pair: late.refresh(pair.refresh_token),
                lambda pair=pair: late.verify(pair.access_token),
            ):
                with pytest.raises(SessionEnded):
                    use()
        row = late._store.get(first.session.sid)
        assert row.ended_at is not None
        (denial,) = late._store.denials(since_s=None, now_s=time.time()).entries
        assert denial.until >= row.access_until + LEEWAY_S_MAX
    for node in nodes:
        assert isinstance(node.ask(duties.refresh, pairs[-1].refresh_token), SessionEnded)
        assert node.ask(duties.await_refusal, pairs[-1].access_token, 10) is not None


def test_a_logout_everywhere_that_races_rotations_is_final(nodes: list[Node], shared_url: str, ring: Path) -> None:
    """The same for all sessions of somebody, while each of them rotates as fast as it can."""
    *refreshing, ending = nodes
    for node in refreshing:
        node.open(shared_url, ring, refresh_grace_s=0, feed_poll_s=0.1, feed_stale_after_s=30)
    started = [[ending.ask(duties.start, "alice") for _ in range(3)] for _ in refreshing]
    at = soon()
    for node, firsts in zip(refreshing, started, strict=True):
        node.tell(duties.refresh_each_on_and_on, firsts, at)
    ending.tell(duties.end_all_at, "alice", at + 0.2)
    assert ending.answer() == 6
    seen = [one for node in refreshing for one in node.answer()]
    assert [type(one) for one in seen if not isinstance(one, TokenPair)] == [SessionEnded] * 6
    pairs = [one for one in seen if isinstance(one, TokenPair)]
    assert pairs, "nothing was rotated meanwhile"
    with sessions_at(shared_url, ring, refresh_grace_s=0) as late:
        assert late.active("alice") == ()
        for pair in pairs:
            with pytest.raises(SessionEnded):
                late.verify(pair.access_token)
            with pytest.raises(SessionEnded):
                late.refresh(pair.refresh_token)
        until = {denial.sid: denial.until for denial in late._store.denials(since_s=None, now_s=time.time()).entries}
        for first in itertools.chain(*started):
            row = late._store.get(first.session.sid)
            assert row.ended_at is not None
            assert until[row.sid] >= row.access_until + LEEWAY_S_MAX


def test_a_logout_that_races_refreshes_is_final_in_memory() -> None:
    """The same between threads."""
    sessions = Sessions(MemoryStore(), KeyRing.in_memory(alg="HS256"), **WORDS)
    for _ in range(10):
        first = sessions.start("alice")
        seen: list[object] = []

        def act(number: int, first: TokenPair = first, seen: list[object] = seen) -> None:
            if number:
                seen.extend(duties.refresh_on_and_on(sessions, first, 1, 0))
            else:
                sessions.end(first.session.sid)

        assert duties.at_once(6, act, time.monotonic() + 0.02) == [None] * 6
        for one in seen:
            if isinstance(one, TokenPair):
                for use in (sessions.refresh, sessions.verify):
                    with pytest.raises(SessionEnded):
                        use(one.refresh_token if use == sessions.refresh else one.access_token)
            else:
                assert isinstance(one, SessionEnded)
    assert sessions.active("alice") == ()
    sessions.close()


def test_processes_that_log_in_and_out_at_the_cap_keep_it(nodes: list[Node], shared_url: str, ring: Path) -> None:
    """Never more than the cap; who is listed can go on, everybody else has ended, and nothing is half ended."""
    cap = 3
    for node in nodes[:2]:
        node.open(shared_url, ring, sessions_per_subject_max=cap, feed_poll_s=0.1, feed_stale_after_s=30)
    at = soon()
    for node in nodes[:2]:
        node.tell(duties.log_in_and_out, "alice", 6, at)
    done = [one for node in nodes[:2] for one in node.answer()]
    assert len(done) == 2 * 6 * 4
    with sessions_at(shared_url, ring, sessions_per_subject_max=cap) as late:
        listed = {session.sid for session in late.active("alice")}
        assert len(listed) <= cap
        assert not listed & {pair.session.sid for pair, was_ended in done if was_ended}
        for pair, _ in done:
            if pair.session.sid in listed:
                late.verify(late.refresh(pair.refresh_token).access_token)
            else:
                with pytest.raises(SessionEnded):
                    late.verify(pair.access_token)
                with pytest.raises(SessionEnded):
                    late.refresh(pair.refresh_token)
