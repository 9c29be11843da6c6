"""Several formats at once, while tokens of an old one still live. Enters: a stranger's token. Leaves: claims.

Each Verifier keeps its own keys, so a key of one format never reaches another. The text of a token says which of them
may take it; where more than one may (two issuers, two generations of keys), they are asked in the order given.
Source: RFC 8725 3.1, 3.11; PASETO 02-Implementation-Guide/03-Algorithm-Lucidity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from daypass.errors import ClaimError, ConfigurationError, Expired, MalformedToken, NotYetValid, TokenError
from daypass.tokens.verifier import Verifier

__all__ = ["AnyOf"]

_BY_DOTS: Final = {2: ("jwt",), 4: ("jwe", "nested")}
_PASETO_HEADER_CHARACTERS: Final = len("v4.public.")


class AnyOf:
    """Accepts what one of several Verifiers accepts.

    Args:
        verifiers: at least one, each with its format, keys, issuer and audience.

    Attributes:
        verify: ``verify(token: str) -> claims``, as the accepting Verifier gives them. Raises TokenError: all refused.

    Raises:
        ConfigurationError: there is none.
        TypeError: something else than a Verifier.

    Source: RFC 8725 3.1.
    """

    __slots__ = ("verify",)
    verify: Callable[[str], Any]

    def __init__(self, *verifiers: Verifier) -> None:
        if not verifiers:
            raise ConfigurationError("AnyOf needs a Verifier at least: nothing could pass")
        by_format: dict[str, list[Callable[[str], Any]]] = {}
        if not all(isinstance(one, Verifier) for one in verifiers):
            del verifiers  # keys, perhaps
            raise TypeError("AnyOf takes Verifiers, one for each format: AnyOf(new, old)")
        for one in verifiers:
            by_format.setdefault(one.format, []).append(one.verify)

        def verify(token: str) -> Any:  # noqa: ANN401 - claims, or the claims_type of a Verifier
            candidates = [verify for name in _formats_of(token) for verify in by_format.get(name, ())]
            if not candidates:
                raise MalformedToken(f"the token is of none of the formats that are accepted: {', '.join(by_format)}")
            refused: TokenError | None = None
            for candidate in candidates:
                try:
                    return candidate(token)
                except TokenError as error:
                    if refused is None or _tells(error) > _tells(refused):
                        refused = error
            try:
                assert refused is not None
                raise refused
            finally:
                del refused  # it holds this frame, and this frame would hold it

        self.verify = verify


def _tells(error: TokenError) -> int:
    """How much a refusal says of a token: that it was proven and its time is over more than that it is another's."""
    if isinstance(error, Expired | NotYetValid):
        return 2
    return 1 if isinstance(error, ClaimError) else 0


def _formats_of(token: str) -> tuple[str, ...]:
    """Which formats the text of a token may have."""
    if not isinstance(token, str):
        raise MalformedToken("a token is a str")
    version, dot, rest = token[:_PASETO_HEADER_CHARACTERS].partition(".")
    if dot and version in ("v3", "v4"):
        return (f"paseto-{version}-{rest.partition('.')[0]}",)
    dots = at = 0
    while dots <= max(_BY_DOTS) and (at := token.find(".", at) + 1):  # no further: a stranger may send millions
        dots += 1
    return _BY_DOTS.get(dots, ())
