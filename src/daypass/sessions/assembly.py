"""What Sessions are made of, by the kind of their store. Enters: a store, a policy. Leaves: verbs, a verification.

A store that keeps rows has every verb, and a revocation feed; a cache keeps reference tokens alone.

Source: DESIGN.md 5 (sessions, reference tokens).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from daypass.keyring.ring import KeyRing
from daypass.sessions.access_tokens import AccessTokens
from daypass.sessions.events import Teller
from daypass.sessions.feed import Denials, Follower
from daypass.sessions.flows import Flows
from daypass.sessions.pairs import PairMaker
from daypass.sessions.policy import SessionPolicy
from daypass.sessions.principals import Verify, asking_the_store, principal_reader
from daypass.stores.protocol import ReferenceStore, SessionStore

if TYPE_CHECKING:
    from daypass.sessions.cached import CachedFlows

__all__ = ["Parts", "Surroundings", "assembled"]


class Surroundings(NamedTuple):
    """What all parts share.

    Args:
        ring: the keys.
        policy: how sessions behave.
        issuer: ``iss``.
        audience: ``aud``.
        teller: tells what happened.
        asks: whether there is an ``authorize`` to be asked.
        clock: epoch seconds.
        monotonic: seconds that never go back.
    """

    ring: KeyRing
    policy: SessionPolicy
    issuer: str
    audience: str
    teller: Teller
    asks: bool
    clock: Callable[[], float]
    monotonic: Callable[[], float]


class Parts(NamedTuple):
    """What the verbs and the verification are.

    Args:
        flows: the verbs.
        denials: who is refused here.
        verify_token: signature and registered claims alone.
        verify: all of it; tells nobody.
    """

    flows: Flows | CachedFlows
    denials: Denials
    verify_token: Callable[[str], dict[str, Any]]
    verify: Verify


def assembled(store: SessionStore | ReferenceStore, around: Surroundings) -> Parts:
    """Put together what a store allows.

    Args:
        store: where the sessions are.
        around: what all parts share.

    Raises:
        ConfigurationError: a policy that the store cannot keep, or a ring without the keys of a format.
    """
    return _over_rows(store, around) if _keeps_rows(store) else _over_cache(store, around)


def _keeps_rows(store: SessionStore | ReferenceStore) -> TypeGuard[SessionStore]:
    return hasattr(store, "insert")


def _over_rows(store: SessionStore, around: Surroundings) -> Parts:
    policy, clock, monotonic = around.policy, around.clock, around.monotonic
    tokens = AccessTokens(around.ring, policy, store, issuer=around.issuer, audience=around.audience, clock=clock)
    denials = (
        Follower(store, policy, clock=clock, monotonic=monotonic)
        if policy.revocation == "feed"
        else Denials(clock=clock, monotonic=monotonic)
    )
    flows = Flows(
        store,
        around.ring,
        policy,
        pairs=PairMaker(around.ring, policy, issue=tokens.issue, clock=clock),
        denials=denials,
        teller=around.teller,
        asks=around.asks,
        clock=clock,
        monotonic=monotonic,
    )
    verify = principal_reader(tokens.verify, denials, monotonic)
    if policy.revocation == "strict":
        verify = asking_the_store(verify, store, clock)
    return Parts(flows, denials, tokens.verify, verify)


def _over_cache(store: SessionStore | ReferenceStore, around: Surroundings) -> Parts:
    from daypass.sessions.cached import CachedFlows, check_cached_policy
    from daypass.sessions.reference import References, keeps_references

    policy, clock = around.policy, around.clock
    check_cached_policy(policy)
    kept = keeps_references(store)
    references = References(
        around.ring, kept, issuer=around.issuer, audience=around.audience, leeway_s=policy.leeway_s, clock=clock
    )
    flows = CachedFlows(references, kept, policy, teller=around.teller, asks=around.asks, clock=clock)
    denials = Denials(clock=clock, monotonic=around.monotonic)
    return Parts(flows, denials, flows.verify, principal_reader(flows.verify, denials, around.monotonic))
