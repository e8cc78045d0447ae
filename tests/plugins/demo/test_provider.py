"""The provider: the grammar of its streams, its orders, its names."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laws.grammar import check
from pisces_demo import OFFERS, Demo, pisces_providers
from pisces_demo.speech import pieces
from plugins.demo.asking import answer_of, asking, events_of, words_of

from pisces_proxy import errors
from pisces_proxy.chat import Delta, Media, OutputFormat, Refusal, Start, Thinking, Tool, Turn, fold, unfold
from pisces_proxy.plugin import LocalProvider, Operation, Profile

WEATHER = Tool(
    name="get_weather", schema=b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
)  # fmt: skip
PROMPTS = [
    "", "Hello!", "你好", "What is 2+2?", "weather in Paris and London", "write a poem", "demo:long 30", "demo:refuse",
    "demo:filter", "demo:empty", "demo:inspect", "Say  two  spaces ", "\n\n", "Question: x\nThought:", "🎏 fish", "(((((1+",
    "how many words: a b",
]  # fmt: skip


@pytest.mark.parametrize("said", PROMPTS)
@pytest.mark.parametrize("stream", [True, False])
async def test_every_answer_is_a_sentence_of_the_grammar(said: str, stream: bool) -> None:
    events = await events_of(asking(said, tools=(WEATHER,), thinking=Thinking(include=True), n=2, logprobs=True), stream)
    check(events)
    assert fold(unfold(fold(events))) == fold(events)


REQUESTS = st.fixed_dictionaries(
    {
        "n": st.integers(1, 3),
        "max_tokens": st.none() | st.integers(1, 40),
        "stop": st.lists(st.text(max_size=3), max_size=3).map(tuple),
        "thinking": st.none() | st.just(Thinking(effort="low")),
        "output": st.none() | st.just(OutputFormat(kind="json")),
        "tools": st.sampled_from([(), (WEATHER,)]),
        "modalities": st.sampled_from([(), ("image",)]),
        "logprobs": st.booleans(),
    }
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=st.text(max_size=60) | st.sampled_from(PROMPTS), values=REQUESTS)
def test_any_request_gets_a_well_formed_answer(said: str, values: dict[str, object]) -> None:
    request = asking(said, **values)
    events = asyncio.run(events_of(request))
    check(events)
    answer = fold(events)
    assert len(answer.choices) == request.n and answer.usage is not None and answer.usage.checked()[1] == ()


@given(st.text(max_size=80))
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


async def test_words_come_one_by_one() -> None:
    deltas = [event.text for event in await events_of(asking("Say one two three")) if isinstance(event, Delta)]
    assert deltas == ["one", " two", " three"]


async def test_chinese_comes_in_small_pieces_too() -> None:
    assert sum(isinstance(event, Delta) for event in await events_of(asking("写一首诗"))) > 10


async def test_a_request_without_turns_is_answered() -> None:
    assert "demo model" in await words_of(asking("", turns=()))


async def test_a_prefilled_assistant_turn_changes_nothing() -> None:
    turns = (*asking("Hello!").turns, Turn(role="assistant", blocks=()))
    assert "Hello" in await words_of(asking("", turns=turns))


# -- orders ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.UpstreamUnauthorized),
        (402, errors.UpstreamUnfunded),
        (404, errors.UpstreamModelMissing),
        (429, errors.UpstreamRateLimited),
        (500, errors.UpstreamBroken),
        (503, errors.UpstreamOverloaded),
        (529, errors.UpstreamOverloaded),
    ],
)
async def test_an_error_can_be_ordered(status: int, kind: type[errors.PiscesError]) -> None:
    with pytest.raises(kind) as raised:
        await events_of(asking(f"demo:error {status}"))
    assert raised.value.status == status
    assert raised.value.retry_after == (1.0 if status == 429 else None)


@pytest.mark.parametrize("written", ["demo:error", "demo:error 7", "demo:error 200", "demo:error 999999"])
async def test_a_status_that_is_no_error_becomes_500(written: str) -> None:
    with pytest.raises(errors.UpstreamBroken) as raised:
        await events_of(asking(written))
    assert raised.value.status == 500


async def test_a_stream_can_be_cut() -> None:
    stream = Demo(delay=0.0).respond(asking("demo:cut 3"), Operation(kind="chat", wire="openai.chat", stream=True))
    seen = []
    with pytest.raises(ConnectionError):
        async for event in stream:
            seen.append(event)
    assert sum(isinstance(event, Delta) for event in seen) == 3 and isinstance(seen[0], Start)


async def test_a_whole_answer_that_is_cut_has_failed() -> None:
    with pytest.raises(errors.UpstreamBroken):
        await answer_of(asking("demo:cut"), stream=False)


async def test_an_answer_can_be_ordered_by_length() -> None:
    assert len((await words_of(asking("demo:long 200"))).split()) == 200


async def test_a_refusal_can_be_ordered() -> None:
    (choice,) = (await answer_of(asking("demo:refuse"))).choices
    assert isinstance(choice.blocks[0], Refusal) and choice.stop.reason == "refusal"


async def test_silence_can_be_ordered() -> None:
    begin = time.monotonic()
    await events_of(asking("demo:slow 1"))
    assert time.monotonic() - begin >= 0.99


async def test_what_arrived_can_be_inspected() -> None:
    picture = Media(kind="image", mime="image/png", url="https://example.com/a.png")
    first = asking("demo:inspect").turns[0].blocks[0]
    seen = msgspec.json.decode(await words_of(asking((first, picture), tools=(WEATHER,))))
    assert [block["type"] for block in seen["turns"][0]["blocks"]] == ["Text", "Media"] and seen["tools"] == ["get_weather"]


@pytest.mark.parametrize("said", ["tell me about demo:error 429", "demo:errors", "demo:error four", "Demo"])
async def test_a_word_in_passing_orders_nothing(said: str) -> None:
    assert await words_of(asking(said))


# -- the provider ------------------------------------------------------------------------------------------------------


async def test_a_stream_takes_its_time_and_the_fast_model_does_not() -> None:
    async def seconds(model: str, stream: bool) -> float:
        begin = time.monotonic()
        await events_of(asking("demo:long 20", model=model), stream)
        return time.monotonic() - begin

    assert await seconds("gpt-4o", stream=True) > 0.15
    assert await seconds("demo-fast", stream=True) < 0.1
    assert await seconds("gpt-4o", stream=False) < 0.1


@pytest.mark.parametrize("model", ["gpt-4o", "[M]claude-sonnet-4", "no/such model", "GPT-Image-1"])
async def test_any_model_name_is_answered_and_echoed(model: str) -> None:
    assert (await answer_of(asking("Hello!", model=model), stream=False)).model == model


def test_the_hook_gives_one_local_provider_with_all_four_chat_wires() -> None:
    (provider,) = pisces_providers()
    assert isinstance(provider, LocalProvider) and provider.name == "demo" and not provider.key_required
    assert set(provider.wires) == {"openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"}
    for wire in provider.wires:
        profile = provider.profile(wire, "gpt-5", {})
        assert isinstance(profile, Profile) and profile.tools and profile.images and profile.video


def test_public_lists_show_the_names_of_the_documentation_once() -> None:
    assert list(Demo().offers) == list(dict.fromkeys(OFFERS))
    assert {"gpt-4o-mini", "[M]claude-sonnet-4", "GPT-Image-1", "piccc-pro", "deepSeek-r1", "claude-sonnet-4-6"} <= set(OFFERS)
