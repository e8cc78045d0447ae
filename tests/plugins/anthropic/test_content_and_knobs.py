"""Media, cache marks and scalars as Anthropic takes them."""

from __future__ import annotations

from typing import Any

import pytest

from pisces_proxy.chat import Cache, Media, Opaque, Text, Thinking, Tool, ToolCall, ToolResult
from pisces_proxy.errors import Unsupported

from .speaking import HAIKU_3, OPUS_5, SONNET_4, asked, assistant, encoded, lost, sent, user

SCHEMA = b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
WEATHER = Tool(name="get_weather", description="Weather", schema=SCHEMA)
CALL = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}')
HI = user(Text(text="Hi"))


def content(body: dict[str, Any], index: int = -1) -> Any:
    return body["messages"][index]["content"]


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (Media(kind="image", data=PNG), {"type": "base64", "media_type": "image/png", "data": PNG}),
        (Media(kind="image", data=PNG, mime="image/jpeg"), {"type": "base64", "media_type": "image/png", "data": PNG}),
        (Media(kind="image", url="https://a.example/x"), {"type": "url", "url": "https://a.example/x"}),
        (
            Media(kind="document", data="JVBERi0xLjQK"),
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"},
        ),
        (Media(kind="document", text="abc"), {"type": "text", "media_type": "text/plain", "data": "abc"}),
        (
            Media(kind="document", data="YWJj", mime="text/markdown"),
            {"type": "text", "media_type": "text/plain", "data": "abc"},
        ),
        (Media(kind="document", url="https://a.example/x.pdf"), {"type": "url", "url": "https://a.example/x.pdf"}),
    ],
)
def test_media_have_their_source(media: Media, expected: Any) -> None:
    assert content(sent(asked(user(media))))[0]["source"] == expected


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="audio", data="UklGRg=="),
        Media(kind="video", url="https://a.example/x.mp4"),
        Media(kind="image", data="AAAA", mime="image/tiff"),
        Media(kind="document", data="AAAA", mime="application/msword"),
        Media(kind="image", file_id="file-of-another"),
        Opaque(wire="openai.responses", raw=b"{}", what="item_reference"),
    ],
)
def test_content_that_anthropic_has_no_place_for_is_refused_by_its_place(media: Any) -> None:
    with pytest.raises(Unsupported) as raised:
        encoded(asked(user(Text(text="Look"), media)))
    assert raised.value.param == "messages[0].content[1]"


def test_an_image_in_a_result_stays_in_the_result() -> None:
    result = ToolResult(id="call_1", blocks=(Text(text="Here"), Media(kind="image", data=PNG)))
    body = sent(asked(HI, assistant(CALL), user(result), tools=(WEATHER,)))
    assert [part["type"] for part in content(body)[0]["content"]] == ["text", "image"]


def test_an_uploaded_file_brings_its_beta_header() -> None:
    assert encoded(asked(user(Media(kind="document", file_id="file_01")))).headers["anthropic-beta"] == "files-api-2025-04-14"


def test_a_foreign_server_tool_is_told_in_words() -> None:
    told = Opaque(wire="openai.responses", raw=b"{}", summary="[searched for weather]")
    assert "searched" in str(content(sent(asked(HI, assistant(told, Text(text="Yes")), HI)), 1))


# -- cache marks, knobs ------------------------------------------------------------------------------------------------


def test_the_last_four_cache_marks_stay_H93() -> None:
    marked = [Text(text=str(number), cache=Cache(ttl="1h")) for number in range(6)]
    request = asked(user(*marked[3:]), system=tuple(marked[1:3]), tools=(Tool(name="now", cache=Cache()),))
    body = sent(request)
    marks = ["cache_control" in block for block in (*body["tools"], *body["system"], *content(body))]
    assert marks == [False, False, True, True, True, True]
    assert ("cache_control", "dropped") in lost(request)


def test_marks_are_kept_as_they_were_written() -> None:
    request = asked(user(*[Text(text="x", cache=Cache(ttl=ttl)) for ttl in ("", "5m", "24h")]))
    assert [block["cache_control"].get("ttl") for block in content(sent(request))] == [None, "5m", "1h"]
    assert "cache_control" not in str(sent(request, cache_marks=False))


@pytest.mark.parametrize(
    ("model", "expected", "warned"),
    [
        (HAIKU_3, {"temperature": 1.0, "top_p": 0.5, "top_k": 3}, {("temperature", "changed")}),
        (SONNET_4, {"temperature": 1.0, "top_k": 3}, {("temperature", "changed"), ("top_p", "dropped")}),  # H72
        (OPUS_5, {}, {("temperature", "dropped"), ("top_p", "dropped"), ("top_k", "dropped")}),
    ],
)
def test_sampling_settings_as_far_as_the_model_takes_them_H71(model: str, expected: Any, warned: Any) -> None:
    request = asked(temperature=1.7, top_p=0.5, top_k=3)
    body = sent(request, model)
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == expected
    assert lost(request, model) == warned


def test_thinking_takes_no_sampling_settings_and_the_default_is_no_loss() -> None:
    request = asked(temperature=1.0, top_p=0.5, thinking=Thinking(budget=2000))
    assert lost(request) == {("top_p", "dropped")}


@pytest.mark.parametrize(
    "knob",
    [
        {"seed": 1},
        {"frequency_penalty": 0.5},
        {"logprobs": True},
        {"logit_bias": b'{"1":1}'},
        {"min_p": 0.1},
        {"extra": {"store": b"true"}},
    ],
)
def test_a_knob_that_anthropic_lacks_is_dropped_and_told(knob: dict[str, Any]) -> None:
    request = asked(**knob)
    (field,) = knob.get("extra", knob)
    assert (lost(request), field in sent(request)) == ({(field, "dropped")}, False)


def test_stop_sequences_of_white_space_are_left_out_H70() -> None:
    request = asked(stop=("END", "\n"))
    assert (sent(request)["stop_sequences"], lost(request)) == (["END"], {("stop", "emulated")})
    assert encoded(request).stop == ("\n",)


@pytest.mark.parametrize(("user_id", "kept"), [("user-17", True), ("a.b@example.org", False), ("+49 170 1234567", False)])
def test_an_id_that_names_a_person_is_hashed_the_same_each_time_H144(user_id: str, kept: bool) -> None:
    first, second = (sent(asked(user=user_id))["metadata"]["user_id"] for _ in range(2))
    assert first == second
    assert (first == user_id) is kept


@pytest.mark.parametrize(
    ("tier", "expected"), [("auto", "auto"), ("default", "standard_only"), ("priority", "auto"), ("flex", None)]
)
def test_service_tiers_are_translated(tier: str, expected: str | None) -> None:
    assert sent(asked(service_tier=tier)).get("service_tier") == expected


@pytest.mark.parametrize("members", [{"n": 2}, {"modalities": ("text", "audio")}, {"modalities": ("IMAGE",)}])
def test_what_no_claude_can_do_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Unsupported) as raised:
        encoded(asked(**members))
    assert raised.value.param in members
