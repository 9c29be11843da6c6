"""Redis: round trips, connections that broke, scripts that were forgotten, servers that evict."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest
import redis
from redis.cluster import LoadBalancingStrategy
from redis.cluster import RedisCluster as ClusterClient

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.keyring.ring import KeyRing
from daypass.limits import LEEWAY_S_MAX
from daypass.sessions import Sessions
from daypass.stores.redis import RedisStore, open_redis
from tests.real_servers.redis import PASSWORD, Redis, RedisCluster
from tests.stores.interrupting import THREADS, leaves_no_answer_behind
from tests.stores.test_contract import NOW, row


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    opened = open_redis(redis_url)
    yield opened
    opened.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connected:
        yield connected


def calls(client: redis.Redis) -> dict[str, int]:
    """How often each command was called by a client."""
    stats = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): values["calls"] for name, values in stats.items()}


def test_a_refresh_is_two_round_trips(store: RedisStore, client: redis.Redis) -> None:
    with Sessions(store, KeyRing.in_memory(alg="HS256"), issuer="i", audience="a") as sessions:
        pair = sessions.refresh(sessions.start("alice").refresh_token)
        client.config_resetstat()
        sessions.refresh(pair.refresh_token)
        counted = calls(client)
    # What the script itself calls is no round trip: HMGET inside it, HSET and EXPIRE.
    assert counted["evalsha"] == 1
    assert counted["hmget"] == 2
    assert set(counted) <= {"evalsha", "hmget", "hset", "expire", "config|resetstat", "info"}


def test_a_server_that_forgot_the_scripts_is_sent_them_again(store: RedisStore, client: redis.Redis) -> None:
    one = row()
    store.insert(one, sessions_max=5, now_s=NOW)
    client.script_flush()
    assert store.replace(msgspec.structs.replace(one, generation=2), generation=1)
    client.script_flush()
    assert store.end(one.sid, now_s=NOW) is not None


def test_a_dead_connection_costs_no_request(store: RedisStore, client: redis.Redis) -> None:
    one = row()
    store.insert(one, sessions_max=5, now_s=NOW)
    client.client_kill_filter(_type="normal", skipme=True)
    assert store.get(one.sid) == one


def test_a_server_that_is_away_is_no_refusal(redis_server: Redis) -> None:
    redis_server.ensure().flush()
    store = open_redis(redis_server.url)
    one = row()
    store.insert(one, sessions_max=5, now_s=NOW)
    redis_server.kill()
    try:
        for act in (
            lambda: store.get(one.sid),
            lambda: store.end(one.sid, now_s=NOW),
            lambda: store.denials(since_s=None, now_s=NOW),
            lambda: store.get_reference(bytes(32), now_s=NOW),
            lambda: store.ring_storage().read(),
        ):
            with pytest.raises(StoreUnavailable, match="could not answer"):
                act()
        assert store.ring_storage().version() == "unavailable"
    finally:
        redis_server.ensure()
    assert store.get(one.sid) == one  # what was confirmed a while ago was on the disk


def test_an_interrupted_call_leaves_no_answer_to_the_next(store: RedisStore) -> None:
    rows = [row() for _ in range(THREADS)]
    for one in rows:
        store.insert(one, sessions_max=100, now_s=NOW)
    wrong, raised = leaves_no_answer_behind(store, rows)
    assert wrong == []
    assert raised > 50
    for one in rows:
        assert store.get(one.sid) == one


def test_a_child_uses_connections_of_its_own(store: RedisStore) -> None:
    rows = [row() for _ in range(2)]
    for one in rows:
        store.insert(one, sessions_max=100, now_s=NOW)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=lambda: answers.put(all(store.get(rows[0].sid) == rows[0] for _ in range(300))))
    child.start()
    assert all(store.get(rows[1].sid) == rows[1] for _ in range(300))
    assert answers.get(timeout=20) is True
    child.join(10)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_evicts_is_refused(policy: str, client: redis.Redis) -> None:
    client.config_set("maxmemory-policy", policy)
    try:
        with pytest.raises(ConfigurationError, match="noeviction"):
            RedisStore(client)
    finally:
        client.config_set("maxmemory-policy", "noeviction")


def test_clients_that_cannot_carry_sessions_are_refused(redis_cluster: RedisCluster) -> None:
    with pytest.raises(ConfigurationError, match="not an async one"):
        RedisStore(redis.asyncio.Redis())  # type: ignore[arg-type]
    with (
        ClusterClient.from_url(
            redis_cluster.ensure().nodes[0].url, load_balancing_strategy=LoadBalancingStrategy.ROUND_ROBIN
        ) as lagging,
        pytest.raises(ConfigurationError, match="replicas"),
    ):
        RedisStore(lagging)


def test_a_cluster_of_which_no_node_answers_is_away_and_comes_back(
    redis_cluster_url: str, redis_cluster: RedisCluster
) -> None:
    with closing(open_redis(redis_cluster_url)) as store:
        store.put_reference(b"d" * 32, b"sealed", until=int(time.time()) + 600)
        redis_cluster.stop()
        try:
            for _ in range(2):  # also once the client has looked for the nodes in vain
                with pytest.raises(StoreUnavailable):
                    store.get_reference(b"d" * 32, now_s=time.time())
            with pytest.raises(StoreUnavailable):
                open_redis(redis_cluster_url)
        finally:
            redis_cluster.start()
        deadline = time.monotonic() + 30
        while True:
            try:
                assert store.get_reference(b"d" * 32, now_s=time.time()) in {None, b"sealed"}
                break
            except StoreUnavailable:
                assert time.monotonic() < deadline
                time.sleep(0.1)


def test_no_text_shows_the_password(redis_with_password: Redis) -> None:
    with_password = redis_with_password.ensure().url
    store = open_redis(with_password)
    assert PASSWORD not in repr(store) + str(store.ring_storage().location)
    store.close()
    wrong = with_password.replace(PASSWORD, "plum-coloured")
    with pytest.raises(StoreUnavailable) as caught:
        open_redis(wrong)
    shown = str(caught.value)
    trace = caught.value.__traceback__
    while trace is not None:
        if "daypass" in trace.tb_frame.f_code.co_filename and "tests" not in trace.tb_frame.f_code.co_filename:
            shown += repr({name: value for name, value in trace.tb_frame.f_locals.items() if isinstance(value, str)})
        trace = trace.tb_next
    assert "plum" not in shown


@pytest.mark.parametrize("url", ["redis://host:port/0", "redis://[::1", "rediss://host?socket_timeout=soon"])
def test_a_url_that_cannot_be_read_is_a_mistake_of_the_set_up(url: str) -> None:
    with pytest.raises((ConfigurationError, StoreUnavailable)):
        open_redis(url)


def test_what_was_swapped_although_the_answer_was_lost_is_found_again(store: RedisStore) -> None:
    with Sessions(store, KeyRing.in_memory(alg="HS256"), issuer="i", audience="a") as sessions:
        first = sessions.start("alice")
        replace = store._commands.run
        lost = []

        def lose_once(script: object, keys: list[str], *words: object) -> object:
            answer = replace(script, keys, *words)  # type: ignore[arg-type]
            if not lost and "found[1] ~= ARGV[1]" in script.text:  # type: ignore[attr-defined]
                lost.append(answer)
                return replace(script, keys, *words)  # type: ignore[arg-type]  # as a second try does
            return answer

        patched = pytest.MonkeyPatch()
        patched.setattr(type(store._commands), "run", lambda self, *words: lose_once(*words))
        try:
            second = sessions.refresh(first.refresh_token)
        finally:
            patched.undo()
        assert lost == [1]
        assert sessions.refresh(second.refresh_token).session.sid == first.session.sid


def test_a_flushed_server_has_another_feed(store: RedisStore, client: redis.Redis) -> None:
    before = store.denials(since_s=None, now_s=NOW).id
    assert store.denials(since_s=None, now_s=NOW).id == before
    client.flushall()
    assert store.denials(since_s=None, now_s=NOW).id != before


def test_an_end_covers_what_a_racing_refresh_handed_out(store: RedisStore) -> None:
    one = row()
    store.insert(one, sessions_max=5, now_s=NOW)
    later = msgspec.structs.replace(one, generation=2, access_until=one.access_until + 500)
    read = store.get

    def refreshed_meanwhile(sid: str) -> object:
        found = read(sid)
        assert store.replace(later, generation=1)
        return found

    patched = pytest.MonkeyPatch()
    patched.setattr(RedisStore, "get", lambda self, sid: refreshed_meanwhile(sid))
    try:
        denial = store.end(one.sid, now_s=NOW)
    finally:
        patched.undo()
    assert denial is not None
    assert denial.until == later.access_until + LEEWAY_S_MAX
    assert store.denials(since_s=None, now_s=NOW).entries == (denial,)


def test_a_session_that_ended_leaves_by_itself(store: RedisStore, client: redis.Redis) -> None:
    one = row()
    store.insert(one, sessions_max=5, now_s=NOW)
    live_s = client.ttl(f"daypass:session:{{{one.sid}}}")
    assert one.idle_ends_at - NOW <= live_s <= one.idle_ends_at - NOW + 200_000
    store.end(one.sid, now_s=NOW)
    assert 0 < client.ttl(f"daypass:session:{{{one.sid}}}") < live_s
    assert not [key for key in client.keys("*subject*") if client.zrange(key, 0, -1)]
    assert not [key for key in client.keys("daypass:session:*") if client.ttl(key) < 0]


def test_lists_that_were_changed_by_hand_cannot_be_read(store: RedisStore, client: redis.Redis) -> None:
    store.insert(row(), sessions_max=5, now_s=NOW)
    (index,) = client.keys("*subject*")
    client.zadd(index, {b"\xff": NOW})
    with pytest.raises(StoreUnavailable, match="changed by hand"):
        store.active("alice", now_s=NOW)
    for sid, until in ((b"\xff", NOW + 1), (b"x", float("inf"))):
        client.zadd("daypass:{feed}:until", {sid: until})
        with pytest.raises(StoreUnavailable, match="changed by hand"):
            store.denials(since_s=None, now_s=NOW)
        client.delete("daypass:{feed}:until")


def test_the_list_of_a_subject_who_logs_in_again_and_again_stays_short(store: RedisStore, client: redis.Redis) -> None:
    rows = [row(created_at=NOW + number, last_refreshed_at=NOW + number) for number in range(40)]
    for one in rows:
        store.insert(one, sessions_max=3, now_s=one.created_at)
    (key,) = client.keys("*subject*")
    assert client.zcard(key) <= 4  # what ended last leaves at the next look
    assert [found.sid for found in store.active("alice", now_s=NOW + 40)] == [one.sid for one in rows[:-4:-1]]
    assert client.zcard(key) == 3


# ---------------------------------------------------------------------------------------------------- the ring


def test_a_ring_is_written_by_whoever_holds_the_lock(store: RedisStore, client: redis.Redis) -> None:
    from daypass.keyring.storage import RingText

    place = store.ring_storage()
    assert place.read() is None
    before = place.version()
    with place.lock():
        place.write(RingText(b"\x00opaque"))
    found = place.read()
    assert found is not None
    assert found.reveal() == b"\x00opaque"
    assert place.version() not in (before, "unavailable")
    with place.lock():
        client.delete("daypass:{ring}:lock")  # it ran out
        with pytest.raises(StoreUnavailable, match="lock was held for too long"):
            place.write(RingText(b"late"))
    with pytest.raises(StoreUnavailable):
        place.write(RingText(b"without a lock"))
    assert place.read().reveal() == b"\x00opaque"  # type: ignore[union-attr]


def test_locks_take_turns(store: RedisStore) -> None:
    inside, most = 0, 0

    def take() -> None:
        nonlocal inside, most
        place = store.ring_storage()
        for _ in range(5):
            with place.lock():
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                inside -= 1

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == 1
