"""What a session adds to the verification of its access token."""

from __future__ import annotations

from benchmarks.material import AUDIENCE, ISSUER, own_claims
from benchmarks.report import Bar, Group, rows_of
from benchmarks.rounds import Call, measure
from daypass.keyring.ring import KeyRing
from daypass.sessions.manager import Sessions
from daypass.tokens.verifier import Verifier

__all__ = ["sessions_group"]

BARE = "Verifier.verify under the key"
SESSIONS = "Sessions.verify"


def sessions_group(*, rounds: int) -> Group:
    """Verify the access token of a session, HS256, beside the Verifier alone, which knows the key and no ring."""
    own = own_claims()
    ring = KeyRing.in_memory(alg="HS256")
    with Sessions.open("memory://", keys=ring, issuer=ISSUER, audience=AUDIENCE) as sessions:
        pair = sessions.start(own["sub"], scopes=own["scope"].split(), roles=own["roles"], data=own["data"])
        raw = pair.access_token.encode()
        verify = sessions.verify
        alone = Verifier(ring.signing_keys()[0], issuer=ISSUER, audience=AUDIENCE).verify
        following = Verifier(ring, issuer=ISSUER, audience=AUDIENCE).verify
        contestants: dict[str, Call] = {
            SESSIONS: lambda: verify(raw.decode()),
            BARE: lambda: alone(raw.decode()),
            "Verifier.verify under the ring": lambda: following(raw.decode()),
        }
        result = measure(contestants, rounds=rounds)
    title = f"Sessions.verify, HS256, {len(raw)} characters"
    return rows_of(title, result, BARE, (Bar(SESSIONS, BARE, 1.25),))
