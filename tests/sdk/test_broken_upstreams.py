"""Upstreams that misbehave, seen through the official SDKs: what can be read is read, the rest is an honest error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sdk.conftest import Stage
from sdk.talks.mistakes import SDK_ERRORS, mistake
from sdk.talks.talk import Talk
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.script import TEXT

pytestmark = pytest.mark.asyncio(loop_scope="module")
Kind = type[Talk]

HARMLESS = {
    "CRLF": Delivery(crlf=True),
    "comments": Delivery(comments=True),
    "byte by byte": Delivery(bytewise=True),
    "no [DONE]": Delivery(done=False),
    "no last blank line": Delivery(last_blank=False, done=False),
}


@pytest.mark.parametrize("how", HARMLESS)
async def test_an_odd_delivery_changes_nothing(stage: Stage, kind: Kind, wire: str, how: str) -> None:  # H10, H11
    stage.upstreams[wire].play(script.parallel, HARMLESS[how])
    async with stage.talk(kind, wire, stream=True) as talk:
        talk.tools = True
        answer = await talk.ask("Both, please.")
    assert answer.text == "Two places."
    assert len(answer.calls) == 2
    assert answer.finish == kind.finishes["calls"]
    assert answer.counted == script.Counted()


BROKEN_STREAMS = {
    "the connection breaks": Delivery(cut_after=5),
    "the stream ends early": Delivery(ends_after=5),
    "an error in mid-stream": Delivery(instead="late_error"),
}


@pytest.mark.parametrize("how", BROKEN_STREAMS)
async def test_a_stream_that_breaks_off_raises(fresh: Stage, kind: Kind, wire: str, how: str) -> None:  # H29 to H33
    fresh.upstreams[wire].play(script.text, BROKEN_STREAMS[how])
    async with fresh.talk(kind, wire, stream=True) as talk:
        with pytest.raises((*SDK_ERRORS, RuntimeError, AssertionError)) as caught:
            await talk.ask("Tell me.")
    # openai's Responses helper says that the answer never completed; the others raise their API errors
    assert kind.wire == "openai.responses" or isinstance(caught.value, SDK_ERRORS)
    record = await fresh.house.record()
    assert record.error is not None


BEFORE_ANYTHING = ["html", "empty", "error", "first_error"]


@pytest.mark.parametrize("instead", BEFORE_ANYTHING)
async def test_an_upstream_that_says_nothing_useful_is_a_proper_status(
    fresh: Stage, kind: Kind, wire: str, stream: bool, instead: str
) -> None:  # H32, H146
    fresh.upstreams[wire].play(script.text, Delivery(instead=instead))
    if instead == "first_error" and not stream:
        return
    async with fresh.talk(kind, wire, stream) as talk:
        with pytest.raises(SDK_ERRORS) as caught:
            await talk.ask("Hello?")
    seen = mistake(caught.value)
    assert seen.status in (502, 503, 529)
    assert seen.request_id is not None


@pytest.mark.parametrize(
    "how", [Delivery(instead="html"), Delivery(instead="first_error"), Delivery(ends_after=0), Delivery(cut_after=0)]
)
async def test_the_next_channel_answers_before_anything_is_sent(
    open_pair: Callable[[str, str], Awaitable[Stage]], kind: Kind, wire: str, stream: bool, how: Delivery
) -> None:  # H126
    pair = await open_pair(wire, wire)
    first, second = pair.upstreams["first"], pair.upstreams["second"]
    first.play(script.text, how)
    second.play(script.text)
    if how.instead == "first_error" and not stream:
        return
    async with pair.talk(kind, "second", stream) as talk:
        answer = await talk.ask("Hello?")
    if stream or how.instead:
        assert len(first.received) == 1
        assert [attempt.channel for attempt in (await pair.house.record()).attempts] == ["first", "second"]
    assert answer.text == TEXT
