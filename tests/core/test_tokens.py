"""Token counts by rule of thumb."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from pisces_proxy import tokens
from pisces_proxy.chat import (
    Media,
    Opaque,
    OutputFormat,
    Reasoning,
    Refusal,
    Request,
    ServerTool,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def png(width: int, height: int) -> str:
    return b64(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a", 1),
        ("abcd", 1),
        ("abcde", 2),
        ("你好世界你", 4),
        ("한국어", 3),
        ("ひらがな", 4),
        ("𠀀", 1),
        ("привет", 3),
        ("abcd你", 2),
        ("abcd é 你好", 5),
        ("😀😀", 1),
    ],
)
def test_a_text_is_counted_by_its_scripts(text: str, count: int) -> None:
    assert tokens.of_text(text) == count


def test_a_text_with_a_lone_surrogate_is_counted() -> None:
    assert tokens.of_text("abcd\ud83d") == 2


@pytest.mark.parametrize(
    ("block", "count"),
    [
        (Text(text="abcdefgh"), 2),
        (Reasoning(text="abcd"), 1),
        (Refusal(text="abcd"), 1),
        (ToolCall(id="x" * 100, name="abcd", arguments='{"a":123}'), 4),
        (ToolResult(id="1", blocks=(Text(text="abcd"), Text(text="abcd"))), 2),
        (Opaque(wire="w", raw=b"12345678"), 2),
        (Media(kind="image", data=png(750, 100)), 101),
        (Media(kind="image", data=png(8000, 8000)), 1600),
        (Media(kind="image", data=b64(b"?" * 40)), 1000),
        (Media(kind="image", url="https://example.org/a.png"), 1000),
        (Media(kind="document", text="abcdefgh"), 2),
        (Media(kind="document", mime="text/csv", data=b64(b"a" * 99)), 25),
        (Media(kind="document", mime="application/pdf", data=b64(b"a" * 99_999)), 3000),
        (Media(kind="document", file_id="file_1"), 1500),
        (Media(kind="audio", mime="audio/mp3", data=b64(bytes(3000))), 7),
        (Media(kind="video", url="https://example.org/a.mp4"), 10_000),
    ],
)
def test_a_block_is_counted_by_its_kind(block: Any, count: int) -> None:
    assert tokens.of_blocks((block,)) == count


def test_blocks_add_up() -> None:
    assert tokens.of_blocks((Text(text="abcd"), Text(text="abcd"), Refusal(text="abcd"))) == 3


def test_a_request_is_its_messages_and_its_tools() -> None:
    asked = Request(model="m", turns=(Turn(role="user", blocks=(Text(text="abcd"),)),))
    with_system = Request(model="m", turns=asked.turns, system=(Text(text="abcd"),))
    with_tools = Request(
        model="m",
        turns=asked.turns,
        tools=(Tool(name="abcd", description="abcd", schema=b'{"type":"object"}', strict=True),),
        server_tools=(ServerTool(kind="web_search", wire="w", raw=b'{"a":1}'),),
        output=OutputFormat(kind="schema", schema=b"{ }a"),
    )
    assert tokens.of_request(asked) == 5
    assert tokens.of_request(with_system) == 10
    assert tokens.of_request(with_tools) == 5 + 1 + 1 + 5 + 2 + 1


def test_a_request_of_nothing_counts_nothing() -> None:
    assert tokens.of_request(Request(model="m", turns=())) == 0
