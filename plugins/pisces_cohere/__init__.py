"""Cohere: its own embeddings and reranking, and its chat by the compatibility API."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Provider

from .embed import Embed
from .provider import Cohere
from .rerank import Rerank


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [Embed(), Rerank()]


@hookimpl
def pisces_providers() -> list[Provider]:
    return [Cohere()]
