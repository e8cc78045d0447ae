"""Responses bytes that pass through: only the top level is touched, and what only this gateway can have put there."""

from __future__ import annotations

import msgspec

from pisces_proxy import splice
from pisces_proxy.plugin import Encoded, Operation, Profile, Reply
from pisces_proxy.seals import PREFIX, Seals

OWN_REASONING = "rs_pisces_"  # ids of reasoning items that this gateway made: no upstream knows them

_DONE = b"[DONE]"
_MADE_BY_THINKING = ("message", "function_call", "custom_tool_call")
_LIFECYCLE = b'"response"'


class _Item(msgspec.Struct):
    type: str = ""
    id: str | None = None
    encrypted_content: str | None = None


_items = msgspec.json.Decoder(list[msgspec.Raw])
_item = msgspec.json.Decoder(_Item)
_json = msgspec.json.Encoder().encode


def rewrite(operation: Operation, model: str, profile: Profile) -> Encoded:
    """The client's own bytes: the model's name, the profile's renames and drops, and no reasoning of another family."""
    members = splice.members(operation.body)
    body: dict[str, bytes | msgspec.Raw] = {}
    for name, value in members.items():
        if name not in ("pisces", "api_key") and name not in profile.drop:
            body[profile.rename.get(name, name)] = value
    body["model"] = _json(model)
    if "input" in body and _may_hold_ours(operation.body):
        body["input"] = without_ours(bytes(body["input"]))
    beta = operation.headers.get("openai-beta")
    return Encoded(body=splice.join(body), headers={"OpenAI-Beta": beta} if beta else {})


def _may_hold_ours(body: bytes) -> bool:
    return PREFIX.encode() in body or OWN_REASONING.encode() in body


def without_ours(given: bytes) -> bytes:
    """`input` without what another family's model thought: this upstream can read neither the seal nor the id."""
    try:
        kept = [raw for raw in _items.decode(given) if not _ours(raw)]
    except msgspec.MsgspecError:
        return given  # a text
    return b"[" + b",".join([bytes(raw) for raw in kept]) + b"]"


def _ours(raw: msgspec.Raw) -> bool:
    if not _may_hold_ours(bytes(raw)):
        return False
    try:
        item = _item.decode(raw)
    except msgspec.MsgspecError:
        return False
    if item.type != "reasoning":
        return False
    blob = item.encrypted_content or ""
    return Seals.looks_sealed(blob) if blob else (item.id or "").startswith(OWN_REASONING)


def without_summary(body: bytes) -> bytes | None:
    """The request without asking to see the thinking, None where it did not ask."""
    reasoning = splice.members(body).get("reasoning")
    if reasoning is None or not bytes(reasoning).startswith(b"{") or b'"summary"' not in bytes(reasoning):
        return None
    return splice.edit(body, {"reasoning": splice.edit(bytes(reasoning), {"summary": None})})


def without_reasoning(body: bytes) -> bytes | None:
    """The request without the reasoning of earlier turns, None where it has none. With it go the ids of what came of it: an
    item that is known by its id asks for its reasoning."""
    given = splice.members(body).get("input")
    try:
        items = _items.decode(given) if given is not None else []
        kept = [_without_id(raw) for raw in items if _item.decode(raw).type != "reasoning"]
    except msgspec.MsgspecError:
        return None
    if len(kept) == len(items):
        return None
    return splice.edit(body, {"input": b"[" + b",".join(kept) + b"]"})


def _without_id(raw: msgspec.Raw) -> bytes:
    item = _item.decode(raw)
    return splice.edit(bytes(raw), {"id": None}) if item.id and item.type in _MADE_BY_THINKING else bytes(raw)


def relay_response(body: bytes, reply: Reply) -> bytes:
    """A whole answer with the client's name of the model and the `pisces` object."""
    changes: dict[str, bytes | None] = {"model": _json(reply.model)}
    if reply.extension:
        changes["pisces"] = reply.extension
    return splice.edit(body, changes)


def relay_frame(data: bytes, reply: Reply) -> bytes | None:
    """One frame: the response object of a lifecycle event changes, all else passes; this API has no [DONE] (B2)."""
    if data.strip() == _DONE:
        return None
    if _LIFECYCLE not in data:
        return data
    event = splice.members(data)
    response = event.get("response")
    if response is None or not bytes(response).startswith(b"{"):
        return data
    return splice.edit(data, {"response": relay_response(bytes(response), reply)})
