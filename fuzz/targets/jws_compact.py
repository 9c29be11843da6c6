"""Compact JWS: ``jws.verify`` and ``jwt.verify`` against a judge that checks the signature itself.

An input is a token, as it arrives. Under a set of one key for each algorithm and under the single key of its algorithm
the same must come out: refused where the judge refuses, accepted where it accepts, with the payload that it read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any
from zlib import crc32

from daypass.claims import ClaimsPolicy
from daypass.jose import jws, jwt
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import HEADER_BYTES_MAX, JWT_BYTES_MAX
from fuzz import headers, signing, vectors
from fuzz.chance import Chance
from fuzz.compact import rearranged, respellings
from fuzz.judge import Refuse, Undecided, agree, as_text, attempt, demand, furthest, json_object, octets, same_json
from fuzz.keys import b64u
from fuzz.target import Target

HEADER_NAMES = (
    "alg",
    "kid",
    "typ",
    "cty",
    "crit",
    "b64",
    "jwk",
    "jku",
    "x5c",
    "x5u",
    "x5t",
    "zip",
    "enc",
    "epk",
    "exp",
    "x",
)
ANYTHING = ClaimsPolicy(required=(), audience="somebody")
CLAIMS = {"iss": "a", "aud": "somebody", "sub": "u", "iat": 1, "exp": 253_402_300_799, "jti": "j"}


@cache
def key(alg: str) -> JWK:
    """The fixed key of an algorithm, as daypass loads it."""
    return JWK.from_dict(signing.members_of(alg))


@cache
def keys() -> JWKSet:
    """One key for each algorithm."""
    return JWKSet([key(alg) for alg in signing.algorithms()])


# ----------------------------------------------------------------------------------------------------- judge


def judge(token: str, *, single: bool) -> tuple[bytes, dict[str, Any]]:
    """The payload and the header of a compact JWS that has to be accepted. Raises Refuse or Undecided."""
    if not token.isascii() or token.count(".") != 2:
        raise Refuse("not three segments")
    head, body, tail = token.split(".")
    signature, members = octets(tail), headers.read(head)
    if not headers.check(members, members):
        raise Refuse("a critical parameter that nobody understands")
    if members.get("b64") is False:
        payload = body.encode()
        if not all(0x20 <= octet < 0x7F for octet in payload):
            raise Refuse("an unencoded payload that is not printable")
    else:
        payload = octets(body)
    alg = members["alg"]
    if not headers.is_selected(members, signing.algorithms(), single=single):
        raise Refuse("no such key")
    if not signing.holds(alg, f"{head}.{body}".encode(), signature):
        raise Refuse("the signature does not hold")
    return payload, members


def run(data: bytes) -> str:
    """Verify in every way, and hold each answer against the judge."""
    token = as_text(data)
    stages = []
    ways: list[tuple[bool, JWK | JWKSet]] = [(False, keys())]
    alg = _alg(token)
    if alg is not None:
        ways.append((True, key(alg)))
    for single, ring in ways:
        stage, verified = attempt(partial(jws.verify, token, ring))
        stages.append(stage)
        verdict, payload = "accept", b""
        members: dict[str, Any] = {}
        try:
            payload, members = judge(token, single=single)
        except Refuse:
            verdict = "refuse"
        except Undecided:
            verdict = "undecided"
        agree(stage, verdict, "jws.verify")
        if verified is not None and verdict != "undecided":
            demand(verified.payload == payload, "the payload is another than the one that was signed")
            demand(same_json(verified.header, members), "the header is another than the one that was signed")
            demand(verified.key.alg == members["alg"], "verified by a key of another algorithm")
            if members["alg"] in signing.FAST or crc32(data) % 8 == 0:  # RSA signs slowly
                _sign_again(verified.payload, verified.header, verified.key)
            _respell(token, ring)
        stages.append(_as_jwt(token, ring, verdict, payload, members))
    return furthest(stages)


def _alg(token: str) -> str | None:
    try:
        alg = json_object(octets(token.partition(".")[0])).get("alg")
    except (Refuse, Undecided):
        return None
    return alg if alg in signing.algorithms() else None


def _as_jwt(token: str, ring: JWK | JWKSet, verdict: str, payload: bytes, members: dict[str, Any]) -> str:
    """A JWT is accepted only where the JWS is, and returns the claims that the judge reads."""
    stage, claims = attempt(lambda: jwt.verify(token, ring, policy=ANYTHING))
    again, warm = attempt(lambda: jwt.verify(token, ring, policy=ANYTHING))
    demand(stage == again and claims == warm, "jwt.verify answers otherwise the second time")
    if claims is None:
        return stage
    demand(verdict != "refuse", "jwt.verify accepts what the judge refuses")
    if verdict != "undecided":
        demand(same_json(claims, json_object(payload)), "the claims are others than those that were signed")
        demand(len(token) <= JWT_BYTES_MAX, "a JWT beyond its bound")
        typ = members.get("typ", "JWT").lower().removeprefix("application/")
        demand(typ == "jwt" and "crit" not in members, "another kind of token than a plain JWT")
    return stage


def _sign_again(payload: bytes, header: dict[str, Any], ring: JWK) -> None:
    """What is accepted can be issued, and verifies to the same."""
    extra = {name: value for name, value in header.items() if name != "kid"}
    try:
        token = jws.sign(payload, ring, header=extra)
    except ValueError:
        demand(len(str(header)) > HEADER_BYTES_MAX // 2, "accepted, and jws.sign refuses it")
        return
    demand(jws.verify(token, ring).payload == payload, "signed again, the payload is another")
    head, _, tail = token.split(".")
    demand(jws.verify(f"{head}..{tail}", ring, payload=payload).payload == payload, "refused once it is detached")


def _respell(token: str, ring: JWK | JWKSet) -> None:
    """One token has one spelling."""
    for other in respellings(token):
        stage, _ = attempt(partial(jws.verify, other, ring))
        demand(stage != "accepted", "two spellings of one token are accepted")


# --------------------------------------------------------------------------------------------------- inputs


def made(header: bytes, payload: bytes, alg: str) -> bytes:
    """A token under the key of an algorithm, whatever its header says."""
    signed = f"{b64u(header)}.{b64u(payload)}".encode()
    return signed + b"." + b64u(signing.sign(alg, signed)).encode()


def fresh(alg: str, extra: dict[str, Any] | None = None, payload: bytes | None = None) -> bytes:
    """A good token."""
    header = json.dumps({"alg": alg, **(extra or {})}, separators=(",", ":")).encode()
    body = json.dumps(CLAIMS, separators=(",", ":")).encode() if payload is None else payload
    return made(header, body, alg)


@cache
def good() -> tuple[bytes, ...]:
    """Good tokens of every algorithm and kind."""
    kinds: list[dict[str, Any]] = [{}, {"typ": "JWT"}, {"typ": "at+jwt", "cty": "x"}]
    found = [
        fresh(alg, {"kid": alg, **kind}) for alg in signing.algorithms() for kind in kinds[: 1 + (alg in signing.FAST)]
    ]
    found += [fresh("HS256", kind) for kind in kinds]
    unencoded = b64u(b'{"alg":"HS256","b64":false,"crit":["b64"]}').encode()
    found.append(unencoded + b".$ 02." + b64u(signing.sign("HS256", unencoded + b".$ 02")).encode())
    return (*found, fresh("HS256", {}, b""), fresh("ES256", {}, bytes(range(256))))


def seeds() -> list[bytes]:
    """Good tokens, and those of the vectors."""
    return [*good(), *vectors.compact(2)]


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change a token by its structure, and sign it again unless the change is about the signature."""
    segments = data.split(b".")
    if len(segments) != 3 or chance.once_in(40):
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    try:
        head, payload = (octets(as_text(segment)) for segment in segments[:2])
        members = json_object(head)
        signature = octets(as_text(segments[2]))
    except (Refuse, Undecided):
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    kinds: tuple[tuple[int, Callable[[], bytes]], ...] = (
        (6, lambda: _signed(chance.spell(_likely(members, chance)), payload, members, chance)),
        (5, lambda: _signed(head, _payload(payload, chance), members, chance)),
        (
            2,
            lambda: _signed(chance.spell({**members, "alg": chance.pick(signing.algorithms())}), payload, None, chance),
        ),
        (2, lambda: made(head, payload, chance.pick(signing.FAST))),
        (2, lambda: b".".join([*segments[:2], b64u(chance.fixed_size(signature)).encode()])),
        (2, lambda: rearranged(segments, chance)),
        (1, lambda: chance.octets(data)),
    )
    return chance.pick([kind for weight, kind in kinds for _ in range(weight)])()


