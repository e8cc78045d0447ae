"""Recorded exchanges of Responses upstreams, read by the wire and by a second, simple reading of the same bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pisces_proxy import chat, sse
from pisces_proxy.errors import PiscesError, Unsupported
from pisces_proxy.plugin import Operation, Profile

from .responses_samples import PLAIN, SEALS, WIRE, accumulated, reply

pytestmark = pytest.mark.corpus

ROOT = Path(os.environ.get("PISCES_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus") / "openai_responses"
FILES = sorted(ROOT.glob("*.json")) if ROOT.is_dir() else []

if not FILES:
    pytest.skip("no recorded exchanges here (set PISCES_CORPUS)", allow_module_level=True)

# Answers that are none yet: this gateway asks for nothing in the background.
UNFINISHED = {
    "pydantic_ai__test_background_mode_reasoning_vcr__0",
    "pydantic_ai__test_background_mode_streaming_without_starting_after_vcr__0",
    "pydantic_ai__test_background_mode_vcr__1",
}


def exchange(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def of(kind: str) -> list[Any]:
    """The exchanges that hold this, by name."""
    found = []
    for path in FILES:
        seen = exchange(path)
        body = (seen["request"] or {}).get("body")
        answer = seen["response"] or {}
        holds = isinstance(body, dict) and "input" in body if kind == "request" else kind in answer
        if kind == "body" and holds and answer["body"]["object"] != "response":
            holds = False  # a compaction or a list of items: other calls, which need a store
        if holds:
            found.append(pytest.param(path, id=path.stem[:100]))
    return found


# -- the second reading ------------------------------------------------------------------------------------------------


def read(output: list[dict[str, Any]]) -> dict[str, Any]:
    """Text, refusals and calls of a whole output, without the wire's code."""
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    return {
        "text": "".join(part["text"] for part in parts if part["type"] == "output_text"),
        "refusal": "".join(part["refusal"] for part in parts if part["type"] == "refusal"),
        "calls": [
            (item["call_id"], item["name"], item.get("arguments", item.get("input")))
            for item in output
            if item["type"] in ("function_call", "custom_tool_call")
        ],
    }


def canonical(response: chat.Response) -> dict[str, Any]:
    blocks = response.choices[0].blocks
    calls = [block for block in blocks if isinstance(block, chat.ToolCall)]
    return {
        "text": "".join(block.text for block in blocks if isinstance(block, chat.Text)),
        "refusal": "".join(block.text for block in blocks if isinstance(block, chat.Refusal)),
        "calls": [(call.id, call.name.rpartition("::")[2], call.arguments) for call in calls],
    }


def finish(response: dict[str, Any], output: dict[str, Any]) -> str:
    if response.get("status") == "incomplete":
        return {"max_output_tokens": "length"}.get(response["incomplete_details"]["reason"], "content_filter")
    return "tool_calls" if output["calls"] else "refusal" if output["refusal"] else "stop"


def check_usage(found: chat.Response, usage: dict[str, Any] | None) -> None:
    if not usage or not usage.get("total_tokens"):
        assert found.usage is None
        return
    assert found.usage is not None
    assert (found.usage.input, found.usage.output) == (usage["input_tokens"], usage["output_tokens"])
    assert found.usage.cached_input == (usage.get("input_tokens_details") or {}).get("cached_tokens", 0)
    assert found.usage.reasoning == (usage.get("output_tokens_details") or {}).get("reasoning_tokens", 0)


def events_of(stream: str, step: int | None = None) -> list[chat.Event]:
    """The stream's events, read in pieces of `step` bytes."""
    data, reader, decoder = stream.encode(), sse.Reader(), WIRE.decoder(PLAIN)
    events: list[chat.Event] = []
    for start in range(0, len(data), step or len(data)):
        for frame in reader.feed(data[start : start + (step or len(data))]):
            events += decoder.decode(frame.event, frame.data)
    for frame in reader.end():
        events += decoder.decode(frame.event, frame.data)
    return [*events, *decoder.end()]


