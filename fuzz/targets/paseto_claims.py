"""Claims of a PASETO: payload and footer behind a good tag or signature, held against a policy at a moment.

An input is ``WAY SEALER POLICY NOW FOOTER_BYTES`` on one line, then the footer, then the payload. It is sealed under a
fixed key and read by ``decrypt_claims`` or ``verify_claims`` (whose clock is the real one) and, of v3 and v4, by
Verifiers of several keys and of one, new, warm and with a cache. The judge names the error, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from daypass import paseto
from daypass.claims import ClaimsPolicy
from daypass.errors import ClaimError, TokenError
from daypass.limits import FOOTER_BYTES_MAX, FOOTER_MEMBERS_MAX, JWT_BYTES_MAX, NUMERIC_DATE_MAX
from daypass.paseto import paserk
from daypass.tokens.verifier import Verifier
from fuzz import paseto_keys
from fuzz.chance import Chance
from fuzz.judge import Refuse, Undecided, demand, furthest, json_object, same_json, stage_of
from fuzz.paseto_payload import DATES, claims_of, is_of_kind, named_key
from fuzz.paseto_text import Kind, Refused, fresh, split
from fuzz.paseto_times import spelled, time_near
from fuzz.target import Target
from fuzz.targets import claims as jwt_claims
from fuzz.targets.claims import GOOD, NAMES, NOW_S, Typed, outcome
from fuzz.targets.paseto_token import FAST, KINDS

POLICIES = (
    *jwt_claims.POLICIES,
    ClaimsPolicy(typ="at+jwt", required=()),
    ClaimsPolicy(issuer="a", audience="b", typ="application/at+jwt", leeway_s=60),
    ClaimsPolicy(issuer="a", audience=("b", "c"), typ="at+jwt"),
)
FOR_VERIFIERS = (len(POLICIES) - 2, len(POLICIES) - 1)
"""The policies that are those of a Verifier."""
SEALERS = ("", "second", "foreign")
"""The fixed keys: two of a Verifier, and one of somebody else."""
EARLY = {
    "MalformedToken": "malformed",
    "TokenTooLarge": "malformed",
    "UnknownKey": "key",
    "InvalidSignature": "proof",
    "DecryptionFailed": "proof",
    "UnsupportedToken": "policy",
    "accepted": "accepted",
}
"""The stages of answers; every other error is about a claim."""
YEAR_1_S = -62_135_596_800
FAR = "2099-12-31T23:59:59Z"
CLAIM_NAMES = (*NAMES, "typ")


class Input(NamedTuple):
    """An input, taken apart."""

    kind: tuple[int, str]
    sealer: str
    policy: int
    now_s: float
    footer: bytes
    payload: bytes


def parts(data: bytes) -> Input:
    """Take an input apart; what is no number is a default."""
    line, _, rest = data.partition(b"\n")
    try:
        way, sealer, policy, size = (int(word) for word in (*line.split(b" ")[:3], line.split(b" ")[4]))
        now_s = float(line.split(b" ")[3])
    except (ValueError, IndexError):
        way, sealer, policy, size, now_s = 7, 0, 1, 0, float(NOW_S)
    now_s = now_s if abs(now_s) < NUMERIC_DATE_MAX else float(NOW_S)
    size = max(size, 0)
    kind, name = KINDS[way % len(KINDS)], SEALERS[sealer % len(SEALERS)]
    return Input(kind, name, policy % len(POLICIES), now_s, rest[:size], rest[size:])


def joined(it: Input) -> bytes:
    """Write an input."""
    way, sealer = KINDS.index(it.kind), SEALERS.index(it.sealer)
    line = f"{way} {sealer} {it.policy} {it.now_s} {len(it.footer)}\n"
    return line.encode() + it.footer + it.payload


# ------------------------------------------------------------------------------------------------------ keys


@cache
def keys(version: Any, purpose: str) -> tuple[Any, ...]:  # noqa: ANN401 - an int, one of four
    """What opens the tokens of the sealers, as daypass loads it; of v1.public they are one."""
    if purpose == "local":
        return tuple(paseto.LocalKey.from_bytes(version, paseto_keys.local(version, name)) for name in SEALERS)
    octets = (paseto_keys.public_octets(version, paseto_keys.secret(version, name)) for name in SEALERS)
    return tuple(paseto.PublicKey.from_bytes(version, one) for one in octets)


@cache
def kids(version: int, purpose: str) -> tuple[str, ...]:
    """How footers name those keys."""
    return tuple(paserk.key_id(key) for key in keys(version, purpose))


# ----------------------------------------------------------------------------------------------------- judge


def judge(it: Input, now_s: float, *, has_typ: bool) -> tuple[str, dict[str, Any]]:
    """The class of the error that payload and policy demand, or accepted, and the claims. Raises Undecided."""
    policy = POLICIES[it.policy]
    try:
        found = claims_of(it.payload)
    except Refused as refused:
        return refused.stage, {}
    if not is_of_kind(found, policy.typ):
        return "UnsupportedToken", {}
    if not has_typ:
        del found["typ"]
    return jwt_claims.judge(found, policy, now_s), found


def judge_key(it: Input, token: str, *, several: bool) -> str:
    """The class of the error that text, footer and key demand before any claim, or empty. Raises Undecided."""
    try:
        split(token, *it.kind, JWT_BYTES_MAX)
    except Refused:
        return "TokenTooLarge"
    forged = "DecryptionFailed" if it.kind[1] == "local" else "InvalidSignature"
    at = SEALERS.index(it.sealer)
    if not several:
        return forged if at and it.kind != (1, "public") else ""
    try:
        kid = named_key(it.footer)
    except Refused as refused:
        return refused.stage
    ring = kids(*it.kind)[:2]
    if kid not in ring:
        return "UnknownKey"
    return forged if ring.index(kid) != at else ""


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Read the claims on every road."""
    it = parts(data)
    token = fresh(Kind(*it.kind, name=it.sealer), it.payload, it.footer).decode()
    found = [_on_its_own(it, token)]
    if it.kind[0] > 2:
        found += _by_verifiers(it, token)
    _as_typed(it, token)
    return furthest([EARLY.get(one, "claims") for one in found])


