"""`Pisces-Strict: true` off the conversations: what would be lost is a 400 before an upstream is asked, or a warning, once."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pytest

from media.plugin import PNG
from media.vendor import Client, Told, Vendor, channel

B64 = base64.b64encode(PNG).decode()
STRICT = {"Pisces-Strict": "true"}
RIFF = b"RIFF" + bytes(60)
IMAGES, SPEECH, EMBEDDINGS = "/v1/images/generations", "/v1/audio/speech", "/v1/embeddings"
DRAW = {"prompt": "a cat", "response_format": "b64_json"}
PREDICTED = {"predictions": [{"bytesBase64Encoded": B64, "mimeType": "image/png"}]}


def _candidate(data: str, mime: str) -> Any:
    return {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": mime, "data": data}}]}, "finishReason": "STOP"}]}


@dataclass
class Case:
    """What a client asks of a provider, where that is answered, and the field that this provider has no place for."""

    provider: str
    model: str
    path: str
    body: dict[str, Any]
    lost: str
    answers: dict[str, Any]  # by path of the upstream
    mime: str = "application/json"


CASES = {
    "gemini.images": Case(
        "gemini", "gemini-2.5-flash-image", IMAGES, DRAW | {"size": "1536x1024"}, "size",
        {"/v1/models/gemini-2.5-flash-image:generateContent": _candidate(B64, "image/png")},
    ),
    "gemini.imagen": Case(
        "gemini", "imagen-4.0-generate-001", IMAGES, DRAW | {"quality": "high"}, "quality",
        {"/v1/models/imagen-4.0-generate-001:predict": PREDICTED},
    ),
    "gemini.speech": Case(
        "gemini", "gemini-2.5-flash-preview-tts", SPEECH,
        {"input": "Hello", "voice": "Kore", "response_format": "wav", "speed": 1.5}, "speed",
        {"/v1/models/gemini-2.5-flash-preview-tts:generateContent": _candidate("AAAA", "audio/L16;rate=24000")},
    ),
    "gemini.embed": Case(
        "gemini", "gemini-embedding-001", EMBEDDINGS, {"input": "a", "input_type": "limerick"}, "input_type",
        {"/v1/models/gemini-embedding-001:batchEmbedContents": {"embeddings": [{"values": [0.5]}]}},
    ),
    "elevenlabs.speech": Case(
        "elevenlabs", "eleven_v3", SPEECH, {"input": "Hello", "voice": "voice-1", "speed": 2.0}, "speed",
        {"/v1/text-to-speech/voice-1": RIFF}, "audio/mpeg",
    ),
    "cohere.embed": Case(
        "cohere", "embed-v4.0", EMBEDDINGS, {"input": "a", "stranger": 1}, "stranger",
        {"/v1/v2/embed": {"embeddings": {"float": [[0.5]]}}},
    ),
    "cohere.rerank": Case(
        "cohere", "rerank-v3.5", "/v1/rerank", {"query": "q", "documents": ["a"], "stranger": 1}, "stranger",
        {"/v1/v2/rerank": {"results": [{"index": 0, "relevance_score": 0.5}]}},
    ),
    "voyage.rerank": Case(
        "voyage", "rerank-2.5", "/v1/rerank", {"query": "q", "documents": ["a"], "stranger": 1}, "stranger",
        {"/v1/rerank": {"data": [{"index": 0, "relevance_score": 0.5}]}},
    ),
    "minimax.speech": Case(
        "minimax", "speech-2.8-hd", SPEECH, {"input": "Hello", "voice": "v", "instructions": "softly"}, "instructions",
        {"/v1/t2a_v2": {"data": {"audio": "0102"}, "base_resp": {"status_code": 0}}},
    ),
    "ark.images": Case(
        "volcengine", "doubao-seedream-4-0", IMAGES, DRAW | {"quality": "high"}, "quality",
        {"/v1/images/generations": {"data": [{"b64_json": B64}]}},
    ),
    "openai.images": Case(
        "xai", "grok-2-image", IMAGES, DRAW | {"size": "1024x1024"}, "size",
        {"/v1/images/generations": {"data": [{"b64_json": B64}]}},
    ),
    "openai.embeddings": Case(
        "openai", "text-embedding-3-small", EMBEDDINGS, {"input": "a", "input_type": "query"}, "input_type",
        {"/v1/embeddings": {"data": [{"index": 0, "embedding": [0.5]}]}},
    ),
    "dashscope.images": Case(
        "dashscope", "qwen-image-plus", IMAGES, DRAW | {"quality": "high"}, "quality",
        {"/v1/api/v1/services/aigc/multimodal-generation/generation": {
            "output": {"choices": [{"message": {"content": [{"image": "{origin}/a.png"}]}}]}}, "/a.png": PNG},
    ),
    "bfl.images, a driver's": Case(
        "bfl", "flux-pro-1.1", IMAGES, DRAW | {"quality": "high"}, "quality",
        {
            "/v1/flux-pro-1.1": {"id": "7"},
            "/v1/get_result": {"status": "Ready", "result": {"sample": "{origin}/a.png"}},
            "/a.png": PNG,
        },
    ),
}  # fmt: skip


def _ready(vendor: Vendor, case: Case) -> None:
    for path, answer in case.answers.items():
        mime = case.mime if case.mime != "application/json" or not isinstance(answer, bytes) else "image/png"
        vendor.says(path, _placed(answer, vendor.origin), mime=mime)


def _placed(answer: Any, origin: str) -> Any:
    match answer:
        case dict():
            return {name: _placed(value, origin) for name, value in answer.items()}
        case list():
            return [_placed(value, origin) for value in answer]
        case str():
            return answer.replace("{origin}", origin)
    return answer


async def ask(alice: Client, case: Case, headers: dict[str, str] | None = None) -> Told:
    return await alice.post(case.path, {"model": case.model, **case.body}, headers=headers or {})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_strict_client_is_refused_what_another_is_warned_of(case: Case, vendor: Vendor, client) -> None:
    _ready(vendor, case)
    alice = await client(channel(vendor, case.provider, case.model))
    refused = await ask(alice, case, STRICT)
    assert refused.status == 400, refused.raw
    assert refused.body["error"]["param"] == case.lost and "Pisces-Strict" in refused.body["error"]["message"]
    assert vendor.asked == []
    record = await alice.house.record()
    assert (record.status, record.cost_nano) == (400, 0)

    told = await ask(alice, case)
    assert told.status == 200, told.raw
    assert [warning.split(";")[0].strip() for warning in told.headers["x-pisces-warnings"].split(",")] == [case.lost]
    assert vendor.asked


async def test_a_strict_client_is_served_by_the_channel_that_loses_nothing(vendor: Vendor, other: Vendor, client) -> None:
    case = CASES["openai.images"]
    _ready(other, case)
    lossy, whole = channel(vendor, "xai", "m", more="priority = 1"), channel(other, "openai", "m", name="whole")
    alice = await client(lossy, whole)
    told = await alice.post(IMAGES, {"model": "m", **case.body}, headers=STRICT)
    assert (told.status, told.headers["x-pisces-channel"]) == (200, "whole")
    assert "x-pisces-warnings" not in told.headers and vendor.asked == []


async def test_what_is_made_in_this_process_is_refused_as_well(client) -> None:
    """The demo reads no JPEG: nothing was paid for the new picture that it would give instead."""
    alice = await client('[[channel]]\nname = "demo"\nprovider = "demo"\nmodels = ["pisces-demo"]\n')
    jpeg = "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(60)).decode()
    edit = {"model": "pisces-demo", "prompt": "a hat", "image": jpeg}
    refused = await alice.post("/v1/images/edits", edit, headers=STRICT)
    assert (refused.status, refused.body["error"]["param"]) == (400, "image")
    told = await alice.post("/v1/images/edits", edit)
    assert told.status == 200 and told.headers["x-pisces-warnings"].count("image;dropped;") == 1


@pytest.mark.parametrize("more", [{}, {"image": "https://files.example/a.png"}], ids=["words", "a file elsewhere"])
@pytest.mark.parametrize("name", ["gemini.images", "bfl.images, a driver's"])
async def test_a_task_of_a_strict_client_is_not_begun(name: str, more: dict[str, str], vendor: Vendor, client) -> None:
    case = CASES[name]
    _ready(vendor, case)
    alice = await client(channel(vendor, case.provider, case.model))
    body = {"model": case.model, "prompt": "a cat", "quality": "high", **more}
    refused = await alice.post("/v1/images/tasks", body, headers=STRICT)
    assert (refused.status, refused.body["error"]["param"]) == (400, "quality")
    assert vendor.asked == []
