"""The samples of the customer integration document (S3)."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any

import pytest

from seeds.running import Runner

pytestmark = pytest.mark.asyncio(loop_scope="module")
BEARER = '-H "Authorization: Bearer YOUR_KEY" -H "Content-Type: application/json"'
ANTHROPIC = '-H "x-api-key: YOUR_KEY" -H "anthropic-version: 2023-06-01" -H "content-type: application/json"'
GOOGLE = '-H "x-goog-api-key: YOUR_KEY" -H "Content-Type: application/json"'
GPT = '{"model": "gpt-5.4", "messages": [{"role": "user", "content": "请用一句话介绍你自己"}], "max_tokens": 512}'
CLAUDE = '{"model": "claude-sonnet-4-6", "max_tokens": 1024, "messages": [{"role": "user", "content": "请用一句话介绍你自己"}]}'
GEMINI = '{"contents": [{"parts": [{"text": "请用一句话介绍你自己"}]}]}'
DRAWN = '{"contents": [{"parts": [{"text": "生成一张极简蓝色圆形图标,白色背景"}]}], "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}'
IMAGE = '{"model": "gpt-image-2", "prompt": "画一个极简红苹果图标", "size": "1024x1024"}'
THINKING = """{"model": "claude-sonnet-4-6", "max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 8192},
  "messages": [{"role": "user", "content": "证明根号 2 是无理数,并写出完整步骤"}]}"""
HAPPYHORSE = {
    "t2v": """{"model": "happyhorse-1.0-t2v", "input": {"prompt": "一匹白色小马在草原上奔跑,阳光明媚,电影感镜头"},
  "parameters": {"resolution": "720P", "duration": 5, "ratio": "16:9", "watermark": false}}""",
    "i2v": """{"model": "happyhorse-1.0-i2v", "input": {"prompt": "让图片中的人物自然挥手,背景保持稳定",
  "media": [{"type": "input_image", "url": "https://example.com/input.jpg"}]},
  "parameters": {"resolution": "720P", "duration": 5, "watermark": false}}""",
    "r2v": """{"model": "happyhorse-1.0-r2v", "input": {"prompt": "[Image 1]中的人物向镜头挥手,保持人物特征一致",
  "media": [{"type": "reference_image", "url": "https://example.com/reference-1.jpg"},
            {"type": "reference_image", "url": "https://example.com/reference-2.jpg"}]},
  "parameters": {"resolution": "720P", "duration": 3, "ratio": "16:9", "watermark": false}}""",
    "video-edit": """{"model": "happyhorse-1.0-video-edit", "duration": 3,
  "input": {"prompt": "将视频调整为电影感暖色调,保持主体动作自然", "media": [{"type": "video", "url": "https://example.com/input.mp4"}]},
  "parameters": {"resolution": "720P", "watermark": false, "audio_setting": "origin"}}""",
}
SEEDANCE = """{"model": "doubao-seedance-2-0-260128", "prompt": "一个中国男孩在挥舞一把宝剑",
  "resolution": "720p", "ratio": "16:9", "duration": 4, "generate_audio": false}"""
REQUESTS = """
import base64
import requests

resp = requests.post(
    "https://gateway.example/{path}",
    headers={headers},
    json={body},
    timeout={timeout},
)
resp.raise_for_status()
{rest}
"""


def curl(path: str, headers: str, body: str = "") -> str:
    return f'curl "https://gateway.example/{path}" {headers}' + (f" -d '{body}'" if body else "")


def python(path: str, body: str, rest: str, key: str = "Authorization", timeout: int = 120) -> str:
    headers = {key: "Bearer YOUR_KEY" if key == "Authorization" else "YOUR_KEY", "Content-Type": "application/json"}
    if key == "x-api-key":
        headers["anthropic-version"] = "2023-06-01"
    return REQUESTS.format(path=path, headers=headers, body=json.loads(body), rest=rest, timeout=timeout)


async def asked(run: Runner, *arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await run.curl(curl(*arguments)))
    return told


async def test_the_first_call_shows_that_key_and_platform_work(run: Runner) -> None:
    told = await asked(run, "v1/models", '-H "Authorization: Bearer YOUR_KEY"')
    ids = {row["id"] for row in told["data"]}
    assert told["success"] is True
    assert {
        "claude-sonnet-4-6",
        "gpt-5.4",
        "gemini-3.5-flash",
        "DeepSeek-V4-Pro",
        "GLM-5.1",
        "Kimi-K2.6",
        "qwen3.6-plus",
    } <= ids
    assert {
        "gpt-image-2",
        "happyhorse-1.0-t2v",
        "doubao-seedance-2-0-260128",
        "MiniMax/speech-2.8-turbo",
        "qwen3-tts-flash",
    } <= ids


async def test_claude_answers_text_first(run: Runner) -> None:
    told = await asked(run, "v1/messages", ANTHROPIC, CLAUDE)
    assert told["content"][0]["type"] == "text" and told["model"] == "claude-sonnet-4-6"
    printed = await run.python(python("v1/messages", CLAUDE, 'print(resp.json()["content"][0]["text"])', "x-api-key"))
    assert "演示模型" in printed


@pytest.mark.parametrize("model", ["gpt-5.4", "DeepSeek-V4-Pro", "DeepSeek-V4-Flash", "GLM-5.1", "Kimi-K2.6", "qwen3.6-plus"])
async def test_models_of_one_kind_are_switched_by_name(run: Runner, model: str) -> None:
    told = await asked(run, "v1/chat/completions", BEARER, GPT.replace("gpt-5.4", model))
    assert told["model"] == model and told["choices"][0]["message"]["content"]


async def test_the_openai_sample_of_python_prints_the_answer(run: Runner) -> None:
    printed = await run.python("""
