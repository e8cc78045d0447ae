"""Text cut at stop sequences by the gateway."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import BlockEnd, BlockStart, Delta, Event, Finish, Reasoning, Start, Stop, Text, ToolCall
from pisces_proxy.stops import StopScan


def answer(*pieces: str, choice: int = 0) -> list[Event]:
    return [
        BlockStart(block=Text(text=""), choice=choice),
        *(Delta(text=piece, choice=choice) for piece in pieces),
        BlockEnd(choice=choice),
        Stop(reason="length", choice=choice),
    ]


def cut(events: Sequence[Event], *sequences: str, each: bool = True, early: bool = False) -> chat.Response:
    scan = StopScan(sequences, early=early)
    batches = [[event] for event in events] if each else [list(events)]
    return chat.fold([event for batch in batches for event in scan.events(batch)])


def told(response: chat.Response) -> tuple[str, Stop]:
    choice = response.choices[0]
    return "".join(block.text for block in choice.blocks if isinstance(block, Text)), choice.stop


TEXT = "one two END three"


@pytest.mark.parametrize("each", [True, False])
@pytest.mark.parametrize("at", range(1, len(TEXT)))
def test_the_text_ends_before_the_sequence_wherever_the_stream_is_cut(at: int, each: bool) -> None:
    events = [Start(), *answer(TEXT[:at], TEXT[at:]), Finish()]
    text, stop = told(cut(events, "END", "never", each=each))
    assert (text, stop.reason, stop.sequence) == ("one two ", "stop", "END")


def test_letter_by_letter_nothing_of_a_sequence_is_told() -> None:
    scan = StopScan(["\n\n", "END"])
    scan.events([BlockStart(block=Text(text=""))])
    said = "".join(e.text for letter in "a\nEN b\n\nc" for e in scan.events([Delta(text=letter)]) if isinstance(e, Delta))
    assert said == "a\nEN b"


def test_what_only_looked_like_a_sequence_is_told_in_the_end() -> None:
    text, stop = told(cut([Start(), *answer("a", "EN"), Finish()], "END"))
    assert (text, stop.reason) == ("aEN", "length")


def test_the_earliest_sequence_counts() -> None:
    text, stop = told(cut([Start(), *answer("a b c"), Finish()], "c", "b"))
    assert (text, stop.sequence) == ("a ", "b")


def test_nothing_follows_a_cut() -> None:
    call = [BlockStart(block=ToolCall(id="1", name="f")), Delta(text="{}"), BlockEnd(), Stop(reason="tool_calls")]
    response = cut([Start(), *answer("a END b")[:-1], *call, Finish()], "END")
    assert [type(block) for block in response.choices[0].blocks] == [Text]
    assert response.choices[0].stop.reason == "stop"


def test_thinking_and_arguments_are_not_looked_at() -> None:
    blocks = [
        *(BlockStart(block=Reasoning()), Delta(text="END"), BlockEnd()),
        *(BlockStart(block=ToolCall(id="1", name="f")), Delta(text='"END"'), BlockEnd()),
    ]
    response = cut([Start(), *blocks, Stop(reason="tool_calls"), Finish()], "END")
    assert [getattr(block, "text", getattr(block, "arguments", "")) for block in response.choices[0].blocks] == ["END", '"END"']


def test_an_early_end_comes_with_the_last_choice() -> None:
    scan = StopScan(["END"], choices=2, early=True)
    first = scan.events(answer("a END", choice=0))
    assert not any(isinstance(event, Finish) for event in first) and not scan.ended
    last = scan.events(answer("b END b", choice=1))
    assert isinstance(last[-1], Finish) and scan.ended
    assert scan.events([Delta(text="more", choice=0), Finish()]) == []
