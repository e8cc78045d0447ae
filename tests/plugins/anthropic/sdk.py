"""Anthropic's own SDK, fed with bytes instead of a network."""

from __future__ import annotations

import anthropic
import httpx2 as httpx


def client(
    *, status: int = 200, body: bytes, kind: str = "text/event-stream", headers: dict[str, str] | None = None
) -> anthropic.Anthropic:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-type": kind, **(headers or {})}, content=body)

    http = httpx.Client(transport=httpx.MockTransport(respond))
    return anthropic.Anthropic(api_key="k", base_url="http://pisces.test", http_client=http, max_retries=0)


def accumulated(stream: bytes) -> anthropic.types.Message:
    with client(body=stream).messages.stream(model="m", max_tokens=10, messages=[{"role": "user", "content": "Hi"}]) as running:
        return running.get_final_message()
