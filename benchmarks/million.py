"""What an empty store and one with a million live sessions make of the same work.

Each database is there twice, once with the sessions that are worked on alone, once among a million others. Both do the
same work by turns, so that what remains of a ratio is the size.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from random import Random
from statistics import median
from time import perf_counter_ns
from typing import NamedTuple

from benchmarks.crowd import Database, postgresql_database, sqlite_database
from benchmarks.material import AUDIENCE, ISSUER, own_claims
from benchmarks.report import Bar, Group, Row, Verdict, progress
from benchmarks.rounds import Call, Result
from benchmarks.servers import folder, running
from daypass.keyring.ring import KeyRing
from daypass.limits import PURGED_AT_ONCE_MAX
from daypass.sessions.feed import Follower
from daypass.sessions.manager import Sessions
from daypass.sessions.policy import SessionPolicy
from daypass.sessions.values import TokenPair
from daypass.stores.opening import open_store
from daypass.stores.protocol import SessionStore
from tests.real_servers.postgresql import PostgreSQL

__all__ = ["million_in_postgresql", "million_in_sqlite"]

WORKED_ON = 1_000
"""Sessions that are refreshed, by turns, so that each finds other pages of the database."""
OF_THE_LISTED = 5
ENDINGS = (0, 1_000, 10_000)
PURGED = 100
IN_A_ROUND = 5
MOST = 2.0
MOST_MEMORY = 1.1
GRACE_NONE = SessionPolicy(refresh_grace_s=0)  # a session may be refreshed as often as one likes
REFERENCES = SessionPolicy(refresh_grace_s=0, format="reference")
REFERENCES_WORKED_ON = 100


class Side(NamedTuple):
    """One database with its sessions.

    Args:
        database: how to write to it beside the store.
        store: what is measured.
        sessions: over the store.
        first: of all sessions: what others are copied from.
        turns: hands out one session that is worked on after the other.
        references: over the same store; its access tokens are reference tokens.
        reference_turns: those that ``references`` has started.
    """

    database: Database
    store: SessionStore
    sessions: Sessions
    first: TokenPair
    turns: Iterator[list[TokenPair]]
    references: Sessions
    reference_turns: Iterator[list[TokenPair]]


class Work(NamedTuple):
    """Something that a store does, in both sizes.

    Args:
        name: of the row.
        prepare: readies one call, which is not counted, and gives the call, which is.
    """

    name: str
    prepare: Callable[[Side], Call]


# ------------------------------------------------------------------------------------------------- both sides


def side(store: SessionStore, database: Database, others: int) -> Side:
    """Fill a new database.

    Args:
        store: of the empty database, which has its tables.
        database: the same one.
        others: sessions that nobody works on.
    """
    ring = KeyRing.in_memory(alg="HS256")
    sessions = Sessions(store, ring, issuer=ISSUER, audience=AUDIENCE, policy=GRACE_NONE)
    first = start(sessions, "listed")
    database.add(others, first.session.sid)
    database.add(OF_THE_LISTED - 1, first.session.sid, subject="listed")
    pairs = [[start(sessions, f"worked-on-{number}")] for number in range(WORKED_ON)]
    references = Sessions(store, ring, issuer=ISSUER, audience=AUDIENCE, policy=REFERENCES)
    reference_pairs = [[start(references, f"reference-{number}")] for number in range(REFERENCES_WORKED_ON)]
    database.add_references(others)
    progress(f"{database.name}: settling")
    database.rest()
    return Side(database, store, sessions, first, cycle(pairs), references, cycle(reference_pairs))


def start(sessions: Sessions, subject: str) -> TokenPair:
    own = own_claims()
    return sessions.start(subject, scopes=own["scope"].split(), roles=own["roles"], data=own["data"], device="Firefox")


# ------------------------------------------------------------------------------------------------------ works


def works() -> list[Work]:
    """What a client asks for, and the purging that goes with it."""
    numbers = iter(range(sys.maxsize))

    def starting(one: Side) -> Call:
        subject = f"new-{next(numbers)}"
        return lambda: start(one.sessions, subject)

    def refreshing(one: Side) -> Call:
        held = next(one.turns)

        def refresh() -> None:
            held[0] = one.sessions.refresh(held[0].refresh_token)

        return refresh

    def ending(one: Side) -> Call:
        sid = start(one.sessions, f"ending-{next(numbers)}").session.sid
        return lambda: one.sessions.end(sid)

    def refreshing_references(one: Side) -> Call:
        held = next(one.reference_turns)

        def refresh() -> None:
            held[0] = one.references.refresh(held[0].refresh_token)

        return refresh

    def verifying_references(one: Side) -> Call:
        token = next(one.reference_turns)[0].access_token
        return lambda: one.references.verify(token)

    def listing(one: Side) -> Call:
        return lambda: _demand(len(one.sessions.active("listed")), OF_THE_LISTED)

    def purging(one: Side) -> Call:
        one.database.add(PURGED, one.first.session.sid, subject="past", is_past=True)
        return lambda: _demand(one.store.purge(now_s=time.time(), limit=PURGED_AT_ONCE_MAX), PURGED)

    def purging_nothing(one: Side) -> Call:
        return lambda: _demand(one.store.purge(now_s=time.time(), limit=PURGED_AT_ONCE_MAX), 0)

    return [
        Work("start", starting),
        Work("refresh", refreshing),
        Work("end", ending),
        Work(f"active, {OF_THE_LISTED} sessions", listing),
        Work(f"purge of {PURGED}", purging),
        Work("purge of nothing", purging_nothing),
        Work("refresh, reference token", refreshing_references),
        Work("verify, reference token", verifying_references),
    ]


def feed_works() -> list[Work]:
    """What a process reads that follows the feed: every two seconds what is new, once everything."""
    time.sleep(1.01)  # a reading from now on leaves out what was ended before: times of endings are whole seconds
    since_s = time.time()

    def reading_new(one: Side) -> Call:
        one.sessions.end(start(one.sessions, "new-ending").session.sid)
        return lambda: one.store.denials(since_s=since_s, now_s=time.time())

    return [
        Work("what is new", reading_new),
        Work("all", lambda one: lambda: one.store.denials(since_s=None, now_s=time.time())),
    ]


def _demand(found: int, wanted: int) -> None:
    if found != wanted:
        raise AssertionError(f"{found} instead of {wanted}: the two sizes do not do the same work")


def work_group(title: str, todo: list[Work], empty: Side, full: Side, *, rounds: int) -> Group:
    """Every work, by turns in both sizes."""
    name, count = full.database.name, full.database.total()
    in_empty = empty.database.total()
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    title = f"{name}: {title}"
    for work in todo:
        progress(f"{name}: {work.name}")
        result = _by_turns(work, empty, full, rounds)
        spread = result.spread("full", "empty")
        rows.append(Row(work.name, result.microseconds("full"), spread.ratio, spread.low, spread.high))
        kept = spread.ratio <= MOST
        bar = Bar(work.name, "the same in the empty store", MOST)
        verdicts.append(Verdict(title, bar, spread.ratio, spread.low, spread.high, kept))
    note = f"us are those among {count:,} sessions, the ratio is to a store with {in_empty:,}"
    return Group(title, "", tuple(rows), tuple(verdicts), (note,))


def _by_turns(work: Work, empty: Side, full: Side, rounds: int) -> Result:
    sides = {"empty": empty, "full": full}
    needed: dict[str, list[float]] = {name: [] for name in sides}
    order = list(sides)
    draw = Random(1)
    for number in range(rounds + 1):
        draw.shuffle(order)
        for name in order:
            took = median(_time(work.prepare(sides[name])) for _ in range(IN_A_ROUND))
            if number:  # the first round finds nothing prepared
                needed[name].append(took)
    return Result(needed)


def _time(call: Call) -> float:
    """Microseconds of one call."""
    gc.disable()
    try:
        began = perf_counter_ns()
        call()
        return (perf_counter_ns() - began) / 1000
    finally:
        gc.enable()


# ----------------------------------------------------------------------------------------------------- memory


def memory_group(empty: Side, full: Side) -> Group:
    """What a process holds that follows the feed: it grows with endings, and with nothing else.

    Afterwards, both databases have ended as many sessions as the last row says.
    """
    name = full.database.name
    title = f"{name}: memory of who follows the feed"
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    ended = already = len(empty.store.denials(since_s=None, now_s=time.time()).entries)
    for endings in (already + more for more in ENDINGS):
        progress(f"{name}: {endings:,} endings")
        held: list[float] = []
        for one in (empty, full):
            _end(one, endings - ended)
            held.append(_held_kib(one, endings))
        ended = endings
        ratio = held[1] / held[0]
        rows += [
            Row(f"{endings:,} endings, empty store", held[0], 1.0, 1.0, 1.0),
            Row(f"{endings:,} endings, full store", held[1], ratio, ratio, ratio),
        ]
        bar = Bar(rows[-1].name, rows[-2].name, MOST_MEMORY)
        verdicts.append(Verdict(title, bar, ratio, ratio, ratio, ratio <= MOST_MEMORY))
    return Group(title, "", tuple(rows), tuple(verdicts), unit="KiB")


def _end(one: Side, count: int) -> None:
    """End so many sessions, as a person who logs out everywhere does."""
    if count:
        one.database.add(count, one.first.session.sid, subject="ended")
        _demand(one.sessions.end_all("ended"), count)


def _held_kib(one: Side, endings: int) -> float:
    """KiB that stay with a follower that has read the whole feed."""
    _follower(one).read()  # what the first reading of a process leaves elsewhere is not the follower's
    gc.collect()
    tracemalloc.start()
    try:
        follower = _follower(one)
        follower.read()
        gc.collect()
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    _demand(len(follower.denied), endings)
    return held / 1024


def _follower(one: Side) -> Follower:
    return Follower(one.store, GRACE_NONE, clock=time.time, monotonic=time.monotonic)


# -------------------------------------------------------------------------------------------------- databases


def million_in_sqlite(others: int, *, rounds: int) -> Iterator[Group]:
    """Two SQLite files in memory, so that a slow disk hides nothing."""
    with folder("memory") as data, ExitStack() as resources:
        sides = []
        for name, count in (("empty", 0), ("full", others)):
            store = open_store(f"sqlite:///{data / name}.db")
            resources.callback(store.close)
            sides.append(side(store, sqlite_database(data / f"{name}.db"), count))
        yield from _groups(*sides, rounds=rounds)


def million_in_postgresql(others: int, *, rounds: int) -> Iterator[Group]:
    """Two databases of one server, in memory too, waiting for the disk that there is not."""
    with running(PostgreSQL(durable=True), "memory") as server, ExitStack() as resources:
        sides = []
        for count in (0, others):
            name = server.new_database()
            store = open_store(server.url_of(name))
            resources.callback(store.close)
            sides.append(side(store, postgresql_database(partial(server.connect, name)), count))
        yield from _groups(*sides, rounds=rounds)


def _groups(empty: Side, full: Side, *, rounds: int) -> Iterator[Group]:
    yield work_group("a full store beside an empty one", works(), empty, full, rounds=rounds)
    yield memory_group(empty, full)
    yield work_group(f"reading the feed after {ENDINGS[-1]:,} endings", feed_works(), empty, full, rounds=rounds)
