"""How the keys of a ring follow each other. Enters: seconds. Leaves: a checked, frozen schedule.

The schedule is kept with the keys, so that every process and the command line use the same one.
Source: DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import msgspec

from daypass.errors import ConfigurationError
from daypass.keyring.entry import Purpose
from daypass.limits import LEEWAY_S_MAX, SCHEDULE_S_MAX

__all__ = ["RotationSchedule"]


class RotationSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """How long a key is published before it signs, and how long it is accepted after its successor took over.

    Args:
        publish_s: between publication and first signature, in seconds: longer than the slowest verifier
            takes to read the ring again. With 0, verifiers learn a new key from the first token that names
            it.
        token_lifetime_s_max: the longest life of a signed token, in seconds.
        session_lifetime_s_max: the longest life of a session, in seconds; its refresh tokens hang on a ring
            secret.

    Raises:
        ConfigurationError: a value is no int or out of bounds.
    """

    publish_s: int = 60
    token_lifetime_s_max: int = 86_400
    session_lifetime_s_max: int = 2_592_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            least = 0 if name == "publish_s" else 1
            if type(value) is not int or not least <= value <= SCHEDULE_S_MAX:
                raise ConfigurationError(f"{name} is a whole number of seconds from {least} to {SCHEDULE_S_MAX}")

    def stays_s(self, purpose: Purpose) -> int:
        """Tell how long, in seconds, a key is accepted after its successor took over."""
        lifetime_s = self.token_lifetime_s_max if purpose == "sign" else self.session_lifetime_s_max
        return lifetime_s + LEEWAY_S_MAX

    def widened(self, other: RotationSchedule) -> RotationSchedule:
        """Take the longer time of each: two processes that disagree settle on one, and nothing is lost."""
        return RotationSchedule(
            publish_s=max(self.publish_s, other.publish_s),
            token_lifetime_s_max=max(self.token_lifetime_s_max, other.token_lifetime_s_max),
            session_lifetime_s_max=max(self.session_lifetime_s_max, other.session_lifetime_s_max),
        )
