"""How large a video is to be: lines with a capital P, a ratio, or pixels with a star between them."""

from __future__ import annotations

import math
from typing import Any

from pisces_proxy.chat import Loss
from pisces_proxy.media import Video
from pisces_proxy.shapes import pixels

from .video_models import Line

_LINES = (480, 720, 1080)
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")
# https://www.alibabacloud.com/help/en/model-studio/text-to-video-api-reference: older models know these pixels only
_PIXELS = {
    480: ("832*480", "480*832", "624*624"),
    720: ("1280*720", "720*1280", "960*960", "1088*832", "832*1088"),
    1080: ("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"),
}


def shape(request: Video, line: Line) -> tuple[dict[str, Any], list[Loss]]:
    """The parameters that say it, and what was changed on the way."""
    lines, exact = _lines(request)
    ratio = _ratio(request)
    losses: list[Loss] = []
    if lines and not exact:
        losses.append(Loss(field="resolution", action="changed", reason=f"made in {lines}P"))
    if line.size == "size":
        return ({"size": _nearest(lines or 720, ratio)} if lines or ratio else {}), losses
    members: dict[str, Any] = {"resolution": f"{lines}P"} if lines else {}
    if ratio and line.chooses_ratio:
        members["ratio"] = ratio
    elif request.aspect_ratio and ratio:
        losses.append(Loss(field="ratio", action="dropped", reason="the model keeps the shape of what it is given"))
    return members, losses


def _lines(request: Video) -> tuple[int, bool]:
    """The number of lines, 0 where nobody asks; and whether it is just what was asked for."""
    size = pixels(request.size)
    asked = min(size) if size else 0
    if request.resolution:
        said = request.resolution.rstrip("pk")
        asked = {"1k": 1080, "2k": 1440, "4k": 2160}.get(request.resolution, int(said) if said.isdigit() else 0)
    if not asked:
        return 0, True
    nearest = min(_LINES, key=lambda lines: abs(lines - asked))
    return nearest, nearest == asked


def _ratio(request: Video) -> str:
    if request.aspect_ratio in ("adaptive", "auto", "keep_ratio"):
        return ""
    if request.aspect_ratio:
        return request.aspect_ratio
    size = pixels(request.size)
    return min(_RATIOS, key=lambda ratio: _distance(ratio, ":", size[0] / size[1])) if size else ""


def _nearest(lines: int, ratio: str) -> str:
    shape = _value(ratio or "16:9", ":")
    return min(_PIXELS[lines], key=lambda size: _distance(size, "*", shape))


def _distance(name: str, between: str, shape: float) -> float:
    return abs(math.log(_value(name, between) / shape))


def _value(name: str, between: str) -> float:
    wide, _, high = name.partition(between)
    return float(wide) / float(high)
