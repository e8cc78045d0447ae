"""One client's request on its way through the gateway, and what it becomes for an upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from . import chat, surrogates, tokens
from .dialect import Dialect
from .errors import AnswerMalformed, PiscesError, ProofRefused, Unsupported, UpstreamBroken
from .fetch import Fetcher, inlined
from .limits import Lease
from .plugin import Encoded, Endpoint, Operation, Profile, Reply, Wire
from .pricing import NOTHING, Measures
from .routing import Target
from .seals import Seals
from .storage import Attempt, Key, Record

GATEWAY = "Pisces"
Spoken = TypeVar("Spoken", bound=Dialect)


class Incoming(msgspec.Struct, kw_only=True):
    """What is known of any request while it lives. `target` is who answers it, `headers` go with its answer, `detached` says
    that it runs by itself, whoever listens. `measures` is what it is billed by besides tokens, once that is known. `started`
    is `time.perf_counter()`, `now` unix seconds. `origin` is where this client reaches the gateway (scheme and host); `halves`
    the body with its halves of characters in disguise, where it has any."""

    request_id: str
    endpoint: Endpoint
    wire: Dialect
    operation: Operation
    key: Key
    record: Record
    started: float
    now: float
    seals: Seals
    strict: bool = False
    extension: bool = True
    losses: tuple[chat.Loss, ...] = ()
    measures: Measures = NOTHING
    target: Target | None = None
    lease: Lease | None = None
    headers: dict[str, str] = {}
    settled: bool = False
    draining: bool = False
    detached: bool = False
    reserved: bool = False
    told: bool = False
    idempotency_key: str = ""
    origin: str = ""
    halves: bytes = b""
    _max_output: int | msgspec.UnsetType | None = msgspec.UNSET

    def max_output(self) -> int | None:
        """The most tokens that the client lets the answer have, read once; None where it does not say."""
        if self._max_output is msgspec.UNSET:
            self._max_output = self.wire.max_output(self.operation)
        return self._max_output


class Call(Incoming, kw_only=True):
    """A chat request. `asked` is what the last upstream was asked, `again` what to ask it once more."""

    wire: Wire
    request: chat.Request | None = None
    asked: Prepared | None = None
    again: Prepared | None = None

    def canonical(self) -> chat.Request:
        """The request decoded, once."""
        if self.request is None:
            self.request = self.wire.decode_request(self.operation, self.seals)
        return self.request


class Prepared(msgspec.Struct, kw_only=True):
    """A request ready to be sent to one target. `same`: the answer's bytes pass through; `stream`: the upstream streams.
    `asked`: the wire that the parts of a request went over, where `wire` is only that of their joined answer (fanout.py)."""

    target: Target
    model: str
    wire: Wire
    profile: Profile
    same: bool
    stream: bool
    url: str
    body: bytes
    headers: dict[str, str]
    names: Mapping[str, str]
    stop: tuple[str, ...]
    losses: tuple[chat.Loss, ...]
    attempt: Attempt
    asked: Wire | None = None

    @property
    def spoken(self) -> Wire:
        """What the upstream speaks."""
        return self.asked or self.wire


def wire_for(target: Target, wires: Mapping[str, Spoken], client: Dialect, model: str) -> Spoken:
    """The format to speak to a target about a model: the client's own where the target has it, else the one it prefers."""
    serves = target.provider.serves
    if client.name in target.wires and client.name in wires and serves(client.name, model):
        return wires[client.name]
    for name in target.wires:
        if name in wires and wires[name].kind == client.kind and serves(name, model):
            return wires[name]
    raise Unsupported(f"Channel {target.channel.name!r} does not serve {client.kind} requests for {model!r}.", param="model")


async def fetched(request: chat.Request, wire: Wire, profile: Profile, fetcher: Fetcher) -> chat.Request:
    """The request with the media that this target does not fetch itself in place."""
    return await inlined(request, wire.url_media if profile.url_media is None else profile.url_media, fetcher)


