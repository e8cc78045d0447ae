"""Thinking in the history of a Messages request: what goes back to the vendor, and what it would refuse (wire.md C6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import UNSET, Raw

from pisces_proxy import splice
from pisces_proxy.chat import Loss
from pisces_proxy.seals import PREFIX

from . import shapes

OFF = b'{"type":"disabled"}'
_THINKING = ("thinking", "redacted_thinking")

_turns = msgspec.json.Decoder(list[shapes.Message])
_message = msgspec.json.Decoder(shapes.Message)
_Unwanted = Callable[[Raw], bool]


def without_foreign(body: bytes, members: Mapping[str, Raw], losses: list[Loss]) -> dict[str, bytes | None]:
    """The changes that take out thinking blocks of another family: the conversation was answered by one earlier, and the
    vendor refuses signatures that are not its own (H81)."""
    if b'thinking"' not in body:
        return {}
    changes = _without(members, _is_foreign)
    if "thinking" in changes:
        losses.append(Loss(field="thinking", action="dropped", reason="the open tool calls came without Claude's thinking"))
    return changes


def without_thinking(body: bytes) -> bytes | None:
    """The request without any thinking of earlier turns, None where it has none that the vendor could have refused."""
    members = splice.members(body)
    changes = _without(members, _is_thinking)
    if not changes and _starts_open(members):
        changes = {"thinking": OFF}  # H85
    return splice.edit(body, changes) if changes else None


def _without(members: Mapping[str, Raw], unwanted: _Unwanted) -> dict[str, bytes | None]:
    """`messages` without these blocks, and thinking off where the open round of tool calls would have to begin with it."""
    messages = members.get("messages")
    if messages is None:
        return {}
    try:
        if not any(_holds(message, unwanted) for message in _turns.decode(messages)):
            return {}
        after = [kept for message in shapes.raw_list.decode(messages) if (kept := _kept(message, unwanted))]
    except msgspec.MsgspecError:
        return {}  # the vendor has the better words for it
    changes: dict[str, bytes | None] = {"messages": b"[" + b",".join(after) + b"]"}
    if _budgeted(members) and _open_round_without_thinking(after):
        changes["thinking"] = OFF  # H85
    return changes


def _starts_open(members: Mapping[str, Raw]) -> bool:
    try:
        after = [bytes(message) for message in shapes.raw_list.decode(members.get("messages", Raw(b"[]")))]
        return _budgeted(members) and _open_round_without_thinking(after)
    except msgspec.MsgspecError:
        return False


def _budgeted(members: Mapping[str, Raw]) -> bool:
    """Only with a budget must the open round begin with thinking, not in adaptive mode (wire.md C6)."""
    return b'"enabled"' in shapes.said(members.get("thinking", UNSET))


def _holds(message: shapes.Message, unwanted: _Unwanted) -> bool:
    content = shapes.said(message.content)
    if message.role != "assistant" or b'thinking"' not in content or not content.startswith(b"["):
        return False
    return any(unwanted(part) for part in shapes.raw_list.decode(content))


def _kept(raw: Raw, unwanted: _Unwanted) -> bytes:
    """The message, empty where nothing is left of it."""
    message = _message.decode(raw)
    if not _holds(message, unwanted):
        return bytes(raw)
    kept = [bytes(part) for part in shapes.raw_list.decode(shapes.said(message.content)) if not unwanted(part)]
    return splice.edit(bytes(raw), {"content": b"[" + b",".join(kept) + b"]"}) if kept else b""


def _is_thinking(part: Raw) -> bool:
    return shapes.answer_block.decode(part).type in _THINKING


def _is_foreign(part: Raw) -> bool:
    """A carrier of ours, an empty signature, or none at all (H83)."""
    block = shapes.answer_block.decode(part)
    if block.type not in _THINKING:
        return False
    signature = (block.signature if block.type == "thinking" else block.data) or ""
    return not signature or signature.startswith(PREFIX)


def _open_round_without_thinking(messages: list[bytes]) -> bool:
    if len(messages) < 2 or b'"tool_result"' not in messages[-1]:
        return False
    content = shapes.said(_message.decode(messages[-2]).content)
    if not content.startswith(b"["):
        return False
    kinds = [shapes.answer_block.decode(part).type for part in shapes.raw_list.decode(content)]
    return "tool_use" in kinds and kinds[0] not in _THINKING
