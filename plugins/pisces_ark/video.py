"""The wire `ark.video`: Seedance's videos (wire.md F7, S3-60 to S3-71; https://www.volcengine.com/docs/82379/1520757)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import media, refusals
from pisces_proxy.answers import read
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import link, lost, own_members
from pisces_proxy.media import Asset
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.shapes import pixels
from pisces_proxy.task import Progress, status_of
from pisces_proxy.usage import Usage

_encode = msgspec.json.Encoder().encode
_KNOWN = frozenset({
    "camera_fixed", "return_last_frame", "service_tier", "execution_expires_after", "frames", "draft", "tools", "priority",
})  # fmt: skip
_ROLES = {
    "first_frame": ("image_url", "first_frame"),
    "last_frame": ("image_url", "last_frame"),
    "reference": ("image_url", "reference_image"),
    "video": ("video_url", "reference_video"),
    "audio": ("audio_url", "reference_audio"),
}
_MIMES = {"image_url": "image/png", "audio_url": "audio/mpeg"}
_OLD = re.compile(r"(?:^|[-/])(?:seedance-1-0|wan2-1|seaweed)")  # what is asked of them stands behind the prompt
_SPELLED = {"camera_fixed": "camerafixed"}
_RATIOS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0, "4:3": 4 / 3, "3:4": 3 / 4, "21:9": 21 / 9}
_LINES = (480, 720, 1080)


class _Submitted(msgspec.Struct):
    id: str


class _Content(msgspec.Struct):
    video_url: str | None = None
    last_frame_url: str | None = None


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Counts(msgspec.Struct):
    completion_tokens: int | None = None


class _Task(msgspec.Struct):
    status: str
    content: _Content | None = None
    error: _Error | None = None
    usage: _Counts | None = None
    resolution: str = ""
    duration: float | None = None
    frames: int | None = None
    framespersecond: float | None = None


_submitted = msgspec.json.Decoder(_Submitted)
_task = msgspec.json.Decoder(_Task)


class Video(Driver):
    name: ClassVar[str] = "ark.video"
    protocol: ClassVar[str] = "ark"
    kind: ClassVar[str] = "video"

    def submit(self, request: media.Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("This model remixes nothing. Start a new video with the old one as a reference.", param="id")
        asked, _ = _asked(request, model)
        old = _OLD.search(model.lower()) is not None
        prompt = " ".join([request.prompt, *_flags(asked)]).strip() if old else request.prompt
        content: list[dict[str, Any]] = [{"type": "text", "text": prompt}] if prompt else []
        content += [_item(asset) for asset in request.assets]
        own, _ = own_members(request.extra, _KNOWN - {"camera_fixed"} if old else _KNOWN)
        return Ask(body=_encode({"model": model, "content": content, **({} if old else asked), **own}))

    def losses(self, request: media.Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        return _asked(request, model)[1]

    def with_callback(self, ask: Ask, url: str) -> Ask:
        assert isinstance(ask.body, bytes)
        return msgspec.structs.replace(ask, body=_encode({**msgspec.json.decode(ask.body), "callback_url": url}))

    def submitted(self, got: Got) -> Mapping[str, Any]:
        return {"id": read(_submitted, got.body, "task").id}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path=_place(state))

    def cancel(self, state: Mapping[str, Any]) -> Ask | None:
        """They take back what still waits."""
        return Ask(method="DELETE", path=_place(state))

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        task = read(_task, got.body, "task")
        match status_of(task.status):
            case "completed":
                return _done(task)
            case "failed" | "cancelled" | "expired" as ended:
                error = task.error or _Error()
                code, message = refusals.of_task(error.code, error.message) if ended == "failed" else (ended, error.message)
                return Progress(status=ended, error_code=code, error_message=message)
            case status:
                return Progress(status=status)


def _place(state: Mapping[str, Any]) -> str:
    return "/" + quote(str(state["id"]), safe="")


# -- how it is asked for


def _asked(request: media.Video, model: str) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    old = _OLD.search(model.lower()) is not None
    own, strangers = own_members(request.extra, _KNOWN)
    members: dict[str, Any] = {"watermark": request.watermark}
    resolution, ratio = _shape(request)
    seed = request.seed if request.seed is not None and request.seed >= 0 else None
    length = round(request.seconds) if request.seconds is not None and "frames" not in own else None
    named = {"resolution": resolution, "ratio": ratio, "duration": length, "seed": seed}
    members |= {name: value for name, value in named.items() if value not in ("", None)}
    if old and "camera_fixed" in own:
        members["camera_fixed"] = own["camera_fixed"]
    if request.audio is not None and not old:
        members["generate_audio"] = request.audio
    missing = (["negative_prompt"] if request.negative_prompt else []) + (["audio"] if request.audio and old else [])
    return members, (*strangers, *lost(missing, "the model has no such choice"))


def _shape(request: media.Video) -> tuple[str, str]:
    """(resolution, ratio); sizes in pixels are named after their shorter side."""
    size = pixels(request.size)
    resolution, ratio = request.resolution, "adaptive" if request.aspect_ratio == "auto" else request.aspect_ratio
    if size and not resolution:
        resolution = f"{min(_LINES, key=lambda lines: abs(lines - min(size)))}p"
    if size and not ratio:
        ratio = min(_RATIOS, key=lambda name: abs(_RATIOS[name] - size[0] / size[1]))
    return resolution, ratio


def _flags(members: Mapping[str, Any]) -> list[str]:
    return [f"--{_SPELLED.get(name, name)} {str(value).lower()}" for name, value in members.items()]


def _item(asset: Asset) -> dict[str, Any]:
    kind, role = _ROLES.get(asset.role, _ROLES["reference"])
    if kind == "video_url" and not asset.url:
        raise Unsupported(
            "This model fetches clips itself: send the video as a public https URL.", param="input.media", code="invalid_url"
        )
    return {"type": kind, kind: {"url": link(asset, _MIMES.get(kind, ""))}, "role": role}


# -- how it goes


def _done(task: _Task) -> Progress:
    content = task.content or _Content()
    assets = [Asset(url=content.video_url, mime="video/mp4")] if content.video_url else []
    if assets and content.last_frame_url:
        assets.append(Asset(url=content.last_frame_url, role="last_frame"))
    seconds = task.duration or (task.frames / (task.framespersecond or 24) if task.frames else None)
    tokens = task.usage.completion_tokens if task.usage else None
    return Progress(
        status="completed",
        assets=tuple(assets),
        seconds=seconds,
        usage=Usage(output=tokens) if tokens is not None else None,
        measures=Measures(seconds=seconds or 0.0, resolution=task.resolution),
    )
