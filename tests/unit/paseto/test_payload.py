"""Claims as the payload of a PASETO: times as RFC 3339 and back, strict JSON, and footers that are JSON."""

import enum
import json
from collections import UserDict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daypass.claims import ClaimsPolicy, check_claims
from daypass.errors import ClaimError, MalformedToken
from daypass.limits import FOOTER_BYTES_MAX, FOOTER_MEMBERS_MAX, NUMERIC_DATE_MAX
from daypass.paseto import payload
from daypass.paseto.payload import claims_of_payload, encode_payload, footer_members, rfc3339, with_times_as_text

YEAR_1_S = -62_135_596_800


def said(text: Any, name: str = "exp") -> Any:
    return claims_of_payload(json.dumps({name: text}).encode())[name]


# --------------------------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    "text, at_s",
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00+00:00", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("2026-11-26T02:21:08Z", 1_795_659_668),
        ("2026-11-26T03:21:08+01:00", 1_795_659_668),
        ("2026-11-25T20:51:08-05:30", 1_795_659_668),
        ("2026-11-27T02:20:08+23:59", 1_795_659_668),
        ("2026-11-26T02:21:08.5Z", 1_795_659_668.5),
        ("2026-11-26T02:21:08.000000Z", 1_795_659_668),
        ("2026-11-26T02:21:08.25+00:00", 1_795_659_668.25),
        ("2026-11-26T02:21:08.123456789Z", 1_795_659_668.123456),
        ("1969-12-31T23:59:59.5Z", -0.5),
        ("1970-01-01T00:00:01.81187Z", 1.81187),  # rounded once: 1 + 0.81187 is another float
        ("2024-02-29T23:59:59Z", 1_709_251_199),
        ("0001-01-01T00:00:00Z", YEAR_1_S),
        ("9999-12-31T23:59:59Z", NUMERIC_DATE_MAX - 1),
    ],
)
def test_a_time_is_epoch_seconds(text: str, at_s: float) -> None:
    for name in ("exp", "nbf", "iat"):
        for _ in range(2):  # read, and remembered
            found = said(text, name)
            assert found == at_s
            assert type(found) is type(at_s)
    assert claims_of_payload(json.dumps({"x": text, "y": {"exp": text}}).encode()) == {"x": text, "y": {"exp": text}}


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_whose_offset_leads_out_of_the_calendar_is_a_number_or_refused(text: str) -> None:
    """No datetime says it: it is compared all the same, and what lies after the year 9999 is refused there."""
    at_s = said(text)
    assert at_s < YEAR_1_S or at_s >= NUMERIC_DATE_MAX
    if at_s > 0:
        with pytest.raises(ClaimError):
            check_claims({"exp": at_s}, ClaimsPolicy(), now_s=0)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-26t02:21:08Z", "2026-11-26T02:21:08z", "2026-11-26 02:21:08Z", "2026-11-26T02:21:08"),
        *("2026-11-26T02:21Z", "2026-11-26T02Z", "2026-11-26", "20261126T022108Z", "2026-W48-4T02:21:08Z"),
        *("2026-330T02:21:08Z", "2026-11-26T02:21:08+0100", "2026-11-26T02:21:08+01", "2026-11-26T02:21:08+01:00:00"),
        *("2026-11-26T02:21:08+24:00", "2026-11-26T02:21:08+01:60", "2026-11-26T02:21:08,5Z", "2026-11-26T02:21:08.Z"),
        *("2026-11-26T02:21:08.1234567890Z", "2026-11-26T24:00:00Z", "2026-11-26T25:00:00Z", "2026-11-26T02:60:00Z"),
        *("2016-12-31T23:59:60Z", "2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z"),
        *("2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
        *("-2026-01-01T00:00:00Z", " 2026-11-26T02:21:08Z", "2026-11-26T02:21:08Z ", "2026-11-26T02:21:08Z\n", "", "Z"),
        *("\u0662\u0660\u0662\u0666-11-26T02:21:08Z", "2026-11-26T02:21:08\u2212" + "01:00", "1795659668", "now"),
        *(1_795_659_668, 1_795_659_668.0, 0, True, False, None, [], {}, ["2026-11-26T02:21:08Z"]),
    ],
    ids=repr,
)
def test_what_is_no_rfc_3339_is_refused(text: Any) -> None:
    for name in ("exp", "nbf", "iat"):
        with pytest.raises(ClaimError) as raised:
            said(text, name)
        assert (raised.value.claim, raised.value.reason) == (name, "type")
        assert not isinstance(text, str) or len(text) < 5 or text not in str(raised.value)


def test_remembered_times_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "_instants", {})
    begin = datetime(2030, 1, 1, tzinfo=UTC)
    for second in range(2 * payload._INSTANTS_MAX + 5):
        at = begin + timedelta(seconds=second)
        assert said(at.isoformat()) == int(at.timestamp())
        assert 0 < len(payload._instants) <= payload._INSTANTS_MAX
    with pytest.raises(ClaimError):
        said("never")
    assert "never" not in payload._instants


def test_a_time_is_spelled_as_utc() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00+00:00"
    assert rfc3339(1_795_659_668) == "2026-11-26T02:21:08+00:00"
    assert rfc3339(1_795_659_668.5) == "2026-11-26T02:21:08.500000+00:00"
    assert rfc3339(YEAR_1_S) == "0001-01-01T00:00:00+00:00"
    assert rfc3339(NUMERIC_DATE_MAX - 1) == "9999-12-31T23:59:59+00:00"
    for at_s in (YEAR_1_S - 1, NUMERIC_DATE_MAX, 1e300, -1e300, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="years 1 to 9999"):
            rfc3339(at_s)


