"""What a plugin provides: wires, endpoints, providers. Stable, typed, and all that a plugin needs to import.

A **wire** is one format of request, response, stream and error, both ways, pure. An **endpoint** is a route for clients and
how to read it. An **operation** is what one client wants, as far as the core must know. A **provider** is an upstream
kind: base URL, auth, paths, quirks as data. They refer to each other by the name of a wire and nothing else.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import msgspec

from . import chat
from .errors import BadRequest, NotBuilt, PiscesError, ProofRefused, UpstreamBroken
from .limits import Standing
from .profile import Profile as Profile
from .seals import Seals
from .usage import Usage

API_VERSION = 1  # raised when a plugin written for the last one would no longer work

# -- the client's side -------------------------------------------------------------------------------------------------


class Operation(msgspec.Struct, kw_only=True):
    """What one client wants. `kind` is `chat`, `count` (tokens), `models`, ...; `model` is as the client wrote it;
    `form` is the wire's own word for how the answer is framed (`sse`, `array`); `body` is the request without
    credentials. `headers` are the client's, lower-case names, those of `Endpoint.forwards` only."""

    kind: str
    wire: str
    model: str = ""
    stream: bool = False
    form: str = "sse"
    body: bytes = b""
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    path: Mapping[str, str] = {}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A route. `path` may hold `{name}` segments; a last one `{name:rest}` takes the remaining path with its slashes.

    `peek(body, path, query)` reads what the core must know: (model, stream, form). Where several endpoints share a
    path, the first whose `claims(headers, query)` is true takes the request; one without `claims` takes the rest.
    `forwards` names client headers that the wire may want to send on. `description` is for people.
    """

    method: Literal["GET", "POST", "DELETE", "PUT", "PATCH"]
    path: str
    kind: str
    wire: str
    peek: Callable[[bytes, Mapping[str, str], Mapping[str, str]], tuple[str, bool, str]] | None = None
    claims: Callable[[Mapping[str, str], Mapping[str, str]], bool] | None = None
    forwards: tuple[str, ...] = ()
    description: str = ""
    streaming: bool = False


class _Peek(msgspec.Struct):
    model: str = ""
    stream: bool | None = None


_peek = msgspec.json.Decoder(_Peek)


def peek_body(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    """Model and stream flag as top-level members of a JSON body: the usual `Endpoint.peek`."""
    try:
        seen = _peek.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _unreadable(body, error) from None
    if not seen.model:
        raise BadRequest("The request names no model. Send a `model` member.", param="model", code="missing_required_parameter")
    return seen.model, bool(seen.stream), "sse"


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
    seals: Seals


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the public model list. `created` in unix seconds; token limits are 0 where unknown."""

    id: str
    owned_by: str = ""
    created: int = 0
    context: int = 0
    max_output: int = 0
    badges: tuple[str, ...] = ()


# -- wires -------------------------------------------------------------------------------------------------------------


class Encoded(msgspec.Struct, kw_only=True):
    """A request ready for an upstream. `losses` lists what did not arrive as it was said; `names` maps tool names that had to
    be changed for this target back to the client's; at `stop` the gateway cuts the answer's text, as this target will not;
    `stream`: it asks for a stream though the client did not."""

    body: bytes
    losses: tuple[chat.Loss, ...] = ()
    headers: Mapping[str, str] = {}
    names: Mapping[str, str] = {}
    stop: tuple[str, ...] = ()
    stream: bool = False


class Decoder(abc.ABC):
    """An upstream's stream, read. One object per answer.

    `usage` is published as soon as it is known, so that a cut stream can be billed; `done` is true once the upstream has
    said that it is complete. On a passthrough the decoder is shown the first frames and those that hold one of the
    wire's `markers`, so it must survive not seeing the others.
    """

    usage: Usage | None = None
    done: bool = False

    @abc.abstractmethod
    def decode(self, event: bytes, data: bytes) -> Sequence[chat.Event]:
        """The events of one frame: its `event:` name, its data. Never raises for what an upstream sends: a frame that
        cannot be read becomes `Failed`."""

    @abc.abstractmethod
    def end(self) -> Sequence[chat.Event]:
        """The events that the end of the stream brings: what was still held back, `Failed` where it was cut off."""


class Encoder(abc.ABC):
    """An answer, written as the client's stream. One object per answer."""

    @abc.abstractmethod
    def encode(self, events: Sequence[chat.Event]) -> bytes:
        """The bytes of these events, framing included; several events make one piece of bytes. `Failed` is written in
        the wire's own form and is the last."""


