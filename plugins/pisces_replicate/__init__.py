"""Replicate: models of many makers, each run as a prediction."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Provider

from .images import ReplicateImages
from .video import ReplicateVideo


class Replicate(Provider):
    name = "replicate"
    base_url = "https://api.replicate.com/v1"
    wires = {"replicate.images": "", "replicate.video": ""}
    flags = {"n_max": 1}
    models = {
        "flux-schnell": {"n_max": 4},
        "flux-dev": {"n_max": 4},
        "sdxl": {"n_max": 4},
        "stable-diffusion": {"n_max": 4},
        "gpt-image": {"n_max": 10},
    }
    summary = "Replicate: image and video models (owner/name, or owner/name:version)"


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [ReplicateImages(), ReplicateVideo()]


@hookimpl
def pisces_providers() -> list[Provider]:
    return [Replicate()]
