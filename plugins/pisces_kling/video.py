"""The driver `kling.video`: text to video, image to video, several images to video (wire.md F7).

A task is known under the kind of its making only: the state holds it. Kling takes our id of a task, and finds a task by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import refusals, shapes
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest, PiscesError, Unsupported
from pisces_proxy.inputs import encoded, lost, own_members
from pisces_proxy.media import Asset, Video
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.task import Progress, status_of
from pisces_proxy.usage import Usage

from .faults import check, fault

_encode = msgspec.json.Encoder().encode
TEXT, IMAGE, IMAGES = "text2video", "image2video", "multi-image2video"
_OWN = frozenset(
    ("mode", "cfg_scale", "camera_control", "static_mask", "dynamic_masks", "voice_list", "sound", "watermark_info")
)
_RATIOS = ("16:9", "9:16", "1:1")
_MODES = {"720p": "std", "1080p": "pro"}
_SPEAKING = ("kling-v2-6", "kling-v3")
_MOST_IMAGES = 4


class KlingVideo(Driver):
    name: ClassVar[str] = "kling.video"
    protocol: ClassVar[str] = "kling"
    kind: ClassVar[str] = "video"
    finds: ClassVar[bool] = True

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return fault(status, headers, body)

    def submit(self, request: Video, model: str, profile: Profile, tag: str) -> Ask:
        kind = kind_of(request)
        own, _ = own_members(request.extra, _OWN)
        body = {**profile.defaults, "model_name": model, **_files(request, kind), **_named(request, model, kind), **own}
        return Ask(path="/" + kind, body=_encode({**body, "external_task_id": tag}))

    def losses(self, request: Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        kind = kind_of(request)
        shaped = kind == IMAGE and (request.size or request.aspect_ratio)
        mute = request.audio is True and not model.lower().startswith(_SPEAKING)
        return (
            *own_members(request.extra, _OWN)[1],
            *(lost(("aspect_ratio",), "the video has the shape of its picture") if shaped else ()),
            *(lost(("generate_audio",), "this model makes no sound") if mute else ()),
            *(lost(("seed",), "the model has no such choice") if request.seed is not None else ()),
            *(lost(("watermark",), "say watermark_info, in Kling's own words") if request.watermark else ()),
        )

    def with_callback(self, ask: Ask, url: str) -> Ask:
        assert isinstance(ask.body, bytes)
        return msgspec.structs.replace(ask, body=_encode({**msgspec.json.decode(ask.body), "callback_url": url}))

    def remembered(self, request: Video, model: str) -> Mapping[str, Any]:
        return {"kind": kind_of(request)}

    def submitted(self, got: Got) -> Mapping[str, Any]:
        return {"id": _task(got.body).task_id}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path=f"/{state['kind']}/{quote(str(state['id']), safe='')}")

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        task = _task(got.body)
        match status_of(task.task_status):
            case "completed":
                return _done(task)
            case "failed":
                code, message = _why(task.task_status_msg or "")
                return Progress(status="failed", error_code=code, error_message=message)
            case status:
                return Progress(status=status)

    def find(self, tag: str, request: Any) -> Ask | None:
        assert isinstance(request, Video)
        return Ask(method="GET", path=f"/{kind_of(request)}/{quote(tag, safe='')}")

    def found(self, got: Got, tag: str) -> Mapping[str, Any] | None:
        """Kling answers with an error where it knows no such task."""
        return {"id": _task(got.body).task_id} if 200 <= got.status < 300 else None

    def delay(self, polls: int) -> float:
        """A video takes minutes."""
        return min(5.0 * 1.3**polls, 15.0)


# -- what is asked for -------------------------------------------------------------------------------------------------


def kind_of(request: Video) -> str:
    roles = {asset.role for asset in request.assets}
    if request.remix_of:
        raise Unsupported("Kling remixes nothing. Make a new video, with frames of the old one.", param="model")
    if other := sorted(roles - {"", "first_frame", "last_frame", "reference"}):
        raise Unsupported(f"This model takes no {other[0]} to begin with: send pictures, or a prompt alone.", param=other[0])
    if "reference" not in roles:
        return IMAGE if roles else TEXT
    if len(roles) > 1:
        raise Unsupported("This model takes frames or reference pictures, not both.", param="images")
    return IMAGES


def _files(request: Video, kind: str) -> dict[str, Any]:
    match kind:
        case "image2video":
            named = {"": "image", "first_frame": "image", "last_frame": "image_tail"}
            return {named[asset.role]: _file(asset) for asset in request.assets}
        case "multi-image2video":
            if len(request.assets) > _MOST_IMAGES:
                said = f"This model takes at most {_MOST_IMAGES} pictures, not {len(request.assets)}."
                raise Unsupported(said, param="images")
            return {"image_list": [{"image": _file(asset)} for asset in request.assets]}
        case _:
            return {}


def _file(asset: Asset) -> str:
    """A URL, or base64 with nothing before it."""
    return asset.url or encoded(asset)


def _named(request: Video, model: str, kind: str) -> dict[str, Any]:
    speaking = model.lower().startswith(_SPEAKING)
    named = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "mode": _mode(request),
        "duration": _duration(request.seconds, model),
        "aspect_ratio": "" if kind == IMAGE else shapes.ratio_for(request.size, request.aspect_ratio, _RATIOS),
        "sound": {True: "on", False: "off"}.get(request.audio) if speaking and request.audio is not None else "",
    }
    return {name: value for name, value in named.items() if value}


def _mode(request: Video) -> str:
    if request.resolution:
        if request.resolution not in _MODES:
            said = f"Kling makes 720p and 1080p, not {request.resolution}."
            raise BadRequest(said, param="resolution", code="invalid_value")
        return _MODES[request.resolution]
    found = shapes.pixels(request.size)
    return "" if found is None else "pro" if min(found) > 720 else "std"


def _duration(seconds: float | None, model: str) -> str:
    if seconds is None:
        return ""
    allowed = range(3, 16) if model.lower().startswith("kling-v3") else (5, 10)
    if seconds not in allowed:
        said = "3 to 15" if len(allowed) > 2 else "5 or 10"
        raise BadRequest(f"{model} makes videos of {said} seconds, not {seconds:g}.", param="seconds", code="invalid_value")
    return str(int(seconds))


# -- what has come of it -----------------------------------------------------------------------------------------------


class _Video(msgspec.Struct):
    url: str = ""
    duration: str | float | None = None


class _Result(msgspec.Struct):
    videos: list[_Video] | None = None


class _Data(msgspec.Struct):
    task_id: str = ""
    task_status: str = ""
    task_status_msg: str | None = None
    task_result: _Result | None = None


class _Answer(msgspec.Struct):
    code: int = 0
    data: _Data | None = None


_answer = msgspec.json.Decoder(_Answer)


def _task(body: bytes) -> _Data:
    check(body)
    data = _answer.decode(body).data
    if data is None or not data.task_id:
        raise fault(200, {}, body)
    return data


def _done(task: _Data) -> Progress:
    videos = [video for video in (task.task_result or _Result()).videos or () if video.url]
    assets = tuple(Asset(url=video.url, mime="video/mp4") for video in videos)
    return Progress(status="completed", assets=assets, seconds=_seconds(videos), usage=Usage())


def _seconds(videos: list[_Video]) -> float | None:
    try:
        return float(videos[0].duration or 0) or None
    except (ValueError, IndexError):
        return None


def _why(message: str) -> tuple[str, str]:
    if "risk control" in message.lower():  # "Failure to pass the risk control system"
        return "content_policy", f"{refusals.sanitise(message).rstrip('.')}. Change the prompt or the pictures."
    return refusals.of_task("", message)
