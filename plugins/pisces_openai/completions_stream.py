"""Completed texts of an upstream, whole or in pieces, as events of a conversation."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pisces_proxy import answers, chat, refusals
from pisces_proxy.chat import BlockEnd, BlockStart, Delta, Event, Failed, Finish, Logprobs, Start, Stop, StopReason, Text
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.plugin import Decoder
from pisces_proxy.usage import Usage

from .chat_frames import Counted
from .chat_usage import decode_usage
from .completions_logprobs import Told, as_in_chat

_STOPS: dict[str, StopReason] = {"length": "length", "max_tokens": "length", "content_filter": "content_filter"}


class _Choice(msgspec.Struct):
    index: int = 0
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Told | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    id: str | None = None
    created: int | None = None
    model: str | None = None
    usage: Counted | None = None


_answer = msgspec.json.Decoder(_Answer)


def decode_response(body: bytes) -> chat.Response:
    """Raises the error that a 200 may hold."""
    found = _read(body)
    choices = sorted(found.choices, key=lambda choice: choice.index)
    return chat.Response(
        id=found.id or "",
        model=found.model or "",
        created=found.created or 0,
        choices=tuple(_whole(choice) for choice in choices),
        usage=decode_usage(found.usage),
    )


def read_usage(body: bytes) -> Usage | None:
    return decode_usage(_read(body).usage)


def _read(body: bytes) -> _Answer:
    return answers.read(_answer, body, "text")


def _whole(choice: _Choice) -> chat.Choice:
    blocks = (Text(text=choice.text),) if choice.text else ()
    probabilities = as_in_chat(choice.logprobs) if choice.logprobs and choice.logprobs.tokens else b""
    return chat.Choice(blocks=blocks, stop=_stop(choice.finish_reason or "stop"), logprobs=probabilities)


def _stop(reason: str, choice: int = 0) -> Stop:
    return Stop(reason=_STOPS.get(reason, "stop"), raw=reason, choice=choice)


class CompletionsDecoder(Decoder):
    """Complete is a stream that says `[DONE]`, or in which every choice has said why it ended."""

    def __init__(self) -> None:
        self._started = self._over = False
        self._open: set[int] = set()  # choices with an open block
        self._seen: dict[int, bool] = {}  # choice -> whether it has ended

    def decode(self, event: bytes, data: bytes) -> Sequence[Event]:
        if self._over:
            return ()
        if data == b"[DONE]":
            return self._finish() if self._started else self._fail(UpstreamBroken("The upstream's stream holds no text."))
        try:
            found = _answer.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return self._fail(_refusal(data))
        out: list[Event] = []
        if not self._started:
            self._started = True
            out.append(Start(id=found.id or "", model=found.model or "", created=found.created or 0))
        for choice in found.choices:
            self._choice(choice, out)
        self.usage = decode_usage(found.usage) or self.usage
        return out

    def end(self) -> Sequence[Event]:
        if self._over:
            return ()
        if self._seen and all(self._seen.values()):
            return self._finish()
        return self._fail(UpstreamBroken("The upstream broke off its answer."))

    def _choice(self, choice: _Choice, out: list[Event]) -> None:
        index = choice.index
        if self._seen.setdefault(index, False):
            return
        if choice.text:
            if index not in self._open:
                self._open.add(index)
                out.append(BlockStart(block=Text(text=""), choice=index))
            out.append(Delta(text=choice.text, choice=index))
        if choice.logprobs is not None and choice.logprobs.tokens:
            out.append(Logprobs(raw=as_in_chat(choice.logprobs), choice=index))
        if choice.finish_reason:
            self._stop(index, choice.finish_reason, out)

    def _stop(self, index: int, reason: str, out: list[Event]) -> None:
        if index in self._open:
            self._open.remove(index)
            out.append(BlockEnd(choice=index))
        self._seen[index] = True
        out.append(_stop(reason, index))

    def _finish(self) -> Sequence[Event]:
        out: list[Event] = []
        self._seen.setdefault(0, False)
        for index in [index for index, ended in self._seen.items() if not ended]:
            self._stop(index, "stop", out)
        self._over = self.done = True
        out.append(Finish(usage=self.usage))
        return out

    def _fail(self, error: PiscesError) -> Sequence[Event]:
        self._over = True
        return (Failed(error=error),)


def _refusal(data: bytes) -> PiscesError:
    found = refusals.complaint(data)
    return refusals.understand(200, {}, found) if found else UpstreamBroken("The upstream sent a frame that is no text.")
