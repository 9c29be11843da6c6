"""base64url and JSON: the examples of the RFCs; tests/property has the rest."""

from typing import Any

import pytest

from daypass.encoding import b64url_decode, b64url_encode, b64url_segment, encode_exactly, is_json, parse_object
from daypass.errors import MalformedToken


@pytest.mark.parametrize(
    "raw, text",
    [
        (b"", ""),
        (b"f", "Zg"),
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),
        (b"\xfb\xff\xfe", "-__-"),
        (b"\x03\xec\xff\xe0\xc1", "A-z_4ME"),
    ],
)
def test_base64url(raw: bytes, text: str) -> None:
    """RFC 4648 10, RFC 7515 C."""
    assert b64url_encode(raw) == text
    assert b64url_segment(raw) == text.encode()
    assert b64url_decode(text.encode()) == raw


@pytest.mark.parametrize(
    "text", [b"Zg==", b"Zh", b"Zm9", b"Z", b"Zm9v\n", b" Zm9v", b"Zm+v", b"Zm/v", b'Zm9"', b"\xc3\xa9AA"]
)
def test_another_spelling_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedToken) as raised:
        b64url_decode(text)
    assert raised.value.__cause__ is None


def test_an_error_does_not_hold_the_input() -> None:
    for raw in (b'{"secret":1,"secret":2}', b'{"secret":', b'["secret"]', b'{"secret":"\xff"}'):
        with pytest.raises(MalformedToken) as raised:
            parse_object(raw)
        assert "secret" not in str(raised.value)
        assert raised.value.__suppress_context__


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "x", [], {}, {"a": [1, {"b": None}]}], ids=repr)
def test_what_json_can_say(value: Any) -> None:
    assert is_json(value)
    assert parse_object(encode_exactly({"x": value})) == {"x": value}


@pytest.mark.parametrize(
    "value", [float("nan"), float("-inf"), (), {1}, b"", 1j, {1: 2}, [{"a": ()}], range(2)], ids=repr
)
def test_what_json_cannot_say(value: Any) -> None:
    assert not is_json(value)
    with pytest.raises(TypeError, match="claims and headers hold"):
        encode_exactly({"x": value})
