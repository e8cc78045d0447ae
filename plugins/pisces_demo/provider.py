"""The provider `demo`: any model name, any kind of request, no network. `orders.py` says how to make it misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from pisces_proxy import media
from pisces_proxy.chat import Event, Request
from pisces_proxy.plugin import LocalProvider, Operation
from pisces_proxy.task import Progress

from . import catalogue


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
    makes = catalogue.KINDS
    offers = catalogue.OFFERS
    delay: float = 0.01

    def respond(self, request: Request, operation: Operation) -> AsyncIterator[Event]:
        from . import acting

        delay = self.delay if operation.stream and request.model != "demo-fast" else 0.0
        return acting.respond(request, operation.stream, delay)

    async def make(self, request: media.Request, model: str) -> media.Result:
        from . import acting

        return await acting.make(request, model)

    def begin(self, request: media.Request, model: str, tag: str, now: float) -> Mapping[str, Any]:
        from . import acting

        return acting.begin(request, tag, now)

    def look(self, state: Mapping[str, Any], now: float) -> Progress:
        from . import acting

        return acting.look(state, now)

    async def content(self, url: str, state: Mapping[str, Any]) -> media.Asset:
        from . import acting

        return await acting.content(url, state)
