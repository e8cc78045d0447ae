"""Recorded exchanges with Anthropic, and a reading of them that shares no code with the plugin."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
CORPUS = Path(os.environ.get("PISCES_CORPUS", ROOT.parent / "shared" / "corpus")) / "anthropic"


def exchanges() -> list[Path]:
    return sorted(CORPUS.glob("*.json")) if CORPUS.is_dir() else []


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def frames(sse: str) -> list[dict[str, Any]]:
    """The data of a stream, up to the first message's end."""
    found = []
    for line in sse.replace("\r\n", "\n").split("\n"):
        if line.startswith("data:"):
            found.append(json.loads(line[5:]))
            if found[-1]["type"] == "message_stop":
                break
    return found


def message_of(sse: str) -> dict[str, Any]:
    """The message that a stream builds up."""
    message: dict[str, Any] = {"content": [], "usage": {}, "stop_reason": None}
    pieces: dict[int, str] = {}
    for frame in frames(sse):
        match frame["type"]:
            case "message_start":
                message = {**frame["message"], "content": [*message["content"], *frame["message"]["content"]]}
            case "content_block_start":
                message["content"].append(dict(frame["content_block"]))
                pieces = {}
            case "content_block_delta":
                block, delta = message["content"][-1], frame["delta"]
                _grow(block, delta, pieces)
            case "message_delta":
                message |= {k: v for k, v in frame["delta"].items() if v is not None}
                message["usage"] |= {k: v for k, v in frame["usage"].items() if v is not None}
    return message


def _grow(block: dict[str, Any], delta: dict[str, Any], pieces: dict[int, str]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        case "input_json_delta":
            pieces[0] = pieces.get(0, "") + delta["partial_json"]
            if pieces[0]:
                try:
                    block["input"] = json.loads(pieces[0])
                except ValueError:
                    return
        case "compaction_delta":
            block["content"] = delta["content"]


def essence(message: dict[str, Any]) -> dict[str, Any]:
    """Text, calls, thinking, stop and counts of a message, in plain words."""
    usage = message["usage"]
    read, wrote = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    blocks = message["content"]
    return {
        "text": [block["text"] for block in blocks if block["type"] == "text" and block["text"]],
        "calls": [(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
        "thinking": [(block["thinking"], block["signature"]) for block in blocks if block["type"] == "thinking"],
        "redacted": [block["data"] for block in blocks if block["type"] == "redacted_thinking"],
        "kinds": [block["type"] for block in blocks if not (block["type"] == "text" and not block["text"])],
        "citations": sum(len(block.get("citations") or []) for block in blocks if block["type"] == "text"),
        "stop": message["stop_reason"],
        "sequence": message.get("stop_sequence"),
        "input": (usage["input_tokens"] or 0) + read + wrote,
        "read": read,
        "wrote": wrote,
        "output": usage["output_tokens"],
    }
