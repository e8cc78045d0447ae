"""Replicate's predictions: an input handed over, looked at until it has an output (wire.md F4).

https://replicate.com/docs/reference/http. A prediction is not waited for where it is handed over (`Prefer: wait`): a connection
that breaks would leave nobody knowing its id.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import refusals
from pisces_proxy.answers import unreadable
from pisces_proxy.inputs import linked
from pisces_proxy.media import Asset
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver
from pisces_proxy.task import Progress, status_of

_encode = msgspec.json.Encoder().encode
_VERSION = re.compile(r"[0-9a-f]{64}")
_REFUSED = re.compile(r"nsfw|flagged|sensitive|safety|moderat|\bE005\b", re.IGNORECASE)


class Predictions(Driver):
    """What its drivers have in common: only inputs and outputs differ."""

    protocol: ClassVar[str] = "replicate"

    def submitted(self, got: Got) -> Mapping[str, Any]:
        prediction = _prediction.decode(got.body)
        if not prediction.id:
            raise unreadable(got.body, "prediction")
        return {"id": prediction.id}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path=_path(state))

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        prediction = _prediction.decode(got.body)
        match prediction.status:
            case "":
                raise unreadable(got.body, "prediction")
            case "succeeded":
                return self.made(tuple(linked(url) for url in _urls(prediction.output)), prediction.metrics or {})
            case "failed":
                return _failed(_text(prediction.error))
            case "aborted":  # stopped before it began
                return Progress(status="cancelled", error_code="aborted", error_message="The upstream never began.")
            case word:
                return Progress(status=status_of(word), progress=_percent(prediction.logs))

    def with_callback(self, ask: Ask, url: str) -> Ask:
        assert isinstance(ask.body, bytes)
        told = {**msgspec.json.decode(ask.body), "webhook": url, "webhook_events_filter": ["completed"]}
        return msgspec.structs.replace(ask, body=_encode(told))

    @abc.abstractmethod
    def made(self, assets: tuple[Asset, ...], metrics: Mapping[str, Any]) -> Progress:
        """What has come of it, of the prediction's outputs and what was measured."""

    def cancel(self, state: Mapping[str, Any]) -> Ask | None:
        return Ask(path=_path(state) + "/cancel")


def handed_over(model: str, members: Mapping[str, Any]) -> Ask:
    """Official models by name, anybody's by version, deployments by theirs."""
    name, _, version = model.strip("/").partition(":")
    if version or _VERSION.fullmatch(name):
        return Ask(path="/predictions", body=_encode({"version": version or name, "input": members}))
    folder = "" if name.startswith("deployments/") else "/models"
    return Ask(path=f"{folder}/{quote(name, safe='/')}/predictions", body=_encode({"input": members}))


def bare(model: str) -> str:
    """`flux-dev` of `black-forest-labs/flux-dev:1a2b`."""
    return model.partition(":")[0].rpartition("/")[2].lower()


def _path(state: Mapping[str, Any]) -> str:
    return "/predictions/" + quote(str(state["id"]), safe="")


class _Prediction(msgspec.Struct):
    id: str = ""
    status: str = ""
    output: Any = None
    error: Any = None
    logs: str | None = None
    metrics: dict[str, Any] | None = None


_prediction = msgspec.json.Decoder(_Prediction)


def _urls(output: Any) -> Iterator[str]:
    """A URL, a list of them, or an object that holds some: each model has a shape of its own."""
    match output:
        case str() if output.startswith(("https://", "http://", "data:")):
            yield output
        case list():
            for each in output:
                yield from _urls(each)
        case dict():
            for each in output.values():
                yield from _urls(each)


def _failed(message: str) -> Progress:
    if _REFUSED.search(message):
        return Progress(status="failed", error_code="content_policy", error_message=refusals.sanitise(message))
    code, told = refusals.of_task("", message)
    return Progress(status="failed", error_code=code, error_message=told)


def _text(error: Any) -> str:
    return error if isinstance(error, str) else "" if error is None else _encode(error).decode()


def _percent(logs: str | None) -> int | None:
    """The last `45%|` of a progress bar in the logs."""
    found = re.findall(r"(\d{1,3})%\|", (logs or "")[-2000:])
    return min(int(found[-1]), 99) if found else None
