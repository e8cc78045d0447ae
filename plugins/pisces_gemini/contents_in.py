"""A client's `contents` as turns: roles, parts, signatures, results matched to their calls (wire.md A4, C5, C6)."""

from __future__ import annotations

from collections import deque

import msgspec

from pisces_proxy import arguments, blobs, names
from pisces_proxy.chat import Block, Loss, Media, Opaque, Reasoning, Signature, Text, ToolCall, ToolResult, Turn
from pisces_proxy.seals import Seals

from .google import FAMILY, REDACTED, SENTINELS, WIRE
from .pictures import is_picture
from .reading import Object, is_text, string

_response = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FILES = ("gs://", "https://generativelanguage.googleapis.com/")
_SERVER_PARTS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")


class Contents:
    """Reads contents in order: a result without an id belongs to the oldest unanswered call of its name (H102)."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals
        self._waiting: dict[str, deque[str]] = {}
        self._ids: set[str] = set()
        self.losses: list[Loss] = []

    def turns(self, body: Object) -> tuple[Turn, ...]:
        turns = []
        for number, raw in enumerate(body.items("contents")):
            path = f"{body.at('contents')}[{number}]"
            if is_text(raw):
                turns.append(Turn(role="user", blocks=(Text(text=string(raw)),)))
            else:
                turns.append(self._turn(Object(raw, path)))
        return tuple(turns)

    def texts(self, body: Object, name: str) -> tuple[Text, ...]:
        """A content of texts only: the system instruction."""
        found: list[Text] = []
        for raw in body.items(name):
            if is_text(raw):
                found.append(Text(text=string(raw)))
                continue
            content = Object(raw, body.at(name))
            parts = content.items("parts") if "parts" in content else [raw]
            found += [Text(text=string(part) if is_text(part) else Object(part, body.at(name)).text("text")) for part in parts]
        return tuple(text for text in found if text.text)

    def _turn(self, content: Object) -> Turn:
        role = content.text("role").lower()
        blocks: list[Block] = []
        for number, raw in enumerate(content.items("parts")):
            if is_text(raw):
                blocks.append(Text(text=string(raw)))
            else:
                self._part(Object(raw, f"{content.at('parts')}[{number}]"), blocks)
        if role in ("model", "assistant"):
            return Turn(role="assistant", blocks=_rejoined(blocks))
        # `function` and `tool` are older names for the user who brings results; no role at all means user
        return Turn(role="system" if role == "system" else "user", blocks=tuple(blocks))

    # -- parts

    def _part(self, part: Object, blocks: list[Block]) -> None:
        signature = self._signature(part, blocks)
        if "videoMetadata" in part:
            self.losses.append(Loss(field=part.at("videoMetadata"), action="dropped", reason="only Gemini cuts films"))
        if block := self._block(part, signature):
            _go_on(blocks, block)

    def _block(self, part: Object, signature: Signature | None) -> Block | None:
        if "functionCall" in part:
            return self._call(Object(part.raw("functionCall"), part.at("functionCall")), signature)
        if "functionResponse" in part:
            return self._result(Object(part.raw("functionResponse"), part.at("functionResponse")))
        if "inlineData" in part:
            return None if part.flag("thought") else self._inline(part, signature)
        if "fileData" in part:
            return self._file(part, signature)
        if any(name in part for name in _SERVER_PARTS):
            return self._opaque(part)
        if part.flag("thought"):
            return Reasoning(text=part.text("text"), signature=signature, summary=True)
        text = part.text("text")
        if is_picture(text):  # sent back as this client was given it (S3-32)
            return Media(kind="image", data=text, mime=blobs.sniff(text), signature=signature)
        return Text(text=text, signature=signature) if text or signature else None

    def _signature(self, part: Object, blocks: list[Block]) -> Signature | None:
        """The part's own signature. One of another family belongs to the thinking before it."""
        said = part.text("thoughtSignature")
        if not said or said.replace("-", "_").replace("/", "_") in SENTINELS:  # SDKs write it in either alphabet (H101)
            return None
        if not Seals.looks_sealed(said):
            return Signature(kind=FAMILY, data=blobs.standard_base64(said, part.at("thoughtSignature")))
        found = self._seals.open(said)
        if found is None:
            reason = "this gateway did not make the signature"
            self.losses.append(Loss(field=part.at("thoughtSignature"), action="dropped", reason=reason))
        elif found.kind != FAMILY:
            _sign_thinking(blocks, found)
            return None
        return found

    def _call(self, call: Object, signature: Signature | None) -> ToolCall:
        name = call.text("name")
        id = call.text("id") or names.minted_id("contents", len(self._ids), name)
        self._ids.add(id)
        self._waiting.setdefault(name, deque()).append(id)
        return ToolCall(id=id, name=name, arguments=arguments.compact(call.raw("args") or b"{}"), signature=signature)

    def _result(self, result: Object) -> ToolResult:
        name = result.text("name")
        id = self._answered(result.text("id"), name)
        blocks, error = _outcome(result.raw("response"))
        media = [found for part in result.objects("parts") if isinstance(found := self._block(part, None), Media)]
        return ToolResult(id=id, name=name, blocks=(*blocks, *media), error=error)

    def _answered(self, id: str, name: str) -> str:
        waiting = self._waiting.get(name, deque())
        if id in self._ids:
            if id in waiting:
                waiting.remove(id)
            return id
        return waiting.popleft() if waiting else id or names.minted_id("result", name)

    def _inline(self, part: Object, signature: Signature | None) -> Media:
        inline = Object(part.raw("inlineData"), part.at("inlineData"))
        data = blobs.standard_base64(inline.text("data"), inline.at("data"))
        mime = inline.text("mimeType") or blobs.sniff(data)
        filename = inline.text("displayName")
        return Media(kind=blobs.kind_of(mime), data=data, mime=mime, filename=filename, signature=signature)

    def _file(self, part: Object, signature: Signature | None) -> Media:
        file = Object(part.raw("fileData"), part.at("fileData"))
        uri, mime = file.text("fileUri"), file.text("mimeType")
        kind = blobs.kind_of(mime) if mime else "video" if is_film(uri) else "document"
        if uri.startswith(_FILES):  # only Google can open these
            return Media(kind=kind, file_id=uri, mime=mime, signature=signature)
        return Media(kind=kind, url=uri, mime=mime, signature=signature)

    def _opaque(self, part: Object) -> Opaque:
        what = next(name for name in _SERVER_PARTS if name in part)
        inner = Object(part.raw(what), part.at(what))
        told = inner.text("code") if what == "executableCode" else inner.text("output") if what == "codeExecutionResult" else ""
        return Opaque(wire=WIRE, raw=part.only(*part), what=what, summary=f"[{what}] {told}".strip())


