"""Start, verify, end, list; what is refused, and what no text shows."""

import io
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from daypass.errors import (
    AccessDenied,
    ClaimError,
    ConfigurationError,
    DaypassError,
    Expired,
    MissingClaim,
    SessionEnded,
    StoreUnavailable,
    TokenError,
    UnknownSession,
)
from daypass.jose.jwk import JWK
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.sessions import Grants, SessionPolicy, Sessions, principals
from daypass.stores.memory import MemoryStore
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.unit.sessions.conftest import NOW, Clock, House

WORDS = {"issuer": "https://id.example", "audience": "https://api.example"}


# -------------------------------------------------------------------------------------------- start and verify


def test_a_login_hands_out_a_pair_that_verifies(sessions: Sessions) -> None:
    pair = sessions.start(
        "alice", scopes=["read", "write", "read"], roles=("admin",), data={"tenant": 7}, device="Firefox"
    )
    principal = sessions.verify(pair.access_token)
    assert principal.subject == "alice"
    assert principal.sid == pair.session.sid
    assert principal.scopes == {"read", "write"}
    assert principal.roles == {"admin"}
    assert principal.data == {"tenant": 7}
    assert principal.authenticated_at == int(NOW)
    assert principal.expires_at == int(NOW) + 600
    assert pair.expires_in == 600
    assert pair.session.device == "Firefox"
    assert pair.session.ends_at == int(NOW) + 2_592_000


def test_the_access_token_is_an_rfc_9068_token(house: House, sessions: Sessions) -> None:
    pair = sessions.start("alice", scopes=("read", "write"), roles=("admin",))
    claims = Verifier(house.ring, **WORDS, clock=house.clock).verify(pair.access_token)
    assert set(claims) == {
        "iss", "sub", "aud", "client_id", "iat", "exp", "jti", "sid", "auth_time", "scope", "roles",
    }  # fmt: skip
    assert claims["client_id"] == "first-party"
    assert claims["scope"] == "read write"
    assert claims["sid"] == pair.session.sid


def test_verify_asks_no_store(house: House, sessions: Sessions) -> None:
    pair = sessions.start("alice")
    sessions.verify(pair.access_token)
    house.store.calls.clear()
    for _ in range(10):
        sessions.verify(pair.access_token)
    assert house.store.calls == {}


def test_an_access_token_expires(sessions: Sessions, clock: Clock) -> None:
    pair = sessions.start("alice")
    clock.pass_s(601)
    with pytest.raises(Expired):
        sessions.verify(pair.access_token)


def test_a_refresh_token_is_no_access_token(sessions: Sessions) -> None:
    with pytest.raises(TokenError):
        sessions.verify(sessions.start("alice").refresh_token)


@pytest.mark.parametrize("name", ["sub", "sid", "roles", "auth_time"])
def test_a_token_without_a_claim_of_a_session_is_refused(house: House, sessions: Sessions, name: str) -> None:
    claims = {"sub": "a", "sid": "A" * 22, "scope": "", "roles": [], "auth_time": 5}
    issue = Issuer(house.ring, **WORDS, clock=house.clock).issue
    sessions.verify(issue(claims))
    without = {key: value for key, value in claims.items() if key != name}
    with pytest.raises(MissingClaim):
        sessions.verify(issue(without))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sid": 5},
        {"sid": ["x"]},
        {"sid": None},
        {"scope": ["read"]},
        {"roles": "admin"},
        {"roles": [["admin"]]},
        {"roles": [1]},
        {"roles": {"admin": 1}},
        {"auth_time": "now"},
        {"auth_time": True},
        {"data": [1]},
        {"data": None},
    ],
    ids=str,
)
def test_a_claim_of_a_session_of_another_type_is_refused(
    house: House, sessions: Sessions, wrong: dict[str, object]
) -> None:
    claims = {"sub": "a", "sid": "A" * 22, "scope": "", "roles": [], "auth_time": 5}
    issue = Issuer(house.ring, **WORDS, clock=house.clock).issue
    with pytest.raises((ClaimError, TokenError)):
        sessions.verify(issue(claims | wrong))
    # The words are remembered by now, also those that a text or the names of an object would be taken for.
    for roles in ([], list("admin"), ["admin"]):
        sessions.verify(issue(claims | {"roles": roles}))
    with pytest.raises(ClaimError):
        sessions.verify(issue(claims | wrong))


