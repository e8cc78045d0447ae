"""Recorded streams of real vendors, relayed on their own wire: every frame's values are theirs, but for the model's name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from laws.reading import cut, events_of
from laws.recorded import body, exchanges, streams
from laws.samples import PROFILE, reply

from pisces_proxy import chat, sse
from pisces_proxy.errors import PiscesError
from pisces_proxy.plugin import Wire
from pisces_proxy.transform import Passthrough

pytestmark = [pytest.mark.corpus]


def test_a_recorded_stream_is_relayed_as_it_is(wire: Wire) -> None:
    compared = 0
    for name, stream in streams(wire.name):
        if not isinstance(events_of(wire, stream, PROFILE)[-1], chat.Finish):
            continue  # it broke off, and so the client is told
        relay = Passthrough(wire, PROFILE, reply(wire, model="our-name", extension=b'{"gateway":"pisces"}'))
        out = b"".join([relay.feed(chunk) for chunk in cut(stream, 1000)]) + relay.end()
        assert _values(out) == [frame for frame in _values(stream) if not _left_out(wire, frame[1])], name
        assert relay.finished
        compared += 1
    assert compared


def test_a_recorded_answer_is_relayed_as_it_is(wire: Wire) -> None:
    compared = 0
    for name, exchange in exchanges(wire.name):
        if "sse" in exchange["response"]:
            continue
        written = body(exchange)
        try:
            wire.decode_response(written, PROFILE)
        except PiscesError:
            continue  # no answer but a refusal
        told = reply(wire, model="our-name", extension=b'{"gateway":"pisces"}', stream=False)
        assert _plain(msgspec.json.decode(wire.relay_response(written, told))) == _plain(msgspec.json.decode(written)), name
        compared += 1
    assert compared


def _left_out(wire: Wire, value: Any) -> bool:
    """Frames that no client of this wire wants: Azure's filter results ahead of the answer (many clients index `choices[0]`
    unguarded), and an end mark that Responses does not have."""
    match value:
        case b"[DONE]":
            return wire.name == "openai.responses"
        case {"choices": []}:
            return not value.get("usage")
    return False


def _values(stream: bytes) -> list[tuple[bytes, Any]]:
    reader = sse.Reader()
    frames = reader.feed(stream) + reader.end()
    return [
        (frame.event, frame.data if frame.data == b"[DONE]" else _plain(msgspec.json.decode(frame.data))) for frame in frames
    ]


def _plain(value: Any) -> Any:
    """Without the named edits: the model at the top (or in the message or response), and the `pisces` member."""
    match value:
        case dict():
            edited = {name: inner for name, inner in value.items() if name not in ("model", "modelVersion", "pisces")}
            return {name: _plain(inner) if name in ("message", "response") else inner for name, inner in edited.items()}
    return value
