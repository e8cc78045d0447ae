"""The driver `gemini.video`: Veo, which works on operations (wire.md F7)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import blobs
from pisces_proxy.answers import unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest, Unsupported, UpstreamBroken
from pisces_proxy.media import Asset, Video
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.task import Progress

from .google import VIDEO
from .media_dialect import bytes_in
from .shapes import VEO_RATIOS, ratio_of

_encode = msgspec.json.Encoder().encode
_LINES = {"720": "720p", "1080": "1080p", "2160": "4k"}
_RESOLUTIONS = ("720p", "1080p", "4k")
_FIRST_GENERATIONS = ("veo-1", "veo-2")  # 5 to 8 seconds, without sound; later ones make 4, 6 or 8
_USUAL = 8.0  # seconds, where nobody says: https://ai.google.dev/gemini-api/docs/video
_USUAL_LINES = "720p"  # likewise


class GeminiVideo(Driver):
    name: ClassVar[str] = VIDEO
    protocol: ClassVar[str] = "gemini"
    kind: ClassVar[str] = "video"
    takes_urls: ClassVar[bool] = False

    def submit(self, request: Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("Veo remixes nothing. Make a new video, with frames of the old one.", param="model")
        instance = {**({"prompt": request.prompt} if request.prompt else {}), **_files(request.assets)}
        parameters = {**profile.defaults, **_parameters(request, model), **request.extra.get(VIDEO, {})}
        body = {"instances": [instance], **({"parameters": parameters} if parameters else {})}
        return Ask(path=f"/models/{quote(model.removeprefix('models/'), safe='')}:predictLongRunning", body=_encode(body))

    def losses(self, request: Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        found = []
        ratio = ratio_of(request.size, request.aspect_ratio, VEO_RATIOS)
        if ratio and request.aspect_ratio and ratio != request.aspect_ratio:
            found.append(Loss(field="aspect_ratio", action="changed", reason=f"Veo makes {ratio}"))
        silent = _is_old(model)
        if request.audio is silent:
            reason = "this model makes no sound" if silent else "this model makes sound with every video"
            found.append(Loss(field="generate_audio", action="dropped", reason=reason))
        return tuple(found)

    def remembered(self, request: Video, model: str) -> Mapping[str, Any]:
        """Google says neither how long a video is nor how many lines it has; a size or resolution asked for is known."""
        own = request.extra.get(VIDEO, {}).get("resolution")
        usual = "" if request.resolution or request.size else _USUAL_LINES
        return {"seconds": request.seconds or _USUAL, "resolution": own or usual}

    def submitted(self, got: Got) -> Mapping[str, Any]:
        name = _operation.decode(got.body).name
        if not name or ":" in name or ".." in name:
            raise unreadable(got.body, "name of an operation")
        return {"id": name}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path="/" + quote(str(state["id"]), safe="/"))

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        operation = _operation.decode(got.body)
        if operation.error is not None:
            return _failed(operation.error)
        if not operation.done:
            if not operation.name:
                raise unreadable(got.body, "operation")
            return Progress(status="in_progress")
        return _done(operation.response or _Response(), state)

    def delay(self, polls: int) -> float:
        """A video takes from eleven seconds to minutes."""
        return min(5.0 * 1.3**polls, 15.0)

    def fetch_headers(self, url: str) -> bool:
        """Google's file service wants the key."""
        return True


# -- what is asked for -------------------------------------------------------------------------------------------------


def _files(assets: tuple[Asset, ...]) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for asset in assets:
        match asset.role:
            case "first_frame" | "":
                files["image"] = _file(asset)
            case "last_frame":
                files["lastFrame"] = _file(asset)
            case "reference":
                files.setdefault("referenceImages", []).append({"image": _file(asset), "referenceType": "asset"})
            case role:
                raise Unsupported(f"Veo takes no {role} to begin with: send images, or a prompt alone.", param=role)
    return files


def _file(asset: Asset) -> dict[str, str]:
    data = base64.b64encode(asset.content()).decode()
    return {"bytesBase64Encoded": data, "mimeType": blobs.sniff(data[:1024]) or asset.mime or "image/png"}


