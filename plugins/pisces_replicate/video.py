"""The driver `replicate.video`: videos by any of Replicate's models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pisces_proxy import shapes
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import link, lost, own_members
from pisces_proxy.media import Asset, Video
from pisces_proxy.plans import Ask
from pisces_proxy.plugin import Profile
from pisces_proxy.task import Progress
from pisces_proxy.usage import Usage

from .predictions import Predictions, bare, handed_over

# what the first and the last frame are called, by what the model's name begins with
_FRAMES = {
    "kling": ("start_image", "end_image"),
    "hailuo": ("first_frame_image", "last_frame_image"),
    "video-01": ("first_frame_image", "last_frame_image"),
    "seedance": ("image", "last_frame_image"),
    "veo": ("image", "last_frame"),
    "sora": ("input_reference", "last_frame"),
    "ray": ("start_image", "end_image"),
}
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")


class ReplicateVideo(Predictions):
    name: ClassVar[str] = "replicate.video"
    kind: ClassVar[str] = "video"

    def submit(self, request: Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("This model remixes nothing. Make a new video, with frames of the old one.", param="model")
        own, _ = own_members(request.extra)
        prompt = {"prompt": request.prompt} if request.prompt else {}
        members = {**profile.defaults, **prompt, **_files(request.assets, bare(model)), **_named(request)}
        return handed_over(model, {**members, **own})

    def losses(self, request: Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        return lost(("watermark",), "the model marks nothing") if request.watermark else ()

    def made(self, assets: tuple[Asset, ...], metrics: Mapping[str, Any]) -> Progress:
        seconds = metrics.get("video_output_duration_seconds")
        known = float(seconds) if isinstance(seconds, int | float) else None
        return Progress(status="completed", assets=assets, seconds=known, usage=Usage())


def _files(assets: tuple[Asset, ...], name: str) -> dict[str, Any]:
    first, last = next((members for begin, members in _FRAMES.items() if name.startswith(begin)), ("image", "last_frame"))
    named = {"first_frame": first, "": first, "last_frame": last, "video": "video", "audio": "audio"}
    files: dict[str, Any] = {}
    for asset in assets:
        if asset.role == "reference":
            files.setdefault("reference_images", []).append(link(asset))
        else:
            files[named[asset.role]] = link(asset, "video/mp4" if asset.role == "video" else "image/png")
    return files


def _named(request: Video) -> dict[str, Any]:
    found = shapes.pixels(request.size)
    named = {
        "negative_prompt": request.negative_prompt,
        "aspect_ratio": shapes.ratio_for(request.size, request.aspect_ratio, _RATIOS),
        "resolution": request.resolution or (f"{min(found)}p" if found else ""),
        "seed": request.seed if request.seed is None or request.seed >= 0 else None,
        "generate_audio": request.audio,
        "duration": round(request.seconds) if request.seconds is not None else None,
    }
    return {name: value for name, value in named.items() if value not in ("", None)}
