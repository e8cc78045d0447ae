"""Recorded predictions, read; their requests, asked again as they were."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from laws.recorded import corpus
from pisces_replicate.images import ReplicateImages

from pisces_proxy.media import Image
from pisces_proxy.plugin import Profile
from pisces_proxy.task import status_of
from pisces_proxy.testing import got

DRIVER = ReplicateImages()
FILES = sorted((corpus() / "video").glob("*replicate*.json"))
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FILES, reason="no recorded predictions: set PISCES_CORPUS to their folder"),
]


def recorded(method: str) -> list[Any]:
    read = [json.loads(file.read_text(encoding="utf-8")) for file in FILES]
    return [pytest.param(one, id=one["id"]) for one in read if one["request"]["method"] == method]


def model_of(path: str, body: dict[str, Any]) -> str:
    return str(body["version"]) if "version" in body else path.partition("/models/")[2].removesuffix("/predictions")


@pytest.mark.parametrize("entry", recorded("POST"))
def test_a_recorded_submission_is_asked_again_and_its_answer_read(entry: dict[str, Any]) -> None:
    request, response = entry["request"], entry["response"]
    body = {name: value for name, value in request["body"].items() if name != "stream"}  # a chat's
    ask = DRIVER.submit(Image(prompt=body["input"]["prompt"]), model_of(request["path"], body), Profile(), "t")
    assert isinstance(ask.body, bytes)
    assert (ask.method, "/v1" + ask.path, msgspec.json.decode(ask.body)) == ("POST", request["path"], body)
    state = DRIVER.submitted(got(response["body"], response["status"]))
    assert response["body"]["urls"]["get"].endswith(DRIVER.poll(state).path)
    stop = DRIVER.cancel(state)
    assert stop is not None and response["body"]["urls"]["cancel"].endswith(stop.path)


@pytest.mark.parametrize("entry", recorded("GET"))
def test_a_recorded_look_is_asked_again_and_its_answer_read(entry: dict[str, Any]) -> None:
    said = entry["response"]["body"]
    ask = DRIVER.poll({"id": said["id"]})
    assert (ask.method, "/v1" + ask.path) == ("GET", entry["request"]["path"])
    progress = DRIVER.read(got(said, entry["response"]["status"]), {"id": said["id"]})
    assert progress.status == status_of(said["status"])
    assert [asset.url for asset in progress.assets] == (said.get("output") or [])
    assert said["status"] != "processing" or progress.progress is not None
