"""What is sent to Google for a client of any API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_gemini.provider import Google
from plugins.gemini.talk import WIRE, asking, encoded, model, user

from pisces_proxy.chat import (
    Citation,
    Media,
    Opaque,
    Reasoning,
    Request,
    ServerTool,
    Signature,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)  # fmt: skip
from pisces_proxy.errors import PiscesError, Unsupported
from pisces_proxy.plugin import Profile

OWN = Signature(kind="gemini", data="c2ln")
SENTINEL = "skip_thought_signature_validator"
TOOL = Tool(name="get_weather", description="Weather", schema=b'{"type":"object","properties":{"city":{"type":"string"}}}')


def call(id: str = "call_1", name: str = "get_weather", **members: Any) -> ToolCall:
    return ToolCall(id=id, name=name, arguments='{"city":"Paris"}', **members)


def result(id: str = "call_1", text: str = "18C", **members: Any) -> ToolResult:
    return ToolResult(id=id, blocks=(Text(text=text),), **members)


def test_the_golden_turn_is_sent_as_google_wants_it() -> None:  # C15
    request = asking(
        user("Weather in Paris?"),
        model(Reasoning(text="need tool", summary=True), call(signature=OWN)),
        user(result()),
        tools=(TOOL,),
        system=(Text(text="Be brief."),),
    )
    assert encoded(request) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Weather in Paris?"}]},
            {
                "role": "model",
                "parts": [
                    {
                        "functionCall": {"id": "call_1", "name": "get_weather", "args": {"city": "Paris"}},
                        "thoughtSignature": "c2ln",
                    }
                ],
            },
            {
                "role": "user",
                "parts": [{"functionResponse": {"id": "call_1", "name": "get_weather", "response": {"output": "18C"}}}],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "get_weather",
                        "description": "Weather",
                        "parametersJsonSchema": {"type": "object", "properties": {"city": {"type": "string"}}},
                    }
                ]
            }
        ],
    }


def test_the_same_request_gives_the_same_bytes() -> None:  # H114
    request = asking(user("a"), model("b"), user("c"), tools=(TOOL,), temperature=1.0, stop=("x",))
    assert WIRE.encode_request(request, "m", Profile()) == WIRE.encode_request(request, "m", Profile())


def signatures(request: Request, **flags: Any) -> list[Any]:
    return [
        part.get("thoughtSignature")
        for content in encoded(request, **flags)["contents"]
        for part in content["parts"]
        if "functionCall" in part or "thoughtSignature" in part
    ]


LOOP = (
    user("old"),
    model(call("a")),
    user(result("a")),
    model("done"),
    user("Weather?"),
    model("Let me see.", call("b"), call("c")),
    user(result("b"), result("c")),
    model(call("d")),
    user(result("d")),
)


def test_each_step_of_the_current_turn_gets_the_sentinel_where_nothing_came_back() -> None:  # H78
    assert signatures(asking(*LOOP), signature="gemini") == [None, SENTINEL, None, SENTINEL]


def test_models_that_ask_for_no_signature_get_no_sentinel() -> None:
    assert signatures(asking(*LOOP)) == [None, None, None, None]


def test_a_signature_that_came_back_wins_over_the_sentinel() -> None:  # H79
    request = asking(user("x"), model(call("a", signature=OWN), call("b")), user(result("a"), result("b")))
    assert signatures(request, signature="gemini") == ["c2ln", None]


def test_a_signature_on_the_thinking_before_a_call_belongs_to_the_call() -> None:  # H80
    request = asking(user("x"), model(Reasoning(signature=OWN), call("a"), call("b")), user(result("a"), result("b")))
    assert signatures(request, signature="gemini") == ["c2ln", None]


def test_another_familys_signature_is_never_sent() -> None:  # H81
    theirs = Signature(kind="anthropic", data="sig")
    request = asking(user("x"), model(Reasoning(text="hm", signature=theirs), call("a")), user(result("a")))
    assert signatures(request, signature="gemini") == [SENTINEL]
    assert "hm" not in json.dumps(encoded(request))


def test_a_signature_without_text_is_replayed_as_its_own_part() -> None:  # H19
    request = asking(user("x"), model("answer", Text(text="", signature=OWN)), user("y"))
    assert encoded(request)["contents"][1]["parts"] == [{"text": "answer"}, {"text": "", "thoughtSignature": "c2ln"}]


def test_text_beside_results_is_a_content_of_its_own() -> None:  # H104
    request = asking(user("x"), model(call()), user(result(), "and now?"))
    contents = encoded(request)["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user", "user"]
    assert [list(part) for part in contents[2]["parts"]] == [["functionResponse"]]
    assert contents[3]["parts"] == [{"text": "and now?"}]


@pytest.mark.parametrize(
    ("text", "error", "expected"),
    [
        ("18C", False, {"output": "18C"}),
        ("", False, {"output": ""}),  # H53
        ('{"t": 18.0}', False, {"t": 18.0}),
        ("[1,2]", False, {"output": "[1,2]"}),
        ('{"broken', False, {"output": '{"broken'}),
        ("no", True, {"error": "no"}),
    ],
)
def test_a_result_is_wrapped_in_an_object(text: str, error: bool, expected: Any) -> None:
    request = asking(user("x"), model(call()), user(result(text=text, error=error)))
    assert encoded(request)["contents"][2]["parts"][0]["functionResponse"]["response"] == expected


def test_images_in_results_stand_inside_where_the_model_reads_them_there() -> None:
    image = Media(kind="image", data="aGk=", mime="image/png")
    results = (ToolResult(id="a", blocks=(Text(text="see"), image)), ToolResult(id="b", blocks=(image,)))
    request = asking(user("x"), model(call("a"), call("b")), user(*results))
    inline = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    inside = encoded(request, media_in_results=True)["contents"][2]["parts"]
    assert [part["functionResponse"]["parts"] for part in inside] == [[inline], [inline]]
    beside = encoded(request)["contents"][2]["parts"]
    assert [next(iter(part)) for part in beside] == ["functionResponse", "inlineData"] * 2  # H141
    assert [part["functionResponse"]["response"]["output"] for part in beside[::2]] == ["see", "[attached below]"]


def test_history_that_begins_or_ends_with_the_model_is_framed_by_the_user() -> None:  # H95
    contents = encoded(asking(model("a")))["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]


def test_a_system_message_in_between_is_said_by_the_user() -> None:
    request = asking(user("a"), Turn(role="system", blocks=(Text(text="rule"),)), model("b"), user("c"))
    body = encoded(request)
    assert "systemInstruction" not in body
    assert "<system-reminder>" in json.dumps(body["contents"])


def test_only_a_system_prompt_becomes_what_the_user_says() -> None:
    body = encoded(Request(model="m", turns=(), system=(Text(text="Say hi"),)))
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Say hi"}]}]


def test_a_name_that_google_cannot_spell_comes_back() -> None:  # H59
    tool = Tool(name="1 tool/with spaces")
    out = WIRE.encode_request(
        asking(tools=(tool,), tool_choice=ToolChoice(mode="required", names=(tool.name,))), "m", Profile()
    )
    body = json.loads(out.body)
    spelled = body["tools"][0]["functionDeclarations"][0]["name"]
    assert out.names == {spelled: tool.name}
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [spelled]}}


@pytest.mark.parametrize("name", ["a.b", "a:b", "a-b", "_x"])
def test_names_that_google_spells_stay(name: str) -> None:
    assert encoded(asking(tools=(Tool(name=name),)))["tools"][0]["functionDeclarations"][0]["name"] == name


def test_the_older_dialect_writes_schemas_in_capitals() -> None:  # H61
    body = encoded(asking(tools=(TOOL, Tool(name="n"))), schema="gemini")
    assert body["tools"][0]["functionDeclarations"] == [
        {
            "name": "get_weather",
            "description": "Weather",
            "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
        },
        {"name": "n", "description": "n"},  # H60
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="required", names=("a",)), {"mode": "ANY", "allowedFunctionNames": ["a"]}),
    ],
)
def test_the_choice_of_tools_is_a_mode(choice: ToolChoice | None, expected: Any) -> None:
    body = encoded(asking(tools=(Tool(name="a"), Tool(name="b")), tool_choice=choice))
    assert body.get("toolConfig", {}).get("functionCallingConfig") == expected
    assert "toolConfig" not in encoded(asking(tool_choice=choice))


def test_auto_with_names_offers_these_only() -> None:
    body = encoded(asking(tools=(Tool(name="a"), Tool(name="b")), tool_choice=ToolChoice(mode="auto", names=("b",))))
    assert [tool["name"] for tool in body["tools"][0]["functionDeclarations"]] == ["b"]


def test_strict_tools_are_validated() -> None:
    body = encoded(asking(tools=(Tool(name="a", strict=True),)))
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    assert "toolConfig" not in encoded(asking(tools=(Tool(name="a", strict=True),)), strict_tools=False)


def test_a_free_form_tool_takes_its_input_as_one_member() -> None:  # H106
    request = asking(
        user("x"), model(ToolCall(id="c", name="patch", arguments="*** Begin", custom=True)), user(result("c")),
        tools=(Tool(name="patch", custom=True),),
    )  # fmt: skip
    body = encoded(request)
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"input": "*** Begin"}
    assert list(body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]["properties"]) == ["input"]


def test_server_tools_are_translated_or_refused() -> None:
    tools = (
        ServerTool(kind="web_search", wire="x", raw=b"{}"),
        ServerTool(kind="fileSearch", wire=WIRE.name, raw=b'{"fileSearch":{"a":1}}'),
    )
    assert encoded(asking(server_tools=tools))["tools"] == [{"googleSearch": {}}, {"fileSearch": {"a": 1}}]
    with pytest.raises(Unsupported):
        encoded(asking(server_tools=(ServerTool(kind="computer", wire="x", raw=b"{}"),)))


def test_what_google_ran_goes_back_and_what_others_ran_is_told() -> None:
    mine = Opaque(wire=WIRE.name, raw=b'{"executableCode":{"code":"1"}}', what="executableCode")
    theirs = Opaque(wire="other", raw=b"{}", what="search", summary="[searched x]")
    parts = encoded(asking(user("x"), model(mine, theirs), user("y")))["contents"][1]["parts"]
    assert parts == [{"executableCode": {"code": "1"}}, {"text": "[searched x]"}]


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (Media(kind="image", data="aGk=", mime="image/png"), {"inlineData": {"mimeType": "image/png", "data": "aGk="}}),
        (Media(kind="document", text="hi"), {"inlineData": {"mimeType": "text/plain", "data": "aGk="}}),
        (Media(kind="video", url="https://youtu.be/x"), {"fileData": {"fileUri": "https://youtu.be/x"}}),
        (
            Media(kind="document", file_id="gs://b/c", mime="application/pdf"),
            {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/c"}},
        ),
    ],
)
def test_media_are_data_or_files_that_google_opens(media: Media, part: Any) -> None:
    assert encoded(asking(user(media)), video=True)["contents"][0]["parts"] == [part]


@pytest.mark.parametrize(
    "media",
    [Media(kind="image", url="https://x.org/a.png"), Media(kind="image", file_id="file-1"), Media(kind="video", data="aGk=")],
)
def test_media_that_google_cannot_open_are_refused(media: Media) -> None:
    with pytest.raises(Unsupported):
        encoded(asking(user(media)))


@pytest.mark.parametrize("name", [*Google.models, "unknown"])
def test_every_row_of_the_provider_is_a_profile_that_takes_a_plain_question(name: str) -> None:
    profile = Google().profile(WIRE.name, name, {})
    body = json.loads(WIRE.encode_request(asking(system=(Text(text="s"),)), name, profile).body)
    assert body["contents"]


def test_citations_and_names_do_not_travel_into_the_history() -> None:
    turn = model(Text(text="a", citations=(Citation(url="u"),)))
    assert encoded(asking(user("x"), turn, user("y")))["contents"][1]["parts"] == [{"text": "a"}]


def test_an_orphan_result_does_not_break_the_request() -> None:  # H55
    try:
        body = encoded(asking(user("x"), user(result("gone"))))
    except PiscesError as error:
        raise AssertionError(error.message) from None
    assert "functionResponse" not in json.dumps(body)


def test_older_models_get_the_tools_that_were_called_declared() -> None:  # C4
    request = asking(user("Weather?"), model(call()), user(result()))
    old, new = (
        json.loads(WIRE.encode_request(request, name, Google().profile(WIRE.name, name, {})).body)
        for name in ("gemini-2.5-flash", "gemini-3-flash-preview")
    )
    assert [tool["name"] for tool in old["tools"][0]["functionDeclarations"]] == ["get_weather"]
    assert old["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    assert not new.keys() & {"tools", "toolConfig"}
