"""Tables come and are upgraded, whatever happens meanwhile; an engine of one's own; how often a refresh asks."""

import itertools
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.keyring.ring import KeyRing
from daypass.sessions import SessionPolicy, Sessions
from daypass.stores.opening import open_engine, open_store
from daypass.stores.protocol import SessionRow
from daypass.stores.rows import columns_of
from daypass.stores.schema import INDEXES, SCHEMA_VERSION, SESSIONS, TABLES
from daypass.stores.sql import SQLStore
from daypass.stores.upgrading import has_tables, upgrade_store
from tests.real_servers.mariadb import MariaDB
from tests.real_servers.postgresql import PostgreSQL
from tests.stores.test_contract import NOW, row

# As daypass made them for its first release, in SQLite, the one database that it knew then.
VERSION_1 = """
CREATE TABLE daypass_meta (name VARCHAR(32) NOT NULL, value VARCHAR(255) NOT NULL, PRIMARY KEY (name));
CREATE TABLE daypass_sessions (
    sid VARCHAR(22) NOT NULL, subject VARCHAR(255) NOT NULL, client_id VARCHAR(255) NOT NULL, device VARCHAR(255),
    scopes TEXT NOT NULL, roles TEXT NOT NULL, data TEXT NOT NULL, created_at BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL, last_refreshed_at BIGINT NOT NULL, ends_at BIGINT NOT NULL,
    idle_ends_at BIGINT NOT NULL, ended_at BIGINT, generation BIGINT NOT NULL, kid VARCHAR(255) NOT NULL,
    rotated_at TEXT NOT NULL, nonce_sha256 BLOB NOT NULL, access_until BIGINT NOT NULL, denied_until BIGINT,
    purge_at BIGINT NOT NULL, PRIMARY KEY (sid)
) WITHOUT ROWID;
CREATE INDEX daypass_sessions_subject ON daypass_sessions (subject, ended_at);
CREATE INDEX daypass_sessions_purge ON daypass_sessions (purge_at);
CREATE INDEX daypass_sessions_ended ON daypass_sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX daypass_sessions_denied ON daypass_sessions (denied_until) WHERE denied_until IS NOT NULL;
INSERT INTO daypass_meta VALUES ('schema', '1'), ('feed', 'the feed of version 1');
"""
PROCESS = """
import sys
from daypass.concealed import Concealed
from daypass.stores.upgrading import upgrade_store
print("ready", flush=True)
sys.stdin.readline()
for line in upgrade_store(Concealed(sys.argv[1])):
    print(line)
"""
KILLED = """
import os, signal, sys
from daypass.concealed import Concealed
from daypass.stores.connections import Connections
from daypass.stores.upgrading import upgrade_store

left = int(sys.argv[2])

class Cursor:
    def __init__(self, inner):
        self.inner = inner
    def execute(self, *words):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.inner.execute(*words)
    def __getattr__(self, name):
        return getattr(self.inner, name)

connect = Connections._connect
def connect_counted(self, lease):
    connect(self, lease)
    lease.cursor = Cursor(lease.cursor)
Connections._connect = connect_counted
upgrade_store(Concealed(sys.argv[1]))
"""
LIMITED = "daypass_limited"
PASSWORD = "plum"


def make_version_1(path: Path, *rows: SessionRow) -> str:
    names = ", ".join(column.name for column in SESSIONS.c)
    values = ", ".join(f":new_{column.name}" for column in SESSIONS.c)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(VERSION_1)
        for one in rows:
            connection.execute(f"INSERT INTO daypass_sessions ({names}) VALUES ({values})", columns_of(one))
    return f"sqlite:///{path}"


def upgraded(url: str) -> tuple[str, ...]:
    return upgrade_store(Concealed(url))


def tables_of(url: str) -> tuple[set[str], set[str]]:
    engine = open_engine(Concealed(url))
    found = sa.inspect(engine)
    tables = set(found.get_table_names())
    indexes = {str(index["name"]) for table in tables for index in found.get_indexes(table)}
    engine.dispose()
    return tables, indexes


