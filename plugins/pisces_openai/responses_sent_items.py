"""Turns as the items of a Responses request: what each block becomes in `input` (wire.md C3, C5, C6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from pisces_proxy import arguments, blobs, history
from pisces_proxy.chat import (
    Block,
    Loss,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from pisces_proxy.errors import Unsupported
from pisces_proxy.names import Names, fitting_id, minted_id
from pisces_proxy.plugin import Profile

from . import parts
from .responses_items import FAMILY, WIRE, split

Json = dict[str, Any]

_CALL_OUTPUT = "function_call_output"
_CUSTOM_OUTPUT = "custom_tool_call_output"


def input_items(
    turns: Sequence[Turn], profile: Profile, names: Names, custom: frozenset[str], losses: list[Loss]
) -> list[Json | msgspec.Raw]:
    """`custom` are the tools that go out as free-form ones; `losses` grows."""
    writer = _Writer(turns, profile, names, custom, losses)
    return [item for turn in turns for item in writer.turn(turn)]


class _Writer:
    def __init__(
        self, turns: Sequence[Turn], profile: Profile, names: Names, custom: frozenset[str], losses: list[Loss]
    ) -> None:
        self._profile = profile
        self._names = names
        self._losses = losses
        self._custom_names = custom
        self._id_style = "le64" if profile.tool_id == "any" else profile.tool_id  # OpenAI takes 64 characters (C5)
        calls = [block for turn in turns for block in turn.blocks if isinstance(block, ToolCall)]
        self._custom_ids = {call.id for call in calls if self._goes_custom(call)}

    def turn(self, turn: Turn) -> Iterator[Json | msgspec.Raw]:
        match turn.role:
            case "assistant":
                yield from self._assistant(turn.blocks)
            case "system":
                text = history.text_of(turn.blocks, "\n\n")
                yield {"type": "message", "role": "developer", "content": text}
            case _:
                yield from self._user(turn.blocks)

    # -- what the model said

    def _assistant(self, blocks: Sequence[Block]) -> Iterator[Json | msgspec.Raw]:
        thoughts: list[Json] = []
        for item in self._said_items(blocks):
            if isinstance(item, dict) and item["type"] == "reasoning":
                thoughts.append(item)  # refused where nothing follows that came of it
                continue
            yield from thoughts
            thoughts.clear()
            yield item

    def _said_items(self, blocks: Sequence[Block]) -> Iterator[Json | msgspec.Raw]:
        for phase, together in groupby(blocks, _phase):
            if phase is None:
                for block in together:
                    yield from self._own(block)
                continue
            said = [
                _said(block) for block in together if isinstance(block, Refusal) or (isinstance(block, Text) and block.text)
            ]
            if said:
                yield {**_message("assistant", said), **({"phase": phase} if phase else {})}

    def _own(self, block: Block) -> Iterator[Json | msgspec.Raw]:
        match block:
            case Reasoning():
                yield from self._reasoning(block)
            case ToolCall():
                yield self._call(block)
            case Opaque():
                yield from self._opaque(block, "assistant")
            case Media(kind="image") if block.data:
                picture = minted_id(block.data, prefix="ig_")
                yield {"type": "image_generation_call", "id": picture, "status": "completed", "result": block.data}
            case Media():
                self._losses.append(
                    Loss(field="messages", action="dropped", reason=f"an assistant's {block.kind} cannot be sent")
                )
            case _:
                return

    def _reasoning(self, block: Reasoning) -> Iterator[Json]:
        """Ours goes back without its id, which only a store could resolve, and otherwise as it came (H86); another
        family's stays here."""
        family = self._profile.signature or FAMILY
        signature = block.signature
        if signature is not None and signature.kind == family != "none":
            summary = [{"type": "summary_text", "text": part} for part in split(block.text, signature.parts)]
            yield {"type": "reasoning", "summary": summary, "encrypted_content": signature.data}
        elif block.text and self._profile.reasoning_echo != "never":
            yield {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": block.text}]}

    def _call(self, call: ToolCall) -> Json:
        call_id = fitting_id(call.id, self._id_style)
        name = self._names.to(call.name)
        if self._goes_custom(call):
            text = call.arguments if call.custom else arguments.unwrap_input(call.arguments)
            return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": text}
        text = arguments.wrap_input(call.arguments) if call.custom else call.arguments or "{}"
        return {"type": "function_call", "call_id": call_id, "name": name, "arguments": text}

    def _goes_custom(self, call: ToolCall) -> bool:
        return call.name in self._custom_names or (call.custom and self._profile.custom_tools)

    # -- what it was told

    def _user(self, blocks: Sequence[Block]) -> Iterator[Json | msgspec.Raw]:
        said: list[Json] = []
        for block in blocks:
            match block:
                case ToolResult():
                    yield self._result(block, said)
                case Opaque():
                    yield from self._opaque(block, "user")
                case Refusal():
                    said.append({"type": "input_text", "text": block.text})
                case Text() | Media():
                    said.append(self._given(block))
                case _:
                    continue
        if said:
            yield _message("user", said)

    def _given(self, block: Text | Media) -> Json:
        return {"type": "input_text", "text": block.text} if isinstance(block, Text) else given_media(block, self._profile)

    def _result(self, result: ToolResult, after: list[Json]) -> Json:
        """`after` is what the user says behind the results: media that this target takes nowhere else go there."""
        custom = result.id in self._custom_ids
        item: Json = {"type": _CUSTOM_OUTPUT if custom else _CALL_OUTPUT, "call_id": fitting_id(result.id, self._id_style)}
        media = [block for block in result.blocks if isinstance(block, Media)]
        if not media:
            return {**item, "output": _result_text(result, result.blocks)}
        if self._profile.media_in_results is False:
            texts = [block for block in result.blocks if isinstance(block, Text)]
            after += [self._given(block) for block in media]
            pointer = Text(text=f"[{media[0].kind} attached below]")
            return {**item, "output": _result_text(result, [*texts, pointer])}
        return {**item, "output": [self._given(block) for block in result.blocks]}

    def _opaque(self, block: Opaque, role: str) -> Iterator[Json | msgspec.Raw]:
        if block.wire == WIRE:
            yield msgspec.Raw(block.raw)
            return
        if not block.summary:
            what = block.what or "part"
            raise Unsupported(
                f"A {what} of {block.wire} cannot be sent to this model.", param="messages", code="unsupported_content"
            )
        self._losses.append(Loss(field=block.what or "messages", action="emulated", reason="told in words"))
        yield {"type": "message", "role": role, "content": block.summary}


def _phase(block: Block) -> str | None:
    """What is told in one message: texts of one phase. None for what is no message."""
    return (block.phase if isinstance(block, Text) else "") if isinstance(block, (Text, Refusal)) else None


def _message(role: str, said: list[Json]) -> Json:
    plain = len(said) == 1 and said[0]["type"] in ("input_text", "output_text") and "annotations" not in said[0]
    return {"type": "message", "role": role, "content": said[0]["text"] if plain else said}


def _said(block: Text | Refusal) -> Json:
    if isinstance(block, Refusal):
        return {"type": "refusal", "refusal": block.text}
    own = [msgspec.Raw(citation.raw) for citation in block.citations if citation.wire == WIRE and citation.raw]
    return {"type": "output_text", "text": block.text, **({"annotations": own} if own else {})}


def _result_text(result: ToolResult, blocks: Iterable[Block]) -> str:
    text = history.text_of(tuple(blocks), "\n")
    unmarked = result.error and "error" not in text[:16].lower()
    return f"Error: {text}" if unmarked else text


def given_media(media: Media, profile: Profile) -> Json:
    """An image, document or sound that the user shows. Raises Unsupported for what this target does not take."""
    match media.kind:
        case "image" if profile.images:
            where = {"file_id": media.file_id} if media.file_id else {"image_url": parts.location(media)}
            return {"type": "input_image", "detail": media.detail or "auto", **where}
        case "document" if profile.documents:
            return _document(media)
        case "audio" if profile.audio and media.data:
            sound = {"data": media.data, "format": parts.audio_format(media)}
            return {"type": "input_audio", "input_audio": sound}
        case kind:
            raise Unsupported(f"This model takes no {kind}.", param="messages", code="unsupported_content")


def _document(media: Media) -> Json:
    if media.url:
        return {"type": "input_file", "file_url": media.url}
    if media.file_id:
        return {"type": "input_file", "file_id": media.file_id}
    text = parts.plain_text(media)
    if text is not None:  # file inputs want PDFs; a text says the same in the open (C3)
        return {"type": "input_text", "text": parts.fenced(media, text)}
    mime = media.mime or blobs.sniff(media.data) or "application/pdf"
    return {"type": "input_file", "filename": parts.filename_of(media), "file_data": blobs.data_uri(mime, media.data)}
