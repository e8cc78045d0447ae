"""Recorded exchanges with Google: every answer and every request through the wire, against a reading of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from plugins.gemini.talk import SEALS, WIRE, reply

from pisces_proxy import chat, sse
from pisces_proxy.errors import PiscesError, Unsupported, UpstreamBroken
from pisces_proxy.plugin import Operation, Profile

CORPUS = Path(os.environ.get("PISCES_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus") / "gemini"
FILES = sorted(CORPUS.glob("*.json")) if CORPUS.is_dir() else []

pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not FILES, reason="no recorded exchanges here (PISCES_CORPUS)")]

# answers that are failures: what they are, and why
FAILED = {
    "braintrust_sdk_javascript__google_genai_v1_latest_cassette__10": "MALFORMED_FUNCTION_CALL and nothing else",
    "vertexai_sdk_test_data__streaming_failure_error_mid_stream__0": "an error behind two chunks",
    "vertexai_sdk_test_data__streaming_success_quotes_escaped__0": "a made-up stream that has no finish reason",
}


def exchange(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def named(path: Path) -> str:
    return path.stem[:80]


def answered(file: dict[str, Any]) -> bool:
    text = file["response"].get("sse") or json.dumps(file["response"].get("body"))
    return file["response"]["status"] == 200 and ('"candidates"' in text or '"promptFeedback"' in text)


def verb(file: dict[str, Any]) -> str:
    return str((file.get("request") or {}).get("path") or "").partition("?")[0].rpartition(":")[2]


ANSWERS = [path for path in FILES if answered(exchange(path))]
REQUESTS = [path for path in FILES if verb(exchange(path)) in ("generateContent", "streamGenerateContent", "countTokens")]


def decoded(file: dict[str, Any]) -> chat.Response:
    answer = file["response"]
    if "sse" not in answer:
        return WIRE.decode_response((answer.get("body_text") or json.dumps(answer["body"])).encode(), Profile())
    return chat.fold(events(answer["sse"].encode()))


def events(body: bytes) -> list[chat.Event]:
    decoder, reader = WIRE.decoder(Profile()), sse.Reader()
    found = [event for frame in [*reader.feed(body), *reader.end()] for event in decoder.decode(*frame)]
    return [*found, *decoder.end()]


# -- a reading of its own ----------------------------------------------------------------------------------------------


def chunks(file: dict[str, Any]) -> list[Any]:
    answer = file["response"]
    if "sse" not in answer:
        return answer["body"] if isinstance(answer["body"], list) else [answer["body"]]
    pieces = answer["sse"].replace("\r\n", "\n").split("\n\n")
    return [json.loads(piece.strip()[5:]) for piece in pieces if piece.strip().startswith("data:")]


def parts(file: dict[str, Any]) -> list[Any]:
    return [
        part
        for body in chunks(file)
        for candidate in (body.get("candidates") or [])[:1]
        for part in (candidate.get("content") or {}).get("parts") or []
    ]


def text_of(choice: chat.Choice, kind: type[chat.Text] | type[chat.Reasoning]) -> str:
    return "".join(block.text for block in choice.blocks if isinstance(block, kind))


def greatest(file: dict[str, Any], *names: str) -> int:
    """The sum of these counts, each the greatest of the stream."""
    said = [body.get("usageMetadata") or {} for body in chunks(file)]
    return sum(max((counts.get(name) or 0 for counts in said), default=0) for name in names)


@pytest.mark.parametrize("path", [path for path in ANSWERS if path.stem not in FAILED], ids=named)
def test_an_answer_says_what_was_recorded(path: Path) -> None:
    file = exchange(path)
    response = decoded(file)
    choice = response.choices[0]
    assert text_of(choice, chat.Text) == "".join(part.get("text") or "" for part in parts(file) if not part.get("thought"))
    assert text_of(choice, chat.Reasoning) == "".join(part.get("text") or "" for part in parts(file) if part.get("thought"))
    _check_calls(choice, parts(file))
    _check_finish(choice, file)
    if response.usage is not None:
        assert response.usage.input == greatest(file, "promptTokenCount", "toolUsePromptTokenCount")
        assert response.usage.output == greatest(file, "candidatesTokenCount", "thoughtsTokenCount")
        assert response.usage.cached_input == greatest(file, "cachedContentTokenCount")


def _check_calls(choice: chat.Choice, found: list[Any]) -> None:
    calls = [block for block in choice.blocks if isinstance(block, chat.ToolCall)]
    recorded = [part for part in found if (part.get("functionCall") or {}).get("name")]
    assert [call.name for call in calls] == [part["functionCall"]["name"] for part in recorded]
    for call, part in zip(calls, recorded, strict=True):
        if not part["functionCall"].get("willContinue"):
            assert json.loads(call.arguments) == part["functionCall"].get("args", {})
        assert (call.signature.data if call.signature else None) == part.get("thoughtSignature")
    signed = [block for block in choice.blocks if getattr(block, "signature", None)]
    plain = [
        part
        for part in found
        if part.get("thoughtSignature") and not any(name in part for name in ("executableCode", "toolCall"))
    ]
    assert len(signed) >= len([part for part in plain if "toolResponse" not in part and "codeExecutionResult" not in part])


def _check_finish(choice: chat.Choice, file: dict[str, Any]) -> None:
    reasons = [
        candidate["finishReason"]
        for body in chunks(file)
        for candidate in (body.get("candidates") or [])[:1]
        if candidate.get("finishReason")
    ]
    last = {1: "STOP", 2: "MAX_TOKENS"}.get(reasons[-1], reasons[-1]) if reasons else None
    calls = any(part.get("functionCall") for part in parts(file))
    expected = {"STOP": "tool_calls" if calls else "stop", "MAX_TOKENS": "length"}
    if last in expected:
        assert choice.stop.reason == expected[last]
    elif last is None:
        assert choice.stop.reason == "content_filter"  # the prompt was refused
    else:
        assert choice.stop.reason in ("content_filter", "error")
        assert choice.stop.raw == last


@pytest.mark.parametrize("path", [path for path in ANSWERS if path.stem in FAILED], ids=named)
def test_a_failure_is_told_as_one(path: Path) -> None:
    with pytest.raises(PiscesError) as caught:
        decoded(exchange(path))
    assert caught.value.fault == "upstream"
    if "error" not in path.stem:
        assert isinstance(caught.value, UpstreamBroken)


def essence(response: chat.Response) -> Any:
    """What must survive being written and read again: streams put a text's signature on a text of its own."""
    return [
        (
            text_of(choice, chat.Text),
            text_of(choice, chat.Reasoning),
            [block for block in choice.blocks if isinstance(block, (chat.Media, chat.Opaque))],
            [
                (block.name, json.loads(block.arguments), block.id)
                for block in choice.blocks
                if isinstance(block, chat.ToolCall)
            ],
            sorted(signature.data for block in choice.blocks if (signature := getattr(block, "signature", None))),
            (choice.stop.reason, choice.stop.raw or "STOP"),
        )
        for choice in response.choices
    ], response.usage and (response.usage.input, response.usage.output, response.usage.reasoning)


