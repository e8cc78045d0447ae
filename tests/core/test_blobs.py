"""Media in text: data URIs, base64 in every alphabet, and what the bytes really are."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy import blobs
from pisces_proxy.errors import BadRequest

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 640, 480) + b"\x08\x02\x00\x00\x00"
GIF = b"GIF89a" + struct.pack("<HH", 320, 200) + bytes(20)
JPEG = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 600, 800) + bytes(20)
WEBP_X = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\x1f\x03\x00" + b"\x57\x02\x00" + bytes(8)
WEBP_L = b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f" + (799 | 599 << 14).to_bytes(4, "little") + bytes(16)
WEBP_Y = b"RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00" + b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 800, 600) + bytes(8)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@given(st.binary(min_size=1), st.sampled_from(["", "\n", " \r\n\t"]), st.booleans(), st.booleans())
def test_base64_of_every_alphabet_becomes_standard(raw: bytes, space: str, safe: bool, padded: bool) -> None:
    text = (base64.urlsafe_b64encode if safe else base64.b64encode)(raw).decode()
    text = space.join(text[at : at + 7] for at in range(0, len(text), 7)) + space
    assert blobs.standard_base64(text if padded else text.replace("=", ""), "x") == b64(raw)


@pytest.mark.parametrize("text", ["", " \n", "====", "a", "abcde", "ab=cd", "a$bc", "é", "ab\x00c"])
def test_what_is_no_base64_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        blobs.standard_base64(text, "messages[1].content[0]")
    assert refused.value.param == "messages[1].content[0]"
    assert "messages[1].content[0]" in refused.value.message


@pytest.mark.parametrize(
    ("uri", "mime", "raw"),
    [
        (f"data:image/png;base64,{b64(PNG)}", "image/png", PNG),
        (f"DATA:IMAGE/PNG;BASE64,{b64(PNG)}", "image/png", PNG),
        (f"data:;base64,{b64(PNG)}", "image/png", PNG),
        (f"data:application/octet-stream;base64,{b64(PNG)}", "image/png", PNG),
        (f"data:image/jpg;base64,{b64(JPEG)}", "image/jpeg", JPEG),
        (f"data:image/jpeg;base64,{b64(PNG)}", "image/png", PNG),
        (f"data:text/plain;charset=utf-8;base64,{b64(b'hello')}", "text/plain", b"hello"),
        (f"data: text/plain ; charset=utf-8 ; base64 ,{b64(b'hello')}", "text/plain", b"hello"),
        (f"data:image/svg+xml;base64,{b64(SVG)}", "image/svg+xml", SVG),
        ("data:image/svg+xml,%3Csvg%2F%3E", "image/svg+xml", b"<svg/>"),
        ("data:,a%20b,c", "text/plain", b"a b,c"),
        (f"data:;base64,{b64(b'nothing known')}", "application/octet-stream", b"nothing known"),
        ("data:application/pdf;base64,JVBERi0x%0ALjc%3D", "application/pdf", b"%PDF-1.7"),
    ],
)
def test_h96_a_data_uri_is_read_however_it_is_spelled(uri: str, mime: str, raw: bytes) -> None:
    assert blobs.from_data_uri(uri, "x") == blobs.Blob(mime, b64(raw))


@pytest.mark.parametrize("uri", ["https://example.org/a.png", "data:image/png;base64", "data:image/png;base64,", "data:,", ""])
def test_h96_what_is_no_data_uri_is_refused_by_name(uri: str) -> None:
    with pytest.raises(BadRequest) as refused:
        blobs.from_data_uri(uri, "messages[0].content[2].image_url.url")
    assert refused.value.param == "messages[0].content[2].image_url.url"


@pytest.mark.parametrize(
    ("raw", "mime"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (GIF, "image/gif"),
        (WEBP_X, "image/webp"),
        (SVG, "image/svg+xml"),
        (b"BM" + bytes(10), "image/bmp"),
        (b"%PDF-1.7 ", "application/pdf"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"ID3\x03\x00\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"fLaC\x00\x00", "audio/flac"),
        (b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        (b"\x00\x00\x00\x18ftypM4A ", "audio/mp4"),
        (b"\x00\x00\x00\x18ftypqt  ", "video/quicktime"),
        (b"\x00\x00\x00\x18ftypavif", "image/avif"),
        (b"\x1aE\xdf\xa3\x01", "video/webm"),
        (b"PK\x03\x04\x14\x00", "application/zip"),
        (b"plain words", ""),
        (b"RIFF\x00\x00\x00\x00????", ""),
        (b"", ""),
    ],
)
def test_the_first_bytes_tell_the_type(raw: bytes, mime: str) -> None:
    assert blobs.sniff(b64(raw)) == mime


def test_a_text_that_is_no_base64_has_no_type() -> None:
    assert blobs.sniff("no base64 at all, é") == ""
    assert blobs.image_size("no base64 at all, é") is None


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        (PNG, (640, 480)),
        (GIF, (320, 200)),
        (JPEG, (800, 600)),
        (WEBP_X, (800, 600)),
        (WEBP_L, (800, 600)),
        (WEBP_Y, (800, 600)),
    ],
)
def test_an_image_tells_its_size(raw: bytes, size: tuple[int, int]) -> None:
    assert blobs.image_size(b64(raw)) == size


@pytest.mark.parametrize("raw", [PNG[:20], GIF[:8], JPEG[:12], WEBP_X[:20], b"\xff\xd8\xff\xd9" + bytes(20), b"%PDF-1.7"])
def test_a_cut_image_tells_no_size(raw: bytes) -> None:
    assert blobs.image_size(b64(raw)) is None


@given(st.sampled_from([b"", PNG[:16], b"\xff\xd8", b"\xff\xd8\xff", b"RIFF????WEBPVP8 ", b"GIF8"]), st.binary(max_size=200))
def test_broken_images_do_not_break_the_reader(head: bytes, rest: bytes) -> None:
    size = blobs.image_size(b64(head + rest))
    assert size is None or (size[0] >= 0 and size[1] >= 0)


def test_a_size_behind_a_large_exif_block_is_found() -> None:
    exif = b"\xff\xe1" + struct.pack(">H", 60_000) + bytes(59_998)
    assert blobs.image_size(b64(JPEG[:2] + exif + JPEG[2:])) == (800, 600)


@pytest.mark.parametrize(
    ("mime", "kind"),
    [("image/png", "image"), ("Audio/WAV", "audio"), ("video/mp4", "video"), ("application/pdf", "document"), ("", "document")],
)
def test_a_type_has_a_kind(mime: str, kind: str) -> None:
    assert blobs.kind_of(mime) == kind


def test_a_blob_becomes_a_data_uri_and_back() -> None:
    assert blobs.from_data_uri(blobs.data_uri("image/png", b64(PNG)), "x") == blobs.Blob("image/png", b64(PNG))
