"""The same wire on both sides: what the vendor wrote is what the client reads, but for the named edits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from laws.reading import cut
from laws.samples import PROFILE, REQUESTS, reply
from laws.wires import STREAMS, WHOLE, WIRES

from pisces_proxy import splice, sse
from pisces_proxy.plugin import Operation, Reply, Wire
from pisces_proxy.transform import Passthrough

NAMED = [pytest.param(*key, id="-".join(key)) for key in STREAMS]
NAMED_EDITS = {"model", "stream_options"}
EXTENSION = b'{"gateway":"pisces","request_id":"req_1"}'


def _relayed(wire: Wire, stream: bytes, told: Reply, size: int = 1 << 30) -> tuple[bytes, Passthrough]:
    relay = Passthrough(wire, PROFILE, told)
    out = b"".join([relay.feed(chunk) for chunk in cut(stream, size)])
    return out + relay.end(), relay


def _frames(stream: bytes) -> list[tuple[bytes, Any]]:
    """Names and JSON values (text where it is none)."""
    reader = sse.Reader()
    frames = reader.feed(stream) + reader.end()
    return [(frame.event, _value(frame.data)) for frame in frames]


def _value(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data


def _named(value: Any, theirs: str, ours: str) -> Any:
    """The same value with the model called as the client calls it."""
    match value:
        case dict():
            return {name: _named(inner, theirs, ours) for name, inner in value.items()}
        case list():
            return [_named(inner, theirs, ours) for inner in value]
        case str() if value == theirs:
            return ours
    return value


@pytest.mark.parametrize(("name", "scene"), NAMED)
def test_a_relayed_stream_differs_in_the_models_name_only(name: str, scene: str) -> None:
    wire, stream = WIRES[name], STREAMS[name, scene]
    out, _ = _relayed(wire, stream, reply(wire, model="our-name"))
    theirs = "m-2026-01-01" if b"m-2026-01-01" in stream else "m"
    assert _frames(out) == [(event, _named(value, theirs, "our-name")) for event, value in _frames(stream)]


@pytest.mark.parametrize("size", [1, 2, 7, 64])
@pytest.mark.parametrize(("name", "scene"), NAMED)
def test_a_relayed_stream_does_not_depend_on_its_cuts(name: str, scene: str, size: int) -> None:
    wire, stream = WIRES[name], STREAMS[name, scene]
    told = reply(wire, model="our-name", extension=EXTENSION)
    assert _frames(_relayed(wire, stream, told, size)[0]) == _frames(_relayed(wire, stream, told)[0])


@pytest.mark.parametrize(("name", "scene"), NAMED)
def test_a_stream_under_its_own_name_is_relayed_byte_for_byte(name: str, scene: str) -> None:
    wire, stream = WIRES[name], STREAMS[name, scene]
    theirs = "m-2026-01-01" if b"m-2026-01-01" in stream else "m"
    out, _ = _relayed(wire, stream, reply(wire, model=theirs))
    assert out.replace(b"\r\n", b"\n") == stream.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(("name", "scene"), NAMED)
def test_the_extension_is_the_only_new_member(name: str, scene: str) -> None:
    wire, stream = WIRES[name], STREAMS[name, scene]
    theirs = "m-2026-01-01" if b"m-2026-01-01" in stream else "m"
    out, _ = _relayed(wire, stream, reply(wire, model=theirs, extension=EXTENSION))
    assert b'"pisces"' in out
    assert [(event, _without(value)) for event, value in _frames(out)] == _frames(stream)


@pytest.mark.parametrize(("name", "scene"), NAMED)
def test_a_relayed_stream_is_read_along_for_its_usage(name: str, scene: str) -> None:
    wire, stream = WIRES[name], STREAMS[name, scene]
    _, relay = _relayed(wire, stream, reply(wire, model="our-name"), 7)
    assert relay.finished
    assert relay.usage is not None
    assert (relay.usage.input, relay.usage.cached_input, relay.usage.output) == (105, 90, 17)


@pytest.mark.parametrize(("name", "scene"), NAMED)
def test_a_relayed_stream_that_breaks_off_ends_in_an_error(name: str, scene: str) -> None:
    wire, stream = WIRES[name], STREAMS[name, scene].replace(b"\r\n", b"\n")
    frames = stream.split(b"\n\n")
    half = b"\n\n".join(frames[: len(frames) // 2]) + b"\n\n"
    out, relay = _relayed(wire, half, reply(wire, model="our-name"))
    assert relay.failure is not None
    assert b"error" in out[len(half) - 200 :]


@pytest.mark.parametrize(("name", "scene"), [pytest.param(*key, id="-".join(key)) for key in WHOLE])
def test_a_relayed_answer_differs_in_the_models_name_and_the_extension_only(name: str, scene: str) -> None:
    wire, body = WIRES[name], WHOLE[name, scene]
    out = wire.relay_response(body, reply(wire, model="our-name", extension=EXTENSION, stream=False))
    theirs = "m-2026-01-01" if b"m-2026-01-01" in body else "m"
    assert b'"pisces"' in out
    assert _without(_value(out)) == _named(_value(body), theirs, "our-name")


@pytest.mark.parametrize("sample", REQUESTS)
def test_a_request_for_the_same_wire_keeps_every_other_members_bytes(wire: Wire, sample: str) -> None:
    stranger = b'{ "deep":[1.0, 1e5,12345678901234567890,"\\u00e9\\u2028",null ] }'
    body = splice.append(wire.encode_request(REQUESTS[sample], "theirs", PROFILE).body, "x_stranger", stranger)
    asked = Operation(kind="chat", wire=wire.name, model="theirs", stream=REQUESTS[sample].stream, body=body)
    sent = splice.members(wire.rewrite(asked, "ours", PROFILE).body)
    kept = {name: bytes(value) for name, value in splice.members(body).items() if name not in NAMED_EDITS}
    assert {name: bytes(value) for name, value in sent.items() if name not in NAMED_EDITS} == kept
    assert "model" not in sent or bytes(sent["model"]) == b'"ours"'


def _without(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without(inner) for name, inner in value.items() if name != "pisces"}
        case list():
            return [_without(inner) for inner in value]
    return value
