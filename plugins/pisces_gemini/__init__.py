"""Google's Gemini: the generateContent format, its routes, and Google AI as an upstream."""

from __future__ import annotations

from collections.abc import Iterable

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Endpoint, Provider, Wire

from .endpoints import endpoints
from .provider import Google
from .wire import Gemini


@hookimpl
def pisces_wires() -> Iterable[Wire]:
    return [Gemini()]


@hookimpl
def pisces_endpoints() -> Iterable[Endpoint]:
    return list(endpoints())


@hookimpl
def pisces_providers() -> Iterable[Provider]:
    return [Google()]
