"""How long the keys of a ring live. Enters and leaves: durations in seconds."""

from __future__ import annotations

from typing import Final

import msgspec

from daypass.errors import ConfigurationError
from daypass.keyring.entry import Purpose
from daypass.limits import LEEWAY_S_MAX, RING_BYTES_MAX, SCHEDULE_S_MAX

__all__ = ["RotationSchedule"]

_BYTES_PER_KEY: Final = 300
"""What a short key takes in the text of a ring."""


class RotationSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """How long a key is published before it signs, how long it signs, and how long it is accepted after that.

    Publication, first signature, retirement and removal follow from the clock. With ``rotate_every_s`` new keys do,
    too: some process that runs with this schedule makes them, whichever notices first.

    Args:
        publish_s: between publication and first signature, in seconds: longer than the slowest verifier
            takes to read the ring again. With 0, verifiers learn a new key from the first token that names
            it.
        token_lifetime_s_max: the longest life of a signed token, in seconds.
        session_lifetime_s_max: the longest life of a session, in seconds; its refresh tokens hang on a ring
            secret.
        rotate_every_s: the age, in seconds, at which the newest key of a kind gets its successor; it is longer than
            ``publish_s``. 0: never, only ``rotate()`` makes keys. None: what the ring says, and never for a new ring.

    Raises:
        ConfigurationError: a value is no number or out of bounds, or a ring could not hold all keys that live at once.
    """

    publish_s: float = 60
    token_lifetime_s_max: float = 86_400
    session_lifetime_s_max: float = 2_592_000
    rotate_every_s: float | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name == "rotate_every_s" and value is None:
                continue
            if (type(value) is not int and type(value) is not float) or not 0 <= value <= SCHEDULE_S_MAX:
                raise ConfigurationError(f"{name} is a number of seconds, at most {SCHEDULE_S_MAX}")
            if name.endswith("_s_max") and not value:
                raise ConfigurationError(f"{name} is more than 0 seconds")
        if every_s := self.rotate_every_s:
            if every_s <= self.publish_s:
                raise ConfigurationError("rotate_every_s is longer than publish_s: a key would never come to sign")
            at_once = (self.stays_s("sign") + self.stays_s("derive")) / every_s
            if at_once * _BYTES_PER_KEY > RING_BYTES_MAX:
                raise ConfigurationError(
                    f"with this rotate_every_s about {int(at_once)} keys would be accepted at a time, more than a ring"
                    " holds: rotate less often, or say shorter lifetimes"
                )

    def stays_s(self, purpose: Purpose) -> float:
        """Tell how long, in seconds, a key is accepted after its successor took over."""
        lifetime_s = self.token_lifetime_s_max if purpose == "sign" else self.session_lifetime_s_max
        return lifetime_s + LEEWAY_S_MAX

    def widened(self, other: RotationSchedule) -> RotationSchedule:
        """Take the longer time of each: two processes that disagree settle on one, and nothing is lost.

        How often keys are made is what the other one says, if it says something: whoever came last.
        """
        return RotationSchedule(
            publish_s=max(self.publish_s, other.publish_s),
            token_lifetime_s_max=max(self.token_lifetime_s_max, other.token_lifetime_s_max),
            session_lifetime_s_max=max(self.session_lifetime_s_max, other.session_lifetime_s_max),
            rotate_every_s=self.rotate_every_s if other.rotate_every_s is None else other.rotate_every_s,
        )

    def moment(self, clock_s: float) -> float:
        """Take a time of the clock as entries of this schedule have it.

        Whole seconds, and milliseconds where the schedule itself has fractions; never later than the clock says.

        Args:
            clock_s: epoch seconds.
        """
        is_coarse = all(value is None or value == int(value) for value in self._times())
        return int(clock_s) if is_coarse else int(clock_s * 1000) / 1000

    def _times(self) -> tuple[float | None, ...]:
        return self.publish_s, self.token_lifetime_s_max, self.session_lifetime_s_max, self.rotate_every_s
