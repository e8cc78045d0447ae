"""Kling: videos out of texts and pictures."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Provider

from .provider import Kling
from .video import KlingVideo


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [KlingVideo()]


@hookimpl
def pisces_providers() -> list[Provider]:
    return [Kling()]
