"""Recorded exchanges with images and sound: every request is read, every answer read and told again."""

from __future__ import annotations

import base64
import json
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any

import msgspec
import pytest
from laws.recorded import corpus
from pisces_openai import images, speech, transcripts

from pisces_proxy import sse
from pisces_proxy.errors import BadRequest, PiscesError
from pisces_proxy.forms import Form, FormPart, Held
from pisces_proxy.media import Asset, Image, Pictures, Sound, Speech, Transcript, Transcription
from pisces_proxy.plugin import Endpoint, MediaWire, Operation, Profile
from pisces_proxy.testing import got, run_plan

from . import media_samples as samples

pytestmark = pytest.mark.corpus
WIRES: dict[str, MediaWire] = {
    wire.name: wire for wire in (images.OpenAIImages(), speech.OpenAISpeech(), transcripts.OpenAITranscriptions())
}
DOORS = {endpoint.path: endpoint for endpoint in (*images.ENDPOINTS, *speech.ENDPOINTS, *transcripts.ENDPOINTS)}
REQUESTS: dict[str, Any] = {
    images.WIRE: Image(prompt="p"),
    speech.WIRE: Speech(text="t"),
    transcripts.WIRE: Transcription(file=Asset(data=b"x"), format="verbose_json"),
}


def recorded(*folders: str, about: tuple[str, ...] = ("",)) -> list[Any]:
    files = [file for folder in folders for file in sorted((corpus() / folder).glob("*.json")) if _is_about(file, about)]
    return [pytest.param(file, id=file.stem) for file in files] or [
        pytest.param(None, marks=pytest.mark.skip(reason="no recorded exchanges: set PISCES_CORPUS to their folder"))
    ]


def _is_about(file: Path, words: tuple[str, ...]) -> bool:
    request, _ = read(file)
    return any(word in ((request or {}).get("path") or "") for word in words)


def read(file: Path) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    exchange = json.loads(file.read_text(encoding="utf-8"))
    return exchange["request"], exchange["response"]


def door(file: Path, request: dict[str, Any] | None) -> Endpoint:
    path = (request or {}).get("path") or ""
    found = next((endpoint for name, endpoint in DOORS.items() if path.endswith(name.removeprefix("/v1"))), None)
    named = "/v1/images/generations" if "image" in file.stem else "/v1/audio/transcriptions"
    return found or DOORS[named]


def bytes_of(side: dict[str, Any]) -> bytes:
    if side.get("body_base64"):
        return base64.b64decode(side["body_base64"])
    text = side.get("sse") or side.get("body_text")
    return text.encode() if text is not None else json.dumps(side["body"], ensure_ascii=False).encode()


def form_in(body: bytes, content_type: str) -> Form:
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = []
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        if part.get_filename() is None:
            parts.append(FormPart(name=name, value=data.decode()))
        else:
            parts.append(FormPart(name=name, file=Held(data), filename=str(part.get_filename())))
    return Form(tuple(parts))


def operation(endpoint: Endpoint, request: dict[str, Any]) -> Operation | None:
    mime = next((value for name, value in (request.get("headers") or {}).items() if name.lower() == "content-type"), "")
    if request.get("body") is None and not request.get("body_base64"):
        return None  # the recorder kept no body
    if not mime.startswith("multipart/"):
        return samples.asked(endpoint, {"model": "dall-e-2", **request["body"]})  # DALL-E once needed none
    form = form_in(bytes_of(request), mime)
    if form.get("model") is None:
        form = form.replacing("model", "dall-e-2")
    return samples.uploaded(endpoint, *(part for part in form.parts if part.name != "model"))


@pytest.mark.parametrize("file", recorded("openai_images", "openai_audio"))
def test_a_recorded_request_is_read_and_passes(file: Path) -> None:
    request, _ = read(file)
    asked = operation(door(file, request), request) if request else None
    if asked is None:
        pytest.skip("an answer only")
    wire = WIRES[asked.wire]
    assert wire.decode_request(asked)
    assert wire.passes(asked, Profile(image_variations=True, transcript_stream=True))
    assert wire.rewrite(asked, "theirs", Profile()).body


@pytest.mark.parametrize("file", recorded("openai_images", "openai_audio"))
def test_a_recorded_answer_is_read_and_told_again(file: Path) -> None:
    request, answer = read(file)
    wire = WIRES[door(file, request).wire]
    if "sse" in answer:
        return _a_stream(wire, bytes_of(answer))
    mime = next((value for name, value in answer["headers"].items() if name.lower() == "content-type"), "")
    given = got(bytes_of(answer), mime=mime)
    plan = wire.plan(REQUESTS[wire.name], "m", Profile())
    if _cut_short(answer):
        with pytest.raises(PiscesError):
            run_plan(plan, [given], wire=wire)
        return None
    result: Any = run_plan(plan, [given], wire=wire).result
    told = wire.encode_response(result, REQUESTS[wire.name], samples.reply(b"{}"))
    _same(result, told.body, told.mime)
    if wire.name != speech.WIRE:
        asked = operation(door(file, request), request) if request else None
        counted = wire.counted(given, asked or Operation(kind=wire.kind, wire=wire.name, body=b"{}"), Profile())
        assert counted.usage == result.usage
    return None


def _cut_short(answer: dict[str, Any]) -> bool:
    """Pictures that the recorder shortened, or wrote over."""
    items = (answer.get("body") or {}).get("data") or []
    return any(item.get("b64_json") and len(item["b64_json"]) % 4 for item in items)


def _same(result: Any, body: bytes, mime: str) -> None:
    match result:
        case Pictures():
            told = msgspec.json.decode(body)
            assert len(told["data"]) == len(result.pictures) > 0
            assert all(("url" in item) != ("b64_json" in item) and None not in item.values() for item in told["data"])
        case Transcript():
            told = msgspec.json.decode(body)
            assert told["text"] == result.text and len(told["segments"]) >= len(result.segments)
        case Sound():
            assert body == result.audio.data and mime.startswith("audio/")


def _a_stream(wire: MediaWire, data: bytes) -> None:
    part = samples.file("file", samples.sound(1), "a.wav")
    watcher = wire.watcher(samples.uploaded(transcripts.ENDPOINTS[0], part), Profile(), samples.reply())
    out = watcher.feed(data) + watcher.end()
    assert sse.frames(out) == sse.frames(data)
    assert watcher.done and watcher.failure is None and watcher.usage is not None


@pytest.mark.parametrize("file", recorded("errors", about=("/images/", "/audio/")))
def test_a_recorded_error_about_media_is_understood(file: Path) -> None:
    _, answer = read(file)
    error = WIRES[images.WIRE].decode_error(answer["status"], answer.get("headers") or {}, bytes_of(answer))
    assert isinstance(error, PiscesError) and error.message
    status, body = WIRES[images.WIRE].encode_error(error, "req_1", b"{}")
    assert status >= 400 and msgspec.json.decode(body)["error"]["message"]
    assert isinstance(error, BadRequest) == (answer["status"] == 400)
