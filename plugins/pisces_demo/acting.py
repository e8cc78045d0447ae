"""What the demo does when it is asked: a gateway that has channels of its own never loads this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from pisces_proxy import media
from pisces_proxy.chat import Delta, Event, Failed, Finish, Request, Start
from pisces_proxy.errors import ContentRefused, Unsupported
from pisces_proxy.task import Progress
from pisces_proxy.usage import Usage

from . import compose, orders, speech, studio, talk
from . import make as making


async def respond(request: Request, stream: bool, delay: float) -> AsyncIterator[Event]:
    """The events of one answer. Raises what the prompt ordered: a refusal at once, a lost connection later."""
    order = orders.read(talk.question(request).text)
    if order is not None and order.verb == "error":
        raise orders.refusal(order.number)
    if order is not None and order.verb == "slow":
        await asyncio.sleep(order.number)
    words = order.number if order is not None and order.verb == "cut" else -1
    for event in _answer(request, order):
        if type(event) is Delta:
            if words == 0:
                break
            words -= 1
            if delay:
                await asyncio.sleep(delay)
        yield event
    if words == 0:
        yield _cut(stream)


async def make(request: media.Request, model: str) -> media.Result:
    """Vectors, ranks, verdicts, pictures, sound, what was said. Raises what its words order."""
    match orders.read(making.words(request)):
        case orders.Order(verb="error", number=status):
            raise orders.refusal(status)
        case orders.Order(verb="slow", number=seconds):
            await asyncio.sleep(seconds)
        case orders.Order(verb="refuse" | "filter"):
            raise ContentRefused("The demo model refuses this, as asked.")
        case orders.Order(verb="cut" | "empty"):
            raise orders.broken()
    return await asyncio.to_thread(making.made, request, model)


def begin(request: media.Request, tag: str, now: float) -> Mapping[str, Any]:
    if not isinstance(request, media.Video):
        raise Unsupported("The demo's only tasks are videos.")
    return studio.begin(request, tag, now)


def look(state: Mapping[str, Any], now: float) -> Progress:
    return studio.look(state, now)


async def content(url: str, state: Mapping[str, Any]) -> media.Asset:
    return await asyncio.to_thread(studio.content, url, state)


def _cut(stream: bool) -> Event:
    """A stream just ends, as on a lost connection; a whole answer cannot, so that one has failed."""
    if stream:
        raise ConnectionError("the demo model broke off, as asked")
    return Failed(error=orders.broken())


def _answer(request: Request, order: orders.Order | None) -> Iterator[Event]:
    """The whole answer as events, without the pauses."""
    choices = tuple(speech.fitted(choice, request) for choice in compose.choices(request, order))
    usage = speech.usage(request, choices)
    yield Start(id=compose.answer_id(request), model=request.model, usage=Usage(input=usage.input))
    for index, choice in enumerate(choices):
        yield from speech.events(choice, index, request.logprobs)
    yield Finish(usage=usage)
