"""Whatever happens to a ring of several kinds: rotations, retirements, kinds that come and go, clocks that step.

What a ring promises for every history: a kind in use has exactly one key that issues, and what it issued is accepted
for as long as it lives, unless its key was retired. The ring is followed by a process whose clock is right; those that
change it may have a wrong one.
"""

from functools import cache
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.errors import ConfigurationError
from daypass.keyring.content import RingContent, dump_ring, parse_ring
from daypass.keyring.kinds import kind_of
from daypass.keyring.rotation import Request, due, in_use, issuing, new_ring, rotated, without
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.token_key import generate_key

T = 1_800_000_000
PUBLISH_S, TOKEN_S, SESSION_S, EVERY_S = 60, 500, 900, 200
SCHEDULE = RotationSchedule(
    publish_s=PUBLISH_S, token_lifetime_s_max=TOKEN_S, session_lifetime_s_max=SESSION_S, rotate_every_s=EVERY_S
)
ALGS = ["HS256", "HS512", "A256GCM", "v4.local", "v3.local"]


@cache
def pool(alg: str) -> list[Any]:
    """Keys are slow to make for thousands of histories: each history takes them in this order."""
    return [generate_key(alg) for _ in range(40)]


class Step(msgspec.Struct, frozen=True):
    """What happens, how long after the last step, and how wrong the clock is of who does it."""

    wait_s: int
    what: str
    alg: str | None
    at_once: bool
    which: int
    skew_s: int


def steps(skews: st.SearchStrategy[int]) -> st.SearchStrategy[list[Step]]:
    what = st.sampled_from(["rotate", "rotate", "replace", "retire", "due"])
    step = st.builds(
        Step, st.integers(0, 700), what, st.sampled_from([None, *ALGS]), st.booleans(), st.integers(0, 9), skews
    )
    return st.lists(step, max_size=9)


class Keys:
    """Keys of a history, none twice."""

    def __init__(self) -> None:
        self.taken = 0

    def of(self, alg: str) -> Any:
        self.taken += 1
        return pool(alg)[self.taken % 40]


def apply(content: RingContent, step: Step, now_s: float, keys: Keys) -> RingContent:
    if step.what == "retire":
        entries = content.entries()
        try:
            return without(content, entries[step.which % len(entries)].kid, now_s=now_s)
        except ConfigurationError:
            return content
    if step.what == "due":
        wanted = due(content, now_s)
        made = [keys.of(alg) for alg in wanted.algs]
        return rotated(content, made, now_s=now_s, with_secret=wanted.with_secret) if wanted else content
    replaces_all = step.what == "replace" and step.alg is not None
    request = Request(alg=step.alg, at_once=step.at_once, replaces_all=replaces_all)
    made = [keys.of(alg) for alg in request.algs(content)]
    return rotated(content, made, at_once=step.at_once, replaces_all=replaces_all, now_s=now_s)


def history(steps: list[Step]) -> list[tuple[int, RingContent]]:
    """When each content was written, by the right clock."""
    keys, now_s = Keys(), T
    contents = [(now_s, new_ring(keys.of("HS256"), schedule=SCHEDULE, now_s=now_s))]
    for step in steps:
        now_s += step.wait_s
        contents.append((now_s, apply(contents[-1][1], step, now_s + step.skew_s, keys)))
    return contents


def at(contents: list[tuple[int, RingContent]], now_s: float) -> RingContent:
    return [content for since_s, content in contents if since_s <= now_s][-1]


def kinds_in_use(content: RingContent, now_s: float) -> set[str]:
    """Those whose newest key goes on, or has not ended yet."""
    return {
        kind_of(held.entry.alg)
        for held in content.signing
        if held.entry.retire_at is None or held.entry.retire_at > now_s
    }


RIGHT = steps(st.just(0))
MOMENTS = st.tuples(st.integers(0, 9), st.integers(-100, 200))
WRONG = steps(st.sampled_from([0, 0, 0, -10_000, -100, 100, 10_000, 10**8]))


