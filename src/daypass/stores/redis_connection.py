"""Commands to Redis, each answered by the connection that it was sent on. Enters: a client. Leaves: answers.

A connection on which anything went wrong between a command and its answer, an exception that hit this thread from
outside included, is closed and never used again: the next request would read the answer of this one. In a Cluster a
command goes to the primary that has the slot of its key, and follows it when it moves; replicas are never asked, they
lag behind.

Source: Redis serialization protocol (pipelining); Redis Cluster specification (MOVED and ASK redirection).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, final

from daypass.errors import ConfigurationError, StoreUnavailable

if TYPE_CHECKING:
    from redis import Redis
    from redis.cluster import RedisCluster
    from redis.connection import ConnectionPool

__all__ = ["Commands", "Script"]

T = TypeVar("T")
Argument = str | bytes | int | float
_TRIES: Final = 5
_PAUSE_S: Final = 0.05


@final
class Script:
    """A Lua script, which Redis runs in one step. All its keys are of one slot.

    Args:
        text: of the script.
    """

    __slots__ = ("digest", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()  # how EVALSHA names it


@final
class Commands:
    """Sends commands to one server or to a Cluster.

    Args:
        client: a ``redis.Redis`` or a ``redis.cluster.RedisCluster``.

    Raises:
        ConfigurationError: a client of another kind, or one that reads from replicas.
    """

    __slots__ = ("_client", "_is_cluster")
    _client: Any

    def __init__(self, client: Redis | RedisCluster) -> None:
        from redis import Redis
        from redis.cluster import RedisCluster

        if not isinstance(client, Redis | RedisCluster):
            raise ConfigurationError("RedisStore takes a redis.Redis or a redis.cluster.RedisCluster, not an async one")
        self._is_cluster = isinstance(client, RedisCluster)
        known: Any = client
        self._client = known
        if self._is_cluster and (known.read_from_replicas or known.load_balancing_strategy):
            raise ConfigurationError("replicas lag behind: a RedisCluster for sessions does not read from them")

    def call(self, key: str, *words: Argument) -> Any:  # noqa: ANN401 - what Redis answers
        """Send a command and read its answer, strings as bytes.

        Args:
            key: that decides which server is asked.
            words: of the command.

        Raises:
            StoreUnavailable: the server cannot answer.
        """
        return self._on(key, lambda pool, asking: _exchange(pool, [words], asking=asking)[0])

    def call_many(self, keys: Sequence[str], commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Send several commands at once where one server has all keys, otherwise one after the other."""
        if not commands:
            return []
        if self._is_cluster:
            return [self.call(key, *words) for key, words in zip(keys, commands, strict=True)]
        return self._on(keys[0], lambda pool, asking: _exchange(pool, commands, asking=asking))

    def run(self, script: Script, keys: Sequence[str], *arguments: Argument) -> Any:  # noqa: ANN401 - see call
        """Run a script; a server that does not know it (any more) is sent its text. Raises StoreUnavailable."""
        rest = (len(keys), *keys, *arguments)

        def exchange(pool: ConnectionPool, asking: bool) -> Any:  # noqa: ANN401
            from redis.exceptions import NoScriptError

            try:
                return _exchange(pool, [("EVALSHA", script.digest, *rest)], asking=asking)[0]
            except NoScriptError:
                return _exchange(pool, [("EVAL", script.text, *rest)], asking=asking)[0]

        return self._on(keys[0], exchange)

    def settings(self, name: str) -> set[str]:
        """Read a setting of every primary; none where that is not allowed. Raises StoreUnavailable."""
        pools = [self._pool_of(node) for node in self._client.get_primaries()] if self._is_cluster else [self._pool()]
        found: set[str] = set()
        for pool in pools:
            answer = _translated(partial(_setting, pool, name))
            flat = list(answer.values()) if isinstance(answer, dict) else answer[1::2]
            found |= {value.decode() for value in flat}
        return found

    def place(self) -> str:
        """Name the server, for messages: no password."""
        if self._is_cluster:
            nodes = sorted(f"{node.host}:{node.port}" for node in self._client.get_primaries())
            return f"redis cluster: {', '.join(nodes)}"
        words = self._pool().connection_kwargs
        if path := words.get("path"):
            return f"redis: {path}"
        return f"redis: {words.get('host', 'localhost')}:{words.get('port', 6379)}/{words.get('db') or 0}"

    def close(self) -> None:
        """Close the connections of the client; it opens new ones when it is used again."""
        if self._is_cluster:
            for node in [*self._client.get_nodes(), *self._client.nodes_manager.startup_nodes.values()]:
                if node.redis_connection is not None:
                    node.redis_connection.connection_pool.disconnect()  # the client leaves the pools of its nodes open
        self._client.close()

    def _pool(self) -> Any:  # noqa: ANN401
        return self._client.connection_pool

    def _pool_of(self, node: Any) -> Any:  # noqa: ANN401
        return self._client.get_redis_connection(node).connection_pool

    def _on(self, key: str, exchange: Callable[[ConnectionPool, bool], T]) -> T:
        if self._is_cluster:
            return self._in_cluster(key, exchange)
        # Once more on a new connection, where the old one was dead: every command may be sent twice (see RedisStore).
        return _translated(lambda: _twice(lambda: exchange(self._pool(), False)))

    def _in_cluster(self, key: str, exchange: Callable[[ConnectionPool, bool], T]) -> T:
        """Ask the primary of a slot; where the Cluster says that it has moved, or nobody answers, look anew."""
        import redis.exceptions as errors

        moved = (errors.MovedError, errors.TryAgainError, errors.ClusterDownError, errors.MasterDownError)
        slot = self._client.keyslot(key)
        last = ""
        for attempt in range(_TRIES):
            time.sleep(_PAUSE_S * attempt)
            try:
                return exchange(self._pool_of(self._client.nodes_manager.get_node_from_slot(slot)), False)
            except errors.AskError as error:
                node = self._client.get_node(host=error.host, port=error.port)
                if node is not None:
                    return _translated(partial(exchange, self._pool_of(node), True))
            except (*moved, errors.ConnectionError, errors.SlotNotCoveredError, KeyError) as error:
                last = type(error).__name__  # a KeyError where a node has left the Cluster
            except (errors.RedisError, OSError) as error:
                _translated(partial(_raise, error))
            self._look_anew()
        raise StoreUnavailable(f"the session store could not answer ({last})")

    def _look_anew(self) -> None:
        """Ask the Cluster which node has what."""
        from redis.exceptions import RedisClusterException, RedisError

        try:
            self._client.nodes_manager.initialize(disconnect_startup_nodes_pools=False)
        except (RedisError, RedisClusterException, OSError):
            return  # what is known stays, the next try asks again


