"""The provider `demo`: any model name, any chat wire, no network. `orders.py` says how to make it misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from pisces_proxy.chat import Delta, Event, Failed, Finish, Request, Start
from pisces_proxy.plugin import LocalProvider, Operation
from pisces_proxy.usage import Usage

from . import catalogue, compose, orders, speech, talk


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
    }
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
