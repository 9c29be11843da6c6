"""Sessions in memcached, the real one: what they can, what they refuse by name, and what is lost without harm."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient

from daypass.errors import (
    AccessDenied,
    ConfigurationError,
    StoreUnavailable,
    TokenError,
    UnknownSession,
)
from daypass.keyring.ring import KeyRing
from daypass.keyring.schedule import RotationSchedule
from daypass.limits import CACHED_S_MAX
from daypass.sessions import AsyncSessions, Grants, SessionPolicy, Sessions
from daypass.sessions.events import EndEvent, Event, LoginEvent, RefusalEvent
from daypass.stores.memcached import MemcachedStore, open_memcached
from tests.real_servers.memcached import Memcached

PARTIES = {"issuer": "https://id.example", "audience": "https://api.example"}
POLICY = SessionPolicy(format="reference", revocation="strict")


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.in_memory(schedule=RotationSchedule(session_lifetime_s_max=2 * CACHED_S_MAX))


@pytest.fixture
def opened(memcached_url: str, ring: KeyRing) -> Iterator[Callable[..., Sessions]]:
    all_of_them: list[Sessions] = []

    def open_sessions(policy: SessionPolicy = POLICY, **words: Any) -> Sessions:
        all_of_them.append(Sessions.open(memcached_url, keys=ring, policy=policy, **PARTIES, **words))
        return all_of_them[-1]

    yield open_sessions
    for sessions in all_of_them:
        sessions.close()


Opened = Callable[..., Sessions]


def test_start_verify_end_over_two_nodes(opened: Opened) -> None:
    here, there = opened(), opened()
    pair = here.start("u1", scopes=["read"], roles=["admin"], data={"tenant": "t1"}, device="phone")
    principal = there.verify(pair.access_token)
    assert (principal.subject, principal.sid, principal.scopes) == ("u1", pair.session.sid, {"read"})
    assert pair.refresh_token == ""
    assert 0 < pair.expires_in <= POLICY.idle_lifetime_s
    there.end(pair.session.sid)
    for sessions in (here, there):
        with pytest.raises(UnknownSession):
            sessions.verify(pair.access_token)
        with pytest.raises(UnknownSession):
            sessions.end(pair.session.sid)


@pytest.mark.parametrize(
    "verb, values",
    [
        ("refresh", ("x",)),
        ("end_with", ("x",)),
        ("end_all", ("u1",)),
        ("active", ("u1",)),
        ("reauthenticate", ("x",)),
    ],
)
def test_verbs_that_need_a_memory_are_refused_by_name(opened: Opened, verb: str, values: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{verb} .*sqlite:///.*start, verify and end"):
        getattr(opened(), verb)(*values)


@pytest.mark.parametrize(
    "words",
    [
        {"format": "jwt"},
        {"revocation": "feed"},
        {"revocation": "none"},
        {"accepted_formats": ("jwt",)},
        {"idle_lifetime_s": CACHED_S_MAX + 1, "absolute_lifetime_s": CACHED_S_MAX + 1},
    ],
    ids=str,
)
def test_settings_that_memcached_cannot_keep_are_refused(opened: Opened, words: dict[str, Any]) -> None:
    policy = SessionPolicy(**{"format": "reference", "revocation": "strict", **words})
    with pytest.raises(ConfigurationError, match="memcached"):
        opened(policy)


def test_a_cache_keeps_no_ring(memcached_url: str) -> None:
    with pytest.raises(ConfigurationError, match="KeyRing"):
        Sessions.open(memcached_url, policy=POLICY, **PARTIES)


def test_the_idle_time_begins_anew_with_each_use_and_the_end_does_not_move(opened: Opened) -> None:
    policy = SessionPolicy(
        format="reference", revocation="strict", access_lifetime_s=1, idle_lifetime_s=3, absolute_lifetime_s=5
    )
    sessions = opened(policy)
    used, idle = (sessions.start("u1").access_token for _ in range(2))
    began = time.monotonic()
    while time.monotonic() < began + 3.8:
        assert sessions.verify(used).subject == "u1"
        time.sleep(0.2)
    with pytest.raises(UnknownSession):
        sessions.verify(idle)
    refused = False
    while not refused and time.monotonic() < began + 15:
        try:
            sessions.verify(used)
        except TokenError:
            refused = True
        time.sleep(0.1)
    assert refused
    assert time.monotonic() < began + 12


def test_another_subject_cannot_end_it(opened: Opened) -> None:
    sessions = opened()
    pair = sessions.start("u1")
    with pytest.raises(UnknownSession):
        sessions.end(pair.session.sid, subject="u2")
    for sid in ("", "x", pair.session.sid + "A", pair.session.sid[:-1], "A" * 10_000, "\x00" * 43, "é" * 43):
        with pytest.raises(UnknownSession):
            sessions.end(sid)
    assert sessions.verify(pair.access_token).subject == "u1"
    sessions.end(pair.session.sid, subject="u1")


def test_authorize_has_the_first_and_the_last_word(opened: Opened) -> None:
    answers: list[Grants | None] = [Grants(("a",), ()), Grants(("b",), ())]
    sessions = opened(authorize=lambda subject: answers.pop(0))
    assert sessions.verify(sessions.start("u1").access_token).scopes == {"b"}
    answers += [None]
    with pytest.raises(AccessDenied):
        sessions.start("u1")
    answers += [Grants((), ()), None]
    with pytest.raises(AccessDenied):
        sessions.start("u1")


def test_a_login_that_was_refused_at_the_last_moment_leaves_nothing(opened: Opened, memcached: Memcached) -> None:
    answers: list[Grants | None] = [Grants((), ()), None]
    sessions = opened(authorize=lambda subject: answers.pop(0))
    with pytest.raises(AccessDenied):
        sessions.start("u1")
    assert not _kept(memcached)


def test_events_are_told(opened: Opened) -> None:
    told: list[Event] = []
    sessions = opened(on_event=told.append)
    pair = sessions.start("u1")
    sessions.verify(pair.access_token)
    sessions.end(pair.session.sid)
    with pytest.raises(UnknownSession):
        sessions.verify(pair.access_token)
    assert [type(event) for event in told] == [LoginEvent, EndEvent, RefusalEvent]
    assert {event.sid for event in told[:2]} == {pair.session.sid}
    assert pair.access_token not in repr(told)


def test_what_memcached_holds_is_no_token_and_says_nothing(opened: Opened, memcached: Memcached) -> None:
    sessions = opened()
    pair = sessions.start("subject-of-the-test", roles=["admin"])
    ((key, value),) = _kept(memcached).items()
    assert pair.access_token.split(".")[1].encode() not in value + key.encode()
    assert b"subject-of-the-test" not in value
    assert len(key) <= 250
    other = sessions.start("other")
    (own,) = _kept(memcached).keys() - {key}
    with closing(Client(("127.0.0.1", memcached.port))) as client:
        client.set(own, value)  # the session of another under one's own token
    with pytest.raises(TokenError):
        sessions.verify(other.access_token)


def test_a_restart_forgets_sessions_and_brings_no_ended_one_back(opened: Opened, memcached: Memcached) -> None:
    sessions = opened()
    live, ended = sessions.start("u1"), sessions.start("u1")
    sessions.end(ended.session.sid)
    memcached.stop()
    try:
        for verb in (lambda: sessions.verify(live.access_token), lambda: sessions.end(live.session.sid)):
            with pytest.raises(StoreUnavailable):  # 503, not 401: nobody is logged out by a server that is away
                verb()
        with pytest.raises(StoreUnavailable):
            sessions.start("u1")
    finally:
        memcached.start()
    for pair in (live, ended):
        with pytest.raises(UnknownSession):
            sessions.verify(pair.access_token)
    assert sessions.verify(sessions.start("u1").access_token).subject == "u1"


def test_a_server_that_is_full_forgets_sessions_and_brings_no_ended_one_back(ring: KeyRing) -> None:
    server = Memcached()
    server.start()
    try:
        with Sessions.open(server.url, keys=ring, policy=POLICY, **PARTIES) as sessions:
            ended = sessions.start("u1")
            ((key, entry),) = _kept(server).items()
            sessions.end(ended.session.sid)
            live = sessions.start("u1")
            wanted = range(0, 2 * 64 * 2**20 // len(entry), 1000)  # twice what it holds, of the same size
            with closing(Client(("127.0.0.1", server.port))) as client:
                for first in wanted:
                    others = {str(number).rjust(len(key), "x"): entry for number in range(first, first + 1000)}
                    client.set_multi(others, noreply=True)
                client.version()  # all of it has arrived
            for pair in (live, ended):
                with pytest.raises(UnknownSession):
                    sessions.verify(pair.access_token)
            assert sessions.verify(sessions.start("u1").access_token).subject == "u1"
    finally:
        server.close()


def test_a_server_that_hangs_is_unavailable_and_its_late_answer_goes_to_nobody(
    memcached_url: str, memcached: Memcached, ring: KeyRing
) -> None:
    host, _, port = memcached_url.removeprefix("memcached://").rpartition(":")
    store = MemcachedStore(PooledClient((host, int(port)), max_pool_size=1, connect_timeout=0.3, timeout=0.3))
    sessions = Sessions(store, ring, policy=POLICY, **PARTIES)
    first, second = sessions.start("u1"), sessions.start("u2")
    memcached.pause()
    try:
        with pytest.raises(StoreUnavailable):
            sessions.verify(first.access_token)
    finally:
        memcached.resume()
    assert sessions.verify(second.access_token).subject == "u2"
    assert sessions.verify(first.access_token).subject == "u1"
    store._clients[0].close()


def test_many_threads_share_it(opened: Opened) -> None:
    sessions = opened()

    def work(number: int) -> str:
        for _ in range(10):
            pair = sessions.start(f"u{number}")
            subject = sessions.verify(pair.access_token).subject
            sessions.end(pair.session.sid)
            assert subject == f"u{number}"
        return subject

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(work, range(20))) == [f"u{number}" for number in range(20)]


def test_two_servers_share_the_sessions_whatever_their_order(memcached_url: str, ring: KeyRing) -> None:
    with Memcached() as other:
        urls = [memcached_url, f"memcached://127.0.0.1:{other.port}"]
        one, two = (name.removeprefix("memcached://") for name in urls)
        here = Sessions.open(f"memcached://{one},{two}", keys=ring, policy=POLICY, **PARTIES)
        there = Sessions.open(f"memcached://{two},{one}", keys=ring, policy=POLICY, **PARTIES)
        pairs = [here.start(f"u{number}") for number in range(20)]
        assert [there.verify(pair.access_token).subject for pair in pairs] == [f"u{number}" for number in range(20)]
        other.stop()
        answers = []
        for pair in pairs:
            try:
                answers.append(here.verify(pair.access_token).subject)
            except StoreUnavailable:
                answers.append("503")
        assert 0 < answers.count("503") < 20  # never a 401
        here.close()
        there.close()


def test_clients_that_would_log_people_out_are_refused(memcached: Memcached) -> None:
    address = ("127.0.0.1", memcached.port)
    for client in (Client(address), HashClient([address]), PooledClient(address, ignore_exc=True), ()):
        with pytest.raises(ConfigurationError):
            MemcachedStore(client)  # type: ignore[arg-type]
    for prefix in ("", "a b", "a\n", "é", "x" * 101):
        with pytest.raises(ConfigurationError):
            MemcachedStore(PooledClient(address), prefix=prefix)


@pytest.mark.parametrize(
    "url",
    ["memcached://", "memcached://a:b", "memcached://a:0", "memcached://u:p@h:1", "memcached://a,a", "memcached://a/b"],
)
def test_urls_that_cannot_be_read_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_memcached(url)
    assert "u:p" not in str(raised.value)


def test_an_entry_longer_than_30_days_is_refused(memcached_url: str) -> None:
    store = open_memcached(memcached_url)
    with pytest.raises(ValueError, match=str(CACHED_S_MAX)):
        store.put_reference(b"x" * 32, b"sealed", until=int(time.time()) + CACHED_S_MAX + 10)
    with pytest.raises(ValueError, match="over before"):
        store.put_reference(b"x" * 32, b"sealed", until=int(time.time()) - 1)
    store.close()


def test_sessions_of_an_event_loop(memcached_url: str, ring: KeyRing) -> None:
    import anyio

    async def work() -> None:
        async with AsyncSessions.open(memcached_url, keys=ring, policy=POLICY, **PARTIES) as sessions:
            pair = await sessions.start("u1")
            assert (await sessions.verify(pair.access_token)).subject == "u1"
            await sessions.end(pair.session.sid)
            with pytest.raises(UnknownSession):
                await sessions.verify(pair.access_token)
            with pytest.raises(ConfigurationError):
                await sessions.active("u1")

    anyio.run(work)


def test_describe_says_what_is_lost(opened: Opened, tmp_path: Path) -> None:
    words = opened().describe()
    assert "memcached evicts, and forgets at a restart" in words
    assert "random texts" in words
    # A cache keeps no refresh tokens and cannot count: it promises neither.
    assert "1209600 s after its last verification" in words
    assert "may have any number of sessions" in words
    for wrong in ("grace", "at most: one more", "valid for 600 s", "refresh token gets", "last refresh"):
        assert wrong not in words


@pytest.mark.parametrize("is_watched", [False, True])
def test_a_session_whose_key_was_retired_can_still_be_removed(opened: Opened, ring: KeyRing, is_watched: bool) -> None:
    told: list[Event] = []
    sessions = opened(**({"on_event": told.append} if is_watched else {}))
    pair = sessions.start("u1")
    secret = next(entry.kid for entry in ring.entries() if entry.purpose == "derive")
    ring.rotate(at_once=True)
    ring.retire(secret)
    with pytest.raises(UnknownSession):  # whose it is cannot be said
        sessions.end(pair.session.sid, subject="u1")
    sessions.end(pair.session.sid)
    with pytest.raises(UnknownSession):
        sessions.end(pair.session.sid)


def _kept(memcached: Memcached) -> dict[str, bytes]:
    """List what is there, as memcached itself does; its list has entries that are gone, too."""
    with socket.create_connection(("127.0.0.1", memcached.port), timeout=5) as connection:
        connection.sendall(b"lru_crawler metadump all\r\n")
        said = b""
        while not said.endswith(b"END\r\n"):
            said += connection.recv(65_536)
    lines = [line.split(b" ")[0].decode() for line in said.split(b"\n")]
    names = [unquote(line.removeprefix("key=")) for line in lines if line.startswith("key=")]
    with closing(Client(("127.0.0.1", memcached.port))) as client:
        found = {name: client.get(name) for name in names}
    return {name: value for name, value in found.items() if value is not None}