@pytest.mark.parametrize("path", [path for path in ANSWERS if path.stem not in FAILED], ids=named)
def test_an_answer_survives_being_written_and_read_again(path: Path) -> None:
    response = decoded(exchange(path))
    before = json.dumps(_plain(essence(response)))
    whole = WIRE.encode_response(response, reply())
    assert json.dumps(_plain(essence(WIRE.decode_response(whole, Profile())))) == before
    stream = WIRE.encoder(reply()).encode(list(chat.unfold(response)))
    assert json.dumps(_plain(essence(chat.fold(events(stream))))) == before


def _plain(value: Any) -> Any:
    match value:
        case chat.Opaque():
            return json.loads(value.raw)
        case chat.Media():
            return [value.kind, value.data, value.url, value.mime]
        case list() | tuple():
            return [_plain(part) for part in value]
    return value


@pytest.mark.parametrize("path", REQUESTS, ids=named)
def test_a_request_is_read_and_could_be_sent_again(path: Path) -> None:
    file = exchange(path)
    body = file["request"]["body"]
    raw = (file["request"].get("body_text") or json.dumps(body)).encode()
    kind = "count" if verb(file) == "countTokens" else "chat"
    operation = Operation(kind=kind, wire=WIRE.name, model="m", body=raw)
    if "cachedContent" in body:
        with pytest.raises(Unsupported):
            WIRE.decode_request(operation, SEALS)
        return
    request = WIRE.decode_request(operation, SEALS)
    assert _spoken(request) == _recorded(body.get("generateContentRequest") or body)
    if not _links(request):
        again = WIRE.encode_request(request, "m", Profile(video=True, media_in_results=True))
        assert _texts(json.loads(again.body)["contents"])


def _spoken(request: chat.Request) -> list[Any]:
    blocks = [block for turn in request.turns for block in turn.blocks]
    texts = "".join(block.text for block in blocks if isinstance(block, (chat.Text, chat.Reasoning)))
    calls = [(block.name, json.loads(block.arguments)) for block in blocks if isinstance(block, chat.ToolCall)]
    results = [block.name for block in blocks if isinstance(block, chat.ToolResult)]
    media = sum(isinstance(block, chat.Media) for block in blocks)
    return [texts, calls, results, media, [tool.name for tool in request.tools]]


def _either(holder: Any, camel: str, snake: str) -> Any:
    return holder.get(camel) or holder.get(snake)


def _recorded(body: Any) -> list[Any]:
    contents = [
        content if isinstance(content, dict) else {"parts": [{"text": content}]} for content in _listed(body["contents"])
    ]
    found = [part for content in contents for part in _listed(content.get("parts") or [])]
    calls = [call for part in found if (call := _either(part, "functionCall", "function_call"))]
    results = [answer for part in found if (answer := _either(part, "functionResponse", "function_response"))]
    media = sum(bool(_either(part, "inlineData", "inline_data") or _either(part, "fileData", "file_data")) for part in found)
    tools = [
        declared["name"]
        for tool in _listed(body.get("tools") or [])
        for declared in _either(tool, "functionDeclarations", "function_declarations") or []
    ]
    return [
        "".join(part["text"] for part in found if part.get("text")),
        [(call["name"], call.get("args") or {}) for call in calls],
        [answer["name"] for answer in results],
        media,
        tools,
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _links(request: chat.Request) -> bool:
    """Pictures and sounds by URL come to this wire as data: the gateway has fetched them."""
    blocks = [block for turn in request.turns for block in turn.blocks]
    inner = [part for block in blocks if isinstance(block, chat.ToolResult) for part in block.blocks]
    return any(isinstance(block, chat.Media) and block.url and block.kind != "video" for block in [*blocks, *inner])


def _texts(contents: Any) -> list[Any]:
    return [part for content in contents for part in content["parts"]]
