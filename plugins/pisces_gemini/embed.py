"""The wire `gemini.embed`: `:embedContent` for one content, `:batchEmbedContents` for a list, as the SDKs send (F1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from pisces_proxy import media, token_ids
from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest, Unsupported, UpstreamBroken
from pisces_proxy.media import Embeddings, Vectors
from pisces_proxy.mediawire import Counted, Told
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.usage import Usage

from .counts import Counts, Meter
from .google import EMBED, ONE
from .media_dialect import GeminiMedia, extended, without_ours
from .reading import Object, is_text, string

MOST = 100  # contents of one batch: https://ai.google.dev/api/embeddings
LISTED = 2048  # contents that a client may send at a time
_encode = msgspec.json.Encoder().encode
# https://ai.google.dev/gemini-api/docs/embeddings#supported-task-types
_TASKS = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}
_TASK_OF = {word: task for task, word in _TASKS.items()}
_KNOWN = (
    "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING", "QUESTION_ANSWERING",
    "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY",
)  # fmt: skip
_TASK_NUMBERS = ("TASK_TYPE_UNSPECIFIED", *_KNOWN)


class GeminiEmbed(GeminiMedia):
    name: ClassVar[str] = EMBED
    kind: ClassVar[str] = "embeddings"

    # -- the client's half

    def decode_request(self, operation: Operation) -> Embeddings:
        body = Object(operation.body)
        if operation.form == ONE:
            return _embeddings(operation.model, [body], single=True)
        contents = body.objects("requests")
        if not contents:
            raise BadRequest("`requests` must hold at least one content.", param="requests", code="missing_required_parameter")
        if len(contents) > LISTED:
            raise BadRequest(f"`requests` holds {len(contents)} contents. Send at most {LISTED} at a time.", param="requests")
        return _embeddings(operation.model, contents, single=False)

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        assert isinstance(result, Vectors) and isinstance(request, Embeddings)
        vectors = [{"values": vector} for vector in result.vectors]
        told: dict[str, Any] = {"embedding": vectors[0]} if request.single else {"embeddings": vectors}
        if result.usage is not None:
            told["usageMetadata"] = {"promptTokenCount": result.usage.input}
        if reply.extension:
            told["pisces"] = msgspec.Raw(reply.extension)
        return Told(body=_encode(told))

    # -- the upstream's half

    def plan(self, request: Embeddings, model: str, profile: Profile) -> Plan[Vectors]:
        """A hundred at a time, at once; their order is kept, their counts are summed."""
        texts = [text for text in token_ids.as_texts(request).inputs if isinstance(text, str)]
        options, losses = _options(request, profile)
        size = min(profile.embedding_batch, MOST)
        parts = [texts[at : at + size] for at in range(0, len(texts), size)]
        yield from leaving(losses)
        gots = yield tuple(Ask(path=":batchEmbedContents", body=_batch(part, model, options)) for part in parts)
        answers = [_vectors(got.body, len(part)) for part, got in zip(parts, gots, strict=True)]
        vectors = [vector for found, _ in answers for vector in found]
        usage = _summed(usage for _, usage in answers) or media.expected(request)[0]  # older models do not count
        return Vectors(vectors=vectors, usage=usage)

    # -- Google on both sides

    def passes(self, operation: Operation, profile: Profile) -> bool:
        """Not what Vertex's clients write: Google AI knows no `embedContentConfig`."""
        if b'"embedContentConfig"' in operation.body or b'"embed_content_config"' in operation.body:
            return False
        return operation.form == ONE or len(Object(operation.body).items("requests")) <= MOST

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        """Each request of a batch names the model once more."""
        body = without_ours(operation.body, profile)
        if operation.form == ONE:
            return Ask(path=":embedContent", body=_renamed(body, model) if b'"model"' in body else body)
        requests = [msgspec.Raw(_renamed(bytes(raw), model)) for raw in Object(body).items("requests")]
        return Ask(path=":batchEmbedContents", body=_encode({"requests": requests}))

    def counted(self, got: Got, operation: Operation, profile: Profile) -> Counted:
        found = read(_counted, got.body, "vectors")
        if bytes(found.embedding or found.embeddings)[:1] not in (b"[", b"{"):
            raise unreadable(got.body, "vectors")
        return Counted(usage=_usage(found.usage))

    def relayed(self, got: Got, reply: Reply) -> Told:
        return Told(body=extended(got, reply))


# -- a client's --------------------------------------------------------------------------------------------------------


