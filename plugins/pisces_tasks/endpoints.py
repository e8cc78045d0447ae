"""Where clients start tasks and look at them (wire.md E3, F7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pisces_proxy.errors import BadRequest
from pisces_proxy.forms import Form
from pisces_proxy.plugin import Endpoint

OPENAIS = "sora-2"  # what OpenAI's SDKs mean where they name no model
_FORWARDED = ("host", "x-forwarded-host", "x-forwarded-proto")


class _Model(msgspec.Struct):
    model: str | None = None


_model = msgspec.json.Decoder(_Model)
Peek = Callable[[bytes, Mapping[str, str], Mapping[str, str]], tuple[str, bool, str]]


def _peek(form: str, default: str = "") -> Peek:
    """The model of a JSON body; `form` is the type of the task."""

    def peek(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
        try:
            model = _model.decode(body).model or default
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            at = "model" if "$.model" in str(error) else None
            raise BadRequest(f"The body is not a JSON object that can be read: {error}", param=at) from None
        return _named(model), False, form

    return peek


def _peek_upload(form: Form, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    return _named(form.get("model") or OPENAIS), False, "video"


def _named(model: str) -> str:
    if not model.strip():
        raise BadRequest("The request names no model. Send a `model` member.", param="model", code="missing_required_parameter")
    return model


def _no_model(form: str) -> Peek:
    """For requests that are about a task, or about all of a type."""
    return lambda body, path, query: ("", False, form)


def _endpoint(method: Any, path: str, kind: str, wire: str, says: str, **more: Any) -> Endpoint:
    more = {"peek": _no_model(""), **more}
    return Endpoint(method=method, path=path, kind=f"task.{kind}", wire=wire, forwards=_FORWARDED, description=says, **more)


def _of_one(wire: str, root: str) -> list[Endpoint]:
    """Everything about one task."""
    return [
        _endpoint("GET", root + "/{id}", "get", wire, "Look at a task."),
        _endpoint("GET", root + "/{id}/content", "content", wire, "Download what a task has made."),
        _endpoint("POST", root + "/{id}/cancel", "cancel", wire, "Cancel a task."),
        _endpoint("DELETE", root + "/{id}", "delete", wire, "Cancel a task, or delete one that is over."),
    ]


def endpoints() -> list[Endpoint]:
    videos, seedance, tasks = "tasks.videos", "tasks.generations", "tasks.open"
    return [
        _endpoint(
            "POST", "/v1/videos", "create", videos, "Make a video (OpenAI's and Happyhorse's shape).",
            peek=_peek("video", OPENAIS), peek_upload=_peek_upload, uploads=True,
        ),
        _endpoint("GET", "/v1/videos", "list", videos, "List videos."),
        _endpoint("POST", "/v1/videos/{id}/remix", "remix", videos, "Make a video out of another."),
        *_of_one(videos, "/v1/videos"),
        _endpoint(
            "POST", "/v1/video/generations", "create", seedance, "Make a video (Seedance's shape).", peek=_peek("video")
        ),
        _endpoint("GET", "/v1/video/generations", "list", seedance, "List videos."),
        *_of_one(seedance, "/v1/video/generations"),
        _endpoint("POST", "/v1/images/tasks", "create", tasks, "Make pictures as a task.", peek=_peek("image")),
        _endpoint("POST", "/v1/videos/tasks", "create", tasks, "Make a video as a task.", peek=_peek("video")),
        _endpoint("GET", "/v1/images/tasks", "list", tasks, "List tasks that make pictures.", peek=_no_model("image")),
        _endpoint("GET", "/v1/videos/tasks", "list", tasks, "List tasks that make videos.", peek=_no_model("video")),
        _endpoint("GET", "/v1/tasks", "list", tasks, "List tasks."),
        *_of_one(tasks, "/v1/tasks"),
    ]  # fmt: skip
