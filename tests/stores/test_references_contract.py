"""What every place does that keeps references: sessions stores, and memcached.

memcached has a clock of its own, so times here are those of the wall.
"""

import os
import time

import pytest

from daypass.limits import LEEWAY_S_MAX, REFERENCE_BYTES_MAX
from daypass.stores.protocol import ReferenceStore, SessionStore
from tests.real_servers.server import until as wait_until
from tests.stores.test_contract import row, together

LASTS_S = 3600


def now() -> int:
    return int(time.time())


def test_what_is_put_is_read_back_byte_by_byte(references: ReferenceStore) -> None:
    for sealed in (b"v4.local.text", bytes(range(256)) * 3, b"\r\nEND\r\n", b"x"):
        digest = os.urandom(32)
        references.put_reference(digest, sealed, until=now() + LASTS_S)
        found = references.get_reference(digest, now_s=now())
        assert found == sealed
        assert type(found) is bytes


def test_any_digest_is_a_name(references: ReferenceStore) -> None:
    digests = [
        bytes(32),
        b"\xff" * 32,
        b" " * 32,
        b"a" * 31 + b" ",
        b"a" * 31 + b"\0",
        b"A" * 32,
        b"a" * 32,
        b"%s{}\r\n'\\" * 4,
    ]
    for number, digest in enumerate(digests):
        assert len(digest) == 32
        assert references.get_reference(digest, now_s=now()) is None, "no digest is taken for another"
        references.put_reference(digest, b"%d" % number, until=now() + LASTS_S)
    for number, digest in enumerate(digests):
        assert references.get_reference(digest, now_s=now()) == b"%d" % number


def test_the_largest_entry_is_kept_whole(references: ReferenceStore) -> None:
    sealed = os.urandom(REFERENCE_BYTES_MAX)
    references.put_reference(bytes(32), sealed, until=now() + LASTS_S)
    assert references.get_reference(bytes(32), now_s=now()) == sealed


def test_an_unknown_reference_reads_as_none(references: ReferenceStore) -> None:
    assert references.get_reference(os.urandom(32), now_s=now()) is None
    assert references.drop_reference(os.urandom(32)) is False


def test_a_reference_that_is_put_again_is_replaced(references: ReferenceStore) -> None:
    references.put_reference(bytes(32), b"old", until=now() + 100)
    references.put_reference(bytes(32), b"new", until=now() + LASTS_S)
    references.put_reference(bytes(32), b"new", until=now() + LASTS_S)  # as after an answer that was lost
    assert references.get_reference(bytes(32), now_s=now()) == b"new"
    assert references.drop_reference(bytes(32)) is True
    assert references.get_reference(bytes(32), now_s=now()) is None


def test_a_reference_that_was_dropped_is_unknown_and_drops_once(references: ReferenceStore) -> None:
    other = b"o" * 32
    references.put_reference(bytes(32), b"one", until=now() + LASTS_S)
    references.put_reference(other, b"two", until=now() + LASTS_S)
    assert sorted(map(str, together(8, lambda _: references.drop_reference(bytes(32))))) == ["False"] * 7 + ["True"]
    assert references.get_reference(bytes(32), now_s=now()) is None
    assert references.get_reference(other, now_s=now()) == b"two"


def test_a_reference_is_over_at_its_time(references: ReferenceStore) -> None:
    references.put_reference(bytes(32), b"sealed", until=now() + 3)
    assert references.get_reference(bytes(32), now_s=now()) == b"sealed"
    wait_until(lambda: references.get_reference(bytes(32), now_s=time.time()) is None, 15, "it is over")


def test_asking_to_keep_it_longer_never_changes_the_answer(references: ReferenceStore) -> None:
    references.put_reference(bytes(32), b"sealed", until=now() + LASTS_S)
    for _ in range(3):
        assert references.get_reference(bytes(32), now_s=now(), until=now() + 2 * LASTS_S) == b"sealed"
    assert references.get_reference(b"u" * 32, now_s=now(), until=now() + LASTS_S) is None
    assert references.get_reference(b"u" * 32, now_s=now()) is None, "asking makes nothing"


def test_references_put_at_once_are_all_kept(references: ReferenceStore) -> None:
    def put_and_read(number: int) -> bytes | None:
        digest = b"%032d" % number
        references.put_reference(digest, b"%d" % number, until=now() + LASTS_S)
        return references.get_reference(digest, now_s=now())

    assert together(12, put_and_read) == [b"%d" % number for number in range(12)]


def test_one_reference_put_at_once_is_one_of_them(references: ReferenceStore) -> None:
    answers = together(8, lambda number: references.put_reference(bytes(32), b"%d" % number, until=now() + LASTS_S))
    assert answers == [None] * 8
    assert references.get_reference(bytes(32), now_s=now()) in [b"%d" % number for number in range(8)]


# ------------------------------------------------------------------------------------------------- purging


def put_old(store: SessionStore, count: int, until: int) -> list[bytes]:
    digests = [os.urandom(32) for _ in range(count)]
    for digest in digests:
        store.put_reference(digest, b"old", until=until)  # type: ignore[attr-defined]
    return digests


def test_purging_removes_what_no_clock_takes_any_more(purged_store: SessionStore) -> None:
    until = now() + 100
    (digest,) = put_old(purged_store, 1, until)
    assert purged_store.purge(now_s=until + LEEWAY_S_MAX, limit=100) == 0
    assert purged_store.get_reference(digest, now_s=until - 1) == b"old"  # type: ignore[attr-defined]
    assert purged_store.purge(now_s=until + LEEWAY_S_MAX + 1, limit=100) == 1
    assert purged_store.get_reference(digest, now_s=until - 1) is None  # type: ignore[attr-defined]


def test_purging_is_bounded_and_neither_kind_keeps_the_other_waiting(purged_store: SessionStore) -> None:
    start = now()
    put_old(purged_store, 5, start)
    old = [row(idle_ends_at=start + 1, access_until=start) for _ in range(5)]
    for one in old:
        purged_store.insert(one, sessions_max=100, now_s=start)
    later = start + 10_000_000
    left = [len(old)]
    for _ in range(3):
        assert purged_store.purge(now_s=later, limit=4) <= 4
        left.append(sum(purged_store.get(one.sid) is not None for one in old))
    assert left[1] == 3, "half of the first batch were sessions"
    assert left[-1] == 0


@pytest.mark.parametrize("count", [300])
def test_two_that_purge_at_once_remove_each_row_once(purged_store: SessionStore, count: int) -> None:
    put_old(purged_store, count, 1000)
    answers = together(4, lambda _: purged_store.purge(now_s=now(), limit=1000))
    assert all(isinstance(answer, int) for answer in answers), answers
    assert sum(answers) + purged_store.purge(now_s=now(), limit=1000) == count  # type: ignore[arg-type]
