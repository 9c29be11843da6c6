"""PostgreSQL and MariaDB: what breaks between a command and its answer, on the real servers."""

import gc
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from daypass.errors import DaypassError, StoreUnavailable
from daypass.keyring.storage import RingText
from daypass.stores.connections import Connections
from daypass.stores.drivers import ANSWER_S
from daypass.stores.liveness import ASKED_AFTER_S
from daypass.stores.opening import open_store
from daypass.stores.protocol import SessionRow
from daypass.stores.sql import SQLStore
from tests.real_servers.server import Server
from tests.stores.interrupting import THREADS, Interrupt, leaves_no_answer_behind
from tests.stores.test_contract import NOW, row, together

SERVERS = ("postgresql", "mariadb")
WITHIN_S = 3 * ANSWER_S
PASSWORD = "plum-coloured"


@pytest.fixture(params=SERVERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(name: str, request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(name)
    return found


@pytest.fixture
def url(name: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{name}_url"))


@pytest.fixture
def store(url: str) -> Iterator[SQLStore]:
    opened = open_store(url)
    yield opened
    opened.close()


def filled(store: SQLStore, count: int) -> list[SessionRow]:
    rows = [row() for _ in range(count)]
    for one in rows:
        store.insert(one, sessions_max=100, now_s=NOW)
    return rows


def every_verb(store: SQLStore, one: SessionRow) -> list[Callable[[], object]]:
    return [
        lambda: store.insert(row(), sessions_max=100, now_s=NOW),
        lambda: store.get(one.sid),
        lambda: store.replace(msgspec.structs.replace(one, generation=2), generation=1),
        lambda: store.end(one.sid, now_s=NOW),
        lambda: store.end_all(one.subject, now_s=NOW),
        lambda: store.active(one.subject, now_s=NOW),
        lambda: store.denials(since_s=None, now_s=NOW),
        lambda: store.purge(now_s=NOW, limit=10),
        lambda: store.put_reference(bytes(32), b"sealed", until=NOW),
        lambda: store.get_reference(bytes(32), now_s=NOW),
        lambda: store.drop_reference(bytes(32)),
        lambda: store.ring_storage().read(),
        lambda: store.ring_storage().lock().__enter__(),
    ]


def refused(act: Callable[[], object]) -> str:
    """Say what StoreUnavailable says, the locals of all frames of ours included."""
    with pytest.raises(StoreUnavailable) as caught:
        act()
    return shown(caught.value)


def shown(error: BaseException) -> str:
    text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "During handling" not in text, "no error of a driver comes along"
    return text


# -------------------------------------------------------------------------------------------- interrupted calls


def test_calls_that_are_interrupted_leave_no_answer_to_the_next(store: SQLStore) -> None:
    rows = filled(store, THREADS)
    wrong, raised = leaves_no_answer_behind(store, rows)
    assert wrong == []
    assert raised > 50
    assert [store.get(one.sid) for one in rows] == rows


@pytest.mark.parametrize("kind", [Interrupt, KeyboardInterrupt])
def test_a_signal_between_command_and_answer_costs_the_connection(
    store: SQLStore, server: Server, kind: type[BaseException]
) -> None:
    first, second = filled(store, 2)

    def interrupt(*_: object) -> None:
        raise kind

    before = signal.signal(signal.SIGALRM, interrupt)
    server.pause()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(kind):
            store.get(first.sid)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        server.resume()
    gc.collect()
    for _ in range(5):
        assert store.get(second.sid) == second
        assert store.get(first.sid) == first


def test_connections_that_were_interrupted_while_they_were_made_take_no_place(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(url)
    (one,) = filled(store, 1)
    store.close()

    def interrupted(*_: object) -> None:
        raise Interrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(store._database.driver), "set_up", interrupted)
        for _ in range(60):  # more than a store may have
            with pytest.raises(Interrupt):
                store.get(one.sid)
    assert store.get(one.sid) == one
    store.close()


def test_whoever_finds_no_connection_takes_the_next_that_comes_back(url: str, store: SQLStore) -> None:
    scheme = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}[url.partition(":")[0]]
    engine = sa.create_engine(f"{scheme}:{url.partition(':')[2]}", pool_size=1, max_overflow=1, pool_timeout=30)
    narrow = SQLStore(engine)
    rows = filled(narrow, 4)
    answers = together(12, lambda number: [narrow.get(rows[number % 4].sid) == rows[number % 4] for _ in range(20)])
    assert answers == [[True] * 20] * 12
    assert len(narrow._database.connections._leases) <= 2
    narrow.close()
    engine.dispose()


def test_an_interrupted_transaction_changes_nothing_and_locks_nothing(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = filled(store, 1)
    end_many = SQLStore._end_many

    def interrupted(*words: Any) -> None:
        end_many(*words)
        raise Interrupt

    monkeypatch.setattr(SQLStore, "_end_many", interrupted)
    with pytest.raises(Interrupt):
        store.end_all("alice", now_s=NOW)
    with pytest.raises(Interrupt):
        store.insert(row(), sessions_max=1, now_s=NOW)
    monkeypatch.undo()
    assert store.active("alice", now_s=NOW) == (one,)
    assert len(store.end_all("alice", now_s=NOW)) == 1


# ------------------------------------------------------------------------------------ servers that are away, or hang


def test_a_server_that_was_killed_is_unavailable_and_works_from_the_first_call_after(
    store: SQLStore, server: Server
) -> None:
    one, *_ = filled(store, 4)
    server.kill()
    try:
        for act in every_verb(store, one):
            assert "could not answer" in refused(act)
        assert store.ring_storage().version() == "the store is away"
    finally:
        server.ensure()
    assert store.get(one.sid) == one, "what was confirmed is there"
    assert store.end(one.sid, now_s=NOW) is not None


def test_a_server_that_was_restarted_meanwhile_costs_no_call(store: SQLStore, server: Server) -> None:
    one, *_ = filled(store, 4)
    server.restart()
    assert store.get(one.sid) == one
    assert store.replace(msgspec.structs.replace(one, generation=2), generation=1)


def test_connections_that_the_server_closed_cost_no_call(store: SQLStore, server: Any, url: str) -> None:
    one, *_ = filled(store, 2)
    for _ in range(3):
        with server.connect() as other:
            cursor = other.cursor()
            if server.name == "postgresql":
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'daypass'"
                )
            else:
                cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (url.rpartition("/")[2],))
                for (number,) in cursor.fetchall():
                    cursor.execute(f"KILL CONNECTION {number}")
        time.sleep(0.1)
        assert store.get(one.sid) == one


def test_sessions_that_were_confirmed_before_a_kill_are_kept(store: SQLStore, server: Server) -> None:
    kept: list[SessionRow] = []
    unsure: list[SessionRow] = []
    done = threading.Event()

    def log_in() -> None:
        while not done.is_set():
            one = row()
            try:
                store.insert(one, sessions_max=100_000, now_s=NOW)
                kept.append(one)
            except StoreUnavailable:
                unsure.append(one)
                done.wait(0.02)

    threads = [threading.Thread(target=log_in) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    server.kill()
    server.ensure()
    time.sleep(0.5)
    done.set()
    for thread in threads:
        thread.join(60)
    assert len(kept) > 3
    assert [one.sid for one in kept if store.get(one.sid) != one] == []
    assert all(store.get(one.sid) in (None, one) for one in unsure)


def test_a_server_that_hangs_is_unavailable_in_time(store: SQLStore, server: Server) -> None:
    rows = filled(store, 2)
    leases = [store._database.connections.take() for _ in range(6)]  # as after a busy minute
    for lease in leases:
        store._database.connections.give(lease)
        lease.used_at -= 2 * ASKED_AFTER_S
    server.pause()
    try:
        for _ in range(2):  # over connections that were idle, and over none
            began = time.monotonic()
            assert "could not answer" in refused(lambda: store.get(rows[0].sid))
            assert time.monotonic() - began < WITHIN_S
    finally:
        server.resume()
    assert [store.get(one.sid) for one in rows] == rows


def test_a_transaction_that_holds_a_subject_keeps_the_others_only_so_long(store: SQLStore) -> None:
    (one,) = filled(store, 1)
    with store._database.held(lambda transaction: store._lock(transaction, "alice")):
        began = time.monotonic()
        refused(lambda: store.end_all("alice", now_s=NOW))
        assert time.monotonic() - began < WITHIN_S
        assert store.get(one.sid) == one
        assert store.end(one.sid, now_s=NOW) is not None, "one session ends without the lock"
    assert store.end_all("alice", now_s=NOW) == ()


def test_a_ring_that_was_written_when_the_server_died_is_the_old_one(store: SQLStore, server: Server) -> None:
    place = store.ring_storage()
    with place.lock():
        place.write(RingText(b"old"))

    def write() -> None:
        with place.lock():
            place.write(RingText(b"new"))
            server.kill()

    try:
        refused(write)
    finally:
        server.ensure()
    found = place.read()
    assert found is not None
    assert found.reveal() == b"old"
    with place.lock():
        place.write(RingText(b"newer"))


# ------------------------------------------------------------------------------------------------ forks, secrets


def test_a_child_uses_connections_of_its_own(store: SQLStore) -> None:
    rows = filled(store, 2)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=lambda: answers.put(all(store.get(rows[0].sid) == rows[0] for _ in range(200))))
    child.start()
    assert all(store.get(rows[1].sid) == rows[1] for _ in range(200))
    assert answers.get(timeout=30) is True
    child.join(30)
    assert child.exitcode == 0
    assert store.get(rows[1].sid) == rows[1], "the child's end closed nothing of ours"


def test_a_child_forked_amid_a_transaction_leaves_it_to_the_parent(store: SQLStore) -> None:
    (one,) = filled(store, 1)
    place = store.ring_storage()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def child() -> None:
        try:
            place.write(RingText(b"by the child"))
        except RuntimeError:
            answers.put(store.get(one.sid) == one)

    with place.lock():
        place.write(RingText(b"by the parent"))
        process = context.Process(target=child)
        process.start()
        assert answers.get(timeout=30) is True
        process.join(30)
    found = place.read()
    assert found is not None
    assert found.reveal() == b"by the parent"


def test_a_child_that_goes_on_with_a_transaction_of_its_parent_is_stopped(store: SQLStore) -> None:
    place = store.ring_storage()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def change() -> None:
        with place.lock():
            if not os.fork():
                return
            os.wait()
            place.write(RingText(b"by the parent"))

    def run() -> None:
        parent = os.getpid()
        answer = "done"
        try:
            change()
        except StoreUnavailable as error:
            answer = str(error)
        answers.put(answer)
        if os.getpid() != parent:
            answers.close()
            answers.join_thread()
            os._exit(0)

    process = context.Process(target=run)
    process.start()
    assert {answers.get(timeout=30), answers.get(timeout=30)} == {
        "done",
        "this process was forked in the middle: only its parent can go on",
    }
    process.join(30)
    found = place.read()
    assert found is not None
    assert found.reveal() == b"by the parent"


def secret_urls(url: str) -> list[str]:
    scheme, _, rest = url.partition("://")
    _, _, place = rest.rpartition("@")
    host, _, database = place.partition("/")
    return [
        f"{scheme}://daypass:{PASSWORD}@{host}/{database}",
        f"{scheme}://daypass:{PASSWORD}@127.0.0.1:1/{database}",
        f"{scheme}://daypass:{PASSWORD}@nowhere.invalid/{database}",
        f"{scheme}://daypass:{PASSWORD}@host:port/{database}",
        f"{scheme}://{PASSWORD}:{PASSWORD}@{host}/{database}?{PASSWORD}=1",
        f"{scheme}://daypass:{PASSWORD}/@{host}/{database}",
        f"daypass:{PASSWORD}@{host}/{database}",
        f"{PASSWORD}://{host}/{database}",
    ]


def test_no_text_and_no_frame_shows_the_password(url: str) -> None:
    for wrong in secret_urls(url):
        with pytest.raises(DaypassError) as caught:
            open_store(wrong)
        # The frames of this test hold the URL.
        ours = caught.value.__traceback__
        while ours is not None and ours.tb_frame.f_code.co_filename == __file__:
            ours = ours.tb_next
        assert PASSWORD not in shown(caught.value.with_traceback(ours)), wrong.replace(PASSWORD, "...")


def test_nothing_of_a_store_shows_the_password(store: SQLStore, url: str) -> None:
    place = store.ring_storage()
    texts = [repr(store), repr(place), place.location, repr(store._database.connections), repr(store._database)]
    assert not [text for text in texts if "a password" in text.replace("%20", " ")]
    assert url.rpartition("/")[2] in repr(store)


def test_a_refusal_shows_no_value(store: SQLStore) -> None:
    one = row(subject="plum", data={"note": "plum"}, nonce_sha256=b"plum" * 8)
    store.insert(one, sessions_max=5, now_s=NOW)
    with pytest.raises(StoreUnavailable) as caught:
        store.insert(one, sessions_max=5, now_s=NOW)
    assert "plum" not in str(caught.value)
    assert "plum" not in "".join(traceback.format_exception(caught.value))
    assert store.active("plum", now_s=NOW) == (one,)


def test_no_more_connections_are_made_than_a_server_has(url: str) -> None:
    store = open_store(url)
    connections: Connections = store._database.connections
    leases = [connections.take() for _ in range(12)]
    for lease in leases:
        connections.give(lease)
    assert len(connections._idle) == 8
    assert len(connections._leases) == 8
    store.close()
    assert not connections._leases


def test_a_driver_that_is_not_known_works_on_the_road_that_all_share(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.stores.drivers._DRIVERS", {})
    store = open_store(url)
    assert not store._database.driver.commits_by_itself
    one, *_ = filled(store, 3)
    assert store.get(one.sid) == one
    second = msgspec.structs.replace(one, generation=2)
    swaps = together(8, lambda _: store.replace(second, generation=1))
    assert sorted(map(str, swaps)) == ["False"] * 7 + ["True"]
    logins = together(8, lambda _: store.insert(row(), sessions_max=3, now_s=NOW))
    assert all(isinstance(denials, tuple) for denials in logins), logins
    assert len(store.active("alice", now_s=NOW)) == 3
    place = store.ring_storage()
    with place.lock():
        place.write(RingText(b"ring"))
        assert store.get(one.sid) is not None
    assert place.version()
    assert len(store.end_all("alice", now_s=NOW)) == 3
    store.put_reference(bytes(32), b"old", until=NOW)
    store.put_reference(bytes(32), b"new", until=NOW)
    assert store.get_reference(bytes(32), now_s=NOW - 1) == b"new"
    with closing(open_store(url)) as other:
        assert other.active("alice", now_s=NOW) == (), "all of it was committed"
    store.close()


def test_endings_logins_refreshes_and_purges_at_once_never_deadlock(store: SQLStore) -> None:
    rows = filled(store, 40)

    def act(number: int) -> None:
        for turn in range(10):
            one = rows[(number * 7 + turn) % len(rows)]
            match number % 5:
                case 0:
                    store.end_all("alice", now_s=NOW)
                case 1:
                    store.insert(row(), sessions_max=5, now_s=NOW)
                case 2:
                    store.replace(msgspec.structs.replace(one, generation=2), generation=1)
                case 3:
                    store.end(one.sid, now_s=NOW)
                case _:
                    store.purge(now_s=NOW * 2, limit=20)

    assert together(10, act) == [None] * 10


def test_two_purges_and_a_refresh_of_the_same_rows_lose_no_session(store: SQLStore) -> None:
    rows = filled(store, 30)
    old = NOW + 10_000_000

    def act(number: int) -> object:
        if number < 2:
            return store.purge(now_s=old, limit=100)
        one = rows[number - 2]
        return store.replace(msgspec.structs.replace(one, generation=2, idle_ends_at=old * 2), generation=1)

    answers = together(32, act)
    for one, swapped in zip(rows, answers[2:], strict=True):
        assert (store.get(one.sid) is not None) is swapped, "whose refresh was answered lives"
