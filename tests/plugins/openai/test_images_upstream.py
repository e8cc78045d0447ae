"""Images asked of upstreams that nearly speak OpenAI's format: what each is sent, what is made of its answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_compatible import PROVIDERS
from pisces_openai.images import ENDPOINTS, OpenAIImages
from pisces_openai.provider import OpenAI

from pisces_proxy.errors import ContentRefused, PiscesError, Unsupported, UpstreamBroken, UpstreamRateLimited
from pisces_proxy.forms import Form
from pisces_proxy.media import Asset, Image
from pisces_proxy.plugin import Operation, Profile, Provider
from pisces_proxy.pricing import Images
from pisces_proxy.testing import got, run_plan

from . import media_samples as samples

WIRE = OpenAIImages()
GENERATE, EDIT, VARY = ENDPOINTS
VENDORS: dict[str, Provider] = {row.name: row for row in (*PROVIDERS, OpenAI())}
DRAWN = {"created": 1, "data": [{"b64_json": samples.B64}]}
PICTURE = Asset(data=samples.PNG, mime="image/png")


def profile(vendor: str, model: str) -> Profile:
    return VENDORS[vendor].profile(WIRE.name, model, {})


def played(request: Image, vendor: str, model: str, answer: Any = DRAWN) -> Any:
    return run_plan(WIRE.plan(request, model, profile(vendor, model)), lambda step: answer, wire=WIRE)


@pytest.mark.parametrize(
    ("vendor", "model", "request_", "sent"),
    [
        ("openai", "gpt-image-2", Image(prompt="p", quality="hd", wants="url"), {"quality": "high"}),
        ("openai", "gpt-image-1", Image(prompt="p", size="1792x1024"), {"size": "1536x1024"}),
        ("openai", "gpt-image-1", Image(prompt="p", aspect_ratio="9:16"), {"size": "1024x1536"}),
        ("openai", "dall-e-3", Image(prompt="p", quality="high", wants="url"), {"quality": "hd", "response_format": "url"}),
        ("openai", "dall-e-3", Image(prompt="p", size="1536x1024", style="vivid"), {"size": "1792x1024", "style": "vivid"}),
        ("xai", "grok-2-image", Image(prompt="p", size="1792x1024", quality="high"), {"aspect_ratio": "16:9"}),
        ("xai", "grok-imagine", Image(prompt="p", size="2K", wants="data"), {"resolution": "2k", "response_format": "b64_json"}),
        ("together", "black-forest-labs/FLUX.1", Image(prompt="p", size="1024x768", wants="data", seed=5), {"width": 1024, "height": 768, "response_format": "base64", "seed": 5}),
        ("siliconflow", "Kwai-Kolors/Kolors", Image(prompt="p", size="960x1280", n=2), {"image_size": "960x1280", "batch_size": 2}),
        ("zhipu", "cogview-4", Image(prompt="p", size="1024x1024", quality="high", user="u"), {"size": "1024x1024", "quality": "hd", "user_id": "u"}),
        ("compatible", "some-model", Image(prompt="p", size="512x512", n=2, wants="url"), {"size": "512x512", "n": 2, "response_format": "url"}),
        ("compatible", "gpt-image-1", Image(prompt="p", wants="data"), {}),
    ],
)  # fmt: skip
def test_an_upstream_is_asked_in_its_own_words(vendor: str, model: str, request_: Image, sent: dict[str, Any]) -> None:
    run = played(request_, vendor, model)
    assert run.asks[0].path == "/generations"
    assert run.sent() == {"model": model, "prompt": "p", **sent}


@pytest.mark.parametrize(
    ("vendor", "model", "request_", "fields"),
    [
        ("openai", "gpt-image-1", Image(prompt="p", size="1792x1024", style="vivid"), ["size", "style"]),
        ("openai", "dall-e-2", Image(prompt="p", quality="high", background="opaque"), ["quality", "background"]),
        ("xai", "grok-2-image", Image(prompt="p", size="1024x1024", quality="hd"), ["size", "quality"]),
        ("openai", "gpt-image-2", Image(prompt="p", quality="hd", size="1024x1024"), []),
    ],
)
def test_what_does_not_arrive_as_it_was_said_is_listed(vendor: str, model: str, request_: Image, fields: list[str]) -> None:
    assert [loss.field for loss in played(request_, vendor, model).result.losses] == fields


def test_more_pictures_than_one_call_draws_are_asked_for_in_several() -> None:
    run = played(Image(prompt="p", n=3), "openai", "dall-e-3", {**DRAWN, "usage": {"input_tokens": 2, "output_tokens": 5}})
    assert len(run.asks) == 3 and "n" not in run.sent()
    assert len(run.result.pictures) == 3
    assert (run.result.usage.input, run.result.usage.output) == (6, 15)
    assert sum(images.count for images in run.result.measures.images) == 3


@pytest.mark.parametrize("count", [1, 2])
def test_pictures_to_edit_go_as_files(count: int) -> None:
    request = Image(action="edit", prompt="p", images=(PICTURE,) * count, mask=PICTURE, n=2, input_fidelity="high")
    ask = played(request, "openai", "gpt-image-1").asks[0]
    assert ask.path == "/edits" and isinstance(ask.body, Form)
    assert [part.name for part in ask.body.parts if part.file] == ["image" if count == 1 else "image[]"] * count + ["mask"]
    assert next(part.filename for part in ask.body.parts if part.file) == "image1.png"
    assert {part.name: part.value for part in ask.body.parts if not part.file} == {
        "model": "gpt-image-1", "prompt": "p", "n": "2", "input_fidelity": "high",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "model", "path", "sent"),
    [
        ("xai", "grok-imagine-image", "/edits", {"image": {"url": samples.DATA_URI, "type": "image_url"}}),
        ("siliconflow", "Qwen/Qwen-Image-Edit", "/generations", {"image": samples.DATA_URI}),
        ("together", "FLUX.1-kontext-pro", "/generations", {"image_url": samples.DATA_URI}),
    ],
)
def test_pictures_to_edit_go_where_the_vendor_looks(vendor: str, model: str, path: str, sent: dict[str, Any]) -> None:
    run = played(Image(action="edit", prompt="p", images=(PICTURE,)), vendor, model)
    assert run.asks[0].path == path
    assert run.sent() == {"model": model, "prompt": "p", **sent}


@pytest.mark.parametrize(
    ("vendor", "model", "request_", "param"),
    [
        ("openai", "gpt-image-1", Image(action="variation", images=(PICTURE,)), "model"),
        ("openai", "dall-e-3", Image(action="edit", prompt="p", images=(PICTURE,)), "image"),
        ("zhipu", "cogview-4", Image(action="edit", prompt="p", images=(PICTURE,)), "image"),
        ("xai", "grok-2-image", Image(action="edit", prompt="p", images=(PICTURE,), mask=PICTURE), "mask"),
        ("together", "FLUX.1-kontext-pro", Image(action="edit", prompt="p", images=(PICTURE, PICTURE)), "image"),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_name(vendor: str, model: str, request_: Image, param: str) -> None:
    with pytest.raises(Unsupported) as refused:
        played(request_, vendor, model)
    assert refused.value.param == param


def test_a_variation_is_asked_for_where_it_is_offered() -> None:
    run = played(Image(action="variation", images=(PICTURE,), size="512x512"), "openai", "dall-e-2")
    assert run.asks[0].path == "/variations"


def test_members_of_the_vendors_own_go_to_it_and_to_no_other_family() -> None:
    operation = samples.asked(GENERATE, {"model": "m", "prompt": "p", "num_inference_steps": 20, "api_key": "k"})
    request = WIRE.decode_request(operation)
    assert played(request, "siliconflow", "Kolors").sent() == {"model": "Kolors", "prompt": "p", "num_inference_steps": 20}
    foreign = Image(prompt="p", extra={"gemini.images": {"safetySettings": []}})
    assert played(foreign, "siliconflow", "Kolors").sent() == {"model": "Kolors", "prompt": "p"}


@pytest.mark.parametrize(
    ("answer", "url", "data"),
    [
        ({"data": [{"url": "https://e.com/a.png"}]}, "https://e.com/a.png", b""),
        ({"images": [{"url": "https://e.com/a.png"}], "seed": 3}, "https://e.com/a.png", b""),  # SiliconFlow
        ({"data": [{"b64_json": samples.B64, "url": None}]}, "", samples.PNG),
        ({"data": [{"b64_json": samples.DATA_URI, "mime_type": "image/png"}]}, "", samples.PNG),
        (
            {"id": "x", "model": "m", "object": "list", "data": [{"index": 0, "b64_json": samples.B64}]},
            "",
            samples.PNG,
        ),  # Together
    ],
)
def test_pictures_are_found_in_every_shape_of_answer(answer: dict[str, Any], url: str, data: bytes) -> None:
    (picture,) = played(Image(prompt="p"), "compatible", "m", answer).result.pictures
    assert (picture.asset.url, picture.asset.data) == (url, data)


def test_usage_and_measures_are_read() -> None:
    usage = {
        "input_tokens": 50,
        "output_tokens": 4160,
        "total_tokens": 4210,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    }
    result = played(
        Image(prompt="p"), "openai", "gpt-image-1", {**DRAWN, "size": "1024x1024", "quality": "high", "usage": usage}
    ).result
    assert (result.usage.input, result.usage.image_input, result.usage.output, result.usage.image_output) == (
        50,
        40,
        4160,
        4160,
    )
    assert result.measures.images == (Images(count=1, size="1024x1024", quality="high"),)


def test_a_usage_in_a_vendors_own_units_is_none() -> None:
    assert (
        played(Image(prompt="p"), "xai", "grok-2-image", {**DRAWN, "usage": {"cost_in_usd_ticks": 200000000}}).result.usage
        is None
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            {"error": {"message": "Your request was rejected by the safety system", "code": "moderation_blocked"}},
            ContentRefused,
        ),
        ({"error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}}, ContentRefused),
        ({"error": {"message": "slow down", "type": "rate_limit_error"}}, UpstreamRateLimited),
        ({"data": [{"url": "", "respect_moderation": False}]}, ContentRefused),
        ({"data": []}, UpstreamBroken),
        (b"<html>bad gateway</html>", UpstreamBroken),
        ({"data": [{"b64_json": "not base64!"}]}, UpstreamBroken),
    ],
    ids=lambda value: str(value)[:50],
)
def test_an_error_inside_a_good_answer_is_understood(answer: Any, kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        played(Image(prompt="p"), "compatible", "m", answer)


# -- the same format on both sides ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "model", "members", "passes"),
    [
        ("openai", "gpt-image-2", {}, True),
        ("openai", "gpt-image-2", {"quality": "hd", "response_format": "b64_json", "stream": True}, True),
        ("openai", "gpt-image-2", {"response_format": "url"}, False),  # has to be kept somewhere first
        ("openai", "gpt-image-1", {"size": "1792x1024"}, False),
        ("openai", "gpt-image-1", {"style": "vivid"}, False),
        ("openai", "dall-e-3", {"n": 2}, False),
        ("openai", "dall-e-3", {"stream": True}, False),
        ("xai", "grok-2-image", {"aspect_ratio": "16:9"}, True),
        ("xai", "grok-2-image", {"size": "1024x1024"}, False),
        ("together", "flux", {}, False),
        ("siliconflow", "kolors", {}, False),
        ("compatible", "m", {"image": samples.DATA_URI}, False),
    ],
)
def test_bytes_pass_where_they_say_the_same(vendor: str, model: str, members: dict[str, Any], passes: bool) -> None:
    operation = samples.asked(GENERATE, {"model": "m", "prompt": "p", **members})
    assert WIRE.passes(operation, profile(vendor, model)) is passes


def rewritten(operation: Operation, vendor: str, model: str) -> Any:
    ask = WIRE.rewrite(operation, model, profile(vendor, model))
    return ask, msgspec.json.decode(ask.body) if isinstance(ask.body, bytes) else ask.body


def test_a_request_that_passes_changes_its_model_and_what_the_model_words_otherwise() -> None:
    members = {
        "model": "ours",
        "prompt": "p",
        "quality": "hd",
        "response_format": "b64_json",
        "api_key": "k",
        "future": {"a": 1},
    }
    ask, body = rewritten(samples.asked(GENERATE, members), "openai", "gpt-image-2")
    assert ask.path == "/generations"
    assert body == {"model": "gpt-image-2", "prompt": "p", "quality": "high", "future": {"a": 1}}


@pytest.mark.parametrize(
    ("names", "written"),
    [(["image"], ["image"]), (["image[0]", "image[1]"], ["image[]"] * 2), (["image"] * 2, ["image[]"] * 2)],
)
def test_a_form_that_passes_keeps_its_files_where_they_lie(names: list[str], written: list[str]) -> None:
    files = [samples.file(name, samples.PNG, "a.png", "image/png") for name in names]
    operation = samples.uploaded(EDIT, samples.text("prompt", "p"), samples.text("response_format", "b64_json"), *files)
    assert WIRE.passes(operation, profile("openai", "gpt-image-2"))
    ask, form = rewritten(operation, "openai", "gpt-image-2")
    assert ask.path == "/edits"
    assert [part.name for part in form.parts] == ["model", "prompt", *written]
    assert form.get("model") == "gpt-image-2"
    assert [part.file for part in form.parts if part.file] == [part.file for part in files]


def test_an_answer_that_passes_is_counted_without_reading_its_pictures() -> None:
    operation = samples.asked(GENERATE, {"model": "m", "prompt": "p", "size": "1024x1024"})
    counted = WIRE.counted(
        got({"data": [{"b64_json": "?"}, {"b64_json": "?"}], "usage": {"input_tokens": 3, "output_tokens": 9}}),
        operation,
        Profile(),
    )
    assert counted.usage is not None and (counted.usage.input, counted.usage.output) == (3, 9)
    assert counted.measures.images == (Images(count=2, size="1024x1024", quality="auto"),)
    with pytest.raises(ContentRefused):
        WIRE.counted(got({"error": {"message": "no", "code": "content_policy_violation"}}), operation, Profile())


def test_an_answer_that_passes_loses_its_nulls_and_gains_our_member() -> None:
    answer = got(
        {"created": 1, "data": [{"url": "https://e.com/a.png", "b64_json": None, "revised_prompt": None}], "usage": None}
    )
    told = msgspec.json.decode(WIRE.relayed(answer, samples.reply(b'{"channel":"c"}')).body)
    assert told == {"created": 1, "data": [{"url": "https://e.com/a.png"}], "pisces": {"channel": "c"}}


@pytest.mark.parametrize(
    ("model", "members", "answer", "drawn"),
    [
        ("gpt-image-1", {"size": "1792x1024", "quality": "hd"}, {"data": [{"url": "https://e.com/a"}]}, ("1536x1024", "high")),
        (
            "gpt-image-1",
            {},
            {"data": [{"url": "https://e.com/a"}], "size": "1024x1536", "quality": "low"},
            ("1024x1536", "low"),
        ),
        ("dall-e-3", {}, {"data": [{"url": "https://e.com/a"}]}, ("1024x1024", "standard")),
        ("gpt-image-2", {"size": "auto"}, DRAWN, ("2x2", "auto")),  # as the picture's own header has it
        ("unknown", {}, {"data": [{"url": "https://e.com/a"}]}, ("auto", "auto")),
    ],
)
def test_what_is_billed_is_what_was_drawn(model: str, members: dict[str, Any], answer: Any, drawn: tuple[str, str]) -> None:
    operation = samples.asked(GENERATE, {"model": "m", "prompt": "p", **members})
    rules = profile("openai", model)
    planned = run_plan(WIRE.plan(WIRE.decode_request(operation), model, rules), [answer]).result.measures
    assert planned.images == (Images(count=1, size=drawn[0], quality=drawn[1]),)
    if WIRE.passes(operation, rules):
        assert WIRE.counted(got(answer), operation, rules).measures == planned
