"""Encrypted and nested JWT: ``jwt.decrypt`` and ``jwt.decrypt_then_verify`` against the judges of JWE and JWS.

An input is a token, as it arrives. Claims may come out only where the judge decrypts, and, of a nested token, where the
signature inside holds; they are those that the judge reads, and the second time the answer is the same.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from daypass.claims import ClaimsPolicy
from daypass.jose import jwt
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import JWT_BYTES_MAX
from fuzz.chance import Chance
from fuzz.judge import Refuse, Undecided, as_text, attempt, demand, furthest, json_object, octets, same_json
from fuzz.target import Target
from fuzz.targets import jwe_compact, jws_compact
from fuzz.targets.jwe_compact import ALLOW_ALL

Members = dict[str, Any]
ANYTHING = ClaimsPolicy(required=())
CLAIMS = {"iss": "a", "sub": "u", "iat": 1, "exp": 253_402_300_799, "jti": "j"}
NAMES = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "x")


# ----------------------------------------------------------------------------------------------------- judge


def judge_outer(token: str) -> tuple[bytes, Members] | None:
    """What the judge of JWE decrypts; None where it leaves that open. Raises Refuse."""
    try:
        return jwe_compact.judge(token, None, everything=True)
    except Undecided:
        return None


def is_word(members: Members, name: str, *words: str) -> bool:
    """Whether a media type is one of some, however it is written."""
    value = members.get(name)
    return isinstance(value, str) and value.lower().removeprefix("application/") in words


def check_plain(token: str, claims: Members) -> None:
    """Hold the claims of an encrypted JWT against the judge."""
    try:
        read = judge_outer(token)
    except Refuse:
        demand(False, "jwt.decrypt accepts what the judge refuses")
        return
    if read is not None:
        plaintext, header = read
        demand(same_json(claims, json_object(plaintext)), "the claims are others than those that were encrypted")
        demand("typ" not in header or is_word(header, "typ", "jwt"), "another kind of token than a JWT")
        demand(not is_word(header, "cty", "jwt"), "a nested token is taken for a plain one")
        demand(
            all(claims.get(name) == header[name] for name in ("iss", "sub", "aud") if name in header),
            "header and claims differ",
        )
    demand(len(token) <= JWT_BYTES_MAX, "a JWT beyond its bound")


def check_nested(token: str, claims: Members) -> None:
    """Hold the claims of a nested JWT against the judges of both layers."""
    try:
        read = judge_outer(token)
        if read is None:
            return
        plaintext, header = read
        demand(is_word(header, "cty", "jwt"), "a token is taken for a nested one that does not say so")
        payload, _ = jws_compact.judge(plaintext.decode("ascii"), single=False)
    except (Refuse, UnicodeDecodeError):
        demand(False, "jwt.decrypt_then_verify accepts what a judge refuses")
    except Undecided:
        return
    else:
        demand(same_json(claims, json_object(payload)), "the claims are others than those that were signed")


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Read the token as an encrypted JWT and as a nested one; no token is both."""
    token = as_text(data)
    ring = jwe_compact.keys()
    stages, accepted = [], 0
    for _ in range(2):
        stage, claims = attempt(lambda: _decrypt(token, ring))
        nested, inner = attempt(lambda: _decrypt_then_verify(token, ring))
        stages.append((stage, nested))
        accepted = (claims is not None) + (inner is not None)
    demand(stages[0] == stages[1], "the second time the answer is another")
    demand(accepted < 2, "one token is plain and nested")
    if claims is not None:
        check_plain(token, claims)
        if len(token) < JWT_BYTES_MAX // 2:
            again = jwt.encrypt(claims, jwe_compact.key("A128KW"), enc="A256GCM", lifetime_s=None)
            demand(same_json(_decrypt(again, jwe_compact.key("A128KW")), claims), "encrypted again, it is another")
    if inner is not None:
        check_nested(token, inner)
        if len(token) < JWT_BYTES_MAX // 2:
            key = jwe_compact.key("A256GCMKW")
            again = jwt.sign_then_encrypt(inner, jws_compact.key("HS256"), key, enc="A128GCM", lifetime_s=None)
            demand(same_json(_decrypt_then_verify(again, key), inner), "signed and encrypted again, it is another")
    return furthest([*stages[0]])


def _decrypt(token: str, ring: JWK | JWKSet) -> Members:
    return jwt.decrypt(token, ring, policy=ANYTHING, allow_unknown_sender=True, **ALLOW_ALL)


def _decrypt_then_verify(token: str, ring: JWK | JWKSet) -> Members:
    return jwt.decrypt_then_verify(token, ring, jws_compact.keys(), policy=jws_compact.ANYTHING, **ALLOW_ALL)


# --------------------------------------------------------------------------------------------------- inputs


@cache
def good() -> tuple[bytes, ...]:
    """Good tokens: encrypted, with claims in the header, and nested."""
    plain = json.dumps(CLAIMS, separators=(",", ":")).encode()
    kinds: list[tuple[str, str, Members]] = [
        ("dir", "A256GCM", {}),
        ("dir", "A128CBC-HS256", {"typ": "JWT"}),
        ("A128KW", "A192CBC-HS384", {"iss": "a", "sub": "u"}),
        ("ECDH-ES+A128KW", "A128GCM", {"typ": "JWT", "zip": "DEF"}),
        ("RSA-OAEP-256", "A256GCM", {}),
        ("PBES2-HS256+A128KW", "A256GCM", {}),
    ]
    found = [jwe_compact.fresh(kid, enc, extra, plain) for kid, enc, extra in kinds]
    inner = [jws_compact.fresh(alg, {"kid": alg, "typ": "JWT"}) for alg in ("HS256", "ES256", "EdDSA")]
    found += [
        jwe_compact.fresh(kid, enc, {**extra, "cty": "JWT"}, token)
        for (kid, enc, extra), token in zip(kinds, [*inner, *inner], strict=True)
        if "iss" not in extra
    ]
    return tuple(found)


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change the outer token, or what is inside of it."""
    kind = chance.random.randrange(4)
    if kind == 0:
        return jwe_compact.mutate(data, chance)
    try:
        members = json_object(octets(as_text(data.partition(b".")[0])))
    except (Refuse, Undecided):
        return chance.pick(good())
    if kind == 1:
        members = jwe_compact.likely(members, chance)
        if chance.once_in(2):
            members[chance.pick(("iss", "sub", "aud", "typ", "cty"))] = chance.pick(("a", "u", "JWT", "jwt", "x", None))
    if is_word(members, "cty", "jwt") and not chance.once_in(8):
        inner = chance.pick(jws_compact.good())
        return jwe_compact.sealed_again(members, chance, jws_compact.mutate(inner, chance) if kind == 2 else inner)
    claims = chance.members(CLAIMS, NAMES) if kind == 3 else CLAIMS
    return jwe_compact.sealed_again(members, chance, chance.spell(claims))


TARGET = Target(
    name="jwt-encrypted",
    reads="encrypted and nested JWT",
    concerns=("jose/jwt_encrypted.py", "jose/jwt_nested.py", "jose/jwt_signed.py", "jose/jwe_compact.py"),
    seeds=lambda: list(good()),
    mutate=mutate,
    run=run,
)