def check_grammar(events: list[chat.Event]) -> None:
    """Start (BlockStart Delta* BlockEnd)* Stop Finish | Failed, with Ping and Logprobs in between."""
    opened = False
    for number, event in enumerate(event for event in events if not isinstance(event, chat.Ping)):
        match event:
            case chat.Start():
                assert number == 0
            case chat.BlockStart():
                assert not opened
                opened = True
            case chat.BlockEnd():
                assert opened
                opened = False
            case chat.Delta():
                assert opened and event.text
            case chat.Stop() | chat.Finish():
                assert not opened
    assert isinstance(events[-1], (chat.Finish, chat.Failed))
    assert sum(isinstance(event, (chat.Finish, chat.Failed)) for event in events) == 1


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", of("body"))
def test_a_recorded_answer_is_read_as_it_stands(path: Path) -> None:
    body = exchange(path)["response"]["body"]
    if path.stem in UNFINISHED:
        with pytest.raises(PiscesError):
            WIRE.decode_response(json.dumps(body).encode(), PLAIN)
        return
    response = WIRE.decode_response(json.dumps(body).encode(), PLAIN)
    expected = read(body["output"])
    assert canonical(response) == expected
    assert response.choices[0].stop.reason == finish(body, expected)
    assert (response.id, response.model) == (body["id"], body["model"])
    check_usage(response, body.get("usage"))


# The recorder replaced a command in the finished items, and could not in the deltas.
RETOUCHED = {"braintrust_sdk_javascript__flue_v0_8_latest_cassette__13"}
# Typed by hand, with an object that lacks its closing brace: not JSON.
BROKEN = {"ai__fixtures_parallel_tool_call_wrapper_1_chunks__0"}


def stream_of(path: Path) -> str:
    """The first answer of the recording; two hold several behind each other."""
    stream = exchange(path)["response"]["sse"]
    ends = [at for name in ("completed", "incomplete") if (at := stream.find(f'"type":"response.{name}"')) >= 0]
    end = stream.find("\n\n", min(ends)) if ends else -1
    return stream if end < 0 else stream[: end + 2]


@pytest.mark.parametrize("path", of("sse"))
def test_a_recorded_stream_is_read_as_its_parts_say(path: Path) -> None:
    stream = stream_of(path)
    if path.stem in BROKEN:
        assert isinstance(events_of(stream)[-1], chat.Failed)
        return
    frames = [json.loads(frame.data) for frame in sse.frames(stream.encode()) if frame.data.strip() != b"[DONE]"]
    events = events_of(stream)
    check_grammar(events)
    last = frames[-1]
    if last["type"] not in ("response.completed", "response.incomplete"):
        assert isinstance(events[-1], chat.Failed)
        return
    done = {frame["output_index"]: frame["item"] for frame in frames if frame["type"] == "response.output_item.done"}
    output = last["response"].get("output") or []
    if done and len(output) != len(done):
        output = [done[index] for index in sorted(done)]
    response = chat.fold(events)
    expected = read(output)
    if path.stem in RETOUCHED:
        said = "".join(frame["delta"] for frame in frames if frame["type"] == "response.function_call_arguments.delta")
        expected["calls"] = [(*expected["calls"][0][:2], said)]
    assert canonical(response) == expected
    assert response.choices[0].stop.reason == finish(last["response"], expected)
    check_usage(response, last["response"].get("usage"))


@pytest.mark.parametrize("path", of("sse"))
def test_a_stream_cut_anywhere_gives_the_same_events(path: Path) -> None:
    stream = exchange(path)["response"]["sse"]
    assert [str(event) for event in events_of(stream, 61)] == [str(event) for event in events_of(stream)]


