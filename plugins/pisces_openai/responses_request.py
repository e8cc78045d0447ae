"""A Responses request as the canonical one (wire.md A2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pisces_proxy import chat, splice, thinking
from pisces_proxy.chat import Loss, OutputFormat, Request, ServerTool, Text, Thinking, Tool, ToolChoice
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Operation, read_body
from pisces_proxy.seals import Seals

from . import responses_items as items
from .responses_history import read_input, stateless

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"

# Hosted tools by what they are on every wire; the versions differ in their options only.
_HOSTED = {
    "web_search": "web_search",
    "web_search_2025_08_26": "web_search",
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "code_interpreter": "code_execution",
}
# Members that ask for nothing an answer shows, or that say what holds anyway.
_SILENT = frozenset(
    ("stream_options", "client_metadata", "prompt_cache_retention", "prompt_cache_options", "pisces", "api_key")
)


class _Format(msgspec.Struct):
    type: str = "text"
    name: str | None = None
    schema: msgspec.Raw = items.EMPTY
    strict: bool | None = None
    description: str | None = None


class _TextOptions(msgspec.Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None
    mode: str | None = None


class _Tool(msgspec.Struct):
    type: str = ""
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = items.EMPTY
    strict: bool | None = None
    format: msgspec.Raw = items.EMPTY
    tools: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct):
    type: str = ""
    name: str | None = None
    namespace: str | None = None
    mode: str | None = None
    tools: list[_Choice] | None = None


class Body(msgspec.Struct):
    """The members that the canonical form has a place for."""

    model: str = ""
    input: str | list[msgspec.Raw] | None = None
    instructions: str | list[msgspec.Raw] | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    reasoning: _Reasoning | None = None
    text: _TextOptions | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: str | _Choice | None = None
    parallel_tool_calls: bool | None = None
    store: bool | None = None
    include: list[str] | None = None
    stream: bool | None = None
    background: bool | None = None
    truncation: str | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    metadata: msgspec.Raw = items.EMPTY
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None


_body = msgspec.json.Decoder(Body)
_tool = msgspec.json.Decoder(_Tool)
_KNOWN = frozenset(Body.__struct_fields__)


def decode_request(operation: Operation, seals: Seals) -> Request:
    """Raises BadRequest naming the member, Unsupported for what needs a store."""
    body = read_body(_body, operation.body)
    _refuse_state(body)
    history = read_input(body.input or "", seals)
    tools, hosted = _tools(body.tools or [], history.tools)
    include = body.include or []
    losses = [*history.losses, *_losses(body, operation.kind)]
    return Request(
        model=body.model or operation.model,
        turns=tuple(history.turns),
        system=(*_instructions(body, seals), *history.system),
        stream=bool(body.stream),
        include_usage=True,  # the last event always holds it
        tools=tools,
        server_tools=hosted,
        tool_choice=_choice(body.tool_choice, losses),
        parallel_tool_calls=body.parallel_tool_calls,
        max_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        logprobs=LOGPROBS in include,
        top_logprobs=body.top_logprobs if LOGPROBS in include else None,
        thinking=_thinking(body.reasoning),
        output=_output(body.text),
        verbosity=(body.text and body.text.verbosity) or "",
        user=body.safety_identifier or body.user or "",
        metadata=_value(body.metadata),
        service_tier=body.service_tier or "",
        cache_key=body.prompt_cache_key or "",
        extra=_extra(operation.body),
        losses=tuple(losses),
    )


def _refuse_state(body: Body) -> None:
    """What only the service that keeps the earlier answers can resolve (C3, H88)."""
    if body.previous_response_id:
        raise stateless("`previous_response_id` refers to an earlier answer", "previous_response_id")
    if body.conversation:
        raise stateless("`conversation` refers to a stored conversation", "conversation")
    if body.prompt:
        raise stateless("`prompt` refers to a stored prompt", "prompt")
    if body.background:
        raise stateless("`background` answers are fetched later", "background")


def _losses(body: Body, kind: str) -> Iterator[Loss]:
    if body.store and kind == "chat":
        # `emulated`: the client gets the encrypted reasoning and can keep the state itself
        action = "emulated" if ENCRYPTED in (body.include or ()) else "dropped"
        yield Loss(field="store", action=action, reason="this gateway stores no responses")  # type: ignore[arg-type]
    if body.truncation not in (None, "disabled"):
        yield Loss(field="truncation", action="dropped", reason="only the Responses API shortens its input")
    if body.reasoning is not None and body.reasoning.mode not in (None, "standard"):
        yield Loss(field="reasoning.mode", action="dropped", reason="only the Responses API has reasoning modes")
    for wanted in body.include or ():
        if wanted not in (ENCRYPTED, LOGPROBS):
            yield Loss(field="include", action="dropped", reason=f"{wanted} exists in the Responses API only")


def _instructions(body: Body, seals: Seals) -> tuple[Text, ...]:
    if not isinstance(body.instructions, list):
        return (Text(text=body.instructions),) if body.instructions else ()
    said = read_input(body.instructions, seals)  # items: only texts make sense here
    texts = [block for turn in said.turns for block in turn.blocks if isinstance(block, Text)]
    return (*said.system, *texts)


def _extra(body: bytes) -> dict[str, bytes]:
    return {
        name: bytes(value)
        for name, value in splice.members(body).items()
        if name not in _KNOWN and name not in _SILENT and bytes(value) != b"null"
    }


def _value(raw: msgspec.Raw) -> bytes:
    """A member's JSON, empty where it is absent or null."""
    value = bytes(raw)
    return b"" if value == b"null" else value


