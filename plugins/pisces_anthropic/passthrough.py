"""A client's own bytes for an Anthropic upstream: the top level is spliced, `messages` are opened for one reason only."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Raw

from pisces_proxy import splice
from pisces_proxy.chat import Loss
from pisces_proxy.plugin import Encoded, Operation, Profile

from . import replay, shapes
from .budget import clamped
from .threads import refuse_thread

_ANSWERING = (
    *("max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier"),
    *("inference_geo", "container", "diagnostics"),
)

_strings = msgspec.json.Decoder(list[str])
_thinking = msgspec.json.Decoder(shapes.Thinking)


def rewrite(operation: Operation, model: str, profile: Profile) -> Encoded:
    members = splice.members(operation.body)
    refuse_thread(shapes.said(members.get("thread", UNSET)))
    losses: list[Loss] = []
    changes: dict[str, bytes | None] = {name: None for name in shapes.NOT_ANTHROPICS if name in members}
    changes |= replay.without_foreign(operation.body, members, losses)
    changes |= _fitting_budget({**members, **{name: Raw(value) for name, value in changes.items() if value}}, losses)
    changes |= _tuned(members, profile, losses)
    if bytes(members.get("model", b"")) != (name := shapes.encode(model)):
        changes["model"] = name
    body = splice.join(_changed(members, changes)) if changes else operation.body
    return Encoded(body=body, losses=tuple(losses), headers=_headers(operation.headers, members))


def _changed(members: Mapping[str, Raw], changes: Mapping[str, bytes | None]) -> dict[str, Raw | bytes]:
    """The members in their order, with the changes made."""
    parts: dict[str, Raw | bytes] = {**members, **{name: value for name, value in changes.items() if value is not None}}
    return {name: value for name, value in parts.items() if changes.get(name, value) is not None}


def count_request(body: bytes) -> bytes:
    """The request without what its answer would be like: the count call refuses members that it does not know."""
    members = splice.members(body)
    return splice.edit(body, {name: None for name in _ANSWERING if name in members})


def _headers(headers: Mapping[str, str], members: Mapping[str, Raw]) -> dict[str, str]:
    """The client's version and betas unchanged: its body holds members that need them (clients.md 4.3)."""
    version = {"anthropic-version": headers.get("anthropic-version") or shapes.VERSION}
    betas = [beta for part in headers.get("anthropic-beta", "").split(",") if (beta := part.strip())]
    named: list[str] = shapes.read(_strings, shapes.said(members.get("betas", UNSET)) or b"[]", "betas")
    betas += named
    return {**version, "anthropic-beta": ",".join(dict.fromkeys(betas))} if betas else version


def _tuned(members: Mapping[str, Raw], profile: Profile, losses: list[Loss]) -> dict[str, bytes | None]:
    """The profile's drops, renames and defaults."""
    changes: dict[str, bytes | None] = {}
    for name in profile.drop:
        if name in members:
            changes[name] = None
            losses.append(Loss(field=name, action="dropped", reason="this upstream does not take it"))
    for old, new in profile.rename.items():
        if old in members:
            changes |= {old: None, new: bytes(members[old])}
    return changes | {name: shapes.encode(value) for name, value in profile.defaults.items() if name not in members}


def _fitting_budget(members: Mapping[str, Raw], losses: list[Loss]) -> dict[str, bytes | None]:
    """A budget that is not below max_tokens works here, unlike at the vendor (H74)."""
    thinking = shapes.said(members.get("thinking", UNSET))
    if b"budget_tokens" not in thinking or "max_tokens" not in members:
        return {}
    try:
        asked = _thinking.decode(thinking)
        most = msgspec.json.decode(members["max_tokens"], type=int)
    except msgspec.MsgspecError:
        return {}  # the vendor has the better words for it
    budget, lost = clamped(asked.budget_tokens or 0, most)
    losses += lost
    if not lost:
        return {}
    return {"thinking": splice.edit(thinking, {"budget_tokens": shapes.encode(budget)}) if budget else replay.OFF}
