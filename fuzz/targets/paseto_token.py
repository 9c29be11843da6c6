"""PASETO as text: ``paseto.decrypt`` and ``paseto.verify`` of four versions against a judge that opens tokens itself.

An input is a token, as it arrives. It is opened with the fixed key of the version and purpose that it names and with
one of another, with and without an assertion, and with the footer named; the judge says how far each one comes, and
what comes out. What is accepted is issued again by daypass and opened by the judge; no other spelling of it is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any
from zlib import crc32

from daypass import paseto
from daypass.errors import ConfigurationError
from daypass.limits import FOOTER_BYTES_MAX, TOKEN_BYTES_MAX
from fuzz import paseto_keys, paseto_sealing, vectors
from fuzz.chance import Chance
from fuzz.compact import rearranged, respellings
from fuzz.judge import Refuse, Undecided, as_text, attempt, demand, furthest, json_object
from fuzz.paseto_keys import PURPOSES, VERSIONS
from fuzz.paseto_text import HEADER, Kind, Opened, Parts, Refused, fresh, joined, opened, split
from fuzz.target import Target

IMPLICIT = b'{"tenant":7}'
ASSERTIONS = (b"", IMPLICIT)
KINDS = tuple((version, purpose) for version in VERSIONS for purpose in PURPOSES)
FAST = tuple(kind for kind in KINDS if kind not in ((1, "public"), (3, "public")))
"""What a mutation seals for most of the time: RSA and ECDSA sign slowly."""
CLAIMS = {"iss": "a", "sub": "u", "exp": "2099-01-01T00:00:00+00:00"}
FOOTERS = (b"", b"f", b'{"kid":"k4.lid.x"}', bytes(range(256)), b"." * 33)


@cache
def key(version: Any, purpose: str) -> Any:  # noqa: ANN401 - two classes without a common one
    """The fixed key that opens, as daypass loads it."""
    if purpose == "local":
        return paseto.LocalKey.from_bytes(version, paseto_keys.local(version))
    octets = paseto_keys.public_octets(version, paseto_keys.secret(version))
    return paseto.PublicKey.from_bytes(version, octets)


@cache
def secret_key(version: Any) -> paseto.SecretKey:  # noqa: ANN401 - an int, one of four
    """The fixed key that signs, as daypass loads it."""
    octets = paseto_keys.secret_octets(version, paseto_keys.secret(version))
    return paseto.SecretKey.from_bytes(version, octets)


def opener(version: int, purpose: str) -> Callable[..., paseto.OpenedToken]:
    """What daypass opens with a fixed key."""
    return partial(_open, version, purpose)


def _open(
    version: int, purpose: str, token: str, *, footer: bytes | None = None, implicit: bytes = b""
) -> paseto.OpenedToken:
    if purpose == "local":
        return paseto.decrypt(token, key(version, purpose), footer=footer, implicit=implicit)
    return paseto.verify(token, key(version, purpose), footer=footer, implicit=implicit)


# ----------------------------------------------------------------------------------------------------- a try


def judge(token: str, kind: tuple[int, str], implicit: bytes) -> tuple[str, Opened | None]:
    """How far a token comes, and what is in it."""
    try:
        return "accepted", opened(split(token, *kind, TOKEN_BYTES_MAX), implicit)
    except Refused as refused:
        return refused.stage, None


def run(data: bytes) -> str:
    """Open in every way, and hold each answer against the judge."""
    token, digest = as_text(data), crc32(data)
    header = HEADER.match(token)
    named = (int(header[1]), header[2]) if header else KINDS[digest % len(KINDS)]
    stages = []
    for kind in dict.fromkeys((named, KINDS[digest // 8 % len(KINDS)])):
        for implicit in ASSERTIONS:
            if implicit and kind[0] < 3:
                _is_refused_assertion(token, kind)
                continue
            stage, found = attempt(partial(opener(*kind), token, implicit=implicit))
            stages.append(stage)
            expected, wanted = judge(token, kind, implicit)
            demand(stage == expected, f"v{kind[0]}.{kind[1]}: {stage}, and the judge says {expected}")
            if found is None or wanted is None:
                continue
            demand((found.payload, found.footer) == wanted, "payload or footer are others than those that were sealed")
            _name_the_footer(token, kind, implicit, found)
            _respell(token, kind, implicit)
            if kind in FAST or digest % 8 == 0:
                _issue_again(found, kind, implicit)
    return furthest(stages)


def _is_refused_assertion(token: str, kind: tuple[int, str]) -> None:
    """v1 and v2 authenticate no assertion: to name one is a mistake of the caller, whatever the token."""
    try:
        opener(*kind)(token, implicit=IMPLICIT)
    except ConfigurationError:
        return
    demand(False, "an assertion that nothing authenticates is taken")


def _name_the_footer(token: str, kind: tuple[int, str], implicit: bytes, found: paseto.OpenedToken) -> None:
    """The footer that stands there may be demanded; with another the token is refused."""
    again = opener(*kind)(token, footer=found.footer, implicit=implicit)
    demand(again == found, "with its footer named, a token holds something else")
    other = found.footer[:-1] if found.footer else b"x"
    stage, _ = attempt(partial(opener(*kind), token, footer=other, implicit=implicit))
    demand(stage == "proof", f"with another footer demanded: {stage}")


def _respell(token: str, kind: tuple[int, str], implicit: bytes) -> None:
    """One token has one spelling."""
    for other in respellings(token):
        stage, _ = attempt(partial(opener(*kind), other, implicit=implicit))
        demand(stage != "accepted", "two spellings of one token are accepted")


def _issue_again(found: paseto.OpenedToken, kind: tuple[int, str], implicit: bytes) -> None:
    """What is accepted can be issued, and the judge opens it to the same."""
    version, purpose = kind
    words: dict[str, Any] = {"footer": found.footer, "implicit": implicit, "allow_legacy": True}
    if purpose == "local":
        token = paseto.encrypt(found.payload, key(version, purpose), **words)
    else:
        token = paseto.sign(found.payload, secret_key(version), **words)
    demand(judge(token, kind, implicit) == ("accepted", (found.payload, found.footer)), "issued, and the judge refuses")


# --------------------------------------------------------------------------------------------------- inputs


@cache
def good() -> tuple[bytes, ...]:
    """Good tokens of every version, purpose and form."""
    payload = json.dumps(CLAIMS, separators=(",", ":")).encode()
    found = []
    for version, purpose in KINDS:
        found += [fresh(Kind(version, purpose), payload, footer) for footer in FOOTERS]
        found += [fresh(Kind(version, purpose), b""), fresh(Kind(version, purpose), bytes(range(256)) * 4, b"f")]
        if version > 2:
            found += [fresh(Kind(version, purpose, IMPLICIT), payload, footer) for footer in FOOTERS[:3]]
    return (*found, fresh(Kind(4, "local"), payload, b"f" * FOOTER_BYTES_MAX))


def seeds() -> list[bytes]:
    """Good tokens, and those of the vectors, which were made with other keys."""
    return [*good(), *vectors.texts("paseto", "v")]


def read(data: bytes) -> tuple[Parts, Opened, bytes]:
    """Take a token apart, and open it, beside whatever assertion; unopened, it keeps its body. Raises Refuse."""
    token = as_text(data)
    header = HEADER.match(token)
    if header is None:
        raise Refuse("no header")
    parts = split(token, int(header[1]), header[2], TOKEN_BYTES_MAX)
    for implicit in ASSERTIONS[: 1 + (parts.version > 2)]:
        try:
            return parts, opened(parts, implicit), implicit
        except Refused:
            pass
    return parts, Opened(parts.body[-200:], parts.footer), b""


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change a token by its structure, and seal it again unless the change is about text, nonce, tag or signature."""
    try:
        parts, held, implicit = read(data)
    except Refuse:
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    kind = Kind(parts.version, parts.purpose, implicit)
    kinds: tuple[tuple[int, Callable[[], bytes]], ...] = (
        (5, lambda: fresh(kind, _payload(held.payload, chance), held.footer)),
        (4, lambda: fresh(kind, held.payload, _footer(held.footer, chance))),
        (3, lambda: fresh(_other(chance), held.payload, held.footer)),
        (3, lambda: joined(parts._replace(body=_body(parts, chance)))),
        (2, lambda: joined(parts._replace(footer=_footer(parts.footer, chance)))),
        (2, lambda: _headed(data, chance)),
        (2, lambda: rearranged(data.split(b"."), chance)),
        (1, lambda: chance.pick(respellings(as_text(data))).encode("utf-8", "surrogateescape")),
        (1, lambda: data[: chance.random.randrange(len(data))]),
        (1, lambda: chance.octets(data)),
    )
    return chance.pick([one for weight, one in kinds for _ in range(weight)])()