@pytest.mark.parametrize("path", of("sse"))
def test_a_stream_that_ends_early_never_ends_well(path: Path) -> None:
    stream = stream_of(path).encode()
    cut = stream[: stream.rfind(b"\n\n", 0, len(stream) // 2) + 2]
    events = events_of(cut.decode())
    assert isinstance(events[-1], chat.Failed)


def recorded(path: Path) -> chat.Response:
    response = exchange(path)["response"]
    if "sse" in response:
        return chat.fold(events_of(stream_of(path)))
    return WIRE.decode_response(json.dumps(response["body"]).encode(), PLAIN)


def answers() -> list[Any]:
    """The recordings that hold a whole answer."""
    found = of("body") + [
        param for param in of("sse") if not isinstance(events_of(stream_of(param.values[0]))[-1], chat.Failed)
    ]
    return [param for param in found if param.values[0].stem not in UNFINISHED]


def comparable(response: chat.Response) -> Any:
    """Without the ids and names that each hop gives anew."""
    choice = response.choices[0]
    kept = [block for block in choice.blocks if not (isinstance(block, chat.Text) and not block.text)]
    bare = [
        msgspec.structs.replace(block, signature=block.signature and msgspec.structs.replace(block.signature, id=""))
        if isinstance(block, chat.Reasoning)
        else block
        for block in kept
    ]
    usage = response.usage and msgspec.structs.replace(response.usage, audio_input=0, image_input=0, audio_output=0)
    return bare, choice.stop.reason, usage


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # items that are newer than the SDK
@pytest.mark.parametrize("path", answers())
def test_an_answer_written_anew_reads_the_same_streamed_and_whole(path: Path) -> None:
    response = recorded(path)
    whole = WIRE.decode_response(WIRE.encode_response(response, reply()), PLAIN)
    stream = WIRE.encoder(reply()).encode(list(chat.unfold(response)))
    streamed = chat.fold(events_of(stream.decode()))
    assert comparable(whole)[0] == comparable(streamed)[0]
    usage_known = response.usage is not None
    assert comparable(whole)[1 : 3 if usage_known else 2] == comparable(response)[1 : 3 if usage_known else 2]
    assert canonical(whole) == canonical(response)
    if response.choices[0].stop.reason in ("stop", "tool_calls", "refusal"):
        final = accumulated(stream)
        assert final.output_text == canonical(response)["text"]


# -- requests ----------------------------------------------------------------------------------------------------------


OPENAI = Profile(tool_choices=("auto", "none", "required", "function", "allowed_tools"))
# Its only message is empty, and no API takes that: something is put there.
EMPTY = {"mirascope__empty_call_openai_responses_handles_empty_string_content__0"}


@pytest.mark.parametrize("path", of("request"))
def test_a_recorded_request_is_read_or_refused_for_its_state(path: Path) -> None:
    body = exchange(path)["request"]["body"]
    operation = Operation(kind="chat", wire=WIRE.name, model=body.get("model", ""), body=json.dumps(body).encode())
    try:
        request = WIRE.decode_request(operation, SEALS)
    except Unsupported as error:
        assert error.code == "unsupported_state_reference"
        state = ("previous_response_id", "conversation", "prompt", "background")
        referring = "item_reference" in json.dumps(body["input"])
        assert referring or any(body.get(name) for name in state)
        return
    encoded = WIRE.encode_request(request, request.model, OPENAI)
    again = WIRE.decode_request(Operation(kind="chat", wire=WIRE.name, body=encoded.body), SEALS)
    assert WIRE.encode_request(again, request.model, OPENAI).body == encoded.body
    assert WIRE.encode_request(request, request.model, OPENAI).body == encoded.body
    if path.stem not in EMPTY:
        assert texts(again) == texts(request)


def texts(request: chat.Request) -> Any:
    said = [block.text for turn in request.turns for block in turn.blocks if isinstance(block, (chat.Text, chat.Refusal))]
    calls = [block.id for turn in request.turns for block in turn.blocks if isinstance(block, chat.ToolCall)]
    return "".join(said), calls, "\n\n".join(text.text for text in request.system), len(request.tools)


@pytest.mark.parametrize("path", of("request"))
def test_a_recorded_request_passes_with_nothing_but_its_model_changed(path: Path) -> None:
    body = exchange(path)["request"]["body"]
    operation = Operation(kind="chat", wire=WIRE.name, model=body.get("model", ""), body=json.dumps(body).encode())
    assert json.loads(WIRE.rewrite(operation, "other", PLAIN).body) == {**body, "model": "other"}
