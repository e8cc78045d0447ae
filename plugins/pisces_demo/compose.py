"""A request in, a whole answer out: which blocks, and why it ends. Pure and deterministic."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from pisces_proxy import chat
from pisces_proxy.chat import Block, Choice, Media, Reasoning, Refusal, Request, Signature, Stop, Text
from pisces_proxy.errors import BadRequest
from pisces_proxy.history import text_of

from . import calls, orders, paint, react, talk
from .instances import instance

_MOST = 128  # as OpenAI's
_WORDS = (
    "one", "gate", "carries", "every", "word", "from", "shore", "to", "shore", "and", "none", "is", "lost", "on", "the", "way",
)  # fmt: skip


def answer_id(request: Request) -> str:
    """The same for the same conversation."""
    said = msgspec.json.encode([_plain(turn) for turn in request.turns])
    return hashlib.sha256(request.model.encode() + b"\0" + said).hexdigest()[:24]


def _plain(turn: chat.Turn) -> Any:
    return turn.role, [msgspec.structs.asdict(block) for block in turn.blocks]


def choices(request: Request, order: orders.Order | None) -> tuple[Choice, ...]:
    """All of the answers that were asked for."""
    if request.n > _MOST:
        raise BadRequest(f"`n` is {request.n}; the demo gives at most {_MOST} answers.", param="n", code="invalid_value")
    first = _ordered(request, order) if order is not None else None
    return tuple(first or _choice(request, index) for index in range(max(request.n, 1)))


def _ordered(request: Request, order: orders.Order) -> Choice | None:
    """What an order wants said; None where the order is about something else than words."""
    match order.verb:
        case "refuse":
            return Choice(blocks=(Refusal(text="I cannot help with that."),), stop=Stop(reason="refusal", raw="refusal"))
        case "filter":
            stop = Stop(reason="content_filter", raw="content_filter")
            return Choice(blocks=(Text(text="This answer was"),), stop=stop)
        case "empty":
            return Choice(blocks=())
        case "long" | "cut":
            words = order.number if order.verb == "long" else max(order.number * 2, 40)
            return Choice(blocks=(*_thoughts(request), Text(text=_lines(words))))
        case "inspect":
            return Choice(blocks=(Text(text=inspection(request)),))
    return None


def _lines(words: int) -> str:
    return " ".join(_WORDS[index % len(_WORDS)] for index in range(words))


def _choice(request: Request, index: int) -> Choice:
    asked = talk.question(request)
    made = calls.calls(request, asked.text, answer_id(request), bool(asked.results))
    if made:
        return Choice(blocks=(*_thoughts(request), *made), stop=Stop(reason="tool_calls", raw="tool_calls"))
    text = _formatted(request, asked) or _in_words(request, asked)
    if index and request.output is None:
        text = f"({index + 1}) {text}"  # alternatives can be told apart
    return Choice(blocks=(*_thoughts(request), Text(text=text), *_pictures(request, asked)))


def _in_words(request: Request, asked: talk.Question) -> str:
    if _wants_pictures(request):
        return "这是你要的图片。" if asked.chinese else "Here is your picture."
    inner = react.question(request, asked.text)
    if not inner:
        return talk.answer(request, asked)
    seen = react.observation(asked.text)
    return react.final(asked.text, seen or talk.answer(request, asked._replace(text=inner)))


def _formatted(request: Request, asked: talk.Question) -> str:
    """The answer as JSON, where the client wants it so."""
    match request.output:
        case chat.OutputFormat(kind="json"):
            return msgspec.json.encode({"answer": talk.answer(request, asked)}).decode()
        case chat.OutputFormat(kind="schema", schema=schema):
            return msgspec.json.encode(instance(schema, calls.hints(asked.text))).decode()
    return ""


def _wants_pictures(request: Request) -> bool:
    return "image" in {modality.lower() for modality in request.modalities}


def _pictures(request: Request, asked: talk.Question) -> tuple[Media, ...]:
    if not _wants_pictures(request):
        return ()
    return (Media(kind="image", mime="image/png", data=paint.disc(asked.text)),)


# -- thinking ----------------------------------------------------------------------------------------------------------


def thinks(request: Request) -> bool:
    """Whether thinking was asked for; without that the demo never thinks."""
    wish = request.thinking
    if wish is None or wish.effort == "none" or wish.budget == 0:
        return False
    return bool(wish.effort or wish.budget or wish.include or wish.adaptive)


def _thoughts(request: Request) -> tuple[Reasoning, ...]:
    if not thinks(request):
        return ()
    chinese = talk.question(request).chinese
    text = "先看清问题,再简短作答。" if chinese else "Let me see what is asked, then answer it briefly."
    return (Reasoning(text=text, signature=signature(answer_id(request), text)),)


def signature(id: str, text: str) -> Signature:
    """The proof that the demo thought this, in this conversation."""
    return Signature(kind="demo", data=hashlib.sha256(f"{id}\0{text}".encode()).hexdigest(), family="demo")


# -- inspection --------------------------------------------------------------------------------------------------------


def inspection(request: Request) -> str:
    """What arrived, as JSON."""
    seen = {
        "model": request.model,
        "system": [text.text for text in request.system],
        "turns": [{"role": turn.role, "blocks": [_inspected(block) for block in turn.blocks]} for turn in request.turns],
        "tools": [tool.name for tool in request.tools],
        "max_tokens": request.max_tokens,
        "stop": list(request.stop),
        "thinking": request.thinking is not None,
    }
    return msgspec.json.encode(seen).decode()


def _inspected(block: Block) -> dict[str, str]:
    seen = {"type": type(block).__name__}
    if (signed := getattr(block, "signature", None)) is not None:
        seen["signature"] = f"{signed.kind}:{signed.data}"
    match block:
        case Text(text=text) | Reasoning(text=text) | Refusal(text=text):
            seen["text"] = text
        case chat.ToolCall():
            seen |= {"id": block.id, "name": block.name, "arguments": block.arguments}
        case chat.ToolResult():
            seen |= {"id": block.id, "text": text_of(block.blocks)}
        case Media():
            seen |= {"kind": block.kind, "mime": block.mime}
    return seen
