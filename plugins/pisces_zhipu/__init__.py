"""Zhipu's own format for video: CogVideoX and Vidu."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect

from .video import Video


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [Video()]
