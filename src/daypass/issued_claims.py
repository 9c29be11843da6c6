"""Claims that are about to be issued, whatever protects them: type and lifetime. Enters: claims. Leaves: a mapping.

Source: RFC 7519 4, 4.1.4, 4.1.6, 7.1.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from daypass.typed_claims import Issuable, demand_mapping, plain_claims

__all__ = ["claims_to_issue", "too_long", "with_lifetime"]


def claims_to_issue(claims: Issuable, claims_type: type[Any] | None, lifetime_s: float | None) -> Mapping[str, Any]:
    """Claims with their lifetime, held against their type. Raises TypeError, ValueError. Source: RFC 7519 4, 4.1.4."""
    if claims_type is not None:
        claims = plain_claims(claims, claims_type, added=_times(lifetime_s))
    ready = demand_mapping(claims)
    return with_lifetime(ready, lifetime_s) if "exp" not in ready and lifetime_s is not None else ready


def with_lifetime(claims: Mapping[str, Any], lifetime_s: float) -> dict[str, Any]:
    """Add ``iat`` and ``exp``. Raises TypeError, ValueError: no positive number of seconds. Source: RFC 7519 4.1.4."""
    times = _times(lifetime_s)
    return {"iat": times["iat"], **claims, "exp": times["exp"]}


def _times(lifetime_s: float | None) -> dict[str, float]:
    if lifetime_s is None:
        return {}
    if isinstance(lifetime_s, bool) or not isinstance(lifetime_s, int | float):
        raise TypeError("lifetime_s is a number of seconds, or None")
    if not 0 < lifetime_s < float("inf"):
        raise ValueError("lifetime_s must be a positive number of seconds")
    now_s = time.time()
    exp = int(now_s) + int(lifetime_s) if lifetime_s >= 1 else now_s + lifetime_s  # never born expired
    return {"iat": int(now_s), "exp": exp}


def too_long(token: str, bytes_max: int) -> ValueError:
    """What to raise for a token that no verifier would take. Source: RFC 7519 7.1."""
    return ValueError(f"the token would have {len(token)} bytes, more than the {bytes_max} of bytes_max")
