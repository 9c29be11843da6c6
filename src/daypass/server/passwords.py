"""Passwords: what is accepted, how they are hashed, and how many at once.

Enters: a password. Leaves: an argon2id hash, or whether one fits. One check takes MEMORY_KIB of memory and
some 30 ms of a processor, so few run at once, some wait, and the rest are sent away: a storm of logins can
fill neither the memory nor the threads of the service.

Source: OWASP Password Storage Cheat Sheet (argon2id, at least 19 MiB, 2, 1); NIST SP 800-63B-4 3.1.1.2
(length, all characters, NFKC); RFC 9106.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from daypass.limits import LOGINS_WAITING_MAX, PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN
from daypass.web.problem import Refused, busy

__all__ = ["Passwords", "require_acceptable"]

MEMORY_KIB: Final = 32 * 1024
PASSES: Final = 2
LANES: Final = 1
CHECKS_AT_ONCE_MAX: Final = min(4, os.cpu_count() or 1)


def require_acceptable(password: str) -> None:
    """Refuse a new password that is too short or too long; which characters it has is nobody's business.

    Raises:
        Refused: 422, with the bounds.
    """
    data = _to_bytes(password)
    if data is None or len(data.decode()) < PASSWORD_CHARACTERS_MIN:
        bounds = f"at least {PASSWORD_CHARACTERS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes"
        raise Refused(422, "password_not_accepted", f"A password has {bounds}.")


class Passwords:
    """Hashes passwords and checks them, a bounded number at once. Its methods block: call them in a thread.

    Args:
        at_once_max: checks that run at the same time; each takes MEMORY_KIB.
        waiting_max: checks that wait for their turn.
    """

    def __init__(self, *, at_once_max: int = CHECKS_AT_ONCE_MAX, waiting_max: int = LOGINS_WAITING_MAX) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._running = BoundedSemaphore(at_once_max)
        self._inside = BoundedSemaphore(at_once_max + waiting_max)
        self._nobodys_hash = self._hasher.hash(os.urandom(16))

    def hash(self, password: str) -> str:
        """Hash a password that ``require_acceptable`` let pass.

        Returns:
            A PHC string of argon2id with a fresh salt.

        Raises:
            Refused: 503, too many at once.
        """
        data = _to_bytes(password)
        if data is None:
            raise ValueError("call require_acceptable first")
        with self._turn():
            return self._hasher.hash(data)

    def fits(self, stored: str | None, password: str) -> bool:
        """Tell whether a password belongs to a hash, in the same time whether there is one or not.

        Args:
            stored: a PHC string; None for an account that does not exist.
            password: of any length; beyond the bound it is wrong, and no work is done for it.

        Raises:
            Refused: 503, too many at once.
        """
        data = _to_bytes(password)
        if data is None:
            return False
        with self._turn():
            try:
                self._hasher.verify(stored or self._nobodys_hash, data)
            except (VerifyMismatchError, InvalidHashError):
                return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for a turn, unless too many wait already."""
        if not self._inside.acquire(blocking=False):
            raise busy()
        try:
            with self._running:
                yield
        finally:
            self._inside.release()


def _to_bytes(password: str) -> bytes | None:
    """Bring a password into the one form that is hashed; None where it is too long or no Unicode text.

    Source: NIST SP 800-63B-4 3.1.1.2: normalise, so that two keyboards write the same password.
    """
    if len(password) > PASSWORD_BYTES_MAX:
        return None
    try:
        data = unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        return None
    return data if len(data) <= PASSWORD_BYTES_MAX else None
