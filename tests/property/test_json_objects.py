"""Strict JSON: what Python's own parser reads, less what a strict one refuses."""

import json
import math
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass.encoding import encode_exactly, is_json, parse_object
from daypass.errors import MalformedToken

REFUSED = "refused"


def well_formed(value: Any) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(well_formed(name) and well_formed(member) for name, member in value.items())
    return all(map(well_formed, value)) if isinstance(value, list) else True


def judge(raw: bytes) -> Any:
    """Parse as the RFCs want it: UTF-8, an object, unique names, numbers and text that exist."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    def refuse(_: str) -> None:
        raise ValueError

    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError):
        return REFUSED
    return value if isinstance(value, dict) and well_formed(value) else REFUSED


def ours(raw: bytes) -> Any:
    try:
        return parse_object(raw)
    except MalformedToken:
        return REFUSED


BLANK = st.sampled_from(["", "", "", " ", "\n", "\t\r "])
NAMES = st.sampled_from(
    ['"a"', '"\\u0061"', '"b"', '""', '"\\u0000"', '"\u00e9"', '"\\u00e9"', '"\\ud83d\\ude00"', '"x"']
)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
STRINGS = st.tuples(st.text(max_size=8), st.booleans()).map(
    lambda it: json.dumps(it[0], ensure_ascii=it[1]) if it[0].isprintable() else json.dumps(it[0])
)
SCALARS = (
    NUMBERS
    | STRINGS
    | NAMES
    | st.sampled_from(["null", "true", "false", "NaN", "Infinity", "-Infinity", "01", '"\\ud800"'])
)


def listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(values, max_size=4), BLANK).map(lambda it: f"[{it[1]}{f'{it[1]},'.join(it[0])}{it[1]}]")


def grouped(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.tuples(NAMES, BLANK, values, BLANK).map(lambda it: f"{it[0]}{it[1]}:{it[2]}{it[3]}")
    return st.tuples(st.lists(members, max_size=4), BLANK).map(lambda it: f"{it[1]}{{{','.join(it[0])}}}{it[1]}")


VALUES = st.recursive(SCALARS, lambda values: listed(values) | grouped(values), max_leaves=12)
OBJECTS = grouped(VALUES).map(lambda text: text.encode("utf-8", "surrogatepass"))
MUTATED = st.tuples(OBJECTS, st.integers(0, 60), st.binary(max_size=2), st.integers(0, 2)).map(
    lambda it: it[0][: it[1]] + it[2] + it[0][it[1] + it[3] :]
)


@given(OBJECTS | MUTATED | st.binary(max_size=20) | VALUES.map(lambda text: text.encode("utf-8", "replace")))
@settings(max_examples=500)
@example(b'{"a":1,"a":1}')
@example(b'{"a":1,"\\u0061":1}')
@example(b'{"a":[{"b":1,"b":1}]}')
@example(b'\xef\xbb\xbf{"a":1}')
@example(b'{"a":-0,"b":-0.0,"c":1E3,"d":1e-400}')
@example(b'{"a":123456789012345678901234567890,"b":0.1000000000000000055511151231257827}')
def test_it_agrees_with_a_judge(raw: bytes) -> None:
    """RFC 7515 4 and RFC 7519 4: names are unique; RFC 8259: the rest."""
    assert repr(ours(raw)) == repr(judge(raw))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=5), values, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6))
def test_what_is_written_is_read_as_it_was(value: dict[str, Any]) -> None:
    assert is_json(value)
    raw = encode_exactly(value)
    assert repr(parse_object(raw)) == repr(value)
    assert repr(json.loads(raw)) == repr(value)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6), st.integers(0, 3), st.booleans())
def test_how_it_was_written_changes_nothing(value: dict[str, Any], indent: int, ascii_only: bool) -> None:
    """Members in any order, white space and escapes take the slow road to the same value."""
    text = json.dumps(value, indent=indent or None, ensure_ascii=ascii_only)
    assert repr(parse_object(text.encode())) == repr(value)
