"""The life of one request: candidates in order, one attempt each, failover until something useful has come, then the relay.

Steps only go forward. Until the first useful event nothing has reached the client; behind it there are no retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from .attempts import Attempting, clock, elapsed_ms, first_that_answers, noted
from .background import Background
from .calls import (
    Call,
    Prepared,
    answer_headers,
    extension,
    prepare,
    refusal,
    reply_for,
    reply_to,
    second_try,
    told_in_band,
    wire_for,
)
from .errors import AnswerMalformed, PiscesError, ProofRefused, UpstreamError
from .fanout import fan_out, in_parts
from .fetch import Fetcher
from .local import answer as ask_locally
from .plugin import LocalProvider, Operation, Reply, Wire
from .records import CLIENT_LEFT, Books, estimated, prompt_estimate
from .relay import ClientLeft, Hearts, Sink, Stream, drain, ended, first_useful, relay
from .routing import Candidate, Rest
from .stops import StopScan
from .storage import Attempt
from .transform import Passthrough, Transform, Translation
from .upstream import Exchange, Timeouts, Upstream
from .usage import Usage
from .wholes import read_whole, restored

WHOLE_LIMIT = 256 * 1024 * 1024  # bytes of one unstreamed answer


class Answer(msgspec.Struct, frozen=True):
    """A whole answer for the client."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Engine:
    """What stays the same from request to request."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        fetcher: Fetcher,
        wires: Mapping[str, Wire],
        books: Books,
        hearts: Hearts,
        tasks: Background,
    ) -> None:
        self._upstream = upstream
        self._fetcher = fetcher
        self._wires = wires
        self._books = books
        self._hearts = hearts
        self._tasks = tasks

    async def run(self, call: Call, candidates: list[Candidate], sink: Sink) -> Answer | None:
        """Answer a chat request: an Answer, or None where it has been streamed to the sink. Raises PiscesError while
        nothing has been sent."""
        if not call.operation.stream:
            return await self._first_that_answers(call, candidates, None)
        headers = call.wire.stream_headers(call.operation.form)
        beat = call.wire.heartbeat_for(call.operation.form)
        early = call.wire.early_heartbeat
        stream = Stream(sink, headers, beat, beat if early is None else early, clock())
        with self._hearts.beating(stream):
            try:
                return await self._first_that_answers(call, candidates, stream)
            except PiscesError as error:
                if not sink.opened:
                    raise
                await self._fail_in_band(call, stream, error)
                return None

    async def _first_that_answers(self, call: Call, candidates: list[Candidate], stream: Stream | None) -> Answer | None:
        return await first_that_answers(
            call.operation.model, candidates, lambda candidate, key, rest: self._answered(call, candidate, key, rest, stream)
        )

    async def _answered(self, call: Call, candidate: Candidate, key: str, rest: Rest, stream: Stream | None) -> Answer | None:
        """One channel's answer, asked for once more where that may mend it; never a third time."""
        try:
            return await self._attempt(call, candidate, key, rest, stream)
        except (ProofRefused, AnswerMalformed) as error:
            call.again = second_try(call, error)
            if call.again is None:
                raise
        return await self._attempt(call, candidate, key, rest, stream)

    # -- one attempt

    async def _attempt(self, call: Call, candidate: Candidate, key: str, rest: Rest, stream: Stream | None) -> Answer | None:
        if stream is None:
            return await self._whole(call, candidate, key, rest)
        return await self._streamed(call, candidate, key, rest, stream)

    async def _send(self, call: Call, candidate: Candidate, key: str, attempt: Attempt) -> tuple[Prepared, Exchange]:
        """Ask the upstream. Raises its refusal as one of our errors."""
        if call.wire.manifold and in_parts(call, candidate, self._wires):
            return await fan_out(call, lambda part: self._ask(part, candidate, key, attempt))
        return await self._ask(call, candidate, key, attempt)

    async def _ask(self, call: Call, candidate: Candidate, key: str, attempt: Attempt) -> tuple[Prepared, Exchange]:
        target = candidate.target
        if call.again is None:
            wire = wire_for(target, self._wires, call.wire, candidate.model)
            prepared = await prepare(call, target, candidate.model, wire, key, attempt, self._fetcher)
        else:
            prepared, call.again = msgspec.structs.replace(call.again, attempt=attempt), None
        call.asked = prepared
        exchange = await self._exchange(call, prepared)
        attempt.status = exchange.status
        attempt.first_byte_ms = elapsed_ms(call)
        if exchange.status != 200 and not 200 < exchange.status < 300:
            raise await _refusal(prepared, exchange)
        return prepared, exchange

    async def _exchange(self, call: Call, prepared: Prepared) -> Exchange:
        channel, provider = prepared.target.channel, prepared.target.provider
        if isinstance(provider, LocalProvider):
            asked = Operation(
                kind="chat", wire=prepared.wire.name, model=prepared.model, stream=prepared.stream, body=prepared.body
            )
            return await ask_locally(provider, prepared.wire, asked, call.seals, call.request_id)
        timeouts = Timeouts(channel.connect_timeout, channel.first_byte_timeout, channel.idle_timeout, channel.total_timeout)
        return await self._upstream.send("POST", prepared.url, prepared.headers, prepared.body, timeouts, channel.proxy)

    # -- whole answers

    async def _whole(self, call: Call, candidate: Candidate, key: str, rest: Rest) -> Answer:
        with Attempting(call, candidate, rest) as attempt:
            prepared, exchange = await self._send(call, candidate, key, attempt)
            try:
                body = await exchange.read(WHOLE_LIMIT)
            finally:
                exchange.close()
            usage, response = read_whole(call, prepared, body)
        self._chosen(call, prepared)
        reply = reply_for(call, prepared)
        if usage.estimated and call.extension:
            reply.extension = extension(call, candidate.target.channel.name, prepared.losses, usage_estimated=True)
        if response is None:
            told = call.wire.relay_response(body, reply)
        else:
            told = call.wire.encode_response(restored(response, prepared, usage), reply)
        await self._books.settle(call, 200, usage)
        return Answer(200, told, {"Content-Type": "application/json", **self._headers(call, prepared)})

    # -- streams

    async def _streamed(self, call: Call, candidate: Candidate, key: str, rest: Rest, stream: Stream) -> Answer | None:
        with Attempting(call, candidate, rest) as attempt:
            prepared, exchange = await self._send(call, candidate, key, attempt)
            try:
                reply = reply_for(call, prepared)
                transform = self._transform(call, prepared, reply)
                if not prepared.stream:
                    held = await _at_once(prepared, exchange, transform)
                else:
                    held = await first_useful(exchange, transform, candidate.target.channel.first_byte_timeout)
            except BaseException:
                exchange.close()
                raise
        self._chosen(call, prepared)
        call.record.first_byte_ms = elapsed_ms(call)
        if not stream.sink.opened:
            stream.headers = {**stream.headers, **self._headers(call, prepared)}
        await self._relay(call, exchange, transform, stream, held, prepared)
        return None

    def _transform(self, call: Call, prepared: Prepared, reply: Reply) -> Transform:
        if prepared.same:
            return Passthrough(prepared.wire, prepared.profile, reply)
        # who wants the upstream's own count behind a client that left wants it behind a cut too
        early = prepared.stream and prepared.target.channel.on_disconnect != "drain"
        n, prompt = (call.canonical().n, reply.input_estimate) if prepared.stop else (1, 0)
        stops = StopScan(prepared.stop, n, early=early, prompt=prompt) if prepared.stop else None
        return Translation(prepared.wire, prepared.profile, call.wire.encoder(reply), prepared.names, stops)

    async def _relay(
        self, call: Call, exchange: Exchange, transform: Transform, stream: Stream, held: bytes, prepared: Prepared
    ) -> None:
        attempt = prepared.attempt

        async def settle() -> None:
            attempt.total_ms = elapsed_ms(call)
            if transform.failure is not None:
                attempt.error = noted(transform.failure)
            await self._books.settle(call, 200, _counted(call, transform), transform.failure)

        stream.watch(exchange, prepared.target.channel.idle_timeout, clock())
        try:
            await relay(exchange, transform, stream, held, settle)
            await ended(exchange)
        except (ClientLeft, asyncio.CancelledError):
            if call.settled:
                raise
            call.record.flags.append("client_left")
            call.draining = prepared.target.channel.on_disconnect == "drain"
            if call.draining:
                self._tasks.start(self._drain(call, exchange, transform))
            else:
                await asyncio.shield(self._books.settle(call, CLIENT_LEFT, _counted(call, transform)))
            raise
        finally:
            if not call.draining:
                exchange.close()

    async def _drain(self, call: Call, exchange: Exchange, transform: Transform) -> None:
        call.record.flags.append("drained")
        try:
            await drain(exchange, transform, call.wire.max_output(call.operation))
        finally:
            exchange.close()
            await self._books.settle(call, CLIENT_LEFT, _counted(call, transform))
            call.told = True
            self._books.tell(call)

    async def _fail_in_band(self, call: Call, stream: Stream, error: PiscesError) -> None:
        """An error behind the headers: only heartbeats have gone out, no channel has answered."""
        await self._books.settle(call, error.status, None, error)
        await stream.write(told_in_band(call, error), clock())
        await stream.sink.close()

    # -- counting without answering

    async def count(self, call: Call, candidates: list[Candidate]) -> Answer:
        """The tokens of a request: asked upstream where it can, else our own estimate, flagged."""
        for candidate in candidates[:1]:
            counted = await self._count_upstream(call, candidate)
            if counted is not None:
                return counted
        usage = Usage(input=prompt_estimate(call), estimated=True)
        call.record.flags.append("usage_estimated")
        reply = reply_to(call, extension=extension(call, "", (), usage_estimated=True))
        call.canonical()  # a request that nobody could read is refused, not counted
        await self._books.settle(call, 200, Usage())
        return Answer(200, call.wire.encode_count(usage, reply), {"Content-Type": "application/json"})

    async def _count_upstream(self, call: Call, candidate: Candidate) -> Answer | None:
        target = candidate.target
        wire = wire_for(target, self._wires, call.wire, candidate.model)
        path = wire.count_path(target.provider.wires[wire.name], candidate.model)
        taken = target.take_key(clock())
        local = isinstance(target.provider, LocalProvider)
        if local or wire.name not in target.provider.counts or path is None or taken is None:
            return None
        try:
            with Attempting(call, candidate, taken[1]) as attempt:
                prepared, exchange = await self._send(call, candidate, taken[0], attempt)
                try:
                    number = prepared.wire.decode_count(await exchange.read(WHOLE_LIMIT))
                finally:
                    exchange.close()
        except UpstreamError:
            return None
        self._chosen(call, prepared)
        reply = reply_for(call, prepared)
        await self._books.settle(call, 200, Usage())
        body = call.wire.encode_count(Usage(input=number), reply)
        return Answer(200, body, {"Content-Type": "application/json", **self._headers(call, prepared)})

    @staticmethod
    def _headers(call: Call, prepared: Prepared) -> dict[str, str]:
        return answer_headers(call, prepared.target.channel.name, prepared.spoken)

    @staticmethod
    def _chosen(call: Call, prepared: Prepared) -> None:
        record, channel = call.record, prepared.target.channel
        call.target = prepared.target
        record.channel, record.provider = channel.name, channel.provider
        record.upstream_model = prepared.model
        record.upstream_protocol = prepared.spoken.name
        record.upstream_ms = prepared.attempt.first_byte_ms
        call.losses = prepared.losses
        if not prepared.same or prepared.asked is not None:
            record.flags.append("translated")


async def _refusal(prepared: Prepared, exchange: Exchange) -> PiscesError:
    try:
        body = await exchange.read(1024 * 1024)
    except UpstreamError:
        body = b""
    finally:
        exchange.close()
    return refusal(prepared.wire, exchange.status, exchange.headers, body)


def _counted(call: Call, transform: Transform) -> Usage:
    """What the upstream counted; for one that did not get to it, our own count of what came. A count in mid-stream may be
    a placeholder (Anthropic opens with one)."""
    usage = transform.usage
    if transform.shrunk or (usage is not None and usage.absurd):
        call.record.flags.append("usage_clamped")
    if usage is None or usage.absurd:
        return estimated(call, transform.letters)
    if transform.complete:
        return usage
    return msgspec.structs.replace(usage, output=max(usage.output, -(-transform.letters // 4)), estimated=True)


async def _at_once(prepared: Prepared, exchange: Exchange, transform: Transform) -> bytes:
    """A stream made of an answer that came whole."""
    response = prepared.wire.decode_response(await exchange.read(WHOLE_LIMIT), prepared.profile)
    assert isinstance(transform, Translation)
    return transform.whole(response)
