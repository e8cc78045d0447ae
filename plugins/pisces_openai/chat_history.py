"""The messages of a chat request as turns (wire.md A1.1, A1.2, C2)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from pisces_proxy import arguments, names
from pisces_proxy.chat import Block, Cache, Loss, Media, Opaque, Reasoning, Refusal, Signature, Text, ToolCall, ToolResult, Turn
from pisces_proxy.errors import BadRequest
from pisces_proxy.seals import Seals

from .chat_carriers import FORMAT, ExtraContent, opened_extra
from .chat_choice import FAMILY, WIRE
from .parts import audio_in, file_in, media_at

Raw = msgspec.Raw
MaybeRaw = msgspec.Raw | msgspec.UnsetType
NOTHING = msgspec.UNSET


class CacheMark(msgspec.Struct):
    """`cache_control` as Anthropic, OpenRouter and LiteLLM write it; OpenAI's own `prompt_cache_breakpoint`."""

    ttl: str | None = None


class _Url(msgspec.Struct):
    url: str
    detail: str | None = None


class _Audio(msgspec.Struct):
    data: str
    format: str | None = None


class _File(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _Thought(msgspec.Struct):
    text: str | None = None


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    image_url: str | _Url | None = None
    input_audio: _Audio | None = None
    file: _File | None = None
    file_url: str | _Url | None = None
    video_url: str | _Url | None = None
    document_url: str | _Url | None = None  # Mistral
    audio_url: str | _Url | None = None  # vLLM
    refusal: str | None = None
    thinking: str | list[_Thought] | None = None  # Mistral
    cache_control: CacheMark | None = None
    prompt_cache_breakpoint: CacheMark | None = None

    @property
    def cache(self) -> Cache | None:
        return cache_of(self.cache_control or self.prompt_cache_breakpoint)


class _Function(msgspec.Struct):
    name: str
    arguments: MaybeRaw = NOTHING


class _Custom(msgspec.Struct):
    name: str
    input: str = ""


class _Call(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    function: _Function | None = None
    custom: _Custom | None = None
    extra_content: ExtraContent | None = None


class _Detail(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None
    format: str | None = None
    id: str | None = None
    of: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None
    name: str | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    function_call: _Function | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[_Detail] | None = None
    audio: dict[str, Any] | None = None
    cache_control: CacheMark | None = None


_messages = msgspec.json.Decoder(list[_Message])
_raw_contents = msgspec.json.Decoder(list[dict[str, Any]])
_AT = re.compile(r" - at `\$(.*)`$")


def invalid(error: msgspec.ValidationError, where: str) -> BadRequest:
    """A member of the wrong type, with its path as OpenAI writes it."""
    found = _AT.search(str(error))
    path = where + (found.group(1) if found else "")
    what = _AT.sub("", str(error))
    return BadRequest(f"`{path}` is not valid: {what}.", param=path, code="invalid_value")


def cache_of(mark: CacheMark | None) -> Cache | None:
    return Cache(ttl=mark.ttl or "") if mark is not None else None


def decode_messages(raw: bytes | Raw, seals: Seals) -> Conversation:
    try:
        messages = _messages.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid(error, "messages") from None
    if not messages:
        raise BadRequest("`messages` is empty. Send at least one message.", param="messages", code="invalid_value")
    return _Reading(raw, seals).read(messages)


class Conversation(NamedTuple):
    """The leading system texts, the turns behind them, and what neither can hold."""

    system: tuple[Text, ...]
    turns: tuple[Turn, ...]
    losses: tuple[Loss, ...]


class _Reading:
    """Messages one after the other; what a later one needs of an earlier one is kept here."""

    def __init__(self, raw: bytes | Raw, seals: Seals) -> None:
        self._raw = raw
        self._seals = seals
        self._system: list[Text] = []
        self._turns: list[Turn] = []
        self._results: list[ToolResult] = []  # of neighbouring tool messages: one turn (H50)
        self._losses: list[Loss] = []
        self._custom: set[str] = set()  # ids of calls to free-form tools
        self._functions: dict[str, str] = {}  # the last call of each name, for results that know only a name

    def read(self, messages: list[_Message]) -> Conversation:
        for number, message in enumerate(messages):
            self._message(message, f"messages[{number}]")
        self._flush()
        return Conversation(tuple(self._system), tuple(self._turns), tuple(self._losses))

    def _message(self, message: _Message, at: str) -> None:
        match message.role:
            case "tool" | "function":
                self._results.append(self._result(message, at))
                return
            case "system" | "developer":
                self._flush()
                self._instruct(message, at)
            case "user":
                self._add("user", tuple(self._blocks(message, at)), message.name)
            case "assistant":
                self._add("assistant", self._answer(message, at), message.name)
            case role:
                allowed = "system, developer, user, assistant, tool or function"
                raise BadRequest(f"`{at}.role` is {role!r}: use {allowed}.", param=f"{at}.role", code="invalid_value")

    def _add(self, role: Any, blocks: tuple[Block, ...], name: str | None) -> None:
        self._flush()
        self._turns.append(Turn(role=role, blocks=blocks, name=name or ""))

    def _flush(self) -> None:
        if self._results:
            self._turns.append(Turn(role="user", blocks=tuple(self._results)))
            self._results = []

    def _instruct(self, message: _Message, at: str) -> None:
        blocks = self._blocks(message, at)
        texts = tuple(block for block in blocks if isinstance(block, Text))
        if len(texts) < len(blocks):
            refusal = f"`{at}.content` may hold text only: send media in a user message."
            raise BadRequest(refusal, param=f"{at}.content", code="invalid_value")
        if self._turns:
            self._turns.append(Turn(role="system", blocks=texts, name=message.name or ""))
        else:
            self._system += texts

    # -- content

    def _blocks(self, message: _Message, at: str) -> list[Block]:
        content = message.content
        if not content:
            return []
        if isinstance(content, str):
            return [Text(text=content, cache=cache_of(message.cache_control))]
        return [
            block for number, part in enumerate(content) if (block := self._part(part, f"{at}.content[{number}]")) is not None
        ]

    def _part(self, part: _Part, at: str) -> Block | None:
        match part.type:
            case "text" | "input_text" | "output_text":
                return Text(text=_needed(part.text, f"{at}.text"), cache=part.cache)
            case "refusal":
                return Refusal(text=_needed(part.refusal, f"{at}.refusal"))
            case "thinking":
                return Reasoning(text=_thought(part.thinking))
            case _:
                return self._media(part, at) or self._unknown(part, at)

    def _media(self, part: _Part, at: str) -> Media | None:
        match part.type:
            case "image_url" | "input_image":
                place = _place(part.image_url, f"{at}.image_url")
                return media_at(place.url, "image", f"{at}.image_url.url", detail=place.detail or "", cache=part.cache)
            case "input_audio":
                audio = _needed(part.input_audio, f"{at}.input_audio")
                return audio_in(audio.data, audio.format or "", f"{at}.input_audio")
            case "file" | "input_file":
                file = _needed(part.file, f"{at}.file")
                given = (file.file_data or "", file.file_id or "", file.filename or "")
                return file_in(*given, f"{at}.file", cache=part.cache)
            case "file_url":
                return media_at(_place(part.file_url, f"{at}.file_url").url, "document", f"{at}.file_url", cache=part.cache)
            case "document_url":
                place = _place(part.document_url, f"{at}.document_url")
                return media_at(place.url, "document", f"{at}.document_url", cache=part.cache)
            case "video_url":
                return media_at(_place(part.video_url, f"{at}.video_url").url, "video", f"{at}.video_url", cache=part.cache)
            case "audio_url":
                return media_at(_place(part.audio_url, f"{at}.audio_url").url, "audio", f"{at}.audio_url", cache=part.cache)
        return None

    def _unknown(self, part: _Part, at: str) -> Opaque:
        """A part that only its own upstream knows: kept as it stands, from a second look at the bytes."""
        number, place = (int(digits) for digits in re.findall(r"\[(\d+)\]", at))
        raw = msgspec.json.encode(_raw_contents.decode(self._raw)[number]["content"][place])
        return Opaque(wire=WIRE, raw=raw, what=f"{at} ({part.type})")

    # -- answers and results

    def _answer(self, message: _Message, at: str) -> tuple[Block, ...]:
        calls = [self._call(call, f"{at}.tool_calls[{number}]") for number, call in enumerate(message.tool_calls or ())]
        if message.function_call is not None:
            calls.append((self._legacy_call(message.function_call), None))
        texts = self._blocks(message, at)
        if message.audio is not None:  # an id that only its own upstream knows
            self._losses.append(Loss(field=f"{at}.audio", action="dropped", reason="sound of an earlier answer"))
        signed = [block for block in texts if isinstance(block, Text)]
        rest: list[Block] = [block for block in texts if not isinstance(block, Text)]
        reasoning, on_text = self._reasoning(message, calls)
        if on_text is not None:
            signed = [*signed[:-1], msgspec.structs.replace(signed[-1] if signed else Text(text=""), signature=on_text)]
        refusal = [Refusal(text=message.refusal)] if message.refusal else []
        return (*reasoning, *rest, *signed, *refusal, *(call for call, _ in calls))

    def _call(self, call: _Call, at: str) -> tuple[ToolCall, Signature | None]:
        """The call, and the signature of the thought before it where the call carries that."""
        found = opened_extra(self._seals, call.extra_content)
        own = found if found is not None and found.kind == "gemini" else None
        thought = found if own is None else None
        if call.custom is not None:
            made = ToolCall(id=call.id or "", name=call.custom.name, arguments=call.custom.input, custom=True, signature=own)
        else:
            function = _needed(call.function, f"{at}.function")
            given = arguments_of(function.arguments)
            made = ToolCall(id=call.id or "", name=function.name, arguments=given, signature=own)
        if not made.id:  # H57
            made = msgspec.structs.replace(made, id=names.minted_id("request", len(self._turns), made.name, at))
        self._functions[made.name] = made.id
        if made.custom:
            self._custom.add(made.id)
        return made, thought

    def _legacy_call(self, call: _Function) -> ToolCall:
        minted = names.minted_id("function", len(self._turns), call.name)
        self._functions[call.name] = minted
        return ToolCall(id=minted, name=call.name, arguments=arguments_of(call.arguments))

    def _result(self, message: _Message, at: str) -> ToolResult:
        name = message.name or ""
        call_id = message.tool_call_id or self._functions.get(name, "")
        if not call_id and message.role == "function":
            call_id = names.minted_id("function", len(self._turns), name)
        if not call_id:
            at = f"{at}.tool_call_id"
            raise BadRequest(f"`{at}` is missing: say which call this answers.", param=at, code="missing_required_parameter")
        blocks = tuple(block for block in self._blocks(message, at) if isinstance(block, Text | Media))
        cache, custom = cache_of(message.cache_control), call_id in self._custom
        return ToolResult(id=call_id, blocks=blocks, name=name, cache=cache, custom=custom)

    def _reasoning(
        self, message: _Message, calls: list[tuple[ToolCall, Signature | None]]
    ) -> tuple[list[Reasoning], Signature | None]:
        """Thinking with its signatures, and the signature of the text where one was replayed."""
        text = message.reasoning_content or message.reasoning or ""
        thoughts: list[Reasoning] = []
        on_text: Signature | None = None
        for detail in message.reasoning_details or ():
            found = self._detail(detail)
            if isinstance(found, Signature):
                on_text = found
            elif found is not None:
                thoughts.append(found)
        thoughts += [Reasoning(signature=signature) for _, signature in calls if signature is not None]
        return _told(text, thoughts), on_text

    def _detail(self, detail: _Detail) -> Reasoning | Signature | None:
        if detail.format == FORMAT or Seals.looks_sealed(detail.data or ""):
            return self._sealed(detail)
        kind = FAMILY.get((detail.format or "").partition("-")[0], "unknown")
        if detail.data:
            signature = Signature(kind=kind, data=detail.data, id=detail.id or "")
            return Reasoning(redacted=kind == "anthropic", signature=signature)
        signature_or_none = Signature(kind=kind, data=detail.signature) if detail.signature else None
        text = detail.text or detail.summary or ""
        if not text and signature_or_none is None:
            return None
        return Reasoning(text=text, signature=signature_or_none, summary=detail.text is None and bool(detail.summary))

    def _sealed(self, detail: _Detail) -> Reasoning | Signature | None:
        signature = self._seals.open(detail.data or "")
        if signature is None or detail.of == "text":
            return signature
        return Reasoning(redacted=detail.of == "redacted", signature=signature)


def _told(text: str, thoughts: list[Reasoning]) -> list[Reasoning]:
    """The text with its thought: a signature holds for exactly one text, so where there are several none of them gets it."""
    plain = [thought for thought in thoughts if not thought.redacted]
    if any(thought.text for thought in plain) or not text:
        return thoughts
    if len(plain) == 1:
        return [msgspec.structs.replace(thought, text=text) if thought is plain[0] else thought for thought in thoughts]
    return [Reasoning(text=text), *thoughts]


def _needed(value: Any, at: str) -> Any:
    if value is None:
        raise BadRequest(f"`{at}` is missing.", param=at, code="missing_required_parameter")
    return value


def _place(value: str | _Url | None, at: str) -> _Url:
    found = _needed(value, at)
    return _Url(found) if isinstance(found, str) else found


def _thought(thinking: str | list[_Thought] | None) -> str:
    if isinstance(thinking, list):
        return "".join(item.text or "" for item in thinking)
    return thinking or ""


def arguments_of(value: MaybeRaw) -> str:
    """Arguments as the text they were sent as; an object from clients that did not encode it twice."""
    if value is NOTHING:
        return ""
    raw = bytes(value)
    if raw.startswith(b'"'):
        return msgspec.json.decode(raw, type=str)
    return "" if raw == b"null" else arguments.compact(raw)
