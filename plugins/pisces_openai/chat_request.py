"""A chat request in canonical form (wire.md A1): what OpenAI names, and what its look-alikes and their clients added."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from pisces_proxy import chat, splice
from pisces_proxy.chat import Effort, OutputFormat, ServerTool, Speech, Thinking, Tool, ToolChoice
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Operation
from pisces_proxy.seals import Seals

from .chat_choice import WIRE
from .chat_history import CacheMark, Conversation, cache_of, decode_messages, invalid

Raw = msgspec.Raw
MaybeRaw = msgspec.Raw | msgspec.UnsetType
NOTHING = msgspec.UNSET
Parts = dict[str, Raw]

_EFFORTS: frozenset[str] = frozenset(get_args(Effort))
_EFFORT_WORDS = {"default": "auto", "off": "none", "disabled": "none"}  # Groq's Qwen; old clients
# members that are read, that are hints without meaning elsewhere, or that are meant for the gateway itself
_SPENT = frozenset({
    "model", "messages", "stream", "stream_options", "api_key", "pisces", "functions", "function_call",
    "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k",
    "min_p", "seed", "frequency_penalty", "presence_penalty", "n", "stop", "logit_bias", "logprobs", "top_logprobs",
    "reasoning_effort", "reasoning", "include_reasoning", "enable_thinking", "thinking_budget", "thinking",
    "chat_template_kwargs", "response_format", "verbosity", "modalities", "audio", "web_search_options", "user",
    "safety_identifier", "metadata", "service_tier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    "cache_control",
})  # fmt: skip


class _Format(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None


class _Schema(msgspec.Struct):
    name: str = ""
    description: str | None = None
    schema: MaybeRaw = NOTHING
    strict: bool | None = None


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: MaybeRaw = NOTHING
    strict: bool | None = None
    cache_control: CacheMark | None = None


class _Custom(msgspec.Struct):
    name: str
    description: str | None = None
    format: MaybeRaw = NOTHING


class _Tool(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None
    custom: _Custom | None = None
    cache_control: CacheMark | None = None


class _Named(msgspec.Struct):
    name: str


class _Allowed(msgspec.Struct):
    mode: str
    tools: list[_Choice]


class _Choice(msgspec.Struct):
    type: str = "function"
    function: _Named | None = None
    custom: _Named | None = None
    allowed_tools: _Allowed | None = None
    name: str | None = None  # the flat form of the Responses API, sent here by mistake


class _Voice(msgspec.Struct):
    id: str


class _Speech(msgspec.Struct):
    voice: str | _Voice = ""
    format: str = ""


class _Reasoning(msgspec.Struct):
    """OpenRouter's."""

    effort: str | None = None
    max_tokens: int | None = None
    exclude: bool = False
    enabled: bool | None = None
    summary: str | None = None


class _ThinkingSwitch(msgspec.Struct):
    """Zhipu's, Moonshot's, DeepSeek's and Anthropic's."""

    type: str
    budget_tokens: int | None = None


class _Template(msgspec.Struct):
    enable_thinking: bool | None = None
    thinking: bool | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_DECODERS = {
    kind: msgspec.json.Decoder(kind).decode
    for kind in (
        str, int, float, bool, list[str], str | list[str], list[_Tool], list[_Function], list[Raw], str | _Choice, str | _Named,
        _Format, _Speech, _Reasoning, _ThinkingSwitch, _Template, _StreamOptions, CacheMark,
    )
}  # fmt: skip


class _Members:
    """The request's members, each read as what it should be; null counts as not said."""

    def __init__(self, parts: Parts) -> None:
        self.parts = {name: value for name, value in parts.items() if bytes(value) != b"null"}

    def get(self, name: str, kind: Any) -> Any:
        raw = self.parts.get(name)
        if raw is None:
            return None
        try:
            return _DECODERS[kind](raw)
        except msgspec.ValidationError as error:
            raise invalid(error, name) from None

    def raw(self, name: str) -> bytes:
        return bytes(self.parts.get(name, b""))


def decode_request(operation: Operation, seals: Seals) -> chat.Request:
    parts = splice.members(operation.body)
    if "extra_body" in parts:
        parts |= _extra_body(parts.pop("extra_body"))
    said = _Members(parts)
    if "messages" not in said.parts:
        raise BadRequest("`messages` is missing.", param="messages", code="missing_required_parameter")
    try:
        return _request(operation, said, decode_messages(said.parts["messages"], seals))
    except (RecursionError, msgspec.DecodeError) as error:
        raise BadRequest(f"The body cannot be read: {error}") from None


