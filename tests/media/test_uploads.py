"""Multipart forms: taken apart once, put together again for the upstream, refused with a reason."""

from __future__ import annotations

import io
import tracemalloc
from email.parser import BytesParser
from typing import Any

import aiohttp
import pytest

from media.vendor import Asked, Vendor, channel
from pisces_proxy.forms import Form, FormPart, Held
from pisces_proxy.uploads import IN_MEMORY, PIECE, Spool, Spooled, framed

PATH = "/v1/audio/transcriptions"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"
TEXT = {"text": "Good morning.", "usage": {"type": "duration", "seconds": 3}}


def form(*fields: tuple[str, Any], file: bytes = WAV + b"\0" * 100, filename: str = "morning.wav") -> aiohttp.FormData:
    data = aiohttp.FormData()
    for name, value in (("model", "whisper-1"), *fields):
        data.add_field(name, value)
    data.add_field("file", io.BytesIO(file), filename=filename, content_type="audio/wav")
    return data


def parts(asked: Asked) -> list[tuple[str, str | None, bytes]]:
    """(name, filename, content) of each part, read by somebody else's parser."""
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + asked.raw)
    found = []
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        found.append((name, part.get_filename(), part.get_payload(decode=True)))
    return found


@pytest.mark.parametrize("size", [0, 100, IN_MEMORY + 1, 3 * IN_MEMORY])
async def test_a_form_passes_with_its_file_byte_by_byte(vendor: Vendor, client, size: int) -> None:
    vendor.says(PATH, TEXT)
    alice = await client(channel(vendor, "openai", "whisper-1"))
    file = WAV + bytes(range(256)) * (size // 256 + 1)
    told = await alice.post(PATH, data=form(("language", "en"), ("prompt", "Füße, 你好"), file=file))
    assert (told.status, told.body["text"]) == (200, "Good morning.")
    asked = vendor.asked[0]
    assert int(asked.headers["content-length"]) == len(asked.raw)
    assert "transfer-encoding" not in asked.headers
    sent = {name: (filename, content) for name, filename, content in parts(asked)}
    assert sent["file"][0] == "morning.wav"
    assert sent["file"][1] == file, "the file is not the same"
    assert sent["prompt"] == (None, "Füße, 你好".encode())
    assert (await alice.house.record()).measures.seconds == 3


async def test_the_name_of_the_model_is_the_upstreams(vendor: Vendor, client) -> None:
    vendor.says(PATH, TEXT)
    more = channel(vendor, "openai", "whisper-1").replace('models = ["whisper-1"]', 'models = { ears = "whisper-1" }')
    alice = await client(more)
    data = aiohttp.FormData({"model": "ears"})
    data.add_field("file", WAV, filename="a.wav")
    assert (await alice.post(PATH, data=data)).status == 200
    assert ("model", None, b"whisper-1") in parts(vendor.asked[0])


async def test_a_key_in_a_form_is_taken_and_never_sent_on(vendor: Vendor, client) -> None:
    vendor.says(PATH, TEXT)
    alice = await client(channel(vendor, "openai", "whisper-1"))
    async with aiohttp.ClientSession() as nobody:
        data = form(("api_key", alice.house.key))
        async with nobody.post(alice.house.url + PATH, data=data) as response:
            assert response.status == 200
    assert "api_key" not in [name for name, _, _ in parts(vendor.asked[0])]
    assert alice.house.key.encode() not in vendor.asked[0].raw


async def test_a_bad_key_is_refused_before_the_form_is_read(vendor: Vendor, client) -> None:
    alice = await client(channel(vendor, "openai", "whisper-1"))
    told = await alice.post(PATH, data=form(), headers={"Authorization": "Bearer pisces-" + "x" * 40})
    assert (told.status, told.body["error"]["code"]) == (401, "invalid_api_key")


BAD = {
    "no boundary": ("multipart/form-data", b"--x\r\n\r\n--x--\r\n", 400, "cannot be read"),
    "another boundary": ("multipart/form-data; boundary=y", b"--x\r\n\r\n--x--\r\n", 400, "cannot be read"),
    "no end": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper',
        400,
        "cannot be read",
    ),
    "cut in the head": ("multipart/form-data; boundary=x", b"--x\r\nContent-Dispo", 400, "cannot be read"),
    "nothing": ("multipart/form-data; boundary=x", b"", 400, "cannot be read"),
    "no parts": ("multipart/form-data; boundary=x", b"--x--\r\n", 400, "names no model"),
    "a field in latin-1": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\xe9\r\n--x--\r\n',
        400,
        "not UTF-8",
    ),
    "bare sound": ("audio/wav", WAV, 415, "Send multipart/form-data or JSON"),
    "another multipart": ("multipart/mixed; boundary=x", b"--x--\r\n", 415, "Send multipart/form-data or JSON"),
    "bytes": ("application/octet-stream", WAV, 415, "Send multipart/form-data or JSON"),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_no_form_is_refused_with_a_reason(vendor: Vendor, client, name: str) -> None:
    mime, body, status, why = BAD[name]
    alice = await client(channel(vendor, "openai", "whisper-1"))
    told = await alice.post(PATH, data=body, headers={"Content-Type": mime})
    assert (told.status, why in told.body["error"]["message"]) == (status, True), told.raw
    vendor.says(PATH, TEXT)
    assert (await alice.post(PATH, data=form())).status == 200  # the next request works


