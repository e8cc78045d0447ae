"""Until something useful has come from an upstream, the next channel is tried; behind that nothing is."""

from __future__ import annotations

import aiohttp
import pytest
from gateways import channel
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import VENDORS, OpenAIChat

from gateway.asking import NAMES, dialect

BY_WIRE = {vendor.wire: vendor for vendor in VENDORS}
SPOILED = {
    "an error in a 200": Delivery(instead="error"),
    "a page of HTML": Delivery(instead="html"),
    "an empty body": Delivery(instead="empty"),
    "an end before the first event": Delivery(ends_after=0),
    "a connection that breaks": Delivery(cut_after=0),
    "a stream that opens with an error": Delivery(instead="first_error"),
}


async def post(url: str, key: str, path: str, body: object, **headers: str) -> tuple[int, aiohttp.typedefs.LooseHeaders, str]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", **headers}) as session,
        session.post(url + path, json=body) as response,
    ):
        return response.status, response.headers, await response.text()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", NAMES)
@pytest.mark.parametrize("how", SPOILED)
async def test_an_upstream_that_fails_before_anything_useful_is_passed_over(house, upstream, wire, how, stream) -> None:
    first, second = await upstream(BY_WIRE[wire]()), await upstream(BY_WIRE[wire]())
    model = second.vendor.model
    if (not stream and "stream" in how) or (not stream and "end before" in how) or (not stream and "breaks" in how):
        pytest.skip("only streams can do that")
    first.play(script.text, SPOILED[how])
    second.play(script.text)
    found = await house(channel(first, model, name="first", more="priority = 1"), channel(second, model, name="second"))
    asked = dialect(wire, model)
    status, headers, body = await post(
        found.url, found.key, asked.stream_path if stream else asked.path, asked.stream_body() if stream else asked.body
    )
    assert status == 200, body
    assert headers["x-pisces-channel"] == "second"
    assert len(first.received) == 1 and len(second.received) == 1
    record = await found.record()
    assert [attempt.channel for attempt in record.attempts] == ["first", "second"]
    assert record.attempts[0].error and record.attempts[1].error is None
    assert body.count('"role":"assistant"') <= 1 or wire == "openai.responses"  # H126: never two beginnings


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503, 529])
async def test_a_refusal_of_the_upstream_goes_on_to_the_next_channel(house, upstream, status: int) -> None:
    first, second = await upstream(OpenAIChat()), await upstream(OpenAIChat())
    first.play(script.refusing(status, "no"))
    second.play(script.text)
    found = await house(channel(first, name="first", more="priority = 1"), channel(second, name="second"))
    asked = dialect("openai.chat", second.vendor.model)
    assert (await post(found.url, found.key, asked.path, asked.body))[0] == 200


async def test_a_bad_request_is_the_clients_and_goes_nowhere_else(house, upstream) -> None:
    first, second = await upstream(OpenAIChat()), await upstream(OpenAIChat())
    first.play(script.refusing(400, "messages: too many"))
    found = await house(channel(first, name="first", more="priority = 1"), channel(second, name="second"))
    asked = dialect("openai.chat", second.vendor.model)
    status, _, body = await post(found.url, found.key, asked.path, asked.body)
    assert status == 400 and "messages: too many" in body
    assert second.received == []


@pytest.mark.parametrize(
    ("theirs", "ours"), [(401, 502), (403, 502), (404, 404), (429, 429), (500, 502), (503, 503), (504, 504)]
)
async def test_the_last_refusal_is_told_but_never_the_upstreams_401(house, upstream, theirs: int, ours: int) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.refusing(theirs, "no", **({"retry-after": "7"} if theirs == 429 else {})))
    found = await house(channel(only))
    asked = dialect("openai.chat", only.vendor.model)
    status, headers, body = await post(found.url, found.key, asked.path, asked.body)
    assert status == ours, body
    if theirs == 429:
        assert headers["retry-after"] == "7"
    assert "upstream-key" not in body


async def test_a_key_that_is_refused_rests_and_the_next_one_is_used(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only).replace('key = "upstream-key"', 'keys = ["wrong-key", "upstream-key"]'))
    only.play(script.text)
    asked = dialect("openai.chat", only.vendor.model)
    statuses = [(await post(found.url, found.key, asked.path, asked.body))[0] for _ in range(6)]
    assert statuses[0] != 401 and statuses[1:] == [200] * 5


async def test_an_unreachable_upstream_is_passed_over(house, upstream) -> None:
    second = await upstream(OpenAIChat())
    second.play(script.text)
    gone = channel(second, name="gone", more="priority = 5").replace(second.base_url, "http://127.0.0.1:9/v1")
    found = await house(gone, channel(second, name="second"))
    asked = dialect("openai.chat", second.vendor.model)
    assert (await post(found.url, found.key, asked.path, asked.body))[0] == 200


async def test_an_upstream_that_does_not_answer_in_time_is_passed_over(house, upstream) -> None:
    slow, second = await upstream(OpenAIChat()), await upstream(OpenAIChat())
    slow.play(script.text, Delivery(pause=30))
    second.play(script.text)
    found = await house(
        channel(slow, name="slow", more='priority = 5\nfirst_byte_timeout = "200ms"'), channel(second, name="second")
    )
    asked = dialect("openai.chat", second.vendor.model)
    for body in (asked.body, asked.stream_body()):
        assert (await post(found.url, found.key, asked.path, body))[0] == 200


async def test_a_channel_that_keeps_failing_rests_and_says_until_when(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.refusing(500, "boom"))
    found = await house(channel(only))
    asked = dialect("openai.chat", only.vendor.model)
    for _ in range(3):
        assert (await post(found.url, found.key, asked.path, asked.body))[0] == 502
    status, headers, body = await post(found.url, found.key, asked.path, asked.body)
    assert status == 503 and "no_available_channel" in body
    assert int(headers["retry-after"]) >= 1
    assert len(only.received) == 3
