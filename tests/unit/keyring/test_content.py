import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import ConfigurationError, DaypassError, KeyFormatError, WeakKey
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.key_use import signing_algorithm, verifying_algorithms
from daypass.keyring.content import RingContent, dump_ring, parse_ring
from daypass.keyring.rotation import new_ring, rotated
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.storage import RingText
from daypass.limits import NUMERIC_DATE_MAX, RING_BYTES_MAX

T = 1_800_000_000
SCHEDULE = RotationSchedule(publish_s=61)


def ring(alg: str = "EdDSA") -> RingContent:
    content = new_ring(JWK.generate(alg), schedule=SCHEDULE, now_s=T)
    return rotated(content, [JWK.generate(alg)], at_once=False, now_s=T + 5)


TEXT = dump_ring(ring("EdDSA")).reveal()
SYMMETRIC = dump_ring(ring("HS256")).reveal()


def parsed(document: object) -> RingContent:
    return parse_ring(RingText(json.dumps(document).encode()), where="here")


@pytest.mark.parametrize("alg", ["EdDSA", "Ed448", "ES256", "ES512", "RS256", "PS384", "HS256", "HS512"])
def test_what_is_written_is_read_again(alg: str) -> None:
    content = ring(alg)
    again = parse_ring(dump_ring(content), where="here")
    assert again.entries() == content.entries()
    assert again.schedule == SCHEDULE
    assert [held.key.to_dict(private=True) for held in again.signing] == [
        held.key.to_dict(private=True) for held in content.signing
    ]
    assert [held.secret.reveal() for held in again.secrets] == [held.secret.reveal() for held in content.secrets]
    assert dump_ring(again).reveal() == dump_ring(content).reveal()


def test_verifiers_get_no_private_key_unless_it_is_symmetric() -> None:
    assert not any(held.verifying.is_private for held in ring("ES256").signing)
    assert all(held.verifying is held.key for held in ring("HS256").signing)


def test_it_is_a_jwk_set_in_which_a_secret_is_no_key_for_tokens() -> None:
    secrets = [key for key in JWKSet.from_json(TEXT) if key.kty == "oct"]
    assert len(secrets) == 2
    for secret in secrets:
        assert (secret.alg, secret.key_ops) == (None, ("deriveBits",))
        with pytest.raises(ConfigurationError):
            verifying_algorithms(secret, ("HS256",))
        with pytest.raises(ConfigurationError):
            signing_algorithm(secret)


Change = Callable[[dict[str, Any]], object]


def change(apply: Change, text: bytes = TEXT) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    apply(document)
    return document


@pytest.mark.parametrize("cut", [0, 1, len(TEXT) // 2, len(TEXT) - 1])
def test_a_text_that_was_cut_off(cut: int) -> None:
    with pytest.raises(ConfigurationError, match="here"):
        parse_ring(RingText(TEXT[:cut]), where="here")


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"keys":[]}',
        b'{"keys":{},"daypass":{}}',
        b'{"keys":[],"daypass":{"format":1,"schedule":{}}}',
        b'{"keys":[],"keys":[],"daypass":{}}',
        b"{" * 100_000,
        b" " * RING_BYTES_MAX + b"{}",
        TEXT + b"{}",
        b"\xef\xbb\xbf" + TEXT,
    ],
)
def test_a_text_that_is_no_ring(text: bytes) -> None:
    with pytest.raises(ConfigurationError, match="here"):
        parse_ring(RingText(text), where="here")


