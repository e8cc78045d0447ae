"""A stream's bytes through a wire's decoder, in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterable

from pisces_proxy import chat, sse
from pisces_proxy.plugin import Profile, Reply, Wire

WHOLE = 1 << 30


def cut(stream: bytes, size: int) -> Iterable[bytes]:
    return (stream[at : at + size] for at in range(0, len(stream), size))


def events_of(wire: Wire, stream: bytes, profile: Profile, size: int = WHOLE) -> list[chat.Event]:
    reader, decoder, events = sse.Reader(), wire.decoder(profile), []
    for chunk in cut(stream, size):
        for frame in reader.feed(chunk):
            events += decoder.decode(frame.event, frame.data)
    for frame in reader.end():
        events += decoder.decode(frame.event, frame.data)
    if not any(isinstance(event, (chat.Finish, chat.Failed)) for event in events):
        events += decoder.end()
    return events


def shown(events: Iterable[chat.Event]) -> list[str]:
    """Comparable: an error has no equality of its own."""
    return [
        f"Failed({type(event.error).__name__}: {event.error.message})" if isinstance(event, chat.Failed) else repr(event)
        for event in events
    ]


def stream_of(wire: Wire, response: chat.Response, reply: Reply) -> bytes:
    """The answer as a client of this wire gets it, event by event."""
    encoder = wire.encoder(reply)
    return b"".join([encoder.encode([event]) for event in chat.unfold(response)])
