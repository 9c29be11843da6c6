"""PASETO as text: what the judge reads in a token, and tokens made of parts.

Enters: text, or parts. Leaves: parts, each decoded; ``Refuse``, whose ``stage`` says how far a strict reader came.
Source: PASETO 01-Protocol-Versions/Common; 02-Implementation-Guide/03-Algorithm-Lucidity.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from daypass.limits import FOOTER_BYTES_MAX
from fuzz import paseto_sealing
from fuzz.judge import Refuse, octets
from fuzz.keys import b64u

HEADER = re.compile(r"v([1-4])\.(local|public)\.", re.ASCII)


class Refused(Refuse):
    """A strict reader refuses this, at a stage of ``fuzz.judge.STAGES``."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


class Parts(NamedTuple):
    """What a token holds."""

    version: int
    purpose: str
    body: bytes
    footer: bytes


class Opened(NamedTuple):
    """What came out of a token."""

    payload: bytes
    footer: bytes


def split(token: str, version: int, purpose: str, bytes_max: int) -> Parts:
    """Read a token of one version and purpose. Raises Refused."""
    if len(token) > bytes_max or not token.isascii():
        raise Refused("malformed")
    header = HEADER.match(token)
    if header is None:
        raise Refused("malformed")
    if (int(header[1]), header[2]) != (version, purpose):
        raise Refused("policy")
    segments = token[header.end() :].split(".")
    try:
        decoded = [octets(segment) for segment in segments]
    except Refuse:
        raise Refused("malformed") from None
    if len(decoded) > 2 or segments[1:] == [""] or (len(decoded[-1]) > FOOTER_BYTES_MAX and len(decoded) == 2):
        raise Refused("malformed")
    return Parts(version, purpose, decoded[0], decoded[1] if len(decoded) == 2 else b"")


def opened(parts: Parts, implicit: bytes = b"", name: str = "") -> Opened:
    """Open what was read with the fixed key. Raises Refused."""
    version, purpose, body, footer = parts
    if purpose == "public" and len(body) < paseto_sealing.SIGNATURE_BYTES[version]:
        raise Refused("malformed")
    try:
        open_body = paseto_sealing.decrypt if purpose == "local" else paseto_sealing.verify
        return Opened(open_body(version, body, footer, implicit, name), footer)
    except Refuse:
        raise Refused("proof") from None


def joined(parts: Parts) -> bytes:
    """Write a token."""
    token = paseto_sealing.header_of(parts.version, parts.purpose) + b64u(parts.body).encode()
    return token + b"." + b64u(parts.footer).encode() if parts.footer else token


class Kind(NamedTuple):
    """Which key seals, and beside what assertion."""

    version: int
    purpose: str
    implicit: bytes = b""
    name: str = ""


def fresh(kind: Kind, payload: bytes, footer: bytes = b"") -> bytes:
    """A good token under a fixed key."""
    seal = paseto_sealing.encrypt if kind.purpose == "local" else paseto_sealing.sign
    body = seal(kind.version, payload, footer, kind.implicit, kind.name)
    return joined(Parts(kind.version, kind.purpose, body, footer))
