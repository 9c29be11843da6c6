"""A key of PASETO as text that somebody took for a token. Enters: any text. Leaves: what it is, and nothing of it.

It is recognised by version and type, which are public; what stands behind them is neither read nor repeated.
Source: PASERK types/README.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["PASERK_TYPE", "has_key_in_clear", "what_paserk"]

PASERK_TYPE: Final = re.compile(
    r"(?<![\w.-])k(?P<version>\d{1,2})\."
    r"(?P<type>local|secret|public|lid|sid|pid|(?:local|secret)-wrap\.[a-z]{1,16}|(?:local|secret)-pw|seal)\."
    r"(?=[\w-]|$)",
    re.ASCII,
)
"""Version and type of a PASERK, also of one that daypass does not know. Source: PASERK types/README."""

_IN_CLEAR: Final = {
    "local": "a key that encrypts and decrypts, in the clear",
    "secret": "a key that signs, in the clear",
}
_NO_SECRET: Final = {
    "public": "a key that verifies: it is no secret",
    "lid": "the id of a key that encrypts: it is no secret",
    "sid": "the id of a key that signs: it is no secret",
    "pid": "the id of a key that verifies: it is no secret",
}
_LEAKED: Final = ": whoever has seen it can make tokens, so make a new one where anybody has"


def has_key_in_clear(name: str) -> bool:
    """Whether a type of PASERK is a secret that nothing protects. Source: PASERK types/README."""
    return name in _IN_CLEAR


def what_paserk(text: str) -> str:
    """Say what a text is that begins like a PASERK; empty for any other.

    Args:
        text: of a stranger; nothing behind version and type is repeated.

    Source: PASERK README, types/README.
    """
    found = PASERK_TYPE.match(text)
    if found is None:
        return ""
    name = found["type"]
    if name in _IN_CLEAR:
        what = _IN_CLEAR[name] + _LEAKED
    elif name in _NO_SECRET:
        what = _NO_SECRET[name]
    elif name.endswith("-pw"):
        what = "a key under a password: it is as secret as the password is hard to guess"
    elif name == "seal":
        what = "a key, sealed for the holder of a secret key: to anybody else it says nothing"
    else:
        what = "a key, wrapped under another key: to whoever has not that one it says nothing"
    return f"this is a PASERK and no token, k{found['version']}.{name}: {what}"
