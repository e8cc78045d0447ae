"""What every media format of OpenAI's does on its way in and through: finding the model, adding the gateway's member."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from pisces_proxy import splice
from pisces_proxy.errors import BadRequest
from pisces_proxy.forms import Form
from pisces_proxy.plugin import Endpoint, Reply, peek_body, read_body

Texts = Mapping[str, str]
Peek = Callable[[bytes, Texts, Texts], tuple[str, bool, str]]
PeekUpload = Callable[[Form, Texts, Texts], tuple[str, bool, str]]


class _Deployed(msgspec.Struct):
    stream: bool | None = None
    stream_format: str | None = None


_deployed = msgspec.json.Decoder(_Deployed)


def peek_for(form: str) -> Peek:
    """Model and stream flag of a JSON body; `form` says which of the format's doors it came through. Azure names the model in
    the path, and often nowhere else."""

    def peek(body: bytes, path: Texts, query: Texts) -> tuple[str, bool, str]:
        if "model" not in path:
            model, stream, _ = peek_body(body, path, query)
            return model, stream, form
        return path["model"], bool(read_body(_deployed, body).stream), form

    return peek


def peek_speech(body: bytes, path: Texts, query: Texts) -> tuple[str, bool, str]:
    """Speech streams as bytes in any case; what makes it events is `stream_format`."""
    model = path["model"] if "model" in path else peek_body(body, path, query)[0]
    return model, read_body(_deployed, body).stream_format == "sse", "sse"


def peek_upload_for(form_name: str) -> PeekUpload:
    """The same of a form."""

    def peek(form: Form, path: Texts, query: Texts) -> tuple[str, bool, str]:
        model = path.get("model") or form.get("model")
        if not model:
            said = "The form names no model. Send a `model` field."
            raise BadRequest(said, param="model", code="missing_required_parameter")
        return model, (form.get("stream") or "").strip().lower() in ("true", "1"), form_name

    return peek


def upload_endpoint(path: str, kind: str, wire: str, form: str, description: str) -> Endpoint:
    """A route that takes JSON and forms."""
    return Endpoint(
        method="POST",
        path=path,
        kind=kind,
        wire=wire,
        peek=peek_for(form),
        uploads=True,
        peek_upload=peek_upload_for(form),
        streaming=True,
        description=description,
    )


def passed_through(body: bytes, reply: Reply) -> bytes:
    """An upstream's JSON object with the gateway's member beside the rest."""
    if not reply.extension:
        return body
    if b'"pisces"' in body[-4096:]:  # the upstream is a gateway like this one
        return splice.edit(body, {"pisces": reply.extension})
    return splice.append(body, "pisces", reply.extension)
