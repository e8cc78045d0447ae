"""A conversation's past, made fit to send: tool results where their calls are, no empty turns (wire.md C2, C5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from .chat import Block, Loss, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn
from .errors import BadRequest

_NOTHING = "."  # some targets refuse an empty text, so silence is a full stop
_UNANSWERED = "[no result provided]"
_Place = tuple[int, int]  # of a block: its turn and its position there


def heal(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], tuple[Loss, ...]]:
    """The same history, acceptable to every API.

    - results directly behind the assistant turn with their calls, in call order, in one user turn and first in it; what else
      the user said follows in the same turn
    - a call that the conversation went on without: a result with error=True and the text `[no result provided]` +
    Loss(emulated)
    - a history that ends with unanswered calls: BadRequest naming the ids, unless every call is unanswered and nothing follows
      (then the same synthetic results, H54)
    - a result without a call: user text `[tool result <id>] ...` + Loss; a second result for one id: the last one stays + Loss
    - empty texts without signature are dropped; a user turn that becomes empty gets the text `.`, an assistant turn goes
    """
    turns = _calls_joined(turns)
    pairing = _Pairing(turns)
    _refuse_half_answered(turns, pairing)
    healed: list[Turn] = []
    answered = False  # the last turn holds results, and what the user says next belongs behind them
    for index, turn in enumerate(turns):
        blocks = pairing.left(index, turn)
        if answered and turn.role == "user":
            healed[-1] = msgspec.structs.replace(
                healed[-1], blocks=healed[-1].blocks + blocks, name=turn.name or healed[-1].name
            )
            continue
        kept, results = _standing(turn, blocks), pairing.results(index)
        if kept is not None:
            healed.append(kept)
            answered = False
        if results:
            healed.append(Turn(role="user", blocks=results))
            answered = True
    return tuple(healed), tuple(pairing.losses)


def _standing(turn: Turn, blocks: tuple[Block, ...]) -> Turn | None:
    """The turn with these blocks, None where nothing is left of it."""
    if blocks == turn.blocks and blocks:
        return turn
    if blocks:
        return msgspec.structs.replace(turn, blocks=blocks)
    if turn.role == "user" and not any(isinstance(block, ToolResult) for block in turn.blocks):
        return msgspec.structs.replace(turn, blocks=(Text(text=_NOTHING),))
    return None


def _calls_joined(turns: Sequence[Turn]) -> list[Turn]:
    """Assistant turns behind one that calls tools belong to it: no result stands between them."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and turn.role == joined[-1].role == "assistant" and _calls(joined[-1]):
            joined[-1] = msgspec.structs.replace(joined[-1], blocks=joined[-1].blocks + turn.blocks)
        else:
            joined.append(turn)
    return joined


def _calls(turn: Turn) -> list[ToolCall]:
    return [block for block in turn.blocks if isinstance(block, ToolCall)] if turn.role == "assistant" else []


class _Pairing:
    """Which result answers which call. An id may come again in a later turn (some models count from 0 each time): a result
    belongs to the nearest call before it."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.losses: list[Loss] = []
        self.answers: dict[_Place, ToolResult] = {}
        self.calls: dict[int, list[tuple[_Place, ToolCall]]] = {}
        self._orphans: set[_Place] = set()
        open_calls: dict[str, list[_Place]] = {}
        for index, turn in enumerate(turns):
            calls = {(index, at): block for at, block in enumerate(turn.blocks) if isinstance(block, ToolCall)}
            if calls and turn.role == "assistant":
                self.calls[index] = list(calls.items())
                open_calls |= {
                    call.id: [place for place, other in calls.items() if other.id == call.id] for call in calls.values()
                }
            for at, block in enumerate(turn.blocks):
                if isinstance(block, ToolResult):
                    self._pair((index, at), block, open_calls.get(block.id, []))

    def _pair(self, place: _Place, result: ToolResult, calls: list[_Place]) -> None:
        if not calls:
            self._orphans.add(place)
            self._lose("changed", f"the result {result.id} answers no call and became text")
            return
        free = [call for call in calls if call not in self.answers]
        if not free:
            self._lose("dropped", f"the call {result.id} has several results and the last one counts")
        self.answers[free[0] if free else calls[-1]] = result

    def left(self, index: int, turn: Turn) -> tuple[Block, ...]:
        """A turn's blocks without the results that move to their calls and without empty ones."""
        return tuple(
            part for at, block in enumerate(turn.blocks) if not _empty(block) for part in self._parts((index, at), block)
        )

    def _parts(self, place: _Place, block: Block) -> Iterable[Block]:
        if not isinstance(block, ToolResult):
            return (block,)
        return _told(block) if place in self._orphans else ()

    def results(self, index: int) -> tuple[ToolResult, ...]:
        """The results for a turn's calls, in their order."""
        return tuple(self._result(place, call) for place, call in self.calls.get(index, ()))

    def _result(self, place: _Place, call: ToolCall) -> ToolResult:
        found = self.answers.get(place)
        if found is None:
            self._lose("emulated", f"the call {call.id} had no result")
            return ToolResult(id=call.id, name=call.name, blocks=(Text(text=_UNANSWERED),), error=True, custom=call.custom)
        if any(_empty(block) for block in found.blocks):
            return msgspec.structs.replace(found, blocks=tuple(block for block in found.blocks if not _empty(block)))
        return found

    def _lose(self, action: Literal["dropped", "changed", "emulated"], reason: str) -> None:
        self.losses.append(Loss(field="messages", action=action, reason=reason))


