"""`/v1/video/generations`: Seedance as resellers serve it, with upper-case statuses and `"100%"` (wire.md F7, S3-60 on)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pisces_proxy.media import Request, Video
from pisces_proxy.mediawire import TaskView
from pisces_proxy.plugin import Operation

from .fields import Fields, fields_of, film
from .told import Facade, with_extension

_STATUS = {"queued": "QUEUED", "in_progress": "IN_PROGRESS", "completed": "SUCCESS"}  # everything else is FAILURE (S3-71)
_KNOWN = (
    "model", "prompt", "resolution", "ratio", "aspect_ratio", "duration", "seconds", "size", "generate_audio", "image",
    "images", "last_frame", "image_tail", "video", "negative_prompt", "seed", "watermark", "webhook", "webhook_url", "pisces",
    "api_key",
)  # fmt: skip


class Generations(Facade):
    """Seedance's videos."""

    name = "tasks.generations"
    lists = "video"

    def decode_create(self, operation: Operation) -> tuple[Request, str]:
        fields = fields_of(operation)
        return _video(fields), fields.webhook()

    def encode_task(self, view: TaskView, *, created: bool, extension: bytes) -> bytes:
        if created:
            told = {"id": view.id, "task_id": view.id, "object": "video", "model": view.model, "status": view.status}
            return with_extension({**told, "created_at": view.created_at}, extension)
        return with_extension({"code": "success", "message": "", "data": _data(view)}, extension)

    def encode_list(self, views: Sequence[TaskView], has_more: bool, extension: bytes) -> bytes:
        page = {"code": "success", "message": "", "data": [_data(view) for view in views], "has_more": has_more}
        return with_extension(page, extension)


def _data(view: TaskView) -> dict[str, Any]:
    url = view.urls[0] if view.urls else ""
    failed = view.status not in _STATUS
    return {
        "id": view.id,
        "task_id": view.id,
        "model": view.model,
        "status": _STATUS.get(view.status, "FAILURE"),
        "progress": f"{view.progress}%",
        "result_url": url,
        "fail_reason": (view.error_message or f"The task was {view.status}.") if failed else "",
        "submit_time": view.created_at,
        "start_time": view.started_at or 0,
        "finish_time": view.completed_at or 0,
        **({"metadata": {"url": url}, "video_url": url} if url else {}),
    }


def _video(fields: Fields) -> Video:
    images = fields.assets("images", "reference")
    first = fields.assets("image", "first_frame")
    last = fields.assets("last_frame", "last_frame") or fields.assets("image_tail", "last_frame")
    assets = (*first, *last, *images, *fields.assets("video", "video"))
    seconds = fields.seconds("duration")
    return film(
        fields,
        assets,
        _KNOWN,
        seconds=seconds if seconds is not None else fields.seconds("seconds"),
        aspect_ratio=fields.ratio("ratio") or fields.ratio("aspect_ratio"),
        audio=bool(fields.flag("generate_audio")),  # S3-66: without sound unless asked for
    )
