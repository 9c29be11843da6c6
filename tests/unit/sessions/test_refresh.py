"""Refresh: rotation, the grace window, reuse, races, ends."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from daypass.errors import (
    InvalidSignature,
    RefreshReused,
    SessionEnded,
    StoreUnavailable,
    TokenError,
    UnknownKey,
    UnknownSession,
)
from daypass.keyring.ring import KeyRing
from daypass.sessions import Grants, SessionPolicy, Sessions, TokenPair
from daypass.stores.sql import SQLStore
from daypass.stores.sqlite import sqlite_engine
from tests.unit.sessions.conftest import Clock, House

GRACE_S = 10


def generation_of(pair: TokenPair) -> int:
    return int(pair.refresh_token.split(".")[3])


# ---------------------------------------------------------------------------------------- rotation and grace


def test_each_refresh_makes_the_next_generation(sessions: Sessions, clock: Clock) -> None:
    pair = sessions.start("alice")
    for generation in range(1, 8):
        assert generation_of(pair) == generation
        clock.pass_s(60)
        following = sessions.refresh(pair.refresh_token)
        assert following.refresh_token != pair.refresh_token
        assert following.session.sid == pair.session.sid
        assert following.session.last_refreshed_at == int(clock())
        pair = following


def test_a_superseded_token_gets_the_current_one_within_the_window(sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice")
    second = sessions.refresh(first.refresh_token)
    clock.pass_s(GRACE_S)
    again = sessions.refresh(first.refresh_token)
    assert again.refresh_token == second.refresh_token
    assert again.access_token != second.access_token
    assert sessions.verify(again.access_token).sid == first.session.sid


def test_the_grace_window_writes_nothing(house: House, sessions: Sessions) -> None:
    first = sessions.start("alice")
    sessions.refresh(first.refresh_token)
    house.store.calls.clear()
    sessions.refresh(first.refresh_token)
    assert house.store.calls == {"get": 1}


def test_a_refresh_is_two_calls_to_the_store(house: House, sessions: Sessions) -> None:
    pair = sessions.start("alice")
    house.store.calls.clear()
    sessions.refresh(pair.refresh_token)
    assert house.store.calls == {"get": 1, "replace": 1}


def test_three_tabs_a_token_superseded_twice_gets_the_current_one(sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice")
    clock.pass_s(600)
    second = sessions.refresh(first.refresh_token)
    clock.pass_s(3)
    third = sessions.refresh(second.refresh_token)
    clock.pass_s(3)
    late = sessions.refresh(first.refresh_token)
    assert late.refresh_token == third.refresh_token
    clock.pass_s(100)
    assert generation_of(sessions.refresh(late.refresh_token)) == 4


def test_a_fifth_rotation_in_one_window_is_not_made(sessions: Sessions, clock: Clock) -> None:
    pairs = [sessions.start("alice")]
    for _ in range(4):
        clock.pass_s(1)
        pairs.append(sessions.refresh(pairs[-1].refresh_token))
    fifth = sessions.refresh(pairs[-1].refresh_token)
    assert fifth.refresh_token == pairs[-1].refresh_token
    assert generation_of(fifth) == 5
    for pair in pairs:
        assert sessions.refresh(pair.refresh_token).refresh_token == fifth.refresh_token
    clock.pass_s(GRACE_S - 2.5)  # the oldest rotation is out of the window
    assert generation_of(sessions.refresh(fifth.refresh_token)) == 6


def test_the_window_is_counted_from_when_the_very_token_was_superseded(sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice")
    second = sessions.refresh(first.refresh_token)
    clock.pass_s(8)
    third = sessions.refresh(second.refresh_token)
    clock.pass_s(8)
    assert sessions.refresh(second.refresh_token).refresh_token == third.refresh_token
    with pytest.raises(RefreshReused):
        sessions.refresh(first.refresh_token)


# ------------------------------------------------------------------------------------------------------ reuse


def test_reuse_after_the_window_ends_the_session_and_is_logged_once(
    sessions: Sessions, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    first = sessions.start("alice")
    second = sessions.refresh(first.refresh_token)
    clock.pass_s(GRACE_S + 0.01)
    with pytest.raises(RefreshReused) as caught:
        sessions.refresh(first.refresh_token)
    assert caught.value.sid == first.session.sid
    for pair in (first, second):
        with pytest.raises(SessionEnded):
            sessions.refresh(pair.refresh_token)
        with pytest.raises(SessionEnded):
            sessions.verify(pair.access_token)
    assert sessions.active("alice") == ()
    assert caplog.messages == [f"refresh_reused: two had a token of session {first.session.sid}"]


def test_reuse_far_behind_ends_the_session(sessions: Sessions, clock: Clock) -> None:
    first = pair = sessions.start("alice")
    for _ in range(6):
        clock.pass_s(100)
        pair = sessions.refresh(pair.refresh_token)
    with pytest.raises(RefreshReused):
        sessions.refresh(first.refresh_token)
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)


def test_a_thief_inside_the_window_is_found_at_the_next_refresh(sessions: Sessions, clock: Clock) -> None:
    stolen = sessions.start("alice")
    owner = sessions.refresh(stolen.refresh_token)
    thief = sessions.refresh(stolen.refresh_token)
    clock.pass_s(600)
    sessions.refresh(thief.refresh_token)
    clock.pass_s(600)
    with pytest.raises(RefreshReused):
        sessions.refresh(owner.refresh_token)


def test_reuse_that_cannot_be_recorded_is_no_answer(house: House, sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice")
    sessions.refresh(first.refresh_token)
    clock.pass_s(60)
    house.store.before["end"] = lambda: setattr(house.store, "is_down", True) or house.store.get("x")
    with pytest.raises(StoreUnavailable):
        sessions.refresh(first.refresh_token)
    house.store.is_down = False
    with pytest.raises(RefreshReused):
        sessions.refresh(first.refresh_token)


def test_without_a_window_the_second_tab_ends_the_session(house: House, clock: Clock) -> None:
    sessions = house.sessions(refresh_grace_s=0)
    first = sessions.start("alice")
    sessions.refresh(first.refresh_token)
    clock.pass_s(0.001)
    with pytest.raises(RefreshReused):
        sessions.refresh(first.refresh_token)


# ------------------------------------------------------------------------------------------------------ races


def test_fifty_threads_that_refresh_one_token_all_hold_a_working_pair(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions.open(f"sqlite:///{tmp_path}/sessions.db", issuer="i", audience="a", clock=clock)
    first = sessions.start("alice")
    clock.pass_s(300)
    start = threading.Barrier(50)
    pairs: list[TokenPair] = []

    def refresh() -> None:
        start.wait()
        pairs.append(sessions.refresh(first.refresh_token))

    threads = [threading.Thread(target=refresh) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pairs) == 50
    assert {generation_of(pair) for pair in pairs} == {2}, "exactly one new generation"
    assert len({pair.refresh_token for pair in pairs}) == 1
    clock.pass_s(GRACE_S + 1)
    for pair in pairs:
        assert sessions.verify(pair.access_token).subject == "alice"
        again = sessions.refresh(pair.refresh_token)
        assert sessions.verify(again.access_token).subject == "alice"
    assert generation_of(again) == 3
    assert len(sessions.active("alice")) == 1
    sessions.close()


def test_the_loser_of_a_race_takes_the_grace_path(house: House, sessions: Sessions) -> None:
    first = sessions.start("alice")
    winners: list[TokenPair] = []
    house.store.before["replace"] = lambda: winners.append(sessions.refresh(first.refresh_token))
    loser = sessions.refresh(first.refresh_token)
    assert loser.refresh_token == winners[0].refresh_token
    assert generation_of(loser) == 2


def test_a_loser_that_was_held_up_is_not_taken_for_a_thief(house: House, sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice")

    def win_and_dawdle() -> None:
        sessions.refresh(first.refresh_token)
        clock.pass_s(60)

    house.store.before["replace"] = win_and_dawdle
    assert generation_of(sessions.refresh(first.refresh_token)) == 2


def test_a_logout_that_wins_against_a_refresh_is_final(house: House, sessions: Sessions) -> None:
    first = sessions.start("alice")
    house.store.before["replace"] = lambda: sessions.end(first.session.sid)
    with pytest.raises(SessionEnded):
        sessions.refresh(first.refresh_token)
    assert sessions.active("alice") == ()


def test_a_logout_that_loses_against_a_refresh_ends_what_it_made(house: House, sessions: Sessions) -> None:
    first = sessions.start("alice")
    made: list[TokenPair] = []
    house.store.before["end"] = lambda: made.append(sessions.refresh(first.refresh_token))
    sessions.end(first.session.sid)
    with pytest.raises(SessionEnded):
        sessions.verify(made[0].access_token)
    with pytest.raises(SessionEnded):
        sessions.refresh(made[0].refresh_token)


def test_logouts_that_race_refreshes_never_resurrect(tmp_path: Path) -> None:
    sessions = Sessions.open(f"sqlite:///{tmp_path}/sessions.db", issuer="i", audience="a")
    pairs = [sessions.start("alice") for _ in range(10)]
    start = threading.Barrier(20)
    handed_out: list[TokenPair] = []

    def refresh(pair: TokenPair) -> None:
        start.wait()
        try:
            for _ in range(4):
                pair = sessions.refresh(pair.refresh_token)
                handed_out.append(pair)
        except SessionEnded:
            pass

    def end(pair: TokenPair) -> None:
        start.wait()
        sessions.end(pair.session.sid)

    threads = [threading.Thread(target=act, args=(pair,)) for pair in pairs for act in (refresh, end)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sessions.active("alice") == ()
    for pair in pairs + handed_out:
        with pytest.raises(SessionEnded):
            sessions.verify(pair.access_token)
        with pytest.raises(SessionEnded):
            sessions.refresh(pair.refresh_token)
    sessions.close()


def test_a_store_that_never_swaps_is_unavailable(house: House, sessions: Sessions) -> None:
    pair = sessions.start("alice")
    house.store.store = Stubborn(house.store.store)
    with pytest.raises(StoreUnavailable):
        sessions.refresh(pair.refresh_token)


class Stubborn:
    """A store that refuses each swap."""

    def __init__(self, store: object) -> None:
        self.store = store

    def __getattr__(self, name: str) -> object:
        return (lambda *_, **__: False) if name == "replace" else getattr(self.store, name)


# ------------------------------------------------------------------------------------- junk and forged tokens


def test_junk_with_a_real_sid_makes_no_store_call_and_ends_nothing(house: House, sessions: Sessions) -> None:
    pair = sessions.start("alice")
    sid = pair.session.sid
    parts = pair.refresh_token.split(".")
    house.store.calls.clear()
    junk = [
        f"dpr1.kid.{sid}.1.{'A' * 22}.{'A' * 43}",
        f"dpr1.{parts[1]}.{sid}.1.{'A' * 22}.{'A' * 43}",
        ".".join([*parts[:4], "A" * 22, parts[5]]),
        ".".join([*parts[:3], "2", *parts[4:]]),
        ".".join([*parts[:5], "A" * 43]),
        pair.refresh_token + "A",
        pair.refresh_token[:-1],
        pair.refresh_token + "\n",
        sid,
        pair.access_token,
    ]
    for text in junk:
        with pytest.raises(TokenError):
            sessions.refresh(text)
    assert house.store.calls == {}
    assert generation_of(sessions.refresh(pair.refresh_token)) == 2


def test_a_genuine_mac_with_a_wrong_nonce_ends_nothing(house: House, sessions: Sessions, clock: Clock) -> None:
    from daypass.sessions.refresh_token import new_refresh_token, write_refresh_token

    pair = sessions.start("alice")
    sid, kid = pair.session.sid, house.ring.derive_kid()
    pair = sessions.refresh(pair.refresh_token)
    clock.pass_s(60)
    for generation in (1, 2, 3):
        forged = new_refresh_token(kid=kid, sid=sid, generation=generation)
        with pytest.raises(InvalidSignature):
            sessions.refresh(write_refresh_token(forged, house.ring))
    assert generation_of(sessions.refresh(pair.refresh_token)) == 3


def test_the_token_of_another_ring_is_refused(house: House, sessions: Sessions) -> None:
    pair = sessions.start("alice")
    other = Sessions(house.store, KeyRing.in_memory(alg="HS256"), issuer="i", audience="a", clock=house.clock)
    house.store.calls.clear()
    with pytest.raises(UnknownKey):
        other.refresh(pair.refresh_token)
    assert house.store.calls == {}


def test_a_session_that_is_not_there_is_unknown(house: House, sessions: Sessions, clock: Clock) -> None:
    pair = sessions.start("alice")
    clock.step_s(60 * 86_400)
    assert house.store.purge(now_s=clock(), limit=10) == 1
    with pytest.raises(UnknownSession):
        sessions.refresh(pair.refresh_token)


def test_a_generation_that_the_store_has_forgotten_ends_nothing(tmp_path: Path) -> None:
    import shutil

    database, backup = tmp_path / "sessions.db", tmp_path / "backup.db"
    clock = Clock()
    sessions = Sessions.open(f"sqlite:///{database}", issuer="i", audience="a", clock=clock)
    first = sessions.start("alice")
    sessions.close()
    shutil.copy(database, backup)
    sessions = Sessions.open(f"sqlite:///{database}", issuer="i", audience="a", clock=clock)
    second = sessions.refresh(first.refresh_token)
    sessions.close()
    shutil.copy(backup, database)
    sessions = Sessions.open(f"sqlite:///{database}", issuer="i", audience="a", clock=clock)
    with pytest.raises(UnknownSession):
        sessions.refresh(second.refresh_token)
    assert len(sessions.active("alice")) == 1
    sessions.refresh(first.refresh_token)
    sessions.close()


def test_a_refresh_token_is_a_str(sessions: Sessions) -> None:
    for value in (None, b"dpr1", 5):
        with pytest.raises(TypeError, match="is a str"):
            sessions.refresh(value)


# ------------------------------------------------------------------------------------------------- ring secrets


def test_rotating_the_ring_leaves_every_refresh_token_working(house: House, sessions: Sessions, clock: Clock) -> None:
    pairs = [sessions.start("alice") for _ in range(3)]
    superseded = sessions.start("bob")
    current = sessions.refresh(superseded.refresh_token)
    for _ in range(3):
        house.ring.rotate()
        assert sessions.refresh(superseded.refresh_token).refresh_token == current.refresh_token
        house.ring.rotate(at_once=True)
        assert sessions.refresh(superseded.refresh_token).refresh_token == current.refresh_token
    clock.pass_s(7 * 86_400)
    for pair in pairs:
        following = sessions.refresh(pair.refresh_token)
        assert following.refresh_token.split(".")[1] != pair.refresh_token.split(".")[1]
        assert sessions.refresh(pair.refresh_token).refresh_token == following.refresh_token
        assert sessions.verify(following.access_token).subject == "alice"
    assert generation_of(sessions.refresh(current.refresh_token)) == 3


def test_a_retired_ring_secret_takes_its_refresh_tokens_along(house: House, sessions: Sessions) -> None:
    pair = sessions.start("alice")
    old = house.ring.derive_kid()
    house.ring.rotate(at_once=True)
    house.ring.retire(old)
    house.store.calls.clear()
    with pytest.raises(UnknownKey):
        sessions.refresh(pair.refresh_token)
    assert house.store.calls == {}


# --------------------------------------------------------------------------------------------------------- ends


def test_the_absolute_end_never_moves_and_no_access_token_passes_it(house: House, clock: Clock) -> None:
    sessions = house.sessions(absolute_lifetime_s=1000, idle_lifetime_s=700, access_lifetime_s=600)
    pair = sessions.start("alice")
    ends_at = pair.session.ends_at
    assert ends_at == int(clock()) + 1000
    for _ in range(99):
        clock.pass_s(10)
        pair = sessions.refresh(pair.refresh_token)
        principal = sessions.verify(pair.access_token)
        assert pair.session.ends_at == ends_at
        assert principal.expires_at <= ends_at
        assert principal.expires_at - int(clock()) == pair.expires_in
    pair = sessions.refresh(pair.refresh_token)
    assert sessions.verify(pair.access_token).expires_at == ends_at
    clock.pass_s(10)
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)
    with pytest.raises(TokenError):
        sessions.verify(pair.access_token)
    assert sessions.active("alice") == ()


def test_the_last_moment_of_a_session_is_an_end_and_no_failure(house: House, clock: Clock) -> None:
    sessions = house.sessions(absolute_lifetime_s=1000, idle_lifetime_s=1000, access_lifetime_s=600)
    pair = sessions.start("alice")
    clock.pass_s(pair.session.ends_at - clock() - 0.5)
    house.store.before["replace"] = lambda: clock.pass_s(1)
    assert sessions.refresh(pair.refresh_token).expires_in == 1
    pair = sessions.start("alice")
    clock.pass_s(pair.session.ends_at - clock() - 0.5)
    house.store.before["get"] = lambda: clock.pass_s(1)
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)


def test_a_session_that_is_idle_for_too_long_has_ended(house: House, clock: Clock) -> None:
    sessions = house.sessions(idle_lifetime_s=3600, absolute_lifetime_s=36_000)
    pair = sessions.start("alice")
    clock.pass_s(3000)
    pair = sessions.refresh(pair.refresh_token)
    clock.pass_s(3000)
    pair = sessions.refresh(pair.refresh_token)
    clock.pass_s(3600)
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)
    assert sessions.active("alice") == ()


def test_the_access_token_of_the_grace_window_ends_with_an_idle_session(house: House, clock: Clock) -> None:
    sessions = house.sessions(idle_lifetime_s=600, access_lifetime_s=600)
    first = sessions.start("alice")
    second = sessions.refresh(first.refresh_token)
    clock.pass_s(5)
    late = sessions.refresh(first.refresh_token)
    assert sessions.verify(late.access_token).expires_at == sessions.verify(second.access_token).expires_at


# ------------------------------------------------------------------------------------------------- clock steps


def test_a_clock_that_is_stepped_back_logs_nobody_out(sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice")
    second = sessions.refresh(first.refresh_token)
    clock.step_s(-5)
    assert sessions.refresh(first.refresh_token).refresh_token == second.refresh_token
    third = sessions.refresh(second.refresh_token)
    for pair in (first, second):
        assert sessions.refresh(pair.refresh_token).refresh_token == third.refresh_token
    clock.pass_s(5 + GRACE_S + 1)
    assert generation_of(sessions.refresh(third.refresh_token)) == 4


def test_a_denial_covers_tokens_from_before_a_clock_step(house: House, sessions: Sessions, clock: Clock) -> None:
    pair = sessions.start("alice")
    expires_at = sessions.verify(pair.access_token).expires_at
    clock.step_s(-200)
    sessions.refresh(pair.refresh_token)
    sessions.end(pair.session.sid)
    (denial,) = house.store.denials(since_s=None, now_s=clock()).entries
    assert denial.until >= expires_at + 300


def test_the_feed_covers_every_access_token_that_was_handed_out(house: House, sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice")
    handed_out = [first, sessions.refresh(first.refresh_token)]
    for _ in range(10):
        clock.pass_s(1)
        handed_out.append(sessions.refresh(first.refresh_token))
    latest = max(sessions.verify(pair.access_token).expires_at for pair in handed_out)
    sessions.end(first.session.sid)
    (denial,) = house.store.denials(since_s=None, now_s=clock()).entries
    assert latest + 300 <= denial.until <= latest + 301


# ---------------------------------------------------------------------------------------------------- authorize


def test_roles_are_replaced_at_the_next_refresh(house: House, clock: Clock) -> None:
    answers = {"alice": Grants(scopes=("read", "write"), roles=("admin",))}
    sessions = house.sessions(authorize=answers.get)
    pair = sessions.start("alice", scopes=("ignored",), roles=("ignored",))
    assert sessions.verify(pair.access_token).roles == {"admin"}
    answers["alice"] = Grants(scopes=["read"])
    assert sessions.verify(pair.access_token).roles == {"admin"}
    clock.pass_s(60)
    following = sessions.refresh(pair.refresh_token)
    principal = sessions.verify(following.access_token)
    assert (principal.roles, principal.scopes) == (frozenset(), {"read"})
    row = house.store.get(pair.session.sid)
    assert (row.roles, row.scopes) == ((), ("read",))


def test_roles_are_replaced_on_the_grace_path_too(house: House) -> None:
    answers = {"alice": Grants(roles=("admin",))}
    sessions = house.sessions(authorize=answers.get)
    first = sessions.start("alice")
    sessions.refresh(first.refresh_token)
    answers["alice"] = Grants()
    assert sessions.verify(sessions.refresh(first.refresh_token).access_token).roles == frozenset()


def test_a_refused_account_ends_at_the_next_refresh(house: House) -> None:
    answers = {"alice": Grants()}
    sessions = house.sessions(authorize=answers.get)
    pair = sessions.start("alice")
    del answers["alice"]
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)
    answers["alice"] = Grants()
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)


def test_an_account_is_asked_about_once_a_refresh(house: House) -> None:
    asked: list[str] = []
    sessions = house.sessions(authorize=lambda subject: asked.append(subject) or Grants())
    first = sessions.start("alice")
    asked.clear()
    house.store.before["replace"] = lambda: sessions.refresh(first.refresh_token)
    sessions.refresh(first.refresh_token)
    assert asked == ["alice", "alice"], "once by each of the two"


def test_an_access_token_that_grows_too_large_leaves_the_session_as_it_was(house: House) -> None:
    answers = {"alice": Grants()}
    sessions = house.sessions(authorize=answers.get, token_bytes_max=1000)
    pair = sessions.start("alice")
    answers["alice"] = Grants(roles=[f"role-{number}" for number in range(200)])
    with pytest.raises(ValueError, match="1000"):
        sessions.refresh(pair.refresh_token)
    answers["alice"] = Grants()
    assert generation_of(sessions.refresh(pair.refresh_token)) == 2


# ----------------------------------------------------------------------------------------------- reauthenticate


def test_asking_the_password_again_is_recorded(house: House, sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice", roles=("admin",), data={"tenant": 1})
    clock.pass_s(900)
    pair = sessions.reauthenticate(first.session.sid)
    principal = sessions.verify(pair.access_token)
    assert principal.authenticated_at == pair.session.authenticated_at == int(clock())
    assert (principal.sid, principal.roles, principal.data) == (first.session.sid, {"admin"}, {"tenant": 1})
    assert pair.session.ends_at == first.session.ends_at
    clock.pass_s(900)
    following = sessions.refresh(pair.refresh_token)
    assert following.session.authenticated_at == int(clock()) - 900
    for _ in range(5):
        following = sessions.reauthenticate(first.session.sid)
    sessions.refresh(following.refresh_token)


def test_tokens_from_before_are_refused_without_harm(sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice")
    pair = sessions.reauthenticate(first.session.sid)
    for _ in range(2):
        with pytest.raises(InvalidSignature):
            sessions.refresh(first.refresh_token)
        clock.pass_s(60)
    assert generation_of(sessions.refresh(pair.refresh_token)) == 3


def test_only_a_live_session_is_authenticated_again(sessions: Sessions, clock: Clock) -> None:
    for sid in ("", "A" * 22, "x" * 100_000):
        with pytest.raises(UnknownSession):
            sessions.reauthenticate(sid)
    pair = sessions.start("alice")
    sessions.end(pair.session.sid)
    with pytest.raises(SessionEnded):
        sessions.reauthenticate(pair.session.sid)


def test_asking_again_while_a_tab_refreshes_leaves_one_line(house: House, sessions: Sessions) -> None:
    first = sessions.start("alice")
    house.store.before["replace"] = lambda: sessions.refresh(first.refresh_token)
    pair = sessions.reauthenticate(first.session.sid)
    assert generation_of(pair) == 3
    assert generation_of(sessions.refresh(pair.refresh_token)) == 4


def test_a_policy_is_what_the_sessions_follow(house: House) -> None:
    assert SessionPolicy().refresh_grace_s == GRACE_S


# --------------------------------------------------------------------------------------------- the store is away


def test_a_locked_database_is_503_and_the_token_is_as_good_as_before(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "sessions.db", busy_s=0.05)
    store = SQLStore(engine)
    sessions = Sessions(store, KeyRing.in_memory(alg="HS256"), issuer="i", audience="a")
    pair = sessions.start("alice")
    with closing(sqlite3.connect(tmp_path / "sessions.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            sessions.refresh(pair.refresh_token)
        with pytest.raises(StoreUnavailable):
            sessions.end(pair.session.sid)
        assert sessions.verify(pair.access_token).subject == "alice", "stateless verification goes on"
        other.rollback()
    assert generation_of(sessions.refresh(pair.refresh_token)) == 2
    sessions.close()
    store.close()


def test_a_slow_authorize_does_not_hand_out_a_token_that_was_replaced_meanwhile(house: House) -> None:
    other = house.sessions()
    meanwhile: list[str] = []

    def authorize(_subject: str) -> Grants:
        while meanwhile:
            house.clock.pass_s(1)
            other.refresh(meanwhile.pop())
            house.clock.pass_s(11)  # longer than the grace window
        return Grants()

    tab = house.sessions(authorize=authorize)
    first = tab.start("alice")
    second = tab.refresh(first.refresh_token)
    meanwhile.append(second.refresh_token)
    late = tab.refresh(first.refresh_token)
    assert late.refresh_token not in {first.refresh_token, second.refresh_token}
    house.clock.pass_s(60)
    tab.refresh(late.refresh_token)  # and the session lives


def test_a_slow_authorize_does_not_hand_out_a_pair_of_a_session_that_ended_meanwhile(house: House) -> None:
    other = house.sessions()
    meanwhile: list[str] = []

    def authorize(_subject: str) -> Grants:
        while meanwhile:
            other.end(meanwhile.pop())
        return Grants()

    tab = house.sessions(authorize=authorize)
    first = tab.start("alice")
    tab.refresh(first.refresh_token)
    meanwhile.append(first.session.sid)
    with pytest.raises(SessionEnded):
        tab.refresh(first.refresh_token)


def test_five_rotations_while_somebody_is_asked_are_no_reuse(house: House) -> None:
    other = house.sessions()
    meanwhile: list[str] = []

    def authorize(_subject: str) -> Grants:
        for token in meanwhile:
            pair = other.refresh(token)
            meanwhile.clear()
            for _ in range(6):
                house.clock.pass_s(GRACE_S + 1)
                pair = other.refresh(pair.refresh_token)
            latest.append(pair)
        return Grants()

    latest: list[TokenPair] = []
    tab = house.sessions(authorize=authorize)
    first = tab.start("alice")
    meanwhile.append(tab.refresh(first.refresh_token).refresh_token)
    assert tab.refresh(first.refresh_token).refresh_token == latest[0].refresh_token
