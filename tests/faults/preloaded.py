"""A WSGI application whose sessions are opened, and used, when it is imported: before a server forks its workers."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from daypass.errors import TokenError
from tests.faults.nodes import sessions_at

sessions = sessions_at(os.environ["STORE"], Path(os.environ["RING"]), feed_poll_s=0.1, feed_stale_after_s=30)
sessions.verify(os.environ["TOKEN"])  # so there is a thread that follows the feed, which no fork takes along


def app(environ: dict[str, str], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Say which worker this is, and whether it takes the token."""
    time.sleep(0.02)  # busy, so that the next request goes to another worker
    try:
        sessions.verify(environ["HTTP_AUTHORIZATION"].removeprefix("Bearer "))
    except TokenError as error:
        status = f"401 {error.code}"
    else:
        status = "200 OK"
    start_response(status, [("content-type", "text/plain"), ("connection", "close")])
    return [str(os.getpid()).encode()]
