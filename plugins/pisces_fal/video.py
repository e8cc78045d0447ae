"""The driver `fal.video`: videos by any of fal's models."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy import shapes
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import link, lost, own_members
from pisces_proxy.media import Asset, Video
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Profile
from pisces_proxy.task import Progress
from pisces_proxy.usage import Usage

from .queue import File, Queued, asset_of, handed_over

_MEMBERS = {
    "first_frame": "image_url",
    "": "image_url",
    "last_frame": "end_image_url",
    "video": "video_url",
    "audio": "audio_url",
}
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")


class FalVideo(Queued):
    name: ClassVar[str] = "fal.video"
    kind: ClassVar[str] = "video"

    def submit(self, request: Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("fal's models remix nothing. Make a new video, with frames of the old one.", param="model")
        own, _ = own_members(request.extra)
        files = _files(request.assets, model)
        body = {**profile.defaults, **({"prompt": request.prompt} if request.prompt else {}), **files, **_named(request, model)}
        return handed_over(model, {**body, **own})

    def losses(self, request: Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        return lost(("watermark",), "fal marks nothing") if request.watermark else ()

    def answered(self, got: Got) -> Progress:
        answer = _answer.decode(got.body)
        files = [file for file in (*((answer.video,) if answer.video else ()), *(answer.videos or ())) if file.url]
        first = files[0] if files else File()
        return Progress(
            status="completed",
            assets=tuple(asset_of(file) for file in files),
            seconds=first.duration or answer.duration,
            width=first.width,
            height=first.height,
            usage=Usage(),
        )


def _files(assets: tuple[Asset, ...], model: str) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for asset in assets:
        if asset.role == "reference":
            files.setdefault("reference_image_urls", []).append(link(asset))
        elif asset.role == "last_frame" and "kling" in model.lower():
            files["tail_image_url"] = link(asset)
        else:
            files[_MEMBERS[asset.role]] = link(asset, "video/mp4" if asset.role == "video" else "image/png")
    return files


def _named(request: Video, model: str) -> dict[str, Any]:
    named = {
        "negative_prompt": request.negative_prompt,
        "aspect_ratio": shapes.ratio_for(request.size, request.aspect_ratio, _RATIOS),
        "resolution": request.resolution or _lines(request.size),
        "seed": request.seed if request.seed is None or request.seed >= 0 else None,
        "generate_audio": request.audio,
        "duration": _duration(request.seconds, model.lower()),
    }
    return {name: value for name, value in named.items() if value not in ("", None)}


def _lines(size: str) -> str:
    found = shapes.pixels(size)
    return f"{min(found)}p" if found else ""


def _duration(seconds: float | None, model: str) -> str | int | None:
    """Each vendor behind fal has kept its own way to write a length."""
    if seconds is None:
        return None
    if "veo" in model:
        return f"{seconds:g}s"
    if any(word in model for word in ("kling", "seedance", "hailuo", "wan", "pixverse")):
        return f"{seconds:g}"
    return round(seconds)


class _Answer(msgspec.Struct):
    video: File | None = None
    videos: list[File] | None = None
    duration: float | None = None


_answer = msgspec.json.Decoder(_Answer)
