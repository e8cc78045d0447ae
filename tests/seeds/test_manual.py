"""The samples of the apiyi manual (S2)."""

from __future__ import annotations

import json

import pytest

from pisces_proxy.media import wav
from seeds.running import Runner

pytestmark = pytest.mark.asyncio(loop_scope="module")
CURL = 'curl -X POST "https://gateway.example/v1/{path}" -H "Authorization: Bearer YOUR_KEY" -H "Content-Type: application/json" -d \'{body}\''
CHAT = """{ "model": "gpt-3.5-turbo", "messages": [ {"role": "system", "content": "你是一个有用的AI助手。"}, {"role": "user", "content": "你好!请介绍一下自己。"} ], "temperature": 0.7, "max_tokens": 1000 }"""
STREAM = """
import requests
import json

api_key = 'YOUR_KEY'
response = requests.post(
    'https://gateway.example/v1/chat/completions',
    headers={'Authorization': f'Bearer {api_key}', 'Content-Type': 'application/json'},
    json={'model': 'gpt-3.5-turbo', 'messages': [{'role': 'user', 'content': 'Hello'}], 'stream': True},
    stream=True,
)
for line in response.iter_lines():
    if line:
        line = line.decode('utf-8')
        if line.startswith('data: '):
            data = line[6:]
            if data != '[DONE]':
                chunk = json.loads(data)
                content = chunk['choices'][0]['delta'].get('content', '')
                print(content, end='')
"""
STREAM_JS = """
const response = await fetch('https://gateway.example/v1/chat/completions', {
  method: 'POST',
  headers: { 'Authorization': 'Bearer YOUR_KEY', 'Content-Type': 'application/json' },
  body: JSON.stringify({ model: 'gpt-3.5-turbo', messages: [{ role: 'user', content: 'Hello' }], stream: true }),
});
const decoder = new TextDecoder();
for await (const bytes of response.body) {
  for (const line of decoder.decode(bytes).split('\\n')) {
    if (line.startsWith('data: ') && line.slice(6) !== '[DONE]') {
      process.stdout.write(JSON.parse(line.slice(6)).choices[0].delta.content || '');
    }
  }
}
"""
ERRORS = """
import openai

client = openai.OpenAI(api_key="{key}", base_url="https://gateway.example/v1", max_retries=0)
try:
    response = client.chat.completions.create(model="{model}", messages=[{{"role": "user", "content": "{text}"}}])
    print(response.choices[0].message.content)
except Exception as e:
    if hasattr(e, 'status_code'):
        if e.status_code == 401:
            print("API密钥无效")
        elif e.status_code == 429:
            print("请求过于频繁或额度不足")
        elif e.status_code == 500:
            print("服务器错误,请稍后重试")
        else:
            print(f"未知错误:{{str(e)}}")
"""
SWITCHED = """
import openai

client = openai.OpenAI(api_key="YOUR_KEY", base_url="https://gateway.example/v1")
for model in ("gpt-4o", "claude-3.5-sonnet", "gemini-1.5-pro", "grok-4-0709", "deepSeek-r1"):
    response = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
    print(response.model, bool(response.choices[0].message.content))
"""
RETRIES = """
import random
import time
import openai

client = openai.OpenAI(api_key="YOUR_KEY", base_url="https://gateway.example/v1", max_retries=0)
asked = []

def ask():
    asked.append(time.monotonic())
    text = "demo:error 503" if len(asked) < 3 else "What is 2+2?"
    return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])

def retry_with_backoff(func, max_retries=3):
    for i in range(max_retries):
        try:
            return func()
        except Exception as e:
            if i == max_retries - 1:
                raise e
            wait_time = (2 ** i) * 0.01 + random.uniform(0, 0.01)
            time.sleep(wait_time)

print(retry_with_backoff(ask).choices[0].message.content, len(asked))
"""


