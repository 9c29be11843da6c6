"""The servers as fixtures: one of each a test run, started when a test first asks, clean for each test.

``postgresql``, ``mariadb``, ``redis_server``, ``redis_with_password``, ``redis_cluster`` and ``memcached`` are the
servers; a test may stop, kill or pause them, the next one finds them running. ``postgresql_url`` and its kin are the
URL of an empty database on them.
"""

from collections.abc import Iterator

import pytest

from tests.real_servers.mariadb import MariaDB
from tests.real_servers.memcached import Memcached
from tests.real_servers.postgresql import PostgreSQL
from tests.real_servers.redis import PASSWORD, Redis, RedisCluster
from tests.real_servers.watchdog import WATCHDOG


@pytest.fixture(scope="session")
def watchdog() -> Iterator[None]:
    """The process that ends the servers where the test run cannot."""
    yield
    WATCHDOG.dismiss()


@pytest.fixture(scope="session")
def postgresql(watchdog: None) -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(watchdog: None) -> Iterator[MariaDB]:
    with MariaDB() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(watchdog: None) -> Iterator[Redis]:
    with Redis(append_only=True) as server:
        yield server


@pytest.fixture(scope="session")
def redis_with_password(watchdog: None) -> Iterator[Redis]:
    with Redis(password=PASSWORD) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(watchdog: None) -> Iterator[RedisCluster]:
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def memcached(watchdog: None) -> Iterator[Memcached]:
    with Memcached() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    name = postgresql.ensure().new_database()
    yield postgresql.url_of(name)
    postgresql.ensure().drop_database(name)


@pytest.fixture
def mariadb_url(mariadb: MariaDB) -> Iterator[str]:
    name = mariadb.ensure().new_database()
    yield mariadb.url_of(name)
    mariadb.ensure().drop_database(name)


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    redis_server.ensure().flush()
    return redis_server.url


@pytest.fixture
def redis_cluster_url(redis_cluster: RedisCluster) -> str:
    redis_cluster.ensure().flush()
    return redis_cluster.url


@pytest.fixture
def memcached_url(memcached: Memcached) -> str:
    memcached.ensure().flush()
    return memcached.url
