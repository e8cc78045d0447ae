"""A conversation in no vendor's words: the canonical form that every chat wire decodes to and encodes from.

Pure values without identity. A streamed answer is `Start (BlockStart Delta* BlockEnd)* Stop+ Finish | Failed`, with
`Ping` and `Usage` snapshots in between; blocks of one choice follow each other and never overlap. `fold` makes a
`Response` of it, `unfold` the events of a `Response`: a non-streamed answer is not a second world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from .blocks import (
    Block as Block,
)
from .blocks import (
    Cache as Cache,
)
from .blocks import (
    Citation as Citation,
)
from .blocks import (
    Media as Media,
)
from .blocks import (
    MediaKind as MediaKind,
)
from .blocks import (
    Opaque as Opaque,
)
from .blocks import (
    Reasoning as Reasoning,
)
from .blocks import (
    Refusal as Refusal,
)
from .blocks import (
    Signature as Signature,
)
from .blocks import (
    Text as Text,
)
from .blocks import (
    ToolCall as ToolCall,
)
from .blocks import (
    ToolResult as ToolResult,
)
from .blocks import (
    Turn as Turn,
)
from .blocks import (
    Value as Value,
)
from .errors import PiscesError
from .usage import Usage

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max", "auto"]
StopReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "pause", "context_full", "error"]


# -- the request -------------------------------------------------------------------------------------------------------


class Tool(Value, frozen=True):
    """A function the client offers. `schema` is its JSON Schema, exact bytes, empty for no parameters.
    `custom` tools take free text (`grammar` is the wire's own format object, JSON)."""

    name: str
    description: str = ""
    schema: bytes = b""
    strict: bool | None = None
    custom: bool = False
    grammar: bytes = b""
    cache: Cache | None = None


class ServerTool(Value, frozen=True):
    """A tool that the upstream runs. `kind`: `web_search`, `code_execution`, `web_fetch` are mapped between wires;
    any other kind lives in its own `wire` only. `raw` is that wire's declaration."""

    kind: str
    wire: str
    raw: bytes


class ToolChoice(Value, frozen=True):
    """`names` narrows `auto` or `required` to a subset; one name with `required` forces that tool."""

    mode: Literal["auto", "none", "required"]
    names: tuple[str, ...] = ()


class Thinking(Value, frozen=True):
    """`effort` or `budget` (tokens), whichever the client said; `None` where it said neither. `include` asks to see
    the thinking; `summary` is OpenAI's `auto`, `concise`, `detailed`; `adaptive` is Anthropic's mode."""

    effort: Effort | None = None
    budget: int | None = None
    include: bool = False
    summary: str = ""
    adaptive: bool = False


class OutputFormat(Value, frozen=True):
    kind: Literal["text", "json", "schema"]
    schema: bytes = b""
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Speech(Value, frozen=True):
    """Spoken output: `format` wav, mp3, ...; `voice` the upstream's name."""

    voice: str = ""
    format: str = ""


class Request(Value, frozen=True):
    """What a client wants from a chat model. `None` and empty mean: not said."""

    model: str
    turns: tuple[Turn, ...]
    system: tuple[Text, ...] = ()
    stream: bool = False
    include_usage: bool = False
    tools: tuple[Tool, ...] = ()
    server_tools: tuple[ServerTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: int = 1
    stop: tuple[str, ...] = ()
    logit_bias: bytes = b""
    logprobs: bool = False
    top_logprobs: int | None = None
    thinking: Thinking | None = None
    output: OutputFormat | None = None
    verbosity: str = ""
    modalities: tuple[str, ...] = ()
    speech: Speech | None = None
    user: str = ""
    metadata: bytes = b""
    service_tier: str = ""
    cache_key: str = ""
    auto_cache: Cache | None = None
    legacy_functions: bool = False
    # members that only the sender's wire understands: name -> JSON, sent on only to that wire, else a warning
    extra: dict[str, bytes] = {}
    # what the decoder could not carry into the canonical form
    losses: tuple[Loss, ...] = ()


class Loss(Value, frozen=True):
    """Something that did not arrive as it was said. In `x-pisces-warnings` as `field;action;reason`."""

    field: str
    action: Literal["dropped", "changed", "emulated"]
    reason: str


# -- the answer --------------------------------------------------------------------------------------------------------


class Start(Value, frozen=True, gc=False):
    """`id` and `model` as the upstream says them; `created` in unix seconds, 0 where not said."""

    id: str = ""
    model: str = ""
    created: int = 0
    usage: Usage | None = None


class BlockStart(Value, frozen=True):
    """Opens `block`: Text, Reasoning, ToolCall, Refusal come with what is known (usually empty text); Media and Opaque
    come whole."""

    block: Block
    choice: int = 0


class Delta(Value, frozen=True, gc=False):
    """More of the open block: text, thinking, tool arguments or refusal, by the block's type."""

    text: str
    choice: int = 0


class BlockEnd(Value, frozen=True):
    """Closes the open block with what is known only now."""

    choice: int = 0
    signature: Signature | None = None
    citations: tuple[Citation, ...] = ()


class Stop(Value, frozen=True):
    """One choice is complete. `raw` is the upstream's own word, `sequence` the stop sequence that was hit,
    `detail` its explanation."""

    reason: StopReason
    choice: int = 0
    raw: str = ""
    sequence: str = ""
    detail: str = ""


class Logprobs(Value, frozen=True):
    """Token probabilities of the open block, in OpenAI's shape (JSON array of tokens)."""

    raw: bytes
    choice: int = 0


class UsageSoFar(Value, frozen=True):
    """A cumulative snapshot: replaces what was said before."""

    usage: Usage


class Finish(Value, frozen=True):
    """The upstream said that it is done. `usage` is None where it never counted. `extra` holds what has no place in
    the canonical form, by name, JSON (`system_fingerprint`, `service_tier`, `grounding`)."""

    usage: Usage | None = None
    extra: dict[str, bytes] = {}


class Failed(Value, frozen=True):
    """The answer broke off. Nothing follows."""

    error: PiscesError


class Ping(Value, frozen=True, gc=False):
    """The upstream is alive and has nothing to say."""


Event = Start | BlockStart | Delta | BlockEnd | Logprobs | UsageSoFar | Stop | Finish | Failed | Ping
PING = Ping()


class Choice(Value, frozen=True):
    blocks: tuple[Block, ...] = ()
    stop: Stop = Stop(reason="stop")
    logprobs: bytes = b""


class Response(Value, frozen=True):
    """A whole answer. `usage` is None where the upstream never counted."""

    id: str = ""
    model: str = ""
    created: int = 0
    choices: tuple[Choice, ...] = (Choice(),)
    usage: Usage | None = None
    extra: dict[str, bytes] = {}


class _Folding:
    """One choice while its events come in."""

    __slots__ = ("block", "blocks", "logprobs", "stop", "text")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.block: Block | None = None
        self.text: list[str] = []
        self.stop = Stop(reason="stop")
        self.logprobs: list[bytes] = []

    def close(self, end: BlockEnd) -> None:
        if self.block is not None:
            self.blocks.append(_grown(self.block, "".join(self.text), end))
        self.block, self.text = None, []

    def done(self) -> Choice:
        self.close(BlockEnd())
        tokens = b",".join(part.strip()[1:-1] for part in self.logprobs)
        return Choice(blocks=tuple(self.blocks), stop=self.stop, logprobs=b"[" + tokens + b"]" if tokens else b"")


def _grown(block: Block, more: str, end: BlockEnd) -> Block:
    match block:
        case Text():
            return msgspec.structs.replace(
                block,
                text=block.text + more,
                citations=block.citations + end.citations,
                signature=end.signature or block.signature,
            )
        case Reasoning():
            return msgspec.structs.replace(block, text=block.text + more, signature=end.signature or block.signature)
        case ToolCall():
            return msgspec.structs.replace(block, arguments=block.arguments + more, signature=end.signature or block.signature)
        case Refusal():
            return Refusal(text=block.text + more)
        case _:
            return block


def fold(events: Iterable[Event]) -> Response:
    """The whole answer of a stream. Raises the error of a `Failed`."""
    start, usage, extra = Start(), None, {}
    choices: dict[int, _Folding] = {}

    def at(index: int) -> _Folding:
        if index not in choices:
            choices[index] = _Folding()
        return choices[index]

    for event in events:
        match event:
            case Delta():
                at(event.choice).text.append(event.text)
            case Start():
                start, usage = event, event.usage or usage
            case BlockStart():
                at(event.choice).close(BlockEnd())
                at(event.choice).block = event.block
            case BlockEnd():
                at(event.choice).close(event)
            case Logprobs():
                at(event.choice).logprobs.append(event.raw)
            case Stop():
                at(event.choice).stop = event
            case UsageSoFar():
                usage = event.usage
            case Finish():
                usage, extra = event.usage or usage, event.extra
            case Failed():
                raise event.error
    return Response(
        id=start.id,
        model=start.model,
        created=start.created,
        choices=tuple(choices[index].done() for index in sorted(choices)) or (Choice(),),
        usage=usage,
        extra=extra,
    )


def unfold(response: Response) -> Iterator[Event]:
    """The events that `fold` makes this answer of: each block whole, in one delta."""
    yield Start(id=response.id, model=response.model, created=response.created, usage=response.usage)
    for index, choice in enumerate(response.choices):
        for block in choice.blocks:
            yield from _unfold_block(block, index)
        if choice.logprobs:
            yield Logprobs(raw=choice.logprobs, choice=index)
        yield msgspec.structs.replace(choice.stop, choice=index)
    yield Finish(usage=response.usage, extra=response.extra)


def _unfold_block(block: Block, index: int) -> Iterator[Event]:
    opening, text, end = block, "", BlockEnd(choice=index)
    match block:
        case Text():
            # told at both ends: some clients have a place for it in front of the text only
            opening, text = msgspec.structs.replace(block, text="", citations=()), block.text
            end = BlockEnd(choice=index, citations=block.citations, signature=block.signature)
        case Reasoning():
            opening, text = msgspec.structs.replace(block, text="", signature=None), block.text
            end = BlockEnd(choice=index, signature=block.signature)
            if block.redacted:  # its signature is the block: it opens with it
                opening, end = block, BlockEnd(choice=index)
                text = ""
        case ToolCall():
            opening, text = msgspec.structs.replace(block, arguments=""), block.arguments
        case Refusal():
            opening, text = Refusal(text=""), block.text
        case _:
            pass
    yield BlockStart(block=opening, choice=index)
    if text:
        yield Delta(text=text, choice=index)
    yield end
