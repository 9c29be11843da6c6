"""One history, told to every store: at each step all give the same answer, of rows and of sessions."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import pytest

from daypass.encoding import b64url_encode
from daypass.errors import DaypassError
from daypass.keyring.ring import KeyRing
from daypass.sessions import SessionPolicy, Sessions
from daypass.sessions.values import TokenPair
from daypass.stores.opening import open_store
from daypass.stores.protocol import SessionRow, SessionStore
from tests.faults.conftest import SHARED, url_of
from tests.faults.nodes import WORDS

STEPS = 200
SUBJECTS = ("alice", "bob", "Bob", "ünïcode")


@pytest.fixture
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, SessionStore]]:
    """Every store, empty."""
    with ExitStack() as opened:
        yield {
            name: opened.enter_context(
                closing(
                    open_store("memory://" if name == "memory" else url_of(name, tmp_path, request.getfixturevalue))
                )
            )
            for name in ("memory", *SHARED)
        }


def agree(answers: dict[str, object], what: str) -> object:
    """Check that all stores answered alike; return the answer."""
    expected = answers["memory"]
    assert answers == dict.fromkeys(answers, expected), what
    return expected


# ------------------------------------------------------------------------------------------------------- rows


@pytest.mark.parametrize("seed", [1])
def test_a_history_of_rows_reads_the_same_in_every_store(stores: dict[str, SessionStore], seed: int) -> None:
    draw = random.Random(seed)
    now = int(time.time())
    rows: list[SessionRow] = []
    for step in range(STEPS):
        now += draw.choice((0, 0, 1, 7, 40))
        kind, act = operation(draw, rows, now)
        answer = agree({name: act(store) for name, store in stores.items()}, f"step {step}: {kind}")
        if kind == "insert":
            assert isinstance(answer, tuple)
        for row in draw.sample(rows, min(2, len(rows))):
            agree({name: store.get(row.sid) for name, store in stores.items()}, f"step {step}: get after {kind}")


def operation(draw: random.Random, rows: list[SessionRow], now: int) -> tuple[str, Callable[[SessionStore], object]]:
    """Choose what happens next; ``rows`` are those that were written, the latest of each session."""
    kind = draw.choice(("insert", "replace", "replace", "end", "end of", "end all", "active", "feed", "feed since"))
    subject = draw.choice(SUBJECTS)
    if kind == "insert" or not rows:
        row = new_row(draw, subject, now)
        rows.append(row)
        cap = draw.choice((1, 2, 4))
        return "insert", lambda store: sorted_tuple(store.insert(row, sessions_max=cap, now_s=now))
    number = draw.randrange(len(rows))
    row = rows[number]
    if kind == "replace":
        generation = row.generation + draw.choice((0, 0, 0, 1, -1))
        following = successor(row, now)
        if generation == row.generation:
            rows[number] = following
        return kind, lambda store: store.replace(following, generation=generation)
    except_sid = row.sid if draw.random() < 0.5 else None
    acts: dict[str, Callable[[SessionStore], object]] = {
        "end": lambda store: store.end(row.sid, now_s=now + 0.7),
        "end of": lambda store: store.end(row.sid, now_s=now, subject=subject),
        "end all": lambda store: sorted_tuple(store.end_all(subject, now_s=now, except_sid=except_sid)),
        "active": lambda store: store.active(subject, now_s=now),
        "feed": lambda store: sorted_tuple(store.denials(since_s=None, now_s=now).entries),
        "feed since": lambda store: sorted_tuple(store.denials(since_s=now - 20.5, now_s=now).entries),
    }
    return kind, acts[kind]


def sorted_tuple(denials: tuple[object, ...]) -> tuple[object, ...]:
    """What a store gives in no order."""
    return tuple(sorted(denials, key=lambda denial: denial.sid))


def new_row(draw: random.Random, subject: str, now: int) -> SessionRow:
    return SessionRow(
        sid=b64url_encode(draw.randbytes(16)),
        subject=subject,
        client_id="first-party",
        device=draw.choice((None, "a phone", "'\"\\%")),
        scopes=draw.choice(((), ("read", "write"))),
        roles=("editor",),
        data={"n": draw.choice((1, 1.5, None, "ü"))},
        created_at=now,
        authenticated_at=now,
        last_refreshed_at=now,
        ends_at=now + 1000,
        idle_ends_at=now + draw.choice((30, 400)),
        ended_at=None,
        generation=1,
        kid="kid",
        rotated_at=(),
        nonce_sha256=draw.randbytes(32),
        access_until=now + 20,
    )


def successor(row: SessionRow, now: int) -> SessionRow:
    return msgspec.structs.replace(
        row,
        roles=("editor", "auditor"),
        last_refreshed_at=now,
        idle_ends_at=min(now + 400, row.ends_at),
        generation=row.generation + 1,
        rotated_at=(now + 0.25, *row.rotated_at)[:4],
        access_until=max(row.access_until, now + 20),
    )


# --------------------------------------------------------------------------------------------------- sessions


@pytest.mark.parametrize("seed", [3])
def test_a_history_of_sessions_ends_the_same_in_every_store(stores: dict[str, SessionStore], seed: int) -> None:
    """Logins, refreshes with tokens old and new, logouts: who is refused, and why, depends on no store."""
    draw = random.Random(seed)
    now = [float(int(time.time()))]
    ring = KeyRing.in_memory(alg="HS256", clock=lambda: now[0])
    policy = SessionPolicy(
        revocation="strict",
        access_lifetime_s=20,
        idle_lifetime_s=60,
        absolute_lifetime_s=300,
        sessions_per_subject_max=3,
    )
    told = {
        name: Told(Sessions(store, ring, **WORDS, policy=policy, clock=lambda: now[0], monotonic=lambda: 0.0))
        for name, store in stores.items()
    }
    seen = set()
    for step in range(STEPS):
        now[0] += draw.choice((0.0, 0.25, 1.0, 1.0, 4.0, 12.0, 30.0) if draw.random() < 0.7 else (0.0,))
        verb = draw.choice((*Told.VERBS, "refresh", "refresh"))
        pick, subject = draw.random() ** 0.5, draw.choice(SUBJECTS)
        answers = {name: one.tell(verb, pick, subject) for name, one in told.items()}
        seen.add((verb, str(agree(answers, f"step {step}: {verb}"))[:14]))
    outcomes = {outcome for _, outcome in seen}
    assert {"SessionEnded", "UnknownSession", "Expired"} <= outcomes, "the history had a bit of everything"
    for one in told.values():
        one.sessions.close()


class Told:
    """Sessions over one store, and all pairs that they have handed out, by number."""

    VERBS = ("start", "refresh", "verify", "end", "end of", "end with", "end all", "active", "reauthenticate")

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.pairs: list[TokenPair] = []
        self.numbers: dict[str, int] = {}

    def tell(self, verb: str, pick: float, subject: str) -> object:
        """Do something; answer in words that depend on no random number.

        Args:
            verb: what.
            pick: with which of the pairs, from the oldest (0) to the youngest (1).
            subject: for whom.
        """
        if not self.pairs:
            verb = "start"
        pair = self.pairs[int(pick * len(self.pairs))] if self.pairs else None
        try:
            return getattr(self, f"_{verb.replace(' ', '_')}")(pair, subject)
        except DaypassError as error:
            return type(error).__name__

    def _kept(self, pair: TokenPair) -> object:
        self.pairs.append(pair)
        number = self.numbers.setdefault(pair.session.sid, len(self.numbers))
        row = self.sessions._store.get(pair.session.sid)
        return number, row.generation, row.rotated_at, row.access_until, pair.expires_in, pair.session.last_refreshed_at

    def _start(self, _pair: TokenPair, subject: str) -> object:
        return self._kept(self.sessions.start(subject))

    def _refresh(self, pair: TokenPair, _subject: str) -> object:
        return self._kept(self.sessions.refresh(pair.refresh_token))

    def _reauthenticate(self, pair: TokenPair, _subject: str) -> object:
        return self._kept(self.sessions.reauthenticate(pair.session.sid))

    def _verify(self, pair: TokenPair, _subject: str) -> object:
        return self.numbers[self.sessions.verify(pair.access_token).sid]

    def _end(self, pair: TokenPair, _subject: str) -> object:
        return self.sessions.end(pair.session.sid)

    def _end_of(self, pair: TokenPair, subject: str) -> object:
        return self.sessions.end(pair.session.sid, subject=subject)

    def _end_with(self, pair: TokenPair, _subject: str) -> object:
        return self.sessions.end_with(pair.refresh_token)

    def _end_all(self, pair: TokenPair, subject: str) -> object:
        return self.sessions.end_all(subject, except_sid=pair.session.sid)

    def _active(self, _pair: TokenPair, subject: str) -> object:
        return sorted(self.numbers[session.sid] for session in self.sessions.active(subject))