def test_grants_are_remembered_in_bounds(sessions: Sessions) -> None:
    for number in range(50):
        pair = sessions.start("alice", scopes=(f"scope-{number}",), roles=(f"role-{number}",))
        for _ in range(2):
            principal = sessions.verify(pair.access_token)
            assert (principal.scopes, principal.roles) == ({f"scope-{number}"}, {f"role-{number}"})
    sets: dict[str, frozenset[str]] = {}
    for number in range(principals.SETS_REMEMBERED_MAX + 5):
        principals._remembered(sets, str(number), [str(number)])
    assert len(sets) == 5


# ----------------------------------------------------------------------------------------- what start refuses


@pytest.mark.parametrize("subject", ["", "x" * 256, "é" * 128, "a\x00b", "a\nb", "\ud800"], ids=ascii)
def test_a_subject_that_does_not_fit_is_a_value_error(sessions: Sessions, subject: str) -> None:
    for act in (
        lambda: sessions.start(subject),
        lambda: sessions.active(subject),
        lambda: sessions.end_all(subject),
        lambda: sessions.end("A" * 22, subject=subject),
    ):
        with pytest.raises(ValueError, match="a subject is"):
            act()


@pytest.mark.parametrize(
    "words, error",
    [
        ({"subject": 7}, TypeError),
        ({"scopes": "read"}, TypeError),
        ({"scopes": [1]}, TypeError),
        ({"roles": "admin"}, TypeError),
        ({"roles": None}, TypeError),
        ({"scopes": ["read write"]}, ValueError),
        ({"scopes": [""]}, ValueError),
        ({"scopes": ['"']}, ValueError),
        ({"scopes": ["ä"]}, ValueError),
        ({"roles": [""]}, ValueError),
        ({"roles": ["a\nb"]}, ValueError),
        ({"data": [("x", 1)]}, TypeError),
        ({"data": ()}, TypeError),
        ({"data": {"x": b"bytes"}}, TypeError),
        ({"data": {1: 2}}, TypeError),
        ({"data": {"x": float("nan")}}, TypeError),
        ({"data": {"x": "\ud800"}}, (TypeError, ValueError)),
        ({"data": {"x": "y" * 4000}}, ValueError),
    ],
    ids=str,
)
def test_a_mistake_of_the_caller_starts_nothing(
    house: House, sessions: Sessions, words: dict[str, object], error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    house.store.calls.clear()
    with pytest.raises(error) as caught:
        sessions.start(**({"subject": "alice"} | words))
    assert not isinstance(caught.value, DaypassError)
    assert house.store.calls["insert"] == 0


def test_the_label_of_a_device_is_made_safe_and_cut(sessions: Sessions) -> None:
    labels = [
        sessions.start("alice", device=device).session.device
        for device in (None, "", "\n", "x" * 5000, "a\x00b\u202ec\ud800", "Ünï")
    ]
    assert labels == [None, None, None, "x" * 200, "abc", "Ünï"]


def test_what_the_caller_does_with_its_data_later_changes_no_session(house: House, sessions: Sessions) -> None:
    data = {"tenants": [1]}
    pair = sessions.start("alice", data=data)
    data["tenants"].append(2)
    assert sessions.verify(sessions.refresh(pair.refresh_token).access_token).data == {"tenants": [1]}


def test_an_access_token_that_is_too_large_is_a_value_error_and_no_session(house: House) -> None:
    sessions = house.sessions(token_bytes_max=600)
    with pytest.raises(ValueError, match="600"):
        sessions.start("alice", data={"x": "y" * 300})
    assert sessions.active("alice") == ()


def test_a_store_that_is_down_starts_nothing(house: House, sessions: Sessions) -> None:
    house.store.is_down = True
    with pytest.raises(StoreUnavailable):
        sessions.start("alice")
    house.store.is_down = False
    assert sessions.active("alice") == ()


# --------------------------------------------------------------------------------------------------- authorize


def test_authorize_has_the_last_word_at_the_login(house: House) -> None:
    sessions = house.sessions(authorize=lambda subject: Grants(roles=["editor"]) if subject == "alice" else None)
    pair = sessions.start("alice", roles=("admin",), scopes=("all",))
    principal = sessions.verify(pair.access_token)
    assert (principal.roles, principal.scopes) == ({"editor"}, frozenset())
    with pytest.raises(AccessDenied):
        sessions.start("mallory")
    assert sessions.active("mallory") == ()


def test_a_login_that_races_a_lock_is_ended(house: House) -> None:
    locked: set[str] = set()
    sessions = house.sessions(authorize=lambda subject: None if subject in locked else Grants())

    def lock() -> None:  # as the command line does: the mark first, then the sessions that there are
        locked.add("alice")
        assert sessions.end_all("alice") == 0

    house.store.before["insert"] = lock
    with pytest.raises(AccessDenied):
        sessions.start("alice")
    assert sessions.active("alice") == ()


def test_a_login_that_races_a_changed_role_has_the_new_one(house: House) -> None:
    roles = ["admin"]
    sessions = house.sessions(authorize=lambda subject: Grants(roles=tuple(roles)))
    house.store.before["insert"] = roles.clear
    assert sessions.verify(sessions.start("alice").access_token).roles == frozenset()


def answers(*given: object) -> Callable[[str], Grants | None]:
    """Answer in turn; an exception is raised."""
    rest = list(given)

    def authorize(_subject: str) -> Grants | None:
        if isinstance(answer := rest.pop(0), BaseException):
            raise answer
        return answer

    return authorize


@pytest.mark.parametrize("second", [RuntimeError("down"), KeyboardInterrupt(), Grants(roles=["x" * 5000])], ids=repr)
@pytest.mark.parametrize("is_down", [False, True])
def test_a_login_that_fails_after_its_session_was_recorded_leaves_none(
    house: House, second: object, is_down: bool
) -> None:
    sessions = house.sessions(authorize=answers(Grants(), second))
    if is_down:  # when the session is to be ended
        house.store.before["end"] = lambda: (_ for _ in ()).throw(StoreUnavailable("down"))
    expected = type(second) if isinstance(second, BaseException) else ValueError
    with pytest.raises(expected):
        sessions.start("alice")
    assert len(sessions.active("alice")) == is_down


@pytest.mark.parametrize("answer", [True, False, "admin", {"roles": []}, ((), ())], ids=str)
def test_an_answer_of_authorize_that_is_none_of_the_two_starts_nothing(house: House, answer: object) -> None:
    sessions = house.sessions(authorize=answers(answer))
    with pytest.raises(TypeError, match="authorize answers with Grants or None"):
        sessions.start("alice")
    assert sessions.active("alice") == ()


def test_a_refresh_that_races_a_lock_is_refused(house: House) -> None:
    locked: set[str] = set()
    sessions = house.sessions(authorize=lambda subject: None if subject in locked else Grants())
    pair = sessions.start("alice")

    def lock() -> None:
        locked.add("alice")
        sessions.end_all("alice")

    house.store.before["replace"] = lock
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)


