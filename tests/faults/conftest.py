"""Nodes, and the stores that they can share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.nodes import Node, sessions_at
from tests.real_servers.redis import Redis

SHARED = ("sqlite", "postgresql", "mariadb", "redis", "redis-cluster")
"""Stores that several processes can share."""


def url_of(name: str, folder: Path, fixture: Callable[[str], object]) -> str:
    """Name an empty store."""
    return f"sqlite:///{folder}/sessions.db" if name == "sqlite" else str(fixture(f"{name.replace('-', '_')}_url"))


@pytest.fixture(params=SHARED)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store that several processes can share."""
    return url_of(request.param, tmp_path, request.getfixturevalue)


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """The file of a key ring."""
    return tmp_path / "ring.json"


@pytest.fixture(scope="session")
def idle_nodes() -> Iterator[list[Node]]:
    """Three processes that have opened nothing: a test opens what it wants, and kills none of them."""
    nodes = [Node() for _ in range(3)]
    yield nodes
    for node in nodes:
        node.close()


@pytest.fixture
def nodes(idle_nodes: list[Node], shared_url: str, ring: Path) -> Iterator[list[Node]]:
    """Three processes on one store."""
    sessions_at(shared_url, ring).close()  # makes the tables and the ring
    for node in idle_nodes:
        node.open(shared_url, ring, feed_poll_s=0.1, feed_stale_after_s=30)
    yield idle_nodes
    for node in idle_nodes:
        node.ask(close)


def close(sessions: object) -> None:
    """Let go of the store; the next test opens another."""
    sessions.close()


@pytest.fixture(scope="session")
def durable_redis(watchdog: None) -> Iterator[Redis]:
    """A Redis that writes, and waits for the disk, before it answers (appendfsync always)."""
    with Redis(durable=True) as server:
        yield server


@pytest.fixture
def durable_redis_url(durable_redis: Redis) -> str:
    durable_redis.ensure().flush()
    return durable_redis.url
