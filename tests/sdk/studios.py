"""A gateway in front of one vendor that plays every studio with a format of its own."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import openai
from gateways import House
from media.vendor import Asked, Vendor
from sdk.scripted import open_front, until_over

from pisces_proxy.task import Task
from pisces_proxy.task_steps import Pace

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
B64 = base64.b64encode(PNG).decode()
MOVIE = bytes(range(256)) * 20
FLUX, FAL, FAST = "/v1/flux-pro-1.1", "/fal-ai/flux/dev", "/v1/models/black-forest-labs/flux-1.1-pro/predictions"
KEYS = {
    "bfl": "bfl-key",
    "fal": "fal-key",
    "replicate": "r8-key",
    "kling": "AK:SK",
    "elevenlabs": "eleven-key",
    "xai": "xai-key",
}
CHANNELS = """
[[channel]]
name = "bfl"
provider = "bfl"
key = "bfl-key"
base_url = "{origin}/v1"
models = ["FLUX-pro-1.1", "flux-kontext-pro"]

[[channel]]
name = "bfl-two"
provider = "bfl"
key = "bfl-key"
base_url = "{origin}/v1"
models = ["FLUX-pro-1.1"]
priority = 9

[[channel]]
name = "fal"
provider = "fal"
key = "fal-key"
base_url = "{origin}"
models = {{ "flux-dev" = "fal-ai/flux/dev", "veo" = "fal-ai/veo3" }}

[[channel]]
name = "replicate"
provider = "replicate"
key = "r8-key"
base_url = "{origin}/v1"
models = {{ "flux-fast" = "black-forest-labs/flux-1.1-pro" }}

[[channel]]
name = "kling"
provider = "kling"
key = "AK:SK"
base_url = "{origin}/v1"
models = ["kling-v2-1"]

[[channel]]
name = "elevenlabs"
provider = "elevenlabs"
key = "eleven-key"
base_url = "{origin}/v1"
models = ["eleven_multilingual_v2", "scribe_v1"]

[[channel]]
name = "xai"
provider = "xai"
key = "xai-key"
base_url = "{origin}/v1"
models = ["grok-imagine-video"]

[[channel]]
name = "siliconflow"
provider = "siliconflow"
key = "silicon-key"
base_url = "{origin}/v1"
models = ["Wan-AI/Wan2.2-T2V-A14B"]

[price."FLUX-pro-1.1"]
per_image = 0.04
[price."kling-v2-1"]
per_second = 0.1
[price."eleven_multilingual_v2"]
per_million_characters = 100
[price."scribe_v1"]
per_second = 0.001
"""


@dataclass
class Stage:
    house: House
    vendor: Vendor
    sdk: openai.AsyncOpenAI
    http: aiohttp.ClientSession

    async def open(self, url: str) -> tuple[int, str, bytes]:
        """What anybody gets who has the URL."""
        async with self.http.get(url) as got:
            return got.status, got.content_type, await got.read()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.house.key}"}
        async with self.http.post(self.house.url + path, json=body, headers=headers) as got:
            return got.status, await got.json()

    async def over(self, id: str) -> Task:
        return await until_over(self.house, id)

    def asked(self, path: str, method: str = "POST") -> list[Asked]:
        return [asked for asked in self.vendor.asked if (asked.path, asked.method) == (path, method)]


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    async with open_front(folder, CHANNELS, Pace(tick=0.02, speed=0.01, busy=())) as (house, vendor, sdk):
        async with aiohttp.ClientSession() as http:
            yield Stage(house, vendor, sdk, http)


def emptied(stage: Stage) -> Stage:
    """For the next test: nothing asked, nothing to say but two files."""
    stage.vendor.on.clear()
    stage.vendor.asked.clear()
    stage.vendor.says("/files/a.png", PNG, mime="image/png")
    stage.vendor.says("/files/v.mp4", MOVIE, mime="video/mp4")
    return stage


def queue(stage: Stage, path: str, answer: dict[str, Any], **ended: Any) -> None:
    """fal's queue with one request in it."""
    here = f"{stage.vendor.origin}{path}/requests/42"
    urls = {"status_url": here + "/status", "response_url": here, "cancel_url": here + "/cancel"}
    stage.vendor.says(path, {"request_id": "42", **urls})
    stage.vendor.says(f"{path}/requests/42/status", {"status": "IN_QUEUE"}, {"status": "COMPLETED", **ended})
    stage.vendor.says(f"{path}/requests/42", answer)
