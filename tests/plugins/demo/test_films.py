"""The demo's videos: progress over a few seconds, and an MP4 whose every box and frame is where it should be."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import pytest
from pisces_demo import Demo
from pisces_demo.film import film

from pisces_proxy.errors import NotFound, UpstreamBroken
from pisces_proxy.media import Video


def begun(**values: object) -> Mapping[str, Any]:
    return Demo().begin(Video(**{"prompt": "a red horse", **values}), "happyhorse-1.0-t2v", "task_1", 1000.0)  # type: ignore[arg-type]


def boxes(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        assert size >= 8 and at + size <= len(data)
        found[data[at + 4 : at + 8]] = data[at + 8 : at + size]
        at += size
    return found


def inside(data: bytes, *path: bytes) -> bytes:
    for name in path:
        data = boxes(data)[name]
    return data


def test_a_video_takes_a_few_seconds_and_shows_how_far_it_is() -> None:
    state = begun()
    told = [Demo().look(state, 1000.0 + after) for after in (0.0, 1.0, 2.0, 2.9, 3.1)]
    assert [each.status for each in told] == ["queued", "in_progress", "in_progress", "in_progress", "completed"]
    assert [each.progress for each in told][:4] == [0, 33, 67, 97]


@pytest.mark.parametrize(
    ("values", "width", "height", "seconds", "resolution"),
    [
        ({}, 1280, 720, 5.0, "720p"),
        ({"resolution": "480p", "aspect_ratio": "9:16", "seconds": 4.0}, 480, 854, 4.0, "480p"),
        ({"size": "1792x1024", "seconds": 2.0}, 1792, 1024, 2.0, "1024p"),
        ({"resolution": "2160p", "aspect_ratio": "1:1"}, 1080, 1080, 5.0, "1080p"),
        ({"resolution": "720p", "billed_seconds": 3.0}, 1280, 720, 3.0, "720p"),
    ],
)
def test_it_is_as_long_and_as_large_as_asked(
    values: dict[str, object], width: int, height: int, seconds: float, resolution: str
) -> None:
    told = Demo().look(begun(**values), 2000.0)
    assert (told.width, told.height, told.seconds) == (width, height, seconds)
    assert (told.measures.seconds, told.measures.resolution) == (seconds, resolution)


async def test_its_files_can_be_had() -> None:
    state = begun(size="320x240", seconds=1.0)
    files = [await Demo().content(asset.url, state) for asset in Demo().look(state, 2000.0).assets]
    assert [(file.mime, file.data[:8][-4:]) for file in files] == [("video/mp4", b"ftyp"), ("image/png", b"\r\n\x1a\n")]
    assert files == [await Demo().content(url, state) for url in ("local:film.mp4", "local:thumbnail.png")]
    with pytest.raises(NotFound):
        await Demo().content("local:other", state)


@pytest.mark.parametrize("width, height", [(320, 240), (854, 480), (1080, 1920)])
def test_the_index_of_a_film_leads_to_its_frames(width: int, height: int) -> None:
    data = film("a red horse", width, height, 2.0)
    table = boxes(inside(data, b"moov", b"trak", b"mdia", b"minf", b"stbl"))
    count, sizes = struct.unpack(">I", table[b"stsz"][8:12])[0], table[b"stsz"][12:]
    at = struct.unpack(">I", table[b"stco"][8:12])[0]
    kinds = []
    for size in struct.unpack(f">{count}I", sizes):
        assert struct.unpack(">I", data[at : at + 4])[0] == size - 4
        kinds.append(data[at + 4] & 0x1F)
        at += size
    assert at == len(data) and kinds == [5] + [1] * 15
    assert struct.unpack(">HH", table[b"stsd"][8 + 32 : 8 + 36]) == (width, height)
    assert struct.unpack(">II", table[b"stts"][8:16]) == (16, 125)


def test_no_start_code_is_seen_within_a_frame() -> None:
    data = inside(film("a black horse", 1080, 1920, 3.0), b"mdat")
    at = 0
    while at < len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        frame = data[at + 4 : at + 4 + size]
        assert not any(code in frame for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))
        at += 4 + size


def test_another_prompt_makes_another_film() -> None:
    assert film("a red horse", 320, 240, 1.0) != film("a blue horse", 320, 240, 1.0)


def test_players_show_it() -> None:
    """By a decoder, where one is installed: all frames, and the square at its place."""
    av = pytest.importorskip("av", reason="no video decoder (pip install av)")
    import io

    with av.open(io.BytesIO(film("a red horse", 854, 480, 2.0))) as opened:
        frames = [frame.to_rgb() for frame in opened.decode(video=0)]
    assert len(frames) == 16 and (frames[0].width, frames[0].height) == (854, 480)
    plane = frames[-1].planes[0]
    row = bytes(plane)[plane.line_size * 250 : plane.line_size * 251]
    red, green, blue = row[3 * 250 : 3 * 250 + 3]
    assert red > 180 and green < 80 and blue < 80


def test_an_order_is_obeyed() -> None:
    with pytest.raises(UpstreamBroken):
        begun(prompt="demo:error 500")
    told = Demo().look(begun(prompt="demo:refuse"), 1002.0)
    assert (told.status, told.error_code) == ("failed", "content_policy_violation")
    assert Demo().look(begun(prompt="demo:slow 60"), 1030.0).progress == 50
