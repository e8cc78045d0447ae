"""HTTP in and out: a request becomes a Call, an answer or an error leaves in the dialect of its route."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from . import auth, links, surrogates, task_files
from .admin import Admin
from .calls import Call, Incoming, extension_of
from .config import size
from .dialect import Dialect
from .errors import (
    BadRequest,
    GatewayError,
    NotFound,
    PiscesError,
    RateLimited,
    TooLarge,
    UnsupportedMedia,
    UpstreamRateLimited,
)
from .forms import Form
from .log import log
from .media_calls import ASKING, MediaCall
from .operation import peek_form
from .plugin import Endpoint, MediaWire, Operation, Wire, peek_body
from .relay import ClientLeft
from .storage import Key, Record
from .uploads import read_form, sends_form

if TYPE_CHECKING:
    from .gateway import Gateway

EXPOSED = ", ".join(
    [
        *("x-request-id", "request-id", "retry-after", "retry-after-ms", "x-should-retry", "idempotency-replayed"),
        *("x-pisces-channel", "x-pisces-protocol", "x-pisces-warnings"),
        *(f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")),
    ]
)


class HttpSink:
    """The client's connection as the relay sees it."""

    def __init__(self, request: web.BaseRequest, headers: Mapping[str, str]) -> None:
        self._request = request
        self._headers = headers
        self.response: web.StreamResponse | None = None

    @property
    def opened(self) -> bool:
        return self.response is not None

    @property
    def idle(self) -> bool:
        transport = self._request.transport
        return transport is not None and transport.get_write_buffer_size() == 0

    async def open(self, headers: Mapping[str, str]) -> None:
        self.response = web.StreamResponse(headers={**self._headers, **headers})
        try:
            await self.response.prepare(self._request)
        except ConnectionError:
            raise ClientLeft from None

    async def write(self, data: bytes) -> None:
        assert self.response is not None
        try:
            await self.response.write(data)
        except ConnectionError:  # aiohttp's ClientConnectionResetError is one, and a ClientError besides
            raise ClientLeft from None

    @property
    def writer(self) -> Callable[[bytes], Awaitable[None]]:
        assert self.response is not None
        return self.response.write

    async def close(self) -> None:
        assert self.response is not None
        try:
            await self.response.write_eof()
        except ConnectionError:
            raise ClientLeft from None

    async def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


