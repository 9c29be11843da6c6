"""Where sessions are kept: the store protocol and the stores that implement it.

``open_store(url)`` picks one; a store whose driver is an extra is imported when it is asked for.
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
