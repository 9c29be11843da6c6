"""What every session store does, whatever it is made of."""

import itertools
import threading
from collections.abc import Callable

import msgspec
import pytest

from daypass.errors import DaypassError
from daypass.limits import LEEWAY_S_MAX, PURGED_AFTER_S
from daypass.stores.protocol import Denial, SessionRow, SessionStore

NOW = 1_800_000_000
NUMBERS = itertools.count()


def row(subject: str = "alice", **changes: object) -> SessionRow:
    """Make a row of a live session with a sid of its own."""
    made = SessionRow(
        sid=f"{next(NUMBERS):021d}A",
        subject=subject,
        client_id="first-party",
        device="Firefox on Linux, ünïcode",
        scopes=("read", "write"),
        roles=("editor",),
        data={"tenant": 7, "nested": {"a": [1.5, None, True, "ü"]}},
        created_at=NOW,
        authenticated_at=NOW,
        last_refreshed_at=NOW,
        ends_at=NOW + 2_592_000,
        idle_ends_at=NOW + 1_209_600,
        ended_at=None,
        generation=1,
        kid="ring-secret",
        rotated_at=(),
        nonce_sha256=bytes(range(32)),
        access_until=NOW + 610,
    )
    return msgspec.structs.replace(made, **changes)


def add(store: SessionStore, *rows: SessionRow) -> None:
    for one in rows:
        assert store.insert(one, sessions_max=100, now_s=NOW) == ()


