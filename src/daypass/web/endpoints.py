"""The session API, written once: one function an endpoint, mounted by the service and by every integration.

Enters: a Request, the Sessions, and where a password is at stake the Accounts that know it. Leaves: a
Response. A refusal leaves as an exception (a DaypassError or a Refused) and becomes a problem document in ``answer``.

Source: DESIGN.md 5 and 6; RFC 6750 (bearer tokens); RFC 7517 5 (JWK Set); OWASP Session Management Cheat
Sheet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from daypass.errors import (
    AccessDenied,
    DaypassError,
    Expired,
    SessionEnded,
    UnknownKey,
    UnknownSession,
)
from daypass.limits import DEVICE_CHARACTERS_MAX
from daypass.sessions.manager import Sessions
from daypass.sessions.values import Principal, Session, TokenPair
from daypass.web import bodies
from daypass.web.problem import MEDIA_TYPE, Refused, not_found, problem_of, refusal_of, wrong_credentials
from daypass.web.transport import Request, Response, bearer_token, json_response, read_body

__all__ = [
    "Accounts",
    "Credential",
    "answer",
    "change_password",
    "current_session",
    "end_session",
    "jwks",
    "list_sessions",
    "login",
    "logout",
    "logout_all",
    "refresh",
]

_log: Final = logging.getLogger("daypass.web")
JWKS_MAX_AGE_S: Final = 30
"""How long a copy of the JWK Set may be used: half of what a new key is published before it signs, in
seconds."""


class Credential(msgspec.Struct, frozen=True):
    """A password that was right when it was checked.

    Args:
        subject: the account that it belongs to.
        version: which of the account's passwords it was.
    """

    subject: str
    version: int


class Accounts(Protocol):
    """What the endpoints need of whoever keeps the passwords."""

    def authenticate(self, email: str, password: str) -> Credential:
        """Check a password. Raises Refused, in the same time for every reason."""

    def is_current(self, credential: Credential) -> bool:
        """Tell whether this is still the password of the account."""

    def change_password(self, subject: str, *, current: str, new: str) -> None:
        """Replace a password. Raises Refused where one of the two is not accepted."""


def answer(endpoint: Callable[[Request], Response], request: Request) -> Response:
    """Run an endpoint and turn its refusal into a problem document. Any other exception passes through."""
    try:
        return endpoint(request)
    except Refused as refused:
        return problem_response(refused)
    except DaypassError as error:
        refusal = refusal_of(error)
        if refusal.status >= 500:  # a client is told that it is not its fault; whose it is, the operator is told
            _log.error("%s: %s", error.code, error)
        return problem_response(refusal)


def problem_response(refused: Refused) -> Response:
    """Make the response of a refusal."""
    return json_response(refused.status, problem_of(refused), media_type=MEDIA_TYPE, headers=refused.headers)


def login(request: Request, sessions: Sessions, accounts: Accounts) -> Response:
    """Start a session for whoever knows the password.

    Raises:
        Refused: 401 for a wrong e-mail address, a wrong password and a locked account alike.
    """
    form = read_body(request, bodies.Login)
    credential = accounts.authenticate(form.email, form.password)
    try:
        pair = sessions.start(credential.subject, device=_device(request, form.device))
    except (SessionEnded, AccessDenied):  # the account was locked between the two
        raise wrong_credentials() from None
    if not accounts.is_current(credential):
        # The password was changed after it was checked, perhaps after its sessions were ended: this one was
        # not.
        sessions.end(pair.session.sid)
        raise wrong_credentials()
    return _tokens(pair)


def current_session(request: Request, sessions: Sessions) -> Response:
    """Say whose the access token is and what it allows; nothing is looked up."""
    principal = _principal(request, sessions)
    return json_response(
        200,
        bodies.CurrentSession(
            sub=principal.subject,
            sid=principal.sid,
            roles=sorted(principal.roles),
            scopes=sorted(principal.scopes),
            authenticated_at=principal.authenticated_at,
            expires_at=principal.expires_at,
        ),
    )


def refresh(request: Request, sessions: Sessions) -> Response:
    """Exchange a refresh token for the next pair."""
    return _tokens(sessions.refresh(read_body(request, bodies.Refresh).refresh_token))


def logout(request: Request, sessions: Sessions) -> Response:
    """End the session of the access token or, where that has expired or is not sent, of the refresh token.

    An access token that expired long ago may be forgotten: its key has left the ring, or the store what it stood for.

    A session that has ended already is no error: the caller wanted it to be over, and it is. One that the store does
    not know is: nobody could record that it is over, and others may accept its access token until that expires.
    """
    refresh_token = read_body(request, bodies.Logout).refresh_token
    with suppress(SessionEnded):
        if refresh_token is not None and not request.header("authorization"):
            sessions.end_with(refresh_token)
            return json_response(204, None)
        try:
            principal = _principal(request, sessions)
            sessions.end(principal.sid, subject=principal.subject)
        except (Expired, UnknownKey, UnknownSession):
            if not refresh_token:  # a cache hands out none: ""
                raise
            sessions.end_with(refresh_token)
    return json_response(204, None)


def list_sessions(request: Request, sessions: Sessions) -> Response:
    """List the caller's own live sessions."""
    principal = _principal(request, sessions)
    own = sessions.active(principal.subject)
    listed = [_session_body(session, current=session.sid == principal.sid) for session in own]
    return json_response(200, bodies.SessionList(sessions=listed))


