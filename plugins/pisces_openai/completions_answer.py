"""Completed texts for a client: one object, or a stream of them with a piece of text each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pisces_proxy.chat import (
    Block,
    BlockEnd,
    BlockStart,
    Delta,
    Event,
    Failed,
    Finish,
    Logprobs,
    Ping,
    Refusal,
    Response,
    Start,
    Stop,
    Text,
)
from pisces_proxy.plugin import Encoder, Reply
from pisces_proxy.usage import Usage

from .chat_usage import encode_usage
from .completions_logprobs import as_in_completions
from .errors import encode_error

ECHO = "echo"  # the form of an answer that begins with its prompt
_encode = msgspec.json.Encoder().encode
_FINISH = {"length": "length", "context_full": "length", "content_filter": "content_filter", "refusal": "content_filter"}


def completion_id(upstream: str, request_id: str) -> str:
    return upstream if upstream.startswith("cmpl-") else "cmpl-" + request_id.removeprefix("req_")


def echoed(reply: Reply, choice: int) -> str:
    """The prompt of a choice, where the client wants it in front of the answer."""
    request = reply.request
    if reply.form != ECHO or request is None:
        return ""
    turn = choice // max(1, request.n)
    blocks = request.turns[turn].blocks if turn < len(request.turns) else ()
    return "".join(block.text for block in blocks if isinstance(block, Text))


def _finish(stop: Stop) -> str:
    return _FINISH.get(stop.reason, "stop")


# -- whole -------------------------------------------------------------------------------------------------------------


def encode_response(response: Response, reply: Reply) -> bytes:
    choices = []
    for index, choice in enumerate(response.choices):
        before = echoed(reply, index)
        text = "".join(block.text for block in choice.blocks if isinstance(block, Text | Refusal))
        probabilities = as_in_completions(choice.logprobs, len(before)) if choice.logprobs else None
        told = {"text": before + text, "index": index, "logprobs": probabilities, "finish_reason": _finish(choice.stop)}
        choices.append(told)
    body = _head(response.id, response.created, reply) + _encode(choices)
    usage = b',"usage":' + encode_usage(response.usage or Usage())
    return body + usage + (b',"pisces":' + reply.extension if reply.extension else b"") + b"}"


def _head(upstream: str, created: int, reply: Reply) -> bytes:
    return b"".join(
        (
            b'{"id":',
            _encode(completion_id(upstream, reply.request_id)),
            b',"object":"text_completion","created":',
            _encode(created or reply.created),
            b',"model":',
            _encode(reply.model),
            b',"choices":',
        )
    )


# -- streamed ----------------------------------------------------------------------------------------------------------


class CompletionsEncoder(Encoder):
    """What is no text (thinking, calls) has no place here and is left out."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._head = b""
        self._shown: dict[int, bool] = {}  # whether the open block is text
        self._length: dict[int, int] = {}  # of a choice's text so far
        self._extension = b',"pisces":' + reply.extension if reply.extension else b""
        self._end = b',"usage":null}\n\n' if reply.include_usage else b"}\n\n"

    def encode(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            match event:
                case Delta() if self._shown.get(event.choice):
                    self._say(event.choice, event.text, out)
                case BlockStart():
                    self._open(event.choice, event.block, out)
                case BlockEnd():
                    self._shown[event.choice] = False
                case Start():
                    self._begin(event)
                case Logprobs():
                    told = as_in_completions(event.raw, self._length.get(event.choice, 0))
                    self._chunk(event.choice, {"text": "", "logprobs": told}, out)
                case Stop():
                    self._echo(event.choice, out)
                    self._chunk(event.choice, {"text": "", "finish_reason": _finish(event)}, out)
                case Finish():
                    self._finish(event.usage, out)
                case Failed():
                    out.append(b"data: " + encode_error(event.error, self._reply.extension)[1] + b"\n\n")
                case Ping():
                    out.append(b": ping\n\n")
                case _:
                    pass
        return b"".join(out)

    def _begin(self, start: Start) -> None:
        if not self._head:
            self._head = b"data: " + _head(start.id, start.created, self._reply)

    def _open(self, choice: int, block: Block, out: list[bytes]) -> None:
        self._shown[choice] = isinstance(block, Text | Refusal)
        if isinstance(block, Text | Refusal):
            self._say(choice, block.text, out)

    def _say(self, choice: int, text: str, out: list[bytes]) -> None:
        self._echo(choice, out)
        if text:
            self._length[choice] += len(text)
            self._chunk(choice, {"text": text}, out)

    def _echo(self, choice: int, out: list[bytes]) -> None:
        """The prompt, before the first text of its choice."""
        if choice in self._length:
            return
        before = echoed(self._reply, choice)
        self._length[choice] = len(before)
        if before:
            self._chunk(choice, {"text": before}, out)

    def _chunk(self, choice: int, said: dict[str, Any], out: list[bytes]) -> None:
        self._begin(Start())
        told = {"text": "", "index": choice, "logprobs": None, "finish_reason": None, **said}
        out.append(self._head + _encode([told]) + self._extension + self._end)
        self._extension = b""

    def _finish(self, usage: Usage | None, out: list[bytes]) -> None:
        if self._reply.include_usage:
            self._begin(Start())
            beside = b',"pisces":' + self._reply.extension if self._reply.extension else b""
            out.append(self._head + b'[],"usage":' + encode_usage(usage or Usage()) + beside + b"}\n\n")
        out.append(b"data: [DONE]\n\n")