from openai import OpenAI

client = OpenAI(api_key="YOUR_KEY", base_url="https://gateway.example/v1")
resp = client.chat.completions.create(
    model="gpt-5.4", messages=[{"role": "user", "content": "请用一句话介绍你自己"}], max_tokens=512,
)
print(resp.choices[0].message.content)
""")
    assert "演示模型" in printed


async def test_gemini_answers_contents_without_a_role(run: Runner) -> None:
    told = await asked(run, "v1beta/models/gemini-3.5-flash:generateContent", GOOGLE, GEMINI)
    assert told["candidates"][0]["content"]["parts"][0]["text"]
    rest = 'print(resp.json()["candidates"][0]["content"]["parts"][0]["text"])'
    printed = await run.python(python("v1beta/models/gemini-3.5-flash:generateContent", GEMINI, rest, "x-goog-api-key"))
    assert "演示模型" in printed


async def test_gpt_image_gives_base64(run: Runner) -> None:
    told = await asked(run, "v1/images/generations", BEARER, IMAGE)
    assert base64.b64decode(told["data"][0]["b64_json"]).startswith(b"\x89PNG")
    rest = """image_b64 = resp.json()["data"][0]["b64_json"]
with open("output.png", "wb") as f:
    f.write(base64.b64decode(image_b64))"""
    await run.python(python("v1/images/generations", IMAGE, rest, timeout=180))
    assert (run.folder / "output.png").read_bytes().startswith(b"\x89PNG")


async def test_gemini_draws_a_blue_disc(run: Runner) -> None:
    """As Google does it; as text for keys that are made so (`--images-as-text`)."""
    told = await asked(run, "v1beta/models/gemini-3.1-flash-image-preview:generateContent", GOOGLE, DRAWN)
    parts = told["candidates"][0]["content"]["parts"]
    (picture,) = [part["inlineData"] for part in parts if "inlineData" in part]
    assert picture["mimeType"] == "image/png" and base64.b64decode(picture["data"]).startswith(b"\x89PNG")


async def done(run: Runner, path: str, status: Any) -> dict[str, Any]:
    while status(told := await asked(run, path, '-H "Authorization: Bearer YOUR_KEY"')):
        await asyncio.sleep(1)
    return told


@pytest.mark.parametrize("name", HAPPYHORSE)
async def test_a_happyhorse_is_taken_in_and_comes_to_its_end(run: Runner, name: str) -> None:
    """Files at example.com are not fetched: whoever makes the video does that."""
    told = await asked(run, "v1/videos", BEARER, HAPPYHORSE[name])
    assert re.fullmatch(r"task_[A-Za-z0-9]{32}", told["id"]) and told["task_id"] == told["id"]
    assert (told["model"], told["status"]) == (f"happyhorse-1.0-{name}", "queued") and isinstance(told["created_at"], int)
    told = await done(run, f"v1/videos/{told['id']}", lambda told: told["status"] in ("queued", "in_progress"))
    assert (told["status"], told["progress"], told["error"]) == ("completed", 100, None)
    await run.curl(f'curl -o video.mp4 "{told["metadata"]["url"]}"')
    assert (run.folder / "video.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("url", "said"),
    [("./input.jpg", "public"), ("http://127.0.0.1/a.jpg", "public"), ("http://192.168.0.1/a.jpg", "public"), ("", "url")],
)
async def test_media_must_be_public(run: Runner, url: str, said: str) -> None:
    told = await asked(run, "v1/videos", BEARER, HAPPYHORSE["i2v"].replace("https://example.com/input.jpg", url))
    assert told["error"]["type"] == "invalid_request_error" and said in told["error"]["message"].lower()


async def test_a_file_whose_name_nobody_knows_is_left_to_who_fetches_it(run: Runner) -> None:
    """A video's maker does that itself. An edit is painted here: it says which URL it could not have."""
    nowhere = "https://files.invalid/input.jpg"
    told = await asked(run, "v1/videos", BEARER, HAPPYHORSE["i2v"].replace("https://example.com/input.jpg", nowhere))
    assert told["status"] == "queued"
    edit = json.dumps({"model": "GPT-Image-1", "prompt": "a hat", "image": [nowhere]})
    told = await asked(run, "v1/images/edits", BEARER, edit)
    assert (told["error"]["param"], told["error"]["code"]) == ("images[0]", "invalid_url")
    told = await asked(run, "v1/images/tasks", BEARER, edit)
    told = await done(run, f"v1/tasks/{told['id']}", lambda told: told["status"] in ("queued", "in_progress"))
    assert told["status"] == "failed" and "cannot be fetched" in told["error"]["message"]


