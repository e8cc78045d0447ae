"""Turns as `contents` for Google: parts, signatures on the exact part, results in Google's form (wire.md C3, C5, C6)."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from pisces_proxy import arguments, blobs, history
from pisces_proxy.chat import (
    Block,
    Loss,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Signature,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.names import Names
from pisces_proxy.plugin import Profile

from .contents_in import is_film
from .google import FAMILY, SENTINEL, WIRE

Json = dict[str, Any]

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_IN_RESULTS = ("image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain")
_SENTINEL = Signature(kind=FAMILY, data=SENTINEL)
_FILES = ("gs://", "https://generativelanguage.googleapis.com/")


class ContentsWriter:
    """One request's history. `sentinel`: this model refuses a step of the current turn whose first call has no signature."""

    def __init__(self, names: Names, profile: Profile) -> None:
        self._names = names
        self._profile = profile
        self._sentinel = profile.signature == FAMILY
        self._calls: dict[str, str] = {}
        self.losses: list[Loss] = []

    def contents(self, request: Request) -> list[Json]:
        turns = self._fit(request)
        self._calls = history.call_names(turns)
        current = _current_turn(turns)
        out: list[Json] = []
        for number, turn in enumerate(turns):
            if turn.role == "assistant":
                out += _content("model", self._model_parts(turn, current=number > current))
            else:
                out += self._user_contents(turn)
        return out

    def _fit(self, request: Request) -> tuple[Turn, ...]:
        healed, found = history.heal(request.turns)
        inlined, more = history.systems_inlined(healed)
        self.losses += (*found, *more)
        turns = history.user_first(history.merged(inlined))
        if turns and turns[-1].role == "assistant":
            reason = "the history ends with the model: `Continue.` added"
            self.losses.append(Loss(field="contents", action="emulated", reason=reason))
            turns = (*turns, Turn(role="user", blocks=(Text(text="Continue."),)))
        return turns

    # -- the model's turns

    def _model_parts(self, turn: Turn, *, current: bool) -> list[Json]:
        """Thinking is not replayed (it is a summary), only its signature: on the part behind it."""
        parts: list[Json] = []
        pending: Signature | None = None
        called = False
        for block in turn.blocks:
            if isinstance(block, Reasoning):
                pending = _own(block.signature) or pending
                continue
            part = self._model_part(block)
            if part is None:
                continue
            signature = _own(getattr(block, "signature", None)) or pending
            pending = None
            if isinstance(block, ToolCall):
                signature = signature or (_SENTINEL if current and self._sentinel and not called else None)
                called = True
            if signature and self._profile.signature != "none":
                part["thoughtSignature"] = signature.data
            parts.append(part)
        if pending and self._profile.signature != "none":
            parts.append({"text": "", "thoughtSignature": pending.data})
        return parts

    def _model_part(self, block: Block) -> Json | None:
        match block:
            case Text() | Refusal():
                return {"text": block.text}
            case ToolCall():
                return {"functionCall": {"id": block.id, "name": self._names.to(block.name), "args": self._args(block)}}
            case Media():
                return self._media(block, "contents")
            case Opaque():
                return self._opaque(block)
        return None

    def _args(self, call: ToolCall) -> msgspec.Raw:
        text = arguments.wrap_input(call.arguments) if call.custom else call.arguments
        args, loss = arguments.as_object(text)
        if loss:
            self.losses.append(loss)
        return msgspec.Raw(args)

    def _opaque(self, block: Opaque) -> Json | None:
        if block.wire == WIRE:
            return {name: raw for name, raw in _object.decode(block.raw).items()}
        reason = "another API's own block, told in words"
        self.losses.append(Loss(field=block.what or "contents", action="changed", reason=reason))
        return {"text": block.summary} if block.summary else None

    # -- the user's turns

    def _user_contents(self, turn: Turn) -> list[Json]:
        """Results in a content of their own: Google refuses text beside them (H104)."""
        results: list[Json] = []
        said: list[Json] = []
        for block in turn.blocks:
            match block:
                case ToolResult():
                    results += self._result(block)
                case Media():
                    said.append(self._media(block, "contents"))
                case Text() | Refusal():
                    said.append({"text": block.text})
                case Opaque():
                    said += [told] if (told := self._opaque(block)) else []
        return _content("user", results) + _content("user", said)

    def _result(self, result: ToolResult) -> list[Json]:
        """The response, and right behind it what older models cannot read inside it (H141)."""
        name = self._calls.get(result.id) or result.name
        if not name:
            said = f"The result {result.id!r} answers no call of this conversation."
            raise BadRequest(said, param="contents", code="invalid_value")
        media = [block for block in result.blocks if isinstance(block, Media)]
        inside = [block for block in media if self._profile.media_in_results and block.data and block.mime in _IN_RESULTS]
        beside = [self._media(block, "contents") for block in media if block not in inside]
        text = history.text_of(result.blocks, "\n") or ("[attached below]" if beside else "")
        response: Json = {"id": result.id, "name": self._names.to(name), "response": _response(text, result.error)}
        if inside:
            response["parts"] = [self._media(block, "contents") for block in inside]
        return [{"functionResponse": response}, *beside]

    def _media(self, media: Media, param: str) -> Json:
        self._check(media, param)
        if media.data:
            mime = media.mime or blobs.sniff(media.data) or "application/octet-stream"
            return {"inlineData": {"mimeType": mime, "data": media.data}}
        if media.text:
            data = base64.b64encode(media.text.encode()).decode()
            return {"inlineData": {"mimeType": media.mime or "text/plain", "data": data}}
        known = {"mimeType": media.mime} if media.mime else {}
        if media.url and (media.kind == "video" or is_film(media.url) or media.url.startswith(_FILES)):
            return {"fileData": {**known, "fileUri": media.url}}
        if media.file_id.startswith(_FILES):
            return {"fileData": {**known, "fileUri": media.file_id}}
        what = "file of another provider" if media.file_id else "URL"
        told = f"Gemini cannot open this {what}. Send the data itself."
        raise Unsupported(told, param=param, code="unsupported_state_reference")

    def _check(self, media: Media, param: str) -> None:
        taken = {
            "image": self._profile.images,
            "audio": self._profile.audio,
            "video": self._profile.video,
            "document": self._profile.documents,
        }
        if not taken[media.kind]:
            raise Unsupported(f"This model does not read {media.kind}s.", param=param, code="unsupported_content")


def _own(signature: Signature | None) -> Signature | None:
    return signature if signature is not None and signature.kind == FAMILY else None


def _current_turn(turns: tuple[Turn, ...]) -> int:
    """Where the current turn begins: the last user turn that is more than tool results."""
    for at in range(len(turns) - 1, -1, -1):
        if turns[at].role == "user" and not any(isinstance(block, ToolResult) for block in turns[at].blocks):
            return at
    return -1


def _content(role: str, parts: list[Json]) -> list[Json]:
    return [{"role": role, "parts": parts}] if parts else []


def _response(text: str, error: bool) -> Any:
    """A result as an object: JSON objects as they are, everything else under `output` or `error`."""
    if error:
        return {"error": text}
    if text.lstrip().startswith("{"):
        try:
            _object.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return {"output": text}
        return msgspec.Raw(text.encode())
    return {"output": text}
