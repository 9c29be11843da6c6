"""What an inspection finds, and how it reads what is misspelt. Enters: parts of a stranger's token. Leaves: findings.

A finding names a place and never repeats what stands there. Readers here are lenient, so that an inspection can say
what is wrong; nothing that they read is ever verified. Source: DESIGN.md 2 (reading without verifying).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from daypass.encoding import b64url_decode, decode_object, parse_object
from daypass.errors import MalformedToken
from daypass.limits import FINDINGS_MAX

__all__ = ["Finding", "Findings", "Severity", "place_of", "read_object", "read_octets"]

Severity = Literal["error", "warning", "info"]
"""``error``: broken, refused by default, or not to be trusted. ``warning``: a risk. ``info``: a fact."""

_ORDER: Final = {"error": 0, "warning": 1, "info": 2}
_PLACE_CHARACTERS_MAX: Final = 200
# A name with an @ may be somebody's address, one with a control character an attack on a terminal: both are masked.
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:/.#-]{0,63}")
_STANDARD_ALPHABET: Final = str.maketrans("+/", "-_")


class Finding(msgspec.Struct, frozen=True):
    """One thing that is worth knowing about a token.

    Args:
        code: a stable word: ``no_exp``.
        severity: error, warning or info.
        message: for people, without any value of the token.
        where: the place: ``claims.exp``, ``header.kid``, ``signatures[0].protected.alg``, ``token``.
    """

    code: str
    severity: Severity
    message: str
    where: str


class Findings:
    """Collects findings, at most FINDINGS_MAX."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def error(self, code: str, where: str, message: str) -> None:
        """Report what is broken, refused by default, or not to be trusted."""
        self._add(Finding(code, "error", message, where))

    def warning(self, code: str, where: str, message: str) -> None:
        """Report a risk."""
        self._add(Finding(code, "warning", message, where))

    def info(self, code: str, where: str, message: str) -> None:
        """Report a fact."""
        self._add(Finding(code, "info", message, where))

    def _add(self, finding: Finding) -> None:
        if len(self._found) < FINDINGS_MAX:
            self._found[finding] = None

    def in_order(self) -> tuple[Finding, ...]:
        """All of them, errors first, each once."""
        return tuple(sorted(self._found, key=lambda finding: _ORDER[finding.severity]))


def place_of(root: str, steps: Iterable[str | int] = ()) -> str:
    """Name a place: ``claims.address.lines[0]``. A name that is no plain word is written as ``*``.

    Args:
        root: where the path begins: ``claims``.
        steps: names of members and positions in lists, from there on; of a stranger.
    """
    text = root
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step if _PLAIN_NAME.fullmatch(step) else '*'}"
        if len(text) > _PLACE_CHARACTERS_MAX:
            return f"{text[:_PLACE_CHARACTERS_MAX]}..."
    return text


def read_octets(text: str) -> tuple[bytes | None, str]:
    """Decode base64url, also where it is misspelt.

    Args:
        text: of any spelling; the caller has bounded its length.

    Returns:
        The bytes, None where no spelling makes sense; and what is wrong with the text, empty where nothing is.

    Source: RFC 7515 2; RFC 4648 3.5, 5.
    """
    try:
        return b64url_decode(text.encode("utf-8", "replace")), ""
    except MalformedToken:
        pass
    problems = []
    bare = "".join(text.split())
    if bare != text:
        problems.append("white space")
    if "=" in bare:
        problems.append("padding")
        bare = bare.rstrip("=")
    if "+" in bare or "/" in bare:
        problems.append("the standard alphabet (+ and /)")
        bare = bare.translate(_STANDARD_ALPHABET)
    raw = None
    if re.fullmatch(r"[A-Za-z0-9_-]*", bare) and len(bare) % 4 != 1:
        raw = urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
        try:
            b64url_decode(bare.encode("ascii"))
        except MalformedToken:
            problems.append("stray bits at its end")
    else:
        problems = ["characters that are foreign to it, or a length that none has"]
    return raw, " and ".join(problems)


def read_object(raw: bytes) -> tuple[dict[str, Any] | None, str]:
    """Parse a JSON object, also where a member stands twice or a byte order mark leads.

    Args:
        raw: the caller has bounded its length.

    Returns:
        The object, None where there is none; and what is wrong, empty where nothing is.

    Source: RFC 8259 4, 8.1.
    """
    try:
        return parse_object(raw), ""
    except MalformedToken as refused:
        hint = refused.hint
    bare = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        value = decode_object(bare)
    except RecursionError:
        return None, "it is nested too deeply"
    except ValueError:
        return None, "it is no strict JSON object in UTF-8"
    if bare != raw:
        return value, "it begins with a byte order mark"
    if "deep" in hint:  # a depth that one parser just bears, and the next one does not
        return None, "it is nested too deeply"
    return value, "a member stands twice in it: parsers disagree about which one counts"