def _parameters(request: Video, model: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if ratio := ratio_of(request.size, request.aspect_ratio, VEO_RATIOS):
        told["aspectRatio"] = ratio
    if request.seconds is not None:
        told["durationSeconds"] = _seconds(request.seconds, model)
    if resolution := _resolution(request):
        told["resolution"] = resolution
    if request.negative_prompt:
        told["negativePrompt"] = request.negative_prompt
    if request.seed is not None and request.seed >= 0:
        told["seed"] = request.seed
    return told


def _is_old(model: str) -> bool:
    return model.removeprefix("models/").startswith(_FIRST_GENERATIONS)


def _seconds(seconds: float, model: str) -> int:
    allowed = (5, 6, 7, 8) if _is_old(model) else (4, 6, 8)
    if seconds not in allowed:
        listed = ", ".join(str(each) for each in allowed)
        raise BadRequest(f"{model} makes videos of {listed} seconds, not {seconds:g}.", param="seconds", code="invalid_value")
    return int(seconds)


def _resolution(request: Video) -> str:
    if request.resolution:
        if request.resolution not in _RESOLUTIONS:
            raise BadRequest(
                f"Veo makes {', '.join(_RESOLUTIONS)}, not {request.resolution}.", param="resolution", code="invalid_value"
            )
        return request.resolution
    wide, _, high = request.size.partition("x")
    return _LINES.get(min(wide, high, key=lambda text: int(text or 0)), "") if high else ""


# -- what has come of it -----------------------------------------------------------------------------------------------


class _Status(msgspec.Struct):
    code: int | None = None
    message: str | None = None
    status: str | None = None


class _Video(msgspec.Struct):
    uri: str | None = None
    encoded: str | None = msgspec.field(default=None, name="encodedVideo")
    gcs: str | None = msgspec.field(default=None, name="gcsUri")
    data: str | None = msgspec.field(default=None, name="bytesBase64Encoded")


class _Sample(msgspec.Struct):
    video: _Video | None = None


class _Generated(msgspec.Struct):
    samples: list[_Sample] | None = msgspec.field(default=None, name="generatedSamples")
    videos: list[_Video] | None = None
    filtered: int | None = msgspec.field(default=None, name="raiMediaFilteredCount")
    reasons: list[str] | None = msgspec.field(default=None, name="raiMediaFilteredReasons")


class _Response(_Generated):
    """Vertex has the members one level higher than Google AI."""

    generated: _Generated | None = msgspec.field(default=None, name="generateVideoResponse")


class _Operation(msgspec.Struct):
    name: str | None = None
    done: bool | None = None
    error: _Status | None = None
    response: _Response | None = None


_operation = msgspec.json.Decoder(_Operation)
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_CODES = {1: "cancelled", 3: "invalid_argument", 4: "timeout", 8: "rate_limit", 13: "internal", 14: "overloaded"}
_SAFETY = ("safety", "usage guidelines", "policy", "policies", "prohibited", "sensitive")


def _failed(error: _Status) -> Progress:
    message = error.message or "The upstream gave up and did not say why."
    if any(word in message.lower() for word in _SAFETY):
        return Progress(status="failed", error_code="content_policy", error_message=message)
    code = (error.status or _CODES.get(error.code or 13, "upstream")).lower()
    return Progress(status="cancelled" if error.code == 1 else "failed", error_code=code, error_message=message)


def _done(response: _Response, state: Mapping[str, Any]) -> Progress:
    found = response.generated or response
    videos = [*(sample.video for sample in found.samples or () if sample.video), *(found.videos or ())]
    assets = tuple(_asset(video) for video in videos)
    if assets:
        measures = Measures(resolution=state.get("resolution", ""))
        return Progress(status="completed", assets=assets, seconds=state.get("seconds"), measures=measures)
    if found.filtered or found.reasons:
        why = " ".join(found.reasons or ()) or "The upstream's filters withheld the video. Change the prompt."
        return Progress(status="failed", error_code="content_policy", error_message=why)
    return Progress(status="completed")


def _asset(video: _Video) -> Asset:
    if data := video.encoded or video.data:
        return Asset(data=bytes_in(data), mime="video/mp4")
    if video.uri and video.uri.startswith("http"):
        return Asset(url=video.uri, mime="video/mp4")
    raise UpstreamBroken("The upstream put the video where it cannot be fetched from.")