# ------------------------------------------------------------------------------------------------------- ending


def test_ending_ends_access_and_refresh_together_and_at_once(sessions: Sessions) -> None:
    pair = sessions.start("alice")
    sessions.verify(pair.access_token)
    sessions.end(pair.session.sid)
    with pytest.raises(SessionEnded):
        sessions.verify(pair.access_token)
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh_token)


def test_ending_twice_is_no_error(sessions: Sessions) -> None:
    pair = sessions.start("alice")
    for _ in range(3):
        sessions.end(pair.session.sid)
        sessions.end(pair.session.sid, subject="alice")


def test_the_session_of_another_subject_is_unknown(sessions: Sessions) -> None:
    pair = sessions.start("alice")
    with pytest.raises(UnknownSession):
        sessions.end(pair.session.sid, subject="mallory")
    sessions.verify(pair.access_token)
    sessions.end(pair.session.sid)
    with pytest.raises(UnknownSession):
        sessions.end(pair.session.sid, subject="mallory")


@pytest.mark.parametrize("sid", ["", "x", "A" * 23, "A" * 21 + "B", "A" * 21 + "\n", "' OR 1=1 --", "A" * 10**6])
def test_what_is_no_sid_is_unknown_and_asks_no_store(house: House, sessions: Sessions, sid: str) -> None:
    house.store.calls.clear()
    with pytest.raises(UnknownSession):
        sessions.end(sid)
    assert house.store.calls == {}


