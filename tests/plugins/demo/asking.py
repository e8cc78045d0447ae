"""Asking the demo model, without a gateway around it."""

from __future__ import annotations

from pisces_demo import Demo

from pisces_proxy.chat import Block, Event, Request, Response, Text, ToolCall, Turn, fold
from pisces_proxy.plugin import Operation


def asking(said: str | tuple[Block, ...], **values: object) -> Request:
    """A request with one user turn, unless `turns` says otherwise."""
    blocks = (Text(text=said),) if isinstance(said, str) else said
    given: dict[str, object] = {"model": "demo-fast", "turns": (Turn(role="user", blocks=blocks),), **values}
    return Request(**given)  # type: ignore[arg-type]


async def events_of(request: Request, stream: bool = True) -> list[Event]:
    operation = Operation(kind="chat", wire="openai.chat", model=request.model, stream=stream)
    return [event async for event in Demo().respond(request, operation)]


async def answer_of(request: Request, stream: bool = True) -> Response:
    return fold(await events_of(request, stream))


async def words_of(request: Request) -> str:
    """The text of the first choice."""
    answer = await answer_of(request)
    return "".join(block.text for block in answer.choices[0].blocks if isinstance(block, Text))


async def calls_of(request: Request) -> list[ToolCall]:
    answer = await answer_of(request)
    return [block for block in answer.choices[0].blocks if isinstance(block, ToolCall)]
