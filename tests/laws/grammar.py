"""The grammar of a streamed answer, checked: `Start (BlockStart Delta* BlockEnd)* Stop+ Finish | Failed` (chat.py)."""

from __future__ import annotations

from collections.abc import Sequence

from pisces_proxy import chat

GROWING = (chat.Text, chat.Reasoning, chat.ToolCall, chat.Refusal)


class Violation(AssertionError):
    pass


def check(events: Sequence[chat.Event]) -> None:
    """Raises Violation naming the first event that does not fit."""
    state = _State()
    for number, event in enumerate(events):
        try:
            state.take(event)
        except Violation as error:
            raise Violation(f"event {number}, {event!r:.200}: {error}") from None
    if state.ended == "":
        raise Violation("neither Finish nor Failed at the end")


class _State:
    def __init__(self) -> None:
        self.started = False
        self.ended = ""
        self.open: dict[int, chat.Block] = {}
        self.choices: set[int] = set()
        self.stopped: set[int] = set()

    def take(self, event: chat.Event) -> None:
        _must(not self.ended, f"it follows {self.ended}")
        match event:
            case chat.Ping() | chat.UsageSoFar():
                return
            case chat.Failed():
                self.ended = "Failed"
                return
            case chat.Start():
                _must(not self.started, "a second Start")
                self.started = True
                return
        _must(self.started, "it comes before Start")
        if isinstance(event, chat.Finish):
            self._finish()
        else:
            self._in_choice(event)

    def _in_choice(self, event: chat.BlockStart | chat.Delta | chat.BlockEnd | chat.Logprobs | chat.Stop) -> None:
        choice = event.choice
        _must(choice not in self.stopped, f"choice {choice} has stopped")
        self.choices.add(choice)
        match event:
            case chat.BlockStart(block=block):
                _must(choice not in self.open, f"choice {choice} has a block open: {self.open.get(choice)!r:.80}")
                self.open[choice] = block
            case chat.Delta():
                _must(choice in self.open, f"choice {choice} has no block open")
                _must(isinstance(self.open[choice], GROWING), f"a {type(self.open[choice]).__name__} does not grow")
            case chat.BlockEnd():
                _must(choice in self.open, f"choice {choice} has no block open")
                del self.open[choice]
            case chat.Stop():
                _must(choice not in self.open, f"choice {choice} stops with a block open")
                self.stopped.add(choice)

    def _finish(self) -> None:
        _must(not self.open, f"blocks are still open: {sorted(self.open)}")
        _must(bool(self.stopped), "no choice has stopped")
        _must(self.choices <= self.stopped, f"choices without Stop: {sorted(self.choices - self.stopped)}")
        self.ended = "Finish"


def _must(condition: bool, message: str) -> None:
    if not condition:
        raise Violation(message)
