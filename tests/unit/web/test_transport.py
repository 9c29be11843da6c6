"""Where a token and the fields of a body may stand, and every other place refused."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import DaypassError, MalformedToken, NoToken, SeveralTokens, TokenError, TransportError
from daypass.web.problem import Refused
from daypass.web.transport import Request, Response, bearer_token, body_fields, json_response, read_body

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def asks(*authorization: str, query: str = "") -> Request:
    return Request("GET", tuple(("authorization", value) for value in authorization), query)


def posts(body: bytes, *types: str, encoding: str = "") -> Request:
    headers = tuple(("content-type", value) for value in types)
    return Request("POST", headers + ((("content-encoding", encoding),) if encoding else ()), body=body)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_case_insensitive(scheme: str) -> None:
    assert bearer_token(asks(f"{scheme} abc.def-_~+/==")) == "abc.def-_~+/=="


@pytest.mark.parametrize(
    "headers, query, error",
    [
        ([], "", NoToken),
        (["Basic dXNlcjpwYXNz"], "", NoToken),
        (["Bearerabc"], "", NoToken),
        ([""], "", NoToken),
        (["Bearer"], "", TransportError),
        (["Bearer "], "", TransportError),
        (["Bearer  abc"], "", MalformedToken),
        (["Bearer abc def"], "", MalformedToken),
        (["Bearer abc, Bearer def"], "", MalformedToken),
        (["Bearer abc\tdef"], "", MalformedToken),
        (["Bearer ab\u00e9"], "", MalformedToken),
        (["Bearer abc\n"], "", MalformedToken),
        (["Bearer a=b"], "", MalformedToken),
        (["Bearer abc", "Bearer abc"], "", SeveralTokens),
        (["Bearer abc"], "access_token=abc", SeveralTokens),
        ([], "access_token=abc", TransportError),
        ([], "a=1&access%5Ftoken=abc", TransportError),
        ([], "a=1&access_token=", TransportError),
        ([], "access_token", TransportError),
    ],
)
def test_a_token_anywhere_else_is_refused(headers: list[str], query: str, error: type[DaypassError]) -> None:
    with pytest.raises(DaypassError) as caught:
        bearer_token(asks(*headers, query=query))
    assert type(caught.value) is error
    assert "abc" not in str(caught.value)


def test_an_unrelated_query_is_nobodys_business() -> None:
    assert bearer_token(asks("Bearer abc", query="page=2&access_tokens=x")) == "abc"


@pytest.mark.parametrize("kind", [JSON, "APPLICATION/JSON", f"{JSON}; charset=utf-8", f'{JSON};charset="UTF-8"'])
def test_a_json_object_is_read(kind: str) -> None:
    assert body_fields(posts(b'{"a": "\xc3\xa9", "b": [1]}', kind)) == {"a": "\u00e9", "b": [1]}


def test_a_form_is_read() -> None:
    assert body_fields(posts(b"email=a%40b.c&password=x+y%26%3D&empty=", FORM)) == {
        "email": "a@b.c",
        "password": "x y&=",
        "empty": "",
    }


def test_an_empty_body_has_no_fields_whatever_it_says_it_is() -> None:
    assert body_fields(posts(b"")) == body_fields(posts(b"", "text/plain")) == {}


@pytest.mark.parametrize(
    "request_, status",
    [
        (posts(b"{}"), 415),
        (posts(b"{}", "text/plain"), 415),
        (posts(b"{}", "application/jsonx"), 415),
        (posts(b"{}", JSON, JSON), 415),
        (posts(b"{}", f"{JSON}; charset=utf-16"), 415),
        (posts(b"{}", "multipart/form-data; boundary=x"), 415),
        (posts(b"{}", JSON, encoding="gzip"), 415),
        (posts(b"{", JSON), 400),
        (posts(b"[]", JSON), 400),
        (posts(b"null", JSON), 400),
        (posts(b'{"a":1,"a":2}', JSON), 400),
        (posts(b'{"a":{"b":1,"b":2}}', JSON), 400),
        (posts(b'{"a":"\xff"}', JSON), 400),
        (posts(b"\xef\xbb\xbf{}", JSON), 400),
        (posts(b'{"a":NaN}', JSON), 400),
        (posts(b'{"a":"\\ud800"}', JSON), 400),
        (posts(b"[" * 50_000, JSON), 400),
        (posts(b'{"a":' * 10_000, JSON), 400),
        (posts(b"a=1&a=2", FORM), 400),
        (posts(b'{"email":"x"}', FORM), 400),
        (posts(b"a=%ff", FORM), 400),
        (posts(b"a=\xff", FORM), 400),
        (posts(b"a=1&b", FORM), 400),
        (posts(b"&".join(b"a%d=1" % i for i in range(100)), FORM), 400),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(request_: Request, status: int) -> None:
    with pytest.raises(Refused) as caught:
        body_fields(request_)
    assert caught.value.status == status


@given(st.binary(max_size=200), st.sampled_from([JSON, FORM, "", "text/plain"]))
def test_whatever_arrives_as_a_body_is_read_or_refused(body: bytes, kind: str) -> None:
    with contextlib.suppress(Refused):
        assert isinstance(body_fields(posts(body, kind)), dict)


@given(st.lists(st.text(max_size=50), max_size=3), st.text(max_size=50))
def test_whatever_arrives_as_a_header_is_read_or_refused(headers: list[str], query: str) -> None:
    with contextlib.suppress(TransportError, TokenError):
        assert bearer_token(asks(*headers, query=query))


class Form(msgspec.Struct):
    name: str
    note: str | None = None


def test_fields_become_a_type_and_unknown_ones_are_passed_over() -> None:
    assert read_body(posts(b'{"name":"a","other":1}', JSON), Form) == Form("a")


@pytest.mark.parametrize("body", [b"{}", b'{"name":5}', b'{"name":null}', b'{"name":"x","note":["private"]}'])
def test_fields_of_another_type_are_refused_without_their_values(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read_body(posts(body, JSON), Form)
    assert (caught.value.status, caught.value.code) == (422, "invalid_fields")
    assert "private" not in caught.value.detail
    assert caught.value.__context__ is None  # what the decoder saw does not travel along


def test_a_response_is_kept_by_nobody_unless_it_says_so() -> None:
    answer = json_response(200, {"a": 1})
    assert answer.headers == (
        ("content-type", JSON),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    )
    public = json_response(200, {}, headers=(("cache-control", "public, max-age=30"),))
    assert [value for name, value in public.headers if name == "cache-control"] == ["public, max-age=30"]
    assert json_response(204, None).body == b""


def test_no_text_of_a_request_or_a_response_shows_what_it_holds() -> None:
    request = Request("POST", (("authorization", "Bearer secret"),), "q=secret", b"secret")
    response = Response(200, (), b"secret")
    for value in (request, response):
        assert "secret" not in f"{value!r} {value} {list(value.__rich_repr__())}"
