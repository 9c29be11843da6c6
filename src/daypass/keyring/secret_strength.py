"""Whether a secret can be guessed. Enters: the bytes of a secret for a ring or a service. Leaves: a reason.

No test can tell that a secret was drawn at random. This one finds what people type instead: nothing, too
little, one key held down, a pattern, a count, and the placeholder of a tutorial, with or without padding.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from daypass.errors import WeakKey
from daypass.limits import SECRET_BYTES_MAX, SECRET_BYTES_MIN

__all__ = ["HOW_TO_MAKE_ONE", "refuse_weak_secret", "weakness_of"]

HOW_TO_MAKE_ONE: Final = 'make a good one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'

DISTINCT_BYTES_MIN: Final = 8
PATTERN_BYTES_MAX: Final = 16
REST_BYTES_MIN: Final = 16
"""What has to be left when the words of a placeholder are taken away."""

# What tutorials and compose files say, word by word: they are found in any order, with any padding between.
_WORDS: Final = (
    "placeholder", "development", "production", "characters", "generated", "replacethis", "password",
    "changeit", "changeme", "insecure", "security", "passwort", "internal", "template", "generate",
    "supersecret", "topsecret", "minimum", "default", "example", "private", "daypass", "session",
    "signing", "replace", "keyboard", "qwerty", "string", "secret", "access", "refresh", "please",
    "random", "should", "passwd", "secure", "sample", "geheim", "change", "before", "strong", "token",
    "super", "value", "local", "least", "admin", "dummy", "insert", "hs256", "hs384", "hs512", "really",
    "myapp", "hello", "world", "letmein", "256bit", "must", "your", "long", "this", "here", "with",
    "prod", "pass", "safe", "very", "need", "only", "test", "hmac", "jwt", "key", "the", "for", "bits",
    "bit", "env", "dev", "not", "and", "use", "256", "512",
)  # fmt: skip
_PLACEHOLDER: Final = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)).encode())
_SEPARATORS: Final = re.compile(rb"[\s_.,:;!?'\"<>(){}\[\]/+*#$%&=-]+")


def weakness_of(secret: bytes) -> str | None:
    """Say why a secret is too weak; None where nothing was found.

    Args:
        secret: the bytes as they are used, at most SECRET_BYTES_MAX of them are looked at.

    Returns:
        What is wrong, for a message: it never repeats the secret.
    """
    if not secret:
        return "the secret is empty"
    if len(secret) < SECRET_BYTES_MIN:
        return f"the secret is shorter than {SECRET_BYTES_MIN} bytes"
    if len(secret) > SECRET_BYTES_MAX:
        return f"the secret is longer than {SECRET_BYTES_MAX} bytes"
    if pattern := _pattern_of(secret):
        return f"the secret can be guessed: {pattern}"
    rest = _SEPARATORS.sub(b"", _PLACEHOLDER.sub(b"", secret.lower()))
    if len(rest) < REST_BYTES_MIN or (len(rest) < len(secret) and _pattern_of(rest)):
        return "the secret can be guessed: it is a placeholder"
    return None


def refuse_weak_secret(secret: bytes, *, name: str) -> None:
    """Refuse a secret that is empty, short or guessable.

    Args:
        secret: the bytes as they are used.
        name: what the secret is, and where it came from.

    Raises:
        WeakKey: with the reason, and a line that makes a good one. It never repeats the secret.
    """
    weakness = weakness_of(secret)
    del secret  # a traceback may show the locals of the frame that raises
    if weakness:
        raise WeakKey(f"{name}: {weakness}; {HOW_TO_MAKE_ONE}")


def _pattern_of(secret: bytes) -> str | None:
    """Find few distinct bytes, a repetition, or a count up or down."""
    if len(set(secret)) < DISTINCT_BYTES_MIN:
        return f"it has fewer than {DISTINCT_BYTES_MIN} distinct bytes"
    if any(secret[period:] == secret[:-period] for period in range(1, min(PATTERN_BYTES_MAX, len(secret) - 1) + 1)):
        return f"it repeats a pattern of at most {PATTERN_BYTES_MAX} bytes"
    small_steps = sum(abs(after - before) <= 1 for before, after in pairwise(secret))
    if small_steps * 4 >= (len(secret) - 1) * 3:
        return "it counts up or down"
    return None
