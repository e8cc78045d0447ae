"""Work that DashScope runs in the background: handed over with a header, looked at under /tasks/{id} (wire.md F7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import refusals
from pisces_proxy.answers import read, unreadable
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver
from pisces_proxy.task import Progress, Status, status_of

from .dialect import encode


class Output(msgspec.Struct):
    task_id: str = ""
    task_status: str = ""
    code: str = ""
    message: str = ""
    video_url: str | None = None
    results: Any = None
    result: Any = None


class _Answer(msgspec.Struct):
    output: Output
    usage: msgspec.Raw = msgspec.Raw(b"null")


_answer = msgspec.json.Decoder(_Answer)


def handed_over(path: str, body: Mapping[str, Any]) -> Ask:
    return Ask(path=path, body=encode(body), headers={"X-DashScope-Async": "enable"})


def task_id(got: Got) -> str:
    """Raises the refusal that a 200 may hold."""
    output = read(_answer, got.body, "task").output
    if not output.task_id:
        raise unreadable(got.body, "task")
    return output.task_id


def looking(id: str) -> Ask:
    return Ask(method="GET", path=f"/tasks/{quote(id, safe='')}")


def seen(got: Got) -> tuple[Output, bytes]:
    """The output and the raw usage of a task that was looked at."""
    answer = read(_answer, got.body, "task")
    if not answer.output.task_status:
        raise unreadable(got.body, "task")
    return answer.output, bytes(answer.usage)


def status(output: Output) -> Status | None:
    """UNKNOWN is what they say of a task that they have forgotten."""
    return "expired" if output.task_status.upper() == "UNKNOWN" else status_of(output.task_status)


def ended_badly(output: Output) -> Progress:
    """A task that failed, was cancelled or is forgotten."""
    ended = status(output)
    if ended == "failed":
        code, message = refusals.of_task(output.code, output.message)
        return Progress(status="failed", error_code=code, error_message=message)
    if ended == "expired":
        return Progress(status="expired", error_code="expired", error_message="The upstream has forgotten this task.")
    return Progress(status=ended)


class Jobs(Driver):
    """What its drivers have in common."""

    protocol: ClassVar[str] = "dashscope"

    def submitted(self, got: Got) -> Mapping[str, Any]:
        return {"id": task_id(got)}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return looking(state["id"])

    def cancel(self, state: Mapping[str, Any]) -> Ask | None:
        """They cancel what still waits."""
        return Ask(path=f"/tasks/{quote(state['id'], safe='')}/cancel")
