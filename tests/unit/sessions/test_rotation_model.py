"""Refresh against a model: any order of refreshes with any token, of waiting, rotating the ring and ending."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daypass.errors import InvalidSignature, RefreshReused, SessionEnded
from daypass.keyring.ring import KeyRing
from daypass.limits import LEEWAY_S_MAX, ROTATIONS_REMEMBERED
from daypass.sessions import SessionPolicy, Sessions, TokenPair
from daypass.stores.memory import MemoryStore
from tests.unit.sessions.conftest import Clock

POLICY = SessionPolicy(
    access_lifetime_s=60, idle_lifetime_s=300, absolute_lifetime_s=900, refresh_grace_s=10, revocation="none"
)


class Refreshing(RuleBasedStateMachine):
    """One session, and every token that was ever handed out for it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.ring = KeyRing.in_memory(alg="HS256", clock=self.clock)
        self.store = MemoryStore()
        self.sessions = Sessions(self.store, self.ring, issuer="i", audience="a", policy=POLICY, clock=self.clock)
        self.tokens: list[str] = []  # of the nonce in use, the current one last
        self.superseded_at: list[float] = []  # of all but the last
        self.former: list[str] = []  # of former nonces
        self.latest_exp = 0
        self.idle_ends_at = 0.0
        self.is_ended = False

    @initialize()
    def log_in(self) -> None:
        pair = self.sessions.start("alice")
        self.sid, self.ends_at = pair.session.sid, pair.session.ends_at
        self.handed_out(pair)
        self.made(pair)

    def made(self, pair: TokenPair) -> None:
        self.tokens.append(pair.refresh_token)
        self.idle_ends_at = min(int(self.clock()) + POLICY.idle_lifetime_s, self.ends_at)

    def handed_out(self, pair: TokenPair) -> None:
        principal = self.sessions.verify(pair.access_token)
        assert principal.expires_at <= self.ends_at == pair.session.ends_at
        assert principal.expires_at == int(self.clock()) + pair.expires_in
        self.latest_exp = max(self.latest_exp, principal.expires_at)

    def is_over(self) -> bool:
        return self.is_ended or self.clock() >= self.idle_ends_at

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 3.0, 9.9, 10.0, 10.1, 30.0, 299.0]))
    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)

    @rule(data=st.data())
    def refresh(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.tokens) - 1))
        token, now = self.tokens[index], self.clock()
        current = len(self.tokens) - 1
        if self.is_over():
            with pytest.raises(SessionEnded):
                self.sessions.refresh(token)
        elif index == current:
            recent = self.superseded_at[-ROTATIONS_REMEMBERED:]
            is_full = len(recent) == ROTATIONS_REMEMBERED and now - recent[0] <= POLICY.refresh_grace_s
            pair = self.sessions.refresh(token)
            self.handed_out(pair)
            if is_full:
                assert pair.refresh_token == token
            else:
                assert pair.refresh_token not in self.tokens
                self.superseded_at.append(now)
                self.made(pair)
        elif now - self.superseded_at[index] <= POLICY.refresh_grace_s:
            pair = self.sessions.refresh(token)
            self.handed_out(pair)
            assert pair.refresh_token == self.tokens[-1]
        else:
            with pytest.raises(RefreshReused):
                self.sessions.refresh(token)
            self.is_ended = True

    @precondition(lambda self: self.former)
    @rule(data=st.data())
    def refresh_with_a_former_nonce(self, data: st.DataObject) -> None:
        with pytest.raises(InvalidSignature):
            self.sessions.refresh(data.draw(st.sampled_from(self.former)))

    @precondition(lambda self: not self.is_over())
    @rule()
    def ask_the_password(self) -> None:
        pair = self.sessions.reauthenticate(self.sid)
        self.handed_out(pair)
        self.former += self.tokens
        self.tokens, self.superseded_at = [], []
        self.made(pair)

    @rule(at_once=st.booleans())
    def rotate_the_ring(self, at_once: bool) -> None:
        self.ring.rotate(at_once=at_once)

    @precondition(lambda self: not self.is_ended)
    @rule()
    def log_out(self) -> None:
        self.sessions.end(self.sid)
        self.is_ended = True

    @invariant()
    def the_feed_covers_what_was_handed_out(self) -> None:
        row = self.store.get(self.sid) if hasattr(self, "sid") else None
        if row is not None:
            assert self.latest_exp <= row.access_until <= row.ends_at
            assert row.denied_until == row.access_until + LEEWAY_S_MAX
            assert (row.ended_at is not None) == self.is_ended


Refreshing.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestRefreshing = Refreshing.TestCase
