"""A task as its owner may see it: the view that facades spell, and the gateway's own spelling. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .mediawire import TaskView
from .task import Task

MAIN = ""  # the role of what a task was made for
Link = Callable[[Task, int], str]
"""The gateway's own URL of a result: (task, number of its asset)."""


def view_of(task: Task, link: Link, polling_url: str = "") -> TaskView:
    done = task.status == "completed"
    places = [(asset.role, link(task, number)) for number, asset in enumerate(task.assets)] if done else []
    return TaskView(
        id=task.id,
        type=task.type,
        model=task.model,
        status=task.status,
        progress=task.progress,
        created_at=int(task.created_at),
        started_at=_whole(task.started_at),
        completed_at=_whole(task.completed_at),
        expires_at=_whole(task.expires_at),
        request=task.request,
        urls=tuple(url for role, url in places if role == MAIN),
        extra_urls={role: url for role, url in places if role != MAIN},
        seconds=task.seconds,
        width=task.width,
        height=task.height,
        error_code=task.error_code,
        error_message=task.error_message,
        polling_url=polling_url,
        remixed_from=task.remixed_from,
    )


def _whole(at: float | None) -> int | None:
    return None if at is None else int(at)


def canonical(view: TaskView) -> dict[str, Any]:
    """In the gateway's own words, with the members that clients of every dialect look for (wire.md F7)."""
    return {
        "id": view.id,
        "task_id": view.id,
        "object": "task",
        "type": view.type,
        "model": view.model,
        "status": view.status,
        "progress": view.progress,
        "created_at": view.created_at,
        **_there(started_at=view.started_at, completed_at=view.completed_at, expires_at=view.expires_at),
        **_there(polling_url=view.polling_url or None, remixed_from=view.remixed_from or None),
        "result": result(view),
        "error": error(view),
    }


def result(view: TaskView) -> dict[str, Any] | None:
    if view.status != "completed":
        return None
    sizes = _there(seconds=view.seconds, width=view.width, height=view.height)
    return {"urls": list(view.urls), **{f"{role}_url": url for role, url in view.extra_urls.items()}, **sizes}


def error(view: TaskView) -> dict[str, str] | None:
    if view.status in ("queued", "in_progress", "completed"):
        return None
    return {"code": view.error_code or view.status, "message": view.error_message or f"The task was {view.status}."}


def _there(**members: Any) -> Mapping[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
