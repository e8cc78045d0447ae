"""The wire `zhipu.video`: POST /videos/generations, looked at under /async-result/{id} (wire.md F7).

https://docs.z.ai/api-reference/video/generate-video
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import media, refusals
from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import link
from pisces_proxy.media import Asset
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.task import Progress, status_of

_encode = msgspec.json.Encoder().encode
_KNOWN = frozenset({"quality", "fps", "movement_amplitude", "style"})
_SIZES = ("1280x720", "720x1280", "1024x1024", "1920x1080", "1080x1920", "2048x1080", "3840x2160")
_LINES = {
    ("720p", "16:9"): "1280x720",
    ("720p", "9:16"): "720x1280",
    ("1080p", "16:9"): "1920x1080",
    ("1080p", "9:16"): "1080x1920",
    ("4k", "16:9"): "3840x2160",
    ("2160p", "16:9"): "3840x2160",
}
_FRAMES = ("first_frame", "last_frame")


class _Error(msgspec.Struct):
    code: str | int = ""
    message: str = ""


class _Film(msgspec.Struct):
    url: str = ""
    cover_image_url: str | None = None


class _Submitted(msgspec.Struct):
    id: str = ""
    error: _Error | None = None


class _Task(msgspec.Struct):
    task_status: str = ""
    video_result: list[_Film] | None = None
    error: _Error | None = None


_submitted = msgspec.json.Decoder(_Submitted)
_task = msgspec.json.Decoder(_Task)


class Video(Driver):
    name: ClassVar[str] = "zhipu.video"
    protocol: ClassVar[str] = "zhipu"
    kind: ClassVar[str] = "video"

    def submit(self, request: media.Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("This model remixes nothing. Start a new video with the old one as a reference.", param="id")
        body, _ = _body(request, model)
        return Ask(path="/videos/generations", body=_encode({**body, "request_id": tag}))

    def losses(self, request: media.Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        return _body(request, model)[1]

    def submitted(self, got: Got) -> Mapping[str, Any]:
        found = read(_submitted, got.body, "task")
        if not found.id:
            raise unreadable(got.body, "task")
        return {"id": found.id}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path=f"/async-result/{quote(str(state['id']), safe='')}")

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        task = read(_task, got.body, "task")
        if not task.task_status:
            raise unreadable(got.body, "task")
        match status_of(task.task_status):
            case "completed":
                return _done(task.video_result or [])
            case "failed":
                error = task.error or _Error()
                code, message = refusals.of_task(str(error.code), error.message)
                return Progress(status="failed", error_code=code, error_message=message)
            case status:
                return Progress(status=status)


def _done(films: list[_Film]) -> Progress:
    assets = [Asset(url=film.url, mime="video/mp4") for film in films if film.url]
    covers = [Asset(url=film.cover_image_url, role="thumbnail") for film in films if film.url and film.cover_image_url]
    return Progress(status="completed", assets=(*assets, *covers[:1]))


# -- how it is asked for


def _body(request: media.Video, model: str) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    losses = [
        Loss(field=name, action="dropped", reason="unknown to this protocol") for name in request.extra if name not in _KNOWN
    ]
    body: dict[str, Any] = {"model": model, "watermark_enabled": request.watermark}
    body |= {name: value for name, value in request.extra.items() if name in _KNOWN}
    links = _links(request, model)
    named = {
        "prompt": request.prompt,
        "image_url": links[0] if len(links) == 1 else links,
        "duration": round(request.seconds) if request.seconds is not None else None,
        "with_audio": request.audio,
        "user_id": request.user if 6 <= len(request.user) <= 128 else "",
    }
    body |= {name: value for name, value in named.items() if value not in ("", None, [])}
    body |= _shape(request, model, losses)
    lost = [name for name in ("negative_prompt", "seed") if getattr(request, name) not in ("", None)]
    losses += [Loss(field=name, action="dropped", reason="the model has no such choice") for name in lost]
    return body, tuple(losses)


def _shape(request: media.Video, model: str, losses: list[Loss]) -> dict[str, Any]:
    """CogVideoX takes sizes out of a list; Vidu a ratio and a size of its own."""
    ratio = request.aspect_ratio
    if model.lower().startswith("vidu") and ratio:
        return {"aspect_ratio": ratio, **({"size": request.size} if request.size else {})}
    size = request.size or _LINES.get((request.resolution, ratio or "16:9"), "")
    if not size and ratio == "1:1":
        size = "1024x1024"
    if size in _SIZES or (size and model.lower().startswith("vidu")):
        return {"size": size}
    for name, value in (("size", request.size), ("resolution", request.resolution), ("ratio", ratio)):
        if value:
            losses.append(Loss(field=name, action="dropped", reason="the model makes no videos of that shape"))
    return {}


def _links(request: media.Video, model: str) -> list[str]:
    """Pictures in the order in which they are read: the first frame, then the last; or references, for Vidu."""
    for asset in request.assets:
        if asset.role not in (*_FRAMES, "reference"):
            raise Unsupported(
                f"{model} takes pictures, no {asset.role or 'file'}.", param="input.media", code="unsupported_value"
            )
    ordered = sorted(request.assets, key=lambda asset: asset.role == "last_frame")
    if ordered and all(asset.role == "last_frame" for asset in ordered):
        raise Unsupported(f"{model} takes a last frame behind a first one only.", param="input.media", code="unsupported_value")
    return [link(asset) for asset in ordered]
