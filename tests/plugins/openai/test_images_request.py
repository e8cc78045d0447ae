"""Image requests as clients send them: forms, JSON, every spelling of a list, and mistakes refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from pisces_openai.images import ENDPOINTS, OpenAIImages

from pisces_proxy.errors import BadRequest
from pisces_proxy.forms import FormPart

from . import media_samples as samples

WIRE = OpenAIImages()
GENERATE, EDIT, VARY = ENDPOINTS


def decoded(endpoint: Any = GENERATE, **members: Any) -> Any:
    return WIRE.decode_request(samples.asked(endpoint, {"model": "m", **members}))


def test_every_member_is_read() -> None:
    request = decoded(
        prompt="a cat", n=3, size="1536x1024", quality="xhigh", style="vivid", background="transparent", output_format="webp",
        output_compression=80, moderation="low", seed=7, negative_prompt="dogs", safety_identifier="u1",
    )  # fmt: skip
    assert (request.action, request.prompt, request.n, request.size, request.quality) == (
        "generate",
        "a cat",
        3,
        "1536x1024",
        "xhigh",
    )
    assert (request.style, request.background, request.output_format, request.output_compression) == (
        "vivid",
        "transparent",
        "webp",
        80,
    )
    assert (request.moderation, request.seed, request.negative_prompt, request.user) == ("low", 7, "dogs", "u1")


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({}, "prompt"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"prompt": "x", "n": 0}, "n"),
        ({"prompt": "x", "n": 11}, "n"),
        ({"prompt": "x", "n": 1.5}, "n"),
        ({"prompt": "x", "n": "many"}, "n"),
        ({"prompt": "x", "n": True}, "n"),
        ({"prompt": "x", "size": "huge"}, "size"),
        ({"prompt": "x", "size": 1024}, "size"),
        ({"prompt": "x", "aspect_ratio": "wide"}, "aspect_ratio"),
        ({"prompt": "x", "quality": "best"}, "quality"),
        ({"prompt": "x", "style": "calm"}, "style"),
        ({"prompt": "x", "response_format": "png"}, "response_format"),
        ({"prompt": "x", "output_format": "tiff"}, "output_format"),
        ({"prompt": "x", "output_compression": 101}, "output_compression"),
        ({"prompt": "x", "partial_images": 4}, "partial_images"),
        ({"prompt": "x", "background": "blue"}, "background"),
        ({"prompt": "x", "moderation": "none"}, "moderation"),
        ({"prompt": "x", "image": "/etc/passwd"}, "image"),
        ({"prompt": "x", "image": "file:///tmp/a.png"}, "image"),
        ({"prompt": "x", "image": ["C:\\a.png"]}, "image[0]"),
        ({"prompt": "x", "images": [{"file_id": "file-1"}]}, "images[0]"),
        ({"prompt": "x", "image": 5}, "image"),
        ({"prompt": "x", "image": "data:image/png;base64,@@"}, "image"),
        ({"prompt": "x", "mask": "mask.png", "image": samples.DATA_URI}, "mask"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_mistake_is_refused_by_the_name_of_its_field(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        decoded(**members)
    assert refused.value.param == param


@pytest.mark.parametrize("quality", ["low", "medium", "high", "auto", "standard", "hd"])
def test_both_vocabularies_of_quality_are_read(quality: str) -> None:
    """S1-45, S2-53."""
    assert decoded(prompt="x", quality=quality).quality == quality


@pytest.mark.parametrize(("sent", "read"), [("1024x1024", "1024x1024"), ("1024*768", "1024x768"), ("auto", ""), ("2k", "2K")])
def test_sizes_have_one_spelling(sent: str, read: str) -> None:
    assert decoded(prompt="x", size=sent).size == read


def test_where_pictures_go_is_what_the_client_said() -> None:
    assert decoded(prompt="x").wants == ""
    assert decoded(prompt="x", response_format="url").wants == "url"
    assert decoded(prompt="x", response_format="b64_json").wants == "data"
    assert decoded(prompt="x", stream=True).wants == "data"


@pytest.mark.parametrize("model", ["gpt-image-2", "GPT-Image-1"])
def test_gpt_image_gives_data_unasked(model: str) -> None:
    """S0-48, S0-49, S1-49."""
    assert decoded(prompt="x", model=model).wants == "data"
    assert decoded(prompt="x", model=model, response_format="url").wants == "url"


@pytest.mark.parametrize(
    "members",
    [
        {"image": samples.DATA_URI},
        {"image": [samples.DATA_URI]},  # S1-48
        {"image": samples.B64},
        {"image": {"image_url": samples.DATA_URI}},
        {"images": [{"image_url": samples.DATA_URI}]},
        {"images": [{"image_url": {"url": samples.DATA_URI}}]},
    ],
    ids=lambda members: str(members)[:40],
)
def test_pictures_in_json_reach_the_adapter(members: dict[str, Any]) -> None:
    """H130."""
    request = decoded(EDIT, prompt="x", **members)
    assert request.action == "edit"
    assert [(asset.data, asset.mime) for asset in request.images] == [(samples.PNG, "image/png")]


def test_pictures_by_url_stay_urls() -> None:
    request = decoded(EDIT, prompt="x", image=["https://example.com/a.png", samples.DATA_URI], mask=samples.DATA_URI)
    assert [asset.url for asset in request.images] == ["https://example.com/a.png", ""]
    assert request.mask.data == samples.PNG


@pytest.mark.parametrize(
    "names", [["image"], ["image[]"], ["image[]", "image[]"], ["image[0]", "image[1]"], ["image", "image"]]
)
def test_pictures_in_forms_are_read_under_every_name(names: list[str]) -> None:
    """H130, C-3, S1-47."""
    files = [samples.file(name, samples.PNG, "a.png", "application/octet-stream") for name in names]
    request: Any = WIRE.decode_request(samples.uploaded(EDIT, samples.text("prompt", "x"), samples.text("n", "2"), *files))
    assert [(asset.content(), asset.mime, asset.filename) for asset in request.images] == [
        (samples.PNG, "image/png", "a.png")
    ] * len(names)
    assert request.n == 2


def test_a_file_of_a_form_stays_where_it_lies() -> None:
    part = samples.file("image", samples.PNG, "a.png", "image/png")
    request: Any = WIRE.decode_request(samples.uploaded(EDIT, samples.text("prompt", "x"), part))
    assert request.images[0].file is part.file and not request.images[0].data


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ((samples.text("prompt", "x"),), "image"),
        ((samples.text("prompt", "x"), samples.file("image", b"", "a.png")), "image"),
        ((samples.file("image", samples.PNG),), "prompt"),
        ((samples.text("prompt", "x"), samples.text("image", "../a.png")), "image"),
    ],
)
def test_a_form_that_lacks_something_is_told_what(parts: tuple[FormPart, ...], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        WIRE.decode_request(samples.uploaded(EDIT, *parts))
    assert refused.value.param == param


def test_a_variation_needs_a_picture_and_no_prompt() -> None:
    request: Any = WIRE.decode_request(samples.uploaded(VARY, samples.file("image", samples.PNG)))
    assert request.action == "variation"
    with pytest.raises(BadRequest, match="'image' is required"):
        WIRE.decode_request(samples.uploaded(VARY, samples.text("prompt", "x")))


def test_a_deployment_in_the_path_is_the_model() -> None:
    assert samples.asked(GENERATE, {"prompt": "x"}, {"model": "our-gpt-image"}).model == "our-gpt-image"


def test_a_request_without_a_model_is_refused_by_name() -> None:
    with pytest.raises(BadRequest) as refused:
        samples.asked(GENERATE, {"prompt": "x"})
    assert refused.value.param == "model"
