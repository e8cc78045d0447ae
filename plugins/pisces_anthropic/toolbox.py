"""Tools and the choice among them, as Anthropic takes them (wire.md C4)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from pisces_proxy import chat
from pisces_proxy.chat import Loss, Request, Tool, ToolChoice
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.names import Names
from pisces_proxy.plugin import Profile
from pisces_proxy.schemas import adapt

from . import shapes
from .marks import CacheMarks

Json = dict[str, Any]

_FREE_TEXT = b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}'
_SERVED = {  # the newest versions that need no beta header
    "web_search": {"type": "web_search_20250305", "name": "web_search"},
    "web_fetch": {"type": "web_fetch_20250910", "name": "web_fetch"},
    "code_execution": {"type": "code_execution_20250825", "name": "code_execution"},
}


class ToolNames(Names):
    """The vendor's spelling of names, with those kept free that the gateway uses itself."""

    def __init__(self, reserved: tuple[str, ...]) -> None:
        super().__init__("a-zA-Z0-9_-", 128)
        self._reserved = reserved

    def to(self, name: str) -> str:
        if name not in self._reserved:
            return super().to(name)
        self.back[f"{name}_tool"] = name
        return f"{name}_tool"


class Toolbox:
    """The tools of one request. `losses` is what could not be said."""

    def __init__(self, request: Request, turns: tuple[chat.Turn, ...], profile: Profile, names: Names) -> None:
        self.losses: list[Loss] = []
        self._request = request
        self._profile = profile
        self._names = names
        offered = _offered(request)
        self._stubs = () if offered or request.server_tools else _stubs(turns)
        self._tools = offered or self._stubs
        if (self._tools or request.server_tools) and not profile.tools:
            raise Unsupported("This model takes no tools.", param="tools", code="unsupported_parameter")

    def tools(self, marks: CacheMarks) -> list[Json | Raw]:
        """Functions in the client's order, then the upstream's own tools."""
        names = [tool.name for tool in self._tools]
        if len(set(names)) < len(names):
            raise BadRequest("Two tools have the same name.", param="tools", code="invalid_value")
        functions: list[Json | Raw] = [marks.on(self._tool(tool), tool.cache) for tool in self._tools]
        return functions + [_served(tool) for tool in self._request.server_tools]

    def choice(self, tools: list[Json | Raw]) -> Json | None:
        """`tool_choice`; nothing where there is no tool to choose (H67, H68)."""
        asked = self._request.tool_choice or ToolChoice(mode="auto")
        if not tools:
            return None
        if self._stubs:  # declared for the history's sake only
            return {"type": "none"}
        choice = self._mode(asked)
        if self._request.parallel_tool_calls is False and asked.mode != "none" and self._profile.parallel_tool_calls:
            return {**choice, "disable_parallel_tool_use": True}
        return choice if self._request.tool_choice else None

    def _mode(self, asked: ToolChoice) -> Json:
        forced = asked.mode == "required" and len(asked.names) == 1
        if ("function" if forced else asked.mode) not in self._profile.tool_choices:
            self.losses.append(Loss(field="tool_choice", action="changed", reason="this model chooses by itself"))
            return {"type": "auto"}
        if forced:
            return {"type": "tool", "name": self._names.to(asked.names[0])}
        if asked.names:
            self.losses.append(Loss(field="tool_choice", action="emulated", reason="only the allowed tools are sent"))
        return {"type": {"auto": "auto", "none": "none", "required": "any"}[asked.mode]}

    def _tool(self, tool: Tool) -> Json:
        written: Json = {"name": self._names.to(tool.name)}
        if tool.description:
            written["description"] = tool.description
        if tool.custom:
            if tool.grammar:
                self._lost(tool, "dropped", "a grammar for free text")
            return {**written, "input_schema": Raw(_FREE_TEXT)}
        return {**written, **self._schema(tool)}

    def _schema(self, tool: Tool) -> Json:
        """A strict schema is held to the vendor's dialect; one that had to change lossily is no longer strict (wire.md C8)."""
        if tool.strict and self._profile.strict_tools:
            schema, losses = adapt(tool.schema, "anthropic")
            if not losses:
                return {"input_schema": Raw(schema), "strict": True}
            self._lost(tool, "changed", "its schema cannot be held to strictly")
        elif tool.strict:
            self._lost(tool, "dropped", "this model has no strict tools")
        schema, losses = adapt(tool.schema, self._profile.schema)
        self.losses += losses
        return {"input_schema": Raw(schema)}

    def _lost(self, tool: Tool, action: str, reason: str) -> None:
        self.losses.append(Loss(field=f"tools.{tool.name}", action=action, reason=reason))  # type: ignore[arg-type]


def _offered(request: Request) -> tuple[Tool, ...]:
    """The tools, narrowed to the subset that the client allows (its forced tool alone keeps the others)."""
    choice = request.tool_choice
    if choice is None or not choice.names or (choice.mode == "required" and len(choice.names) == 1):
        return request.tools
    return tuple(tool for tool in request.tools if tool.name in choice.names)


def _stubs(turns: tuple[chat.Turn, ...]) -> tuple[Tool, ...]:
    """The vendor refuses calls in the history of a request without tools: declare those that were called."""
    names: dict[str, None] = {}
    for turn in turns:
        for block in turn.blocks:
            if isinstance(block, chat.ToolCall):
                names[block.name] = None
    return tuple(Tool(name=name) for name in names)


def _served(tool: chat.ServerTool) -> Json | Raw:
    if tool.wire == shapes.WIRE:
        return Raw(tool.raw)
    known = _SERVED.get(tool.kind)
    if known is None:
        raise Unsupported(
            f"The tool {tool.kind!r} has no equivalent at this upstream.", param="tools", code="unsupported_parameter"
        )
    return {**known, **(_search_options(tool.raw) if tool.kind == "web_search" else {})}


class _Filters(msgspec.Struct):
    allowed_domains: list[str] | None = None


class _Place(msgspec.Struct):
    city: str | None = None
    region: str | None = None
    country: str | None = None
    timezone: str | None = None
    approximate: _Place | None = None


class _Search(msgspec.Struct):
    filters: _Filters | None = None
    user_location: _Place | None = None


_search = msgspec.json.Decoder(_Search)


def _search_options(raw: bytes) -> Json:
    """Where to search and from where, out of OpenAI's declaration."""
    try:
        seen = _search.decode(raw)
    except msgspec.MsgspecError:
        return {}
    options: Json = {}
    if seen.filters and seen.filters.allowed_domains:
        options["allowed_domains"] = seen.filters.allowed_domains
    place = seen.user_location and (seen.user_location.approximate or seen.user_location)
    if place:
        said = {name: value for name in ("city", "region", "country", "timezone") if (value := getattr(place, name))}
        options["user_location"] = {"type": "approximate", **said}
    return options
