"""What happened to sessions, as typed values for whoever watches. Enters: facts. Leaves: events, told to a callback.

One event for each login, refresh, reuse, end, change of keys and refusal, under the words of OWASP. An event is told
after the fact, outside of any lock, in the thread that did it: whoever listens can neither prevent nor undo anything,
and holds nobody else up. It never holds a token, a nonce, or a claim beside the subject and the public ``sid``.

Source: DESIGN.md 5 (events); OWASP Logging Vocabulary Cheat Sheet; OWASP Session Management Cheat Sheet (logging).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Literal, final

import msgspec

from daypass.errors import (
    AccessDenied,
    ConfigurationError,
    DaypassError,
    RefreshReused,
    SessionEnded,
    TokenError,
    UnknownSession,
)
from daypass.stores.protocol import Denial, SessionRow

__all__ = [
    "EndEvent",
    "Event",
    "KeysEvent",
    "LoginEvent",
    "OnEvent",
    "ReauthenticationEvent",
    "RefreshEvent",
    "RefusalEvent",
    "ReuseEvent",
    "Teller",
    "level_of",
]

EndReason = Literal["logout", "logout_all", "cap", "authorize", "reuse", "restored"]
Verb = Literal["start", "verify", "refresh", "reauthenticate", "end"]

TOLD_MAX: Final = 4096
"""Ended sessions that a process remembers to have told of, so that two threads at once tell once."""
_ATTACKS: Final = frozenset({"authn_token_reuse", "authz_fail", "session_use_after_expire"})
_WARNINGS: Final = frozenset({"authn_login_fail", "sensitive_update"})


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """Something that has happened. What is not known, or has no meaning for its kind, is None.

    Args:
        event: the word of OWASP for it; stable.
        at: when, epoch seconds.
        sid: of the session; public, no credential.
        subject: whose session it is.
        client_id: which client it was started for.
        device: the label of the login.
        reason: a stable word.
    """

    event: str
    at: float
    sid: str | None = None
    subject: str | None = None
    client_id: str | None = None
    device: str | None = None
    reason: str | None = None


class LoginEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session_started"):
    """A session was started."""


class RefreshEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session_refreshed"):
    """A refresh token was exchanged; ``reason``: ``rotated``, or ``repeated`` within the grace window."""


class ReauthenticationEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session_reauthenticated"):
    """The password was asked again."""


class ReuseEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="refresh_reused"):
    """A replaced refresh token came back after its window: two have had it. The session was ended for it."""


class EndEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session_ended"):
    """A session was ended.

    ``reason``: by ``logout`` or ``logout_all``, the ``cap`` on sessions of a subject, the answer of ``authorize``,
    ``reuse`` of a refresh token, or once more because an older copy of the store was ``restored``. A session that runs
    out by itself is not told: nobody does anything then.
    """


class KeysEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="keys_changed"):
    """The key ring has changed; ``reason`` says how.

    Args:
        kid: of the key.
    """

    kid: str | None = None


class RefusalEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="refused"):
    """A token, or a login, was refused; ``reason`` is the code of the error.

    ``sid`` and ``subject`` stand here only where the token was genuine.

    Args:
        verb: what was tried.
    """

    verb: Verb


OnEvent = Callable[[Event], None]


def level_of(event: Event) -> str:
    """Tell how loud OWASP wants an event: ``INFO``, ``WARN`` or ``CRITICAL``.

    An access token that has expired is no attack: every client shows one now and then.
    """
    if event.reason == "token_expired":
        return "INFO"
    if event.event in _ATTACKS:
        return "CRITICAL"
    return "WARN" if event.event in _WARNINGS else "INFO"


@final
class Teller:
    """Tells events. Without a callback every method returns at once.

    Args:
        on_event: is told; what it raises is logged and goes no further.
        clock: epoch seconds.

    Raises:
        ConfigurationError: a callback that cannot be called, or that would have to be awaited.
    """

    __slots__ = ("_clock", "_told", "on_event")

    def __init__(self, on_event: OnEvent | None, *, clock: Callable[[], float]) -> None:
        if on_event is not None:
            _check_callback(on_event)
        self.on_event = on_event
        self._clock = clock
        self._told: dict[str, object] = {}

    def login(self, row: SessionRow) -> None:
        """Tell of a session that was started."""
        if self.on_event is not None:
            self.tell(LoginEvent(event="authn_login_success", at=self._now(), **_of(row)))

    def refresh(self, row: SessionRow, *, is_repeated: bool) -> None:
        """Tell of a refresh token that was exchanged."""
        if self.on_event is not None:
            reason = "repeated" if is_repeated else "rotated"
            self.tell(RefreshEvent(event="session_renewed", at=self._now(), reason=reason, **_of(row)))

    def reauthentication(self, row: SessionRow) -> None:
        """Tell of a password that was asked again."""
        if self.on_event is not None:
            self.tell(ReauthenticationEvent(event="authn_login_success", at=self._now(), **_of(row)))

    def reuse(self, row: SessionRow) -> None:
        """Tell of a refresh token that two have had."""
        if self.on_event is not None:
            self.tell(ReuseEvent(event="authn_token_reuse", at=self._now(), **_of(row)))

    def end(self, row: SessionRow, *, reason: EndReason) -> None:
        """Tell of a session that was ended, once in this process, however many threads ended it."""
        if self.on_event is not None and self._is_first(row.sid):
            self.tell(EndEvent(event="session_expired", at=self._now(), reason=reason, **_of(row)))

    def ends(self, denials: Iterable[Denial], *, subject: str, reason: EndReason) -> None:
        """Tell of sessions of one subject of which the store says that it has just ended them."""
        if self.on_event is not None:
            for sid in (denial.sid for denial in denials):
                if self._is_first(sid):
                    told = EndEvent(event="session_expired", at=self._now(), sid=sid, subject=subject, reason=reason)
                    self.tell(told)

    def keys(self, reason: str, kid: str | None) -> None:
        """Tell of a key ring that has changed."""
        if self.on_event is not None:
            self.tell(KeysEvent(event="sensitive_update", at=self._now(), reason=reason, kid=kid))

    def refusal(self, verb: Verb, error: DaypassError, *, sid: str | None = None, subject: str | None = None) -> None:
        """Tell of a refusal. Reuse has an event of its own."""
        if self.on_event is None or isinstance(error, RefreshReused):
            return
        word = "authz_fail"
        if isinstance(error, AccessDenied):
            word = "authn_login_fail"
        elif isinstance(error, SessionEnded | UnknownSession):
            word = "session_use_after_expire"
        self.tell(RefusalEvent(event=word, at=self._now(), reason=error.code, verb=verb, sid=sid, subject=subject))

    def refusals(self, verb: Verb, *, subject: str | None = None) -> Refusals:
        """Tell of the refusal that leaves a block."""
        return Refusals(self, verb, subject=subject)

    def tell(self, event: Event) -> None:
        """Call the callback; nothing that it raises gets further than the log."""
        try:
            assert self.on_event is not None
            self.on_event(event)
        except Exception:
            import logging

            logging.getLogger("daypass.sessions").exception("on_event failed at %s", event.event)

    def _is_first(self, sid: str) -> bool:
        """Claim a session for telling, in one step and without a lock."""
        if len(self._told) >= TOLD_MAX:
            self._told.clear()
        claim = object()
        return self._told.setdefault(sid, claim) is claim

    def _now(self) -> float:
        return round(self._clock(), 3)


@final
class Refusals:
    """A block whose refusals are told as they leave it. Any other exception passes in silence.

    Args:
        teller: tells them.
        verb: what is tried.
        subject: whose session it is, as far as known.

    Attributes:
        sid: of the genuine token, once it is known.
    """

    __slots__ = ("_teller", "_verb", "sid", "subject")

    def __init__(self, teller: Teller, verb: Verb, *, subject: str | None) -> None:
        self._teller = teller
        self._verb: Verb = verb
        self.sid: str | None = None
        self.subject = subject

    def __enter__(self) -> Refusals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, TokenError | AccessDenied):
            self._teller.refusal(self._verb, error, sid=self.sid, subject=self.subject)


def _of(row: SessionRow) -> dict[str, str | None]:
    """Name the session that an event is about."""
    return {"sid": row.sid, "subject": row.subject, "client_id": row.client_id, "device": row.device}


def _check_callback(on_event: object) -> None:
    """Refuse what cannot be called, and what would only make a coroutine that nobody awaits."""
    import inspect

    if not callable(on_event):
        raise ConfigurationError(f"on_event is a function that takes an event, not {type(on_event).__name__}")
    if inspect.iscoroutinefunction(on_event) or inspect.iscoroutinefunction(type(on_event).__call__):
        raise ConfigurationError("on_event is a plain function: it is called in the thread that did what it tells")
