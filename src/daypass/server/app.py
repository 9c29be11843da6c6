"""The ASGI application: FastAPI around the routes.

Enters: ASGI requests. Leaves: ASGI responses; every refusal is a problem document, also those of the
framework.

Endpoints that wait (for a store, for a password's hash) run in a thread, and the event loop goes on. What is
unexpected becomes a log line with types and places in the code, without a message or a local variable,
since those may hold what a client sent.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as ASGIRequest
from starlette.responses import Response as ASGIResponse

from daypass.limits import REQUEST_BODY_BYTES_MAX
from daypass.server.boot import Service
from daypass.server.openapi import openapi_document
from daypass.server.routes import Route, routes_of
from daypass.web.endpoints import answer, problem_response
from daypass.web.problem import Refused, internal_error, not_found
from daypass.web.transport import Request, Response, json_response

__all__ = ["make_app"]

Handler = Callable[[ASGIRequest], Awaitable[ASGIResponse]]
_log: Final = logging.getLogger("daypass.server")
_LENGTH_DIGITS_MAX: Final = 18  # leading zeros are no reason to convert thousands of digits


def make_app(service: Service) -> FastAPI:
    """Build the application of a service; it closes the service when it stops.

    The interactive pages of FastAPI are off: they load scripts from elsewhere.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(service.close)

    routes = routes_of(service)
    document = openapi_document(routes, version=version("daypass"))
    app = FastAPI(
        title="daypass",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    description = Route(
        method="GET",
        path="/openapi.json",
        endpoint=lambda _request: json_response(200, document),
        summary="This document",
        in_place=True,
    )
    for route in (*routes, description):
        app.add_route(route.path, _handler(route), methods=[route.method])
    app.add_exception_handler(HTTPException, _framework_refusal)
    app.add_exception_handler(Exception, _framework_failure)
    return app


def _handler(route: Route) -> Handler:
    """Wrap an endpoint for the framework."""

    async def handle(asked: ASGIRequest) -> ASGIResponse:
        try:
            body = b"" if route.body is None else await _read(asked)
            plain = _plain(asked, body)
            response = (
                answer(route.endpoint, plain)
                if route.in_place
                else await run_in_threadpool(answer, route.endpoint, plain)
            )
        except Refused as refused:
            response = problem_response(refused)
        except ClientDisconnect:  # nobody is there to read this
            response = problem_response(Refused(400, "incomplete_body", "The body ended early."))
        except Exception as error:  # noqa: BLE001 - whatever it is, a client sees a 500 and the log its place
            _report(error)
            response = problem_response(internal_error())
        return _framed(response)

    return handle


def _plain(asked: ASGIRequest, body: bytes) -> Request:
    """Take a request out of its framework."""
    return Request(
        method=asked.method,
        headers=tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in asked.headers.raw),
        query=asked.scope["query_string"].decode("latin-1"),
        body=body,
        path=asked.path_params,
    )


def _framed(response: Response) -> ASGIResponse:
    """Hand a response to the framework."""
    framed = ASGIResponse(response.body, response.status)
    framed.raw_headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    return framed


async def _read(asked: ASGIRequest) -> bytes:
    """Read the body, and stop where it becomes too large.

    Raises:
        Refused: 413, before anything was read where the request says its length.
    """
    too_large = Refused(413, "body_too_large", f"A body has at most {REQUEST_BODY_BYTES_MAX} bytes.")
    declared = asked.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > _LENGTH_DIGITS_MAX or int(declared) > REQUEST_BODY_BYTES_MAX):
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in asked.stream():
        size += len(part)
        if size > REQUEST_BODY_BYTES_MAX:
            raise too_large
        parts.append(part)
    return b"".join(parts)


async def _framework_refusal(_asked: ASGIRequest, error: Exception) -> ASGIResponse:
    """Answer where no route fits: an unknown path, or a method that it does not have."""
    assert isinstance(error, HTTPException)
    if error.status_code != 405:
        return _framed(problem_response(not_found()))
    allow = (error.headers or {}).get("Allow", "")
    detail = "This path does not take this method: see the Allow header."
    return _framed(problem_response(Refused(405, "method_not_allowed", detail, headers=(("allow", allow),))))


async def _framework_failure(_asked: ASGIRequest, _error: Exception) -> ASGIResponse:
    """Answer where the framework itself failed."""
    return _framed(problem_response(internal_error()))


def _report(error: Exception) -> None:
    """Log where something unexpected happened, and nothing of what it was about."""
    places = traceback.format_list(traceback.extract_tb(error.__traceback__))
    _log.error("unexpected %s\n%s", type(error).__name__, "".join(places))
