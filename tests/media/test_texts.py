"""Embeddings, moderations, reranking and completions over sockets, with OpenAI's own SDK."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from click.testing import CliRunner
from gateways import House, open_house

from media.texts import Vendor, vector_of, vendor
from pisces_proxy.cli import main

HELLO = [9906, 1917]  # "Hello world", as LangChain's tokenizer writes it
FLOAT32 = [struct.unpack("<f", struct.pack("<f", number))[0] for number in vector_of("Hello world")]


def channel(provider: str, url: str, models: str = '["m"]', more: str = "") -> str:
    return f'[[channel]]\nname="{provider}"\nprovider="{provider}"\nkey="upstream-key"\nbase_url="{url}"\nmodels={models}\n{more}\n'


@asynccontextmanager
async def served(
    folder: Path, provider: str, root: str = "/v1", models: str = '["m"]', **how: Any
) -> AsyncIterator[tuple[House, Vendor]]:
    async with vendor(**how) as upstream, open_house(folder, channel(provider, upstream.url + root, models)) as house:
        yield house, upstream


def client(house: House, path: str = "/v1") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=house.url + path, api_key=house.key, max_retries=0)


async def posted(house: House, path: str, body: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {house.key}"}
    async with aiohttp.ClientSession() as session, session.post(house.url + path, json=body, headers=headers) as response:
        return response.status, await response.json()


# -- embeddings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heeds", [True, False], ids=["base64", "floats only"])
@pytest.mark.parametrize("provider", ["openai", "compatible", "mistral", "together", "siliconflow", "voyage", "jina", "ollama"])
async def test_the_sdk_reads_its_default_from_every_vendor_h129(tmp_path: Path, provider: str, heeds: bool) -> None:
    async with served(tmp_path, provider, base64=heeds) as (house, _upstream), client(house) as ask:
        answer = await ask.embeddings.create(model="m", input="Hello world")
        assert answer.data[0].embedding == FLOAT32
        assert answer.usage.prompt_tokens == 5 and answer.model == "m"
        record = await house.record()
        assert (record.status, record.usage.input, record.channel) == (200, 5, provider)


@pytest.mark.parametrize("path", ["/v1", "/openai/v1", "/v1beta/openai", ""])
async def test_floats_lists_and_a_length_of_choice(tmp_path: Path, path: str) -> None:
    async with served(tmp_path, "openai") as (house, upstream), client(house, path) as ask:
        answer = await ask.embeddings.create(model="m", input=["a", "bb"], encoding_format="float", dimensions=3, user="u")
        assert [row.embedding for row in answer.data] == [vector_of("a"), vector_of("bb")]
        assert [row.index for row in answer.data] == [0, 1] and answer.usage.total_tokens == 10
        assert upstream.bodies("/embeddings") == [
            {"model": "m", "input": ["a", "bb"], "encoding_format": "float", "dimensions": 3, "user": "u"}
        ]


def test_the_synchronous_sdk_reads_vectors_too(tmp_path: Path) -> None:
    async def ask() -> Any:
        async with served(tmp_path, "openai") as (house, _upstream):

            def create() -> Any:
                with openai.OpenAI(base_url=house.url + "/v1", api_key=house.key, max_retries=0) as client:
                    return client.embeddings.create(model="m", input="Hello world")

            return await asyncio.to_thread(create)

    assert asyncio.run(ask()).data[0].embedding == FLOAT32


async def test_azures_path_names_the_model(tmp_path: Path) -> None:
    async with served(tmp_path, "openai") as (house, upstream):
        ask = openai.AsyncAzureOpenAI(azure_endpoint=house.url, api_key=house.key, api_version="2024-10-21", max_retries=0)
        async with ask:
            answer = await ask.embeddings.create(model="m", input="Hello world")
        assert answer.data[0].embedding == FLOAT32 and upstream.bodies("/embeddings")[0]["model"] == "m"


async def test_the_engines_path_of_old_sdks_names_the_model(tmp_path: Path) -> None:
    async with served(tmp_path, "openai") as (house, upstream):
        assert (await posted(house, "/v1/engines/m/embeddings", {"input": "a"}))[0] == 200
        assert (await posted(house, "/v1/engines/m/completions", {"prompt": "a"}))[1]["choices"][0]["text"] == "You said a"
        assert upstream.heard[0].body["model"] == "m"


# What LangChain's OpenAIEmbeddings sends unasked: token ids of cl100k_base, in base64 (S1-70).
LANGCHAIN = {"input": [HELLO, [791, 18567]], "model": "m", "encoding_format": "base64"}


@pytest.mark.parametrize(
    ("provider", "root", "end", "member"),
    [
        ("openai", "/v1", "/embeddings", "input"),
        ("compatible", "/v1", "/embeddings", "input"),
        ("dashscope", "", "/compatible-mode/v1/embeddings", "input"),
        ("zhipu", "/api/paas/v4", "/embeddings", "input"),
        ("siliconflow", "/v1", "/embeddings", "input"),
        ("together", "/v1", "/embeddings", "input"),
        ("fireworks", "/v1", "/embeddings", "input"),
        ("nvidia", "/v1", "/embeddings", "input"),
        ("openrouter", "/v1", "/embeddings", "input"),
        ("volcengine", "/v1", "/embeddings", "input"),
        ("vllm", "/v1", "/embeddings", "input"),
        ("llamacpp", "/v1", "/embeddings", "input"),
        ("lmstudio", "/v1", "/embeddings", "input"),
        ("ollama", "/v1", "/embeddings", "input"),
        ("mistral", "/v1", "/embeddings", "input"),
        ("voyage", "/v1", "/embeddings", "input"),
        ("jina", "/v1", "/embeddings", "input"),
        ("cohere", "", "/v2/embed", "texts"),
    ],
)
async def test_langchains_defaults_work_on_every_upstream(
    tmp_path: Path, provider: str, root: str, end: str, member: str
) -> None:
    async with served(tmp_path, provider, root) as (house, upstream):
        status, told = await posted(house, "/v1/embeddings", LANGCHAIN)
        assert status == 200, told
        (body,) = upstream.bodies(end)
        ids_or_texts = LANGCHAIN["input"] if provider == "openai" else ["Hello world", "The Paris"]
        assert body[member][0] == ids_or_texts[0] and len(body[member]) == 2  # type: ignore[index]
        first = base64.b64decode(told["data"][0]["embedding"])
        assert struct.unpack("<3f", first) == struct.unpack("<3f", struct.pack("<3f", *vector_of(ids_or_texts[0])))  # type: ignore[index]


async def test_a_list_beyond_the_vendors_limit_is_asked_for_in_parts(tmp_path: Path) -> None:
    async with served(tmp_path, "dashscope", "") as (house, upstream), client(house) as ask:
        texts = [f"text {number}" for number in range(25)]
        answer = await ask.embeddings.create(model="m", input=texts)
        assert sorted(len(body["input"]) for body in upstream.bodies("/embeddings")) == [5, 10, 10]
        assert [row.embedding[:2] for row in answer.data] == [vector_of(text)[:2] for text in texts]
        assert answer.usage.prompt_tokens == 125 == (await house.record()).usage.input


@pytest.mark.parametrize("given", ["", [], ["a", ""], ["x"] * 2049, None, 5])
@pytest.mark.parametrize("provider", ["openai", "cohere"])
async def test_bad_input_is_a_400_that_names_it_and_nobody_is_asked(tmp_path: Path, provider: str, given: Any) -> None:
    async with served(tmp_path, provider) as (house, upstream):
        status, told = await posted(house, "/v1/embeddings", {"model": "m", "input": given})
        assert (status, told["error"]["type"]) == (400, "invalid_request_error")
        assert told["error"]["param"].startswith("input") and not upstream.heard


async def test_a_refusal_of_the_vendor_reaches_the_client_in_openais_words(tmp_path: Path) -> None:
    said = {"error": {"message": "too long", "type": "invalid_request_error", "param": "input", "code": None}}
    async with served(tmp_path, "openai", refuse=lambda heard: (400, said)) as (house, _), client(house) as ask:
        with pytest.raises(openai.BadRequestError) as refusal:
            await ask.embeddings.create(model="m", input="x")
        assert refusal.value.body["message"] == "too long"  # type: ignore[index]


async def test_a_vendor_in_trouble_gives_way_to_the_next(tmp_path: Path) -> None:
    async with vendor(refuse=lambda heard: (500, {})) as bad, vendor() as good:
        rows = [channel("openai", bad.url + "/v1", more="priority=9"), channel("cohere", good.url)]
        async with open_house(tmp_path, *rows) as house, client(house) as ask:
            answer = await ask.embeddings.create(model="m", input="Hello world")
            assert answer.data[0].embedding == FLOAT32 and answer.usage.prompt_tokens == 3
            assert (await house.record()).channel == "cohere" and bad.heard and good.heard


async def test_a_channel_that_only_makes_vectors_is_tested_by_one(tmp_path: Path) -> None:
    async with vendor() as upstream:
        file = tmp_path / "channels.toml"
        file.write_text(channel("voyage", upstream.url + "/v1"), encoding="utf-8")
        ran = await asyncio.to_thread(CliRunner().invoke, main, ["channels", "test", "voyage", "--config", str(file)])
        assert ran.exit_code == 0 and "3 numbers" in ran.output, ran.output
        assert upstream.bodies("/embeddings") == [{"model": "m", "input": "OK"}]


# -- moderations and reranking -----------------------------------------------------------------------------------------


async def test_the_sdk_reads_verdicts(tmp_path: Path) -> None:
    async with served(tmp_path, "openai", models='["omni-moderation-latest"]') as (house, _), client(house) as ask:
        answer = await ask.moderations.create(input=["I like it", "I will kill it"])
        assert [result.flagged for result in answer.results] == [False, True]
        assert answer.model == "omni-moderation-latest" and answer.results[1].categories.violence


@pytest.mark.parametrize(
    ("provider", "root", "path"),
    [
        ("compatible", "/v1", "/v1/rerank"),
        ("jina", "/v1", "/v2/rerank"),
        ("siliconflow", "/v1", "/rerank"),
        ("cohere", "", "/v1/rerank"),
        ("cohere", "", "/v2/rerank"),
    ],
)
async def test_documents_are_ranked_by_whoever_can(tmp_path: Path, provider: str, root: str, path: str) -> None:
    async with served(tmp_path, provider, root) as (house, _upstream):
        status, told = await posted(house, path, {"model": "m", "query": "q", "documents": ["a", "ccc", "bb"], "top_n": 3})
        assert status == 200, told
        assert [(hit["index"], hit["relevance_score"]) for hit in told["results"]] == [(1, 0.9), (2, 0.8), (0, 0.7)]
        record = await house.record()
        tokens = 6 if provider == "cohere" else 11  # Cohere tells searches alone
        assert (record.usage.searches, record.usage.input) == (1, tokens)


async def test_a_ranking_that_is_asked_for_as_a_stream_comes_whole(tmp_path: Path) -> None:
    async with served(tmp_path, "compatible") as (house, _upstream):
        asked = {"model": "m", "query": "q", "documents": ["a", "ccc", "bb"], "stream": True}
        status, told = await posted(house, "/v1/rerank", asked)
        assert status == 200 and told["results"][0]["index"] == 1, told


# -- completions -------------------------------------------------------------------------------------------------------


async def test_a_text_goes_on_where_the_vendor_completes_texts(tmp_path: Path) -> None:
    async with served(tmp_path, "vllm") as (house, upstream), client(house) as ask:
        answer = await ask.completions.create(model="m", prompt=["once", "twice"], max_tokens=9, echo=False, logprobs=None)
        assert [(choice.index, choice.text) for choice in answer.choices] == [(0, " then ONCE"), (1, " then TWICE")]
        assert answer.model == "m" and answer.usage is not None and answer.usage.total_tokens == 10
        assert upstream.bodies("/v1/completions")[0]["prompt"] == ["once", "twice"]


@pytest.mark.parametrize("echo", [False, True])  # the vendor's business here
async def test_a_stream_of_text_passes(tmp_path: Path, echo: bool) -> None:
    async with served(tmp_path, "vllm") as (house, _upstream), client(house) as ask:
        asked = ask.completions.create(model="m", prompt="once", stream=True, stream_options={"include_usage": True}, echo=echo)
        stream = await asked
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == " then ONCE"
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 3
        assert {chunk.object for chunk in chunks} == {"text_completion"} and {chunk.model for chunk in chunks} == {"m"}
        assert (await house.record()).usage.output == 3


async def test_a_prompt_is_a_users_turn_where_the_vendor_only_talks(tmp_path: Path) -> None:
    async with served(tmp_path, "openai") as (house, upstream), client(house) as ask:
        answer = await ask.completions.create(
            model="m", prompt="once", max_tokens=9, n=2, temperature=0.5, stop=["."], echo=True
        )
        assert [choice.text for choice in answer.choices] == ["onceYou said once"] * 2
        assert (
            answer.object == "text_completion" and answer.id.startswith("cmpl-") and answer.choices[0].finish_reason == "stop"
        )
        (body,) = upstream.bodies("/chat/completions")
        assert body["messages"] == [{"role": "user", "content": "once"}]
        assert (body["n"], body["temperature"], body["stop"], body["max_completion_tokens"]) == (2, 0.5, ["."], 9)


@pytest.mark.parametrize("echo", [False, True])
async def test_several_prompts_are_asked_at_once_and_answered_as_one(tmp_path: Path, echo: bool) -> None:
    async with served(tmp_path, "openai") as (house, upstream), client(house) as ask:
        prompts = ["slow one", "two", "three"]
        answer = await ask.completions.create(model="m", prompt=prompts, n=2, echo=echo)
        wanted = [(prompt if echo else "") + f"You said {prompt}" for prompt in prompts for _ in range(2)]
        assert [choice.text for choice in answer.choices] == wanted
        assert [choice.index for choice in answer.choices] == list(range(6))
        assert answer.usage is not None and (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (12, 18)
        record = await house.record()
        assert (record.usage.input, record.usage.output, record.status) == (12, 18, 200) and len(upstream.heard) == 3
        assert record.upstream_protocol == "openai.chat" and record.flags == ["translated"]


@pytest.mark.parametrize("echo", [False, True])
async def test_several_prompts_are_streamed_as_one(tmp_path: Path, echo: bool) -> None:
    async with served(tmp_path, "openai") as (house, _upstream), client(house) as ask:
        prompts = ["slow one", *(f"prompt {number}" for number in range(11))]
        asked = ask.completions.create(
            model="m", prompt=prompts, stream=True, stream_options={"include_usage": True}, echo=echo
        )
        texts, ends, usage = dict.fromkeys(range(12), ""), [], None
        async for chunk in await asked:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                texts[choice.index] += choice.text
                ends += [choice.index] if choice.finish_reason else []
        assert list(texts.values()) == [(prompt if echo else "") + f"You said {prompt}" for prompt in prompts]
        assert sorted(ends) == list(range(12)) and usage is not None and usage.total_tokens == 120
        record = await house.record()
        assert (record.usage.input, record.usage.output, record.status) == (48, 72, 200)


async def test_a_vendor_that_takes_one_prompt_gets_one_at_a_time(tmp_path: Path) -> None:
    async with served(tmp_path, "ollama") as (house, upstream), client(house) as ask:
        answer = await ask.completions.create(model="m", prompt=["once", "twice"])
        assert [choice.text for choice in answer.choices] == [" then ONCE", " then TWICE"]
        assert sorted(body["prompt"] for body in upstream.bodies("/completions")) == ["once", "twice"]


async def test_one_prompt_that_is_refused_is_a_refusal_of_all(tmp_path: Path) -> None:
    def refuse(heard: Any) -> tuple[int, Any] | None:
        bad = heard.body["messages"][-1]["content"] == "bad"
        return (400, {"error": {"message": "not this one", "code": "content_filter"}}) if bad else None

    for stream in (False, True):
        folder = tmp_path / str(stream)
        folder.mkdir()
        async with served(folder, "openai", refuse=refuse) as (house, _upstream):
            body = {"model": "m", "prompt": ["slow one", "bad"], "stream": stream}
            status, told = await posted(house, "/v1/completions", body)
            assert (status, told["error"]["message"]) == (400, "not this one")


async def test_token_ids_are_read_for_a_vendor_that_only_talks(tmp_path: Path) -> None:
    async with served(tmp_path, "openai") as (house, _upstream), client(house) as ask:
        answer = await ask.completions.create(model="m", prompt=HELLO)
        assert answer.choices[0].text == "You said Hello world"


async def test_a_suffix_is_asked_for_in_words_and_told(tmp_path: Path) -> None:
    async with served(tmp_path, "openai") as (house, upstream):
        headers = {"Authorization": f"Bearer {house.key}"}
        body = {"model": "m", "prompt": "def f(", "suffix": "return x", "best_of": 2}
        async with (
            aiohttp.ClientSession() as session,
            session.post(house.url + "/v1/completions", json=body, headers=headers) as got,
        ):
            assert got.status == 200
            warned = got.headers["x-pisces-warnings"]
        assert "suffix;emulated" in warned and "best_of;dropped" in warned
        asked = upstream.bodies("/chat/completions")[0]["messages"][0]["content"]
        assert "def f(" in asked and "return x" in asked


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": ["a", 5]}, "prompt[1]"),
        ({"prompt": "a", "n": 0}, "n"),
        ({"prompt": "a", "n": 3, "best_of": 2}, "best_of"),
        ({"prompt": "a", "max_tokens": "many"}, "max_tokens"),
    ],
)
async def test_bad_members_are_refused_by_name(tmp_path: Path, members: dict[str, Any], param: str) -> None:
    async with served(tmp_path, "openai") as (house, upstream):
        status, told = await posted(house, "/v1/completions", {"model": "m", **members})
        assert (status, told["error"]["param"]) == (400, param), told
        assert not upstream.heard
