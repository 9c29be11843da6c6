"""Sessions in every format: the verbs, tampering, going over from one to another, and keys that are not there."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from daypass.errors import (
    ConfigurationError,
    Expired,
    SessionEnded,
    StoreUnavailable,
    TokenError,
    UnknownKey,
    UnknownSession,
)
from daypass.jose.jwk import JWK
from daypass.keyring.ring import KeyRing
from daypass.limits import REFERENCE_BYTES_MAX
from daypass.sessions import SessionPolicy, Sessions
from daypass.sessions.access_tokens import first_alg
from daypass.sessions.policy import FORMATS, REFERENCE
from daypass.stores.memory import MemoryStore
from daypass.tokens.issuer import Issuer
from tests.unit.sessions.conftest import Clock, House, WatchedStore

PARTIES = {"issuer": "https://id.example", "audience": "https://api.example"}
ALGS = ("A256GCM", "v4.public", "v4.local", "v3.public", "v3.local")


class Floor(House):
    """A house whose ring has keys for every format."""

    def __init__(self, folder: Path) -> None:
        super().__init__(MemoryStore(), folder)
        self.ring = KeyRing.in_memory(clock=self.clock)
        for alg in ALGS:
            self.ring.rotate(alg=alg, at_once=True)


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    built = Floor(tmp_path)
    yield built
    for sessions in built.opened:
        sessions.close()


@pytest.mark.parametrize("name", FORMATS)
def test_the_verbs_in_every_format(floor: Floor, name: str) -> None:
    sessions = floor.sessions(format=name)
    first = sessions.start("u1", scopes=["read"], roles=["admin"], data={"tenant": "t1"}, device="phone")
    second = sessions.refresh(first.refresh_token)
    for pair in (first, second):
        principal = sessions.verify(pair.access_token)
        assert (principal.subject, principal.sid) == ("u1", first.session.sid)
        assert (principal.scopes, principal.roles, dict(principal.data)) == ({"read"}, {"admin"}, {"tenant": "t1"})
        assert principal.authenticated_at == int(floor.clock())
        assert {"iss", "aud", "iat", "exp", "jti", "client_id"} <= principal.claims.keys()
        assert "typ" not in principal.claims
    third = sessions.reauthenticate(first.session.sid)
    sessions.end(first.session.sid)
    for pair in (first, second, third):
        with pytest.raises(SessionEnded):
            sessions.verify(pair.access_token)


@pytest.mark.parametrize("name", FORMATS)
def test_an_access_token_expires_in_every_format(floor: Floor, name: str) -> None:
    sessions = floor.sessions(format=name, access_lifetime_s=60)
    pair = sessions.start("u1")
    floor.clock.pass_s(59)
    sessions.verify(pair.access_token)
    floor.clock.pass_s(1)
    with pytest.raises(TokenError) as raised:
        sessions.verify(pair.access_token)
    assert isinstance(raised.value, Expired | UnknownSession)


@pytest.mark.parametrize("name", FORMATS)
def test_no_character_of_a_token_can_be_another(floor: Floor, name: str) -> None:
    sessions = floor.sessions(format=name)
    token = sessions.start("u1").access_token
    for at, other in itertools.product(range(len(token)), "AB."):
        if token[at] != other:
            with pytest.raises(TokenError):
                sessions.verify(token[:at] + other + token[at + 1 :])
    for at in range(len(token)):
        with pytest.raises(TokenError):
            sessions.verify(token[:at])
    assert sessions.verify(token).subject == "u1"


@pytest.mark.parametrize("before, after", list(itertools.permutations(FORMATS, 2)))
def test_going_over_to_another_format_logs_nobody_out(floor: Floor, before: str, after: str) -> None:
    old_node = floor.sessions(format=before)
    pair = old_node.start("u1")
    # First every node accepts the new format, then each issues it, then the old one is no longer accepted.
    waiting = floor.sessions(format=before, accepted_formats=(after,))
    moved = floor.sessions(format=after, accepted_formats=(before,))
    arrived = floor.sessions(format=after)
    assert moved.verify(pair.access_token) == waiting.verify(pair.access_token)
    following = moved.refresh(pair.refresh_token)
    assert waiting.verify(following.access_token) == moved.verify(following.access_token)
    assert arrived.verify(following.access_token).sid == pair.session.sid
    for sessions, token in ((old_node, following.access_token), (arrived, pair.access_token)):
        with pytest.raises(TokenError):
            sessions.verify(token)
    assert arrived.verify(arrived.refresh(following.refresh_token).access_token).subject == "u1"


@pytest.mark.parametrize("name", FORMATS)
def test_keys_rotate_and_leave_in_every_format(floor: Floor, name: str) -> None:
    sessions = floor.sessions(format=name)
    old = sessions.start("u1")
    held = {entry.kid for entry in floor.ring.entries()}
    floor.ring.rotate(at_once=True)
    new = sessions.refresh(old.refresh_token)
    assert sessions.verify(old.access_token) == msgspec.structs.replace(
        sessions.verify(new.access_token), claims=sessions.verify(old.access_token).claims
    )
    for kid in held:
        floor.ring.retire(kid)
    time.sleep(0.15)  # a verification that proves each token looks at the ring ten times a second
    with pytest.raises(UnknownKey):
        sessions.verify(old.access_token)
    assert sessions.verify(new.access_token).subject == "u1"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != REFERENCE])
def test_a_ring_without_the_key_of_a_format_is_refused_by_name(name: str) -> None:
    other = "v4.public" if first_alg(name) != "v4.public" else "v4.local"
    ring = KeyRing.in_memory(alg=other)
    for words, word in (({"format": name}, "format"), ({"format": f"paseto-{other}".replace(".", "-")}, "accepted")):
        policy = SessionPolicy(**words, accepted_formats=(name,))
        with pytest.raises(ConfigurationError, match=f"{word}.*{name}.*daypass keys rotate --alg {first_alg(name)}"):
            Sessions(MemoryStore(), ring, policy=policy, **PARTIES)


@pytest.mark.parametrize("name", FORMATS)
def test_a_new_store_gets_the_keys_of_its_formats(name: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with Sessions.open(url, **PARTIES) as sessions:
        pair = sessions.start("u1")
    # An own ring goes over with its store: no command is needed.
    with Sessions.open(url, policy=SessionPolicy(format=name, accepted_formats=("jwt",)), **PARTIES) as sessions:
        assert sessions.verify(pair.access_token).subject == "u1"
        following = sessions.refresh(pair.refresh_token)
        assert sessions.verify(following.access_token).sid == pair.session.sid
    with Sessions.open(url, policy=SessionPolicy(format=name), **PARTIES) as sessions:
        made = len(sessions.keys.entries())
        assert sessions.verify(following.access_token).sid == pair.session.sid
    with Sessions.open(url, policy=SessionPolicy(format=name), **PARTIES) as sessions:
        assert len(sessions.keys.entries()) == made
    with Sessions.open(f"sqlite:///{tmp_path}/{name}.db", policy=SessionPolicy(format=name), **PARTIES) as sessions:
        assert sessions.verify(sessions.start("u1").access_token).subject == "u1"


def test_a_token_made_with_a_public_half_is_refused_by_sessions(floor: Floor) -> None:
    sessions = floor.sessions(format="nested", accepted_formats=tuple(FORMATS))
    claims = dict(sessions.verify(sessions.start("u1").access_token).claims)
    for name in ("iss", "aud", "iat", "exp", "jti"):
        del claims[name]
    for public in floor.ring.public():
        signer = JWK.generate("EdDSA")
        recipient = JWK.generate("ECDH-ES+A128KW", crv="X25519", kid=public.kid)
        for key, words in (
            (signer, {"format": "nested", "encrypt_to": recipient.public()}),
            (JWK.generate("A256GCM", kid=public.kid), {"format": "jwe"}),
        ):
            forged = Issuer(key, clock=floor.clock, **words, **PARTIES).issue(claims)
            with pytest.raises(TokenError):
                sessions.verify(forged)


class TestReference:
    """What a reference token adds: somebody has to be asked."""

    def test_it_says_nothing_and_the_store_has_no_token(self, floor: Floor) -> None:
        sessions = floor.sessions(format=REFERENCE)
        tokens = [sessions.start("a subject", roles=["admin"]).access_token for _ in range(3)]
        assert len(set(tokens)) == 3
        kept = repr(vars(type(floor.store.store))) + repr(floor.store.store._references)
        for token in tokens:
            assert token.startswith("dpa1.")
            assert len(token) == len("dpa1.") + 43 + 1 + 8
            assert token.split(".")[1] not in kept
        assert "admin" not in kept
        assert "a subject" not in repr(floor.store.store._references)

    def test_made_up_texts_do_not_reach_the_store(self, floor: Floor) -> None:
        sessions = floor.sessions(format=REFERENCE, revocation="none")
        token = sessions.start("u1").access_token
        floor.store.calls.clear()
        for text in ("dpa1.", "dpa1.x.y", token[:-1], token[:-1] + "!", "dpa1." + "A" * 43 + ".AAAAAAAA", token + " "):
            with pytest.raises(TokenError):
                sessions.verify(text)
        assert not floor.store.calls
        sessions.verify(token)
        assert floor.store.calls == {"get_reference": 1}

    def test_who_writes_to_the_store_makes_no_token_and_moves_none(self, floor: Floor) -> None:
        sessions = floor.sessions(format=REFERENCE)
        admin, guest = sessions.start("admin").access_token, sessions.start("guest").access_token
        kept = floor.store.store._references
        (of_admin, (sealed, until)), (of_guest, (own, _)) = kept.items()
        for forged in (sealed, own[:-1] + b"A", b"", b"\xff", b"v4.local.AAAA", b"v4.local.AAAA.AAAA", own + b".AAAA"):
            kept[of_guest] = (forged, until)
            with pytest.raises(TokenError):
                sessions.verify(guest)
        kept[of_guest] = (own, until)
        assert sessions.verify(guest).subject == "guest"
        assert sessions.verify(admin).subject == "admin"
        del kept[of_admin]
        with pytest.raises(UnknownSession):
            sessions.verify(admin)

    def test_a_store_that_is_away_is_not_a_refusal(self, floor: Floor) -> None:
        sessions = floor.sessions(format=REFERENCE, revocation="none")
        token = sessions.start("u1").access_token
        floor.store.is_down = True
        with pytest.raises(StoreUnavailable):
            sessions.verify(token)
        floor.store.is_down = False
        assert sessions.verify(token).subject == "u1"

    def test_of_another_issuer_or_audience_none_is_taken(self, floor: Floor) -> None:
        token = floor.sessions(format=REFERENCE).start("u1").access_token
        for name in PARTIES:
            parties = {**PARTIES, name: "https://other.example"}
            other = Sessions(
                floor.store,
                floor.ring,
                policy=SessionPolicy(format=REFERENCE, revocation="none"),
                clock=floor.clock,
                **parties,
            )
            with pytest.raises(TokenError):
                other.verify(token)

    def test_what_is_too_large_for_a_store_is_refused_before_anything_is_written(self, floor: Floor) -> None:
        sessions = floor.sessions(format=REFERENCE)
        with pytest.raises(ValueError, match=str(REFERENCE_BYTES_MAX)):
            sessions.start("u1", data={"blob": "x" * REFERENCE_BYTES_MAX})
        assert not floor.store.calls["put_reference"]
        assert not floor.store.calls["insert"]

    def test_a_store_without_references_is_refused(self) -> None:
        class Rows:
            insert = None

        with pytest.raises(ConfigurationError, match="put_reference"):
            Sessions(Rows(), KeyRing.in_memory(), policy=SessionPolicy(format=REFERENCE), **PARTIES)

    def test_strict_asks_for_the_session_too(self) -> None:
        clock, store = Clock(), WatchedStore(MemoryStore())
        ring = KeyRing.in_memory(clock=clock)
        policy = SessionPolicy(format=REFERENCE, revocation="strict")
        here, there = (Sessions(store, ring, policy=policy, clock=clock, **PARTIES) for _ in range(2))
        pair = here.start("u1")
        assert there.verify(pair.access_token).sid == pair.session.sid
        here.end(pair.session.sid)
        with pytest.raises(SessionEnded):
            there.verify(pair.access_token)
