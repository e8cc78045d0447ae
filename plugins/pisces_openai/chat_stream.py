"""An OpenAI-like answer, read: streamed or whole, the same way (wire.md B1, C14; real-traffic.md 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pisces_proxy import chat, refusals
from pisces_proxy.chat import Citation, Delta, Event, Failed, Finish, Start
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.plugin import Decoder, Profile
from pisces_proxy.usage import Usage

from .chat_choice import WIRE, ChoiceReader
from .chat_frames import NOTHING, Choice, Chunk, Counted, MaybeRaw, Opening, read_chunk, read_opening, tolerated, value_of
from .chat_usage import decode_usage

_encode = msgspec.json.Encoder().encode
_FAILED = ("error", "network_error")  # as finish reasons
_NOTHING_SAID = (b"null", b"false", b'""', b"{}", b"[]")
_MENDABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class ChatDecoder(Decoder):
    """The frames of one stream."""

    __slots__ = ("_citations", "_extra", "_over", "_profile", "_readers", "_results", "_started", "_whole", "done")

    def __init__(self, profile: Profile, whole: bool = False) -> None:
        self._profile = profile
        self._whole = whole  # not a stream: the message counts, whatever stands in a `delta` beside it (Perplexity)
        self._readers: dict[int, ChoiceReader] = {}
        self._started = ""  # the answer's id, once something has come
        self._over = False
        self._extra: dict[str, bytes] = {}
        self._citations: MaybeRaw = NOTHING
        self._results: MaybeRaw = NOTHING
        self.done = False

    def decode(self, event: bytes, data: bytes) -> Sequence[Event]:
        if self._over or data == b"[DONE]":
            return self._finish()
        if event == b"error":
            return self._refused(data)
        try:
            chunk = read_chunk(data) if self._started else read_opening(data)
        except _MENDABLE:
            return self._read_again(data)
        choices = chunk.choices
        if choices is None or chunk.error is not NOTHING:
            return self._odd(chunk, data)
        if len(choices) == 1 and chunk.usage is None and self._started:
            # nearly every frame is a little more text: told apart here, before the general reading
            reader = self._readers.get(choices[0].index or 0)
            if reader is not None and (text := reader.plain(choices[0])) is not None:
                return (Delta(text=text, choice=reader.index),)
        out: list[Event] = []
        self._read(chunk, out)
        return out

    def end(self) -> Sequence[Event]:
        if self._over or self.done or any(reader.raw is not None for reader in self._readers.values()):
            return self._finish()
        return self._fail(UpstreamBroken("The upstream's answer broke off before its end."))  # H30

    # -- frames

    def _read(self, chunk: Chunk, out: list[Event]) -> None:
        choices = chunk.choices or ()
        if not self._started and choices:
            self._start(chunk, out)  # an Azure stream begins with a frame that has none (H43)
        if chunk.usage is not None:
            self._count(chunk.usage)
        if chunk.citations is not NOTHING or chunk.search_results is not NOTHING:
            self._citations, self._results = chunk.citations, chunk.search_results
        for choice in choices:
            self._choice(choice, out)

    def _choice(self, choice: Choice, out: list[Event]) -> None:
        index = choice.index or 0
        reader = self._readers.get(index)
        if reader is None:
            reader = self._readers[index] = ChoiceReader(index, self._profile, self._started)
        if self._whole and choice.message is not None:
            choice.delta = None
        reader.read(choice, out)
        if choice.finish_reason is not None:
            self.done = all(reader.raw is not None for reader in self._readers.values())
        if choice.usage is not None:
            self._count(choice.usage)

    def _start(self, chunk: Chunk, out: list[Event]) -> None:
        if not isinstance(chunk, Opening):
            return
        self._started = chunk.id or "-"
        self._keep("system_fingerprint", chunk.system_fingerprint)
        self._keep("service_tier", chunk.service_tier)
        out.append(Start(id=chunk.id or "", model=chunk.model or "", created=int(chunk.created or 0)))

    def _keep(self, name: str, value: str | None) -> None:
        if value:
            self._extra[name] = _encode(value)

    def _count(self, counted: Counted) -> None:
        self.usage = decode_usage(counted) or self.usage

    def _odd(self, chunk: Chunk, data: bytes) -> Sequence[Event]:
        """No choices, or an error beside them."""
        if _said(chunk.error) or (chunk.choices is None and chunk.usage is None):
            return self._refused(data, known=_said(chunk.error))
        out: list[Event] = []
        self._read(chunk, out)
        return out

    def _read_again(self, data: bytes) -> Sequence[Event]:
        """A frame whose members are not of the usual types."""
        if not data.strip():
            return ()
        if data.strip() == b"[DONE]":
            return self._finish()
        try:
            value = value_of(data)
        except (ValueError, RecursionError):
            return self._fail(UpstreamBroken("The upstream sent a frame that is not JSON."))
        if found := refusals.complaint_in(value):
            return self._fail(refusals.understand(200, {}, found))
        out: list[Event] = []
        self._read(tolerated(value, Opening), out)
        return out

    def _refused(self, data: bytes, known: bool = True) -> Sequence[Event]:
        """An error in the stream; `known` says that it can be nothing else."""
        found = refusals.complaint_in(_value(data))
        if found is None and not known:
            return ()
        return self._fail(refusals.understand(200, {}, found or refusals.complaint(data)))

    # -- the end

    def _fail(self, error: PiscesError) -> Sequence[Event]:
        self._over = True
        return (Failed(error=error),)

    def _finish(self) -> Sequence[Event]:
        if self._over:
            return ()
        out: list[Event] = [] if self._started else [Start()]
        readers = [self._readers[index] for index in sorted(self._readers)] or [ChoiceReader(0, self._profile, "-")]
        if all(reader.raw in _FAILED and not reader.answered for reader in readers):
            return self._fail(UpstreamBroken("The upstream broke off before its answer began."))
        readers[0].cite(_sources(self._citations, self._results))
        for reader in readers:
            reader.stop(out)
        out.append(Finish(usage=self.usage, extra=self._extra))
        self._over = self.done = True
        return out


class _Ended(msgspec.Struct):
    finish_reason: Any = None


class _Glance(msgspec.Struct):
    """As much of a whole answer as a passthrough must know."""

    choices: list[_Ended] | None = None
    usage: Counted | None = None
    error: MaybeRaw = NOTHING


_glance = msgspec.json.Decoder(_Glance)


def read_usage(body: bytes, profile: Profile) -> Usage | None:
    """What an answer that passes through has used, its messages unread. Raises the error that a 200 may hold."""
    try:
        seen = _glance.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return decode_response(body, profile).usage
    if not seen.choices or _said(seen.error) or any(choice.finish_reason in _FAILED for choice in seen.choices):
        return decode_response(body, profile).usage
    return decode_usage(seen.usage)


def decode_response(body: bytes, profile: Profile) -> chat.Response:
    """A whole answer: a stream of one frame. Raises the error that a 200 may hold."""
    decoder = ChatDecoder(profile, whole=True)
    events = [*decoder.decode(b"", body)]
    if not events:
        raise UpstreamBroken("The upstream answered without a choice.")
    if not isinstance(events[-1], Failed):
        events += decoder.decode(b"", b"[DONE]")
    return chat.fold(events)


def _said(error: MaybeRaw) -> bool:
    return error is not NOTHING and bytes(error) not in _NOTHING_SAID


def _value(data: bytes) -> Any:
    try:
        return value_of(data)
    except (ValueError, RecursionError):
        return None


def _sources(citations: MaybeRaw, results: MaybeRaw) -> list[Citation]:
    """Perplexity's and xAI's lists of sources: URLs, and what was found there."""
    found = {}
    for place in _listed(results):
        if isinstance(place, dict) and isinstance(url := place.get("url"), str):
            title, quote = (str(place.get(name) or "") for name in ("title", "snippet"))
            found[url] = Citation(url=url, title=title, quote=quote, wire=WIRE)
    for url in _listed(citations):
        if isinstance(url, str):
            found.setdefault(url, Citation(url=url, wire=WIRE))
    return list(found.values())


def _listed(raw: MaybeRaw) -> list[Any]:
    value = _value(bytes(raw)) if raw is not NOTHING else None
    return value if isinstance(value, list) else []
