"""Sessions: start, verify, refresh, end. Enters: a subject, or a token. Leaves: pairs, principals, sessions.

The rules are in ``rotation``, the hot path in ``principals``, the background in ``feed``; this is where
they meet the store and the key ring. An access token is issued before the store is written, so that nothing
can go wrong between the write and the answer; it is handed out only when the write was made.

Source: DESIGN.md 5; RFC 9700 4.14.2; OWASP Session Management Cheat Sheet.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Final, NoReturn, Self, final

from daypass.encoding import JSON
from daypass.errors import (
    AccessDenied,
    RefreshReused,
    SessionEnded,
    StoreUnavailable,
    UnknownSession,
)
from daypass.keyring.ring import KeyRing
from daypass.limits import PURGED_AT_ONCE_MAX
from daypass.sessions.feed import Denials, Follower
from daypass.sessions.grants import checked_answer, checked_data, checked_grants, checked_subject, device_label
from daypass.sessions.opening import check_ring, ring_beside
from daypass.sessions.pairs import PairMaker, session_of
from daypass.sessions.policy import DEFAULT_POLICY, SessionPolicy
from daypass.sessions.principals import Verify, asking_the_store, principal_reader
from daypass.sessions.refresh_token import RefreshToken, is_sid, new_refresh_token, read_refresh_token
from daypass.sessions.rotation import ENDED, Step, judge, new_row, reauthenticated, successor, with_grants
from daypass.sessions.values import Grants, Session, TokenPair
from daypass.stores.opening import open_store
from daypass.stores.protocol import SessionRow, SessionStore
from daypass.tokens.verifier import Verifier

__all__ = ["Authorize", "Sessions"]

Authorize = Callable[[str], Grants | None]
"""From a subject to what it may do now; None: nothing at all, its session ends."""

REFUSED: Final = "the account may not log in"
NO_SUCH_SESSION: Final = "there is no such session"
SWAPS_LOST: Final = "the session changed again and again meanwhile: try again"
SWAPS_MAX: Final = 8
"""How often a lost compare-and-swap is tried again: the winner makes the loser's next step another one."""
PURGE_EVERY_S: Final = 10
"""How often, at most, a login makes this process remove sessions that nobody needs any more."""


