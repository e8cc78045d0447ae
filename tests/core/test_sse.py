"""Server-sent events: bytes in, frames out."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy import sse
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.sse import Cutter, Frame, Reader


def read(body: bytes, size: int = 0) -> list[Frame]:
    reader = Reader()
    size = size or max(len(body), 1)
    found = [frame for at in range(0, len(body), size) for frame in reader.feed(body[at : at + size])]
    return found + reader.end()


CASES: list[tuple[bytes, list[Frame]]] = [
    (b"data: a\n\n", [Frame(b"", b"a")]),
    (b"data:a\n\n", [Frame(b"", b"a")]),
    (b"data:  a\n\n", [Frame(b"", b" a")]),
    (b" data: a\n\n", [Frame(b"", b"a")]),
    (b"event: e\ndata: a\n\n", [Frame(b"e", b"a")]),
    (b"data: a\nevent: e\n\n", [Frame(b"e", b"a")]),
    (b"data: a\ndata: b\n\n", [Frame(b"", b"a\nb")]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [Frame(b"", b"a"), Frame(b"", b"b")]),
    (b"data: a\r\rdata: b\r\r", [Frame(b"", b"a"), Frame(b"", b"b")]),
    (b"event: e\r\ndata: a\r\n\r\n", [Frame(b"e", b"a")]),
    (b"data: a\n\r\ndata: b\n\n", [Frame(b"", b"a"), Frame(b"", b"b")]),
    (b"\xef\xbb\xbfdata: a\n\n", [Frame(b"", b"a")]),
    (b": ping\n\ndata: a\n\n", [Frame(b"", b"a")]),
    (b": ping\ndata: a\n\n", [Frame(b"", b"a")]),
    (b"id: 1\nretry: 5\ndata: a\n\n", [Frame(b"", b"a")]),
    (b"event: ping\n\n", []),
    (b"\n\n\n\ndata: a\n\n\n\n", [Frame(b"", b"a")]),
    (b"data: a\n\ndata: b", [Frame(b"", b"a"), Frame(b"", b"b")]),
    (b"data: a\n\ndata: b\n", [Frame(b"", b"a"), Frame(b"", b"b")]),
    (b"data\n\n", [Frame(b"", b"")]),
    (b"data: \n\n", [Frame(b"", b"")]),
    (b'{"error":\n {"message":"m"}}', [Frame(b"", b'{"error":\n {"message":"m"}}')]),
    (b'[{"error":1}]\n', [Frame(b"", b'[{"error":1}]')]),
    (b'error: {"code":500}\n\n', [Frame(b"error", b'{"code":500}')]),
    ("data: a\u2028b\u0085c\n\n".encode(), [Frame(b"", "a\u2028b\u0085c".encode())]),
    (b"", []),
    (b"\n", []),
]


@pytest.mark.parametrize("size", [0, 1, 2, 7, 64])
@pytest.mark.parametrize(("body", "frames"), CASES)
def test_a_stream_is_read_the_same_however_it_is_cut(body: bytes, frames: list[Frame], size: int) -> None:
    assert read(body, size) == frames


LINE = st.sampled_from([b"data: a", b"data:b", b"data: {}", b"event: e", b": c", b"id: 1", b""])
END = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(END, st.lists(LINE, max_size=12), st.integers(1, 9))
def test_a_cut_makes_no_difference(end: bytes, lines: list[bytes], size: int) -> None:
    body = b"".join(line + end for line in lines)
    assert read(body, size) == read(body)


@given(
    st.lists(st.sampled_from([b"data: a\n\n", b"data: b\r\n\r\n", b"data", b": x", b"\n", b"\r", b"\r\n"]), max_size=12),
    st.integers(1, 9),
)
def test_a_cutter_loses_no_byte_and_ends_where_a_frame_ends(parts: list[bytes], size: int) -> None:
    body, cutter = b"".join(parts), Cutter()
    out = [cutter.feed(body[at : at + size]) for at in range(0, len(body), size)]
    assert b"".join(out) + cutter.rest() == body
    assert all(block.endswith((b"\n\n", b"\r\r", b"\n\r\n")) for block in out if block)
    assert cutter.rest() == b""


def test_a_frame_waits_until_it_is_whole() -> None:
    cutter = Cutter()
    assert [cutter.feed(part) for part in [b"data: a", b"\n", b"\ndata", b": b\n\nx", b"y\n\n"]] == [
        b"",
        b"",
        b"data: a\n\n",
        b"data: b\n\n",
        b"xy\n\n",
    ]


def test_a_frame_without_end_is_refused() -> None:
    reader = Reader(limit=1000)
    with pytest.raises(UpstreamBroken, match="1000 bytes"):
        for _ in range(11):
            reader.feed(b"x" * 100)


def test_many_frames_may_be_longer_than_the_limit_together() -> None:
    reader = Reader(limit=1000)
    assert sum(len(reader.feed(b"data: " + b"x" * 500 + b"\n\n")) for _ in range(20)) == 20


def test_a_long_frame_takes_linear_time() -> None:
    reader, before = Reader(), time.perf_counter()
    for _ in range(16_000):
        reader.feed(b"x" * 1024)
    assert len(reader.feed(b"\ndata: a\n\n")) == 1
    assert time.perf_counter() - before < 3.0  # joining what is held for each chunk takes minutes


def test_a_block_is_split_without_empty_frames() -> None:
    assert sse.split(b"\n\na\n\n\n\nb\r\n\r\nc\r\r") == [b"a", b"b", b"c"]