async def test_the_chat_sample_is_answered_in_its_language(run: Runner) -> None:
    told = json.loads(await run.curl(CURL.format(path="chat/completions", body=CHAT)))
    assert (told["object"], told["model"], told["choices"][0]["index"]) == ("chat.completion", "gpt-3.5-turbo", 0)
    assert told["choices"][0]["finish_reason"] == "stop" and "演示模型" in told["choices"][0]["message"]["content"]
    assert set(told["usage"]) >= {"prompt_tokens", "completion_tokens", "total_tokens"}


async def test_every_parameter_of_the_table_is_taken(run: Runner) -> None:
    body = {
        **json.loads(CHAT),
        "messages": [{"role": "user", "content": "Say one two three"}, {"role": "assistant", "content": "One"}, {"role": "user", "content": "Say a b stop c"}],
        "top_p": 0.5, "n": 2, "stop": ["stop"], "presence_penalty": -2, "frequency_penalty": 2, "stream": False,
    }  # fmt: skip
    told = json.loads(await run.curl(CURL.format(path="chat/completions", body=json.dumps(body))))
    assert [choice["message"]["content"] for choice in told["choices"]] == ["a b ", "(2) a b "]
    body |= {"stop": "b", "n": 1}
    told = json.loads(await run.curl(CURL.format(path="chat/completions", body=json.dumps(body))))
    assert told["choices"][0]["message"]["content"] == "a "


@pytest.mark.parametrize("prompt", ['"Once upon a time"', '["Once upon", "Far away"]'])
async def test_legacy_completions_are_answered(run: Runner, prompt: str) -> None:
    body = f'{{"model": "gpt-3.5-turbo-instruct", "prompt": {prompt}, "max_tokens": 50, "temperature": 0.5, "top_p": 1, "n": 1, "stop": ["\\n\\n"]}}'
    told = json.loads(await run.curl(CURL.format(path="completions", body=body)))
    assert told["object"] == "text_completion" and len(told["choices"]) == prompt.count(",") + 1
    printed = await run.curl(CURL.format(path="completions", body=body.replace("{", '{"stream": true, ', 1)))
    assert printed.rstrip().endswith("data: [DONE]")


async def test_the_embeddings_sample_is_answered(run: Runner) -> None:
    body = '{ "model": "text-embedding-ada-002", "input": "这是一段需要向量化的文本示例" }'
    told = json.loads(await run.curl(CURL.format(path="embeddings", body=body)))
    assert told["object"] == "list" and len(told["data"][0]["embedding"]) == 1536 and told["usage"]["total_tokens"] > 0
    both = body.replace('"这是一段需要向量化的文本示例"', '["one", "two"], "encoding_format": "base64"')
    told = json.loads(await run.curl(CURL.format(path="embeddings", body=both)))
    assert [(row["index"], type(row["embedding"])) for row in told["data"]] == [(0, str), (1, str)]


async def test_the_embeddings_samples_of_python_agree(run: Runner) -> None:
    printed = await run.python("""
import openai, requests
client = openai.OpenAI(api_key="YOUR_KEY", base_url="https://gateway.example/v1")
one = client.embeddings.create(model="text-embedding-ada-002", input="这是一段需要向量化的文本示例").data[0].embedding
other = requests.post(
    "https://gateway.example/v1/embeddings",
    headers={"Authorization": "Bearer YOUR_KEY"},
    json={"model": "text-embedding-ada-002", "input": "这是一段需要向量化的文本示例", "encoding_format": "float"},
).json()["data"][0]["embedding"]
print(max(abs(a - b) for a, b in zip(one, other)) < 1e-6)
""")
    assert printed == "True\n"


async def test_the_image_sample_draws_although_it_asks_for_hd(run: Runner) -> None:
    body = '{ "model": "gpt-image-1", "prompt": "一只可爱的橙色小猫坐在阳光明媚的花园里", "n": 1, "size": "1024x1024", "quality": "hd" }'
    told = json.loads(await run.curl(CURL.format(path="images/generations", body=body)))
    assert len(told["data"][0]["b64_json"]) > 1000
    wide = (
        body.replace('"1024x1024"', '"1792x1024", "style": "vivid"').replace('"n": 1', '"n": 2').replace('"hd"', '"standard"')
    )
    assert len(json.loads(await run.curl(CURL.format(path="images/generations", body=wide)))["data"]) == 2


