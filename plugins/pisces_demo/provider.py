"""The provider `demo`: any model name, any kind of request, no network. `orders.py` says how to make it misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from pisces_proxy import media
from pisces_proxy.chat import Delta, Event, Failed, Finish, Request, Start
from pisces_proxy.errors import ContentRefused, Unsupported
from pisces_proxy.plugin import LocalProvider, Operation
from pisces_proxy.task import Progress
from pisces_proxy.usage import Usage

from . import catalogue, compose, make, orders, speech, studio, talk


class Demo(LocalProvider):
    """Answers as a stream of words, `delay` seconds apart; the model `demo-fast` and whole answers come at once."""

    name = "demo"
    summary = "A deterministic local model for trying things out; no network, no key"
    base_url = "demo:"  # nowhere: it answers in this process
    wires = {wire: "local" for wire in ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generate")}
    flags: Mapping[str, Any] = {
        "video": True,
        "url_media": ("image", "audio", "video", "document"),
        "media_in_results": True,
        "cache_marks": True,
        "signature": "demo",
        "image_delivery": "url",  # as the vendors of most image models; gpt-image's clients are given data all the same
    }
    makes = make.KINDS
    offers = catalogue.OFFERS
    delay: float = 0.01

    async def respond(self, request: Request, operation: Operation) -> AsyncIterator[Event]:
        """The events of one answer. Raises what the prompt ordered: a refusal at once, a lost connection later."""
        order = orders.read(talk.question(request).text)
        if order is not None and order.verb == "error":
            raise orders.refusal(order.number)
        if order is not None and order.verb == "slow":
            await asyncio.sleep(order.number)
        delay = self.delay if operation.stream and request.model != "demo-fast" else 0.0
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
            yield _cut(operation.stream)

    async def make(self, request: media.Request, model: str) -> media.Result:
        """Vectors, ranks, verdicts, pictures, sound, what was said. Raises what its words order."""
        match orders.read(make.words(request)):
            case orders.Order(verb="error", number=status):
                raise orders.refusal(status)
            case orders.Order(verb="slow", number=seconds):
                await asyncio.sleep(seconds)
            case orders.Order(verb="refuse" | "filter"):
                raise ContentRefused("The demo model refuses this, as asked.")
            case orders.Order(verb="cut" | "empty"):
                raise orders.broken()
        return await asyncio.to_thread(make.made, request, model)

    def begin(self, request: media.Request, model: str, tag: str, now: float) -> Mapping[str, Any]:
        if not isinstance(request, media.Video):
            raise Unsupported("The demo's only tasks are videos.")
        return studio.begin(request, tag, now)

    def look(self, state: Mapping[str, Any], now: float) -> Progress:
        return studio.look(state, now)

    async def content(self, url: str, state: Mapping[str, Any]) -> media.Asset:
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
