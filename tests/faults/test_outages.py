"""Stores that are away, emptied, put back or full: what each means for who is logged in and who is logged out."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daypass.errors import SessionEnded, StoreUnavailable, UnknownSession
from daypass.sessions import Sessions
from daypass.stores.opening import open_store
from daypass.stores.redis import RedisStore
from daypass.web import endpoints
from tests.faults import duties
from tests.faults.conftest import SHARED, url_of
from tests.faults.load import Load, is_refused, nothing_was_lost
from tests.faults.nodes import Node, sessions_at
from tests.faults.web import status_of
from tests.real_servers.redis import Redis, RedisCluster
from tests.real_servers.server import until

GRACE_S = 300
FEED = {"feed_poll_s": 0.05, "feed_stale_after_s": 0.5}


@contextlib.contextmanager
def verified_all_the_time(sessions: Sessions, token: str) -> Iterator[list[BaseException]]:
    """Verify in the background; the errors, of which there must be none."""
    errors: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        while not done.wait(0.002):
            try:
                sessions.verify(token)
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        done.set()
        thread.join(30)


@pytest.mark.parametrize("name", ["postgresql", "mariadb", "durable_redis"])
def test_a_store_that_is_stopped_and_started_under_load(
    name: str, request: pytest.FixtureRequest, ring: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is away: 503 and never 401, a logout is not answered as done, verification goes on. Then all goes on."""
    caplog.set_level(logging.CRITICAL, "daypass.web")
    url, server = str(request.getfixturevalue(f"{name}_url")), request.getfixturevalue(name)
    words = {"refresh_grace_s": GRACE_S, "sessions_per_subject_max": 1000, **FEED}
    with sessions_at(url, ring, **words) as sessions:
        pair, other = sessions.start("alice"), sessions.start("alice")
        with verified_all_the_time(sessions, pair.access_token) as errors:
            with Load(sessions) as load:
                load.until_busy()
                server.stop()
                load.finish()
            try:
                for endpoint in (
                    endpoints.refresh,
                    endpoints.logout,
                    endpoints.logout_all,
                    endpoints.list_sessions,
                    endpoints.end_session,
                ):
                    assert status_of(endpoint, sessions, pair) == 503, endpoint.__name__
                assert status_of(endpoints.current_session, sessions, pair) == 200
                for verb, value in (
                    (sessions.end, other.session.sid),
                    (sessions.end_with, other.refresh_token),
                    (sessions.end_all, "alice"),
                    (sessions.start, "alice"),
                    (sessions.reauthenticate, pair.session.sid),
                ):
                    with pytest.raises(StoreUnavailable):
                        verb(value)
                with pytest.raises(SessionEnded):
                    sessions.verify(next(iter(load.ended.values())).access_token)
            finally:
                server.start()
            for one in (pair, other):
                assert status_of(endpoints.refresh, sessions, one) == 200
            assert status_of(endpoints.logout, sessions, other) == 204
        assert errors == []
        is_refused(sessions, other)
        with sessions_at(url, ring, **words) as late:
            nothing_was_lost(load, sessions, late)
            is_refused(late, other)


# ---------------------------------------------------------------------------------------- what was forgotten


def restart(server: RedisCluster) -> None:
    """Stop and start a server that keeps nothing on disk."""
    server.restart()


def flush(server: Redis | RedisCluster) -> None:
    """FLUSHALL."""
    server.flush()


def distrusts(sessions: Sessions) -> bool:
    """Tell whether these sessions have noticed that the feed began anew."""
    return sessions._denials._distrusted_until > time.monotonic()


@pytest.mark.parametrize(
    "name, forget, when_stale",
    [
        ("redis", flush, "accept"),
        ("redis", flush, "refuse"),
        ("redis_cluster", flush, "accept"),
        ("redis_cluster", restart, "accept"),
    ],
)
def test_a_redis_that_forgot_everything(
    name: str, forget: Callable[[object], None], when_stale: str, request: pytest.FixtureRequest, ring: Path
) -> None:
    """The sessions are gone: a refresh is refused as one of an unknown session, 401, and a login works.

    Nobody accepts a session that ended before: not the process that ended it, not one that heard of it, not one that
    starts later, since those that run tell what they remember. For one access lifetime the feed counts as stale, which
    ``describe()`` says.
    """
    url = str(request.getfixturevalue(f"{name}_url"))
    server = request.getfixturevalue("redis_server" if name == "redis" else name)
    words = {**FEED, "when_stale": when_stale}
    with sessions_at(url, ring, **words) as here, sessions_at(url, ring, **words) as there:
        live, ended = here.start("alice"), here.start("alice")
        for node in (here, there):
            node.verify(ended.access_token)
        here.end(ended.session.sid)
        assert duties.await_refusal(there, ended.access_token, 30) is not None
        forget(server)
        until(lambda: distrusts(here) and distrusts(there), 30, "both have noticed")
        for node in (here, there):
            with pytest.raises((SessionEnded, StoreUnavailable)):
                node.verify(ended.access_token)
            for pair in (live, ended):
                with pytest.raises(UnknownSession):
                    node.refresh(pair.refresh_token)
                assert status_of(endpoints.refresh, node, pair) == 401
            assert node.active("alice") == ()
            assert status_of(endpoints.current_session, node, live) == (200 if when_stale == "accept" else 503)
            assert "ALARM: the revocation feed is stale" in node.describe()
            again = here.start("bob")
            assert node.refresh(again.refresh_token).session.sid == again.session.sid
        with sessions_at(url, ring, **words) as late:
            assert duties.await_refusal(late, ended.access_token, 30) is not None


