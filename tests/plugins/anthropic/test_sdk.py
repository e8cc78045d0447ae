"""Streams and errors as Anthropic's own SDK takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import anthropic
import httpx2 as httpx
import pytest

from pisces_proxy import chat
from pisces_proxy.chat import Citation, Media, Opaque, Reasoning, Refusal, Signature, Text, ToolCall
from pisces_proxy.errors import BalanceExhausted, ContextTooLong, NoChannel, PiscesError, RateLimited, UpstreamTimeout
from pisces_proxy.plugin import Model

from .sdk import accumulated, client
from .speaking import SHOWN, WIRE, answer, reply

THOUGHT = Reasoning(text="hm", signature=Signature(kind="anthropic", data="ErUB"))
CALL = ToolCall(id="call_1", name="get_weather", arguments='{"city": "Zürich 🌧", "n": 1.5}')
SEARCH = b'{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"x"},"caller":{"type":"direct"}}'
ANSWERS = {
    "text": answer(Text(text="Hello"), usage=chat.Usage(input=10, cached_input=4, output=3)),
    "thinking and two calls": answer(
        THOUGHT, Text(text="a"), CALL, ToolCall(id="call_2", name="now"), stop=chat.Stop(reason="tool_calls")
    ),
    "signed by another": answer(ToolCall(id="c", name="now", arguments="{}", signature=Signature(kind="gemini", data="x"))),
    "redacted": answer(Reasoning(redacted=True, signature=Signature(kind="anthropic", data="Emx=")), Text(text="a")),
    "cited": answer(Text(text="a", citations=(Citation(url="https://a.example", title="T", quote="q"),))),
    "searched": answer(Opaque(wire=WIRE.name, raw=SEARCH, what="server_tool_use"), Text(text="a")),
    "refused": answer(Refusal(text="No.")),
    "drawn": answer(Media(kind="image", url="https://a.example/x.png")),
    "nothing": answer(stop=chat.Stop(reason="stop", sequence="END")),
}


@pytest.fixture(params=ANSWERS.values(), ids=list(ANSWERS))
def response(request: pytest.FixtureRequest) -> Iterator[chat.Response]:
    yield request.param


def test_a_streamed_answer_accumulates_to_the_whole_one(response: chat.Response) -> None:
    to = reply(SHOWN, extension=b'{"gateway":"Pisces"}')
    stream = accumulated(WIRE.encoder(to).encode(list(chat.unfold(response))))
    whole = anthropic.types.Message.model_validate_json(WIRE.encode_response(response, to))
    assert [block.to_dict() for block in stream.content] == [block.to_dict() for block in whole.content]
    assert (stream.stop_reason, stream.stop_sequence) == (whole.stop_reason, whole.stop_sequence)
    assert stream.usage.output_tokens == whole.usage.output_tokens


def test_arguments_in_many_pieces_are_parsed_by_the_sdk() -> None:
    pieces = [chat.Delta(text=letter) for letter in CALL.arguments]
    opening = chat.BlockStart(block=ToolCall(id="call_1", name="get_weather"))
    events: Iterable[chat.Event] = [chat.Start(), opening, *pieces, chat.BlockEnd(), chat.Finish()]
    (block,) = accumulated(WIRE.encoder(reply()).encode(list(events))).content
    assert block.type == "tool_use" and block.input == {"city": "Zürich 🌧", "n": 1.5}


def test_a_broken_stream_raises() -> None:
    events = [chat.Start(), chat.BlockStart(block=Text(text="")), chat.Delta(text="a"), chat.Failed(error=NoChannel("Gone."))]
    with pytest.raises(anthropic.APIStatusError, match="Gone"):
        accumulated(WIRE.encoder(reply()).encode(events))


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ContextTooLong("200001 tokens"), anthropic.BadRequestError),
        (BalanceExhausted("Empty."), anthropic.PermissionDeniedError),
        (RateLimited("Slow down.", retry_after=2.1), anthropic.RateLimitError),
        (NoChannel("Nobody there."), anthropic.InternalServerError),
        (UpstreamTimeout("Too slow."), anthropic.InternalServerError),
    ],
)
def test_an_error_is_the_sdks_own(error: PiscesError, raised: type[anthropic.APIStatusError]) -> None:
    status, body = WIRE.encode_error(error, "req_1", b"")
    failing = client(status=status, body=body, kind="application/json", headers=dict(WIRE.error_headers(error)))
    with pytest.raises(raised, match=error.message):
        failing.messages.create(model="m", max_tokens=10, messages=[{"role": "user", "content": "Hi"}])


def test_the_sdk_pages_through_the_models() -> None:
    models = [Model(id=f"claude-{number}", created=1_700_000_000, context=200_000) for number in range(5)]

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=WIRE.encode_models(models, dict(request.url.params), b""))

    http = httpx.Client(transport=httpx.MockTransport(respond))
    listed = list(anthropic.Anthropic(api_key="k", base_url="http://pisces.test", http_client=http).models.list(limit=2))
    assert [model.id for model in listed] == [model.id for model in models]
    assert (listed[0].lifecycle, listed[0].max_input_tokens, listed[0].created_at.year) == ("active", 200_000, 2023)
