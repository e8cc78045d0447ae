"""Videos that take a few seconds: how far one is by now, and its files, made anew whenever somebody asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pisces_proxy.errors import NotFound
from pisces_proxy.media import Asset, Video
from pisces_proxy.pricing import Measures
from pisces_proxy.task import Progress
from pisces_proxy.tokens import of_text
from pisces_proxy.usage import Usage

from . import orders, paint, sizes
from .film import film

TAKES = 3.0  # seconds
_QUEUED = 0.1  # of that time
_FILM, _STILL = "local:film.mp4", "local:thumbnail.png"
_BROKEN = {
    "cut": ("generation_failed", "The demo model broke off, as asked."),
    "refuse": ("content_policy_violation", "The demo model refuses this, as asked."),
    "filter": ("content_policy_violation", "The demo model's filter stopped this, as asked."),
    "empty": ("no_result", "The demo model made nothing, as asked."),
}


def begin(request: Video, tag: str, now: float) -> Mapping[str, Any]:
    """The state of a video that has just been asked for. Raises what its prompt orders."""
    order = orders.read(request.prompt)
    if order is not None and order.verb == "error":
        raise orders.refusal(order.number)
    width, height = sizes.of_film(request.size, request.resolution, request.aspect_ratio)
    return {
        "id": tag,
        "since": now,
        "takes": order.number if order is not None and order.verb == "slow" else TAKES,
        "words": f"{request.prompt}#{request.seed}" if request.seed is not None else request.prompt,
        "width": width,
        "height": height,
        "seconds": request.billed_seconds or request.seconds or 5.0,
        "verb": order.verb if order is not None else "",
    }


def look(state: Mapping[str, Any], now: float) -> Progress:
    done = (now - state["since"]) / max(0.01, state["takes"])
    if done < _QUEUED:
        return Progress(status="queued", progress=0)
    if state["verb"] in _BROKEN and done >= 0.5:
        code, message = _BROKEN[state["verb"]]
        return Progress(status="failed", error_code=code, error_message=message)
    if done < 1:
        return Progress(status="in_progress", progress=round(100 * done))
    width, height, seconds = state["width"], state["height"], state["seconds"]
    return Progress(
        status="completed",
        assets=(Asset(url=_FILM, mime="video/mp4"), Asset(url=_STILL, mime="image/png", role="thumbnail")),
        seconds=seconds,
        width=width,
        height=height,
        usage=Usage(input=of_text(state["words"])),
        measures=Measures(seconds=seconds, resolution=f"{min(width, height)}p"),
    )


def content(url: str, state: Mapping[str, Any]) -> Asset:
    """Raises NotFound."""
    words, width, height = state["words"], state["width"], state["height"]
    if url == _FILM:
        return Asset(data=film(words, width, height, state["seconds"]), mime="video/mp4")
    if url == _STILL:
        return Asset(data=paint.picture(words, width, height), mime="image/png")
    raise NotFound("The demo made no such file.", code="file_not_found")