def _request(operation: Operation, said: _Members, conversation: Conversation) -> chat.Request:
    tools, server_tools = _tools(said)
    options = said.get("stream_options", _StreamOptions)
    get = said.get
    return chat.Request(
        model=operation.model,
        turns=conversation.turns,
        system=conversation.system,
        stream=operation.stream,
        include_usage=bool(options and options.include_usage),
        tools=tools,
        server_tools=server_tools,
        tool_choice=_tool_choice(said),
        parallel_tool_calls=get("parallel_tool_calls", bool),
        max_tokens=_first(get("max_completion_tokens", int), get("max_tokens", int)),
        temperature=get("temperature", float),
        top_p=get("top_p", float),
        top_k=get("top_k", int),
        min_p=get("min_p", float),
        seed=get("seed", int),
        frequency_penalty=get("frequency_penalty", float),
        presence_penalty=get("presence_penalty", float),
        n=_answers(get("n", int)),
        stop=_stop(said),
        logit_bias=said.raw("logit_bias"),
        logprobs=bool(get("logprobs", bool)),
        top_logprobs=get("top_logprobs", int),
        thinking=_thinking(said),
        output=_output(said),
        verbosity=get("verbosity", str) or "",
        modalities=tuple(get("modalities", list[str]) or ()),
        speech=_speech(said),
        user=get("safety_identifier", str) or get("user", str) or "",
        metadata=said.raw("metadata"),
        service_tier=get("service_tier", str) or "",
        cache_key=get("prompt_cache_key", str) or "",
        auto_cache=cache_of(get("cache_control", CacheMark)),
        legacy_functions="functions" in said.parts and "tools" not in said.parts,
        extra=_extra(said),
        losses=conversation.losses,
    )


def _extra_body(raw: Raw) -> Parts:
    """A literal `extra_body`, from those who copy an SDK's option into a plain request."""
    try:
        return splice.members(bytes(raw))
    except BadRequest:
        raise BadRequest("`extra_body` is not an object.", param="extra_body", code="invalid_value") from None


def _extra(said: _Members) -> dict[str, bytes]:
    """What only this wire understands. `store: false` asks for nothing, since nothing is stored."""
    unread = {name: bytes(value) for name, value in said.parts.items() if name not in _SPENT}
    return {name: value for name, value in unread.items() if (name, value) != ("store", b"false")}


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _answers(n: int | None) -> int:
    if n is not None and n < 1:
        raise BadRequest("`n` must be at least 1.", param="n", code="invalid_value")
    return n or 1


def _stop(said: _Members) -> tuple[str, ...]:
    stop = said.get("stop", str | list[str])
    return (stop,) if isinstance(stop, str) else tuple(stop or ())  # H70


# -- tools -------------------------------------------------------------------------------------------------------------


def _tools(said: _Members) -> tuple[tuple[Tool, ...], tuple[ServerTool, ...]]:
    tools = [_function(function, None) for function in said.get("functions", list[_Function]) or ()]
    served = []
    declared = said.get("tools", list[_Tool]) or ()
    for number, tool in enumerate(declared):
        match tool:
            case _Tool(function=_Function() as function):
                tools.append(_function(function, tool.cache_control))
            case _Tool(custom=_Custom() as custom):
                tools.append(_custom(custom, tool.cache_control))
            case _Tool(type="function" | "custom" as kind):
                at = f"tools[{number}].{kind}"
                raise BadRequest(f"`{at}` is missing.", param=at, code="missing_required_parameter")
            case _:
                served.append(_served(tool.type, bytes(said.get("tools", list[Raw])[number])))
    if search := said.raw("web_search_options"):
        served.append(ServerTool(kind="web_search", wire=WIRE, raw=search))
    return tuple(tools), tuple(served)


def _function(function: _Function, cache: CacheMark | None) -> Tool:
    schema = bytes(function.parameters) if function.parameters is not NOTHING else b""
    return Tool(
        name=function.name,
        description=function.description or "",
        schema=b"" if schema == b"null" else schema,
        strict=function.strict,
        cache=cache_of(cache or function.cache_control),
    )


def _custom(custom: _Custom, cache: CacheMark | None) -> Tool:
    grammar = bytes(custom.format) if custom.format is not NOTHING else b""
    return Tool(name=custom.name, description=custom.description or "", custom=True, grammar=grammar, cache=cache_of(cache))


