"""Which endpoint answers where, in one table that the application and the OpenAPI document are made from.

Enters: a Service. Leaves: routes, each a function from a Request to a Response.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import msgspec

from daypass.server.boot import Service
from daypass.server.credentials import PasswordLogin
from daypass.sessions.manager import Sessions
from daypass.web import bodies, endpoints
from daypass.web.transport import Request, Response, json_response

__all__ = ["Health", "Route", "routes_of"]


class Health(msgspec.Struct, frozen=True):
    """The service runs."""

    status: Literal["ok"]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One operation.

    Args:
        method: upper case.
        path: with placeholders in braces.
        endpoint: answers it.
        summary: what it does.
        body: what it reads, as JSON or as a form; None where it reads no body, whatever was sent.
        status: of its success.
        answer: what it writes.
        bearer: whether it takes an access token.
        bearer_optional: whether it can do without, too.
        in_place: whether it neither waits nor computes for long, so that it needs no thread of its own.
        refusals: the status codes that its problem documents may have, besides those that any request may
        meet.
    """

    method: str
    path: str
    endpoint: Callable[[Request], Response]
    summary: str
    body: type[msgspec.Struct] | None = None
    status: int = 200
    answer: type[msgspec.Struct] | None = None
    bearer: bool = False
    bearer_optional: bool = False
    in_place: bool = False
    refusals: tuple[int, ...] = ()


_WITH_BODY = (400, 401, 413, 415, 422, 503)
_WITH_TOKEN = (400, 401, 503)


def routes_of(service: Service) -> tuple[Route, ...]:
    """Lay the table for one service."""
    sessions, login = service.sessions, service.login
    return (*_token_routes(sessions, login), *_own_sessions_routes(sessions, login), *_public_routes(sessions))


def _token_routes(sessions: Sessions, login: PasswordLogin) -> tuple[Route, ...]:
    """The way of a session: log in, call, refresh, log out."""
    return (
        Route(
            method="POST",
            path="/v1/login",
            endpoint=partial(endpoints.login, sessions=sessions, accounts=login),
            summary="Log in: start a session and get its first pair of tokens",
            body=bodies.Login,
            answer=bodies.Tokens,
            refusals=_WITH_BODY,
        ),
        Route(
            method="GET",
            path="/v1/session",
            endpoint=partial(endpoints.current_session, sessions=sessions),
            summary="Read what the access token says",
            answer=bodies.CurrentSession,
            bearer=True,
            in_place=True,  # a signature and a look at the feed: no storm of logins delays it
            refusals=_WITH_TOKEN,
        ),
        Route(
            method="POST",
            path="/v1/refresh",
            endpoint=partial(endpoints.refresh, sessions=sessions),
            summary="Exchange a refresh token for the next pair",
            body=bodies.Refresh,
            answer=bodies.Tokens,
            refusals=_WITH_BODY,
        ),
        Route(
            method="POST",
            path="/v1/logout",
            endpoint=partial(endpoints.logout, sessions=sessions),
            summary="Log out: end the session of the access token or, once that expired, the refresh token",
            body=bodies.Logout,
            status=204,
            bearer=True,
            bearer_optional=True,
            refusals=_WITH_BODY,
        ),
    )


def _own_sessions_routes(sessions: Sessions, login: PasswordLogin) -> tuple[Route, ...]:
    """What an account does about its sessions and its password."""
    return (
        Route(
            method="GET",
            path="/v1/sessions",
            endpoint=partial(endpoints.list_sessions, sessions=sessions),
            summary="List your live sessions",
            answer=bodies.SessionList,
            bearer=True,
            refusals=_WITH_TOKEN,
        ),
        Route(
            method="DELETE",
            path="/v1/sessions/{sid}",
            endpoint=partial(endpoints.end_session, sessions=sessions),
            summary="End one of your sessions",
            status=204,
            bearer=True,
            refusals=(*_WITH_TOKEN, 404),
        ),
        Route(
            method="POST",
            path="/v1/logout-all",
            endpoint=partial(endpoints.logout_all, sessions=sessions),
            summary="End all your sessions",
            status=204,
            bearer=True,
            refusals=_WITH_TOKEN,
        ),
        Route(
            method="POST",
            path="/v1/password",
            endpoint=partial(endpoints.change_password, sessions=sessions, accounts=login),
            summary="Change your password and end your other sessions",
            body=bodies.ChangePassword,
            status=204,
            bearer=True,
            refusals=(*_WITH_BODY, 403),
        ),
    )


def _public_routes(sessions: Sessions) -> tuple[Route, ...]:
    """What anybody may ask."""
    return (
        Route(
            method="GET",
            path="/.well-known/jwks.json",
            endpoint=partial(endpoints.jwks, sessions=sessions),
            summary="Get the public keys that verify access tokens",
            answer=bodies.Keys,
            in_place=True,  # no database either: whoever verifies elsewhere does not wait for ours
        ),
        Route(
            method="GET",
            path="/healthz",
            endpoint=_health,
            summary="Ask whether the service runs",
            answer=Health,
            in_place=True,
        ),
    )


def _health(_request: Request) -> Response:
    """Answer as long as the process can."""
    return json_response(200, Health("ok"))
