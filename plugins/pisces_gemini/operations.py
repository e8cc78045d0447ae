"""The facade `gemini.operations`: `:predictLongRunning` and operations, over tasks of any channel (wire.md F7)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from pisces_proxy.errors import BadRequest, NotFound, PiscesError
from pisces_proxy.media import Asset, Request, Video
from pisces_proxy.mediawire import TaskView
from pisces_proxy.plugin import Operation, TaskFacade

from . import failures
from .given import asset_of
from .google import OPERATIONS, VIDEO
from .reading import EMPTY, Object

_encode = msgspec.json.Encoder().encode
_KNOWN = frozenset(
    ("aspectRatio", "durationSeconds", "resolution", "negativePrompt", "seed", "generateAudio", "sampleCount", "storageUri")
)
_LENGTHS = 600.0
_RESOLUTION = re.compile(r"(?:\d{3,4}p|[24]k)", re.IGNORECASE)
_RATIO = re.compile(r"[1-9]\d?:[1-9]\d?")
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_CODES = {
    "cancelled": 1, "bad_request": 3, "unsupported": 3, "invalid_argument": 3, "invalid_value": 3, "timeout": 4, "expired": 4,
    "not_found": 5, "rate_limit": 8, "overloaded": 14, "no_channel": 14,
}  # fmt: skip
_FILE = re.compile(r"([0-9a-f]{64})x(\d{1,2})")


class Operations(TaskFacade):
    name: ClassVar[str] = OPERATIONS
    protocol: ClassVar[str] = "gemini"
    lists: ClassVar[str] = "video"

    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        return error.status, failures.body(error, request_id, extension)

    # -- what is asked for

    def task_id(self, operation: Operation) -> str:
        """It stands in the path, in the name of an operation (Vertex's clients), or in the name of a file."""
        if "file" in operation.path:
            return _file(operation)[0]
        if "id" in operation.path:
            return operation.path["id"]
        return Object(operation.body).text("operationName").rpartition("/")[2]

    def variant(self, operation: Operation) -> str:
        return str(_file(operation)[1]) if "file" in operation.path else super().variant(operation)

    def decode_create(self, operation: Operation) -> tuple[Request, str]:
        body = Object(operation.body)
        instances = body.objects("instances")
        if len(instances) != 1:
            raise BadRequest("`instances` must hold exactly one object.", param="instances", code="invalid_value")
        instance, parameters = instances[0], body.object("parameters") or EMPTY
        assets = _assets(instance)
        if not instance.text("prompt").strip() and not assets:
            at = instance.at("prompt")
            raise BadRequest(f"`{at}` is required and must not be empty.", param=at, code="missing_required_parameter")
        _one(parameters)
        others = {name: msgspec.json.decode(raw) for name, raw in parameters.rest(_KNOWN).items()}
        return Video(
            model=operation.model,
            prompt=instance.text("prompt"),
            seconds=_seconds(parameters),
            resolution=_matching(parameters, "resolution", _RESOLUTION, "720p, 1080p or 4k").lower(),
            aspect_ratio=_matching(parameters, "aspectRatio", _RATIO, "16:9 or 9:16"),
            negative_prompt=parameters.text("negativePrompt"),
            seed=parameters.integer("seed"),
            audio=parameters.flag("generateAudio") if "generateAudio" in parameters else None,
            assets=assets,
            extra={VIDEO: others} if others else {},
        ), ""

    # -- what is told

    def encode_task(self, view: TaskView, *, created: bool, extension: bytes) -> bytes:
        told: dict[str, Any] = {"name": f"models/{view.model}/operations/{view.id}"}
        if not created:
            told |= {"metadata": _metadata(view), **_outcome(view)}
        if extension:
            told["pisces"] = msgspec.Raw(extension)
        return _encode(told)

    def encode_deleted(self, view: TaskView, extension: bytes) -> bytes:
        return b'{"pisces":' + extension + b"}" if extension else b"{}"


# -- a client's --------------------------------------------------------------------------------------------------------


def _assets(instance: Object) -> tuple[Asset, ...]:
    assets = [
        asset_of(found, role)
        for name, role in (("image", "first_frame"), ("lastFrame", "last_frame"), ("video", "video"))
        if (found := instance.object(name)) is not None
    ]
    for reference in instance.objects("referenceImages"):
        if (image := reference.object("image")) is None:
            at = reference.at("image")
            raise BadRequest(f"`{at}` is required.", param=at, code="missing_required_parameter")
        assets.append(asset_of(image, "reference"))
    return tuple(assets)


def _seconds(parameters: Object) -> float | None:
    seconds = parameters.number("durationSeconds")
    if seconds is not None and not 0 < seconds <= _LENGTHS:
        said = f"`parameters.durationSeconds` must be above 0 and at most {_LENGTHS:.0f}."
        raise BadRequest(said, param="parameters.durationSeconds", code="invalid_value")
    return seconds


def _one(parameters: Object) -> None:
    if (parameters.integer("sampleCount") or 1) != 1:
        said = "`parameters.sampleCount` must be 1. Start one operation for each video."
        raise BadRequest(said, param="parameters.sampleCount", code="invalid_value")


def _matching(parameters: Object, name: str, pattern: re.Pattern[str], example: str) -> str:
    text = parameters.text(name).strip()
    if text and not pattern.fullmatch(text):
        at = parameters.at(name)
        raise BadRequest(f"`{at}` is {text[:40]!r}. Use {example}.", param=at, code="invalid_value")
    return text


def _file(operation: Operation) -> tuple[str, int]:
    """The task and the number of a file. Over plain http the SDK puts the whole URL where the name belongs."""
    found = _FILE.fullmatch(operation.path["file"].rpartition("/")[2])
    if found is None:
        raise NotFound("There is no such file. This gateway has files of finished operations only.", param="file")
    return "task_" + bytes.fromhex(found[1]).decode("ascii", "replace"), int(found[2])


# -- ours --------------------------------------------------------------------------------------------------------------


def _metadata(view: TaskView) -> dict[str, Any]:
    times = {"createTime": view.created_at, "startTime": view.started_at, "endTime": view.completed_at}
    told: dict[str, Any] = {name: _moment(at) for name, at in times.items() if at is not None}
    return {**told, "state": view.status.upper(), "progressPercent": view.progress}


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _outcome(view: TaskView) -> dict[str, Any]:
    if view.status in ("queued", "in_progress"):
        return {}
    if view.status == "completed":
        uris = [_uri(view, number) for number in range(len(view.urls))]
        samples = [{"video": {"uri": uri}} for uri in uris]
        # Vertex's clients look for `videos`, which anybody may fetch who has the link
        videos = [{"gcsUri": url, "mimeType": "video/mp4"} for url in view.urls]
        return {"done": True, "response": {"generateVideoResponse": {"generatedSamples": samples}, "videos": videos}}
    message = view.error_message or f"The task was {view.status}."
    if view.error_code == "content_policy":
        filtered = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [message]}
        return {"done": True, "response": {"generateVideoResponse": filtered, **filtered}}
    return {"done": True, "error": {"code": _CODES.get(view.error_code or view.status, 13), "message": message}}


def _uri(view: TaskView, number: int) -> str:
    """In the file service, as the SDKs take it apart: letters and digits in lower case behind `files/`."""
    origin = view.polling_url.partition("/v1/tasks/")[0]
    return f"{origin}/v1beta/files/{view.id.removeprefix('task_').encode().hex()}x{number}:download?alt=media"
