"""Answers as JSON: natively, by a tool that the model must call, or by asking for it (wire.md C7)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from pisces_proxy.chat import Loss, OutputFormat
from pisces_proxy.plugin import Profile
from pisces_proxy.schemas import adapt

Json = dict[str, Any]

RESULT = "json_output"  # the emulation's tool: its input is the answer
WRAPPED = "json_output_value"  # the same where the answer is no object: its `value` is the answer
RESERVED = (RESULT, WRAPPED)

_HINT = "Respond with a single JSON object only: no other text, no markdown code fence."
_MATCHING = "Respond with a single JSON value only, no other text, no markdown code fence. It must match this JSON Schema:\n"


class _Root(Struct):
    type: str | list[str] | None = None


_root = msgspec.json.Decoder(_Root)


class Structure(Struct, frozen=True):
    """What a request must hold for a structured answer: one of a format, a tool, a hint in the system text."""

    format: Json | None = None
    tool: Json | None = None
    hint: str = ""
    losses: tuple[Loss, ...] = ()


def structure(output: OutputFormat | None, profile: Profile) -> Structure:
    if output is None or output.kind == "text":
        return Structure()
    if output.kind == "json":
        return Structure(hint=_HINT, losses=(_lost("emulated", "the model is asked for JSON in words"),))
    wrapped = not _is_object(output.schema)
    if profile.structured == "native" and not wrapped:
        schema, losses = adapt(output.schema, "anthropic", root="output")
        return Structure(format={"type": "json_schema", "schema": Raw(schema)}, losses=losses)
    if profile.structured in ("native", "tool") and profile.tools:
        return _by_tool(output, wrapped)
    return Structure(
        hint=_MATCHING + output.schema.decode(), losses=(_lost("emulated", "the schema is told in words, not enforced"),)
    )


def _by_tool(output: OutputFormat, wrapped: bool) -> Structure:
    schema = output.schema
    if wrapped:
        schema = b'{"type":"object","properties":{"value":' + schema + b'},"required":["value"]}'
    adapted, losses = adapt(schema, "plain")
    tool = {
        "name": WRAPPED if wrapped else RESULT,
        "description": output.description or "Give your answer by calling this tool.",
        "input_schema": Raw(adapted),
    }
    return Structure(tool=tool, losses=(*losses, _lost("emulated", "the answer is the input of a forced tool call")))


def _is_object(schema: bytes) -> bool:
    """Whether the root may be an object; a schema without a type may."""
    try:
        kind = _root.decode(schema).type
    except msgspec.MsgspecError:
        return True
    return kind is None or kind == "object" or (isinstance(kind, list) and "object" in kind)


def _lost(action: Literal["emulated"], reason: str) -> Loss:
    return Loss(field="response_format", action=action, reason=reason)
