"""How verification grows with the payload, and what the verification cache saves where signatures are costly."""

from __future__ import annotations

from benchmarks import peers
from benchmarks.material import AUDIENCE, ISSUER, key_of, own_claims, sized_claims
from benchmarks.report import Group, Row, rows_of
from benchmarks.rounds import Call, measure
from daypass.jose import jwt
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier

__all__ = ["cache_group", "sizes_group"]


def sizes_group(*, rounds: int) -> Group:
    """HS256 verify, five payloads, each beside oxyjwt on the same token."""
    key = key_of("HS256")
    verify = Verifier(key, issuer=ISSUER, audience=AUDIENCE).verify
    rows: list[Row] = []
    for name, claims in sized_claims().items():
        token = jwt.sign(claims, key, header={"typ": "at+jwt"})
        raw = token.encode()
        contestants: dict[str, Call] = {
            "daypass": lambda raw=raw: verify(raw.decode()),  # type: ignore[misc]  # bound now, not at the last turn
            "oxyjwt": peers.peers_that_verify(key, token)["oxyjwt"],
        }
        result = measure(contestants, rounds=rounds)
        spread = result.spread("daypass", "oxyjwt")
        label = f"{name}, {len(token):,} characters"
        rows.append(Row(label, result.microseconds("daypass"), spread.ratio, spread.low, spread.high))
    notes = ("us are those of daypass, the ratio is to oxyjwt on the same token",)
    return Group("HS256 verify by payload: daypass / oxyjwt", "", tuple(rows), notes=notes)


def cache_group(*, rounds: int) -> Group:
    """A token that comes again: with and without Verifier(cache_entries=...)."""
    contestants: dict[str, Call] = {}
    for alg in ("HS256", "RS256", "ES256", "EdDSA"):
        key = key_of(alg)
        raw = Issuer(key, issuer=ISSUER, audience=AUDIENCE, lifetime_s=3600).issue(own_claims()).encode()
        public = key if alg == "HS256" else key.public()
        plain = Verifier(public, issuer=ISSUER, audience=AUDIENCE).verify
        contestants[alg] = lambda raw=raw, verify=plain: verify(raw.decode())  # type: ignore[misc]
        if alg != "HS256":
            cached = Verifier(public, issuer=ISSUER, audience=AUDIENCE, cache_entries=1024).verify
            contestants[f"{alg}, cached"] = lambda raw=raw, verify=cached: verify(raw.decode())  # type: ignore[misc]
    result = measure(contestants, rounds=rounds)
    return rows_of("Verifier.verify with and without its cache, 12 claims", result, "HS256")
