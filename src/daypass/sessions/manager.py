"""Sessions: start, verify, refresh, end. Enters: a subject, or a token. Leaves: pairs, principals, sessions.

The rules are in ``rotation``, the verbs that ask somebody in ``flows``, the hot path in ``principals``, the background
in ``feed``; this is where they meet the store and the key ring. An access token is issued before the store is written,
so that nothing can go wrong between the write and the answer; it is handed out only when the write was made.

Source: DESIGN.md 5; RFC 9700 4.14.2; OWASP Session Management Cheat Sheet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import NoReturn, Self, TypeVar, final

from daypass.concealed import Concealed
from daypass.encoding import JSON
from daypass.keyring.ring import KeyRing
from daypass.sessions.assembly import Surroundings, assembled
from daypass.sessions.events import OnEvent, Teller
from daypass.sessions.feed import Follower
from daypass.sessions.flows import Flow, drive
from daypass.sessions.grants import checked_data, checked_grants, checked_subject, device_label
from daypass.sessions.opening import check_ring, ring_beside
from daypass.sessions.policy import DEFAULT_POLICY, SessionPolicy
from daypass.sessions.principals import Verify, telling
from daypass.sessions.step_up import require_fresh
from daypass.sessions.values import Grants, Principal, Session, TokenPair
from daypass.stores.opening import open_store
from daypass.stores.protocol import ReferenceStore, SessionStore

__all__ = ["Authorize", "Sessions"]

T = TypeVar("T")
Authorize = Callable[[str], Grants | None]
"""From a subject to what it may do now; None: nothing at all, its session ends."""


@final
class Sessions:
    """Sessions over a store, with tokens under the keys of a ring.

    Args:
        store: where the rows are; or a cache, which keeps reference tokens alone: ``start``, ``verify`` and ``end``.
        keys: signs access tokens, and refresh tokens derive from its secrets.
        issuer: ``iss`` of the access tokens, the same for all who share a store and a ring.
        audience: ``aud`` of the access tokens, likewise: a refresh token is bound to neither, so whoever has one could
            take it to the other service.
        policy: how sessions behave.
        authorize: asked at each start and each refresh for what a subject may do; what it answers replaces
            the grants of the login, None ends the session. It may take its time, no lock is held.
        on_event: told what has happened (``daypass.sessions.events``), after the fact and in the thread that did it.
            What it raises is logged. ``JsonLines(path)`` is a ready one.
        clock: epoch seconds.
        monotonic: seconds that never go back.

    Attributes:
        verify: ``verify(access_token: str) -> Principal``. Raises TokenError where the token is refused
            (Expired, SessionEnded and all others), StoreUnavailable where the policy wants to ask and nobody answers.

    Raises:
        ConfigurationError: keys that are no KeyRing, or whose schedule forgets them before their tokens
            expire; an ``on_event`` that is no plain function.
    """

    __slots__ = (
        "__weakref__",
        "_authorize",
        "_clock",
        "_closings",
        "_denials",
        "_flows",
        "_policy",
        "_ring",
        "_store",
        "_teller",
        "_verify_in_silence",
        "verify",
    )  # fmt: skip
    verify: Verify

    def __init__(
        self,
        store: SessionStore | ReferenceStore,
        keys: KeyRing,
        *,
        issuer: str,
        audience: str,
        policy: SessionPolicy = DEFAULT_POLICY,
        authorize: Authorize | None = None,
        on_event: OnEvent | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        check_ring(keys, policy)
        self._store = store
        self._ring = keys
        self._policy = policy
        self._authorize = authorize
        self._clock = clock
        self._teller = Teller(on_event, clock=clock)
        around = Surroundings(keys, policy, issuer, audience, self._teller, authorize is not None, clock, monotonic)
        parts = assembled(store, around)
        self._flows, self._denials, self._verify_in_silence = parts.flows, parts.denials, parts.verify
        self.verify = parts.verify if on_event is None else telling(parts.verify, parts.verify_token, self._teller)
        self._closings: tuple[Callable[[], object], ...] = (
            () if on_event is None else (keys.on_change(self._teller.keys),)
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
        authorize: Authorize | None = None,
        on_event: OnEvent | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open a store by its URL and, where no keys are given, the key ring beside it.

        Args:
            url: see ``open_store``.
            keys: see the class, as for all other words. None: ``x.keys.json`` beside ``sqlite:///x.db``, a ring that
                ends with the process for ``memory://``; any other store needs one, the same on all nodes.
            issuer: ``iss`` of the access tokens.
            audience: ``aud`` of the access tokens.
            policy: how sessions behave.
            authorize: asked at each start and refresh.
            on_event: told what has happened.
            clock: epoch seconds.

        Raises:
            ConfigurationError: a URL that means nothing, a driver that is not installed, a store that needs ``keys``, a
                database with sessions whose key ring is gone, a key ring that others can read.
            StoreUnavailable: the database cannot be opened now.
        """
        place = Concealed(url)
        del url  # a traceback may show the locals of this frame
        store = open_store(place.value)
        try:
            ring = keys if keys is not None else ring_beside(place, store, policy, clock=clock)
            sessions = cls(
                store,
                ring,
                issuer=issuer,
                audience=audience,
                policy=policy,
                authorize=authorize,
                on_event=on_event,
                clock=clock,
            )
        except BaseException:
            store.close()
            raise
        # In this order: a ring that a thread follows may be kept in the store.
        sessions._closings += (store.close,) if keys is not None else (getattr(ring, "close", _nothing), store.close)
        return sessions

    # ------------------------------------------------------------------------------------------- the verbs

    def start(
        self,
        subject: str,
        *,
        scopes: Collection[str] = (),
        roles: Collection[str] = (),
        data: Mapping[str, JSON] | None = None,
        device: str | None = None,
    ) -> TokenPair:
        """Start a session for somebody who has just proved who they are.

        Args:
            subject: at most SUBJECT_BYTES_MAX bytes.
            scopes: what the access tokens allow; ``authorize`` has the last word.
            roles: the same for roles.
            data: a few JSON values that each access token carries.
            device: a label for the list of sessions, cut to DEVICE_CHARACTERS_MAX.

        Raises:
            AccessDenied: ``authorize`` refused.
            TypeError: a value of another type.
            ValueError: a value out of bounds, or an access token longer than ``token_bytes_max``.
            StoreUnavailable: nobody can say whether the session was recorded; nobody has its tokens.
        """
        return self._driven(self._starting(subject, scopes=scopes, roles=roles, data=data, device=device))

    def refresh(self, refresh_token: str) -> TokenPair:
        """Exchange a refresh token for the next pair, or, within the grace window, for the current one.

        Args:
            refresh_token: as a client sent it.

        Raises:
            TokenError: it is refused; ``RefreshReused`` where its session was ended for it.
            StoreUnavailable: nobody can say whether it was exchanged: within the grace window it is as good as before.
            ValueError: the access token would be longer than ``token_bytes_max``.
        """
        flow = self._flows.refresh(refresh_token)
        del refresh_token  # a traceback may show the locals of this frame
        return self._driven(flow)

    def reauthenticate(self, sid: str) -> TokenPair:
        """Record that the password was asked again: ``authenticated_at`` is now, and there is a new nonce.

        The refresh tokens from before are refused from now on, without harm to the session: the new pair
        takes their place. Its absolute end stays.

        Args:
            sid: of a live session, whose owner has just proved who they are.

        Raises:
            UnknownSession: no such session.
            SessionEnded: it has ended.
            StoreUnavailable: nobody can say whether it was recorded: the refresh tokens from before may be refused.
        """
        return self._driven(self._flows.reauthenticate(sid))

    def require_fresh(self, principal: Principal, *, max_age_s: int) -> None:
        """Refuse a principal whose password was asked too long ago. Source: RFC 9470.

        Args:
            principal: from ``verify``.
            max_age_s: how old the login may be, in seconds.

        Raises:
            FreshLoginRequired: ask for the password, then ``reauthenticate``.
        """
        require_fresh(principal, max_age_s=max_age_s, now_s=self._clock(), leeway_s=self._policy.leeway_s)

    def end(self, sid: str, *, subject: str | None = None) -> None:
        """End a session: access and refresh together. Ending twice is no error, but in a cache, which remembers none.

        Args:
            sid: which.
            subject: where given, the session of another subject is as good as none.

        Raises:
            UnknownSession: no such session.
            StoreUnavailable: nobody can say whether it was recorded, the session may live: try again.
        """
        if subject is not None:
            checked_subject(subject)
        self._flows.end(sid, subject=subject)

    def end_with(self, refresh_token: str) -> None:
        """End the session of a refresh token, also of one that was replaced. Ending twice is no error.

        Args:
            refresh_token: as a client sent it.

        Raises:
            TokenError: it is refused, or its session is unknown: nothing was ended.
            StoreUnavailable: nobody can say whether it was recorded, the session may live: try again.
        """
        flows = self._flows
        try:
            flows.end_with(refresh_token)
        finally:
            del refresh_token

    def end_all(self, subject: str, *, except_sid: str | None = None) -> int:
        """End every session of a subject.

        Args:
            subject: whose.
            except_sid: one that stays.

        Returns:
            How many were ended.

        Raises:
            TypeError: a value of another type: nothing was ended, the one that is to stay neither.
            StoreUnavailable: nobody can say whether it was recorded, the sessions may live: try again.
        """
        given: object = except_sid
        if given is not None and not isinstance(given, str):
            raise TypeError(f"except_sid is the sid of a session, a str, not {type(given).__name__}")
        return self._flows.end_all(checked_subject(subject), except_sid=except_sid)

    def active(self, subject: str) -> tuple[Session, ...]:
        """List the live sessions of a subject, the last refreshed first.

        Raises:
            StoreUnavailable: the store cannot answer.
        """
        return self._flows.active(checked_subject(subject))

    # --------------------------------------------------------------------------------- for whoever runs it

    @property
    def _asks_no_store(self) -> bool:
        """Whether ``verify`` looks at nothing outside of this process."""
        return self._policy.revocation != "strict" and "reference" not in (
            self._policy.format,
            *self._policy.accepted_formats,
        )

    @property
    def _is_watched(self) -> bool:
        """Whether there is somebody to be told."""
        return self._teller.on_event is not None

    @property
    def keys(self) -> KeyRing:
        """The key ring."""
        return self._ring

    def describe(self) -> str:
        """Say in words how these sessions behave, and where everything is. Nothing secret."""
        from daypass.sessions.description import describe_sessions

        stale = isinstance(self._denials, Follower) and self._denials.has_started and self._denials.is_stale()
        return describe_sessions(self._store, self._ring, self._policy, is_stale=stale)

    def close(self) -> None:
        """Stop following the feed and close what ``open`` opened. Twice is no error."""
        self._denials.close()
        for close in self._closings:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sessions: {self._store!r}, {self._ring!r}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("sessions are not pickled: open them in each process")

    # ----------------------------------------------------------------------------------------------- steps

    def _starting(
        self,
        subject: str,
        *,
        scopes: Collection[str],
        roles: Collection[str],
        data: Mapping[str, JSON] | None,
        device: str | None,
    ) -> Flow[TokenPair]:
        """Check what a login was given. The flow begins when it is driven."""
        login = checked_grants(scopes, roles)
        bag = checked_data(data)
        return self._flows.start(checked_subject(subject), login, data=bag, device=device_label(device))

    def _driven(self, flow: Flow[T]) -> T:
        """Run a flow in this thread."""
        return drive(flow, self._authorize or _nobody)


def _nothing() -> None:
    """Stands where there is nothing to close."""


def _nobody(_subject: str) -> None:
    """Stands where there is no ``authorize``; no flow asks then."""
