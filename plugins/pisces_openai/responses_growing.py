"""A block while it is being written to a Responses client."""

from __future__ import annotations

from pisces_proxy.arguments import InputUnwrapper
from pisces_proxy.chat import Block


class Growing:
    """How a delta looks around its text, and the text so far, for the `done` events. `place` are the members that say
    where in the output it stands; `named` those that name the tool of a call."""

    __slots__ = ("block", "head", "id", "logprobs", "named", "pieces", "place", "tail", "unwrap")

    def __init__(self, block: Block, id: bytes, event: bytes, place: bytes, tail: bytes = b"") -> None:
        self.block = block
        self.id = id
        self.place = place
        self.head = b'event: %b\ndata: {"type":"%b",%b,"delta":' % (event, event, place)
        self.tail = tail + b',"sequence_number":'
        self.pieces: list[str] = []
        self.logprobs: list[bytes] = []
        self.named = b""
        self.unwrap: InputUnwrapper | None = None
