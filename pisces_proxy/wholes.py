"""Whole answers: read for their usage or for a translation, folded where the upstream only streams."""

from __future__ import annotations

import msgspec

from . import chat, sse
from .calls import Call, Prepared
from .records import estimated
from .stops import StopScan
from .transform import renamed
from .usage import Usage


def read_whole(call: Call, prepared: Prepared, body: bytes) -> tuple[Usage, chat.Response | None]:
    """The usage of a whole answer, and the answer itself where it has to be translated. Raises the error in a 200."""
    if prepared.same:
        usage = prepared.wire.read_usage(body, prepared.profile)
        if usage is not None and not usage.absurd:
            return usage, None
    response = _folded(prepared, body) if prepared.stream else prepared.wire.decode_response(body, prepared.profile)
    usage = response.usage
    if usage is not None and usage.absurd:
        call.record.flags.append("usage_clamped")
    if usage is None or usage.absurd:
        usage = estimated(call, blocks=tuple(b for choice in response.choices for b in choice.blocks))
    return usage, None if prepared.same else response


def _folded(prepared: Prepared, body: bytes) -> chat.Response:
    """A whole answer made of a stream, for an upstream that only streams."""
    decoder = prepared.wire.decoder(prepared.profile)
    events: list[chat.Event] = []
    for event, data in sse.frames(body):
        events += decoder.decode(event, data)
    if not any(isinstance(event, (chat.Finish, chat.Failed)) for event in events):
        events += decoder.end()
    return chat.fold(events)


def restored(response: chat.Response, prepared: Prepared, usage: Usage) -> chat.Response:
    """With tool names as the client spells them, cut where it wants it to stop, and with a usage in any case."""
    response = msgspec.structs.replace(response, usage=usage)
    if not prepared.names and not prepared.stop:
        return response
    events = renamed(list(chat.unfold(response)), prepared.names)
    return chat.fold(StopScan(prepared.stop).events(events) if prepared.stop else events)
