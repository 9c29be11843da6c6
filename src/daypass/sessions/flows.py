"""The verbs that ask ``authorize``, as flows: they stop where somebody has to be asked, and go on with the answer.

Enters: what a caller said, checked. Leaves: pairs, and on the way the subjects to ask about. A flow asks the store
where it stands; who drives it decides in which thread, and no thread has to wait while somebody is asked.

Source: DESIGN.md 5 (sessions, authorize, ending); RFC 9700 4.14.2.
"""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Callable, Generator
from typing import Any, Final, NoReturn, TypeVar, final

from daypass.errors import AccessDenied, InvalidSignature, RefreshReused, SessionEnded, StoreUnavailable, UnknownSession
from daypass.keyring.ring import KeyRing
from daypass.limits import PURGED_AT_ONCE_MAX
from daypass.sessions.events import EndReason, Refusals, Teller
from daypass.sessions.feed import Denials
from daypass.sessions.grants import checked_answer
from daypass.sessions.pairs import PairMaker, session_of
from daypass.sessions.policy import REFERENCE, SessionPolicy
from daypass.sessions.refresh_token import NOT_OURS, RefreshToken, is_sid, new_refresh_token, read_refresh_token
from daypass.sessions.rotation import ENDED, Step, judge, new_row, reauthenticated, successor, with_grants
from daypass.sessions.values import Grants, Session, TokenPair
from daypass.stores.protocol import SessionRow, SessionStore

__all__ = ["NO_SUCH_SESSION", "REFUSED", "Flow", "Flows", "drive"]

T = TypeVar("T")
Flow = Generator[str, object, T]
"""Yields subjects, is sent what ``authorize`` says of them, and returns."""

REFUSED: Final = "the account may not log in"
NO_SUCH_SESSION: Final = "there is no such session"
SWAPS_LOST: Final = "the session changed again and again meanwhile: try again"
SWAPS_MAX: Final = 8
"""How often a lost compare-and-swap is tried again: the winner makes the loser's next step another one."""
PURGE_EVERY_S: Final = 10
"""How often, at most, a login makes this process remove sessions that nobody needs any more."""
PURGE_AGAIN_S: Final = 0.5
"""The same while more is waiting than one clean-up removes: else what comes faster than that would stay for ever."""


def drive(flow: Flow[T], authorize: Callable[[str], object]) -> T:
    """Run a flow to its end in this thread. Where ``authorize`` raises, the flow is closed, and undoes what it must."""
    answer: object = None
    try:
        while True:
            try:
                subject = flow.send(answer)
            except StopIteration as finished:
                return finished.value  # type: ignore[no-any-return]
            answer = authorize(subject)
    finally:
        flow.close()


