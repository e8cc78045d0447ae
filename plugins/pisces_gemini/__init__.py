"""Google's Gemini: generateContent, embeddings, pictures, sound, video, their routes, and Google AI as an upstream."""

from __future__ import annotations

from collections.abc import Iterable

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Endpoint, Provider

from .embed import GeminiEmbed
from .endpoints import endpoints
from .imagen import GeminiImagen
from .images import GeminiImages
from .operations import Operations
from .provider import Google
from .speech import GeminiSpeech
from .transcriptions import GeminiTranscriptions
from .video import GeminiVideo
from .wire import Gemini


@hookimpl
def pisces_wires() -> Iterable[Dialect]:
    return [
        Gemini(), GeminiEmbed(), GeminiImages(), GeminiImagen(), GeminiSpeech(), GeminiTranscriptions(), GeminiVideo(),
        Operations(),
    ]  # fmt: skip


@hookimpl
def pisces_endpoints() -> Iterable[Endpoint]:
    return list(endpoints())


@hookimpl
def pisces_providers() -> Iterable[Provider]:
    return [Google()]