def end_session(request: Request, sessions: Sessions) -> Response:
    """End one of the caller's own sessions, the one that the path names as ``sid``.

    Raises:
        Refused: 404 for a session that does not exist or is another's; nobody learns which.
    """
    principal = _principal(request, sessions)
    try:
        sessions.end(request.path["sid"], subject=principal.subject)
    except UnknownSession:
        raise not_found() from None
    return json_response(204, None)


def logout_all(request: Request, sessions: Sessions) -> Response:
    """End all of the caller's sessions, this one too."""
    sessions.end_all(_principal(request, sessions).subject)
    return json_response(204, None)


def change_password(request: Request, sessions: Sessions, accounts: Accounts) -> Response:
    """Replace the caller's password and end the caller's other sessions."""
    principal = _principal(request, sessions)
    form = read_body(request, bodies.ChangePassword)
    accounts.change_password(principal.subject, current=form.current_password, new=form.new_password)
    sessions.end_all(principal.subject, except_sid=principal.sid)
    return json_response(204, None)


def jwks(_request: Request, sessions: Sessions) -> Response:
    """Publish the public keys that access tokens are signed with. Source: RFC 7517 5."""
    cacheable = (("cache-control", f"public, max-age={JWKS_MAX_AGE_S}"),)
    return json_response(200, sessions.keys.public().to_dict(), headers=cacheable)


def _principal(request: Request, sessions: Sessions) -> Principal:
    """Verify the access token of a request."""
    return sessions.verify(bearer_token(request))


def _device(request: Request, label: str | None) -> str | None:
    """Choose what the caller's list of sessions shows for this one."""
    agents = request.header("user-agent")
    text = label or (agents[0] if agents else "")
    return "".join(filter(str.isprintable, text[: 2 * DEVICE_CHARACTERS_MAX]))[:DEVICE_CHARACTERS_MAX] or None


def _session_body(session: Session, *, current: bool) -> bodies.SessionBody:
    """Say of a session what its owner may see."""
    return bodies.SessionBody(
        sid=session.sid,
        device=session.device,
        created_at=session.created_at,
        authenticated_at=session.authenticated_at,
        last_refreshed_at=session.last_refreshed_at,
        ends_at=session.ends_at,
        current=current,
    )


def _tokens(pair: TokenPair) -> Response:
    """Hand out a pair. Source: RFC 6749 5.1 (members and no-store)."""
    return json_response(
        200,
        bodies.Tokens(
            access_token=pair.access_token,
            token_type="Bearer",  # noqa: S106 - the name of a scheme
            expires_in=pair.expires_in,
            refresh_token=pair.refresh_token,
            session=_session_body(pair.session, current=True),
        ),
    )
