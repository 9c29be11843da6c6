"""The statements of a refresh through a driver alone: what no store can do without.

They read all that a store knows of a session, and write all that a refresh changes where nobody else was faster, each
statement committed by itself, on a connection of their own to the same server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.rounds import Call
from daypass.stores.protocol import SessionRow
from daypass.stores.redis_scripts import REPLACE

__all__ = ["WRITTEN", "Bare", "bare_redis", "bare_sql"]

Bare = Callable[[Callable[[], str]], Call]
"""From a function that names the next sid to a refresh of that session."""

TABLE = "daypass_sessions"
READ = SessionRow.__struct_fields__
WRITTEN = (
    "scopes",
    "roles",
    "data",
    "authenticated_at",
    "last_refreshed_at",
    "idle_ends_at",
    "generation",
    "kid",
    "rotated_at",
    "nonce_sha256",
    "access_until",
    "purge_at",
)
IDLE_S = 1_209_600
ACCESS_S = 610


def bare_sql(cursor: Any, mark: str) -> Bare:
    """A SELECT and an UPDATE.

    Args:
        cursor: of a connection that commits each statement, as durably as those of the store.
        mark: of a parameter.
    """
    select = f"SELECT {', '.join(READ)} FROM {TABLE} WHERE sid = {mark}"
    update = (
        f"UPDATE {TABLE} SET {', '.join(f'{name} = {mark}' for name in WRITTEN)}"
        f" WHERE sid = {mark} AND generation = {mark} AND ended_at IS NULL"
    )
    return lambda next_sid: _refreshing(cursor, select, update, next_sid)


def _refreshing(cursor: Any, select: str, update: str, next_sid: Callable[[], str]) -> Call:
    scopes, roles, data, authenticated, generation, kid, rotated, nonce = map(
        READ.index,
        ("scopes", "roles", "data", "authenticated_at", "generation", "kid", "rotated_at", "nonce_sha256"),
    )
    execute, fetch = cursor.execute, cursor.fetchone

    def refresh() -> None:
        sid = next_sid()
        execute(select, (sid,))
        row = fetch()
        now_s = int(time.time())
        until = now_s + IDLE_S
        values = (
            row[scopes],
            row[roles],
            row[data],
            row[authenticated],
            now_s,
            until,
            row[generation] + 1,
            row[kid],
            row[rotated],
            row[nonce],
            now_s + ACCESS_S,
            until,
            sid,
            row[generation],
        )
        execute(update, values)
        if cursor.rowcount != 1:
            raise AssertionError("the bare driver has refreshed nothing")

    return refresh


def bare_redis(client: Any) -> Bare:
    """An HMGET, and the script that compares and swaps, by its digest.

    Args:
        client: a ``redis.Redis``.
    """
    digest = client.script_load(REPLACE.text)

    def of(next_sid: Callable[[], str]) -> Call:
        def refresh() -> None:
            key = f"daypass:session:{{{next_sid()}}}"
            _constant, mutable, generation, _ended = client.hmget(key, "i", "m", "g", "e")
            until = int(time.time()) + ACCESS_S
            if not client.evalsha(digest, 1, key, generation, mutable, int(generation) + 1, until, IDLE_S):
                raise AssertionError("the bare driver has refreshed nothing")

        return refresh

    return of
