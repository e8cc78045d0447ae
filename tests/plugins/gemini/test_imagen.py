"""Imagen's `:predict`, from clients and of upstreams (wire.md F4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_gemini.google import IMAGEN
from pisces_gemini.imagen import GeminiImagen
from plugins.gemini.media_samples import B64, GIVEN, PNG, asked
from plugins.gemini.talk import reply

from pisces_proxy.errors import BadRequest, ContentRefused, PiscesError, Unsupported, UpstreamBroken
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.testing import got, run_plan

WIRE = GeminiImagen()
DRAWN = {"mimeType": "image/png", "bytesBase64Encoded": B64}


def decoded(instance: Any, **parameters: Any) -> Image:
    return WIRE.decode_request(asked({"instances": [instance], "parameters": parameters}, IMAGEN))


def test_a_request_is_read_whole() -> None:
    found = decoded(
        {"prompt": "a cat"}, sampleCount=3, aspectRatio="16:9", sampleImageSize="2K", negativePrompt="dogs", seed=7,
        outputOptions={"mimeType": "image/jpeg", "compressionQuality": 80}, personGeneration="allow_all",
    )  # fmt: skip
    assert found == Image(
        model="m", prompt="a cat", n=3, size="2K", aspect_ratio="16:9", output_format="jpeg", output_compression=80,
        negative_prompt="dogs", seed=7, wants="data", extra={IMAGEN: {"personGeneration": "allow_all"}},
    )  # fmt: skip


def test_pictures_to_work_from_make_it_an_edit() -> None:
    raw = {"referenceType": "REFERENCE_TYPE_RAW", "referenceId": 1, "referenceImage": GIVEN}
    mask = {"referenceType": "REFERENCE_TYPE_MASK", "referenceId": 2, "referenceImage": GIVEN}
    found = decoded({"prompt": "a hat", "referenceImages": [raw, mask]})
    assert (found.action, found.images, found.mask) == ("edit", (PICTURE,), PICTURE)


PICTURE = Asset(data=PNG, mime="image/png")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "instances"),
        ({"instances": [{"prompt": "a"}, {"prompt": "b"}]}, "instances"),
        ({"instances": [{"prompt": ""}]}, "instances[0].prompt"),
        ({"instances": [{"content": "embed me"}]}, "instances[0].content"),
        ({"instances": [{"prompt": "a"}], "parameters": {"sampleCount": 11}}, "parameters.sampleCount"),
        ({"instances": [{"image": GIVEN}], "parameters": {"mode": "upscale"}}, "parameters.mode"),
        ({"instances": [{"prompt": "a", "image": {"gcsUri": "gs://b/c"}}]}, "instances[0].image.gcsUri"),
        ({"instances": [{"prompt": "a", "image": {"bytesBase64Encoded": "%"}}]}, "instances[0].image.bytesBase64Encoded"),
        ({"instances": [{"prompt": "a", "referenceImages": [{"referenceType": "REFERENCE_TYPE_CONTROL"}]}]},
         "instances[0].referenceImages[0].referenceType"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_named(body: Any, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        WIRE.decode_request(asked(body, IMAGEN))
    assert refused.value.param == param


def test_an_upstream_draws_four_at_a_time() -> None:
    request = Image(prompt="x", n=6, size="1024x1792", quality="hd", output_format="webp", output_compression=50, seed=1)
    played = run_plan(WIRE.plan(request, "m", Profile()), [{"predictions": [DRAWN] * 4}, {"predictions": [DRAWN] * 2}])
    assert [played.sent(at)["parameters"]["sampleCount"] for at in (0, 1)] == [4, 2]
    assert played.sent() == {
        "instances": [{"prompt": "x"}],
        "parameters": {
            "aspectRatio": "9:16", "outputOptions": {"mimeType": "image/webp", "compressionQuality": 50}, "sampleCount": 4,
        },
    }  # fmt: skip
    assert played.result.measures == Measures(images=(Images(count=6, size="64x32", quality="auto"),))
    assert [loss.field for loss in played.result.losses] == ["size", "quality", "seed"]


def test_what_the_filters_took_is_said() -> None:
    withheld = {"raiFilteredReason": "No faces."}
    played = run_plan(WIRE.plan(Image(prompt="x", n=2), "m", Profile()), [{"predictions": [DRAWN, withheld]}])
    assert len(played.result.pictures) == 1 and "No faces." in played.result.losses[-1].reason
    for body in ({"predictions": [withheld]}, {}, {"predictions": []}):
        with pytest.raises(ContentRefused):
            run_plan(WIRE.plan(Image(prompt="x"), "m", Profile()), [body])


@pytest.mark.parametrize("body", [{"error": {"message": "x"}}, b"<html>", {"other": 1}])
def test_an_answer_without_predictions_is_no_answer(body: Any) -> None:
    with pytest.raises(PiscesError):
        run_plan(WIRE.plan(Image(prompt="x"), "m", Profile()), [body])
    with pytest.raises(UpstreamBroken):
        WIRE.counted(got({"other": 1}), asked({}, IMAGEN), Profile())


def test_imagen_changes_no_pictures() -> None:
    with pytest.raises(Unsupported):
        run_plan(WIRE.plan(Image(prompt="x", images=(PICTURE,)), "m", Profile()))


def test_clients_are_told_bytes_or_where_they_are() -> None:
    result = Pictures(pictures=(Picture(asset=PICTURE, revised_prompt="p"), Picture(asset=Asset(url="https://x/a.png"))))
    told = json.loads(WIRE.encode_response(result, Image(prompt="x"), reply(extension=b"{}")).body)
    assert told["predictions"] == [{**DRAWN, "prompt": "p"}, {"gcsUri": "https://x/a.png", "mimeType": "image/png"}]
    assert told["pisces"] == {}


def test_imagen_on_both_sides_passes() -> None:
    operation = asked({"instances": [{"prompt": "x", "new": 1}], "parameters": {"newer": 2}, "pisces": {}}, IMAGEN)
    ask = WIRE.rewrite(operation, "theirs", Profile())
    assert isinstance(ask.body, bytes)
    assert (ask.path, json.loads(ask.body)) == (
        ":predict",
        {"instances": [{"prompt": "x", "new": 1}], "parameters": {"newer": 2}},
    )
    answer = got({"predictions": [DRAWN, {"raiFilteredReason": "x"}]})
    assert WIRE.counted(answer, operation, Profile()).measures == Measures(
        images=(Images(count=1, size="auto", quality="auto"),)
    )
    assert WIRE.relayed(answer, reply()).body == answer.body