class Handler:
    """One request after another."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._admin = Admin(gateway)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        request_id = _request_id()
        headers = self._headers(request, request_id)
        if request.raw_path.startswith("/api/"):
            return await self._admin.answer(request, headers)
        if request.method != "POST":
            if request.method == "OPTIONS" or (request.method == "HEAD" and not request.path.startswith(links.PATH)):
                return web.Response(status=200 if request.method == "HEAD" else 204, headers=_preflight(headers))
            if request.path == "/metrics" and self._gateway.config.server.metrics:
                return web.Response(body=self._gateway.books.metrics.exposition(), content_type="text/plain", charset="utf-8")
            if request.path in ("/healthz", "/readyz"):
                return await self._health(request, headers)
        try:
            if request.path.startswith(links.PATH) and request.method in ("GET", "HEAD"):
                return await self._gateway.media.store.answer(request, headers)
            if request.method == "GET" and task_files.SIGNED.match(request.path):
                return await task_files.signed(self._gateway, request, headers)
            if request.method == "POST" and task_files.CALLED.match(request.path):
                return await task_files.called_back(self._gateway, request, headers)
            return await self._answer(request, request_id, headers)
        except PiscesError as error:
            return self._refuse(request, error, request_id, headers)
        except (asyncio.CancelledError, ClientLeft):
            raise
        except Exception as error:  # the last resort: whatever it was, the client gets an answer it can read
            log.error("request_failed", request_id=request_id, exc_info=error)
            unexpected = GatewayError(f"Something went wrong inside the gateway. The log has more under {request_id}.")
            return self._refuse(request, unexpected, request_id, headers)

    async def _answer(self, request: web.BaseRequest, request_id: str, headers: dict[str, str]) -> web.StreamResponse:
        gateway = self._gateway
        raw_path, question, _ = request.raw_path.partition("?")
        query = request.query if question else {}
        endpoint, path = gateway.paths.find(request.method, raw_path, request.headers, query)
        wire = gateway.registry.formats[endpoint.wire]
        try:
            sent = await (self._form(request, query) if sends_form(request, endpoint) else self._body(request))
            call = await self._call(request, endpoint, path, query, sent, wire, request_id)
        except PiscesError as error:
            return self._respond_error(wire, error, request_id, headers)
        sink = HttpSink(request, headers)
        try:
            if endpoint.kind == "task.content":
                return await task_files.content(gateway, call, request, headers)
            answer = await gateway.dispatch(call, sink)
        except PiscesError as error:
            await gateway.refused(call, error)
            return self._respond_error(wire, error, request_id, {**headers, **call.headers})
        except (asyncio.CancelledError, ClientLeft):
            await asyncio.shield(gateway.left(call))
            return sink.response or web.Response(status=499)
        finally:
            gateway.ended(call)
        if answer is None:
            assert sink.response is not None
            return sink.response
        headers |= answer.headers
        return web.Response(body=answer.body, status=answer.status, headers=headers)

    async def _body(self, request: web.BaseRequest) -> bytes:
        limit = self._gateway.max_body
        if (request.content_length or 0) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes. Send less, or raise [server] max_body.")
        if not request.body_exists:
            return b""
        await _go_on(request)
        try:
            return _utf8(await request.read())
        except web.HTTPRequestEntityTooLarge:
            raise TooLarge(f"The body is larger than {limit} bytes. Send less, or raise [server] max_body.") from None
        except (HttpProcessingError, web.RequestPayloadError, ValueError):
            raise UnsupportedMedia("The body is cut off or not encoded as it says. Check its Content-Encoding.") from None

    async def _form(self, request: web.BaseRequest, query: Mapping[str, str]) -> Form:
        """A form, read once it is known who sends it: where the key is in the form itself, that is told by reading it."""
        if found := auth.credentials(request.headers, query):
            await self._gateway.authenticate(found, request.headers, query, request.remote, time.time())
        await _go_on(request)
        return await read_form(request, size(self._gateway.config.server.max_upload))

    async def _call(
        self,
        request: web.BaseRequest,
        endpoint: Endpoint,
        path: Mapping[str, str],
        query: Mapping[str, str],
        sent: bytes | Form,
        wire: Dialect,
        request_id: str,
    ) -> Incoming:
        now = time.time()
        found = auth.credentials(request.headers, query)
        halves = b""
        if isinstance(sent, Form):
            inside, sent = auth.credential_of(sent)
        else:
            if halves := surrogates.disguised(sent):
                sent, halves = surrogates.mended(sent), auth.credential_in(halves)[1]
            inside, sent = auth.credential_in(sent)
        if inside is not None:
            found.append(inside)
        key = await self._gateway.authenticate(found, request.headers, query, request.remote, now)
        operation = _operation(endpoint, sent, path, query, request.headers)
        started = time.perf_counter()
        return _incoming(wire)(
            request_id=request_id,
            endpoint=endpoint,
            wire=wire,
            operation=operation,
            key=key,
            record=_record(request, request_id, endpoint, operation, key, now),
            started=started,
            now=now,
            seals=self._gateway.seals,
            idempotency_key=request.headers.get("Idempotency-Key", ""),
            strict=request.headers.get("Pisces-Strict", "").lower() in ("true", "1", "yes"),
            extension=self._gateway.config.server.extension,
            origin=f"{request.scheme}://{request.host}",
            halves=halves,
        )

    # -- answers that are not a channel's

    async def _health(self, request: web.BaseRequest, headers: dict[str, str]) -> web.StreamResponse:
        if request.path == "/readyz":
            try:
                await self._gateway.ready()
            except PiscesError as error:
                return web.json_response({"status": "unavailable", "reason": error.message}, status=503, headers=headers)
        return web.json_response({"status": "ok"}, headers=headers)

    def _refuse(
        self, request: web.BaseRequest, error: PiscesError, request_id: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        """An error before the endpoint is known: the path decides the dialect."""
        if request.headers.get("Upgrade", "").lower() == "websocket" and error.status in (400, 404, 405):
            # clients that try a websocket first fall back to HTTP at once on a 426, and retry for seconds on a 404
            error = NotFound("Websockets are not served here. Use plain HTTP.", status=426)
        registry = self._gateway.registry
        name = self._gateway.paths.nearest_wire(request.raw_path.partition("?")[0], registry.fallback.name)
        return self._respond_error(registry.formats[name], error, request_id, headers)

    def _respond_error(self, wire: Dialect, error: PiscesError, request_id: str, headers: dict[str, str]) -> web.Response:
        extension = extension_of(wire.protocol, request_id, time.time()) if self._gateway.config.server.extension else b""
        status, body = wire.encode_error(error, request_id, extension)
        return web.Response(
            body=body, status=status, headers={**headers, "Content-Type": "application/json", **_error_headers(wire, error)}
        )

    def _headers(self, request: web.BaseRequest, request_id: str) -> dict[str, str]:
        headers = {"x-request-id": request_id, "request-id": request_id, "Server": "pisces"}
        if theirs := request.headers.get("X-Request-Id"):
            headers["x-client-request-id"] = _printable(theirs)
        if origin := request.headers.get("Origin"):
            allowed = self._gateway.config.server.cors
            if "*" in allowed or origin in allowed:
                headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
                headers["Access-Control-Expose-Headers"] = EXPOSED
                headers["Vary"] = "Origin"
        return headers


def _incoming(wire: Dialect) -> type[Incoming]:
    match wire:
        case Wire():
            return Call
        case MediaWire():
            return MediaCall
        case _:
            return Incoming


def _request_id() -> str:
    """Ordered by time, so that the rows of one moment lie side by side in the database's index."""
    return f"req_{time.time_ns():016x}{random.getrandbits(32):08x}"