def is_whole(url: str) -> bool:
    """Use every table once."""
    with closing(open_store(url)) as store:
        one = row()
        store.insert(one, sessions_max=5, now_s=NOW)
        store.put_reference(bytes(32), b"sealed", until=NOW + 1)
        with store.ring_storage().lock():
            pass
        found = store.get(one.sid) == one and store.get_reference(bytes(32), now_s=NOW) == b"sealed"
        store.drop_reference(bytes(32))
        store.end_all("alice", now_s=NOW)
        return found and len(store.denials(since_s=None, now_s=NOW).entries) > 0


# -------------------------------------------------------------------------------------------------- upgrades


def test_sessions_of_version_1_go_on_after_the_upgrade(tmp_path: Path) -> None:
    rows = [row(), row("bob", device=None)]
    url = make_version_1(tmp_path / "s.db", *rows)
    with pytest.raises(ConfigurationError, match="daypass store upgrade"):
        open_store(url)
    assert any("from schema version 1 to 2" in line for line in upgraded(url))
    with closing(open_store(url)) as store:
        assert [store.get(one.sid) for one in rows] == rows
        assert store.denials(since_s=None, now_s=NOW).id == "the feed of version 1", "nobody has to read it anew"
    assert is_whole(url)


def test_tables_that_were_upgraded_are_those_that_are_new(tmp_path: Path) -> None:
    old, new = make_version_1(tmp_path / "old.db"), f"sqlite:///{tmp_path}/new.db"
    upgraded(old)
    open_store(new).close()
    assert tables_of(old) == tables_of(new)


def test_an_upgrade_is_safe_twice(sql_url: str, tmp_path: Path) -> None:
    open_store(sql_url).close()
    for _ in range(2):
        assert upgraded(sql_url) == (f"the tables are of schema version {SCHEMA_VERSION}: nothing to do",)
    assert is_whole(sql_url)
    url = make_version_1(tmp_path / "old.db", one := row())
    assert len(upgraded(url)) == 2
    assert "nothing to do" in upgraded(url)[0]
    with closing(open_store(url)) as store:
        assert store.get(one.sid) == one


def test_whoever_only_looks_for_tables_makes_none(sql_url: str) -> None:
    place = Concealed(sql_url)
    open_engine(place).dispose()  # makes the file of SQLite
    assert not has_tables(place)
    assert tables_of(sql_url) == (set(), set())
    open_store(sql_url).close()
    assert has_tables(place)


def test_an_upgrade_brings_back_what_was_removed_by_hand(sql_url: str) -> None:
    open_store(sql_url).close()
    whole = tables_of(sql_url)
    run(sql_url, "DROP TABLE daypass_references", "DELETE FROM daypass_meta WHERE name <> 'schema'")
    upgraded(sql_url)
    assert tables_of(sql_url) == whole
    assert whole == (set(TABLES.tables), {str(index.name) for index in INDEXES})
    assert is_whole(sql_url)


def together(url: str, count: int) -> list[str]:
    """Upgrade in several processes at once; what each said."""
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return said


def test_processes_that_upgrade_at_once_do_no_harm(tmp_path: Path) -> None:
    url = make_version_1(tmp_path / "s.db", one := row())
    assert all(said.strip() for said in together(url, 3))
    with closing(open_store(url)) as store:
        assert store.get(one.sid) == one
    assert is_whole(url)


def test_processes_that_make_the_tables_at_once_make_one_feed(sql_url: str) -> None:
    if sql_url.startswith("sqlite"):
        Path(sql_url.removeprefix("sqlite:///")).touch()  # an upgrade makes no file
    assert all(said.strip() for said in together(sql_url, 3))
    engine = open_engine(Concealed(sql_url))
    with engine.connect() as connection:
        names = connection.execute(sa.text("SELECT name FROM daypass_meta")).scalars().all()
        blobs = connection.execute(sa.text("SELECT name FROM daypass_blobs")).scalars().all()
    engine.dispose()
    assert len(names) == len(set(names)) == (2 if "sqlite" in sql_url else 258)
    assert len(blobs) == 1
    assert is_whole(sql_url)


