"""The sixteen pairs: each official SDK through the gateway to each vendor, streamed and not."""

from __future__ import annotations

import json

import pytest
from sdk.conftest import ALOUD, Stage
from sdk.talks.mistakes import SDK_ERRORS, mistake
from sdk.talks.talk import PNG, Answer, Talk
from upstreams import script
from upstreams.script import CALLS, TEXT, Counted

pytestmark = pytest.mark.asyncio(loop_scope="module")
Kind = type[Talk]

HIDDEN = "openai.chat"  # OpenAI's own Chat Completions shows no thinking and signs none
# clients whose format brings unsigned thinking back; for the others the vendor gets an empty member, which it takes
CARRIES_UNSIGNED = {"openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"}


def _same_tokens(answer: Answer, reasoning: int = 0) -> None:
    """The numbers are the upstream's, whoever counts."""
    assert answer.counted == Counted(reasoning=reasoning)


def _called(answer: Answer) -> list[tuple[str, dict[str, object]]]:
    return [(name, arguments) for _, name, arguments in answer.calls]


async def test_a_text(stage: Stage, kind: Kind, wire: str, stream: bool) -> None:
    stage.upstreams[wire].play(script.text)
    async with stage.talk(kind, wire, stream) as talk:
        answer = await talk.ask("Tell me about the Seine.")
    assert answer.text == TEXT
    assert answer.finish == kind.finishes["stop"]
    assert answer.model == talk.model
    _same_tokens(answer)
    heard = stage.upstreams[wire].heard[-1]
    assert heard.texts[-1] == "Tell me about the Seine."
    assert "Be brief." in heard.system + "".join(heard.texts)
    # Anthropic streams to whoever leaves the length of an answer to it (wire.md C7)
    assert heard.stream is (stream or (wire == "anthropic.messages" != kind.wire))


async def test_a_text_cut_by_its_limit(stage: Stage, kind: Kind, wire: str) -> None:
    stage.upstreams[wire].play(script.long)
    async with stage.talk(kind, wire) as talk:
        answer = await talk.ask("Tell me everything.")
    assert (answer.text, answer.finish) == (TEXT, kind.finishes["length"])


async def test_a_tool_round_trip(stage: Stage, kind: Kind, wire: str, stream: bool) -> None:
    stage.upstreams[wire].play(script.tool)
    async with stage.talk(kind, wire, stream) as talk:
        talk.tools = True
        asked = await talk.ask("What is the weather in Zürich?")
        assert _called(asked) == [("get_weather", json.loads(CALLS[0][1]))]
        assert asked.finish == kind.finishes["calls"]
        _same_tokens(asked)
        told = await talk.tell({asked.calls[0][0]: "18 °C and sunny"})
    assert told.text == "It says: 18 °C and sunny"
    assert told.finish == kind.finishes["stop"]
    assert told.calls == []


async def test_parallel_tools(stage: Stage, kind: Kind, wire: str, stream: bool) -> None:
    stage.upstreams[wire].play(script.parallel)
    async with stage.talk(kind, wire, stream) as talk:
        talk.tools = True
        asked = await talk.ask("And in both?")
        assert asked.text == "Two places."
        assert _called(asked) == [("get_weather", json.loads(arguments)) for _, arguments in CALLS]
        first, second = (id for id, _, _ in asked.calls)
        assert first != second
        told = await talk.tell({first: "18 °C", second: "21 °C"})
    assert told.text == "It says: 18 °C & 21 °C"


async def test_a_thinking_round_trip(stage: Stage, kind: Kind, wire: str, stream: bool) -> None:
    """Two turns of thinking and tool use: the vendor checks that its signature has come back byte for byte."""
    shown = wire != HIDDEN
    stage.upstreams[wire].play(script.thinking)
    async with stage.talk(kind, wire, stream) as talk:
        asked, told = await _think_and_tell(talk)
    assert (asked.thinking, told.thinking) == ((script.THOUGHT, script.AFTERTHOUGHT) if shown else ("", ""))
    assert stage.upstreams[wire].heard[-1].proven is (True if shown else None)


