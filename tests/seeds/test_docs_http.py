"""The samples of the older Pisces documentation (S1) that speak HTTP themselves: requests, fetch, axios, curl, PHP."""

from __future__ import annotations

import asyncio
import json
import shutil
from urllib.parse import urlsplit

import pytest

from seeds.running import Runner

pytestmark = pytest.mark.asyncio(loop_scope="module")
REQUESTS = """
import requests
import json
import base64

api_key = "YOUR_KEY"
base_url = "https://gateway.example"
chat_url = base_url + "/v1/chat/completions"
image_gen_url = base_url + "/v1/images/generations"
image_edit_url = base_url + "/v1/images/edits"

def text_chat():
    response = requests.post(chat_url, json={
        "messages": [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "Hello!"}],
        "model": "gpt-4o-mini",
        "api_key": api_key
    })
    result = response.json()
    content = result["choices"][0]["message"]["content"]
    usage = result["usage"]["total_tokens"]
    print(f"Response: {content}")
    print(f"Tokens used: {usage}")

def multimodal_chat():
    response = requests.post(chat_url, json={
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "这张图片里有什么?"},
            {"type": "image_url", "image_url": "https://example.com/image.jpg"}
        ]}],
        "model": "gpt-4o",
        "api_key": api_key
    })
    result = response.json()
    print(result["choices"][0]["message"]["content"])

def streaming_chat():
    response = requests.post(chat_url, json={
        "messages": [{"role": "user", "content": "写一首关于春天的诗"}],
        "model": "gpt-4o-mini",
        "api_key": api_key,
        "stream": True
    }, stream=True)
    for line in response.iter_lines():
        if line:
            line = line.decode('utf-8')
            if line.startswith("data: "):
                if line.strip() == "data: [DONE]":
                    break
                json_data = json.loads(line[6:])
                if 'choices' in json_data and json_data['choices']:
                    delta = json_data['choices'][0].get('delta', {})
                    if 'content' in delta:
                        print(delta['content'], end="", flush=True)

def image_generation():
    response = requests.post(image_gen_url, json={
        "prompt": "A beautiful sunset over the ocean", "model": "FLUX-pro-1.1", "n": 1, "size": "1024x1024", "api_key": api_key
    })
    result = response.json()
    if "data" in result:
        image_url = result["data"][0]["url"]
        print(f"Generated image URL: {image_url}")
        if "b64_json" in result["data"][0]:
            image_base64 = result["data"][0]["b64_json"]
            image_bytes = base64.b64decode(image_base64)
            with open("generated_image.png", "wb") as f:
                f.write(image_bytes)
            print("Image saved as generated_image.png")

def image_editing():
    with open("input.png", "rb") as f:
        image_data = base64.b64encode(f.read()).decode()
    images = [f"data:image/png;base64,{image_data}"]
    response = requests.post(image_edit_url, json={
        "prompt": "在图片中添加一只小猫", "image": images, "model": "GPT-Image-1", "n": 1, "size": "1024x1024", "api_key": api_key
    })
    result = response.json()
    if "data" in result:
        image_base64 = result["data"][0]["b64_json"]
        image_bytes = base64.b64decode(image_base64)
        with open("edited_image.png", "wb") as f:
            f.write(image_bytes)
        print("Edited image saved as edited_image.png")

for sample in (text_chat, multimodal_chat, streaming_chat, image_generation, image_editing):
    print(f"\\n=== {sample.__name__} ===")
    sample()
"""
FETCH = """
const response = await fetch('https://gateway.example/v1/chat/completions', {
  method: 'POST',
  headers: {'Content-Type': 'application/json', 'Authorization': 'Bearer YOUR_KEY'},
  body: JSON.stringify({
    model: 'gpt-4o-mini',
    messages: [{role: 'system', content: 'You are a helpful assistant.'}, {role: 'user', content: 'Hello! How are you?'}],
    temperature: 0.7,
    max_tokens: 1000
  })
});
const data = await response.json();
console.log(data.choices[0].message.content);
"""
# what axios does, by fetch: a sample's own lines stand below it
AXIOS = """
const HEADERS = {'Accept': 'application/json, text/plain, */*', 'Content-Type': 'application/json', 'User-Agent': 'axios/1.7.9'};
const axios = async ({url, data, headers}) => {
  const response = await fetch(url, {method: 'POST', headers: {...HEADERS, ...headers}, body: JSON.stringify(data)});
  if (!response.ok) throw {response: {data: await response.json()}};
  return response;
};
axios.post = async (url, data, options) => ({data: await (await axios({url, data, ...options})).json()});
const apiKey = "YOUR_KEY";
const chatURL = 'https://gateway.example/v1/chat/completions';
const imageGenURL = 'https://gateway.example/v1/images/generations';
"""
AXIOS_TEXT = """
try {
  const response = await axios.post(chatURL, {
    messages: [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "Hello!"}],
    model: "gpt-4o-mini",
    api_key: apiKey
  });
  const content = response.data.choices[0].message.content;
  const usage = response.data.usage.total_tokens;
  console.log(`Response: ${content}`);
  console.log(`Tokens used: ${usage}`);
} catch (error) {
  console.log('Error:', error.response?.data || error.message);
}
"""
AXIOS_STREAM = """
const response = await axios({
  url: chatURL,
  data: {messages: [{"role": "user", "content": "写一首关于春天的诗"}], model: "gpt-4o-mini", api_key: apiKey, stream: true},
});
for await (const chunk of response.body) {
  const lines = Buffer.from(chunk).toString().split('\\n');
  for (const line of lines) {
    if (line.startsWith('data: ')) {
      if (line.trim() === 'data: [DONE]') { break; }
      const jsonData = JSON.parse(line.slice(6));
      if (jsonData.choices && jsonData.choices[0].delta.content) {
        process.stdout.write(jsonData.choices[0].delta.content);
      }
    }
  }
}
"""
AXIOS_IMAGE = """
const response = await axios.post(imageGenURL, {
  prompt: "A beautiful sunset over the ocean", model: "FLUX-pro-1.1", n: 1, size: "1024x1024", api_key: apiKey
});
if (response.data.data) {
  const imageUrl = response.data.data[0].url;
  console.log(`Generated image URL: ${imageUrl}`);
}
"""
AXIOS_PICTURE = """
const response = await axios.post(chatURL, {
  messages: [{role: "user", content: [
    {"type": "text", "text": "这张图片里有什么?"}, {"type": "image_url", "image_url": "https://example.com/image.jpg"}
  ]}],
  model: "gpt-4o",
  api_key: apiKey
});
console.log(response.data.choices[0].message.content);
"""
# the SDK for Node sends the same bodies, with the key as a bearer
NODE_SDK = """
const ask = (body) => axios({url: chatURL, data: body, headers: {'Authorization': `Bearer ${apiKey}`, 'User-Agent': 'OpenAI/JS 4.77.0'}});
const messages = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "Hello!"}];
console.log((await (await ask({model: "gpt-4o-mini", messages})).json()).choices[0].message.content);
const stream = await ask({model: "gpt-4o-mini", messages: [{"role": "user", "content": "write a short poem."}], stream: true});
let rest = '', text = '';
for await (const bytes of stream.body) {
  rest += new TextDecoder().decode(bytes);
  const lines = rest.split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    if (!line.startsWith('data: ') || line.startsWith('data: [DONE]')) continue;
    const chunk = JSON.parse(line.slice(6));
    if (chunk.choices[0]?.delta?.content) { text += chunk.choices[0].delta.content; }
  }
}
console.log(text.length > 40);
const drawn = await axios({url: imageGenURL, data: {model: "playground-v3", prompt: "A cute kitten", n: 1}, headers: {'Authorization': `Bearer ${apiKey}`}});
console.log(`Image URL: ${(await drawn.json()).data[0].url}`);
"""
PHP = """
$apiKey = 'YOUR_KEY'; $baseURL = 'https://gateway.example';
$data = ['messages' => [['role' => 'system', 'content' => 'You are a helpful assistant.'], ['role' => 'user', 'content' => 'Hello!']],
  'model' => 'gpt-4o-mini', 'api_key' => $apiKey];
$options = ['http' => ['header' => ['Content-Type: application/json', 'Authorization: Bearer ' . $apiKey],
  'method' => 'POST', 'content' => json_encode($data)]];
$result = file_get_contents($baseURL . '/v1/chat/completions', false, stream_context_create($options));
$response = json_decode($result, true);
if ($response) {
  echo "Response: " . $response['choices'][0]['message']['content'] . "\\n";
  echo "Tokens used: " . $response['usage']['total_tokens'] . "\\n";
}
"""
CURL = 'curl -X POST "https://gateway.example/v1/{path}" -H "Content-Type: application/json" -H "Authorization: Bearer YOUR_KEY" -d \'{body}\''
CURLS = {
    "hello": ("chat/completions", '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}'),
    "chat": (
        "chat/completions",
        '{"model": "gpt-4o-mini", "messages": [{"role": "system", "content": "You are a helpful assistant."}, '
        '{"role": "user", "content": "Hello! How are you?"}], "temperature": 0.7, "max_tokens": 1000}',
    ),
    "stream": (
        "chat/completions",
        '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "写一首诗"}], "stream": true}',
    ),
    "image": (
        "images/generations",
        '{"prompt": "A beautiful sunset over the ocean", "model": "FLUX-pro-1.1", "n": 1, "size": "1024x1024"}',
    ),
    "multimodal": (
        "chat/completions",
        '{"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "text", "text": "这张图片里有什么?"}, '
        '{"type": "image_url", "image_url": "https://example.com/image.jpg"}]}]}',
    ),
}


