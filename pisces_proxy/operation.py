"""What passes between the core and the wires: routes, what a client wants, how an answer is to be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import msgspec

from . import chat
from .errors import BadRequest
from .forms import Form
from .seals import Seals

T = TypeVar("T")


class Operation(msgspec.Struct, kw_only=True):
    """What one client wants. `kind` is `chat`, `count` (tokens), `models`, ...; `model` is as the client wrote it;
    `form` is the wire's own word for how the answer is framed (`sse`, `array`); `body` is the request without
    credentials, `upload` the multipart form that came in its place. `headers` are the client's, lower-case names, those of
    `Endpoint.forwards` only."""

    kind: str
    wire: str
    model: str = ""
    stream: bool = False
    form: str = "sse"
    body: bytes = b""
    upload: Form | None = None
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    path: Mapping[str, str] = {}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A route. `path` may hold `{name}` segments; a last one `{name:rest}` takes the remaining path with its slashes.

    `peek(body, path, query)` reads what the core must know: (model, stream, form). Where several endpoints share a
    path, the first whose `claims(headers, query)` is true takes the request; one without `claims` takes the rest.
    `forwards` names client headers that the wire may want to send on. `uploads`: multipart forms are taken too, and
    `peek_upload(form, path, query)` reads them (without one, `model` and `stream` come from their fields). `description` is
    for people.
    """

    method: Literal["GET", "POST", "DELETE", "PUT", "PATCH"]
    path: str
    kind: str
    wire: str
    peek: Callable[[bytes, Mapping[str, str], Mapping[str, str]], tuple[str, bool, str]] | None = None
    claims: Callable[[Mapping[str, str], Mapping[str, str]], bool] | None = None
    forwards: tuple[str, ...] = ()
    uploads: bool = False
    peek_upload: Callable[[Form, Mapping[str, str], Mapping[str, str]], tuple[str, bool, str]] | None = None
    description: str = ""
    streaming: bool = False


class _Peek(msgspec.Struct):
    model: str = ""
    stream: bool | None = None


_peek = msgspec.json.Decoder(_Peek)


def read_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """A JSON body, as far as the decoder looks. Raises BadRequest naming the member that is wrong."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _unreadable(body, error) from None


def peek_body(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    """Model and stream flag as top-level members of a JSON body: the usual `Endpoint.peek`."""
    seen = read_body(_peek, body)
    if not seen.model:
        raise BadRequest("The request names no model. Send a `model` member.", param="model", code="missing_required_parameter")
    return seen.model, bool(seen.stream), "sse"


def peek_form(form: Form) -> tuple[str, bool, str]:
    """The same of a multipart form."""
    model = form.get("model")
    if not model:
        raise BadRequest("The form names no model. Send a `model` field.", param="model", code="missing_required_parameter")
    return model, (form.get("stream") or "").strip().lower() in ("true", "1"), "sse"


def _unreadable(body: bytes, error: Exception) -> BadRequest:
    if isinstance(error, msgspec.ValidationError):
        at = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else None
        return BadRequest(f"The body has a member of the wrong type: {error}", param=at, code="invalid_value")
    if not body.strip():
        return BadRequest("The body is empty. Send a JSON object.")
    return BadRequest(f"The body is not valid JSON: {error}")


class Reply(msgspec.Struct, kw_only=True):
    """What an encoder must know of the client: how to name the model, what was asked for, what to put beside the answer.

    `request` is the canonical request, None where the bytes pass through. `extension` is the `pisces` object as JSON,
    empty where it is switched off. `created` is in unix seconds. `input_estimate` is our own count of the prompt.
    `images_as_text` as in Profile.
    """

    model: str
    request_id: str
    created: int
    stream: bool = False
    form: str = "sse"
    include_usage: bool = False
    extension: bytes = b""
    request: chat.Request | None = None
    input_estimate: int = 0
    images_as_text: bool = False
    seals: Seals


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the public model list. `created` in unix seconds; token limits are 0 where unknown."""

    id: str
    owned_by: str = ""
    created: int = 0
    context: int = 0
    max_output: int = 0
    badges: tuple[str, ...] = ()


class Encoded(msgspec.Struct, kw_only=True):
    """A request ready for an upstream. `losses` lists what did not arrive as it was said, but for the request's own, which are
    told already; `names` maps tool names that had to be changed for this target back to the client's; at `stop` the gateway
    cuts the answer's text, as this target will not; `stream`: it asks for a stream though the client did not."""

    body: bytes
    losses: tuple[chat.Loss, ...] = ()
    headers: Mapping[str, str] = {}
    names: Mapping[str, str] = {}
    stop: tuple[str, ...] = ()
    stream: bool = False
