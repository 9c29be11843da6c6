"""Listening: from a Service to answered connections, until a signal ends it.

Enters: settings and a Service. Leaves: nothing, but for the lines on the terminal that say how to try it.
The port is taken before anything is made in the data folder, so that a start which cannot succeed leaves
nothing behind.

uvicorn is told to keep quiet: no access log, no configuration of the root logger, its errors and our warnings to
stderr. It trusts no ``X-Forwarded-*`` header, since nothing here depends on one. Connections are bounded, also
below what the process may open: one too many closes the one on which nothing has happened for longest, so that
idle, slow and vanished clients, however many, keep nobody out.
"""

from __future__ import annotations

import contextlib
import resource
import socket
from asyncio import BaseTransport
from collections.abc import Callable
from typing import Any, ClassVar, Final

import h11
import msgspec
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from daypass.errors import ConfigurationError
from daypass.limits import CONNECTIONS_MAX
from daypass.server.settings import Settings
from daypass.web.problem import MEDIA_TYPE, Refused, problem_of

__all__ = ["bind", "run"]

SHUTDOWN_S_MAX: Final = 10
"""How long requests that are being answered may still take, in seconds."""
LINGER_S: Final = 1
"""How long a client that was refused may go on sending into the void, in seconds."""
WAITING_MAX: Final = 2048
"""Connections that wait to be accepted; the system may allow fewer."""
ACCEPTED_AT_ONCE_MAX: Final = 16
"""Connections that are accepted before one that is too many is closed."""
_LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "loggers": {
        "daypass": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # Its warnings are about what strangers send: whoever likes could fill the log with them.
        "uvicorn": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}


def bind(settings: Settings) -> socket.socket:
    """Take the port.

    Raises:
        ConfigurationError: it is in use or not allowed, the address is none of this machine, or others than
            this machine could reach the service and nothing in front of it speaks TLS.
    """
    if not settings.is_loopback and not settings.behind_tls:
        raise ConfigurationError(
            f"{settings.host} is reached by other machines, and passwords would travel in clear:"
            " put a proxy that speaks TLS in front and say --behind-tls, or listen on 127.0.0.1"
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return listener
    raise ConfigurationError(
        f"cannot listen on {settings.host}:{settings.port}: {reason}. Another port: --port or DAYPASS_PORT"
    )


def run(app: FastAPI, listener: socket.socket, *, listening: Callable[[], None]) -> None:
    """Answer requests until a signal ends the process.

    Args:
        app: the application.
        listener: what ``bind`` returned.
        listening: called once connections are answered.
    """
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=_Connection,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=_LOGGING,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=ACCEPTED_AT_ONCE_MAX,  # asyncio means both by it: what may wait is widened in startup
        timeout_graceful_shutdown=SHUTDOWN_S_MAX,
    )
    with contextlib.suppress(KeyboardInterrupt):  # raised by uvicorn once all is closed
        _Server(config, listening).run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as ever, then say so."""
        await super().startup(sockets=sockets)
        for listener in sockets or ():
            listener.listen(WAITING_MAX)
        if self.started:
            self._listening()


class _Connection(H11Protocol):
    """A connection that makes room for others, and refuses what is no HTTP in the words of all other refusals."""

    _open: ClassVar[dict[_Connection, None]] = {}
    """Those of this process; the one on which nothing has happened for longest stands first."""
    _is_refused = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Take part; where that is one too many, another one makes room."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._open[self] = None
        if len(self._open) > _connections_max():
            stuck = next(iter(self._open))
            del self._open[stuck]
            stuck.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave."""
        self._open.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, but for what follows a refusal. A whole request is something that happens, a part is not."""
        if self._is_refused:
            return
        super().data_received(data)
        if self.conn.their_state in {h11.DONE, h11.MUST_CLOSE}:
            self._happened()

    def on_response_complete(self) -> None:
        """Wait for the next request, but for one that a proxy in front may have taken for a body.

        Source: RFC 9112 6.1 (a request with both lengths is the last of its connection).
        """
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in self.headers}:
            self.transport.close()
        super().on_response_complete()
        self._happened()

    def _happened(self) -> None:
        """Stand behind all others, unless this connection is being closed."""
        if self in self._open:
            del self._open[self]
            self._open[self] = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the words of uvicorn
        """Answer with a problem document, unless another answer is under way, and close."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            refused = Refused(400, "malformed_request", "This is no HTTP/1.1 request that the service understands.")
            body = msgspec.json.encode(problem_of(refused))
            headers = [
                (b"content-type", MEDIA_TYPE.encode()),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            events = (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        # Closed at once while the client still sends, the connection would be reset and the answer lost.
        self._is_refused = True
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)


def _connections_max() -> int:
    """Leave half of the files that the process may open to the database and the key ring."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if files == resource.RLIM_INFINITY else min(CONNECTIONS_MAX, files // 2)
