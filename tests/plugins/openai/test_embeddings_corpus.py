"""Recorded embeddings of real vendors: read, written again in both encodings, and passed through; their refusals too."""

from __future__ import annotations

import base64
import json
import struct
from functools import lru_cache
from typing import Any

import msgspec
import pytest
from laws.recorded import body, corpus
from pisces_openai.embeddings import ENDPOINTS, OpenAIEmbeddings

from pisces_proxy.errors import BadRequest, PiscesError, UpstreamModelMissing, UpstreamUnauthorized
from pisces_proxy.media import Embeddings
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.seals import Seals
from pisces_proxy.testing import got, run_plan

pytestmark = [pytest.mark.corpus]
WIRE = OpenAIEmbeddings()
# (file begins with, why it is not of this format)
ELSEWHERE = (("openllmetry__test_ollama_embeddings_legacy", "Ollama's own /api/embeddings"),)
PROFILES = {"api.perplexity.ai": Profile(embedding_format="int8"), "api.openai.com": Profile(token_ids=True)}


@lru_cache
def recorded() -> tuple[tuple[str, dict[str, Any]], ...]:
    folder = corpus() / "openai_embeddings"
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return tuple((file.name, json.loads(file.read_text(encoding="utf-8"))) for file in files)


def exchanges() -> list[tuple[str, dict[str, Any]]]:
    if not recorded():
        pytest.skip("no recorded embeddings: set PISCES_CORPUS to their folder")
    return [(name, exchange) for name, exchange in recorded() if not name.startswith(tuple(begin for begin, _ in ELSEWHERE))]


def asked(exchange: dict[str, Any]) -> Operation:
    sent = msgspec.json.encode(exchange["request"]["body"])
    model, stream, form = ENDPOINTS[0].peek(sent, {}, {})  # type: ignore[misc]
    return Operation(kind="embeddings", wire=WIRE.name, model=model, stream=stream, form=form, body=sent)


def reply(form: str) -> Reply:
    return Reply(model="ours", request_id="req_1", created=1, form=form, seals=Seals([b"x" * 32]))


def profile(exchange: dict[str, Any]) -> Profile:
    return PROFILES.get(exchange["request"]["host"], Profile())


def floats(given: str | list[float], signed: bool = False) -> list[float]:
    if isinstance(given, list):
        return given
    packed = base64.b64decode(given)
    return list(struct.unpack(f"<{len(packed)}b" if signed else f"<{len(packed) // 4}f", packed))


def rows(told: bytes) -> list[Any]:
    return [row["embedding"] for row in json.loads(told)["data"]]


def test_every_request_is_read_and_asked_again() -> None:
    for name, exchange in exchanges():
        request = WIRE.decode_request(asked(exchange))
        given = exchange["request"]["body"]["input"]
        assert request.inputs, name
        played = (
            run_plan(WIRE.plan(request, "theirs", Profile(token_ids=True)), [body(exchange)], wire=WIRE)
            if _told(exchange)
            else None
        )
        assert played is None or played.sent()["input"] == given, name


def _told(exchange: dict[str, Any]) -> bool:
    return profile(exchange).embedding_format != "int8"


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_every_answer_is_read_and_written_again_h129(encoding: Any) -> None:
    for name, exchange in exchanges():
        operation, how = asked(exchange), profile(exchange)
        request = WIRE.decode_request(operation)
        result = run_plan(WIRE.plan(request, "m", how), [body(exchange)], wire=WIRE).result
        wanted = [floats(row["embedding"], how.embedding_format == "int8") for row in exchange["response"]["body"]["data"]]
        assert [list(vector) for vector in result.vectors] == wanted, name
        assert result.usage is not None, name
        again = Embeddings(inputs=request.inputs, encoding=encoding)
        told = rows(WIRE.encode_response(result, again, reply(encoding)).body)
        nearest = [[struct.unpack("<f", struct.pack("<f", number))[0] for number in vector] for vector in wanted]
        assert [floats(row) for row in told] == (wanted if encoding == "float" else nearest), name


@pytest.mark.parametrize("form", ["float", "base64"])
def test_every_answer_passes_with_its_vectors_as_they_were_or_as_asked(form: str) -> None:
    for name, exchange in exchanges():
        if not _told(exchange):
            continue  # Perplexity's bytes never pass: they are not what OpenAI's clients mean by base64
        told = WIRE.relayed(got(body(exchange)), reply(form)).body
        answered = [row["embedding"] for row in exchange["response"]["body"]["data"]]
        for ours, theirs in zip(rows(told), answered, strict=True):
            assert isinstance(ours, str) is (form == "base64"), name
            assert ours == theirs if type(ours) is type(theirs) else floats(ours) == pytest.approx(floats(theirs), rel=1e-6), (
                name
            )
        usage = json.loads(told)["usage"]
        assert usage["prompt_tokens"] is not None and usage["total_tokens"] is not None, name
        assert WIRE.counted(got(body(exchange)), asked(exchange), Profile()).usage is not None, name


def refusals() -> list[tuple[str, dict[str, Any]]]:
    folder = corpus() / "errors"
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    read = [(file.name, json.loads(file.read_text(encoding="utf-8"))) for file in files]
    found = [(name, each) for name, each in read if "/embeddings" in ((each["request"] or {}).get("path") or "")]
    if not found:
        pytest.skip("no recorded refusals: set PISCES_CORPUS to their folder")
    return found


def test_every_recorded_refusal_is_understood_and_told_again() -> None:
    kinds: dict[int, type[PiscesError]] = {400: BadRequest, 401: UpstreamUnauthorized, 404: UpstreamModelMissing}
    for name, exchange in refusals():
        status = exchange["response"]["status"]
        error = WIRE.decode_error(status, {}, body(exchange))
        assert isinstance(error, kinds[status]), name
        told_status, told = WIRE.encode_error(error, "req_1", b"")
        said = json.loads(told)["error"]
        assert told_status == (502 if status == 401 else status), name
        assert said["message"] and (status == 401 or said["message"] == exchange["response"]["body"]["error"]["message"]), name
