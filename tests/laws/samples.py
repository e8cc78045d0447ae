"""Conversations and answers in canonical form that every wire must survive; and the fake vendors' streams, by wire."""

from __future__ import annotations

import json

from upstreams import script
from upstreams.script import Heard
from upstreams.vendors import VENDORS, ThinkingChat

from pisces_proxy import chat
from pisces_proxy.plugin import Profile, Reply, Wire
from pisces_proxy.seals import Seals
from pisces_proxy.usage import Usage

SEALS = Seals([b"a secret of these tests, 32 bytes"])
PROFILE = Profile()
USAGE = Usage(input=105, cached_input=90, output=17)
CALL = chat.ToolCall(id="call_1", name="get_weather", arguments='{"city":"Zürich","days":3}')
OTHER = chat.ToolCall(id="call_2", name="get_weather", arguments='{"city":"Tokyo","exact":1.0,"big":12345678901234567890}')
THOUGHT = chat.Reasoning(text="I need the tool.")


def _answer(*blocks: chat.Block, reason: chat.StopReason = "stop", usage: Usage = USAGE) -> chat.Response:
    choice = chat.Choice(blocks=blocks, stop=chat.Stop(reason=reason))
    return chat.Response(id="up_1", model="a-model", created=1790000000, choices=(choice,), usage=usage)


def signed(kind: str) -> chat.Signature:
    return chat.Signature(kind=kind, data="U2lnbmVkIGJ5IGEgdmVuZG9yLCBieXRlIGZvciBieXRlKys/Pw==")


ANSWERS: dict[str, chat.Response] = {
    "text": _answer(chat.Text(text=script.TEXT)),
    "nothing": _answer(),
    "length": _answer(chat.Text(text=script.TEXT), reason="length"),
    "call": _answer(CALL, reason="tool_calls"),
    "text and two calls": _answer(chat.Text(text="Two places."), CALL, OTHER, reason="tool_calls"),
    "call without arguments": _answer(chat.ToolCall(id="call_1", name="now", arguments="{}"), reason="tool_calls"),
    "thinking": _answer(THOUGHT, chat.Text(text="Done."), usage=Usage(input=105, cached_input=90, output=17, reasoning=8)),
    "thinking, text, call": _answer(THOUGHT, chat.Text(text="So:"), CALL, reason="tool_calls"),
    "refusal": _answer(chat.Refusal(text="I won't."), reason="refusal"),
    "filtered": _answer(chat.Text(text="Half of"), reason="content_filter"),
    "characters": _answer(chat.Text(text='line\u2028separator\u2029 "quoted" \\ \x00\x1f 🌊\n\n\r\n data: x')),
}
ANSWERS |= {
    f"{kind}'s signature": _answer(
        chat.Reasoning(text="Signed.", signature=signed(kind)), CALL, reason="tool_calls", usage=Usage(input=1, output=1)
    )
    for kind in ("anthropic", "openai", "gemini")
}


def request(**changes: object) -> chat.Request:
    turns = (chat.Turn(role="user", blocks=(chat.Text(text="Weather in Zürich?"),)),)
    return chat.Request(model="a-model", turns=turns, **changes)  # type: ignore[arg-type]


_RESULT = chat.ToolResult(id="call_1", name="get_weather", blocks=(chat.Text(text="18 °C"),))
_TOOL = chat.Tool(
    name="get_weather",
    description="The weather.",
    schema=b'{"type":"object","properties":{"city":{"type":"string"},"title":{"type":"string"}},"required":["city"]}',
)
REQUESTS: dict[str, chat.Request] = {
    "a question": request(),
    "system text": request(system=(chat.Text(text="Be brief."),)),
    "scalars": request(max_tokens=2000, temperature=0.5, top_p=0.9, stop=("END",)),
    "streamed": request(stream=True, include_usage=True),
    "tools": request(tools=(_TOOL,), tool_choice=chat.ToolChoice(mode="required")),
    "one forced tool": request(tools=(_TOOL,), tool_choice=chat.ToolChoice(mode="required", names=("get_weather",))),
    "no tool wanted": request(tools=(_TOOL,), tool_choice=chat.ToolChoice(mode="none")),
    "a schema": request(
        output=chat.OutputFormat(
            kind="schema",
            name="place",
            schema=b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}',
        )
    ),
    "an image": chat.Request(
        model="a-model",
        turns=(
            chat.Turn(
                role="user",
                blocks=(chat.Media(kind="image", data="iVBORw0KGgo=", mime="image/png"), chat.Text(text="What is this?")),
            ),
        ),
    ),
    "a tool's round trip": chat.Request(
        model="a-model",
        turns=(
            chat.Turn(role="user", blocks=(chat.Text(text="Weather?"),)),
            chat.Turn(role="assistant", blocks=(chat.Text(text="Let me see."), CALL)),
            chat.Turn(role="user", blocks=(_RESULT,)),
        ),
        tools=(_TOOL,),
    ),
    "two results and a question": chat.Request(
        model="a-model",
        turns=(
            chat.Turn(role="user", blocks=(chat.Text(text="Weather?"),)),
            chat.Turn(role="assistant", blocks=(CALL, OTHER)),
            chat.Turn(
                role="user",
                blocks=(
                    _RESULT,
                    chat.ToolResult(id="call_2", name="get_weather", blocks=(chat.Text(text="21 °C"),)),
                ),
            ),
            chat.Turn(role="assistant", blocks=(chat.Text(text="18 and 21."),)),
            chat.Turn(role="user", blocks=(chat.Text(text="And tomorrow?"),)),
        ),
        tools=(_TOOL,),
    ),
}


def reply(wire: Wire, asked: chat.Request | None = None, **changes: object) -> Reply:
    """What an encoder is told when a client of `wire` wants to see everything."""
    thinking = chat.Thinking(effort="medium", include=True)
    values: dict[str, object] = {
        "model": "a-model",
        "request_id": "req_1",
        "created": 1790000000,
        "stream": True,
        "include_usage": True,
        "request": asked or request(thinking=thinking, stream=True, include_usage=True),
        "seals": SEALS,
    }
    return Reply(**(values | changes))  # type: ignore[arg-type]


SCENES = {
    "text": script.text,
    "long": script.long,
    "tool": script.tool,
    "parallel": script.parallel,
    "thinking": script.thinking,
    "structured": script.structured,
}


def vendor_streams() -> dict[tuple[str, str], bytes]:
    """(wire, scene) -> a stream as that wire's vendor sends it."""
    heard = Heard(model="m", stream=True, tools=("get_weather",), thinks=True, encrypted=True, schema=script.SCHEMA)
    streams = {
        (vendor.wire, scene): b"".join(vendor.frames(play(heard), heard))
        for vendor in (kind() for kind in VENDORS)
        for scene, play in SCENES.items()
    }
    aloud = ThinkingChat()
    streams[aloud.wire, "thinking aloud"] = b"".join(aloud.frames(script.thinking(heard), heard))
    return streams


def vendor_answers() -> dict[tuple[str, str], bytes]:
    """(wire, scene) -> the same answers, not streamed."""
    heard = Heard(model="m", tools=("get_weather",), thinks=True, encrypted=True, schema=script.SCHEMA)
    return {
        (vendor.wire, scene): json.dumps(vendor.whole(play(heard), heard), ensure_ascii=False, indent=1).encode()
        for vendor in (kind() for kind in VENDORS)
        for scene, play in SCENES.items()
    }