def _likely(members: dict[str, Any], chance: Chance) -> dict[str, Any]:
    changed = chance.members(members, HEADER_NAMES)
    if chance.once_in(3) and isinstance(changed.get("alg"), str):
        changed["kid"] = changed["alg"]
    return {**changed, "alg": members["alg"]} if chance.once_in(2) and "alg" in members else changed


def _payload(payload: bytes, chance: Chance) -> bytes:
    try:
        return chance.spell(chance.members(json_object(payload), tuple(CLAIMS)))
    except (Refuse, Undecided):
        return chance.octets(payload)


def _signed(head: bytes, payload: bytes, before: dict[str, Any] | None, chance: Chance) -> bytes:
    """Sign under the algorithm that the header names, or that it named before."""
    try:
        alg = json_object(head).get("alg")
    except (Refuse, Undecided):
        alg = None
    named = (alg, (before or {}).get("alg"), chance.pick(signing.FAST))
    return made(head, payload, next(one for one in named if one in signing.algorithms()))


TARGET = Target(
    name="jws",
    reads="compact JWS and signed JWT",
    concerns=(
        "jose/jws_compact.py",
        "jose/jwt_signed.py",
        "jose/jwt_verifier.py",
        "jose/header.py",
        "jose/key_choice.py",
        "jose/jwa/signature.py",
        "encoding.py",
    ),
    seeds=seeds,
    mutate=mutate,
    run=run,
)
