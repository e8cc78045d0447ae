"""Items of the Responses API, read: what stands in `input` and in `output`, as canonical blocks (wire.md A2.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pisces_proxy.chat import (
    Block,
    Cache,
    Citation,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
)
from pisces_proxy.errors import BadRequest, Unsupported

from . import parts

WIRE = "openai.responses"
FAMILY = "openai"  # the signatures that this wire's own upstreams make
SEPARATOR = "::"  # between a namespace and a tool in it: no function's name may hold it
EMPTY = msgspec.Raw(b"")
_GAP = "\n\n"  # between the parts of a summary

# A call that the upstream ran itself can be told to another wire in a few words; what is not listed cannot.
_TOLD = {
    "web_search_call": "web search",
    "file_search_call": "file search",
    "code_interpreter_call": "code run",
    "computer_call": "computer use",
    "computer_call_output": "computer use result",
    "local_shell_call": "shell command",
    "local_shell_call_output": "shell command result",
    "shell_call": "shell command",
    "shell_call_output": "shell command result",
    "apply_patch_call": "patch",
    "apply_patch_call_output": "patch result",
    "mcp_call": "MCP call",
    "mcp_list_tools": "MCP tools listed",
    "mcp_approval_request": "MCP approval asked",
    "mcp_approval_response": "MCP approval answered",
    "image_generation_call": "image generated",
    "tool_search_call": "tool search",
    "tool_search_output": "tool search result",
    "x_search_call": "search on X",
}
_TELLING = ("query", "queries", "code", "command", "commands", "name", "arguments", "output", "approve", "operation")


class Part(msgspec.Struct):
    """A content part of a message, a reasoning item or a tool's output."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    image_url: str | dict[str, Any] | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: dict[str, Any] | None = None
    annotations: list[msgspec.Raw] | None = None
    logprobs: list[msgspec.Raw] | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None


class Item(msgspec.Struct):
    """An item, with the members that a translation needs."""

    type: str = ""
    role: str = ""
    phase: str | None = None
    id: str | None = None
    content: str | list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: Any = None
    input: str | None = None
    output: Any = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None
    result: str | None = None
    output_format: str | None = None
    tools: list[msgspec.Raw] | None = None


