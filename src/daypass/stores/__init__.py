"""Where sessions are kept: the store protocol and the stores that implement it.

``open_store(url)`` picks one; a store whose driver is an extra is imported when it is asked for.
"""

from typing import TYPE_CHECKING

from daypass.stores.memory import MemoryStore as MemoryStore
from daypass.stores.opening import open_store as open_store

if TYPE_CHECKING:
    from daypass.stores.sql import SQLStore as SQLStore

__all__ = ["MemoryStore", "SQLStore", "open_store"]


def __getattr__(name: str) -> object:
    """Import SQLStore when it is asked for: SQLAlchemy is an extra."""
    if name == "SQLStore":
        from daypass.stores.sql import SQLStore

        return SQLStore
    raise AttributeError(f"module 'daypass.stores' has no attribute {name!r}")
