"""The OpenAPI 3.1 description, made from the table of routes and the shapes of what is asked and told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from .. import __version__
from . import told
from .asked import Asked
from .routes import Route
from .spec import Spec

PATH = "/api/admin/openapi.json"
SPEC_PATH = "/api/public/spec"
_REFERENCE = "#/components/schemas/{name}"
_TEXT = {"type": "string", "minLength": 1}


def document(routes: Sequence[Route], server: str) -> dict[str, Any]:
    """`server` is where the gateway is reached; empty: where this was read."""
    schemas, components = _schemas([*(route.body for route in routes), *(route.answer for route in routes), told.Problem, Spec])
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    paths[SPEC_PATH] = {"get": _public("describe_gateway", "What this gateway serves.", schemas[Spec])}
    paths[PATH] = {"get": _public("describe_admin_api", "This description.", {"type": "object"})}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pisces admin API", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": server or "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "`pisces admin token create`"}},
        },
    }


_DESCRIPTION = (
    "Accounts, keys, money, usage and channels. Money is in integer nano-dollars (USD x 10^9), times in RFC 3339, UTC. "
    "Lists are paged by `limit` and `cursor` (or `after`). Each change is written to the audits with the token's name."
)


def _schemas(types: Iterable[Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
    wanted = list(dict.fromkeys(one for one in types if one is not None))
    found, components = msgspec.json.schema_components(wanted, ref_template=_REFERENCE)
    return dict(zip(wanted, found, strict=True)), components


def _operation(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.call.__name__,
        "summary": route.says,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route.query)],
        "responses": {str(route.status): _answer(route, schemas), **_refusals(route.statuses, schemas)},
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(schemas[route.body])}
    return operation


def _answer(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    told_here = {"description": HTTPStatus(route.status).phrase}
    return told_here if route.answer is None else {**told_here, "content": _json(schemas[route.answer])}


def _refusals(statuses: Iterable[int], schemas: dict[Any, Any]) -> dict[str, Any]:
    content = _json(schemas[told.Problem])
    return {str(status): {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in route.parameters]


def _query_parameters(query: type[Asked]) -> list[dict[str, Any]]:
    _, components = msgspec.json.schema_components([query], ref_template=_REFERENCE)
    properties = components[query.__name__]["properties"]
    return [_query_parameter(name, schema) for name, schema in properties.items()]


def _query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: a parameter that may be left out is left out."""
    given = next((kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}), schema)
    told_of = {key: value for key, value in given.items() if value is not None}
    parameter = {"name": name, "in": "query", "required": False, "schema": told_of}
    return parameter | {"description": told_of.pop("description")} if "description" in told_of else parameter


def _public(name: str, says: str, schema: dict[str, Any]) -> dict[str, Any]:
    answer = {"description": "OK", "content": _json(schema)}
    return {"operationId": name, "summary": says, "tags": ["public"], "security": [], "responses": {"200": answer}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
