"""Images out of conversations: what Poe's and OpenRouter's models are asked, and where in their answers the pictures are."""

from __future__ import annotations

from typing import Any

import pytest
from pisces_compatible import PROVIDERS
from pisces_openai.chat_images import ChatImages

from pisces_proxy.errors import ContentRefused, PiscesError, Unsupported, UpstreamBroken, UpstreamUnfunded
from pisces_proxy.media import Asset, Image
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import run_plan

from . import media_samples as samples

WIRE = ChatImages()
ROWS = {row.name: row for row in PROVIDERS}
LINK = "https://pfst.cf2.poecdn.net/base/image/abc?w=1024&h=768"
PICTURE = Asset(data=samples.PNG, mime="image/png")


def answer(content: Any, **message: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 9, "completion_tokens": 1300, "completion_tokens_details": {"image_tokens": 1290}}
    return {
        "choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": "stop"}],
        "usage": usage,
    }


def played(request: Image, reply: Any, profile: Profile = Profile(), model: str = "playground-v3") -> Any:  # noqa: B008
    return run_plan(WIRE.plan(request, model, profile), lambda step: reply, wire=WIRE)


@pytest.mark.parametrize(
    ("reply", "urls"),
    [
        (answer(f"![a cat]({LINK})\n\n{LINK}"), [LINK]),  # Poe writes both
        (answer(f"Here you are:\n\n{LINK}"), [LINK]),
        (answer(f"See {LINK}."), [LINK]),
        (answer(f"[download]({LINK} 'title')"), [LINK]),
        (answer(f"![1]({LINK}&n=1)\n![2]({LINK}&n=2)"), [f"{LINK}&n=1", f"{LINK}&n=2"]),
        (answer("", images=[{"type": "image_url", "image_url": {"url": LINK}}]), [LINK]),
        (answer("see https://example.com", images=[{"image_url": LINK}]), [LINK]),  # a link beside real images is only talk
        (answer([{"type": "text", "text": "so:"}, {"type": "image_url", "image_url": {"url": LINK}}]), [LINK]),
        (answer(None, images=[{"url": LINK}]), [LINK]),
    ],
    ids=lambda value: str(value)[40:90],
)
def test_pictures_are_found_wherever_the_model_put_them(reply: dict[str, Any], urls: list[str]) -> None:
    result = played(Image(prompt="a cat"), reply).result
    assert [picture.asset.url for picture in result.pictures] == urls


@pytest.mark.parametrize(
    "reply",
    [
        answer(f"![x]({samples.DATA_URI})"),
        answer(samples.DATA_URI),
        answer("done", images=[{"type": "image_url", "image_url": {"url": samples.DATA_URI}}]),
        answer("", images=[{"b64_json": samples.B64}]),
    ],
)
def test_pictures_in_the_answer_itself_become_bytes(reply: dict[str, Any]) -> None:
    (picture,) = played(Image(prompt="a cat"), reply).result.pictures
    assert (picture.asset.data, picture.asset.mime) == (samples.PNG, "image/png")


def test_the_chat_is_not_streamed_and_holds_the_prompt() -> None:
    run = played(Image(prompt="a cat", negative_prompt="dogs"), answer(LINK))
    assert run.sent() == {
        "model": "playground-v3", "messages": [{"role": "user", "content": "a cat\n\nAvoid: dogs"}], "stream": False,
    }  # fmt: skip


def test_pictures_to_edit_are_parts_of_the_message() -> None:
    run = played(Image(action="edit", prompt="hat on", images=(PICTURE,)), answer(LINK))
    assert run.sent()["messages"][0]["content"] == [
        {"type": "text", "text": "hat on"},
        {"type": "image_url", "image_url": {"url": samples.DATA_URI}},
    ]


def test_several_pictures_are_several_conversations() -> None:
    run = played(Image(prompt="a cat", n=3), answer(LINK))
    assert len(run.asks) == 3 and len(run.result.pictures) == 3
    assert (run.result.usage.input, run.result.usage.output, run.result.usage.image_output) == (27, 3900, 3870)


def test_openrouter_is_told_to_draw_and_in_which_shape() -> None:
    profile = ROWS["openrouter"].profile(WIRE.name, "google/gemini-2.5-flash-image", {})
    run = played(
        Image(prompt="p", size="1792x1024"),
        answer("", images=[{"image_url": {"url": LINK}}]),
        profile,
        "google/gemini-2.5-flash-image",
    )
    assert run.sent()["modalities"] == ["image", "text"]
    assert run.sent()["image_config"] == {"aspect_ratio": "16:9"}
    assert [loss.field for loss in run.result.losses] == ["size"]


def test_models_that_say_nothing_besides_are_asked_for_images_alone() -> None:
    profile = ROWS["openrouter"].profile(WIRE.name, "black-forest-labs/flux.2-pro", {})
    assert played(Image(prompt="p"), answer(LINK), profile).sent()["modalities"] == ["image"]


def test_what_a_bot_cannot_be_told_is_listed_as_lost() -> None:
    profile = ROWS["poe"].profile(WIRE.name, "playground-v3", {})
    run = played(Image(prompt="p", size="1024x1024", quality="high", style="vivid"), answer(LINK), profile)
    assert [loss.field for loss in run.result.losses] == ["quality", "style", "size"]


@pytest.mark.parametrize(
    ("model", "draws"),
    [("playground-v3", True), ("GPT-Image-1", True), ("FLUX-pro-1.1", True), ("Claude-Sonnet-4.5", False), ("GPT-4o", False)],
)
def test_poes_row_says_which_bots_draw(model: str, draws: bool) -> None:
    """S0-47, S0-49, S1-17."""
    assert ROWS["poe"].serves(WIRE.name, model) is draws


@pytest.mark.parametrize(
    "request_",
    [Image(action="variation", images=(PICTURE,)), Image(action="edit", prompt="p", images=(PICTURE,), mask=PICTURE)],
)
def test_what_a_chat_has_no_place_for_is_refused(request_: Image) -> None:
    with pytest.raises(Unsupported):
        played(request_, answer(LINK))


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (answer("I can't draw real people."), ContentRefused, "I can't draw real people."),
        (answer("", refusal="No."), ContentRefused, "No."),
        (answer(""), ContentRefused, "without an image"),
        ({"choices": []}, UpstreamBroken, "no images"),
        ({"error": {"message": "Insufficient credits", "code": 402}}, UpstreamUnfunded, "out of funds"),
        (b"<html>", UpstreamBroken, "."),
    ],
)
def test_words_instead_of_a_picture_are_a_refusal_with_those_words(reply: Any, kind: type[PiscesError], words: str) -> None:
    with pytest.raises(kind, match=words):
        played(Image(prompt="p"), reply)