def _served(kind: str, raw: bytes) -> ServerTool:
    """A tool that the upstream runs (`web_search_preview`, `openrouter:web_search`, `$web_search`, ...)."""
    search = "web_search" in kind
    return ServerTool(kind="web_search" if search else kind, wire=WIRE, raw=raw)


def _tool_choice(said: _Members) -> ToolChoice | None:
    legacy = said.get("function_call", str | _Named)
    choice = said.get("tool_choice", str | _Choice)
    if choice is None and legacy is not None:
        choice = legacy if isinstance(legacy, str) else _Choice(function=legacy)
    match choice:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(mode=choice)
        case "any":  # Mistral's word
            return ToolChoice(mode="required")
        case _Choice(allowed_tools=_Allowed(mode="auto" | "required" as mode, tools=allowed)):
            return ToolChoice(mode=mode, names=tuple(name for entry in allowed if (name := _chosen(entry))))
        case _Choice() if name := _chosen(choice):
            return ToolChoice(mode="required", names=(name,))
        case _Choice(type="auto" | "none" | "required" as mode):
            return ToolChoice(mode=mode)
    message = "`tool_choice` is none of: auto, none, required, a function, a custom tool, allowed_tools."
    raise BadRequest(message, param="tool_choice", code="invalid_value")


def _chosen(choice: _Choice) -> str:
    named = choice.function or choice.custom
    return named.name if named is not None else choice.name or ""


# -- thinking and output -----------------------------------------------------------------------------------------------


def _thinking(said: _Members) -> Thinking | None:
    """How much to think, from every spelling of it; the most exact one that was said counts."""
    reasoning = said.get("reasoning", _Reasoning)
    shown = said.get("include_reasoning", bool)
    effort = _effort(said, reasoning)
    budget = _first(reasoning.max_tokens if reasoning is not None else None, said.get("thinking_budget", int))
    switch = said.get("thinking", _ThinkingSwitch)
    if switch is not None:
        budget = _first(budget, switch.budget_tokens)
    on = _switched(said, reasoning, switch)
    if on is False:
        effort, budget = "none", None
    elif on and effort is None and budget is None:
        effort = "auto"
    if effort is None and budget is None and shown is None and reasoning is None:
        return None
    excluded = shown is False or (reasoning is not None and reasoning.exclude)
    return Thinking(
        effort=effort,
        budget=budget,
        include=not excluded,
        summary=(reasoning.summary or "") if reasoning is not None else "",
        adaptive=switch is not None and switch.type == "adaptive",
    )


def _effort(said: _Members, reasoning: _Reasoning | None) -> Effort | None:
    word, at = said.get("reasoning_effort", str), "reasoning_effort"
    if word is None and reasoning is not None:
        word, at = reasoning.effort, "reasoning.effort"
    if word is None:
        return None
    word = _EFFORT_WORDS.get(word, word)
    if word not in _EFFORTS:
        raise BadRequest(f"`{at}` is {word!r}: use {', '.join(sorted(_EFFORTS))}.", param=at, code="invalid_value")
    return word  # type: ignore[no-any-return]


def _switched(said: _Members, reasoning: _Reasoning | None, switch: _ThinkingSwitch | None) -> bool | None:
    template = said.get("chat_template_kwargs", _Template) or _Template()
    if switch is not None:
        return switch.type != "disabled"
    asked: bool | None = _first(said.get("enable_thinking", bool), template.enable_thinking, template.thinking)
    return reasoning.enabled if asked is None and reasoning is not None else asked


def _output(said: _Members) -> OutputFormat | None:
    form = said.get("response_format", _Format)
    match form:
        case None:
            return None
        case _Format(type="text"):
            return OutputFormat(kind="text")
        case _Format(type="json_object"):
            return OutputFormat(kind="json")
        case _Format(type="json_schema", json_schema=_Schema() as given):
            schema = bytes(given.schema) if given.schema is not NOTHING else b"{}"
            about = given.description or ""
            return OutputFormat(kind="schema", schema=schema, name=given.name, description=about, strict=given.strict)
    message = "`response_format.type` is none of: text, json_object, json_schema (with `json_schema`)."
    raise BadRequest(message, param="response_format", code="invalid_value")


def _speech(said: _Members) -> Speech | None:
    audio = said.get("audio", _Speech)
    if audio is None:
        return None
    return Speech(voice=audio.voice if isinstance(audio.voice, str) else audio.voice.id, format=audio.format)
