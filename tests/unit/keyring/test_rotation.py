import pytest

from daypass.errors import ConfigurationError
from daypass.jose.jwk import JWK
from daypass.keyring.content import RingContent
from daypass.keyring.rotation import in_use, new_ring, newest_algs, rotated, widened, without
from daypass.keyring.schedule import RotationSchedule
from daypass.limits import LEEWAY_S_MAX

SCHEDULE = RotationSchedule(publish_s=60, token_lifetime_s_max=1000, session_lifetime_s_max=9000)
T = 1_800_000_000


def key(kid: str, alg: str = "HS256") -> JWK:
    return JWK.generate(alg, kid=kid)


def ring() -> RingContent:
    return new_ring(key("a"), schedule=SCHEDULE, now_s=T)


def states(content: RingContent, now_s: float) -> list[str]:
    return [entry.state(now_s) for entry in content.entries()]


def signs(content: RingContent, now_s: float) -> str:
    return in_use(content.signing, now_s).entry.kid


def test_a_new_ring_has_a_key_and_a_secret_in_use() -> None:
    assert states(ring(), T) == ["active", "active"]
    assert [entry.purpose for entry in ring().entries()] == ["sign", "derive"]


def test_each_secret_has_256_random_bits_and_a_name_of_its_own() -> None:
    one, other = ring().secrets[0], ring().secrets[0]
    assert len(one.secret.reveal()) == 32
    assert one.secret.reveal() != other.secret.reveal()
    assert one.entry.kid != other.entry.kid


def test_a_rotation_publishes_first_and_signs_later() -> None:
    content = rotated(ring(), [key("b")], at_once=False, now_s=T + 100)
    assert states(content, T + 100) == ["active", "next", "active", "next"]
    assert signs(content, T + 159) == "a"
    assert states(content, T + 160) == ["retiring", "active", "retiring", "active"]
    assert signs(content, T + 160) == "b"


def test_a_key_stays_for_its_last_token_and_a_secret_for_its_last_session() -> None:
    content = rotated(ring(), [key("b")], at_once=False, now_s=T + 100)
    a, _, secret, _ = content.entries()
    assert a.remove_at == T + 160 + 1000 + LEEWAY_S_MAX
    assert secret.remove_at == T + 160 + 9000 + LEEWAY_S_MAX


def test_at_once_signs_now() -> None:
    content = rotated(ring(), [key("b")], at_once=True, now_s=T + 100)
    assert states(content, T + 100) == ["retiring", "active", "retiring", "active"]


def test_at_once_overtakes_a_key_that_waits() -> None:
    content = rotated(ring(), [key("b")], at_once=False, now_s=T + 100)
    content = rotated(content, [key("c")], at_once=True, now_s=T + 120)
    assert [signs(content, T + t) for t in (120, 160, 10_000)] == ["c", "c", "c"]
    assert states(content, T + 170)[:3] == ["retiring", "retiring", "active"]


def test_two_rotations_in_a_row_lose_no_key() -> None:
    content = rotated(ring(), [key("b")], at_once=False, now_s=T + 100)
    content = rotated(content, [key("c")], at_once=False, now_s=T + 110)
    assert [signs(content, T + t) for t in (110, 159, 160, 169, 170)] == ["a", "a", "b", "b", "c"]


def test_two_rotations_at_once_in_one_second_leave_one_that_signs() -> None:
    content = ring()
    for kid in "bcd":
        content = rotated(content, [key(kid)], at_once=True, now_s=T)
    assert signs(content, T) == "d"
    assert states(content, T)[:4] == ["retiring", "retiring", "retiring", "active"]


def test_a_removed_key_is_dropped_once_the_ring_has_seen_that_time() -> None:
    """Not at the first rotation after it: its clock alone may be far ahead."""
    content = rotated(ring(), [key("b")], at_once=True, now_s=T)
    gone_at = T + 1000 + LEEWAY_S_MAX
    assert states(content, gone_at) == ["removed", "active", "retiring", "active"]
    content = rotated(content, [key("c")], at_once=True, now_s=gone_at)
    assert [entry.kid for entry in content.entries() if entry.purpose == "sign"] == ["a", "b", "c"]
    content = rotated(content, [key("d")], at_once=True, now_s=gone_at + 1)
    assert [entry.kid for entry in content.entries() if entry.purpose == "sign"] == ["b", "c", "d"]


def test_a_clock_stepped_back_before_the_first_key_still_signs() -> None:
    assert signs(ring(), T - 10_000) == "a"


def test_a_rotation_after_the_clock_was_stepped_back_takes_over_all_the_same() -> None:
    content = rotated(ring(), [key("b")], at_once=False, now_s=T - 5000)
    assert [signs(content, T + t) for t in (-5000, -4941, -4940, 0, 10_000)] == ["a", "a", "b", "b", "b"]
    assert content.signing[0].entry.state(T + 1000) == "retiring"  # its tokens of before the step


def test_a_key_that_was_made_in_a_wrong_future_does_not_wait_for_it() -> None:
    content = rotated(ring(), [key("b")], at_once=False, now_s=T + 10**8)
    assert signs(content, T) == "a"
    content = rotated(content, [key("c")], at_once=False, now_s=T)
    assert [signs(content, T + t) for t in (59, 60, 10**8 + 100)] == ["a", "c", "c"]


def test_a_retired_key_is_gone_whole() -> None:
    content = rotated(ring(), [key("b")], at_once=True, now_s=T)
    content = without(content, "a", now_s=T)
    assert [entry.kid for entry in content.entries() if entry.purpose == "sign"] == ["b"]
    secret = content.secrets[0].entry.kid
    assert secret not in [entry.kid for entry in without(content, secret, now_s=T).entries()]


def test_when_the_active_key_is_retired_the_one_that_waits_takes_over() -> None:
    content = without(rotated(ring(), [key("b")], at_once=False, now_s=T), "a", now_s=T)
    assert signs(content, T) == "b"


def test_the_newest_key_is_not_retired() -> None:
    for kid in ("a", ring().secrets[0].entry.kid):
        with pytest.raises(ConfigurationError):
            without(ring(), kid, now_s=T)
    with pytest.raises(ConfigurationError, match="rotate"):
        without(ring(), "a", now_s=T)


def test_an_unknown_key_is_not_retired() -> None:
    with pytest.raises(ConfigurationError, match="no key"):
        without(ring(), "z", now_s=T)


def test_the_newest_alg_is_that_of_the_key_without_successor() -> None:
    content = rotated(ring(), [key("b", "HS512")], at_once=False, now_s=T)
    assert (newest_algs(ring()), newest_algs(content)) == (("HS256",), ("HS512",))


def test_a_wider_schedule_holds_for_keys_that_are_in_use() -> None:
    wide = RotationSchedule(publish_s=1, token_lifetime_s_max=2000, session_lifetime_s_max=1)
    early = rotated(ring(), [key("b")], at_once=True, now_s=T)
    content = rotated(early, [key("c")], at_once=False, now_s=T + 10)
    content = widened(content, wide, now_s=T + 20)
    assert content.schedule == SCHEDULE.widened(wide)
    a, b, c = (held.entry for held in content.signing)
    assert a.remove_at == T + 1000 + LEEWAY_S_MAX  # it has signed its last token
    assert b.remove_at == T + 70 + 2000 + LEEWAY_S_MAX
    assert c.remove_at is None
