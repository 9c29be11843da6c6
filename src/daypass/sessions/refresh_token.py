"""The refresh token, ``dpr1.<kid>.<sid>.<generation>.<nonce>.<mac>``. Enters: text. Leaves: its parts.

``sid`` and ``nonce`` are 128 random bits each; the nonce is made at the login and only the client keeps it.
The mac is HMAC-SHA256 over all before it, under a key derived from the ring secret ``kid``. It is checked
before anybody looks anything up, so junk costs no look-up and can end no session. Whoever has the ring
secret and a token can write its successor, so every process answers with the same text.

Source: DESIGN.md 5; RFC 2104 (HMAC); RFC 9700 4.14.2 (refresh token rotation).
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import secrets
from typing import Any, Final

import msgspec

from daypass.encoding import b64url_encode
from daypass.errors import InvalidSignature, MalformedToken, TokenTooLarge, UnknownKey
from daypass.keyring.ring import KeyRing
from daypass.limits import REFRESH_GENERATION_DIGITS_MAX, REFRESH_TOKEN_BYTES_MAX

__all__ = ["NOT_OURS", "RefreshToken", "is_sid", "new_refresh_token", "read_refresh_token", "write_refresh_token"]

PURPOSE: Final = "daypass refresh v1"
NOT_OURS: Final = "the refresh token was not written by this ring for this login, or it was changed"
_RANDOM_BYTES: Final = 16
_KEYED_MAX: Final = 16
# The last character of each random part carries unused bits, which are zero: one token has one spelling.
_RANDOM: Final = "[A-Za-z0-9_-]{21}[AQgw]"
_SHAPE: Final = re.compile(
    rf"dpr1\.([A-Za-z0-9_-]{{1,64}})\.({_RANDOM})\.([1-9][0-9]{{0,{REFRESH_GENERATION_DIGITS_MAX - 1}}})"
    rf"\.({_RANDOM})\.[A-Za-z0-9_-]{{42}}[AEIMQUYcgkosw048]"
)
is_sid: Final = re.compile(_RANDOM).fullmatch
"""Tell whether a text has the shape of a sid."""


class RefreshToken(msgspec.Struct, frozen=True):
    """The parts of a refresh token, all but the mac. Shows no nonce as text.

    Args:
        kid: of the ring secret.
        sid: of the session.
        generation: its number, from 1.
        nonce: 128 random bits as base64url.
    """

    kid: str
    sid: str
    generation: int
    nonce: str

    def nonce_sha256(self) -> bytes:
        """Hash the nonce as the row keeps it: it is random, so that needs no salt."""
        return hashlib.sha256(self.nonce.encode("ascii")).digest()

    def successor(self, *, kid: str, generation: int) -> RefreshToken:
        """Name another token of the same login."""
        return RefreshToken(kid, self.sid, generation, self.nonce)

    def __repr__(self) -> str:
        return f"RefreshToken(sid={self.sid!r}, generation={self.generation}, <redacted>)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("sid", self.sid), ("generation", self.generation)]


def new_refresh_token(*, kid: str, sid: str | None = None, generation: int = 1) -> RefreshToken:
    """Draw a new nonce and, unless there is one already, a new sid."""
    sid = sid or b64url_encode(secrets.token_bytes(_RANDOM_BYTES))
    return RefreshToken(kid, sid, generation, b64url_encode(secrets.token_bytes(_RANDOM_BYTES)))


def write_refresh_token(token: RefreshToken, ring: KeyRing) -> str:
    """Write a refresh token for the client.

    Raises:
        UnknownKey: the ring no longer accepts the secret of this token.
    """
    body = _body(token)
    mac = _mac(ring, token.kid, body)
    if mac is None:
        del body
        raise UnknownKey("the ring secret of this session was retired: log in again")
    return f"{body}.{mac}"


def read_refresh_token(text: str, ring: KeyRing) -> RefreshToken:
    """Read a refresh token and check that it was written here. The session is not looked at.

    Args:
        text: from a client.
        ring: whose secrets are tried: the one that the token names.

    Raises:
        TypeError: not a str.
        TokenTooLarge: longer than REFRESH_TOKEN_BYTES_MAX.
        MalformedToken: another shape.
        UnknownKey: the ring has no such secret, or accepts it no longer.
        InvalidSignature: the mac is another.
    """
    if not isinstance(text, str):
        raise TypeError(f"a refresh token is a str, not {type(text).__name__}")
    if len(text) > REFRESH_TOKEN_BYTES_MAX:
        del text  # a traceback may show the locals of the frame that raises
        raise TokenTooLarge(f"a refresh token has at most {REFRESH_TOKEN_BYTES_MAX} characters")
    match = _SHAPE.fullmatch(text)
    if match is None:
        del text
        raise MalformedToken("not a refresh token: expected dpr1.<kid>.<sid>.<generation>.<nonce>.<mac>")
    token = RefreshToken(match[1], match[2], int(match[3]), match[4])
    del match  # its repr shows the text
    mac = _mac(ring, token.kid, _body(token))
    is_genuine = mac is not None and hmac.compare_digest(mac, text.rpartition(".")[2])
    is_known = mac is not None
    del mac, text
    if not is_known:
        raise UnknownKey("the refresh token names a ring secret that is not accepted (any more)")
    if not is_genuine:
        raise InvalidSignature(NOT_OURS)
    return token


def _body(token: RefreshToken) -> str:
    """Write all that the mac covers. Every part has one spelling, so this is what was read."""
    return f"dpr1.{token.kid}.{token.sid}.{token.generation}.{token.nonce}"


def _mac(ring: KeyRing, kid: str, body: str) -> str | None:
    """Authenticate a text under a ring secret; None where the ring does not accept that."""
    key = ring.derived_key(kid, PURPOSE)
    if key is None:
        return None
    mac = _keyed(key).copy()
    mac.update(body.encode("ascii"))
    return b64url_encode(mac.digest())


@functools.lru_cache(maxsize=_KEYED_MAX)
def _keyed(key: bytes) -> hmac.HMAC:
    """HMAC-SHA256 that has absorbed its key: to copy it costs less than half of beginning anew."""
    return hmac.new(key, digestmod="sha256")