class _Annotation(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    filename: str | None = None
    start_index: int | None = None
    end_index: int | None = None


_item = msgspec.json.Decoder(Item)
_annotation = msgspec.json.Decoder(_Annotation)
_any = msgspec.json.Decoder()
_json = msgspec.json.Encoder().encode


def read(raw: msgspec.Raw | bytes) -> Item:
    """One item. Raises msgspec.MsgspecError."""
    return _item.decode(raw)


def flat_name(namespace: str | None, name: str) -> str:
    """One name for a tool inside a namespace: other wires have none."""
    return f"{namespace}{SEPARATOR}{name}" if namespace else name


def arguments_of(item: Item) -> str:
    """Arguments as JSON text; some look-alikes write the object itself."""
    if isinstance(item.arguments, str):
        return item.arguments
    return "" if item.arguments is None else _json(item.arguments).decode()


def call_of(item: Item) -> ToolCall:
    """A function call or a custom (free-form) one."""
    custom = item.type == "custom_tool_call"
    return ToolCall(
        id=item.call_id or item.id or "",
        name=flat_name(item.namespace, item.name or ""),
        arguments=(item.input or "") if custom else arguments_of(item),
        custom=custom,
        namespace=item.namespace or "",
    )


def thinking_of(item: Item) -> tuple[str, bool]:
    """A reasoning item's text and whether it is a summary; the summary where both are there."""
    if summary := _joined(item.summary):
        return summary, True
    content = item.content if isinstance(item.content, list) else None
    raw = _joined(content) if content else (item.content or "")
    return str(raw), not raw


def paragraphs(item: Item) -> tuple[int, ...]:
    """The lengths of a summary's parts, nothing for a single one: it has to go back in the same parts (H86)."""
    lengths = tuple(len(part.text) for part in item.summary or () if part.text)
    return lengths if len(lengths) > 1 else ()


def split(text: str, lengths: tuple[int, ...]) -> list[str]:
    """The parts that `thinking_of` has joined, the whole where they do not fit."""
    gap = len(_GAP)
    if sum(lengths) + gap * (len(lengths) - 1) != len(text):
        return [text] if text else []
    starts = [sum(lengths[:number]) + gap * number for number in range(len(lengths))]
    return [text[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def _joined(texts: list[Part] | None) -> str:
    return _GAP.join([part.text for part in texts or () if part.text])


def citations_of(annotations: list[msgspec.Raw] | None) -> tuple[Citation, ...]:
    return tuple(citation(raw) for raw in annotations or ())


def citation(raw: msgspec.Raw) -> Citation:
    """An annotation; its own form stays beside for the way back."""
    try:
        seen = _annotation.decode(raw)
    except msgspec.MsgspecError:
        return Citation(wire=WIRE, raw=bytes(raw))
    return Citation(
        url=seen.url or "",
        title=seen.title or seen.filename or "",
        start=seen.start_index or 0,
        end=seen.end_index or 0,
        wire=WIRE,
        raw=bytes(raw),
    )


def opaque_of(raw: msgspec.Raw | bytes, kind: str) -> Opaque:
    """An item that only this wire knows."""
    return Opaque(wire=WIRE, raw=bytes(raw), what=kind, summary=_summary(raw, kind))


def _summary(raw: msgspec.Raw | bytes, kind: str) -> str:
    """What a hosted call did, in a line; empty where the content cannot be told (a compaction's is encrypted)."""
    told = _TOLD.get(kind)
    if told is None:
        return ""
    item = _any.decode(raw)
    members = {**item, **item["action"]} if isinstance(item.get("action"), dict) else item
    said = [_short(members[name]) for name in _TELLING if members.get(name)]
    return f"[{told}: {'; '.join(said)}]" if said else f"[{told}]"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _json(value).decode()
    return text if len(text) <= 400 else text[:400] + "..."


def image_of(item: Item) -> Media | None:
    """The picture of an image_generation_call, None where it holds none."""
    if not item.result:
        return None
    return Media(kind="image", data=item.result, mime=f"image/{item.output_format or 'png'}")


def output_blocks(raw: msgspec.Raw | bytes, family: str) -> list[Block]:
    """One complete item of an answer. `family` is whose signature a reasoning item carries, `none` for nobody's.
    Raises msgspec.MsgspecError."""
    item = read(raw)
    match item.type:
        case "message":
            return [block for part in message_parts(item) if (block := output_part(part, item.phase)) is not None]
        case "function_call" | "custom_tool_call":
            return [call_of(item)]
        case "reasoning":
            return [thought] if (thought := reasoning_of(item, family)) is not None else []
        case "image_generation_call" if (image := image_of(item)) is not None:
            return [image]
        case _:
            return [opaque_of(raw, item.type)]


def message_parts(item: Item) -> list[Part]:
    if isinstance(item.content, str):
        return [Part(type="output_text", text=item.content)]
    return item.content or []


def output_part(part: Part, phase: str | None) -> Text | Refusal | None:
    if part.type == "refusal":
        return Refusal(text=part.refusal or "")
    if not part.text and not part.annotations:
        return None
    return Text(text=part.text or "", citations=citations_of(part.annotations), phase=phase or "")


def reasoning_of(item: Item, family: str) -> Reasoning | None:
    """A reasoning item, None where it holds nothing at all (often it does)."""
    text, summary = thinking_of(item)
    signature = signature_of(item, family)
    if not text and signature is None:
        return None
    return Reasoning(text=text, summary=summary, signature=signature)


def signature_of(item: Item, family: str) -> Signature | None:
    if not item.encrypted_content or family == "none":
        return None
    return Signature(kind=family, data=item.encrypted_content, id=item.id or "", parts=paragraphs(item))


# -- content parts of a request ----------------------------------------------------------------------------------------

Read = Callable[[Part, str], Block]


def _text(part: Part, param: str) -> Text:
    mark = part.prompt_cache_breakpoint
    cache = Cache(ttl=str(mark.get("ttl") or "")) if mark else None
    return Text(text=part.text or "", cache=cache, citations=citations_of(part.annotations))


def _image(part: Part, param: str) -> Media:
    url = part.image_url.get("url") if isinstance(part.image_url, dict) else part.image_url  # the chat form, tolerated
    if isinstance(url, str) and url:
        return parts.media_at(url, "image", f"{param}.image_url", detail=part.detail or "")
    if part.file_id:
        return Media(kind="image", file_id=part.file_id, detail=part.detail or "")
    raise BadRequest(f"`{param}` has neither `image_url` nor `file_id`.", param=param, code="missing_required_parameter")


def _file(part: Part, param: str) -> Media:
    if part.file_url:
        return parts.media_at(part.file_url, "document", f"{param}.file_url", filename=part.filename or "")
    return parts.file_in(part.file_data or "", part.file_id or "", part.filename or "", param)


def _audio(part: Part, param: str) -> Media:
    audio = part.input_audio or {}
    return parts.audio_in(str(audio.get("data") or ""), str(audio.get("format") or ""), f"{param}.input_audio")


_PARTS: dict[str, Read] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "summary_text": _text,
    "refusal": lambda part, param: Refusal(text=part.refusal or ""),
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}


def content_blocks(content: str | list[Part] | None, param: str) -> list[Block]:
    """The parts of a message or of a tool's output. Raises BadRequest naming the part."""
    if not isinstance(content, list):
        return [Text(text=content)] if content else []
    return [_content_block(part, f"{param}[{index}]") for index, part in enumerate(content)]


def _content_block(part: Part, param: str) -> Block:
    reader = _PARTS.get(part.type)
    if reader is None:
        message = f"`{param}` is of type {part.type!r}, which cannot be translated."
        raise Unsupported(message, param=f"{param}.type", code="unsupported_content")
    return reader(part, param)