async def test_the_sample_with_requests_runs_from_the_first_line_to_the_last(run: Runner) -> None:
    """The key is in the bodies, and nowhere else."""
    parts = (await run.python(REQUESTS)).split("\n=== ")
    told = dict(part.partition(" ===\n")[::2] for part in parts if part.strip())
    assert told["text_chat"].startswith("Response: Hello!") and "Tokens used: " in told["text_chat"]
    assert "https://example.com/image.jpg" in told["multimodal_chat"] and "春" in told["streaming_chat"]
    assert "Generated image URL: http://127.0.0.1" in told["image_generation"]
    assert told["image_editing"] == "Edited image saved as edited_image.png\n"
    edited = (run.folder / "edited_image.png").read_bytes()
    assert edited[16:24].hex() == "0000040000000400"


async def test_the_fetch_sample_prints_an_answer(run: Runner) -> None:
    assert (await run.node(FETCH)).startswith("Hello!")


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (AXIOS_TEXT, "Response: Hello!"),
        (AXIOS_STREAM, "春"),
        (AXIOS_IMAGE, "Generated image URL: http://127.0.0.1"),
        (AXIOS_PICTURE, "https://example.com/image.jpg"),
        (NODE_SDK, "\ntrue\nImage URL: http://127.0.0.1"),
        (AXIOS_TEXT.replace("apiKey\n", "'wrong'\n"), "code: 'invalid_api_key'"),
    ],
    ids=["text", "stream", "image", "multimodal", "openai for Node", "error.response.data"],
)
async def test_the_samples_for_node_print_what_they_should(run: Runner, sample: str, said: str) -> None:
    """axios and openai of npm are not installed: the same requests by fetch, and the samples' own lines on the answers."""
    assert said in await run.node(AXIOS + sample)


