"""Where an answer's passages come from: Google counts UTF-8 bytes, we count code points (wire.md C12)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pisces_proxy.chat import Citation

from .google import WIRE


class _Source(msgspec.Struct, rename="camel"):
    uri: str | None = None
    title: str | None = None
    text: str | None = None


class _GroundingChunk(msgspec.Struct, rename="camel"):
    web: _Source | None = None
    retrieved_context: _Source | None = None
    maps: _Source | None = None


class _Segment(msgspec.Struct, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None
    text: str | None = None


class _Support(msgspec.Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class _Grounding(msgspec.Struct, rename="camel"):
    grounding_chunks: list[_GroundingChunk] | None = None
    grounding_supports: list[_Support] | None = None
    web_search_queries: list[str] | None = None


class _Cited(msgspec.Struct, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None


class _CitationMetadata(msgspec.Struct, rename="camel"):
    citations: list[_Cited] | None = None
    citation_sources: list[_Cited] | None = None


_grounding = msgspec.json.Decoder(_Grounding)
_citation_metadata = msgspec.json.Decoder(_CitationMetadata)


class Offsets:
    """Byte offsets of an answer's text as code points. Text is kept only from where it stops being ASCII."""

    __slots__ = ("_ascii", "_more")

    def __init__(self) -> None:
        self._ascii = 0
        self._more: list[bytes] = []

    def add(self, text: str) -> None:
        if not self._more and text.isascii():
            self._ascii += len(text)
        else:
            self._more.append(text.encode("utf-8", "surrogatepass"))

    def code_points(self, offset: int) -> int:
        if offset <= self._ascii:
            return max(offset, 0)
        if len(self._more) > 1:
            self._more = [b"".join(self._more)]
        beyond = self._more[0][: offset - self._ascii] if self._more else b""
        return self._ascii + len(beyond.decode("utf-8", "ignore"))


def citations(raw: bytes | msgspec.Raw, offsets: Offsets) -> tuple[tuple[Citation, ...], int]:
    """One citation for each support and source, and how many searches were made."""
    try:
        found = _grounding.decode(raw)
    except msgspec.MsgspecError:
        return (), 0
    chunks = found.grounding_chunks or []
    cited: list[Citation] = []
    for support in found.grounding_supports or ():
        segment = support.segment or _Segment()
        start, end = offsets.code_points(segment.start_index or 0), offsets.code_points(segment.end_index or 0)
        for index in support.grounding_chunk_indices or ():
            if 0 <= index < len(chunks):
                cited.append(_citation(chunks[index], start, end))
    return tuple(cited), len(found.web_search_queries or ())


def _citation(chunk: _GroundingChunk, start: int, end: int) -> Citation:
    source = chunk.web or chunk.retrieved_context or chunk.maps or _Source()
    raw = msgspec.json.encode({"uri": source.uri or "", "title": source.title or ""})
    return Citation(
        url=source.uri or "", title=source.title or "", quote=source.text or "", start=start, end=end, wire=WIRE, raw=raw
    )


def recited(raw: bytes | msgspec.Raw, offsets: Offsets) -> tuple[Citation, ...]:
    """`citationMetadata`: passages that the model took from somewhere."""
    try:
        found = _citation_metadata.decode(raw)
    except msgspec.MsgspecError:
        return ()
    return tuple(
        Citation(
            url=cited.uri or "",
            title=cited.title or "",
            start=offsets.code_points(cited.start_index or 0),
            end=offsets.code_points(cited.end_index or 0),
        )
        for cited in (*(found.citations or ()), *(found.citation_sources or ()))
    )


def metadata(found: Iterable[tuple[int, Citation, str]]) -> dict[str, Any]:
    """Citations as `groundingMetadata`: (byte offset of the block, citation, the block's text)."""
    chunks: list[dict[str, Any]] = []
    supports: list[dict[str, Any]] = []
    for base, citation, text in found:
        chunk = {"web": {"uri": citation.url, "title": citation.title or citation.url}}
        if chunk not in chunks:
            chunks.append(chunk)
        end = citation.end if citation.end > citation.start else len(text)
        passage = text[citation.start : end]
        start = base + len(text[: citation.start].encode("utf-8", "surrogatepass"))
        size = len(passage.encode("utf-8", "surrogatepass"))
        if size:
            segment = {"startIndex": start, "endIndex": start + size, "text": passage}
            supports.append({"segment": segment, "groundingChunkIndices": [chunks.index(chunk)]})
    return {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}
