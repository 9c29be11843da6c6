"""Sessions in a cache: one reference token, one entry, a whole session. Enters: a subject, a token. Leaves: the other.

What a cache forgets has ended, so nothing that must be remembered is kept there: no revocation, no refresh token, no
list of a subject's sessions. ``start``, ``verify`` and ``end`` are all there is; the other verbs name the stores that
have them. The sid is the SHA-256 of the token, under which its entry is kept: ending a session removes the entry.

Source: DESIGN.md 5 (memcached may hold reference tokens).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn, final

from daypass.claims import Claims
from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import AccessDenied, ConfigurationError, StoreUnavailable, TokenError, UnknownSession
from daypass.limits import CACHED_S_MAX
from daypass.sessions.events import Teller
from daypass.sessions.flows import NO_SUCH_SESSION, REFUSED, Flow
from daypass.sessions.grants import checked_answer
from daypass.sessions.pairs import access_claims, session_of
from daypass.sessions.policy import REFERENCE, SessionPolicy
from daypass.sessions.reference import References, digest_of, new_reference
from daypass.sessions.refresh_token import RefreshToken
from daypass.sessions.rotation import new_row, with_grants
from daypass.sessions.values import Grants, Session, TokenPair
from daypass.stores.protocol import Denial, ReferenceStore, SessionRow

__all__ = ["CachedFlows", "check_cached_policy"]

_SID: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


def check_cached_policy(policy: SessionPolicy) -> None:
    """Refuse settings that a cache cannot keep.

    Raises:
        ConfigurationError: another format than ``reference``, another revocation than ``strict``, or times that are too
            long for it.
    """
    if policy.format != REFERENCE or set(policy.accepted_formats) - {REFERENCE} or policy.revocation != "strict":
        raise ConfigurationError(
            "memcached keeps reference tokens alone, it would forget who has logged out:"
            ' SessionPolicy(format="reference", revocation="strict"), or another store'
        )
    if policy.idle_lifetime_s > CACHED_S_MAX:
        raise ConfigurationError(
            f"memcached reads times above {CACHED_S_MAX} s as dates: idle_lifetime_s is at most {CACHED_S_MAX}"
        )


@final
class CachedFlows:
    """The verbs over a cache.

    Args:
        references: seals, keeps and reads.
        store: where the entries are.
        policy: how long sessions live.
        teller: tells what happened.
        asks: whether there is an ``authorize`` to be asked.
        clock: epoch seconds.
    """

    __slots__ = ("_asks", "_clock", "_policy", "_references", "_store", "_teller")

    def __init__(
        self,
        references: References,
        store: ReferenceStore,
        policy: SessionPolicy,
        *,
        teller: Teller,
        asks: bool,
        clock: Callable[[], float],
    ) -> None:
        self._references = references
        self._store = store
        self._policy = policy
        self._teller = teller
        self._asks = asks
        self._clock = clock

    def start(self, subject: str, login: Grants, *, data: dict[str, Any], device: str | None) -> Flow[TokenPair]:
        """Start a session: see ``Sessions.start``."""
        with self._teller.refusals("start", subject=subject):
            grants = yield from self._granted(subject, login)
            token = new_reference()
            digest = digest_of(token)
            row = self._row(digest, subject, grants, data=data, device=device)
            self._keep(digest, row)
            if self._asks:
                try:
                    # A lock marks the account first: if that was after the first question, we see it now.
                    grants = yield from self._granted(subject, login)
                    self._keep(digest, with_grants(row, grants))
                except BaseException:
                    with contextlib.suppress(StoreUnavailable):  # nobody has its token
                        self._store.drop_reference(digest)
                    raise
        self._teller.login(row)
        return TokenPair(token, "", min(self._policy.idle_lifetime_s, row.ends_at - row.created_at), session_of(row))

    def verify(self, token: str) -> Claims:
        """Look a token up; its idle time begins anew. Raises TokenError, or StoreUnavailable."""
        digest = digest_of(token)
        del token  # a traceback may show the locals of this frame
        return self._references.read(digest, until=int(self._clock()) + self._policy.idle_lifetime_s)

    def end(self, sid: str, *, subject: str | None) -> None:
        """End a session: see ``Sessions.end``. Ending it twice is UnknownSession: nobody remembers it."""
        with self._teller.refusals("end", subject=subject):
            if not _SID.fullmatch(sid):
                raise UnknownSession(NO_SUCH_SESSION)
            digest = b64url_decode(sid.encode("ascii"))
            owner = self._owner(digest) if subject is not None or self._teller.on_event is not None else None
            if (subject is not None and owner != subject) or not self._store.drop_reference(digest):
                raise UnknownSession(NO_SUCH_SESSION)
        if owner is not None:
            self._teller.ends((Denial(sid, 0),), subject=owner, reason="logout")

    def refresh(self, refresh_token: str) -> Flow[TokenPair]:
        """Refused: there are no refresh tokens."""
        del refresh_token
        _refuse("refresh")

    def reauthenticate(self, sid: str) -> Flow[TokenPair]:  # noqa: ARG002 - as other stores take it
        """Refused: an entry does not change."""
        _refuse("reauthenticate")

    def end_with(self, refresh_token: str) -> None:
        """Refused: there are no refresh tokens."""
        del refresh_token
        _refuse("end_with")

    def end_all(self, subject: str, *, except_sid: str | None) -> int:  # noqa: ARG002 - as other stores take it
        """Refused: a cache cannot list."""
        _refuse("end_all")

    def active(self, subject: str) -> tuple[Session, ...]:  # noqa: ARG002 - as other stores take it
        """Refused: a cache cannot list."""
        _refuse("active")

    def _granted(self, subject: str, login: Grants) -> Flow[Grants]:
        """Ask what a subject may do now."""
        grants = checked_answer((yield subject)) if self._asks else login
        if grants is None:
            raise AccessDenied(REFUSED)
        return grants

    def _row(
        self, digest: bytes, subject: str, grants: Grants, *, data: dict[str, Any], device: str | None
    ) -> SessionRow:
        """Describe the session as rows do."""
        name = RefreshToken("", b64url_encode(digest), 1, "")
        now_s = self._clock()
        return new_row(name, self._policy, subject=subject, device=device, grants=grants, data=data, now_s=now_s)

    def _owner(self, digest: bytes) -> str | None:
        """Read whose an entry is; None where nobody could be let in with it: it is over, or its key was retired."""
        try:
            return str(self._references.read(digest)["sub"])
        except TokenError:
            return None

    def _keep(self, digest: bytes, row: SessionRow) -> None:
        until = row.created_at + self._policy.idle_lifetime_s
        self._references.keep(digest, access_claims(row), expires_at=row.ends_at, until=until)


def _refuse(verb: str) -> NoReturn:
    raise ConfigurationError(
        f"{verb} needs a store that remembers: sqlite:///, postgresql://, mysql:// or redis://; a cache has start,"
        " verify and end"
    )
