"""The endpoints as functions: what depends on the time, and what happens between a password and its session."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import pytest

from daypass.errors import StoreUnavailable
from daypass.keyring.ring import KeyRing
from daypass.sessions.manager import Sessions
from daypass.sessions.policy import SessionPolicy
from daypass.sessions.values import Grants
from daypass.stores.memory import MemoryStore
from daypass.web import endpoints
from daypass.web.endpoints import Credential, answer
from daypass.web.problem import Refused, wrong_credentials
from daypass.web.transport import Request, Response

NOW = 1_800_000_000
LOGIN = b'{"email":"ada@example.com","password":"right"}'


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Directory:
    """Accounts with one password, and a place to do something while it is being checked."""

    def __init__(self) -> None:
        self.version = 1
        self.locked = False
        self.changed: list[tuple[str, str, str]] = []
        self.after_check: Callable[[], object] = lambda: None

    def authenticate(self, email: str, password: str) -> Credential:
        if password != "right" or self.locked:
            raise wrong_credentials()
        credential = Credential(email, self.version)
        self.after_check()
        return credential

    def is_current(self, credential: Credential) -> bool:
        return credential.version == self.version

    def change_password(self, subject: str, *, current: str, new: str) -> None:
        self.changed.append((subject, current, new))

    def authorize(self, _subject: str) -> Grants | None:
        return None if self.locked else Grants(roles=("editor",))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def sessions(clock: Clock, directory: Directory) -> Iterator[Sessions]:
    ring = KeyRing.in_memory(alg="HS256", clock=clock)
    with Sessions(
        MemoryStore(),
        ring,
        issuer="test",
        audience="test",
        policy=SessionPolicy(),
        authorize=directory.authorize,
        clock=clock,
    ) as made:
        yield made


def call(endpoint: Callable[[Request], Response], access: str = "", body: bytes = b"", **path: str) -> Response:
    headers = (("content-type", "application/json"),)
    if access:
        headers += (("authorization", f"Bearer {access}"),)
    return answer(endpoint, Request("POST", headers, "", body, path))


def decoded(response: Response) -> Any:
    return msgspec.json.decode(response.body)


@pytest.fixture
def login(sessions: Sessions, directory: Directory) -> Callable[[], Response]:
    return lambda: call(partial(endpoints.login, sessions=sessions, accounts=directory), body=LOGIN)


def refresh_body(pair: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"refresh_token": pair["refresh_token"]})


def test_an_expired_access_token_is_no_logout_without_the_refresh_token(
    sessions: Sessions, clock: Clock, login: Callable[[], Response]
) -> None:
    pair = decoded(login())
    logout = partial(endpoints.logout, sessions=sessions)
    clock.now += 601
    refused = call(logout, pair["access_token"])
    assert (refused.status, decoded(refused)["code"]) == (401, "token_expired")
    assert len(sessions.active("ada@example.com")) == 1
    assert call(logout, pair["access_token"], refresh_body(pair)).status == 204
    assert sessions.active("ada@example.com") == ()
    assert call(logout, pair["access_token"], refresh_body(pair)).status == 204


def test_a_replaced_refresh_token_still_logs_out(
    sessions: Sessions, clock: Clock, login: Callable[[], Response]
) -> None:
    pair = decoded(login())
    sessions.refresh(pair["refresh_token"])
    clock.now += 3600
    assert call(partial(endpoints.logout, sessions=sessions), body=refresh_body(pair)).status == 204
    assert sessions.active("ada@example.com") == ()


@pytest.mark.parametrize("lost", ["what a reference stood for", "the key of a signature"])
def test_an_access_token_that_expired_long_ago_does_not_keep_anybody_logged_in(clock: Clock, lost: str) -> None:
    ring = KeyRing.in_memory(alg="HS256", clock=clock)
    policy = SessionPolicy(format="reference" if lost.startswith("what") else "jwt")
    with Sessions(MemoryStore(), ring, issuer="test", audience="test", policy=policy, clock=clock) as sessions:
        logout = partial(endpoints.logout, sessions=sessions)
        pair = sessions.start("ada@example.com")
        old = ring.signing_keys()[0].kid
        ring.rotate(at_once=True)
        clock.now += 3 * 86_400
        ring.rotate()
        assert old not in {entry.kid for entry in ring.entries() if entry.state(clock.now) != "removed"}
        assert call(logout, pair.access_token).status == 401
        assert len(sessions.active("ada@example.com")) == 1
        assert call(logout, pair.access_token, b'{"refresh_token":""}').status == 401
        assert call(logout, pair.access_token, refresh_body({"refresh_token": pair.refresh_token})).status == 204
        assert sessions.active("ada@example.com") == ()


def test_a_logout_that_nobody_can_record_is_not_answered_as_done(
    sessions: Sessions, login: Callable[[], Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = decoded(login())
    logout = partial(endpoints.logout, sessions=sessions)
    rows, sessions._store._rows = sessions._store._rows, {}  # an older copy of the store was put back
    for refused in (call(logout, pair["access_token"]), call(logout, body=refresh_body(pair))):
        assert (refused.status, decoded(refused)["code"]) == (401, "unknown_session")
    sessions._store._rows = rows

    def away(*_values: object, **_words: object) -> None:
        raise StoreUnavailable("down")

    for verb in ("get", "end"):
        with monkeypatch.context() as patch:
            patch.setattr(MemoryStore, verb, away)
            assert call(logout, body=refresh_body(pair)).status == 503
    monkeypatch.setattr(MemoryStore, "end", away)
    assert call(logout, pair["access_token"]).status == 503
    monkeypatch.undo()
    assert call(logout, pair["access_token"]).status == 204


def test_a_refresh_token_that_comes_back_late_is_refused_by_name(
    sessions: Sessions, clock: Clock, login: Callable[[], Response]
) -> None:
    pair = decoded(login())
    refresh = partial(endpoints.refresh, sessions=sessions)
    successor = decoded(call(refresh, body=refresh_body(pair)))
    clock.now += 11
    refused = call(refresh, body=refresh_body(pair))
    assert (refused.status, decoded(refused)["code"]) == (401, "refresh_reused")
    refused = call(refresh, body=refresh_body(successor))
    assert (refused.status, decoded(refused)["code"]) == (401, "session_ended")


def test_a_lock_between_password_and_session_leaves_no_session(
    sessions: Sessions, directory: Directory, login: Callable[[], Response]
) -> None:
    def lock() -> None:
        directory.locked = True
        sessions.end_all("ada@example.com")

    directory.after_check = lock
    refused = login()
    assert (refused.status, decoded(refused)["code"]) == (401, "wrong_credentials")
    assert sessions.active("ada@example.com") == ()


def test_a_new_password_between_password_and_session_leaves_no_session(
    sessions: Sessions, directory: Directory, login: Callable[[], Response]
) -> None:
    def replace() -> None:
        directory.version += 1
        sessions.end_all("ada@example.com")

    directory.after_check = replace
    refused = login()
    assert (refused.status, decoded(refused)["code"]) == (401, "wrong_credentials")
    assert sessions.active("ada@example.com") == ()


def test_a_lock_ends_the_refresh_too(sessions: Sessions, directory: Directory, login: Callable[[], Response]) -> None:
    pair = decoded(login())
    directory.locked = True
    refused = call(partial(endpoints.refresh, sessions=sessions), body=refresh_body(pair))
    assert (refused.status, decoded(refused)["code"]) == (401, "session_ended")
    directory.locked = False
    assert call(partial(endpoints.refresh, sessions=sessions), body=refresh_body(pair)).status == 401


def test_a_password_is_changed_for_the_subject_of_the_token(
    sessions: Sessions, directory: Directory, login: Callable[[], Response]
) -> None:
    pair = decoded(login())
    change = partial(endpoints.change_password, sessions=sessions, accounts=directory)
    body = b'{"current_password":"right","new_password":"better","subject":"eve@example.com"}'
    assert call(change, pair["access_token"], body).status == 204
    assert directory.changed == [("ada@example.com", "right", "better")]


def test_only_refusals_become_answers() -> None:
    def refuse(_request: Request) -> Response:
        raise Refused(418, "teapot", "Short and stout.")

    def fail(_request: Request) -> Response:
        raise ZeroDivisionError

    assert call(refuse).status == 418
    with pytest.raises(ZeroDivisionError):
        call(fail)