def _read(it: Input, token: str, **words: Any) -> Any:  # noqa: ANN401 - claims, or a declared type
    read = paseto.decrypt_claims if it.kind[1] == "local" else paseto.verify_claims
    return read(token, keys(*it.kind)[SEALERS.index(it.sealer)], **words)


def _on_its_own(it: Input, token: str) -> str:
    """``decrypt_claims`` and ``verify_claims``, which ask the real clock."""
    policy, before_s = POLICIES[it.policy], time.time()
    found, value = outcome(lambda: _read(it, token, policy=policy))
    try:
        (expected, wanted), (later, _) = (judge(it, at_s, has_typ=True) for at_s in (before_s, time.time()))
    except Undecided:
        return found
    if len(token) > JWT_BYTES_MAX or len(it.footer) > FOOTER_BYTES_MAX:
        expected = later = "TokenTooLarge"
    if expected == later:  # its time did not come or end meanwhile
        demand(found == expected, f"v{it.kind[0]}.{it.kind[1]}: {found}, and the judge says {expected}")
        demand(value is None or same_json(value, wanted), "the claims are others than those that were sealed")
    if value is not None and it.kind in FAST:
        _issue_again(it, wanted)
    return found


def _by_verifiers(it: Input, token: str) -> list[str]:
    """Verifiers, of several keys and of one; each is asked twice, cold and warm."""
    if it.policy not in FOR_VERIFIERS:
        return []
    try:
        said, wanted = judge(it, it.now_s, has_typ=False)
        expected = {several: judge_key(it, token, several=several) or said for several in (True, False)}
    except Undecided:
        expected, wanted = {}, {}
    stages = []
    for several, entries in ((False, 0), (True, 0), (True, 2)):
        verify = _verifier(it, several=several, cache_entries=entries)
        for _ in range(2):
            found, value = outcome(partial(verify, token))
            stages.append(found)
            if expected:
                demand(found == expected[several], f"Verifier: {found}, and the judge says {expected[several]}")
                demand(value is None or same_json(value, wanted), "Verifier: the claims are others")
    return stages


