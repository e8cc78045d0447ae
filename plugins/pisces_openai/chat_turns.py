"""Turns as the messages of a chat request (wire.md C2, C3, C5, C6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pisces_proxy import arguments, history, names
from pisces_proxy.chat import (
    Block,
    Cache,
    Loss,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from pisces_proxy.errors import Unsupported
from pisces_proxy.plugin import Profile

from .chat_choice import WIRE
from .parts import audio_format, fenced, filename_of, location, plain_text

Message = dict[str, Any]
Raw = msgspec.Raw
_ATTACHED = "[image attached below]"
_FORMATS = {"anthropic": "anthropic-claude-v1", "openai": "openai-responses-v1", "gemini": "google-gemini-v1"}


class Messages:
    """The messages for one target, and what could not be said as it was."""

    def __init__(self, profile: Profile, rename: Callable[[str], str], thinks: bool) -> None:
        self._profile = profile
        self._rename = rename
        self._thinks = thinks  # the model is asked to: some then want earlier thinking back
        self.losses: list[Loss] = []

    def of(self, request: Request, hint: str) -> list[Message]:
        """`hint` is said in the system's words: what the target has no member for."""
        healed, losses = history.heal(request.turns)
        self.losses += losses
        turns = self._shaped(healed)
        messages = self._system(request.system, hint)
        for turn in turns:
            match turn.role:
                case "system":
                    messages.append(self._mid_system(turn))
                case "user":
                    messages += self._user(turn)
                case "assistant":
                    messages += self._assistant(turn)
        return self._led(messages, turns)

    def _shaped(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        profile = self._profile
        if not profile.mid_system or profile.system_role == "none":
            turns, losses = history.systems_inlined(turns)
            self.losses += losses
        if profile.merge_same_role or profile.alternate_roles:
            turns = history.merged(turns)
        if profile.alternate_roles:
            turns = history.user_first(turns)
        if turns and turns[-1].role == "assistant" and not profile.prefill:
            raise Unsupported("This model cannot continue an assistant message: end with a user message.", param="messages")
        return turns

    # -- system

    def _system(self, system: Sequence[Text], hint: str) -> list[Message]:
        """One message, since many templates take no second (H92); parts only where cache marks count."""
        texts = [block for block in system if block.text]
        if hint:
            texts = [*texts, Text(text=hint)]
        if not texts:
            return []
        role = self._profile.system_role
        if self._profile.cache_marks and any(block.cache for block in texts):
            return [{"role": role, "content": [self._text_part(block) for block in texts]}]
        return [{"role": role, "content": "\n\n".join(block.text for block in texts)}]

    def _led(self, messages: list[Message], turns: Sequence[Turn]) -> list[Message]:
        """Where a model knows no system role, its words open the first user message."""
        if self._profile.system_role != "none" or not messages or messages[0]["role"] != "none":
            return messages
        self.losses.append(Loss(field="system", action="emulated", reason="the model has no system role"))
        text, *rest = [messages[0]["content"], *messages[1:]]
        if not rest or rest[0]["role"] != "user":
            return [{"role": "user", "content": text}, *rest]
        content = rest[0]["content"]
        joined = f"{text}\n\n{content}" if isinstance(content, str) else [{"type": "text", "text": text}, *content]
        return [{**rest[0], "content": joined}, *rest[1:]]

    def _mid_system(self, turn: Turn) -> Message:
        return {"role": self._profile.system_role, "content": history.text_of(turn.blocks, "\n\n")}

    # -- user

    def _user(self, turn: Turn) -> list[Message]:
        """Results first, each its own message; then what else was said, with the media of the results in front (H51)."""
        messages: list[Message] = []
        said: list[Block] = []
        for block in turn.blocks:
            if isinstance(block, ToolResult):
                message, media = self._result(block)
                messages.append(message)
                said += media
        said += [block for block in turn.blocks if not isinstance(block, ToolResult)]
        if said:
            messages.append(self._named({"role": "user", "content": self._content(said)}, turn))
        return messages

    def _named(self, message: Message, turn: Turn) -> Message:
        return {**message, "name": turn.name} if turn.name else message

    def _content(self, blocks: Sequence[Block]) -> Any:
        marks = self._profile.cache_marks
        if len(blocks) == 1 and isinstance(blocks[0], Text) and not (marks and blocks[0].cache):
            return blocks[0].text
        return [part for block in blocks if (part := self._part(block)) is not None]

    def _result(self, result: ToolResult) -> tuple[Message, list[Media]]:
        media = [block for block in result.blocks if isinstance(block, Media) and plain_text(block) is None]
        texts = [
            block.text if isinstance(block, Text) else fenced(block, plain_text(block) or "")
            for block in result.blocks
            if block not in media
        ]
        text = "\n".join(texts)
        if result.error and not text.lower().startswith("error"):
            text = f"Error: {text}"
        message: Message = {"role": "tool", "tool_call_id": names.fitting_id(result.id, self._profile.tool_id)}
        if media and self._profile.media_in_results:
            parts = [{"type": "text", "text": text}] if text else []
            return {**message, "content": [*parts, *(self._media(block) for block in media)]}, []
        if media:
            text = "\n".join([text, *[_ATTACHED] * len(media)]).strip()
        return {**message, "content": text}, media

    # -- parts

    def _part(self, block: Block) -> Any:
        match block:
            case Text():
                return self._text_part(block)
            case Media():
                return self._media(block)
            case Opaque():
                return self._opaque(block)
            case _:
                return None

    def _text_part(self, block: Text) -> Message:
        return self._marked({"type": "text", "text": block.text}, block.cache)

    def _marked(self, part: Message, cache: Cache | None) -> Message:
        if cache is None or not self._profile.cache_marks:
            return part
        return {**part, "cache_control": {"type": "ephemeral", **({"ttl": cache.ttl} if cache.ttl else {})}}

    def _opaque(self, block: Opaque) -> Any:
        if block.wire == WIRE:
            return Raw(block.raw)
        if not block.summary:
            raise Unsupported(f"{block.what or 'A part'} has no counterpart in this model's protocol.", param="messages")
        self.losses.append(Loss(field=block.what or "messages", action="changed", reason="told in words"))
        return {"type": "text", "text": block.summary}

    def _media(self, media: Media) -> Message:
        match media.kind:
            case "image":
                part = self._image(media)
            case "audio":
                part = self._audio(media)
            case "video":
                self._takes(self._profile.video, "video")
                part = {"type": "video_url", "video_url": {"url": self._located(media)}}
            case _:
                part = self._document(media)
        return self._marked(part, media.cache)

    def _takes(self, able: bool, what: str) -> None:
        if not able:
            raise Unsupported(f"This model takes no {what}.", param="messages", code="unsupported_content")

    def _located(self, media: Media) -> str:
        if media.file_id:
            message = f"The file {media.file_id!r} belongs to another provider: send its content or a URL."
            raise Unsupported(message, param="messages", code="unsupported_state_reference")
        return location(media)

    def _image(self, media: Media) -> Message:
        self._takes(self._profile.images, "images")
        place = {"url": self._located(media)}
        return {"type": "image_url", "image_url": {**place, "detail": media.detail} if media.detail else place}

    def _audio(self, media: Media) -> Message:
        self._takes(self._profile.audio, "audio")
        self._located(media)
        if not media.data:
            raise Unsupported("This model takes audio as base64 only, not by URL.", param="messages")
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": audio_format(media)}}

    def _document(self, media: Media) -> Message:
        if media.citations_wanted:
            self.losses.append(Loss(field="citations", action="dropped", reason="no citations of documents in this protocol"))
        if (text := plain_text(media)) is not None:
            return {"type": "text", "text": fenced(media, text)}
        self._takes(self._profile.documents, "files")
        fetched = "document" in (self._profile.url_media or ())
        if media.url and not fetched:
            raise Unsupported("This model takes files as base64 only, not by URL.", param="messages")
        file = {"filename": filename_of(media), "file_data": self._located(media)}  # H99
        return {"type": "file", "file": file}

    # -- assistant

    def _assistant(self, turn: Turn) -> list[Message]:
        text = self._said(turn.blocks)
        refusal = "".join(block.text for block in turn.blocks if isinstance(block, Refusal))
        calls = [self._call(block) for block in turn.blocks if isinstance(block, ToolCall)]
        message: Message = {"role": "assistant", "content": text or (None if calls or refusal else "")}
        if refusal:
            message["refusal"] = refusal
        message |= self._echo([block for block in turn.blocks if isinstance(block, Reasoning)], bool(calls))
        if calls:
            message["tool_calls"] = calls  # H49: beside the text
        if not (text or refusal or calls or len(message) > 2):
            return []
        return [self._named(message, turn)]

    def _said(self, blocks: Sequence[Block]) -> str:
        """The text; a picture the model once made is only mentioned."""
        said = []
        for block in blocks:
            match block:
                case Text():
                    said.append(block.text)
                case Media():
                    self.losses.append(Loss(field="messages", action="changed", reason=f"{block.kind} of an earlier answer"))
                    said.append(f"[{block.kind}]")
                case Opaque(wire=wire) if wire != WIRE:
                    said.append(self._opaque(block)["text"])
        return "".join(said)

    def _call(self, call: ToolCall) -> Message:
        fitting = names.fitting_id(call.id, self._profile.tool_id)
        name = self._rename(call.name)
        if call.custom and self._profile.custom_tools:
            return {"id": fitting, "type": "custom", "custom": {"name": name, "input": call.arguments}}
        given = arguments.wrap_input(call.arguments) if call.custom else call.arguments or "{}"
        entry: Message = {"id": fitting, "type": "function", "function": {"name": name, "arguments": given}}
        if call.signature is not None and call.signature.kind == "gemini" == self._profile.signature:
            entry["extra_content"] = {"google": {"thought_signature": call.signature.data}}
        return entry

    def _echo(self, thoughts: Sequence[Reasoning], called: bool) -> Message:
        """Earlier thinking, for those who want it back (H89) and only for them (H90)."""
        profile = self._profile
        if profile.reasoning_field == "reasoning_details":
            details = [detail for index, thought in enumerate(thoughts) for detail in _details(thought, index)]
            return {"reasoning_details": details} if details else {}
        if profile.reasoning_echo == "never" or (profile.reasoning_echo == "tools" and not called):
            return {}
        text = "\n\n".join(thought.text for thought in thoughts if thought.text)
        if not text and not self._thinks:
            return {}
        return {"reasoning" if profile.reasoning_field == "reasoning" else "reasoning_content": text}


def _details(thought: Reasoning, index: int) -> list[Message]:
    """OpenRouter's form; it takes back what it gave, for whichever family made it."""
    signature = thought.signature
    made_by = {"format": _FORMATS[signature.kind]} if signature is not None and signature.kind in _FORMATS else {}
    if signature is not None and (thought.redacted or signature.kind == "openai"):
        named = {"id": signature.id} if signature.id else {}
        sealed = {"type": "reasoning.encrypted", "data": signature.data, **named, **made_by, "index": index}
        told = {"type": "reasoning.summary", "summary": thought.text, **made_by, "index": index}
        return [told, sealed] if thought.text else [sealed]
    if signature is None and not thought.text:
        return []
    signed = {"signature": signature.data} if signature is not None else {}
    return [{"type": "reasoning.text", "text": thought.text, **signed, **made_by, "index": index}]
