"""What a server tool did, in words: for upstreams that have no such blocks (wire.md C12)."""

from __future__ import annotations

import msgspec

_LONGEST = 2_000


class _Item(msgspec.Struct):
    title: str | None = None
    url: str | None = None


class _Told(msgspec.Struct):
    name: str | None = None
    input: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    content: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_told = msgspec.json.Decoder(_Told)
_items = msgspec.json.Decoder(list[_Item])


def told(kind: str, raw: bytes) -> str:
    """A summary of an assistant's block of this kind; empty for blocks that cannot be told (a container's upload, a changed
    tool list): those are content, and another target refuses them."""
    if not (kind.endswith(("tool_use", "_tool_result")) or kind in ("compaction", "fallback")):
        return ""
    try:
        seen = _told.decode(raw)
    except msgspec.MsgspecError:
        return f"[{kind}]"
    if seen.name:
        return _cut(f"[{seen.name} {_text(seen.input)}]")
    return _cut(f"[{kind}: {_listed(seen.content) or _text(seen.content)}]")


def _listed(content: msgspec.Raw | msgspec.UnsetType) -> str:
    """Titles and addresses of a list of results; the rest of it is encrypted."""
    try:
        items = _items.decode(content) if content is not msgspec.UNSET else []
    except msgspec.MsgspecError:
        return ""
    return "; ".join(filter(None, [" ".join(filter(None, [item.title, item.url])) for item in items]))


def _text(value: msgspec.Raw | msgspec.UnsetType) -> str:
    return "" if value is msgspec.UNSET else bytes(value).decode("utf-8", "replace")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 2] + "…]"
