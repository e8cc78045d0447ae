"""`/v1/videos`: OpenAI's shape (forms, JSON) and DashScope's (`input`, `parameters`), told apart by the body (F7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pisces_proxy.assets import asset_of
from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Asset, Request, Video
from pisces_proxy.mediawire import TaskView
from pisces_proxy.plugin import Operation
from pisces_proxy.task_views import error

from .fields import Fields, fields_of, film
from .told import Facade, prompt_of, seconds_of, size_of, with_extension

_ROLES = {
    "input_image": "first_frame",
    "first_frame": "first_frame",
    "last_frame": "last_frame",
    "reference_image": "reference",
    "video": "video",
    "audio": "audio",
}
_PARAMETERS = ("resolution", "size", "duration", "ratio", "watermark", "seed", "audio")
_OPENAI = (
    "model", "prompt", "seconds", "duration", "size", "resolution", "aspect_ratio", "ratio", "negative_prompt", "seed",
    "watermark", "generate_audio", "input_reference", "image", "images", "first_frame", "last_frame", "video", "webhook",
    "webhook_url", "user", "pisces", "api_key",
)  # fmt: skip
_STATUS = {"expired": "failed"}  # exactly five words here (S3-59)


class Videos(Facade):
    """OpenAI's videos, and Happyhorse's."""

    name = "tasks.videos"
    lists = "video"

    def decode_create(self, operation: Operation) -> tuple[Request, str]:
        fields = fields_of(operation)
        return (_by_parts(fields) if "input" in fields else _flat(fields)), fields.webhook()

    def decode_remix(self, operation: Operation) -> str:
        return fields_of(operation).required("prompt")

    def encode_task(self, view: TaskView, *, created: bool, extension: bytes) -> bytes:
        return with_extension(_told(view), extension)

    def encode_list(self, views: Sequence[TaskView], has_more: bool, extension: bytes) -> bytes:
        ends = {"first_id": views[0].id if views else None, "last_id": views[-1].id if views else None}
        page = {"object": "list", "data": [_told(view) for view in views], "has_more": has_more, **ends}
        return with_extension(page, extension)

    def encode_deleted(self, view: TaskView, extension: bytes) -> bytes:
        told = {"id": view.id, "task_id": view.id, "object": "video.deleted", "deleted": True, "status": _status(view)}
        return with_extension(told, extension)


def _told(view: TaskView) -> dict[str, Any]:
    """The members of both shapes: clients of one do not mind those of the other."""
    url = view.urls[0] if view.urls else None
    return {
        "id": view.id,
        "task_id": view.id,
        "object": "video",
        "model": view.model,
        "status": _status(view),
        "progress": view.progress,
        "created_at": view.created_at,
        "completed_at": view.completed_at,
        "expires_at": view.expires_at,
        "seconds": seconds_of(view),
        "size": size_of(view),
        "prompt": prompt_of(view),
        "remixed_from_video_id": view.remixed_from or None,
        **({"metadata": {"url": url}, "video_url": url} if url else {}),
        **{f"{role}_url": place for role, place in view.extra_urls.items()},
        "error": error(view),
    }


def _status(view: TaskView) -> str:
    return _STATUS.get(view.status, view.status)


# -- what clients send


def _flat(fields: Fields) -> Video:
    """OpenAI's shape, and what other vendors put beside it."""
    assets = (
        *_reference(fields),
        *fields.assets("image", "first_frame"),
        *fields.assets("images", "reference"),
        *fields.assets("first_frame", "first_frame"),
        *fields.assets("last_frame", "last_frame"),
        *fields.assets("video", "video"),
    )
    seconds = fields.seconds("seconds")
    return film(
        fields,
        assets,
        _OPENAI,
        user=fields.text("user"),
        seconds=seconds if seconds is not None else fields.seconds("duration"),
        aspect_ratio=fields.ratio("aspect_ratio") or fields.ratio("ratio"),
        audio=fields.flag("generate_audio"),
    )


def _reference(fields: Fields) -> tuple[Asset, ...]:
    """An uploaded file, or `{image_url}`; as a form the SDKs write `input_reference[image_url]`."""
    value = fields.get("input_reference")
    if isinstance(value, dict) and value.get("image_url") is None and value.get("file_id") is not None:
        raise _no_files()
    if fields.form is None or (uploaded := fields.uploads("input_reference", "first_frame")):
        return fields.assets("input_reference", "first_frame") if fields.form is None else uploaded
    if fields.form.get("input_reference[file_id]"):
        raise _no_files()
    url = fields.form.get("input_reference[image_url]") or fields.form.get("input_reference")
    return (asset_of(url, "input_reference", "first_frame"),) if url else ()


def _no_files() -> BadRequest:
    return BadRequest(
        "input_reference.file_id cannot be used: this gateway keeps no files. Upload the image in the form, or send its URL as "
        "image_url.",
        param="input_reference",
        code="unsupported_value",
    )


def _by_parts(fields: Fields) -> Video:
    """Happyhorse's shape: `input` and `parameters` (S3-34 to S3-49)."""
    given, parameters = fields.inside("input"), fields.inside("parameters")
    assets = _media(given)
    return Video(
        model=fields.text("model"),
        prompt=given.text("prompt") if assets else given.required("prompt"),
        seconds=parameters.seconds("duration"),
        resolution=parameters.resolution("resolution"),
        size=parameters.size("size"),
        aspect_ratio=parameters.ratio("ratio"),
        negative_prompt=given.text("negative_prompt"),
        seed=parameters.whole("seed", -1, 2**32),
        watermark=bool(parameters.flag("watermark")),
        audio=parameters.flag("audio"),
        billed_seconds=fields.seconds("duration"),  # S3-49: an edit is billed by it
        assets=assets,
        extra=parameters.others(_PARAMETERS),
    )


def _media(given: Fields) -> tuple[Asset, ...]:
    items = given.get("media")
    if items is None:
        return ()
    if not isinstance(items, list):
        raise given.wrong("media", "must be a list of objects with `type` and `url`")
    return tuple(_medium(given, item, f"media[{index}]") for index, item in enumerate(items))


def _medium(given: Fields, item: Any, name: str) -> Asset:
    if not isinstance(item, dict):
        raise given.wrong(name, "must be an object with `type` and `url`")
    role = _ROLES.get(str(item.get("type", "")))
    if role is None:
        raise given.wrong(f"{name}.type", f"must be one of {', '.join(_ROLES)}")
    return asset_of(item.get("url"), f"input.{name}.url", role)
