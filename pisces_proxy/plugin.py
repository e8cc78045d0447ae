"""What a plugin provides: wires, endpoints, providers. Stable, typed, and all that a plugin needs to import.

A **wire** is one format of request, response, stream and error, both ways, pure. An **endpoint** is a route for clients and
how to read it. An **operation** is what one client wants, as far as the core must know. A **provider** is an upstream
kind: base URL, auth, paths, quirks as data. They refer to each other by the name of a wire and nothing else.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from . import chat, media
from .dialect import Dialect as Dialect
from .errors import NotBuilt, PiscesError, ProofRefused, Unsupported, UpstreamBroken
from .mediawire import Driver as Driver
from .mediawire import MediaWire as MediaWire
from .mediawire import TaskFacade as TaskFacade
from .operation import Encoded as Encoded
from .operation import Endpoint as Endpoint
from .operation import Model as Model
from .operation import Operation as Operation
from .operation import Reply as Reply
from .operation import peek_body as peek_body
from .operation import read_body as read_body
from .profile import Profile as Profile
from .seals import Seals
from .task import Progress
from .usage import Usage

API_VERSION = 1  # raised when a plugin written for the last one would no longer work

# -- wires -------------------------------------------------------------------------------------------------------------


class Decoder(abc.ABC):
    """An upstream's stream, read. One object per answer.

    `usage` is published as soon as it is known, so that a cut stream can be billed; `done` is true once the upstream has
    said that it is complete. On a passthrough the decoder is shown the first frames and those that hold one of the
    wire's `markers`, so it must survive not seeing the others.
    """

    done: bool = False
    shrunk: bool = False
    _last_count: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        """As last counted. An answer only grows: a count of it that shrinks stays as it was, and `shrunk` says so. A prompt
        is counted better at the end than at the beginning (after a compaction, say), so its last count stands, but for none."""
        return self._last_count

    @usage.setter
    def usage(self, counted: Usage | None) -> None:
        before = self._last_count
        if counted is not None and before is not None:
            gone, less = counted.input <= 0 < before.input, counted.output < before.output
            if gone or less:
                self.shrunk = True
                kept = {"input": before.input if gone else counted.input, "output": max(counted.output, before.output)}
                counted = msgspec.structs.replace(counted, **kept)
        self._last_count = counted

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


class Wire(Dialect):
    """One format. Pure: no I/O, no clock, no state between calls.

    `protocol` is what `pisces.protocol` says. `url_media` are the kinds that upstreams of this wire fetch by URL
    themselves. `markers`: byte strings, one of which stands in each frame that a passthrough must read (usage, errors,
    the end), those that come last first, without spaces behind colons. `heartbeat` is what a client of this wire can
    be sent at any time, `early_heartbeat` before the first event where that differs; `fallback` makes it the shape of
    errors on paths that nobody serves. `count_member` is the member of a count answer that holds the number. `manifold`:
    one request may hold several (`parts`).
    """

    kind: ClassVar[str] = "chat"
    url_media: ClassVar[frozenset[str]] = frozenset()
    markers: ClassVar[tuple[bytes, ...]] = ()
    model_member: ClassVar[bytes] = b"model"
    manifold: ClassVar[bool] = False
    heartbeat: ClassVar[bytes] = b": ping\n\n"
    early_heartbeat: ClassVar[bytes | None] = None
    fallback: ClassVar[bool] = False
    count_member: ClassVar[str] = ""

    # -- requests
    @abc.abstractmethod
    def decode_request(self, operation: Operation, seals: Seals) -> chat.Request:
        """The client's request in canonical form. Raises BadRequest with `param` naming the field."""

    def parts(self, request: chat.Request) -> Sequence[chat.Request]:
        """The requests that this one is made of, where this wire can hold several in one and others cannot: each is asked for
        itself, and their choices are one answer (fanout.py). Empty where it is one."""
        return ()

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
        return template.replace("{model}", quote(model, safe="")) if "{" in template else template

    def without_proofs(self, body: bytes, refused: ProofRefused) -> bytes | None:
        """The same upstream request without what was refused, as a rule earlier thinking and its signatures; None where nothing
        would change (wire.md C6)."""
        return None

    def count_path(self, template: str, model: str) -> str | None:
        """Where the upstream counts tokens without answering; None where this wire has no such call."""
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

    # -- answers to a client
    @abc.abstractmethod
    def encode_response(self, response: chat.Response, reply: Reply) -> bytes: ...

    @abc.abstractmethod
    def encoder(self, reply: Reply) -> Encoder: ...

    @abc.abstractmethod
    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        """HTTP status and JSON body in the client's dialect (wire.md D1, D2)."""

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
    only       wire -> what the names of its models begin with (lower case, without a vendor before a slash), where a wire
               serves some models only
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
    only: Mapping[str, tuple[str, ...]] = {}
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

    def serves(self, wire: str, model: str) -> bool:
        """Whether a wire of this provider is for this model."""
        begins = self.only.get(wire)
        return begins is None or model.lower().rpartition("/")[2].startswith(begins)


def longest_prefix(rows: Mapping[str, Mapping[str, Any]], model: str) -> Mapping[str, Any]:
    """The row of the longest name that the model's begins with; a vendor before a slash does not count."""
    bare = model.lower().rpartition("/")[2]
    best = max((name for name in rows if bare.startswith(name)), key=len, default=None)
    return rows[best] if best is not None else {}


class LocalProvider(Provider):
    """A provider that answers in this process: no network. It speaks any chat wire by writing canonical events, and any other
    kind that it names in `makes` by canonical results."""

    key_required = False
    makes: frozenset[str] = frozenset()

    @abc.abstractmethod
    def respond(self, request: chat.Request, operation: Operation) -> AsyncIterator[chat.Event]:
        """The events of one answer, as slowly as they come."""

    async def make(self, request: media.Request, model: str) -> media.Result:
        """The result of a request of one of the kinds in `makes` (`video` goes by tasks)."""
        raise Unsupported(f"{self.name} makes nothing of this kind.")

    def begin(self, request: media.Request, model: str, tag: str, now: float) -> Mapping[str, Any]:
        """Start a task: its state, as a Driver's. `now` in unix seconds."""
        raise Unsupported(f"{self.name} runs no tasks.")

    def look(self, state: Mapping[str, Any], now: float) -> Progress:
        """How the task is by now. Its assets have URLs that begin with `local:`."""
        raise Unsupported(f"{self.name} runs no tasks.")

    async def content(self, url: str, state: Mapping[str, Any]) -> media.Asset:
        """The bytes behind a `local:` URL."""
        raise Unsupported(f"{self.name} keeps no files.")
