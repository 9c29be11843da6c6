"""``daypass sessions``: what is listed and ended, where, and what is refused."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from daypass.errors import SessionEnded
from daypass.sessions import SessionPolicy, Sessions
from tests.unit.cli.conftest import Command

PARTIES = {"issuer": "https://id.example", "audience": "https://api.example"}
Stored = Callable[..., Sessions]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/sessions.db"


def test_list_shows_the_live_ones_alone(daypass: Command, url: str) -> None:
    with Sessions.open(url, **PARTIES) as sessions:
        phone, laptop = sessions.start("u1", device="phone"), sessions.start("u1", device="laptop")
        sessions.start("u2", device="tablet")
        sessions.end(laptop.session.sid)
        code, out, _ = daypass("sessions", "list", "u1", "--store", url)
        assert code == 0
        lines = out.splitlines()
        assert lines[0].split() == ["SID", "DEVICE", "STARTED", "LOGIN", "REFRESHED", "ENDS"]
        assert [line.split()[:2] for line in lines[1:]] == [[phone.session.sid, "phone"]]
        assert phone.access_token not in out


def test_end_is_heard_by_a_running_process(daypass: Command, url: str) -> None:
    with Sessions.open(url, policy=SessionPolicy(revocation="strict"), **PARTIES) as sessions:
        pair = sessions.start("u1")
        for _ in range(2):  # ending twice is no error
            assert daypass("sessions", "end", pair.session.sid, "--store", url)[0] == 0
        with pytest.raises(SessionEnded):
            sessions.verify(pair.access_token)


def test_end_all_may_keep_one(daypass: Command, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYPASS_STORE", url)
    with Sessions.open(url, **PARTIES) as sessions:
        kept, *_others = (sessions.start("u1") for _ in range(3))
        assert daypass("sessions", "end-all", "u1", "--keep", kept.session.sid)[:2] == (0, "sessions ended: 2\n")
        assert [session.sid for session in sessions.active("u1")] == [kept.session.sid]
        assert daypass("sessions", "end-all", "u1")[:2] == (0, "sessions ended: 1\n")
        assert daypass("sessions", "end-all", "nobody")[:2] == (0, "sessions ended: 0\n")


def test_no_tables_are_made_in_the_database_of_something_else(daypass: Command, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE customers (name TEXT)")
    before = path.read_bytes()
    for words in (("sessions", "list", "u1"), ("sessions", "end-all", "u1"), ("keys", "list"), ("keys", "rotate")):
        code, out, err = daypass(*words, "--store", f"sqlite:///{path}")
        assert (code, out) == (1, "")
        assert "no tables of daypass" in err
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["other.db"]


def test_a_mistyped_keep_ends_nothing(daypass: Command, url: str) -> None:
    with Sessions.open(url, **PARTIES) as sessions:
        first, other = sessions.start("u1"), sessions.start("u2")
        for keep in (first.session.sid.swapcase(), other.session.sid, ""):
            code, out, err = daypass("sessions", "end-all", "u1", "--keep", keep, "--store", url)
            assert (code, out) == (1, "")
            assert "nothing was ended" in err
        assert len(sessions.active("u1")) == 1


def test_what_begins_with_a_hyphen_is_no_option(daypass: Command, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYPASS_STORE", url)
    with Sessions.open(url, **PARTIES) as sessions:
        while not (pair := sessions.start("-u1")).session.sid.startswith("-"):
            sessions.end(pair.session.sid)
        sid = pair.session.sid
        assert daypass("sessions", "list", "-u1")[1].splitlines()[1].startswith(sid)
        assert daypass("sessions", "end-all", "-u1", "--keep", sid)[:2] == (0, "sessions ended: 0\n")
        assert daypass("sessions", "end", sid)[0] == 0
        assert sessions.active("-u1") == ()
        assert daypass("sessions", "end-all", "-u1", "--kep", sid)[0] == 2


@pytest.mark.parametrize("sid", ["x", "A" * 22, "A" * 10_000, "é" * 22, "-" + "A" * 21, "--" + "A" * 20])
def test_an_unknown_sid_is_said(daypass: Command, url: str, sid: str) -> None:
    Sessions.open(url, **PARTIES).close()
    code, out, err = daypass("sessions", "end", sid, "--store", url)
    assert (code, out) == (1, "")
    assert "there is no such session" in err


def test_a_mistyped_path_makes_no_database(daypass: Command, tmp_path: Path) -> None:
    code, _, err = daypass("sessions", "list", "u1", "--store", f"sqlite:///{tmp_path}/mistyped.db")
    assert code == 1
    assert "there is no database" in err
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize(
    "url", ["memory://", "nothing", "redis://:secret-word@127.0.0.1:1/0", "memcached://127.0.0.1:1"]
)
def test_a_store_that_cannot_answer_is_said_without_its_password(daypass: Command, url: str) -> None:
    code, out, err = daypass("sessions", "list", "u1", "--store", url)
    assert (code, out) == (1, "")
    assert err.startswith("daypass: ")
    assert "secret-word" not in err


def test_a_cache_cannot_list(daypass: Command) -> None:
    code, out, err = daypass("sessions", "list", "alice", "--store", "memcached://127.0.0.1:9")
    assert (code, out) == (1, "")
    assert "Sessions.end(sid)" in err


def test_two_databases_are_one_too_many(daypass: Command, url: str, tmp_path: Path) -> None:
    code, _, err = daypass("sessions", "list", "u1", "--store", url, "--data", str(tmp_path))
    assert code == 1
    assert "give one" in err


def test_the_service_knows_its_accounts_by_address(daypass: Command, data: Path) -> None:
    assert daypass("users", "add", "ada@example.com", "--password-stdin", stdin=b"a long enough pass phrase\n")[0] == 0
    from daypass.server.boot import open_service
    from daypass.server.settings import read_settings

    service = open_service(read_settings(data=data))
    try:
        with_address = service.accounts.id_of("ada@example.com")
        pair = service.sessions.start(with_address, device="phone")
        for name in ("ada@example.com", with_address):
            assert pair.session.sid in daypass("sessions", "list", name)[1]
        assert daypass("sessions", "end-all", "ada@example.com")[1] == "sessions ended: 1\n"
    finally:
        service.close()
    code, _, err = daypass("sessions", "list", "nobody@example.com")
    assert code == 1
    assert err.startswith("daypass: ")


def test_without_a_database_the_command_says_where_it_looked(daypass: Command, data: Path) -> None:
    code, _, err = daypass("sessions", "list", "u1")
    assert code == 1
    assert str(data) in err
