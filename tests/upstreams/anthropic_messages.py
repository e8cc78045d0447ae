"""Anthropic Messages as the vendor serves it: version header, no unknown members, signatures checked byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .script import COUNT, THOUGHT, Heard, Refused, Said, pieces
from .strict import decoded, known, need, typed, words

FIELDS = words(
    """model max_tokens messages system tools tool_choice thinking output_config stop_sequences temperature top_p top_k
    stream metadata service_tier speed inference_geo container diagnostics cache_control"""
)
BLOCKS = {
    "text": "type text cache_control citations",
    "image": "type source cache_control",
    "document": "type source title context citations cache_control",
    "thinking": "type thinking signature",
    "redacted_thinking": "type data",
    "tool_use": "type id name input cache_control",
    "tool_result": "type tool_use_id content is_error cache_control",
}
SIGNATURE = "EqoBCkgIBBABGAIiQL8+/" + "Zm9v" * 30 + "8/+Ag=="  # both letters of the standard alphabet
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    529: "overloaded_error",
}

COUNTED = "model messages system tools tool_choice thinking output_config cache_control mcp_servers context_management"


class AnthropicMessages:
    wire = "anthropic.messages"
    provider = "anthropic"
    prefix = "/v1"
    model = "claude-sonnet-4-5"

    def routes(self) -> list[str]:
        return ["/messages", "/messages/count_tokens"]

    def count(self, path: str, body: Any) -> dict[str, Any] | None:
        if not path.endswith("/count_tokens"):
            return None
        known("body", body, words(COUNTED))
        return {"input_tokens": COUNT}

    def content_type(self, query: Mapping[str, str]) -> str:
        return "text/event-stream; charset=utf-8"

    # -- requests

    def hear(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any) -> Heard:
        need(headers.get("anthropic-version"), "anthropic-version: header is required")
        need("upstream-key" in (headers.get("x-api-key"), headers.get("authorization", "")[7:]), "x-api-key is missing")
        self._check_members(body)
        heard = Heard(model=body["model"], stream=bool(body.get("stream")))
        heard.tools = tuple(_tool(tool) for tool in body.get("tools", []))
        heard.schema = (body.get("output_config") or {}).get("format", {}).get("schema")
        heard.thinks = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
        heard.system = _system(body.get("system", ""))
        _read(body, heard)
        return heard

    def _check_members(self, body: Any) -> None:
        known("body", body, FIELDS)
        need(typed("max_tokens", body.get("max_tokens"), int) > 0, "max_tokens: must be positive")
        thinking = body.get("thinking") or {"type": "disabled"}
        if thinking["type"] == "enabled":
            need(1024 <= thinking["budget_tokens"] < body["max_tokens"], "`max_tokens` must be greater than `budget_tokens`")
            need(body.get("temperature", 1) == 1, "`temperature` may only be set to 1 when thinking is enabled")
            need((body.get("tool_choice") or {}).get("type") in (None, "auto", "none"), "Thinking may not force tool use")
        need(0 <= body.get("temperature", 1) <= 1, "temperature: range: 0..1")
        need("tool_choice" not in body or body.get("tools"), "tool_choice may only be specified while providing tools")

    # -- answers

    def whole(self, said: Said, heard: Heard) -> dict[str, Any]:
        return {**self._message(heard), "content": _blocks(said, heard), "stop_reason": _stop(said), "usage": _usage(said)}

    def _message(self, heard: Heard) -> dict[str, Any]:
        head = {"id": "msg_up1", "type": "message", "role": "assistant", "model": heard.model, "content": []}
        return {**head, "stop_reason": None, "stop_sequence": None}

    def frames(self, said: Said, heard: Heard) -> list[bytes]:
        usage = _usage(said)
        start = {"type": "message_start", "message": {**self._message(heard), "usage": {**usage, "output_tokens": 1}}}
        out = [_frame(start), _frame({"type": "ping"})]
        for index, block in enumerate(_blocks(said, heard)):
            out += _block_frames(index, block, said)
        delta = {"stop_reason": _stop(said), "stop_sequence": None}
        return [*out, _frame({"type": "message_delta", "delta": delta, "usage": usage}), _frame({"type": "message_stop"})]

    def refusal(self, refused: Refused) -> dict[str, Any]:
        error = {"type": ERRORS.get(refused.status, "api_error"), "message": refused.message}
        return {"type": "error", "error": error, "request_id": "req_up1"}

    def error_frame(self, refused: Refused) -> bytes:
        return _frame(self.refusal(refused))


def _tool(tool: Any) -> str:
    fields = "name description input_schema strict cache_control type defer_loading eager_input_streaming input_examples"
    known("tools[]", tool, fields.split())
    need(re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool.get("name", "")), "tools[].name: invalid")
    need(typed("tools[].input_schema", tool.get("input_schema"), dict).get("type") == "object", "input_schema.type: object")
    return str(tool["name"])


def _system(system: Any) -> str:
    if isinstance(system, str):
        return system
    for block in typed("system", system, list):
        known("system[]", block, words(BLOCKS["text"]))
        need(block["text"], "system: text content blocks must be non-empty")
    return "".join(block["text"] for block in system)


def _read(body: Any, heard: Heard) -> None:
    messages = typed("messages", body.get("messages"), list)
    need(messages and messages[0]["role"] == "user", 'messages: first message must use the "user" role')
    waiting: list[str] = []
    thinking = (body.get("thinking") or {}).get("type") == "enabled"
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        known(where, message, ["role", "content"])
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else typed(where, content, list)
        need(blocks, f"{where}: all messages must have non-empty content")
        _answers(where, waiting, message["role"], blocks)
        for block in blocks:
            _block(where, block, message["role"], heard)
        waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if waiting and thinking and number == len(messages) - 2:
            need(blocks[0]["type"] in ("thinking", "redacted_thinking"), "Expected `thinking`, but found `tool_use`.")
    need(not waiting, f"`tool_use` ids were found without `tool_result` blocks: {waiting}")


def _answers(where: str, waiting: list[str], role: str, blocks: list[Any]) -> None:
    ids = [block.get("tool_use_id") for block in blocks if block["type"] == "tool_result"]
    need(sorted(ids) == sorted(waiting), f"{where}: each `tool_use` needs its `tool_result` next: {waiting} against {ids}")
    leading = [block["type"] for block in blocks[: len(ids)]]
    need(role == "user" or not ids, f"{where}: tool_result belongs to the user")
    need(leading == ["tool_result"] * len(ids), f"{where}: tool_result blocks come first")


def _block(where: str, block: Any, role: str, heard: Heard) -> None:
    kind = block.get("type")
    need(kind in BLOCKS, f"{where}: unknown block type {kind!r}")
    known(f"{where}.{kind}", block, BLOCKS[kind].split())
    match kind:
        case "text":
            need(block["text"].strip(), f"{where}: text content blocks must contain non-whitespace text")
            if role == "user":
                heard.texts.append(block["text"])
        case "image":
            heard.images.append(_image(where, block["source"]))
        case "thinking":
            heard.proven = (block["signature"], block["thinking"]) == (SIGNATURE, THOUGHT)  # it signs the text
            need(heard.proven, f"{where}: Invalid `signature` in `thinking` block")
        case "tool_use":
            need(re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]), f"{where}.tool_use.id: String should match pattern")
            typed(f"{where}.tool_use.input", block["input"], dict)
        case "tool_result":
            heard.results.append((block["tool_use_id"], _result(where, block.get("content", ""), heard)))


def _image(where: str, source: Any) -> tuple[str, bytes]:
    need(source.get("type") == "base64", f"{where}: this fake fetches nothing: {source}")
    known(f"{where}.source", source, ["type", "media_type", "data"])
    return source["media_type"], decoded(where, source["data"])


def _result(where: str, content: Any, heard: Heard) -> str:
    if isinstance(content, str):
        return content
    for part in typed(where, content, list):
        known(where, part, BLOCKS[part["type"]].split())
        if part["type"] == "image":
            heard.images.append(_image(where, part["source"]))
    return "".join(part.get("text", "") for part in content)


def _blocks(said: Said, heard: Heard) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.thinking and heard.thinks:
        blocks.append({"type": "thinking", "thinking": said.thinking, "signature": SIGNATURE})
    if said.text:
        blocks.append({"type": "text", "text": said.text})
    for number, call in enumerate(said.calls):
        blocks.append({"type": "tool_use", "id": f"toolu_up{number}", "name": call.name, "input": json.loads(call.arguments)})
    return blocks


def _block_frames(index: int, block: dict[str, Any], said: Said) -> list[bytes]:
    deltas: list[dict[str, Any]]
    match block["type"]:
        case "thinking":
            opening = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": SIGNATURE})
        case "text":
            opening = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        case _:
            opening = {**block, "input": {}}  # a placeholder, not arguments
            call = said.calls[int(block["id"][-1])]
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in ["", *pieces(call.arguments)]]
    return [
        _frame({"type": "content_block_start", "index": index, "content_block": opening}),
        *(_frame({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas),
        _frame({"type": "content_block_stop", "index": index}),
    ]


def _stop(said: Said) -> str:
    return {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use"}[said.stop]


def _usage(said: Said) -> dict[str, Any]:
    counted = said.counted
    return {
        "input_tokens": counted.input - counted.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": counted.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": counted.output,
        "output_tokens_details": {"thinking_tokens": counted.reasoning},
        "service_tier": "standard",
    }


def _frame(value: dict[str, Any]) -> bytes:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return b"event: " + value["type"].encode() + b"\ndata: " + data + b"\n\n"
