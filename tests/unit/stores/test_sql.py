"""Sessions in SQLite: what goes wrong with a database, and what is said then."""

import os
import sqlite3
import stat
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from daypass.errors import ConfigurationError, StoreUnavailable, TokenError
from daypass.stores import MemoryStore, SQLStore, open_store
from daypass.stores.direct import Statement
from daypass.stores.protocol import SessionRow
from daypass.stores.sqlite import sqlite_engine

NOW = 1_800_000_000
ROW = SessionRow(
    sid="A" * 22,
    subject="alice",
    client_id="first-party",
    device=None,
    scopes=(),
    roles=(),
    data={"note": "plum"},
    created_at=NOW,
    authenticated_at=NOW,
    last_refreshed_at=NOW,
    ends_at=NOW + 1000,
    idle_ends_at=NOW + 1000,
    ended_at=None,
    generation=1,
    kid="kid",
    rotated_at=(),
    nonce_sha256=b"plum" * 8,
    access_until=NOW + 600,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLStore]:
    """A store that does not wait long for a lock."""
    engine = sqlite_engine(path, busy_s=0.05)
    yield SQLStore(engine)
    engine.dispose()


def every_verb(store: SQLStore) -> list[object]:
    return [
        lambda: store.insert(ROW, sessions_max=5, now_s=NOW),
        lambda: store.get(ROW.sid),
        lambda: store.replace(ROW, generation=1),
        lambda: store.end(ROW.sid, now_s=NOW),
        lambda: store.end_all(ROW.subject, now_s=NOW),
        lambda: store.active(ROW.subject, now_s=NOW),
        lambda: store.denials(since_s=None, now_s=NOW),
        lambda: store.purge(now_s=NOW * 2, limit=10),
    ]


def writing_verbs(store: SQLStore) -> list[object]:
    return [every_verb(store)[index] for index in (0, 2, 3, 4)]


def refusal(act: object) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable) as caught:
        act()
    assert not isinstance(caught.value, TokenError)
    text = "".join(traceback.format_exception(caught.value))
    assert "plum" not in text
    assert "alice" not in text
    return caught.value


# ------------------------------------------------------------------------------------------ what goes wrong


def test_a_locked_database_is_unavailable_for_writers_and_open_for_readers(store: SQLStore, path: Path) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        for act in writing_verbs(store):
            assert "database is locked" in str(refusal(act))
        assert store.get(ROW.sid) == ROW
        other.rollback()
    assert store.end(ROW.sid, now_s=NOW) is not None


