"""fal's queue: a request is handed over, looked at, and its answer fetched by the URLs that the queue gives (wire.md F4).

https://docs.fal.ai/documentation/model-apis/inference/queue
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import refusals
from pisces_proxy.answers import unreadable
from pisces_proxy.errors import PiscesError, UpstreamUnfunded
from pisces_proxy.inputs import linked
from pisces_proxy.media import Asset
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver
from pisces_proxy.task import Progress, status_of

_encode = msgspec.json.Encoder().encode
_LOCKED = ("exhausted balance", "user is locked")


class Queued(Driver):
    """What its drivers have in common. The state is the queue's own URLs, and whether the answer is ready to be fetched."""

    protocol: ClassVar[str] = "fal"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        error = refusals.understand(status, headers, refusals.complaint(body))
        if status == 403 and any(word in body.decode("utf-8", "replace").lower() for word in _LOCKED):
            return UpstreamUnfunded("The gateway's account with the upstream is out of funds.")
        return error

    def submitted(self, got: Got) -> Mapping[str, Any]:
        queued = _accepted.decode(got.body)
        if not queued.status_url or not queued.response_url:
            raise unreadable(got.body, "task")
        return {"status": queued.status_url, "response": queued.response_url, "cancel": queued.cancel_url or "", "ready": False}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", url=state["response"] if state["ready"] else state["status"])

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        if state["ready"]:
            return self.answered(got)
        queued = _seen.decode(got.body)
        status = status_of(queued.status)
        if queued.error:
            code, message = refusals.of_task(queued.error_type or "", queued.error)
            return Progress(status="failed", error_code=code, error_message=message)
        if status == "completed":  # the work is over; its answer may still be a refusal
            return Progress(status="in_progress", state={**state, "ready": True})
        if not queued.status:
            raise unreadable(got.body, "task")
        return Progress(status=status)

    def with_callback(self, ask: Ask, url: str) -> Ask:
        return msgspec.structs.replace(ask, path=f"{ask.path}?fal_webhook={quote(url, safe='')}")

    @abc.abstractmethod
    def answered(self, got: Got) -> Progress:
        """The model's own answer."""

    def cancel(self, state: Mapping[str, Any]) -> Ask | None:
        """Only what still waits can be stopped."""
        return Ask(method="PUT", url=state["cancel"]) if state["cancel"] else None


def handed_over(model: str, body: Mapping[str, Any]) -> Ask:
    return Ask(path="/" + quote(model.strip("/"), safe="/"), body=_encode(body))


class _Accepted(msgspec.Struct):
    request_id: str | None = None
    status_url: str | None = None
    response_url: str | None = None
    cancel_url: str | None = None


class _Seen(msgspec.Struct):
    status: str = ""
    error: str | None = None
    error_type: str | None = None


_accepted = msgspec.json.Decoder(_Accepted)
_seen = msgspec.json.Decoder(_Seen)


class File(msgspec.Struct):
    url: str = ""
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None


def asset_of(file: File) -> Asset:
    found = linked(file.url)
    return msgspec.structs.replace(found, mime=found.mime or file.content_type or "")
