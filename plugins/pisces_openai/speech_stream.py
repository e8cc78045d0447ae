"""Speech as events, for clients that asked for them, from upstreams that send sound as it is."""

from __future__ import annotations

import base64

from pisces_proxy import media
from pisces_proxy.errors import PiscesError
from pisces_proxy.media import Sound, Speech
from pisces_proxy.mediawire import MediaEncoder
from pisces_proxy.plugin import Reply

from . import speech_sound
from .media_events import event, failed

_PIECE = 48 * 1024  # bytes of sound in one event; a multiple of three leaves no padding in between


class SpeechEncoder(MediaEncoder):
    def __init__(self, request: Speech, reply: Reply) -> None:
        self._request = request
        self._reply = reply

    def result(self, result: media.Result) -> bytes:
        assert isinstance(result, Sound)
        data = speech_sound.as_format(result.audio, self._request.format).content()
        extension = self._reply.extension
        pieces = [
            event("speech.audio.delta", {"audio": base64.b64encode(data[at : at + _PIECE]).decode()}, extension)
            for at in range(0, len(data), _PIECE)
        ]
        usage = result.usage
        members = {}
        if usage is not None:
            counts = {"input_tokens": usage.input, "output_tokens": usage.output, "total_tokens": usage.total}
            members = {"usage": counts}
        return b"".join(pieces) + event("speech.audio.done", members, extension)

    def failed(self, error: PiscesError) -> bytes:
        return failed(error, self._reply.extension)
