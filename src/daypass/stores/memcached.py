"""Reference tokens in memcached. Enters and leaves: sealed entries under the SHA-256 of a token.

memcached forgets: when it is full, when it is restarted. So it keeps only what may be lost, sessions that then have
ended; never a revocation, which would be forgotten, too. A server that is away is not asked elsewhere: a session that
another server does not know is no session that has ended. A connection on which anything went wrong is not used again,
and a forked process leaves those of its parent alone: two that share one would read each other's answers.

Source: DESIGN.md 5 (reference tokens); memcached protocol.txt (keys of 250 bytes, times above 30 days are dates).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.limits import CACHED_S_MAX, REFERENCE_BYTES_MAX

if TYPE_CHECKING:
    from pymemcache.client.base import PooledClient

__all__ = ["MemcachedStore", "open_memcached"]

TIMEOUT_S: Final = 2.0
"""How long a server may take to answer, in seconds."""
CONNECTIONS_KEPT_S: Final = 60
_SCHEME: Final = "memcached://"
_PORT: Final = 11211
_PREFIX_CHARACTERS_MAX: Final = 100
_inherited: Final[list[object]] = []
"""Connections of a parent, kept so that nothing in this process closes or uses them."""


@final
class MemcachedStore:
    """Keeps sealed entries in one memcached, or spread over several.

    Args:
        client: a ``pymemcache`` ``PooledClient``, or several; they stay the caller's.
        prefix: of every key.

    Raises:
        ConfigurationError: a client that threads cannot share, or one that takes a dead server for an empty one.
    """

    __slots__ = ("__weakref__", "_clients", "_closes", "_pid", "_prefix")

    def __init__(self, client: PooledClient | Sequence[PooledClient], *, prefix: str = "daypass") -> None:
        from pymemcache.client.base import PooledClient

        clients: tuple[Any, ...] = tuple(client) if isinstance(client, Sequence) else (client,)
        if not clients or not all(isinstance(one, PooledClient) for one in clients):
            raise ConfigurationError(
                "MemcachedStore takes PooledClients of pymemcache: a Client is for one thread, a HashClient asks"
                " another server when one is away, where the session is unknown"
            )
        if any(one.ignore_exc for one in clients):
            raise ConfigurationError("ignore_exc takes a dead server for an empty one: everybody would be logged out")
        if not prefix.isascii() or not prefix.isidentifier() or len(prefix) > _PREFIX_CHARACTERS_MAX:
            raise ConfigurationError(f"prefix is a word of at most {_PREFIX_CHARACTERS_MAX} ASCII letters and digits")
        self._clients = clients
        self._closes = False
        self._pid = os.getpid()
        self._prefix = prefix

    def put_reference(self, digest: bytes, sealed: bytes, *, until: int) -> None:
        """Keep an entry.

        Raises:
            ValueError: longer than CACHED_S_MAX from now, which memcached reads as a date, or too large.
            StoreUnavailable: it was not kept.
        """
        left_s = _seconds_left(until)
        if len(sealed) > REFERENCE_BYTES_MAX:
            raise ValueError(f"an entry has at most {REFERENCE_BYTES_MAX} bytes")
        if left_s <= 0:
            raise ValueError("the entry would be over before it is kept")
        if not self._ask(digest, lambda client, key: client.set(key, sealed, expire=left_s, noreply=False)):
            raise StoreUnavailable("memcached did not keep the session")

    def get_reference(self, digest: bytes, *, now_s: float, until: int | None = None) -> bytes | None:  # noqa: ARG002
        """Read an entry, and keep it until another time; memcached's own clock tells when it is over."""
        sealed = self._ask(digest, lambda client, key: client.get(key))
        if sealed is None:
            return None
        if until is not None and (left_s := _seconds_left(until)) > 0:
            self._ask(digest, lambda client, key: client.touch(key, expire=left_s, noreply=True))
        return bytes(sealed)

    def drop_reference(self, digest: bytes) -> bool:
        """Remove an entry."""
        return bool(self._ask(digest, lambda client, key: client.delete(key, noreply=False)))

    def close(self) -> None:
        """Close the connections that ``open_memcached`` made."""
        if self._closes:
            for client in self._clients:
                client.close()

    def _ask(self, digest: bytes, verb: Callable[[Any, str], Any]) -> Any:  # noqa: ANN401 - what is answered
        """Let a verb ask the server of an entry. Raises StoreUnavailable: it did not answer, or could not."""
        from pymemcache.exceptions import MemcacheError

        if self._pid != os.getpid():
            self._begin_anew()
        try:
            return verb(self._client_of(digest), f"{self._prefix}:{digest.hex()}")
        except (MemcacheError, OSError, LookupError, ValueError, RuntimeError) as error:
            reason = type(error).__name__  # also of an answer that makes no sense, or a pool that has no place
        raise StoreUnavailable(f"memcached could not answer ({reason})")

    def _begin_anew(self) -> None:
        """In a child: leave all connections to the parent, and their lock, which a thread there may hold."""
        from pymemcache.pool import ObjectPool

        for client in self._clients:
            pool = client.client_pool
            _inherited.append(pool)
            client.client_pool = ObjectPool(
                pool._obj_creator,
                after_remove=pool._after_remove,
                max_size=pool.max_size,
                idle_timeout=pool.idle_timeout,
            )
        self._pid = os.getpid()

    def _client_of(self, digest: bytes) -> Any:  # noqa: ANN401 - PooledClient publishes no types
        """Choose the server of an entry, the same in every process whatever the order of the servers is."""
        if len(self._clients) == 1:
            return self._clients[0]
        return max(self._clients, key=lambda client: hashlib.sha256(repr(client.server).encode() + digest).digest())

    def __repr__(self) -> str:
        return f"MemcachedStore({', '.join(_name(client.server) for client in self._clients)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a store is not pickled: open it in each process")


