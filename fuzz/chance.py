"""Changes drawn from one number: bytes, JSON values, members of objects, and ways to spell them.

Enters: a number from the fuzzer, and its own function that changes bytes (atheris.Mutate) where there is one. Leaves:
changed values. The same number gives the same change.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fuzz.keys import b64u

T = TypeVar("T")
Havoc = Callable[[bytes, int], bytes]

GROWTH_BYTES_MAX = 256
SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, 1.0, -0.0, 1e308, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**30),
    *(1_000_000_000, 2_000_000_000, 1_700_000_000.5, 253_402_300_800, 253_402_300_799),
    *(
        "",
        " ",
        "a",
        "none",
        "None",
        "JWT",
        "jwt",
        "application/JWT",
        "at+jwt",
        "\ud800",
        "\x00",
        "é",
        "日本",
        "x" * 1100,
    ),
    *([], [None], [""], ["b64"], ["exp"], ["alg"], ["x", "x"], {}, {"a": 1}, [[[]]], [1, [2, {"a": []}]]),
)
SPLICES: tuple[bytes, ...] = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\\u0061",
    b"\\ud800",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b" ",
)
SPLICES += (
    b"1e400",
    b"NaN",
    b"-",
    b"1" * 400,
    b"[" * 60,
    b".",
    b"=",
    b"+",
    b"/",
    b"_",
    b"-",
    b"\n",
    b"\r\n",
    b"\xc0\xaf",
)


class Chance:
    """A source of changes.

    Args:
        seed: the number.
        havoc: ``(bytes, bytes_max) -> bytes``, the fuzzer's own change; None: the one below.
    """

    def __init__(self, seed: int, havoc: Havoc | None = None) -> None:
        self.random = random.Random(seed)  # noqa: S311 - nothing here is secret
        self._havoc = havoc

    def once_in(self, many: int) -> bool:
        """True once in so many times."""
        return self.random.randrange(many) == 0

    def pick(self, of: Sequence[T]) -> T:
        """One of several."""
        return of[self.random.randrange(len(of))]

    # ------------------------------------------------------------------------------------------------ bytes

    def octets(self, raw: bytes) -> bytes:
        """Change some bytes."""
        if self._havoc is not None and self.once_in(2):
            return self._havoc(raw, len(raw) + GROWTH_BYTES_MAX)
        for _ in range(self.random.randrange(1, 4)):
            raw = self._one_change(raw)
        return raw

    def _one_change(self, raw: bytes) -> bytes:
        at = self.random.randrange(len(raw) + 1)
        kind = self.random.randrange(8)
        if kind == 0:
            return raw[:at]
        if kind == 1:
            return raw[:at] + self.pick(SPLICES) + raw[at:]
        if kind == 2:
            return raw[:at] + self.pick(SPLICES) + raw[at + 1 :]
        if kind == 3:
            end = at + self.random.randrange(1, 9)
            return raw[:at] + raw[end:]
        if kind == 4:
            end = at + self.random.randrange(1, 17)
            return raw[:end] + raw[at:end] + raw[end:]
        if kind == 5:
            return raw[:at] + self.random.randbytes(self.random.randrange(1, 5)) + raw[at:]
        if not raw:
            return self.random.randbytes(self.random.randrange(1, 65))
        at = min(at, len(raw) - 1)
        changed = raw[at] ^ 1 << self.random.randrange(8) if kind == 6 else self.random.randrange(256)
        return raw[:at] + bytes([changed]) + raw[at + 1 :]

    def fixed_size(self, raw: bytes) -> bytes:
        """Change some bytes of a key, a signature or a tag: often the size stays, or is a typical wrong one."""
        kind = self.random.randrange(6)
        if kind == 0:
            return self.pick((bytes(len(raw)), b"\xff" * len(raw), b"", b"\0" + raw, raw + b"\0", raw[1:], raw[:-1]))
        if kind == 1:
            return self.octets(raw)
        if not raw:
            return raw
        at = self.random.randrange(len(raw))
        return raw[:at] + bytes([raw[at] ^ 1 << self.random.randrange(8)]) + raw[at + 1 :]

    # ------------------------------------------------------------------------------------------------- JSON

    def value(self, old: object) -> Any:  # noqa: ANN401 - any JSON
        """Change a JSON value, or put another in its place."""
        if self.once_in(3):
            return self.pick(SCALARS)
        if isinstance(old, str):
            return self.text(old)
        if isinstance(old, bool) or old is None:
            return self.pick(SCALARS)
        if isinstance(old, int):
            return (
                old + self.pick((1, -1, 2**16, -(2**16)))
                if self.once_in(2)
                else self.pick((-old, float(old), str(old)))
            )
        if isinstance(old, float):
            return self.pick((-old, old + 1, str(old)))
        if isinstance(old, dict):
            return self.members(old, tuple(old) or ("a",))
        if isinstance(old, list):
            items = list(old)
            at = self.random.randrange(len(items) + 1)
            if items and self.once_in(2):
                at = min(at, len(items) - 1)
                items[at] = self.value(items[at])
            elif items and self.once_in(2):
                del items[min(at, len(items) - 1)]
            else:
                items.insert(at, items[at - 1] if items and self.once_in(2) else self.pick(SCALARS))
            return items
        return old

    def text(self, old: str) -> str:
        """Change a text: its case, its ends, or some of its bytes."""
        kind = self.random.randrange(6)
        if kind == 0:
            return self.pick(
                (old.lower(), old.upper(), old + " ", " " + old, old + "\0", old[:-1], old + old, old + "=")
            )
        if kind == 1:
            return b64u(self.random.randbytes(self.pick((0, 1, 12, 16, 32, 33, 57, 64, 256))))
        return self.octets(old.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogateescape")

    def members(self, old: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
        """Change an object: a member goes, comes, is renamed, or holds something else.

        Args:
            old: stays as it is.
            names: members that mean something here.
        """
        new = dict(old)
        for _ in range(self.random.randrange(1, 3)):
            kind = self.random.randrange(5)
            name = self.pick(tuple(new)) if new else ""
            if kind == 0 and new:
                del new[name]
            elif kind == 1 and new:
                new[self.pick(names)] = new.pop(name)
            elif kind == 2 and new:
                new[self.pick((*names, self.text(name)))] = new[name]
            elif kind == 3 and new:
                new[name] = self.value(new[name])
            else:
                new[self.pick(names)] = self.pick(SCALARS)
        return new

    def spell(self, value: object) -> bytes:
        """Write JSON: as a rule compact, at times with white space, escapes, a member twice, or some bytes changed."""
        kind = self.random.randrange(16)
        if kind == 0:
            raw = json.dumps(value, indent=self.pick((None, 1))).encode("utf-8", "surrogatepass")
        elif kind == 1:
            raw = json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
        else:
            raw = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        if kind == 2:
            return self.octets(raw)
        if kind == 3 and isinstance(value, dict) and value:
            name = self.pick(tuple(value))
            again = json.dumps({name: self.pick((value[name], self.value(value[name])))}).encode()
            return raw[:-1] + b"," + again[1:]
        return raw
