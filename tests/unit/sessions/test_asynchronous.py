"""AsyncSessions: the same verbs, awaited; no thread is held while somebody is asked, none is abandoned."""

import asyncio
import gc
import importlib.util
import inspect
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from daypass.errors import (
    AccessDenied,
    ConfigurationError,
    Expired,
    FreshLoginRequired,
    MalformedToken,
    SessionEnded,
    StoreUnavailable,
    TokenError,
    UnknownSession,
)
from daypass.sessions import AsyncSessions, Event, Grants, SessionPolicy, Sessions
from tests.unit.sessions.conftest import Clock, House

WORDS = {"issuer": "https://id.example", "audience": "https://api.example"}
BACKENDS = ["asyncio", *(["trio"] if importlib.util.find_spec("trio") else [])]

Run = Callable[[Callable[[], Awaitable[object]]], object]


@pytest.fixture(params=BACKENDS)
def run(request: pytest.FixtureRequest) -> Run:
    return lambda main: anyio.run(main, backend=request.param)


def of(house: House, *, threads_max: int = 4, **words: object) -> AsyncSessions:
    """Open sessions over the store, the ring and the clock of a house."""
    given = {name: words.pop(name) for name in ("authorize", "on_event") if name in words}
    made = AsyncSessions(
        house.store,
        house.ring,
        **WORDS,
        policy=SessionPolicy(**words),
        clock=house.clock,
        monotonic=house.clock.monotonic,
        threads_max=threads_max,
        **given,
    )
    house.opened.append(made._sessions)
    return made


def threads_seen(house: House, method: str) -> list[int]:
    """Note which thread makes the calls of a method."""
    seen: list[int] = []
    inner = getattr(house.store.store, method)

    class Noting:
        def __getattr__(self, name: str) -> object:
            if name != method:
                return getattr(inner.__self__, name)

            def call(*values: object, **words: object) -> object:
                seen.append(threading.get_ident())
                return inner(*values, **words)

            return call

    house.store.store = Noting()
    return seen


# --------------------------------------------------------------------------------------------------- the verbs


def test_every_verb_does_what_its_namesake_does(house: House, clock: Clock, run: Run) -> None:
    async def main() -> None:
        async with of(house) as sessions:
            pair = await sessions.start("alice", scopes=("read",), roles=("editor",), data={"n": 1}, device="phone")
            principal = await sessions.verify(pair.access_token)
            assert (principal.subject, principal.scopes, principal.data) == ("alice", {"read"}, {"n": 1})
            second = await sessions.refresh(pair.refresh_token)
            assert await sessions.refresh(pair.refresh_token) is not None
            assert [one.device for one in await sessions.active("alice")] == ["phone"]
            clock.pass_s(301)
            with pytest.raises(FreshLoginRequired):
                sessions.require_fresh(principal, max_age_s=300)
            third = await sessions.reauthenticate(pair.session.sid)
            sessions.require_fresh(await sessions.verify(third.access_token), max_age_s=300)
            with pytest.raises(TokenError):
                await sessions.refresh(second.refresh_token)
            with pytest.raises(UnknownSession):
                await sessions.end(pair.session.sid, subject="bob")
            await sessions.end(pair.session.sid, subject="alice")
            with pytest.raises(SessionEnded):
                await sessions.verify(third.access_token)
            with pytest.raises(MalformedToken):
                await sessions.verify("junk")
            kept = await sessions.start("alice")
            gone = await sessions.start("alice")
            await sessions.end_with(gone.refresh_token)
            await sessions.start("alice")
            assert await sessions.end_all("alice", except_sid=kept.session.sid) == 1
            assert "sessions:" in sessions.describe()
            assert sessions.keys is house.ring
            clock.pass_s(601)
            with pytest.raises(Expired):
                await sessions.verify(kept.access_token)

    run(main)


def test_words_that_do_not_fit_are_refused_before_anything_is_asked(house: House, run: Run) -> None:
    async def main() -> None:
        sessions = of(house)
        with pytest.raises(TypeError):
            await sessions.start(7)
        with pytest.raises(TypeError):
            await sessions.refresh(None)
        assert not house.store.calls

    run(main)


