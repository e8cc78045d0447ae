"""The canonical form: events fold into an answer, an answer unfolds into events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy.chat import (
    PING,
    BlockEnd,
    BlockStart,
    Choice,
    Citation,
    Delta,
    Event,
    Failed,
    Finish,
    Logprobs,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Response,
    Signature,
    Start,
    Stop,
    StopReason,
    Text,
    ToolCall,
    UsageSoFar,
    fold,
    unfold,
)
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.usage import Usage

WORDS = st.text(max_size=12)
SIGNATURES = st.none() | st.builds(Signature, kind=st.sampled_from(["a", "b"]), data=WORDS)
CITATIONS = st.lists(st.builds(Citation, url=WORDS, start=st.integers(0, 9)), max_size=2).map(tuple)
BLOCKS = st.one_of(
    st.builds(Text, text=WORDS, citations=CITATIONS, signature=SIGNATURES),
    st.builds(Reasoning, text=WORDS, signature=SIGNATURES, summary=st.booleans()),
    st.builds(Reasoning, signature=SIGNATURES, redacted=st.just(True)),
    st.builds(ToolCall, id=WORDS, name=WORDS, arguments=WORDS, custom=st.booleans(), signature=SIGNATURES),
    st.builds(Refusal, text=WORDS),
    st.builds(Media, kind=st.just("image"), data=WORDS),
    st.builds(Opaque, wire=st.just("w"), raw=st.just(b"{}")),
)
STOPS: st.SearchStrategy[StopReason] = st.sampled_from(["stop", "length", "tool_calls", "refusal"])
USAGES = st.none() | st.builds(Usage, input=st.integers(0, 99), output=st.integers(0, 99))


@st.composite
def responses(draw: st.DrawFn) -> Response:
    choices = tuple(
        Choice(
            blocks=tuple(draw(st.lists(BLOCKS, max_size=4))),
            stop=Stop(reason=draw(STOPS), choice=index, sequence=draw(WORDS)),
            logprobs=draw(st.sampled_from([b"", b'[{"token":"a"}]', b'[{"token":"a"},{"token":"b"}]'])),
        )
        for index in range(draw(st.integers(1, 3)))
    )
    extra = draw(st.dictionaries(WORDS, st.just(b"1"), max_size=2))
    return Response(id=draw(WORDS), model=draw(WORDS), created=7, choices=choices, usage=draw(USAGES), extra=extra)


@given(responses())
def test_an_answer_unfolds_and_folds_to_itself(response: Response) -> None:
    assert fold(unfold(response)) == response


@given(responses())
def test_an_unfolded_answer_is_a_proper_stream(response: Response) -> None:
    events = list(unfold(response))
    assert isinstance(events[0], Start) and isinstance(events[-1], Finish)
    open_choice: int | None = None
    for event in events[1:-1]:
        match event:
            case BlockStart():
                assert open_choice is None
                open_choice = event.choice
            case Delta():
                assert open_choice == event.choice and event.text
            case BlockEnd():
                assert open_choice == event.choice
                open_choice = None
            case _:
                assert open_choice is None
    assert open_choice is None
    assert sum(isinstance(event, Stop) for event in events) == len(response.choices)


def _split(event: Event) -> list[Event]:
    if isinstance(event, Delta):
        return [Delta(text=letter, choice=event.choice) for letter in event.text]
    return [event]


@given(responses())
def test_an_answer_in_small_pieces_is_the_same(response: Response) -> None:
    events = [part for event in unfold(response) for part in (*_split(event), PING)]
    assert fold(events) == response


def _after(*events: Event) -> Response:
    return fold([Start(id="1", model="m"), *events])


def test_what_is_known_at_the_end_of_a_block_belongs_to_it() -> None:
    proof, source = Signature(kind="k", data="s"), Citation(url="u")
    answer = _after(
        BlockStart(block=Text(text="a", citations=(Citation(url="t"),))),
        Delta(text="b"),
        BlockEnd(signature=proof, citations=(source,)),
    )
    assert answer.choices[0].blocks == (Text(text="ab", citations=(Citation(url="t"), source), signature=proof),)


def test_a_block_that_nobody_closed_still_counts() -> None:
    answer = _after(BlockStart(block=Reasoning()), Delta(text="a"), BlockStart(block=Text(text="")), Delta(text="b"))
    assert answer.choices[0].blocks == (Reasoning(text="a"), Text(text="b"))


def test_choices_that_take_turns_stay_apart() -> None:
    answer = _after(
        BlockStart(block=Text(text=""), choice=1),
        BlockStart(block=Text(text=""), choice=0),
        Delta(text="a", choice=1),
        Delta(text="b", choice=0),
        Delta(text="c", choice=1),
    )
    assert [choice.blocks for choice in answer.choices] == [(Text(text="b"),), (Text(text="ac"),)]


def test_the_last_usage_counts() -> None:
    first, second = Usage(input=1), Usage(input=1, output=2)
    assert fold([Start(usage=first)]).usage == first
    assert fold([Start(usage=first), UsageSoFar(usage=second), Finish()]).usage == second
    assert fold([Start(), UsageSoFar(usage=first), Finish(usage=second)]).usage == second


def test_probabilities_come_together() -> None:
    assert _after(Logprobs(raw=b"[1]"), Logprobs(raw=b" [2,3] ")).choices[0].logprobs == b"[1,2,3]"


def test_an_answer_without_events_is_empty() -> None:
    assert fold([]) == Response()


def test_an_answer_that_broke_off_raises_its_error() -> None:
    error = UpstreamBroken("gone")
    with pytest.raises(UpstreamBroken) as raised:
        _after(BlockStart(block=Text(text="a")), Failed(error=error))
    assert raised.value is error


@pytest.mark.parametrize("value", [Text(text="a"), Start(), Response(), Usage()])
def test_values_do_not_change(value: Any) -> None:
    with pytest.raises(AttributeError):
        setattr(value, value.__struct_fields__[0], "x")
