"""The door of everything under /api: who asks, which route, and answers or errors as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec
from aiohttp import web

from ..errors import GatewayError, MethodNotAllowed, NotFound, PiscesError
from ..log import log
from . import openapi, spec, told
from .desk import Call, Desk
from .reading import read_body, read_nothing, read_query
from .routes import ROOT, ROUTES, Route
from .tokens import bearer

if TYPE_CHECKING:
    from ..gateway import Gateway

_encode = msgspec.json.Encoder().encode
_PATTERNS = tuple((route.pattern, route) for route in ROUTES)
_JSON = {"Content-Type": "application/json"}


class Admin:
    """Everything under /api."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._desk = Desk(gateway)

    async def answer(self, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        """`headers` are those of every answer."""
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={**headers, **_preflight(headers)})
        try:
            status, body = await self._answered(request)
        except PiscesError as error:
            return _refusal(error, headers)
        except Exception as error:  # the last resort, as for every other request
            log.error("admin_failed", path=request.path, exc_info=error)
            return _refusal(GatewayError("Something went wrong inside the gateway. The log has more."), headers)
        kind = _JSON if body else {}
        return web.Response(body=body, status=status, headers={**headers, **kind, "Cache-Control": "no-store"})

    async def _answered(self, request: web.BaseRequest) -> tuple[int, bytes]:
        path = request.raw_path.partition("?")[0].rstrip("/")
        if path in (openapi.PATH, openapi.SPEC_PATH):
            _check_method(request.method, ("GET",))
            return 200, _encode(self._described(path))
        if not path.startswith(ROOT + "/"):
            raise NotFound(f"There is no {unquote(path)}. See {openapi.PATH} for what there is.")
        token = await bearer(self._desk.storage, request.headers)
        route, parameters = _found(request.method, path)
        query = read_query(request.query, route.query)
        body = await (read_nothing(request) if route.body is None else read_body(request, route.body))
        call: Call[Any, Any] = Call(actor=token.name, path=parameters, query=query, body=body)
        # a caller that leaves does not end a change halfway
        answer = await asyncio.shield(asyncio.ensure_future(self._called(route, call)))
        return route.status, b"" if answer is None else _encode(answer)

    async def _called(self, route: Route, call: Call[Any, Any]) -> Any:
        """Other processes see a change within a second, this one at once."""
        answer = await route.call(self._desk, call)
        if route.method != "GET":
            await self._gateway.look()
        return answer

    def _described(self, path: str) -> object:
        if path == openapi.PATH:
            return openapi.document(ROUTES, self._gateway.config.server.public_url)
        return spec.described(self._gateway)


def _found(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route and its path parameters, percent-decoded once."""
    there = [(route, match) for pattern, route in _PATTERNS if (match := pattern.fullmatch(path))]
    if not there:
        raise NotFound(f"There is no {unquote(path)}. See {openapi.PATH} for what there is.")
    _check_method(method, tuple(route.method for route, _ in there))
    asked = "GET" if method == "HEAD" else method
    route, match = next((route, match) for route, match in there if route.method == asked)
    return route, {name: unquote(value) for name, value in match.groupdict().items()}


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method in allowed or (method == "HEAD" and "GET" in allowed):
        return
    names = ", ".join(sorted(allowed))
    raise MethodNotAllowed(f"{method} is not allowed here. Use {names}.", details={"allow": names})


def _refusal(error: PiscesError, headers: Mapping[str, str]) -> web.Response:
    problem = told.Problem(error=told.Mistake(code=error.code or error.kind, message=error.message, param=error.param))
    more = {"Allow": error.details["allow"]} if "allow" in error.details else {}
    if error.status == 401:
        more["WWW-Authenticate"] = "Bearer"
    if error.status == 503:
        more["Retry-After"] = "5"
    return web.Response(body=_encode(problem), status=error.status, headers={**headers, **_JSON, **more})


def _preflight(headers: Mapping[str, str]) -> dict[str, str]:
    if "Access-Control-Allow-Origin" not in headers:
        return {}
    return {
        "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Max-Age": "86400",
    }
