"""The demo paints: the size that was asked for, the same words the same picture, edits to be seen, and PNG or nothing."""

from __future__ import annotations

import struct
import zlib

import pytest
from pisces_demo import Demo, png

from pisces_proxy.errors import BadRequest, ContentRefused, PiscesError, Unsupported, UpstreamRateLimited
from pisces_proxy.media import Asset, Image, Pictures

COLOURS = [(200, 10, 10), (10, 200, 10), (10, 10, 200)]


async def painted(**values: object) -> Pictures:
    result = await Demo().make(Image(**{"prompt": "a kitten", **values}), "gpt-image-1")  # type: ignore[arg-type]
    assert isinstance(result, Pictures)
    return result


def raster(result: Pictures, number: int = 0) -> png.Raster:
    found = png.read(result.pictures[number].asset.data)
    assert found is not None
    return found


def encoded(kind: int, rows: list[bytes], width: int, filter: int = 0, palette: bytes = b"") -> bytes:
    """A PNG as other programs write it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, len(rows), 8, kind, 0, 0, 0)
    packed = zlib.compress(b"".join(bytes([filter]) + row for row in rows))
    parts = (chunk(b"IHDR", header), chunk(b"PLTE", palette) if palette else b"", chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("size", "ratio", "pixels"),
    [("", "", (1024, 1024)), ("1792x1024", "", (1792, 1024)), ("1K", "1:1", (1024, 1024)), ("2K", "16:9", (2736, 1536))],
)
async def test_a_picture_has_the_size_that_was_asked_for(size: str, ratio: str, pixels: tuple[int, int]) -> None:
    result = await painted(size=size, aspect_ratio=ratio)
    data = result.pictures[0].asset.data
    assert struct.unpack(">II", data[16:24]) == pixels and result.size == f"{pixels[0]}x{pixels[1]}"


async def test_the_same_words_make_the_same_picture_and_others_another() -> None:
    one, same, other = await painted(), await painted(), await painted(prompt="a dog")
    assert one.pictures == same.pictures and one.pictures != other.pictures


async def test_several_pictures_differ_and_are_counted() -> None:
    result = await painted(n=3, size="64x64")
    assert len({picture.asset.data for picture in result.pictures}) == 3
    assert result.measures.images[0].count == 3 and result.usage is not None and not result.usage.estimated


async def test_a_colour_that_the_words_name_is_in_the_middle() -> None:
    found = raster(await painted(prompt="a red apple", size="64x64"))
    assert tuple(found.rows[32][96:99]) == (220, 40, 40)


async def test_an_edit_keeps_what_it_does_not_paint_over() -> None:
    given = Asset(data=(await painted(size="128x96")).pictures[0].asset.data)
    before = png.read(given.data)
    result = await painted(action="edit", prompt="add a green hat", images=(given,))
    after = raster(result)
    assert before is not None and (after.width, after.height) == (128, 96)
    assert after.rows[48] != before.rows[48] and after.rows[48][30:90] == before.rows[48][30:90]
    assert tuple(after.rows[0][:3]) == (40, 160, 80)


async def test_a_mask_says_where_to_paint() -> None:
    rows = [bytes(c for x in range(64) for c in (9, 9, 9, 0 if 8 <= x < 24 and 40 <= y < 56 else 255)) for y in range(64)]
    mask = Asset(data=encoded(6, rows, 64))
    given = Asset(data=encoded(2, [bytes(64 * 3)] * 64, 64))
    found = raster(await painted(action="edit", prompt="a yellow hat", images=(given,), mask=mask))
    assert tuple(found.rows[48][3 * 16 : 3 * 17]) == (240, 200, 40)
    assert found.rows[48][3 * 48 : 3 * 49] == bytes(3) and found.rows[20][3 * 16 : 3 * 17] == bytes(3)


async def test_an_edit_takes_another_size_where_it_is_asked_to() -> None:
    given = Asset(data=(await painted(size="64x64")).pictures[0].asset.data)
    result = await painted(action="edit", images=(given,), size="96x160")
    assert (raster(result).width, raster(result).height, result.size) == (96, 160, "96x160")


async def test_an_edit_of_what_cannot_be_read_says_so_and_paints() -> None:
    result = await painted(action="edit", images=(Asset(data=b"\xff\xd8\xff\xe0 a photo"),), size="64x64")
    assert result.losses[0].field == "image" and raster(result).width == 64


@pytest.mark.parametrize("filter", [0, 1, 2, 3, 4])
def test_every_filter_of_png_is_undone(filter: int) -> None:
    plain = [bytes((x * 7 + y * 13) % 256 for x in range(12)) for y in range(5)]
    filtered, above = [], bytes(12)
    for row in plain:
        line = bytearray()
        for x, value in enumerate(row):
            left, corner = (row[x - 3], above[x - 3]) if x >= 3 else (0, 0)
            line.append((value - _predicted(filter, left, above[x], corner)) & 0xFF)
        filtered.append(bytes(line))
        above = row
    found = png.read(encoded(2, filtered, 4, filter))
    assert found is not None and found.rows == plain


def _predicted(filter: int, left: int, up: int, corner: int) -> int:
    if filter == 4:
        return min((left, up, corner), key=lambda each: abs(left + up - corner - each))
    return (0, left, up, (left + up) // 2)[filter]


@pytest.mark.parametrize(
    ("kind", "row", "palette", "expected"),
    [
        (0, b"\x00\x80", b"", b"\x00\x00\x00\x80\x80\x80"),
        (3, b"\x01\x00", bytes((1, 2, 3, 4, 5, 6)), bytes((4, 5, 6, 1, 2, 3))),
        (4, b"\x10\xff\x10\x00", b"", b"\x10\x10\x10\xff\xff\xff"),
        (6, bytes((9, 8, 7, 255, 9, 8, 7, 0)), b"", bytes((9, 8, 7, 255, 255, 255))),
    ],
    ids=["grey", "palette", "grey with alpha", "colour with alpha"],
)
def test_every_kind_of_png_is_read(kind: int, row: bytes, palette: bytes, expected: bytes) -> None:
    found = png.read(encoded(kind, [row], 2, palette=palette))
    assert found is not None and found.rows == [expected]


@pytest.mark.parametrize("data", [b"", b"GIF89a", encoded(2, [bytes(6)], 2)[:40], encoded(2, [bytes(3)], 2)])
def test_what_is_no_png_is_not_read(data: bytes) -> None:
    assert png.read(data) is None


@pytest.mark.parametrize(
    ("values", "kind", "param"),
    [
        ({"output_format": "webp"}, Unsupported, "output_format"),
        ({"output_format": "jpeg"}, Unsupported, "output_format"),
        ({"size": "9000x9000"}, BadRequest, "size"),
        ({"prompt": "demo:error 429"}, UpstreamRateLimited, None),
        ({"prompt": "demo:refuse"}, ContentRefused, None),
    ],
)
async def test_what_it_does_not_paint_is_refused(values: dict[str, object], kind: type[PiscesError], param: str | None) -> None:
    with pytest.raises(kind) as refused:
        await painted(**values)
    assert refused.value.param == param
