"""Accounts: one address one account, whatever its spelling; roles and locks as `authorize` sees them."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.server.accounts import Accounts, normalise_email
from daypass.server.boot import open_accounts
from daypass.server.settings import Settings
from daypass.stores.schema import META
from daypass.stores.sqlite import sqlite_engine


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def accounts(settings: Settings) -> Iterator[Accounts]:
    with open_accounts(settings) as accounts:
        yield accounts


def execute(settings: Settings, *statements: sa.Executable) -> None:
    """Change the database behind the back of the accounts."""
    engine = sqlite_engine(settings.database)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)
    engine.dispose()


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com\n", "ada@example.com"),
        ("\uff41da@example.com", "ada@example.com"),
        ("STRASSE@x.de", "strasse@x.de"),
        ("stra\u00dfe@x.de", "strasse@x.de"),
        ("\u00e9@x.fr", "\u00e9@x.fr"),
        ("e\u0301@x.fr", "\u00e9@x.fr"),
    ],
)
def test_one_address_has_one_form(text: str, expected: str) -> None:
    assert normalise_email(text) == expected
    assert normalise_email(expected) == expected


@pytest.mark.parametrize(
    "text",
    ["", "ada", "@", "ada@", "@x", "a b@x", "a@b@c", "a\x00@x", "a\u202e@x", "a@" + "x" * 300, "\ud800@x"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigurationError):
        normalise_email(text)


def test_an_account_is_listed_with_its_roles_and_a_random_id(accounts: Accounts) -> None:
    second = accounts.add("b@x.org", "phc", roles=("editor", "admin", "admin"))
    first = accounts.add("A@x.org", "phc")
    assert accounts.all() == (first, second)
    assert second.roles == ("admin", "editor")
    assert len(first.id) == 22
    assert "a@x.org" not in first.id
    assert accounts.id_of("a@X.ORG") == first.id


def test_one_address_has_one_account_also_when_two_ask_at_once(accounts: Accounts) -> None:
    outcomes: list[str] = []

    def add() -> None:
        try:
            outcomes.append(accounts.add("Ada@x.org", "phc").email)
        except ConfigurationError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ada@x.org"] + ["ada@x.org has an account already"] * 7


@pytest.mark.parametrize("role", ["", "Admin", "a b", "\u00e9", "a" * 65, "-a"])
def test_what_is_no_role(role: str, accounts: Accounts) -> None:
    with pytest.raises(ConfigurationError):
        accounts.add("a@x.org", "phc", roles=(role,))
    assert accounts.all() == ()


def test_an_account_has_no_more_roles_than_a_token_should_carry(accounts: Accounts) -> None:
    account = accounts.add("a@x.org", "phc", roles=tuple(f"role{number}" for number in range(32)))
    with pytest.raises(ConfigurationError, match="at most 32"):
        accounts.grant(account.id, "one-more")
    with pytest.raises(ConfigurationError, match="at most 32"):
        accounts.add("b@x.org", "phc", roles=tuple(f"role{number}" for number in range(33)))
    assert len(accounts.all()[0].roles) == 32


def test_what_an_account_may_do(accounts: Accounts) -> None:
    account = accounts.add("a@x.org", "phc", roles=("editor",))
    accounts.grant(account.id, "admin")
    accounts.grant(account.id, "admin")
    grants = accounts.authorize(account.id)
    assert grants is not None
    assert set(grants.roles) == {"admin", "editor"}
    assert accounts.revoke(account.id, "editor")
    assert not accounts.revoke(account.id, "editor")
    assert accounts.lock(account.id)
    assert not accounts.lock(account.id)
    assert accounts.authorize(account.id) is None
    assert accounts.unlock(account.id)
    assert not accounts.unlock(account.id)
    grants = accounts.authorize(account.id)
    assert grants is not None
    assert set(grants.roles) == {"admin"}
    assert accounts.authorize("nobody") is None


def test_a_password_is_replaced_only_from_the_version_that_was_checked(accounts: Accounts) -> None:
    account = accounts.add("a@x.org", "one")
    stored = accounts.password_by_id(account.id)
    assert stored is not None
    assert (stored.phc, stored.version, stored.is_locked) == ("one", 1, False)
    assert accounts.set_password(account.id, "two", version=1)
    assert not accounts.set_password(account.id, "three", version=1)
    accounts.rehash_password(stored, "one again")
    now = accounts.password_by_email("a@x.org")
    assert now is not None
    assert (now.phc, now.version) == ("two", 2)
    accounts.rehash_password(now, "two again")
    assert accounts.password_by_id(account.id) != now
    assert accounts.set_password(account.id, "four")
    assert "four" not in f"{accounts.password_by_id(account.id)!r}"
    assert not accounts.set_password("nobody", "five")


def test_the_first_account_is_announced_before_it_exists_and_only_once(accounts: Accounts) -> None:
    said: list[str] = []

    def add(email: str) -> bool:
        return accounts.add_first(email, "phc", roles=("admin",), announce=lambda: said.append(email))

    def fail() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        accounts.add_first("a@x.org", "phc", roles=(), announce=fail)
    assert accounts.all() == ()
    threads = [threading.Thread(target=add, args=(f"{name}@x.org",)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [account.email for account in accounts.all()] == said
    assert accounts.all()[0].roles == ("admin",)
    assert not add("e@x.org")


def test_tables_of_another_version_are_refused_by_name(settings: Settings, accounts: Accounts) -> None:
    execute(settings, sa.update(META).where(META.c.name == "accounts_schema").values(value="2"))
    with pytest.raises(ConfigurationError, match="daypass store upgrade"), open_accounts(settings):
        pytest.fail("it was opened")
    assert accounts.all() == ()


def test_a_database_that_cannot_answer_is_unavailable_and_shows_no_value(
    settings: Settings, accounts: Accounts
) -> None:
    execute(settings, sa.text("DROP TABLE daypass_account_roles"), sa.text("DROP TABLE daypass_accounts"))
    with pytest.raises(StoreUnavailable, match="no such table: daypass_accounts") as caught:
        accounts.set_password("an-account", "a-secret-hash")
    assert "a-secret-hash" not in f"{caught.value} {caught.value.__context__}"


def test_an_account_that_is_not_there_is_named(accounts: Accounts) -> None:
    with pytest.raises(ConfigurationError, match=r"no account for who@x\.org"):
        accounts.id_of("Who@x.org")
