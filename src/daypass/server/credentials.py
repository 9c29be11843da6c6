"""Logging in and changing the password: where accounts and password hashes meet.

Enters: what a stranger says about an account. Leaves: a Credential of ``web.endpoints``, or one refusal that
is the same, in text and in time, for an unknown address, a wrong password and a locked account.

Source: OWASP Authentication Cheat Sheet (generic answers, equal time); DESIGN.md 5.
"""

from __future__ import annotations

from daypass.errors import ConfigurationError
from daypass.server.accounts import Accounts, StoredPassword, normalise_email
from daypass.server.passwords import Passwords, require_acceptable
from daypass.web.endpoints import Credential
from daypass.web.problem import Refused, wrong_credentials

__all__ = ["PasswordLogin"]


class PasswordLogin:
    """The ``Accounts`` of ``web.endpoints``, for accounts with a password in our own table.

    Args:
        accounts: the table.
        passwords: the hasher.
    """

    def __init__(self, accounts: Accounts, passwords: Passwords) -> None:
        self._accounts = accounts
        self._passwords = passwords

    def authenticate(self, email: str, password: str) -> Credential:
        """Check a password.

        Raises:
            Refused: 401 where it does not open the account, whatever the reason; 503 when too many try at
                once.
        """
        stored = self._find(email)
        fits = self._passwords.fits(stored.phc if stored else None, password)
        if stored is None or not fits or stored.is_locked:
            raise wrong_credentials()
        if self._passwords.is_outdated(stored.phc):
            self._rehash(stored, password)
        return Credential(subject=stored.account_id, version=stored.version)

    def is_current(self, credential: Credential) -> bool:
        """Tell whether this is still the password of the account."""
        stored = self._accounts.password_by_id(credential.subject)
        return stored is not None and stored.version == credential.version

    def change_password(self, subject: str, *, current: str, new: str) -> None:
        """Replace a password.

        Raises:
            Refused: 403 where the current one is wrong or the account is locked, 422 where the new one is
                not accepted, 503 when too many try at once.
        """
        require_acceptable(new)
        stored = self._accounts.password_by_id(subject)
        fits = self._passwords.fits(stored.phc if stored else None, current)
        if (
            stored is None
            or not fits
            or stored.is_locked
            or not self._accounts.set_password(subject, self._passwords.hash(new), version=stored.version)
        ):
            raise Refused(403, "wrong_password", "The current password is wrong.")

    def _find(self, email: str) -> StoredPassword | None:
        """Look an account up by whatever was sent as its address."""
        try:
            return self._accounts.password_by_email(normalise_email(email))
        except ConfigurationError:  # no address, so nobody's
            return None

    def _rehash(self, stored: StoredPassword, password: str) -> None:
        """Bring the hash of a right password up to the parameters of today, unless the house is full."""
        try:
            self._accounts.rehash_password(stored, self._passwords.hash(password))
        except Refused:
            return
