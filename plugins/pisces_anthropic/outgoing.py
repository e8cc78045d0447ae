"""A canonical request for an Anthropic upstream (wire.md A3, A5, C2 to C13)."""

from __future__ import annotations

from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from pisces_proxy.chat import Block, Loss, Opaque, Reasoning, Request, Text, ToolCall, ToolResult, Turn
from pisces_proxy.errors import Unsupported
from pisces_proxy.history import heal, merged, systems_inlined, user_first
from pisces_proxy.plugin import Encoded, Profile

from . import shapes
from .effort import Plan, plan
from .marks import CacheMarks, written_cache
from .messages import MessageWriter
from .sampling import Knobs
from .structured import RESERVED, Structure, structure
from .toolbox import Toolbox, ToolNames

Json = dict[str, Any]

# An answer of more tokens may take longer than the ten minutes that idle connections live; the vendor's own SDKs refuse to wait
# for it without a stream: https://docs.anthropic.com/en/api/errors#long-requests
_LONGEST_WAIT = 21_333

_FILES_BETA = "files-api-2025-04-14"  # uploaded files are still in beta
_OBJECTS_ONLY = frozenset({"context_management"})  # OpenAI has a list of the same name


def encode_request(request: Request, model: str, profile: Profile) -> Encoded:
    _refuse(request)
    system, turns, losses = _conversation(request, profile)
    names = ToolNames(RESERVED)
    marks = CacheMarks(request, turns, profile.cache_marks is not False)
    shape = structure(request.output, profile)
    toolbox = Toolbox(request, turns, profile, names)
    tools = toolbox.tools(marks)
    thinking, choice = _agreed(_thinking(request, turns, profile), toolbox.choice(tools), shape, profile)
    instructions = _system(system, shape.hint, marks)
    writer = MessageWriter(profile, names, marks)
    knobs = Knobs(request, profile, thinking.on and profile.sampling != "reject")
    own, foreign = _extra(request)
    stream = request.stream or (thinking.max_tokens > _LONGEST_WAIT and profile.force_stream != "no")
    body: Json = {
        "model": model,
        "max_tokens": thinking.max_tokens,
        **({"system": instructions} if instructions else {}),
        "messages": writer.messages(turns),
        **_tool_members(tools, choice, shape),
        **_thinking_members(thinking, shape),
        **knobs.written(),
        **({"cache_control": written_cache(request.auto_cache)} if request.auto_cache else {}),
        **({"stream": True} if stream else {}),
        **own,
    }
    told = (*losses, *marks.losses, *shape.losses, *toolbox.losses, *thinking.losses, *writer.losses, *knobs.losses, *foreign)
    written, headers = shapes.encode(_tuned(body, profile)), _headers(writer.files)
    return Encoded(body=written, losses=told, headers=headers, names=names.back, stop=knobs.cut_at, stream=stream)


def _refuse(request: Request) -> None:
    """What no Anthropic model has (wire.md C13)."""
    if request.n > 1:
        raise Unsupported("This upstream gives one answer; ask for n=1.", param="n", code="unsupported_parameter")
    spoken = [kind for kind in request.modalities if kind.lower() != "text"]
    if spoken or request.speech:
        what = spoken[0].lower() if spoken else "audio"
        raise Unsupported(f"This upstream cannot answer with {what}.", param="modalities", code="unsupported_parameter")


def _headers(files: bool) -> dict[str, str]:
    version = {"anthropic-version": shapes.VERSION}
    return {**version, "anthropic-beta": _FILES_BETA} if files else version


# -- the conversation --------------------------------------------------------------------------------------------------


def _conversation(request: Request, profile: Profile) -> tuple[tuple[Text, ...], tuple[Turn, ...], tuple[Loss, ...]]:
    turns, inlined = request.turns, tuple[Loss, ...]()
    if not (profile.mid_system and _systems_follow_users(turns)):
        turns, inlined = systems_inlined(turns)
    turns, healed = heal(turns)
    turns = user_first(merged(turns))
    system = tuple(text for text in request.system if text.text)
    if not turns:  # instructions alone: they are what the user says
        system, turns = (), (Turn(role="user", blocks=system),)
    return system, _prefilled(turns, profile), (*inlined, *healed)


def _systems_follow_users(turns: tuple[Turn, ...]) -> bool:
    return all(turn.role != "system" or (index > 0 and turns[index - 1].role == "user") for index, turn in enumerate(turns))


def _prefilled(turns: tuple[Turn, ...], profile: Profile) -> tuple[Turn, ...]:
    """A last turn of the assistant's is the beginning of its answer: newer models refuse it, older ones refuse white space at
    its end (H94)."""
    last, text = turns[-1], _begun(turns)
    if text is None:
        return turns
    if not profile.prefill:
        raise Unsupported(
            "This model does not continue an answer that was begun. End with a user message.",
            param=f"messages[{len(turns) - 1}]",
            code="unsupported_value",
        )
    rest: tuple[Block, ...] = (replace(text, text=text.text.rstrip()),) if text.text.strip() else ()
    begun = (*last.blocks[:-1], *rest)
    return (*turns[:-1], replace(last, blocks=begun)) if begun else turns[:-1]


