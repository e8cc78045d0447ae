"""Sources of a passage, in Anthropic's forms and in the gateway's (wire.md C12)."""

from __future__ import annotations

import msgspec

from pisces_proxy.chat import Citation

from . import shapes


def read_citation(raw: bytes, length: int) -> Citation:
    """One source. Anthropic cites for a whole block, so the passage is all `length` code points of it."""
    try:
        seen = shapes.citation.decode(raw)
    except msgspec.MsgspecError:
        seen = shapes.Citation()
    return Citation(
        url=seen.url or seen.source or "",
        title=seen.title or seen.document_title or "",
        quote=seen.cited_text or "",
        end=length,
        wire=shapes.WIRE,
        raw=raw,
    )


def read_citations(raw: bytes, length: int) -> tuple[Citation, ...]:
    """A block's `citations`; nothing where it is no list."""
    try:
        return tuple([read_citation(bytes(one), length) for one in shapes.raw_list.decode(raw)])
    except msgspec.MsgspecError:
        return ()


def written_citation(citation: Citation) -> bytes:
    """As it came, or as a search result's location where another wire found it."""
    if citation.wire == shapes.WIRE and citation.raw:
        return citation.raw
    return shapes.encode(
        {
            "type": "web_search_result_location",
            "cited_text": citation.quote,
            "url": citation.url,
            "title": citation.title or None,
            "encrypted_index": "",
        }
    )
