"""Black Forest Labs: FLUX, which draws in the background."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Provider

from .images import FluxImages


class BlackForestLabs(Provider):
    name = "bfl"
    base_url = "https://api.bfl.ai/v1"
    wires = {"bfl.images": ""}
    auth = "x-key"
    flags = {"n_max": 1}  # a task draws one picture
    offers = (
        "flux-2-pro", "flux-2-flex", "flux-2-max", "flux-kontext-pro", "flux-kontext-max", "flux-pro-1.1", "flux-pro-1.1-ultra",
    )  # fmt: skip
    summary = "Black Forest Labs: FLUX images (in one region: base_url https://api.eu.bfl.ai/v1)"


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [FluxImages()]


@hookimpl
def pisces_providers() -> list[Provider]:
    return [BlackForestLabs()]