@settings(max_examples=300)
@given(WRONG, st.integers(-20_000, 20_000))
def test_each_kind_in_use_has_exactly_one_key_that_issues(steps: list[Step], at_s: int) -> None:
    for since_s, content in history(steps):
        for now_s in (since_s, T + at_s):
            found = [kind_of(held.entry.alg) for held in issuing(content, now_s)]
            assert sorted(found) == sorted(set(found))
            assert set(found) == kinds_in_use(content, now_s)
            assert found  # something always issues
            assert in_use(content.secrets, now_s).entry.state(now_s) in {"next", "active"}


@settings(max_examples=300)
@given(WRONG)
def test_a_retirement_ends_no_kind_that_is_in_use(steps: list[Step]) -> None:
    contents = history(steps)
    for step, (_, before), (since_s, after) in zip(steps, contents, contents[1:], strict=False):
        if step.what == "retire":
            now_s = since_s + step.skew_s
            assert kinds_in_use(after, now_s) == kinds_in_use(before, now_s)


@settings(max_examples=300)
@given(RIGHT, MOMENTS, st.integers(0, TOKEN_S), st.integers(0, SESSION_S))
def test_what_was_issued_is_accepted_while_it_lives_unless_its_key_was_retired(
    steps: list[Step], moment: tuple[int, int], token_age_s: int, session_age_s: int
) -> None:
    contents = history(steps)
    issued_s = moment_in(contents, moment)
    retired = retired_kids(steps, contents)
    then = at(contents, issued_s)
    made = [(held.entry.kid, token_age_s) for held in issuing(then, issued_s)]
    made.append((in_use(then.secrets, issued_s).entry.kid, session_age_s))
    for kid, age_s in made:
        now_s = issued_s + age_s
        held = {entry.kid: entry.state(now_s) for entry in at(contents, now_s).entries()}
        assert kid in retired or held.get(kid, "gone") not in {"removed", "gone"}


@settings(max_examples=500)
@given(RIGHT, st.integers(0, 9), st.sampled_from([-10_000, 10_000, 10**8]), MOMENTS, st.integers(0, TOKEN_S))
def test_one_wrong_clock_takes_no_key_from_those_whose_clock_is_right(
    steps: list[Step], wrong: int, skew_s: int, moment: tuple[int, int], age_s: int
) -> None:
    if wrong < len(steps):
        steps[wrong] = msgspec.structs.replace(steps[wrong], skew_s=skew_s, what="rotate")
    contents = history(steps)
    issued_s = moment_in(contents, moment)
    retired = retired_kids(steps, contents)
    now_s = issued_s + age_s
    for held in issuing(at(contents, issued_s), issued_s):
        states = {entry.kid: entry.state(now_s) for entry in at(contents, now_s).entries()}
        assert held.entry.kid in retired or states.get(held.entry.kid, "gone") not in {"removed", "gone"}


def moment_in(contents: list[tuple[int, RingContent]], moment: tuple[int, int]) -> int:
    """A time near one at which the ring was written, by the right clock."""
    number, offset_s = moment
    return max(T, contents[number % len(contents)][0] + offset_s)


def retired_kids(steps: list[Step], contents: list[tuple[int, RingContent]]) -> set[str]:
    found: set[str] = set()
    for number, step in enumerate(steps):
        if step.what == "retire":
            before, after = ({e.kid for e in contents[number + n][1].entries()} for n in (0, 1))
            found |= before - after
    return found


@settings(max_examples=200)
@given(RIGHT)
def test_a_kind_that_goes_on_is_never_older_than_its_schedule_says_once_somebody_has_looked(steps: list[Step]) -> None:
    now_s, content = history(steps)[-1]
    keys = Keys()
    look = Step(0, "due", None, at_once=False, which=0, skew_s=0)
    content = apply(content, look, now_s, keys)
    assert not due(content, now_s)
    assert due(content, now_s).next_s > now_s


@settings(max_examples=200)
@given(WRONG)
def test_whatever_is_written_is_read_again(steps: list[Step]) -> None:
    content = history(steps)[-1][1]
    again = parse_ring(dump_ring(content), where="here")
    assert (again.entries(), again.schedule) == (content.entries(), content.schedule)
