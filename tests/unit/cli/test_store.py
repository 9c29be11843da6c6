"""`daypass store upgrade`: the tables of a session database, brought to this version."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daypass.stores.opening import open_store
from tests.stores.test_schema import make_version_1
from tests.unit.cli.conftest import Command


def test_an_old_database_is_upgraded_and_says_so(daypass: Command, tmp_path: Path) -> None:
    url = make_version_1(tmp_path / "s.db")
    code, out, err = daypass("store", "upgrade", url)
    assert (code, err) == (0, "")
    assert "upgraded from schema version 1 to 2; sessions go on" in out
    code, out, _ = daypass("store", "upgrade", url)
    assert code == 0
    assert "nothing to do" in out


def test_the_url_is_read_from_the_environment(
    daypass: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAYPASS_STORE", make_version_1(tmp_path / "s.db"))
    code, out, _ = daypass("store", "upgrade")
    assert code == 0
    assert "upgraded" in out


def test_without_a_url_it_is_the_database_of_the_service(daypass: Command, data: Path) -> None:
    data.mkdir(mode=0o700)
    make_version_1(data / "daypass.db")
    code, out, _ = daypass("store", "upgrade")
    assert code == 0
    assert "upgraded" in out
    assert "nothing to do" in daypass("store", "upgrade", "--data", str(data))[1]
    code, _, err = daypass("store", "upgrade", "sqlite:///x.db", "--data", str(data))
    assert (code, "give one" in err) == (1, True)


def test_no_url_names_the_variable(daypass: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAYPASS_STORE", raising=False)
    code, out, err = daypass("store", "upgrade")
    assert code != 0
    assert "DAYPASS_STORE" in out + err


def test_a_file_that_is_not_there_is_not_made(daypass: Command, tmp_path: Path) -> None:
    code, out, err = daypass("store", "upgrade", f"sqlite:///{tmp_path}/typo.db")
    assert code != 0
    assert "there is no file" in out + err
    assert not (tmp_path / "typo.db").exists()


def test_a_newer_database_is_left_alone(daypass: Command, tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/s.db").close()
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute("UPDATE daypass_meta SET value = '3' WHERE name = 'schema'")
    code, out, err = daypass("store", "upgrade", f"sqlite:///{tmp_path}/s.db")
    assert code != 0
    assert "newest daypass" in out + err


def test_a_store_without_tables_has_nothing_to_do(daypass: Command) -> None:
    for url in ("redis://nowhere.invalid:1/0", "memcached://nowhere.invalid:1", "memory://"):
        code, out, _ = daypass("store", "upgrade", url)
        assert code == 0
        assert "nothing to do" in out


@pytest.mark.parametrize(
    "url",
    [
        "oracle://user:plum@host/db",
        "postgresql://user:plum@127.0.0.1:1/db",
        "mysql://user:plum@127.0.0.1:1/db",
        "mysql://user:plum@host:port/db",
    ],
)
def test_no_answer_repeats_a_password(daypass: Command, url: str) -> None:
    code, out, err = daypass("store", "upgrade", url)
    assert code != 0
    assert out + err
    assert "plum" not in out + err
    assert "Traceback" not in out + err
