"""Recorded exchanges with Google that are no conversations: every request is read, every answer read and told again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from laws.recorded import corpus
from pisces_gemini.embed import GeminiEmbed
from pisces_gemini.google import EMBED, ONE
from pisces_gemini.imagen import GeminiImagen
from pisces_gemini.images import GeminiImages
from pisces_gemini.speech import GeminiSpeech
from plugins.gemini.media_samples import asked
from plugins.gemini.talk import WIRE, reply

from pisces_proxy.errors import ContentRefused, Unsupported
from pisces_proxy.media import Image, Speech
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got, run_plan

pytestmark = pytest.mark.corpus
VECTORS = GeminiEmbed()


def recorded(*words: str, folders: tuple[str, ...] = ("gemini",)) -> list[Any]:
    files = [file for folder in folders for file in sorted((corpus() / folder).glob("*.json")) if _is_about(file, words)]
    return [pytest.param(file, id=file.stem[:80]) for file in files] or [
        pytest.param(None, marks=pytest.mark.skip(reason="no recorded exchanges: set PISCES_CORPUS to their folder"))
    ]


def _is_about(file: Path, words: tuple[str, ...]) -> bool:
    text = file.read_text(encoding="utf-8")
    answer = text.partition('"response":')[2]
    return any(word in (answer if word[0] == '"' else text) for word in words) and "google" in text


def exchange(file: Path) -> tuple[dict[str, Any], bytes, int]:
    read = json.loads(file.read_text(encoding="utf-8"))
    answer = read["response"]
    body = answer["body_text"].encode() if "body_text" in answer else json.dumps(answer.get("body")).encode()
    return read["request"] or {}, body, answer["status"]


def path_of(request: dict[str, Any]) -> str:
    return str(request.get("path") or "").partition("?")[0]


@pytest.mark.parametrize("file", recorded(":batchEmbedContents", ":embedContent", folders=("gemini", "errors")))
def test_vectors_are_read_and_told_again(file: Path) -> None:
    request, body, status = exchange(file)
    form = ONE if path_of(request).endswith(":embedContent") else "sse"
    operation = asked(request["body"], EMBED, form=form)
    read = VECTORS.decode_request(operation)
    assert read.inputs and VECTORS.passes(operation, Profile())
    if status != 200:
        assert VECTORS.decode_error(status, {}, body).status >= 400
        return
    result = run_plan(VECTORS.plan(read, "m", Profile()), [body]).result
    told = json.loads(VECTORS.encode_response(result, read, reply()).body)
    theirs = json.loads(body)
    for name in ("embedding", "embeddings"):
        assert told.get(name) == theirs.get(name)
    counted = VECTORS.counted(got(body), operation, Profile()).usage
    assert (counted is None) == ("usageMetadata" not in theirs)
    written = VECTORS.rewrite(operation, "m", Profile())
    assert VECTORS.decode_request(asked(written.body, EMBED, form=form)).inputs == read.inputs


@pytest.mark.parametrize("file", recorded(":predict", folders=("gemini", "errors")))
def test_vertexs_old_way_to_embed_is_pointed_to_the_new_one(file: Path) -> None:
    request, body, status = exchange(file)
    if request.get("body"):
        with pytest.raises(Unsupported, match="batchEmbedContents"):
            GeminiImagen().decode_request(asked(request["body"], "gemini.imagen"))
    if status != 200:
        assert GeminiImagen().decode_error(status, {}, body).status >= 400


@pytest.mark.parametrize("file", recorded('"raiFilteredReason"'))
def test_pictures_that_were_withheld_are_a_refusal(file: Path) -> None:
    _, body, _ = exchange(file)
    with pytest.raises(ContentRefused, match="filtered out"):
        run_plan(GeminiImagen().plan(Image(prompt="x"), "m", Profile()), [body])


@pytest.mark.parametrize("file", recorded("-image:generateContent", "-image-preview:generateContent"))
def test_pictures_are_read(file: Path) -> None:
    _, body, _ = exchange(file)
    wire = GeminiImages()
    result = run_plan(wire.plan(Image(prompt="x"), "m", Profile()), [body]).result
    assert all(picture.asset.data and picture.asset.mime.startswith("image/") for picture in result.pictures)
    assert result.usage is not None and result.usage.image_output > 0 and result.size
    as_text = WIRE.relay_response(body, reply(images_as_text=True))
    assert b'"inlineData"' not in as_text
    again = run_plan(wire.plan(Image(prompt="x"), "m", Profile()), [as_text]).result
    assert [picture.asset.data for picture in again.pictures] == [picture.asset.data for picture in result.pictures]


@pytest.mark.parametrize("file", recorded("audio/L16"))
def test_sound_is_read(file: Path) -> None:
    _, body, _ = exchange(file)
    wire = GeminiSpeech()
    sound = run_plan(wire.plan(Speech(text="x", format="wav"), "m", Profile()), [body]).result
    assert sound.audio.data[:4] == b"RIFF" and sound.seconds and sound.usage and sound.usage.audio_output > 0