@pytest.mark.parametrize("lost", [1, 2])
def test_a_cluster_that_lost_one_of_its_nodes(
    lost: int, redis_cluster: RedisCluster, redis_cluster_url: str, ring: Path
) -> None:
    """Whichever third of the data is gone: a session is there or unknown, and none that ended is accepted."""
    with sessions_at(redis_cluster_url, ring, **FEED) as here, sessions_at(redis_cluster_url, ring, **FEED) as there:
        live, ended = ([here.start(f"user {number}") for number in range(6)] for _ in range(2))
        there.verify(live[0].access_token)
        for pair in ended:
            here.end(pair.session.sid)
            assert duties.await_refusal(there, pair.access_token, 30) is not None
        redis_cluster.nodes[lost].stop()
        redis_cluster.start()  # and waits until the others know it again
        for node in (here, there):
            for pair in ended:
                with pytest.raises(SessionEnded):
                    node.verify(pair.access_token)
                with pytest.raises((SessionEnded, UnknownSession)):
                    node.refresh(pair.refresh_token)
            for pair in live:
                with contextlib.suppress(UnknownSession):
                    node.verify(node.refresh(pair.refresh_token).access_token)


# ----------------------------------------------------------------------------------------- what was put back


def test_a_store_that_was_put_back_brings_no_ended_session_back(shared_url: str, ring: Path) -> None:
    """From a copy of before the logout: running processes refuse the session, and record its end once more.

    A process that starts after that refuses it, too.
    """
    now = [0.0]
    clocks = {"clock": lambda: time.time() + now[0], "monotonic": lambda: time.monotonic() + now[0]}
    with (
        sessions_at(shared_url, ring, **FEED, **clocks) as here,
        sessions_at(shared_url, ring, **FEED, **clocks) as there,
    ):
        used, left, kept = (here.start(name) for name in ("used", "left", "kept"))
        there.verify(kept.access_token)
        here.verify(kept.access_token)
        for pair in (used, left):
            here.end(pair.session.sid)
            assert duties.await_refusal(there, pair.access_token, 30) is not None
        for pair in (used, left):
            make_live_again(shared_url, pair.session.sid)
            assert here._store.get(pair.session.sid).ended_at is None
        is_refused(there, used)
        assert here._store.get(used.session.sid).ended_at is not None, "it was recorded once more, at its refresh"
        now[0] += 61  # the whole feed is read once a minute
        until(lambda: here._store.get(left.session.sid).ended_at is not None, 30, "the other, at a reading")
        with sessions_at(shared_url, ring, **FEED) as late:
            for node in (here, there, late):
                for pair in (used, left):
                    is_refused(node, pair)
                node.verify(node.refresh(kept.refresh_token).access_token)


def make_live_again(url: str, sid: str) -> None:
    """Write what a copy of before the end has."""
    store = open_store(url)
    if isinstance(store, RedisStore):
        for key, *words in (
            (store._session(sid), "HDEL", store._session(sid), "e"),
            *((name, "ZREM", name, sid) for name in store._feed[1:]),
        ):
            store._commands.call(key, *words)
    else:
        change = "UPDATE daypass_sessions SET ended_at = NULL, denied_until = NULL"
        store._database.transact(lambda transaction: transaction.say(f"{change} WHERE sid = '{sid}'"))
    store.close()


# --------------------------------------------------------------------------------- full, or away altogether


