"""One client's request for anything that is not a conversation, and what it is counted as."""

from __future__ import annotations

import msgspec

from . import media
from .calls import Incoming
from .errors import PiscesError, Unsupported
from .mediawire import Counted, MediaWire
from .pricing import NOTHING, Images, Measures
from .usage import Usage

MEDIA = frozenset({"embeddings", "rerank", "moderation", "image", "speech", "transcription"})
# kinds of requests that name a model, and have a row of their own
ASKING = MEDIA | {"chat", "count", "task.create", "task.remix"}
_UNREAD = 1024  # tokens of what only an upstream of the client's own format can read
_RATE = 16_000  # bytes of sound a second, by rule of thumb: MP3 at 128 kbit/s


class MediaCall(Incoming, kw_only=True):
    """A request for vectors, pictures, sound, text of sound, ranks or verdicts."""

    wire: MediaWire
    request: media.Request | None = None

    def canonical(self) -> media.Request:
        """The request decoded, once; uploaded files stay where they lie."""
        if self.request is None:
            self.request = self.wire.decode_request(self.operation)
        return self.request

    def expected(self) -> tuple[Usage, Measures]:
        """What it will be counted as, before anybody has said."""
        try:
            request = self.canonical()
        except Unsupported:  # it may pass to an upstream that has more than we can say
            return Usage(input=_UNREAD, estimated=True), NOTHING
        if isinstance(request, media.Transcription) and request.seconds is None:
            size = request.file.file.size if request.file.file is not None else len(request.file.data)
            request = msgspec.structs.replace(request, seconds=size / _RATE)
        return media.expected(request)


def worth(call: MediaCall, counted: Counted | media.Result) -> tuple[Usage, Measures]:
    """What an answer is billed as: what the upstream said, and what was expected where it did not. `estimated` where nobody
    has counted."""
    usage, measures = counted.usage, counted.measures
    if usage is not None and measures != NOTHING:
        return usage, measures
    try:
        likely, lengths = call.expected()
    except PiscesError:  # the upstream could read what we cannot: it is answered, and counted as nothing
        likely, lengths = Usage(estimated=True), NOTHING
    return _filled(usage, likely), (_seen(counted, lengths) if measures == NOTHING else measures)


def _filled(usage: Usage | None, likely: Usage) -> Usage:
    """Upstreams that rank tell tokens or searches, seldom both, and a price may be by either: what is not told is reckoned."""
    if usage is None:
        return likely
    if not likely.searches:
        return usage
    if usage.input or not likely.input:
        return msgspec.structs.replace(usage, searches=usage.searches or likely.searches)
    return msgspec.structs.replace(usage, input=likely.input, searches=usage.searches or likely.searches, estimated=True)


def _seen(counted: Counted | media.Result, expected: Measures) -> Measures:
    """What was expected, mended by what can be seen of the result."""
    match counted:
        case media.Pictures(pictures=pictures, size=size, quality=quality):
            asked = expected.images[0] if expected.images else Images(count=0)
            kind = Images(count=len(pictures), size=size or asked.size, quality=quality or asked.quality)
            return msgspec.structs.replace(expected, images=(kind,))
        case media.Sound(seconds=float() | int() as seconds) | media.Transcript(seconds=float() | int() as seconds):
            return msgspec.structs.replace(expected, seconds=seconds)
        case _:
            return expected