async def test_a_round_trip_of_thinking_aloud(stage: Stage, kind: Kind, stream: bool) -> None:  # H89
    """A vendor that signs nothing and wants its thinking back beside the call."""
    stage.upstreams[ALOUD].play(script.thinking)
    async with stage.talk(kind, ALOUD, stream) as talk:
        asked, told = await _think_and_tell(talk)
    assert (asked.thinking, told.thinking) == (script.THOUGHT, script.AFTERTHOUGHT)
    came_back = stage.upstreams[ALOUD].heard[-1].proven
    assert came_back is (kind.wire in CARRIES_UNSIGNED)


async def _think_and_tell(talk: Talk) -> tuple[Answer, Answer]:
    talk.tools = talk.thinking = True
    asked = await talk.ask("Think, then look.")
    assert _called(asked) == [("get_weather", json.loads(CALLS[0][1]))]
    _same_tokens(asked, reasoning=8)
    told = await talk.tell({asked.calls[0][0]: "18 °C"})
    assert told.text == "It says: 18 °C"
    return asked, told


async def test_an_image(stage: Stage, kind: Kind, wire: str, stream: bool) -> None:
    stage.upstreams[wire].play(script.image)
    async with stage.talk(kind, wire, stream) as talk:
        answer = await talk.ask("What do you see?", PNG)
    assert answer.text == f"I see {len(PNG)} bytes of image/png."


async def test_structured_output(stage: Stage, kind: Kind, wire: str, stream: bool) -> None:
    stage.upstreams[wire].play(script.structured)
    async with stage.talk(kind, wire, stream) as talk:
        talk.structured = True
        answer = await talk.ask("Describe Paris.")
    assert json.loads(answer.text) == json.loads(script.STRUCTURED)
    assert answer.finish == kind.finishes["stop"]


# what the upstream answers -> what the client's SDK raises, by the client's wire
RAISED = {
    400: {"openai": "BadRequestError", "anthropic": "BadRequestError", "gemini": "ClientError"},
    401: {"openai": "InternalServerError", "anthropic": "InternalServerError", "gemini": "ServerError"},  # H121
    404: {"openai": "NotFoundError", "anthropic": "NotFoundError", "gemini": "ClientError"},
    429: {"openai": "RateLimitError", "anthropic": "RateLimitError", "gemini": "ClientError"},
    500: {"openai": "InternalServerError", "anthropic": "InternalServerError", "gemini": "ServerError"},
    529: {"openai": "InternalServerError", "anthropic": "OverloadedError", "gemini": "ServerError"},
}


@pytest.mark.parametrize("status", RAISED)
async def test_an_error(fresh: Stage, kind: Kind, wire: str, stream: bool, status: int) -> None:
    """Each SDK raises its own class for it, with the request's id; an upstream's 401 is never the client's."""
    headers = {"retry-after": "7"} if status == 429 else {}
    fresh.upstreams[wire].play(script.refusing(status, "The model said no to this.", **headers))
    async with fresh.talk(kind, wire, stream) as talk:
        with pytest.raises(SDK_ERRORS) as caught:
            await talk.ask("Hello?")
    seen = mistake(caught.value)
    assert seen.kind == RAISED[status][kind.wire.partition(".")[0]]
    assert seen.request_id is not None
    assert seen.request_id.startswith("req_")
    if status == 400:
        assert "The model said no to this." in seen.message
    record = await fresh.house.storage.record(seen.request_id)
    assert record is not None
    assert record.attempts[0].status == status


async def test_the_request_id_is_the_records(stage: Stage, kind: Kind, wire: str) -> None:
    stage.upstreams[wire].play(script.text)
    async with stage.talk(kind, wire) as talk:
        answer = await talk.ask("Hello")
    assert answer.request_id is not None
    record = await stage.house.storage.record(answer.request_id)
    assert record is not None
    assert (record.protocol, record.upstream_protocol, record.status) == (kind.wire, wire, 200)
    assert (record.usage.input, record.usage.cached_input, record.usage.output) == (105, 90, 17)


async def test_nothing_of_the_client_reaches_the_vendor(stage: Stage, kind: Kind, wire: str) -> None:
    upstream = stage.upstreams[wire]
    upstream.play(script.text)
    async with stage.talk(kind, wire) as talk:
        await talk.ask("Hello")
    headers = upstream.last.headers
    assert stage.house.key not in str(headers) + str(upstream.last.query) + upstream.last.raw.decode()
    assert not [name for name in headers if name.startswith(("x-stainless", "x-forwarded", "cookie", "x-goog-api-client"))]