def test_an_end_that_could_not_be_recorded_raises(house: House, sessions: Sessions) -> None:
    pair = sessions.start("alice")
    sessions.verify(pair.access_token)
    house.store.is_down = True
    with pytest.raises(StoreUnavailable):
        sessions.end(pair.session.sid)
    with pytest.raises(StoreUnavailable):
        sessions.end_all("alice")
    assert sessions.verify(pair.access_token).sid == pair.session.sid


def test_ending_all_spares_the_one_that_asked(sessions: Sessions) -> None:
    pairs = [sessions.start("alice") for _ in range(4)]
    foreign = sessions.start("bob")
    assert sessions.end_all("alice", except_sid=pairs[0].session.sid) == 3
    assert [session.sid for session in sessions.active("alice")] == [pairs[0].session.sid]
    for pair in pairs[1:]:
        with pytest.raises(SessionEnded):
            sessions.verify(pair.access_token)
    sessions.verify(pairs[0].access_token)
    sessions.verify(foreign.access_token)
    assert sessions.end_all("alice") == 1
    assert sessions.end_all("alice") == 0


def test_the_cap_ends_the_least_recently_refreshed(house: House, clock: Clock) -> None:
    sessions = house.sessions(sessions_per_subject_max=3)
    pairs = []
    for _ in range(3):
        pairs.append(sessions.start("alice"))
        clock.pass_s(10)
    pairs[0] = sessions.refresh(pairs[0].refresh_token)
    newest = sessions.start("alice")
    with pytest.raises(SessionEnded):
        sessions.verify(pairs[1].access_token)
    alive = [pairs[0], pairs[2], newest]
    for pair in alive:
        sessions.verify(pair.access_token)
    assert {session.sid for session in sessions.active("alice")} == {pair.session.sid for pair in alive}


def test_sessions_are_listed_with_what_their_owner_may_see(sessions: Sessions, clock: Clock) -> None:
    first = sessions.start("alice", device="laptop")
    clock.pass_s(5)
    second = sessions.start("alice", device="phone")
    assert sessions.active("alice") == (second.session, first.session)
    assert sessions.active("bob") == ()


def test_logins_clean_up_behind_themselves(house: House, sessions: Sessions, clock: Clock) -> None:
    pair = sessions.start("alice")
    clock.pass_s(40 * 86_400)
    sessions.start("bob")
    assert house.store.calls["purge"] == 1
    assert house.store.get(pair.session.sid) is None
    sessions.start("bob")
    assert house.store.calls["purge"] == 1, "not at each login"


def test_a_clean_up_that_fails_is_no_failed_login(house: House, sessions: Sessions, clock: Clock) -> None:
    clock.pass_s(60)

    def fail() -> None:
        raise StoreUnavailable("busy")

    house.store.before["purge"] = fail
    sessions.verify(sessions.start("alice").access_token)


