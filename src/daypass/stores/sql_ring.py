"""A key ring in the database of the sessions. Enters and leaves: the text of a ring, sealed under a master key.

A change holds the row of the ring, in a transaction that ``write`` belongs to: a reader and a crash find the old text
or the new one. On SQLite it holds the whole database.

Source: DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, TypeVar, final

from daypass.errors import StoreUnavailable
from daypass.keyring.storage import RingText
from daypass.limits import RING_LOCK_WAIT_S_MAX
from daypass.stores.creation import RING
from daypass.stores.database import Database, Refused, Transaction
from daypass.stores.problems import Problem, unavailable
from daypass.stores.rows import text_of

__all__ = ["SQLRingStorage"]

_RETRY_S: Final = 0.02
_AWAY: Final = "the store is away"

T = TypeVar("T")


@final
class SQLRingStorage:
    """Keep a ring in a row of a database.

    Args:
        database: with the tables of daypass.
        location: for messages.
    """

    __slots__ = ("_database", "_held", "location")

    is_remote = True

    def __init__(self, database: Database, *, location: str) -> None:
        self._database = database
        self._held = threading.local()
        self.location = location

    def version(self) -> Hashable:
        """Ask for the random text that each write brings along."""
        say = self._database.statements
        try:
            if held := self._transaction():
                found = held.rows(say.blob_version, {"wanted": RING})
            else:
                found = self._database.rows(say.blob_version, {"wanted": RING})
            return text_of(found[0][0]) if found else None
        except StoreUnavailable:
            return _AWAY
        except self._database.errors:
            return _AWAY

    def read(self) -> RingText | None:
        """Read the whole text; None where there is none yet.

        Raises:
            StoreUnavailable: the database cannot answer.
        """
        say = self._database.statements
        if held := self._transaction():
            found = self._inside(lambda: held.rows(say.blob, {"wanted": RING}))
        else:
            found = self._database.rows(say.blob, {"wanted": RING})
        return RingText(bytes(found[0][0])) if found and found[0][0] is not None else None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the row of the ring; what is written is kept when the lock is let go.

        Raises:
            StoreUnavailable: another writer has held it for RING_LOCK_WAIT_S_MAX seconds, or the database went away:
                nothing was changed, unless the answer to the commit was lost.
        """
        with self._locked() as transaction:
            self._held.by = (os.getpid(), transaction)
            try:
                yield
            finally:
                self._held.by = None

    def write(self, text: RingText) -> None:
        """Replace the text, in the transaction of the lock.

        Raises:
            StoreUnavailable: the database cannot answer; the old text is still there.
            RuntimeError: without the lock.
        """
        held = self._transaction()
        if held is None:
            raise RuntimeError("a ring is written under its lock")
        version = secrets.token_hex(16)
        self._inside(
            lambda: held.count(
                self._database.statements.set_blob,
                {"wanted": RING, "new_version": version, "new_value": text.reveal()},
            )
        )

    def __repr__(self) -> str:
        return f"<SQLRingStorage: {self.location}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the place of a ring is not pickled: open the store in each process")

    # ----------------------------------------------------------------------------------------------- steps

    def _transaction(self) -> Transaction | None:
        """Find the transaction that this thread holds, and that is not a parent's."""
        pid, transaction = getattr(self._held, "by", None) or (0, None)
        return transaction if pid == os.getpid() else None

    @contextmanager
    def _locked(self) -> Iterator[Transaction]:
        """Begin a transaction that holds the row. Another one is waited for, but never for long at once."""
        give_up_at = time.monotonic() + RING_LOCK_WAIT_S_MAX
        while True:
            held = self._database.held(self._take)
            try:
                transaction = held.__enter__()
                break
            except Refused as error:
                refused = error
            if refused.problem is Problem.AGAIN or refused.problem is Problem.LOCKED:
                if time.monotonic() < give_up_at:
                    time.sleep(_RETRY_S)
                    continue
                raise StoreUnavailable(
                    f"another process has held the ring in {self.location} for {RING_LOCK_WAIT_S_MAX} s: is it hanging?"
                )
            raise refused.answer
        try:
            yield transaction
        except BaseException as error:
            if not held.__exit__(type(error), error, error.__traceback__):
                raise
        else:
            held.__exit__(None, None, None)

    def _take(self, transaction: Transaction) -> None:
        say = self._database.statements
        if not transaction.rows(say.lock_blob, {"wanted": RING}):
            transaction.count(say.add_blob, {"new_name": RING, "new_version": "", "new_value": None})

    def _inside(self, act: Callable[[], T]) -> T:
        """Do something in the transaction of the lock."""
        try:
            return act()
        except self._database.errors as error:
            problem = unavailable(error)
        raise problem
