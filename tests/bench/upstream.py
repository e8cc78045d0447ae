"""A cheap upstream: prepared bytes over a raw socket protocol, so that what is measured is the gateway.

The model's name says how it answers:

    static          a JSON answer, or with "stream": true a burst of 200 chunks
    burst-N         a stream of N chunks in one write
    paced-MS        a stream of 200 chunks, one every MS milliseconds
    paced-MSxN      the same with N chunks

Paced chunks carry the time they were sent (`t=<monotonic ns>`), which the load generator reads. A path that ends in
`/messages` is answered in Anthropic's dialect, any other in OpenAI's.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from typing import NamedTuple

import uvloop

BACKLOG = 4096

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_MODEL = re.compile(rb'"model" *: *"([^"]*)"')
_STREAM = re.compile(rb'"stream" *: *true')
_PACED = re.compile(rb"paced-(\d+)(?:x(\d+))?")
_BURST = re.compile(rb"burst-(\d+)")


class Dialect(NamedTuple):
    """Prepared pieces of one protocol; `delta` has a place for the text."""

    whole: bytes
    head: bytes
    delta: bytes
    tail: bytes


_CHAT_CHUNK = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,"model":"bench","choices":'
    b'[{"index":0,"delta":%b,"logprobs":null,"finish_reason":%b}]}\n\n'
)
OPENAI = Dialect(
    whole=b'{"id":"chatcmpl-bench","object":"chat.completion","created":1750000000,"model":"bench","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"A short answer of a few words."},"logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":20,"completion_tokens":8,"total_tokens":28}}',
    head=_CHAT_CHUNK % (b'{"role":"assistant","content":""}', b"null"),
    delta=_CHAT_CHUNK.replace(b"%b", b'{"content":"%b"}', 1).replace(b":%b}]", b":null}]"),
    tail=_CHAT_CHUNK
    % (b"{}", b'"stop"')
    + b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,"model":"bench","choices":[],'
    b'"usage":{"prompt_tokens":20,"completion_tokens":200,"total_tokens":220}}\n\ndata: [DONE]\n\n',
)
ANTHROPIC = Dialect(
    whole=b'{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[{"type":"text","text":"A short '
    b'answer of a few words."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":20,"output_tokens":8}}',
    head=b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_bench","type":"message","role":"assistant",'
    b'"model":"bench","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
    delta=b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    b'"text":"%b"}}\n\n',
    tail=b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\nevent: message_delta\ndata: {"type":'
    b'"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":200}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
)

_JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Answering(asyncio.Protocol):
    """One connection: requests in, prepared answers out, kept alive."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.received = b""
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.received = self.received + data if self.received else data
        split = self.received.find(b"\r\n\r\n")
        if split < 0:
            return
        head, body = self.received[:split], self.received[split + 4 :]
        if (size := _size(head, body)) is None:
            return
        self.received = body[size:]
        self.answer(head.split(b" ", 2)[1], body[:size])

    def answer(self, path: bytes, body: bytes) -> None:
        dialect = ANTHROPIC if path.partition(b"?")[0].endswith(b"/messages") else OPENAI
        found = _MODEL.search(body)
        model = found[1] if found else b"static"
        if not _STREAM.search(body):
            self.transport.write(_JSON_HEAD % len(dialect.whole) + dialect.whole)
        elif paced := _PACED.search(model):
            self.transport.write(_SSE_HEAD + _framed(dialect.head))
            self.pace(dialect, int(paced[1]) / 1000, int(paced[2] or 200))
        else:
            burst = _BURST.search(model)
            self.transport.write(_burst(dialect, int(burst[1]) if burst else 200))

    def pace(self, dialect: Dialect, delay: float, left: int) -> None:
        """The next chunk after `delay`; times are those of the plan, so that a late timer does not add up."""
        loop = asyncio.get_running_loop()
        due = loop.time()

        def send(left: int) -> None:
            nonlocal due
            if left == 0:
                self.transport.write(_framed(dialect.tail) + _END)
                return
            self.transport.write(_framed(dialect.delta % (b"t=%d " % time.monotonic_ns())))
            due += delay
            self.timer = loop.call_at(due, send, left - 1)

        due += delay
        self.timer = loop.call_at(due, send, left)


def _size(head: bytes, body: bytes) -> int | None:
    """The length of the body, None while it is not all there."""
    if _CHUNKED.search(head):
        end = body.find(_END)
        return end + len(_END) if end >= 0 else None
    found = _LENGTH.search(head)
    size = int(found[1]) if found else 0
    return size if len(body) >= size else None


_bursts: dict[tuple[int, int], bytes] = {}


def _burst(dialect: Dialect, count: int) -> bytes:
    """Each event a chunk of its own, as vendors flush them, all in one write."""
    key = (id(dialect), count)
    if key not in _bursts:
        events = [dialect.head, *(dialect.delta % b" word" for _ in range(count)), dialect.tail]
        _bursts[key] = _SSE_HEAD + b"".join(map(_framed, events)) + _END
    return _bursts[key]


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port, backlog=BACKLOG)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    uvloop.run(serve(parser.parse_args().port))