# -------------------------------------------------------------------------------------------- ways to revoke


def test_strict_asks_the_store_each_time(house: House) -> None:
    here, there = house.sessions(revocation="strict"), house.sessions(revocation="strict")
    pair = here.start("alice")
    assert there.verify(pair.access_token).subject == "alice"
    house.store.calls.clear()
    there.verify(pair.access_token)
    assert house.store.calls == {"get": 1}
    here.end(pair.session.sid)
    with pytest.raises(SessionEnded):
        there.verify(pair.access_token)
    house.store.is_down = True
    with pytest.raises(StoreUnavailable):
        there.verify(pair.access_token)


def test_strict_knows_no_session_that_is_gone(house: House) -> None:
    sessions = house.sessions(revocation="strict")
    pair = sessions.start("alice")
    house.store.store = MemoryStore()
    with pytest.raises(UnknownSession):
        sessions.verify(pair.access_token)


def test_none_hears_of_a_logout_here_only(house: House) -> None:
    here, there = house.sessions(revocation="none"), house.sessions(revocation="none")
    pair = here.start("alice")
    here.end(pair.session.sid)
    with pytest.raises(SessionEnded):
        here.verify(pair.access_token)
    there.verify(pair.access_token)
    assert house.store.calls["denials"] == 0


# ------------------------------------------------------------------------------------------------------- set-up


