"""``inspect_token``: any text is read or refused, says nothing of itself, and reads what a strict reader reads.

An input is a text. What the judge reads strictly as a token must be read, with the same claims; what is found must name
what everybody can see: no algorithm, no end, a member twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from daypass.limits import FINDINGS_MAX
from daypass.tokens.inspection import UnverifiedToken, inspect_token
from fuzz import sealing
from fuzz.chance import Chance
from fuzz.judge import Refuse, Undecided, as_text, attempt, demand, json_object, octets, same_json
from fuzz.keys import b64u
from fuzz.target import Target
from fuzz.targets import jwe_compact, jwe_json, jws_compact, jws_json, paseto_token

Members = dict[str, Any]
NOW_S = 1_700_000_000
PERSONAL = "ada.lovelace@example.com"
TELLING = 12  # a shorter text may stand in a message by chance
HEADER_NAMES = (*jws_compact.HEADER_NAMES, *jwe_compact.HEADER_NAMES)
PASETO = re.compile(r"v[1-4]\.(?:local|public)\.", re.ASCII)
SCHEME = re.compile(r"(?i:bearer|dpop) ")
CLAIM_NAMES = (*jws_compact.CLAIMS, "email", "phone_number", "nbf", "x")


# ----------------------------------------------------------------------------------------------------- judge


def strict(text: str) -> tuple[str, Members, Members | None] | None:
    """Kind, header and claims of a strict compact token; None where it is none."""
    segments = text.split(".")
    if len(segments) not in (3, 5) or not text.isascii():
        return None
    try:
        header = json_object(octets(segments[0]))
        raw = [octets(segment) for segment in segments[1:] if header.get("b64") is not False]
    except (Refuse, Undecided):
        return None
    if len(segments) == 5 or not raw:
        return "jwe" if len(segments) == 5 else "jws", header, None
    try:
        return "jws", header, json_object(raw[0])
    except (Refuse, Undecided):
        return "jws", header, None


def texts_of(value: object) -> Iterator[str]:
    """Every text in a value, names of members apart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from texts_of(child)


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Inspect, and hold the report against what the judge reads."""
    text = as_text(data)
    stage, token = attempt(lambda: inspect_token(text, now_s=NOW_S))
    read = strict(text)
    if token is None:
        demand(read is None or stage != "malformed", "a token that can be read strictly is refused")
        return stage
    if token.kind == "paseto":
        check_paseto(token, text)
        return "accepted"
    demand(
        token.kind in ("jws", "jwe") and token.form in ("compact", "flattened", "general"), "an unknown kind or form"
    )
    demand(len(token.headers) > 0 and len(token.findings) <= FINDINGS_MAX, "no header, or too many findings")
    check_silence(token)
    if read is not None:
        kind, header, claims = read
        demand((token.kind, token.form) == (kind, "compact"), "another kind or form")
        demand(same_json(token.header, header), "the header is read otherwise")
        demand(claims is None or same_json(token.claims, claims), "the claims are read otherwise")
        check_findings(token, header, claims)
    return "accepted"


def check_paseto(token: UnverifiedToken, text: str) -> None:
    """A PASETO says its version and purpose at its front; what is encrypted is not read; nothing is repeated."""
    header = PASETO.match(SCHEME.sub("", text.strip(), count=1).strip())
    demand(header is not None and token.form == header[0][:-1], "another version or purpose")
    demand(1 <= len(token.headers) <= 2 and len(token.findings) <= FINDINGS_MAX, "no header, or too many findings")
    version, purpose = token.form.split(".")
    demand(token.header == {"version": version, "purpose": purpose}, "the header is read otherwise")
    demand(purpose == "public" or token.claims is None, "claims that nobody can read")
    codes = {finding.code for finding in token.findings}
    demand((version in ("v1", "v2")) == ("legacy_version" in codes), "a legacy version is not found")
    check_silence(token)


def check_silence(token: UnverifiedToken) -> None:
    """Neither repr nor a finding repeats a value of the token."""
    shown = " ".join([repr(token), *map(repr, token.headers), *(f"{it.code} {it.message}" for it in token.findings)])
    said = [*texts_of([header.members for header in token.headers]), *texts_of(token.claims or {})]
    known = " ".join((*sealing.KIDS, *sealing.ENCS))  # a message may name what there is
    telling = {text for text in said if len(text) >= TELLING and text.strip() not in known}
    demand(not any(text in shown for text in telling), "a value of the token is repeated")
    demand(PERSONAL not in shown + "".join(it.where for it in token.findings), "an address is repeated")


def check_findings(token: UnverifiedToken, header: Members, claims: Members | None) -> None:
    """What everybody can see is found."""
    codes = {finding.code for finding in token.findings}
    if len(token.findings) == FINDINGS_MAX:
        return
    alg = header.get("alg")
    if isinstance(alg, str) and alg.lower() == "none" and token.kind == "jws":
        demand("alg_none" in codes, "alg none is not found")
    if "jwk" in header:
        demand("embedded_key" in codes, "an embedded key is not found")
    typ = header.get("typ", "JWT")
    if claims is None or not isinstance(typ, str) or typ.lower() not in ("jwt", "at+jwt"):
        return  # other kinds have other rules: a proof of possession has no end
    demand(("exp" in claims) or "no_exp" in codes, "a missing exp is not found")
    demand(("aud" in claims) or "no_aud" in codes, "a missing aud is not found")
    exp = claims.get("exp")
    if isinstance(exp, int | float) and not isinstance(exp, bool) and 0 < exp <= NOW_S:
        demand("expired" in codes, "an exp that is over is not found")


# --------------------------------------------------------------------------------------------------- inputs


@cache
def good() -> tuple[bytes, ...]:
    """Tokens of every kind, and those that an inspection has most to say about."""
    odd: list[tuple[Members, Members]] = [
        ({"alg": "none"}, {}),
        ({"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}, "kid": "k" * 2000}, {"exp": 1, "email": PERSONAL}),
        ({"alg": "RS256", "jku": "https://x", "crit": ["x"]}, {"exp": 10**12, "iat": 1, "nbf": 3 * 10**9, "aud": []}),
        ({"alg": "HS256", "typ": "at+jwt"}, {"sub": 5, "address": {"street_address": "a", "list": [PERSONAL]}}),
    ]
    texts = [".".join([b64u(json.dumps(part).encode()) for part in pair] + [b64u(bytes(32))]) for pair in odd]
    texts += [f"Bearer {texts[0]}", "", "dpr1.a.b.1.c.d", "-----BEGIN PUBLIC KEY-----", '{"kty":"oct"}', "a~b~"]
    kinds = (jws_compact.good(), jws_json.good(), jwe_compact.good(), jwe_json.good(), paseto_token.good()[::4])
    return (*(text.encode() for text in texts), *(seed for kind in kinds for seed in kind[:12]))


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change a text the way that its own target does, or its header and claims without signing them again."""
    kind = chance.random.randrange(8)
    if kind == 0:
        before, behind = (b" ", b"Bearer ", b"DPoP ", b"\n", b"\xef\xbb\xbf"), (b"", b"\n", b" ")
        return chance.pick(before) + data + chance.pick(behind)
    if PASETO.match(as_text(data)):
        return paseto_token.mutate(data, chance)
    segments = data.split(b".")
    if kind < 5 and len(segments) in (3, 5):
        at = chance.random.randrange(2 if len(segments) == 3 else 1)
        try:
            members = json_object(octets(as_text(segments[at])))
        except (Refuse, Undecided):
            members = {"alg": "HS256"}
        names = HEADER_NAMES if at == 0 else CLAIM_NAMES
        changed = chance.members(members, names)
        if chance.once_in(6):
            changed[chance.pick(names)] = PERSONAL
        segments[at] = b64u(chance.spell(changed)).encode()
        return b".".join(segments)
    if data[:1] == b"{":
        return chance.pick((jws_json.mutate, jwe_json.mutate))(data, chance)
    if len(segments) in (3, 5):
        return jws_compact.mutate(data, chance) if len(segments) == 3 else jwe_compact.mutate(data, chance)
    return chance.octets(data) if chance.once_in(4) else chance.pick(good())


TARGET = Target(
    name="inspect",
    reads="any text, as a token to look at",
    concerns=(
        "tokens/inspection/inspector.py",
        "tokens/inspection/jose.py",
        "tokens/inspection/paseto.py",
        "tokens/inspection/paserk.py",
        "tokens/inspection/headers.py",
        "tokens/inspection/claims.py",
        "tokens/inspection/findings.py",
        "tokens/inspection/unverified.py",
    ),
    seeds=lambda: [*good(), *jws_compact.seeds(), *jwe_compact.seeds(), *jws_json.seeds(), *jwe_json.seeds()],
    mutate=mutate,
    run=run,
)