async def prepare(call: Call, target: Target, model: str, wire: Wire, key: str, attempt: Attempt, fetcher: Fetcher) -> Prepared:
    """The request for a target: the client's own bytes where both sides speak one wire, else encoded anew.

    Raises Unsupported for what the target cannot say, and for any loss where the client asked to be strict.
    """
    operation = call.operation
    profile = target.profile(wire.name, model)
    stream = {"auto": operation.stream, "yes": True, "no": False}[profile.force_stream]
    same = wire.name == operation.wire and stream == operation.stream and wire.passes(operation, profile)
    if same:
        encoded = _rewritten(call, wire, model, profile)
    else:
        request = await fetched(call.canonical(), wire, profile, fetcher)
        encoded = wire.encode_request(msgspec.structs.replace(request, stream=stream), model, profile)
    stream = stream or encoded.stream
    losses = encoded.losses if same else (*call.canonical().losses, *encoded.losses, *(_HALVES if call.halves else ()))
    refuse_losses(call.strict, losses)
    return Prepared(
        target=target,
        model=model,
        wire=wire,
        profile=profile,
        same=same,
        stream=stream,
        url=url_of(target, wire, model, operation.kind, stream),
        body=wire.count_request(encoded.body, model) if operation.kind == "count" else encoded.body,
        headers=headers_for(target, wire, key, encoded.headers),
        names=encoded.names,
        stop=encoded.stop,
        losses=losses,
        attempt=attempt,
    )


def _rewritten(call: Call, wire: Wire, model: str, profile: Profile) -> Encoded:
    """The client's bytes for an upstream of its own wire, halves of characters included."""
    operation = call.operation
    if not call.halves or operation.kind == "count":
        return wire.rewrite(operation, model, profile)
    encoded = wire.rewrite(msgspec.structs.replace(operation, body=call.halves), model, profile)
    return msgspec.structs.replace(encoded, body=surrogates.revealed(encoded.body))


_HALVES = (chat.Loss(field="body", action="changed", reason="a half of a surrogate pair became U+FFFD"),)


def second_try(call: Call, error: ProofRefused | AnswerMalformed) -> Prepared | None:
    """What the upstream that has just failed may be asked once more, None where that would change nothing.

    The same, where the model itself wrote what nobody can read (H147); without the thinking of earlier turns where the
    upstream refused that (wire.md C6), told to the client as a loss.
    """
    asked, call.asked = call.asked, None
    if asked is None:
        return None
    if isinstance(error, ProofRefused):
        bare = None if call.strict or call.halves else asked.wire.without_proofs(asked.body, error)
        if bare is None:
            return None
        what = "to show its thinking" if error.param == "reasoning.summary" else "the thinking of earlier turns"
        lost = chat.Loss(field=error.param or "messages", action="dropped", reason=f"the upstream refused {what}")
        asked = msgspec.structs.replace(asked, body=bare, losses=(*asked.losses, lost))
    call.record.flags.append("asked_again")
    return asked


def url_of(target: Target, wire: Wire, model: str, kind: str, stream: bool) -> str:
    base, template = base_of(target, wire)
    if kind == "count":
        return base + (wire.count_path(template, model) or template)
    return base + wire.path(template, model, kind, stream)


def base_of(target: Target, wire: Dialect) -> tuple[str, str]:
    """(base URL, path template) of a wire at a target; a template that begins with `~` counts from the origin."""
    base = target.channel.base_url or target.provider.base_url.rstrip("/")
    template = target.provider.wires[wire.name]
    if template.startswith("~"):
        parts = urlsplit(base)
        return f"{parts.scheme}://{parts.netloc}", template[1:]
    return base, template