def test_it_opens_by_url_and_closes_what_it_opened(tmp_path: Path, run: Run) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"

    async def main() -> None:
        async with AsyncSessions.open(url, **WORDS) as sessions:
            pair = await sessions.start("alice")
            await sessions.end(pair.session.sid)
            reader = sessions._sessions._denials._reader
            assert reader.thread.is_alive(), "the feed is read while it is opened"
        assert not reader.thread.is_alive()
        again = await AsyncSessions.open(url, **WORDS)
        with pytest.raises(SessionEnded):
            await again.verify(pair.access_token)
        await again.aclose()
        await again.aclose()

    run(main)
    with Sessions.open(url, **WORDS) as sessions:
        assert sessions.active("alice") == ()


def test_what_cannot_be_opened_leaves_nothing_behind(tmp_path: Path, run: Run) -> None:
    async def main() -> None:
        for url in ("nonsense://", f"sqlite:///{tmp_path}/no/such/folder/x.db"):
            with pytest.raises((ConfigurationError, StoreUnavailable)):
                await AsyncSessions.open(url, **WORDS)

    before = threading.active_count()
    run(main)
    ends = time.monotonic() + 30
    while threading.active_count() > before:  # those of the event loop are told to end, and end when they like
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.parametrize("threads_max", [0, -1, 1.5, True, "4", 10_000])
def test_a_number_of_threads_that_makes_no_sense_is_refused(house: House, threads_max: object) -> None:
    with pytest.raises(ConfigurationError, match="threads_max"):
        of(house, threads_max=threads_max)


def test_without_anyio_the_line_that_installs_it_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoAnyio:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "anyio":
                raise ModuleNotFoundError("no anyio", name="anyio")

    for name in [name for name in sys.modules if name.partition(".")[0] == "anyio"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoAnyio(), *sys.meta_path])
    with pytest.raises(ConfigurationError, match=r'pip install "daypass\[async\]"'):
        of(house)


def test_an_event_loop_after_another_finds_the_sessions_working(house: House, run: Run) -> None:
    sessions = of(house)

    async def main() -> None:
        await sessions.verify((await sessions.start("alice")).access_token)

    run(main)
    run(main)
    assert len(sessions._sessions.active("alice")) == 2


# ------------------------------------------------------------------------------------------- in place, in threads


def test_verify_runs_in_place_once_the_feed_was_read(house: House, run: Run) -> None:
    seen = threads_seen(house, "denials")

    async def main() -> None:
        async with of(house) as sessions:
            token = (await sessions.start("alice")).access_token
            await sessions.verify(token)
            assert seen == [one for one in seen if one != threading.get_ident()], "the loop does not wait for it"
            assert len(seen) == 1
            house.store.calls.clear()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(anyio.to_thread, "run_sync", None)
                assert (await sessions.verify(token)).subject == "alice"
            assert not house.store.calls

    run(main)


def test_strict_asks_the_store_in_a_thread(house: House, run: Run) -> None:
    seen = threads_seen(house, "get")

    async def main() -> None:
        async with of(house, revocation="strict") as sessions:
            pair = await sessions.start("alice")
            await sessions.verify(pair.access_token)
            assert len(seen) == 1
            assert threading.get_ident() not in seen

    run(main)


def test_a_store_that_hangs_holds_up_neither_the_loop_nor_verification(house: House, run: Run) -> None:
    release = threading.Event()

    async def main() -> None:
        async with of(house, threads_max=2, revocation="strict") as sessions:
            pair = await sessions.start("alice")
            async with anyio.create_task_group() as group:
                for _ in range(2):  # all threads for verbs wait
                    hung = threading.Event()

                    def hang(hung: threading.Event = hung) -> None:
                        hung.set()
                        assert release.wait(20)

                    house.store.before["active"] = hang
                    group.start_soon(sessions.active, "alice")
                    while not hung.is_set():
                        await anyio.sleep(0.001)
                assert (await sessions.verify(pair.access_token)).subject == "alice"
                release.set()

    run(main)


# ----------------------------------------------------------------------------------------------------- authorize


async def everything(_subject: str) -> Grants:
    await anyio.sleep(0)
    return Grants(("read",), ("editor",))


class Directory:
    async def __call__(self, subject: str) -> Grants | None:
        return await everything(subject)


def something_to_await(subject: str) -> Awaitable[Grants]:
    return everything(subject)


def in_a_thread(subject: str) -> Grants:
    return Grants(("read",), ("editor",))


