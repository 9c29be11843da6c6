"""The key ring of sessions: the one beside a store, or the caller's. Enters: a URL, keys. Leaves: a ring.

Source: DESIGN.md 5 (key ring): ``x.keys.json`` beside a new ``x.db``, made on first use and shared by all
processes; a store on a server wants to be told.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.sessions.access_tokens import accepted_names, first_alg, missing_algs
from daypass.sessions.policy import SessionPolicy
from daypass.stores.memory import MemoryStore
from daypass.stores.opening import sqlite_path

__all__ = ["check_ring", "ring_beside", "ring_path"]


def ring_beside(
    place: Concealed,
    store: Any,  # noqa: ANN401 - of any kind
    policy: SessionPolicy,
    *,
    clock: Callable[[], float],
) -> KeyRing:
    """Open the ring beside a store, or make it where the store is new; keys that a format lacks are added.

    Args:
        place: the URL of the store.
        store: opened.
        policy: its formats, and how long its tokens and sessions live, so that the ring keeps their keys as long.
        clock: epoch seconds.

    Raises:
        ConfigurationError: the store holds sessions and their ring is gone, others can read it, or there is no place
            beside the store.
        StoreUnavailable: it cannot be read or written now.
    """
    schedule = RotationSchedule(
        token_lifetime_s_max=policy.access_lifetime_s, session_lifetime_s_max=policy.absolute_lifetime_s
    )
    alg = first_alg(policy.format)
    if isinstance(store, MemoryStore):
        ring = KeyRing.in_memory(alg=alg, schedule=schedule, clock=clock)
    elif place.value.startswith("sqlite:"):
        path = ring_path(sqlite_path(place.value))
        # In this order: another process that opens both for the first time makes the ring before any session.
        if store.holds_sessions() and not path.exists():
            raise ConfigurationError(
                f"the database holds sessions and their key ring {path} is gone: put it back from the backup,"
                " or move the database away, and everyone logs in anew"
            )
        ring = KeyRing.open(path, alg=alg, schedule=schedule, clock=clock)
    elif hasattr(store, "ring_storage"):
        raise ConfigurationError(
            "all nodes share one key ring, so give keys: KeyRing.from_storage(store.ring_storage(), master_key="
            "master_key_from_env()) keeps it in this store, wrapped under DAYPASS_MASTER_KEY; KeyRing.from_env(name) or"
            " KeyRing.open(path) reads it elsewhere"
        )
    else:
        raise ConfigurationError(
            "a cache would forget a key ring, so give keys=, the same on all nodes: KeyRing.from_env(name) or"
            " KeyRing.open(path)"
        )
    try:
        for name in accepted_names(policy):
            for missing in missing_algs(ring, name, is_issued=name == policy.format):
                ring.rotate(alg=missing)
    except BaseException:
        ring.close()
        raise
    return ring


def check_ring(keys: object, policy: SessionPolicy) -> None:
    """Refuse keys that cannot carry sessions.

    Raises:
        ConfigurationError: no KeyRing, or one that forgets keys before what they made has run out.
    """
    if not isinstance(keys, KeyRing):
        raise ConfigurationError(
            "sessions need a KeyRing: refresh tokens derive from its secrets; KeyRing.open(path) makes one,"
            " KeyRing.in_memory() one that ends with the process"
        )
    for name, kept_s, needed_s in (
        ("token_lifetime_s_max", keys.schedule.token_lifetime_s_max, policy.access_lifetime_s),
        ("session_lifetime_s_max", keys.schedule.session_lifetime_s_max, policy.absolute_lifetime_s),
    ):
        if kept_s < needed_s:
            raise ConfigurationError(f"the key ring forgets keys too early: {name} is at least {needed_s}")


def ring_path(database: Path) -> Path:
    """Name the ring beside a database: ``x.keys.json`` beside ``x.db``."""
    return database.with_suffix(".keys.json")