def _embeddings(model: str, contents: list[Object], *, single: bool) -> Embeddings:
    first = _config(contents[0])
    for content in contents[1:]:
        if (config := _config(content)) != first:
            name = next(key for key in config if config[key] != first[key])
            raise BadRequest(
                f"{content.at(name)} differs from the first request's. Send contents of one kind at a time.",
                param=content.at(name),
                code="invalid_value",
            )
    dimensions = first["outputDimensionality"]
    if dimensions is not None and dimensions < 1:
        raise BadRequest("`outputDimensionality` must be at least 1.", param="outputDimensionality", code="invalid_value")
    task = first["taskType"]
    return Embeddings(
        model=model,
        inputs=tuple(_text(content) for content in contents),
        single=single,
        dimensions=dimensions,
        task="" if task == _TASK_NUMBERS[0] else _TASK_OF.get(task, task),
        title=first["title"],
    )


def _config(content: Object) -> dict[str, Any]:
    """How a content is to be embedded. Vertex's clients put it into an object of its own."""
    inner = content.object("embedContentConfig") or content
    return {
        "taskType": inner.enum("taskType", _TASK_NUMBERS),
        "title": inner.text("title"),
        "outputDimensionality": inner.integer("outputDimensionality"),
    }


def _text(asked: Object) -> str:
    """All text of a content, which makes one vector."""
    at, texts = asked.at("content"), []
    for raw in asked.items("content"):
        parts = [raw] if is_text(raw) else Object(raw, at).items("parts")
        for number, part in enumerate(parts):
            texts.append(string(part) if is_text(part) else _part(Object(part, f"{at}.parts[{number}]")))
    text = "\n".join(filter(None, texts))
    if not text:
        raise BadRequest(f"`{at}` holds no text. Send parts with text.", param=at, code="missing_required_parameter")
    return text


def _part(part: Object) -> str:
    for name in ("inlineData", "fileData"):
        if name in part:
            raise Unsupported(f"{part.at(name)}: only text can be embedded here.", param=part.at(name))
    return part.text("text")


# -- an upstream's -----------------------------------------------------------------------------------------------------


def _options(request: Embeddings, profile: Profile) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    losses: list[Loss] = []
    if request.dimensions is not None and not profile.dimensions:
        message = "The vectors of this model have one length: leave `dimensions` away."
        raise Unsupported(message, param="dimensions", code="unsupported_parameter")
    task = _TASKS.get(request.task, request.task.upper())
    if task and task not in _KNOWN:
        losses.append(Loss(field="input_type", action="dropped", reason="Gemini knows no such task"))
        task = ""
    if request.title and task != "RETRIEVAL_DOCUMENT":
        losses.append(Loss(field="title", action="dropped", reason="only documents have one"))
    title = request.title if task == "RETRIEVAL_DOCUMENT" else ""
    said = {"taskType": task, "title": title, "outputDimensionality": request.dimensions}
    for name in [name for name in said if said[name] and name in profile.drop]:
        losses.append(Loss(field=name, action="dropped", reason="this upstream does not take it"))
        said[name] = None
    return {name: value for name, value in said.items() if value}, tuple(losses)


def _batch(texts: list[str], model: str, options: Mapping[str, Any]) -> bytes:
    named = f"models/{model.removeprefix('models/')}"
    return _encode({"requests": [{"model": named, "content": {"parts": [{"text": text}]}, **options} for text in texts]})


def _renamed(body: bytes, model: str) -> bytes:
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return _encode({**members, "model": msgspec.Raw(_encode(f"models/{model.removeprefix('models/')}"))})


class _Vector(msgspec.Struct):
    values: list[float] = []


class _Answer(msgspec.Struct):
    embeddings: list[_Vector] | None = None
    embedding: _Vector | None = None
    usage: Counts | None = msgspec.field(default=None, name="usageMetadata")


class _Counted(msgspec.Struct):
    embeddings: msgspec.Raw = msgspec.Raw()
    embedding: msgspec.Raw = msgspec.Raw()
    usage: Counts | None = msgspec.field(default=None, name="usageMetadata")


_answer = msgspec.json.Decoder(_Answer)
_counted = msgspec.json.Decoder(_Counted)


def _vectors(body: bytes, count: int) -> tuple[list[list[float]], Usage | None]:
    found = read(_answer, body, "vectors")
    rows = found.embeddings if found.embeddings is not None else [found.embedding] if found.embedding else []
    if not rows or not all(row.values for row in rows):
        raise unreadable(body, "vectors")
    if len(rows) != count:
        raise UpstreamBroken(f"The upstream gave {len(rows)} vectors for {count} inputs.")
    return [row.values for row in rows], _usage(found.usage)


def _usage(counts: Counts | None) -> Usage | None:
    if counts is None or counts.prompt_token_count is None:
        return None
    meter = Meter()
    meter.read(counts)
    return meter.usage()


def _summed(usages: Iterable[Usage | None]) -> Usage | None:
    """None where one part was not counted: then all of it is estimated."""
    counted = list(usages)
    known = [usage for usage in counted if usage is not None]
    return Usage(input=sum(usage.input for usage in known)) if len(known) == len(counted) else None
