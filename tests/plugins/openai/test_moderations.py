"""Moderations: texts, lists, parts with pictures; verdicts with all of OpenAI's categories."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import msgspec
import pytest
from pisces_openai.moderations import CATEGORIES, ENDPOINTS, Moderations

from pisces_proxy.errors import BadRequest, UpstreamBroken, UpstreamUnauthorized
from pisces_proxy.media import Asset, Moderation, Verdict, Verdicts
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.seals import Seals
from pisces_proxy.testing import got, run_plan

WIRE = Moderations()
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
SAID = {
    "id": "modr-1",
    "model": "theirs",
    "results": [{"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}],
}
REPLY = Reply(model="ours", request_id="req_1", created=1, extension=b'{"gateway":"Pisces"}', seals=Seals([b"x" * 32]))


def asked(**members: Any) -> Operation:
    body = msgspec.json.encode(members)
    model, stream, form = ENDPOINTS[0].peek(body, {}, {})  # type: ignore[misc]
    return Operation(kind="moderation", wire=WIRE.name, model=model, stream=stream, form=form, body=body)


@pytest.mark.parametrize(
    ("given", "inputs", "parted"),
    [
        ("a", ("a",), False),
        ("", ("",), False),
        (["a", "b"], ("a", "b"), False),
        ([{"type": "text", "text": "a"}], ("a",), True),
        (
            [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
            (Asset(url="https://example.com/a.png"),),
            True,
        ),
        (
            [{"type": "image_url", "image_url": {"url": PIXEL}}],
            (Asset(data=base64.b64decode(PIXEL.partition(",")[2]), mime="image/png"),),
            True,
        ),
    ],
)
def test_each_form_of_input_is_read(given: Any, inputs: tuple[Any, ...], parted: bool) -> None:
    request = WIRE.decode_request(asked(input=given))
    assert (request.inputs, request.parted) == (inputs, parted)


def test_the_model_is_openais_newest_where_none_is_named() -> None:
    assert asked(input="a").model == "omni-moderation-latest"
    assert asked(model="other", input="a").model == "other"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": ["a", 5]}, "input[1]"),
        ({"input": ["a", {"type": "text", "text": "b"}]}, "input[1]"),
        ({"input": [{"type": "audio"}]}, "input[0]"),
        ({"input": [{"type": "image_url", "image_url": {"url": "C:\\a.png"}}]}, "input[0].image_url.url"),
        ({"input": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]}, "input[0].image_url.url"),
    ],
)
def test_bad_input_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        WIRE.decode_request(asked(**members))
    assert refusal.value.param == param


@pytest.mark.parametrize(
    "given", ["a", ["a", "b"], [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PIXEL}}]]
)
def test_an_upstream_is_asked_as_the_client_asked(given: Any) -> None:
    played = run_plan(WIRE.plan(WIRE.decode_request(asked(input=given)), "theirs", Profile()), [SAID], wire=WIRE)
    assert played.sent() == {"model": "theirs", "input": [given] if isinstance(given, str) else given}
    assert played.result == Verdicts(
        id="modr-1", verdicts=(Verdict(flagged=True, categories={"violence": True}, scores={"violence": 0.9}),)
    )


def test_a_verdict_names_every_category_of_openai() -> None:
    verdict = Verdict(flagged=False, categories={"violence": False, "pii": True}, scores={"violence": 0.25})
    told = json.loads(WIRE.encode_response(Verdicts(verdicts=(verdict,)), Moderation(inputs=("a",)), REPLY).body)
    result = told["results"][0]
    assert list(result["categories"]) == [*CATEGORIES, "pii"] == list(result["category_scores"])
    assert result["category_scores"]["violence"] == 0.25 and result["category_applied_input_types"]["violence"] == ["text"]
    assert told["id"].startswith("modr-") and told["model"] == "ours" and told["pisces"] == {"gateway": "Pisces"}


def test_a_request_that_passes_changes_its_model_only() -> None:
    body = WIRE.rewrite(asked(model="ours", input="a", x=[1.0]), "theirs", Profile()).body
    assert msgspec.json.decode(body) == {"model": "theirs", "input": "a", "x": [1.0]}  # type: ignore[arg-type]


def test_an_answer_that_passes_changes_its_model_only() -> None:
    told = json.loads(WIRE.relayed(got(SAID), REPLY).body)
    assert told == {**SAID, "model": "ours", "pisces": {"gateway": "Pisces"}}


def test_a_verdict_without_a_flag_gets_one() -> None:  # Mistral
    said = {"results": [{"categories": {"pii": True, "law": False}}, {"categories": {"pii": False}}]}
    assert [result["flagged"] for result in json.loads(WIRE.relayed(got(said), REPLY).body)["results"]] == [True, False]
    assert [
        verdict.flagged
        for verdict in run_plan(WIRE.plan(Moderation(inputs=("a", "b")), "m", Profile()), [said]).result.verdicts
    ] == [True, False]


@pytest.mark.parametrize(
    ("said", "kind"),
    [({"error": {"message": "Invalid API key", "code": "invalid_api_key"}}, UpstreamUnauthorized), ({}, UpstreamBroken)],
)
def test_an_error_inside_a_200_is_an_error(said: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        WIRE.counted(got(said), asked(input="a"), Profile())
    with pytest.raises(kind):
        run_plan(WIRE.plan(Moderation(inputs=("a",)), "m", Profile()), [said])


def test_a_long_list_takes_as_long_as_its_parts() -> None:
    inputs = ("a",) * 20_000  # with every part looked at for every other: half a minute
    began = time.process_time()
    told = WIRE.encode_response(
        Verdicts(verdicts=(Verdict(flagged=False, categories={}, scores={}),) * 20_000),
        Moderation(model="m", inputs=inputs),
        REPLY,
    )
    assert time.process_time() - began < 5 and told.body.count(b'"flagged"') == 20_000
