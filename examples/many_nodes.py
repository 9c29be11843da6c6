"""One API on several machines: sessions and keys in one store, nodes that know nothing of each other.

Run it on each node, with the same two variables::

    export DAYPASS_STORE=postgresql://notes:...@db.internal/notes   # mysql:// and redis:// work alike
    export DAYPASS_MASTER_KEY=...   # made once by python -c "import secrets; print(secrets.token_urlsafe(32))"
    python examples/many_nodes.py 8001

It needs what ``pip install ".[server,postgresql,async]"`` brings. The balancer may send each call to any node: none has
anything that the others lack. A login on one is valid on all, a logout is heard by all within two seconds, and the key
that signs changes by itself once a month.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import uvicorn
from fastapi import Body, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse

from daypass import AsyncSessions, Principal, SessionPolicy, StoreUnavailable, TokenError, TokenPair
from daypass.keyring import KeyRing, RotationSchedule, master_key_from_env
from daypass.stores import open_store

MONTH_S = 30 * 86_400
POLICY = SessionPolicy(when_stale="refuse")  # rather answer 503 than take a session that may have ended
SCHEDULE = RotationSchedule(
    token_lifetime_s_max=POLICY.access_lifetime_s,
    session_lifetime_s_max=POLICY.absolute_lifetime_s,
    rotate_every_s=MONTH_S,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open store and ring when this node starts, close them when it stops: the ring first, it asks the store."""
    store = open_store(os.environ["DAYPASS_STORE"])
    ring = KeyRing.from_storage(store.ring_storage(), master_key=master_key_from_env(), schedule=SCHEDULE)
    async with AsyncSessions(store, ring, issuer="notes", audience="notes", policy=POLICY) as sessions:
        app.state.sessions = sessions
        yield
    ring.close()
    store.close()


app = FastAPI(title="notes on many nodes", lifespan=lifespan)
Field = Annotated[str, Body(embed=True)]


async def caller(request: Request, authorization: Annotated[str, Header()] = "") -> Principal:
    """Find out who calls; nothing is asked of the store."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401, "send Authorization: Bearer", {"WWW-Authenticate": "Bearer"})
    sessions: AsyncSessions = request.app.state.sessions
    return await sessions.verify(token)


Caller = Annotated[Principal, Depends(caller)]


@app.exception_handler(TokenError)
async def refused(_request: Request, error: TokenError) -> JSONResponse:
    """Answer for every token that is refused."""
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"', "Cache-Control": "no-store"}
    return JSONResponse({"code": error.code}, 401, headers)


@app.exception_handler(StoreUnavailable)
async def unavailable(_request: Request, error: StoreUnavailable) -> JSONResponse:
    """Answer while the store cannot: 503, never 401, so that no client throws its tokens away."""
    return JSONResponse({"code": error.code}, 503, {"Retry-After": "2"})


def tokens(pair: TokenPair) -> JSONResponse:
    """Hand a pair to the client, and to no cache."""
    body = {"access_token": pair.access_token, "refresh_token": pair.refresh_token, "expires_in": pair.expires_in}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


@app.post("/login")
async def login(request: Request, name: Field) -> JSONResponse:
    """Start a session. How you find out that it is really ``name`` is yours; here everybody is believed."""
    return tokens(await request.app.state.sessions.start(name))


@app.post("/refresh")
async def refresh(request: Request, refresh_token: Field) -> JSONResponse:
    """Exchange a refresh token; any node can."""
    return tokens(await request.app.state.sessions.refresh(refresh_token))


@app.post("/logout", status_code=204)
async def logout(request: Request, principal: Caller) -> None:
    """End this session. Where that cannot be recorded the answer is 503: try again."""
    await request.app.state.sessions.end(principal.sid)


@app.get("/me")
async def me(principal: Caller) -> dict[str, str]:
    """Say who calls."""
    return {"subject": principal.subject, "sid": principal.sid}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
