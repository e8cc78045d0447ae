"""SiliconFlow: videos. The provider is a row of the compatible ones, which names this driver."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect

from .video import SiliconVideo


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [SiliconVideo()]
