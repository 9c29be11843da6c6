"""The judge's own reading of base64url and JSON, and the words for what became of an input.

It shares no code with daypass: base64 and JSON are those of the standard library, held to the strict rules by comparing
and by hooks. Enters: text. Leaves: what it says, or ``Refuse``; ``Undecided`` where readers may differ in good faith.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

from daypass.errors import (
    ClaimError,
    DaypassError,
    DecryptionFailed,
    InvalidSignature,
    KeyFormatError,
    MalformedToken,
    TokenError,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
    WeakKey,
)
from fuzz.keys import b64u

STAGES = ("malformed", "policy", "key", "proof", "claims", "accepted")
"""How far an input came: its shape, what header and policy say, the key, signature or tag, the claims, all of it."""

T = TypeVar("T")
DEPTH_MAX = 100
DIGITS_MAX = 4000


class Refuse(Exception):
    """A strict reader refuses this."""


class Undecided(Exception):
    """Strict readers may differ: very deep nesting, numbers of thousands of digits."""


class Wrong(Exception):
    """A finding: daypass said something that the judge does not agree with."""


Refusals = type[DaypassError] | tuple[type[DaypassError], ...]


def attempt(call: Callable[[], T], refusal: Refusals = TokenError) -> tuple[str, T | None]:
    """Call daypass and name the stage that was reached; whatever is not a ``refusal`` goes on its way, as a finding."""
    try:
        return "accepted", call()
    except refusal as error:
        return stage_of(error), None


def stage_of(error: DaypassError) -> str:
    """The stage at which an input was refused."""
    if isinstance(error, MalformedToken | TokenTooLarge | KeyFormatError):
        return "malformed"
    if isinstance(error, UnknownKey | WeakKey):
        return "key"
    if isinstance(error, InvalidSignature | DecryptionFailed):
        return "proof"
    if isinstance(error, ClaimError):
        return "claims"
    if isinstance(error, UnsupportedToken) or not isinstance(error, TokenError):
        return "policy"
    raise Wrong(f"a token was refused with {type(error).__name__}, which says nothing")


def furthest(stages: list[str]) -> str:
    """Of several answers to one input, the one that came furthest."""
    return max(stages, key=STAGES.index)


def demand(holds: bool, what: str) -> None:
    """Report a finding unless something holds."""
    if not holds:
        raise Wrong(what)


def agree(stage: str, verdict: str, what: str) -> None:
    """Hold an answer against the verdict of the judge: accept, refuse, or either."""
    if verdict == "accept" and stage != "accepted":
        raise Wrong(f"{what}: refused ({stage}), and the judge accepts it")
    if verdict == "refuse" and stage == "accepted":
        raise Wrong(f"{what}: accepted, and the judge refuses it")


# -------------------------------------------------------------------------------------------------- reading


def octets(text: str) -> bytes:
    """Decode the one spelling of base64url. Raises Refuse."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text, re.ASCII) or len(text) % 4 == 1:
        raise Refuse("not base64url")
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64u(raw) != text:
        raise Refuse("another spelling of base64url")
    return raw


def json_object(raw: bytes) -> dict[str, Any]:
    """Read strict JSON, an object at the top. Raises Refuse or Undecided."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise Refuse("a member stands twice")
        return members

    def constant(name: str) -> None:
        raise Refuse(f"{name} is no JSON")

    def integer(digits: str) -> int:
        if len(digits) > DIGITS_MAX:
            raise Undecided
        return int(digits)

    def real(digits: str) -> float:
        if not isfinite(float(digits)):
            raise Refuse("a number out of range")
        if len(digits) > DIGITS_MAX:
            raise Undecided
        return float(digits)

    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX:
        raise Undecided
    hooks: dict[str, Any] = {"parse_constant": constant, "parse_int": integer, "parse_float": real}
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique, **hooks)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be encoded
    except ValueError:
        raise Refuse("no JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise Refuse("no object")
    return value


def same_json(one: object, other: object) -> bool:
    """Whether two values are equal as JSON: numbers by kind, booleans apart from numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return type(one) is type(other) and one == other


def as_text(data: bytes) -> str:
    """What arrives as a token is text; bytes that are no UTF-8 become what an HTTP server makes of them."""
    return data.decode("utf-8", "surrogateescape")
