"""Claims: a payload under a good signature, held against a policy at a moment; the judge names the error, too.

An input is ``POLICY NOW`` (the number of a policy and epoch seconds) on one line, and a payload after it. It is signed
and verified cold, warm (the straight road) and from a cache, and the claims are checked on their own: all must agree.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import msgspec

from daypass.claims import ClaimsPolicy, check_claims
from daypass.errors import ClaimError, TokenError
from daypass.jose import jwt
from daypass.jose.jwk import JWK
from daypass.jose.jwt_verifier import compile_verifier
from daypass.jose.key_choice import KeyChoice
from daypass.limits import JWT_BYTES_MAX, NUMERIC_DATE_MAX
from daypass.tokens.verifier import Verifier
from fuzz import signing
from fuzz.chance import Chance
from fuzz.judge import Refuse, Undecided, Wrong, demand, json_object, same_json, stage_of
from fuzz.keys import b64u
from fuzz.target import Target

POLICIES = (
    ClaimsPolicy(),
    ClaimsPolicy(required=()),
    ClaimsPolicy(required=(), max_age_s=600),
    ClaimsPolicy(issuer="a", required=()),
    ClaimsPolicy(issuer="a", audience="b"),
    ClaimsPolicy(issuer="a", audience="b", leeway_s=60),
    ClaimsPolicy(audience=("b", "c"), required=("exp", "jti")),
    ClaimsPolicy(subject="s", required=("exp", "nbf")),
    ClaimsPolicy(
        issuer="a", audience="b", required=("exp", "iss", "aud", "sub", "iat", "jti"), max_age_s=0, leeway_s=300
    ),
)
NAMES = ("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "scope", "x")
NOW_S = 1_700_000_000
HEADER = b64u(b'{"alg":"HS256","typ":"JWT"}').encode()


class Typed(msgspec.Struct):
    """What an application may ask the claims to be."""

    sub: str
    x: list[int] | None = None
    scope: str = ""


@cache
def key() -> JWK:
    """The key of all these tokens."""
    return JWK.from_dict(signing.members_of("HS256"))


# ----------------------------------------------------------------------------------------------------- judge


def is_date(value: object) -> bool:
    """A number of epoch seconds before the year 10000."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < NUMERIC_DATE_MAX


def judge(claims: dict[str, Any], policy: ClaimsPolicy, now_s: float) -> str:
    """The class of the error that a policy demands, or accepted: presence, types, parties, times. RFC 7519 4.1."""
    if any(name not in claims for name in policy.required):
        return "MissingClaim"
    if any(not isinstance(claims.get(name, ""), str) for name in ("iss", "sub", "jti")):
        return "ClaimError"
    if any(not is_date(claims.get(name, 0)) for name in ("exp", "nbf", "iat")):
        return "ClaimError"
    if policy.issuer is not None and claims.get("iss") != policy.issuer:
        return "WrongIssuer" if "iss" in claims else "MissingClaim"
    aud = claims.get("aud", [])
    audiences = [aud] if isinstance(aud, str) else aud
    if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
        return "ClaimError"
    if policy.audience is None:
        if "aud" in claims:
            return "WrongAudience"
    else:
        wanted = {policy.audience} if isinstance(policy.audience, str) else set(policy.audience)
        if wanted.isdisjoint(audiences):
            return "WrongAudience" if "aud" in claims else "MissingClaim"
    if policy.subject is not None and claims.get("sub") != policy.subject:
        return "ClaimError" if "sub" in claims else "MissingClaim"
    return judge_times(claims, policy, now_s)


def judge_times(claims: dict[str, Any], policy: ClaimsPolicy, now_s: float) -> str:
    """The same for exp, nbf and, where an age is demanded, iat."""
    exp, nbf, iat = claims.get("exp", math.inf), claims.get("nbf", -math.inf), claims.get("iat")
    if now_s - policy.leeway_s >= exp:
        return "Expired"
    if nbf > now_s + policy.leeway_s:
        return "NotYetValid"
    if policy.max_age_s is not None:
        if iat is None:
            return "MissingClaim"
        if iat > now_s + policy.leeway_s:
            return "NotYetValid"
        if iat > exp or now_s - iat > policy.max_age_s + policy.leeway_s:
            return "ClaimError"
    return "accepted"


# ----------------------------------------------------------------------------------------------------- a try


def parts(data: bytes) -> tuple[int, float, bytes]:
    """Take an input apart; what is no number is a default."""
    line, _, payload = data.partition(b"\n")
    words = (*line.split(b" ", 1), b"", b"")
    try:
        index, now_s = int(words[0]) % len(POLICIES), float(words[1])
    except ValueError:
        index, now_s = 0, float(NOW_S)
    return index, now_s if abs(now_s) < NUMERIC_DATE_MAX else float(NOW_S), payload


def joined(index: int, now_s: float, payload: bytes) -> bytes:
    """Write an input."""
    return b"%d %s\n" % (index, str(now_s).encode()) + payload


def outcome(call: Callable[[], object]) -> tuple[str, object]:
    """The class of the error, or accepted, and what came of it."""
    try:
        return "accepted", call()
    except TokenError as error:
        stage_of(error)
        return type(error).__name__, None


