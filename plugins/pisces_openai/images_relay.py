"""Requests and answers with images that pass between a client and an upstream of one format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pisces_proxy import splice
from pisces_proxy.errors import BadRequest
from pisces_proxy.forms import Form, FormPart, bare
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Operation, Profile, Reply

from .images_answer import measured, usage_in
from .images_fitting import kind_of, quality_for
from .images_request import Action, action_of, size_of, wants_of
from .media_events import Event, EventWatcher
from .media_fields import Fields
from .media_passing import passed_through
from .rewriting import GATEWAYS_OWN, rewritten

_encode = msgspec.json.Encoder().encode
_PATHS: Mapping[Action, str] = {"generate": "/generations", "edit": "/edits", "variation": "/variations"}


def passes(operation: Operation, profile: Profile) -> bool:
    """Whether the bytes say the same to this upstream; else they are read and said anew."""
    try:
        fields = Fields.of(operation)
        return _carried(operation, fields, profile) and _fits(operation, fields, profile)
    except BadRequest:
        return False  # reading the request says why


def _carried(operation: Operation, fields: Fields, profile: Profile) -> bool:
    """Whether pictures lie where the upstream looks for them, and can come back as they are wanted."""
    action = action_of(operation)
    if fields.form is None and (action != "generate" or "image" in fields or "images" in fields):
        return False
    if action == "variation" and not profile.image_variations:
        return False
    if action == "edit" and profile.image_edits != "form":
        return False
    if fields.form is not None and any(bare(part.name) == "image" for part in fields.form.parts if part.file is None):
        return False
    if fields.flag("stream"):
        return profile.image_stream
    delivered = profile.image_delivery
    match wants_of(fields):
        case "url":
            return delivered != "data"
        case "data":
            return delivered in ("response_format", "data")
        case _:
            return True


def _fits(operation: Operation, fields: Fields, profile: Profile) -> bool:
    if profile.image_size not in ("size", "aspect_ratio") or (fields.whole("n", 1, 10) or 1) > profile.n_max:
        return False
    if ("size" if profile.image_size == "aspect_ratio" else "aspect_ratio") in fields:
        return False
    size = size_of(fields)
    if size and profile.image_sizes and size not in profile.image_sizes:
        return False
    quality = fields.text("quality")
    return (not quality or bool(quality_for(quality, profile))) and not any(name in fields for name in profile.drop)


def rewrite(operation: Operation, model: str, profile: Profile) -> Ask:
    path = _PATHS[action_of(operation)]
    refused = ("response_format",) if profile.image_delivery in ("data", "url", "either") else ()
    if operation.upload is not None:
        return Ask(path=path, body=_form(operation.upload, model, profile, refused))
    members = splice.members(operation.body)
    if "quality" in members:
        quality = quality_for(msgspec.json.decode(members["quality"]), profile)
        members = {**members, "quality": msgspec.Raw(_encode(quality))}
    return Ask(path=path, body=rewritten(members, model, profile, *refused))


def _form(form: Form, model: str, profile: Profile, refused: tuple[str, ...]) -> Form:
    """The client's form; its files stay where they lie. `image[0]`, and several called `image`, are written `image[]`."""
    several = len(form.files("image")) > 1
    kept = form.without(*GATEWAYS_OWN, *profile.drop, *refused).replacing("model", model)
    if quality := kept.get("quality"):
        kept = kept.replacing("quality", quality_for(quality, profile))
    return Form(tuple(_named(part, several) for part in kept.parts))


def _named(part: FormPart, several: bool) -> FormPart:
    if part.file is None or bare(part.name) != "image":
        return part
    return msgspec.structs.replace(part, name="image[]" if several else "image")


def relayed(got: Got, reply: Reply) -> bytes:
    """The upstream's answer; nulls go, since clients test for what is there."""
    body = got.body
    if b"null" in body:
        body = _without_nulls(body)
    return passed_through(body, reply)


def _without_nulls(body: bytes) -> bytes:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return body
    if isinstance(answer, dict):
        answer = _full(answer)
        if isinstance(answer.get("data"), list):
            answer["data"] = [_full(item) if isinstance(item, dict) else item for item in answer["data"]]
    return _encode(answer)


def _full(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


class ImageWatcher(EventWatcher):
    """Partial images as they come, and what the finished one was worth."""

    def __init__(self, operation: Operation, profile: Profile, reply: Reply) -> None:
        super().__init__(reply)
        fields = Fields.of(operation)
        self._size, self._quality = kind_of(size_of(fields), fields.text("quality"), profile)
        self._n = fields.whole("n", 1, 10) or 1
        self._drawn = 0

    def see(self, event: Event) -> None:
        if event.type.endswith(".completed"):
            self._drawn += 1
            self.done = self._drawn >= self._n
            self.usage = usage_in(event.usage) or self.usage
            self.measures = measured(self._drawn, event.size or self._size, event.quality or self._quality)
