"""Recorded videos of Grok Imagine: asked again as they were, and read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from laws.recorded import corpus
from pisces_xai.video import GrokVideo

from pisces_proxy.media import Video
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got

DRIVER = GrokVideo()
FILES = sorted((corpus() / "video").glob("*xai*.json"))
pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not FILES, reason="no recorded videos: set PISCES_CORPUS to their folder")]


def recorded(method: str) -> list[Any]:
    read = [json.loads(file.read_text(encoding="utf-8")) for file in FILES]
    return [pytest.param(one, id=one["id"]) for one in read if one["request"]["method"] == method]


@pytest.mark.parametrize("entry", recorded("POST"))
def test_a_recorded_submission_is_asked_again_and_its_answer_read(entry: dict[str, Any]) -> None:
    body, answer = entry["request"]["body"], entry["response"]["body"]
    request = Video(prompt=body["prompt"], seconds=body["duration"], resolution=body["resolution"])
    ask = DRIVER.submit(request, body["model"], Profile(), "t")
    assert isinstance(ask.body, bytes)
    assert ("/v1/videos" + ask.path, msgspec.json.decode(ask.body)) == (entry["request"]["path"], body)
    assert DRIVER.submitted(got(answer)) == {"id": answer["request_id"]}


@pytest.mark.parametrize("entry", recorded("GET"))
def test_a_recorded_look_is_asked_again_and_its_answer_read(entry: dict[str, Any]) -> None:
    said, path = entry["response"]["body"], entry["request"]["path"]
    state = {"id": path.rpartition("/")[2]}
    assert "/v1/videos" + DRIVER.poll(state).path == path
    progress = DRIVER.read(got(said, entry["response"]["status"]), state)
    if said["status"] == "done":
        assert (progress.status, progress.assets[0].url, progress.seconds) == ("completed", said["video"]["url"], 1.0)
    else:
        assert (progress.status, progress.progress) == ("queued", said["progress"])
