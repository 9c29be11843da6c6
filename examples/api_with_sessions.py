"""A whole API with sessions, in FastAPI: log in, call, refresh, log out, log out everywhere.

Run it with ``python examples/api_with_sessions.py 8001``. It needs what ``pip install ".[server]"`` brings, and makes
``notes.db`` and ``notes.keys.json`` in the folder where it is started. The accounts are a dict with one line each,
so that nothing hides the sessions: yours come from where you keep them, with argon2 in place of ``compare_digest``.
"""

import hmac
import sys
from typing import Annotated

import uvicorn
from fastapi import Body, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse

from daypass import Grants, Principal, Sessions, StoreUnavailable, TokenError, TokenPair

PASSWORDS = {"alice": "a walk in the rain", "bob": "bread, salt and wine"}
ROLES = {"alice": ("editor",), "bob": ()}
NOTES = ["Buy bread."]


def authorize(subject: str) -> Grants | None:
    """Say what a subject may do now. It is asked at each login and each refresh; None ends the session."""
    return Grants(roles=ROLES[subject]) if subject in ROLES else None


# Once for each process. Two processes that open the same file share sessions, keys and logouts.
sessions = Sessions.open("sqlite:///notes.db", issuer="notes", audience="notes", authorize=authorize)
app = FastAPI(title="notes")


def caller(authorization: Annotated[str, Header()] = "") -> Principal:
    """Find out who calls: a signature is checked, nothing is looked up."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401, "send Authorization: Bearer", {"WWW-Authenticate": "Bearer"})
    return sessions.verify(token)


Caller = Annotated[Principal, Depends(caller)]
Field = Annotated[str, Body(embed=True)]


@app.exception_handler(TokenError)
def refused(_request: Request, error: TokenError) -> JSONResponse:
    """Answer for every token that is refused, whatever the reason."""
    body = {"code": error.code, "detail": error.public_message}
    return JSONResponse(body, 401, {"WWW-Authenticate": 'Bearer error="invalid_token"', "Cache-Control": "no-store"})


@app.exception_handler(StoreUnavailable)
def unavailable(_request: Request, error: StoreUnavailable) -> JSONResponse:
    """Answer while the database cannot: the token is as good as before."""
    return JSONResponse({"code": error.code, "detail": error.public_message}, 503, {"Retry-After": "2"})


def tokens(pair: TokenPair) -> JSONResponse:
    """Hand a pair to the client, and to no cache."""
    body = {name: getattr(pair, name) for name in ("access_token", "refresh_token", "expires_in")}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


@app.post("/login")
def login(name: Field, password: Field) -> JSONResponse:
    """Start a session for whoever knows the password."""
    fits = hmac.compare_digest(PASSWORDS.get(name, "").encode(), password.encode())
    if name not in PASSWORDS or not fits:
        raise HTTPException(401, "wrong name or password")
    return tokens(sessions.start(name))


@app.post("/refresh")
def refresh(refresh_token: Field) -> JSONResponse:
    """Exchange a refresh token for the next pair."""
    return tokens(sessions.refresh(refresh_token))


@app.post("/logout", status_code=204)
def logout(principal: Caller) -> None:
    """End this session."""
    sessions.end(principal.sid)


@app.post("/logout-all", status_code=204)
def logout_all(principal: Caller) -> None:
    """End all sessions of the caller, on every device."""
    sessions.end_all(principal.subject)


@app.get("/notes")
def read_notes(_principal: Caller) -> list[str]:
    """List the notes, for anybody who is logged in."""
    return NOTES


@app.post("/notes", status_code=201)
def write_note(principal: Caller, text: Field) -> None:
    """Add a note, for editors."""
    if "editor" not in principal.roles:
        raise HTTPException(403, "only editors write")
    NOTES.append(text)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
