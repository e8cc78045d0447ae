"""Token counts by rule of thumb, for upstreams that do not count (wire.md C10)."""

from __future__ import annotations

import re

from . import blobs, chat

_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]+"
)
_MESSAGE = 4
_IMAGE = 1000  # where the size is not known
_IMAGE_MOST = 1600  # larger images are scaled down before they are read
_PIXELS_PER_TOKEN = 750
_PAGE = 1500
_BYTES_PER_PAGE = 50_000
_BYTES_PER_TOKEN = {"audio": 500, "video": 900}  # 32 tokens for a second of MP3 at 128 kbit/s, 300 of film at 2 Mbit/s
_UNSEEN = {"audio": 1000, "video": 10_000, "document": _PAGE}  # behind a URL or a file id


def of_text(text: str) -> int:
    """ceil(ascii/4) + ceil(0.8 x CJK), other scripts half a token a character."""
    if text.isascii():
        return (len(text) + 3) // 4
    plain = len(text.encode("ascii", "ignore"))
    cjk = sum(map(len, _CJK.findall(text)))
    return (plain + 3) // 4 + (4 * cjk + 4) // 5 + (len(text) - plain - cjk + 1) // 2


def of_request(request: chat.Request) -> int:
    """The prompt: texts, 4 per message, tools' JSON / 4, images by size where the header tells it, PDFs by page."""
    turns = sum(_MESSAGE + of_blocks(turn.blocks) for turn in request.turns)
    system = _MESSAGE + of_blocks(request.system) if request.system else 0
    tools = sum(map(_of_tool, request.tools)) + sum(_of_json(tool.raw) for tool in request.server_tools)
    output = _of_json(request.output.schema) if request.output else 0
    return turns + system + tools + output


def _of_tool(tool: chat.Tool) -> int:
    return of_text(tool.name) + of_text(tool.description) + _of_json(tool.schema) + _of_json(tool.grammar)


def _of_json(raw: bytes) -> int:
    return (len(raw) + 3) // 4


def of_blocks(blocks: tuple[chat.Block, ...]) -> int:
    return sum(map(_of_block, blocks))


def _of_block(block: chat.Block) -> int:
    match block:
        case chat.Text() | chat.Reasoning() | chat.Refusal():
            return of_text(block.text)
        case chat.ToolCall():
            return of_text(block.name) + of_text(block.arguments)
        case chat.ToolResult():
            return sum(map(_of_block, block.blocks))
        case chat.Media():
            return _of_media(block)
        case chat.Opaque():
            return _of_json(block.raw)


def _of_media(media: chat.Media) -> int:
    if media.text:
        return of_text(media.text)
    if media.kind == "image":
        return _of_image(media.data)
    if not media.data:
        return _UNSEEN[media.kind]
    size = len(media.data) * 3 // 4
    if media.kind == "document":
        return size // 4 + 1 if media.mime.startswith("text/") else _PAGE * (1 + size // _BYTES_PER_PAGE)
    return size // _BYTES_PER_TOKEN[media.kind] + 1


def _of_image(data: str) -> int:
    size = blobs.image_size(data) if data else None
    return min(size[0] * size[1] // _PIXELS_PER_TOKEN + 1, _IMAGE_MOST) if size else _IMAGE
