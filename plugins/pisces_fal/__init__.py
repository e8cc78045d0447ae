"""fal: a thousand models of many vendors behind one queue."""

from __future__ import annotations

from collections.abc import Mapping

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Provider

from .images import FalImages
from .video import FalVideo


class Fal(Provider):
    name = "fal"
    base_url = "https://queue.fal.run"
    wires = {"fal.images": "", "fal.video": ""}
    flags = {"n_max": 4}
    summary = "fal: image and video models by its queue"

    def authorize(self, wire: str, key: str) -> Mapping[str, str]:
        return {"Authorization": f"Key {key}"} if key else {}


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [FalImages(), FalVideo()]


@hookimpl
def pisces_providers() -> list[Provider]:
    return [Fal()]
