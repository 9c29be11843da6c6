"""Reading a token without verifying it: what it says, and what is wrong with it. Enters: any text. Leaves: a report.

This is the one place where the content of a token can be had without a key, and what comes out says so by its type.
It is for people: no decision may rest on it. No key is used; nothing in the token is followed, fetched or inflated.
Source: DESIGN.md 2 (reading without verifying); RFC 7515 7; RFC 7516 7; RFC 8725; PASETO Common.
"""

from __future__ import annotations

import re
import time
from typing import Final

from daypass.errors import MalformedToken, TokenTooLarge
from daypass.limits import COOKIE_BYTES_MAX, JWT_BYTES_MAX, TOKEN_BYTES_MAX
from daypass.tokens.inspection.claims import DATES, inspect_claims, inspect_personal, time_of
from daypass.tokens.inspection.findings import Findings
from daypass.tokens.inspection.jose import read_compact, read_json
from daypass.tokens.inspection.parts import Parts
from daypass.tokens.inspection.paserk import what_paserk
from daypass.tokens.inspection.unverified import UnverifiedToken

__all__ = ["inspect_token"]

_PASETO: Final = re.compile(r"v\d{1,2}\.(?:local|public)\.", re.ASCII)


def inspect_token(token: str, *, now_s: float | None = None) -> UnverifiedToken:
    """Read a token without verifying it, and say what is wrong with it.

    Args:
        token: a compact JWS, JWT or JWE, the text of one in JSON serialization, or a PASETO; at most TOKEN_BYTES_MAX.
        now_s: epoch seconds, to judge its times by; None: now.

    Returns:
        What it says of itself, unverified: anybody can have written it.

    Raises:
        TokenTooLarge: longer than the bound; nothing else was looked at.
        MalformedToken: no token of a known format; the message says what it may be instead.

    Source: RFC 7515 7; RFC 7516 7; PASETO Common.
    """
    if not isinstance(token, str):
        raise MalformedToken("a token is a str")
    if len(token) > TOKEN_BYTES_MAX:
        raise TokenTooLarge(f"the token is longer than {TOKEN_BYTES_MAX} bytes")
    now_s = time.time() if now_s is None else now_s
    found = Findings()
    text = _bare(token, found)
    parts = _read(text, found)
    token_bytes = len(text.encode("utf-8", "replace"))
    _inspect_size(found, token_bytes, parts)
    claims = parts.claims or {}
    if parts.claims is not None:
        inspect_claims(
            found, claims, typ=parts.typ, now_s=now_s, is_compact=parts.is_compact, odd_times=parts.odd_times
        )
        inspect_personal(found, claims, "claims")
    times = {name: None if name in parts.odd_times else time_of(claims, name) for name in DATES}
    return UnverifiedToken(
        kind=parts.kind,
        form=parts.form,
        token_bytes=token_bytes,
        headers=tuple(parts.headers),
        claims=parts.claims,
        payload=parts.payload,
        now_s=now_s,
        issued_at=times["iat"],
        not_before=times["nbf"],
        expires_at=times["exp"],
        findings=found.in_order(),
        footer=parts.footer,
    )


def _bare(token: str, found: Findings) -> str:
    """Take away what surrounds a token that was copied from somewhere, and say so."""
    text = token.strip()
    if text != token:
        found.error("surrounded", "token", "white space around the token: verifiers refuse it")
    scheme, space, rest = text.partition(" ")
    if space and scheme.lower() in ("bearer", "dpop"):
        found.error("surrounded", "token", "the word of the Authorization header before the token is no part of it")
        return rest.strip()
    return text


def _read(text: str, found: Findings) -> Parts:
    """Read a token of any format. Raises MalformedToken."""
    if _PASETO.match(text):
        from daypass.tokens.inspection.paseto import read_paseto  # with it the room paseto, and cryptography

        return read_paseto(text, found)
    parts = read_json(text, found) if text.startswith("{") else _read_text(text, found)
    for header in parts.headers:
        inspect_personal(found, header.members, header.where)
    return parts


def _read_text(text: str, found: Findings) -> Parts:
    """Read a token that is no JSON. Raises MalformedToken."""
    try:
        return read_compact(text, found)
    except MalformedToken as refused:
        hint = refused.hint
    raise MalformedToken(_what_else(text) or hint)


def _what_else(text: str) -> str:
    """Say what a text is that is no token; empty where nobody knows."""
    if not text:
        return "there is nothing: the text is empty"
    if text.startswith("dpr1."):
        return "this is a refresh token of daypass: it says nothing to anybody but its service"
    if paserk := what_paserk(text):
        return paserk
    if text.startswith("-----BEGIN"):
        return "this is PEM, a key or a certificate, and no token"
    if "~" in text:
        return "this looks like an SD-JWT: the part before the first ~ is a token"
    return ""


def _inspect_size(found: Findings, length: int, parts: Parts) -> None:
    """Source: RFC 6265 6.1; DESIGN.md 1 (limits)."""
    if parts.claims is not None and length > JWT_BYTES_MAX:
        name = "PASETO" if parts.kind == "paseto" else "JWT"
        found.error(
            "size", "token", f"longer than {JWT_BYTES_MAX} bytes: daypass refuses such a {name} unless told otherwise"
        )
    elif length > COOKIE_BYTES_MAX:
        found.warning(
            "size", "token", f"longer than {COOKIE_BYTES_MAX} bytes: no cookie holds it, and many servers no header"
        )