async def _go_on(request: web.BaseRequest) -> None:
    """Curl asks before it sends more than a megabyte, and waits a second for this (RFC 9110, section 10.1.1)."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _utf8(body: bytes) -> bytes:
    """JSON is UTF-8 (RFC 8259, section 8.1); what is not would fail later, and differently in each place."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise BadRequest(f"The body is not UTF-8: byte {error.start} ({error.reason}).") from None
    return body


def _operation(
    endpoint: Endpoint, sent: bytes | Form, path: Mapping[str, str], query: Mapping[str, str], headers: Mapping[str, str]
) -> Operation:
    if isinstance(sent, Form):
        model, stream, form = endpoint.peek_upload(sent, path, query) if endpoint.peek_upload else peek_form(sent)
    elif endpoint.peek is not None or endpoint.kind in ASKING:
        model, stream, form = (endpoint.peek or peek_body)(sent, path, query)
    else:
        model, stream, form = path.get("model", ""), False, "sse"
    return Operation(
        kind=endpoint.kind,
        wire=endpoint.wire,
        model=model,
        stream=stream,
        form=form,
        body=sent if isinstance(sent, bytes) else b"",
        upload=sent if isinstance(sent, Form) else None,
        headers={name: ", ".join(_all(headers, name)) for name in endpoint.forwards if name in headers},
        query=query,
        path=path,
    )


def _all(headers: Mapping[str, str], name: str) -> list[str]:
    getall = getattr(headers, "getall", None)
    return list(getall(name)) if getall is not None else [headers[name]]


def _record(
    request: web.BaseRequest, request_id: str, endpoint: Endpoint, operation: Operation, key: Key, now: float
) -> Record:
    theirs = request.headers.get("X-Request-Id")
    return Record(
        request_id=request_id,
        at=now,
        key=key.name,
        account=key.account,
        endpoint=f"{endpoint.method} {endpoint.path}",
        model=operation.model.encode("utf-8", "replace").decode()[:256],
        protocol=operation.wire,
        stream=operation.stream,
        flags=["test_key"] if key.kind == "test" else [],
        client_request_id=_printable(theirs) if theirs else None,
    )


def _printable(text: str) -> str:
    return "".join(letter for letter in text if " " <= letter <= "~")[:128]


def _preflight(headers: dict[str, str]) -> dict[str, str]:
    if "Access-Control-Allow-Origin" in headers:
        headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE, OPTIONS"
        headers["Access-Control-Allow-Headers"] = "*, Authorization"
        headers["Access-Control-Max-Age"] = "86400"
    return headers


def _error_headers(wire: Dialect, error: PiscesError) -> dict[str, str]:
    headers = dict(wire.error_headers(error))
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
        headers["retry-after-ms"] = str(max(1, math.ceil(error.retry_after * 1000)))
    elif isinstance(error, RateLimited | UpstreamRateLimited) or error.status == 503:
        headers["retry-after"] = "5"
    if "allow" in error.details:
        headers["Allow"] = error.details["allow"]
    if error.kind == "balance":
        headers["x-should-retry"] = "false"
    if error.status == 426:
        headers["Upgrade"] = "HTTP/1.1"
    return headers
