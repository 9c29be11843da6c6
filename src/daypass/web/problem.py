"""Every refusal as one document. Enters: an error. Leaves: status, headers and members of a problem document.

A client decides by ``code``, which is stable; ``title`` and ``detail`` are constants that may be shown to
anybody. The developer's ``hint`` of an error never leaves the service.

Source: RFC 9457 (problem documents); RFC 6750 3 and RFC 9470 3 (WWW-Authenticate); RFC 9110 15 (status
codes).
"""

from __future__ import annotations

from typing import Final

import msgspec

from daypass.errors import (
    AccessDenied,
    DaypassError,
    FreshLoginRequired,
    InsufficientScope,
    NoToken,
    RemoteKeysUnavailable,
    StoreUnavailable,
    TokenError,
    TransportError,
)

__all__ = [
    "MEDIA_TYPE",
    "Problem",
    "Refused",
    "busy",
    "challenge",
    "internal_error",
    "not_found",
    "problem_of",
    "refusal_of",
    "wrong_credentials",
]

MEDIA_TYPE: Final = "application/problem+json"
REALM: Final = "daypass"
RETRY_AFTER_S: Final = 2
"""What a client of an overloaded or unavailable service is told to wait, in seconds."""


class Problem(msgspec.Struct, frozen=True):
    """The body of every refusal. Source: RFC 9457 3.

    Args:
        type: a name for this kind of problem; it is not to be fetched.
        title: the kind in words.
        status: the status code of the response.
        detail: what the caller can do about it.
        code: the stable word for programs.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str


class Refused(Exception):
    """A request is refused for a reason of HTTP, which the error tree does not know.

    Args:
        status: 400 to 599.
        code: a stable word, as a DaypassError has one.
        detail: for any client; free of what the request held.
        headers: (lower-case name, value).
    """

    def __init__(self, status: int, code: str, detail: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers


def problem_of(refused: Refused) -> Problem:
    """Write a refusal down as a problem document."""
    return Problem(
        type=f"urn:daypass:problem:{refused.code}",
        title=refused.code.replace("_", " ").capitalize(),
        status=refused.status,
        detail=refused.detail,
        code=refused.code,
    )


def refusal_of(error: DaypassError) -> Refused:
    """Say what an error of the library means over HTTP. Source: RFC 6750 3.1; RFC 9470 3."""
    code, detail = error.code, error.public_message
    if isinstance(error, FreshLoginRequired):
        given = challenge("insufficient_user_authentication", max_age=str(error.max_age_s))
        return Refused(401, code, detail, headers=given)
    if isinstance(error, TokenError):
        return Refused(401, code, detail, headers=challenge("invalid_token"))
    if isinstance(error, NoToken):
        return Refused(401, code, detail, headers=challenge())
    if isinstance(error, TransportError):
        return Refused(400, code, detail, headers=challenge("invalid_request"))
    if isinstance(error, InsufficientScope):
        given = challenge("insufficient_scope", scope=" ".join(sorted(error.needed)))
        return Refused(403, code, detail, headers=given)
    if isinstance(error, AccessDenied):
        return Refused(403, code, detail)
    if isinstance(error, StoreUnavailable | RemoteKeysUnavailable):
        return Refused(503, code, detail, headers=(("retry-after", str(RETRY_AFTER_S)),))
    return internal_error()


def challenge(error: str = "", *, scope: str = "", max_age: str = "") -> tuple[tuple[str, str], ...]:
    """Make the WWW-Authenticate header. Without ``error`` it only says how to authenticate.

    Args:
        error: a code of RFC 6750 3.1 or RFC 9470 3.
        scope: space-separated names, set by the API and never taken from a request.
        max_age: seconds.
    """
    words = {"realm": REALM, "error": error, "scope": scope, "max_age": max_age}
    value = ", ".join(f'{name}="{word}"' for name, word in words.items() if word)
    return (("www-authenticate", f"Bearer {value}"),)


def not_found() -> Refused:
    """There is nothing here, or nothing that this caller may know of."""
    return Refused(404, "not_found", "There is nothing here.")


def wrong_credentials() -> Refused:
    """One answer for a wrong password, an unknown account and a locked one."""
    return Refused(401, "wrong_credentials", "The e-mail address or the password is wrong.", headers=challenge())


def busy() -> Refused:
    """More is asked of the service at once than it takes on."""
    given = (("retry-after", str(RETRY_AFTER_S)),)
    return Refused(503, "busy", "Too many requests of this kind at once. Try again shortly.", headers=given)


def internal_error() -> Refused:
    """Something went wrong that says nothing about the request."""
    return Refused(500, "internal_error", "The service could not answer. This is its fault, not yours.")