@final
class Sessions:
    """Sessions over a store, with tokens under the keys of a ring.

    Args:
        store: where the rows are.
        keys: signs access tokens, and refresh tokens derive from its secrets.
        issuer: ``iss`` of the access tokens.
        audience: ``aud`` of the access tokens.
        policy: how sessions behave.
        authorize: asked at each start and each refresh for what a subject may do; what it answers replaces
            the grants of the login, None ends the session. It may take its time, no lock is held.
        clock: epoch seconds.
        monotonic: seconds that never go back.

    Attributes:
        verify: ``verify(access_token: str) -> Principal``. Raises TokenError where the token is refused
            (Expired, SessionEnded and all others), StoreUnavailable where the policy wants to ask and nobody answers.

    Raises:
        ConfigurationError: keys that are no KeyRing, or whose schedule forgets them before their tokens
            expire.
    """

    __slots__ = (
        "__weakref__",
        "_authorize",
        "_clock",
        "_close_store",
        "_denials",
        "_monotonic",
        "_pairs",
        "_policy",
        "_purge_at",
        "_ring",
        "_store",
        "verify",
    )  # fmt: skip
    verify: Verify

    def __init__(
        self,
        store: SessionStore,
        keys: KeyRing,
        *,
        issuer: str,
        audience: str,
        policy: SessionPolicy = DEFAULT_POLICY,
        authorize: Authorize | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        check_ring(keys, policy)
        self._store = store
        self._ring = keys
        self._policy = policy
        self._authorize = authorize
        self._clock = clock
        self._monotonic = monotonic
        self._purge_at = monotonic() + PURGE_EVERY_S
        self._close_store: Callable[[], None] | None = None
        self._pairs = PairMaker(keys, policy, issuer=issuer, audience=audience, clock=clock)
        verifier = Verifier(keys, issuer=issuer, audience=audience, leeway_s=policy.leeway_s, clock=clock)
        self._denials = (
            Follower(store, policy, clock=clock, monotonic=monotonic)
            if policy.revocation == "feed"
            else Denials(clock=clock, monotonic=monotonic)
        )
        verify = principal_reader(verifier.verify, self._denials, monotonic)
        self.verify = asking_the_store(verify, store, clock) if policy.revocation == "strict" else verify

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
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open a store by its URL and, where no keys are given, the key ring beside it.

        Args:
            url: ``sqlite:///x.db`` (without keys: ``x.keys.json`` beside it) or ``memory://``.
            keys: see the class, as for all other words.
            issuer: ``iss`` of the access tokens.
            audience: ``aud`` of the access tokens.
            policy: how sessions behave.
            authorize: asked at each start and refresh.
            clock: epoch seconds.

        Raises:
            ConfigurationError: a URL that means nothing, a database with sessions whose key ring is gone, a
                key ring that others can read.
            StoreUnavailable: the database cannot be opened now.
        """
        store = open_store(url)
        try:
            ring = keys if keys is not None else ring_beside(url, store, policy, clock=clock)
            sessions = cls(
                store, ring, issuer=issuer, audience=audience, policy=policy, authorize=authorize, clock=clock
            )
        except BaseException:
            store.close()
            raise
        sessions._close_store = store.close
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
            StoreUnavailable: the session could not be recorded; there is none.
        """
        login = checked_grants(scopes, roles)
        bag = checked_data(data)
        grants = self._granted(checked_subject(subject), login)
        if grants is None:
            raise AccessDenied(REFUSED)
        token = new_refresh_token(kid=self._ring.derive_kid())
        now_s = self._clock()
        label = device_label(device)
        row = new_row(token, self._policy, subject=subject, device=label, grants=grants, data=bag, now_s=now_s)
        pair = self._pairs.pair(row, token)
        ended = self._store.insert(row, sessions_max=self._policy.sessions_per_subject_max, now_s=now_s)
        self._denials.deny(ended)
        if self._authorize is not None:
            try:
                # A lock marks the account first and ends its sessions second: if it missed this one, we see it.
                grants = self._granted(subject, login)
                if grants is None:
                    raise AccessDenied(REFUSED)
                pair = self._pairs.pair(with_grants(row, grants), token)
            except BaseException:
                with contextlib.suppress(StoreUnavailable):  # nobody has its tokens
                    self.end(row.sid)
                raise
        self._purge()
        return pair

    def refresh(self, refresh_token: str) -> TokenPair:
        """Exchange a refresh token for the next pair, or, within the grace window, for the current one.

        Args:
            refresh_token: as a client sent it.

        Raises:
            TokenError: it is refused; ``RefreshReused`` where its session was ended for it.
            StoreUnavailable: nothing was decided, the token is as good as before.
            ValueError: the access token would be longer than ``token_bytes_max``.
        """
        token = read_refresh_token(refresh_token, self._ring)
        del refresh_token  # a traceback may show the locals of this frame
        arrived_s = self._clock()
        grants: Grants | None = None
        for _ in range(SWAPS_MAX):
            row = self._store.get(token.sid)
            if row is None:
                raise UnknownSession(NO_SUCH_SESSION)
            step = judge(row, token, now_s=arrived_s, grace_s=self._policy.refresh_grace_s)
            if step is Step.REUSED:
                self.end(row.sid)
                import logging

                logging.getLogger("daypass.sessions").warning("refresh_reused: two had a token of session %s", row.sid)
                raise RefreshReused(row.sid)
            grants = grants or self._granted_to(row)
            if step is Step.REPEAT:
                current = token.successor(kid=row.kid, generation=row.generation)
                return self._pairs.pair(with_grants(row, grants), current)
            kid = self._ring.derive_kid()
            following = successor(row, self._policy, grants=grants, kid=kid, now_s=self._clock())
            pair = self._swap(row, following, token.successor(kid=kid, generation=following.generation))
            if pair is not None:
                return pair
        raise StoreUnavailable(SWAPS_LOST)

    def reauthenticate(self, sid: str) -> TokenPair:
        """Record that the password was asked again: ``authenticated_at`` is now, and there is a new nonce.

        The refresh tokens from before are refused from now on, without harm to the session: the new pair
        takes their place. Its absolute end stays.

        Args:
            sid: of a live session, whose owner has just proved who they are.

        Raises:
            UnknownSession: no such session.
            SessionEnded: it has ended.
            StoreUnavailable: nothing was changed.
        """
        for _ in range(SWAPS_MAX):
            row = self._store.get(sid) if is_sid(sid) else None
            if row is None:
                raise UnknownSession(NO_SUCH_SESSION)
            if not row.is_live(self._clock()):
                raise SessionEnded(ENDED)
            kid = self._ring.derive_kid()
            token = new_refresh_token(kid=kid, sid=row.sid, generation=row.generation + 1)
            grants = self._granted_to(row)
            following = successor(row, self._policy, grants=grants, kid=kid, now_s=self._clock())
            pair = self._swap(row, reauthenticated(following, token), token)
            if pair is not None:
                return pair
        raise StoreUnavailable(SWAPS_LOST)

    def end(self, sid: str, *, subject: str | None = None) -> None:
        """End a session: access and refresh together. Ending twice is no error.

        Args:
            sid: which.
            subject: where given, the session of another subject is as good as none.

        Raises:
            UnknownSession: no such session.
            StoreUnavailable: it could not be recorded, the session lives.
        """
        if subject is not None:
            checked_subject(subject)
        denial = self._store.end(sid, now_s=self._clock(), subject=subject) if is_sid(sid) else None
        if denial is None:
            raise UnknownSession(NO_SUCH_SESSION)
        self._denials.deny((denial,))

    def end_all(self, subject: str, *, except_sid: str | None = None) -> int:
        """End every session of a subject.

        Args:
            subject: whose.
            except_sid: one that stays.

        Returns:
            How many were ended.

        Raises:
            StoreUnavailable: it could not be recorded, the sessions live.
        """
        ended = self._store.end_all(checked_subject(subject), now_s=self._clock(), except_sid=except_sid)
        self._denials.deny(ended)
        return len(ended)

    def active(self, subject: str) -> tuple[Session, ...]:
        """List the live sessions of a subject, the last refreshed first.

        Raises:
            StoreUnavailable: the store cannot answer.
        """
        rows = self._store.active(checked_subject(subject), now_s=self._clock())
        return tuple(map(session_of, rows))

    # --------------------------------------------------------------------------------- for whoever runs it

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
        if self._close_store is not None:
            self._close_store()

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

    def _granted(self, subject: str, otherwise: Grants) -> Grants | None:
        """Ask what a subject may do now."""
        if self._authorize is None:
            return otherwise
        return checked_answer(self._authorize(subject))

    def _granted_to(self, row: SessionRow) -> Grants:
        """Ask the same for a session, and end it where the answer is no."""
        grants = self._granted(row.subject, Grants(row.scopes, row.roles))
        if grants is None:
            self.end(row.sid)
            raise SessionEnded("the account may not log in any more: the session was ended")
        return grants

    def _swap(self, row: SessionRow, following: SessionRow, token: RefreshToken) -> TokenPair | None:
        """Write the next generation; None where another request was faster, or the session has ended.

        Args:
            row: the current generation.
            following: the next one.
            token: of the next one.
        """
        pair = self._pairs.pair(following, token)
        return pair if self._store.replace(following, generation=row.generation) else None

    def _purge(self) -> None:
        """Remove a bounded number of sessions that nobody needs, now and then."""
        if self._monotonic() >= self._purge_at:
            self._purge_at = self._monotonic() + PURGE_EVERY_S
            with contextlib.suppress(StoreUnavailable):  # the next login tries again
                self._store.purge(now_s=self._clock(), limit=PURGED_AT_ONCE_MAX)
