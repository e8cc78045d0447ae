"""The `input` of a Responses request as turns: a flat list of items on one side, who said what on the other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pisces_proxy.chat import Block, Loss, Media, Reasoning, Signature, Text, ToolResult, Turn
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.seals import Seals

from . import responses_items as items
from .responses_items import Item, Part

STATE = "unsupported_state_reference"
# Where a foreign signature stood, told in the sealed id: it has no item id of its own.
ON_CALL, ON_TEXT, REDACTED = "call", "text", "redacted"

_parts = msgspec.json.Decoder(list[Part])
_json = msgspec.json.Encoder().encode


class History(msgspec.Struct):
    """What `input` holds. `tools` are those that an item brought in, as they stand."""

    system: list[Text]
    turns: list[Turn]
    tools: list[msgspec.Raw]
    losses: list[Loss]


def read_input(given: str | Sequence[msgspec.Raw], seals: Seals) -> History:
    """Raises BadRequest naming the item (`input[3].content[0]`)."""
    if isinstance(given, str):
        turns = [Turn(role="user", blocks=(Text(text=given),))] if given else []
        return History(system=[], turns=turns, tools=[], losses=[])
    reader = _Reader(seals)
    for index, raw in enumerate(given):
        reader.item(raw, f"input[{index}]")
    return reader.done()


class _Reader:
    """Items in, turns out: what the assistant did in a row is one turn, so are results in a row."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals
        self._system: list[Text] = []
        self._turns: list[Turn] = []
        self._tools: list[msgspec.Raw] = []
        self._losses: list[Loss] = []
        self._open: list[Block] = []  # the turn in the making
        self._role: str = ""  # `assistant`, `results` or none
        self._carried: Signature | None = None  # a signature that belongs to the call that follows

    def done(self) -> History:
        self._close()
        return History(system=self._system, turns=self._turns, tools=self._tools, losses=self._losses)

    def item(self, raw: msgspec.Raw, param: str) -> None:
        item = _checked(raw, param)
        match item.type or "message":
            case "message":
                self._message(item, param)
            case "function_call" | "custom_tool_call":
                self._call(item, param)
            case "function_call_output" | "custom_tool_call_output":
                self._add("results", self._result(item, param))
            case "reasoning":
                self._reasoning(item, param)
            case "item_reference":
                raise stateless(f"`{param}` refers to an item of an earlier answer", param)
            case "additional_tools" | "tool_search_output":
                self._tools += item.tools or ()
            case "tool_search_call":
                return  # what it found has become plain tools: there is nothing left to tell
            case "image_generation_call" if (image := items.image_of(item)) is not None:
                self._add("assistant", image)
            case kind:
                answered = kind.endswith(("_output", "_response"))
                self._add("results" if answered else "assistant", items.opaque_of(raw, kind))

    def _message(self, item: Item, param: str) -> None:
        blocks = items.content_blocks(item.content, f"{param}.content")
        match item.role:
            case "assistant":
                for block in blocks:
                    phased = isinstance(block, Text) and item.phase
                    self._add("assistant", msgspec.structs.replace(block, phase=item.phase) if phased else block)
            case "system" | "developer":
                self._say("system", blocks)
            case "user":
                self._say("user", blocks)
            case role:
                raise BadRequest(
                    f"`{param}.role` is {role!r}; it can be user, assistant, system or developer.",
                    param=f"{param}.role",
                    code="invalid_value",
                )

    def _say(self, role: str, blocks: list[Block]) -> None:
        self._close()
        texts = [block for block in blocks if isinstance(block, Text)]
        if role == "user":
            self._turns.append(Turn(role="user", blocks=tuple(blocks)))
        elif not self._turns:  # leading: instructions (C2)
            self._system += texts
        else:
            self._turns.append(Turn(role="system", blocks=tuple(texts)))

    def _call(self, item: Item, param: str) -> None:
        if not item.call_id or not item.name:
            missing = "call_id" if not item.call_id else "name"
            raise BadRequest(f"`{param}` needs `{missing}`.", param=f"{param}.{missing}", code="missing_required_parameter")
        call = items.call_of(item)
        if self._carried is not None:
            call = msgspec.structs.replace(call, signature=self._carried)
            self._carried = None
        self._add("assistant", call)

    def _result(self, item: Item, param: str) -> ToolResult:
        if not item.call_id:
            raise BadRequest(f"`{param}` needs `call_id`.", param=f"{param}.call_id", code="missing_required_parameter")
        blocks = _output_blocks(item.output, f"{param}.output")
        kept = tuple(block for block in blocks if isinstance(block, (Text, Media)))
        return ToolResult(id=item.call_id, blocks=kept, custom=item.type == "custom_tool_call_output")

    def _reasoning(self, item: Item, param: str) -> None:
        text, summary = items.thinking_of(item)
        signature = self._opened(item, param)
        where = signature.id if signature is not None and signature.kind != items.FAMILY else ""
        if signature is not None and where in (ON_CALL, ON_TEXT, REDACTED):
            signature = msgspec.structs.replace(signature, id="")
        if signature is not None and where in (ON_CALL, ON_TEXT):
            self._carry(signature, where)
        elif text or signature is not None:
            redacted = where == REDACTED
            thought = Reasoning(text=text, summary=summary and not redacted, signature=signature, redacted=redacted)
            self._add("assistant", thought)

    def _opened(self, item: Item, param: str) -> Signature | None:
        blob = item.encrypted_content
        if not blob:
            return None
        if not Seals.looks_sealed(blob):
            return Signature(kind=items.FAMILY, data=blob, id=item.id or "", parts=items.paragraphs(item))
        opened = self._seals.open(blob)
        if opened is None:
            reason = "it was sealed with a secret that this gateway does not have"
            self._losses.append(Loss(field=f"{param}.encrypted_content", action="dropped", reason=reason))
        return opened

    def _carry(self, signature: Signature, where: str) -> None:
        """A signature that stood on a call or a text, in an item of its own because this wire has no place for it there."""
        last = self._open[-1] if self._role == "assistant" else None
        if where == ON_TEXT and isinstance(last, Text):
            self._open[-1] = msgspec.structs.replace(last, signature=signature)
        elif where == ON_TEXT:
            self._add("assistant", Text(text="", signature=signature))
        else:
            self._carried = signature

    def _add(self, role: str, block: Block) -> None:
        if role != self._role:
            self._close()
            self._role = role
        self._open.append(block)

    def _close(self) -> None:
        if self._open:
            role = "assistant" if self._role == "assistant" else "user"
            self._turns.append(Turn(role=role, blocks=tuple(self._open)))  # type: ignore[arg-type]
        self._open, self._role, self._carried = [], "", None


def stateless(what: str, param: str) -> Unsupported:
    """The refusal of what only a store could answer."""
    message = f"{what}, but this gateway stores no responses. Send the whole conversation in `input`."
    return Unsupported(message, param=param, code=STATE)


def _checked(raw: msgspec.Raw, param: str) -> Item:
    try:
        return items.read(raw)
    except msgspec.ValidationError as error:
        at = str(error).rpartition("$")[2].rstrip("`") if "$" in str(error) else ""
        raise BadRequest(f"`{param}{at}` is of the wrong type: {error}", param=param + at, code="invalid_value") from None


def _output_blocks(output: object, param: str) -> list[Block]:
    """A tool's output: text, parts, or (from look-alikes) any JSON value, which is then text."""
    if output is None or isinstance(output, str):
        return items.content_blocks(output, param)
    if isinstance(output, list) and all(isinstance(part, dict) and "type" in part for part in output):
        try:
            return items.content_blocks(_parts.decode(_json(output)), param)
        except msgspec.ValidationError as error:
            raise BadRequest(f"`{param}` has a part of the wrong type: {error}", param=param, code="invalid_value") from None
    return [Text(text=_json(output).decode())]
