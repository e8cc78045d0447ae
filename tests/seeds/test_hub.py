"""The samples of the Pisces docs hub (S0)."""

from __future__ import annotations

import json

import aiohttp
import pytest

from seeds.running import Runner

pytestmark = pytest.mark.asyncio(loop_scope="module")
SNIPPETS = """
import base64
import openai

api_key = "YOUR_KEY"
base_url = "https://gateway.example"
client = openai.OpenAI(api_key=api_key, base_url=base_url+"/v1/")

model = "gpt-4o-mini"
response = client.chat.completions.create(
    model=model,
    messages=[{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "Hello!"}],
)
print(response.choices[0].message.content)

stream = client.chat.completions.create(
    model=model, messages=[{"role": "user", "content": "write a short poem."}], stream=True,
)
for chunk in stream:
    if chunk.choices[0].delta.content is not None:
        print(chunk.choices[0].delta.content, end="")

image_model = "playground-v3"
result = client.images.generate(model=image_model, prompt="A cute kitten", n=1)
image_url = result.data[0].url
print(f"\\nImage URL: {image_url}")

image_model = "GPT-Image-1"
result = client.images.edit(
    model=image_model,
    prompt="上传的doro狗手中举着一个牌子,上面写着'I'm Doro'",
    image=[open('doro.png', 'rb')],
    n=1,
)
image_base64 = result.data[0].b64_json
image_bytes = base64.b64decode(image_base64)
with open("doro_new.png", "wb") as f:
    f.write(image_bytes)
"""


async def test_the_quick_start_is_answered_in_the_published_shape(run: Runner) -> None:
    told = json.loads(
        await run.curl("""curl -X POST 'https://gateway.example/v1/chat/completions' \\
  -H 'Authorization: Bearer YOUR_KEY' \\
  -H 'Content-Type: application/json' \\
  -d '{"model":"[M]claude-sonnet-4","messages":[{"role":"user","content":"Hello"}]}'""")
    )
    assert told["id"].startswith("chatcmpl-") and told["object"] == "chat.completion" and isinstance(told["created"], int)
    assert told["model"] == "[M]claude-sonnet-4"
    (choice,) = told["choices"]
    assert choice["index"] == 0 and choice["message"]["role"] == "assistant" and choice["finish_reason"] == "stop"
    usage = told["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    pisces = told["pisces"]
    assert (pisces["gateway"], pisces["protocol"], pisces["channel"]) == ("Pisces", "openai", "demo")
    assert pisces["request_id"].startswith("req_") and isinstance(pisces["timestamp"], int)


async def test_the_python_snippets_run_from_the_first_line_to_the_last(run: Runner) -> None:
    printed = await run.python(SNIPPETS)
    assert printed.startswith("Hello!") and "Image URL: http://127.0.0.1" in printed
    assert (run.folder / "doro_new.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer {key}"}, {"x-api-key": "{key}"}, {"x-goog-api-key": "{key}"}, {}],
    ids=["bearer", "x-api-key", "x-goog-api-key", "?key="],
)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}),
        ("/v1/messages", {"model": "gpt-4o", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}),
        ("/v1beta/models/%5BM%5Dclaude-sonnet-4:generateContent", {"contents": [{"parts": [{"text": "Hello"}]}]}),
        ("/v1/images/generations", {"model": "playground-v3", "prompt": "A cute kitten"}),
        ("/v1/videos/tasks", {"model": "v", "prompt": "A cute kitten"}),
    ],
    ids=["openai", "anthropic", "gemini", "images", "tasks"],
)
async def test_a_key_is_taken_wherever_clients_put_it(
    run: Runner, headers: dict[str, str], path: str, body: dict[str, object]
) -> None:
    filled = {name: value.format(key=run.gateway.key) for name, value in headers.items()}
    query = {} if headers else {"key": run.gateway.key}
    async with aiohttp.ClientSession() as http:
        async with http.post(run.gateway.url + path, json=body, headers=filled, params=query) as got:
            told = await got.json()
    assert got.status in (200, 202) and told["pisces"]["request_id"] == got.headers["x-request-id"]
    assert told.get("model", told.get("modelVersion", "")) in ("", body.get("model", "[M]claude-sonnet-4"))


async def test_gemini_streams(run: Runner) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    async with aiohttp.ClientSession() as http:
        url = f"{run.gateway.url}/v1beta/models/gemini-2.5-flash:streamGenerateContent"
        async with http.post(url, json=body, params={"key": run.gateway.key, "alt": "sse"}) as got:
            text = await got.text()
        async with http.post(url, json=body, params={"key": run.gateway.key}) as got:
            listed = await got.json(content_type=None)
    assert text.startswith("data: {") and isinstance(listed, list)
