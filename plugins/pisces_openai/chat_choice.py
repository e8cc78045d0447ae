"""One choice of an answer while it comes in: deltas of every dialect become blocks, one after the other."""

from __future__ import annotations

import base64
import binascii

import msgspec

from pisces_proxy import blobs, names
from pisces_proxy.arguments import ThinkSplitter
from pisces_proxy.chat import (
    Block,
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Event,
    Logprobs,
    Media,
    Reasoning,
    Refusal,
    Signature,
    Stop,
    StopReason,
    Text,
)
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Profile

from .chat_calls import Calls, said
from .chat_frames import (
    NOTHING,
    Annotation,
    Audio,
    Call,
    Choice,
    Detail,
    Image,
    MaybeRaw,
    Message,
    Part,
    Probabilities,
    read_annotation,
)

WIRE = "openai.chat"
_BLANK: dict[str, Block] = {"text": Text(text=""), "reasoning": Reasoning(), "refusal": Refusal(text="")}
FAMILY = {"anthropic": "anthropic", "openai": "openai", "azure": "openai", "google": "gemini", "xai": "xai"}
_STOPS: dict[str, StopReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "content_filter": "content_filter",
    "sensitive": "content_filter",  # Zhipu
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "error": "error",
    "network_error": "error",  # Zhipu
}


