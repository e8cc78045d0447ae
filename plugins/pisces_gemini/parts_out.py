"""One choice of an answer as parts for a client of Google's API: events in, parts out (wire.md C6, C14)."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy import arguments
from pisces_proxy.chat import (
    Block,
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Event,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
)  # fmt: skip
from pisces_proxy.seals import Seals

from .google import FAMILY, REDACTED, WIRE

_encode = msgspec.json.Encoder().encode


class PartsWriter:
    """`thoughts`: the client wants to see thinking. `sources`: texts are kept until their end, to point into them.

    A foreign signature waits for the next call, since clients send calls back unchanged and often nothing else; without
    one it goes on an empty text at the end."""

    __slots__ = ("_args", "_block", "_bytes", "_carrier", "_seals", "_sources", "_text", "_thoughts", "cited")

    def __init__(self, seals: Seals, *, thoughts: bool, sources: bool) -> None:
        self._seals = seals
        self._thoughts = thoughts
        self._sources = sources
        self._block: Block | None = None
        self._args: list[str] = []
        self._text: list[str] = []
        self._bytes = 0  # of all text before the open block
        self._carrier = ""
        self.cited: list[tuple[int, Citation, str]] = []

    def parts(self, event: Event) -> list[bytes]:
        match event:
            case Delta():
                return self._more(event.text)
            case BlockStart():
                return self._begin(event.block)
            case BlockEnd():
                return self._finish(event)
        return []

    def last(self) -> bytes:
        """What closes the answer: newer models end with an empty text too."""
        carrier, self._carrier = self._carrier, ""
        return _signed_nothing(carrier) if carrier else b'{"text":""}'

    def _begin(self, block: Block) -> list[bytes]:
        self._block = block
        match block:
            case ToolCall():
                self._args = [block.arguments]
            case Text() | Refusal() | Reasoning():
                return self._more(block.text)
            case Media():
                return [_media(block, self._signature(block.signature))]
            case Opaque(wire=wire, raw=raw) if wire == WIRE:
                return [raw]
        return []

    def _more(self, text: str) -> list[bytes]:
        if not text:
            return []
        match self._block:
            case ToolCall():
                self._args.append(text)
                return []
            case Reasoning():
                return [b'{"text":' + _encode(text) + b',"thought":true}'] if self._thoughts else []
        if self._sources:
            self._text.append(text)
        return [b'{"text":' + _encode(text) + b"}"]

    def _finish(self, end: BlockEnd) -> list[bytes]:
        block, self._block = self._block, None
        match block:
            case ToolCall():
                return self._call(block, self._signature(end.signature or block.signature))
            case Reasoning():
                signature = end.signature or block.signature
                if signature and block.redacted:
                    signature = msgspec.structs.replace(signature, id=REDACTED)
                return self._hold(self._signature(signature))
            case Text():
                self._cite(end.citations or block.citations)
                own = self._signature(end.signature or block.signature)
                return [_signed_nothing(own)] if own else []
        return []

    def _hold(self, signature: str) -> list[bytes]:
        if not signature:
            return []
        waiting, self._carrier = self._carrier, signature
        return [_signed_nothing(waiting)] if waiting else []

    def _call(self, call: ToolCall, signature: str) -> list[bytes]:
        text = "".join(self._args)
        args, _ = arguments.as_object(arguments.wrap_input(text) if call.custom else text)
        before = [_signed_nothing(self._carrier)] if signature and self._carrier else []
        signature, self._carrier, self._args = signature or self._carrier, "", []
        said = b'{"functionCall":{"id":' + _encode(call.id) + b',"name":' + _encode(call.name) + b',"args":' + args + b"}"
        return [*before, said + (b',"thoughtSignature":' + _encode(signature) if signature else b"") + b"}"]

    def _signature(self, signature: Signature | None) -> str:
        """Google's own as it is, another family's in a carrier, which is valid base64 like any."""
        if signature is None:
            return ""
        return signature.data if signature.kind == FAMILY else self._seals.seal(signature) or ""

    def _cite(self, citations: tuple[Citation, ...]) -> None:
        text = "".join(self._text)
        self.cited += [(self._bytes, citation, text) for citation in citations]
        self._bytes += len(text.encode("utf-8", "surrogatepass"))
        self._text = []


def _signed_nothing(signature: str) -> bytes:
    return b'{"text":"","thoughtSignature":' + _encode(signature) + b"}"


def _media(media: Media, signature: str) -> bytes:
    mime = media.mime or "application/octet-stream"
    part: dict[str, Any] = {"inlineData": {"mimeType": mime, "data": media.data}}
    if not media.data:
        part = {"fileData": {"mimeType": mime, "fileUri": media.url or media.file_id}}
    return _encode(part | ({"thoughtSignature": signature} if signature else {}))
