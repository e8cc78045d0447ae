"""Voyage AI: embeddings in OpenAI's form, with its own words, and its own reranking."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Provider

from .rerank import Rerank


class Voyage(Provider):
    name = "voyage"
    base_url = "https://api.voyageai.com/v1"
    wires = {"openai.embeddings": "/embeddings", "voyage.rerank": "/rerank"}
    drop = ("user",)
    # https://docs.voyageai.com/reference/embeddings-api: a thousand inputs, base64 or nothing for `encoding_format`
    flags = {
        "rename": {"dimensions": "output_dimension"},
        "embedding_batch": 1000,
        "embedding_format": "base64",
        "embedding_task": {"member": "input_type", "query": "query", "document": "document"},
    }
    summary = "Voyage AI: embeddings, reranking"


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [Rerank()]


@hookimpl
def pisces_providers() -> list[Provider]:
    return [Voyage()]
