"""Requests, forms and small files for the tests of images and sound."""

from __future__ import annotations

import base64
import io
import struct
import wave
import zlib
from typing import Any

import msgspec

from pisces_proxy.forms import Form, FormPart, Held
from pisces_proxy.plugin import Endpoint, Operation, Reply
from pisces_proxy.seals import Seals


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(wide: int = 2, high: int = 2) -> bytes:
    rows = zlib.compress((b"\0" + b"\x20\x60\xa0" * wide) * high)
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def sound(seconds: float, rate: int = 8000) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x10\x00" * int(seconds * rate))
    return held.getvalue()


PNG = png()
B64 = base64.b64encode(PNG).decode()
DATA_URI = f"data:image/png;base64,{B64}"


def text(name: str, value: str) -> FormPart:
    return FormPart(name=name, value=value)


def file(name: str, data: bytes, filename: str = "", mime: str = "") -> FormPart:
    return FormPart(name=name, file=Held(data), filename=filename, mime=mime)


def asked(endpoint: Endpoint, members: dict[str, Any], path: dict[str, str] | None = None) -> Operation:
    """A JSON request as the endpoint lets it in."""
    body = msgspec.json.encode(members)
    assert endpoint.peek is not None
    model, stream, form = endpoint.peek(body, path or {}, {})
    return Operation(kind=endpoint.kind, wire=endpoint.wire, model=model, stream=stream, form=form, body=body)


def uploaded(endpoint: Endpoint, *parts: FormPart) -> Operation:
    """A form as the endpoint lets it in."""
    form = Form((text("model", "m"), *parts))
    assert endpoint.peek_upload is not None
    model, stream, framed = endpoint.peek_upload(form, {}, {})
    return Operation(kind=endpoint.kind, wire=endpoint.wire, model=model, stream=stream, form=framed, upload=form)


def reply(extension: bytes = b"") -> Reply:
    return Reply(model="m", request_id="req_1", created=1700000000, extension=extension, seals=Seals([b"x" * 32]))
