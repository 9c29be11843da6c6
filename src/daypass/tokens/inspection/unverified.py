"""What a token says of itself, marked as unverified. Enters and leaves: values of any token, JOSE or other.

Nothing here was checked by a key: who made the token could write anything. ``repr`` shows no part of it.
Source: DESIGN.md 2 (reading without verifying); RFC 8725 3.
"""

from __future__ import annotations

from typing import Any

import msgspec

from daypass.tokens.inspection.findings import Finding

__all__ = ["UnverifiedHeader", "UnverifiedToken"]


class UnverifiedHeader(msgspec.Struct, frozen=True):
    """One header of a token.

    Args:
        where: ``header``; in JSON serialization ``protected``, ``signatures[0].header`` and so on; of a PASETO also
            ``footer``.
        members: what it says.
    """

    where: str
    members: dict[str, Any]

    def __repr__(self) -> str:
        return f"UnverifiedHeader({self.where!r}, redacted)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("where", self.where)]


class UnverifiedToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says, unverified: for people who look, never for a decision.

    Args:
        kind: the family: ``jws``, ``jwe``, ``paseto``.
        form: how it is written: ``compact``, ``flattened`` or ``general``; of a PASETO version and purpose: what is
            ``v4.public`` is signed, what is ``v4.local`` encrypted.
        token_bytes: its length.
        headers: at least one; in JSON serialization each with its place. That of a PASETO says ``version`` and
            ``purpose``; a second one is its footer, where that is a JSON object.
        claims: the payload where it is a JSON object; None where it is not, or is encrypted. The times of a PASETO are
            epoch seconds here; what is no time stands as it was found.
        payload: the payload where it is no JSON object; None where it is, or is encrypted, or cannot be decoded.
        footer: the footer of a PASETO where it is no JSON object; None where it is, or there is none.
        now_s: when it was looked at, epoch seconds.
        issued_at: ``iat``, epoch seconds; None where there is none, or it is no time.
        not_before: ``nbf``, as above.
        expires_at: ``exp``, as above.
        findings: what is wrong or worth knowing, errors first.
    """

    kind: str
    form: str
    token_bytes: int
    headers: tuple[UnverifiedHeader, ...]
    claims: dict[str, Any] | None
    payload: bytes | None
    now_s: float
    issued_at: float | None
    not_before: float | None
    expires_at: float | None
    findings: tuple[Finding, ...]
    footer: bytes | None = None

    @property
    def header(self) -> dict[str, Any]:
        """The first header: of a compact token the only one."""
        return self.headers[0].members

    @property
    def age_s(self) -> float | None:
        """Seconds since it was issued; negative where that is still to come."""
        return None if self.issued_at is None else self.now_s - self.issued_at

    @property
    def expires_in_s(self) -> float | None:
        """Seconds until it expires; negative where it has."""
        return None if self.expires_at is None else self.expires_at - self.now_s

    def __repr__(self) -> str:
        return f"UnverifiedToken({self.kind}, {self.form}, {len(self.findings)} findings, redacted)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("kind", self.kind), ("form", self.form)]
