"""Times as texts: good ones, odd ones, and such as only look like RFC 3339.

Enters: epoch seconds, chance. Leaves: values for the place of a time. Source: RFC 3339 5.6; PASETO 04-Claims.
"""

from __future__ import annotations

import time
from typing import Any

from daypass.limits import NUMERIC_DATE_MAX
from fuzz.chance import Chance
from fuzz.paseto_payload import DATES

SPELLINGS = (
    *("2099-12-31T23:59:59Z", "2099-12-31T23:59:59+00:00", "2099-12-31T23:59:59-00:00", "2099-12-31T23:59:59.5Z"),
    *("2099-12-31T23:59:59.123456789Z", "2099-12-31T23:59:59.1234567890Z", "2099-12-31T23:59:59.Z"),
    *("2099-12-31t23:59:59Z", "2099-12-31T23:59:59z", "2099-12-31 23:59:59Z", "2099-12-31T23:59:59", "2099-12-31"),
    *("2099-12-31T23:59:60Z", "2099-12-31T24:00:00Z", "2099-12-31T23:60:00Z", "2099-02-29T00:00:00Z"),
    *("2096-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2099-13-01T00:00:00Z", "2099-00-01T00:00:00Z"),
    *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59"),
    *("2099-12-31T23:59:59+24:00", "2099-12-31T23:59:59+23:60", "2099-12-31T23:59:59+0000", "2099-12-31T23:59:59+00"),
    *("20991231T235959Z", "2099-W53-4T00:00:00Z", "2099-12-31T23:59:59,5Z", "2099-12-31T23:59:59Z\n", "+2099-12-31"),
    *(
        "\u0662099-12-31T23:59:59Z",
        "2099-12-31T23:59:59.\u0665Z",
        "10000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
    ),
    *("1970-01-01T00:00:00Z", "2099-12-31T23:59:59Z ", " 2099-12-31T23:59:59Z", "2099-12-31T23:59:59+00:00:00"),
)


def spelled(claims: dict[str, Any]) -> dict[str, Any]:
    """Claims with their times as texts."""
    return {name: text_of(value) if name in DATES else value for name, value in claims.items()}


def text_of(at_s: Any) -> Any:  # noqa: ANN401 - whatever stands in the place of a time
    """Epoch seconds as a time of UTC, as one of the many ways says it; what is no such number stays."""
    if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not 0 <= at_s < NUMERIC_DATE_MAX:
        return at_s
    whole, rest = int(at_s), at_s - int(at_s)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{moment}{f'{rest:.3f}'[1:] if rest else ''}Z"


def time_near(now_s: float, chance: Chance) -> Any:  # noqa: ANN401 - any JSON
    """A time near the moment, an odd spelling, or a good one with some octets changed."""
    kind = chance.random.randrange(4)
    if kind == 0:
        return chance.pick(SPELLINGS)
    if kind == 1:
        return chance.text(chance.pick(SPELLINGS))
    if kind == 2:
        return text_of(now_s + chance.pick((0, 1, -1, 59, 60, 61, -60, 600, 0.5, 0.001)))
    pieces = chance.pick(SPELLINGS[:4])
    at = chance.random.randrange(len(pieces))
    return pieces[:at] + chance.pick("0123456789+-:.TZ") + pieces[at + 1 :]
