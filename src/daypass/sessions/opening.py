"""The key ring of sessions: the one beside a store, or the caller's. Enters: a URL, keys. Leaves: a ring.

Source: DESIGN.md 5 (key ring): ``x.keys.json`` beside a new ``x.db``, made on first use and shared by all
processes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.errors import ConfigurationError
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.sessions.policy import SessionPolicy
from daypass.stores.memory import MemoryStore
from daypass.stores.opening import sqlite_path

if TYPE_CHECKING:
    from daypass.stores.sql import SQLStore

__all__ = ["check_ring", "ring_beside", "ring_path"]


def ring_beside(
    url: str, store: SQLStore | MemoryStore, policy: SessionPolicy, *, clock: Callable[[], float]
) -> KeyRing:
    """Open the ring beside a database, or make it where the database is new.

    Args:
        url: of the store.
        store: opened.
        policy: how long its tokens and sessions live, so that the ring keeps their keys as long.
        clock: epoch seconds.

    Raises:
        ConfigurationError: the database holds sessions and their ring is gone, or others can read it.
    """
    schedule = RotationSchedule(
        token_lifetime_s_max=policy.access_lifetime_s, session_lifetime_s_max=policy.absolute_lifetime_s
    )
    if isinstance(store, MemoryStore):
        return KeyRing.in_memory(schedule=schedule, clock=clock)
    path = ring_path(sqlite_path(url))
    # In this order: another process that opens both for the first time makes the ring before any session.
    if store.holds_sessions() and not path.exists():
        raise ConfigurationError(
            f"the database holds sessions and their key ring {path} is gone: put it back from the backup,"
            " or move the database away, and everyone logs in anew"
        )
    return KeyRing.open(path, schedule=schedule, clock=clock)


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
