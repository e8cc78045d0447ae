"""Vectors of texts: words and their pieces, each hashed to a place. Texts that share words lie near each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zlib import crc32

from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Embeddings, Hit, Ranking, Rerank, Vectors
from pisces_proxy.token_ids import as_texts
from pisces_proxy.tokens import of_text
from pisces_proxy.usage import Usage

_WORD = re.compile(r"[^\W_]+")
_WIDE = re.compile(r"[⺀-鿿豈-﫿가-힯]")  # scripts that put no space between words
_LENGTHS = {"text-embedding-3-large": 3072}
_LENGTH, _LONGEST = 1536, 4096
# of every other text: they say little of what it is about
_COMMON_WORDS = "a an and are as at be by for from in is it of on or that the this to was were with"
_COMMON = frozenset(_COMMON_WORDS.split())


def embed(request: Embeddings, model: str) -> Vectors:
    length = request.dimensions or _LENGTHS.get(model.lower(), _LENGTH)
    if length > _LONGEST:
        said = f"'dimensions' is {length}; the demo makes vectors of at most {_LONGEST} numbers."
        raise BadRequest(said, param="dimensions", code="invalid_value")
    texts = [each for each in as_texts(request).inputs if isinstance(each, str)]
    counts = (of_text(each) if isinstance(each, str) else len(each) for each in request.inputs)
    return Vectors(vectors=[vector(text, length) for text in texts], usage=Usage(input=sum(counts)))


def rank(request: Rerank) -> Ranking:
    asked = vector(request.query, _LENGTH)
    scores = [_alike(asked, vector(text, _LENGTH)) for text in request.documents]
    hits = sorted((Hit(index, score) for index, score in enumerate(scores)), key=lambda hit: (-hit.score, hit.index))
    read = of_text(request.query) * len(scores) + sum(map(of_text, request.documents))
    return Ranking(hits=tuple(hits[: request.top_n]), usage=Usage(input=read))


def vector(text: str, length: int) -> list[float]:
    """Of unit length."""
    found = [0.0] * length
    for feature, weight in _features(text.lower()):
        place = crc32(feature.encode())
        found[place % length] += weight if place & 0x8000_0000 else -weight
    size = sum(value * value for value in found) ** 0.5
    return [value / size for value in found] if size else [1.0, *found[1:]]


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text):
        if word in _COMMON:
            yield word, 0.2
            continue
        if _WIDE.search(word):
            yield from ((word[at : at + 2], 1.0) for at in range(max(1, len(word) - 1)))
            yield from ((letter, 0.5) for letter in word)
            continue
        yield word, 1.0
        padded = f"<{word}>"
        yield from ((padded[at : at + 3], 0.7) for at in range(len(padded) - 2))


def _alike(one: list[float], other: list[float]) -> float:
    """From 0 to 1."""
    return round(max(0.0, sum(a * b for a, b in zip(one, other, strict=True))), 6)