class Wire(abc.ABC):
    """One format. Pure: no I/O, no clock, no state between calls.

    `protocol` is what `pisces.protocol` says. `url_media` are the kinds that upstreams of this wire fetch by URL
    themselves. `markers`: byte strings, one of which stands in each frame that a passthrough must read (usage, errors,
    the end), those that come last first, without spaces behind colons. `heartbeat` is what a client of this wire can
    be sent at any time, `early_heartbeat` before the first event where that differs; `fallback` makes it the shape of
    errors on paths that nobody serves. `count_member` is the member of a count answer that holds the number.
    """

    name: ClassVar[str]
    protocol: ClassVar[str]
    kind: ClassVar[str] = "chat"
    url_media: ClassVar[frozenset[str]] = frozenset()
    markers: ClassVar[tuple[bytes, ...]] = ()
    model_member: ClassVar[bytes] = b"model"
    heartbeat: ClassVar[bytes] = b": ping\n\n"
    early_heartbeat: ClassVar[bytes | None] = None
    fallback: ClassVar[bool] = False
    count_member: ClassVar[str] = ""

    # -- requests
    @abc.abstractmethod
    def decode_request(self, operation: Operation, seals: Seals) -> chat.Request:
        """The client's request in canonical form. Raises BadRequest with `param` naming the field."""

    @abc.abstractmethod
    def encode_request(self, request: chat.Request, model: str, profile: Profile) -> Encoded:
        """The request for an upstream that calls the model `model`. Deterministic. Raises Unsupported for content that this
        target has no place for."""

    @abc.abstractmethod
    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Encoded:
        """The client's own bytes for an upstream of the same wire: model, stream options and the profile's renames and
        drops, nothing else."""

    def passes(self, operation: Operation, profile: Profile) -> bool:
        """Whether the client's bytes can pass to an upstream of this wire; false for what only `encode_request` can mend."""
        return True

    def path(self, template: str, model: str, operation: str, stream: bool) -> str:
        """Where the request goes, below the provider's base URL. `operation` is the operation's kind."""
        return template.replace("{model}", quote(model, safe=""))

    def without_proofs(self, body: bytes, refused: ProofRefused) -> bytes | None:
        """The same upstream request without what was refused, as a rule earlier thinking and its signatures; None where nothing
        would change (wire.md C6)."""
        return None

    def count_path(self, template: str, model: str) -> str | None:
        """Where the upstream counts tokens without answering; None where this wire has no such call."""
        return None

    def max_output(self, operation: Operation) -> int | None:
        """The most tokens that the client lets an answer have, None where it does not say; read cheaply."""
        return None

    def count_request(self, body: bytes, model: str) -> bytes:
        """An upstream request (from `rewrite` or `encode_request`) as the count call wants it."""
        return body

    def decode_count(self, body: bytes) -> int:
        """The number in an upstream's answer to the count call. Raises UpstreamBroken."""
        try:
            return int(msgspec.json.decode(body, type=dict[str, Any])[self.count_member])
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            raise UpstreamBroken("The upstream's token count cannot be read.") from None

    def stream_headers(self, form: str) -> Mapping[str, str]:
        """Headers of a streamed answer."""
        return {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

    # -- answers from an upstream
    def read_usage(self, body: bytes, profile: Profile) -> Usage | None:
        """What a whole answer that passes through has used, None where it does not say. Raises the error that a 200 may
        hold. A wire that can tell without reading all of the answer does so here."""
        return self.decode_response(body, profile).usage

    @abc.abstractmethod
    def decode_response(self, body: bytes, profile: Profile) -> chat.Response:
        """A whole answer. Raises the error that a 200 may hold."""

    @abc.abstractmethod
    def decoder(self, profile: Profile) -> Decoder: ...

    @abc.abstractmethod
    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        """An upstream's refusal as one of ours (wire.md D3). Never raises."""

    # -- answers to a client
    @abc.abstractmethod
    def encode_response(self, response: chat.Response, reply: Reply) -> bytes: ...

    @abc.abstractmethod
    def encoder(self, reply: Reply) -> Encoder: ...

    @abc.abstractmethod
    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        """HTTP status and JSON body in the client's dialect (wire.md D1, D2)."""

    def error_headers(self, error: PiscesError) -> Mapping[str, str]:
        """Headers that clients of this wire read on an error, beyond those of every answer."""
        return {}

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        """Headers that tell clients of this wire what is left of their limits, on every answer. `now` in unix seconds."""
        return {}

    def encode_count(self, usage: Usage, reply: Reply) -> bytes:
        """The answer to a request that only counts tokens."""
        raise NotBuilt(f"{self.name} has no such answer.")

    def encode_models(self, models: Sequence[Model], query: Mapping[str, str], extension: bytes) -> bytes:
        """The list of models, paged as this wire pages."""
        raise NotBuilt(f"{self.name} has no such answer.")

    def encode_model(self, model: Model, extension: bytes) -> bytes:
        """One model."""
        raise NotBuilt(f"{self.name} has no such answer.")

    # -- the same wire on both sides
    @abc.abstractmethod
    def relay_response(self, body: bytes, reply: Reply) -> bytes:
        """An upstream's whole answer for a client of this wire: the model's name and the `pisces` member change."""

    @abc.abstractmethod
    def relay_frame(self, data: bytes, reply: Reply, first: bool) -> bytes | None:
        """The data of one frame for a client of this wire, None for a frame that the client did not ask for. `first` is
        true until it has returned something."""

    def relay_frame_bytes(self, event: bytes, data: bytes, reply: Reply) -> bytes:
        """A frame put on the wire again; only called for frames that `relay_frame` changed, or for a `form` of its own."""
        name = b"event: " + event + b"\n" if event else b""
        return name + b"data: " + data + b"\n\n"

    def relay_failure(self, error: PiscesError, reply: Reply, decoder: Decoder) -> bytes:
        """What tells the client of a relayed stream that it broke. `decoder` has read the frames up to here."""
        return self.encoder(reply).encode([chat.Failed(error=error)])

    def relay_end(self, reply: Reply) -> bytes:
        """What closes a relayed stream after its last frame."""
        return b""

    def heartbeat_for(self, form: str) -> bytes:
        return self.heartbeat


# -- the upstream's side -----------------------------------------------------------------------------------------------


class Provider:
    """An upstream kind, as data. Subclass it, or make an instance with keywords.

    base_url   with the version segment; channels may set their own
    wires      wire name -> path below the base URL (`~/...`: below the origin), preferred first
    auth       `bearer`, or the name of the header that takes the key; per wire where they differ
    headers    sent with each request
    drop       top-level members this upstream chokes on
    flags      its Profile; `models` holds what differs by model: the longest prefix of the name wins
    counts     wires whose count call this upstream serves
    offers     model names for the public list, where a channel takes any
    """

    name: str = ""
    base_url: str = ""
    wires: Mapping[str, str] = {}
    auth: str | Mapping[str, str] = "bearer"
    headers: Mapping[str, str] = {}
    drop: tuple[str, ...] = ()
    flags: Mapping[str, Any] = {}
    models: Mapping[str, Mapping[str, Any]] = {}
    counts: frozenset[str] = frozenset()
    offers: Sequence[str] = ()
    key_required: bool = True
    summary: str = ""

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise TypeError(f"a provider has no {name!r}")
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f"<provider {self.name}>"

    def authorize(self, wire: str, key: str) -> Mapping[str, str]:
        """The headers that carry the key."""
        style = self.auth if isinstance(self.auth, str) else self.auth.get(wire, "bearer")
        if not key:
            return {}
        return {"Authorization": f"Bearer {key}"} if style == "bearer" else {style: key}

    def profile(self, wire: str, model: str, overrides: Mapping[str, Any]) -> Profile:
        """The flags in force for a model of this upstream, on this wire."""
        flags: dict[str, Any] = {**self.flags}
        if self.drop:
            flags["drop"] = (*flags.get("drop", ()), *self.drop)
        flags |= longest_prefix(self.models, model)
        flags |= overrides
        return msgspec.convert(flags, Profile)


def longest_prefix(rows: Mapping[str, Mapping[str, Any]], model: str) -> Mapping[str, Any]:
    """The row of the longest name that the model's begins with; a vendor before a slash does not count."""
    bare = model.lower().rpartition("/")[2]
    best = max((name for name in rows if bare.startswith(name)), key=len, default=None)
    return rows[best] if best is not None else {}


class LocalProvider(Provider):
    """A provider that answers in this process: no network. It speaks any chat wire by writing canonical events."""

    key_required = False

    @abc.abstractmethod
    def respond(self, request: chat.Request, operation: Operation) -> AsyncIterator[chat.Event]:
        """The events of one answer, as slowly as they come."""
