"""``daypass token`` with a key of PASETO: it signs, verifies, encrypts and decrypts. Enters: a key. Leaves: a token.

The key says which version and purpose a token has. Options that are for JOSE alone are refused here, and those of
PASETO where the key is one of JOSE: nobody shall believe that something was checked, or written, that was not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from daypass.cli.claim_options import made_with, read_claims
from daypass.cli.files import read_input, read_token
from daypass.cli.paseto_keys import demand_kind, demand_public, load_paseto_key
from daypass.limits import TOKEN_BYTES_MAX

if TYPE_CHECKING:
    from daypass.claims import Claims, ClaimsPolicy
    from daypass.cli.key_sources import KeyText

__all__ = [
    "AllowLegacy",
    "Beside",
    "ExpectedFooter",
    "Footer",
    "Implicit",
    "decrypt_paseto",
    "decrypt_paseto_claims",
    "encrypt_paseto",
    "encrypt_paseto_claims",
    "refuse_options_of_jose",
    "refuse_options_of_paseto",
    "sign_paseto_claims",
    "verify_paseto_claims",
]

Footer = Annotated[
    str | None,
    typer.Option("--footer", help="PASETO: a text beside the claims, which everybody can read.", show_default=False),
]
ExpectedFooter = Annotated[
    str | None,
    typer.Option("--footer", help="PASETO: the exact footer; without it any will do.", show_default=False),
]
Implicit = Annotated[
    str | None,
    typer.Option(
        "--implicit", help="PASETO: a text that both sides know and that does not travel.", show_default=False
    ),
]
AllowLegacy = Annotated[bool, typer.Option("--allow-legacy", help="PASETO: make a token of v1 or v2.")]


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside the content of a PASETO.

    Args:
        footer: as it was written; None: it was not.
        implicit: the same.
        allow_legacy: v1 and v2 may be made.
    """

    footer: str | None = None
    implicit: str | None = None
    allow_legacy: bool = False

    @property
    def octets(self) -> bytes | None:
        """The footer, in UTF-8; None: none was written."""
        return None if self.footer is None else os.fsencode(self.footer)

    @property
    def assertion(self) -> bytes:
        """The implicit assertion, in UTF-8; empty for none."""
        return os.fsencode(self.implicit or "")


def refuse_options_of_jose(given: Mapping[str, object]) -> None:
    """Refuse what has no effect with a key of PASETO. Raises typer.BadParameter, which names the options."""
    if named := _given(given):
        raise typer.BadParameter(
            f"{named} would have no effect: this key is one of PASETO, whose version fixes every algorithm, and there"
            " is no header"
        )


def refuse_options_of_paseto(beside: Beside) -> None:
    """Refuse what has no effect with a key of JOSE. Raises typer.BadParameter, which names the options."""
    options = {
        "--footer": beside.footer,
        "--implicit": beside.implicit,
        "--allow-legacy": beside.allow_legacy,
    }
    if named := _given(options):
        raise typer.BadParameter(f"{named} would have no effect: this key is one of JOSE, and no PASETO comes of it")


def _given(options: Mapping[str, object]) -> str:
    return ", ".join(option for option, value in options.items() if value not in (None, []) and value is not False)


# --------------------------------------------------------------------------------------------------- public


def sign_paseto_claims(text: KeyText, place: str, beside: Beside, *, lifetime_s: float | None) -> str:
    """Sign the claims in a file. Raises Stopped, DaypassError."""
    from daypass import paseto

    key = demand_kind(load_paseto_key(text), paseto.SecretKey, "sign")
    members = read_claims(place)
    return made_with(
        lambda: paseto.sign_claims(
            members,
            key,
            lifetime_s=lifetime_s,
            footer=beside.octets or b"",
            implicit=beside.assertion,
            allow_legacy=beside.allow_legacy,
        )
    )


def verify_paseto_claims(text: KeyText, place: str, beside: Beside, policy: ClaimsPolicy) -> Claims:
    """Verify the token in a file. Raises Stopped, DaypassError."""
    from daypass import paseto

    key = demand_public(load_paseto_key(text))
    return paseto.verify_claims(read_token(place), key, policy=policy, footer=beside.octets, implicit=beside.assertion)


# ---------------------------------------------------------------------------------------------------- local


def encrypt_paseto(text: KeyText, place: str, beside: Beside) -> str:
    """Encrypt the bytes in a file. Raises Stopped, DaypassError."""
    from daypass import paseto

    key = demand_kind(load_paseto_key(text), paseto.LocalKey, "encrypt")
    octets = read_input(place, what="plaintext", bytes_max=TOKEN_BYTES_MAX)
    return made_with(
        lambda: paseto.encrypt(
            octets,
            key,
            footer=beside.octets or b"",
            implicit=beside.assertion,
            allow_legacy=beside.allow_legacy,
        )
    )


def encrypt_paseto_claims(text: KeyText, place: str, beside: Beside, *, lifetime_s: float | None) -> str:
    """Encrypt the claims in a file. Raises Stopped, DaypassError."""
    from daypass import paseto

    key = demand_kind(load_paseto_key(text), paseto.LocalKey, "encrypt")
    members = read_claims(place)
    return made_with(
        lambda: paseto.encrypt_claims(
            members,
            key,
            lifetime_s=lifetime_s,
            footer=beside.octets or b"",
            implicit=beside.assertion,
            allow_legacy=beside.allow_legacy,
        )
    )


def decrypt_paseto(text: KeyText, place: str, beside: Beside) -> bytes:
    """Decrypt the token in a file. Raises Stopped, DaypassError."""
    from daypass import paseto

    key = demand_kind(load_paseto_key(text), paseto.LocalKey, "decrypt")
    return paseto.decrypt(read_token(place), key, footer=beside.octets, implicit=beside.assertion).payload


def decrypt_paseto_claims(text: KeyText, place: str, beside: Beside, policy: ClaimsPolicy) -> Claims:
    """Decrypt the token in a file and check its claims. Raises Stopped, DaypassError."""
    from daypass import paseto

    key = demand_kind(load_paseto_key(text), paseto.LocalKey, "decrypt")
    return paseto.decrypt_claims(read_token(place), key, policy=policy, footer=beside.octets, implicit=beside.assertion)
