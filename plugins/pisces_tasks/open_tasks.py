"""`/v1/images/tasks`, `/v1/videos/tasks`, `/v1/tasks`: the gateway's own dialect, for pictures and videos alike (S4-12 on)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pisces_proxy.media import Image, Request, Video
from pisces_proxy.mediawire import TaskView
from pisces_proxy.plugin import Operation
from pisces_proxy.task_views import canonical

from .fields import Fields, fields_of, film
from .told import Facade, with_extension

_SHARED = ("model", "prompt", "aspect_ratio", "resolution", "size", "negative_prompt", "seed", "webhook", "webhook_url", "user")
_IMAGE = (*_SHARED, "n", "quality", "style", "background", "output_format", "image", "images", "pisces", "api_key")
_VIDEO = (
    *_SHARED, "duration_seconds", "duration", "seconds", "image", "images", "last_frame", "video", "watermark",
    "generate_audio", "pisces", "api_key",
)  # fmt: skip
_K = re.compile(r"[124]k", re.IGNORECASE)


class OpenTasks(Facade):
    """Tasks of every type."""

    name = "tasks.open"
    accepted = 202

    def decode_create(self, operation: Operation) -> tuple[Request, str]:
        fields = fields_of(operation)
        return (_image(fields) if operation.form == "image" else _video(fields)), fields.webhook()

    def encode_task(self, view: TaskView, *, created: bool, extension: bytes) -> bytes:
        told = canonical(view)
        url = view.urls[0] if view.urls else None
        return with_extension({**told, **({"metadata": {"url": url}} if url else {})}, extension)

    def encode_list(self, views: Sequence[TaskView], has_more: bool, extension: bytes) -> bytes:
        last = views[-1].id if views else None
        page = {"object": "list", "data": [canonical(view) for view in views], "has_more": has_more, "last_id": last}
        return with_extension(page, extension)


def _image(fields: Fields) -> Image:
    images = (*fields.assets("image", ""), *fields.assets("images", ""))
    return Image(
        model=fields.text("model"),
        user=fields.text("user"),
        action="edit" if images else "generate",
        prompt=fields.required("prompt"),
        n=fields.whole("n", 1, 10) or 1,
        size=fields.size("size") or _k(fields),
        aspect_ratio=fields.ratio("aspect_ratio"),
        quality=fields.text("quality"),
        style=fields.text("style"),
        background=fields.text("background"),
        output_format=fields.text("output_format"),
        negative_prompt=fields.text("negative_prompt"),
        seed=fields.whole("seed", -1, 2**32),
        images=images,
        extra=fields.others(_IMAGE),
    )


def _k(fields: Fields) -> str:
    """`1K`, `2K`, `4K`, as canonical sizes are written."""
    value = fields.text("resolution").strip()
    if value and not _K.fullmatch(value):
        raise fields.wrong("resolution", f"is {value[:40]!r}. Use 1K, 2K or 4K, or `size` for pixels")
    return value.upper()


def _video(fields: Fields) -> Video:
    assets = (
        *fields.assets("image", "first_frame"),
        *fields.assets("last_frame", "last_frame"),
        *fields.assets("images", "reference"),
        *fields.assets("video", "video"),
    )
    seconds = [fields.seconds(name) for name in ("duration_seconds", "duration", "seconds")]
    return film(
        fields,
        assets,
        _VIDEO,
        user=fields.text("user"),
        seconds=next((length for length in seconds if length is not None), None),
        aspect_ratio=fields.ratio("aspect_ratio"),
        audio=fields.flag("generate_audio"),
    )
