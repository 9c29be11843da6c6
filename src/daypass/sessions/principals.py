"""The hot path of sessions: who sent a request. Enters: an access token. Leaves: a Principal.

Signature and registered claims are checked by the Verifier. What is added here costs a few dictionary
look-ups: is the session denied, is the feed recent, and the sets of scopes and roles, which are remembered.

Source: DESIGN.md 4 and 5; RFC 9068 2.2 (claims of an access token).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from daypass.encoding import JSON
from daypass.errors import (
    ClaimError,
    DaypassError,
    MissingClaim,
    SessionEnded,
    SessionError,
    TokenError,
    UnknownSession,
)
from daypass.sessions.events import Teller
from daypass.sessions.feed import Denials
from daypass.sessions.rotation import ENDED
from daypass.sessions.values import Principal
from daypass.stores.protocol import SessionStore

__all__ = ["Verify", "asking_the_store", "principal_reader", "telling"]

SETS_REMEMBERED_MAX: Final = 1024
_SESSION_CLAIMS: Final = {"sub": str, "sid": str, "roles": list, "auth_time": int, "exp": int}
_OPTIONAL_CLAIMS: Final = {"scope": str, "data": dict}
_NO_DATA: Final[Mapping[str, JSON]] = MappingProxyType({})

Verify = Callable[[str], Principal]


def principal_reader(
    verify_token: Callable[[str], dict[str, Any]], denials: Denials, monotonic: Callable[[], float]
) -> Verify:
    """Make the function that verifies access tokens.

    Args:
        verify_token: checks the signature and the registered claims.
        denials: who is refused, and when to look again.
        monotonic: seconds that never go back.
    """
    denied = denials.denied
    scopes_of: dict[str, frozenset[str]] = {}
    roles_of: dict[tuple[str, ...], frozenset[str]] = {}

    def verify(token: str) -> Principal:
        try:
            claims = verify_token(token)
        except BaseException:
            del token  # where the store is away, an error service would be shown tokens that live
            raise
        try:
            subject, sid, authenticated_at = claims["sub"], claims["sid"], claims["auth_time"]
            scopes = scopes_of[claims.get("scope", "")]
            words = claims["roles"]
            roles = roles_of[tuple(words)]
            data = claims.get("data", _NO_DATA)
            is_plain = (
                sid.__class__ is str
                and authenticated_at.__class__ is int
                and words.__class__ is list
                and (data is _NO_DATA or data.__class__ is dict)
            )
        except (KeyError, TypeError):
            is_plain = False
        if not is_plain:  # scopes or roles that are not remembered yet, or no token of a session
            _check_session_claims(claims)
            subject, sid, authenticated_at = claims["sub"], claims["sid"], claims["auth_time"]
            data = claims.get("data", _NO_DATA)
            scopes = _remembered(scopes_of, scope := claims.get("scope", ""), scope.split())
            roles = _remembered(roles_of, tuple(claims["roles"]), claims["roles"])
        if monotonic() >= denials.look_again_at:
            del token
            denials.check()
        if sid in denied:
            token = ""
            raise SessionEnded(ENDED)
        return Principal(subject, sid, scopes, roles, data, authenticated_at, claims["exp"], claims)

    return verify


def asking_the_store(verify: Verify, store: SessionStore, clock: Callable[[], float]) -> Verify:
    """Make a verification ask the store each time whether the session lives.

    Args:
        verify: checks everything else first.
        store: where the sessions are.
        clock: epoch seconds.
    """

    def verify_strictly(token: str) -> Principal:
        try:
            principal = verify(token)
        finally:
            del token
        row = store.get(principal.sid)
        if row is None:
            raise UnknownSession("the store does not know the session of this access token")
        if not row.is_live(clock()):
            raise SessionEnded(ENDED)
        return principal

    return verify_strictly


def telling(verify: Verify, verify_token: Callable[[str], dict[str, Any]], teller: Teller) -> Verify:
    """Make a verification tell of what it refuses. What it accepts costs one call more.

    Args:
        verify: all of it.
        verify_token: signature and registered claims alone: says again which session a refused token was of.
        teller: tells it.
    """

    def verify_and_tell(token: str) -> Principal:
        try:
            return verify(token)
        except TokenError as error:
            sid = subject = None
            if isinstance(error, SessionError):
                with contextlib.suppress(DaypassError):
                    claims = verify_token(token)
                    sid, subject = claims["sid"], claims["sub"]
            del token  # a callback may show the frames above it
            teller.refusal("verify", error, sid=sid, subject=subject)
            raise
        except BaseException:
            del token
            raise

    return verify_and_tell


def _check_session_claims(claims: dict[str, Any]) -> None:
    """Refuse a token that was issued for something else than a session. Source: RFC 9068 2.2."""
    for name, kind in _SESSION_CLAIMS.items():
        if name not in claims:
            raise MissingClaim(name, f"an access token of a session has a {name!r} claim")
        if claims[name].__class__ is not kind:
            raise ClaimError(name, "type")
    if not all(role.__class__ is str for role in claims["roles"]):
        raise ClaimError("roles", "type")
    for name, kind in _OPTIONAL_CLAIMS.items():
        if name in claims and claims[name].__class__ is not kind:
            raise ClaimError(name, "type")


K = TypeVar("K")


def _remembered(sets: dict[K, frozenset[str]], key: K, words: Iterable[str]) -> frozenset[str]:
    """Make a set of words and remember it; when there are too many, begin anew."""
    if len(sets) >= SETS_REMEMBERED_MAX:
        sets.clear()
    return sets.setdefault(key, frozenset(words))