def _verifier(it: Input, *, several: bool, cache_entries: int) -> Callable[[str], object]:
    policy, ring = POLICIES[it.policy], keys(*it.kind)
    return Verifier(
        ring[:2] if several else ring[0],
        issuer=str(policy.issuer),
        audience=policy.audience or "",
        format=f"paseto-v{it.kind[0]}-{it.kind[1]}",  # type: ignore[arg-type]  # one of the names
        typ=str(policy.typ),
        leeway_s=policy.leeway_s,
        clock=lambda: it.now_s,
        cache_entries=cache_entries,
    ).verify


def _issue_again(it: Input, claims: dict[str, Any]) -> None:
    """What was read can be issued, and is read again as the same."""
    version: Any = it.kind[0]
    words: dict[str, Any] = {"lifetime_s": None, "allow_legacy": True, "footer": it.footer}
    try:
        if it.kind[1] == "local":
            token = paseto.encrypt_claims(claims, keys(*it.kind)[SEALERS.index(it.sealer)], **words)
        else:
            octets = paseto_keys.secret_octets(version, paseto_keys.secret(version, it.sealer))
            token = paseto.sign_claims(claims, paseto.SecretKey.from_bytes(version, octets), **words)
    except ValueError:
        early = any(claims.get(name, 0) < YEAR_1_S for name in DATES)
        grown = len(it.payload) + len(it.footer) > JWT_BYTES_MAX // 3
        demand(early or grown or claims.get("aud") == "", "what was read is refused when it is issued")
        return
    again = _read(it, token, policy=POLICIES[it.policy])
    # A float so large that it has no fraction any more comes back as an int.
    equal = {name: claims[name] for name in DATES if name in claims and again[name] == claims[name]}
    demand(same_json({**again, **equal}, claims), "issued again, the claims are others")


def _as_typed(it: Input, token: str) -> None:
    """Conversion to a declared type: a value of that type, or a ClaimError that names a claim."""
    try:
        value = _read(it, token, policy=ClaimsPolicy(required=()), claims_type=Typed)
    except TokenError as error:
        stage_of(error)
        named = not isinstance(error, ClaimError) or error.claim in (*CLAIM_NAMES, "claims")
        demand(named, "a ClaimError names no claim of the type")
        return
    demand(isinstance(value, Typed), "the claims have another type than the declared one")


# --------------------------------------------------------------------------------------------------- inputs

CLAIMS = {**GOOD, "typ": "at+jwt"}


@cache
def good() -> tuple[bytes, ...]:
    """Claims that hold, for every policy and version, and some of their relatives."""
    kinds: list[dict[str, Any]] = [
        GOOD,
        {**GOOD, "exp": FAR},
        {name: GOOD[name] for name in ("iss", "sub", "aud", "jti")} | {"exp": FAR},
        {"iss": "a", "exp": FAR, "sub": "s", "x": [1, 2]},
        {},
    ]
    found = [
        Input(kind, SEALERS[at % 2], policy, float(NOW_S), footer_for(kind, at % 2), payload_for(policy, claims))
        for kind in KINDS
        for policy in range(len(POLICIES))
        for at, claims in enumerate(kinds)
        if kind[0] == 4 or policy in (0, 1) or (policy in FOR_VERIFIERS and kind[0] == 3)
    ]
    return tuple(joined(it) for it in found)


def payload_for(policy: int, claims: dict[str, Any]) -> bytes:
    """Claims as text, of the kind that a policy expects."""
    typ = POLICIES[policy].typ
    return json.dumps(spelled({**claims, **({"typ": typ} if typ else {})}), separators=(",", ":")).encode()


