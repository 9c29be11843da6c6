"""PASETO for any input: what is issued is read as it was, what is no token is a TokenError, and PAE loses nothing."""

import json
from struct import unpack_from
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass.claims import ClaimsPolicy
from daypass.errors import TokenError
from daypass.paseto.pae import pae
from daypass.paseto.payload import claims_of_payload, footer_members, rfc3339
from tests.paseto_keys import KINDS, issue, issue_claims, joined, read, read_claims
from tests.property.test_json_objects import JSON, REFUSED, judge

REGISTERED = ("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "typ")
ANY_KIND = st.sampled_from(KINDS)
MODERN = st.sampled_from([kind for kind in KINDS if kind[0] > 2])
LENIENT = ClaimsPolicy(required=(), audience="a")
ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.lists(st.text()) | st.builds(object)
SEGMENT = st.text(max_size=12) | st.text("ABCwxyz019-_=.", max_size=200)
HEADED = st.builds("v{}.{}.{}".format, st.integers(0, 5), st.sampled_from(["local", "public", "x", ""]), SEGMENT)
FOOTED = st.builds("{}.{}".format, HEADED, SEGMENT)


def accepted(token: Any) -> list[object]:
    """Read in every way; what is no TokenError fails the test."""
    values: list[object] = []
    for version, purpose in KINDS:
        for act in (read, read_claims):
            try:
                values.append(act(version, purpose, token))
            except TokenError:
                continue
    return values


@given(st.text() | HEADED | FOOTED | ODD)
@settings(max_examples=600)
@example("\ud800.\ud800.\ud800")
@example("v4.local." + "." * 5000)
@example("v4.public." + "A" * 5000)
@example("v4.local.\x00.")
def test_arbitrary_input(token: Any) -> None:
    assert accepted(token) == []


GOOD = {kind: issue_claims(*kind, {"sub": "u1", "exp": 4_000_000_000}, footer=b'{"kid":"1"}') for kind in KINDS}


@given(ANY_KIND, st.data())
@settings(max_examples=400)
def test_a_token_that_was_changed_anywhere(kind: Any, data: st.DataObject) -> None:
    good = GOOD[kind]
    begin, end = sorted((data.draw(st.integers(0, len(good))), data.draw(st.integers(0, len(good)))))
    changed = good[:begin] + data.draw(st.text(max_size=4) | st.text("ABab09-_.", max_size=40)) + good[end:]
    assert (accepted(changed) == []) is (changed != good)


@given(ANY_KIND, st.binary(max_size=120), st.binary(max_size=60), st.binary(max_size=60))
@settings(max_examples=300)
def test_any_bytes_go_both_ways(kind: Any, payload: bytes, footer: bytes, implicit: bytes) -> None:
    words = {"implicit": implicit} if kind[0] > 2 else {}
    token = issue(*kind, payload, footer=footer, **words)
    opened = read(*kind, token, footer=footer, **words)
    assert (opened.payload, opened.footer) == (payload, footer)
    assert read(*kind, token, **words) == opened


@given(MODERN, st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9))
@settings(max_examples=300)
def test_footer_and_assertion_are_those_that_it_was_made_with(
    kind: Any, footer: bytes, implicit: bytes, other_footer: bytes, other_implicit: bytes
) -> None:
    token = issue(*kind, b"x", footer=footer, implicit=implicit)
    head = ".".join(token.split(".")[:3])
    moved = head + joined("", b"", other_footer)
    try:
        holds = read(*kind, moved, implicit=other_implicit).footer == footer
    except TokenError:
        holds = False
    assert holds is ((footer, implicit) == (other_footer, other_implicit))


@given(ANY_KIND, st.dictionaries(st.text(max_size=6), JSON, max_size=6), st.integers(60, 10**9))
@settings(max_examples=300)
def test_any_claims_go_both_ways(kind: Any, claims: dict[str, Any], lifetime_s: int) -> None:
    claims = {name: value for name, value in claims.items() if name not in REGISTERED}
    before = repr(claims)
    verified = read_claims(*kind, issue_claims(*kind, claims, lifetime_s=lifetime_s, bytes_max=2**20), bytes_max=2**20)
    assert verified.pop("exp") - verified.pop("iat") == lifetime_s
    assert verified == claims
    assert repr({name: verified[name] for name in claims}) == before == repr(claims)


TIMES = st.integers(-62_135_596_800, 253_402_300_799) | st.integers(0, 4 * 10**15).map(lambda us: us / 1_000_000)