async def test_a_form_where_json_is_wanted_is_a_415(vendor: Vendor, client) -> None:
    alice = await client(channel(vendor, "openai", "tts-1"))
    told = await alice.post("/v1/audio/speech", data=form())
    assert (told.status, "Send JSON" in told.body["error"]["message"]) == (415, True)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_form_that_is_too_large_is_a_413(vendor: Vendor, client, declared: bool) -> None:
    alice = await client(channel(vendor, "openai", "whisper-1"), server='max_upload = "1MiB"')
    data = form(file=b"\0" * 1_100_000)
    body = data()
    if declared:
        told = await alice.post(PATH, data=body)
    else:

        async def pieces():
            writer = Collected()
            await body.write(writer)
            for at in range(0, len(writer.data), 65536):
                yield bytes(writer.data[at : at + 65536])

        told = await alice.post(PATH, data=pieces(), headers={"Content-Type": body.content_type})
    assert (told.status, "max_upload" in told.body["error"]["message"]) == (413, True)


class Collected:
    """Where aiohttp writes a body to."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, chunk: bytes) -> None:
        self.data += chunk


async def test_forms_are_the_same_request_by_what_they_hold(vendor: Vendor, client) -> None:
    """Each client draws its own boundary; a key in the form is no part of the request."""
    vendor.says(PATH, TEXT)
    alice = await client(channel(vendor, "openai", "whisper-1"))
    once = {"headers": {"Idempotency-Key": "one"}}
    first = await alice.post(PATH, data=form(), **once)
    again = await alice.post(PATH, data=form(("api_key", alice.house.key)), **once)
    assert (first.status, again.raw, len(vendor.asked)) == (200, first.raw, 1)
    assert (await alice.post(PATH, data=form(file=WAV + b"\1"), **once)).status == 422


# -- the pieces by themselves


def test_a_file_of_a_spool_is_read_whole_in_pieces_and_at_any_place() -> None:
    spool = Spool()
    spool.add(b"before")
    data = bytes(range(256)) * 5000
    start = spool.size
    spool.add(data)
    file = Spooled(spool, start, len(data))
    spool.add(b"behind")
    assert file.read() == data
    assert b"".join(file.chunks()) == data
    assert max(map(len, file.chunks())) == PIECE
    with file.open() as reader, file.open() as second:
        assert reader.read(10) == data[:10]
        assert second.read(3) == data[:3]
        reader.seek(-4, 2)
        assert reader.read() == data[-4:]
        assert (reader.read(), second.read(2)) == (b"", data[3:5])


async def test_a_framed_form_is_as_long_as_it_says() -> None:
    sent = Form(
        (FormPart(name='a"b', value="ü\r\n"), FormPart(name="f", file=Held(b"xyz"), filename="ä.png", mime="image/png"))
    )
    body = framed(sent)
    data = b"".join([piece async for piece in body.chunks()])
    assert len(data) == body.length
    assert b'name="a%22b"' in data
    asked = Asked("POST", "/", {"content-type": body.content_type}, data)
    assert [(name, content) for name, _, content in parts(asked)] == [("a%22b", "ü\r\n".encode()), ("f", b"xyz")]


async def test_an_empty_form_has_an_end() -> None:
    body = framed(Form(()))
    assert b"".join([piece async for piece in body.chunks()]).endswith(b"--\r\n")


async def test_sending_a_large_file_holds_a_piece_of_it() -> None:
    spool = Spool()
    for _ in range(64):
        spool.add(b"\0" * 1024 * 1024)
    body = framed(Form((FormPart(name="f", file=Spooled(spool, 0, spool.size)),)))
    tracemalloc.start()
    try:
        async for piece in body.chunks():
            del piece
        assert tracemalloc.get_traced_memory()[1] < 4 * PIECE
    finally:
        tracemalloc.stop()