def is_film(uri: str) -> bool:
    """Google plays films of YouTube itself."""
    return uri.startswith(("https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/", "https://m.youtube.com/"))


def _go_on(blocks: list[Block], block: Block) -> None:
    """SDKs keep a streamed answer's pieces as parts of their own: thinking goes on until it is signed."""
    match block, blocks[-1] if blocks else None:
        case Reasoning(), Reasoning(signature=None) as before:
            blocks[-1] = msgspec.structs.replace(block, text=before.text + block.text)
        case _:
            blocks.append(block)


def _rejoined(blocks: list[Block]) -> tuple[Block, ...]:
    """The same for what the model said: neighbouring texts without a signature are one (wire.md C6)."""
    whole: list[Block] = []
    for block in blocks:
        match block, whole[-1] if whole else None:
            case Text(signature=None), Text(signature=None) as before:
                whole[-1] = msgspec.structs.replace(before, text=before.text + block.text)
            case _:
                whole.append(block)
    return tuple(whole)


def _sign_thinking(blocks: list[Block], signature: Signature) -> None:
    """Foreign signatures travel on the call behind the thinking that they prove (wire.md C6): the thinking since the last
    call gets it, or stands again where it stood, before everything else of this step."""
    if redacted := signature.id == REDACTED:
        signature = msgspec.structs.replace(signature, id="")
    start = len(blocks)
    while start and not isinstance(blocks[start - 1], ToolCall):
        block = blocks[start - 1]
        if isinstance(block, Reasoning) and block.signature is not None:
            break
        start -= 1
    for at in range(start, len(blocks)):
        block = blocks[at]
        if isinstance(block, Reasoning) and not redacted:
            blocks[at] = msgspec.structs.replace(block, signature=signature)
            return
    blocks.insert(start, Reasoning(signature=signature, redacted=redacted))


def _outcome(response: bytes) -> tuple[tuple[Text, ...], bool]:
    """What a function answered: `output` and `error` are Google's own words, anything else is told as JSON (H103)."""
    if not response or response == b"{}":
        return (), False
    if response[:1] != b"{":
        return (Text(text=_as_text(response)),), False
    members = _response.decode(response)
    if len(members) == 1 and "error" in members:
        return (Text(text=_as_text(members["error"])),), True
    if len(members) == 1 and "output" in members and is_text(members["output"]):
        text = string(members["output"])
        return ((Text(text=text),) if text else ()), False
    return (Text(text=arguments.compact(response)),), False


def _as_text(raw: bytes | msgspec.Raw) -> str:
    return string(raw) if is_text(raw) else arguments.compact(bytes(raw))
