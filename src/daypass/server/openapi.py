"""The OpenAPI document of the service. Enters: its routes. Leaves: a JSON object.

Schemas come from the types that the endpoints read and write, so that the document cannot say anything else.
Source: OpenAPI Specification 3.1.1; RFC 9457 (problem documents); RFC 6750 (the security scheme).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import msgspec

from daypass.server.routes import Route
from daypass.web.problem import MEDIA_TYPE, Problem

__all__ = ["openapi_document"]

_REFERENCE: Final = "#/components/schemas/{name}"
_BODY_TYPES: Final = ("application/json", "application/x-www-form-urlencoded")
_ANY_REQUEST: Final = (500,)


def openapi_document(routes: Iterable[Route], *, version: str) -> dict[str, Any]:
    """Describe the routes.

    Args:
        routes: of the application.
        version: of daypass.

    Source: OpenAPI Specification 3.1.1, 4.8.1.
    """
    known = tuple(routes)
    types = {kind for route in known for kind in (route.body, route.answer) if kind is not None}
    _, schemas = msgspec.json.schema_components(sorted({*types, Problem}, key=str), ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in known:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "daypass",
            "version": version,
            "description": "Sessions that the client carries: log in, call, refresh, log out.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "at+jwt",
                    "description": "The access_token of a login or a refresh.",
                }
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    """Describe one route."""
    described: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "responses": {str(route.status): _success(route)}
        | {str(status): _refusal(status) for status in (*route.refusals, *_ANY_REQUEST)},
    }
    if placeholders := re.findall(r"\{(\w+)\}", route.path):
        described["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in placeholders
        ]
    if route.body is not None:
        content = {media_type: _schema_of(route.body) for media_type in _BODY_TYPES}
        required = any(field.required for field in msgspec.structs.fields(route.body))
        described["requestBody"] = {"required": required, "content": content}
    if route.bearer:
        described["security"] = [{"bearer": []}, {}] if route.bearer_optional else [{"bearer": []}]
    return described


def _operation_id(route: Route) -> str:
    """Name an operation for those who generate a client: ``delete_v1_sessions_sid``."""
    return "_".join(re.findall(r"[a-z0-9]+", f"{route.method} {route.path}".lower()))


def _success(route: Route) -> dict[str, Any]:
    """Describe the answer of a route."""
    described: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.answer is not None:
        described["content"] = {"application/json": _schema_of(route.answer)}
    return described


def _refusal(status: int) -> dict[str, Any]:
    """Describe a problem document, and the header that comes with it. Source: RFC 9110 11.6.1 and 10.2.3."""
    described: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: _schema_of(Problem)},
    }
    header = {401: "WWW-Authenticate", 503: "Retry-After"}.get(status)
    if header:
        described["headers"] = {header: {"required": True, "schema": {"type": "string"}}}
    return described


def _schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Refer to the schema of a type."""
    return {"schema": {"$ref": _REFERENCE.format(name=kind.__name__)}}
