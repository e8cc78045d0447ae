"""The life of a media request: candidates in order as for chat, then passed through, planned, or made in this process.

Where both sides speak one format the client's own bytes go on and the answer comes back as it is; else the request is
decoded, carried out by the upstream format's plan, and its result encoded. Nothing has reached the client before an upstream
has accepted, but for heartbeats of a stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from . import media
from .asking import Asker
from .attempts import Attempting, clock, elapsed_ms, first_that_answers
from .background import Background
from .calls import answer_headers, extension, refuse_losses, reply_to, wire_for
from .delivery import Deliverer, as_given, inlined
from .driving import Driven, shares, together
from .engine import Answer
from .errors import PiscesError, Unsupported, UpstreamError
from .fetch import Fetcher
from .media_calls import MediaCall, worth
from .media_relay import relayed
from .mediawire import Counted, Driver, MediaWire, Told
from .plans import Got, Plan
from .plugin import LocalProvider, Profile, Reply
from .records import Books
from .relay import Hearts, Sink, Stream
from .routing import Candidate, Rest, Target
from .storage import Attempt
from .upstream import Upstream
from .usage import Usage

BEAT = b": ping\n\n"
_JSON = "application/json"


class MediaEngine:
    """What stays the same from request to request. `limit`: bytes of one result."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        fetcher: Fetcher,
        formats: Mapping[str, MediaWire | Driver],
        books: Books,
        hearts: Hearts,
        tasks: Background,
        deliverer: Deliverer,
        limit: int,
    ) -> None:
        self._upstream = upstream
        self._fetcher = fetcher
        self._formats = formats
        self._books = books
        self._hearts = hearts
        self._tasks = tasks
        self._deliverer = deliverer
        self._limit = limit

    async def run(self, call: MediaCall, candidates: list[Candidate], sink: Sink) -> Answer | None:
        """Answer a request: an Answer, or None where it has been streamed to the sink. Raises PiscesError while nothing has
        been sent."""
        stream = self._stream(call, sink)
        with self._hearts.beating(stream):
            try:
                return await self._first_that_answers(call, candidates, stream)
            except PiscesError as error:
                if not sink.opened:
                    raise
                await self._fail_in_band(call, stream, error)
                return None

    def _stream(self, call: MediaCall, sink: Sink) -> Stream:
        """Bytes of sound have no place for heartbeats, nor have whole answers."""
        events = call.operation.stream
        headers = call.wire.stream_headers(call.request) if events else {}
        return Stream(sink, headers, BEAT if events else b"", BEAT if events else b"", clock())

    async def _first_that_answers(self, call: MediaCall, candidates: list[Candidate], stream: Stream) -> Answer | None:
        return await first_that_answers(
            call.operation.model, candidates, lambda candidate, key, rest: self._try(call, candidate, key, rest, stream)
        )

    async def _try(self, call: MediaCall, candidate: Candidate, key: str, rest: Rest, stream: Stream) -> Answer | None:
        target = candidate.target
        if isinstance(target.provider, LocalProvider):
            return await self._local(call, candidate, rest, target.provider, stream)
        wire = wire_for(target, self._formats, call.wire, candidate.model)
        asker = Asker(self._upstream, self._fetcher, target, wire, candidate.model, key, self._limit)
        profile = target.profile(wire.name, candidate.model)
        if not isinstance(wire, MediaWire) or wire is not call.wire or not wire.passes(call.operation, profile):
            return await self._planned(call, candidate, rest, asker, wire, profile, stream)
        if wire.streams(call.operation):
            with Attempting(call, candidate, rest) as attempt:
                opening = await relayed(call, wire, asker, profile, candidate, attempt)
            self._chosen(call, target, wire, attempt, same=True)
            await opening.run(stream, answer_headers(call, target.channel.name, wire), self._books)
            return None
        return await self._passed(call, candidate, rest, asker, wire, profile)

    # -- the same format on both sides

    async def _passed(
        self, call: MediaCall, candidate: Candidate, rest: Rest, asker: Asker, wire: MediaWire, profile: Profile
    ) -> Answer:
        """The client's own request, the upstream's own answer."""
        with Attempting(call, candidate, rest) as attempt:
            got = await asker.run(_once(wire, call, candidate.model, profile), attempt, lambda: elapsed_ms(call))
            counted = wire.counted(got, call.operation, profile)
        self._chosen(call, candidate.target, wire, attempt, same=True)
        usage = self._counted(call, counted)
        told = wire.relayed(got, self._reply(call, candidate.target, usage))
        return await self._answer(call, candidate.target, wire, told, usage)

    # -- another format, or none

    async def _planned(
        self,
        call: MediaCall,
        candidate: Candidate,
        rest: Rest,
        asker: Asker,
        wire: MediaWire | Driver,
        profile: Profile,
        stream: Stream,
    ) -> Answer | None:
        with Attempting(call, candidate, rest) as attempt:
            request = call.canonical()
            refuse_losses(call.strict, request.losses)
            if not wire.takes_urls:
                request = await inlined(request, self._fetcher)
            result = await self._run(call, wire, request, candidate.model, profile, asker, attempt)
            result = await self._deliverer.delivered(result, request, call.origin, asker.fetch)
        self._chosen(call, candidate.target, wire, attempt, same=False)
        return await self._tell(call, candidate.target, wire, result, stream)

    async def _run(
        self,
        call: MediaCall,
        wire: MediaWire | Driver,
        request: media.Request,
        model: str,
        profile: Profile,
        asker: Asker,
        attempt: Attempt,
    ) -> media.Result:
        now = lambda: elapsed_ms(call)  # noqa: E731
        if isinstance(wire, MediaWire):
            return await asker.run(wire.plan(request, model, profile), attempt, now, strict=call.strict)
        parts = shares(request, profile)
        tags = [call.request_id, *(f"{call.request_id}-{number}" for number in range(2, len(parts) + 1))]
        driven = [Driven(wire) for _ in parts]
        works = [
            asyncio.ensure_future(self._driven(asker, one, (part, model, profile, tag), attempt, now, call.strict))
            for one, part, tag in zip(driven, parts, tags, strict=True)
        ]
        try:
            return together(await asyncio.gather(*works))
        except UpstreamError as error:
            error.final = error.final or any(one.owed for one in driven)
            raise
        finally:  # the first that fails ends the others
            for work in works:
                work.cancel()

    async def _driven(
        self,
        asker: Asker,
        driven: Driven,
        work: tuple[media.Request, str, Profile, str],
        attempt: Attempt,
        now: Callable[[], float],
        strict: bool,
    ) -> media.Pictures:
        try:
            return await asker.run(driven.plan(*work), attempt, now, strict=strict)
        except asyncio.CancelledError:
            if (stopping := driven.stopping()) is not None:
                self._tasks.start(asker.ask(stopping))
            raise

    async def _local(
        self, call: MediaCall, candidate: Candidate, rest: Rest, provider: LocalProvider, stream: Stream
    ) -> Answer | None:
        if call.wire.kind not in provider.makes:
            raise Unsupported(f"{provider.name} does not serve {call.wire.kind} requests.", param="model")
        with Attempting(call, candidate, rest) as attempt:
            refuse_losses(call.strict, call.canonical().losses)
            request = await inlined(call.canonical(), self._fetcher)
            result = await provider.make(request, candidate.model)
            refuse_losses(call.strict, result.losses)  # made here: nothing has been paid for it
            profile = candidate.target.profile(call.wire.name, candidate.model)
            result = await self._deliverer.delivered(result, as_given(request, profile), call.origin, None)
            attempt.status = 200
        self._chosen(call, candidate.target, call.wire, attempt, same=True)
        return await self._tell(call, candidate.target, call.wire, result, stream)

    async def _tell(
        self, call: MediaCall, target: Target, wire: MediaWire | Driver, result: media.Result, stream: Stream
    ) -> Answer | None:
        """A result in the client's words: whole, or as the events of a stream."""
        request = call.canonical()
        call.losses = (*request.losses, *result.losses)
        usage = self._counted(call, result)
        reply = self._reply(call, target, usage)
        if not call.operation.stream:
            return await self._answer(call, target, wire, call.wire.encode_response(result, request, reply), usage)
        encoder = call.wire.encoder(request, reply)
        events = encoder.start() + encoder.result(result)
        if not stream.sink.opened:
            stream.headers = {**stream.headers, **answer_headers(call, target.channel.name, wire)}
        await self._books.settle(call, 200, usage)
        await stream.write(events, clock())
        await stream.sink.close()
        return None

    # -- the end of each

    async def _answer(self, call: MediaCall, target: Target, wire: MediaWire | Driver, told: Told, usage: Usage) -> Answer:
        await self._books.settle(call, 200, usage)
        return Answer(200, told.body, {**answer_headers(call, target.channel.name, wire), "Content-Type": told.mime})

    @staticmethod
    def _counted(call: MediaCall, counted: Counted | media.Result) -> Usage:
        usage, call.measures = worth(call, counted)
        return usage

    @staticmethod
    def _reply(call: MediaCall, target: Target, usage: Usage) -> Reply:
        more = {"usage_estimated": True} if usage.estimated else {}
        return reply_to(call, extension=extension(call, target.channel.name, call.losses, **more))

    @staticmethod
    def _chosen(call: MediaCall, target: Target, wire: MediaWire | Driver, attempt: Attempt, *, same: bool) -> None:
        record, channel = call.record, target.channel
        call.target = target
        record.channel, record.provider = channel.name, channel.provider
        record.upstream_model = attempt.upstream_model
        record.upstream_protocol = wire.name
        record.upstream_ms = attempt.first_byte_ms
        if not same:
            record.flags.append("translated")

    async def _fail_in_band(self, call: MediaCall, stream: Stream, error: PiscesError) -> None:
        """An error behind the headers: only heartbeats have gone out."""
        await self._books.settle(call, error.status, None, error)
        await stream.write(call.wire.encoder(call.canonical(), reply_to(call)).failed(error), clock())
        await stream.sink.close()


def _once(wire: MediaWire, call: MediaCall, model: str, profile: Profile) -> Plan[Got]:
    got: Got = yield wire.rewrite(call.operation, model, profile)
    return got
