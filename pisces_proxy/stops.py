"""Stop sequences that a target does not know: the text is cut at them here, on its way through (wire.md C13, C14)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .chat import BlockEnd, BlockStart, Delta, Event, Finish, Logprobs, Stop, Text
from .usage import Usage


class _Choice:
    """`held` is text that may be the beginning of a sequence; None outside of text."""

    __slots__ = ("cut", "held")

    def __init__(self) -> None:
        self.held: str | None = None
        self.cut = False


class StopScan:
    """One answer of so many choices. `early`: it ends as soon as all of them are cut, without what the upstream would still
    say, its count of tokens included, in whose place stands our own of the text, and `prompt`; else only the client sees the
    end there. `ended` tells that it did end so."""

    __slots__ = ("_choices", "_early", "_letters", "_longest", "_open", "_prompt", "_sequences", "ended")

    def __init__(self, sequences: Sequence[str], choices: int = 1, *, early: bool = False, prompt: int = 0) -> None:
        self._sequences = tuple(sequence for sequence in sequences if sequence)
        self._longest = max(map(len, self._sequences), default=0)
        self._choices: dict[int, _Choice] = {}
        self._open = choices
        self._early = early
        self._prompt = prompt
        self._letters = 0
        self.ended = False

    def events(self, events: Iterable[Event]) -> list[Event]:
        """The same events, cut."""
        if self.ended:
            return []
        out: list[Event] = []
        for event in events:
            if self.ended:
                break
            choice = getattr(event, "choice", None)
            if choice is None:
                out.append(event)
            else:
                self._one(event, self._choices.setdefault(choice, _Choice()), choice, out)
        self._letters += sum(len(event.text) for event in out if isinstance(event, Delta))
        if self.ended:
            out.append(Finish(usage=Usage(input=self._prompt, output=-(-self._letters // 4), estimated=True)))
        return out

    def _one(self, event: Event, choice: _Choice, number: int, out: list[Event]) -> None:
        if choice.cut:
            return
        match event:
            case BlockStart(block=Text(text=text)):
                choice.held = ""
                out.append(event if not text else BlockStart(block=Text(text=""), choice=number))
                self._text(text, choice, number, out)
            case Delta(text=text) if choice.held is not None:
                self._text(text, choice, number, out)
            case Logprobs():
                out.append(event)
            case _:
                if choice.held:
                    out.append(Delta(text=choice.held, choice=number))
                choice.held = None
                out.append(event)

    def _text(self, text: str, choice: _Choice, number: int, out: list[Event]) -> None:
        text = (choice.held or "") + text
        at, sequence = self._found(text)
        choice.held = text[self._safe(text) :] if at < 0 else ""
        told = text[:at] if at >= 0 else text[: len(text) - len(choice.held)]
        if told:
            out.append(Delta(text=told, choice=number))
        if at >= 0:
            out += (BlockEnd(choice=number), Stop(reason="stop", choice=number, raw="stop_sequence", sequence=sequence))
            self._cut(choice)

    def _found(self, text: str) -> tuple[int, str]:
        """The first sequence in the text and where it begins, -1 for none."""
        found = [(at, sequence) for sequence in self._sequences if (at := text.find(sequence)) >= 0]
        return min(found, default=(-1, ""))

    def _safe(self, text: str) -> int:
        """Up to where the text can be no sequence's beginning."""
        for at in range(max(0, len(text) - self._longest + 1), len(text)):
            if any(sequence.startswith(text[at:]) for sequence in self._sequences):
                return at
        return len(text)

    def _cut(self, choice: _Choice) -> None:
        choice.cut = True
        self._open -= 1
        self.ended = self._early and self._open <= 0
