"""How an answer travels: whole frames by default, and every way in which real upstreams spoil that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

STREAM = "text/event-stream"


@dataclass(frozen=True)
class Delivery:
    """`cut_after` frames the connection breaks, `ends_after` frames it closes as if all were said,
    `stalls_after` frames it says nothing more. `pause` is in
    seconds, before each frame. `instead` replaces the answer: `html`, `empty`, `error` (an error in a 200),
    `first_error` (a stream that opens with one), `late_error` (an error behind the first half)."""

    crlf: bool = False
    comments: bool = False
    bytewise: bool = False
    done: bool = True
    last_blank: bool = True
    cut_after: int | None = None
    ends_after: int | None = None
    stalls_after: int | None = None
    pause: float = 0.0
    instead: str = ""


PLAIN = Delivery()
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"


def written(frames: Sequence[bytes], how: Delivery) -> list[bytes]:
    """The frames as they go over the wire."""
    out = [frame for frame in frames if how.done or b"[DONE]" not in frame]
    out = out[: how.ends_after] if how.ends_after is not None else out
    if how.comments:
        out = [part for frame in out for part in (b": keep-alive\n\n", frame)]
    if not how.last_blank and out:
        out[-1] = out[-1].rstrip(b"\r\n") + b"\n"
    return [frame.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for frame in out] if how.crlf else out


async def stream(
    request: web.Request, frames: Sequence[bytes], how: Delivery, content_type: str = STREAM
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type, "x-request-id": "upstream-1"})
    await response.prepare(request)
    for number, frame in enumerate(written(frames, how)):
        if how.cut_after is not None and number >= how.cut_after:
            break
        await asyncio.sleep(how.pause if number != how.stalls_after else 60)
        await _write(response, frame, how)
    if how.cut_after is not None:
        await asyncio.sleep(0.02)  # so that what was written is on its way before the connection breaks
        _break(request)
        return response
    await response.write_eof()
    return response


async def _write(response: web.StreamResponse, frame: bytes, how: Delivery) -> None:
    if not how.bytewise:
        await response.write(frame)
        return
    for at in range(len(frame)):
        await response.write(frame[at : at + 1])


def _break(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
