"""Claims on the command line: how they are read, what is demanded of them. Enters: options, JSON. Leaves: values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from daypass.cli.exit_codes import FILE, SET_UP, Stopped, in_options
from daypass.cli.files import read_input
from daypass.encoding import parse_object
from daypass.errors import DaypassError, MalformedToken
from daypass.limits import JWT_BYTES_MAX

if TYPE_CHECKING:
    from daypass.claims import ClaimsPolicy

__all__ = [
    "LIFETIME_S",
    "Audience",
    "Issuer",
    "Leeway",
    "Lifetime",
    "NoExp",
    "Required",
    "Typ",
    "demand_no_policy",
    "lifetime_of",
    "made_with",
    "policy_of",
    "read_claims",
]

LIFETIME_S: Final = 900
Issuer = Annotated[
    str | None, typer.Option("--issuer", help="The exact iss; without it any will do.", show_default=False)
]
Audience = Annotated[
    str | None,
    typer.Option("--audience", help="What aud must be, or hold; without it there must be none.", show_default=False),
]
Typ = Annotated[
    str | None,
    typer.Option(
        "--typ", help="The kind of token that its header names, at+jwt say; without it JWT or none.", show_default=False
    ),
]
Leeway = Annotated[float, typer.Option("--leeway", help="Clock skew that is forgiven, in seconds.")]
Required = Annotated[
    list[str] | None, typer.Option("--required", help="A claim that must be there; repeatable.", show_default=False)
]
NoExp = Annotated[bool, typer.Option("--no-exp", help="Without exp: a token that never expires.")]
Lifetime = Annotated[float, typer.Option("--lifetime", help="Seconds until exp, where the claims do not name it.")]


def policy_of(
    *,
    issuer: str | None,
    audience: str | None,
    typ: str | None,
    leeway_s: float,
    required: list[str] | None,
    no_exp: bool,
) -> ClaimsPolicy:
    """Put what is demanded of claims together. Raises Stopped: a value is empty or out of range."""
    from daypass.claims import ClaimsPolicy

    names = tuple(dict.fromkeys([*(() if no_exp else ("exp",)), *(required or ())]))
    try:
        return ClaimsPolicy(issuer=issuer, audience=audience, typ=typ, leeway_s=leeway_s, required=names)
    except (TypeError, ValueError) as error:
        reason = in_options(str(error))
    raise Stopped(SET_UP, reason)


def demand_no_policy(policy: ClaimsPolicy, *, instead: str) -> None:
    """Refuse options about claims where no claims are looked at: who says --audience believes that it was checked.

    Args:
        policy: what the options demand.
        instead: where they would have an effect.

    Raises:
        typer.BadParameter: they demand something.
    """
    from daypass.claims import ClaimsPolicy

    if policy != ClaimsPolicy():
        raise typer.BadParameter(
            "--issuer, --audience, --typ, --leeway, --required and --no-exp are about claims, and none would be looked"
            f" at: {instead}"
        )


def lifetime_of(lifetime: float, *, no_exp: bool, issues_claims: bool = True) -> float | None:
    """How long what is issued will hold; None: for ever.

    Raises:
        typer.BadParameter: nothing is issued that could expire.
        Stopped: it is no positive number of seconds.
    """
    if not issues_claims and (no_exp or lifetime != LIFETIME_S):
        raise typer.BadParameter("--lifetime and --no-exp are about claims: any other bytes never expire")
    if not 0 < lifetime < float("inf"):
        raise Stopped(SET_UP, "--lifetime must be a positive number of seconds")
    return None if no_exp else lifetime


def read_claims(place: str) -> dict[str, Any]:
    """Read claims. Raises Stopped: no strict JSON object, or more than a token holds."""
    raw = read_input(place, what="claims", bytes_max=JWT_BYTES_MAX)
    if len(raw) > JWT_BYTES_MAX:
        raise Stopped(FILE, f"the claims are longer than the {JWT_BYTES_MAX} bytes of a token")
    try:
        return parse_object(raw.strip())
    except MalformedToken as refused:
        reason = refused.hint
    raise Stopped(FILE, f"the claims cannot be read: {reason}")


def made_with(make: Callable[[], str]) -> str:
    """Make a token of what was read. Raises Stopped for what no verifier would take; DaypassError for the key."""
    try:
        return make()
    except DaypassError:
        raise
    except (TypeError, ValueError) as error:
        reason = in_options(str(error))
    raise Stopped(FILE, reason)
