"""Pictures of Gemini's models: asked for, found in both of their places, put where a client looks for them (S3-30 on, H131)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_gemini import pictures
from pisces_gemini.images import GeminiImages
from pisces_gemini.shapes import ratio_of
from plugins.gemini.media_samples import B64, FILE, PNG, answer, asked, usage
from plugins.gemini.talk import ASKED, SEALS, WIRE, reply

from pisces_proxy import chat
from pisces_proxy.errors import ContentRefused, PiscesError, Unsupported, UpstreamBroken
from pisces_proxy.media import Asset, Image
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.testing import run_plan
from pisces_proxy.usage import Usage

DRAWN = GeminiImages()
TEXT = {"text": B64}


def drawn(request: Image, *answers: Any, **flags: Any) -> Any:
    return run_plan(DRAWN.plan(request, "m", Profile(**flags)), answers, wire=DRAWN)


@pytest.mark.parametrize("part", [FILE, TEXT], ids=["inlineData", "text"])
def test_a_picture_is_found_wherever_it_stands(part: Any) -> None:
    played = drawn(Image(prompt="a cat"), answer({"text": "Here:"}, part, usageMetadata=usage(5, TEXT=2, IMAGE=1290)))
    assert played.asks[0].path == ":generateContent"
    assert played.sent() == {
        "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]},
    }
    assert [picture.asset for picture in played.result.pictures] == [Asset(data=PNG, mime="image/png")]
    assert played.result.usage == Usage(input=5, output=1292, image_output=1290)
    assert played.result.measures == Measures(images=(Images(count=1, size="64x32", quality="auto"),))


def test_drafts_are_left_out() -> None:
    assert len(drawn(Image(prompt="x"), answer({**FILE, "thought": True}, FILE)).result.pictures) == 1


def test_several_are_several_questions_and_what_did_not_come_is_said() -> None:
    played = drawn(Image(prompt="x", n=3), answer(FILE), answer({"text": "no"}), answer(FILE))
    assert len(played.asks) == 3 and len(played.result.pictures) == 2 and played.result.usage is None
    assert [loss.field for loss in played.result.losses] == ["n"]


def test_sizes_become_ratios_and_pictures_go_along() -> None:
    request = Image(
        prompt="x", action="edit", size="1792x1024", negative_prompt="dogs", seed=2**31, quality="hd", style="vivid",
        images=(Asset(data=PNG),),
    )  # fmt: skip
    played = drawn(request, answer(FILE))
    assert played.sent()["contents"][0]["parts"] == [{"text": "x\n\nLeave out: dogs"}, FILE]
    config = played.sent()["generationConfig"]
    assert (config["imageConfig"], config["seed"]) == ({"aspectRatio": "16:9"}, -(2**31))
    assert [loss.field for loss in played.result.losses] == ["size", "quality", "style"]


@pytest.mark.parametrize(("sizes", "sent"), [((), {"imageSize": "2K"}), (("1K",), None)])
def test_a_class_of_size_arrives_where_the_model_has_some(sizes: tuple[str, ...], sent: Any) -> None:
    played = drawn(Image(prompt="x", size="2K"), answer(FILE), image_sizes=sizes)
    assert played.sent()["generationConfig"].get("imageConfig") == sent
    assert bool(played.result.losses) is (sent is None)


@pytest.mark.parametrize(
    ("size", "ratio", "nearest"),
    [
        ("1024x1024", "", "1:1"),
        ("832x1248", "", "2:3"),
        ("", "2:1", "16:9"),
        ("", "", ""),
        ("2K", "4:5", "4:5"),
        ("auto", "", ""),
    ],
)
def test_the_nearest_shape_is_taken(size: str, ratio: str, nearest: str) -> None:
    assert ratio_of(size, ratio) == nearest


@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        (answer({"text": "I do not draw that."}), "I do not draw that.", None),
        (answer(finish="IMAGE_SAFETY"), "IMAGE_SAFETY", "image_safety"),
        (answer(finish="NO_IMAGE"), "NO_IMAGE", "no_image"),
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, "PROHIBITED_CONTENT", "no_image"),
        ({"candidates": [{"finishReason": "IMAGE_PROHIBITED_CONTENT", "finishMessage": "Not this."}]}, "Not this.", "image_prohibited_content"),
    ],
)  # fmt: skip
def test_a_model_that_draws_nothing_has_refused(body: Any, said: str, code: str | None) -> None:  # H131
    with pytest.raises(ContentRefused, match=said) as refused:
        drawn(Image(prompt="x"), body)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "body", [answer(finish="OTHER"), answer(), {}, b"<html>", {"error": {"message": "busy", "status": "UNAVAILABLE"}}]
)
def test_an_answer_of_nothing_is_the_upstreams_fault(body: Any) -> None:
    with pytest.raises(PiscesError) as broken:
        drawn(Image(prompt="x"), body)
    assert broken.value.fault == "upstream"


def test_base64_that_is_none_is_the_upstreams_fault() -> None:
    with pytest.raises(UpstreamBroken):
        drawn(Image(prompt="x"), answer({"inlineData": {"mimeType": "image/png", "data": "%%%"}}))


def test_a_mask_has_no_place() -> None:
    with pytest.raises(Unsupported, match="mask"):
        drawn(Image(prompt="x", images=(Asset(data=PNG),), mask=Asset(data=PNG)))


# -- where clients look --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dumps", [json.dumps, lambda value: json.dumps(value, separators=(",", ":")), lambda value: json.dumps(value, indent=2)]
)
def test_pictures_move_from_one_place_to_the_other_and_back(dumps: Any) -> None:
    body = dumps(answer({"text": "Here:"}, {"thoughtSignature": "c2ln", **FILE})).encode()
    moved = pictures.as_text(body)
    assert json.loads(moved) == answer({"text": "Here:"}, {"thoughtSignature": "c2ln", **TEXT})
    assert json.loads(pictures.as_data(moved)) == json.loads(body)
    assert pictures.as_data(moved.replace(b"/", b"\\/")).replace(b"\\/", b"/").count(b'"inlineData"') == 1  # as PHP writes it


@pytest.mark.parametrize(
    "part",
    [
        {"text": "iVBORw0KGgo is how a PNG begins. " * 60},
        {"text": "iVBORw0KGgo"},
        {"text": json.dumps(FILE)},
        {"text": json.dumps(TEXT)},
        {"inlineData": {"mimeType": "audio/L16", "data": B64}},
        {"functionCall": {"name": "f", "args": {"a": B64}}},
    ],
)
def test_what_is_no_picture_stays(part: Any) -> None:
    body = json.dumps(answer(part)).encode()
    assert pictures.as_text(body) == body == pictures.as_data(body)


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("given", [FILE, TEXT], ids=["inlineData", "text"])
def test_a_relayed_answer_has_its_pictures_where_they_are_wanted(given: Any, wanted: bool) -> None:
    body = json.dumps(answer(given, usageMetadata=usage(1, IMAGE=1))).encode()
    whole = json.loads(WIRE.relay_response(body, reply(images_as_text=wanted)))
    frame = WIRE.relay_frame(body, reply(images_as_text=wanted, stream=True), True)
    assert frame is not None and any(marker in body for marker in WIRE.markers)
    for found in (whole, json.loads(frame)):
        assert found["candidates"][0]["content"]["parts"] == [TEXT if wanted else FILE]


def test_a_picture_given_as_text_comes_back_as_a_picture() -> None:
    """Else the next question about it would cost as many tokens as it has letters."""
    said = [{"role": "user", "parts": [{"text": "A cat."}]}, {"role": "model", "parts": [TEXT]}]
    shown = [said[0], {"role": "model", "parts": [FILE]}]
    operation = asked({"contents": said}, WIRE.name)
    assert json.loads(WIRE.rewrite(operation, "m", Profile()).body) == {"contents": shown}
    (_, turn) = WIRE.decode_request(operation, SEALS).turns
    assert turn.blocks == (chat.Media(kind="image", data=B64, mime="image/png"),)
    plain = asked({"contents": shown}, WIRE.name)
    assert WIRE.rewrite(plain, "m", Profile()).body == plain.body


@pytest.mark.parametrize("wanted", [False, True])
def test_a_written_answer_has_its_pictures_where_they_are_wanted(wanted: bool) -> None:
    media = chat.Media(kind="image", data=B64, mime="image/png")
    response = chat.Response(choices=(chat.Choice(blocks=(chat.Text(text="Here:"), media)),))
    told = reply(images_as_text=wanted, request=ASKED)
    whole = json.loads(WIRE.encode_response(response, told))["candidates"][0]["content"]["parts"]
    assert next(part for part in whole if part != {"text": "Here:"}) == (TEXT if wanted else FILE)
    stream = WIRE.encoder(told).encode(list(chat.unfold(response)))
    assert (b'"inlineData"' in stream) is not wanted and B64.encode() in stream
