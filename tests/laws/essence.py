"""What must survive every translation: text, tool calls, the class of the end, usage."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from pisces_proxy import chat
from pisces_proxy.seals import Seals
from pisces_proxy.usage import Usage

# the classes that a wire can tell apart; towards it, others become the one on the right (wire.md C9)
COLLAPSED: dict[str, dict[str, str]] = {
    "openai.chat": {"context_full": "length", "pause": "stop"},
    "openai.responses": {"context_full": "length", "pause": "stop"},
    "anthropic.messages": {"refusal": "content_filter"},
    "gemini.generate": {"context_full": "length", "pause": "stop", "refusal": "stop"},
}
NO_CACHE_WRITES = {"gemini.generate"}  # wire.md C10: no such field


class Essence(NamedTuple):
    text: str
    calls: tuple[tuple[str, Any], ...]
    finish: str
    usage: tuple[int, ...] | None


def of(response: chat.Response, towards: str = "") -> list[Essence]:
    """By choice. `towards` names a wire that this answer is about to go through: its blind spots are allowed for."""
    return [_of_choice(choice, response.usage, towards) for choice in response.choices]


def plain(response: chat.Response) -> list[tuple[chat.Block, ...]]:
    """The blocks by choice, signatures without what only their own upstream needs, carriers (seals.py) unopened."""
    return [tuple(_unsigned(block) for block in choice.blocks) for choice in response.choices]


def _unsigned(block: chat.Block) -> chat.Block:
    match block:
        case chat.Text() | chat.Reasoning() | chat.ToolCall() if block.signature:
            if Seals.looks_sealed(block.signature.data):
                return msgspec.structs.replace(block, signature=None)
            bare = msgspec.structs.replace(block.signature, family="", id="")
            return msgspec.structs.replace(block, signature=bare)
    return block


def _of_choice(choice: chat.Choice, usage: Usage | None, towards: str) -> Essence:
    reason = choice.stop.reason
    return Essence(
        text="".join(block.text for block in choice.blocks if isinstance(block, (chat.Text, chat.Refusal))),
        calls=tuple((block.name, _arguments(block)) for block in choice.blocks if isinstance(block, chat.ToolCall)),
        finish=COLLAPSED.get(towards, {}).get(reason, reason),
        usage=_usage(usage, towards),
    )


def _arguments(call: chat.ToolCall) -> Any:
    if call.custom:
        return {"input": call.arguments}
    try:
        return msgspec.json.decode(call.arguments or "{}")
    except msgspec.DecodeError:
        return call.arguments


def _usage(usage: Usage | None, towards: str) -> tuple[int, ...] | None:
    if usage is None or not usage.total:
        return None
    written = 0 if towards in NO_CACHE_WRITES else usage.cache_write
    return (usage.input, usage.cached_input, usage.output, usage.reasoning, written)