def headers_for(target: Target, wire: Dialect, key: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Headers of an upstream request: nothing of the client's but what the wire lets through."""
    return {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        **target.provider.headers,
        **extra,
        **target.provider.authorize(wire.name, key),
        **target.channel.headers,
    }


def refusal(wire: Dialect, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
    """What an upstream's answer means that is no 200."""
    if 300 <= status < 400:
        return UpstreamBroken(f"The upstream answered with a redirect ({status}). Check the channel's base_url.")
    return wire.decode_error(status, headers, body)


def told_in_band(call: Call, error: PiscesError) -> bytes:
    """An error behind the headers of a stream, in the client's form."""
    return call.wire.encoder(reply_to(call)).encode([chat.Failed(error=error)])


def reply_for(call: Call, prepared: Prepared) -> Reply:
    """What the client's encoder must know."""
    request = None if prepared.same else call.canonical()
    return reply_to(
        call,
        include_usage=wants_usage(call),
        extension=extension(call, prepared.target.channel.name, prepared.losses),
        request=request,
        input_estimate=tokens.of_request(request) if request is not None and call.operation.stream else 0,
        images_as_text=prepared.profile.images_as_text or call.key.images_as_text,
    )


def reply_to(call: Incoming, **more: Any) -> Reply:
    """What an answer of any kind says of its request; `more` are other members of Reply."""
    operation = call.operation
    return Reply(
        model=operation.model,
        request_id=call.request_id,
        created=int(call.now),
        stream=operation.stream,
        form=operation.form,
        seals=call.seals,
        **more,
    )


def answer_headers(call: Incoming, channel: str, wire: Dialect) -> dict[str, str]:
    """The gateway's own headers of an answer: who gave it, and what was lost on the way."""
    headers = {**call.headers, "x-pisces-channel": channel, "x-pisces-protocol": wire.protocol}
    if call.losses:
        headers["x-pisces-warnings"] = warnings_header(call.losses)
    return headers


def wants_usage(call: Call) -> bool:
    """Whether the client asked for the usage of its stream; read from the bytes where they pass through."""
    if call.request is not None:
        return call.request.include_usage
    body = call.operation.body
    if b'"include_usage"' not in body:
        return False
    try:
        return bool(_asked.decode(body).stream_options.include_usage)
    except msgspec.MsgspecError:
        return False


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class _Asked(msgspec.Struct):
    stream_options: _StreamOptions = _StreamOptions()


_asked = msgspec.json.Decoder(_Asked)
_encode = msgspec.json.Encoder().encode


def refuse_losses(strict: bool, losses: Sequence[chat.Loss]) -> None:
    """Raise Unsupported over what would be left away, for a client that has asked for all or nothing."""
    if strict and losses:
        told = "; ".join(f"{loss.field} {loss.action}: {loss.reason}" for loss in losses)
        raise Unsupported(f"Pisces-Strict is set and this would be lost: {told}", param=losses[0].field)


def extension(call: Incoming, channel: str, losses: tuple[chat.Loss, ...], **more: Any) -> bytes:
    """The `pisces` object, empty where it is switched off."""
    if not call.extension:
        return b""
    return extension_of(call.wire.protocol, call.request_id, call.now, channel, losses, **more)


def extension_of(
    protocol: str, request_id: str, now: float, channel: str = "", losses: tuple[chat.Loss, ...] = (), **more: Any
) -> bytes:
    """The `pisces` object as JSON (wire.md G8). `timestamp` is in unix seconds."""
    value: dict[str, Any] = {"gateway": GATEWAY, "protocol": protocol, "request_id": request_id}
    if channel:
        value["channel"] = channel
    value["timestamp"] = int(now)
    if losses:
        value["warnings"] = [{"field": loss.field, "action": loss.action, "reason": loss.reason} for loss in losses]
    return _encode({**value, **more})


def warnings_header(losses: tuple[chat.Loss, ...]) -> str:
    """`x-pisces-warnings`: field;action;reason, comma separated, ASCII, at most 2 KB."""
    told = ", ".join(f"{loss.field};{loss.action};{loss.reason.replace(',', ' ').replace(';', ' ')}" for loss in losses)
    return told.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")[:2048]
