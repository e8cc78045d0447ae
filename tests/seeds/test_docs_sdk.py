"""The samples of the older Pisces documentation (S1) that use OpenAI's SDK, and the integrations that do."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from seeds.running import Runner

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENT = """
import base64
import openai

client = openai.OpenAI(api_key="YOUR_KEY", base_url="https://gateway.example/v1")
"""
SDK = """
import openai
import base64

api_key = "YOUR_KEY"
base_url = "https://gateway.example"
client = openai.OpenAI(api_key=api_key, base_url=base_url + "/v1/")

def text_chat():
    response = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "Hello!"}],
    )
    print(response.choices[0].message.content)

def streaming_chat():
    stream = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "write a short poem."}], stream=True,
    )
    for chunk in stream:
        if chunk.choices[0].delta.content is not None:
            print(chunk.choices[0].delta.content, end="")

def image_generation():
    result = client.images.generate(model="playground-v3", prompt="A cute kitten", n=1)
    image_url = result.data[0].url
    print(f"Image URL: {image_url}")

def image_edit():
    result = client.images.edit(
        model="GPT-Image-1", prompt="上传的图片中添加一个彩虹", image=open('input.png', 'rb'), n=1,
    )
    image_base64 = result.data[0].b64_json
    image_bytes = base64.b64decode(image_base64)
    with open("output.png", "wb") as f:
        f.write(image_bytes)

if __name__ == "__main__":
    text_chat()
    print("\\n" + "="*50 + "\\n")
    streaming_chat()
    print("\\n" + "="*50 + "\\n")
    image_generation()
    print("\\n" + "="*50 + "\\n")
    image_edit()
"""
SAFE = """
import openai
from openai import OpenAIError

client = openai.OpenAI(api_key="{key}", base_url="{url}", max_retries=0)

def safe_api_call():
    try:
        response = client.chat.completions.create(model="gpt-4o-mini", messages=[{{"role": "user", "content": "{text}"}}], **{more})
        return response.choices[0].message.content
    except openai.AuthenticationError as e:
        print(f"身份验证失败: {{e}}")
        return None
    except openai.RateLimitError as e:
        print(f"请求频率过高: {{e}}")
        return None
    except openai.BadRequestError as e:
        print(f"请求参数错误: {{e}}")
        return None
    except openai.APIConnectionError as e:
        print(f"网络连接错误: {{e}}")
        return None
    except OpenAIError as e:
        print(f"API错误: {{e}}")
        return None

result = safe_api_call()
if result:
    print(f"Success: {{result}}")
else:
    print("API调用失败")
"""


async def test_the_basic_sample_prints_an_answer(run: Runner) -> None:
    printed = await run.python(f"""{CLIENT}
response = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{{"role": "system", "content": "You are a helpful assistant."}}, {{"role": "user", "content": "Hello! How are you?"}}],
    temperature=0.7,
    max_tokens=1000
)
print(response.choices[0].message.content)
""")
    assert printed.startswith("Hello!")


async def test_an_image_url_may_be_a_plain_string_and_a_file_url_a_document(run: Runner) -> None:
    printed = await run.python(f"""{CLIENT}
response = client.chat.completions.create(
    model="gpt-4o",
    messages=[{{"role": "user", "content": [
        {{"type": "text", "text": "这张图片里有什么?"}},
        {{"type": "image_url", "image_url": "https://example.com/image.jpg"}},
        {{"type": "file_url", "file_url": "https://example.com/document.pdf"}},
    ]}}]
)
print(response.choices[0].message.content)
""")
    assert "https://example.com/image.jpg" in printed and "https://example.com/document.pdf" in printed


async def test_the_streaming_sample_prints_a_poem(run: Runner) -> None:
    printed = await run.python(f"""{CLIENT}
stream = client.chat.completions.create(
    model="gpt-4o-mini", messages=[{{"role": "user", "content": "写一首关于春天的诗"}}], stream=True
)
for chunk in stream:
    if chunk.choices[0].delta.content is not None:
        print(chunk.choices[0].delta.content, end="")
