"""What the facades share: errors in OpenAI's shape, and the measures of a video in OpenAI's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pisces_proxy.errors import PiscesError
from pisces_proxy.media import Image, Video
from pisces_proxy.mediawire import TaskFacade, TaskView

encode = msgspec.json.Encoder().encode
_TYPES = {
    "forbidden": "permission_error",
    "balance": "insufficient_quota",
    "rate_limit": "rate_limit_error",
    "upstream": "server_error",
    "timeout": "server_error",
    "overloaded": "server_error",
    "no_channel": "server_error",
    "unavailable": "server_error",
    "internal": "server_error",
}
_CODES = {"invalid_key": "invalid_api_key", "balance": "insufficient_quota", "content_policy": "content_policy_violation"}
_LINES = {"480p": 480, "720p": 720, "1080p": 1080, "1440p": 1440, "2160p": 2160, "2k": 1440, "4k": 2160}


class Facade(TaskFacade):
    """A dialect whose errors are OpenAI's."""

    protocol = "tasks"

    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        kind = _TYPES.get(error.kind, "invalid_request_error")
        code = error.code or _CODES.get(error.kind, error.kind)
        told = {"error": {"message": _printable(error.message), "type": kind, "param": error.param, "code": code}}
        return error.status, with_extension(told, extension)

    def error_headers(self, error: PiscesError) -> Mapping[str, str]:
        """What OpenAI's SDKs read before they repeat a request (wire.md D5, H124)."""
        if error.kind == "balance" or (not error.retryable and (error.status in (408, 409, 429) or error.status >= 500)):
            return {"x-should-retry": "false"}
        return {}

    def wait_headers(self, seconds: int) -> Mapping[str, str]:
        """`openai-poll-after-ms` is what `videos.poll` of OpenAI's SDKs waits for."""
        return {"Retry-After": str(seconds), "openai-poll-after-ms": str(seconds * 1000)}


def with_extension(value: Mapping[str, Any], extension: bytes) -> bytes:
    return encode({**value, "pisces": msgspec.Raw(extension)} if extension else value)


def prompt_of(view: TaskView) -> str:
    return view.request.prompt if isinstance(view.request, Video | Image) else ""


def seconds_of(view: TaskView) -> str:
    """OpenAI writes it as a string."""
    asked = view.request.seconds if isinstance(view.request, Video) else None
    seconds = view.seconds if view.seconds is not None else asked
    return "" if seconds is None else f"{seconds:g}"


def size_of(view: TaskView) -> str:
    """Width x height, as they are or as far as the request tells."""
    if view.width and view.height:
        return f"{view.width}x{view.height}"
    request = view.request
    if not isinstance(request, Video):
        return getattr(request, "size", "")
    lines = _LINES.get(request.resolution)
    return request.size or (_pixels(lines, request.aspect_ratio or "16:9") if lines else "")


def _pixels(lines: int, ratio: str) -> str:
    wide, _, high = ratio.partition(":")
    if not (wide.isdigit() and high.isdigit()):
        return ""
    one, other = int(wide), int(high)
    longer = round(lines * max(one, other) / min(one, other) / 2) * 2
    return f"{longer}x{lines}" if one >= other else f"{lines}x{longer}"


def _printable(message: str) -> str:
    return message.encode("utf-8", "replace").decode()