@pytest.mark.parametrize(
    "words",
    [
        {"format": "jwx"},
        {"accepted_formats": ["jwt"]},
        {"accepted_formats": ("jwx",)},
        {"revocation": "maybe"},
        {"when_stale": "ignore"},
        {"access_lifetime_s": 0},
        {"access_lifetime_s": 600.0},
        {"access_lifetime_s": True},
        {"access_lifetime_s": 90_000},
        {"idle_lifetime_s": 599},
        {"absolute_lifetime_s": 1_209_599},
        {"refresh_grace_s": -1},
        {"refresh_grace_s": 301},
        {"feed_poll_s": 0},
        {"feed_poll_s": "2"},
        {"feed_poll_s": float("nan")},
        {"feed_poll_s": 10},
        {"sessions_per_subject_max": 0},
        {"token_bytes_max": 100},
        {"token_bytes_max": 1 << 20},
        {"leeway_s": 301},
        {"client_id": ""},
        {"client_id": 5},
        {"client_id": "x" * 256},
    ],
    ids=str,
)
def test_a_policy_that_makes_no_sense_is_refused(words: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SessionPolicy(**words)
    assert any(name in str(caught.value) for name in words)


def test_keys_without_a_ring_are_refused() -> None:
    for keys in (JWK.generate("HS256"), [JWK.generate("HS256")], None, b"x" * 32):
        with pytest.raises(ConfigurationError, match=r"KeyRing\.in_memory"):
            Sessions(MemoryStore(), keys, **WORDS)


@pytest.mark.parametrize("schedule", [{"token_lifetime_s_max": 599}, {"session_lifetime_s_max": 2_591_999}], ids=str)
def test_a_ring_that_forgets_too_early_is_refused(schedule: dict[str, int]) -> None:
    ring = KeyRing.in_memory(alg="HS256", schedule=RotationSchedule(**schedule))
    with pytest.raises(ConfigurationError, match="forgets keys too early"):
        Sessions(MemoryStore(), ring, **WORDS)


def test_memory_comes_with_a_ring_in_memory() -> None:
    with Sessions.open("memory://", **WORDS) as sessions:
        pair = sessions.start("alice")
        assert sessions.refresh(pair.refresh_token).session.sid == pair.session.sid
        assert sessions.keys.path is None
        assert "end with this process" in sessions.describe()


def test_a_new_database_gets_its_ring_beside_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with Sessions.open(url, **WORDS) as first, Sessions.open(url, **WORDS) as second:
        assert first.keys.path == tmp_path / "x.keys.json"
        pair = first.start("alice")
        assert second.verify(pair.access_token).subject == "alice"
        assert first.verify(second.refresh(pair.refresh_token).access_token).subject == "alice"


def test_a_database_with_sessions_and_without_its_ring_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with Sessions.open(url, **WORDS):
        pass
    (tmp_path / "x.keys.json").unlink()
    with Sessions.open(url, **WORDS) as sessions:  # nobody had logged in
        sessions.start("alice")
    (tmp_path / "x.keys.json").unlink()
    with pytest.raises(ConfigurationError, match=r"x\.keys\.json is gone"):
        Sessions.open(url, **WORDS)
    assert not (tmp_path / "x.keys.json").exists()


def test_a_ring_that_others_can_read_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    Sessions.open(url, **WORDS).close()
    (tmp_path / "x.keys.json").chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod"):
        Sessions.open(url, **WORDS)


def test_the_keys_of_the_caller_are_used(tmp_path: Path) -> None:
    ring = KeyRing.in_memory(alg="HS256")
    with Sessions.open(f"sqlite:///{tmp_path}/x.db", keys=ring, **WORDS) as sessions:
        assert sessions.keys is ring
    assert not (tmp_path / "x.keys.json").exists()


def test_closing_twice_is_no_error() -> None:
    sessions = Sessions.open("memory://", **WORDS)
    sessions.verify(sessions.start("alice").access_token)
    sessions.close()
    sessions.close()


# --------------------------------------------------------------------------------------------------- describe


def test_describe_says_where_everything_is_and_how_late_a_logout_may_be(tmp_path: Path) -> None:
    def described(**words: object) -> str:
        with Sessions.open(f"sqlite:///{tmp_path}/x.db", **WORDS, policy=SessionPolicy(**words)) as sessions:
            return sessions.describe()

    text = described()
    assert f"{tmp_path}/x.db" in text
    assert f"{tmp_path}/x.keys.json: a copy of this folder is a copy of every login" in text
    assert "a thief's replay inside the grace window is found at the next refresh" in text
    assert "at once, and by the others within 2 s and the time of one reading" in text
    assert "accepted with an alarm: at worst it is refused 600 s later" in text
    assert "(503): at worst it is refused 10 s later" in described(when_stale="refuse")
    assert "the store is asked at each verification" in described(revocation="strict")
    assert "when its access token expires: at worst 630 s later" in described(revocation="none", leeway_s=30)


# ------------------------------------------------------------------------------------------- nothing is shown


def parts_of(text: str) -> list[str]:
    """Cut a token into what would give it away."""
    return [text, *(part for part in text.split(".") if len(part) > 30)]


def test_no_text_shows_a_token_or_a_secret(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sessions = house.sessions(when_stale="refuse")
    note = "-".join(("plum", "secret"))  # so that no line of source shows it
    first = sessions.start("alice", data={"note": note})
    pair = sessions.refresh(first.refresh_token)
    principal = sessions.verify(pair.access_token)
    nonce = pair.refresh_token.split(".")[4]
    planted = [nonce, note]
    for token in (first.access_token, first.refresh_token, pair.access_token, pair.refresh_token):
        planted += parts_of(token)
    row = house.store.get(pair.session.sid)
    texts = [sessions.describe(), house.ring.describe()]
    for thing in (sessions, pair, principal, row, pair.session, house.ring, house.store.store, sessions._denials):
        texts += [repr(thing), str(thing), f"{thing}", repr(getattr(thing, "__rich_repr__", list)())]
        assert not hasattr(thing, "__dict__")

    forged = pair.refresh_token[:-3] + "AAA"
    house.clock.pass_s(60)
    refusals: list[Callable[[], object]] = [
        lambda: sessions.refresh(first.refresh_token),
        lambda: sessions.refresh(pair.refresh_token),
        lambda: sessions.verify(pair.access_token),
        lambda: sessions.refresh(forged),
        lambda: sessions.refresh(pair.refresh_token + "x"),
        lambda: sessions.start("alice", data={"note": note * 1000}),
    ]
    for act in refusals:
        with pytest.raises((DaypassError, ValueError)) as caught:
            act()
        texts.append("".join(traceback.format_exception(caught.value)))
        texts.append(repr(caught.value.__dict__))
    texts += [record.getMessage() for record in caplog.records]
    assert not [(text, secret) for text in texts for secret in planted if secret in text]


def test_a_traceback_that_shows_locals_shows_no_secret_while_the_store_is_down(house: House) -> None:
    sessions = house.sessions()
    pair = sessions.start("alice")
    house.store.is_down = True
    for act in (lambda: sessions.refresh(pair.refresh_token), lambda: sessions.start("alice")):
        with pytest.raises(StoreUnavailable) as caught:
            act()
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [frame for frame in shown.stack if "daypass/sessions" in frame.filename]
        assert frames
        text = "".join(str(frame.locals) for frame in frames)
        for part in pair.refresh_token.split(".")[4:]:
            assert part not in text
        assert "dpr1." not in text
        assert "eyJ" not in text


@pytest.mark.parametrize(
    "words",
    [
        {"revocation": "strict"},
        {"format": "reference"},
        {"format": "reference", "accepted_formats": ("jwt",)},
        {"when_stale": "refuse"},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_watched", [False, True])
def test_no_frame_shows_an_access_token_that_lives_while_the_store_is_down(
    house: House, words: dict[str, object], is_watched: bool
) -> None:
    sessions = house.sessions(on_event=(lambda _: None) if is_watched else None, **words)
    pair = sessions.start("alice")
    house.store.is_down = True
    with pytest.raises(StoreUnavailable) as caught:
        sessions.verify(pair.access_token)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in shown.stack if "/daypass/" in frame.filename]
    assert frames
    assert not [frame.name for frame in frames if pair.access_token in str(frame.locals)]


def test_who_names_the_session_that_stays_by_something_else_ends_none(sessions: Sessions) -> None:
    pair = sessions.start("alice")
    for wrong in (pair.session, sessions.verify(pair.access_token), pair.session.sid.encode()):
        with pytest.raises(TypeError, match="except_sid is the sid of a session"):
            sessions.end_all("alice", except_sid=wrong)  # type: ignore[arg-type]
    assert len(sessions.active("alice")) == 1


@pytest.mark.parametrize("device", [5, b"phone", ["phone"]], ids=str)
def test_a_device_is_a_label(sessions: Sessions, device: object) -> None:
    with pytest.raises(TypeError, match="a device is a label for people"):
        sessions.start("alice", device=device)  # type: ignore[arg-type]


def test_refreshes_alone_do_not_let_reference_tokens_pile_up(house: House) -> None:
    sessions = house.sessions(format="reference", access_lifetime_s=60)
    pair = sessions.start("alice")
    for _ in range(40):
        house.clock.pass_s(60)
        pair = sessions.refresh(pair.refresh_token)
    assert house.store.calls["purge"] == 40
    assert house.store.purge(now_s=house.clock(), limit=100) == 0  # what is over has gone already


def test_a_clean_up_that_leaves_something_is_soon_followed_by_another(house: House) -> None:
    sessions = house.sessions()
    for number in range(2600):
        house.store.put_reference(number.to_bytes(32, "big"), b"sealed", until=int(house.clock()) - 10_000)
    for _ in range(60):
        house.clock.pass_s(0.6)
        sessions.start("alice")
    assert house.store.purge(now_s=house.clock(), limit=1000) == 0
    assert house.store.calls["purge"] < 12  # and then as rarely as before


def test_sessions_are_not_pickled(sessions: Sessions) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dump(sessions, io.BytesIO())
