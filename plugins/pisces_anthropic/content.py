"""A client's content blocks in canonical form: what stands in `messages[].content`, `system` and tool results."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET, Raw, UnsetType

from pisces_proxy.arguments import compact
from pisces_proxy.blobs import standard_base64
from pisces_proxy.chat import Block, Cache, Loss, Media, Opaque, Reasoning, Signature, Text, ToolCall, ToolResult
from pisces_proxy.errors import BadRequest
from pisces_proxy.seals import Seals

from . import shapes
from .carriers import opened
from .citations import read_citations
from .told import told


class ContentReader:
    """Reads the blocks of one request. `losses` is what could not be carried over."""

    def __init__(self, seals: Seals) -> None:
        self.losses: list[Loss] = []
        self._seals = seals
        self._readers: dict[str, Callable[[shapes.Block, Raw, str], Block]] = {
            "text": self._text,
            "image": self._image,
            "document": self._document,
            "search_result": self._search_result,
            "thinking": self._thinking,
            "redacted_thinking": self._redacted,
            "tool_use": self._call,
            "tool_result": self._result,
            "tool_reference": self._reference,
        }

    def blocks(self, content: Raw | UnsetType, path: str) -> tuple[Block, ...]:
        """The blocks of a string or a list; nothing for an absent or null content."""
        raw = shapes.said(content)
        if not raw:
            return ()
        if raw.startswith(b'"'):
            text = shapes.read(shapes.string, raw, path)
            return (Text(text=text),) if text else ()
        parts = shapes.read(shapes.raw_list, raw, path)
        return tuple([self._block(part, f"{path}[{index}]") for index, part in enumerate(parts)])

    def texts(self, content: Raw | UnsetType, path: str) -> tuple[Text, ...]:
        """The blocks where only text may stand."""
        blocks = self.blocks(content, path)
        for index, block in enumerate(blocks):
            if not isinstance(block, Text):
                raise BadRequest("Only text blocks may stand here.", param=f"{path}[{index}].type", code="invalid_value")
        return tuple(block for block in blocks if isinstance(block, Text))

    def _block(self, raw: Raw, path: str) -> Block:
        block = shapes.read(shapes.block, raw, path)
        if not block.type:
            raise BadRequest("A content block has no `type`.", param=f"{path}.type", code="missing_required_parameter")
        if reader := self._readers.get(block.type):
            return reader(block, raw, path)
        kept = bytes(raw)
        return Opaque(wire=shapes.WIRE, raw=kept, what=block.type, summary=told(block.type, kept))

    def _text(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        text = block.text or ""
        cited = shapes.said(block.citations)
        return Text(text=text, cache=_cache(block), citations=read_citations(cited, len(text)) if cited else ())

    def _image(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        source = _source(block, path)
        match source.type:
            case "base64":
                data = standard_base64(source.data or "", f"{path}.source.data")
                return Media(kind="image", data=data, mime=source.media_type or "", cache=_cache(block))
            case "url" if source.url:
                return Media(kind="image", url=source.url, cache=_cache(block))
            case "file" if source.file_id:
                return Media(kind="image", file_id=source.file_id, cache=_cache(block))
        raise _bad_source(source, path)

    def _document(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        source = _source(block, path)
        title, cache, wanted = block.title or "", _cache(block), _citations_wanted(block, path)
        if block.context:
            self._lost(f"{path}.context", "dropped", "a document's context has no place elsewhere")
        match source.type:
            case "base64":
                data = standard_base64(source.data or "", f"{path}.source.data")
                mime = source.media_type or "application/pdf"
                return Media(kind="document", data=data, mime=mime, title=title, cache=cache, citations_wanted=wanted)
            case "text":
                text = source.data or ""
                mime = source.media_type or "text/plain"
                return Media(kind="document", text=text, mime=mime, title=title, cache=cache, citations_wanted=wanted)
            case "url" if source.url:
                return Media(kind="document", url=source.url, title=title, cache=cache, citations_wanted=wanted)
            case "file" if source.file_id:
                return Media(kind="document", file_id=source.file_id, title=title, cache=cache, citations_wanted=wanted)
            case "content":
                return self._written_document(source, raw, path, title, cache, wanted)
        raise _bad_source(source, path)

    def _written_document(
        self, source: shapes.Source, raw: Raw, path: str, title: str, cache: Cache | None, wanted: bool
    ) -> Block:
        parts = self.blocks(source.content, f"{path}.source.content")
        if not all(isinstance(part, Text) for part in parts):  # pictures inside a document: no other wire has that
            return Opaque(wire=shapes.WIRE, raw=bytes(raw), what="document with images")
        text = "\n\n".join([part.text for part in parts if isinstance(part, Text)])
        return Media(kind="document", text=text, mime="text/plain", title=title, cache=cache, citations_wanted=wanted)

    def _search_result(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        texts = self.texts(block.content, f"{path}.content")
        where = shapes.said(block.source)
        source = shapes.read(shapes.string, where, f"{path}.source") if where.startswith(b'"') else ""
        self._lost(path, "changed", "a search result is told as text, without citations")
        return Text(text="\n".join(filter(None, [block.title, source, *[text.text for text in texts]])), cache=_cache(block))

    def _reference(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        self._lost(path, "changed", "a tool reference is told as text")
        return Text(text=f"[tool {block.tool_name}]")

    def _thinking(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        return Reasoning(text=block.thinking or "", signature=self._signature(block.signature, f"{path}.signature"))

    def _redacted(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        return Reasoning(redacted=True, signature=self._signature(block.data, f"{path}.data"))

    def _signature(self, data: str | None, path: str) -> Signature | None:
        """Another family's signature comes out of our carrier; what only looks like one is dropped (wire.md C6)."""
        if not data:
            return None  # the stream was cut before it came (H83)
        if not Seals.looks_sealed(data):
            return Signature(kind=shapes.FAMILY, data=data)
        carried = opened(self._seals, data)
        if carried is None:
            self._lost(path, "dropped", "the signature was not sealed by this gateway")
        return carried or None

    def _call(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        if not block.name:
            raise BadRequest("A tool_use block has no `name`.", param=f"{path}.name", code="missing_required_parameter")
        return ToolCall(id=block.id, name=block.name, arguments=_arguments(block.input), cache=_cache(block))

    def _result(self, block: shapes.Block, raw: Raw, path: str) -> Block:
        if not block.tool_use_id:
            raise BadRequest(
                "A tool_result block has no `tool_use_id`.", param=f"{path}.tool_use_id", code="missing_required_parameter"
            )
        parts: list[Text | Media] = []
        for index, part in enumerate(self.blocks(block.content, f"{path}.content")):
            match part:
                case Text(text=""):
                    continue
                case Text() | Media():
                    parts.append(part)
                case _:
                    raise BadRequest("A tool result holds text, images and documents.", param=f"{path}.content[{index}].type")
        return ToolResult(id=block.tool_use_id, blocks=tuple(parts), error=bool(block.is_error), cache=_cache(block))

    def _lost(self, field: str, action: str, reason: str) -> None:
        self.losses.append(Loss(field=field, action=action, reason=reason))  # type: ignore[arg-type]


def _cache(block: shapes.Block) -> Cache | None:
    return read_cache(block.cache_control)


def read_cache(mark: shapes.CacheControl | None) -> Cache | None:
    return Cache(ttl=mark.ttl or "") if mark else None


def _arguments(value: Raw | UnsetType) -> str:
    """The input as JSON text, as compact as the model writes it; nothing is rewritten (wire.md C5)."""
    raw = shapes.said(value)
    return compact(raw) if raw else "{}"


def _source(block: shapes.Block, path: str) -> shapes.Source:
    if block.source is UNSET:
        raise BadRequest(f"The {block.type} has no `source`.", param=f"{path}.source", code="missing_required_parameter")
    return shapes.read(shapes.source, block.source, f"{path}.source")


def _citations_wanted(block: shapes.Block, path: str) -> bool:
    raw = shapes.said(block.citations)
    return bool(raw and shapes.read(shapes.wanted, raw, f"{path}.citations").enabled)


def _bad_source(source: shapes.Source, path: str) -> BadRequest:
    return BadRequest(f"A source of type {source.type!r} cannot be read here.", param=f"{path}.source", code="invalid_value")
