"""MariaDB: how it compares, cuts and converts texts, and that nothing of it reaches a session."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.stores.opening import open_store
from daypass.stores.sql import SQLStore
from tests.real_servers.mariadb import MariaDB
from tests.stores.test_contract import NOW, row, together

ALIKE = ("Alice", "alice", "ALICE", "Alice ", " Alice", "Álice", "Alice\t", "ẞ", "ss", "ß")


@pytest.fixture
def store(mariadb_url: str) -> Iterator[SQLStore]:
    opened = open_store(mariadb_url)
    yield opened
    opened.close()


def test_subjects_that_mariadb_takes_for_one_are_many(store: SQLStore) -> None:
    rows = [row(subject) for subject in ALIKE]
    for one in rows:
        assert store.insert(one, sessions_max=1, now_s=NOW) == (), "no cap of another's"
    for one in rows:
        assert store.active(one.subject, now_s=NOW) == (one,)
        assert store.end(one.sid, now_s=NOW, subject=one.subject + " ") is None
        assert store.end(one.sid, now_s=NOW, subject=one.subject.swapcase()) is None or one.subject.swapcase() == (
            one.subject
        )
    for number, one in enumerate(rows):
        ended = store.end_all(one.subject, now_s=NOW)
        assert len(ended) <= 1
        assert all(store.active(other.subject, now_s=NOW) for other in rows[number + 1 :] if other.sid != one.sid)


def test_sids_that_mariadb_takes_for_one_are_many(store: SQLStore) -> None:
    one = row(sid="AbcAbcAbcAbcAbcAbcAbcA")
    store.insert(one, sessions_max=5, now_s=NOW)
    for other in (one.sid.lower(), one.sid + " ", one.sid[:-1], one.sid + "\0", " " + one.sid, one.sid + "A", ""):
        assert store.get(other) is None
        assert store.end(other, now_s=NOW) is None
    twin = row(sid=one.sid.lower())
    store.insert(twin, sessions_max=5, now_s=NOW)
    assert (store.get(one.sid), store.get(twin.sid)) == (one, twin)


def test_every_character_comes_back(store: SQLStore) -> None:
    one = row("😀 ünï", device="📱 \\ ' \" % %s", data={"😀": "\\0 ' \x7f \u2028"}, scopes=("a'b",), roles=("é",))
    store.insert(one, sessions_max=5, now_s=NOW)
    assert store.get(one.sid) == one
    assert store.active(one.subject, now_s=NOW) == (one,)


@pytest.mark.parametrize("query", ["charset=latin1", "charset=utf8mb4&init_command=SET%20NAMES%20latin1"])
def test_the_character_set_of_a_connection_changes_nothing(store: SQLStore, mariadb_url: str, query: str) -> None:
    other = open_store(f"{mariadb_url}?{query}")
    one = row("😀 ünï", device="📱")
    other.insert(one, sessions_max=5, now_s=NOW)
    assert other.get(one.sid) == store.get(one.sid) == one
    assert store.active(one.subject, now_s=NOW) == (one,)
    other.close()


def test_what_is_too_long_is_refused_and_not_cut(store: SQLStore, mariadb: MariaDB) -> None:
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@GLOBAL.sql_mode")
        (before,) = cursor.fetchone()
        cursor.execute("SET GLOBAL sql_mode = ''")
    try:
        store.close()
        long = row("s" * 300)
        with pytest.raises(StoreUnavailable):
            store.insert(long, sessions_max=5, now_s=NOW)
        assert store.get(long.sid) is None
        assert store.active("s" * 255, now_s=NOW) == ()
    finally:
        with mariadb.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET GLOBAL sql_mode = %s", (before,))


def test_a_large_session_is_kept_whole(store: SQLStore) -> None:
    one = row(data={"text": "ü" * 100_000})
    store.insert(one, sessions_max=5, now_s=NOW)
    assert store.get(one.sid) == one


def test_every_table_has_transactions(store: SQLStore, mariadb: MariaDB, mariadb_url: str) -> None:
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT engine FROM information_schema.tables WHERE table_schema = %s",
            (mariadb_url.rpartition("/")[2],),
        )
        assert [engine for (engine,) in cursor.fetchall()] == ["InnoDB"]


def test_a_client_that_was_lost_in_the_middle_of_a_login_locks_nobody_out_for_long(
    mariadb_url: str, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.stores.drivers._GONE_S", 1)
    lost = open_store(mariadb_url)

    def be_lost() -> None:
        with lost._database.held(lambda transaction: lost._lock(transaction, "alice")):
            assert store.insert(row(), sessions_max=5, now_s=NOW) == (), "the server has let go"

    with pytest.raises(StoreUnavailable, match="connection was lost"):
        be_lost()
    lost.close()


def test_a_row_that_no_daypass_wrote_is_no_answer(store: SQLStore) -> None:
    one = row()
    store.insert(one, sessions_max=5, now_s=NOW)
    store._database.transact(lambda transaction: transaction.say("UPDATE daypass_sessions SET sid = x'ff'"))
    for act in (
        lambda: store.active("alice", now_s=NOW),
        lambda: store.end_all("alice", now_s=NOW),
    ):
        with pytest.raises(StoreUnavailable, match="changed by hand"):
            act()


@pytest.mark.parametrize("level", ["SERIALIZABLE", "REPEATABLE READ", "READ UNCOMMITTED"])
def test_another_isolation_level_of_an_engine_changes_nothing(mariadb_url: str, level: str) -> None:
    engine = sa.create_engine(mariadb_url.replace("mysql://", "mysql+pymysql://"), isolation_level=level)
    store = SQLStore(engine)
    answers = together(8, lambda _: store.insert(row(), sessions_max=3, now_s=NOW))
    assert all(isinstance(answer, tuple) for answer in answers), answers
    assert len(store.active("alice", now_s=NOW)) == 3
    store.close()
    engine.dispose()


def test_a_login_that_is_refused_says_so(mariadb_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="the login was refused") as caught:
        open_store(mariadb_url.replace("a%20password%20of%20the%20tests", "plum"))
    assert "plum" not in str(caught.value)
    with pytest.raises(StoreUnavailable, match="no such database"):
        open_store(mariadb_url + "_other")


def test_a_url_without_a_driver_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pymysql" else find(name))
    with pytest.raises(ConfigurationError, match=r'pip install "daypass\[mariadb\]"'):
        open_store("mysql://user:plum@host/db")
