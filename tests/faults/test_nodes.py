"""Several nodes and one store: what one has ended, the others refuse, also the late, the forked and the restarted."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from daypass.errors import Expired, SessionEnded, StoreUnavailable, UnknownSession
from daypass.sessions.values import TokenPair
from tests.faults import duties
from tests.faults.conftest import url_of
from tests.faults.load import is_refused
from tests.faults.nodes import WAIT_S, Node, sessions_at
from tests.real_servers.programs import free_port
from tests.real_servers.server import until

MARGIN_S = 3
"""For a machine with other things to do: how much later than stated something may be measured."""


def open_files() -> set[str]:
    """What this process has open: sockets by their number, so that one of another test is no other one."""
    found = set()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found.add(str(file.readlink()))
    return found


def test_sessions_that_were_closed_leave_no_connection(shared_url: str, ring: Path) -> None:
    """A process that opens a store again and again does not use up its files, nor the server's connections."""
    with sessions_at(shared_url, ring) as sessions:
        sessions.verify(sessions.start("alice").access_token)
    before = open_files()
    with sessions_at(shared_url, ring) as sessions:
        sessions.verify(sessions.refresh(sessions.start("alice").refresh_token).access_token)
    assert open_files() - before == set()


# --------------------------------------------------------------------------------------------- who comes late


@pytest.mark.parametrize("name", ["sqlite", "mariadb", "redis"])
def test_a_restarted_node_refuses_from_its_first_request(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, ring: Path
) -> None:
    """Also where it was killed, and the session was ended while it was away."""
    url = url_of(name, tmp_path, request.getfixturevalue)
    with sessions_at(url, ring) as sessions:
        before, meanwhile, live = (sessions.start("alice") for _ in range(3))
        sessions.end(before.session.sid)
        with Node() as node:
            node.open(url, ring)
            assert isinstance(node.ask(duties.verify, before.access_token), SessionEnded)
            assert node.ask(duties.verify, meanwhile.access_token) == ("alice", meanwhile.session.sid)
            node.kill()
        sessions.end(meanwhile.session.sid)
        with Node() as node:
            node.open(url, ring)
            assert isinstance(node.ask(duties.verify, meanwhile.access_token), SessionEnded)
            assert isinstance(node.ask(duties.verify, before.access_token), SessionEnded)
            assert node.ask(duties.verify, live.access_token) == ("alice", live.session.sid)


@contextmanager
def gunicorn(url: str, ring: Path, token: str) -> Iterator[str]:
    """Run gunicorn with an application that is imported before the workers are forked."""
    port = free_port()
    root = Path(__file__).resolve().parent.parent.parent
    environment = {**os.environ, "STORE": url, "RING": str(ring), "TOKEN": token}
    environment["PYTHONPATH"] = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = ("--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}", "--log-level", "warning")
    command = [sys.executable, "-m", "gunicorn", *words, "tests.faults.preloaded:app"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=root)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=WAIT_S)
    assert "Traceback" not in errors, errors


