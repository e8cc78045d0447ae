"""A client's request in canonical form (wire.md A3)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from pisces_proxy import chat, splice
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.plugin import Operation
from pisces_proxy.seals import Seals
from pisces_proxy.thinking import EFFORTS

from . import shapes
from .budget import clamped
from .carriers import PART_SIGNERS
from .content import ContentReader, read_cache
from .threads import refuse_thread

_KINDS = ("web_search", "web_fetch", "code_execution", "text_editor", "tool_search", "bash", "memory", "computer", "browser")
_OWN = ("speed", "inference_geo", "diagnostics", "context_management")  # sent on to this wire only


def decode_request(operation: Operation, seals: Seals) -> chat.Request:
    seen = shapes.read(shapes.request, operation.body, "")
    counting = operation.kind == "count"
    _check(seen, counting)
    reader = ContentReader(seals)
    leading, turns = _turns(seen, reader)
    thinking, lost = _thinking(seen)
    return chat.Request(
        model=operation.model or seen.model,
        turns=turns,
        system=(*reader.texts(seen.system, "system"), *leading),
        stream=bool(seen.stream),
        include_usage=True,
        thinking=thinking,
        output=_output(seen),
        extra={name: raw for name in _OWN if (raw := shapes.said(getattr(seen, name)))},
        losses=(*reader.losses, *lost, *_unknown(operation.body)),
        **_tools(seen),
        **_knobs(seen),
    )


def _check(seen: shapes.Request, counting: bool) -> None:
    refuse_thread(shapes.said(seen.thread))
    if not seen.messages:
        raise BadRequest("Send at least one message.", param="messages", code="missing_required_parameter")
    if counting:
        return
    if seen.max_tokens is None:
        raise BadRequest("max_tokens: Field required", param="max_tokens", code="missing_required_parameter")
    if seen.max_tokens < 1:
        raise Unsupported("max_tokens 0 warms a cache of Anthropic's only; ask for at least 1.", param="max_tokens")
    for name, value in (("container", shapes.said(seen.container)), ("mcp_servers", seen.mcp_servers)):
        if value:
            raise Unsupported(f"{name} works with an Anthropic upstream only.", param=name, code="unsupported_parameter")


def _unknown(body: bytes) -> list[chat.Loss]:
    """Members that have no canonical place: another upstream will not hear of them (wire.md G2)."""
    known = {*shapes.Request.__struct_fields__, *shapes.NOT_ANTHROPICS}
    names = [name for name, value in splice.members(body).items() if name not in known and bytes(value) != b"null"]
    return [chat.Loss(field=name, action="dropped", reason="only Anthropic knows this member") for name in names]


def _turns(seen: shapes.Request, reader: ContentReader) -> tuple[tuple[chat.Text, ...], tuple[chat.Turn, ...]]:
    """(system texts before the first turn, turns); a system message later in the conversation stays where it is (H91)."""
    leading: list[chat.Text] = []
    turns: list[chat.Turn] = []
    for index, message in enumerate(seen.messages):
        path = f"messages[{index}]"
        if message.role not in ("user", "assistant", "system"):
            raise BadRequest(f"There is no role {message.role!r}.", param=f"{path}.role", code="invalid_value")
        if message.content is UNSET:
            raise BadRequest("The message has no content.", param=f"{path}.content", code="missing_required_parameter")
        blocks = reader.blocks(message.content, f"{path}.content")
        if message.role == "system" and not turns and all(isinstance(block, chat.Text) for block in blocks):
            leading += [block for block in blocks if isinstance(block, chat.Text)]
        else:
            turns.append(chat.Turn(role=message.role, blocks=signed_parts(blocks)))  # type: ignore[arg-type]
    return tuple(leading), tuple(turns)


def signed_parts(blocks: tuple[chat.Block, ...]) -> tuple[chat.Block, ...]:
    """Signatures of another family's parts back on them: its thinking block stood in front of the part (wire.md C14)."""
    out: list[chat.Block] = []
    held: chat.Reasoning | None = None
    for block in blocks:
        if held is not None:
            out += _with(block, held)
            held = None
        elif isinstance(block, chat.Reasoning) and block.signature and block.signature.kind in PART_SIGNERS:
            held = block
        else:
            out.append(block)
    return tuple(out) if held is None else (*out, *_with(chat.Text(text=""), held))


def _with(block: chat.Block, held: chat.Reasoning) -> list[chat.Block]:
    if not isinstance(block, chat.Text | chat.ToolCall | chat.Media):
        return [held, block]
    thought: list[chat.Block] = [chat.Reasoning(text=held.text)] if held.text else []
    return [*thought, msgspec.structs.replace(block, signature=held.signature)]


