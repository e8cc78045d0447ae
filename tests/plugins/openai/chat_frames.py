"""Frames of a Chat Completions stream, and what our reader makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pisces_openai.chat import Chat

from pisces_proxy import chat
from pisces_proxy.chat import Response, ToolCall
from pisces_proxy.plugin import Profile

WIRE = Chat()


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "chatcmpl-7", "created": 7, "model": "up", "choices": [choice], **more}


def calls(*entries: dict[str, Any]) -> dict[str, Any]:
    return chunk({"tool_calls": list(entries)})


def call(index: int | None = None, id: str | None = None, name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    entry = {"index": index, "id": id, "function": function}
    return {key: value for key, value in entry.items() if value is not None}


def events(*frames: dict[str, Any] | bytes, profile: Profile | None = None, end: bool = True) -> list[chat.Event]:
    decoder = WIRE.decoder(profile or Profile())
    found: list[chat.Event] = []
    for frame in frames:
        found += decoder.decode(b"", frame if isinstance(frame, bytes) else json.dumps(frame).encode())
    return [*found, *decoder.end()] if end else found


def read(*frames: dict[str, Any] | bytes, profile: Profile | None = None) -> Response:
    return chat.fold(events(*frames, profile=profile))


def blocks(*frames: dict[str, Any] | bytes, profile: Profile | None = None) -> tuple[chat.Block, ...]:
    return read(*frames, chunk(finish="stop"), profile=profile).choices[0].blocks


def made(found: Sequence[chat.Block]) -> list[tuple[str, str, str]]:
    return [(block.id, block.name, block.arguments) for block in found if isinstance(block, ToolCall)]
