import pytest

from daypass.errors import ConfigurationError
from daypass.keyring.schedule import RotationSchedule
from daypass.limits import LEEWAY_S_MAX


def test_the_defaults() -> None:
    schedule = RotationSchedule()
    assert schedule.publish_s == 60
    assert schedule.stays_s("sign") == 86_400 + LEEWAY_S_MAX
    assert schedule.stays_s("derive") == 2_592_000 + LEEWAY_S_MAX


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "60", None, True, 10**10])
@pytest.mark.parametrize("name", ["publish_s", "token_lifetime_s_max", "session_lifetime_s_max"])
def test_a_time_that_is_none_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        RotationSchedule(**{name: value})  # type: ignore[arg-type]


def test_nothing_lives_for_no_time_but_a_key_may_sign_at_once() -> None:
    assert RotationSchedule(publish_s=0).publish_s == 0
    with pytest.raises(ConfigurationError):
        RotationSchedule(token_lifetime_s_max=0)


def test_the_longer_times_win_whoever_asks() -> None:
    one = RotationSchedule(publish_s=5, token_lifetime_s_max=7, session_lifetime_s_max=9)
    other = RotationSchedule(publish_s=6, token_lifetime_s_max=6, session_lifetime_s_max=10)
    wide = RotationSchedule(publish_s=6, token_lifetime_s_max=7, session_lifetime_s_max=10)
    assert one.widened(other) == other.widened(one) == wide == wide.widened(one)
