"""Compact tokens, whatever they hold: spellings that must not pass, and other ways to arrange their segments.

Enters: a token, or its segments. Leaves: others. Source: RFC 7515 2, 7.1; RFC 7516 7.1.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

from fuzz.chance import Chance

ALPHABET = f"{ascii_uppercase}{ascii_lowercase}{digits}-_"


def respellings(token: str) -> list[str]:
    """What base64, JSON or a transport may make of a token: padding, white space, stray bits, the other alphabet."""
    segments = token.split(".")
    others = [f"{token}=", f"{token}\n", f" {token}", f"{token}.", f"{token}.A", f"Bearer {token}"]
    for at, segment in enumerate(segments):
        changed = [segment + "=", segment.replace("-", "+").replace("_", "/")]
        if len(segment) % 4 and segment[-1] in ALPHABET:
            changed.append(segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) ^ 1])
        others += [".".join([*segments[:at], one, *segments[at + 1 :]]) for one in changed]
    return [other for other in others if other != token]


def rearranged(segments: list[bytes], chance: Chance) -> bytes:
    """Change how the segments are spelled or arranged."""
    at, other = chance.random.randrange(len(segments)), chance.random.randrange(len(segments))
    changed = list(segments)
    kind = chance.random.randrange(7)
    if kind == 0:
        changed[at] += chance.pick((b"=", b"==", b"A", b"\n", b" ", b".", b"%3D", b"\xc3\xa9"))
    elif kind == 1:
        changed[at] = changed[at].replace(b"-", b"+").replace(b"_", b"/")
    elif kind == 2:
        changed[at] = b""
    elif kind == 3:
        changed[at], changed[other] = changed[other], changed[at]
    elif kind == 4:
        chance.random.shuffle(changed)
    elif kind == 5:
        changed.insert(at, changed[other])
    else:
        changed[other] += changed[at][:1]
        changed[at] = changed[at][1:]
    return b".".join(changed)
