"""A verification beside what it replaces: a session id that is looked up with each request, in Redis or in memcached.

The look-up is as cheap as it can be: one connection that stays, one round trip on the loopback of the machine, and a
decoder that is the fastest there is. A real one crosses a network.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import msgspec

from benchmarks.material import AUDIENCE, ISSUER, own_claims
from benchmarks.report import Group, Row
from benchmarks.rounds import Call, Result, measure
from daypass.keyring.ring import KeyRing
from daypass.sessions.manager import Sessions
from daypass.sessions.policy import SessionPolicy
from daypass.sessions.values import TokenPair
from daypass.tokens.verifier import Verifier

__all__ = ["lookups_group"]

REDIS = "session id in Redis, redis-py GET"
MEMCACHED = "session id in memcached, pymemcache get"
REFERENCE_REDIS = "reference token on Redis"
REFERENCE_MEMCACHED = "reference token on memcached"
STRICT = "Sessions.verify, HS256, strict on Redis"
OF_MEMCACHED = (MEMCACHED, REFERENCE_MEMCACHED)


def lookups_group(redis_address: tuple[str, int], memcached_address: tuple[str, int], *, rounds: int) -> Group:
    """Find out who sent a request, in every way.

    Args:
        redis_address: host and port.
        memcached_address: host and port.
        rounds: how many.
    """
    with ExitStack() as resources:
        contestants: dict[str, Call] = {
            REDIS: _redis_lookup(redis_address, resources),
            MEMCACHED: _memcached_lookup(memcached_address, resources),
        }
        redis_url, memcached_url = _url("redis", redis_address), _url("memcached", memcached_address)
        for name, url, alg, policy in (
            ("Sessions.verify, HS256", redis_url, "HS256", SessionPolicy()),
            ("Sessions.verify, EdDSA", redis_url, "EdDSA", SessionPolicy()),
            (STRICT, redis_url, "HS256", SessionPolicy(revocation="strict")),
            (REFERENCE_REDIS, redis_url, "HS256", SessionPolicy(format="reference")),
            (REFERENCE_MEMCACHED, memcached_url, "HS256", SessionPolicy(format="reference", revocation="none")),
        ):
            ring = KeyRing.in_memory(alg=alg)
            sessions = Sessions.open(url, keys=ring, issuer=ISSUER, audience=AUDIENCE, policy=policy)
            resources.enter_context(sessions)
            pair = _start(sessions)
            contestants[name] = _verifying(sessions.verify, pair)
            if alg == "EdDSA":
                cached = Verifier(ring, issuer=ISSUER, audience=AUDIENCE, cache_entries=1024)
                contestants["Verifier(cache_entries=...), EdDSA, again"] = _verifying(cached.verify, pair)
        result = measure(contestants, rounds=rounds)
    return _rows(result)


def _rows(result: Result) -> Group:
    rows = []
    for name in sorted(result.rounds, key=result.microseconds):
        spread = result.spread(name, MEMCACHED if name in OF_MEMCACHED else REDIS)
        rows.append(Row(name, result.microseconds(name), spread.ratio, spread.low, spread.high))
    note = "the ratio of what is on memcached is to the look-up there, all others are to the look-up in Redis"
    return Group("Who sent this request?", REDIS, tuple(rows), notes=(note,))


def _start(sessions: Sessions) -> TokenPair:
    own = own_claims()
    return sessions.start(own["sub"], scopes=own["scope"].split(), roles=own["roles"], data=own["data"])


def _verifying(verify: Callable[[str], object], pair: TokenPair) -> Call:
    raw = pair.access_token.encode()
    return lambda: verify(raw.decode())


def _url(scheme: str, address: tuple[str, int]) -> str:
    host, port = address
    return f"{scheme}://{host}:{port}"


# ------------------------------------------------------------------------------------------------ the look-ups


def _session() -> tuple[bytes, bytes]:
    """A session id as a cookie holds it, and what is kept under it."""
    return secrets.token_urlsafe(32).encode(), msgspec.json.encode(own_claims())


def _redis_lookup(address: tuple[str, int], resources: ExitStack) -> Call:
    import redis

    client = redis.Redis(*address, single_connection_client=True)
    resources.callback(client.close)
    raw, session = _session()
    client.set(f"session:{raw.decode()}", session, ex=600)
    return _looking_up(client.get, raw)


def _memcached_lookup(address: tuple[str, int], resources: ExitStack) -> Call:
    from pymemcache.client.base import Client

    client = Client(address, no_delay=True)
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
