"""`pisces ask --image`, `--speech`, `--video` and `--json`, asked of a real gateway."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from gateways import Process, open_process

Ask = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
async def gateway(stack, tmp_path: Path) -> Process:
    """On an empty folder: the demo answers."""
    found: Process = await stack.enter_async_context(open_process(tmp_path))
    return found


@pytest.fixture
def ask(gateway: Process, tmp_path: Path) -> Ask:
    folder = tmp_path / "work"
    folder.mkdir()

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pisces_proxy.cli", "ask", *arguments, "--url", gateway.url]
        options = {"cwd": folder, "capture_output": True, "text": True, "timeout": 60}
        where = ["--database", f"sqlite:///{tmp_path / 'pisces.db'}"]
        return await asyncio.to_thread(subprocess.run, [*command, *where], **options)

    return run


async def test_a_picture_is_written_to_a_file_named_by_its_words(ask: Ask, tmp_path: Path) -> None:
    for name in ("a-cute-kitten.png", "a-cute-kitten-2.png"):
        done = await ask("--image", "A cute kitten!", "--set", "size=320x200")
        assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr
        data = (tmp_path / "work" / name).read_bytes()
        assert data.startswith(b"\x89PNG") and data[16:24] == bytes((0, 0, 1, 64, 0, 0, 0, 200))


async def test_several_pictures_are_several_files_and_json_names_them(ask: Ask, tmp_path: Path) -> None:
    done = await ask("--image", "A kitten", "--model", "GPT-Image-1", "--set", "n=2", "--out", "cat.png", "--json")
    told = json.loads(done.stdout)
    assert told["files"] == ["cat.png", "cat-2.png"] and told["model"] == "GPT-Image-1" and told["channel"] == "demo"
    assert told["request_id"].startswith("req_") and (tmp_path / "work" / "cat-2.png").exists()


async def test_speech_is_in_the_format_that_the_files_name_says(ask: Ask, tmp_path: Path) -> None:
    done = await ask("--speech", "Good morning", "--out", "morning.mp3", "--set", "voice=alloy")
    assert done.stdout == "morning.mp3\n", done.stderr
    assert (tmp_path / "work" / "morning.mp3").read_bytes().startswith(b"\xff\xf3")
    done = await ask("--speech", "你好", "--json")
    assert json.loads(done.stdout)["files"] == ["你好.wav"]


async def test_a_video_is_waited_for_and_fetched(ask: Ask, tmp_path: Path) -> None:
    done = await ask("--video", "A horse", "--set", "duration_seconds=2", "--set", "resolution=480p", "--out", str(tmp_path))
    assert done.returncode == 0 and Path(done.stdout.strip()) == tmp_path / "a-horse.mp4", done.stderr
    assert "task_" in done.stderr and "pisces tasks show" in done.stderr
    assert (tmp_path / "a-horse.mp4").read_bytes()[4:8] == b"ftyp"


async def test_json_tells_a_whole_answer_at_once(ask: Ask) -> None:
    told = json.loads((await ask("What is 6 times 7?", "--model", "gpt-4o", "--json")).stdout)
    assert "42" in told["text"] and told["model"] == "gpt-4o" and told["usage"]["input"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--image", "demo:error 429"], "429: "),
        (["--video", "demo:refuse"], "has failed: The demo model refuses this"),
        (["--speech", "Hello", "--set", "response_format=opus"], "400: The demo speaks wav, pcm and mp3"),
        (["--image", "x", "--set", "size"], "is no NAME=VALUE"),
        (["--image", "x", "--out", "nowhere/x.png"], "nowhere/x.png cannot be written"),
        (["Hello", "--out", "x.png"], "--set and --out go with"),
    ],
)
async def test_what_goes_wrong_is_one_clear_line(ask: Ask, arguments: list[str], told: str) -> None:
    done = await ask(*arguments)
    assert done.returncode != 0 and told in done.stderr and "Traceback" not in done.stderr
