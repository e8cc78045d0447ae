"""Cache marks, of which a request may hold four (wire.md C11)."""

from __future__ import annotations

from collections.abc import Iterator

from pisces_proxy.chat import Block, Cache, Loss, Media, Request, Text, ToolCall, ToolResult, Turn

MOST = 4


class CacheMarks:
    """Hands out marks in the order tools, system, messages. The last four stay: they cover the longest prefixes (H93)."""

    def __init__(self, request: Request, turns: tuple[Turn, ...], allowed: bool) -> None:
        self._allowed = allowed
        total = sum(1 for cache in _caches(request, turns) if cache is not None) + (request.auto_cache is not None)
        self._skip = max(total - MOST, 0)
        self.losses: tuple[Loss, ...] = ()
        if allowed and self._skip:
            reason = f"{total} cache marks, at most {MOST} are taken"
            self.losses = (Loss(field="cache_control", action="dropped", reason=reason),)

    def on(self, block: dict[str, object], cache: Cache | None) -> dict[str, object]:
        """The block with its mark, where it has one and there is room."""
        if cache is None or not self._allowed:
            return block
        if self._skip:
            self._skip -= 1
            return block
        return {**block, "cache_control": written_cache(cache)}


def written_cache(cache: Cache) -> dict[str, str]:
    """Anthropic keeps for five minutes or an hour; longer wishes get the hour."""
    if not cache.ttl:
        return {"type": "ephemeral"}
    return {"type": "ephemeral", "ttl": "5m" if cache.ttl == "5m" else "1h"}


def _caches(request: Request, turns: tuple[Turn, ...]) -> Iterator[Cache | None]:
    yield from (tool.cache for tool in request.tools)
    yield from (text.cache for text in request.system if text.text)
    for turn in turns:
        for block in turn.blocks:
            yield from _of(block)


def _of(block: Block) -> Iterator[Cache | None]:
    match block:
        case Text(text=""):
            return
        case ToolResult():
            for part in block.blocks:
                yield from _of(part)
            yield block.cache
        case Text() | Media() | ToolCall():
            yield block.cache
        case _:
            return