def test_a_missing_table_is_unavailable(store: SQLStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE daypass_sessions")
    for act in every_verb(store):
        assert "no such table" in str(refusal(act))


def test_lost_meta_rows_are_unavailable(store: SQLStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM daypass_meta")
    refusal(lambda: store.denials(since_s=None, now_s=NOW))


def test_a_database_that_may_only_be_read_is_unavailable_for_writers(store: SQLStore, path: Path) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    engine = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", hide_parameters=True)
    reader = SQLStore(engine)
    for act in writing_verbs(reader):
        assert "readonly" in str(refusal(act))
    assert reader.get(ROW.sid) == ROW
    reader.close()


def test_a_full_disk_is_unavailable_and_loses_nothing(store: SQLStore, path: Path) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    engine = sqlite_engine(path)
    sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count=1").close())
    full = SQLStore(engine)
    big = {"sid": "B" * 22, "data": {"text": "x" * 100_000}}
    refused = refusal(lambda: full.insert(changed(ROW, big), sessions_max=5, now_s=NOW))
    assert "full" in str(refused)
    assert full.get(ROW.sid) == ROW
    assert full.get("B" * 22) is None
    full.close()


def test_a_damaged_file_is_unavailable(store: SQLStore, path: Path) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    store.close()  # which writes the log back
    damaged = bytearray(path.read_bytes())
    damaged[100:] = b"\xa5" * (len(damaged) - 100)
    path.write_bytes(damaged)
    refusal(lambda: store.get(ROW.sid))


def test_no_free_connection_is_unavailable(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=0.02)
    store = SQLStore(engine)
    with store.ring_storage().lock():
        assert "no connection became free" in str(refusal(lambda: store.get(ROW.sid)))
    assert store.get(ROW.sid) is None
    store.close()


def test_a_connection_that_was_lost_with_its_thread_makes_place(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=5)
    store = SQLStore(engine)
    lost = [store._database.connections.take()]
    lost.clear()  # as the frame of an interrupted call is
    assert store.get(ROW.sid) is None
    store.close()


def test_a_refused_statement_lets_go_of_every_lock(store: SQLStore, path: Path) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    kept = [refusal(lambda: store.insert(ROW, sessions_max=5, now_s=NOW)) for _ in range(3)]
    with closing(sqlite3.connect(path, timeout=0)) as other, other:
        other.execute("UPDATE daypass_meta SET value = value")
    assert len(kept) == 3


def test_a_session_twice_is_unavailable_and_says_no_value(store: SQLStore) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    refusal(lambda: store.insert(ROW, sessions_max=5, now_s=NOW))


def changed(row: SessionRow, changes: dict[str, object]) -> SessionRow:
    from msgspec.structs import replace

    return replace(row, **changes)


# ------------------------------------------------------------------------------------------------ the schema


def test_the_tables_are_made_once_and_kept(path: Path) -> None:
    first = open_store(f"sqlite:///{path}")
    first.insert(ROW, sessions_max=5, now_s=NOW)
    second = open_store(f"sqlite:///{path}")
    assert second.get(ROW.sid) == ROW
    assert second.denials(since_s=None, now_s=NOW).id == first.denials(since_s=None, now_s=NOW).id
    first.close()
    second.close()


@pytest.mark.parametrize("version", ["0", "1", "3", "", "newer"])
def test_another_version_of_the_tables_is_refused(store: SQLStore, path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE daypass_meta SET value=? WHERE name='schema'", (version,))
    with pytest.raises(ConfigurationError, match="daypass store upgrade"):
        open_store(f"sqlite:///{path}")


def test_a_creation_that_was_killed_half_way_is_finished(path: Path) -> None:
    open_store(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM daypass_meta")
        other.execute("DROP TABLE daypass_sessions")
    store = open_store(f"sqlite:///{path}")
    store.insert(ROW, sessions_max=5, now_s=NOW)
    assert store.denials(since_s=None, now_s=NOW).id
    store.close()


OPENING = """
import sys
from daypass.stores import open_store
print("ready", flush=True)
sys.stdin.readline()
print(open_store("sqlite:///" + sys.argv[1]).denials(since_s=None, now_s=0).id)
"""


def test_processes_that_open_a_new_database_at_once_share_one_feed(path: Path) -> None:
    command = [sys.executable, "-c", OPENING, str(path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert len(answers) == 1
    assert answers != {""}


def test_a_new_database_and_its_companions_are_for_the_owner_only(path: Path) -> None:
    before = os.umask(0)
    try:
        store = open_store(f"sqlite:///{path}")
        store.insert(ROW, sessions_max=5, now_s=NOW)
    finally:
        os.umask(before)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["sessions.db", "sessions.db-shm", "sessions.db-wal"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()


def test_every_connection_waits_for_the_disk(path: Path) -> None:
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()


def test_every_query_uses_an_index(store: SQLStore, path: Path) -> None:
    say = store._say
    statements = [value for value in vars(say).values() if isinstance(value, Statement)]
    statements += [one for value in vars(say).values() if isinstance(value, dict) for one in value.values()]
    assert len(statements) > 30
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            if statement is say.any_left:  # asked once, at start, for one row
                continue
            text = statement.text
            plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", (1,) * text.count("?")).fetchall()
            assert all("SEARCH" in step[-1] or "TEMP B-TREE" in step[-1] for step in plan), (text, plan)


# ----------------------------------------------------------------------------------------------------- fork

FORKING = """
import os, sys
from daypass.stores import open_store
store = open_store("sqlite:///" + sys.argv[1])
first = store.denials(since_s=None, now_s=0).id
for _ in range(2):
    connections = store._database.connections
    factory = connections._factory
    child = os.fork()
    if child == 0:
        own = connections._factory is not factory and not connections._idle and not connections._leases
        same = store.denials(since_s=None, now_s=0).id == first
        os._exit(0 if same and own else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.denials(since_s=None, now_s=0).id == first
print("good")
"""

FORKING_AMID_A_TRANSACTION = """
import os, sys, threading
import sqlalchemy as sa
from daypass.stores import forks, open_store
engine = sa.create_engine("sqlite:///" + sys.argv[1] + ".other")
store = open_store("sqlite:///" + sys.argv[1])
begun, end = threading.Event(), threading.Event()

def change(transaction):
    transaction.say("UPDATE daypass_meta SET value = value")

def write():
    with store._database.held(change):
        begun.set()
        end.wait(0.3)
        end.set()

def fork():
    if os.fork() == 0:
        store.end_all("alice", now_s=0)
        os._exit(0)
    return os.wait()[1]

writer = threading.Thread(target=write)
writer.start()
begun.wait()
assert fork() == 0, "the child finds nothing locked"
assert end.is_set(), "the fork waited"

stop = threading.Event()
def write_on():
    while not stop.is_set():
        store.end_all("alice", now_s=0)
writers = [threading.Thread(target=write_on) for _ in range(3)]
for thread in writers:
    thread.start()
assert [fork() for _ in range(5)] == [0] * 5
stop.set()
with forks.transaction(engine):
    assert fork() == 0, "nobody waits for itself"
print("good")
"""

LEFT_BY_ITS_PARENT = """
import os, sys
from daypass.stores import open_store
store = open_store("sqlite:///" + sys.argv[1])
store.end_all("alice", now_s=0)
if os.fork():
    os._exit(0)
store.end_all("alice", now_s=0)
print("alone", flush=True)
sys.stdin.readline()
store._database.transact(lambda transaction: transaction.say(
    "UPDATE daypass_meta SET value = 'kept' WHERE name = 'feed'"
))
print("written", flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("text", [FORKING, FORKING_AMID_A_TRANSACTION], ids=["idle", "amid a transaction"])
def test_a_fork_leaves_the_connections_to_the_parent(path: Path, text: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", text, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "good\n", done.stderr


def test_what_a_child_writes_after_the_end_of_its_parent_is_kept(path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", LEFT_BY_ITS_PARENT, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as left:
        assert left.stdout.readline() == "alone\n"
        assert left.wait(30) == 0, "the parent"
        beside = open_store(f"sqlite:///{path}")  # whoever closes a database last clears its log away
        beside.end_all("alice", now_s=0)
        beside.close()
        left.stdin.write("\n")
        left.stdin.flush()
        assert left.stdout.readline() == "written\n"
    store = open_store(f"sqlite:///{path}")
    assert store.denials(since_s=None, now_s=0).id == "kept"
    store.close()


# ---------------------------------------------------------------------------------- a file that is not there any more


def remove(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def test_a_file_that_was_removed_is_noticed_and_not_made_again(path: Path, store: SQLStore) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    remove(path)
    for act in every_verb(store):
        refusal(act)
    assert not path.exists()


def test_a_backup_that_is_put_back_is_used_from_then_on(path: Path, store: SQLStore) -> None:
    backup = path.with_name("backup.db")
    with closing(sqlite3.connect(path)) as here, closing(sqlite3.connect(backup)) as there:
        here.backup(there)
    store.insert(ROW, sessions_max=5, now_s=NOW)
    remove(path)
    backup.rename(path)
    assert store.get(ROW.sid) is None
    store.insert(ROW, sessions_max=5, now_s=NOW)
    beside = open_store(f"sqlite:///{path}")
    assert beside.get(ROW.sid) == ROW
    beside.close()


# ------------------------------------------------------------------------------------------- rows changed by hand


@pytest.mark.parametrize(
    "change",
    [
        "scopes = 'plum'",
        "scopes = '[1]'",
        "data = '[]'",
        "rotated_at = '[\"plum\"]'",
        "rotated_at = x'ff'",
        "generation = 'plum'",
        "nonce_sha256 = 'plum'",
        "idle_ends_at = 99999999999.5",
        "subject = x'ff'",
    ],
)
def test_a_session_that_cannot_be_read_is_no_answer(store: SQLStore, path: Path, change: str) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(f"UPDATE daypass_sessions SET {change}")
    refusal(lambda: store.get(ROW.sid))
    assert store.end(ROW.sid, now_s=NOW).sid == ROW.sid, "ending needs no reading"


@pytest.mark.parametrize("until", ["'plum'", "1e300", "x'ff'"])
def test_a_feed_that_cannot_be_read_is_no_answer(store: SQLStore, path: Path, until: str) -> None:
    store.insert(ROW, sessions_max=5, now_s=NOW)
    store.end(ROW.sid, now_s=NOW)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(f"UPDATE daypass_sessions SET denied_until = {until}")
    refusal(lambda: store.denials(since_s=None, now_s=NOW))


@pytest.mark.parametrize("count", [2, 16, 17, 256, 258, 600])
def test_all_sessions_of_a_subject_end_however_many_there_are(path: Path, count: int) -> None:
    engine = sqlite_engine(path)
    sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF").close())
    store = SQLStore(engine)
    sids = {f"{number:022}" for number in range(1, count + 2)}
    for sid in sids:
        store.insert(msgspec.structs.replace(ROW, sid=sid), sessions_max=5000, now_s=NOW)
    spared = f"{1:022}"
    assert {denial.sid for denial in store.end_all("alice", now_s=NOW, except_sid=spared)} == sids - {spared}
    assert [row.sid for row in store.active("alice", now_s=NOW)] == [spared]
    assert len(store.denials(since_s=None, now_s=NOW).entries) == count
    assert store.purge(now_s=NOW + 10**6, limit=5000) == count + 1
    store.close()


# --------------------------------------------------------------------------------------------------- opening


def test_an_engine_of_the_caller_is_used(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    store = SQLStore(engine)
    store.insert(ROW, sessions_max=5, now_s=NOW)
    assert store.get(ROW.sid) == ROW
    assert store.holds_sessions()
    store.end(ROW.sid, now_s=NOW)
    assert not store.holds_sessions()
    engine.dispose()


def test_sqlite_in_memory_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="MemoryStore"):
        SQLStore(sa.create_engine("sqlite://"))


def test_a_dialect_that_is_not_supported_is_refused_by_name() -> None:
    class Foreign:
        class dialect:  # noqa: N801 - stands in for an engine's attribute
            name = "oracle"

    with pytest.raises(ConfigurationError, match="oracle"):
        SQLStore(Foreign())


def test_memory_is_opened_by_its_url() -> None:
    assert isinstance(open_store("memory://"), MemoryStore)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///x.db?mode=ro",
        "sqlite:///folder/",
        "postgresql://user:plum@host:port/db",
        "postgresql://user:plum@host/db?plum=1",
        "mysql://user:plum@host",
        "mysql://user:plum@host:port/db",
        "oracle://user:plum@host/db",
        "memory://x",
        "x.db",
    ],
)
def test_a_url_that_means_nothing_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url)
    assert "plum" not in str(caught.value)


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///x.db")
    assert repr(store) == f"SQLStore(sqlite: {tmp_path}/x.db)"
    monkeypatch.chdir("/")
    store.insert(ROW, sessions_max=5, now_s=NOW)
    store.close()
    assert (tmp_path / "x.db").is_file()


def test_a_missing_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere does not exist"):
        open_store(f"sqlite:///{tmp_path}/nowhere/x.db")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("milk, eggs, flour, " * 100)
    with pytest.raises(ConfigurationError, match="no SQLite database"):
        open_store(f"sqlite:///{file}")
    assert file.read_text().startswith("milk")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").mkdir()
    with pytest.raises((ConfigurationError, StoreUnavailable)):
        SQLStore(sqlite_engine(tmp_path / "x.db", busy_s=0.05))


def test_a_missing_driver_names_the_install_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("daypass.stores.sql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(ConfigurationError, match=r'pip install "daypass\[sql\]"'):
        open_store(f"sqlite:///{path}")


def test_the_room_has_no_other_names() -> None:
    import daypass.stores

    assert all(hasattr(daypass.stores, name) for name in daypass.stores.__all__)
    with pytest.raises(AttributeError, match="OracleStore"):
        _ = daypass.stores.OracleStore
