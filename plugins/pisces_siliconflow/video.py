"""The driver `siliconflow.video`: Wan and its like, by /video/submit and /video/status (wire.md F7).

https://docs.siliconflow.cn/cn/api-reference/videos/videos_submit
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from pisces_proxy import refusals, shapes
from pisces_proxy.answers import unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import link, lost, own_members, unheard
from pisces_proxy.media import Asset, Video
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.task import Progress, Status
from pisces_proxy.usage import Usage

_encode = msgspec.json.Encoder().encode
_SIZES = {"16:9": "1280x720", "9:16": "720x1280", "1:1": "960x960"}
_STATUSES: Mapping[str, Status] = {
    "inqueue": "queued", "inprogress": "in_progress", "succeed": "completed", "failed": "failed",
}  # fmt: skip


class SiliconVideo(Driver):
    name: ClassVar[str] = "siliconflow.video"
    protocol: ClassVar[str] = "siliconflow"
    kind: ClassVar[str] = "video"

    def submit(self, request: Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("This model remixes nothing. Make a new video, with a frame of the old one.", param="model")
        named = {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "image_size": _size(request),
            "image": _image(request.assets),
            "seed": request.seed if request.seed is None or request.seed >= 0 else None,
        }
        told = {name: value for name, value in named.items() if value not in ("", None)}
        return Ask(path="/submit", body=_encode({**profile.defaults, "model": model, **told}))

    def losses(self, request: Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        flags = [name for name, value in (("generate_audio", request.audio), ("watermark", request.watermark)) if value]
        changed = _size(request) not in ("", request.size) and bool(request.size)
        drawn = (Loss("size", "changed", f"made as {_size(request)}"),) if changed else ()
        strangers = own_members(request.extra, ())[1]
        told = (*unheard(request, ("seconds", "resolution")), *lost(flags, "the model has no such choice"))
        return (*strangers, *told, *drawn)

    def submitted(self, got: Got) -> Mapping[str, Any]:
        accepted = _accepted.decode(got.body)
        if not accepted.request_id:
            raise unreadable(got.body, "task")
        return {"id": accepted.request_id}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(path="/status", body=_encode({"requestId": state["id"]}))

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        task = _task.decode(got.body)
        if not task.status:
            raise unreadable(got.body, "task")
        match _STATUSES.get(task.status.lower()):
            case "completed":
                videos = (task.results or _Results()).videos or []
                assets = tuple(Asset(url=video.url, mime="video/mp4") for video in videos if video.url)
                return Progress(status="completed", assets=assets, usage=Usage())
            case "failed":
                code, message = refusals.of_task("", task.reason or "")
                return Progress(status="failed", error_code=code, error_message=message)
            case status:
                return Progress(status=status)

    def delay(self, polls: int) -> float:
        """A video takes minutes."""
        return min(5.0 * 1.3**polls, 15.0)


def _size(request: Video) -> str:
    """One of three sizes; empty where the model is to choose."""
    if request.size in _SIZES.values():
        return request.size
    ratio = shapes.ratio_for(request.size, request.aspect_ratio, tuple(_SIZES))
    return _SIZES.get(ratio, "")


def _image(assets: tuple[Asset, ...]) -> str:
    if not assets:
        return ""
    if len(assets) > 1 or assets[0].role not in ("", "first_frame"):
        raise Unsupported("This model takes one picture, as the first frame.", param="images")
    return link(assets[0])


class _Accepted(msgspec.Struct):
    request_id: str = msgspec.field(default="", name="requestId")


class _Video(msgspec.Struct):
    url: str = ""


class _Results(msgspec.Struct):
    videos: list[_Video] | None = None


class _Task(msgspec.Struct):
    status: str = ""
    reason: str | None = None
    results: _Results | None = None


_accepted = msgspec.json.Decoder(_Accepted)
_task = msgspec.json.Decoder(_Task)
