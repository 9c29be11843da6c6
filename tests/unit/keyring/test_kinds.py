"""Keys of several kinds in one ring: each goes on by itself, and none stops issuing before somebody ends it."""

import pytest

from daypass.errors import ConfigurationError
from daypass.keyring.content import RingContent
from daypass.keyring.kinds import KINDS, PASETO_ALGS, kind_of
from daypass.keyring.ring import KeyRing
from daypass.keyring.rotation import Request, due, issuing, new_ring, newest_algs, rotated, widened, without
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.token_key import generate_key
from daypass.limits import LEEWAY_S_MAX, SCHEDULE_S_MAX

T = 1_800_000_000
SCHEDULE = RotationSchedule(publish_s=60, token_lifetime_s_max=1000, session_lifetime_s_max=9000, rotate_every_s=500)


def ring(alg: str = "HS256") -> RingContent:
    return new_ring(generate_key(alg), schedule=SCHEDULE, now_s=T)


def with_key(content: RingContent, alg: str, now_s: float = T, **words) -> RingContent:
    return rotated(content, [generate_key(alg)], now_s=now_s, **words)


def kid(content: RingContent, number: int) -> str:
    return content.signing[number].entry.kid


def issues(content: RingContent, now_s: float) -> dict[str, str]:
    return {kind_of(held.entry.alg): held.entry.kid for held in issuing(content, now_s)}


# ------------------------------------------------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    "alg, kind",
    [
        *((name, "signature") for name in ("HS256", "EdDSA", "ES256", "RS256", "ML-DSA-65")),
        *((name, "encryption") for name in ("A256GCM", "A256KW", "dir", "A256GCMKW")),
        *((name, name) for name in PASETO_ALGS),
        ("HKDF-SHA256", "secret"),
    ],
)
def test_every_algorithm_is_of_a_kind_that_has_words(alg: str, kind: str) -> None:
    assert kind_of(alg) == kind
    assert KINDS[kind]


def test_a_new_kind_issues_at_once_beside_the_others() -> None:
    """Nobody issues that format yet, so nobody has to wait until all know its key."""
    content = with_key(ring(), "v4.local")
    assert issues(content, T) == {"signature": kid(content, 0), "v4.local": kid(content, 1)}
    assert content.signing[0].entry.retire_at is None


def test_a_rotation_gives_each_kind_a_successor() -> None:
    content = with_key(with_key(ring(), "A256GCM"), "v4.local")
    request = Request(alg=None, at_once=False, replaces_all=False)
    keys = [generate_key(alg) for alg in request.algs(content)]
    content = rotated(content, keys, now_s=T + 100)
    before, after = issues(content, T + 159), issues(content, T + 160)
    assert before.keys() == after.keys() == {"signature", "encryption", "v4.local"}
    assert not set(before.values()) & set(after.values())


def test_one_kind_is_rotated_alone() -> None:
    content = with_key(ring(), "v4.local")
    other = with_key(content, "v4.local", T + 100)
    assert other.signing[0].entry == content.signing[0].entry
    assert issues(other, T + 160)["v4.local"] == kid(other, 2)


def test_the_last_step_of_a_change_of_format_ends_all_other_kinds() -> None:
    content = with_key(with_key(ring(), "A256GCM"), "v4.local", T + 10, replaces_all=True)
    assert issues(content, T + 69).keys() == {"signature", "encryption", "v4.local"}
    assert issues(content, T + 70).keys() == {"v4.local"}
    assert newest_algs(content) == ("v4.local",)
    accepted = {held.entry.kid for held in content.signing if held.entry.state(T + 1000) != "removed"}
    assert len(accepted) == 3


# -------------------------------------------------------------------------- a kind that must not stop issuing


def test_to_retire_a_key_while_its_successor_waits_lets_that_one_sign() -> None:
    content = with_key(with_key(ring(), "v4.local"), "HS256", T + 100)
    old, new = kid(content, 0), kid(content, 2)
    content = without(content, old, now_s=T + 110)
    for at_s in (110, 159, 160, 10_000):
        assert issues(content, T + at_s)["signature"] == new


def test_to_retire_the_last_key_of_a_kind_that_is_about_to_end_is_refused() -> None:
    """Nodes still issue that format until all have gone over: they would be without a key."""
    content = with_key(ring(), "v4.local", T + 100, replaces_all=True)
    with pytest.raises(ConfigurationError, match="last of its kind"):
        without(content, kid(content, 0), now_s=T + 110)
    assert without(content, kid(content, 0), now_s=T + 160)  # it issues no more


def test_a_clock_behind_leaves_every_kind_a_key() -> None:
    content = with_key(with_key(ring(), "v4.local", T + 100), "HS256", T + 200)
    for at_s in (-(10**8), -1, 0, 150, 259, 260):
        assert issues(content, T + at_s).keys() == {"signature", "v4.local"}


def test_a_clock_behind_that_rotates_leaves_every_kind_a_key_for_all() -> None:
    content = with_key(ring(), "v4.local", T + 100)
    keys = [generate_key(alg) for alg in newest_algs(content)]
    content = rotated(content, keys, now_s=T - 10_000)
    for at_s in (-10_000, -9_941, -9_940, 0, 99, 100, 160, 10_000):
        assert issues(content, T + at_s).keys() == {"signature", "v4.local"}


def test_a_kind_that_was_to_end_and_is_taken_up_again_has_no_gap() -> None:
    """The change of format is called off after the last step: the old format goes on until its new key signs."""
    content = with_key(ring(), "v4.local", T + 100, replaces_all=True)
    content = with_key(content, "HS256", T + 130)
    for at_s in (130, 159, 160, 189, 190, 5000):
        assert issues(content, T + at_s).keys() == {"signature", "v4.local"}
    assert issues(content, T + 189)["signature"] == kid(content, 0)
    assert issues(content, T + 190)["signature"] == kid(content, 2)


