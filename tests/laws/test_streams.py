"""Streams, whoever wrote them: their cuts do not matter, their events follow the grammar, their ends are honest."""

from __future__ import annotations

import pytest
from laws import essence, grammar
from laws.reading import cut, events_of, shown, stream_of
from laws.samples import ANSWERS, PROFILE, reply

from pisces_proxy import chat
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.plugin import Wire

SIZES = (1, 2, 7, 64)
Stream = tuple[Wire, bytes]


@pytest.mark.parametrize("size", SIZES)
def test_cutting_a_vendors_stream_anywhere_gives_the_same_events(vendor_stream: Stream, size: int) -> None:
    wire, stream = vendor_stream
    assert shown(events_of(wire, stream, PROFILE, size)) == shown(events_of(wire, stream, PROFILE))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sample", ANSWERS)
def test_cutting_our_own_stream_anywhere_gives_the_same_events(wire: Wire, sample: str, size: int) -> None:
    stream = stream_of(wire, ANSWERS[sample], reply(wire))
    assert shown(events_of(wire, stream, PROFILE, size)) == shown(events_of(wire, stream, PROFILE))


def test_a_vendors_stream_follows_the_grammar(vendor_stream: Stream) -> None:
    wire, stream = vendor_stream
    events = events_of(wire, stream, PROFILE)
    grammar.check(events)
    assert isinstance(events[-1], chat.Finish)


@pytest.mark.parametrize("sample", ANSWERS)
def test_our_own_stream_follows_the_grammar(wire: Wire, sample: str) -> None:
    events = events_of(wire, stream_of(wire, ANSWERS[sample], reply(wire)), PROFILE)
    grammar.check(events)
    assert isinstance(events[-1], chat.Finish)


def test_a_stream_in_crlf_and_with_comments_says_the_same(vendor_stream: Stream) -> None:  # H11
    wire, stream = vendor_stream
    spoiled = b": hello\n\n" + stream.replace(b"\r\n", b"\n").replace(b"\n\n", b"\n\n: still here\n\n").replace(b"\n", b"\r\n")
    assert _without_pings(wire, spoiled) == _without_pings(wire, stream)


def test_a_stream_without_its_last_blank_line_says_the_same(vendor_stream: Stream) -> None:
    wire, stream = vendor_stream
    assert shown(events_of(wire, stream.rstrip(b"\r\n"), PROFILE)) == shown(events_of(wire, stream, PROFILE))


def test_a_stream_that_stops_early_is_never_a_clean_end(vendor_stream: Stream) -> None:  # H30, H31
    wire, stream = vendor_stream
    frames = stream.replace(b"\r\n", b"\n").split(b"\n\n")
    for kept in range(1, len(frames) // 2):
        events = events_of(wire, b"\n\n".join(frames[:kept]) + b"\n\n", PROFILE)
        grammar.check(events)
        assert isinstance(events[-1], chat.Failed), f"{kept} of {len(frames)} frames ended as {events[-1]!r}"


@pytest.mark.parametrize("rubbish", [b"data: {\n\n", b"data: nonsense\n\n", b"data: []\n\n", b'data: "x"\n\n', b"data: 1\n\n"])
def test_rubbish_in_a_stream_is_a_failure_and_never_an_exception(wire: Wire, rubbish: bytes) -> None:
    events = events_of(wire, rubbish, PROFILE)
    grammar.check(events)
    assert isinstance(events[-1], chat.Failed)


@pytest.mark.parametrize("sample", ["text", "text and two calls", "thinking, text, call"])
def test_a_failure_in_mid_stream_reaches_the_client_as_a_failure(wire: Wire, sample: str) -> None:
    events = list(chat.unfold(ANSWERS[sample]))
    encoder, broken = wire.encoder(reply(wire)), chat.Failed(error=UpstreamBroken("The line went dead."))
    stream = b"".join([encoder.encode([event]) for event in (*events[:3], broken)])
    seen = events_of(wire, stream, PROFILE)
    grammar.check(seen)
    assert isinstance(seen[-1], chat.Failed)
    assert "The line went dead." in seen[-1].error.message


@pytest.mark.parametrize("sample", ANSWERS)
def test_events_encoded_together_or_alone_make_the_same_bytes(wire: Wire, sample: str) -> None:
    together = wire.encoder(reply(wire)).encode(list(chat.unfold(ANSWERS[sample])))
    assert together == stream_of(wire, ANSWERS[sample], reply(wire))


def test_the_whole_answer_and_its_stream_fold_to_the_same(vendor_stream: Stream) -> None:
    wire, stream = vendor_stream
    folded = chat.fold(events_of(wire, stream, PROFILE))
    again = wire.decode_response(wire.encode_response(folded, reply(wire, stream=False)), PROFILE)
    assert essence.plain(again) == essence.plain(folded)
    assert essence.of(again) == essence.of(folded)


def _without_pings(wire: Wire, stream: bytes) -> list[str]:
    return shown(event for event in events_of(wire, stream, PROFILE) if not isinstance(event, chat.Ping))


def test_cuts_cover_the_stream() -> None:
    assert b"".join(cut(b"abcdefg", 2)) == b"abcdefg"
