"""Logging in: the same work for every refusal, and hashes that keep up with the parameters."""

import pytest
from argon2 import PasswordHasher

from daypass.errors import StoreUnavailable
from daypass.server.boot import Service
from daypass.web.problem import Refused, busy
from tests.unit.server.client import EMAIL, PASSWORD, add_account


@pytest.mark.parametrize("email", [EMAIL, "locked@example.com", "nobody@example.com", "no address"])
def test_every_refusal_costs_one_check(email: str, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.accounts.lock(add_account(service, "locked@example.com"))
    checks: list[str | None] = []
    fits = service.passwords.fits

    def counted(stored: str | None, password: str) -> bool:
        checks.append(stored)
        return fits(stored, password)

    monkeypatch.setattr(service.passwords, "fits", counted)
    with pytest.raises(Refused, match="e-mail address or the password"):
        service.login.authenticate(email, PASSWORD if email != EMAIL else "wrong horse battery staple")
    assert len(checks) == 1


def test_a_weaker_hash_is_replaced_at_the_next_login(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    account = service.accounts.add("old@example.com", weaker)
    with pytest.raises(Refused):
        service.login.authenticate("old@example.com", "wrong horse battery staple")
    stored = service.accounts.password_by_id(account.id)
    assert stored is not None
    assert stored.phc == weaker

    def full(_password: str) -> str:
        raise busy()

    with monkeypatch.context() as patched:  # no room for it now: the login goes on
        patched.setattr(service.passwords, "hash", full)
        credential = service.login.authenticate("old@example.com", PASSWORD)
    assert service.login.authenticate("old@example.com", PASSWORD) == credential
    stored = service.accounts.password_by_id(account.id)
    assert stored is not None
    assert stored.phc.startswith("$argon2id$v=19$m=32768,t=2,p=1$")
    assert service.login.is_current(credential)
    service.accounts.set_password(account.id, weaker)
    assert not service.login.is_current(credential)


def test_a_password_that_was_changed_meanwhile_is_not_changed_twice(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = service.accounts.id_of(EMAIL)
    real_hash = service.passwords.hash

    def hash_while_another_is_faster(password: str) -> str:
        service.accounts.set_password(account_id, real_hash("the passphrase of the faster one"))
        return real_hash(password)

    monkeypatch.setattr(service.passwords, "hash", hash_while_another_is_faster)
    with pytest.raises(Refused) as caught:
        service.login.change_password(account_id, current=PASSWORD, new="the passphrase of the slower one")
    assert (caught.value.status, caught.value.code) == (403, "wrong_password")
    assert service.login.authenticate(EMAIL, "the passphrase of the faster one")


def test_a_locked_account_keeps_its_password(service: Service) -> None:
    account_id = service.accounts.id_of(EMAIL)
    service.accounts.lock(account_id)  # its access tokens may live until the feed was read
    with pytest.raises(Refused) as caught:
        service.login.change_password(account_id, current=PASSWORD, new="a passphrase to come back with")
    assert (caught.value.status, caught.value.code) == (403, "wrong_password")
    service.accounts.unlock(account_id)
    assert service.login.authenticate(EMAIL, PASSWORD)


def test_a_store_that_cannot_answer_says_nothing_about_the_password(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_folded: str) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(service.accounts, "password_by_email", fail)
    with pytest.raises(StoreUnavailable):
        service.login.authenticate(EMAIL, PASSWORD)