def together(count: int, act: Callable[[int], object]) -> list[object]:
    """Run something in many threads at once; return what each answered."""
    start = threading.Barrier(count)
    answers: list[object] = [None] * count

    def run(number: int) -> None:
        start.wait()
        try:
            answers[number] = act(number)
        except DaypassError as error:
            answers[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# ------------------------------------------------------------------------------------------- insert and get


def test_what_is_inserted_is_read_back_whole(store: SessionStore) -> None:
    one = row(rotated_at=(NOW + 0.125, NOW - 3.5))
    add(store, one)
    assert store.get(one.sid) == one


def test_an_unknown_sid_reads_as_none(store: SessionStore) -> None:
    assert store.get("nobody") is None


def test_a_sid_is_compared_exactly(store: SessionStore) -> None:
    one = row(sid="AbcAbcAbcAbcAbcAbcAbcA")
    add(store, one)
    assert store.get(one.sid.lower()) is None
    assert store.get(one.sid + " ") is None
    assert store.end(one.sid.upper(), now_s=NOW) is None


def test_a_subject_is_compared_exactly(store: SessionStore) -> None:
    add(store, row("Alice"))
    for other in ("alice", "Alice ", "ALICE", "Àlice"):
        assert store.active(other, now_s=NOW) == ()
        assert store.end_all(other, now_s=NOW) == ()


def test_no_device_and_empty_bags_are_kept_as_such(store: SessionStore) -> None:
    one = row(device=None, scopes=(), roles=(), data={})
    add(store, one)
    assert store.get(one.sid) == one


# -------------------------------------------------------------------------------------------------- the cap


def test_the_cap_ends_the_least_recently_refreshed(store: SessionStore) -> None:
    rows = [row(last_refreshed_at=NOW + offset) for offset in (5, 1, 9)]
    add(store, *rows)
    denials = store.insert(row(last_refreshed_at=NOW + 10), sessions_max=3, now_s=NOW + 10)
    assert denials == (Denial(rows[1].sid, rows[1].access_until + LEEWAY_S_MAX),)
    ended = store.get(rows[1].sid)
    assert ended is not None
    assert ended.ended_at == NOW + 10
    assert len(store.active("alice", now_s=NOW + 10)) == 3


def test_the_cap_never_ends_the_new_session(store: SessionStore) -> None:
    add(store, *(row(last_refreshed_at=NOW + 100) for _ in range(3)))  # by a clock that runs ahead
    newcomer = row(last_refreshed_at=NOW)
    assert len(store.insert(newcomer, sessions_max=1, now_s=NOW)) == 3
    assert [one.sid for one in store.active("alice", now_s=NOW)] == [newcomer.sid]


def test_the_cap_counts_only_live_sessions_of_the_subject(store: SessionStore) -> None:
    ended, expired, foreign = row(), row(idle_ends_at=NOW), row("bob")
    add(store, ended, expired, foreign)
    store.end(ended.sid, now_s=NOW)
    assert store.insert(row(), sessions_max=1, now_s=NOW) == ()


def test_a_cap_that_was_lowered_holds_from_the_next_login(store: SessionStore) -> None:
    add(store, *(row() for _ in range(6)))
    assert len(store.insert(row(), sessions_max=2, now_s=NOW)) == 5
    assert len(store.active("alice", now_s=NOW)) == 2


def test_logins_at_once_keep_the_cap(store: SessionStore) -> None:
    answers = together(12, lambda _: store.insert(row(), sessions_max=4, now_s=NOW))
    assert all(isinstance(answer, tuple) for answer in answers)
    assert len(store.active("alice", now_s=NOW)) == 4


# ----------------------------------------------------------------------------------------- compare and swap


def successor(one: SessionRow) -> SessionRow:
    return msgspec.structs.replace(
        one,
        scopes=("read",),
        roles=(),
        data={"tenant": 8},
        authenticated_at=NOW + 5,
        last_refreshed_at=NOW + 5,
        idle_ends_at=one.idle_ends_at + 5,
        generation=one.generation + 1,
        kid="ring-secret-2",
        rotated_at=(NOW + 5.25, *one.rotated_at),
        nonce_sha256=bytes(32),
        access_until=NOW + 615,
    )


def test_a_successor_replaces_its_row(store: SessionStore) -> None:
    one = row()
    add(store, one)
    assert store.replace(successor(one), generation=1) is True
    assert store.get(one.sid) == successor(one)


def test_a_successor_of_another_generation_is_not_written(store: SessionStore) -> None:
    one = row()
    add(store, one)
    for generation in (0, 2):
        assert store.replace(successor(one), generation=generation) is False
    assert store.get(one.sid) == one


def test_a_successor_of_an_ended_session_is_not_written(store: SessionStore) -> None:
    one = row()
    add(store, one)
    store.end(one.sid, now_s=NOW + 1)
    assert store.replace(successor(one), generation=1) is False
    found = store.get(one.sid)
    assert found is not None
    assert (found.generation, found.ended_at) == (1, NOW + 1)


def test_a_successor_of_nothing_is_not_written(store: SessionStore) -> None:
    one = row()
    assert store.replace(successor(one), generation=1) is False
    assert store.get(one.sid) is None


def test_what_never_changes_is_not_changed(store: SessionStore) -> None:
    one = row()
    add(store, one)
    greedy = msgspec.structs.replace(
        successor(one),
        subject="mallory",
        client_id="x",
        device="x",
        created_at=1,
        ends_at=NOW * 2,
        ended_at=5,
    )
    assert store.replace(greedy, generation=1) is True
    found = store.get(one.sid)
    assert found is not None
    assert (
        found.subject,
        found.client_id,
        found.device,
        found.created_at,
        found.ends_at,
        found.ended_at,
    ) == (
        one.subject,
        one.client_id,
        one.device,
        one.created_at,
        one.ends_at,
        None,
    )


def test_of_many_swaps_at_once_one_is_made(store: SessionStore) -> None:
    one = row()
    add(store, one)
    answers = together(30, lambda _: store.replace(successor(one), generation=1))
    assert sorted(map(str, answers)) == ["False"] * 29 + ["True"]
    found = store.get(one.sid)
    assert found is not None
    assert found.generation == 2


# --------------------------------------------------------------------------------------------------- ending


def test_ending_records_the_denial_in_the_same_step(store: SessionStore) -> None:
    one = row()
    add(store, one)
    denial = store.end(one.sid, now_s=NOW + 3.9)
    assert denial == Denial(one.sid, one.access_until + LEEWAY_S_MAX)
    found = store.get(one.sid)
    assert found is not None
    assert found.ended_at == NOW + 3
    assert store.denials(since_s=None, now_s=NOW + 4).entries == (denial,)


def test_ending_twice_answers_the_same_and_changes_nothing(store: SessionStore) -> None:
    one = row()
    add(store, one)
    assert store.end(one.sid, now_s=NOW) == store.end(one.sid, now_s=NOW + 50)
    found = store.get(one.sid)
    assert found is not None
    assert found.ended_at == NOW


def test_the_denial_covers_the_last_access_token(store: SessionStore) -> None:
    one = row()
    add(store, one)
    store.replace(successor(one), generation=1)
    assert store.end(one.sid, now_s=NOW + 6) == Denial(one.sid, NOW + 615 + LEEWAY_S_MAX)


def test_ending_an_unknown_session_answers_none(store: SessionStore) -> None:
    assert store.end("nobody", now_s=NOW) is None


def test_the_session_of_another_subject_is_not_ended(store: SessionStore) -> None:
    one = row("bob")
    add(store, one)
    assert store.end(one.sid, now_s=NOW, subject="alice") is None
    assert store.get(one.sid) == one
    store.end(one.sid, now_s=NOW, subject="bob")
    assert store.end(one.sid, now_s=NOW, subject="alice") is None, "not after it has ended either"


def test_ending_all_spares_one_and_everybody_else(store: SessionStore) -> None:
    kept, first, second, gone, foreign = row(), row(), row(), row(), row("bob")
    add(store, kept, first, second, gone, foreign)
    store.end(gone.sid, now_s=NOW)
    denials = store.end_all("alice", now_s=NOW, except_sid=kept.sid)
    assert {denial.sid for denial in denials} == {first.sid, second.sid}
    assert store.active("alice", now_s=NOW) == (kept,)
    assert store.active("bob", now_s=NOW) == (foreign,)
    assert store.end_all("alice", now_s=NOW, except_sid=kept.sid) == ()
    assert len(store.end_all("alice", now_s=NOW)) == 1


def test_ending_all_of_nobody_ends_nothing(store: SessionStore) -> None:
    assert store.end_all("nobody", now_s=NOW) == ()


def test_an_end_that_races_swaps_is_final(store: SessionStore) -> None:
    rows = [row() for _ in range(8)]
    add(store, *rows)

    def act(number: int) -> object:
        one = rows[number % 8]
        return store.end(one.sid, now_s=NOW) if number >= 8 else store.replace(successor(one), generation=1)

    answers = together(16, act)
    for one, swapped, denial in zip(rows, answers[:8], answers[8:], strict=True):
        found = store.get(one.sid)
        assert found is not None
        assert found.ended_at == NOW
        assert found.generation == (2 if swapped else 1)
        assert isinstance(denial, Denial)
        assert denial.until == found.access_until + LEEWAY_S_MAX, "the denial covers what the swap handed out"


def test_of_many_endings_at_once_all_answer_alike(store: SessionStore) -> None:
    one = row()
    add(store, one)
    assert len(set(together(20, lambda number: store.end(one.sid, now_s=NOW + number)))) == 1


# --------------------------------------------------------------------------------------------------- listing


def test_live_sessions_are_listed_the_last_refreshed_first(store: SessionStore) -> None:
    old, new, middle = (row(last_refreshed_at=NOW + offset) for offset in (1, 9, 5))
    ended, idle, foreign = row(), row(idle_ends_at=NOW), row("bob")
    add(store, old, new, middle, ended, idle, foreign)
    store.end(ended.sid, now_s=NOW)
    assert store.active("alice", now_s=NOW) == (new, middle, old)


# ------------------------------------------------------------------------------------------------- the feed


def test_the_feed_of_a_new_store_is_empty_and_has_a_name(store: SessionStore) -> None:
    feed = store.denials(since_s=None, now_s=NOW)
    assert feed.entries == ()
    assert feed.id
    assert store.denials(since_s=NOW, now_s=NOW).id == feed.id


def test_the_feed_tells_what_was_ended_since(store: SessionStore) -> None:
    early, late = row(), row()
    add(store, early, late)
    store.end(early.sid, now_s=NOW)
    store.end(late.sid, now_s=NOW + 100)
    assert {entry.sid for entry in store.denials(since_s=None, now_s=NOW + 100).entries} == {
        early.sid,
        late.sid,
    }
    assert {entry.sid for entry in store.denials(since_s=NOW + 99.5, now_s=NOW + 100).entries} == {late.sid}
    assert {entry.sid for entry in store.denials(since_s=NOW + 100.9, now_s=NOW + 101).entries} == {late.sid}


def test_the_feed_forgets_what_no_longer_matters(store: SessionStore) -> None:
    one = row()
    add(store, one)
    denial = store.end(one.sid, now_s=NOW)
    assert denial is not None
    assert store.denials(since_s=None, now_s=denial.until - 1).entries == (denial,)
    assert store.denials(since_s=None, now_s=denial.until).entries == ()


def test_the_feed_tells_of_all_three_ways_to_end(store: SessionStore) -> None:
    capped, one, another = row("carol"), row(), row("bob")
    add(store, capped, one, another)
    store.insert(row("carol"), sessions_max=1, now_s=NOW)
    store.end(one.sid, now_s=NOW)
    store.end_all("bob", now_s=NOW)
    told = {entry.sid for entry in store.denials(since_s=NOW, now_s=NOW).entries}
    assert told == {capped.sid, one.sid, another.sid}


# --------------------------------------------------------------------------------------------------- purging


def test_purging_removes_what_has_not_mattered_for_long(purged_store: SessionStore) -> None:
    live, idle, ended = row(), row(idle_ends_at=NOW + 700), row()
    add(purged_store, live, idle, ended)
    denial = purged_store.end(ended.sid, now_s=NOW)
    assert denial is not None
    assert purged_store.purge(now_s=NOW + 700 + PURGED_AFTER_S, limit=100) == 0
    assert purged_store.purge(now_s=NOW + 701 + PURGED_AFTER_S, limit=100) == 1
    assert purged_store.get(idle.sid) is None
    assert purged_store.purge(now_s=denial.until + 1 + PURGED_AFTER_S, limit=100) == 1
    assert purged_store.get(ended.sid) is None
    assert purged_store.get(live.sid) == live


def test_purging_keeps_what_was_refreshed(purged_store: SessionStore) -> None:
    one = row(idle_ends_at=NOW + 700)
    add(purged_store, one)
    assert purged_store.replace(msgspec.structs.replace(successor(one), idle_ends_at=NOW + 9000), generation=1)
    assert purged_store.purge(now_s=NOW + 8000 + PURGED_AFTER_S, limit=100) == 0


def test_purging_is_bounded(purged_store: SessionStore) -> None:
    add(purged_store, *(row(idle_ends_at=NOW + 1) for _ in range(5)))
    later = NOW + 2 + PURGED_AFTER_S
    assert [purged_store.purge(now_s=later, limit=2) for _ in range(4)] == [2, 2, 1, 0]


# ------------------------------------------------------------------------------------------------ appearance


def test_no_text_shows_what_a_row_holds(store: SessionStore) -> None:
    one = row(data={"note": "plum-coloured secret"}, nonce_sha256=b"plum" * 8)
    add(store, one)
    texts = [repr(store), str(store), repr(one), repr(one.__rich_repr__()), repr(store.get(one.sid))]
    texts.append(repr(store.denials(since_s=None, now_s=NOW)))
    assert not [text for text in texts if "plum" in text]


def test_a_store_is_not_pickled(store: SessionStore) -> None:
    import pickle

    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(store)