# -- tools -------------------------------------------------------------------------------------------------------------


def _tools(declared: list[msgspec.Raw], found: list[msgspec.Raw]) -> tuple[tuple[Tool, ...], tuple[ServerTool, ...]]:
    """Those of `tools`, each name once, and those that items of the input brought in, which may repeat them."""
    tools: dict[str, Tool] = {}
    hosted: list[ServerTool] = []
    for index, raw in enumerate([*declared, *found]):
        for tool in _tool_of(raw, f"tools[{index}]"):
            if isinstance(tool, ServerTool):
                hosted.append(tool)
            elif tool.name not in tools:
                tools[tool.name] = tool
            elif index < len(declared):
                raise BadRequest(f"Two tools are called {tool.name!r}.", param=f"tools[{index}].name", code="invalid_value")
    return tuple(tools.values()), tuple(hosted)


def _tool_of(raw: msgspec.Raw, param: str, namespace: str = "") -> Iterator[Tool | ServerTool]:
    tool = _checked_tool(raw, param)
    match tool.type:
        case "function" | "custom":
            yield _function(tool, param, namespace)
        case "namespace":
            for index, nested in enumerate(tool.tools or ()):
                yield from _tool_of(nested, f"{param}.tools[{index}]", tool.name or "")
        case "tool_search":
            return  # every deferred tool is offered from the start: nothing is left to search for (H107)
        case kind:
            yield ServerTool(kind=_HOSTED.get(kind, kind), wire=items.WIRE, raw=bytes(raw))


def _function(tool: _Tool, param: str, namespace: str) -> Tool:
    if not tool.name:
        raise BadRequest(f"`{param}` needs a `name`.", param=f"{param}.name", code="missing_required_parameter")
    return Tool(
        name=items.flat_name(namespace, tool.name),
        description=tool.description or "",
        schema=_value(tool.parameters),
        strict=tool.strict,
        custom=tool.type == "custom",
        grammar=_value(tool.format),
    )


def _checked_tool(raw: msgspec.Raw, param: str) -> _Tool:
    try:
        return _tool.decode(raw)
    except msgspec.ValidationError as error:
        raise BadRequest(f"`{param}` is of the wrong shape: {error}", param=param, code="invalid_value") from None


def _choice(choice: str | _Choice | None, losses: list[Loss]) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(mode=choice)
        case _Choice(type="function" | "custom", name=str(name)):
            return ToolChoice(mode="required", names=(items.flat_name(choice.namespace, name),))
        case _Choice(type="allowed_tools"):
            names = tuple(items.flat_name(tool.namespace, tool.name) for tool in choice.tools or () if tool.name)
            return ToolChoice(mode="required" if choice.mode == "required" else "auto", names=names)
        case _Choice(type=kind) if kind:
            losses.append(Loss(field="tool_choice", action="changed", reason=f"any tool may answer, not only {kind}"))
            return ToolChoice(mode="required")
        case _:
            raise BadRequest(f"`tool_choice` cannot be {choice!r}.", param="tool_choice", code="invalid_value")


# -- the rest ----------------------------------------------------------------------------------------------------------


def _thinking(reasoning: _Reasoning | None) -> Thinking | None:
    if reasoning is None:
        return None
    summary = reasoning.summary or reasoning.generate_summary or ""
    effort: chat.Effort | None = None
    if reasoning.effort is not None:
        if reasoning.effort not in thinking.EFFORTS:
            message = f"`reasoning.effort` is {reasoning.effort!r}; it can be {', '.join(thinking.EFFORTS)}."
            raise BadRequest(message, param="reasoning.effort", code="invalid_value")
        effort = reasoning.effort
    if effort is None and not summary:
        return None
    return Thinking(effort=effort, include=summary not in ("", "none"), summary=summary)


def _output(text: _TextOptions | None) -> OutputFormat | None:
    if text is None or text.format is None:
        return None
    match text.format.type:
        case "text":
            return OutputFormat(kind="text")
        case "json_object":
            return OutputFormat(kind="json")
        case "json_schema":
            return OutputFormat(
                kind="schema",
                schema=_value(text.format.schema),
                name=text.format.name or "",
                description=text.format.description or "",
                strict=text.format.strict,
            )
        case kind:
            raise BadRequest(f"`text.format.type` cannot be {kind!r}.", param="text.format.type", code="invalid_value")