@final
class Flows:
    """The verbs over one store and one ring.

    Args:
        store: where the rows are.
        ring: refresh tokens derive from its secrets.
        policy: how sessions behave.
        pairs: makes their tokens.
        denials: who is refused here.
        teller: tells what happened.
        asks: whether there is an ``authorize`` to be asked.
        clock: epoch seconds.
        monotonic: seconds that never go back.
    """

    __slots__ = (
        "_asks",
        "_clock",
        "_denials",
        "_monotonic",
        "_pairs",
        "_policy",
        "_purge_at",
        "_ring",
        "_store",
        "_teller",
    )

    def __init__(
        self,
        store: SessionStore,
        ring: KeyRing,
        policy: SessionPolicy,
        *,
        pairs: PairMaker,
        denials: Denials,
        teller: Teller,
        asks: bool,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._ring = ring
        self._policy = policy
        self._pairs = pairs
        self._denials = denials
        self._teller = teller
        self._asks = asks
        self._clock = clock
        self._monotonic = monotonic
        self._purge_at = monotonic() + PURGE_EVERY_S

    def start(self, subject: str, login: Grants, *, data: dict[str, Any], device: str | None) -> Flow[TokenPair]:
        """Start a session: see ``Sessions.start``."""
        with self._teller.refusals("start", subject=subject):
            grants = yield from self._granted(subject, login)
            if grants is None:
                raise AccessDenied(REFUSED)
            token = new_refresh_token(kid=self._ring.derive_kid())
            now_s = self._clock()
            row = new_row(token, self._policy, subject=subject, device=device, grants=grants, data=data, now_s=now_s)
            pair = self._pairs.pair(row, token)
            ended = self._store.insert(row, sessions_max=self._policy.sessions_per_subject_max, now_s=now_s)
            self._denials.deny(ended)
            if self._asks:
                try:
                    # A lock marks the account first and ends its sessions second: if it missed this one, we see it.
                    grants = yield from self._granted(subject, login)
                    if grants is None:
                        raise AccessDenied(REFUSED)
                    pair = self._pairs.pair(with_grants(row, grants), token)
                except BaseException:
                    with contextlib.suppress(
                        StoreUnavailable, UnknownSession
                    ):  # nobody has its tokens, and nobody was told of it
                        self._end(row.sid)
                    raise
                finally:
                    self._teller.ends(ended, subject=subject, reason="cap")
            else:
                self._teller.ends(ended, subject=subject, reason="cap")
        self._teller.login(row)
        self._purge()
        return pair

    def refresh(self, refresh_token: str) -> Flow[TokenPair]:
        """Exchange a refresh token: see ``Sessions.refresh``."""
        with self._teller.refusals("refresh") as refusal:
            try:
                token = read_refresh_token(refresh_token, self._ring)
            finally:
                del refresh_token  # a traceback may show the locals of this frame
            refusal.sid = token.sid
            arrived_s = self._clock()
            grants: Grants | None = None
            for _ in range(SWAPS_MAX):
                row = self._found(token.sid, refusal)
                if self._came_back(row):
                    _check_nonce(row, token)
                    self._end_once_more(row)
                step = judge(row, token, now_s=arrived_s, grace_s=self._policy.refresh_grace_s)
                if step is Step.REUSED:
                    self._end(row.sid)
                    _warn("refresh_reused: two had a token of session %s", row.sid)
                    self._teller.reuse(row)
                    self._teller.end(row, reason="reuse")
                    raise RefreshReused(row.sid)
                waits = self._asks and grants is None
                grants = grants or (yield from self._granted_to(row))
                if step is Step.REPEAT:
                    if waits:  # whoever was asked took their time: what was current may have been replaced since
                        row = self._as_it_is_now(token, refusal)
                    current = token.successor(kid=row.kid, generation=row.generation)
                    pair = self._pairs.pair(with_grants(row, grants), current)
                    self._teller.refresh(row, is_repeated=True)
                    return pair
                kid = self._ring.derive_kid()
                following = successor(row, self._policy, grants=grants, kid=kid, now_s=self._clock())
                swapped = self._swap(row, following, token.successor(kid=kid, generation=following.generation))
                if swapped is not None:
                    self._teller.refresh(row, is_repeated=False)
                    if self._policy.format == REFERENCE:  # each refresh leaves one behind, logins may be rare
                        self._purge()
                    return swapped
            raise StoreUnavailable(SWAPS_LOST)

    def reauthenticate(self, sid: str) -> Flow[TokenPair]:
        """Record that the password was asked again: see ``Sessions.reauthenticate``."""
        with self._teller.refusals("reauthenticate") as refusal:
            for _ in range(SWAPS_MAX):
                if not is_sid(sid):
                    raise UnknownSession(NO_SUCH_SESSION)
                row = self._found(sid, refusal)
                refusal.sid = sid
                if self._came_back(row):
                    self._end_once_more(row)
                if not row.is_live(self._clock()):
                    raise SessionEnded(ENDED)
                kid = self._ring.derive_kid()
                token = new_refresh_token(kid=kid, sid=row.sid, generation=row.generation + 1)
                grants = yield from self._granted_to(row)
                following = successor(row, self._policy, grants=grants, kid=kid, now_s=self._clock())
                pair = self._swap(row, reauthenticated(following, token), token)
                if pair is not None:
                    self._teller.reauthentication(row)
                    return pair
            raise StoreUnavailable(SWAPS_LOST)

    def end_with(self, refresh_token: str) -> None:
        """End the session of a refresh token, whichever of its generations that is: see ``Sessions.end_with``."""
        with self._teller.refusals("end") as refusal:
            try:
                token = read_refresh_token(refresh_token, self._ring)
            finally:
                del refresh_token
            refusal.sid = token.sid
            row = self._found(token.sid, refusal)
            _check_nonce(row, token)
            self._end(row.sid)
            if row.ended_at is None:
                self._teller.end(row, reason="logout")

    def end(self, sid: str, *, subject: str | None) -> None:
        """End a session: see ``Sessions.end``."""
        with self._teller.refusals("end", subject=subject):
            row = None
            if not is_sid(sid):
                raise UnknownSession(NO_SUCH_SESSION)
            if self._teller.on_event is not None:
                # Whose it is, and whether it has ended already, for the event alone: ending does not depend on it.
                with contextlib.suppress(StoreUnavailable):
                    row = self._store.get(sid)
            self._end(sid, subject=subject)
        if row is not None and row.ended_at is None:
            self._teller.end(row, reason="logout")

    def end_all(self, subject: str, *, except_sid: str | None) -> int:
        """End every session of a subject: see ``Sessions.end_all``."""
        ended = self._store.end_all(subject, now_s=self._clock(), except_sid=except_sid)
        self._denials.deny(ended)
        self._teller.ends(ended, subject=subject, reason="logout_all")
        return len(ended)

    def active(self, subject: str) -> tuple[Session, ...]:
        """List the live sessions of a subject: see ``Sessions.active``."""
        rows = self._store.active(subject, now_s=self._clock())
        denied = self._denials.denied  # what ended here stays ended, also where an older copy of the store came back
        return tuple(session_of(row) for row in rows if row.sid not in denied)

    def _end(self, sid: str, *, subject: str | None = None) -> None:
        """End a session in the store, and refuse it here."""
        denial = self._store.end(sid, now_s=self._clock(), subject=subject)
        if denial is None:
            raise UnknownSession(NO_SUCH_SESSION)
        self._denials.deny((denial,))

    def _found(self, sid: str, refusal: Refusals) -> SessionRow:
        """Read the session of a genuine token."""
        row = self._store.get(sid)
        if row is None:
            raise UnknownSession(NO_SUCH_SESSION)
        refusal.subject = row.subject
        return row

    def _as_it_is_now(self, token: RefreshToken, refusal: Refusals) -> SessionRow:
        """Read the session of a token once more that was good when it arrived."""
        row = self._found(token.sid, refusal)
        _check_nonce(row, token)
        if self._came_back(row):
            self._end_once_more(row)
        if not row.is_live(self._clock()):
            raise SessionEnded(ENDED)
        return row

    def _came_back(self, row: SessionRow) -> bool:
        """Tell whether the store has a session live that ended, as this process knows: an older copy was put back."""
        return row.ended_at is None and row.sid in self._denials.denied

    def _end_once_more(self, row: SessionRow) -> NoReturn:
        """Record the end of such a session again, so that no other process takes it, and refuse it."""
        self._end(row.sid)
        _warn("session %s had ended, and the store had it live again: it was ended once more", row.sid)
        self._teller.end(row, reason="restored")
        raise SessionEnded(ENDED)

    def _granted(self, subject: str, otherwise: Grants) -> Flow[Grants | None]:
        """Ask what a subject may do now."""
        if not self._asks:
            return otherwise
        return checked_answer((yield subject))

    def _granted_to(self, row: SessionRow) -> Flow[Grants]:
        """Ask the same for a session, and end it where the answer is no."""
        grants = yield from self._granted(row.subject, Grants(row.scopes, row.roles))
        if grants is None:
            self._end_of(row, reason="authorize")
            raise SessionEnded("the account may not log in any more: the session was ended")
        return grants

    def _end_of(self, row: SessionRow, *, reason: EndReason) -> None:
        """End a session that was live a moment ago, and tell of it."""
        self._end(row.sid)
        self._teller.end(row, reason=reason)

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
                removed = self._store.purge(now_s=self._clock(), limit=PURGED_AT_ONCE_MAX)
                if removed >= PURGED_AT_ONCE_MAX // 2:  # of references half at a time: see the stores
                    self._purge_at = self._monotonic() + PURGE_AGAIN_S


def _check_nonce(row: SessionRow, token: RefreshToken) -> None:
    """Refuse a token of a time before ``reauthenticate``, before anything is done for it.

    Raises:
        InvalidSignature: its nonce is another.
    """
    if not hmac.compare_digest(token.nonce_sha256(), row.nonce_sha256):
        raise InvalidSignature(NOT_OURS)


def _warn(text: str, sid: str) -> None:
    """Say in the log what an operator has to see, whether or not anybody listens to events."""
    import logging

    logging.getLogger("daypass.sessions").warning(text, sid)