async def test_a_seedance_is_polled_in_its_own_words(run: Runner) -> None:
    told = await asked(run, "v1/video/generations", BEARER, SEEDANCE)
    assert told["id"] == told["task_id"] and told["id"].startswith("task_") and told["status"] == "queued"
    id = told["id"]
    words = ("QUEUED", "IN_PROGRESS")
    data = (await done(run, f"v1/video/generations/{id}", lambda told: told["data"]["status"] in words))["data"]
    assert (data["status"], data["progress"]) == ("SUCCESS", "100%") and "expires=" in data["result_url"]
    told = await asked(run, f"v1/videos/{id}", '-H "Authorization: Bearer YOUR_KEY"')
    assert (told["status"], told["progress"]) == ("completed", 100)


@pytest.mark.parametrize(
    ("model", "voice"),
    [
        ("qwen3-tts-flash", "Cherry"),
        ("MiniMax/speech-2.8-turbo", "male-qn-qingse"),
        ("MiniMax/speech-2.8-hd", "male-qn-qingse"),
    ],
)
async def test_a_voice_speaks_wav_into_a_file(run: Runner, model: str, voice: str) -> None:
    body = json.dumps({"model": model, "input": "你好,这是一个测试。", "voice": voice})
    await run.curl(curl("v1/audio/speech", BEARER, body) + " --output speech.wav")
    spoken = (run.folder / "speech.wav").read_bytes()
    rest = 'with open("python.wav", "wb") as f:\n    f.write(resp.content)'
    await run.python(python("v1/audio/speech", body, rest, timeout=180))
    assert spoken[:4] == b"RIFF" and (run.folder / "python.wav").read_bytes() == spoken


async def test_a_voice_takes_format_and_speed(run: Runner) -> None:
    body = '{"model": "qwen3-tts-flash", "input": "你好,这是一个测试。", "voice": "Cherry", "response_format": "mp3", "speed": 1.5}'
    printed = await run.curl(curl("v1/audio/speech", BEARER, body) + ' -o speech.mp3 -w "%{content_type}"')
    assert printed == "audio/mpeg" and (run.folder / "speech.mp3").read_bytes()[:2] == b"\xff\xf3"
    printed = await run.curl(
        curl("v1/audio/speech", BEARER, body.replace("mp3", "opus")) + ' -w "%{http_code} %{content_type}"'
    )
    assert printed.endswith("400 application/json; charset=utf-8") or printed.endswith("400 application/json")


async def test_thinking_comes_where_it_was_asked_for_and_only_there(run: Runner) -> None:
    """The sample's budget is larger than its max_tokens: it is fitted, not refused."""
    told = await asked(run, "v1/messages", ANTHROPIC, THINKING)
    assert [block["type"] for block in told["content"]] == ["thinking", "text"] and told["content"][0]["signature"]
    plain = json.loads(THINKING)
    del plain["thinking"]
    told = await asked(run, "v1/messages", ANTHROPIC, json.dumps(plain))
    assert [block["type"] for block in told["content"]] == ["text"]
