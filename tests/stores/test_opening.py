"""From a URL to sessions: what a store on a server wants to be told, and what no error shows."""

import secrets
import traceback
from contextlib import closing

import anyio
import pytest

from daypass.errors import ConfigurationError, DaypassError
from daypass.keyring import KeyRing, master_key_from_env
from daypass.sessions import AsyncSessions, SessionPolicy, Sessions
from daypass.stores import open_store

PARTIES = {"issuer": "https://id.example", "audience": "https://api.example"}
SERVERS = ["postgresql", "mariadb", "redis", "redis_cluster"]


@pytest.mark.parametrize("server", SERVERS)
def test_a_store_on_a_server_wants_the_ring_that_all_nodes_share(server: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{server}_url")
    with pytest.raises(ConfigurationError, match=r"keys.*from_storage.*DAYPASS_MASTER_KEY"):
        Sessions.open(url, **PARTIES)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ["jwt", "paseto-v4-local", "reference"])
def test_two_nodes_share_sessions_and_the_ring_in_the_store(
    server: str, name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue(f"{server}_url")
    monkeypatch.setenv("DAYPASS_MASTER_KEY", secrets.token_urlsafe(32))
    policy = SessionPolicy(format=name, revocation="strict")  # type: ignore[arg-type]
    alg = "v4.local" if name == "paseto-v4-local" else "EdDSA"
    with (
        closing(open_store(url)) as one,
        closing(open_store(url)) as two,
        KeyRing.from_storage(one.ring_storage(), master_key=master_key_from_env(), alg=alg) as here_ring,
        KeyRing.from_storage(two.ring_storage(), master_key=master_key_from_env(), alg=alg) as there_ring,
        Sessions(one, here_ring, policy=policy, **PARTIES) as here,
        Sessions(two, there_ring, policy=policy, **PARTIES) as there,
    ):
        pair = here.start("u1", device="phone", data={"tenant": "t1"})
        assert there.verify(pair.access_token).data == {"tenant": "t1"}
        following = there.refresh(pair.refresh_token)
        assert here.refresh(pair.refresh_token).refresh_token == following.refresh_token  # within the grace window
        assert [session.device for session in here.active("u1")] == ["phone"]
        assert there.end_all("u1") == 1
        for sessions in (here, there):
            with pytest.raises(DaypassError):
                sessions.verify(following.access_token)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret-word@127.0.0.1:1/db",
        "mysql://user:secret-word@127.0.0.1:1/db",
        "mariadb://user:secret-word@127.0.0.1:1/db",
        "redis://user:secret-word@127.0.0.1:1/0",
        "rediss://user:secret-word@127.0.0.1:1/0",
        "redis://user:secret-word@127.0.0.1:1/0?cluster=true",
        "postgresql://user:secret-word@127.0.0.1:x/db",
        "mysql://user:secret-word@127.0.0.1:x/db",
        "redis://user:secret-word@127.0.0.1:x/0",
        "memcached://user:secret-word@127.0.0.1:1",
        "mongodb://user:secret-word@127.0.0.1:1",
        "postgresql://user:secret-word@127.0.0.1:1/db?sslmode=secret-word",
        "redis://127.0.0.1:1/0?password=secret-word",
        "redis://127.0.0.1:1/0?cluster=secret-word",
    ],
)
def test_no_error_and_no_frame_shows_the_password_of_a_url(url: str) -> None:
    """A server that is not there, and URLs that cannot be read."""
    with pytest.raises(DaypassError) as caught:
        Sessions.open(url, keys=KeyRing.in_memory(), **PARTIES)
    _assert_hidden(caught.value)

    async def opened_by_a_loop() -> None:
        async with AsyncSessions.open(url, keys=KeyRing.in_memory(), **PARTIES):
            pass

    with pytest.raises(DaypassError) as caught:
        anyio.run(opened_by_a_loop)
    _assert_hidden(caught.value)


def _assert_hidden(raised: BaseException) -> None:
    """Look at the message and at the variables of every frame of daypass; those of the test know the URL."""
    assert "secret-word" not in "".join(traceback.format_exception(raised))
    shown = []
    seen: BaseException | None = raised
    while seen is not None:
        trace = seen.__traceback__
        while trace is not None:
            if "/daypass/" in trace.tb_frame.f_code.co_filename:
                shown.append((trace.tb_frame.f_code.co_qualname, repr(trace.tb_frame.f_locals)))
            trace = trace.tb_next
        seen = seen.__cause__ or seen.__context__
    assert shown
    assert [name for name, values in shown if "secret-word" in values] == []
