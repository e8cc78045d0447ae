"""What a client of Anthropic's API asks, in canonical form."""

from __future__ import annotations

from typing import Any

import pytest

from pisces_proxy.chat import Cache, Citation, Media, Opaque, Reasoning, Signature, Text, Thinking, ToolCall, ToolResult
from pisces_proxy.errors import BadRequest, Unsupported

from .speaking import CALL, HELLO, RESULT, SEALS, TOOL, decoded, said

PNG = "iVBORw0KGgo="


def only(request: Any) -> Any:
    (block,) = request.turns[-1].blocks
    return block


def test_a_string_is_one_text() -> None:
    assert decoded().turns[0].blocks == (Text(text="Hello"),)


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_system_text_comes_as_a_string_or_as_blocks(system: Any) -> None:
    assert decoded(system=system).system == (Text(text="Be brief."),)


def test_a_cache_mark_on_system_text_stays_on_it_H92() -> None:
    marked = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert decoded(system=[marked]).system == (Text(text="Long.", cache=Cache(ttl="1h")),)


def test_system_messages_at_the_front_are_the_system_and_later_ones_stay_in_place_H91() -> None:
    roles = ("system", "user", "system", "user")
    request = decoded(messages=[{"role": role, "content": role} for role in roles])
    assert request.system == (Text(text="system"),)
    assert [turn.role for turn in request.turns] == ["user", "system", "user"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "base64", "media_type": "image/png", "data": PNG}, Media(kind="image", data=PNG, mime="image/png")),
        ({"type": "url", "url": "https://a.example/x.png"}, Media(kind="image", url="https://a.example/x.png")),
        ({"type": "file", "file_id": "file_1"}, Media(kind="image", file_id="file_1")),
    ],
)
def test_an_image_comes_from_each_kind_of_source(source: dict[str, str], expected: Media) -> None:
    assert only(said({"type": "image", "source": source})) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "text", "media_type": "text/plain", "data": "abc"}, Media(kind="document", text="abc", mime="text/plain")),
        ({"type": "content", "content": "abc"}, Media(kind="document", text="abc", mime="text/plain")),
        ({"type": "url", "url": "https://a.example/x.pdf"}, Media(kind="document", url="https://a.example/x.pdf")),
    ],
)
def test_a_document_comes_from_each_kind_of_source(source: dict[str, str], expected: Media) -> None:
    assert only(said({"type": "document", "source": source})) == expected


def test_a_document_may_want_citations() -> None:
    block = {"type": "document", "source": {"type": "text", "data": "abc"}, "title": "T", "citations": {"enabled": True}}
    assert only(said(block)).citations_wanted
    assert only(said(block)).title == "T"


@pytest.mark.parametrize("content", [None, "", []])
def test_a_tool_result_may_be_empty_H53(content: Any) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", **({} if content is None else {"content": content})}
    assert only(said(result)) == ToolResult(id="toolu_1")


def test_a_tool_result_says_that_it_is_an_error_H52() -> None:
    assert only(said({**RESULT, "is_error": True})) == ToolResult(id="toolu_1", blocks=(Text(text="18C"),), error=True)


def test_a_tool_result_holds_images_and_search_results() -> None:
    found = {"type": "search_result", "source": "https://a.example", "title": "T", "content": [{"type": "text", "text": "x"}]}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    request = said({**RESULT, "content": [image, found]})
    assert [type(block) for block in only(request).blocks] == [Media, Text]
    assert only(request).blocks[1].text == "T\nhttps://a.example\nx"
    assert [loss.action for loss in request.losses] == ["changed"]


def test_the_input_of_a_call_stays_as_it_was_written() -> None:
    call = {**CALL, "input": {"b": 12345678901234567890, "a": 1.50}}
    assert only(said(call, role="assistant")) == ToolCall(
        id="toolu_1", name="get_weather", arguments='{"b":12345678901234567890,"a":1.5}'
    )


