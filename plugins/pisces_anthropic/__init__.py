"""Anthropic: the Messages format for clients and upstreams, its routes, and Claude."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Endpoint, Provider, Wire

from .endpoints import endpoints
from .provider import Anthropic
from .wire import Messages


@hookimpl
def pisces_wires() -> list[Wire]:
    return [Messages()]


@hookimpl
def pisces_endpoints() -> list[Endpoint]:
    return endpoints()


@hookimpl
def pisces_providers() -> list[Provider]:
    return [Anthropic()]
