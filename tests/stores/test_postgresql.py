"""PostgreSQL: what it alone keeps, refuses and says otherwise."""

import os
from collections.abc import Iterator

import pytest

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.stores.opening import open_store
from daypass.stores.sql import SQLStore
from tests.real_servers.postgresql import PostgreSQL
from tests.stores.test_contract import NOW, row


@pytest.fixture
def store(postgresql_url: str) -> Iterator[SQLStore]:
    opened = open_store(postgresql_url)
    yield opened
    opened.close()


@pytest.mark.parametrize("field", ["subject", "client_id", "device"])
@pytest.mark.parametrize("text", ["nul\0plum", "half \ud800 plum"])
def test_a_text_that_postgresql_cannot_keep_is_refused_before_it_is_sent(
    store: SQLStore, field: str, text: str
) -> None:
    with pytest.raises(ValueError, match=f"the {field} holds a NUL or half a character") as caught:
        store.insert(row(**{field: text}), sessions_max=5, now_s=NOW)
    assert "plum" not in str(caught.value)


@pytest.mark.parametrize("text", ["\0", "a\0", "\ud800"])
def test_nobody_has_a_name_that_cannot_be_kept(store: SQLStore, text: str) -> None:
    one = row("a")
    store.insert(one, sessions_max=5, now_s=NOW)
    assert store.get(text) is None
    assert store.end(text, now_s=NOW) is None
    assert store.end(one.sid, now_s=NOW, subject=text) is None
    assert store.active(text, now_s=NOW) == ()
    assert store.end_all(text, now_s=NOW) == ()
    assert store.active("a", now_s=NOW) == (one,)


def test_a_nul_in_a_bag_is_kept(store: SQLStore) -> None:
    one = row(data={"note": "a\0b", "a\0b": ["\0"]}, scopes=("a\0b",), roles=("\0",))
    store.insert(one, sessions_max=5, now_s=NOW)
    assert store.get(one.sid) == one


def test_the_order_of_a_locale_changes_nothing(postgresql: PostgreSQL, store: SQLStore, postgresql_url: str) -> None:
    with postgresql.connect(postgresql_url.rpartition("/")[2]) as connection:
        found = connection.execute(
            "SELECT DISTINCT collation_name FROM information_schema.columns"
            " WHERE table_name LIKE 'daypass%' AND column_name IN ('sid', 'subject', 'name')"
        ).fetchall()
    assert found == [("C",)]


def test_options_of_the_url_are_those_of_libpq(postgresql_url: str) -> None:
    store = open_store(f"{postgresql_url}?application_name=mine&sslmode=prefer")
    one = row()
    store.insert(one, sessions_max=5, now_s=NOW)
    names = store._database.transact(lambda transaction: _names(transaction.lease.cursor))
    assert "mine" in names
    store.close()


def _names(cursor: object) -> list[str]:
    cursor.execute("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
    return [name for (name,) in cursor.fetchall()]  # type: ignore[attr-defined]


def test_a_server_that_may_only_be_read_is_unavailable_for_writers(store: SQLStore, postgresql_url: str) -> None:
    one = row()
    store.insert(one, sessions_max=5, now_s=NOW)
    replica = open_store(f"{postgresql_url}?options=-c%20default_transaction_read_only%3Don")
    for act in (lambda: replica.end(one.sid, now_s=NOW), lambda: replica.put_reference(bytes(32), b"", until=NOW)):
        with pytest.raises(StoreUnavailable, match="may only be read"):
            act()
    assert replica.get(one.sid) == one
    replica.close()


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_another_isolation_level_of_the_server_changes_nothing(postgresql_url: str, level: str) -> None:
    options = f"-c default_transaction_isolation={level}".replace(" ", "%20").replace("=", "%3D")
    if " " in level:
        options = options.replace(level.replace(" ", "%20"), level.replace(" ", "%5C%20"))
    store = open_store(f"{postgresql_url}?options={options}")
    from tests.stores.test_contract import together

    answers = together(8, lambda _: store.insert(row(), sessions_max=3, now_s=NOW))
    assert all(isinstance(answer, tuple) for answer in answers), answers
    assert len(store.active("alice", now_s=NOW)) == 3
    store.close()


def test_a_login_that_is_refused_says_so(postgresql_url: str) -> None:
    wrong = postgresql_url.replace("a%20password%20of%20the%20tests", "plum")
    with pytest.raises(StoreUnavailable, match="the login was refused") as caught:
        open_store(wrong)
    assert "plum" not in str(caught.value)
    with pytest.raises(StoreUnavailable, match="could not answer"):
        open_store(postgresql_url + os.urandom(4).hex())


def test_a_url_without_a_driver_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r'pip install "daypass\[postgresql\]"'):
        open_store("postgresql://user:plum@host/db")


def test_a_psycopg_that_waits_for_ever_is_not_waited_for(
    postgresql: PostgreSQL, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.stores.postgresql._late", lambda: TimeoutError)
    store.close()
    rows = [row(data={"text": "ü" * 300_000}) for _ in range(3)]
    for one in rows:
        store.insert(one, sessions_max=5, now_s=NOW)
    assert [store.get(one.sid) for one in rows] == rows
    postgresql.pause()
    try:
        with pytest.raises(StoreUnavailable, match="did not answer in time"):
            store.get(rows[0].sid)
    finally:
        postgresql.resume()
    assert [store.get(one.sid) for one in rows] == rows
