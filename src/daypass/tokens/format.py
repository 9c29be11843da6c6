"""What a format of a token is: how claims are spelled, and what protects them. Enters: a name. Leaves: a Format.

Issuer and Verifier are the same for every format. Each format is a row of functions in a module of its own, imported
with the first token of it.
Source: RFC 7519; RFC 9068; PASETO 01-Protocol-Versions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from daypass.claims import Claims, ClaimsPolicy
from daypass.errors import ConfigurationError

if TYPE_CHECKING:
    from daypass.tokens.source import Keys

__all__ = [
    "FORMATS",
    "Expected",
    "Format",
    "FormatName",
    "Seal",
    "Sealer",
    "Shared",
    "Verify",
    "demand_keys",
    "format_of",
]

FormatName = Literal[
    "jwt", "jwe", "nested", "paseto-v4-public", "paseto-v4-local", "paseto-v3-public", "paseto-v3-local"
]
FORMATS: Final = {
    "jwt": "jwt",
    "jwe": "jwe",
    "nested": "nested",
    "paseto-v4-public": "paseto_public",
    "paseto-v4-local": "paseto_local",
    "paseto-v3-public": "paseto_public",
    "paseto-v3-local": "paseto_local",
}
"""Which module has a format."""

Seal = Callable[[bytes], str]
"""From the rest of the claims, as JSON, to the whole token."""
Verify = Callable[[str], Claims]
"""From a token to its claims. Raises TokenError: refused."""


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What all tokens of one second share: the claims that the Issuer sets, and the kind of token.

    Args:
        issuer: ``iss``.
        audience: ``aud``; several only where the format has room for them.
        iat: epoch seconds.
        exp: epoch seconds.
        typ: at+jwt, say.
    """

    issuer: str
    audience: str | Sequence[str]
    iat: int
    exp: int
    typ: str

    def claims(self) -> dict[str, Any]:
        """The claims, times as epoch seconds."""
        return {"iss": self.issuer, "aud": self.audience, "iat": self.iat, "exp": self.exp}


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a Verifier wants of every token.

    Args:
        policy: of the claims, with the ``typ``.
        algs: algorithms that are allowed; None: those that the keys name.
        bytes_max: the longest token that is looked at.
        clock: epoch seconds.
    """

    policy: ClaimsPolicy
    algs: Collection[str] | None
    bytes_max: int
    clock: Callable[[], float]


Sealer = Callable[[Any, Shared, bytes, Any], tuple[Seal, bytes]]
"""From the key that issues now, what is shared, how the JSON begins and the second key (or None) to what seals."""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """One format.

    Args:
        name: as callers write it.
        has_audiences: whether a token may name several.
        has_algs: whether a Verifier may name algorithms.
        is_nested: whether a second key encrypts what the first has signed.
        is_for: whether a key is one of this format; a source may hold those of several.
        encode: the claims of one token as a JSON object; TypeError or ValueError where a verifier would refuse them.
        begin: what tokens of one second share, as a JSON object without its last brace.
        sealer: the key that issues now, what is shared, how the JSON begins, the second key or None -> Seal, and what
            of the beginning it has not absorbed: whoever seals puts that before the rest.
        verifier: keys, what is expected, keys of the second layer or None -> Verify.
    """

    name: FormatName
    has_audiences: bool
    has_algs: bool
    is_nested: bool
    is_for: Callable[[object], bool]
    encode: Callable[[Mapping[str, Any]], bytes]
    begin: Callable[[Shared], bytes]
    sealer: Sealer
    verifier: Callable[[Keys, Expected, Keys | None], Verify]


def format_of(name: object) -> Format:
    """Find a format by its name. Raises ConfigurationError: there is none."""
    if not isinstance(name, str) or name not in FORMATS:
        raise ConfigurationError(f"format must be one of {', '.join(FORMATS)}")
    found: Mapping[str, Format] = import_module(f"daypass.tokens.formats.{FORMATS[name]}").FORMATS
    return found[name]


def demand_keys(keys: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Refuse keys of another format. Raises ConfigurationError, which says what is wanted."""
    members = keys if isinstance(keys, Sequence) else (keys,)
    for key in members:
        if not isinstance(key, kind):
            raise ConfigurationError(f"{wanted}; this key is a {type(key).__name__}")
