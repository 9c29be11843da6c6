"""Whatever is rotated whenever: what a key ring promises, for every history of rotations, retirements and clocks."""

from hypothesis import given
from hypothesis import strategies as st

from daypass.jose.jwk import JWK
from daypass.keyring.content import RingContent, dump_ring, parse_ring
from daypass.keyring.rotation import in_use, new_ring, rotated
from daypass.keyring.schedule import RotationSchedule

T = 1_800_000_000
PUBLISH_S, TOKEN_S, SESSION_S = 60, 500, 900
SCHEDULE = RotationSchedule(publish_s=PUBLISH_S, token_lifetime_s_max=TOKEN_S, session_lifetime_s_max=SESSION_S)
KEY = JWK.generate("HS256").to_dict(private=True)

Step = tuple[int, bool]
FORWARD = st.lists(st.tuples(st.integers(0, 700), st.booleans()), max_size=8)
ANYWHERE = st.lists(st.tuples(st.integers(-5000, 5000), st.booleans()), max_size=8)


def history(steps: list[Step]) -> list[tuple[int, RingContent]]:
    """Make a ring and rotate it once a step; returns when each content was written."""
    now_s = T
    contents = [(now_s, new_ring(JWK.from_dict({**KEY, "kid": "0"}), schedule=SCHEDULE, now_s=now_s))]
    for number, (wait_s, at_once) in enumerate(steps, 1):
        now_s += wait_s
        key = JWK.from_dict({**KEY, "kid": str(number)})
        contents.append((now_s, rotated(contents[-1][1], [key], at_once=at_once, now_s=now_s)))
    return contents


def held(contents: list[tuple[int, RingContent]], now_s: int) -> RingContent:
    """Find the content that stood at a time, where the clock only went forward."""
    return [content for since_s, content in contents if since_s <= now_s][-1]


def accepted(content: RingContent, purpose: str, now_s: int) -> set[str]:
    return {entry.kid for entry in content.entries() if entry.purpose == purpose and entry.state(now_s) != "removed"}


@given(FORWARD, st.integers(0, 4000), st.integers(0, TOKEN_S))
def test_a_token_is_accepted_for_as_long_as_it_lives(steps: list[Step], at_s: int, age_s: int) -> None:
    contents = history(steps)
    made_with = in_use(held(contents, T + at_s).signing, T + at_s).entry.kid
    now_s = T + at_s + age_s
    assert made_with in accepted(held(contents, now_s), "sign", now_s)


@given(FORWARD, st.integers(0, 4000), st.integers(0, SESSION_S))
def test_a_refresh_token_is_accepted_for_as_long_as_its_session(steps: list[Step], at_s: int, age_s: int) -> None:
    contents = history(steps)
    made_with = in_use(held(contents, T + at_s).secrets, T + at_s).entry.kid
    now_s = T + at_s + age_s
    assert made_with in accepted(held(contents, now_s), "derive", now_s)


@given(st.lists(st.tuples(st.integers(0, 700), st.just(value=False)), max_size=8), st.integers(0, 4000))
def test_every_verifier_knew_a_key_for_publish_s_before_it_signs(steps: list[Step], at_s: int) -> None:
    contents = history(steps)
    signing = in_use(held(contents, T + at_s).signing, T + at_s).entry
    if signing.kid != "0":
        known_since_s = next(
            since_s for since_s, content in contents if signing.kid in {e.kid for e in content.entries()}
        )
        assert T + at_s >= known_since_s + PUBLISH_S


@given(ANYWHERE, st.integers(-20_000, 20_000))
def test_whatever_the_clock_does_one_accepted_key_of_each_purpose_is_in_use(steps: list[Step], at_s: int) -> None:
    content = history(steps)[-1][1]
    assert in_use(content.signing, T + at_s).entry.kid in accepted(content, "sign", T + at_s)
    assert in_use(content.secrets, T + at_s).entry.kid in accepted(content, "derive", T + at_s)


@given(ANYWHERE)
def test_whatever_the_clock_did_the_newest_key_signs_after_publish_s(steps: list[Step]) -> None:
    now_s, content = history(steps)[-1]
    assert in_use(content.signing, now_s + PUBLISH_S).entry.kid == str(len(steps))


@given(ANYWHERE)
def test_whatever_is_written_is_read_again(steps: list[Step]) -> None:
    content = history(steps)[-1][1]
    assert parse_ring(dump_ring(content), where="here").entries() == content.entries()
