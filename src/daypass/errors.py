"""The whole error tree of daypass. Floor of the house: this module imports nothing of ours.

::

    DaypassError
    +- TokenError                      a token was refused                               -> 401
    |  +- MalformedToken  TokenTooLarge  UnsupportedToken(alg, typ, crit, kind)  UnknownKey
    |  +- InvalidSignature  DecryptionFailed          one message each, no oracle
    |  +- ClaimError(claim, reason)
    |  |  +- MissingClaim  Expired(at)  NotYetValid(at)  WrongIssuer  WrongAudience
    |  +- SessionError
    |  |  +- SessionEnded  UnknownSession  RefreshReused(sid)
    |  +- FreshLoginRequired(max_age_s)               RFC 9470
    +- AccessDenied                    the caller is known and may not                   -> 403
    |  +- InsufficientScope(needed)  InsufficientRole(needed)  CrossSiteRequest
    +- TransportError                  the token did not arrive as it should             -> 400
    |  +- NoToken (401 without an error code)  SeveralTokens
    +- KeyFormatError                  a key could not be read
    +- WeakKey                         a key was read and is too weak to be used
    +- ConfigurationError              a set-up was refused when it was constructed
    +- StoreUnavailable                a store could not answer                          -> 503
    +- RemoteKeysUnavailable           a remote key set could not be fetched             -> 503

Two audiences: ``public_message`` is a constant that may be shown to any client, ``str(error)`` and ``hint`` are
for the developer. Neither ever holds a token, a key or the value of a claim.
"""

from __future__ import annotations

from typing import ClassVar


class DaypassError(Exception):
    """Every error that daypass raises about its input; a mistake in the calling code is a TypeError or ValueError.

    Args:
        hint: for developers: what was wrong, what was expected, what to call instead. Free of secrets.
    """

    code: ClassVar[str] = "daypass_error"
    public_message: ClassVar[str] = "The request could not be processed."

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint or self.public_message)
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__))


# ---------------------------------------------------------------------------------------------- tokens: 401


class TokenError(DaypassError):
    """A token was refused."""

    code = "invalid_token"
    public_message = "The token is not valid."


class MalformedToken(TokenError):
    """The text is no token: wrong shape, not canonical base64url, not a strict JSON object."""

    code = "malformed_token"


class TokenTooLarge(TokenError):
    """The token is longer than the bound, and was not looked at any further."""

    code = "token_too_large"
    public_message = "The token is too large."


class UnsupportedToken(TokenError):
    """The token asks for something that this verifier does not offer.

    Args:
        hint: for developers.
        alg: the ``alg`` of the header, where that was the reason.
        typ: the ``typ`` of the header, where that was the reason.
        crit: the critical header parameter that nobody here understands.
        kind: the kind of token, where that was the reason.

    The four values come from the token, so they are cut to 64 characters and never part of a message.
    """

    code = "unsupported_token"

    def __init__(
        self,
        hint: str = "",
        *,
        alg: str | None = None,
        typ: str | None = None,
        crit: str | None = None,
        kind: str | None = None,
    ) -> None:
        super().__init__(hint)
        self.alg = alg and alg[:64]
        self.typ = typ and typ[:64]
        self.crit = crit and crit[:64]
        self.kind = kind and kind[:64]


class UnknownKey(TokenError):
    """No key of this verifier is the one that the token names (or it names none, and several would do)."""

    code = "unknown_key"


class InvalidSignature(TokenError):
    """The signature does not hold. One message, whatever was wrong with it."""

    code = "invalid_signature"


class DecryptionFailed(TokenError):
    """The token could not be decrypted. One message, whatever was wrong with it."""

    code = "decryption_failed"


class ClaimError(TokenError):
    """The signature holds, a claim does not.

    Args:
        claim: the name of the registered claim.
        reason: a stable word: ``missing``, ``type``, ``expired``, ``not_yet_valid``, ``mismatch``, ``too_old``.
        hint: for developers.
    """

    code = "invalid_claim"

    def __init__(self, claim: str, reason: str, hint: str = "") -> None:
        super().__init__(hint or f"claim {claim!r}: {reason}")
        self.claim = claim
        self.reason = reason


class MissingClaim(ClaimError):
    """A claim that the policy requires is absent."""

    code = "missing_claim"

    def __init__(self, claim: str, hint: str = "") -> None:
        super().__init__(claim, "missing", hint or f"the token has no {claim!r} claim, and the policy requires it")


class Expired(ClaimError):
    """The token has expired.

    Args:
        at: when, epoch seconds.
        claim: the claim that says so.
    """

    code = "token_expired"
    public_message = "The token has expired."

    def __init__(self, at: float, *, claim: str = "exp") -> None:
        super().__init__(claim, "expired", "the token has expired: refresh it, or log in again")
        self.at = at