# -- tools -------------------------------------------------------------------------------------------------------------


def _tools(seen: shapes.Request) -> dict[str, Any]:
    tools: list[chat.Tool] = []
    served: list[chat.ServerTool] = []
    for index, raw in enumerate(seen.tools or ()):
        tool = shapes.read(shapes.tool, raw, f"tools[{index}]")
        if tool.type and tool.type != "custom":
            served.append(chat.ServerTool(kind=_kind(tool.type), wire=shapes.WIRE, raw=bytes(raw)))
        else:
            tools.append(_tool(tool, index, {one.name for one in tools}))
    choice = seen.tool_choice
    return {
        "tools": tuple(tools),
        "server_tools": tuple(served),
        "tool_choice": _choice(choice) if choice else None,
        "parallel_tool_calls": False if choice and choice.disable_parallel_tool_use else None,
    }


def _tool(tool: shapes.Tool, index: int, taken: set[str]) -> chat.Tool:
    if not tool.name:
        raise BadRequest("A tool has no name.", param=f"tools[{index}].name", code="missing_required_parameter")
    if tool.name in taken:
        raise BadRequest(f"Two tools are called {tool.name!r}.", param=f"tools[{index}].name", code="invalid_value")
    return chat.Tool(
        name=tool.name,
        description=tool.description or "",
        schema=shapes.said(tool.input_schema),
        strict=tool.strict,
        cache=read_cache(tool.cache_control),
    )


def _kind(type: str) -> str:
    """`web_search_20250305` -> `web_search`."""
    return next((kind for kind in _KINDS if type.startswith(kind)), type)


def _choice(choice: shapes.ToolChoice) -> chat.ToolChoice:
    match choice.type:
        case "auto":
            return chat.ToolChoice(mode="auto")
        case "any":
            return chat.ToolChoice(mode="required")
        case "none":
            return chat.ToolChoice(mode="none")
        case "tool" if choice.name:
            return chat.ToolChoice(mode="required", names=(choice.name,))
    raise BadRequest(f"There is no tool_choice {choice.type!r} here.", param="tool_choice.type", code="invalid_value")


# -- the rest ----------------------------------------------------------------------------------------------------------


def _thinking(seen: shapes.Request) -> tuple[chat.Thinking | None, tuple[chat.Loss, ...]]:
    effort = _effort(seen.output_config)
    asked = seen.thinking
    if asked is None:
        return (chat.Thinking(effort=effort) if effort else None), ()
    include = asked.display != "omitted"
    match asked.type:
        case "enabled":
            budget, losses = clamped(asked.budget_tokens or 1024, seen.max_tokens)
            if not budget:
                return chat.Thinking(effort="none"), losses
            return chat.Thinking(budget=budget, include=include), losses
        case "adaptive" | "between_tools":
            return chat.Thinking(effort=effort, adaptive=True, include=include), ()
        case "disabled":
            return chat.Thinking(effort="none"), ()
    raise BadRequest(f"There is no thinking of type {asked.type!r}.", param="thinking.type", code="invalid_value")


def _effort(config: shapes.OutputConfig | None) -> chat.Effort | None:
    if config is None or config.effort is None:
        return None
    if config.effort not in EFFORTS:
        raise BadRequest(f"There is no effort {config.effort!r}.", param="output_config.effort", code="invalid_value")
    return config.effort


def _output(seen: shapes.Request) -> chat.OutputFormat | None:
    """`output_config.format`, or the member that it was called during the beta."""
    asked = (seen.output_config and seen.output_config.format) or seen.output_format
    if not asked:
        return None
    if asked.type != "json_schema":
        raise BadRequest(f"There is no output format {asked.type!r}.", param="output_config.format.type", code="invalid_value")
    return chat.OutputFormat(kind="schema", schema=shapes.said(asked.schema) or b"{}", strict=True)


def _knobs(seen: shapes.Request) -> dict[str, Any]:
    tier = seen.service_tier or ""
    return {
        "max_tokens": seen.max_tokens,
        "temperature": seen.temperature,
        "top_p": seen.top_p,
        "top_k": seen.top_k,
        "stop": tuple(seen.stop_sequences or ()),
        "user": (seen.metadata and seen.metadata.user_id) or "",
        "service_tier": "default" if tier == "standard_only" else tier,
        "auto_cache": read_cache(seen.cache_control),
    }
