"""One request that an upstream only takes in parts: all asked for at once, their answers told as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from . import chat, sse
from .calls import Call, Prepared, reply_to, wire_for
from .errors import GatewayError, PiscesError
from .local import LocalExchange
from .log import log
from .plugin import Profile, Reply, Wire
from .records import estimated
from .routing import Candidate
from .upstream import Exchange
from .usage import Usage

AT_ONCE = 8
WHOLE_LIMIT = 256 * 1024 * 1024  # bytes of one part's answer
HELD = 64  # pieces that wait for a slow client

Ask = Callable[[Call], Awaitable[tuple[Prepared, Exchange]]]


def in_parts(call: Call, candidate: Candidate, wires: Mapping[str, Wire]) -> bool:
    """Whether this target has to be asked for each part by itself."""
    wire = wire_for(candidate.target, wires, call.wire, candidate.model)
    if wire is call.wire:
        profile = candidate.target.profile(wire.name, candidate.model)
        if profile.force_stream == "auto" and wire.passes(call.operation, profile):
            return False
    return bool(call.wire.parts(call.canonical()))


async def fan_out(call: Call, ask: Ask) -> tuple[Prepared, Exchange]:
    """Ask for every part of a request. What comes back is one answer in the client's own wire, which passes through from there.

    Raises what the first part to fail says, as long as nothing has come of any."""
    fan = _Fan(call, call.wire.parts(call.canonical()), ask)
    try:
        body = fan.told(await fan.first()) if call.operation.stream else _once(fan.joined(await fan.whole()))
    except BaseException:
        fan.close()
        raise
    prepared = fan.prepared[0]
    losses = tuple(dict.fromkeys(loss for each in fan.prepared for loss in each.losses))
    told = msgspec.structs.replace(
        prepared,
        wire=call.wire,
        asked=prepared.wire,
        profile=Profile(),
        same=True,
        stream=call.operation.stream,
        names={},
        losses=losses,
    )
    return told, _Joined(body, fan)


class _Fan:
    """The parts of one request and what comes of them. Choices are counted on from part to part."""

    def __init__(self, call: Call, parts: Sequence[chat.Request], ask: Ask) -> None:
        self.prepared: list[Prepared] = []
        self._call, self._ask = call, ask
        self._parts = [msgspec.structs.replace(call, request=part) for part in parts]
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._came: asyncio.Queue[Sequence[chat.Event] | PiscesError | None] = asyncio.Queue(HELD)
        self._usages: list[Usage] = []
        self._left = len(parts)
        self._running: list[asyncio.Task[Any]] = []
        self._begun = False

    def close(self) -> None:
        for task in self._running:
            task.cancel()

    async def _asked(self, part: Call) -> tuple[Prepared, Exchange]:
        prepared, exchange = await self._ask(part)
        self.prepared.append(prepared)
        return prepared, exchange

    def _reply(self) -> Reply:
        return reply_to(self._call, include_usage=True, request=self._call.canonical())

    # -- whole

    async def whole(self) -> list[chat.Response]:
        asked = [asyncio.get_running_loop().create_task(self._response(part)) for part in self._parts]
        self._running = [*asked]
        return await asyncio.gather(*asked)

    async def _response(self, part: Call) -> chat.Response:
        async with self._limit:
            prepared, exchange = await self._asked(part)
            try:
                response = chat.fold([event async for events in _events(prepared, exchange) for event in events])
            finally:
                exchange.close()
        blocks = tuple(block for choice in response.choices for block in choice.blocks)
        return msgspec.structs.replace(response, usage=response.usage or estimated(part, blocks=blocks))

    def joined(self, responses: Sequence[chat.Response]) -> bytes:
        usage = _summed([response.usage for response in responses if response.usage is not None])
        choices = tuple(choice for response in responses for choice in response.choices)
        one = msgspec.structs.replace(responses[0], choices=choices, usage=usage)
        return self._call.wire.encode_response(one, self._reply())

    # -- streamed

    async def first(self) -> Sequence[chat.Event]:
        """The first events of whichever part is first. Raises its error."""
        self._running = [asyncio.get_running_loop().create_task(self._run(*each)) for each in enumerate(self._parts)]
        while self._left:
            came = await self._came.get()
            if isinstance(came, PiscesError):
                raise came
            if came:
                return came
            self._left -= came is None
        return ()

    async def _run(self, index: int, part: Call) -> None:
        try:
            async with self._limit:
                self._usages.append(await self._read(index, part))
        except PiscesError as error:
            await self._came.put(error)
        except Exception as error:  # whatever it was, the client must not wait for this part
            log.error("part_failed", request_id=part.request_id, exc_info=error)
            await self._came.put(GatewayError("Something went wrong inside the gateway."))
        await self._came.put(None)

    async def _read(self, index: int, part: Call) -> Usage:
        usage, letters = None, 0
        prepared, exchange = await self._asked(part)
        try:
            async for events in _events(prepared, exchange):
                letters += sum(len(event.text) for event in events if isinstance(event, chat.Delta))
                usage = next((event.usage for event in events if isinstance(event, chat.Finish)), usage)
                await self._came.put(self._placed(events, index * max(1, part.canonical().n)))
        finally:
            exchange.close()
        return usage or estimated(part, letters)

    def _placed(self, events: Sequence[chat.Event], shift: int) -> list[chat.Event]:
        """With choices counted on from the parts before; what opens and ends a part is said once for all."""
        placed: list[chat.Event] = []
        for event in events:
            match event:
                case chat.Start():
                    if not self._begun:
                        placed.append(msgspec.structs.replace(event, usage=None))
                    self._begun = True
                case chat.Finish() | chat.UsageSoFar() | chat.Ping():
                    pass
                case chat.Failed():
                    placed.append(event)
                case _:
                    placed.append(msgspec.structs.replace(event, choice=event.choice + shift))
        return placed

    async def told(self, first: Sequence[chat.Event]) -> AsyncIterator[bytes]:
        encoder = self._call.wire.encoder(self._reply())
        yield encoder.encode(first)
        while self._left:
            came = await self._came.get()
            if came is None:
                self._left -= 1
            elif isinstance(came, PiscesError):
                yield encoder.encode([chat.Failed(error=came)])
                return
            else:
                yield encoder.encode(came)
                if any(isinstance(event, chat.Failed) for event in came):
                    return
        yield encoder.encode([chat.Finish(usage=_summed(self._usages))])


class _Joined(LocalExchange):
    """All parts as one upstream's answer."""

    def __init__(self, body: AsyncIterator[bytes], fan: _Fan) -> None:
        super().__init__(200, {}, body)
        self._fan = fan

    def close(self) -> None:
        self._fan.close()


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _events(prepared: Prepared, exchange: Exchange) -> AsyncIterator[Sequence[chat.Event]]:
    """What one part's upstream says, as it comes."""
    if not prepared.stream:
        response = prepared.wire.decode_response(await exchange.read(WHOLE_LIMIT), prepared.profile)
        yield list(chat.unfold(response))
        return
    frames, decoder, ended = sse.Reader(), prepared.wire.decoder(prepared.profile), False
    while chunk := await exchange.chunk():
        for frame in frames.feed(chunk):
            events = decoder.decode(frame.event, frame.data)
            ended = ended or any(isinstance(event, chat.Finish | chat.Failed) for event in events)
            yield events
    for frame in frames.end():
        events = decoder.decode(frame.event, frame.data)
        ended = ended or any(isinstance(event, chat.Finish | chat.Failed) for event in events)
        yield events
    if not ended:
        yield decoder.end()


def _summed(usages: Sequence[Usage]) -> Usage:
    """Each count by itself; estimated where one of them is."""
    names = [name for name in Usage.__struct_fields__ if name != "estimated"]
    counts = {name: sum(getattr(usage, name) for usage in usages) for name in names}
    return Usage(**counts, estimated=any(usage.estimated for usage in usages))
