"""Step-up: an operation that wants a login of the last minutes. Enters: a Principal. Leaves: nothing, or an error.

The error becomes 401 with ``insufficient_user_authentication`` and ``max_age``; the client asks for the password,
``reauthenticate`` records it, and the new access token passes.

Source: RFC 9470 3 and 4; DESIGN.md 2 (FreshLoginRequired) and 5 (reauthenticate).
"""

from __future__ import annotations

from daypass.errors import FreshLoginRequired
from daypass.limits import LEEWAY_S_MAX, SCHEDULE_S_MAX
from daypass.sessions.values import Principal

__all__ = ["require_fresh"]


def require_fresh(principal: Principal, *, max_age_s: int, now_s: float, leeway_s: int = 0) -> None:
    """Refuse a principal whose password was asked too long ago.

    Args:
        principal: from ``verify``.
        max_age_s: how old the login may be, in seconds.
        now_s: epoch seconds.
        leeway_s: how far the clocks of services may be apart, in seconds.

    Raises:
        FreshLoginRequired: it is older, or comes from a clock so far ahead that its age means nothing.
        TypeError: a max_age_s that is no int.
        ValueError: one that is out of bounds; 0 would never pass, however often the password is asked.
    """
    if type(max_age_s) is not int:
        raise TypeError(f"max_age_s is a whole number of seconds, not {type(max_age_s).__name__}")
    if not 1 <= max_age_s <= SCHEDULE_S_MAX:
        raise ValueError(f"max_age_s is a number of seconds from 1 to {SCHEDULE_S_MAX}")
    if not -LEEWAY_S_MAX <= now_s - principal.authenticated_at <= max_age_s + leeway_s:
        raise FreshLoginRequired(max_age_s)