def footer_for(kind: tuple[int, str], at: int) -> bytes:
    """The footer that names a key."""
    return json.dumps({"kid": kids(*kind)[at]}, separators=(",", ":")).encode()


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change the claims, a time, the footer, the moment, the policy, or who sealed it."""
    it = parts(data)
    kind = chance.random.randrange(12)
    if kind == 0:
        policy = chance.random.randrange(len(POLICIES))
        return joined(
            it._replace(policy=policy, payload=payload_for(policy, chance.pick((GOOD, {**GOOD, "exp": FAR}))))
        )
    if kind == 1:
        way = chance.pick(KINDS if chance.once_in(8) else FAST)
        return joined(it._replace(kind=way, footer=footer_for(way, SEALERS.index(it.sealer))))
    if kind == 2:
        return joined(it._replace(sealer=chance.pick(SEALERS)))
    if kind in (3, 4):
        return joined(it._replace(footer=_footer(it, chance)))
    try:
        claims = json_object(it.payload)
    except (Refuse, Undecided):
        claims = spelled(CLAIMS)
    if kind == 5:
        return joined(it._replace(now_s=_moment(it, chance)))
    if kind == 6:
        return joined(it._replace(payload=chance.octets(it.payload)))
    if kind in (7, 8):
        claims = {**claims, chance.pick(DATES): time_near(it.now_s, chance)}
    elif kind == 9:
        name, values = chance.pick(
            (
                ("typ", ("at+jwt", "AT+JWT", "application/at+jwt", "jwt", "", None, 1, "at+jwt\u212a")),
                ("aud", ("b", "c", ["b"], ["b", "c"], "", [])),
            )
        )
        claims = {**claims, name: chance.pick(values)}
    else:
        claims = chance.members(claims, CLAIM_NAMES)
    return joined(it._replace(payload=chance.spell(claims)))


def _moment(it: Input, chance: Chance) -> float:
    try:
        found = claims_of(it.payload)
    except (Refuse, Undecided):
        found = {}
    near = [float(found[name]) for name in DATES if name in found] or [float(NOW_S)]
    moment = chance.pick(near) + chance.pick((0, 1, -1, 0.5, -0.5, 60, -60, 61, 300, 600, 601))
    return moment if abs(moment) < NUMERIC_DATE_MAX else float(NOW_S)


def _footer(it: Input, chance: Chance) -> bytes:
    """Change what the footer says, or how it says it."""
    at, ring = it.kind, kids(*it.kind)
    kind = chance.random.randrange(8)
    if kind < 2:
        return footer_for(at, chance.random.randrange(3))
    if kind == 2:
        return chance.octets(it.footer)
    if kind == 3:
        most = FOOTER_MEMBERS_MAX + chance.pick((-2, -1, 0, 1))
        return chance.spell({**{f"x{count}": count for count in range(most)}, "kid": chance.pick(ring)})
    if kind == 4:
        size = FOOTER_BYTES_MAX + chance.pick((-1, 0, 1)) - len(footer_for(at, 0)) - len(',"x":""')
        return footer_for(at, 0)[:-1] + b',"x":"' + b"x" * size + b'"}'
    if kind == 5:
        return chance.pick((b"", b"{}", b"[]", b"null", b"x", b'{"kid":null}', b'{"kid":""}', b'{"kid":"x","kid":"x"}'))
    if kind == 6:
        deep = chance.pick((2, 99, 3000))
        return footer_for(at, 0)[:-1] + b',"x":' + b"[" * deep + b"]" * deep + b"}"
    try:
        return chance.spell(chance.members(json_object(it.footer), ("kid", "wpk", "x")))
    except (Refuse, Undecided):
        return footer_for(at, 0)


TARGET = Target(
    name="paseto-claims",
    reads="claims and footers of a PASETO, against a policy at a moment",
    concerns=(
        "paseto/claims_token.py",
        "paseto/payload.py",
        "paseto/token_text.py",
        "tokens/formats/paseto_claims.py",
        "tokens/formats/paseto_local.py",
        "tokens/formats/paseto_public.py",
        "tokens/verifier.py",
        "tokens/cache.py",
        "claims.py",
        "typed_claims.py",
    ),
    seeds=lambda: list(good()),
    mutate=mutate,
    run=run,
)
