"""daypass: REST APIs without server-side sessions. The public list, and nothing else.

Names are imported with their first use, so ``import daypass`` costs nothing and loads no dependency.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from daypass import paseto as paseto
    from daypass.claims import ClaimsPolicy as ClaimsPolicy
    from daypass.errors import AccessDenied as AccessDenied
    from daypass.errors import ClaimError as ClaimError
    from daypass.errors import ConfigurationError as ConfigurationError
    from daypass.errors import CrossSiteRequest as CrossSiteRequest
    from daypass.errors import DaypassError as DaypassError
    from daypass.errors import DecryptionFailed as DecryptionFailed
    from daypass.errors import Expired as Expired
    from daypass.errors import FreshLoginRequired as FreshLoginRequired
    from daypass.errors import InsufficientRole as InsufficientRole
    from daypass.errors import InsufficientScope as InsufficientScope
    from daypass.errors import InvalidSignature as InvalidSignature
    from daypass.errors import KeyFormatError as KeyFormatError
    from daypass.errors import MalformedToken as MalformedToken
    from daypass.errors import MissingClaim as MissingClaim
    from daypass.errors import NoToken as NoToken
    from daypass.errors import NotYetValid as NotYetValid
    from daypass.errors import RefreshReused as RefreshReused
    from daypass.errors import RemoteKeysUnavailable as RemoteKeysUnavailable
    from daypass.errors import SessionEnded as SessionEnded
    from daypass.errors import SessionError as SessionError
    from daypass.errors import SeveralTokens as SeveralTokens
    from daypass.errors import StoreUnavailable as StoreUnavailable
    from daypass.errors import TokenError as TokenError
    from daypass.errors import TokenTooLarge as TokenTooLarge
    from daypass.errors import TransportError as TransportError
    from daypass.errors import UnknownKey as UnknownKey
    from daypass.errors import UnknownSession as UnknownSession
    from daypass.errors import UnsupportedToken as UnsupportedToken
    from daypass.errors import WeakKey as WeakKey
    from daypass.errors import WrongAudience as WrongAudience
    from daypass.errors import WrongIssuer as WrongIssuer
    from daypass.jose import jwe as jwe
    from daypass.jose import jwk as jwk
    from daypass.jose import jws as jws
    from daypass.jose import jwt as jwt
    from daypass.jose.jwk import JWK as JWK
    from daypass.jose.jwk_set import JWKSet as JWKSet
    from daypass.keyring.ring import KeyRing as KeyRing
    from daypass.sessions.asynchronous import AsyncSessions as AsyncSessions
    from daypass.sessions.manager import Sessions as Sessions
    from daypass.sessions.policy import SessionPolicy as SessionPolicy
    from daypass.sessions.values import Grants as Grants
    from daypass.sessions.values import Principal as Principal
    from daypass.sessions.values import TokenPair as TokenPair
    from daypass.tokens.any_of import AnyOf as AnyOf
    from daypass.tokens.inspection import inspect_token as inspect_token
    from daypass.tokens.issuer import Issuer as Issuer
    from daypass.tokens.verifier import Verifier as Verifier

_ROOMS: Final = {
    "daypass.claims": "ClaimsPolicy",
    "daypass.errors": (
        "AccessDenied ClaimError ConfigurationError CrossSiteRequest DaypassError DecryptionFailed Expired"
        " FreshLoginRequired InsufficientRole InsufficientScope InvalidSignature KeyFormatError MalformedToken"
        " MissingClaim NoToken NotYetValid RefreshReused RemoteKeysUnavailable SessionEnded SessionError SeveralTokens"
        " StoreUnavailable TokenError TokenTooLarge TransportError UnknownKey UnknownSession UnsupportedToken WeakKey"
        " WrongAudience WrongIssuer"
    ),
    "daypass.jose.jwe": "jwe",
    "daypass.jose.jwk": "JWK jwk",
    "daypass.jose.jwk_set": "JWKSet",
    "daypass.jose.jws": "jws",
    "daypass.jose.jwt": "jwt",
    "daypass.keyring.ring": "KeyRing",
    "daypass.paseto": "paseto",
    "daypass.sessions.asynchronous": "AsyncSessions",
    "daypass.sessions.manager": "Sessions",
    "daypass.sessions.policy": "SessionPolicy",
    "daypass.sessions.values": "Grants Principal TokenPair",
    "daypass.tokens.any_of": "AnyOf",
    "daypass.tokens.inspection": "inspect_token",
    "daypass.tokens.issuer": "Issuer",
    "daypass.tokens.verifier": "Verifier",
}
_HOME: Final = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_HOME)  # noqa: PLE0605 - computed from the one list above


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'daypass' has no attribute {name!r}")
    room = import_module(_HOME[name])
    # What is called like its room is the room itself: from daypass import jwt.
    value = globals()[name] = room if _HOME[name].endswith(f".{name}") else getattr(room, name)
    return value


def __dir__() -> list[str]:
    return __all__