def _exchange(pool: ConnectionPool, commands: Sequence[tuple[Argument, ...]], *, asking: bool = False) -> list[Any]:
    """Send commands on one connection and read an answer each; the first error among them is raised at the end."""
    from redis.exceptions import ResponseError

    connection: Any = pool.get_connection()
    is_in_step = False
    try:
        sent = [("ASKING",), *commands] if asking else commands
        if len(sent) == 1:
            connection.send_command(*sent[0])
        else:
            connection.send_packed_command(connection.pack_commands(sent))
        answers: list[Any] = []
        for _ in sent:
            try:
                answers.append(connection.read_response(disable_decoding=True))
            except ResponseError as error:  # an answer, too: the connection is in step
                answers.append(error)
        is_in_step = True
    finally:
        try:
            if not is_in_step:
                connection.disconnect()
        finally:
            pool.release(connection)
    for answer in answers:
        if isinstance(answer, ResponseError):
            raise answer
    return answers[1:] if asking else answers


def _setting(pool: ConnectionPool, name: str) -> Any:  # noqa: ANN401 - a list, or a dict in RESP3
    from redis.exceptions import AuthenticationError, ResponseError

    try:
        return _exchange(pool, [("CONFIG", "GET", name)])[0]
    except AuthenticationError:
        raise
    except ResponseError:
        return []  # a managed service hides its settings, a user of an ACL may not see them


def _twice(act: Callable[[], T]) -> T:
    import redis.exceptions as errors

    try:
        return act()
    except errors.MaxConnectionsError:
        raise
    except errors.ConnectionError:  # not a timeout: who is slow is not asked twice
        return act()


def _raise(error: BaseException) -> NoReturn:
    raise error


def _translated(act: Callable[[], T]) -> T:
    """Turn what the driver raises into StoreUnavailable, without the words of the command."""
    from redis.exceptions import NoPermissionError, NoScriptError, RedisClusterException, RedisError, ResponseError

    try:
        return act()
    except NoScriptError:
        raise
    except ResponseError as error:
        # The first word is a code: READONLY, OOM, LOADING, NOAUTH. The rest may repeat what was sent.
        code = type(error).__name__ if isinstance(error, NoPermissionError) else str(error).split(" ", 1)[0][:20]
        said = f"{type(error).__name__} {code}" if code.isupper() else type(error).__name__
    except (RedisError, RedisClusterException, OSError) as error:  # the latter is none of the former
        said = type(error).__name__
    raise StoreUnavailable(f"the session store could not answer ({said})")