def _other(chance: Chance) -> Kind:
    version, purpose = chance.pick(KINDS if chance.once_in(8) else FAST)
    return Kind(version, purpose, chance.pick(ASSERTIONS) if version > 2 else b"")


def _payload(payload: bytes, chance: Chance) -> bytes:
    try:
        return chance.spell(chance.members(json_object(payload), tuple(CLAIMS)))
    except (Refuse, Undecided):
        return chance.octets(payload)


def _footer(footer: bytes, chance: Chance) -> bytes:
    if chance.once_in(2):
        return chance.octets(footer)
    most = FOOTER_BYTES_MAX
    return chance.pick((*FOOTERS, b"f" * most, b"f" * (most + 1), b"f" * (most + 2), footer + b"\0"))


def _body(parts: Parts, chance: Chance) -> bytes:
    """Change nonce, message, tag or signature: each at its own length, or at another."""
    body = parts.body
    if parts.purpose == "local":
        sizes = (paseto_sealing.NONCE_BYTES[parts.version], paseto_sealing.TAG_BYTES[parts.version])
    else:
        sizes = (0, paseto_sealing.SIGNATURE_BYTES[parts.version])
    first, last = body[: sizes[0]], body[-sizes[1] :]
    rest = body[sizes[0] : -sizes[1]]
    kind = chance.random.randrange(5)
    if kind == 0:
        return body[: chance.pick((0, 1, sum(sizes) - 1, sum(sizes), sum(sizes) + 1))]
    if kind == 1:
        return first + rest + chance.fixed_size(last)
    if kind == 2:
        return chance.fixed_size(first) + rest + last
    if kind == 3:  # the halves of a signature of ECDSA or Ed25519, zero or as large as they get
        half = len(last) // 2
        return first + rest + chance.pick((bytes(half) + last[half:], last[:half] + b"\xff" * (len(last) - half)))
    return first + chance.fixed_size(rest) + last


def _headed(data: bytes, chance: Chance) -> bytes:
    """Put another header before the same body."""
    _, _, rest = data.partition(b".")
    _, _, rest = rest.partition(b".")
    odd = (b"v5.local.", b"V4.local.", b"v4.LOCAL.", b"v04.local.", b"v4.local", b"k4.local.", b"v4..", b"", b"v4.lid.")
    version, purpose = chance.pick(KINDS)
    head = chance.pick(odd) if chance.once_in(3) else paseto_sealing.header_of(version, purpose)
    return head + rest


TARGET = Target(
    name="paseto",
    reads="PASETO v1 to v4, encrypted and signed",
    concerns=(
        "paseto/message.py",
        "paseto/token_text.py",
        "paseto/encrypt_then_mac.py",
        "paseto/v1.py",
        "paseto/v2.py",
        "paseto/v3.py",
        "paseto/v4.py",
        "paseto/pae.py",
        "paseto/aes_ctr.py",
        "paseto/xchacha20.py",
        "paseto/ed25519.py",
        "encoding.py",
    ),
    seeds=seeds,
    mutate=mutate,
    run=run,
)
