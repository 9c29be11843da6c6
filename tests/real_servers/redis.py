"""Redis: one server, with or without a password and a log on disk; or a cluster of three without replicas."""

import contextlib
from collections.abc import Iterator
from typing import Any, Self

from tests.real_servers.programs import free_port, program
from tests.real_servers.server import READY_S, Server, until

SLOTS = 16_384
PASSWORD = "a-password-of-the-tests"


class Redis(Server):
    """Redis in memory alone, or with its append-only file.

    Args:
        append_only: keep a log; ``appendfsync`` is ``always`` where it is durable, else ``no``.
        password: what clients have to say first.
        is_cluster: be a node of one.
    """

    name = "redis"
    users = ("redis",)

    def __init__(
        self, *, durable: bool = False, append_only: bool = False, password: str | None = None, is_cluster: bool = False
    ) -> None:
        super().__init__(durable=durable)
        self.append_only = append_only or durable
        self.password = password
        self.is_cluster = is_cluster
        self.bus_port = 0

    def choose_ports(self) -> None:
        super().choose_ports()
        self.bus_port = free_port()

    def command(self) -> list[str]:
        words = [
            program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
            "--save", "", "--daemonize", "no", "--databases", "16", "--maxclients", "1000",
            "--appendonly", "yes" if self.append_only else "no", "--appendfsync", "always" if self.durable else "no",
        ]  # fmt: skip
        if self.password is not None:
            words += ["--requirepass", self.password]
        if self.is_cluster:
            words += [
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                str(self.bus_port),
                "--cluster-node-timeout",
                "5000",
            ]
        return words

    def answers(self) -> bool:
        with self.client() as client:
            return bool(client.ping())

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """Connect to this node alone with the bare driver."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        client = redis.Redis(
            host="127.0.0.1", port=self.port, password=self.password, socket_timeout=30, retry=Retry(NoBackoff(), 0)
        )
        try:
            yield client
        finally:
            client.close()

    def flush(self) -> None:
        """FLUSHALL."""
        with self.client() as client:
            client.flushall()

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"


class RedisCluster:
    """Three nodes that share the slots; the loss of one is the loss of its third."""

    def __init__(self) -> None:
        self.nodes = [Redis(is_cluster=True) for _ in range(3)]
        self._is_made = False

    def start(self) -> Self:
        for node in self.nodes:
            node.start()
        if not self._is_made:
            self._make()
            self._is_made = True
        until(self._is_whole, READY_S, "the cluster is whole")
        return self

    def _make(self) -> None:
        for number, node in enumerate(self.nodes):
            first, end = SLOTS * number // 3, SLOTS * (number + 1) // 3
            with node.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        with self.nodes[0].client() as client:
            for node in self.nodes[1:]:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)

    def _is_whole(self) -> bool:
        for node in self.nodes:
            with node.client() as client:
                state = client.execute_command("CLUSTER", "INFO")
            state = state if isinstance(state, dict) else dict(line.split(":") for line in state.decode().split())
            if (state["cluster_state"], state["cluster_known_nodes"], state["cluster_slots_ok"]) != (
                "ok",
                "3",
                "16384",
            ):
                return False
        return True

    def flush(self) -> None:
        """FLUSHALL on every node."""
        for node in self.nodes:
            node.flush()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    def pause(self) -> None:
        for node in self.nodes:
            node.pause()

    def resume(self) -> None:
        for node in self.nodes:
            node.resume()

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def ensure(self) -> Self:
        for node in self.nodes:
            node.ensure()
        return self.start()

    def close(self) -> None:
        for node in self.nodes:
            node.close()

    @property
    def url(self) -> str:
        """The URL of one node: who connects asks it for the others."""
        return self.nodes[0].url

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.close()
