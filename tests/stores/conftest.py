"""Every store that sessions can be kept in; the contract suite runs once a store."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.stores.memcached import open_memcached
from daypass.stores.memory import MemoryStore
from daypass.stores.opening import open_store
from daypass.stores.protocol import ReferenceStore, SessionStore
from daypass.stores.redis import open_redis

Fixtures = Callable[[str], object]
STORES: dict[str, Callable[[Path, Fixtures], SessionStore]] = {
    "memory": lambda folder, fixture: MemoryStore(),
    "sqlite": lambda folder, fixture: open_store(f"sqlite:///{folder}/sessions.db"),
    "postgresql": lambda folder, fixture: open_store(str(fixture("postgresql_url"))),
    "mariadb": lambda folder, fixture: open_store(str(fixture("mariadb_url"))),
    "redis": lambda folder, fixture: open_redis(str(fixture("redis_url"))),
    "redis-cluster": lambda folder, fixture: open_redis(str(fixture("redis_cluster_url"))),
}
REFERENCES: dict[str, Callable[[Path, Fixtures], ReferenceStore]] = {
    **STORES,
    "memcached": lambda folder, fixture: open_memcached(str(fixture("memcached_url"))),
}
SQL = ("sqlite", "postgresql", "mariadb")
LEAVING = ("redis", "redis-cluster")
"""Where sessions leave by themselves, and nobody removes them."""


def opened(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Any]:
    """Open a store for one test."""
    store = REFERENCES[name](folder, request.getfixturevalue)
    yield store
    if close := getattr(store, "close", None):
        close()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionStore]:
    yield from opened(request.param, request, tmp_path)


@pytest.fixture(params=[name for name in STORES if name not in LEAVING])
def purged_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionStore]:
    yield from opened(request.param, request, tmp_path)


@pytest.fixture(params=REFERENCES)
def references(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReferenceStore]:
    yield from opened(request.param, request, tmp_path)


@pytest.fixture(params=SQL)
def sql_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sessions.db"
    return str(request.getfixturevalue(f"{request.param}_url"))
