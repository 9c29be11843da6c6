"""`daypass users`: accounts from the terminal, and no password ever as a word of a command."""

from pathlib import Path

import pytest

from daypass.server.boot import open_accounts
from daypass.server.passwords import Passwords
from daypass.server.settings import Settings
from tests.unit.cli.conftest import Command

PASSWORD = b"correct horse battery staple"


def add(daypass: Command, email: str = "ada@example.com", *words: str) -> None:
    code, out, err = daypass("users", "add", email, "--password-stdin", *words, stdin=PASSWORD + b"\n")
    assert (code, out, err) == (0, f"added {email}\n", "")


def test_an_account_is_added_with_its_password(daypass: Command, data: Path) -> None:
    add(daypass, "ada@example.com", "--role", "editor", "--role", "admin")
    with open_accounts(Settings(data=data)) as accounts:
        (account,) = accounts.all()
        stored = accounts.password_by_id(account.id)
    assert account.roles == ("admin", "editor")
    assert stored is not None
    assert Passwords().fits(stored.phc, PASSWORD.decode())
    code, out, err = daypass("users", "add", "ADA@example.com", "--password-stdin", stdin=PASSWORD)
    assert (code, out, err) == (1, "", "daypass: ada@example.com has an account already\n")


def test_accounts_are_listed(daypass: Command) -> None:
    add(daypass, "eve@example.com", "--role", "admin")
    add(daypass, "[bold]ada@example.com")
    assert daypass("users", "lock", "eve@example.com")[:2] == (0, "locked, sessions ended: 0\n")
    code, out, _ = daypass("users", "list")
    head, *rows = out.splitlines()
    assert code == 0
    assert head.split("  ")[0] == "EMAIL"
    assert [row.split()[0] for row in rows] == ["[bold]ada@example.com", "eve@example.com"]
    assert "admin" in rows[1]
    assert "locked 2" in rows[1]
    assert " open " in rows[0]


def test_a_lock_is_told_once_and_undone(daypass: Command) -> None:
    add(daypass)
    assert daypass("users", "lock", "Ada@example.com")[1] == "locked, sessions ended: 0\n"
    assert daypass("users", "lock", "ada@example.com")[1] == "was locked already, sessions ended: 0\n"
    assert daypass("users", "unlock", "ada@example.com")[1] == "unlocked\n"
    assert daypass("users", "unlock", "ada@example.com")[1] == "was not locked\n"


def test_roles_come_and_go(daypass: Command) -> None:
    add(daypass)
    assert daypass("users", "grant", "ada@example.com", "admin")[1] == "granted\n"
    assert daypass("users", "revoke", "ada@example.com", "admin")[1] == "revoked\n"
    assert daypass("users", "revoke", "ada@example.com", "admin")[1] == "did not have it\n"
    assert daypass("users", "grant", "ada@example.com", "No Role")[0] == 1


@pytest.mark.parametrize(
    "words, stdin, reason",
    [
        (("add", "nobody"), PASSWORD, "no e-mail address"),
        (("add", "b@x.org", "--role", "No Role"), PASSWORD, "a role is"),
        (("add", "b@x.org"), b"too short", "at least 15 characters"),
        (("add", "b@x.org"), b"", "at least 15 characters"),
        (("add", "b@x.org"), b"x" * 2000, "at most 1024 bytes"),
        (("add", "b@x.org"), b"\xff" * 20, "not UTF-8"),
        (("password", "ada@example.com"), b"too short", "at least 15 characters"),
        (("password", "nobody@example.com"), PASSWORD, "no account for nobody@example.com"),
    ],
)
def test_what_is_refused_is_one_line(words: tuple[str, ...], stdin: bytes, reason: str, daypass: Command) -> None:
    add(daypass)
    code, out, err = daypass("users", *words, "--password-stdin", stdin=stdin)
    assert (code, out) == (1, "")
    assert err.startswith("daypass: ")
    assert err.count("\n") == 1
    assert reason in err
    assert len(daypass("users", "list")[1].splitlines()) == 2


def test_without_a_terminal_there_is_nobody_to_ask(daypass: Command) -> None:
    code, _, err = daypass("users", "add", "b@x.org", stdin=PASSWORD)
    assert code == 1
    assert "--password-stdin" in err


@pytest.mark.parametrize("command", ["add", "password"])
def test_no_command_takes_a_password_as_a_word(command: str, daypass: Command) -> None:
    code, _, err = daypass("users", command, "b@x.org", "--password", PASSWORD.decode())
    assert code == 2
    assert PASSWORD.decode() not in err


@pytest.mark.parametrize(
    "words", [("list",), ("lock", "a@b"), ("unlock", "a@b"), ("password", "a@b"), ("grant", "a@b", "c")]
)
def test_only_adding_makes_a_folder(words: tuple[str, ...], daypass: Command, data: Path) -> None:
    code, out, err = daypass("users", *words)
    assert (code, out) == (1, "")
    assert "daypass serve" in err
    assert not data.exists()
