"""/api/public/spec: what this gateway serves and how it behaves, told from the tables that it runs on. For docs pages."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from .. import __version__
from ..errors import BalanceExhausted, ConfigError, PiscesError
from ..limits import Allowance, Standing
from ..plugin import Dialect, Endpoint
from . import behaviour
from .desk import moment
from .prices import ANYBODY, price
from .told import Price, Told

if TYPE_CHECKING:
    from ..gateway import Gateway


class EndpointRow(Told, frozen=True):
    protocol: str
    method: str
    path: str
    streaming: bool
    description: str


class ErrorRow(Told, frozen=True):
    """How one class of error arrives in one protocol. `type` and `code` are what clients of that protocol read."""

    protocol: str
    http: int
    type: str
    code: str | int | None
    error: str
    retryable: bool


class ModelRow(Told, frozen=True):
    id: str
    owned_by: str
    context: int
    max_output: int
    badges: list[str]
    price: Price


class Spec(Told, frozen=True):
    """The lists are sentences for people; the tables are for both."""

    gateway: str
    version: str
    generated_at: datetime
    base_url: str
    endpoints: list[EndpointRow]
    authentication: list[str]
    rate_limit: list[str]
    idempotency: list[str]
    tracing: list[str]
    errors: list[ErrorRow]
    models: list[ModelRow]


def described(gateway: Gateway) -> Spec:
    config, wires = gateway.config, gateway.registry.formats
    clients: dict[str, Dialect] = {}
    for endpoint in gateway.registry.endpoints:
        clients.setdefault(wires[endpoint.wire].protocol, wires[endpoint.wire])
    return Spec(
        gateway="Pisces",
        version=__version__,
        generated_at=moment(time.time()),
        base_url=config.server.public_url,
        endpoints=[_endpoint(endpoint, wires[endpoint.wire]) for endpoint in gateway.registry.endpoints if _served(endpoint)],
        authentication=behaviour.authentication(config),
        rate_limit=behaviour.rate_limit(config, {protocol: _limit_headers(wire) for protocol, wire in clients.items()}),
        idempotency=behaviour.idempotency(),
        tracing=behaviour.tracing(config),
        errors=[row for wire in clients.values() for row in _errors(wire, config.defaults.balance_status)],
        models=_models(gateway),
    )


def _served(endpoint: Endpoint) -> bool:
    return endpoint.kind != "unsupported"


def _endpoint(endpoint: Endpoint, wire: Dialect) -> EndpointRow:
    return EndpointRow(
        protocol=wire.protocol,
        method=endpoint.method,
        path=re.sub(r"\{(\w+):rest\}", r"{\1}", endpoint.path),
        streaming=endpoint.streaming,
        description=endpoint.description,
    )


def _models(gateway: Gateway) -> list[ModelRow]:
    return [
        ModelRow(
            id=model.id,
            owned_by=model.owned_by,
            context=model.context,
            max_output=model.max_output,
            badges=list(model.badges),
            price=msgspec.structs.replace(price(model.id, gateway), costs={}),  # what we pay is ours
        )
        for model in gateway.world.models(ANYBODY)
    ]


def _limit_headers(wire: Dialect) -> list[str]:
    full = Allowance(limit=1, remaining=1, reset=1.0)
    return list(wire.limit_headers(Standing(requests=full, tokens=full), time.time()))


def _errors(wire: Dialect, balance_status: int) -> list[ErrorRow]:
    """Each class of error through the wire's own hand; what looks the same to a client is told once."""
    rows: dict[tuple[object, ...], ErrorRow] = {}
    for kind in _classes(PiscesError):
        status = balance_status if kind is BalanceExhausted else None
        row = _error(wire, kind("", status=status))
        rows.setdefault((row.http, row.type, row.code), row)
    return sorted(rows.values(), key=lambda row: row.http)


def _error(wire: Dialect, error: PiscesError) -> ErrorRow:
    status, body = wire.encode_error(error, "", b"")
    told: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    said = told["error"] if isinstance(told.get("error"), dict) else told
    return ErrorRow(
        protocol=wire.protocol,
        http=status,
        type=said.get("type") or said.get("status") or "",
        code=said.get("code"),
        error=error.kind,
        retryable=error.retryable,
    )


def _classes(root: type[PiscesError]) -> Iterator[type[PiscesError]]:
    """Those that requests meet: what has classes of its own below it is met as well, but for the root."""
    for kind in root.__subclasses__():
        if kind is not ConfigError:
            yield kind
            yield from _classes(kind)