class ChoiceReader:
    """Deltas in, events out. `raw` is the finish reason as it came, None until then."""

    __slots__ = (
        "_audio", "_calls", "_citations", "_cumulative", "_kind", "_late", "_profile", "_repeats", "_said",
        "_signature", "_splitter", "_unchanged", "answered", "index", "raw", "refused",
    )  # fmt: skip

    def __init__(self, index: int, profile: Profile, answer_id: str) -> None:
        self.index = index
        self._profile = profile
        self._calls = Calls(index, lambda ordinal: names.minted_id(answer_id, index, ordinal), profile.cumulative_content)
        self._kind = ""  # of the open block
        self._signature: Signature | None = None  # of the open block, for its end
        self._late: list[tuple[str, str]] = []  # came in the middle of a tool call
        self._citations: list[Citation] = []
        self._audio: list[str] = []
        self._splitter = ThinkSplitter() if profile.reasoning_field == "think_tags" else None
        self._cumulative = profile.cumulative_content
        self._repeats = profile.repeat_last
        self._unchanged = self._splitter is None and not self._cumulative and not self._repeats
        self._said: dict[str, str] = {}  # all text so far, only for upstreams that repeat it
        self.answered = self.refused = False
        self.raw: str | None = None

    def plain(self, choice: Choice) -> str | None:
        """The text of a delta that has nothing else and goes on with the open block, None for any other."""
        delta = choice.delta
        if delta is None or choice.finish_reason is not None or choice.logprobs is not None:
            return None
        if (
            delta.tool_calls is None
            and delta.refusal is None
            and delta.reasoning_details is None
            and delta.function_call is None
            and delta.annotations is None
            and delta.images is None
            and delta.audio is None
            and self._unchanged
            and self._signature is None
        ):
            text, thought = delta.content, delta.reasoning_content or delta.reasoning
            if self._kind == "text" and not thought and type(text) is str and text:
                return text
            if self._kind == "reasoning" and thought and not text:
                return thought
        return None

    def read(self, choice: Choice, out: list[Event]) -> None:
        """One entry of `choices`."""
        message = choice.delta
        if message is None:
            message = choice.message or (Message(content=choice.text) if choice.text else None)
            if message is not None and self.answered:
                message = None  # the whole answer again, at the end of its stream (H23)
        if message is not None:
            self._message(message, choice.finish_reason is not None, out)
        if choice.logprobs is not None:
            self._logprobs(choice.logprobs, out)
        if choice.finish_reason is not None and not self.raw:
            self.raw = choice.finish_reason

    def _message(self, message: Message, last: bool, out: list[Event]) -> None:
        content = message.content
        if message.reasoning_content or message.reasoning or message.reasoning_details is not None:
            self._thinking(message, out)
        if content:
            if isinstance(content, str):
                self._content(content, last, out)
            else:
                self._parts(content, out)
        if message.tool_calls is not None:
            for call in message.tool_calls:
                self._call(call, out)
        self._rarities(message, out)

    def _rarities(self, message: Message, out: list[Event]) -> None:
        if message.refusal:
            self.refused = True
            self._grow("refusal", message.refusal, out)
        function = message.function_call
        if function is not None and (function.name or said(function.arguments)):  # Snowflake writes an empty one
            self._call(Call(index=0, function=function), out)
        if message.annotations is not None:
            self._citations += [citation for raw in message.annotations if (citation := _citation(raw)) is not None]
        if message.images is not None:
            for image in message.images:
                self._image(image, out)
        if message.audio is not None:
            self._sound(message.audio, out)

    # -- text and thinking

    def _content(self, text: str, last: bool, out: list[Event]) -> None:
        text = self._unrepeated("text", text, last)
        if self._splitter is None:
            self._grow("text", text, out)
            return
        for thinking, piece in self._splitter.feed(text):
            self._grow("reasoning" if thinking else "text", piece, out)

    def _thinking(self, message: Message, out: list[Event]) -> None:
        text = message.reasoning_content or message.reasoning
        if text:
            self._grow("reasoning", self._unrepeated("reasoning", text, False), out)
        for detail in message.reasoning_details or ():
            self._detail(detail, not text, out)

    def _detail(self, detail: Detail, with_text: bool, out: list[Event]) -> None:
        if with_text and (text := detail.text or detail.summary):
            self._grow("reasoning", text, out)
        kind = FAMILY.get((detail.format or "").partition("-")[0]) or self._profile.signature or "unknown"
        if detail.signature:
            self._sign(Signature(kind=kind, data=detail.signature), out)
        if not detail.data:
            return
        signature = Signature(kind=kind, data=detail.data, id=detail.id or "")
        if kind == "gemini" and detail.id:
            self._calls.sign(detail.id, Signature(kind=kind, data=detail.data))
        elif kind == "anthropic":
            self._whole(Reasoning(redacted=True, signature=signature), out)
        else:
            self._sign(signature, out)

    def _sign(self, signature: Signature, out: list[Event]) -> None:
        if self._kind != "reasoning" or self._signature is not None:
            self._close(out)
            self._open("reasoning", out)
        self._signature = signature

    def _parts(self, parts: list[Part], out: list[Event]) -> None:
        for part in parts:
            if part.thinking is not None:  # Mistral
                thoughts = [part.thinking] if isinstance(part.thinking, str) else [item.text or "" for item in part.thinking]
                self._grow("reasoning", "".join(thoughts), out)
            elif part.text:
                self._grow("text", part.text, out)

    def _grow(self, kind: str, text: str, out: list[Event]) -> None:
        if kind != self._kind or self._signature is not None:
            if not text:
                return
            if self._kind == "call" and self._calls.busy:
                self._late.append((kind, text))
                return
            self._close(out)
            self._open(kind, out)
        if text:
            out.append(Delta(text=text, choice=self.index))

    def _unrepeated(self, kind: str, text: str, last: bool) -> str:
        """Only what is new, for upstreams that send all of it each time, or once more at the end (H23, H24)."""
        if not (self._cumulative or self._repeats):
            return text
        said = self._said.get(kind, "")
        if said and ((self._cumulative and text.startswith(said)) or (last and text == said)):
            self._said[kind] = text
            return text[len(said) :]
        self._said[kind] = said + text
        return text

    # -- everything else

    def _call(self, call: Call, out: list[Event]) -> None:
        if self._kind != "call":
            self._close(out)
            self._kind, self.answered = "call", True
        self._calls.feed(call, out)

    def _image(self, image: Image, out: list[Event]) -> None:
        place = image.image_url
        url = place if isinstance(place, str) else (place.url if place is not None else None)
        if not url:
            return
        try:
            blob = blobs.from_data_uri(url, "image_url") if url[:5].lower() == "data:" else None
        except BadRequest:
            blob = None
        media = Media(kind="image", data=blob.data, mime=blob.mime) if blob else Media(kind="image", url=url)
        self._whole(media, out)

    def _sound(self, audio: Audio, out: list[Event]) -> None:
        if audio.data:
            self._audio.append(audio.data)
            self.answered = True
        if audio.transcript:
            self._grow("text", audio.transcript, out)

    def _whole(self, block: Block, out: list[Event]) -> None:
        self._close(out)
        self.answered = True
        out += (BlockStart(block=block, choice=self.index), BlockEnd(choice=self.index))

    def _logprobs(self, found: Probabilities, out: list[Event]) -> None:
        for tokens in (found.content, found.refusal):
            if tokens is not NOTHING and bytes(tokens).startswith(b"["):
                out.append(Logprobs(raw=bytes(tokens), choice=self.index))

    # -- blocks

    def _open(self, kind: str, out: list[Event]) -> None:
        self._kind, self.answered = kind, True
        out.append(BlockStart(block=_BLANK[kind], choice=self.index))

    def _close(self, out: list[Event]) -> None:
        kind, self._kind = self._kind, ""
        if kind == "call":
            self._calls.close(out)
        elif kind == "text":
            citations, self._citations = tuple(self._citations), []
            out.append(BlockEnd(choice=self.index, citations=citations))
        elif kind:
            signature, self._signature = self._signature, None
            out.append(BlockEnd(choice=self.index, signature=signature))

    def cite(self, citations: list[Citation]) -> None:
        """Sources of the whole answer, without places in it (Perplexity)."""
        known = {citation.url for citation in self._citations}
        self._citations += [citation for citation in citations if citation.url not in known]

    def stop(self, out: list[Event]) -> None:
        """The end of this choice: what was held back, then why it ended."""
        for thinking, piece in self._splitter.end() if self._splitter is not None else ():
            self._grow("reasoning" if thinking else "text", piece, out)
        if self._late:
            self._close(out)
        for kind, text in self._late:
            self._grow(kind, text, out)
        if self._citations and self._kind != "text":
            self._close(out)
            self._open("text", out)
        self._close(out)
        if self._audio:
            data = _joined(self._audio)
            self._whole(Media(kind="audio", data=data, mime=blobs.sniff(data) or "audio/pcm"), out)
        out.append(Stop(reason=self._reason(), choice=self.index, raw=self.raw or ""))

    def _reason(self) -> StopReason:
        reason = _STOPS.get(self.raw or "", "stop")
        if reason in ("stop", "tool_calls"):  # forced calls end with `stop` (OpenAI), calls that never came with `tool_calls`
            return "tool_calls" if self._calls.given else "refusal" if self.refused else "stop"
        return reason


def _citation(raw: MaybeRaw) -> Citation | None:
    if raw is NOTHING:
        return None
    text = bytes(raw)
    try:
        passage = (found := read_annotation(text)).url_citation
    except msgspec.MsgspecError:
        return None
    return _from_passage(found, text) if passage is not None else Citation(wire=WIRE, raw=text)


def _from_passage(annotation: Annotation, raw: bytes) -> Citation | None:
    passage = annotation.url_citation
    if passage is None:
        return None
    return Citation(
        url=passage.url or "",
        title=passage.title or "",
        quote=passage.content or "",
        start=passage.start_index or 0,
        end=passage.end_index or 0,
        wire=WIRE,
        raw=raw,
    )


def _joined(pieces: list[str]) -> str:
    """Base64 in pieces, each padded for itself, as one."""
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except (binascii.Error, ValueError):
        return "".join(pieces)