def _refuse_half_answered(turns: Sequence[Turn], pairing: _Pairing) -> None:
    """Some results of the last calls are here and others are not: the client forgot them, nobody interrupted."""
    last = max(pairing.calls, default=None)
    if last is None:
        return
    missing = [call.id for place, call in pairing.calls[last] if place not in pairing.answers]
    follows = any(pairing.left(index, turn) for index, turn in enumerate(turns) if index > last)
    if missing and not follows and len(missing) < len(pairing.calls[last]):
        raise BadRequest(
            f"These tool calls have no result: {', '.join(missing)}. Send one result for each call of the turn.",
            param="messages",
        )


def merged(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Neighbours of the same role as one turn, blocks in order."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            name = turn.name if turn.name == joined[-1].name else ""
            joined[-1] = Turn(role=turn.role, blocks=joined[-1].blocks + turn.blocks, name=name)
        else:
            joined.append(turn)
    return tuple(joined)


def user_first(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """With a user turn `.` in front where the history begins with the assistant."""
    if turns and turns[0].role == "assistant":
        return (Turn(role="user", blocks=(Text(text=_NOTHING),)), *turns)
    return tuple(turns)


def call_names(turns: Sequence[Turn]) -> dict[str, str]:
    """Tool names by call id."""
    return {block.id: block.name for turn in turns for block in turn.blocks if isinstance(block, ToolCall)}


def text_of(blocks: Sequence[Block], separator: str = "") -> str:
    """All Text blocks' text."""
    return separator.join(block.text for block in blocks if isinstance(block, Text))


def systems_inlined(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], tuple[Loss, ...]]:
    """System turns in mid-conversation as user text wrapped in `<system-reminder>`, merged into the next user turn behind
    its tool
    results, + one Loss(emulated) (wire.md C2). For targets with no system role in mid-conversation."""
    if all(turn.role != "system" for turn in turns):
        return tuple(turns), ()
    inlined: list[Turn] = []
    waiting: tuple[Block, ...] = ()
    for turn in turns:
        if turn.role == "system":
            waiting += _reminder(turn)
            continue
        if turn.role == "assistant":  # it answered with the reminder already in sight
            _remind(inlined, waiting)
            inlined.append(turn)
        else:
            inlined.append(_reminded(turn, waiting))
        waiting = ()
    _remind(inlined, waiting)
    return tuple(inlined), (
        Loss(field="messages", action="emulated", reason="system message in mid-conversation became user text"),
    )


def _reminder(turn: Turn) -> tuple[Text, ...]:
    texts = [block for block in turn.blocks if isinstance(block, Text) and block.text]
    if not texts:
        return ()
    said = "\n\n".join(block.text for block in texts)
    return (Text(text=f"<system-reminder>\n{said}\n</system-reminder>", cache=texts[-1].cache),)


def _remind(turns: list[Turn], reminder: tuple[Block, ...]) -> None:
    if not reminder:
        return
    if turns and turns[-1].role == "user":
        turns[-1] = msgspec.structs.replace(turns[-1], blocks=turns[-1].blocks + reminder)
    else:
        turns.append(Turn(role="user", blocks=reminder))


def _reminded(turn: Turn, reminder: tuple[Block, ...]) -> Turn:
    if not reminder:
        return turn
    results = tuple(block for block in turn.blocks if isinstance(block, ToolResult))
    others = tuple(block for block in turn.blocks if not isinstance(block, ToolResult))
    return msgspec.structs.replace(turn, blocks=results + reminder + others)


def _empty(block: Block) -> bool:
    match block:
        case Text():
            return block.signature is None and (not block.text or block.text.isspace())  # H94
        case Reasoning():
            return block.signature is None and not block.redacted and not block.text
        case Refusal():
            return not block.text
        case _:
            return False


def _told(result: ToolResult) -> Iterable[Text | Media]:
    said = text_of(result.blocks, "\n")
    yield Text(text=f"[tool result {result.id}] {said}".rstrip())
    yield from (block for block in result.blocks if isinstance(block, Media))
