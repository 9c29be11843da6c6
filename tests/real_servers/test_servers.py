"""The servers of the tests do what the tests rely on: they start, die, come back, stand still, and leave nothing."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.real_servers import programs
from tests.real_servers.mariadb import MariaDB
from tests.real_servers.memcached import Memcached
from tests.real_servers.postgresql import PostgreSQL
from tests.real_servers.redis import Redis, RedisCluster
from tests.real_servers.server import Server, until

REPOSITORY = Path(__file__).resolve().parents[2]
SERVERS = ["postgresql", "mariadb", "redis_server", "redis_with_password", "memcached"]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(request.param).ensure()


def refuses(server: Server) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_it_answers_on_loopback_only_and_not_as_root(server: Server) -> None:
    assert server.answers()
    uid = Path(f"/proc/{server.pid}").stat().st_uid
    assert uid == (os.getuid() or uid)
    assert uid != 0
    assert server.folder.stat().st_mode & 0o077 == 0


def test_it_is_killed_and_comes_back_on_the_same_port(server: Server) -> None:
    port, pid = server.port, server.pid
    server.kill()
    assert not server.is_running
    assert refuses(server)
    server.start()
    assert (server.port, server.answers()) == (port, True)
    assert server.pid != pid


def test_it_stops_in_order_and_restarts(server: Server) -> None:
    server.stop()
    assert refuses(server)
    assert server.restart().answers()


def test_a_pause_answers_nobody_until_it_is_over(server: Server) -> None:
    server.pause()
    try:
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:  # the kernel takes it
            connection.settimeout(0.3)
            connection.sendall(b"version\r\n")
            with pytest.raises(TimeoutError):
                connection.recv(1)
    finally:
        server.resume()
    until(server.answers, 10, "it answers")


def test_the_next_test_finds_it_running_whatever_this_one_does(server: Server) -> None:
    server.pause()
    assert server.ensure().answers()
    os.kill(server.pid, signal.SIGKILL)  # behind its back
    until(lambda: not server.is_running, 10, "it has ended")
    assert server.ensure().answers()


def read(server: PostgreSQL | MariaDB, database: str) -> list[Any]:
    with contextlib.closing(server.connect(database)) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("SELECT n FROM kept")
        return sorted(number for (number,) in cursor.fetchall())


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_what_a_database_confirmed_survives_a_kill_and_what_is_in_flight_does_not(
    name: str, request: pytest.FixtureRequest
) -> None:
    server: PostgreSQL | MariaDB = request.getfixturevalue(name).ensure()
    database = server.new_database()
    connection = server.connect(database)
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("CREATE TABLE kept (n INTEGER)")
        cursor.execute("INSERT INTO kept VALUES (1)")
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO kept VALUES (2)")
        server.kill()
    with contextlib.suppress(Exception):  # it is gone, and closing it may say so
        connection.close()
    server.start()
    assert read(server, database) == [1]
    server.drop_database(database)


def test_each_test_has_a_database_of_its_own(postgresql_url: str, mariadb_url: str, postgresql: PostgreSQL) -> None:
    ours = postgresql_url.rpartition("/")[2]
    other = postgresql.new_database()
    with postgresql.connect(ours) as connection:
        connection.execute("CREATE TABLE kept (n INTEGER)")
        postgresql.drop_database(other)
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert mariadb_url.rpartition("/")[2] != "mysql"


@pytest.mark.parametrize("number", [1, 2])
def test_caches_are_empty_for_each_test(number: int, redis_url: str, redis_server: Redis, memcached_url: str) -> None:
    with redis_server.client() as client:
        assert client.dbsize() == 0
        client.set("left behind", number)


def test_redis_keeps_its_log_over_a_kill_and_one_without_a_log_does_not(redis_url: str, redis_server: Redis) -> None:
    for server, kept in ((redis_server, b"1"), (Redis(), None)):
        with server.start().client() as client:
            client.set("kept", 1)
        server.kill()
        with server.start().client() as client:
            assert client.get("kept") == kept
        if server is not redis_server:
            server.close()


def test_the_cluster_keeps_keys_on_three_nodes_and_is_whole_after_a_restart(
    redis_cluster_url: str, redis_cluster: RedisCluster
) -> None:
    import redis

    for _ in range(2):
        with redis.RedisCluster.from_url(redis_cluster_url.partition("?")[0]) as client:
            for number in range(50):
                client.set(f"key-{number}", number)
            assert [client.get(f"key-{number}") for number in range(50)] == [
                str(number).encode() for number in range(50)
            ]
        sizes = []
        for node in redis_cluster.nodes:
            with node.client() as one:
                sizes.append(one.dbsize())
        assert min(sizes) > 0
        assert sum(sizes) == 50
        redis_cluster.restart()


def test_memcached_forgets_when_it_restarts(memcached_url: str, memcached: Memcached) -> None:
    import pymemcache

    with contextlib.closing(pymemcache.Client(("127.0.0.1", memcached.port))) as client:
        client.set("kept", b"1", noreply=False)
        memcached.restart()
    with contextlib.closing(pymemcache.Client(("127.0.0.1", memcached.port))) as client:
        assert client.get("kept") is None


def test_a_missing_program_names_the_command_that_installs_it() -> None:
    with pytest.raises(pytest.skip.Exception, match="make servers"):
        programs.program("a-server-that-nobody-wrote")


class Misspelled(Redis):
    def command(self) -> list[str]:
        return [*super().command(), "--no-such-setting", "1"]


def test_a_server_that_cannot_start_says_why() -> None:
    server = Misspelled()
    try:
        with pytest.raises(RuntimeError, match="redis did not start"):
            server.start()
    finally:
        server.close()


RUN_THAT_IS_KILLED = """
import time
from tests.real_servers.redis import Redis
server = Redis().start()
print(server.pid, server.folder, flush=True)
time.sleep(600)
"""


def test_a_killed_test_run_leaves_neither_processes_nor_data() -> None:
    programs.program("redis-server")
    run = subprocess.Popen(
        [sys.executable, "-c", RUN_THAT_IS_KILLED], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert run.stdout is not None
    pid, folder = run.stdout.readline().split()
    assert Path(folder).is_dir()
    run.kill()
    run.wait(10)
    run.stdout.close()
    until(lambda: not Path(folder).exists(), 20, "the folder is gone")
    until(lambda: not is_alive(int(pid)), 20, "the server is gone")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_closing_removes_the_data() -> None:
    with Redis() as server:
        folder = server.folder
        assert folder.is_dir()
    assert not folder.exists()
