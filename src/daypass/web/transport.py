"""How a token and the fields of a body travel in an HTTP request, and how an answer leaves.

Enters: a request as plain values, every part of it a stranger's. Leaves: one bearer token as text, or the
fields of a body. What does not arrive as it should is a TransportError (about tokens) or a Refused (about the body).

Source: RFC 6750 2 and 3.1 (one token, one transport); RFC 9110 8.3 and 15.5 (media types); RFC 8259 (JSON).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from daypass.encoding import parse_object
from daypass.errors import MalformedToken, NoToken, SeveralTokens, TransportError
from daypass.limits import FORM_FIELDS_MAX
from daypass.web.problem import Refused

__all__ = ["Headers", "Request", "Response", "bearer_token", "body_fields", "json_response", "read_body"]

Headers = tuple[tuple[str, str], ...]
Body = TypeVar("Body", bound=msgspec.Struct)

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_TOKEN68: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_CHARSET_UTF8: Final = re.compile(r'\s*charset="?utf-?8"?\s*', re.IGNORECASE)
_EVERYWHERE: Final = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"))


class Request(msgspec.Struct, frozen=True):
    """One HTTP request.

    Args:
        method: upper case.
        headers: (lower-case name, value) in the order of arrival; a repeated header stands repeatedly.
        query: the query string, still encoded, without the question mark.
        body: at most REQUEST_BODY_BYTES_MAX bytes; the integration checks that before it reads them all.
        path: what stands in the placeholders of the path, decoded.
    """

    method: str
    headers: Headers = ()
    query: str = ""
    body: bytes = b""
    path: Mapping[str, str] = {}

    def header(self, name: str) -> list[str]:
        """List the values of a header.

        Args:
            name: lower case.
        """
        return [value for key, value in self.headers if key == name]

    def __repr__(self) -> str:  # headers, query and body may hold secrets
        return f"<Request {self.method}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("method", self.method)]


class Response(msgspec.Struct, frozen=True):
    """One HTTP response.

    Args:
        status: 200 to 599.
        headers: (lower-case name, value).
        body: bytes of the media type that the headers name.
    """

    status: int
    headers: Headers
    body: bytes = b""

    def __repr__(self) -> str:  # the body may hold tokens
        return f"<Response {self.status}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("status", self.status)]


def json_response(status: int, value: object | None, *, media_type: str = _JSON, headers: Headers = ()) -> Response:
    """Make a response that nobody may keep, unless ``headers`` say otherwise.

    Args:
        status: the status code.
        value: what msgspec can encode; None for an empty body.
        media_type: of the body.
        headers: further headers; one of the same name replaces ours.
    """
    given = {name for name, _ in headers}
    ours = tuple(header for header in _EVERYWHERE if header[0] not in given)
    if value is None:
        return Response(status, ours + headers)
    return Response(status, (("content-type", media_type), *ours, *headers), msgspec.json.encode(value))


def bearer_token(request: Request) -> str:
    """Read the access token of a request, from the one place where it may stand.

    Returns:
        ``token68`` text; nothing else about it is known.

    Raises:
        NoToken: no ``Authorization: Bearer`` header came.
        SeveralTokens: more than one header, or one in the query besides.
        TransportError: the header is empty after its scheme, or the token stands in the query.
        MalformedToken: characters that no bearer token has.

    Source: RFC 6750 2.1 (header), 2.3 (the query is not used), 3.1 (one method per request).
    """
    authorization = request.header("authorization")
    in_query = _names_access_token(request.query)
    if len(authorization) > 1 or (authorization and in_query):
        raise SeveralTokens("send one Authorization header, and no access_token in the query")
    if in_query:
        raise TransportError("a token in the query ends in logs and histories: send it as Authorization: Bearer")
    if not authorization:
        raise NoToken("send the access token as Authorization: Bearer")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer":
        raise NoToken("the Authorization header is of another scheme than Bearer")
    if not token:
        raise TransportError("there is nothing after Bearer")
    if not _TOKEN68.fullmatch(token):
        raise MalformedToken("expected one space and then A-Z a-z 0-9 - . _ ~ + / after Bearer")
    return token


def _names_access_token(query: str) -> bool:
    """Tell whether a query string has a field ``access_token``, however it is spelled."""
    return any(unquote_plus(part.partition("=")[0]) == "access_token" for part in query.split("&"))


def body_fields(request: Request) -> dict[str, Any]:
    """Read the body as a JSON object or a form. An empty body has no fields.

    Raises:
        Refused: 415 for another media type, 400 for a body that is not what it says it is.
    """
    if not request.body:
        return {}
    types, encodings = request.header("content-type"), request.header("content-encoding")
    essence, _, parameters = (types[0] if len(types) == 1 else "").partition(";")
    essence = essence.strip().lower()
    if essence not in {_JSON, _FORM} or (parameters and not _CHARSET_UTF8.fullmatch(parameters)) or encodings:
        detail = f"Send {_JSON} or {_FORM}, in UTF-8, not compressed."
        raise Refused(415, "unsupported_media_type", detail, headers=(("accept-post", f"{_JSON}, {_FORM}"),))
    if essence == _FORM:
        return _form(request.body)
    try:
        return parse_object(request.body)
    except MalformedToken:
        detail = "The body is not a JSON object in UTF-8 in which each member stands once."
        raise Refused(400, "malformed_body", detail) from None


def _form(body: bytes) -> dict[str, Any]:
    """Read an urlencoded form in which each field stands once."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except ValueError:  # a UnicodeDecodeError too
        pairs = []
    fields = dict(pairs)
    if not fields or len(fields) != len(pairs):
        detail = f"The body is not a form in which each field stands once. Is it JSON? Then say {_JSON}."
        raise Refused(400, "malformed_body", detail)
    return fields


def read_body(request: Request, type: type[Body]) -> Body:  # noqa: A002 - the word of msgspec.convert
    """Read the body into a Struct; fields that it does not know are passed over.

    Args:
        request: with its whole body.
        type: what the endpoint expects.

    Raises:
        Refused: as ``body_fields``, and 422 where a field is missing or of the wrong type.
    """
    fields = body_fields(request)
    try:
        return msgspec.convert(fields, type)
    except msgspec.ValidationError as error:
        reason = str(error)  # names types and fields, never a value
    raise Refused(422, "invalid_fields", f"{reason}.")
