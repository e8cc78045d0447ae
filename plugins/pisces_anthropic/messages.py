"""Canonical turns as Anthropic's `messages` (wire.md C2, C5, C6)."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from pisces_proxy.arguments import as_object, wrap_input
from pisces_proxy.chat import Block, Loss, Media, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn
from pisces_proxy.errors import Unsupported
from pisces_proxy.names import Names, fitting_id
from pisces_proxy.plugin import Profile

from . import shapes
from .citations import written_citation
from .marks import CacheMarks
from .media import media_block

Json = dict[str, Any]


class MessageWriter:
    """Writes the turns of one request. `files` says whether an uploaded file was named, which needs a beta header."""

    def __init__(self, profile: Profile, names: Names, marks: CacheMarks) -> None:
        self.losses: list[Loss] = []
        self.files = False
        self._profile = profile
        self._names = names
        self._marks = marks
        self._family = profile.signature or shapes.FAMILY
        self._ids: dict[str, list[str]] = {}  # a call's id -> those it was sent with, for the results to come
        self._uses: dict[str, int] = {}

    def messages(self, turns: tuple[Turn, ...]) -> list[Json]:
        written = []
        for index, turn in enumerate(turns):
            blocks = self._blocks(turn, f"messages[{index}]")
            if blocks:
                written.append({"role": turn.role, "content": _content(blocks, turn)})
        return written

    def _blocks(self, turn: Turn, path: str) -> list[Json | Raw]:
        parts = (self._block(block, turn, f"{path}.content[{index}]") for index, block in enumerate(turn.blocks))
        blocks = [part for part in parts if part is not None]
        return blocks or ([{"type": "text", "text": "."}] if turn.role == "user" else [])

    def _block(self, block: Block, turn: Turn, path: str) -> Json | Raw | None:
        match block:
            case Text():
                return self._text(block)
            case Refusal():
                return {"type": "text", "text": block.text} if block.text else None
            case Reasoning():
                return self._thinking(block)
            case ToolCall():
                return self._call(block)
            case ToolResult():
                return self._result(block, path)
            case Media():
                return self._media(block, turn, path)
            case Opaque():
                return _opaque(block, path)

    def _text(self, block: Text) -> Json | None:
        if not block.text:  # refused by the vendor, also where it carries another family's signature (H94)
            return None
        written: Json = {"type": "text", "text": block.text}
        own = [Raw(written_citation(one)) for one in block.citations if one.wire == shapes.WIRE]
        if own:
            written["citations"] = own
        return self._marks.on(written, block.cache)

    def _thinking(self, block: Reasoning) -> Json | None:
        """The family's own thinking goes back unchanged, empty text included (H82). Nobody else's does: the vendor checks
        the signature (H81, H83)."""
        if block.signature is None or block.signature.kind != self._family:
            return None
        if block.redacted:
            return {"type": "redacted_thinking", "data": block.signature.data}
        return {"type": "thinking", "thinking": block.text, "signature": block.signature.data}

    def _call(self, block: ToolCall) -> Json:
        arguments, loss = as_object(wrap_input(block.arguments) if block.custom else block.arguments)
        if loss:
            self.losses.append(loss)
        name = self._names.to(block.name)
        call: Json = {"type": "tool_use", "id": self._id(block.id), "name": name, "input": Raw(arguments)}
        return self._marks.on(call, block.cache)

    def _id(self, id: str) -> str:
        """Unique within the request, as the vendor wants it (H58)."""
        fitting = fitting_id(id, "anthropic")
        self._uses[fitting] = count = self._uses.get(fitting, 0) + 1
        sent = fitting if count == 1 else f"{fitting}_{count}"
        self._ids.setdefault(id, []).append(sent)
        return sent

    def _answered(self, id: str) -> str:
        waiting = self._ids.get(id)
        return waiting.pop(0) if waiting else fitting_id(id, "anthropic")

    def _result(self, block: ToolResult, path: str) -> Json:
        result: Json = {"type": "tool_result", "tool_use_id": self._answered(block.id)}
        parts = [part for index, one in enumerate(block.blocks) if (part := self._part(one, f"{path}.content[{index}]"))]
        if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
            result["content"] = parts[0]["text"]
        elif parts:  # an empty one is left out (H53)
            result["content"] = parts
        if block.error:
            result["is_error"] = True
            result.setdefault("content", "Error")  # the vendor wants words with an error
        return self._marks.on(result, block.cache)

    def _part(self, block: Text | Media, path: str) -> Json | None:
        if isinstance(block, Text):
            return self._text(block)
        return self._known_media(block, path)

    def _media(self, block: Media, turn: Turn, path: str) -> Json:
        if turn.role != "assistant":
            return self._known_media(block, path)
        self.losses.append(Loss(field=path, action="changed", reason=f"an answer's {block.kind} is told as text"))
        return {"type": "text", "text": f"[{block.kind} {block.url}]" if block.url else f"[{block.kind}]"}

    def _known_media(self, block: Media, path: str) -> Json:
        written = media_block(block, self._profile, path)
        self.files = self.files or written["source"]["type"] == "file"
        return self._marks.on(written, block.cache)


def _opaque(block: Opaque, path: str) -> Json | Raw:
    if block.wire == shapes.WIRE:
        return Raw(block.raw)
    if block.summary:
        return {"type": "text", "text": block.summary}
    what = block.what or "content"
    raise Unsupported(f"{path}: {what} works with {block.wire} only.", param=path, code="unsupported_content")


def _content(blocks: list[Json | Raw], turn: Turn) -> str | list[Json | Raw]:
    """A single plain text as a string, everything else as blocks."""
    first = blocks[0]
    if len(blocks) == 1 and isinstance(first, dict) and first.keys() == {"type", "text"}:
        return str(first["text"])
    return blocks
