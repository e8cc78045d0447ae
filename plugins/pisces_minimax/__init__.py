"""MiniMax's own formats: speech and video."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect

from .speech import Speech
from .video import Video


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [Speech(), Video()]
