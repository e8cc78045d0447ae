"""OpenAI Responses as the vendor serves it: flat tools, items, numbered events, encrypted reasoning checked byte for byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from .script import COUNT, THOUGHT, Heard, Refused, Said, pieces
from .strict import data_uri, known, need, typed, words

FIELDS = words(
    """model input instructions previous_response_id conversation prompt max_output_tokens max_tool_calls temperature top_p
    top_logprobs reasoning text tools tool_choice parallel_tool_calls truncation store include stream stream_options
    background context_management metadata user safety_identifier prompt_cache_key prompt_cache_options
    prompt_cache_retention service_tier moderation"""
)
ITEMS = {
    "message": "type role content id status phase",
    "function_call": "type call_id name arguments id status namespace",
    "function_call_output": "type call_id output id status",
    "reasoning": "type id summary content encrypted_content status",
}
PARTS = {
    "input_text": "type text",
    "output_text": "type text annotations logprobs",
    "input_image": "type image_url file_id detail",
    "refusal": "type refusal",
}
SIGNATURE = "gAAAAABo" + "Qm9-_x" * 40 + "=="
ERRORS = {429: "rate_limit_exceeded", 404: "model_not_found", 500: "server_error", 503: "server_error"}

COUNTED = (
    "model input instructions previous_response_id conversation parallel_tool_calls reasoning text tool_choice tools truncation"
)


class OpenAIResponses:
    wire = "openai.responses"
    provider = "openai"
    prefix = "/v1"
    model = "gpt-5.4"

    def __init__(self) -> None:
        self._answers = count(1)

    def routes(self) -> list[str]:
        return ["/responses", "/responses/input_tokens"]

    def count(self, path: str, body: Any) -> dict[str, Any] | None:
        if not path.endswith("/input_tokens"):
            return None
        known("body", body, words(COUNTED))
        return {"object": "response.input_tokens", "input_tokens": COUNT}

    def content_type(self, query: Mapping[str, str]) -> str:
        return "text/event-stream; charset=utf-8"

    # -- requests

    def hear(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any) -> Heard:
        need(headers.get("authorization") == "Bearer upstream-key", "the upstream's key is missing")
        known("body", body, FIELDS)
        need(body.get("tools") != [] or "tool_choice" not in body, "tool_choice needs tools")
        need(body.get("max_output_tokens", 16) >= 16, "max_output_tokens: integer below minimum value")
        heard = Heard(model=body["model"], stream=bool(body.get("stream")), number=next(self._answers))
        heard.tools = tuple(_tool(tool) for tool in body.get("tools", []))
        heard.thinks = bool((body.get("reasoning") or {}).get("summary"))
        heard.encrypted = "reasoning.encrypted_content" in (body.get("include") or ())
        heard.schema = _schema(body.get("text"))
        heard.system = body.get("instructions") or ""
        _read(body["input"], heard)
        return heard

    # -- answers

    def whole(self, said: Said, heard: Heard) -> dict[str, Any]:
        return self._response(said, heard, _status(said), _items(said, heard))

    def _response(self, said: Said, heard: Heard, status: str, output: list[Any]) -> dict[str, Any]:
        head = {
            "id": f"resp_up{heard.number}",
            "object": "response",
            "created_at": 1790000000,
            "status": status,
            "model": heard.model,
        }
        ended = status != "in_progress"
        return {
            **head,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": _usage(said) if ended else None,
            "metadata": {},
        }

    def frames(self, said: Said, heard: Heard) -> list[bytes]:
        started = self._response(said, heard, "in_progress", [])
        events: list[dict[str, Any]] = [
            {"type": f"response.{name}", "response": started} for name in ("created", "in_progress")
        ]
        items = _items(said, heard)
        for index, item in enumerate(items):
            events += _item_events(index, item)
        status = _status(said)
        events.append({"type": f"response.{status}", "response": self._response(said, heard, status, items)})
        return [_frame({**event, "sequence_number": number}) for number, event in enumerate(events)]

    def refusal(self, refused: Refused) -> dict[str, Any]:
        kind = "server_error" if refused.status >= 500 else "invalid_request_error"
        kind = "rate_limit_error" if refused.status == 429 else kind
        return {"error": {"message": refused.message, "type": kind, "param": None, "code": ERRORS.get(refused.status)}}

    def error_frame(self, refused: Refused) -> bytes:
        code = ERRORS.get(refused.status, "server_error")
        return _frame({"type": "error", "code": code, "message": refused.message, "param": None, "sequence_number": 0})


def _tool(tool: Any) -> str:
    known("tools[]", tool, ["type", "name", "parameters", "strict", "description", "defer_loading"])
    need(tool["type"] == "function" and "parameters" in tool, "Missing required parameter: 'tools[0].parameters'.")
    return str(tool["name"])


def _schema(text: Any) -> Any:
    form = (text or {}).get("format", {"type": "text"})
    if form["type"] != "json_schema":
        return None
    known("text.format", form, ["type", "name", "schema", "strict", "description"])
    need(form.get("name"), "Missing required parameter: 'text.format.name'.")
    return form["schema"]


def _read(given: Any, heard: Heard) -> None:
    if isinstance(given, str):
        heard.texts.append(given)
        return
    calls: list[str] = []
    answered: list[str] = []
    items = typed("input", given, list)
    for number, item in enumerate(items):
        where = f"input[{number}]"
        kind = item.get("type", "message")
        need(kind in ITEMS, f"{where}.type: invalid value {kind!r}")
        known(where, item, ITEMS[kind].split())
        match kind:
            case "message":
                _message(where, item, heard)
            case "function_call":
                typed(f"{where}.arguments", item["arguments"], str)
                calls.append(item["call_id"])
            case "function_call_output":
                need(item["call_id"] in calls, f"No tool call found for function call output {item['call_id']}")
                answered.append(item["call_id"])
                heard.results.append((item["call_id"], _output(where, item["output"], heard)))
            case "reasoning":
                _reasoning(where, item, items[number + 1 :], heard)
    need(sorted(calls) == sorted(answered), f"No tool output found for function call {set(calls) - set(answered)}")


def _reasoning(where: str, item: Any, following: list[Any], heard: Heard) -> None:
    """store is false: what counts is the encrypted content; an id would point at an item nobody has kept."""
    need("id" not in item or item.get("encrypted_content"), f"{where}: Item with id {item.get('id')!r} not found.")
    need(isinstance(item.get("summary"), list), f"Missing required parameter: '{where}.summary'.")
    need(following and following[0].get("type") != "reasoning", f"{where}: reasoning without its required following item.")
    summary = "".join(part["text"] for part in item["summary"])
    heard.proven = (item.get("encrypted_content"), summary) == (SIGNATURE, THOUGHT)
    need(heard.proven, f"{where}: The encrypted content could not be verified.")


def _message(where: str, item: Any, heard: Heard) -> None:
    content, role = item["content"], item["role"]
    need(role in ("user", "assistant", "system", "developer"), f"{where}.role: invalid value")
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else typed(where, content, list)
    for part in parts:
        need(part.get("type") in PARTS, f"{where}: invalid part {part.get('type')!r}")
        known(where, part, PARTS[part["type"]].split())
        if part["type"] == "input_image":
            heard.images.append(data_uri(where, part["image_url"]))
        elif part["type"] == "input_text":
            need(role != "assistant" or isinstance(content, str), f"{where}: assistant content is output_text")
            heard.texts.append(part["text"])


def _output(where: str, output: Any, heard: Heard) -> str:
    if isinstance(output, str):
        return output
    for part in typed(where, output, list):
        need(part["type"] in ("input_text", "input_image", "input_file"), f"{where}: invalid output part")
    return "".join(part.get("text", "") for part in output)


def _items(said: Said, heard: Heard) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if said.proof:
        summary = [{"type": "summary_text", "text": said.thinking}] if said.thinking and heard.thinks else []
        proof = {"encrypted_content": SIGNATURE} if heard.encrypted else {}
        items.append({"id": f"rs_up{heard.number}", "type": "reasoning", "summary": summary, **proof})
    if said.text:
        part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        status = "incomplete" if said.stop == "length" else "completed"
        items.append(
            {"id": f"msg_up{heard.number}", "type": "message", "role": "assistant", "status": status, "content": [part]}
        )
    for number, call in enumerate(said.calls):
        head = {
            "id": f"fc_up{heard.number}_{number}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_up{number}",
        }
        items.append({**head, "name": call.name, "arguments": call.arguments})
    return items


def _item_events(index: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    at = {"item_id": item["id"], "output_index": index}
    empty = {"reasoning": {"summary": []}, "message": {"content": []}, "function_call": {"arguments": ""}}[item["type"]]
    status = {"status": "in_progress"} if "status" in item else {}
    events = [{"type": "response.output_item.added", "output_index": index, "item": {**item, **empty, **status}}]
    match item["type"]:
        case "reasoning":
            for number, part in enumerate(item["summary"]):
                events += _summary_events(at | {"summary_index": number}, part)
        case "message":
            events += _text_events(at | {"content_index": 0}, item["content"][0])
        case "function_call":
            name = "response.function_call_arguments"
            events += [{"type": f"{name}.delta", **at, "delta": piece} for piece in pieces(item["arguments"])]
            events.append({"type": f"{name}.done", **at, "name": item["name"], "arguments": item["arguments"]})
    return [*events, {"type": "response.output_item.done", "output_index": index, "item": item}]


def _summary_events(at: dict[str, Any], part: dict[str, Any]) -> list[dict[str, Any]]:
    name = "response.reasoning_summary"
    return [
        {"type": f"{name}_part.added", **at, "part": {**part, "text": ""}},
        *({"type": f"{name}_text.delta", **at, "delta": piece} for piece in pieces(part["text"])),
        {"type": f"{name}_text.done", **at, "text": part["text"]},
        {"type": f"{name}_part.done", **at, "part": part},
    ]


def _text_events(at: dict[str, Any], part: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in pieces(part["text"])),
        {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
    ]


def _status(said: Said) -> str:
    return "incomplete" if said.stop == "length" else "completed"


def _usage(said: Said) -> dict[str, Any]:
    counted = said.counted
    return {
        "input_tokens": counted.input,
        "input_tokens_details": {"cached_tokens": counted.cached, "cache_write_tokens": 0},
        "output_tokens": counted.output,
        "output_tokens_details": {"reasoning_tokens": counted.reasoning},
        "total_tokens": counted.input + counted.output,
    }


def _frame(value: dict[str, Any]) -> bytes:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return b"event: " + value["type"].encode() + b"\ndata: " + data + b"\n\n"