def open_memcached(url: str) -> MemcachedStore:
    """Open one memcached, or several.

    Args:
        url: ``memcached://host:port``, or ``memcached://one:11211,two:11211``; the port may be left out.

    Raises:
        ConfigurationError: pymemcache is not installed, or the URL cannot be read.
    """
    try:
        from pymemcache.client.base import PooledClient
    except ModuleNotFoundError:
        raise ConfigurationError('pymemcache is not installed: pip install "daypass[memcached]"') from None
    is_ours = url.startswith(_SCHEME)
    servers = [_server(name) for name in url.removeprefix(_SCHEME).rstrip("/").split(",")]
    del url  # memcached has no passwords, but somebody may write one; a traceback may show the locals of this frame
    if not is_ours or None in servers or len(set(servers)) < len(servers):
        raise ConfigurationError("the URL of a memcached is memcached://host:port, several are joined by commas")
    words = {"connect_timeout": TIMEOUT_S, "timeout": TIMEOUT_S, "no_delay": True}
    store = MemcachedStore([PooledClient(server, pool_idle_timeout=CONNECTIONS_KEPT_S, **words) for server in servers])
    store._closes = True
    return store


def _server(name: str) -> tuple[str, int] | None:
    """Read ``host:port``."""
    host, _, port = name.rpartition(":") if ":" in name else (name, "", str(_PORT))
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in host or "@" in host or not port.isdecimal() or not 0 < int(port) < 65_536:
        return None
    return host, int(port)


def _name(server: object) -> str:
    return ":".join(map(str, server)) if isinstance(server, tuple) else str(server)


def _seconds_left(until: int) -> int:
    """How long an entry stays. Raises ValueError: longer than memcached can be told."""
    left_s = int(until - time.time())
    if left_s > CACHED_S_MAX:
        raise ValueError(f"memcached keeps nothing longer than {CACHED_S_MAX} s: it reads a longer time as a date")
    return left_s