""")
    assert "春" in printed


async def test_the_whole_sdk_sample_runs(run: Runner) -> None:
    text, poem, url, *_ = (await run.python(SDK)).split("=" * 50 + "\n\n")
    assert text.startswith("Hello!") and len(poem) > 40 and "Image URL: http://127.0.0.1" in url
    assert (run.folder / "output.png").read_bytes().startswith(b"\x89PNG")


async def test_key_and_address_come_from_the_environment(run: Runner) -> None:
    """Without python-dotenv: the variables are set as `.env` would set them."""
    sample = """
import os
import openai
client = openai.OpenAI(api_key=os.getenv("PISCES_API_KEY"), base_url=os.getenv("PISCES_BASE_URL"))
print(client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello!"}]).choices[0].message.content)
"""
    printed = await run.python(sample, PISCES_API_KEY="YOUR_KEY", PISCES_BASE_URL="https://gateway.example/v1")
    assert printed.startswith("Hello!")


async def test_a_generated_image_can_be_fetched_by_its_url_without_a_key(run: Runner) -> None:
    """The sample opens it with Pillow; here its first bytes and its size are read."""
    printed = await run.python(f"""{CLIENT}
response = client.images.generate(
    model="FLUX-pro-1.1", prompt="A futuristic city with flying cars and neon lights", n=1, size="1024x1024", quality="high"
)
image_url = response.data[0].url
import requests
image_response = requests.get(image_url)
print(image_response.status_code, image_response.headers["Content-Type"], image_response.content[:4], image_response.content[16:24].hex())
""")
    assert printed == "200 image/png b'\\x89PNG' 0000040000000400\n"


async def test_an_edit_takes_a_size_and_a_mask(run: Runner) -> None:
    printed = await run.python(f"""{CLIENT}
result = client.images.edit(
    model="GPT-Image-1", prompt="在图片中添加一只可爱的小猫咪", image=open('original_image.png', 'rb'), n=1, size="1024x1024"
)
image_bytes = base64.b64decode(result.data[0].b64_json)
with open("edited_image.png", "wb") as f:
    f.write(image_bytes)
result = client.images.edit(model="GPT-Image-1", prompt="x", image=open('original_image.png', 'rb'), mask=open('input.png', 'rb'))
print(len(result.data))
""")
    assert printed == "1\n"
    edited = (run.folder / "edited_image.png").read_bytes()
    assert edited[16:24].hex() == "0000040000000400" and edited != (run.folder / "original_image.png").read_bytes()


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize(("size", "quality"), [("1024x1024", "low"), ("1792x1024", "medium"), ("768x1344", "high")])
async def test_flux_draws_every_size_quality_and_number_of_the_table(run: Runner, n: int, size: str, quality: str) -> None:
    body = {"prompt": "x", "model": "FLUX-pro-1.1", "size": size, "n": n, "quality": quality, "api_key": run.gateway.key}
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{run.gateway.url}/v1/images/generations", json=body) as got:
            assert got.status == 200 and len((await got.json())["data"]) == n


@pytest.mark.parametrize(
    ("values", "printed"),
    [
        ({"key": "pisces-wrong"}, "身份验证失败"),
        ({"text": "demo:error 429"}, "请求频率过高"),
        ({"more": '{"extra_body": {"messages": "Hello"}}'}, "请求参数错误"),
        ({"url": "http://127.0.0.1:9/v1"}, "网络连接错误"),
        ({"text": "demo:error 500"}, "API错误"),
        ({}, "Success: Hello!"),
    ],
    ids=["401", "429", "400", "no connection", "500", "200"],
)
async def test_the_error_sample_catches_each_error_as_its_own_exception(
    run: Runner, values: dict[str, str], printed: str
) -> None:
    given = {"key": "YOUR_KEY", "url": "https://gateway.example/v1", "text": "Hello!", "more": "{}", **values}
    assert (await run.python(SAFE.format(**given))).startswith(printed)


# -- integrations: the requests that these programs send, as the programs themselves are not installed -------------------


async def posted(run: Runner, body: dict[str, Any], authorization: str = "") -> tuple[int, str]:
    headers = {"Authorization": authorization or f"Bearer {run.gateway.key}"}
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{run.gateway.url}/v1/chat/completions", json=body, headers=headers) as got:
            return got.status, await got.text()


async def test_sillytavern_fills_its_drop_down_and_tests_a_message(run: Runner) -> None:
    headers = {"Authorization": f"Bearer {run.gateway.key}"}
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{run.gateway.url}/v1/models", headers=headers) as got:
            ids = [row["id"] for row in (await got.json())["data"]]
    assert {"gpt-4o", "claude-3.5-sonnet", "gpt-4o-mini"} <= set(ids)
    body = {
        "messages": [{"role": "user", "content": "Hi"}], "model": "gpt-4o", "temperature": 0.9, "max_tokens": 500,
        "frequency_penalty": 0.7, "presence_penalty": 0, "top_p": 1, "stream": True, "logit_bias": {}, "stop": [], "n": 1,
    }  # fmt: skip
    status, text = await posted(run, body)
    assert status == 200 and text.rstrip().endswith("data: [DONE]")


async def test_langchains_sample_with_a_header_of_its_own_is_told_what_to_take_out(run: Runner) -> None:
    """`default_headers={"Authorization": "Bearer Pisces"}` is sent instead of the key: there is none in the request."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}], "stream": True}
    status, text = await posted(run, body, "Bearer Pisces")
    error = json.loads(text)["error"]
    assert (status, error["code"]) == (401, "invalid_api_key") and "default_headers" in error["message"]
    assert (await posted(run, body))[0] == 200


@pytest.mark.parametrize(
    ("messages", "more", "said"),
    [
        ([{"role": "user", "content": "\nYou are a poetry expert. Write a haiku poem about spring flowers.\n\nPoem:\n"}], {}, "spring"),
        ([{"role": "system", "content": "You are a helpful assistant that translates English to Chinese."}, {"role": "user", "content": "Hello, how are you?"}], {}, "你好"),
        ([{"role": "user", "content": "Tell me a story about artificial intelligence."}], {"stream": True}, "Once"),
        ([{"role": "user", "content": "The following is a conversation.\n\nCurrent conversation:\nHuman: Hi, my name is Alice.\nAI: Hello Alice\nHuman: What's my name?\nAI:"}], {}, "Alice"),
        ([{"role": "user", "content": "Use the following pieces of context to answer.\n\nParis is a city.\n\nQuestion: What is the main topic of the document?\nHelpful Answer:"}], {}, ""),
    ],
    ids=["prompt template", "chat prompt template", "streaming handler", "memory", "retrieval"],
)  # fmt: skip
async def test_langchains_chains_are_answered(
    run: Runner, messages: list[dict[str, str]], more: dict[str, Any], said: str
) -> None:
    status, text = await posted(run, {"model": "gpt-4o-mini", "messages": messages, **more})
    assert status == 200 and said in text


async def test_langchains_agent_comes_to_its_final_answer(run: Runner) -> None:
    prompt = (
        "Answer the following questions as best you can. You have access to the following tools:\n\nduckduckgo_search - search\n\n"
        "Use the following format:\n\nQuestion: the input question\nThought: think\nAction: the action, one of [duckduckgo_search]\n"
        "Action Input: the input\nObservation: the result\nThought: I now know\nFinal Answer: the answer\n\nBegin!\n\n"
        "Question: What's the weather like in Beijing today?\nThought:"
    )
    body = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": prompt}],
        "stop": ["\nObservation:", "\n\tObservation:"],
    }
    status, text = await posted(run, body)
    answer = json.loads(text)["choices"][0]["message"]["content"]
    assert status == 200 and "Final Answer:" in answer and "Observation" not in answer
