"""How verification grows with the payload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import peers
from benchmarks.material import AUDIENCE, ISSUER, key_of, sized_claims
from benchmarks.report import Group, Row
from benchmarks.rounds import Call, measure
from daypass.jose import jwt
from daypass.tokens.verifier import Verifier

__all__ = ["sign_sizes_group", "verify_sizes_group"]

BESIDE = "us are those of daypass, the ratio is to oxyjwt in the same rounds"


def verify_sizes_group(*, rounds: int) -> Group:
    """HS256 verify, five payloads, each beside oxyjwt on the same token."""
    key = key_of("HS256")
    verify = Verifier(key, issuer=ISSUER, audience=AUDIENCE).verify
    rows: list[Row] = []
    for name, claims in sized_claims().items():
        token = jwt.sign(claims, key, header={"typ": "at+jwt"})
        raw = token.encode()
        ours = _verifying(verify, raw)
        theirs = peers.peers_that_verify(key, token)["oxyjwt"]
        rows.append(_row(f"{name}, {len(token):,} characters", ours, theirs, rounds))
    return Group("HS256 verify by payload: daypass / oxyjwt", "", tuple(rows), notes=(BESIDE,))


def sign_sizes_group(*, rounds: int) -> Group:
    """HS256 sign, the same payloads; those without a list and an object cost less to check."""
    key = key_of("HS256")
    sign = peers.oxyjwt_signer(key)
    rows: list[Row] = []
    for name, claims in sized_claims().items():
        rows.append(_row(name, _signing(lambda one: jwt.sign(one, key), claims), _signing(sign, claims), rounds))
    return Group("HS256 sign by payload: daypass jwt.sign / oxyjwt", "", tuple(rows), notes=(BESIDE,))


def _verifying(verify: Callable[[str], object], raw: bytes) -> Call:
    return lambda: verify(raw.decode())


def _signing(sign: Callable[[dict[str, Any]], object], claims: dict[str, Any]) -> Call:
    return lambda: sign(claims)


def _row(name: str, ours: Call, theirs: Call, rounds: int) -> Row:
    result = measure({"daypass": ours, "oxyjwt": theirs}, rounds=rounds)
    spread = result.spread("daypass", "oxyjwt")
    return Row(name, result.microseconds("daypass"), spread.ratio, spread.low, spread.high)