@given(st.fixed_dictionaries({}, optional={"exp": TIMES, "nbf": TIMES, "iat": TIMES, "sub": st.text(max_size=3)}))
@settings(max_examples=400)
@example({"exp": 1.81187})
def test_times_go_both_ways(claims: dict[str, Any]) -> None:
    """To the microsecond, which is what a datetime holds."""
    token = issue_claims(4, "public", claims, lifetime_s=None)
    raw = json.loads(read(4, "public", token).payload)
    assert all(isinstance(raw[name], str) for name in claims)
    assert claims_of_payload(read(4, "public", token).payload) == claims
    for name in claims.keys() & {"exp", "nbf", "iat"}:
        assert raw[name] == rfc3339(claims[name])


ANYTHING = st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.sampled_from(["a", "b", 5, None])) | JSON


@given(st.dictionaries(st.sampled_from(REGISTERED) | st.text(max_size=2), ANYTHING, max_size=5))
@settings(max_examples=500)
@example({"exp": float("nan")})
@example({"exp": 10**400})
@example({"aud": ["a"]})
def test_what_is_issued_has_a_form_that_is_read(claims: dict[str, Any]) -> None:
    """Either it is a mistake of the caller, or the claims come back; only then may a policy refuse them."""
    try:
        token = issue_claims(4, "public", claims, lifetime_s=None, bytes_max=2**20)
    except (TypeError, ValueError):
        return
    raw = read(4, "public", token).payload
    found = claims_of_payload(raw)
    for name in claims.keys() & {"exp", "nbf", "iat"}:
        assert abs(found.pop(name) - claims[name]) < 1e-3
    assert found == {name: value for name, value in claims.items() if name not in ("exp", "nbf", "iat")}


MEMBERS = st.dictionaries(st.sampled_from(["exp", "aud", "typ", "x"]), ANYTHING, max_size=3)
RAW = st.binary(max_size=30) | st.builds(lambda it: json.dumps(it).encode(), JSON | MEMBERS)


@given(RAW)
@settings(max_examples=500)
@example(b'{"a":1,"a":1}')
@example(b'{"a":' + b"[" * 3000)
def test_any_payload_that_was_signed(payload: bytes) -> None:
    token = issue(4, "public", payload)
    assert read(4, "public", token).payload == payload
    try:
        claims = read_claims(4, "public", token, policy=LENIENT)
    except TokenError:
        return
    assert {name: value for name, value in claims.items() if name not in ("exp", "nbf", "iat")}.items() <= judge(
        payload
    ).items()


@given(RAW)
@settings(max_examples=500)
def test_a_footer_is_read_as_it_is_or_refused(footer: bytes) -> None:
    expected = judge(footer)
    is_flat = expected != REFUSED and not any(isinstance(value, dict | list) for value in expected.values())
    try:
        found: Any = footer_members(footer)
    except TokenError:
        found = REFUSED
    assert found == (expected if is_flat else REFUSED)


def pieces_of(encoded: bytes) -> list[bytes]:
    """What PAE was given, read back: since there is such a function, no two lists give the same bytes."""
    (count,), at, pieces = unpack_from("<Q", encoded), 8, []
    for _ in range(count):
        (length,) = unpack_from("<Q", encoded, at)
        pieces.append(encoded[at + 8 : at + 8 + length])
        assert len(pieces[-1]) == length
        at += 8 + length
    assert at == len(encoded)
    return pieces


PIECES = st.lists(st.binary(max_size=30), max_size=6)


@given(PIECES)
@settings(max_examples=500)
@example([])
@example([b""])
@example([bytes(8), b""])
@example([b"\x01" + bytes(7)])
def test_pae_can_be_read_back(pieces: list[bytes]) -> None:
    assert pieces_of(pae(*pieces)) == pieces


@given(st.binary(max_size=24), st.data())
@settings(max_examples=500)
def test_pae_tells_where_a_piece_ends(joined_up: bytes, data: st.DataObject) -> None:
    """The same bytes, cut in different places, and a piece that looks like an encoding of others."""

    def cut() -> list[bytes]:
        places = sorted(data.draw(st.lists(st.integers(0, len(joined_up)), max_size=3)))
        return [joined_up[a:b] for a, b in zip([0, *places], [*places, len(joined_up)], strict=True)]

    one, two = cut(), cut()
    assert (pae(*one) == pae(*two)) is (one == two)
    assert pae(pae(*one)) != pae(*one)
