"""The wire `openai.embeddings`: vectors for texts, spoken by OpenAI and by nearly everyone else (wire.md F1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from pisces_proxy import media, splice, token_ids
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.media import Embeddings, Vectors
from pisces_proxy.mediawire import Counted, Told
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import Endpoint, Operation, Profile, Reply, peek_body
from pisces_proxy.usage import Usage

from .embeddings_answer import decode_answer, encode_answer, relay_answer, usage_of
from .embeddings_request import Asked, Writing, decode_request, encoding_of, inputs_of, read
from .manners import OpenAIMedia
from .rewriting import rewritten

WIRE = "openai.embeddings"
_encode = msgspec.json.Encoder().encode


class OpenAIEmbeddings(OpenAIMedia):
    """What an upstream cannot take stands in its Profile: token ids, long lists, base64, a choice of length."""

    name: ClassVar[str] = WIRE
    kind: ClassVar[str] = "embeddings"

    # -- the client's half

    def decode_request(self, operation: Operation) -> Embeddings:
        return decode_request(operation)

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        assert isinstance(result, Vectors) and isinstance(request, Embeddings)
        return Told(body=encode_answer(result, request.encoding, reply))

    # -- the upstream's half

    def plan(self, request: Embeddings, model: str, profile: Profile) -> Plan[Vectors]:
        """In as many requests as the upstream's limit asks for, at once; their order is kept, their counts are summed."""
        asked = request if profile.token_ids else token_ids.as_texts(request)
        writing = Writing(asked, model, profile)
        size = min(profile.embedding_batch, len(asked.inputs))
        parts = [asked.inputs[at : at + size] for at in range(0, len(asked.inputs), size)]
        yield from leaving(writing.losses)
        gots = yield tuple(Ask(body=writing.body(part, asked.single)) for part in parts)
        answers = [decode_answer(got, profile) for got in gots]
        for part, answer in zip(parts, answers, strict=True):
            if len(part) != len(answer.vectors):
                raise UpstreamBroken(f"The upstream gave {len(answer.vectors)} vectors for {len(part)} inputs.")
        vectors = [vector for answer in answers for vector in answer.vectors]
        return Vectors(vectors=vectors, usage=_summed(answers))

    # -- the same format on both sides

    def passes(self, operation: Operation, profile: Profile) -> bool:
        asked = read(operation.body)
        return _listed(asked, profile) and _told_alike(asked, profile)

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        members = splice.members(operation.body)
        mute = () if _form_goes(bytes(members.get("encoding_format", b"")), profile) else ("encoding_format",)
        return Ask(body=rewritten(members, model, profile, "extra_body", *mute))

    def counted(self, got: Got, operation: Operation, profile: Profile) -> Counted:
        return Counted(usage=usage_of(got))

    def relayed(self, got: Got, reply: Reply) -> Told:
        return Told(body=relay_answer(got, reply))


def _listed(asked: Asked, profile: Profile) -> bool:
    """Whether the inputs can go as they are."""
    inputs, _ = inputs_of(asked.input)
    if len(inputs) > profile.embedding_batch:
        return False
    return profile.token_ids or all(isinstance(each, str) for each in inputs)


def _told_alike(asked: Asked, profile: Profile) -> bool:
    """Whether what is asked for besides goes by the same words."""
    if asked.dimensions is not None and not profile.dimensions:
        return False
    words = profile.embedding_task
    if asked.input_type and (words.get("member") != "input_type" or asked.input_type not in words.values()):
        return False
    match profile.embedding_format:
        case "any" | "base64":
            return True
        case "float":
            return encoding_of(asked) == "float"
    return False


def _form_goes(given: bytes, profile: Profile) -> bool:
    """Whether the upstream can be told how vectors are wanted."""
    match profile.embedding_format:
        case "any":
            return given != b"null"
        case "base64":
            return given == b'"base64"'
    return False


def _summed(answers: list[Vectors]) -> Usage | None:
    """None where one part of them was not counted."""
    counts = [answer.usage.input for answer in answers if answer.usage is not None]
    return Usage(input=sum(counts)) if len(counts) == len(answers) else None


# -- routes ------------------------------------------------------------------------------------------------------------


def _peek(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    """The model and, as the answer's form, how vectors are wanted. Azure names the model in the path."""
    model = path.get("model") or peek_body(body, path, query)[0]
    return model, False, encoding_of(read(body))


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/v1/embeddings",
        kind="embeddings",
        wire=WIRE,
        peek=_peek,
        description="Make vectors of texts (OpenAI).",
    ),
)