def run(data: bytes) -> str:
    """Check the claims on every road."""
    index, now_s, payload = parts(data)
    policy = POLICIES[index]
    signed = HEADER + b"." + b64u(payload).encode()
    token = f"{signed.decode()}.{b64u(signing.sign('HS256', signed))}"
    try:
        claims = json_object(payload)
        expected = judge(claims, policy, now_s)
    except Refuse:
        claims, expected = {}, "MalformedToken"
    except Undecided:
        claims, expected = {}, "undecided"
    if len(token) > JWT_BYTES_MAX:
        expected = "TokenTooLarge"
    found = ""
    for name, verify in ways(policy, now_s):
        found, value = outcome(partial(verify, token))
        if expected == "undecided":
            continue
        demand(found == expected, f"{name}: {found}, and the judge says {expected}")
        demand(value is None or same_json(value, claims), f"{name}: the claims are others than those that were signed")
    if expected not in ("undecided", "MalformedToken", "TokenTooLarge"):
        alone, _ = outcome(lambda: check_claims(claims, policy, now_s=now_s))
        demand(alone == expected, f"check_claims: {alone}, and the judge says {expected}")
        _issue_again(claims, policy, now_s, expected)
    _as_typed(token)
    if found == "accepted":
        return "accepted"
    return "malformed" if found in ("MalformedToken", "TokenTooLarge") else "claims"


def ways(policy: ClaimsPolicy, now_s: float) -> list[tuple[str, Callable[[str], object]]]:
    """A new verifier, the same once it is warm, and one with a cache."""
    warm = compile_verifier(KeyChoice(key()), policy, clock=lambda: now_s)
    good = HEADER + b"." + b64u(b"{}").encode()
    outcome(lambda: warm(f"{good.decode()}.{b64u(signing.sign('HS256', good))}"))  # from now on the header is known
    found: list[tuple[str, Callable[[str], object]]] = [
        ("cold", compile_verifier(KeyChoice(key()), policy, clock=lambda: now_s)),
        ("warm", warm),
    ]
    if policy == ClaimsPolicy(issuer=policy.issuer, audience=policy.audience, leeway_s=policy.leeway_s):
        issuer, audience = policy.issuer, policy.audience
        if isinstance(issuer, str) and isinstance(audience, str):
            words: dict[str, Any] = {"typ": "JWT", "leeway_s": policy.leeway_s, "clock": lambda: now_s}
            cached = Verifier(key(), issuer=issuer, audience=audience, cache_entries=2, **words)
            found += [("cache", cached.verify), ("cached", cached.verify)]
    return found


def _issue_again(claims: dict[str, Any], policy: ClaimsPolicy, now_s: float, expected: str) -> None:
    """What verifies can be issued, and verifies again; what is issued has types that no verifier refuses."""
    try:
        token = jwt.sign(claims, key(), lifetime_s=None)
    except ValueError:
        demand(
            expected != "accepted" or len(str(claims)) > JWT_BYTES_MAX // 2 or _unissuable(claims),
            "jwt.sign refuses it",
        )
        return
    again, _ = outcome(lambda: compile_verifier(KeyChoice(key()), policy, clock=lambda: now_s)(token))
    demand(again == expected, "issued again, the answer is another")


def _unissuable(claims: dict[str, Any]) -> bool:
    """An empty audience is refused when issuing: nobody could be meant."""
    return claims.get("aud", "x") in ("", [])


def _as_typed(token: str) -> None:
    """Conversion to a declared type: a value of that type, or a ClaimError."""
    try:
        value = jwt.verify(token, key(), policy=POLICIES[1], claims_type=Typed)
    except TokenError as error:
        if isinstance(error, ClaimError) and error.claim not in (*NAMES, "claims"):
            raise Wrong("a ClaimError names no claim of the type") from error
        return
    demand(isinstance(value, Typed), "the claims have another type than the declared one")


# --------------------------------------------------------------------------------------------------- inputs

GOOD = {"iss": "a", "aud": "b", "sub": "s", "exp": NOW_S + 600, "nbf": NOW_S, "iat": NOW_S, "jti": "j"}


@cache
def good() -> tuple[bytes, ...]:
    """Claims that hold, for every policy, and some of their relatives."""
    kinds: list[dict[str, Any]] = [
        GOOD,
        {name: value for name, value in GOOD.items() if name not in ("nbf", "aud")},
        {name: value for name, value in GOOD.items() if name != "nbf"},
        {**GOOD, "aud": ["b", "c"], "x": [1, 2], "scope": "read write"},
        {"sub": "s", "x": [1]},
        {},
    ]
    texts = [json.dumps(kind, separators=(",", ":")).encode() for kind in kinds]
    return tuple(joined(index, NOW_S, text) for index in range(len(POLICIES)) for text in texts)


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change the claims, the moment, or the policy."""
    index, now_s, payload = parts(data)
    kind = chance.random.randrange(8)
    if kind == 0:
        return joined(chance.random.randrange(len(POLICIES)), now_s, payload)
    try:
        claims = json_object(payload)
    except (Refuse, Undecided):
        claims = dict(GOOD)
    if kind == 1:
        near = [float(value) for value in claims.values() if is_date(value)] or [float(NOW_S)]
        steps = (0, 1, -1, 0.5, -0.5, 60, -60, 300, -300, 301, 600, 601)
        return joined(index, chance.pick(near) + chance.pick(steps), payload)
    if kind == 2:
        return joined(index, now_s, chance.octets(payload))
    if kind == 3:
        name = chance.pick(("exp", "nbf", "iat"))
        moment = now_s + chance.pick((0, 1, -1, 59, 60, 61, -60, 600, 0.5))
        return joined(index, now_s, chance.spell({**claims, name: chance.pick((moment, int(moment)))}))
    return joined(index, now_s, chance.spell(chance.members(claims, NAMES)))


TARGET = Target(
    name="claims",
    reads="the claims of a signed JWT, against a policy at a moment",
    concerns=(
        "claims.py",
        "jose/jwt_signed.py",
        "jose/jwt_verifier.py",
        "issued_claims.py",
        "typed_claims.py",
        "tokens/verifier.py",
        "tokens/cache.py",
        "encoding.py",
    ),
    seeds=lambda: list(good()),
    mutate=mutate,
    run=run,
)
