"""AsyncSessions: the verbs of Sessions, awaited. Enters: a subject, or a token. Leaves: pairs, principals, sessions.

What asks the store runs in threads of its own, so that a slow store holds up neither the event loop nor others that
need threads; ``verify`` runs in place where it asks no store. While an ``authorize`` is awaited no thread is held: any
number of logins may wait for one, and it may use these very sessions. A thread is never abandoned: what was cancelled
has happened or has not, and the store knows which.

Source: DESIGN.md 5 (store protocol: AsyncSessions).
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from functools import partial
from importlib import import_module
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar, final

from daypass.concealed import Concealed
from daypass.encoding import JSON
from daypass.errors import ConfigurationError, TokenError
from daypass.keyring.ring import KeyRing
from daypass.sessions.events import OnEvent
from daypass.sessions.flows import Flow
from daypass.sessions.manager import Sessions
from daypass.sessions.policy import DEFAULT_POLICY, SessionPolicy
from daypass.sessions.relay import Question, Relay
from daypass.sessions.values import Grants, Principal, Session, TokenPair
from daypass.stores.protocol import ReferenceStore, SessionStore

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from anyio.lowlevel import RunVar

__all__ = ["AsyncAuthorize", "AsyncSessions"]

T = TypeVar("T")
AsyncAuthorize = Callable[[str], Grants | Awaitable[Grants | None] | None]
"""A coroutine function, which is awaited, or a plain function, which is called in a thread."""

THREADS_MAX: Final = 20
"""Threads for the verbs, and as many for a ``verify`` that asks the store: logins do not hold it up."""
THREADS_MAX_MAX: Final = 1000


@final
class AsyncSessions:
    """Sessions for an event loop, asyncio or trio.

    Args:
        store: as all other words, see ``Sessions``.
        keys: the key ring.
        issuer: ``iss`` of the access tokens.
        audience: ``aud`` of the access tokens.
        policy: how sessions behave.
        authorize: awaited where it is a coroutine function, otherwise called in a thread.
        on_event: called in a thread.
        clock: epoch seconds.
        monotonic: seconds that never go back.
        threads_max: that may wait for the store at once; as many again for ``verify`` where it asks the store. More
            than the store has connections is of no use.

    Raises:
        ConfigurationError: see ``Sessions``; or anyio is not installed.
    """

    __slots__ = ("__weakref__", "_anyio", "_authorize", "_is_awaited", "_limiters", "_sessions", "_threads_max")

    def __init__(
        self,
        store: SessionStore | ReferenceStore,
        keys: KeyRing,
        *,
        issuer: str,
        audience: str,
        policy: SessionPolicy = DEFAULT_POLICY,
        authorize: AsyncAuthorize | None = None,
        on_event: OnEvent | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        threads_max: int = THREADS_MAX,
    ) -> None:
        self._set_up(
            Sessions(
                store,
                keys,
                issuer=issuer,
                audience=audience,
                policy=policy,
                authorize=None if authorize is None else _asked_by_the_loop,
                on_event=on_event,
                clock=clock,
                monotonic=monotonic,
            ),
            authorize,
            threads_max,
        )

    @classmethod
    def open(
        cls,
        url: str,
        *,
        keys: KeyRing | None = None,
        issuer: str,
        audience: str,
        policy: SessionPolicy = DEFAULT_POLICY,
        authorize: AsyncAuthorize | None = None,
        on_event: OnEvent | None = None,
        clock: Callable[[], float] = time.time,
        threads_max: int = THREADS_MAX,
    ) -> Opening:
        """Open a store and the key ring beside it: ``async with AsyncSessions.open(...)``, or ``await`` it.

        Args:
            url: as all words but the last, see ``Sessions.open``.
            keys: the key ring.
            issuer: ``iss`` of the access tokens.
            audience: ``aud`` of the access tokens.
            policy: how sessions behave.
            authorize: see the class.
            on_event: see the class.
            clock: epoch seconds.
            threads_max: see the class.

        Raises:
            ConfigurationError: see ``Sessions.open``; or anyio is not installed.
            StoreUnavailable: the store cannot be opened now.
        """
        place = Concealed(url)
        del url  # a traceback may show the locals of this frame

        def opening() -> Sessions:
            return Sessions.open(
                place.value,
                keys=keys,
                issuer=issuer,
                audience=audience,
                policy=policy,
                authorize=None if authorize is None else _asked_by_the_loop,
                on_event=on_event,
                clock=clock,
            )

        sessions = cls.__new__(cls)
        return Opening(sessions, partial(sessions._open, opening, authorize, threads_max))

    # ------------------------------------------------------------------------------------------- the verbs

    async def start(
        self,
        subject: str,
        *,
        scopes: Collection[str] = (),
        roles: Collection[str] = (),
        data: Mapping[str, JSON] | None = None,
        device: str | None = None,
    ) -> TokenPair:
        """Start a session: see ``Sessions.start``. One that is cancelled before it was recorded leaves none."""
        flow = self._sessions._starting(subject, scopes=scopes, roles=roles, data=data, device=device)
        return await self._driven(flow)

    async def verify(self, access_token: str) -> Principal:
        """Verify an access token: see ``Sessions``. In place, unless the store or a first reading is waited for."""
        sessions = self._sessions
        try:
            if sessions._asks_no_store and sessions._denials.is_followed:
                if not sessions._is_watched:
                    return sessions.verify(access_token)
                try:
                    return sessions._verify_in_silence(access_token)
                except TokenError:
                    pass  # once more in a thread, where whoever is told may take its time
            given = Concealed(access_token)  # the repr of a partial shows what it was given
        finally:
            del access_token  # a traceback may show the locals of this frame
        return await self._in_thread(lambda: sessions.verify(given.value), limiter=1)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Exchange a refresh token: see ``Sessions.refresh``. One that is cancelled may be sent again."""
        flow = self._sessions._flows.refresh(refresh_token)
        del refresh_token  # a traceback may show the locals of this frame
        return await self._driven(flow)

    async def reauthenticate(self, sid: str) -> TokenPair:
        """Record that the password was asked again: see ``Sessions.reauthenticate``."""
        return await self._driven(self._sessions._flows.reauthenticate(sid))

    def require_fresh(self, principal: Principal, *, max_age_s: int) -> None:
        """Refuse a principal whose password was asked too long ago: see ``Sessions``. Nothing to await."""
        self._sessions.require_fresh(principal, max_age_s=max_age_s)

    async def end(self, sid: str, *, subject: str | None = None) -> None:
        """End a session: see ``Sessions.end``."""
        await self._in_thread(partial(self._sessions.end, sid, subject=subject))

    async def end_with(self, refresh_token: str) -> None:
        """End the session of a refresh token: see ``Sessions.end_with``."""
        given = Concealed(refresh_token)
        del refresh_token  # a traceback may show the locals of this frame, and what a partial was given
        await self._in_thread(lambda: self._sessions.end_with(given.value))

    async def end_all(self, subject: str, *, except_sid: str | None = None) -> int:
        """End every session of a subject: see ``Sessions.end_all``."""
        return await self._in_thread(partial(self._sessions.end_all, subject, except_sid=except_sid))

    async def active(self, subject: str) -> tuple[Session, ...]:
        """List the live sessions of a subject: see ``Sessions.active``."""
        return await self._in_thread(partial(self._sessions.active, subject))

    # --------------------------------------------------------------------------------- for whoever runs it

    @property
    def keys(self) -> KeyRing:
        """The key ring. Its own methods wait for a disk, or a store."""
        return self._sessions.keys

    def describe(self) -> str:
        """Say in words how these sessions behave, and where everything is. Nothing secret."""
        return self._sessions.describe()

    async def aclose(self) -> None:
        """Stop following the feed and close what ``open`` opened, also where the caller is cancelled."""
        with self._anyio.CancelScope(shield=True):
            await self._in_thread(self._sessions.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        is_open = hasattr(self, "_sessions")  # not yet, in the frames of an opening that fails
        return f"<Async{repr(self._sessions)[1:]}" if is_open else "<AsyncSessions: not open>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("sessions are not pickled: open them in each process")

    # ----------------------------------------------------------------------------------------------- steps

    def _set_up(self, sessions: Sessions | None, authorize: AsyncAuthorize | None, threads_max: int) -> None:
        """Set all attributes."""
        if type(threads_max) is not int or not 1 <= threads_max <= THREADS_MAX_MAX:
            raise ConfigurationError(f"threads_max is a whole number from 1 to {THREADS_MAX_MAX}")
        self._anyio = _load_anyio()
        self._authorize = authorize
        self._is_awaited = inspect.iscoroutinefunction(authorize) or inspect.iscoroutinefunction(
            getattr(authorize, "__call__", None)  # noqa: B004 - an object whose __call__ is a coroutine function
        )
        self._threads_max = threads_max
        # An event loop has limiters of its own: a waiting task belongs to one.
        run_var: type[RunVar[CapacityLimiter]] = self._anyio.lowlevel.RunVar
        self._limiters = [run_var(f"daypass {kind} {id(self)}") for kind in ("verbs", "verify")]
        if sessions is not None:
            self._sessions = sessions

    async def _open(self, opening: Callable[[], Sessions], authorize: AsyncAuthorize | None, threads_max: int) -> None:
        """Open in a thread, and read the feed there, so that no verification has to."""
        self._set_up(None, authorize, threads_max)
        opened: list[Sessions] = []

        def open_and_look() -> None:
            opened.append(opening())
            opened[0]._denials.check()

        try:
            await self._in_thread(open_and_look)
        except BaseException:
            if opened:  # cancelled, or the first reading was refused: nobody has it, so nobody would close it
                with self._anyio.CancelScope(shield=True):
                    await self._in_thread(opened[0].close)
            raise
        self._sessions = opened[0]

    async def _in_thread(self, function: Callable[[], T], *, limiter: int = 0) -> T:
        """Run a function in a thread of ours. It is waited for, whatever is cancelled meanwhile."""
        of_loop = self._limiters[limiter]
        limit = of_loop.get(None)
        if limit is None:
            limit = self._anyio.CapacityLimiter(self._threads_max)
            of_loop.set(limit)
        result: T = await self._anyio.to_thread.run_sync(function, limiter=limit)
        return result

    async def _driven(self, flow: Flow[T]) -> T:
        """Run a flow in threads; where somebody has to be asked, ask without one."""
        running = Relay(flow, None if self._is_awaited else self._authorize)
        try:
            step = await self._in_thread(partial(running.advance, None))
            while isinstance(step, Question):
                answer = await self._answer(step)
                step = await self._in_thread(partial(running.advance, answer))
        except BaseException:
            if not running.is_over:  # cancelled, or authorize failed: the flow undoes what nobody will hear of
                with self._anyio.CancelScope(shield=True):
                    await self._in_thread(running.close)
            raise
        return step.value

    async def _answer(self, question: Question) -> object:
        """Ask what a subject may do now."""
        if question.answer is not None:
            return await question.answer
        assert self._authorize is not None
        answer = self._authorize(question.subject)
        return await answer if inspect.isawaitable(answer) else answer


@final
class Opening:
    """AsyncSessions on their way: to be awaited, or entered.

    Args:
        sessions: without a store yet.
        opening: gives them one.
    """

    __slots__ = ("_opening", "_sessions")

    def __init__(self, sessions: AsyncSessions, opening: Callable[[], Awaitable[None]]) -> None:
        self._sessions = sessions
        self._opening = opening

    def __await__(self) -> Generator[Any, None, AsyncSessions]:
        return self._opened().__await__()

    async def _opened(self) -> AsyncSessions:
        await self._opening()
        return self._sessions

    async def __aenter__(self) -> AsyncSessions:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sessions.aclose()


def _asked_by_the_loop(_subject: str) -> Grants | None:
    """Stands in the place of ``authorize``: these sessions' own flows are driven by the event loop."""
    raise TypeError("these sessions belong to an event loop: await the verbs of AsyncSessions")


def _load_anyio() -> ModuleType:
    """Import anyio, which is an extra.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        anyio = import_module("anyio")
        for part in ("lowlevel", "to_thread"):
            import_module(f"anyio.{part}")
    except ModuleNotFoundError as error:
        if error.name != "anyio":
            raise
        raise ConfigurationError('anyio is not installed: pip install "daypass[async]"') from None
    return anyio
