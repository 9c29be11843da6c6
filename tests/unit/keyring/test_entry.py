import pytest

from daypass.keyring.entry import RingEntry

ENTRY = RingEntry(kid="k", alg="EdDSA", purpose="sign", publish_at=100, sign_from=160)


@pytest.mark.parametrize(
    "now_s, state",
    [
        (0, "next"),
        (100, "next"),
        (159.9, "next"),
        (160, "active"),
        (199.9, "active"),
        (200, "retiring"),
        (299.9, "retiring"),
        (300, "removed"),
        (10**12, "removed"),
    ],
)
def test_the_state_follows_from_the_clock(now_s: float, state: str) -> None:
    entry = RingEntry(kid="k", alg="EdDSA", purpose="sign", publish_at=100, sign_from=160, retire_at=200, remove_at=300)
    assert entry.state(now_s) == state


def test_without_a_successor_a_key_stays_active() -> None:
    assert ENTRY.state(10**12) == "active"


def test_a_key_that_was_superseded_before_it_signed_never_signs() -> None:
    entry = ENTRY.superseded(120, stays_s=50)
    assert [entry.state(now_s) for now_s in (119, 120, 160, 209, 210)] == [
        "next", "retiring", "retiring", "retiring", "removed",
    ]  # fmt: skip


def test_a_successor_sets_both_times() -> None:
    entry = ENTRY.superseded(200, stays_s=50)
    assert (entry.retire_at, entry.remove_at) == (200, 250)


def test_a_later_successor_changes_nothing() -> None:
    entry = ENTRY.superseded(200, stays_s=50)
    assert entry.superseded(300, stays_s=50) is entry


def test_an_earlier_successor_takes_over_and_shortens_no_life() -> None:
    entry = ENTRY.superseded(200, stays_s=50).superseded(180, stays_s=50)
    assert (entry.retire_at, entry.remove_at) == (180, 250)


def test_after_a_clock_was_stepped_back_the_tokens_of_before_are_still_accepted() -> None:
    entry = ENTRY.superseded(20, stays_s=50)  # the key has signed at 160 already
    assert (entry.retire_at, entry.remove_at) == (20, 210)
