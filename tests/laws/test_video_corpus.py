"""Recorded and documented answers of video vendors, read by the drivers that ask them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pisces_ark.video import Video as Ark
from pisces_dashscope.video import Video as DashScope

from pisces_proxy.mediawire import Driver
from pisces_proxy.testing import got

CORPUS = Path(os.environ.get("PISCES_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus") / "video"
DRIVERS: dict[str, Driver] = {"dashscope": DashScope(), "volcengine-ark": Ark()}
FILES = sorted(CORPUS.glob("*.json"))
pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not FILES, reason="the corpus is not here")]


def recorded() -> list[Any]:
    found = [json.loads(file.read_text(encoding="utf-8")) for file in FILES]
    return [pytest.param(each, id=each["id"]) for each in found if each["provider"] in DRIVERS]


@pytest.mark.parametrize("entry", recorded())
def test_a_task_that_is_over_gives_its_film_and_its_length(entry: dict[str, Any]) -> None:
    body = entry["response"]["body"]
    driver = DRIVERS[entry["provider"]]
    progress = driver.read(got(body, entry["response"]["status"]), {"id": "x"})
    assert progress.status == "completed" and progress.assets[0].url.startswith("https://")
    assert progress.seconds and progress.measures.seconds == progress.seconds
    tokens = body.get("usage", {}).get("completion_tokens")
    assert tokens is None or (progress.usage is not None and progress.usage.output == tokens)
    assert progress.measures.resolution == body.get("resolution", "")
