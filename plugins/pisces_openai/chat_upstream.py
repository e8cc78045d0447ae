"""A canonical request for an upstream that speaks chat completions, in the dialect its profile tells (wire.md C4-C8, C13)."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from pisces_proxy import schemas, splice, thinking
from pisces_proxy.chat import Effort, Loss, OutputFormat, Request, ServerTool, Thinking, Tool, ToolChoice
from pisces_proxy.errors import Unsupported
from pisces_proxy.names import Names
from pisces_proxy.plugin import Encoded, Profile

from .chat_choice import WIRE
from .chat_turns import Messages

_encode = msgspec.json.Encoder().encode
_OWN = frozenset({"prediction", "moderation", "store"})  # what others say in the same words
_HELD = frozenset({"container", "mcp_servers", "previous_response_id", "conversation", "prompt", "cachedContent"})
_HINTS = frozenset({"stream_options", "prompt_cache_key"})  # dropped without a word: nothing in the answer depends on them
_JSON_ONLY = "Respond with a single JSON object only, without any text or code fence around it."
Raw = msgspec.Raw


def encode_request(request: Request, model: str, profile: Profile) -> Encoded:
    return _Writing(request, profile).done(model)


class _Writing:
    """One request on its way into the target's words."""

    def __init__(self, request: Request, profile: Profile) -> None:
        self._request = request
        self._profile = profile
        self._names = Names()
        self._hint = ""
        self._cut_at: tuple[str, ...] = ()
        self.body: dict[str, Any] = {}
        self.losses: list[Loss] = []

    def done(self, model: str) -> Encoded:
        request, profile = self._request, self._profile
        thinks = self._thinking()
        self._output()
        self._tools(thinks)
        self._limits()
        self._sampling()
        self._others()
        messages = Messages(profile, self._names.to, thinks)
        body = {"model": model, "messages": messages.of(request, self._hint), **self.body, **self._stream()}
        self.losses += messages.losses
        written = _encode(self._adjusted(body))
        return Encoded(body=written, losses=tuple(self.losses), names=self._names.back, stop=self._cut_at)

    def _lose(self, field: str, reason: str, action: Any = "dropped") -> None:
        self.losses.append(Loss(field=field, action=action, reason=reason))

    def _stream(self) -> dict[str, Any]:
        if not self._request.stream:
            return {}
        counted = {"stream_options": {"include_usage": True}} if self._profile.stream_usage == "request" else {}
        return {"stream": True, **counted}

    def _adjusted(self, body: dict[str, Any]) -> dict[str, Any]:
        for name, value in self._profile.defaults.items():
            body.setdefault(name, value)
        for name in self._profile.drop:
            if body.pop(name, None) is not None and name not in _HINTS:
                self._lose(name, "this upstream does not take it")
        return {self._profile.rename.get(name, name): value for name, value in body.items()}

    # -- thinking

    def _thinking(self) -> bool:
        """Ask for as much thinking as was asked of us; true where the model will think on demand."""
        wanted, style = self._request.thinking, self._profile.reasoning
        if wanted is None or (wanted.effort is None and wanted.budget is None and not wanted.adaptive):
            return self._profile.reasoning_echo == "always" and style not in ("", "none")
        effort: Effort = wanted.effort or (thinking.effort_of(wanted.budget) if wanted.budget is not None else "auto")
        if effort == "none" and not self._profile.reasoning_off:
            effort = "minimal"
            self._lose("reasoning_effort", "this model always thinks", "changed")
        if style == "none":
            if effort not in ("none", "auto"):
                self._lose("reasoning_effort", "this model does not think on demand")
            return False
        self._ask(wanted, effort)
        return effort != "none"

    def _ask(self, wanted: Thinking, effort: Effort) -> None:
        match self._profile.reasoning:
            case "thinking_type":
                self.body["thinking"] = {"type": "disabled" if effort == "none" else "enabled"}
                if self._profile.efforts and effort != "none":
                    self._effort(effort)
            case "enable_thinking":
                self.body["enable_thinking"] = effort != "none"
                if effort not in ("none", "auto"):
                    self.body["thinking_budget"] = self._budget(wanted, effort)
            case _ if self._profile.reasoning_field == "reasoning_details":
                self.body["reasoning"] = self._routed(wanted, effort)  # OpenRouter
            case _:
                self._effort(effort)

    def _effort(self, effort: Effort) -> None:
        fitting = thinking.nearest(effort, self._profile.efforts)
        if fitting != effort:
            self._lose("reasoning_effort", f"{effort} became {fitting}", "changed")  # H76
        if fitting != "auto":
            self.body["reasoning_effort"] = fitting

    def _budget(self, wanted: Thinking, effort: Effort) -> int:
        least, most = self._profile.budget_min, self._profile.budget_max
        if wanted.budget is None or wanted.budget < 0:
            return thinking.budget_of(effort, least, most)
        budget = max(wanted.budget, least or 0)
        return min(budget, most) if most is not None else budget

    def _routed(self, wanted: Thinking, effort: Effort) -> dict[str, Any]:
        if effort == "none":
            return {"enabled": False}
        if wanted.effort is None and wanted.budget is not None and wanted.budget > 0:
            return {"max_tokens": self._budget(wanted, effort)}
        return {"enabled": True} if effort == "auto" else {"effort": thinking.nearest(effort, self._profile.efforts)}

    # -- output

    def _output(self) -> None:
        output = self._request.output
        match output:
            case OutputFormat(kind="schema") if self._profile.structured == "native":
                self.body["response_format"] = self._schema_format(output)
            case OutputFormat(kind="schema"):
                self._hint = f"{_JSON_ONLY} It must match this JSON Schema: {output.schema.decode()}"
                self._lose("response_format", "the schema is asked for in words", "emulated")
                self._json()
            case OutputFormat(kind="json"):
                if not self._profile.json_object or not _mentions_json(self._request):
                    self._hint = _JSON_ONLY  # the word must occur (wire.md A1)
                self._json()
            case _:
                pass

    def _json(self) -> None:
        if self._profile.json_object:
            self.body["response_format"] = {"type": "json_object"}

    def _schema_format(self, output: OutputFormat) -> dict[str, Any]:
        schema, strict = self._adapted(output.schema, output.strict, "response_format", "output")
        form: dict[str, Any] = {"name": _schema_name(output.name), "schema": Raw(schema)}
        if output.description:
            form["description"] = output.description
        if strict is not None:
            form["strict"] = strict
        return {"type": "json_schema", "json_schema": form}

    # -- tools

    def _tools(self, thinks: bool) -> None:
        request, profile = self._request, self._profile
        offered = self._offered()
        if (offered or request.server_tools) and not profile.tools:
            raise Unsupported("This model takes no tools.", param="tools", code="unsupported_parameter")
        declared = [self._tool(tool) for tool in offered] + self._served(request.server_tools)
        if not declared:
            return  # H142: no choice without tools either
        self.body["tools"] = declared
        if (choice := self._choice(offered, thinks)) is not None:
            self.body["tool_choice"] = choice
        if request.parallel_tool_calls is not None and profile.parallel_tool_calls:
            self.body["parallel_tool_calls"] = request.parallel_tool_calls
        elif request.parallel_tool_calls is False:
            self._lose("parallel_tool_calls", "this upstream cannot be told")

    def _offered(self) -> tuple[Tool, ...]:
        """All tools; only the chosen ones where the target cannot be told of a subset."""
        request = self._request
        seen: set[str] = set()
        for tool in request.tools:
            if tool.name in seen:
                raise Unsupported(f"Two tools are called {tool.name!r}.", param="tools", code="invalid_value")
            seen.add(tool.name)
        choice = request.tool_choice
        if choice is None or not choice.names or self._subsets or self._names_one(choice):
            return request.tools
        self._lose("tool_choice", "only the allowed tools are offered", "emulated")
        return tuple(tool for tool in request.tools if tool.name in choice.names)

    def _names_one(self, choice: ToolChoice) -> bool:
        return choice.mode == "required" and len(choice.names) == 1 and "function" in self._profile.tool_choices

    @property
    def _subsets(self) -> bool:
        return "allowed_tools" in self._profile.tool_choices

    def _tool(self, tool: Tool) -> dict[str, Any]:
        name = self._names.to(tool.name)
        about = {"description": tool.description} if tool.description else {}
        if tool.custom and self._profile.custom_tools:
            form = {"format": Raw(tool.grammar)} if tool.grammar else {}
            return {"type": "custom", "custom": {"name": name, **about, **form}}
        schema, strict = self._parameters(tool)
        function: dict[str, Any] = {"name": name, **about, "parameters": Raw(schema)}
        if strict is not None and self._profile.strict_tools:
            function["strict"] = strict
        declared: dict[str, Any] = {"type": "function", "function": function}
        if tool.cache is not None and self._profile.cache_marks:
            declared["cache_control"] = {"type": "ephemeral", **({"ttl": tool.cache.ttl} if tool.cache.ttl else {})}
        return declared

    def _parameters(self, tool: Tool) -> tuple[bytes, bool | None]:
        if not tool.custom:
            return self._adapted(tool.schema, tool.strict, f"tools.{tool.name}", "tool")
        if tool.grammar:
            self._lose(f"tools.{tool.name}.format", "functions have no grammar")
        return b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}', None

    def _adapted(
        self, schema: bytes, strict: bool | None, where: str, root: Literal["tool", "output"]
    ) -> tuple[bytes, bool | None]:
        """The schema as this target takes it; never strict where it had to change lossily (wire.md C8)."""
        dialect = self._profile.schema
        if dialect == "openai" and not strict:
            dialect = "plain"  # OpenAI's rules hold for strict schemas only
        adapted, losses = schemas.adapt(schema, dialect, root=root)
        if strict and losses and dialect == "openai":
            self._lose(f"{where}.strict", f"not possible for this schema: {losses[0].reason}", "changed")
            return schemas.adapt(schema, "plain", root=root)[0], False
        self.losses += losses
        return adapted, strict

    def _served(self, tools: tuple[ServerTool, ...]) -> list[Raw]:
        declared = []
        for tool in tools:
            if tool.wire == WIRE and "type" in splice.members(tool.raw):
                declared.append(Raw(tool.raw))
            elif tool.kind == "web_search":
                self.body["web_search_options"] = Raw(tool.raw) if tool.wire == WIRE else {}
            else:
                raise Unsupported(f"The tool {tool.kind!r} runs elsewhere only.", param="tools", code="unsupported_content")
        return declared

    def _choice(self, offered: tuple[Tool, ...], thinks: bool) -> Any:
        choice, able = self._request.tool_choice, self._profile.tool_choices
        if choice is None:
            return None
        forced = choice.mode == "required"
        if forced and thinks and not self._profile.forced_tool_with_reasoning:
            self._lose("tool_choice", "a thinking model cannot be forced", "changed")
            return "auto" if "auto" in able else None
        if self._names_one(choice):
            return self._one(choice.names[0])
        if choice.names and self._subsets:
            allowed = [self._one(name) for name in choice.names]
            return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": allowed}}
        if choice.mode in able:
            return self._profile.required_word if forced else choice.mode
        self._lose("tool_choice", f"{choice.mode} is not known here", "changed")
        return "auto" if "auto" in able else None

    def _one(self, name: str) -> dict[str, Any]:
        custom = any(tool.custom for tool in self._request.tools if tool.name == name) and self._profile.custom_tools
        form = "custom" if custom else "function"
        return {"type": form, form: {"name": self._names.to(name)}}

    # -- numbers

    def _limits(self) -> None:
        wanted = self._request.max_tokens
        limit = wanted if wanted is not None else self._profile.default_max_tokens
        if limit is None:
            return
        if self._profile.max_output is not None and limit > self._profile.max_output:
            self._lose("max_tokens", f"lowered to {self._profile.max_output}", "changed")
            limit = self._profile.max_output
        self.body[self._profile.max_tokens_field or "max_tokens"] = limit

    def _sampling(self) -> None:
        request, profile = self._request, self._profile
        temperature = self._warm(request.temperature)
        both = temperature is not None and request.top_p is not None
        self._knob("temperature", temperature, profile.sampling != "reject", neutral=1)
        self._knob("top_p", request.top_p, profile.sampling == "ok" or (profile.sampling == "one_of" and not both), neutral=1)
        self._knob("top_k", request.top_k, "top_k" in profile.rename)  # no member of OpenAI's: named in `rename` where known
        self._knob("min_p", request.min_p, "min_p" in profile.rename)
        self._knob("frequency_penalty", request.frequency_penalty, profile.penalties, neutral=0)
        self._knob("presence_penalty", request.presence_penalty, profile.penalties, neutral=0)
        self._knob("seed", request.seed, profile.seed)
        self._knob("logit_bias", Raw(request.logit_bias) if request.logit_bias else None, profile.sampling != "reject")
        self._knob("logprobs", request.logprobs or None, profile.logprobs)
        self._knob("top_logprobs", request.top_logprobs, profile.logprobs)
        if request.n > 1 and not profile.n:
            raise Unsupported("This model gives one answer at a time: `n` must be 1.", param="n", code="unsupported_value")
        self._knob("n", request.n if request.n > 1 else None, True)
        self._stops()

    def _warm(self, temperature: float | None) -> float | None:
        most = self._profile.temperature_max if self._profile.temperature_max is not None else 2.0
        if temperature is None or 0 <= temperature <= most:
            return temperature
        clamped = min(max(temperature, 0.0), most)
        self._lose("temperature", f"{temperature:g} became {clamped:g}", "changed")
        return clamped

    def _knob(self, name: str, value: Any, able: bool, neutral: float | None = None) -> None:
        if value is None:
            return
        if able:
            self.body[name] = value
        elif value != neutral:  # a default is nothing to warn of
            self._lose(name, "this model does not take it")

    def _stops(self) -> None:
        stop, most = self._request.stop, self._profile.stop_max
        if not stop:
            return
        most = (4 if most is None else most) if self._profile.stop else 0
        self._cut_at = stop[most:]
        if self._cut_at:
            self._lose("stop", f"this model takes {most}: the gateway cuts the text at the others", "emulated")
        if most:
            self.body["stop"] = list(stop[:most])

    # -- the rest

    def _others(self) -> None:
        request = self._request
        if request.speech is not None or "audio" in request.modalities:
            self._speech()
        elif request.modalities and request.modalities != ("text",):
            self.body["modalities"] = list(request.modalities)
        said = {
            "verbosity": request.verbosity,
            "user": request.user,
            "service_tier": request.service_tier,
            "prompt_cache_key": request.cache_key,
            "metadata": Raw(request.metadata) if request.metadata else None,
        }
        self.body |= {name: value for name, value in said.items() if value}
        for name, value in request.extra.items():
            self._extra(name, value)

    def _speech(self) -> None:
        if not self._profile.audio:
            raise Unsupported("This model does not speak.", param="modalities", code="unsupported_value")
        speech = self._request.speech
        self.body["modalities"] = list(self._request.modalities or ("text", "audio"))
        if speech is not None:
            self.body["audio"] = {"format": speech.format or "wav", "voice": speech.voice or "alloy"}

    def _extra(self, name: str, value: bytes) -> None:
        if name in _HELD:
            message = f"`{name}` refers to what another provider holds: send the content itself."
            raise Unsupported(message, param=name, code="unsupported_state_reference")
        if name in _OWN:
            self.body[name] = Raw(value)
        else:
            self._lose(name, "unknown to this protocol")


def _schema_name(name: str) -> str:
    """[A-Za-z0-9_-], at most 64, never empty."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "output"


def _mentions_json(request: Request) -> bool:
    texts = [block.text for block in request.system]
    texts += [getattr(block, "text", "") for turn in request.turns for block in turn.blocks]
    return any("json" in text.lower() for text in texts)
