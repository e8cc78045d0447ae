"""Black Forest Labs' driver, as its documentation has the answers."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from pisces_bfl import pisces_providers, pisces_wires
from pisces_bfl.images import FluxImages

from pisces_proxy.driving import Driven
from pisces_proxy.errors import ContentRefused, PiscesError, Unsupported, UpstreamBroken, UpstreamUnauthorized, UpstreamUnfunded
from pisces_proxy.media import Asset, Image
from pisces_proxy.testing import Played, got, run_plan
from pisces_proxy.usage import Usage

PROVIDER = pisces_providers()[0]
DRIVER = FluxImages()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
B64 = base64.b64encode(PNG).decode()
ACCEPTED = {"id": "9c1f", "polling_url": "https://api.eu2.bfl.ai/v1/get_result?id=9c1f", "cost": 4.0}
PENDING = {"id": "9c1f", "status": "Pending", "result": None, "progress": 0.4}
READY = {
    "id": "9c1f",
    "status": "Ready",
    "result": {"sample": "https://delivery.example/s.jpeg?sig=1", "prompt": "a cat", "seed": 7},
}
JPEG = got(b"\xff\xd8\xff", mime="image/jpeg")


def profile(model: str = "flux-pro-1.1") -> Any:
    return PROVIDER.profile("bfl.images", model, {})


def body(request: Image, model: str = "flux-pro-1.1") -> dict[str, Any]:
    sent = DRIVER.submit(request, model, profile(model), "task_1").body
    assert isinstance(sent, bytes)
    return dict(msgspec.json.decode(sent))


def lost(request: Image, model: str = "flux-pro-1.1") -> dict[str, str]:
    return {loss.field: loss.action for loss in DRIVER.losses(request, model, profile(model))}


def drawn(*answers: Any, request: Image | None = None, model: str = "flux-pro-1.1") -> Played[Any]:
    plan = Driven(DRIVER).plan(request or Image(prompt="a cat"), model, profile(model), "task_1")
    return run_plan(plan, answers, wire=DRIVER)


def test_the_provider_speaks_what_the_plugin_provides() -> None:
    assert set(PROVIDER.wires) == {wire.name for wire in pisces_wires()}
    assert PROVIDER.authorize("bfl.images", "k") == {"x-key": "k"}


def test_a_picture_is_looked_for_where_the_answer_says_and_fetched_at_once() -> None:
    played = drawn(ACCEPTED, PENDING, READY, JPEG, request=Image(prompt="a cat", size="1024x1024"), model="FLUX-pro-1.1")
    assert [(ask.method, ask.path, ask.url) for ask in played.asks] == [
        ("POST", "/flux-pro-1.1", ""),
        ("GET", "", ACCEPTED["polling_url"]),
        ("GET", "", ACCEPTED["polling_url"]),
    ]
    assert played.sent() == {"prompt": "a cat", "width": 1024, "height": 1024}
    assert played.fetched == ["https://delivery.example/s.jpeg?sig=1"]
    assert played.result.pictures[0].asset.data == b"\xff\xd8\xff" and played.result.usage == Usage()


def test_an_older_answer_without_a_polling_url_is_looked_for_by_its_id() -> None:
    assert DRIVER.poll(DRIVER.submitted(got({"id": "a b"}))).path == "/get_result?id=a%20b"


@pytest.mark.parametrize(
    ("model", "request_", "expected"),
    [
        ("flux-pro-1.1", Image(prompt="p", size="1000x600"), {"width": 992, "height": 608}),
        ("flux-pro-1.1", Image(prompt="p", aspect_ratio="16:9"), {"width": 1376, "height": 768}),
        ("flux-pro-1.1", Image(prompt="p", images=(Asset(data=PNG),)), {"image_prompt": B64}),
        ("flux-pro-1.1-ultra", Image(prompt="p", aspect_ratio="21:9"), {"aspect_ratio": "21:9"}),
        ("flux-kontext-pro", Image(prompt="p", size="1792x1024"), {"aspect_ratio": "16:9"}),
        (
            "flux-kontext-max",
            Image(prompt="p", images=(Asset(data=PNG), Asset(data=PNG)), output_format="png", seed=3),
            {"input_image": B64, "input_image_2": B64, "output_format": "png", "seed": 3},
        ),
        ("flux-2-pro", Image(prompt="p", size="2048x1000"), {"width": 2048, "height": 992}),
        (
            "flux-pro-1.0-fill",
            Image(prompt="p", images=(Asset(data=PNG),), mask=Asset(data=b"m")),
            {"image": B64, "mask": "bQ=="},
        ),
        ("flux-dev", Image(prompt="p", extra={"openai.images": {"safety_tolerance": 6, "hue": 1}}), {"safety_tolerance": 6}),
        ("flux-dev", Image(prompt="p", seed=-1, output_format="webp"), {}),
    ],
)
def test_each_family_is_asked_in_its_own_words(model: str, request_: Image, expected: dict[str, Any]) -> None:
    assert body(request_, model) == {"prompt": "p", **expected}


def test_what_is_left_away_is_listed() -> None:
    request = Image(prompt="p", size="1000x600", quality="high", output_format="webp", extra={"openai.images": {"hue": 1}})
    assert lost(request) == {"hue": "dropped", "size": "changed", "quality": "dropped", "output_format": "dropped"}
    assert lost(Image(prompt="p", size="1024x1024"), "flux-kontext-pro") == {"size": "changed"}
    assert lost(Image(prompt="p", size="1024x1024")) == {}


@pytest.mark.parametrize(
    ("model", "request_", "param"),
    [
        ("flux-pro-1.1", Image(prompt="p", n=2), "n"),
        ("flux-pro-1.1", Image(prompt="p", images=(Asset(data=PNG),) * 2), "image"),
        ("flux-kontext-pro", Image(prompt="p", images=(Asset(data=PNG),) * 5), "image"),
        ("flux-kontext-pro", Image(prompt="p", images=(Asset(data=PNG),), mask=Asset(data=PNG)), "mask"),
        ("flux-kontext-pro", Image(action="variation", images=(Asset(data=PNG),)), "image"),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_name(model: str, request_: Image, param: str) -> None:
    with pytest.raises(Unsupported) as caught:
        body(request_, model)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            {"status": "Request Moderated", "details": {"Moderation Reasons": ["Derivative Works Filter"]}},
            ContentRefused,
            "Derivative",
        ),
        ({"status": "Content Moderated", "details": None}, ContentRefused, "withheld"),
        ({"status": "Error", "details": {"error": "Out of memory"}}, UpstreamBroken, "Out of memory"),
        ({"status": "Failed"}, UpstreamBroken, "did not say why"),
        ({"status": "Ready", "result": {}}, UpstreamBroken, "without a result"),
        ({"status": "Ready", "result": "gone"}, UpstreamBroken, "without a result"),
    ],
)
def test_a_task_that_comes_to_nothing_says_why(answer: dict[str, Any], kind: type[PiscesError], words: str) -> None:
    with pytest.raises(kind) as caught:
        drawn(ACCEPTED, answer)
    assert words in caught.value.message


def test_a_task_that_nobody_knows_is_missing_and_not_broken() -> None:
    """The task engine gives up on what is not there any more by its status."""
    with pytest.raises(UpstreamBroken) as caught:
        DRIVER.read(got({"id": "9c1f", "status": "Task not found", "result": None}), {})
    assert caught.value.upstream_status == 404


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (403, {"detail": "Not authenticated"}, UpstreamUnauthorized),
        (402, {"detail": "Insufficient credits"}, UpstreamUnfunded),
        (200, {"detail": "Insufficient credits"}, UpstreamUnfunded),
        (200, {}, UpstreamBroken),
    ],
)
def test_a_submission_that_is_refused_says_why(status: int, answer: dict[str, Any], kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        drawn(got(answer, status))


def test_progress_is_read_as_percent() -> None:
    assert DRIVER.read(got(PENDING), {}).progress == 40
    assert DRIVER.read(got({**PENDING, "progress": 80}), {}).progress == 80
    assert DRIVER.read(got({**PENDING, "status": "Dreaming"}), {}).status is None