def test_own_thinking_keeps_its_signature_even_with_empty_text_H82() -> None:
    thinking = {"type": "thinking", "thinking": "", "signature": "ErUB"}
    assert only(said(thinking, role="assistant")) == Reasoning(signature=Signature(kind="anthropic", data="ErUB"))


def test_redacted_thinking_is_its_data_H84() -> None:
    redacted = {"type": "redacted_thinking", "data": "Emx="}
    assert only(said(redacted, role="assistant")) == Reasoning(
        redacted=True, signature=Signature(kind="anthropic", data="Emx=")
    )


def test_thinking_without_signature_has_none_H83() -> None:
    assert only(said({"type": "thinking", "thinking": "hm"}, role="assistant")) == Reasoning(text="hm")


def test_a_signature_of_another_family_comes_out_of_its_carrier() -> None:
    foreign = Signature(kind="openai", data="gAAAA", id="rs_1")
    thinking = {"type": "thinking", "thinking": "hm", "signature": SEALS.seal(foreign)}
    assert only(said(thinking, role="assistant")) == Reasoning(text="hm", signature=foreign)


def test_a_part_gets_back_the_signature_that_travelled_in_front_of_it_H80() -> None:
    foreign = Signature(kind="gemini", data="CiQB")
    carrier = {"type": "thinking", "thinking": "", "signature": SEALS.seal(foreign)}
    request = said(carrier, CALL, carrier, {**CALL, "id": "toolu_2"}, role="assistant")
    assert [block.signature for block in request.turns[-1].blocks] == [foreign, foreign]  # type: ignore[union-attr]
    assert all(isinstance(block, ToolCall) for block in request.turns[-1].blocks)


def test_a_forged_carrier_is_dropped_and_told() -> None:
    sealed = SEALS.seal(Signature(kind="openai", data="gAAAA")) or ""
    forged = sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB")
    request = said({"type": "thinking", "thinking": "hm", "signature": forged}, role="assistant")
    assert only(request) == Reasoning(text="hm")
    assert [loss.field for loss in request.losses] == ["messages[1].content[0].signature"]


def test_what_a_server_tool_did_survives_as_it_is_and_can_be_told_in_words() -> None:
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "weather"}}
    results = {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [{"title": "T", "url": "https://a.example"}],
    }
    first, second = said(call, results, role="assistant").turns[-1].blocks
    assert isinstance(first, Opaque) and isinstance(second, Opaque)
    assert (first.wire, first.what) == ("anthropic.messages", "server_tool_use")
    assert "weather" in first.summary and "https://a.example" in second.summary


def test_content_that_cannot_be_told_has_no_summary() -> None:
    assert only(said({"type": "container_upload", "file_id": "file_1"})).summary == ""


def test_citations_of_an_earlier_answer_come_back_whole() -> None:
    cited = {"type": "web_search_result_location", "url": "https://a.example", "title": "T", "cited_text": "q"}
    block = only(said({"type": "text", "text": "abc", "citations": [cited]}, role="assistant"))
    (citation,) = block.citations
    assert (citation.url, citation.quote, citation.end) == ("https://a.example", "q", 3)
    assert isinstance(citation, Citation) and citation.wire == "anthropic.messages"


# -- tools, thinking, knobs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "mode", "names", "parallel"),
    [
        ({"type": "auto"}, "auto", (), None),
        ({"type": "any", "disable_parallel_tool_use": True}, "required", (), False),
        ({"type": "tool", "name": "get_weather"}, "required", ("get_weather",), None),
        ({"type": "none"}, "none", (), None),
    ],
)
def test_each_tool_choice_has_its_mode(choice: Any, mode: str, names: tuple[str, ...], parallel: bool | None) -> None:
    request = decoded(tools=[TOOL], tool_choice=choice)
    assert request.tool_choice and (request.tool_choice.mode, request.tool_choice.names) == (mode, names)
    assert request.parallel_tool_calls is parallel


