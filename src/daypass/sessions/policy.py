"""How sessions behave, as one checked and frozen value. Enters: settings. Leaves: a policy.

Source: DESIGN.md 3 (SessionPolicy) and 5; OWASP Session Management Cheat Sheet (idle and absolute timeout).
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from daypass.errors import ConfigurationError
from daypass.limits import JWT_BYTES_MAX, LEEWAY_S_MAX, SCHEDULE_S_MAX, SESSIONS_PER_SUBJECT_MAX
from daypass.tokens.format import FORMATS as SELF_CONTAINED

__all__ = ["DEFAULT_POLICY", "REFERENCE", "SessionFormat", "SessionPolicy"]

REFERENCE: Final = "reference"
FORMATS: Final = (*SELF_CONTAINED, REFERENCE)
SessionFormat = Literal[
    "jwt",
    "jwe",
    "nested",
    "paseto-v4-public",
    "paseto-v4-local",
    "paseto-v3-public",
    "paseto-v3-local",
    "reference",
]
_CHOICES: Final = {
    "format": FORMATS,
    "revocation": ("feed", "strict", "none"),
    "when_stale": ("accept", "refuse"),
}
_WHOLE_NUMBERS: Final = {
    "access_lifetime_s": (1, 86_400),
    "idle_lifetime_s": (1, SCHEDULE_S_MAX),
    "absolute_lifetime_s": (1, SCHEDULE_S_MAX),
    "refresh_grace_s": (0, 300),
    "sessions_per_subject_max": (1, SESSIONS_PER_SUBJECT_MAX),
    "token_bytes_max": (512, JWT_BYTES_MAX),
    "leeway_s": (0, LEEWAY_S_MAX),
}
_CLIENT_ID_CHARACTERS_MAX: Final = 255


class SessionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How sessions behave. Every process that shares a store is given the same policy.

    Args:
        format: of new access tokens: ``jwt`` (signed), ``jwe`` (encrypted), ``nested`` (signed, then encrypted), one of
            the four of PASETO (``paseto-v4-public`` ...), or ``reference`` (random, the store is asked what it means).
        accepted_formats: of access tokens that were issued before ``format`` was changed: they live on.
        access_lifetime_s: how long an access token is valid, in seconds.
        idle_lifetime_s: a session that is not refreshed for so long has ended, in seconds.
        absolute_lifetime_s: after the login a session ends, however often it is refreshed, in seconds.
        refresh_grace_s: how long a replaced refresh token still gets the current one, in seconds; then it
            ends the session. 0 means that two tabs can log each other out.
        revocation: how other processes learn that a session was ended: ``feed`` (in the background),
            ``strict`` (the store is asked at each verification) or ``none`` (when the access token expires).
        feed_poll_s: how often the feed is read, in seconds.
        feed_stale_after_s: from what age on the feed counts as stale, in seconds.
        when_stale: ``accept`` tokens with an alarm, or ``refuse`` them with StoreUnavailable.
        sessions_per_subject_max: above it the least recently refreshed session ends.
        token_bytes_max: a longer access token is not issued; cookies and proxies drop them silently.
        client_id: which client the tokens are issued to.
        leeway_s: how far the clocks of services may be apart, in seconds.

    Raises:
        ConfigurationError: a value of another type or out of bounds, or two that contradict each other.
    """

    format: SessionFormat = "jwt"
    accepted_formats: tuple[SessionFormat, ...] = ()
    access_lifetime_s: int = 600
    idle_lifetime_s: int = 1_209_600
    absolute_lifetime_s: int = 2_592_000
    refresh_grace_s: int = 10
    revocation: Literal["feed", "strict", "none"] = "feed"
    feed_poll_s: float = 2
    feed_stale_after_s: float = 10
    when_stale: Literal["accept", "refuse"] = "accept"
    sessions_per_subject_max: int = 20
    token_bytes_max: int = 4096
    client_id: str = "first-party"
    leeway_s: int = 0

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigurationError(f"{name} is one of: {', '.join(choices)}")
        accepted = self.accepted_formats
        if type(accepted) is not tuple or not all(name in FORMATS for name in accepted):
            raise ConfigurationError(f"accepted_formats is a tuple of: {', '.join(FORMATS)}")
        for name, (least, most) in _WHOLE_NUMBERS.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ConfigurationError(f"{name} is a whole number from {least} to {most}")
        for name in ("feed_poll_s", "feed_stale_after_s"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0.01 <= value <= 3600:
                raise ConfigurationError(f"{name} is a number of seconds from 0.01 to 3600")
        if type(self.client_id) is not str or not 0 < len(self.client_id) <= _CLIENT_ID_CHARACTERS_MAX:
            raise ConfigurationError(f"client_id is a text of 1 to {_CLIENT_ID_CHARACTERS_MAX} characters")
        if not self.access_lifetime_s <= self.idle_lifetime_s <= self.absolute_lifetime_s:
            raise ConfigurationError("expected: access_lifetime_s <= idle_lifetime_s <= absolute_lifetime_s")
        if self.feed_stale_after_s <= self.feed_poll_s:
            raise ConfigurationError("expected: feed_poll_s < feed_stale_after_s")


DEFAULT_POLICY: Final = SessionPolicy()