# --------------------------------------------------------------------------------------------------- issue


def test_times_alone_are_rewritten() -> None:
    claims = {"exp": 1, "nbf": 2.5, "iat": 3, "x": {"exp": 4}, "y": [5], "auth_time": 6}
    before = json.dumps(claims)
    assert json.loads(encode_payload(claims)) == {
        "exp": "1970-01-01T00:00:01+00:00",
        "nbf": "1970-01-01T00:00:02.500000+00:00",
        "iat": "1970-01-01T00:00:03+00:00",
        "x": {"exp": 4},
        "y": [5],
        "auth_time": 6,
    }
    assert json.dumps(claims) == before
    assert claims_of_payload(encode_payload(claims)) == claims
    assert with_times_as_text({"a": 1}) == {"a": 1}
    assert encode_payload({}) == b"{}"
    assert encode_payload({"b": "\u00e9", "a": [1, None]}) == '{"b":"\u00e9","a":[1,null]}'.encode()


class Seconds(enum.IntEnum):
    LATER = 4_000_000_000


def test_any_mapping_and_any_member_that_equals_its_value() -> None:
    assert claims_of_payload(encode_payload(UserDict({"exp": Seconds.LATER, "a": 1}))) == {"exp": 4_000_000_000, "a": 1}


@pytest.mark.parametrize(
    "claims, error",
    [
        ({"exp": "2026-11-26T02:21:08Z"}, ValueError),
        ({"exp": True}, ValueError),
        ({"exp": None}, ValueError),
        ({"exp": NUMERIC_DATE_MAX}, ValueError),
        ({"exp": YEAR_1_S - 1}, ValueError),
        ({"exp": float("nan")}, (TypeError, ValueError)),
        ({"iss": 1}, ValueError),
        ({"aud": ["a"]}, ValueError),
        ({"aud": ["a", "b"]}, ValueError),
        ({"aud": []}, ValueError),
        ({"aud": ""}, ValueError),
        ({"aud": 5}, ValueError),
        ({"x": {1}}, TypeError),
        ({"x": (1,)}, TypeError),
        ({"x": datetime(2030, 1, 1, tzinfo=UTC)}, TypeError),
        ({1: 2}, TypeError),
        ({"x": "\ud800"}, TypeError),
        ([], TypeError),
        (None, TypeError),
    ],
    ids=repr,
)
def test_what_a_verifier_would_refuse_is_not_encoded(claims: Any, error: Any) -> None:
    with pytest.raises(error):
        encode_payload(claims)


# -------------------------------------------------------------------------------------------------- verify


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" ", b"[]", b'"x"', b"1", b"null", b"true", b"{", b"{}{}", b"{},", b"{'a':1}", b'{"a":1,}', b'{"a"}'),
        *(b"\xff", b'{"a":"\xff"}', b'{"\xc0\x80":1}', b'\xef\xbb\xbf{"a":1}', b'{"a":"\\ud800"}', b'{"a":"\n"}'),
        *('{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-32"), b'{"a":NaN}', b'{"a":Infinity}', b'{"a":01}'),
        *(b'{"a":1e999}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":1}', b'{"a":{"b":1,"b":1}}', b'{"exp":1,"exp":1}'),
        *(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"a":' * 50_000, b"[" * 500_000, b'{"a":\0}'),
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_no_strict_object_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedToken):
        claims_of_payload(raw)


def test_any_spelling_of_an_object_is_read() -> None:
    spelled = b' {"a" : 1e0, "\\u0062":"\\/", "exp":"1970-01-01T00:00:01\\u005a"}\r\n'
    assert claims_of_payload(spelled) == {"a": 1.0, "b": "/", "exp": 1}


@pytest.mark.parametrize("aud", [["a"], ["a", "b"], [], None, 5, True, {"a": 1}, [None]], ids=repr)
def test_an_audience_is_one_text(aud: Any) -> None:
    with pytest.raises(ClaimError) as raised:
        claims_of_payload(json.dumps({"aud": aud}).encode())
    assert (raised.value.claim, raised.value.reason) == ("aud", "type")
    assert claims_of_payload(b'{"aud":"a"}') == {"aud": "a"}


# -------------------------------------------------------------------------------------------------- footer


def test_a_footer_in_json_is_flat() -> None:
    assert footer_members(b"{}") == {}
    assert footer_members(b'{"kid":"k","a":1,"b":1.5,"c":true,"d":null}') == {
        "kid": "k",
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
    }
    assert footer_members('{ "kid" : "\u00e9" }'.encode()) == {"kid": "\u00e9"}
    for bad in (b"", b"[]", b'{"a":[]}', b'{"a":{}}', b'{"a":1,"a":1}', b'{"a":1} x', b'{"a":"\xff"}', b"k", b"\xff"):
        with pytest.raises(MalformedToken):
            footer_members(bad)


def test_a_footer_in_json_is_bounded() -> None:
    most = {f"{i}": i for i in range(FOOTER_MEMBERS_MAX)}
    assert footer_members(json.dumps(most).encode()) == most
    with pytest.raises(MalformedToken, match=f"{FOOTER_MEMBERS_MAX} members"):
        footer_members(json.dumps({**most, "more": 1}).encode())
    longest = b'{"a":"' + b"x" * (FOOTER_BYTES_MAX - 8) + b'"}'
    assert len(footer_members(longest)["a"]) == FOOTER_BYTES_MAX - 8
    with pytest.raises(MalformedToken, match=f"at most {FOOTER_BYTES_MAX} bytes"):
        footer_members(longest + b" ")
