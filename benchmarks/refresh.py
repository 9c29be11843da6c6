"""A refresh on each store, beside the same statements sent through the driver alone, with the same durability.

What lies between them is all that a refresh does besides: to read and check the refresh token, to judge, to sign the
next pair, and to turn rows into values and back.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import cycle

import msgspec

from benchmarks.bare import WRITTEN, Bare, bare_redis, bare_sql
from benchmarks.material import AUDIENCE, ISSUER, own_claims
from benchmarks.report import Bar, Group, rows_of
from benchmarks.rounds import Call, measure
from benchmarks.servers import Place, folder, running
from daypass.keyring.ring import KeyRing
from daypass.limits import ROTATIONS_REMEMBERED
from daypass.sessions.manager import Sessions
from daypass.sessions.policy import SessionPolicy
from daypass.sessions.values import TokenPair
from daypass.stores.opening import open_store
from daypass.stores.protocol import SessionRow, SessionStore
from tests.real_servers.mariadb import MariaDB
from tests.real_servers.postgresql import PostgreSQL
from tests.real_servers.redis import Redis

__all__ = ["refresh_in_mariadb", "refresh_in_postgresql", "refresh_in_redis", "refresh_in_sqlite"]

BARE = "the same statements, driver alone"
HELD = "... on a connection that one thread keeps"
STORE = "the store alone, get + replace"
MOST = 2.0
SESSIONS = 100
POLICY = SessionPolicy(refresh_grace_s=0)  # or a session that is refreshed again and again would get the same token
IDLE_S = POLICY.idle_lifetime_s
ACCESS_S = POLICY.access_lifetime_s


def refresh_in_sqlite(place: Place, *, rounds: int) -> Group:
    with (
        folder(place) as data,
        closing(open_store(f"sqlite:///{data / 'daypass.db'}")) as store,
        closing(sqlite3.connect(data / "daypass.db", isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA synchronous=FULL")  # as the store does
        return _refresh_group(f"SQLite, {_in_words(place)}", store, bare_sql(connection.cursor(), "?"), rounds)


def refresh_in_postgresql(place: Place, *, rounds: int) -> Group:
    return _refresh_in_server(PostgreSQL(durable=True), "PostgreSQL", place, rounds)


def refresh_in_mariadb(place: Place, *, rounds: int) -> Group:
    return _refresh_in_server(MariaDB(durable=True), "MariaDB", place, rounds)


def refresh_in_redis(place: Place, *, rounds: int) -> Group:
    import redis

    with running(Redis(durable=True), place) as server, closing(open_store(server.url)) as store:
        # As threads use the driver: a connection is taken from its pool for each command.
        pooled = redis.Redis(host="127.0.0.1", port=server.port)
        single = redis.Redis(host="127.0.0.1", port=server.port, single_connection_client=True)
        with closing(pooled), closing(single):
            more = {HELD: bare_redis(single)}
            return _refresh_group(f"Redis, {_in_words(place)}", store, bare_redis(pooled), rounds, more)


def _refresh_in_server(server: PostgreSQL | MariaDB, name: str, place: Place, rounds: int) -> Group:
    with running(server, place):
        database = server.new_database()
        with closing(open_store(server.url_of(database))) as store, closing(server.connect(database)) as connection:
            return _refresh_group(f"{name}, {_in_words(place)}", store, bare_sql(connection.cursor(), "%s"), rounds)


def _in_words(place: Place) -> str:
    return "in memory" if place == "memory" else "on disk"


def _refresh_group(
    place: str, store: SessionStore, bare: Bare, rounds: int, more: Mapping[str, Bare] | None = None
) -> Group:
    """Refresh sessions by turns.

    Args:
        place: where the store is.
        store: what is measured.
        bare: the same work without it.
        rounds: how many.
        more: other ways to do the same.
    """
    contestants: dict[str, Call] = {}
    for alg in ("HS256", "EdDSA"):
        ring = KeyRing.in_memory(alg=alg)
        sessions = Sessions(store, ring, issuer=ISSUER, audience=AUDIENCE, policy=POLICY)
        contestants[_ours(alg)] = _refreshing(sessions)
        if alg == "HS256":
            contestants[STORE] = _replacing(store, sessions)
            contestants[BARE] = bare(_sids(sessions))
            _demand_the_same_work(store, sessions, bare)
            for name, other in (more or {}).items():
                contestants[name] = other(_sids(sessions))
    result = measure(contestants, rounds=rounds)
    bars = [Bar(_ours(alg), BARE, MOST) for alg in ("EdDSA", "HS256")]
    return rows_of(f"refresh: {place}", result, BARE, bars)


def _ours(alg: str) -> str:
    return f"Sessions.refresh, {alg}"


def _refreshing(sessions: Sessions) -> Call:
    turns = cycle([[pair] for pair in _pairs(sessions)])

    def refresh() -> None:
        held = next(turns)
        held[0] = sessions.refresh(held[0].refresh_token)

    return refresh


def _replacing(store: SessionStore, sessions: Sessions) -> Call:
    next_sid = _sids(sessions)
    return lambda: _replace(store, next_sid())


def _replace(store: SessionStore, sid: str) -> None:
    row = store.get(sid)
    assert row is not None
    if not store.replace(_following(row), generation=row.generation):
        raise AssertionError("the store has refreshed nothing")


def _following(row: SessionRow) -> SessionRow:
    now_s = int(time.time())
    return msgspec.structs.replace(
        row,
        last_refreshed_at=now_s,
        idle_ends_at=now_s + IDLE_S,
        generation=row.generation + 1,
        access_until=now_s + ACCESS_S,
    )


def _pairs(sessions: Sessions, count: int = SESSIONS) -> list[TokenPair]:
    """Sessions that have been refreshed so often already that their rows are as long as they become."""
    pairs = []
    for number in range(count):
        own = own_claims()
        pair = sessions.start(
            f"{own['sub']}-{number}",
            scopes=own["scope"].split(),
            roles=own["roles"],
            data=own["data"],
            device="Firefox on Linux",
        )
        for _ in range(ROTATIONS_REMEMBERED):
            pair = sessions.refresh(pair.refresh_token)
        pairs.append(pair)
    return pairs


def _sids(sessions: Sessions) -> Callable[[], str]:
    turns: Iterator[str] = cycle([pair.session.sid for pair in _pairs(sessions)])
    return turns.__next__


def _demand_the_same_work(store: SessionStore, sessions: Sessions, bare: Bare) -> None:
    """Show that a refresh changes nothing that the driver alone does not write, and that this one writes."""
    (pair,) = _pairs(sessions, 1)
    sid = pair.session.sid
    began = store.get(sid)
    sessions.refresh(pair.refresh_token)
    refreshed = store.get(sid)
    bare(lambda: sid)()
    written = store.get(sid)
    assert began is not None
    assert refreshed is not None
    assert written is not None
    changed = {name for name in SessionRow.__struct_fields__ if getattr(began, name) != getattr(refreshed, name)}
    if not changed <= set(WRITTEN) or written.generation != refreshed.generation + 1:
        raise AssertionError("the driver alone does other work than a refresh")
