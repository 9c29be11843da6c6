"""What a ring answers at a time, and how long that holds. Enters: the content of a ring. Leaves: one immutable view."""

from __future__ import annotations

from typing import Any

import msgspec

from daypass.keyring.content import RingContent
from daypass.keyring.derive import RingSecret
from daypass.keyring.rotation import in_use, issuing

__all__ = ["View", "look_at"]


class View(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What a ring answers from ``begins_at`` until ``ends_at``, epoch seconds."""

    epoch: int
    begins_at: float
    ends_at: float
    content: RingContent
    signing: tuple[Any, ...]  # TokenKeys
    verification: tuple[Any, ...]
    secret_kid: str
    secrets: dict[str, RingSecret]

    def holds(self, now_s: float) -> bool:
        """Whether its answers are those of a time, epoch seconds."""
        return self.begins_at <= now_s < self.ends_at


def look_at(content: RingContent, now_s: float, *, epoch: int) -> View:
    """See what a ring answers at a time, and how long that holds."""
    entries = content.entries()
    times = [
        time for entry in entries for time in (entry.sign_from, entry.retire_at, entry.remove_at) if time is not None
    ]
    return View(
        epoch=epoch,
        begins_at=max((time for time in times if time <= now_s), default=float("-inf")),
        ends_at=min((time for time in times if time > now_s), default=float("inf")),
        content=content,
        signing=tuple(held.key for held in issuing(content, now_s)),
        verification=tuple(held.verifying for held in content.signing if held.entry.state(now_s) != "removed"),
        secret_kid=in_use(content.secrets, now_s).entry.kid,
        secrets={held.entry.kid: held.secret for held in content.secrets if held.entry.state(now_s) != "removed"},
    )
