"""Volcengine Ark's own formats: Seedream's pictures and Seedance's videos."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect

from .images import Images
from .video import Video


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [Images(), Video()]
