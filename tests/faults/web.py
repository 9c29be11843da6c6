"""What a client of the API gets: the endpoints, asked as an integration asks them."""

import json
from collections.abc import Callable

from daypass.sessions import Sessions
from daypass.sessions.values import TokenPair
from daypass.web import endpoints
from daypass.web.endpoints import answer
from daypass.web.transport import Request, Response

Endpoint = Callable[[Request, Sessions], Response]
JSON = (("content-type", "application/json"),)


def status_of(endpoint: Endpoint, sessions: Sessions, pair: TokenPair) -> int:
    """Ask an endpoint with both tokens of a pair, each where it belongs; return the status."""
    if endpoint is endpoints.refresh:
        request = Request("POST", JSON, "", json.dumps({"refresh_token": pair.refresh_token}).encode())
    else:
        bearer = ("authorization", f"Bearer {pair.access_token}")
        request = Request("POST", (*JSON, bearer), "", b"{}", {"sid": pair.session.sid})
    return answer(lambda asked: endpoint(asked, sessions), request).status
