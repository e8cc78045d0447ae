"""OpenAI's own examples of videos: their requests are read, and what we answer has their members."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from laws.recorded import corpus
from pisces_tasks.videos import Videos

from pisces_proxy.media import Video
from pisces_proxy.mediawire import TaskView
from pisces_proxy.plugin import Operation

pytestmark = pytest.mark.corpus
OURS_TO_LEAVE_OUT = {"quality"}  # nobody's SDK knows it
NAMES = ("create", "list", "remix")


def example(name: str) -> Mapping[str, Any]:
    file = corpus() / "video" / f"doc__openai_videos_{name}.json"
    if not file.exists():
        pytest.skip("no recorded exchanges of videos: set PISCES_CORPUS to their folder")
    read: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return read


def ours(theirs: Mapping[str, Any]) -> dict[str, Any]:
    """The same video as we tell of it."""
    view = TaskView(
        id=theirs["id"],
        type="video",
        model=theirs["model"],
        status=theirs["status"],
        progress=theirs.get("progress", 0),
        created_at=theirs.get("created_at", 0),
        request=Video(prompt="x", size=theirs.get("size", ""), seconds=float(theirs.get("seconds", 4))),
        remixed_from=theirs.get("remixed_from_video_id", ""),
    )
    told: dict[str, Any] = json.loads(Videos().encode_task(view, created=True, extension=b""))
    return told


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_told_with_the_same_members(name: str) -> None:
    body = example(name)["response"]["body"]
    for theirs in body["data"] if name == "list" else [body]:
        expected = {member: value for member, value in theirs.items() if member not in OURS_TO_LEAVE_OUT}
        told = ours(theirs)
        assert {member: told.get(member) for member in expected} == expected


def test_a_remix_is_read() -> None:
    body = example("remix")["request"]["body"]
    operation = Operation(kind="task.remix", wire="tasks.videos", body=json.dumps(body).encode())
    assert Videos().decode_remix(operation) == body["prompt"]