@pytest.mark.parametrize("authorize", [everything, Directory(), in_a_thread, something_to_await])
def test_authorize_may_be_awaited_or_not(house: House, authorize: object, run: Run) -> None:
    async def main() -> None:
        async with of(house, authorize=authorize) as sessions:
            pair = await sessions.start("alice")
            assert (await sessions.verify(pair.access_token)).roles == {"editor"}
            pair = await sessions.refresh(pair.refresh_token)
            await sessions.reauthenticate(pair.session.sid)

    run(main)


def test_two_hundred_logins_at_once_wait_for_authorize_without_a_thread(house: House, run: Run) -> None:
    waiting = 0
    all_wait = anyio.Event

    async def main() -> None:
        together = all_wait()

        async def slow(_subject: str) -> Grants:
            nonlocal waiting
            waiting += 1
            if waiting == 200:
                together.set()
            await together.wait()
            return Grants()

        async with of(house, authorize=slow, threads_max=3) as sessions:
            with anyio.fail_after(60):
                async with anyio.create_task_group() as group:
                    for number in range(200):
                        group.start_soon(sessions.start, f"user-{number}")
            assert waiting == 400, "asked twice for each login"
            assert len(await sessions.active("user-0")) == 1

    run(main)


def test_an_authorize_that_uses_the_sessions_and_threads_itself_deadlocks_nobody(house: House, run: Run) -> None:
    async def main() -> None:
        async def counting(subject: str) -> Grants:
            count = len(await sessions.active(subject))
            return Grants(roles=(await anyio.to_thread.run_sync(lambda: f"r{count}"),))

        sessions = of(house, authorize=counting, threads_max=1)
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                for _ in range(60):
                    group.start_soon(sessions.start, "alice")
        await sessions.aclose()

    run(main)


def test_an_authorize_that_says_no_ends_the_session(house: House, run: Run) -> None:
    allowed = True

    async def main() -> None:
        async def asked(_subject: str) -> Grants | None:
            return Grants() if allowed else None

        nonlocal allowed
        async with of(house, authorize=asked) as sessions:
            pair = await sessions.start("alice")
            allowed = False
            with pytest.raises(SessionEnded):
                await sessions.refresh(pair.refresh_token)
            with pytest.raises(AccessDenied):
                await sessions.start("alice")
            assert await sessions.active("alice") == ()

    run(main)


@pytest.mark.parametrize("is_awaited", [True, False])
def test_an_authorize_that_fails_after_the_session_was_recorded_leaves_none(
    house: House, is_awaited: bool, run: Run
) -> None:
    asked = 0

    def fail(_subject: str) -> Grants:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise StopIteration  # an error like any other
        return Grants()

    async def fail_later(subject: str) -> Grants:
        try:
            return fail(subject)
        except StopIteration:
            raise LookupError from None

    async def main() -> None:
        async with of(house, authorize=fail_later if is_awaited else fail) as sessions:
            with pytest.raises((LookupError, StopIteration, RuntimeError)):
                await sessions.start("alice")
            assert house.store.calls["insert"] == 1
            assert await sessions.active("alice") == ()

    run(main)


def test_the_sync_sessions_inside_do_not_forget_to_ask(house: House) -> None:
    with pytest.raises(TypeError, match="await"):
        of(house, authorize=everything)._sessions.start("alice")


# -------------------------------------------------------------------------------------------------- cancellation


def test_a_refresh_that_is_cancelled_in_the_store_has_happened(house: House, run: Run) -> None:
    async def main() -> None:
        async with of(house) as sessions:
            pair = await sessions.start("alice")
            with anyio.CancelScope() as scope:
                loop_thread = threading.get_ident()

                def cancel() -> None:
                    assert threading.get_ident() != loop_thread
                    anyio.from_thread.run_sync(scope.cancel)

                house.store.before["replace"] = cancel
                await sessions.refresh(pair.refresh_token)
                await anyio.sleep(0)
            assert scope.cancelled_caught
            assert house.store.store.get(pair.session.sid).generation == 2
            again = await sessions.refresh(pair.refresh_token)
            await sessions.verify(again.access_token)

    run(main)


