"""Every ordered pair of wires: what one says, the other says too, and saying it again changes nothing."""

from __future__ import annotations

import msgspec
import pytest
from laws import essence, grammar
from laws.reading import events_of, stream_of
from laws.samples import ANSWERS, PROFILE, REQUESTS, SEALS, reply

from pisces_proxy import chat
from pisces_proxy.plugin import Operation, Wire


def _whole(wire: Wire, answer: chat.Response) -> chat.Response:
    return wire.decode_response(wire.encode_response(answer, reply(wire, stream=False)), PROFILE)


def _streamed(wire: Wire, answer: chat.Response) -> chat.Response:
    events = events_of(wire, stream_of(wire, answer, reply(wire)), PROFILE)
    grammar.check(events)
    return chat.fold(events)


@pytest.mark.parametrize("form", [_whole, _streamed])
@pytest.mark.parametrize("sample", ANSWERS)
def test_an_answer_keeps_its_essence_from_wire_to_wire(source: Wire, target: Wire, sample: str, form) -> None:  # type: ignore[no-untyped-def]
    first = form(source, ANSWERS[sample])
    second = form(target, first)
    assert essence.of(first) == essence.of(ANSWERS[sample], source.name)
    assert essence.of(second) == essence.of(first, target.name)


@pytest.mark.parametrize("form", [_whole, _streamed])
@pytest.mark.parametrize("sample", ANSWERS)
def test_an_answer_is_stable_once_it_has_been_in_a_wire(source: Wire, target: Wire, sample: str, form) -> None:  # type: ignore[no-untyped-def]
    once = form(target, form(source, ANSWERS[sample]))
    again = form(target, once)
    assert essence.plain(again) == essence.plain(once)
    assert essence.of(again) == essence.of(once)


@pytest.mark.parametrize("sample", ANSWERS)
def test_streamed_or_not_an_answer_says_the_same(wire: Wire, sample: str) -> None:
    assert essence.of(_streamed(wire, ANSWERS[sample])) == essence.of(_whole(wire, ANSWERS[sample]))


@pytest.mark.parametrize("sample", REQUESTS)
def test_a_request_is_stable_once_it_has_been_in_a_wire(source: Wire, target: Wire, sample: str) -> None:
    asked = _asked(source, REQUESTS[sample])
    once = _asked(target, asked)
    again = _asked(target, once)
    assert _plain(again) == _plain(once)


@pytest.mark.parametrize("sample", REQUESTS)
def test_a_request_keeps_its_turns_tools_and_scalars(source: Wire, target: Wire, sample: str) -> None:
    asked = _asked(source, REQUESTS[sample])
    arrived = _asked(target, asked)
    assert _told(arrived) == _told(REQUESTS[sample])


@pytest.mark.parametrize("sample", REQUESTS)
def test_the_same_request_makes_the_same_bytes(wire: Wire, sample: str) -> None:  # H114
    first, second = (wire.encode_request(REQUESTS[sample], "m", PROFILE).body for _ in range(2))
    assert first == second


def _asked(wire: Wire, request: chat.Request) -> chat.Request:
    """The request as this wire's upstream would read it."""
    encoded = wire.encode_request(request, request.model, PROFILE)
    operation = Operation(kind="chat", wire=wire.name, model=request.model, stream=request.stream, body=encoded.body)
    return wire.decode_request(operation, SEALS)


def _plain(request: chat.Request) -> chat.Request:
    return msgspec.structs.replace(request, losses=(), extra={})


def _told(request: chat.Request) -> dict[str, object]:
    return {
        "system": "".join(block.text for block in request.system),
        "turns": [(turn.role, [_block(block) for block in turn.blocks]) for turn in request.turns],
        "tools": [(tool.name, tool.description, msgspec.json.decode(tool.schema)) for tool in request.tools],
        "choice": (request.tool_choice.mode, request.tool_choice.names) if request.tool_choice else None,
        "sampling": (request.temperature, request.top_p),
        "most": request.max_tokens if request.max_tokens is not None and request.max_tokens < 8192 else None,
        "schema": msgspec.json.decode(request.output.schema) if request.output and request.output.schema else None,
        "stream": request.stream,
    }


def _block(block: chat.Block) -> object:
    match block:
        case chat.Text():
            return block.text
        case chat.ToolCall():
            return (block.name, msgspec.json.decode(block.arguments))
        case chat.ToolResult():
            return ("result", "".join(part.text for part in block.blocks if isinstance(part, chat.Text)))
        case chat.Media():
            return (block.kind, block.mime, block.data)
    return block
