"""A key ring in Redis. Enters and leaves: the text of a ring, which is encrypted already.

The lock is a key with a time to live; the script that writes checks that it is still ours, so that a writer that was
held up for too long overwrites nothing.

Source: DESIGN.md 5 (key ring: in the session store, wrapped under a master key).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn, final

from daypass.errors import StoreUnavailable
from daypass.keyring.storage import RingText
from daypass.limits import RING_LOCK_WAIT_S_MAX
from daypass.stores.redis_connection import Commands
from daypass.stores.redis_scripts import RING_WRITE, UNLOCK

__all__ = ["RedisRing"]

HELD_MS: Final = 1000 * RING_LOCK_WAIT_S_MAX // 2
"""How long a writer may hold the lock, in milliseconds: others wait longer for one that died."""
_RETRY_S: Final = 0.02


@final
class RedisRing:
    """Keeps a ring in Redis.

    Args:
        commands: to the server.
        prefix: of its keys.
    """

    __slots__ = ("_commands", "_held", "_key", "_lock_key")

    is_remote = True

    def __init__(self, commands: Commands, *, prefix: str) -> None:
        self._commands = commands
        self._key = f"{prefix}:{{ring}}"
        self._lock_key = f"{prefix}:{{ring}}:lock"
        self._held = threading.local()

    @property
    def location(self) -> str:
        """The server and the key."""
        return f"{self._commands.place()}, key {self._key}"

    def version(self) -> Hashable:
        """Ask which text is there; what cannot be asked is a version of its own."""
        try:
            return self._commands.call(self._key, "HGET", self._key, "version")  # type: ignore[no-any-return]
        except StoreUnavailable:
            return "unavailable"

    def read(self) -> RingText | None:
        """Read the text; None where there is none."""
        text = self._commands.call(self._key, "HGET", self._key, "text")
        return None if text is None else RingText(bytes(text))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other threads and processes from writing.

        Raises:
            StoreUnavailable: another one has held it for RING_LOCK_WAIT_S_MAX seconds.
        """
        token = secrets.token_hex(16)
        give_up_at = time.monotonic() + RING_LOCK_WAIT_S_MAX
        while not self._take(token):
            if time.monotonic() >= give_up_at:
                raise StoreUnavailable(f"another process has held the key ring for {RING_LOCK_WAIT_S_MAX} s")
            time.sleep(_RETRY_S)
        self._held.token = token
        try:
            yield
        finally:
            self._held.token = None
            with suppress(StoreUnavailable):  # then it ends by itself
                self._commands.run(UNLOCK, [self._lock_key], token)

    def _take(self, token: str) -> bool:
        if self._commands.call(self._lock_key, "SET", self._lock_key, token, "NX", "PX", HELD_MS) is not None:
            return True
        # The first answer may have been lost with its connection.
        return bool(self._commands.call(self._lock_key, "GET", self._lock_key) == token.encode())

    def write(self, text: RingText) -> None:
        """Replace the text, where the lock is still held.

        Raises:
            StoreUnavailable: it is not, or the server cannot answer.
        """
        token = getattr(self._held, "token", None)
        version = secrets.token_hex(16)
        keys = [self._key, self._lock_key]
        if token is None or self._commands.run(RING_WRITE, keys, token, text.reveal(), version) != 1:
            raise StoreUnavailable("the key ring was not written: its lock was held for too long, try again")

    def __repr__(self) -> str:
        return f"<RedisRing: {self._key}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the place of a ring is not pickled: open the ring in each process")