def test_a_kind_that_has_ended_and_is_taken_up_again_issues_from_its_new_key() -> None:
    content = with_key(ring(), "v4.local", T + 100, at_once=True, replaces_all=True)
    assert issues(content, T + 200).keys() == {"v4.local"}
    content = with_key(content, "HS256", T + 200)
    assert issues(content, T + 200)["signature"] == kid(content, 2)
    assert issues(content, T + 10_000)["signature"] == kid(content, 2)


def test_a_leaked_key_of_one_kind_is_retired_while_the_others_go_on() -> None:
    content = with_key(with_key(ring(), "v4.local"), "v4.local", T + 100, at_once=True)
    content = without(content, kid(content, 1), now_s=T + 100)
    assert issues(content, T + 100) == {"signature": kid(content, 0), "v4.local": kid(content, 1)}


# ---------------------------------------------------------------------------------------------------- schedule


def test_each_kind_is_due_by_its_own_age() -> None:
    content = with_key(ring(), "v4.local", T + 100)
    assert not due(content, T + 499)
    assert due(content, T + 499).next_s == T + 500
    wanted = due(content, T + 500)
    assert (wanted.algs, wanted.with_secret) == (("HS256",), False)  # the secret came anew with the second key
    assert due(content, T + 600).algs == ("HS256", "v4.local")


def test_a_successor_takes_the_algorithm_of_the_newest_key() -> None:
    content = with_key(ring(), "HS512", T + 100)
    assert due(content, T + 600).algs == ("HS512",)


def test_a_kind_that_ends_gets_no_successor() -> None:
    content = with_key(ring(), "v4.local", T + 100, replaces_all=True)
    assert due(content, T + 10_000).algs == ("v4.local",)


def test_without_rotate_every_s_nothing_is_ever_due() -> None:
    plain = RotationSchedule(publish_s=60, token_lifetime_s_max=1000, session_lifetime_s_max=9000)
    content = new_ring(generate_key("HS256"), schedule=plain, now_s=T)
    assert not due(content, T + 10**8)


def test_a_key_of_a_wrong_future_does_not_stop_the_schedule() -> None:
    """A process whose clock was a year ahead has rotated: what it made is no reason to make nothing for a year."""
    content = with_key(ring(), "HS256", T + 365 * 86_400)
    assert due(content, T + 600).algs == ("HS256",)


def test_a_service_that_slept_makes_one_key_and_not_one_for_each_turn_missed() -> None:
    content = ring()
    wanted = due(content, T + 50_000)
    content = rotated(content, [generate_key(alg) for alg in wanted.algs], now_s=T + 50_000, with_secret=True)
    assert not due(content, T + 50_000)
    assert issues(content, T + 50_000)["signature"] == kid(content, 0)  # until the new one was published long enough
    assert len(content.signing) == 2


def test_who_says_how_often_last_is_followed_and_who_says_nothing_changes_nothing() -> None:
    often, never, silent = (
        RotationSchedule(token_lifetime_s_max=1000, session_lifetime_s_max=9000, rotate_every_s=every_s)
        for every_s in (100, 0, None)
    )
    assert SCHEDULE.widened(often).rotate_every_s == 100
    assert SCHEDULE.widened(silent).rotate_every_s == 500
    assert SCHEDULE.widened(never).rotate_every_s == 0
    assert widened(ring(), often, now_s=T).schedule.rotate_every_s == 100


@pytest.mark.parametrize("every_s", [-1, float("nan"), float("inf"), "60", True, SCHEDULE_S_MAX + 1])
def test_an_age_that_is_none_is_refused(every_s: object) -> None:
    with pytest.raises(ConfigurationError, match="rotate_every_s"):
        RotationSchedule(rotate_every_s=every_s)  # type: ignore[arg-type]


def test_a_key_that_would_never_sign_or_a_ring_that_would_burst_is_refused() -> None:
    for every_s in (60, 59, 1):
        with pytest.raises(ConfigurationError, match="longer than publish_s"):
            RotationSchedule(publish_s=60, rotate_every_s=every_s)
    with pytest.raises(ConfigurationError, match="rotate less often"):
        RotationSchedule(publish_s=0, rotate_every_s=1)


def test_two_schedules_that_do_not_fit_are_refused_and_the_ring_stays() -> None:
    """One process publishes for long, another rotates more often than that: together a key would never sign."""
    slow = RotationSchedule(publish_s=600, token_lifetime_s_max=1000, session_lifetime_s_max=9000)
    with KeyRing.in_memory(alg="HS256", schedule=slow) as ring:
        with pytest.raises(ConfigurationError, match="longer than publish_s"):
            ring.schedule.widened(SCHEDULE)
        assert ring.schedule == slow


@pytest.mark.parametrize("every_s", [0.2, 0.5, 7.25])
def test_scaled_down_schedules_count_in_milliseconds(every_s: float) -> None:
    schedule = RotationSchedule(publish_s=0.1, token_lifetime_s_max=1, session_lifetime_s_max=5, rotate_every_s=every_s)
    now_s = schedule.moment(T + 0.123456)
    assert now_s == pytest.approx(T + 0.123, abs=1e-6)
    content = new_ring(generate_key("HS256"), schedule=schedule, now_s=now_s)
    content = with_key(content, "HS256", now_s)
    assert content.signing[1].entry.sign_from == pytest.approx(now_s + 0.1, abs=2e-3)
    assert content.signing[0].entry.remove_at == pytest.approx(now_s + 1.1 + LEEWAY_S_MAX, abs=2e-3)
    assert SCHEDULE.moment(T + 0.9) == T
