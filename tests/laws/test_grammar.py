"""The grammar's own test: it accepts what chat.py allows and nothing else."""

from __future__ import annotations

import pytest
from laws import grammar
from laws.samples import ANSWERS

from pisces_proxy import chat
from pisces_proxy.errors import UpstreamBroken

START, STOP, END = chat.Start(), chat.Stop(reason="stop"), chat.Finish()
OPEN, MORE, CLOSE = chat.BlockStart(block=chat.Text(text="")), chat.Delta(text="x"), chat.BlockEnd()


@pytest.mark.parametrize("sample", ANSWERS)
def test_what_unfold_says_follows_the_grammar_and_folds_back(sample: str) -> None:
    events = list(chat.unfold(ANSWERS[sample]))
    grammar.check(events)
    assert chat.fold(events) == ANSWERS[sample]


@pytest.mark.parametrize(
    "events",
    [
        [OPEN, MORE, CLOSE, STOP, END],
        [START, START, STOP, END],
        [START, MORE, STOP, END],
        [START, OPEN, OPEN, CLOSE, STOP, END],
        [START, OPEN, MORE, STOP, END],
        [START, OPEN, CLOSE, CLOSE, STOP, END],
        [START, OPEN, CLOSE, END],
        [START, OPEN, CLOSE, STOP],
        [START, STOP, OPEN, CLOSE, END],
        [START, STOP, END, chat.PING],
        [START, chat.BlockStart(block=chat.Media(kind="image", data="x")), MORE, CLOSE, STOP, END],
        [chat.Failed(error=UpstreamBroken("gone")), STOP],
        [],
    ],
)
def test_what_breaks_the_grammar_is_found(events: list[chat.Event]) -> None:
    with pytest.raises(grammar.Violation):
        grammar.check(events)