@pytest.mark.parametrize("wanted", ["json", "text", "srt", "verbose_json", "vtt"])
async def test_a_sound_is_transcribed(run: Runner, wanted: str) -> None:
    (run.folder / "audio.wav").write_bytes(wav(bytes(32_000), 8_000))
    printed = await run.curl(
        'curl "https://gateway.example/v1/audio/transcriptions" -H "Authorization: Bearer YOUR_KEY" -F file=@audio.wav -F model=whisper-1'
        f" -F language=en -F prompt=names -F response_format={wanted} -F temperature=0"
    )
    assert "This is a recording of 2.0 seconds." in printed and printed.startswith("{") == ("json" in wanted)


async def test_the_list_of_models_has_the_published_shape(run: Runner) -> None:
    told = json.loads(await run.curl('curl https://gateway.example/v1/models -H "Authorization: Bearer YOUR_KEY"'))
    rows = {row["id"]: row for row in told["data"]}
    assert told["object"] == "list" and told["success"] is True
    assert {"gpt-3.5-turbo", "gpt-4o", "deepSeek-r1", "claude-3.5-sonnet", "gemini-1.5-pro", "grok-3"} <= set(rows)
    assert {"id", "object", "created", "owned_by"} <= set(rows["gpt-4o"]) and rows["gpt-4o"]["object"] == "model"


async def test_the_streaming_sample_of_python_prints_the_answer(run: Runner) -> None:
    assert (await run.python(STREAM)).startswith("Hello!")


async def test_the_streaming_sample_of_javascript_prints_the_answer(run: Runner) -> None:
    assert (await run.node(STREAM_JS)).startswith("Hello!")


@pytest.mark.parametrize(
    ("values", "printed"),
    [
        ({"key": "wrong", "model": "gpt-3.5-turbo", "text": "Hello"}, "API密钥无效"),
        ({"key": "YOUR_KEY", "model": "gpt-3.5-turbo", "text": "demo:error 429"}, "请求过于频繁或额度不足"),
        ({"key": "YOUR_KEY", "model": "gpt-3.5-turbo", "text": "demo:error 418"}, "未知错误"),
        ({"key": "YOUR_KEY", "model": "gpt-3.5-turbo", "text": "Hello"}, "Hello!"),
    ],
    ids=["401", "429", "other", "200"],
)
async def test_the_error_sample_tells_errors_apart(run: Runner, values: dict[str, str], printed: str) -> None:
    assert (await run.python(ERRORS.format(**values))).startswith(printed)


async def test_errors_have_the_published_body(run: Runner) -> None:
    wrong = CURL.format(path="chat/completions", body=CHAT).replace("YOUR_KEY", "sk-wrong")
    error = json.loads(await run.curl(wrong))["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, "invalid_api_key")
    error = json.loads(await run.curl(CURL.format(path="chat/completions", body='{"model": "gpt-4o"}')))["error"]
    assert error["type"] == "invalid_request_error" and "messages" in error["message"]


async def test_models_of_all_vendors_are_a_matter_of_the_name(run: Runner) -> None:
    lines = (await run.python(SWITCHED)).split()
    assert lines[::2] == ["gpt-4o", "claude-3.5-sonnet", "gemini-1.5-pro", "grok-4-0709", "deepSeek-r1"]
    assert set(lines[1::2]) == {"True"}


async def test_the_retry_sample_gets_through(run: Runner) -> None:
    assert await run.python(RETRIES) == "2+2 = 4. 3\n"


async def test_the_responses_endpoint_is_there(run: Runner) -> None:
    told = json.loads(await run.curl(CURL.format(path="responses", body='{"model": "gpt-4o", "input": "What is 2+2?"}')))
    assert told["object"] == "response" and "4" in json.dumps(told["output"])