def _begun(turns: tuple[Turn, ...]) -> Text | None:
    """The words that the client puts into the model's mouth; a turn that a server tool paused is the model's own."""
    last = turns[-1]
    if last.role != "assistant" or any(isinstance(block, Opaque) for block in last.blocks):
        return None
    text = last.blocks[-1] if last.blocks else None
    return text if isinstance(text, Text) else None


def _system(system: tuple[Text, ...], hint: str, marks: CacheMarks) -> str | list[Json]:
    blocks = [marks.on({"type": "text", "text": text.text}, text.cache) for text in system]
    if hint:
        blocks.append({"type": "text", "text": hint})
    if len(blocks) == 1 and "cache_control" not in blocks[0]:
        return str(blocks[0]["text"])
    return blocks


# -- thinking, tools and structure, which depend on each other ----------------------------------------------------------


def _thinking(request: Request, turns: tuple[Turn, ...], profile: Profile) -> Plan:
    thinking = plan(request, profile)
    if not thinking.on or request.thinking is None:
        return thinking
    if _begun(turns) and thinking.thinking and profile.reasoning_off:
        return thinking.without_thinking("the answer was begun by the client")
    budget = thinking.thinking is not None and thinking.thinking["type"] == "enabled"
    if budget and _lost_its_thinking(turns, profile.signature or shapes.FAMILY):
        return thinking.without_thinking("the open tool calls came without their thinking")
    return thinking


def _lost_its_thinking(turns: tuple[Turn, ...], family: str) -> bool:
    """Whether an open round of tool calls lacks the thinking that a budget demands in front of it (H85)."""
    if len(turns) < 2 or not any(isinstance(block, ToolResult) for block in turns[-1].blocks):
        return False
    called = turns[-2].blocks
    first = next((block for block in called if not (isinstance(block, Reasoning) and _is_foreign(block, family))), None)
    return any(isinstance(block, ToolCall) for block in called) and not isinstance(first, Reasoning)


def _is_foreign(block: Reasoning, family: str) -> bool:
    return block.signature is None or block.signature.kind != family


def _agreed(thinking: Plan, choice: Json | None, shape: Structure, profile: Profile) -> tuple[Plan, Json | None]:
    """No forced tool while the model thinks, where it minds (H77): the client's choice becomes `auto`; for a structured
    answer the thinking goes."""
    if profile.forced_tool_with_reasoning or not thinking.on:
        return thinking, choice
    if shape.tool and profile.reasoning_off:
        return thinking.without_thinking("the answer's structure is forced by a tool"), choice
    if choice is None or choice["type"] not in ("any", "tool"):
        return thinking, choice
    lost = Loss(field="tool_choice", action="changed", reason="no tool can be forced while the model thinks")
    softer = {name: value for name, value in choice.items() if name != "name"} | {"type": "auto"}
    return replace(thinking, losses=(*thinking.losses, lost)), softer


def _tool_members(tools: list[Json | Raw], choice: Json | None, shape: Structure) -> Json:
    if shape.tool is None:
        return {**({"tools": tools} if tools else {}), **({"tool_choice": choice} if choice else {})}
    if not tools or (choice and choice["type"] == "none"):
        return {"tools": [*tools, shape.tool], "tool_choice": {"type": "tool", "name": shape.tool["name"]}}
    return {"tools": [*tools, shape.tool], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}}


def _thinking_members(thinking: Plan, shape: Structure) -> Json:
    config: Json = {}
    if thinking.effort:
        config["effort"] = thinking.effort
    if shape.format:
        config["format"] = shape.format
    return {
        **({"thinking": thinking.thinking} if thinking.thinking else {}),
        **({"output_config": config} if config else {}),
    }


# -- members of one wire or one upstream only ----------------------------------------------------------------------------


def _extra(request: Request) -> tuple[Json, list[Loss]]:
    """(members of this wire's own, losses for those of others)."""
    own: Json = {}
    foreign: list[Loss] = []
    for name, raw in request.extra.items():
        known = name in OWN_MEMBERS and not (name in _OBJECTS_ONLY and not raw.startswith(b"{"))
        if known:
            own[name] = Raw(raw)
        else:
            foreign.append(Loss(field=name, action="dropped", reason="Anthropic has no such member"))
    return own, foreign


OWN_MEMBERS = frozenset({"speed", "inference_geo", "diagnostics", "context_management"})


def _tuned(body: Json, profile: Profile) -> Json:
    """The profile's drops, renames and defaults."""
    kept = {profile.rename.get(name, name): value for name, value in body.items() if name not in profile.drop}
    return {**profile.defaults, **kept}
