"""Google's own SDK reads what this wire writes, and this wire reads what the SDK writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest
from google import genai
from google.genai import types
from google.genai.errors import ClientError, ServerError
from plugins.gemini.talk import SEALS, WIRE, reply, streamed

from pisces_proxy import errors
from pisces_proxy.chat import (
    BlockStart,
    Choice,
    Delta,
    Failed,
    Media,
    Reasoning,
    Request,
    Response,
    Signature,
    Stop,
    Text,
    ToolCall,
    ToolResult,
)  # fmt: skip
from pisces_proxy.plugin import Model, Operation
from pisces_proxy.usage import Usage

CLAUDE = Signature(kind="anthropic", data="sig", family="claude")
ANSWER = Response(
    id="x",
    choices=(
        Choice(
            blocks=(
                Reasoning(text="hm", signature=CLAUDE),
                Text(text="I look\u2028now."),
                ToolCall(id="c1", name="f", arguments='{"a":1}'),
                Media(kind="image", data="aGk=", mime="image/png"),
            ),
            stop=Stop(reason="tool_calls"),
        ),
    ),
    usage=Usage(input=20, cached_input=5, output=9, reasoning=4),
)

Answering = Callable[[httpx.Request], httpx.Response]


@contextmanager
def client(answering: Answering) -> Iterator[genai.Client]:
    """The SDK with this function for a network."""
    with httpx.Client(transport=httpx.MockTransport(answering)) as network:
        options = types.HttpOptions(httpx_client=network, retry_options=types.HttpRetryOptions(attempts=1))
        yield genai.Client(api_key="k", vertexai=False, http_options=options)


def saying(body: bytes, status: int = 200, form: str = "sse") -> Answering:
    headers = dict(WIRE.stream_headers(form)) if status == 200 else {"content-type": "application/json"}
    return lambda request: httpx.Response(status, content=body, headers=headers)


def test_the_sdk_reads_a_stream_with_heartbeats_in_it() -> None:  # B6 H13 H125
    body = WIRE.heartbeat + streamed(ANSWER, reply(extension=b'{"g":1}')).replace(
        b"\r\n\r\ndata", b"\r\n\r\n" + WIRE.heartbeat + b"data"
    )
    with client(saying(body)) as sdk:
        chunks = list(sdk.models.generate_content_stream(model="m", contents="x"))
    found = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    assert [part.text for part in found if part.thought] == ["hm"]
    assert [part.text for part in found if part.text and not part.thought] == ["I look\u2028now."]
    assert [part.function_call.args for part in found if part.function_call] == [{"a": 1}]
    assert [part.inline_data.data for part in found if part.inline_data] == [b"hi"]
    usage = chunks[-1].usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count) == (20, 5, 4)
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[0].model_version == "mine"


def test_the_sdk_reads_a_whole_answer() -> None:
    with client(saying(WIRE.encode_response(ANSWER, reply(extension=b'{"g":1}')), form="array")) as sdk:
        answer = sdk.models.generate_content(model="m", contents="x")
    assert answer.function_calls is not None and answer.function_calls[0].id == "c1"
    assert answer.response_id == "x"


def test_the_sdk_raises_what_breaks_a_stream() -> None:  # H125
    events = [BlockStart(block=Text(text="")), Delta(text="a"), Failed(error=errors.UpstreamOverloaded("Later."))]
    with client(saying(WIRE.encoder(reply(extension=b"{}")).encode(events))) as sdk:
        stream = sdk.models.generate_content_stream(model="m", contents="x")
        assert next(stream).text == "a"
        with pytest.raises(ServerError) as caught:
            next(stream)
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")


def test_the_sdk_raises_refusals() -> None:  # H122
    status, body = WIRE.encode_error(errors.ModelNotFound("No such model."), "req_1", b"{}")
    with client(saying(body, status)) as sdk, pytest.raises(ClientError) as caught:
        sdk.models.generate_content(model="m", contents="x")
    assert (caught.value.code, caught.value.status, caught.value.message) == (404, "NOT_FOUND", "No such model.")


def test_the_sdk_pages_through_the_models_and_counts() -> None:
    rows = [Model(id=f"m{number}") for number in range(5)]

    def answering(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(":countTokens"):
            return httpx.Response(200, content=WIRE.encode_count(Usage(input=7), reply(extension=b"{}")))
        return httpx.Response(200, content=WIRE.encode_models(rows, dict(request.url.params), b"{}"))

    with client(answering) as sdk:
        listed = [model.name for model in sdk.models.list(config={"page_size": 2, "query_base": True})]
        counted = sdk.models.count_tokens(model="m", contents="x").total_tokens
    assert listed == [f"models/m{number}" for number in range(5)]
    assert counted == 7


def test_what_the_sdk_replays_is_read_with_its_signature() -> None:  # H100 H101
    seen: list[Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        operation = Operation(kind="chat", wire=WIRE.name, model="m", body=request.content)
        seen.append(WIRE.decode_request(operation, SEALS))
        return httpx.Response(200, content=WIRE.encode_response(ANSWER, reply()))

    result = types.Part(function_response=types.FunctionResponse(name="f", response={"output": "42"}))
    image = types.Part.from_bytes(data=bytes(range(250, 256)) * 3, mime_type="image/png")
    config = types.GenerateContentConfig(
        system_instruction="Be brief.",
        max_output_tokens=9,
        thinking_config=types.ThinkingConfig(include_thoughts=True),
        tools=[
            types.Tool(function_declarations=[types.FunctionDeclaration(name="f", parameters_json_schema={"type": "object"})])
        ],
    )
    with client(answering) as sdk:
        answer = sdk.models.generate_content(model="m", contents=["x", image], config=config)
        history = [types.UserContent("x"), answer.candidates[0].content, types.UserContent([result])]
        sdk.models.generate_content(model="m", contents=history, config=config)
    first, second = seen
    assert (first.max_tokens, first.system[0].text, first.tools[0].name) == (9, "Be brief.", "f")
    assert isinstance(first.turns[0].blocks[1], Media) and first.turns[0].blocks[1].data == "+vv8/f7/+vv8/f7/+vv8/f7/"
    thinking, _, call, _ = second.turns[1].blocks
    assert thinking == Reasoning(text="hm", summary=True, signature=CLAUDE)
    assert isinstance(call, ToolCall) and call.id == "c1"
    assert second.turns[2].blocks == (ToolResult(id="c1", name="f", blocks=(Text(text="42"),)),)
