"""A conversation's past, made fit to send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy import history
from pisces_proxy.chat import Block, Cache, Media, Reasoning, Refusal, Signature, Text, ToolCall, ToolResult, Turn
from pisces_proxy.errors import BadRequest

SIGNED = Signature(kind="k", data="s")
HI = Text(text="hi")
NO_RESULT = (Text(text="[no result provided]"),)


def user(*blocks: Block, name: str = "") -> Turn:
    return Turn(role="user", blocks=blocks, name=name)


def bot(*blocks: Block) -> Turn:
    return Turn(role="assistant", blocks=blocks)


def told(text: str) -> Turn:
    return Turn(role="system", blocks=(Text(text=text),))


def call(id: str) -> ToolCall:
    return ToolCall(id=id, name="f", arguments="{}")


def result(id: str, text: str = "ok") -> ToolResult:
    return ToolResult(id=id, blocks=(Text(text=text),))


def missing(id: str) -> ToolResult:
    return ToolResult(id=id, name="f", blocks=NO_RESULT, error=True)


SOUND: tuple[tuple[Turn, ...], ...] = (
    (),
    (user(HI),),
    (user(HI), bot(HI), user(HI)),
    (told("be brief"), user(HI), bot(HI, call("1")), user(result("1"))),
    (user(HI), bot(call("1"), call("2")), user(result("1"), result("2"), HI), bot(HI)),
    (user(HI, name="ann"), user(HI, name="bob")),
    (user(HI), bot(Reasoning(text="", signature=SIGNED), call("1")), user(result("1")), bot(call("1")), user(result("1"))),
)


@pytest.mark.parametrize("turns", SOUND)
def test_a_sound_history_stays_as_it_is(turns: tuple[Turn, ...]) -> None:
    assert history.heal(turns) == (turns, ())


@pytest.mark.parametrize(
    ("turns", "healed"),
    [
        pytest.param(
            (bot(call("1"), call("2"), call("3")), user(result("3")), user(result("1")), user(result("2")), user(HI)),
            (bot(call("1"), call("2"), call("3")), user(result("1"), result("2"), result("3"), HI)),
            id="H50: one turn of results in call order, what was said follows",
        ),
        pytest.param(
            (bot(call("1")), user(HI, result("1"), HI)), (bot(call("1")), user(result("1"), HI, HI)), id="results come first"
        ),
        pytest.param(
            (bot(call("1")), bot(call("2")), user(result("2")), user(result("1"))),
            (bot(call("1"), call("2")), user(result("1"), result("2"))),
            id="calls in separate turns are one turn",
        ),
        pytest.param(
            (bot(call("1")), told("psst"), user(result("1")), user(HI)),
            (bot(call("1")), user(result("1")), told("psst"), user(HI)),
            id="a system turn does not stand between call and result",
        ),
        pytest.param(
            (bot(call("1")), user(HI), bot(HI), user(result("1"))),
            (bot(call("1")), user(result("1"), HI), bot(HI)),
            id="a late result moves to its call",
        ),
        pytest.param((user(Text(text="")), bot(HI)), (user(Text(text=".")), bot(HI)), id="H94: a silent user says a full stop"),
        pytest.param((user(),), (user(Text(text=".")),), id="a user turn of nothing"),
        pytest.param((user(HI), bot(Text(text="")), user(HI)), (user(HI), user(HI)), id="H94: a silent assistant goes"),
        pytest.param((user(HI), bot(Text(text=" \n"))), (user(HI),), id="H94: white space is silence"),
        pytest.param((user(HI), bot(Refusal(text=""), Reasoning(), HI)), (user(HI), bot(HI)), id="empty refusal and thinking"),
        pytest.param((told(""), user(HI)), (user(HI),), id="an empty system turn goes"),
        pytest.param(
            (bot(call("1")), user(ToolResult(id="1", blocks=(Text(text=""),)))),
            (bot(call("1")), user(ToolResult(id="1"))),
            id="H53: an empty result is a result",
        ),
    ],
)
def test_a_history_is_put_in_order_without_loss(turns: tuple[Turn, ...], healed: tuple[Turn, ...]) -> None:
    assert history.heal(turns) == (healed, ())


@pytest.mark.parametrize("block", [Text(text="", signature=SIGNED), Reasoning(redacted=True), Reasoning(signature=SIGNED)])
def test_an_empty_block_with_a_proof_stays(block: Any) -> None:
    assert history.heal((user(HI), bot(block))) == ((user(HI), bot(block)), ())


@pytest.mark.parametrize(
    ("turns", "healed"),
    [
        ((user(HI), bot(call("1"), call("2"))), (user(HI), bot(call("1"), call("2")), user(missing("1"), missing("2")))),
        ((bot(call("1")), user(HI)), (bot(call("1")), user(missing("1"), HI))),
        ((bot(call("1")), user(Text(text=""))), (bot(call("1")), user(missing("1")))),
        ((bot(call("1"), call("2")), user(result("2"), HI)), (bot(call("1"), call("2")), user(missing("1"), result("2"), HI))),
        ((bot(call("1")), told("stop"), user(HI)), (bot(call("1")), user(missing("1")), told("stop"), user(HI))),
    ],
)
def test_h54_a_call_that_was_interrupted_gets_a_result(turns: tuple[Turn, ...], healed: tuple[Turn, ...]) -> None:
    found, losses = history.heal(turns)
    assert found == healed
    assert len(losses) == sum(
        block.blocks == NO_RESULT for turn in healed for block in turn.blocks if isinstance(block, ToolResult)
    )
    assert {loss.action for loss in losses} == {"emulated"}


def test_a_result_made_up_for_a_free_form_tool_says_so() -> None:
    (_, answer), _ = history.heal((bot(ToolCall(id="1", name="f", custom=True)),))
    assert answer.blocks == (ToolResult(id="1", name="f", blocks=NO_RESULT, error=True, custom=True),)


def test_a_history_that_ends_half_answered_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"call_b, call_c\.") as refused:
        history.heal((user(HI), bot(call("call_a"), call("call_b"), call("call_c")), user(result("call_a"))))
    assert refused.value.param == "messages"


def test_h55_a_result_without_its_call_becomes_text() -> None:
    image = Media(kind="image", data="aGk=")
    lost = ToolResult(id="9", blocks=(Text(text="18C"), image))
    turns, losses = history.heal((user(lost), bot(HI), user(result("8", ""), HI)))
    assert turns == (user(Text(text="[tool result 9] 18C"), image), bot(HI), user(Text(text="[tool result 8]"), HI))
    assert [loss.action for loss in losses] == ["changed", "changed"]


def test_a_result_in_front_of_its_call_answers_nothing() -> None:
    turns, losses = history.heal((user(result("1")), bot(call("1")), user(HI)))
    assert turns == (user(Text(text="[tool result 1] ok")), bot(call("1")), user(missing("1"), HI))
    assert len(losses) == 2


def test_h56_of_two_results_the_last_one_counts() -> None:
    turns, losses = history.heal((bot(call("1")), user(result("1", "old")), user(result("1", "new"))))
    assert turns == (bot(call("1")), user(result("1", "new")))
    assert [loss.action for loss in losses] == ["dropped"]


def test_two_calls_of_one_id_share_their_results_in_order() -> None:
    turns, losses = history.heal((bot(call("1"), call("1")), user(result("1", "a")), user(result("1", "b"))))
    assert turns == (bot(call("1"), call("1")), user(result("1", "a"), result("1", "b")))
    assert not losses


BLOCKS = st.one_of(
    st.sampled_from(["", " ", "hi"]).map(lambda text: Text(text=text)),
    st.sampled_from("123").map(call),
    st.sampled_from("123").map(result),
)
TURNS = st.lists(
    st.builds(Turn, role=st.sampled_from(["user", "assistant", "system"]), blocks=st.lists(BLOCKS, max_size=4).map(tuple)),
    max_size=6,
)


def _proper(turns: list[Turn]) -> list[Turn]:
    """Calls by the assistant only, results by the user only."""
    foreign: dict[str, Any] = {"user": ToolCall, "assistant": ToolResult, "system": (ToolCall, ToolResult)}
    return [
        Turn(role=turn.role, blocks=tuple(block for block in turn.blocks if not isinstance(block, foreign[turn.role])))
        for turn in turns
    ]


@given(TURNS.map(_proper))
def test_a_healed_history_is_sound(turns: list[Turn]) -> None:
    try:
        healed, _ = history.heal(turns)
    except BadRequest:
        return
    for index, turn in enumerate(healed):
        assert turn.blocks
        calls = [block.id for block in turn.blocks if isinstance(block, ToolCall)]
        following = healed[index + 1].blocks if index + 1 < len(healed) else ()
        results = [block.id for block in following if isinstance(block, ToolResult)]
        assert calls == results
        assert all(isinstance(block, ToolResult) for block in following[: len(results)])
    assert history.heal(healed) == (healed, ())


def test_neighbours_of_a_role_are_merged() -> None:
    turns = (user(HI), user(result("1")), bot(HI), user(HI))
    assert history.merged(turns) == (user(HI, result("1")), bot(HI), user(HI))
    assert history.merged(()) == ()


@pytest.mark.parametrize(("first", "second", "name"), [("ann", "ann", "ann"), ("ann", "bob", ""), ("", "", "")])
def test_a_merged_turn_keeps_a_name_that_both_have(first: str, second: str, name: str) -> None:
    assert history.merged((user(HI, name=first), user(HI, name=second)))[0].name == name


@pytest.mark.parametrize(
    ("turns", "expected"),
    [((bot(HI),), (user(Text(text=".")), bot(HI))), ((user(HI), bot(HI)), (user(HI), bot(HI))), ((), ())],
)
def test_a_history_begins_with_the_user(turns: tuple[Turn, ...], expected: tuple[Turn, ...]) -> None:
    assert history.user_first(turns) == expected


def test_calls_are_known_by_id() -> None:
    turns = (bot(ToolCall(id="1", name="a"), ToolCall(id="2", name="b")), user(result("1")), bot(ToolCall(id="3", name="c")))
    assert history.call_names(turns) == {"1": "a", "2": "b", "3": "c"}


def test_only_texts_are_read_as_text() -> None:
    blocks = (Text(text="a"), Reasoning(text="x"), Text(text="b"), Media(kind="document", text="y"))
    assert history.text_of(blocks) == "ab"
    assert history.text_of(blocks, "\n\n") == "a\n\nb"


def reminder(text: str) -> Text:
    return Text(text=f"<system-reminder>\n{text}\n</system-reminder>")


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ((user(HI), told("a"), user(HI)), (user(HI), user(reminder("a"), HI))),
        ((bot(call("1")), told("a"), user(result("1"), HI)), (bot(call("1")), user(result("1"), reminder("a"), HI))),
        ((user(HI), told("a"), bot(HI), user(HI)), (user(HI, reminder("a")), bot(HI), user(HI))),
        ((user(HI), bot(HI), told("a")), (user(HI), bot(HI), user(reminder("a")))),
        ((told("a"), told("b"), user(HI)), (user(reminder("a"), reminder("b"), HI),)),
        ((user(HI), told("")), (user(HI),)),
    ],
)
def test_a_system_turn_in_the_middle_becomes_a_reminder(turns: tuple[Turn, ...], expected: tuple[Turn, ...]) -> None:
    inlined, losses = history.systems_inlined(turns)
    assert inlined == expected
    assert [loss.action for loss in losses] == ["emulated"]


def test_a_history_without_system_turns_stays() -> None:
    assert history.systems_inlined((user(HI), bot(HI))) == ((user(HI), bot(HI)), ())


def test_a_reminder_keeps_its_cache_mark() -> None:
    marked = Turn(role="system", blocks=(Text(text="a"), Text(text="b", cache=Cache(ttl="1h"))))
    (turn,), _ = history.systems_inlined((marked,))
    assert turn.blocks == (Text(text="<system-reminder>\na\n\nb\n</system-reminder>", cache=Cache(ttl="1h")),)