@pytest.mark.parametrize(
    "apply, reason",
    [
        (lambda it: it["daypass"].update(format=2), "newer"),
        (lambda it: it["daypass"].update(format=True), "newer"),
        (lambda it: it["daypass"].pop("schedule"), "schedule"),
        (lambda it: it["daypass"]["schedule"].update(publish_s=-1), "schedule"),
        (lambda it: it["daypass"]["schedule"].update(publish_s="60"), "schedule"),
        (lambda it: it["keys"].__setitem__(0, 7), "key 1"),
        (lambda it: it["keys"][1].update(kid=it["keys"][0]["kid"]), "same kid"),
        (lambda it: it["keys"][2].update(kid=it["keys"][3]["kid"]), "same kid"),
        (lambda it: it["keys"][0].update(kid=7), "kid"),
        (lambda it: it["keys"][0].pop("kid"), "kid"),
        (lambda it: it["keys"][0].pop("alg"), "alg"),
        (lambda it: it["keys"][0].update(alg="none"), "key 1"),
        (lambda it: it["keys"][0].update(alg="ECDH-ES"), "key 1"),
        (lambda it: it["keys"][0].update(use="enc"), "key 1"),
        (lambda it: it["keys"][0].update(key_ops=["verify"]), "key 1"),
        (lambda it: it["keys"][0].update(x=it["keys"][1]["x"]), "key 1"),
        (lambda it: it["keys"][0].update(d="AAAA"), "key 1"),
        (lambda it: it["keys"][1].pop("d"), "private"),
        (lambda it: it["keys"][0].pop("d"), "private"),
        (lambda it: it["keys"][0].pop("daypass"), "daypass"),
        (lambda it: it["keys"][0].update(daypass=[]), "daypass"),
        (lambda it: it["keys"][0]["daypass"].update(purpose="encrypt"), "purpose"),
        (lambda it: it["keys"][0]["daypass"].update(purpose=[]), "purpose"),
        (lambda it: it["keys"][0]["daypass"].update(purpose="derive"), "ring secret"),
        (lambda it: it["keys"][2]["daypass"].update(purpose="sign"), "key 3"),
        (lambda it: it["keys"][0]["daypass"].update(publish_at=None), "publish_at"),
        (lambda it: it["keys"][0]["daypass"].update(sign_from="1.5"), "sign_from"),
        (lambda it: it["keys"][0]["daypass"].update(sign_from=True), "sign_from"),
        (lambda it: it["keys"][0]["daypass"].update(retire_at=-1), "retire_at"),
        (lambda it: it["keys"][0]["daypass"].update(remove_at=NUMERIC_DATE_MAX), "remove_at"),
        (lambda it: it["keys"][0]["daypass"].update(retire_at=None), "without being retired"),
        (lambda it: it["keys"][1]["daypass"].update(retire_at=T), "none of its keys signs"),
        (lambda it: it["keys"].__delitem__(slice(2)), "none of its keys signs"),
        (lambda it: it["keys"].__delitem__(slice(2, 4)), "no secret"),
        (lambda it: it["keys"][3]["daypass"].update(retire_at=T), "no secret"),
        (lambda it: it["keys"][2].update(kid="a.b"), "ring secret"),
        (lambda it: it["keys"][2].update(kid="x" * 65), "ring secret"),
        (lambda it: it["keys"][2].update(kid="ab\n"), "ring secret"),
        (lambda it: it["keys"][2].pop("k"), "ring secret"),
        (lambda it: it["keys"][2].update(k=it["keys"][2]["k"] + "="), "key 3"),
        (lambda it: it["keys"][2].update(k="\u00e4" * 44), "key 3"),
    ],
)  # fmt: skip
def test_a_ring_with_one_fault(apply: Change, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^here: .*{reason}"):
        parsed(change(apply))


def test_a_key_that_cannot_be_read_is_told_apart() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed(change(lambda it: it["keys"][0].update(x="AAAA")))
    assert isinstance(caught.value.__cause__, KeyFormatError)


@pytest.mark.parametrize("secret", ["", "AAAA", "A" * 43, "Y2hhbmdlbWVjaGFuZ2VtZWNoYW5nZW1lY2hhbmdlbWU"])
def test_a_weak_secret_is_refused_for_either_purpose(secret: str) -> None:
    with pytest.raises(DaypassError, match="here: key 3"):
        parsed(change(lambda it: it["keys"][2].update(k=secret)))
    with pytest.raises(DaypassError, match="here: key 1"):
        parsed(change(lambda it: it["keys"][0].update(k=secret), SYMMETRIC))


def test_a_guessable_signing_secret_says_how_to_make_a_good_one() -> None:
    with pytest.raises(WeakKey, match="token_urlsafe"):
        parsed(change(lambda it: it["keys"][0].update(k="A" * 43), SYMMETRIC))


def test_a_key_without_private_part_may_verify_when_it_is_not_due_to_sign() -> None:
    document = change(lambda it: it["keys"][0].pop("d"))
    document["keys"][0]["daypass"]["retire_at"] = document["keys"][0]["daypass"]["sign_from"]
    content = parsed(document)
    assert not content.signing[0].key.is_private
    assert "d" not in json.loads(dump_ring(content).reveal())["keys"][0]


def test_a_ring_that_could_not_be_read_again_is_not_written() -> None:
    content = ring()
    many = RingContent(content.signing, content.secrets * (RING_BYTES_MAX // 200), content.schedule)
    with pytest.raises(ConfigurationError, match="retire"):
        dump_ring(many)


@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=3), st.integers(0, 4))
def test_whatever_is_damaged_only_our_errors_leave(at: int, junk: bytes, cut: int) -> None:
    try:
        content = parse_ring(RingText(TEXT[:at] + junk + TEXT[at + cut :]), where="here")
    except (ConfigurationError, WeakKey):
        return
    assert content.signing
    assert content.secrets


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "oct", "RSA", "sign", "EdDSA", "AQAB", "\u00e4"]) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
MEMBERS = ["kty", "crv", "x", "d", "k", "kid", "alg", "use", "key_ops", "n", "e", "daypass"]


@given(st.integers(0, 3), st.dictionaries(st.sampled_from(MEMBERS), JSON, min_size=1, max_size=3))
def test_whatever_a_member_holds_only_our_errors_leave(number: int, members: dict[str, Any]) -> None:
    document = change(lambda it: it["keys"][number].update(members))
    with suppress(ConfigurationError, WeakKey):
        assert parsed(document).signing


@given(st.sampled_from(["purpose", "publish_at", "sign_from", "retire_at", "remove_at"]), JSON, st.integers(0, 3))
def test_whatever_a_time_holds_only_our_errors_leave(name: str, value: object, number: int) -> None:
    document = change(lambda it: it["keys"][number]["daypass"].update({name: value}))
    with suppress(ConfigurationError, WeakKey):
        assert parsed(document).signing