def run(url: str, *statements: str) -> None:
    engine = open_engine(Concealed(url))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


@pytest.mark.parametrize("version", ["3", "10", "x", ""])
def test_tables_that_are_newer_are_left_alone(sql_url: str, version: str) -> None:
    open_store(sql_url).close()
    run(sql_url, f"UPDATE daypass_meta SET value = '{version}' WHERE name = 'schema'", "DROP TABLE daypass_references")
    with pytest.raises(ConfigurationError, match="newest daypass"):
        upgraded(sql_url)
    with pytest.raises(ConfigurationError, match="newest daypass"):
        open_store(sql_url)
    assert "daypass_references" not in tables_of(sql_url)[0]


@pytest.mark.parametrize("statements", [3, 4, 6, 8, 10, 11, 12])
def test_an_upgrade_that_was_killed_is_run_again(tmp_path: Path, statements: int) -> None:
    url = make_version_1(tmp_path / "s.db", one := row())
    done = subprocess.run([sys.executable, "-c", KILLED, url, str(statements)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    upgraded(url)
    with closing(open_store(url)) as store:
        assert store.get(one.sid) == one
    assert is_whole(url)


@pytest.mark.parametrize("statements", [3, 7, 9, 14, 40, 280])
@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_tables_whose_making_was_killed_are_made_by_the_next(
    server: str, statements: int, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{server}_url")
    done = subprocess.run([sys.executable, "-c", KILLED, url, str(statements)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert is_whole(url)
    assert tables_of(url) == (set(TABLES.tables), {str(index.name) for index in INDEXES})


# ---------------------------------------------------------------------------------------------------- rights


@pytest.fixture
def limited_postgresql(postgresql: PostgreSQL, postgresql_url: str) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """The URL of an owner and that of a user who may make nothing, and how the owner lets that user work."""
    database = postgresql_url.rpartition("/")[2]
    with postgresql.connect(database) as connection:
        connection.execute(f"CREATE ROLE {LIMITED} LOGIN PASSWORD '{PASSWORD}'")

    def grant() -> None:
        with postgresql.connect(database) as connection:
            connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {LIMITED}")

    yield postgresql_url, f"postgresql://{LIMITED}:{PASSWORD}@127.0.0.1:{postgresql.port}/{database}", grant
    with postgresql.connect(database) as connection:
        connection.execute(f"DROP OWNED BY {LIMITED}")
        connection.execute(f"DROP ROLE {LIMITED}")


@pytest.fixture
def limited_mariadb(mariadb: MariaDB, mariadb_url: str) -> Iterator[tuple[str, str, Callable[[], None]]]:
    database = mariadb_url.rpartition("/")[2]
    user = f"'{LIMITED}'@'127.0.0.1'"

    # The tests' own user may hand no rights on.
    with mariadb_root(mariadb) as root, root.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE USER {user} IDENTIFIED BY '{PASSWORD}'")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {user}")
    yield mariadb_url, f"mysql://{LIMITED}:{PASSWORD}@127.0.0.1:{mariadb.port}/{database}", lambda: None
    with mariadb_root(mariadb) as root, root.cursor() as cursor:
        cursor.execute(f"DROP USER {user}")


def mariadb_root(mariadb: MariaDB) -> Any:
    import pymysql

    return pymysql.connect(unix_socket=str(mariadb.folder / "socket"), user="root", autocommit=True)


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_a_user_who_may_make_no_tables_is_told_so_and_needs_no_more_than_to_read_and_write(
    server: str, request: pytest.FixtureRequest
) -> None:
    owner, limited, grant = request.getfixturevalue(f"limited_{server}")
    for act in (open_store, upgraded):
        with pytest.raises(ConfigurationError, match="may not make tables: run `daypass store upgrade` once") as caught:
            act(limited)
        assert PASSWORD not in str(caught.value)
    upgraded(owner)
    grant()
    assert is_whole(limited)
    with closing(open_store(limited)) as store:
        store.put_reference(b"x" * 32, b"sealed", until=1)
        assert store.purge(now_s=NOW * 2, limit=100) >= 1


# --------------------------------------------------------------------------------------- an engine of one's own


def engine_of(url: str, **words: Any) -> sa.Engine:
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite"}
    return sa.create_engine(sa.make_url(url).set(drivername=drivers[url.partition(":")[0]]), **words)


@pytest.mark.parametrize("words", [{}, {"poolclass": sa.NullPool}, {"isolation_level": "SERIALIZABLE"}], ids=str)
def test_an_engine_of_the_caller_works_and_stays_as_it_is(sql_url: str, words: dict[str, Any]) -> None:
    engine = engine_of(sql_url, **words)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE of_the_caller (n INT)"))
        before = connection.get_isolation_level()
    store = SQLStore(engine)
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO of_the_caller VALUES (1)"))
        one = row()
        if engine.dialect.name != "sqlite":  # where one writer waits for the other
            store.insert(one, sessions_max=5, now_s=NOW)
        connection.rollback()
        assert connection.get_isolation_level() == before
        assert connection.execute(sa.text("SELECT count(*) FROM of_the_caller")).scalar() == 0
    if engine.dialect.name == "sqlite":
        store.insert(one, sessions_max=5, now_s=NOW)
    engine.dispose()
    assert store.get(one.sid) == one
    store.close()
    assert store.end(one.sid, now_s=NOW) is not None, "a closed store connects again"
    store.close()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM daypass_sessions")).scalar() == 1
    engine.dispose()


# ------------------------------------------------------------------------------------------------ what a refresh asks


def statements_of_sqlite(url: str, said: list[str]) -> sa.Engine:
    engine = engine_of(url)

    def listen(raw: sqlite3.Connection, _record: object) -> None:
        raw.set_trace_callback(said.append)

    sa.event.listen(engine, "connect", listen)
    return engine


class Counting:
    """Stands between PyMySQL or psycopg and the server, and notes what is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
        import psycopg
        import pymysql

        send = pymysql.connections.Connection._execute_command

        def send_noted(connection: Any, command: int, text: Any) -> Any:
            said.append(text.decode() if isinstance(text, bytes | bytearray) else str(text))
            return send(connection, command, text)

        monkeypatch.setattr(pymysql.connections.Connection, "_execute_command", send_noted)
        # Whatever psycopg sends, a BEGIN or COMMIT of its own included, it waits for.
        wait = psycopg.Connection.wait

        def wait_noted(connection: Any, gen: Any, *words: Any, **named: Any) -> Any:
            said.append(getattr(gen, "__name__", "?"))
            return wait(connection, gen, *words, **named)

        monkeypatch.setattr(psycopg.Connection, "wait", wait_noted)


def test_a_refresh_is_two_statements(sql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    Counting(monkeypatch, said)
    store = SQLStore(statements_of_sqlite(sql_url, said)) if "sqlite" in sql_url else open_store(sql_url)
    policy = SessionPolicy(revocation="none")
    minutes = itertools.count()
    words: dict[str, Any] = {"issuer": "i", "audience": "a", "clock": lambda: NOW + 60 * next(minutes)}
    with Sessions(store, KeyRing.in_memory(alg="HS256"), policy=policy, **words) as sessions:
        pair = sessions.start("alice")
        for _ in range(7):  # psycopg prepares what it has sent five times
            said.clear()
            pair = sessions.refresh(pair.refresh_token)
            assert len(said) == 2, said
            if "postgresql" not in sql_url:
                assert [text.split()[0] for text in said] == ["SELECT", "UPDATE"]
    store.close()