def test_a_login_that_is_cancelled_while_authorize_is_awaited_leaves_no_session(house: House, run: Run) -> None:
    async def main() -> None:
        asked = 0

        async def asks(_subject: str) -> Grants:
            nonlocal asked
            asked += 1
            if asked == 2:
                scope.cancel()
                await anyio.sleep(10)
            return Grants()

        async with of(house, authorize=asks) as sessions:
            with anyio.CancelScope() as scope:
                await sessions.start("alice")
            assert scope.cancelled_caught
            assert house.store.calls["insert"] == 1
            assert await sessions.active("alice") == ()

    run(main)


def test_a_task_that_asyncio_cancels_in_the_store_leaves_the_store_whole(house: House) -> None:
    async def main() -> None:
        entered, release = threading.Event(), threading.Event()
        asked = 0

        async def asks(_subject: str) -> Grants:
            nonlocal asked
            asked += 1
            return Grants()

        def hang() -> None:
            entered.set()
            assert release.wait(20)

        async with of(house, authorize=asks) as sessions:
            house.store.before["insert"] = hang
            login = asyncio.create_task(sessions.start("alice"))
            while not entered.is_set():
                await asyncio.sleep(0.001)
            login.cancel()
            await asyncio.sleep(0.01)
            release.set()
            with pytest.raises(asyncio.CancelledError):
                await login
            assert asked == 1
            assert await sessions.active("alice") == (), "it was recorded, nobody has its tokens: it was ended"
            pair = await sessions.start("alice")
            await sessions.verify(pair.access_token)

    asyncio.run(main())


def test_closing_is_not_cancelled(house: House, run: Run) -> None:
    async def main() -> None:
        with anyio.CancelScope() as scope:
            async with of(house) as sessions:
                await sessions.verify((await sessions.start("alice")).access_token)
                reader = sessions._sessions._denials._reader
                scope.cancel()
                await anyio.sleep(1)
        assert not reader.thread.is_alive()

    run(main)


def test_nothing_is_left_unawaited(house: House, run: Run) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        async def main() -> None:
            async with of(house, authorize=something_to_await) as sessions:
                await sessions.start("alice")

        run(main)
        gc.collect()


# ------------------------------------------------------------------------------------------------------- events


def test_events_are_told_in_threads(house: House, run: Run) -> None:
    told: list[tuple[str, int]] = []

    def slow(event: Event) -> None:
        time.sleep(0.001)
        told.append((event.event, threading.get_ident()))

    async def main() -> None:
        async with of(house, on_event=slow) as sessions:
            pair = await sessions.start("alice")
            await sessions.verify(pair.access_token)
            await sessions.verify(pair.access_token)
            await sessions.end(pair.session.sid)
            for _ in range(2):
                with pytest.raises(SessionEnded):
                    await sessions.verify(pair.access_token)
        assert [event for event, _ in told] == [
            "authn_login_success",
            "session_expired",
            "session_use_after_expire",
            "session_use_after_expire",
        ]
        assert threading.get_ident() not in {thread for _, thread in told}

    run(main)


def test_no_text_shows_a_token(house: House, run: Run) -> None:
    async def main() -> None:
        async with of(house) as sessions:
            assert repr(sessions).startswith("<AsyncSessions: ")
            with pytest.raises(TypeError, match="not pickled"):
                sessions.__reduce__()

    run(main)


@pytest.mark.parametrize(
    "words", [{"revocation": "strict"}, {"format": "reference"}, {"when_stale": "refuse"}], ids=str
)
def test_no_frame_on_the_way_to_a_thread_shows_a_token_while_the_store_is_down(
    house: House, run: Run, words: dict[str, str]
) -> None:
    sessions = of(house, **words)

    async def main() -> None:
        pair = await sessions.start("alice")
        house.store.is_down = True
        for verb, token in (
            (sessions.verify, pair.access_token),
            (sessions.refresh, pair.refresh_token),
            (sessions.end_with, pair.refresh_token),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                await verb(token)
            shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            frames = [frame for frame in shown.stack if frame.filename != __file__]
            assert len(frames) > 1
            assert not [frame.name for frame in frames if token in str(frame.locals)]

    run(main)


def test_both_take_the_same_stores_and_keys() -> None:
    of_both = [inspect.signature(kind).parameters for kind in (Sessions, AsyncSessions)]
    for name in ("store", "keys", "issuer", "audience", "policy", "on_event", "clock", "monotonic"):
        assert of_both[0][name] == of_both[1][name], name
