"""The driver `bfl.images`: a picture by POST /v1/{model}, looked for where the answer says (wire.md F4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import refusals, shapes
from pisces_proxy.answers import unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import PiscesError, Unsupported, UpstreamBroken
from pisces_proxy.inputs import check_count, encoded, lost, own_members, unheard
from pisces_proxy.media import Asset, Image
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.task import Progress, Status
from pisces_proxy.usage import Usage

from .families import Family, family_of

_encode = msgspec.json.Encoder().encode
_OWN = frozenset(("safety_tolerance", "prompt_upsampling", "raw", "steps", "guidance", "image_prompt_strength"))
_UNKNOWN = ("quality", "style", "background", "output_compression", "moderation", "input_fidelity", "negative_prompt")
_STATUSES: Mapping[str, Status] = {"pending": "in_progress", "ready": "completed", "error": "failed", "failed": "failed"}
_MODERATED = {
    "request moderated": "The upstream's moderation stopped this prompt. Change it.",
    "content moderated": "The upstream's moderation withheld the picture. Change the prompt.",
}


class FluxImages(Driver):
    name: ClassVar[str] = "bfl.images"
    protocol: ClassVar[str] = "bfl"
    kind: ClassVar[str] = "image"
    takes_urls: ClassVar[bool] = False
    deadline: ClassVar[float] = 600.0
    fleeting: ClassVar[bool] = True  # its URLs live for ten minutes

    def submit(self, request: Image, model: str, profile: Profile, tag: str) -> Ask:
        check_count(request.n, 1)
        family = family_of(model)
        own, _ = own_members(request.extra, _OWN)
        size, _ = _size(request, family)
        body = {**profile.defaults, "prompt": request.prompt, **size, **_pictures(request, family), **own}
        if request.seed is not None and request.seed >= 0:
            body["seed"] = request.seed
        if request.output_format in family.formats:
            body["output_format"] = request.output_format
        return Ask(path="/" + quote(model.lower(), safe=""), body=_encode(body))

    def losses(self, request: Image, model: str, profile: Profile) -> tuple[Loss, ...]:
        family = family_of(model)
        _, strangers = own_members(request.extra, _OWN)
        _, reshaped = _size(request, family)
        format = request.output_format
        made = lost(("output_format",), f"the model draws {' and '.join(family.formats)}")
        return (*strangers, *reshaped, *unheard(request, _UNKNOWN), *(made if format and format not in family.formats else ()))

    def submitted(self, got: Got) -> Mapping[str, Any]:
        accepted = _accepted.decode(got.body)
        if not accepted.id:
            raise unreadable(got.body, "task")
        return {"id": accepted.id, "url": accepted.polling_url or ""}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        """The URL as it came: a task is known in its own region only."""
        if url := state["url"]:
            return Ask(method="GET", url=url)
        return Ask(method="GET", path="/get_result?id=" + quote(str(state["id"]), safe=""))

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        task = _task.decode(got.body)
        word = task.status.lower()
        if word == "task not found":
            raise _forgotten()
        if word in _MODERATED:
            return Progress(status="failed", error_code="content_policy", error_message=_reasons(task) or _MODERATED[word])
        if not word:
            raise unreadable(got.body, "task")
        match _STATUSES.get(word):
            case "completed":
                return _done(task)
            case "failed":
                code, message = refusals.of_task("", _said(task.details) or _said(task.result))
                return Progress(status="failed", error_code=code, error_message=message)
            case status:
                return Progress(status=status, progress=_percent(task.progress))

    def delay(self, polls: int) -> float:
        """A picture takes from one second to half a minute."""
        return min(0.5 * 1.3**polls, 5.0)


# -- what is asked for -------------------------------------------------------------------------------------------------


def _size(request: Image, family: Family) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    if family.ratio:
        ratio = shapes.ratio_for(request.size, request.aspect_ratio)
        changed = bool(request.size) and not request.aspect_ratio
        reason = f"the model takes a ratio: {ratio}" if ratio else "the model takes a ratio"
        return {"aspect_ratio": ratio} if ratio else {}, (Loss("size", "changed", reason),) if changed else ()
    if not family.most:
        return {}, lost(("size",), "the picture keeps its size") if request.size or request.aspect_ratio else ()
    found = shapes.pixels_for(request.size, request.aspect_ratio, step=family.step, least=family.least, most=family.most)
    if found is None:
        return {}, ()
    changed = shapes.pixels(request.size) not in (None, found)
    losses = (Loss("size", "changed", f"drawn as {found[0]}x{found[1]}"),) if changed else ()
    return {"width": found[0], "height": found[1]}, losses


def _pictures(request: Image, family: Family) -> dict[str, str]:
    if request.action == "variation":
        raise Unsupported("This model makes no variations: send the picture to /v1/images/edits with a prompt.", param="image")
    if request.mask is not None and not family.mask:
        raise Unsupported("This model takes no mask. Use flux-pro-1.0-fill, or say in the prompt what to change.", param="mask")
    if len(request.images) > len(family.images):
        most = len(family.images)
        raise Unsupported(f"This model takes at most {most} pictures, not {len(request.images)}.", param="image")
    pictures = {name: encoded(asset) for name, asset in zip(family.images, request.images, strict=False)}
    return {**pictures, **({"mask": encoded(request.mask)} if request.mask is not None else {})}


# -- what has come of it -----------------------------------------------------------------------------------------------


class _Accepted(msgspec.Struct):
    id: str = ""
    polling_url: str | None = None


class _Task(msgspec.Struct):
    status: str = ""
    result: Any = None
    progress: float | None = None
    details: Any = None


_accepted = msgspec.json.Decoder(_Accepted)
_task = msgspec.json.Decoder(_Task)


def _done(task: _Task) -> Progress:
    url = task.result.get("sample") if isinstance(task.result, dict) else None
    # priced by the picture: no tokens
    return Progress(status="completed", assets=(Asset(url=url),) if isinstance(url, str) and url else (), usage=Usage())


def _reasons(task: _Task) -> str:
    """`{"Moderation Reasons": ["Derivative Works Filter"]}`."""
    match task.details:
        case {"Moderation Reasons": [*reasons]} if reasons:
            return f"The upstream's moderation stopped this: {', '.join(map(str, reasons))}. Change the prompt."
        case _:
            return ""


def _said(value: Any) -> str:
    found = refusals.complaint(_encode(value)) if value else None
    return found.message if found is not None else ""


def _percent(progress: float | None) -> int | None:
    return None if progress is None else round(100 * progress if progress <= 1 else progress)


def _forgotten() -> PiscesError:
    error = UpstreamBroken("The upstream does not know this task.")
    error.upstream_status = 404
    return error
