"""Every store that sessions can be kept in; the contract suite runs once a store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daypass.stores.memory import MemoryStore
from daypass.stores.opening import open_store
from daypass.stores.protocol import SessionStore

STORES: dict[str, Callable[[pytest.FixtureRequest, Path], SessionStore]] = {
    "memory": lambda request, folder: MemoryStore(),
    "sqlite": lambda request, folder: open_store(f"sqlite:///{folder}/sessions.db"),
    "postgresql": lambda request, folder: open_store(request.getfixturevalue("postgresql_url")),
    "mariadb": lambda request, folder: open_store(request.getfixturevalue("mariadb_url")),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionStore]:
    opened = STORES[request.param](request, tmp_path)
    yield opened
    if close := getattr(opened, "close", None):
        close()
