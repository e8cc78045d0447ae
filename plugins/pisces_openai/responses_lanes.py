"""Blocks that an upstream may write at the same time, one behind the other: the first is live, the others wait."""

from __future__ import annotations

from collections import deque
from typing import Any

from pisces_proxy.chat import Block, BlockEnd, BlockStart, Citation, Delta, Event, Refusal, Text


class Lane:
    """A block on its way out. `part` is its place within the item, `summary` the sort of thinking that it holds."""

    __slots__ = ("closed", "kind", "owner", "part", "spoke", "summary", "waiting")

    def __init__(self, owner: Place, kind: type[Block], part: Any) -> None:
        self.owner = owner
        self.kind = kind
        self.part = part
        self.summary = False
        self.spoke = False
        self.closed = False
        self.waiting: list[Event] = []


class Place:
    """An output item by its index: ids rotate at some upstreams. `said` means that the text is complete, though the item
    may not be; `done` that the item is; `phase` is a message's."""

    __slots__ = ("citations", "done", "lane", "phase", "said")

    def __init__(self) -> None:
        self.lane: Lane | None = None
        self.citations: list[Citation] = []
        self.phase = ""
        self.said = False
        self.done = False


class Lanes:
    """What may go out goes into `out`."""

    __slots__ = ("_queue", "out")

    def __init__(self) -> None:
        self.out: list[Event] = []
        self._queue: deque[Lane] = deque()

    def flushed(self) -> list[Event]:
        out, self.out = self.out, []
        return out

    def open(self, place: Place, block: Block, part: Any = 0) -> Lane:
        if self._queue and self._queue[0].kind in (Text, Refusal) and self._queue[0].owner.said:
            self.close_message(self._queue[0].owner)  # nothing more than late annotations could come
        place.lane = lane = Lane(place, type(block), part)
        place.said = False
        self._queue.append(lane)
        self.push(lane, BlockStart(block=block))
        return lane

    def speak(self, lane: Lane, text: str) -> None:
        lane.spoke = True
        (self.out if self._queue[0] is lane else lane.waiting).append(Delta(text=text))

    def push(self, lane: Lane, event: Event) -> None:
        (self.out if self._queue[0] is lane else lane.waiting).append(event)

    def close(self, lane: Lane, end: BlockEnd) -> None:
        if lane.closed:
            return
        self.push(lane, end)
        lane.closed = True
        while self._queue and self._queue[0].closed:
            self._queue.popleft()
            if self._queue:
                self.out += self._queue[0].waiting
                self._queue[0].waiting = []

    def close_message(self, place: Place) -> None:
        """Close a text or refusal with the sources that were named for it."""
        if place.lane is not None:
            self.close(place.lane, BlockEnd(citations=tuple(place.citations)))
            place.citations = []

    def close_all(self) -> None:
        for lane in list(self._queue):
            self.close(lane, BlockEnd(citations=tuple(lane.owner.citations) if lane.kind is Text else ()))
