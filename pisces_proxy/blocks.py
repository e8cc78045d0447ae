"""What a turn is made of: text, media, thinking, tool calls and their results, in no vendor's words."""

from __future__ import annotations

from typing import Literal

import msgspec

MediaKind = Literal["image", "audio", "video", "document"]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """The root of the canonical values: immutable, compared by content."""


class Signature(Value, frozen=True):
    """An upstream's proof for a block, exact bytes as text. `kind` names the family that made it (`anthropic`,
    `openai`, `gemini`); only that family may get it back. `id` is the upstream's item id, where it has one; `parts` the
    lengths of the paragraphs that the signed text was told in, where it was more than one."""

    kind: str
    data: str
    family: str = ""
    id: str = ""
    parts: tuple[int, ...] = ()


class Cache(Value, frozen=True):
    """A cache mark behind a block: `ttl` as the client wrote it (`5m`, `1h`, `30m`, ...), empty for the default."""

    ttl: str = ""


class Citation(Value, frozen=True):
    """A source of a passage. `start` and `end` are code points into the block's text; `raw` is the wire's own form
    (JSON) under `wire`, for the way back."""

    url: str = ""
    title: str = ""
    quote: str = ""
    start: int = 0
    end: int = 0
    wire: str = ""
    raw: bytes = b""


class Text(Value, frozen=True):
    """`phase`: OpenAI's word for what an answer's text is (`commentary`, `final_answer`), empty where it is not said."""

    text: str
    cache: Cache | None = None
    citations: tuple[Citation, ...] = ()
    signature: Signature | None = None
    phase: str = ""


class Media(Value, frozen=True):
    """An image, sound, film or document: exactly one of `data` (standard base64), `url`, `file_id`, `text`."""

    kind: MediaKind
    data: str = ""
    url: str = ""
    file_id: str = ""
    text: str = ""
    mime: str = ""
    filename: str = ""
    title: str = ""
    detail: str = ""
    cache: Cache | None = None
    signature: Signature | None = None
    citations_wanted: bool = False


class Reasoning(Value, frozen=True):
    """Thinking. `summary` says that `text` is a digest and not the raw chain. `redacted`: text withheld, only the
    signature counts."""

    text: str = ""
    signature: Signature | None = None
    summary: bool = False
    redacted: bool = False


class ToolCall(Value, frozen=True):
    """`arguments` is JSON *text* as the model wrote it; for `custom` (free-form) tools it is the plain input text."""

    id: str
    name: str
    arguments: str = ""
    custom: bool = False
    signature: Signature | None = None
    cache: Cache | None = None
    namespace: str = ""


class ToolResult(Value, frozen=True):
    """`name` is the tool's name where the wire tells it; `blocks` are Text and Media."""

    id: str
    blocks: tuple[Text | Media, ...] = ()
    name: str = ""
    error: bool = False
    custom: bool = False
    cache: Cache | None = None


class Refusal(Value, frozen=True):
    text: str


class Opaque(Value, frozen=True):
    """Something only one wire knows (a server tool's call, a container): JSON text that survives the way back to
    `wire`, and is refused (or, in history, told in words by `summary`) towards another."""

    wire: str
    raw: bytes
    what: str = ""
    summary: str = ""


Block = Text | Media | Reasoning | ToolCall | ToolResult | Refusal | Opaque


class Turn(Value, frozen=True):
    role: Literal["user", "assistant", "system"]
    blocks: tuple[Block, ...]
    name: str = ""
