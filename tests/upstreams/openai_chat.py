"""OpenAI Chat Completions as the vendor serves it, and its look-alikes that think aloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .script import THOUGHT, Heard, Refused, Said, pieces
from .strict import data_uri, known, need, typed, words

FIELDS = words(
    """model messages max_completion_tokens max_tokens temperature top_p n stop stream stream_options frequency_penalty
    presence_penalty logit_bias logprobs top_logprobs seed tools tool_choice parallel_tool_calls functions function_call
    response_format reasoning_effort verbosity modalities audio prediction web_search_options metadata store service_tier
    user safety_identifier prompt_cache_key prompt_cache_options prompt_cache_retention moderation"""
)
ROLES = {
    "system": "role content name",
    "developer": "role content name",
    "user": "role content name",
    "assistant": "role content name refusal audio tool_calls function_call annotations parsed",  # as its own SDK sends it back
    "tool": "role content tool_call_id",
}
ERRORS = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class OpenAIChat:
    """The strict original: unknown members are refused, and it never shows its thinking."""

    wire = "openai.chat"
    provider = "openai"
    prefix = "/v1"
    model = "gpt-4.1"
    thinks = False

    def routes(self) -> list[str]:
        return ["/chat/completions"]

    def count(self, path: str, body: Any) -> dict[str, Any] | None:
        return None

    def content_type(self, query: Mapping[str, str]) -> str:
        return "text/event-stream; charset=utf-8"

    # -- requests

    def hear(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any) -> Heard:
        if headers.get("authorization") != "Bearer upstream-key":
            raise Refused(401, "Incorrect API key provided.")
        self._check_members(body)
        heard = Heard(model=body["model"], stream=bool(body.get("stream")))
        heard.thinks = body.get("reasoning_effort", "none") != "none"
        heard.tools = tuple(_tool(tool) for tool in body.get("tools", []))
        heard.schema = _schema(body.get("response_format"))
        self._read(body["messages"], heard)
        return heard

    def _check_members(self, body: Any) -> None:
        known("body", body, FIELDS)
        typed("model", body.get("model"), str)
        need(typed("messages", body.get("messages"), list), "messages: too short")
        need("stream_options" not in body or body.get("stream"), "stream_options is only allowed when stream is enabled")
        need(body.get("tools") != [], "[] is too short - 'tools'")
        for name in ("tool_choice", "parallel_tool_calls"):
            need(name not in body or "tools" in body, f"'{name}' is only allowed when 'tools' are specified")
        if self.model.startswith("gpt-5"):
            need("max_tokens" not in body, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")

    def _read(self, messages: list[Any], heard: Heard) -> None:
        waiting: list[str] = []
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            role = message.get("role")
            need(role in ROLES, f"{where}.role: invalid value {role!r}")
            known(where, message, self._members(role))
            if role == "tool":
                need(message.get("tool_call_id") in waiting, f"{where}: no preceding tool_calls for this tool message")
                waiting.remove(message["tool_call_id"])
                heard.results.append((message["tool_call_id"], _text(where, message["content"])))
                continue
            need(not waiting, f"{where}: tool_calls must be followed by tool messages: {waiting}")
            match role:
                case "assistant":
                    waiting = [_call(where, call) for call in message.get("tool_calls", [])]
                    need(message.get("tool_calls") != [], f"{where}.tool_calls: [] is too short")
                    need(message.get("content") is not None or waiting or message.get("refusal"), f"{where}.content is null")
                    self._remember(message, heard)
                case "user":
                    _hear_user(where, message["content"], heard)
                case _:
                    heard.system += _text(where, message["content"])
        need(not waiting, f"tool_calls without their tool messages: {waiting}")

    def _members(self, role: str) -> list[str]:
        return ROLES[role].split()

    def _remember(self, message: dict[str, Any], heard: Heard) -> None:
        """Nothing: this vendor has no place for earlier thinking."""

    # -- answers

    def whole(self, said: Said, heard: Heard) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text or None, "refusal": None, "annotations": []}
        if said.thinking and self.thinks and heard.thinks:
            message["reasoning_content"] = said.thinking
        if said.calls:
            message["tool_calls"] = [
                {"id": f"call_up{n}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for n, call in enumerate(said.calls)
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(said)}
        head = self._head(heard, "chat.completion")
        return {**head, "choices": [choice], "usage": _usage(said), "service_tier": "default", "system_fingerprint": "fp_1"}

    def _head(self, heard: Heard, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-up1", "object": kind, "created": 1790000000, "model": f"{heard.model}-2026-01-01"}

    def frames(self, said: Said, heard: Heard) -> list[bytes]:
        head = self._head(heard, "chat.completion.chunk")
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
        if self.thinks and heard.thinks:
            deltas += [{"reasoning_content": piece} for piece in pieces(said.thinking)]
        deltas += [{"content": piece} for piece in pieces(said.text)]
        for n, call in enumerate(said.calls):
            opening = {"index": n, "id": f"call_up{n}", "type": "function", "function": {"name": call.name, "arguments": ""}}
            deltas.append({"tool_calls": [opening]})
            deltas += [{"tool_calls": [{"index": n, "function": {"arguments": part}}]} for part in pieces(call.arguments)]
        chunks = [{**head, "choices": [_choice(delta, None)], "usage": None} for delta in deltas]
        chunks.append({**head, "choices": [_choice({}, _finish(said))], "usage": None})
        chunks.append({**head, "choices": [], "usage": _usage(said)})
        return [_frame(chunk) for chunk in chunks] + [b"data: [DONE]\n\n"]

    def refusal(self, refused: Refused) -> dict[str, Any]:
        kind = "server_error" if refused.status >= 500 else "invalid_request_error"
        kind = "rate_limit_error" if refused.status == 429 else kind
        return {"error": {"message": refused.message, "type": kind, "param": None, "code": ERRORS.get(refused.status)}}

    def error_frame(self, refused: Refused) -> bytes:
        return _frame(self.refusal(refused))


class ThinkingChat(OpenAIChat):
    """A look-alike that thinks in `reasoning_content` and wants it back beside its tool calls (DeepSeek's rule)."""

    provider = "compatible"
    model = "deepthought"
    thinks = True

    def _members(self, role: str) -> list[str]:
        return [*super()._members(role), "reasoning_content"] if role == "assistant" else super()._members(role)

    def _remember(self, message: dict[str, Any], heard: Heard) -> None:
        if message.get("tool_calls") and heard.thinks:
            heard.proven = message.get("reasoning_content") == THOUGHT
            need("reasoning_content" in message, "The reasoning_content in the thinking mode must be passed back to the API.")


def _tool(tool: Any) -> str:
    known("tools[]", tool, ["type", "function"])
    function = tool["function"]
    known("tools[].function", function, ["name", "description", "parameters", "strict"])
    need(function.get("strict") in (None, True, False), "tools[].function.strict: invalid")
    return str(function["name"])


def _schema(response_format: Any) -> Any:
    if response_format is None or response_format.get("type") != "json_schema":
        return None
    known("response_format.json_schema", response_format["json_schema"], ["name", "schema", "strict", "description"])
    need(response_format["json_schema"].get("name"), "Missing required parameter: 'response_format.json_schema.name'.")
    return response_format["json_schema"]["schema"]


def _call(where: str, call: Any) -> str:
    known(where, call, ["id", "type", "function", "index"])
    known(where, call["function"], ["name", "arguments", "parsed_arguments"])
    typed(where, call["function"]["arguments"], str)
    json.loads(call["function"]["arguments"])
    need(len(call["id"]) <= 64, f"{where}.tool_calls[].id: string too long")
    return str(call["id"])


def _text(where: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    need(all(part.get("type") == "text" for part in typed(where, content, list)), f"{where}: only text parts go here")
    return "".join(part["text"] for part in content)


def _hear_user(where: str, content: Any, heard: Heard) -> None:
    if isinstance(content, str):
        heard.texts.append(content)
        return
    for part in typed(where, content, list):
        match part.get("type"):
            case "text":
                heard.texts.append(part["text"])
            case "image_url":
                known(where, part["image_url"], ["url", "detail"])
                heard.images.append(data_uri(where, part["image_url"]["url"]))
            case other:
                raise Refused(400, f"{where}: invalid content type {other!r}")


def _finish(said: Said) -> str:
    return {"stop": "stop", "length": "length", "calls": "tool_calls"}[said.stop]


def _usage(said: Said) -> dict[str, Any]:
    counted = said.counted
    return {
        "prompt_tokens": counted.input,
        "completion_tokens": counted.output,
        "total_tokens": counted.input + counted.output,
        "prompt_tokens_details": {"cached_tokens": counted.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": counted.reasoning, "audio_tokens": 0},
    }


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _frame(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