def test_a_redis_that_is_full_still_tells_who_has_ended(redis_server: Redis, redis_url: str, ring: Path) -> None:
    """It may not grow: 503, a logout is not answered as done, verification goes on, and what had ended is heard of."""
    with sessions_at(redis_url, ring, **FEED) as here, sessions_at(redis_url, ring, **FEED) as there:
        pair, ended = here.start("alice"), here.start("alice")
        with redis_server.client() as client:
            here.end(ended.session.sid)
            client.config_set("maxmemory", 1)
            try:
                there.verify(pair.access_token)
                is_refused(there, ended)
                time.sleep(2 * FEED["feed_stale_after_s"])
                assert not there._denials.is_stale(), "its feed can be read"
                for endpoint, status in (
                    (endpoints.refresh, 503),
                    (endpoints.logout, 503),
                    (endpoints.list_sessions, 200),
                    (endpoints.current_session, 200),
                ):
                    assert status_of(endpoint, here, pair) == status, endpoint.__name__
            finally:
                client.config_set("maxmemory", 0)
        here.verify(here.refresh(pair.refresh_token).access_token)
        here.end(pair.session.sid)
        assert duties.await_refusal(there, pair.access_token, 30) is not None


def test_a_cluster_that_is_away_is_no_refusal(redis_cluster: RedisCluster, redis_cluster_url: str, ring: Path) -> None:
    """503, never 401 and never 204; verification goes on."""
    with sessions_at(redis_cluster_url, ring, **FEED) as sessions:
        pair = sessions.start("alice")
        sessions.verify(pair.access_token)
        redis_cluster.stop()
        try:
            assert status_of(endpoints.refresh, sessions, pair) == 503
            assert status_of(endpoints.logout, sessions, pair) == 503
            assert status_of(endpoints.current_session, sessions, pair) == 200
            with pytest.raises(StoreUnavailable):
                sessions_at(redis_cluster_url, ring)
        finally:
            redis_cluster.start()


# ------------------------------------------------------------------------------------------------ a full disk


def test_a_full_disk_loses_nothing(tmp_path: Path, ring: Path) -> None:
    """SQLite may not write any more: 503, a logout is not answered as done, verification goes on.

    What was confirmed is there; what was not is not; and all goes on as soon as there is space.
    """
    url = f"sqlite:///{tmp_path}/sessions.db"
    with sessions_at(url, ring, **FEED) as elsewhere, Node() as node:
        node.open(url, ring, sessions_per_subject_max=1000)
        kept = node.ask(duties.start, "alice")
        confirmed = node.ask(duties.fill_up, tmp_path, 64_000)
        assert len(confirmed) >= 3
        assert node.ask(duties.status_of, endpoints.refresh, kept) == 503
        assert node.ask(duties.status_of, endpoints.logout, kept) == 503
        assert node.ask(duties.status_of, endpoints.current_session, kept) == 200
        refused = node.ask(duties.end, kept.session.sid)
        assert isinstance(refused, StoreUnavailable)
        assert str(tmp_path) not in str(refused)
        assert len(elsewhere.active("somebody")) == len(confirmed)
        assert elsewhere.verify(kept.access_token).sid == kept.session.sid
        node.ask(duties.limit_files, None)
        following = node.ask(duties.refresh, kept.refresh_token)
        assert node.ask(duties.end, kept.session.sid) is None
        assert duties.await_refusal(elsewhere, following.access_token, 30) is not None
        is_refused(elsewhere, following)
        for pair in confirmed:
            elsewhere.verify(elsewhere.refresh(pair.refresh_token).access_token)


# ----------------------------------------------------------------------------------------------- a clock step


@pytest.mark.parametrize("name", ["memory", *SHARED])
def test_a_clock_that_steps_back_five_seconds(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, ring: Path
) -> None:
    """On one of two nodes: nobody is logged out, no ended session is accepted, and refresh goes on."""
    step = [0.0]
    url = "memory://" if name == "memory" else url_of(name, tmp_path, request.getfixturevalue)
    with sessions_at(url, ring, **FEED, clock=lambda: time.time() + step[0]) as stepped:
        there = sessions_at(url, ring, **FEED) if name != "memory" else stepped
        live, ended = stepped.start("alice"), stepped.start("alice")
        for node in (stepped, there):
            node.verify(live.access_token)
        stepped.end(ended.session.sid)
        rotated = stepped.refresh(live.refresh_token)
        step[0] = -5
        is_refused(stepped, ended)
        following = rotated
        for node in (stepped, there, stepped, there):
            following = node.refresh(following.refresh_token)
            for other in (stepped, there):
                assert other.verify(following.access_token).sid == live.session.sid
        assert stepped.refresh(live.refresh_token).session.sid == live.session.sid, "superseded before the step"
        newcomer = stepped.start("alice")
        there.verify(there.refresh(newcomer.refresh_token).access_token)
        stepped.end(live.session.sid)
        there.end(newcomer.session.sid)
        for pair in (live, following, newcomer, ended):
            for node in (stepped, there):
                assert duties.await_refusal(node, pair.access_token, 30) is not None
                is_refused(node, pair)
        step[0] = 0
        for pair in (live, following, newcomer, ended):
            is_refused(stepped, pair)
        there.close()
