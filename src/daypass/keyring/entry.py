"""What is known about one key of a ring, without the key. Enters: times. Leaves: its state at a time.

Source: DESIGN.md 5 (key ring): a verifier knows a key before it signs and until its last token has expired.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Purpose", "RingEntry", "State"]

Purpose = Literal["sign", "derive"]
"""``sign``: signs and verifies tokens. ``derive``: a secret that keys are derived from; it signs nothing."""
State = Literal["next", "active", "retiring", "removed"]
"""``next``: accepted, signs later. ``active``: signs. ``retiring``: still accepted. ``removed``: refused."""


class RingEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a ring, as it may be shown to anyone. All times are epoch seconds.

    Args:
        kid: the key id, unique in its ring.
        alg: the RFC name of the signature algorithm; ``HKDF-SHA256`` for a secret that keys are derived from.
        purpose: what the key may be used for.
        publish_at: since when the ring holds it.
        sign_from: from when on it is used to make something new.
        retire_at: from when on its successor does; None while there is none.
        remove_at: from when on nothing made with it is accepted; None while it is not known.
    """

    kid: str
    alg: str
    purpose: Purpose
    publish_at: float
    sign_from: float
    retire_at: float | None = None
    remove_at: float | None = None

    def state(self, now_s: float) -> State:
        """Name the state at a time.

        Args:
            now_s: epoch seconds.
        """
        if self.remove_at is not None and self.remove_at <= now_s:
            return "removed"
        if self.retire_at is not None and self.retire_at <= now_s:
            return "retiring"
        return "next" if now_s < self.sign_from else "active"

    def superseded(self, at_s: float, *, stays_s: float) -> RingEntry:
        """Describe the same key with a successor.

        Args:
            at_s: when the successor takes over, epoch seconds.
            stays_s: how long, in seconds, what was made last is accepted after that.
        """
        if self.retire_at is not None and self.retire_at < at_s:
            return self
        # Where the clock was stepped back, the key signed at times that are still to come: it stays for those.
        remove_at = max(at_s, self.sign_from) + stays_s
        return msgspec.structs.replace(self, retire_at=at_s, remove_at=max(remove_at, self.remove_at or 0))