def listens(port: int) -> bool:
    """Tell whether somebody takes connections, without asking anything."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_a_worker_that_was_forked_after_the_import_refuses_an_ended_session(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, ring: Path
) -> None:
    """gunicorn --preload: the thread that followed the feed stayed in the parent, and every worker has its own."""
    url = url_of(name, tmp_path, request.getfixturevalue)
    with sessions_at(url, ring) as sessions:
        early, ended, live = (sessions.start("alice") for _ in range(3))
        with (
            gunicorn(url, ring, live.access_token) as address,
            httpx.Client(timeout=WAIT_S) as client,
            ThreadPoolExecutor(8) as threads,
        ):

            def ask(pair: TokenPair) -> tuple[str, int]:
                got = client.get(address, headers={"Authorization": f"Bearer {pair.access_token}"})
                return got.text, got.status_code

            def answers(pair: TokenPair) -> set[tuple[str, int]]:
                """What both workers say: whoever is busy leaves a request to the other one."""
                return set(threads.map(ask, [pair] * 24))

            port = int(address.rstrip("/").rpartition(":")[2])
            until(lambda: listens(port), WAIT_S, "gunicorn listens")
            sessions.end(early.session.sid)  # the parent has read the feed already, no worker has
            assert {status for _, status in answers(early)} == {401}, "from its first request on"
            until(lambda: len(answers(ended)) == 2, WAIT_S, "both workers answer")
            workers = answers(ended)
            assert {status for _, status in workers} == {200}
            sessions.end(ended.session.sid)
            until(lambda: {status for _, status in answers(ended)} == {401}, WAIT_S, "both refuse")
            for pair, status in ((ended, 401), (early, 401), (live, 200)):
                assert answers(pair) <= {(worker, status) for worker, _ in workers}


def test_a_fork_in_the_middle_of_statements_leaves_both_sides_working(shared_url: str, ring: Path) -> None:
    """Children of a process whose other threads hold locks and connections log in, refresh and log out."""
    with Node() as node:
        node.open(shared_url, ring, feed_poll_s=0.1, feed_stale_after_s=30)
        assert node.ask(duties.fork_in_the_middle, 3) == [0] * 3
        assert node.ask(duties.start, "alice").session.subject == "alice"


def test_workers_that_were_forked_share_no_connection_to_memcached(memcached_url: str, ring: Path) -> None:
    """Each reads the answers to its own questions: nobody is refused, and each logout ends its own session."""
    with Node() as node:
        node.open(memcached_url, ring, format="reference", revocation="strict")
        pairs = [node.ask(duties.start, f"user {number}") for number in range(4)]
        assert node.ask(duties.verify_in_children, pairs) == [0] * 4
        for pair in pairs:
            assert isinstance(node.ask(duties.verify, pair.access_token), UnknownSession)


# --------------------------------------------------------------------------------------- what is heard of late


def test_a_transaction_that_commits_five_seconds_late_is_followed(
    request: pytest.FixtureRequest, tmp_path: Path, ring: Path, in_sql: str
) -> None:
    """An end that became visible 5 s after its time, and after younger ones, is heard of at the next reading."""
    url = url_of(in_sql, tmp_path, request.getfixturevalue)
    later = [0.0]
    clocks = {"clock": lambda: time.time() + later[0], "monotonic": lambda: time.monotonic() + later[0]}
    words = {"feed_poll_s": 0.05, "feed_stale_after_s": 30}
    with sessions_at(url, ring, **words, **clocks) as node, sessions_at(url, ring, **clocks) as other:
        late, younger = other.start("alice"), other.start("alice")
        node.verify(late.access_token)
        whole_at = node._denials._whole_at
        with bare(in_sql, url, request) as (execute, commit):
            now = int(clocks["clock"]())
            execute(
                f"UPDATE daypass_sessions SET ended_at = {now}, denied_until = access_until + 300"
                f" WHERE sid = '{late.session.sid}'"
            )
            later[0] = 5
            if in_sql != "sqlite":  # where one writes, others wait
                other.end(younger.session.sid)
                assert duties.await_refusal(node, younger.access_token, 30) is not None
            read_at = node._denials._read_at
            until(lambda: node._denials._read_at > read_at, WAIT_S, "the feed was read")
            node.verify(late.access_token)
            commit()
        assert duties.await_refusal(node, late.access_token, 30) is not None
        assert node._denials._whole_at == whole_at, "it was no reading of the whole feed that told"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def in_sql(request: pytest.FixtureRequest) -> str:
    """A SQL database."""
    return request.param


@contextmanager
def bare(
    name: str, url: str, request: pytest.FixtureRequest
) -> Iterator[tuple[Callable[[str], object], Callable[[], object]]]:
    """Begin a transaction with the bare driver; yields how to say something in it, and how to commit it."""
    connection: Any
    if name == "sqlite":
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    else:
        connection = request.getfixturevalue(name).connect(url.rpartition("/")[2])
    with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN")
        yield cursor.execute, lambda: cursor.execute("COMMIT")


def test_the_delay_that_describe_states_is_kept(idle_nodes: list[Node], shared_url: str, ring: Path) -> None:
    """A session that one process has ended is refused by others within one poll, and the time of one reading."""
    words = {"feed_poll_s": 0.5, "feed_stale_after_s": 30}
    with sessions_at(shared_url, ring, **words) as here:
        there = idle_nodes[0]
        stated = re.search(r"by the others within ([\d.]+) s and the time of one reading of the feed", here.describe())
        assert stated is not None
        there.open(shared_url, ring, **words)
        pair = here.start("alice")
        assert there.ask(duties.verify, pair.access_token) == ("alice", pair.session.sid)
        there.tell(duties.await_refusal, pair.access_token, 30)
        here.end(pair.session.sid)
        ended_at = time.monotonic()
        with pytest.raises(SessionEnded):
            here.verify(pair.access_token)
        refused_at = there.answer()
        assert refused_at is not None
        assert refused_at - ended_at < float(stated[1]) + MARGIN_S


@pytest.mark.parametrize("name", ["postgresql", "redis"])
def test_a_store_that_is_away_accepts_or_refuses_as_the_policy_says(
    name: str, request: pytest.FixtureRequest, ring: Path
) -> None:
    """``accept``: with an alarm, and at worst until the access token expires. ``refuse``: 503 after the stated age.

    ``strict``: nothing is accepted at all. Those that are known to have ended stay so.
    """
    url = str(request.getfixturevalue(f"{name}_url"))
    server = request.getfixturevalue("redis_server" if name == "redis" else name)
    words = {"feed_poll_s": 0.1, "feed_stale_after_s": 0.5}
    with (
        sessions_at(url, ring, **words, access_lifetime_s=2) as accepting,
        sessions_at(url, ring, **words, when_stale="refuse") as refusing,
        sessions_at(url, ring, revocation="strict") as strict,
    ):
        everyone = (accepting, refusing, strict)
        ended = strict.start("alice")
        for node in everyone:
            node.verify(ended.access_token)
        strict.end(ended.session.sid)
        for node in everyone:
            assert duties.await_refusal(node, ended.access_token, 30) is not None
        lasting, brief = strict.start("alice"), accepting.start("alice")
        for node in everyone:
            node.verify(lasting.access_token)
        server.stop()
        stopped_at = time.monotonic()
        try:
            with pytest.raises(StoreUnavailable):
                strict.verify(lasting.access_token)
            stated = re.search(
                r"nothing is accepted \(503\): at worst it is refused ([\d.]+) s later", refusing.describe()
            )
            assert stated is not None
            until(lambda: is_unavailable(refusing, lasting.access_token), WAIT_S, "it refuses")
            assert time.monotonic() - stopped_at < float(stated[1]) + MARGIN_S
            accepting.verify(lasting.access_token)
            assert "ALARM" in accepting.describe()
            for node in (accepting, refusing):
                with pytest.raises((SessionEnded, StoreUnavailable)):
                    node.verify(ended.access_token)
            assert "at worst it is refused 2 s later" in accepting.describe()
            until(lambda: has_expired(accepting, brief.access_token), WAIT_S, "it expires")
        finally:
            server.start()
        for node in everyone:
            until(lambda node=node: is_accepted(node, lasting.access_token), WAIT_S, "it is accepted again")
            is_refused(node, ended)


def is_unavailable(node: Any, token: str) -> bool:
    try:
        node.verify(token)
    except StoreUnavailable:
        return True
    return False


def has_expired(node: Any, token: str) -> bool:
    try:
        node.verify(token)
    except Expired:
        return True
    return False


def is_accepted(node: Any, token: str) -> bool:
    try:
        node.verify(token)
    except StoreUnavailable:
        return False
    return True


def test_strict_refuses_at_once_in_every_process(shared_url: str, ring: Path) -> None:
    """The store is asked at each verification, as ``describe()`` says."""
    with sessions_at(shared_url, ring) as ending, sessions_at(shared_url, ring, revocation="strict") as strict:
        assert "and by the others too: the store is asked" in strict.describe()
        pair = ending.start("alice")
        strict.verify(pair.access_token)
        ending.end(pair.session.sid)
        with pytest.raises(SessionEnded):
            strict.verify(pair.access_token)


def test_none_refuses_elsewhere_when_the_access_token_expires(tmp_path: Path, ring: Path) -> None:
    """At worst after one access lifetime, as ``describe()`` says; a refresh is refused at once."""
    url = f"sqlite:///{tmp_path}/sessions.db"
    with sessions_at(url, ring) as ending, sessions_at(url, ring, revocation="none", access_lifetime_s=1) as deaf:
        assert "at worst 1 s later" in deaf.describe()
        pair = deaf.start("alice")
        issued_at = time.time()
        deaf.verify(pair.access_token)
        ending.end(pair.session.sid)
        until(lambda: has_expired(deaf, pair.access_token), WAIT_S, "it expires")
        assert time.time() - issued_at < 1 + MARGIN_S
        with pytest.raises(SessionEnded):
            deaf.refresh(pair.refresh_token)
