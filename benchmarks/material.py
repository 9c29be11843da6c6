"""What is signed and verified: one key of each kind, and the claims of an access token as ``Sessions`` issues them."""

from __future__ import annotations

import json
import secrets
import time
from functools import cache
from typing import Any

from daypass.jose.jwk import JWK

__all__ = ["ALGORITHMS", "AUDIENCE", "ISSUER", "access_claims", "key_of", "own_claims", "sized_claims"]

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")
"""EdDSA is Ed25519 here: the old name is the one that all peers know."""
ISSUER = "https://login.example.com"
AUDIENCE = "https://api.example.com"


@cache
def key_of(alg: str) -> JWK:
    """A private (or symmetric) key; RSA has 2048 bits."""
    return JWK.from_secret(secrets.token_bytes(32), alg=alg) if alg == "HS256" else JWK.generate(alg)


def own_claims() -> dict[str, Any]:
    """What a session adds to ``iss aud iat exp jti``: RFC 9068 2.2 and the small bag of the login."""
    return {
        "sub": "5f0c1b7e-2b61-4c5c-9a3e-6d1f0c9be771",
        "client_id": "first-party",
        "sid": secrets.token_urlsafe(16),
        "auth_time": int(time.time()) - 60,
        "scope": "orders:read orders:write",
        "roles": ["editor", "billing"],
        "data": {"tenant": "acme", "plan": "pro", "seats": 12},
    }


def access_claims() -> dict[str, Any]:
    """The 12 claims of an at+jwt."""
    now_s = int(time.time())
    named = {"iss": ISSUER, "aud": AUDIENCE, "iat": now_s, "exp": now_s + 3600, "jti": secrets.token_hex(16)}
    return named | own_claims()


def sized_claims() -> dict[str, dict[str, Any]]:
    """Claims of several sizes; each has iss, aud, iat, exp, jti and sub."""
    full = access_claims()
    six = {name: full[name] for name in ("iss", "aud", "iat", "exp", "jti", "sub")}
    flat = six | {f"claim_{number:02}": f"value {number}" for number in range(34)}
    return {
        "6 claims": six,
        "12 claims": full,
        "40 flat claims": flat,
        "1 KiB string": six | {"text": _text(1024)},
        "4 KiB string": six | {"text": _text(4096)},
    }


def _text(length: int) -> str:
    words = "the quick brown fox jumps over the lazy dog, "
    text = (words * (length // len(words) + 1))[:length]
    assert len(json.dumps(text)) == length + 2
    return text
