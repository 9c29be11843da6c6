"""What a token consists of, as far as it could be read. Enters: what the reader of a format found. Leaves: its parts.

Source: RFC 7515 3; RFC 7516 3; PASETO 01-Protocol-Versions/Common.
"""

from __future__ import annotations

from typing import Any

import msgspec

from daypass.tokens.inspection.headers import typ_of
from daypass.tokens.inspection.unverified import UnverifiedHeader

__all__ = ["Parts"]


class Parts(msgspec.Struct, kw_only=True):
    """What a token consists of.

    Args:
        kind: ``jws``, ``jwe`` or ``paseto``.
        form: ``compact``, ``flattened`` or ``general``; of a PASETO version and purpose, ``v4.public``.
        headers: those that could be read.
        claims: the payload as a JSON object, or None.
        payload: the payload as bytes where it is no JSON object, or None.
        footer: the footer of a PASETO as bytes where it is no JSON object, or None.
        odd_times: claims that ought to be times in the spelling of the format, and are none.
    """

    kind: str
    form: str
    headers: list[UnverifiedHeader] = []
    claims: dict[str, Any] | None = None
    payload: bytes | None = None
    footer: bytes | None = None
    odd_times: frozenset[str] = frozenset()

    @property
    def typ(self) -> str:
        """The first ``typ``, as it is compared; empty where there is none. Of a PASETO it is a claim."""
        members = [self.claims or {}] if self.kind == "paseto" else [header.members for header in self.headers]
        return next((typ for one in members if (typ := typ_of(one.get("typ")))), "")

    @property
    def is_compact(self) -> bool:
        """Whether it can be a token of claims: JSON serialization cannot."""
        return self.form not in ("flattened", "general")
