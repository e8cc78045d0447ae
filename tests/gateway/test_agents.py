"""What coding agents send, served by every vendor's protocol."""

from __future__ import annotations

from typing import Any

import pytest
from gateways import channel
from upstreams import script
from upstreams.vendors import VENDORS

from gateway.asking import NAMES
from gateway.test_failover import post

BY_WIRE = {vendor.wire: vendor for vendor in VENDORS}
BETA = "context-management-2025-06-27,claude-code-20250219"

CLAUDE_CODE: dict[str, Any] = {  # clients.md 4.3
    "max_tokens": 32000,
    "stream": True,
    "system": [
        {"type": "text", "text": "You are an agent."},
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>today</system-reminder>"},
                {"type": "text", "text": "Where does it flow?", "cache_control": {"type": "ephemeral"}},
            ],
        }
    ],
    "tools": [{"name": "Bash", "description": "Run", "input_schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["command"],
        "properties": {"command": {"type": "string"}}, "additionalProperties": False,
    }}],
    "metadata": {"user_id": "user_1_account__session_2"},
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "medium"},
}  # fmt: skip
ITS_TITLE: dict[str, Any] = {
    "max_tokens": 512,
    "tools": [],
    "thinking": {"type": "disabled"},
    "temperature": 1,
    "messages": [{"role": "user", "content": "Where does it flow?"}],
    "output_config": {"format": {"type": "json_schema", "schema": script.SCHEMA}},
}


@pytest.mark.parametrize("body", [CLAUDE_CODE, ITS_TITLE], ids=["turn", "title"])
@pytest.mark.parametrize("up", [name for name in NAMES if name != "anthropic.messages"])  # there the bytes pass
async def test_claude_code_is_understood_everywhere(house, upstream, up, body) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor))
    headers = {"anthropic-beta": BETA, "anthropic-version": "2023-06-01"}
    sent = {**body, "model": vendor.vendor.model}
    status, _, told = await post(found.url, found.key, "/v1/messages?beta=true", sent, **headers)
    assert status == 200, told
    assert not {"context_management", "cache_control", "metadata"} & set(vendor.last.body)
    assert b"cache_control" not in vendor.last.raw


CODEX: dict[str, Any] = {  # clients.md 4.4
    "instructions": "You are an agent.",
    "stream": True,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "session-1",
    "client_metadata": {"session": "1"},
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "reasoning": {"effort": "medium", "summary": "auto"},
    "text": {"verbosity": "low"},
    "input": [
        {"type": "message", "role": "developer", "id": "m0", "content": [{"type": "input_text", "text": "Rules."}]},
        {"type": "message", "role": "user", "id": "m1", "content": [{"type": "input_text", "text": "Where does it flow?"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "content": None, "encrypted_content": None},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "exec", "namespace": "box", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "ok"},
    ],
    "tools": [
        {"type": "function", "name": "shell", "strict": False, "parameters": script.PARAMETERS},
        {"type": "namespace", "name": "box", "description": "A box.", "tools": [
            {"type": "function", "name": "exec", "strict": False, "parameters": {"type": "object", "properties": {}}}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("up", [name for name in NAMES if name != "openai.responses"])
async def test_codex_is_understood_everywhere(house, upstream, up) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor))
    status, _, told = await post(found.url, found.key, "/v1/responses", {**CODEX, "model": vendor.vendor.model})
    assert status == 200, told
    assert "response.completed" in told
    assert len(vendor.heard[-1].tools) == 2 and vendor.heard[-1].results


GEMINI_CLI: dict[str, Any] = {  # clients.md 4.6
    "contents": [{"role": "user", "parts": [{"text": "Where does it flow?"}]}],
    "systemInstruction": {"role": "user", "parts": [{"text": "You are an agent."}]},
    "tools": [{"functionDeclarations": [{"name": "list_directory", "parametersJsonSchema": script.PARAMETERS}]}],
    "generationConfig": {"temperature": 0, "topP": 1, "topK": 64, "thinkingConfig": {"includeThoughts": True}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
}


@pytest.mark.parametrize("up", NAMES)
async def test_the_gemini_cli_is_understood_everywhere(house, upstream, up) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor))
    path = f"/v1beta/models/{vendor.vendor.model}:streamGenerateContent?alt=sse"
    status, _, told = await post(found.url, found.key, path, GEMINI_CLI)
    assert status == 200 and '"finishReason":' in told.replace(": ", ":"), told
    assert vendor.heard[-1].tools == ("list_directory",)