def test_an_upstream_tool_is_known_by_its_kind_whatever_its_date_H105() -> None:
    tools = [{"type": "web_search_20260318", "name": "web_search"}, {"type": "bash_20250124", "name": "bash"}]
    request = decoded(tools=tools)
    assert [(tool.kind, tool.wire) for tool in request.server_tools] == [
        ("web_search", "anthropic.messages"),
        ("bash", "anthropic.messages"),
    ]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Thinking(budget=2000, include=True)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Thinking(adaptive=True)),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
            Thinking(adaptive=True, effort="max", include=True),
        ),
        ({"thinking": {"type": "disabled"}}, Thinking(effort="none")),
        ({"output_config": {"effort": "low"}}, Thinking(effort="low")),
        ({}, None),
    ],
)
def test_each_way_of_asking_for_thinking(members: Any, expected: Thinking | None) -> None:
    assert decoded(max_tokens=4096, **members).thinking == expected


@pytest.mark.parametrize(("max_tokens", "budget"), [(4096, 4095), (1000, None)])
def test_a_budget_above_max_tokens_is_cut_and_told_H74(max_tokens: int, budget: int | None) -> None:
    request = decoded(max_tokens=max_tokens, thinking={"type": "enabled", "budget_tokens": 8192})
    assert request.thinking and request.thinking.budget == budget
    assert len(request.losses) == 1


@pytest.mark.parametrize("member", ["output_config", "output_format"])
def test_a_structured_answer_is_asked_for_by_either_name(member: str) -> None:
    schema = {"type": "json_schema", "schema": {"type": "object"}}
    request = decoded(**{member: {"format": schema} if member == "output_config" else schema})
    assert request.output and (request.output.kind, request.output.schema) == ("schema", b'{"type": "object"}')


def test_scalars_arrive() -> None:
    request = decoded(
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop_sequences=["END"],
        metadata={"user_id": "u1"},
        service_tier="standard_only",
        cache_control={"type": "ephemeral"},
    )
    assert (request.temperature, request.top_p, request.top_k, request.stop) == (0.5, 0.9, 5, ("END",))
    assert (request.user, request.service_tier, request.auto_cache) == ("u1", "default", Cache())


def test_members_of_this_wire_alone_are_kept_for_it() -> None:
    request = decoded(context_management={"edits": []}, speed="fast", mcp_servers=[], container=None)
    assert request.extra == {"context_management": b'{"edits": []}', "speed": b'"fast"'}


def test_a_member_that_has_no_place_is_told_G2() -> None:
    request = decoded(fallbacks=[], user_profile_id=None, pisces={}, betas=["x"])
    assert [(loss.field, loss.action) for loss in request.losses] == [("fallbacks", "dropped")]


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tool_choice": {"type": "all"}}, "tool_choice.type"),
        ({"temperature": "hot"}, "temperature"),
        ({"thinking": {"type": "deep"}}, "thinking.type"),
    ],
)
def test_a_bad_request_names_the_field(members: Any, param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        decoded(**members)
    assert raised.value.param == param


@pytest.mark.parametrize("member", [{"container": "c1"}, {"mcp_servers": [{"name": "x"}]}, {"max_tokens": 0}])
def test_what_only_anthropic_can_do_is_refused_elsewhere(member: Any) -> None:
    with pytest.raises(Unsupported) as raised:
        decoded(**member)
    assert raised.value.param in member


def test_a_thread_is_refused_in_the_words_that_make_the_sdk_send_everything() -> None:
    with pytest.raises(Unsupported) as raised:
        decoded(thread={"type": "create"})
    assert raised.value.details == {"error_code": "thread_unsupported_request"}


def test_a_count_needs_no_max_tokens() -> None:
    assert decoded(kind="count", max_tokens=None).turns == decoded().turns
    assert "max_tokens" in HELLO
