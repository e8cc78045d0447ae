"""OpenAI: the chat and Responses formats for clients and upstreams, their routes, and OpenAI itself."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Endpoint, Provider

from .chat import Chat
from .chat_images import ChatImages
from .completions import Completions
from .embeddings import OpenAIEmbeddings
from .endpoints import endpoints
from .images import OpenAIImages
from .moderations import Moderations
from .provider import OpenAI
from .rerank import OpenAIRerank
from .responses import Responses
from .speech import OpenAISpeech
from .transcripts import OpenAITranscriptions


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [
        Chat(),
        Responses(),
        Completions(),
        OpenAIEmbeddings(),
        Moderations(),
        OpenAIRerank(),
        OpenAIImages(),
        ChatImages(),
        OpenAISpeech(),
        OpenAITranscriptions(),
    ]


@hookimpl
def pisces_endpoints() -> list[Endpoint]:
    return endpoints()


@hookimpl
def pisces_providers() -> list[Provider]:
    return [OpenAI()]
