"""OpenAI: the chat and Responses formats for clients and upstreams, their routes, and OpenAI itself."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Endpoint, Provider, Wire

from .chat import Chat
from .endpoints import endpoints
from .provider import OpenAI
from .responses import Responses


@hookimpl
def pisces_wires() -> list[Wire]:
    return [Chat(), Responses()]


@hookimpl
def pisces_endpoints() -> list[Endpoint]:
    return endpoints()


@hookimpl
def pisces_providers() -> list[Provider]:
    return [OpenAI()]
