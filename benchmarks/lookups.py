"""What it costs to find out who sent a request: in every way that daypass has, on each store.

Beside them stands what sessions on the server do: a session id is looked up with each request, in Redis or in
memcached. That look-up is as cheap as it can be: one connection that stays, one round trip on the loopback of the
machine, and a decoder that is the fastest there is. A real one crosses a network, as does every row below that asks a
server.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import msgspec

from benchmarks.material import AUDIENCE, ISSUER, own_claims
from benchmarks.report import Group, rows_of
from benchmarks.rounds import Call, measure
from benchmarks.servers import folder, running
from daypass.keyring.ring import KeyRing
from daypass.sessions.manager import Sessions
from daypass.sessions.policy import SessionPolicy
from daypass.sessions.values import TokenPair
from daypass.tokens.verifier import Verifier
from tests.real_servers.mariadb import MariaDB
from tests.real_servers.memcached import Memcached
from tests.real_servers.postgresql import PostgreSQL
from tests.real_servers.redis import Redis

__all__ = ["lookups_group"]

BARE = "Verifier.verify, HS256"
POLICIES = {
    "none": SessionPolicy(revocation="none"),
    "feed": SessionPolicy(),
    "strict": SessionPolicy(revocation="strict"),
    "reference": SessionPolicy(format="reference"),
}
OF_A_CACHE = SessionPolicy(format="reference", revocation="strict")


def lookups_group(*, rounds: int) -> Group:
    """Verify in every way, on private servers whose data is in memory."""
    with ExitStack() as resources:
        ring = KeyRing.in_memory(alg="HS256")
        contestants: dict[str, Call] = {}
        for store, url in _urls(resources):
            policies = {"reference": OF_A_CACHE} if store == "memcached" else POLICIES
            for name, policy in policies.items():
                verify, pair = _opened(url, ring, policy, resources)
                contestants[f"{name}, {store}"] = _verifying(verify, pair)
                if (name, store) == ("none", "memory"):
                    alone = Verifier(ring.signing_keys()[0], issuer=ISSUER, audience=AUDIENCE)
                    contestants[BARE] = _verifying(alone.verify, pair)
            if store == "Redis":
                contestants["session id in Redis, redis-py GET"] = _redis_lookup(url, resources)
            elif store == "memcached":
                contestants["session id in memcached, pymemcache get"] = _memcached_lookup(url, resources)
        result = measure(contestants, rounds=rounds)
    notes = (
        "none: the token alone. feed: and whether its session was ended, which this process has read before.",
        "strict: the store is asked about the session. reference: the store is asked for all of it.",
    )
    return rows_of("Who sent this request?", result, BARE, notes=notes)


def _urls(resources: ExitStack) -> Iterator[tuple[str, str]]:
    """Name the stores, and start their servers."""
    yield "memory", "memory://"
    yield "SQLite", f"sqlite:///{resources.enter_context(folder('memory')) / 'daypass.db'}"
    for name, server in (("PostgreSQL", PostgreSQL(durable=True)), ("MariaDB", MariaDB(durable=True))):
        resources.enter_context(running(server, "memory"))
        yield name, server.url_of(server.new_database())
    for name, cache in (("Redis", Redis(durable=True)), ("memcached", Memcached())):
        yield name, resources.enter_context(running(cache, "memory")).url


def _opened(
    url: str, ring: KeyRing, policy: SessionPolicy, resources: ExitStack
) -> tuple[Callable[[str], object], TokenPair]:
    sessions = Sessions.open(url, keys=ring, issuer=ISSUER, audience=AUDIENCE, policy=policy)
    resources.enter_context(sessions)
    own = own_claims()
    pair = sessions.start(own["sub"], scopes=own["scope"].split(), roles=own["roles"], data=own["data"])
    return sessions.verify, pair


def _verifying(verify: Callable[[str], object], pair: TokenPair) -> Call:
    raw = pair.access_token.encode()
    return lambda: verify(raw.decode())


# ------------------------------------------------------------------------------------------------ the look-ups


def _session() -> tuple[bytes, bytes]:
    """A session id as a cookie holds it, and what is kept under it."""
    return secrets.token_urlsafe(32).encode(), msgspec.json.encode(own_claims())


def _redis_lookup(url: str, resources: ExitStack) -> Call:
    import redis

    client = redis.Redis.from_url(url, single_connection_client=True)
    resources.callback(client.close)
    raw, session = _session()
    client.set(f"session:{raw.decode()}", session, ex=600)
    return _looking_up(client.get, raw)


def _memcached_lookup(url: str, resources: ExitStack) -> Call:
    from pymemcache.client.base import Client

    client = Client(url.removeprefix("memcached://"), no_delay=True)
    resources.callback(client.close)
    raw, session = _session()
    client.set(f"session:{raw.decode()}", session, expire=600)
    return _looking_up(client.get, raw)


def _looking_up(get: Callable[[str], Any], raw: bytes) -> Call:
    decode = msgspec.json.Decoder().decode

    def look_up() -> object:
        found = get(f"session:{raw.decode()}")
        if found is None:
            raise AssertionError("the session is gone")
        return decode(found)

    return look_up
