"""One candidate of an answer, part by part: blocks, signatures on the exact block, sources (wire.md C6, C12, C14)."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET

from pisces_proxy import arguments, blobs, names
from pisces_proxy.chat import (
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Event,
    Logprobs,
    Media,
    Opaque,
    Reasoning,
    Signature,
    Stop,
    Text,
    ToolCall,
)  # fmt: skip

from . import grounding, logprobs
from .answer import Candidate, FunctionCall, InlineData, Part
from .google import FAMILY, FINISH, WIRE, reason, word
from .partial_args import PartialArgs
from .pictures import is_picture


class _OpenCall:
    """A call whose arguments come in pieces."""

    def __init__(self, call: FunctionCall, signature: Signature | None) -> None:
        self.name = call.name or ""
        self.id = call.id or ""
        self.signature = signature
        self.args = PartialArgs()


class CandidateReader:
    """Opens and closes blocks as the kind of part changes. `empty`: nothing came out of it yet."""

    __slots__ = (
        "_answer", "_base", "_calls", "_chars", "_choice", "_cited", "_family", "_offsets", "_open", "_partial", "_signature",
        "empty", "extra", "finish", "message", "searches",
    )  # fmt: skip

    def __init__(self, choice: int, answer: str, model: str) -> None:
        self._choice = choice
        self._answer = answer
        self._family = model
        self._open: Literal["", "text", "thought"] = ""
        self._signature: Signature | None = None  # of the open block
        self._partial: _OpenCall | None = None
        self._offsets = grounding.Offsets()
        self._cited: list[Citation] = []
        self._chars = 0  # of all text so far
        self._base = 0  # where the open block begins
        self._calls = 0
        self.empty = True
        self.finish = self.message = ""
        self.searches = 0
        self.extra: dict[str, bytes] = {}

    def read(self, candidate: Candidate, out: list[Event]) -> None:
        parts = [part for part in (candidate.content.parts if candidate.content else None) or () if part is not None]
        for part in parts:
            if part.text and not part.thought:
                self._offsets.add(part.text)
        self._sources(candidate)
        for part in parts:
            self._part(part, out)
        if candidate.logprobs_result is not None and (raw := logprobs.read(candidate.logprobs_result)):
            out.append(Logprobs(raw=raw, choice=self._choice))
        if candidate.finish_reason:
            self.finish = word(candidate.finish_reason, FINISH)
            self.message = candidate.finish_message or self.message

    @property
    def broken(self) -> bool:
        return reason(self.finish, calls=False) == "error"

    def stop(self) -> Stop:
        meant = reason(self.finish, calls=self._calls > 0)
        return Stop(reason=meant, choice=self._choice, raw=self.finish, detail=self.message)

    def close(self, out: list[Event]) -> None:
        """Closes what is open."""
        if self._partial is not None:
            self._end_partial(out)
        if self._open:
            citations = self._citations() if self._open == "text" else ()
            out.append(BlockEnd(choice=self._choice, signature=self._signature, citations=citations))
        self._open, self._signature = "", None

    # -- parts

    def _part(self, part: Part, out: list[Event]) -> None:
        signature = None
        if part.thought_signature:
            signature = Signature(kind=FAMILY, data=part.thought_signature, family=self._family)
        if part.function_call is not None:
            self._call(part.function_call, signature, out)
        elif part.inline_data is not None:
            self._inline(part.inline_data, signature, out, thought=bool(part.thought))
        elif part.file_data is not None:
            uri, mime = part.file_data.file_uri or "", part.file_data.mime_type or ""
            self._whole(Media(kind=blobs.kind_of(mime), url=uri, mime=mime, signature=signature), out)
        elif opaque := _opaque(part):
            self._whole(opaque, out)
        elif part.thought:
            self._text("thought", part.text or "", signature, out)
        elif is_picture(part.text):
            self._inline(InlineData(data=part.text), signature, out)  # some hosts write images as text (H131)
        elif part.text or signature:
            self._text("text", part.text or "", signature, out)

    def _text(self, kind: Literal["text", "thought"], text: str, signature: Signature | None, out: list[Event]) -> None:
        """Neighbours are one block, but never across a signature: it proves its own part only (H19)."""
        if self._open != kind or self._signature is not None or (signature is not None and kind == "text"):
            self.close(out)
            self._open, self._base = kind, self._chars
            block = Text(text="", signature=signature) if kind == "text" else Reasoning(summary=True)
            out.append(BlockStart(block=block, choice=self._choice))
        if text:
            out.append(Delta(text=text, choice=self._choice))
            self.empty = False
        if kind == "text":
            self._chars += len(text)
        self._signature = signature

    def _whole(self, block: Media | Opaque, out: list[Event]) -> None:
        self.close(out)
        self.empty = False
        out += (BlockStart(block=block, choice=self._choice), BlockEnd(choice=self._choice))

    def _inline(self, inline: InlineData, signature: Signature | None, out: list[Event], *, thought: bool = False) -> None:
        data = inline.data or ""
        if thought or not data:  # drafts of an image are thoughts (H131)
            return
        mime = inline.mime_type or blobs.sniff(data)
        self._whole(Media(kind=blobs.kind_of(mime), data=data, mime=mime, signature=signature), out)

    # -- calls

    def _call(self, call: FunctionCall, signature: Signature | None, out: list[Event]) -> None:
        if self._partial is not None and not call.name:
            self._continue(self._partial, call, out)
            return
        self.close(out)
        if call.will_continue or call.partial_args:
            self._partial = _OpenCall(call, signature)
            self._continue(self._partial, call, out)
            return
        args = arguments.compact(bytes(call.args)) if call.args is not UNSET else "{}"
        self._say_call(call.name or "", call.id or "", "{}" if args == "null" else args, signature, out)

    def _continue(self, open: _OpenCall, call: FunctionCall, out: list[Event]) -> None:
        for piece in call.partial_args or ():
            open.args.add(piece)
        if not call.will_continue:
            self._end_partial(out)

    def _end_partial(self, out: list[Event]) -> None:
        done, self._partial = self._partial, None
        if done is not None:
            self._say_call(done.name, done.id, done.args.text(), done.signature, out)

    def _say_call(self, name: str, id: str, args: str, signature: Signature | None, out: list[Event]) -> None:
        id = id or names.minted_id(self._answer or args, self._choice, self._calls, name)
        self._calls += 1
        self.empty = False
        out += (
            BlockStart(block=ToolCall(id=id, name=name, signature=signature), choice=self._choice),
            Delta(text=args, choice=self._choice),
            BlockEnd(choice=self._choice),
        )

    # -- sources

    def _sources(self, candidate: Candidate) -> None:
        if candidate.grounding_metadata is not UNSET:
            cited, searches = grounding.citations(candidate.grounding_metadata, self._offsets)
            self._cited += cited
            self.searches = max(self.searches, searches)
            self.extra["grounding"] = bytes(candidate.grounding_metadata)
        if candidate.citation_metadata is not UNSET:
            self._cited += grounding.recited(candidate.citation_metadata, self._offsets)
        if candidate.url_context_metadata is not UNSET:
            self.extra["urlContextMetadata"] = bytes(candidate.url_context_metadata)

    def _citations(self) -> tuple[Citation, ...]:
        """Those of the block that closes now, counted from its own beginning."""
        mine = [cited for cited in self._cited if self._base <= cited.start and cited.end <= self._chars]
        self._cited = [cited for cited in self._cited if cited not in mine]
        moved = [msgspec.structs.replace(cited, start=cited.start - self._base, end=cited.end - self._base) for cited in mine]
        return tuple(dict.fromkeys(moved))


def _opaque(part: Part) -> Opaque | None:
    """What Google ran itself: for the way back to Google. Other clients get the text, which tells what came of it."""
    for name, raw in (
        ("executableCode", part.executable_code),
        ("codeExecutionResult", part.code_execution_result),
        ("toolCall", part.tool_call),
        ("toolResponse", part.tool_response),
    ):
        if raw is not UNSET and bytes(raw) != b"null":
            whole: dict[str, object] = {name: raw}
            if part.thought_signature:
                whole["thoughtSignature"] = part.thought_signature
            return Opaque(wire=WIRE, raw=msgspec.json.encode(whole), what=name)
    return None
