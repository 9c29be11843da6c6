"""Where sessions are kept. Enters: a URL, an engine or a client. Leaves: a store.

``open_store(url)`` picks ``sql`` (SQLite, PostgreSQL, MariaDB and MySQL), ``redis``, ``memcached`` or ``memory``; one
whose driver is an extra is imported when it is asked for. ``protocol`` says what they do, ``creation`` and
``upgrading`` make tables, ``sql_ring`` and ``redis_ring`` keep a key ring.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from daypass.stores.memory import MemoryStore as MemoryStore
from daypass.stores.opening import open_store as open_store

if TYPE_CHECKING:
    from daypass.stores.memcached import MemcachedStore as MemcachedStore
    from daypass.stores.redis import RedisStore as RedisStore
    from daypass.stores.sql import SQLStore as SQLStore

__all__ = ["MemcachedStore", "MemoryStore", "RedisStore", "SQLStore", "open_store"]

_MODULES: Final = {"MemcachedStore": "memcached", "RedisStore": "redis", "SQLStore": "sql"}


def __getattr__(name: str) -> object:
    """Import a store when it is asked for: its driver is an extra."""
    if name in _MODULES:
        return getattr(import_module(f"daypass.stores.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'daypass.stores' has no attribute {name!r}")