@pytest.mark.parametrize("name", CURLS)
async def test_the_curl_samples_are_answered(run: Runner, name: str) -> None:
    path, body = CURLS[name]
    printed = await run.curl(CURL.format(path=path, body=body))
    if name == "stream":
        frames = [line for line in printed.split("\n") if line]
        assert all(line.startswith("data: ") for line in frames) and frames[-1] == "data: [DONE]"
        deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in frames[:-1]]
        assert not [delta for delta in deltas if "content" in delta and not isinstance(delta["content"], str)]
        return
    told = json.loads(printed)
    assert told["data"][0]["url"] if name == "image" else told["choices"][0]["message"]["content"]


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here; its request is sent by hand below")
async def test_the_php_sample_prints_an_answer(run: Runner) -> None:
    printed = await run.php(PHP)
    assert printed.startswith("Response: Hello!") and "Tokens used: " in printed


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("path", "body", "member"),
    [
        ("chat/completions", {"messages": [{"role": "user", "content": "Hello!"}], "model": "gpt-4o-mini"}, "choices"),
        ("images/generations", {"prompt": "A sunset", "model": "FLUX-pro-1.1", "n": 1, "size": "1024x1024"}, "data"),
    ],
)
async def test_phps_file_get_contents_is_answered_and_let_go(
    run: Runner, version: str, path: str, body: dict[str, object], member: str
) -> None:
    """As PHP's stream wrapper sends it: `Connection: close`, older versions by HTTP/1.0, and it reads to the end."""
    url = urlsplit(run.gateway.url)
    data = json.dumps({**body, "api_key": run.gateway.key}).encode()
    head = (
        f"POST /v1/{path} HTTP/{version}\r\nHost: {url.netloc}\r\nConnection: close\r\nContent-Length: {len(data)}\r\n"
        f"Content-Type: application/json\r\nAuthorization: Bearer {run.gateway.key}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(head.encode() + data)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    headers, _, received = answer.partition(b"\r\n\r\n")
    length = next(line for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    assert b" 200 " in headers.split(b"\r\n")[0] and int(length.split(b":")[1]) == len(received)
    assert json.loads(received)[member]
