"""Every store that sessions can be kept in; the contract suite runs once a store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daypass.stores.memory import MemoryStore
from daypass.stores.opening import open_store
from daypass.stores.protocol import SessionStore
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
LEAVING = ("redis", "redis-cluster")
"""Where sessions leave by themselves, and nobody removes them."""


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionStore]:
    opened = STORES[request.param](tmp_path, request.getfixturevalue)
    yield opened
    if close := getattr(opened, "close", None):
        close()


@pytest.fixture(params=[name for name in STORES if name not in LEAVING])
def purged_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionStore]:
    opened = STORES[request.param](tmp_path, request.getfixturevalue)
    yield opened
    if close := getattr(opened, "close", None):
        close()
