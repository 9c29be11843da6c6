"""kill -9, wherever it hits: of a client, of a process with sessions in it, of the server that keeps them.

No confirmed session is lost, no ended one comes back, and what was not confirmed is done or not done, never half.
"""

from pathlib import Path

import pytest

from daypass.errors import RefreshReused, SessionEnded
from daypass.sessions import Sessions
from daypass.sessions.values import TokenPair
from tests.faults import duties
from tests.faults.conftest import SHARED, url_of
from tests.faults.load import Load, is_refused, nothing_was_lost
from tests.faults.nodes import Node, sessions_at

GRACE_S = 300
CAP = 2


def test_a_client_that_is_killed_between_answer_and_save_asks_again(
    shared_url: str, ring: Path, idle_nodes: list[Node]
) -> None:
    """Within the grace window its old token gives it the current pair: nothing was lost, nobody is logged out."""
    with sessions_at(shared_url, ring) as sessions:
        first = sessions.start("alice")
        assert idle_nodes[0].ask(duties.die_after, shared_url, ring, "refresh", first.refresh_token), "it was killed"
        assert sessions._store.get(first.session.sid).generation == 2, "it was rotated, and nobody knows"
        again = sessions.refresh(first.refresh_token)
        assert sessions._store.get(first.session.sid).generation == 2
        assert sessions.verify(again.access_token).sid == first.session.sid
        following = sessions.refresh(again.refresh_token)
        assert sessions._store.get(first.session.sid).generation == 3
        sessions.verify(following.access_token)


def test_a_client_that_asks_again_after_the_window_has_to_log_in(tmp_path: Path, ring: Path) -> None:
    """Then nobody can tell it from a thief: the session ends, and says so. ``describe()`` states the window."""
    now = [1_800_000_000.0]
    with sessions_at(f"sqlite:///{tmp_path}/sessions.db", ring, clock=lambda: now[0]) as sessions:
        first = sessions.start("alice")
        sessions.refresh(first.refresh_token)
        now[0] += 11
        with pytest.raises(RefreshReused):
            sessions.refresh(first.refresh_token)
        assert "a client that lost an answer asks again within 10 s" in sessions.describe()


@pytest.mark.parametrize("name", SHARED)
def test_a_login_that_is_killed_half_way_is_done_or_not(
    name: str, idle_nodes: list[Node], request: pytest.FixtureRequest, tmp_path: Path, ring: Path
) -> None:
    """At the cap, after each word that it says to the store.

    In a SQL database nothing was done: those who were logged in still are. In Redis, whoever made place for a login
    that nobody got may have ended, wholly, and the next login brings the cap about. Nothing stays locked.
    """
    url = url_of(name, tmp_path, request.getfixturevalue)
    with sessions_at(url, ring, sessions_per_subject_max=CAP) as sessions:
        words = 0
        dies = True
        while dies:
            words += 1
            subject = f"user {words}"
            pairs = [sessions.start(subject) for _ in range(CAP)]
            dies = idle_nodes[0].ask(duties.die_within, url, ring, "start", words, subject)
            with sessions_at(url, ring, sessions_per_subject_max=CAP) as late:
                if dies and not name.startswith("redis"):
                    assert {one.sid for one in late.active(subject)} == {pair.session.sid for pair in pairs}
                for pair in pairs:
                    one_thing_holds(late, pair)
                newcomer = late.start(subject)
                assert newcomer.session.sid in {one.sid for one in late.active(subject)}
                assert len(late.active(subject)) <= CAP
        assert words > 3


@pytest.mark.parametrize("name", SHARED)
def test_a_logout_that_is_killed_half_way_is_done_or_not(
    name: str, idle_nodes: list[Node], request: pytest.FixtureRequest, tmp_path: Path, ring: Path
) -> None:
    """After each word that it says to the store the session is live, or it has ended for both of its tokens."""
    url = url_of(name, tmp_path, request.getfixturevalue)
    with sessions_at(url, ring) as sessions:
        words = 0
        dies = True
        while dies:
            words += 1
            pairs = [sessions.start(f"user {words}") for _ in range(CAP)]
            dies = idle_nodes[0].ask(duties.die_within, url, ring, "end_all", words, f"user {words}")
            with sessions_at(url, ring) as late:
                for pair in pairs:
                    one_thing_holds(late, pair)
                if not dies:
                    for pair in pairs:
                        is_refused(late, pair)
                late.end_all(f"user {words}")
                for pair in pairs:
                    is_refused(late, pair)
        assert words > 3


def one_thing_holds(node: Sessions, pair: TokenPair) -> None:
    """Check that a session is live for both of its tokens, or for none, at a node that followed the feed before."""
    try:
        node.verify(pair.access_token)
    except SessionEnded:
        is_refused(node, pair)
    else:
        node.verify(node.refresh(pair.refresh_token).access_token)


@pytest.mark.parametrize("name", ["postgresql", "mariadb", "durable_redis"])
def test_a_server_that_is_killed_under_load_loses_nothing(
    name: str, request: pytest.FixtureRequest, ring: Path
) -> None:
    """What was confirmed holds after the restart: at the process that saw the crash, and at one that did not."""
    url = str(request.getfixturevalue(f"{name}_url"))
    server = request.getfixturevalue(name)
    words = {"refresh_grace_s": GRACE_S, "sessions_per_subject_max": 1000, "feed_poll_s": 0.1}
    with sessions_at(url, ring, **words) as sessions:
        with Load(sessions) as load:
            load.until_busy()
            server.kill()
            load.finish()
        server.start()
        with sessions_at(url, ring, **words) as late:
            nothing_was_lost(load, sessions, late)
        assert load.kept
        assert load.ended


def test_processes_that_are_killed_in_a_stream_of_logins_lose_nothing(tmp_path: Path, ring: Path) -> None:
    """SQLite: what a process was told before it died is there, and the file is not locked."""
    url = f"sqlite:///{tmp_path}/sessions.db"
    with sessions_at(url, ring) as sessions, Node() as first, Node() as second:
        confirmed = tmp_path / "confirmed"
        for node in (first, second):
            node.open(url, ring).tell(duties.log_in_and_out_for_ever, confirmed)
        duties.wait_for_lines(confirmed, 40)
        for node in (first, second):
            node.kill()
        for line in confirmed.read_text().splitlines():
            sid, token, state = line.split()
            if state == "ended":
                assert sessions._store.get(sid).ended_at is not None
            elif f"{sid} {token} ended" not in confirmed.read_text():
                row = sessions._store.get(sid)
                if row.ended_at is None:  # it may have been ended, and its process died before it said so
                    sessions.verify(sessions.refresh(token).access_token)
        sessions.start("alice")
