"""The canonical request as a Responses request for an upstream (wire.md C4, C7, C13)."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy import history, schemas, thinking
from pisces_proxy.chat import Loss, OutputFormat, Request, ServerTool, Thinking, Tool, ToolChoice
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.names import Names
from pisces_proxy.plugin import Encoded, Profile

from .responses_items import WIRE
from .responses_request import ENCRYPTED, LOGPROBS
from .responses_sent_items import Json, input_items

LEAST_OUTPUT = 16  # the API refuses less

# Members of this API that another wire's decoder left in `extra`, for a Responses upstream to read.
_OWN = frozenset(("truncation", "max_tool_calls", "context_management", "moderation", "prompt_cache_retention", "top_logprobs"))
_LISTS = frozenset(("context_management",))  # Anthropic has an object of the same name
_TIERS = {"standard": "default", "standard_only": "default"}
_TIERS |= {tier: tier for tier in ("auto", "default", "flex", "priority", "scale", "ultrafast")}
_SCALARS = (
    # canonical member, what it holds when the client said nothing
    ("top_k", None),
    ("min_p", None),
    ("seed", None),
    ("frequency_penalty", None),
    ("presence_penalty", None),
    ("logit_bias", b""),
)

_json = msgspec.json.Encoder().encode
_any = msgspec.json.Decoder()


def encode_request(request: Request, model: str, profile: Profile) -> Encoded:
    """Raises Unsupported for content that this target has no place for."""
    return _Target(request, model, profile).encoded()


class _Target:
    """One request on its way to one upstream; `losses` grows."""

    def __init__(self, request: Request, model: str, profile: Profile) -> None:
        self.request = request
        self.model = model
        self.profile = profile
        self.losses: list[Loss] = []
        self.names = Names()

    def encoded(self) -> Encoded:
        self._refuse()
        body = {
            "model": self.model,
            **self._conversation(),
            **self._tools(),
            **self._reasoning(),
            **self._sampling(),
            **self._text(),
            **self._rest(),
            "store": False,  # the gateway's answers are stateless, whoever gives them
            **({"stream": True} if self.request.stream else {}),
        }
        shaped = shape(body, self.profile)
        stop = self.request.stop
        if stop:
            self.lose("stop", "the Responses API has none: the gateway cuts the text", "emulated")
        return Encoded(body=_json(shaped), losses=tuple(self.losses), names=self.names.back, stop=stop)

    def lose(self, field: str, reason: str, action: str = "dropped") -> None:
        self.losses.append(Loss(field=field, action=action, reason=reason))  # type: ignore[arg-type]

    def _refuse(self) -> None:
        request = self.request
        if request.n > 1:
            raise Unsupported(
                "The Responses API gives one answer: `n` cannot be more than 1.", param="n", code="unsupported_value"
            )
        if request.speech is not None or "audio" in request.modalities:
            raise Unsupported("The Responses API gives no audio.", param="modalities", code="unsupported_value")

    # -- what was said

    def _conversation(self) -> Json:
        turns, healed = history.heal(self.request.turns)
        self.losses += healed
        if not self.profile.mid_system:
            turns, told = history.systems_inlined(turns)
            self.losses += told
        custom = frozenset(tool.name for tool in self.request.tools if self._goes_custom(tool))
        items = input_items(turns, self.profile, self.names, custom, self.losses)
        system = "\n\n".join(text.text for text in self.request.system if text.text)
        if not items and system:  # instructions alone are refused (C2)
            return {"input": [{"type": "message", "role": "developer", "content": system}]}
        return {**({"instructions": system} if system else {}), "input": items}

    # -- tools

    def _goes_custom(self, tool: Tool) -> bool:
        return tool.custom and self.profile.custom_tools

    def _tools(self) -> Json:
        tools = [self._tool(tool) for tool in self._offered()]
        hosted: list[Any] = [self._hosted(tool) for tool in self.request.server_tools]
        if "image" in self.request.modalities:
            hosted.append({"type": "image_generation"})
            self.lose("modalities", "asked for by the image_generation tool", "emulated")
        if not tools and not hosted:
            return {}  # neither an empty list nor a choice among nothing is taken
        _once([tool["name"] for tool in tools])
        members: Json = {"tools": [*tools, *hosted]}
        if (choice := self._choice()) is not None:
            members["tool_choice"] = choice
        if self.request.parallel_tool_calls is not None:
            members["parallel_tool_calls"] = self.request.parallel_tool_calls
        return members

    def _offered(self) -> tuple[Tool, ...]:
        """The tools to tell of: where a choice among some cannot be said, only those are there."""
        choice = self.request.tool_choice
        if choice is None or not choice.names or self._sayable(choice):
            return self.request.tools
        self.lose("tool_choice", "only the allowed tools are offered", "emulated")
        return tuple(tool for tool in self.request.tools if tool.name in choice.names)

    def _sayable(self, choice: ToolChoice) -> bool:
        single = choice.mode == "required" and len(choice.names) == 1
        return single or choice.mode == "none" or "allowed_tools" in self.profile.tool_choices

    def _tool(self, tool: Tool) -> Json:
        if not self.profile.tools:
            raise Unsupported("This model takes no tools.", param="tools", code="unsupported_parameter")
        name = self.names.to(tool.name)
        said = {"description": tool.description} if tool.description else {}
        if self._goes_custom(tool):
            grammar = {"format": msgspec.Raw(tool.grammar)} if tool.grammar else {}
            return {"type": "custom", "name": name, **said, **grammar}
        if tool.custom:
            self.lose(f"tools.{tool.name}", "a free-form tool became a function with one text", "emulated")
            return {"type": "function", "name": name, **said, "parameters": msgspec.Raw(_FREE_FORM), "strict": False}
        schema, strict = self._schema(tool.schema, bool(tool.strict), tool.name)
        # `strict` is always said: where it is absent the API may try to be strict (A2.2)
        return {"type": "function", "name": name, **said, "parameters": msgspec.Raw(schema), "strict": strict}

    def _schema(self, schema: bytes, strict: bool, where: str) -> tuple[bytes, bool]:
        """The schema, and whether it may be enforced: not where that would change what it says (C8)."""
        if strict and self.profile.strict_tools:
            adapted, lost = schemas.adapt(schema, "openai")
            if not lost:
                return adapted, True
            self.lose(f"tools.{where}.strict", f"not enforced: {lost[0].reason}", "changed")
        elif strict:
            self.lose(f"tools.{where}.strict", "this target does not enforce schemas")
        plain, lost = schemas.adapt(schema, "plain" if self.profile.schema == "openai" else self.profile.schema)
        self.losses += lost
        return plain, False

    def _hosted(self, tool: ServerTool) -> Json | msgspec.Raw:
        if tool.wire == WIRE:
            return msgspec.Raw(tool.raw)
        match tool.kind:
            case "web_search":
                return self._web_search(tool.raw)
            case "code_execution":
                return {"type": "code_interpreter", "container": {"type": "auto"}}
            case kind:
                raise Unsupported(f"The tool {kind!r} exists on {tool.wire} only.", param="tools", code="unsupported_value")

    def _web_search(self, raw: bytes) -> Json:
        given = _any.decode(raw) if raw else {}
        options: Json = given if isinstance(given, dict) else {}
        search: Json = {"type": "web_search"}
        if options.get("allowed_domains"):
            search["filters"] = {"allowed_domains": options["allowed_domains"]}
        if options.get("search_context_size"):
            search["search_context_size"] = options["search_context_size"]
        if isinstance(place := options.get("user_location"), dict):
            inner = place.get("approximate")  # nested in the chat form
            search["user_location"] = {"type": "approximate", **(inner if isinstance(inner, dict) else place)}
        for name in ("max_uses", "blocked_domains"):
            if options.get(name):
                self.lose(f"tools.web_search.{name}", "the Responses API has no such limit")
        return search

    def _choice(self) -> Any:
        choice = self._allowed(self.request.tool_choice)
        if choice is None:
            return None
        if not choice.names or not self._sayable(choice):
            return self.profile.required_word if choice.mode == "required" else choice.mode
        if choice.mode == "none":
            return "none"
        named = [{"type": self._type_of(name), "name": self.names.to(name)} for name in choice.names]
        if choice.mode == "required" and len(named) == 1:
            return named[0]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": named}

    def _allowed(self, choice: ToolChoice | None) -> ToolChoice | None:
        """The choice as far as this target knows such choices."""
        if choice is None:
            return None
        forced = choice.mode == "required"
        if forced and not self.profile.forced_tool_with_reasoning and _thinks(self.request.thinking):
            self.lose("tool_choice", "this target cannot think and be forced to call a tool", "changed")
            return ToolChoice(mode="auto", names=choice.names)
        if forced and choice.names and "function" not in self.profile.tool_choices:
            self.lose("tool_choice", "this target cannot be told which tool to call", "changed")
            choice = ToolChoice(mode="required")
        if choice.mode not in self.profile.tool_choices:
            self.lose("tool_choice", f"this target does not know {choice.mode!r}", "changed")
            return None
        return choice

    def _type_of(self, name: str) -> str:
        return "custom" if any(tool.name == name and self._goes_custom(tool) for tool in self.request.tools) else "function"

    # -- thinking

    def _reasoning(self) -> Json:
        profile, wish = self.profile, self.request.thinking
        able = profile.reasoning != "none"
        if wish is not None and not able:
            if _thinks(wish):
                self.lose("reasoning", "this model does not think")
            return {}
        members: Json = {}
        if wish is not None and (reasoning := self._effort(wish)):
            members["reasoning"] = reasoning
        # only models that think take it (H87)
        wanted = [ENCRYPTED] if profile.reasoning not in ("", "none") or profile.efforts or "reasoning" in members else []
        wanted = [] if profile.signature == "none" else wanted
        if self.request.logprobs and profile.logprobs:
            wanted.append(LOGPROBS)
        return {**members, **({"include": wanted} if wanted else {})}

    def _effort(self, wish: Thinking) -> Json:
        effort = (
            wish.effort if wish.effort is not None else thinking.effort_of(wish.budget) if wish.budget is not None else None
        )
        said: Json = {}
        if effort is not None and effort != "auto":
            said["effort"] = self._nearest(effort)
        if wish.include and said.get("effort") != "none":
            said["summary"] = wish.summary or "auto"
        return said

    def _nearest(self, effort: Any) -> str:
        allowed = self.profile.efforts
        if effort == "none" and not self.profile.reasoning_off:
            allowed = tuple(name for name in allowed if name != "none") or ("low",)
        taken = thinking.nearest(effort, allowed)
        if taken != effort:
            self.lose("reasoning.effort", f"{effort} became {taken}", "changed")
        return taken

    # -- scalars

    def _sampling(self) -> Json:
        request, profile = self.request, self.profile
        for name, unsaid in _SCALARS:
            if getattr(request, name) != unsaid:
                self.lose(name, "the Responses API has no such parameter")
        members: Json = {}
        temperature, top_p = request.temperature, request.top_p
        if profile.sampling == "reject":
            self._drop_sampling(temperature, top_p)
            temperature = top_p = None
        elif top_p is not None and (
            profile.sampling == "temperature_only" or (profile.sampling == "one_of" and temperature is not None)
        ):
            self.lose("top_p", "this model takes the temperature only")
            top_p = None
        if temperature is not None:
            members["temperature"] = self._clamped(temperature)
        if top_p is not None:
            members["top_p"] = top_p
        return members | self._logprobs()

    def _drop_sampling(self, temperature: float | None, top_p: float | None) -> None:
        for name, value in (("temperature", temperature), ("top_p", top_p)):
            if value is not None and value != 1:  # 1 is what it does anyway
                self.lose(name, "this model decides for itself")

    def _clamped(self, temperature: float) -> float:
        most = self.profile.temperature_max if self.profile.temperature_max is not None else 2.0
        if temperature > most:
            self.lose("temperature", f"the most this model takes is {most:g}", "changed")
            return most
        return temperature

    def _logprobs(self) -> Json:
        if not self.request.logprobs:
            return {}
        if not self.profile.logprobs:
            self.lose("logprobs", "this model tells no probabilities")
            return {}
        return {} if self.request.top_logprobs is None else {"top_logprobs": self.request.top_logprobs}

    def _rest(self) -> Json:
        request = self.request
        members: Json = {}
        if (most := self._max_output()) is not None:
            members["max_output_tokens"] = most
        if request.user:
            members["user"] = request.user  # look-alikes do not know its newer name
        if request.metadata:
            members["metadata"] = msgspec.Raw(request.metadata)
        if request.cache_key:
            members["prompt_cache_key"] = request.cache_key
        if tier := _TIERS.get(request.service_tier):
            members["service_tier"] = tier
        elif request.service_tier:
            self.lose("service_tier", f"{request.service_tier!r} is no tier of the Responses API")
        return members | self._extra()

    def _max_output(self) -> int | None:
        wanted = self.request.max_tokens if self.request.max_tokens is not None else self.profile.default_max_tokens
        if wanted is None:
            return None
        taken = max(LEAST_OUTPUT, wanted)
        if self.profile.max_output is not None:
            taken = min(taken, self.profile.max_output)
        if taken != wanted:
            self.lose("max_tokens", f"{wanted} became {taken}", "changed")
        return taken

    def _extra(self) -> Json:
        extra = self.request.extra
        own = {name for name in extra if name in _OWN and not (name in _LISTS and not extra[name].startswith(b"["))}
        for name in extra:
            if name not in own:
                self.lose(name, "the Responses API has no such parameter")
        return {name: msgspec.Raw(value) for name, value in extra.items() if name in own}

    # -- the answer's form

    def _text(self) -> Json:
        text: Json = {}
        if self.request.output is not None and (form := self._format(self.request.output)):
            text["format"] = form
        if self.request.verbosity:
            text["verbosity"] = self.request.verbosity
        return {"text": text} if text else {}

    def _format(self, output: OutputFormat) -> Json:
        if output.kind == "text":
            return {}
        if output.kind == "json" or self.profile.structured != "native":
            if output.kind == "schema":
                self.lose("text.format", "this target promises JSON, not the schema", "changed")
            return {"type": "json_object"}
        schema, strict = output.schema, bool(output.strict)
        adapted, lost = schemas.adapt(schema, "openai" if strict else "plain", root="output")
        if lost:
            self.lose("text.format.strict", f"not enforced: {lost[0].reason}", "changed")
            adapted, strict = schemas.adapt(schema, "plain", root="output")[0], False
        said = {"description": output.description} if output.description else {}
        name = Names().to(output.name or "response")
        return {"type": "json_schema", "name": name, **said, "schema": msgspec.Raw(adapted), "strict": strict}


_FREE_FORM = b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'


def _once(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise BadRequest(f"Two tools are called {name!r}.", param="tools", code="invalid_value")


def _thinks(wish: Thinking | None) -> bool:
    return wish is not None and wish.effort != "none" and wish.budget != 0


def shape(body: Json, profile: Profile) -> Json:
    """The body with the profile's defaults, renames and drops."""
    body = {**{name: value for name, value in profile.defaults.items() if name not in body}, **body}
    return {profile.rename.get(name, name): value for name, value in body.items() if name not in profile.drop}
