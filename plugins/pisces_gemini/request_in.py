"""A client's generateContent request in canonical form (wire.md A4)."""

from __future__ import annotations

from typing import Any

from pisces_proxy.chat import Effort, Loss, OutputFormat, Request, ServerTool, Speech, Thinking, Tool, ToolChoice
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.plugin import Operation
from pisces_proxy.schemas import from_gemini
from pisces_proxy.seals import Seals

from .contents_in import Contents
from .google import LEVEL, MODALITY, MODE, WIRE
from .reading import EMPTY, Object

_KNOWN = frozenset({
    "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier", "labels", "cachedContent",
    "model", "pisces",
})  # fmt: skip
_KNOWN_CONFIG = frozenset({
    "temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed", "presencePenalty",
    "frequencyPenalty", "responseLogprobs", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema",
    "responseModalities", "thinkingConfig", "speechConfig",
})  # fmt: skip
_SERVER_TOOLS = {
    "googleSearch": "web_search",
    "googleSearchRetrieval": "web_search",
    "urlContext": "web_fetch",
    "codeExecution": "code_execution",
}
_TIERS = {"unspecified": "", "standard": "default"}
_EFFORTS: dict[str, Effort] = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh"}


def decode(operation: Operation, seals: Seals) -> Request:
    body = Object(operation.body)
    if operation.kind == "count" and "generateContentRequest" in body:
        body = Object(body.raw("generateContentRequest"), "generateContentRequest")
    _check(body)
    config = body.object("generationConfig") or EMPTY
    contents = Contents(seals)
    turns = contents.turns(body)
    tools, server_tools = _tools(body)
    output, losses = _output(config)
    return Request(
        model=operation.model,
        turns=turns,
        system=contents.texts(body, "systemInstruction"),
        stream=operation.stream,
        include_usage=True,
        tools=tools,
        server_tools=server_tools,
        tool_choice=_tool_choice(body),
        thinking=_thinking(config),
        output=output,
        service_tier=_TIERS.get(tier := body.text("serviceTier").lower(), tier),
        metadata=body.raw("labels"),
        extra=_extra(body, config),
        losses=(*contents.losses, *losses),
        **_sampling(config),
    )


def _check(body: Object) -> None:
    if "contents" not in body:
        raise BadRequest("The request has no `contents`.", param=body.at("contents"), code="missing_required_parameter")
    if body.text("cachedContent"):
        raise Unsupported(
            "`cachedContent` lives at Google and this model is served elsewhere. Send the content itself.",
            param="cachedContent",
            code="unsupported_state_reference",
        )


def _sampling(config: Object) -> dict[str, Any]:
    return {
        "max_tokens": config.integer("maxOutputTokens"),
        "temperature": config.number("temperature"),
        "top_p": config.number("topP"),
        "top_k": None if (top_k := config.number("topK")) is None else int(top_k),
        "n": config.integer("candidateCount") or 1,
        "stop": config.texts("stopSequences"),
        "seed": config.integer("seed"),
        "presence_penalty": config.number("presencePenalty"),
        "frequency_penalty": config.number("frequencyPenalty"),
        "logprobs": config.flag("responseLogprobs"),
        "top_logprobs": config.integer("logprobs"),
        "modalities": tuple(name.lower() for name in config.enums("responseModalities", MODALITY)),
        "speech": _speech(config),
    }


def _extra(body: Object, config: Object) -> dict[str, bytes]:
    extra = body.rest(_KNOWN)
    if rest := config.rest(_KNOWN_CONFIG):
        extra["generationConfig"] = config.only(*rest)
    return extra


# -- tools -------------------------------------------------------------------------------------------------------------


def _tools(body: Object) -> tuple[tuple[Tool, ...], tuple[ServerTool, ...]]:
    functions: list[Tool] = []
    server: list[ServerTool] = []
    for tool in body.objects("tools"):
        functions += [_function(declared) for declared in tool.objects("functionDeclarations")]
        names = [name for name in tool if name != "functionDeclarations"]
        server += [ServerTool(kind=_SERVER_TOOLS.get(name, name), wire=WIRE, raw=tool.only(name)) for name in names]
    return tuple(functions), tuple(server)


def _function(declared: Object) -> Tool:
    name = declared.text("name")
    if not name:
        raise BadRequest("A function needs a name.", param=declared.at("name"), code="missing_required_parameter")
    schema = _schema(declared, "parametersJsonSchema", "parameters")
    return Tool(name=name, description=declared.text("description"), schema=schema)


def _schema(holder: Object, plain: str, own: str) -> bytes:
    """JSON Schema stays as it is, but for the order of properties, which is Google's own even there."""
    if plain not in holder:
        return from_gemini(holder.raw(own)) if own in holder else b""
    schema = holder.raw(plain)
    return from_gemini(schema) if b"ropertyOrdering" in schema or b"property_ordering" in schema else schema


def _tool_choice(body: Object) -> ToolChoice | None:
    tool_config = body.object("toolConfig") or EMPTY
    calling = tool_config.object("functionCallingConfig") or EMPTY
    names = calling.texts("allowedFunctionNames")
    match calling.enum("mode", MODE):
        case "ANY":
            return ToolChoice(mode="required", names=names)
        case "NONE":
            return ToolChoice(mode="none")
        case "AUTO" | "VALIDATED":
            return ToolChoice(mode="auto", names=names)
    return None


# -- generationConfig --------------------------------------------------------------------------------------------------


def _thinking(config: Object) -> Thinking | None:
    thinking = config.object("thinkingConfig")
    if thinking is None:
        return None
    budget, level = thinking.integer("thinkingBudget"), thinking.enum("thinkingLevel", LEVEL)
    if budget is not None and level:
        raise BadRequest("Give either `thinkingBudget` or `thinkingLevel`.", param=thinking.path, code="invalid_value")
    return Thinking(effort=_EFFORTS.get(level), budget=budget, include=thinking.flag("includeThoughts"))


def _output(config: Object) -> tuple[OutputFormat | None, tuple[Loss, ...]]:
    mime = config.text("responseMimeType").lower()
    schema = _schema(config, "responseJsonSchema", "responseSchema")
    if mime == "text/x.enum":
        reason = "only Gemini answers with a bare enum"
        return None, (Loss(field=config.at("responseMimeType"), action="dropped", reason=reason),)
    if schema:
        return OutputFormat(kind="schema", schema=schema), ()
    return (OutputFormat(kind="json") if mime == "application/json" else None), ()


def _speech(config: Object) -> Speech | None:
    speech = config.object("speechConfig")
    if speech is None:
        return None
    voice = speech.object("voiceConfig") or EMPTY
    prebuilt = voice.object("prebuiltVoiceConfig") or EMPTY
    return Speech(voice=prebuilt.text("voiceName"))