class NotYetValid(ClaimError):
    """The token is not valid yet.

    Args:
        at: from when on, epoch seconds.
        claim: the claim that says so.
    """

    code = "token_not_yet_valid"
    public_message = "The token is not valid yet."

    def __init__(self, at: float, *, claim: str = "nbf") -> None:
        super().__init__(
            claim,
            "not_yet_valid",
            f"the token is not valid yet ({claim}): compare the clocks, or set leeway_s",
        )
        self.at = at


class WrongIssuer(ClaimError):
    """The token comes from another issuer."""

    code = "wrong_issuer"

    def __init__(self, hint: str = "") -> None:
        super().__init__("iss", "mismatch", hint or "the token names another issuer than the one that is expected")


class WrongAudience(ClaimError):
    """The token is meant for somebody else."""

    code = "wrong_audience"

    def __init__(self, hint: str = "") -> None:
        super().__init__("aud", "mismatch", hint or "the token names another audience than the one that is expected")


class SessionError(TokenError):
    """The token is genuine, its session is not alive."""

    code = "session_error"
    public_message = "The session is not valid."


class SessionEnded(SessionError):
    """The session was ended, or its time is over."""

    code = "session_ended"
    public_message = "The session has ended."


class UnknownSession(SessionError):
    """There is no such session, or it is another subject's."""

    code = "unknown_session"
    public_message = "There is no such session."


class RefreshReused(SessionError):
    """A refresh token came back long after it had been replaced; its session was ended.

    Args:
        sid: the session that was ended.
    """

    code = "refresh_reused"
    public_message = "The session has ended."

    def __init__(self, sid: str, hint: str = "") -> None:
        super().__init__(
            hint or "a replaced refresh token was used again after the grace window: the session was ended"
        )
        self.sid = sid


class FreshLoginRequired(TokenError):
    """The login is too long ago for this operation. Source: RFC 9470 3.

    Args:
        max_age_s: how old, in seconds, a login may be.
    """

    code = "insufficient_user_authentication"
    public_message = "A more recent login is required."

    def __init__(self, max_age_s: int, hint: str = "") -> None:
        super().__init__(hint or f"the login must be at most {max_age_s} s old: ask for the password again")
        self.max_age_s = max_age_s


# ---------------------------------------------------------------------------------------------- access: 403


class AccessDenied(DaypassError):
    """The caller is known, and may not do this."""

    code = "access_denied"
    public_message = "Access is denied."


class InsufficientScope(AccessDenied):
    """The token lacks a scope.

    Args:
        needed: the scopes that the operation needs.
    """

    code = "insufficient_scope"

    def __init__(self, needed: frozenset[str], hint: str = "") -> None:
        super().__init__(hint or f"needs the scopes {' '.join(sorted(needed))}")
        self.needed = needed


class InsufficientRole(AccessDenied):
    """The caller lacks a role.

    Args:
        needed: the roles, one of which the operation needs.
    """

    code = "insufficient_role"

    def __init__(self, needed: frozenset[str], hint: str = "") -> None:
        super().__init__(hint or f"needs one of the roles {' '.join(sorted(needed))}")
        self.needed = needed


class CrossSiteRequest(AccessDenied):
    """A browser sent this request for another site."""

    code = "cross_site_request"
    public_message = "The request came from another site."


# ------------------------------------------------------------------------------------------- transport: 400


class TransportError(DaypassError):
    """The token did not arrive the way it should."""

    code = "invalid_request"
    public_message = "The token was not sent the way this API expects it."


class NoToken(TransportError):
    """The request carries no token."""

    code = "no_token"
    public_message = "A token is required."


class SeveralTokens(TransportError):
    """The request carries more than one token. Source: RFC 6750 2."""

    code = "several_tokens"
    public_message = "The request carries more than one token."


# --------------------------------------------------------------------------------- keys, set-up, dependencies


class KeyFormatError(DaypassError):
    """A key could not be read, or its parts contradict each other."""

    code = "key_format"
    public_message = "The key cannot be read."


class WeakKey(DaypassError):
    """A key was read and is too weak to be used."""

    code = "weak_key"
    public_message = "The key is too weak."


class ConfigurationError(DaypassError, ValueError):
    """A set-up was refused when it was constructed. A ValueError too, since the caller passed the values."""

    code = "configuration"
    public_message = "The service is not set up correctly."


class StoreUnavailable(DaypassError):
    """A store could not answer; nothing is said about the token."""

    code = "store_unavailable"
    public_message = "The service is temporarily unavailable."


class RemoteKeysUnavailable(DaypassError):
    """A remote key set could not be fetched; nothing is said about the token."""

    code = "remote_keys_unavailable"
    public_message = "The service is temporarily unavailable."


def _rebuild(cls: type[DaypassError], args: tuple[object, ...], state: dict[str, object]) -> DaypassError:
    """Unpickle an error whose constructor takes other words than its message (for multiprocessing)."""
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error
