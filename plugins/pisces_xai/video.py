"""The driver `xai.video`: Grok Imagine, by /videos/generations, /videos/edits and /videos/{id} (wire.md F7).

https://docs.x.ai/docs/guides/video-generations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import refusals, shapes
from pisces_proxy.answers import unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest, ContentRefused, PiscesError, Unsupported
from pisces_proxy.inputs import link, lost, own_members, unheard
from pisces_proxy.media import Asset, Video
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.task import Progress, status_of
from pisces_proxy.usage import Usage

_encode = msgspec.json.Encoder().encode
_OWN = frozenset(("user", "size"))
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
_RESOLUTIONS = ("480p", "720p", "1080p")
_LONGEST = 15


class GrokVideo(Driver):
    name: ClassVar[str] = "xai.video"
    protocol: ClassVar[str] = "xai"
    kind: ClassVar[str] = "video"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        found = refusals.complaint(body)
        if status == 400 and found is not None and "moderation" in found.message.lower():
            return ContentRefused(found.message, param="prompt")
        return refusals.understand(status, headers, found)

    def submit(self, request: Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("Grok remixes nothing. Send the video itself to be edited.", param="model")
        files = _files(request.assets)
        prompt = {"prompt": request.prompt} if request.prompt else {}
        body = {**profile.defaults, "model": model, **prompt, **files, **own_members(request.extra, _OWN)[0]}
        if "video" in files:
            return Ask(path="/edits", body=_encode(body))
        return Ask(path="/generations", body=_encode({**body, **_named(request)}))

    def losses(self, request: Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        edits = any(asset.role == "video" for asset in request.assets)
        shaped = unheard(request, ("seconds", "resolution", "aspect_ratio") if edits else ())
        plain = (*own_members(request.extra, _OWN)[1], *unheard(request, ("negative_prompt", "seed")), *shaped)
        mute = lost(("generate_audio",), "the model always makes sound") if request.audio is False else ()
        return (*plain, *mute, *(lost(("watermark",), "the model has no such choice") if request.watermark else ()))

    def submitted(self, got: Got) -> Mapping[str, Any]:
        accepted = _accepted.decode(got.body)
        if not accepted.request_id:
            raise unreadable(got.body, "task")
        return {"id": accepted.request_id}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path="/" + quote(str(state["id"]), safe=""))

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        task = _task.decode(got.body)
        if task.video is not None and task.status in (None, "done"):
            return _done(task.video)
        match task.status:
            case None:
                raise unreadable(got.body, "task")
            case "failed" | "expired" as word:
                return _failed(word, got.body)
            case word:
                return Progress(status=status_of(word), progress=task.progress)

    def delay(self, polls: int) -> float:
        """A video takes a minute or more."""
        return min(4.0 * 1.3**polls, 10.0)


# -- what is asked for -------------------------------------------------------------------------------------------------


def _files(assets: tuple[Asset, ...]) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for asset in assets:
        match asset.role:
            case "first_frame" | "":
                files["image"] = {"url": link(asset)}
            case "reference":
                files.setdefault("reference_images", []).append({"url": link(asset)})
            case "video":
                files["video"] = {"url": link(asset, "video/mp4")}
            case role:
                raise Unsupported(f"Grok takes no {role}: send a first frame, reference pictures or a video.", param=role)
    if len(files) > 1:
        raise Unsupported("Grok takes a first frame, reference pictures or a video, one of them.", param="images")
    return files


def _named(request: Video) -> dict[str, Any]:
    named: dict[str, Any] = {}
    if request.seconds is not None:
        if request.seconds != int(request.seconds) or not 1 <= request.seconds <= _LONGEST:
            said = f"Grok makes videos of 1 to {_LONGEST} whole seconds, not {request.seconds:g}."
            raise BadRequest(said, param="seconds", code="invalid_value")
        named["duration"] = int(request.seconds)
    if ratio := shapes.ratio_for(request.size, request.aspect_ratio, _RATIOS):
        named["aspect_ratio"] = ratio
    if resolution := _resolution(request):
        named["resolution"] = resolution
    return named


def _resolution(request: Video) -> str:
    if request.resolution and request.resolution not in _RESOLUTIONS:
        said = f"Grok makes {', '.join(_RESOLUTIONS)}, not {request.resolution}."
        raise BadRequest(said, param="resolution", code="invalid_value")
    found = shapes.pixels(request.size)
    lines = next((known for known in _RESOLUTIONS if min(found) <= int(known[:-1])), "1080p") if found else ""
    return request.resolution or lines


# -- what has come of it -----------------------------------------------------------------------------------------------


class _Accepted(msgspec.Struct):
    request_id: str | None = None


class _Video(msgspec.Struct):
    url: str | None = None
    duration: float | None = None
    respect_moderation: bool | None = None


class _Task(msgspec.Struct):
    status: str | None = None
    progress: int | None = None
    video: _Video | None = None


_accepted = msgspec.json.Decoder(_Accepted)
_task = msgspec.json.Decoder(_Task)


def _done(video: _Video) -> Progress:
    if not video.url and video.respect_moderation is False:
        message = "The upstream's moderation withheld the video. Change the prompt."
        return Progress(status="failed", error_code="content_policy", error_message=message)
    assets = (Asset(url=video.url, mime="video/mp4"),) if video.url else ()
    return Progress(status="completed", assets=assets, seconds=video.duration or None, usage=Usage())


def _failed(word: str, body: bytes) -> Progress:
    found = refusals.complaint(body)
    message = found.message if found is not None and found.message != word else ""
    code, told = refusals.of_task(found.code if found is not None else "", message)
    if "moderation" in told.lower():
        code = "content_policy"
    return Progress(status="expired" if word == "expired" else "failed", error_code=code, error_message=told)
