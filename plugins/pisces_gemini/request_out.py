"""A canonical request for Google: generateContent's body (wire.md C4, C6, C7)."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy import schemas
from pisces_proxy.chat import Loss, OutputFormat, Request, ServerTool, Thinking, Tool
from pisces_proxy.errors import Unsupported
from pisces_proxy.history import call_names
from pisces_proxy.names import Names
from pisces_proxy.plugin import Encoded, Profile
from pisces_proxy.schemas import Dialect
from pisces_proxy.thinking import budget_of, effort_of, nearest

from .contents_out import ContentsWriter, Json
from .google import WIRE

_encode = msgspec.json.Encoder().encode
_LEVELS = ("minimal", "low", "medium", "high")
_OWN = frozenset({"safetySettings", "generationConfig", "labels", "store", "continuationToken", "modelArmorConfig"})
_SERVER_TOOLS = {"web_search": "googleSearch", "web_fetch": "urlContext", "code_execution": "codeExecution"}
_TIERS = {"default": "standard", "standard": "standard", "standard_only": "standard", "flex": "flex", "priority": "priority"}
_FREE_TEXT = b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}'


def encode(request: Request, model: str, profile: Profile) -> Encoded:
    writer = _Writer(request, profile)
    body = writer.body()
    return Encoded(body=_encode(body), losses=tuple(writer.losses), names=writer.names.back, stop=writer.cut_at)


class _Writer:
    """One request on its way to one model. Members come in one order always: prefixes stay cacheable (H114)."""

    def __init__(self, request: Request, profile: Profile) -> None:
        self.request = request
        self.profile = profile
        self.names = Names(alphabet="a-zA-Z0-9_.:-", limit=64, first="a-zA-Z_")
        self.losses: list[Loss] = []
        self.cut_at: tuple[str, ...] = ()

    def lose(self, field: str, reason: str, action: Any = "dropped") -> None:
        self.losses.append(Loss(field=field, action=action, reason=reason))

    def body(self) -> Json:
        writer = ContentsWriter(self.names, self.profile)
        tools = self._tools()
        contents = writer.contents(self.request)
        self.losses += writer.losses
        body: Json = {}
        if system := [{"text": text.text} for text in self.request.system if text.text]:
            contents = self._with_system(system, contents, body)
        body["contents"] = contents
        if tools:
            body["tools"] = tools
        if config := self._tool_config():
            body["toolConfig"] = config
        if config := self._config():
            body["generationConfig"] = config
        return self._with_rest(body)

    def _with_system(self, system: list[Json], contents: list[Json], body: Json) -> list[Json]:
        if contents and self.profile.system_role != "none":
            body["systemInstruction"] = {"parts": system}
            return contents
        if not contents:  # Google wants someone to speak
            return [{"role": "user", "parts": system}]
        self.lose("system", "this model has no system instruction: said by the user", "emulated")
        return [{"role": "user", "parts": [*system, *contents[0]["parts"]]}, *contents[1:]]

    def _with_rest(self, body: Json) -> Json:
        request = self.request
        if tier := _TIERS.get(request.service_tier):
            body["serviceTier"] = tier
        elif request.service_tier and request.service_tier != "auto":
            self.lose("service_tier", "Gemini has no such tier")
        for name, raw in request.extra.items():
            if name == "generationConfig":
                body[name] = {**msgspec.json.decode(raw, type=dict[str, msgspec.Raw]), **body.get(name, {})}
            elif name in _OWN:
                body[name] = msgspec.Raw(raw)
            else:
                self.lose(name, "Gemini has no such parameter")
        self._losses_of_scalars()
        for name in self.profile.drop:
            if body.pop(name, None) is not None:
                self.lose(name, "this upstream refuses it")
        return body

    def _losses_of_scalars(self) -> None:
        request = self.request
        unsaid = {
            "logit_bias": request.logit_bias,
            "min_p": request.min_p is not None,
            "verbosity": request.verbosity,
            "metadata": request.metadata,
            "user": request.user,
            "parallel_tool_calls": request.parallel_tool_calls is False and request.tools,
        }
        for name, said in unsaid.items():
            if said:
                self.lose(name, "Gemini has no such parameter")

    # -- tools

    def _offered(self) -> list[Tool]:
        """The functions that the model may know of: `auto` with names means these only."""
        if not self.profile.tools:
            return []
        choice = self.request.tool_choice
        if choice is None or choice.mode != "auto" or not choice.names:
            return list(self.request.tools)
        return [tool for tool in self.request.tools if tool.name in choice.names]

    def _tools(self) -> list[Json]:
        if self.request.tools and not self.profile.tools:
            raise Unsupported("This model calls no functions.", param="tools", code="unsupported_parameter")
        declared = [self._function(tool) for tool in self._offered() or self._stubs()]
        tools: list[Json] = [{"functionDeclarations": declared}] if declared else []
        return tools + [self._server_tool(tool) for tool in self.request.server_tools]

    def _stubs(self) -> list[Tool]:
        """Those that were called, where this model refuses calls in the history of a request without tools (wire.md C4)."""
        if not self.profile.called_tools or not self.profile.tools or self.request.server_tools:
            return []
        return [Tool(name=name) for name in dict.fromkeys(call_names(self.request.turns).values())]

    def _function(self, tool: Tool) -> Json:
        out: Json = {"name": self.names.to(tool.name), "description": tool.description or tool.name}
        if tool.grammar:
            self.lose(f"tools.{tool.name}.format", "Gemini knows no grammars")
        dialect = _dialect(self.profile)
        schema, losses = schemas.adapt(_FREE_TEXT if tool.custom else tool.schema, dialect)
        self._lose_in(f"tools.{tool.name}", losses)
        if schema:
            out["parameters" if dialect == "gemini" else "parametersJsonSchema"] = msgspec.Raw(schema)
        return out

    def _lose_in(self, place: str, losses: tuple[Loss, ...]) -> None:
        self.losses += [msgspec.structs.replace(loss, field=f"{place}.{loss.field}") for loss in losses]

    def _server_tool(self, tool: ServerTool) -> Json:
        if tool.wire == WIRE:
            return {name: raw for name, raw in msgspec.json.decode(tool.raw, type=dict[str, msgspec.Raw]).items()}
        if tool.kind in _SERVER_TOOLS:
            return {_SERVER_TOOLS[tool.kind]: {}}
        raise Unsupported(f"Gemini has no tool like {tool.kind!r}.", param="tools", code="unsupported_value")

    def _tool_config(self) -> Json:
        choice, offered = self.request.tool_choice, self._offered()
        if not offered:  # a calling config without declarations is refused
            return _calling("NONE") if self._stubs() else {}
        if choice is None or choice.mode == "auto":
            strict = self.profile.strict_tools and any(tool.strict for tool in offered)
            return {"functionCallingConfig": {"mode": "VALIDATED"}} if strict else _calling("AUTO") if choice else {}
        if choice.mode == "none":
            return _calling("NONE")
        return _calling("ANY", [self.names.to(name) for name in choice.names])

    # -- generationConfig

    def _config(self) -> Json:
        return {**self._sampling(), **self._output(), **self._modalities(), **self._thinking()}

    def _sampling(self) -> Json:
        request, profile = self.request, self.profile
        out: Json = {
            "temperature": self._temperature(),
            "topP": request.top_p if profile.sampling in ("ok", "one_of") else None,
            "topK": request.top_k if profile.sampling in ("ok", "one_of") else None,
            "candidateCount": request.n if request.n > 1 and profile.n else None,
            "maxOutputTokens": self._max_tokens(),
            "stopSequences": self._stop() or None,
            "seed": _int32(request.seed) if profile.seed else None,
            "presencePenalty": request.presence_penalty if profile.penalties else None,
            "frequencyPenalty": request.frequency_penalty if profile.penalties else None,
            "responseLogprobs": True if request.logprobs and profile.logprobs else None,
            "logprobs": request.top_logprobs if request.logprobs and profile.logprobs else None,
        }
        self._say_dropped(out)
        return {name: value for name, value in out.items() if value is not None}

    def _say_dropped(self, out: Json) -> None:
        request = self.request
        asked = {
            "temperature": request.temperature, "topP": request.top_p, "topK": request.top_k, "seed": request.seed,
            "candidateCount": request.n if request.n > 1 else None, "responseLogprobs": request.logprobs or None,
            "presencePenalty": request.presence_penalty, "frequencyPenalty": request.frequency_penalty,
        }  # fmt: skip
        for name, value in asked.items():
            if value is not None and out[name] is None:
                self.lose(name, "this model refuses it")

    def _temperature(self) -> float | None:
        asked = self.request.temperature
        if asked is None or self.profile.sampling == "reject":
            return None
        most = 2.0 if self.profile.temperature_max is None else self.profile.temperature_max
        if asked > most:
            self.lose("temperature", f"at most {most}", "changed")
        return min(asked, most)

    def _max_tokens(self) -> int | None:
        asked, most = self.request.max_tokens, self.profile.max_output
        if asked is None:
            return self.profile.default_max_tokens
        if most is not None and asked > most:
            self.lose("max_tokens", f"at most {most}", "changed")
            return most
        return asked

    def _stop(self) -> list[str]:
        wanted = [sequence for sequence in self.request.stop if sequence]
        most = (5 if self.profile.stop_max is None else self.profile.stop_max) if self.profile.stop else 0
        self.cut_at = tuple(wanted[most:])
        if self.cut_at:
            self.lose("stop", f"this model takes {most}: the gateway cuts the text at the others", "emulated")
        return wanted[:most]

    def _output(self) -> Json:
        output = self.request.output
        match output:
            case OutputFormat(kind="json") if self.profile.json_object:
                return {"responseMimeType": "application/json"}
            case OutputFormat(kind="schema") if self.profile.structured == "native":
                return self._schema(output)
            case OutputFormat(kind="json" | "schema"):
                self.lose("response_format", "this model has no structured output")
        return {}

    def _schema(self, output: OutputFormat) -> Json:
        dialect = _dialect(self.profile)
        schema, losses = schemas.adapt(output.schema, dialect, root="output")
        self._lose_in("response_format", losses)
        name = "responseSchema" if dialect == "gemini" else "responseJsonSchema"
        return {"responseMimeType": "application/json", name: msgspec.Raw(schema)}

    def _modalities(self) -> Json:
        request = self.request
        out: Json = {}
        if request.modalities and request.modalities != ("text",):
            # speech models answer with sound only: text beside it is refused
            spoken = [name for name in request.modalities if name == "audio"]
            out["responseModalities"] = [name.upper() for name in spoken or request.modalities]
        if request.speech and request.speech.voice:
            out["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": request.speech.voice}}}
        return out

    # -- thinking

    def _thinking(self) -> Json:
        thinking, style = self.request.thinking, self.profile.reasoning
        if thinking is None:
            return {}
        if style == "none":
            if thinking.budget or thinking.effort not in (None, "none", "auto"):
                self.lose("thinking", "this model does not think")
            return {}
        out: Json = {"includeThoughts": True} if thinking.include else {}
        out |= self._budget(thinking) if _wants_budget(style, thinking) else self._level(thinking)
        return {"thinkingConfig": out} if out else {}

    def _level(self, thinking: Thinking) -> Json:
        effort = thinking.effort if thinking.budget is None else effort_of(thinking.budget)
        if effort is None or effort == "auto":
            return {}
        allowed = self.profile.efforts or _LEVELS
        level = nearest("minimal" if effort == "none" else effort, [name for name in allowed if name != "none"])
        if effort == "medium" and level == "low":  # two equally near: the stronger (wire.md C6)
            level = "high"
        if effort == "none" and level != "minimal":
            self.lose("thinking", "this model always thinks", "changed")
        elif level != effort and effort in _LEVELS:
            self.lose("thinking", f"the nearest level is {level}", "changed")
        return {"thinkingLevel": level.upper()}

    def _budget(self, thinking: Thinking) -> Json:
        least, most = self.profile.budget_min, self.profile.budget_max
        asked = thinking.budget
        if asked is None:
            if thinking.effort is None:
                return {}
            asked = budget_of(thinking.effort)
        budget = asked
        if asked == 0 and self.profile.reasoning_off:
            return {"thinkingBudget": 0}
        if asked >= 0:
            budget = max(budget, least or 0)
            budget = min(budget, most) if most is not None else budget
        if budget != asked and (thinking.budget is not None or asked == 0):
            self.lose("thinking", f"the budget is {budget}", "changed")
        return {"thinkingBudget": budget}


def _wants_budget(style: str, thinking: Thinking) -> bool:
    return style == "thinking_budget" or (style != "level" and thinking.budget is not None)


def _dialect(profile: Profile) -> Dialect:
    return "gemini" if profile.schema == "gemini" else "gemini_json"


def _calling(mode: str, names: list[str] | None = None) -> Json:
    allowed = {"allowedFunctionNames": names} if names else {}
    return {"functionCallingConfig": {"mode": mode, **allowed}}


def _int32(seed: int | None) -> int | None:
    return None if seed is None else (seed + 2**31) % 2**32 - 2**31
