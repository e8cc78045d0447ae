"""An answer cut to size and into pieces: stop sequences, token limits, words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from pisces_proxy import tokens
from pisces_proxy.chat import (
    Block,
    BlockEnd,
    BlockStart,
    Choice,
    Delta,
    Event,
    Logprobs,
    Reasoning,
    Refusal,
    Request,
    Stop,
    Text,
    ToolCall,
)
from pisces_proxy.usage import Usage

_WIDE = "　-鿿豈-﫿＀-￯"  # scripts without spaces come two characters at a time
_PIECE = re.compile(rf"\s*(?:[{_WIDE}]{{1,2}}|[^\s{_WIDE}]+)|\s+$")
_ARGUMENTS = 12  # characters of arguments in one piece


def pieces(text: str) -> list[str]:
    """Words with the space before them; joined they are the text."""
    return _PIECE.findall(text)


def fitted(choice: Choice, request: Request) -> Choice:
    """The answer as far as stop sequences and max_tokens let it go."""
    return _limited(_stopped(choice, request.stop), request.max_tokens)


def _stopped(choice: Choice, sequences: tuple[str, ...]) -> Choice:
    blocks: list[Block] = []
    for block in choice.blocks:
        if isinstance(block, Text) and (hit := _first_hit(block.text, sequences)) is not None:
            at, sequence = hit
            blocks.append(Text(text=block.text[:at]))
            return Choice(blocks=tuple(blocks), stop=Stop(reason="stop", raw="stop_sequence", sequence=sequence))
        blocks.append(block)
    return choice


def _first_hit(text: str, sequences: tuple[str, ...]) -> tuple[int, str] | None:
    hits = [(at, sequence) for sequence in sequences if sequence and (at := text.find(sequence)) >= 0]
    return min(hits, default=None)


def _limited(choice: Choice, most: int | None) -> Choice:
    if most is None or tokens.of_blocks(choice.blocks) <= most:
        return choice
    blocks: list[Block] = []
    for block in choice.blocks:
        if tokens.of_blocks((*blocks, block)) <= most:
            blocks.append(block)
            continue
        if (part := _part(block, most - tokens.of_blocks(tuple(blocks)))) is not None:
            blocks.append(part)
        break
    return Choice(blocks=tuple(blocks), stop=Stop(reason="length", raw="length"))


def _part(block: Block, room: int) -> Block | None:
    """As much of a block as fits into so many tokens."""
    match block:
        case Text(text=text) | Reasoning(text=text) | Refusal(text=text):
            return msgspec.structs.replace(block, text=_prefix(text, room))
        case ToolCall(arguments=arguments):
            return msgspec.structs.replace(block, arguments=arguments[: max(room - 8, 0) * 4])
    return None


def _prefix(text: str, room: int) -> str:
    """The longest run of pieces that counts no more than `room`: halving, since a count takes a walk through the text."""
    words = pieces(text)
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tokens.of_text("".join(words[:middle])) <= room else (low, middle - 1)
    return "".join(words[:low])


def usage(request: Request, choices: tuple[Choice, ...]) -> Usage:
    """What was read and said. Not an estimate: the demo is the authority on its own tokens."""
    said = tuple(block for choice in choices for block in choice.blocks)
    thought = tuple(block for block in said if isinstance(block, Reasoning))
    return Usage(input=tokens.of_request(request), output=tokens.of_blocks(said), reasoning=tokens.of_blocks(thought))


# -- events ------------------------------------------------------------------------------------------------------------


def events(choice: Choice, index: int, logprobs: bool) -> Iterator[Event]:
    """One answer, piece by piece."""
    for block in choice.blocks:
        yield from _block(block, index, logprobs)
    yield msgspec.structs.replace(choice.stop, choice=index)


def _block(block: Block, index: int, logprobs: bool) -> Iterator[Event]:
    match block:
        case Text(text=text):
            yield BlockStart(block=Text(text=""), choice=index)
            for piece in pieces(text):
                yield Delta(text=piece, choice=index)
                if logprobs:
                    yield Logprobs(raw=_certain(piece), choice=index)
            yield BlockEnd(choice=index)
        case Reasoning(text=text):
            yield BlockStart(block=Reasoning(), choice=index)
            yield from (Delta(text=piece, choice=index) for piece in pieces(text))
            yield BlockEnd(choice=index, signature=block.signature)
        case ToolCall(arguments=text):
            yield BlockStart(block=msgspec.structs.replace(block, arguments=""), choice=index)
            yield from (Delta(text=text[at : at + _ARGUMENTS], choice=index) for at in range(0, len(text), _ARGUMENTS))
            yield BlockEnd(choice=index)
        case Refusal(text=text):
            yield BlockStart(block=Refusal(text=""), choice=index)
            yield from (Delta(text=piece, choice=index) for piece in pieces(text))
            yield BlockEnd(choice=index)
        case _:
            yield BlockStart(block=block, choice=index)
            yield BlockEnd(choice=index)


def _certain(piece: str) -> bytes:
    """The demo has no doubts: each word has probability one."""
    token = {"token": piece, "logprob": 0.0, "bytes": list(piece.encode()), "top_logprobs": []}
    return msgspec.json.encode([token])
