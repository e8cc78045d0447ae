"""The wire `minimax.video`: Hailuo's videos, made in three steps: handed over, looked at, the file's address asked for.

https://platform.minimax.io/docs/api-reference/video-generation-t2v (wire.md F7)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import media
from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import ClientError, Unsupported
from pisces_proxy.inputs import link, own_members
from pisces_proxy.media import Asset
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.task import Progress, status_of

from .dialect import BaseResp, bare, encode, refused

_KNOWN = frozenset({"prompt_optimizer", "fast_pretreatment"})
_HAILUO = {360: "512P", 480: "512P", 512: "512P", 720: "768P", 768: "768P", 1080: "1080P"}
_ONCE = {"first_frame": "first_frame_image", "last_frame": "last_frame_image"}
_UNKNOWN = ("aspect_ratio", "negative_prompt", "seed")


class _Submitted(msgspec.Struct):
    task_id: str | int = ""
    base_resp: BaseResp = BaseResp()


class _Task(msgspec.Struct):
    status: str = ""
    file_id: str | int = ""
    video_width: int | None = None
    video_height: int | None = None
    base_resp: BaseResp = BaseResp()


class _File(msgspec.Struct):
    download_url: str = ""


class _Retrieved(msgspec.Struct):
    file: _File | None = None
    base_resp: BaseResp = BaseResp()


_submitted = msgspec.json.Decoder(_Submitted)
_task = msgspec.json.Decoder(_Task)
_retrieved = msgspec.json.Decoder(_Retrieved)


class Video(Driver):
    name: ClassVar[str] = "minimax.video"
    protocol: ClassVar[str] = "minimax"
    kind: ClassVar[str] = "video"

    def submit(self, request: media.Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("This model remixes nothing. Start a new video with the old one as a reference.", param="id")
        return Ask(path="/video_generation", body=encode(_body(request, bare(model))[0]))

    def losses(self, request: media.Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        return _body(request, bare(model))[1]

    def with_callback(self, ask: Ask, url: str) -> Ask:
        assert isinstance(ask.body, bytes)
        return msgspec.structs.replace(ask, body=encode({**msgspec.json.decode(ask.body), "callback_url": url}))

    def submitted(self, got: Got) -> Mapping[str, Any]:
        found = read(_submitted, got.body, "task")
        if found.base_resp.status_code:
            raise refused(got.body)
        if not found.task_id:
            raise unreadable(got.body, "task")
        return {"id": str(found.task_id)}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        if "file" in state:
            return Ask(method="GET", path=f"/files/retrieve?file_id={quote(str(state['file']), safe='')}")
        return Ask(method="GET", path=f"/query/video_generation?task_id={quote(str(state['id']), safe='')}")

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        return _file(got.body, state) if "file" in state else _looked_at(got.body, state)


# -- how it is asked for


def _body(request: media.Video, model: str) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    own, strangers = own_members(request.extra, _KNOWN)
    losses = list(strangers)
    body: dict[str, Any] = {"model": model, "aigc_watermark": request.watermark, **_given(request, model), **own}
    if request.prompt:
        body["prompt"] = request.prompt
    if request.seconds is not None:
        body["duration"] = round(request.seconds)
    if resolution := _resolution(request, model, losses):
        body["resolution"] = resolution
    lost = [name for name in _UNKNOWN if getattr(request, name) not in ("", None)] + (["audio"] if request.audio else [])
    losses += [Loss(field=name, action="dropped", reason="the model has no such choice") for name in lost]
    return body, tuple(losses)


def _given(request: media.Video, model: str) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for asset in request.assets:
        name = _ONCE.get(asset.role)
        if name and name not in members:
            members[name] = link(asset)
        elif asset.role == "reference" and model.lower().startswith("s2v"):
            members.setdefault("subject_reference", [{"type": "character", "image": []}])[0]["image"].append(link(asset))
        else:
            raise Unsupported(_not_taken(asset, model), param="input.media", code="unsupported_value")
    return members


def _not_taken(asset: Asset, model: str) -> str:
    if asset.role in _ONCE:
        return f"{model} takes one {asset.role.replace('_', ' ')} only."
    if asset.role == "reference":
        return f"{model} takes no reference images: use S2V-01, or send the picture as the first frame."
    return f"{model} takes no {asset.role or 'file'}: it begins and ends with pictures."


def _resolution(request: media.Video, model: str, losses: list[Loss]) -> str:
    """Hailuo draws 512, 768 or 1080 lines; older models 720 and nothing else."""
    said = request.resolution.rstrip("pk") or request.size.partition("x")[2]
    if not said.isdigit() or "hailuo" not in model.lower():
        return ""
    size = [int(side) for side in request.size.split("x") if side.isdigit()]
    lines = int(said) if request.resolution.endswith("p") else min(size, default=1080)
    drawn = _HAILUO[min(_HAILUO, key=lambda known: abs(known - lines))]
    if drawn != f"{lines}P":
        losses.append(Loss(field="resolution", action="changed", reason=f"made in {drawn}"))
    return drawn


# -- how it goes


def _looked_at(body: bytes, state: Mapping[str, Any]) -> Progress:
    task = read(_task, body, "task")
    status = status_of(task.status)
    if status == "failed":
        return _failed(body, task)
    if task.base_resp.status_code:
        raise refused(body)
    if status is None and not task.status:
        raise unreadable(body, "task")
    if status != "completed":
        return Progress(status=status)
    if not task.file_id:
        return Progress(status="completed")
    found = {"file": str(task.file_id), "width": task.video_width, "height": task.video_height}
    return Progress(status="in_progress", progress=95, state={**state, **found})


def _failed(body: bytes, task: _Task) -> Progress:
    error = refused(body) if task.base_resp.status_code else None
    if isinstance(error, ClientError):
        return Progress(status="failed", error_code=error.code or error.kind, error_message=error.message)
    said = error.message if error is not None else "The upstream's task failed, and it did not say why."
    return Progress(status="failed", error_code="failed", error_message=said)


def _file(body: bytes, state: Mapping[str, Any]) -> Progress:
    found = read(_retrieved, body, "task")
    if found.base_resp.status_code:
        raise refused(body)
    if found.file is None or not found.file.download_url:
        raise unreadable(body, "file")
    wide, high = state.get("width"), state.get("height")
    return Progress(
        status="completed",
        assets=(Asset(url=found.file.download_url, mime="video/mp4"),),
        width=wide,
        height=high,
        measures=Measures(resolution=f"{wide}x{high}") if wide and high else Measures(),
    )
