"""A vendor that draws, speaks and listens in OpenAI's words; as strict about its parameters as OpenAI is."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
B64 = base64.b64encode(PNG).decode()
TEXT = "Hello there. Goodbye now."
SEGMENTS = [
    {"id": 0, "start": 0.0, "end": 1.2, "text": "Hello there."},
    {"id": 1, "start": 1.5, "end": 2.0, "text": " Goodbye now."},
]
USAGE = {
    "input_tokens": 11,
    "output_tokens": 272,
    "total_tokens": 283,
    "input_tokens_details": {"text_tokens": 11, "image_tokens": 0},
}
HEARD = {
    "type": "tokens",
    "input_tokens": 20,
    "output_tokens": 6,
    "total_tokens": 26,
    "input_token_details": {"audio_tokens": 20},
}


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    fields: dict[str, Any]  # JSON members, or the text fields of a form (a list where a name repeats)
    files: list[tuple[str, str, str, bytes]] = field(default_factory=list)  # name, filename, type, bytes


class Refusal(Exception):
    """What OpenAI answers to a parameter it does not take."""

    def __init__(self, param: str, message: str, status: int = 400, code: str = "unknown_parameter") -> None:
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


class MediaVendor:
    """`async with MediaVendor() as vendor:`; `fails` makes the next answers refusals."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.sound = b"ID3\x04" + bytes(range(256)) * 40
        self.fails: Refusal | None = None
        self.apology: dict[str, Any] | None = None  # an error under a 200
        self.cut = False  # break off in the middle of a stream
        self.origin = ""

    @property
    def last(self) -> Received:
        return self.received[-1]

    async def __aenter__(self) -> MediaVendor:
        app = web.Application(client_max_size=1 << 28)
        for path, answer in {
            "/v1/images/generations": self._images,
            "/v1/images/edits": self._images,
            "/v1/images/variations": self._images,
            "/v1/audio/speech": self._speech,
            "/v1/audio/transcriptions": self._transcript,
            "/v1/audio/translations": self._transcript,
            "/v1/chat/completions": self._chat,
        }.items():
            app.router.add_post(path, self._guarded(answer))
        app.router.add_get("/files/a.png", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    def _guarded(self, answer: Any) -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            self.received.append(await _read(request))
            try:
                if self.fails is not None:
                    raise self.fails
                if self.apology is not None:
                    return web.json_response(self.apology)
                response: web.StreamResponse = await answer(request, self.last)
                return response
            except Refusal as refusal:
                return web.json_response(refusal.body, status=refusal.status)

        return handler

    # -- images

    async def _images(self, request: web.Request, asked: Received) -> web.StreamResponse:
        fields = asked.fields
        model = str(fields.get("model"))
        if model.startswith("gpt-image"):
            for name in ("response_format", "style"):
                if name in fields:
                    raise Refusal(name, f"Unknown parameter: '{name}'.")
            if fields.get("quality") not in (None, "auto", "low", "medium", "high"):
                raise Refusal("quality", "Invalid value", code="invalid_value")
        if fields.get("stream") in (True, "true"):
            return await self._drawn(request, asked)
        count = int(fields.get("n", 1))
        url = model == "dall-e-3" and fields.get("response_format") != "b64_json"
        item = {"url": f"{self.origin}/files/a.png", "revised_prompt": None} if url else {"b64_json": B64}
        answer: dict[str, Any] = {"created": 1700000000, "data": [item] * count}
        if not url:
            answer |= {"size": "1024x1024", "quality": "high", "background": "opaque", "output_format": "png", "usage": USAGE}
        return web.json_response(answer)

    async def _drawn(self, request: web.Request, asked: Received) -> web.StreamResponse:
        kind = "image_edit" if asked.path.endswith("edits") else "image_generation"
        about = {
            "b64_json": B64,
            "size": "1024x1024",
            "quality": "high",
            "background": "opaque",
            "output_format": "png",
            "created_at": 1,
        }
        events = [
            {"type": f"{kind}.partial_image", "partial_image_index": at, **about}
            for at in range(int(asked.fields.get("partial_images", 0)))
        ]
        return await self._events(request, [*events, {"type": f"{kind}.completed", **about, "usage": USAGE}])

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=PNG, content_type="image/png")

    # -- sound

    async def _speech(self, request: web.Request, asked: Received) -> web.StreamResponse:
        if asked.fields.get("voice") == "nobody":
            raise Refusal("voice", "Input should be 'alloy' or 'ash'", code="invalid_value")
        if asked.fields.get("stream_format") == "sse":
            usage = {"input_tokens": 4, "output_tokens": 60, "total_tokens": 64}
            parts = [
                {"type": "speech.audio.delta", "audio": base64.b64encode(self.sound[at : at + 3000]).decode()}
                for at in range(0, len(self.sound), 3000)
            ]
            return await self._events(request, [*parts, {"type": "speech.audio.done", "usage": usage}])
        response = web.StreamResponse(
            headers={"Content-Type": {"wav": "audio/wav"}.get(asked.fields.get("response_format", ""), "audio/mpeg")}
        )
        await response.prepare(request)
        half = len(self.sound) // 2
        for piece in (self.sound[:half], self.sound[half:]):
            await response.write(piece)
            await asyncio.sleep(0.01)
            if self.cut:
                assert request.transport is not None
                request.transport.abort()
                return response
        await response.write_eof()
        return response

    async def _transcript(self, request: web.Request, asked: Received) -> web.StreamResponse:
        wanted = asked.fields.get("response_format", "json")
        newer = str(asked.fields.get("model")).startswith("gpt-4o")
        if newer and wanted not in ("json", "text"):
            raise Refusal(
                "response_format", f"response_format '{wanted}' is not compatible with this model.", code="unsupported_value"
            )
        if newer and asked.fields.get("stream") == "true":
            deltas = [{"type": "transcript.text.delta", "delta": word} for word in ("Hello there.", " Goodbye now.")]
            return await self._events(
                request, [*deltas, {"type": "transcript.text.done", "text": TEXT, "usage": HEARD}], b"data: [DONE]\r\n\r\n"
            )
        match wanted:
            case "json":
                return web.json_response({"text": TEXT, "usage": HEARD if newer else {"type": "duration", "seconds": 2}})
            case "verbose_json":
                return web.json_response(
                    {"task": "transcribe", "language": "english", "duration": 2.0, "text": TEXT, "segments": SEGMENTS}
                )
            case _:
                return web.Response(text=f"{wanted} of {TEXT}\n", content_type="text/plain", charset="utf-8")

    # -- a chat that draws

    async def _chat(self, request: web.Request, asked: Received) -> web.StreamResponse:
        url = f"{self.origin}/files/a.png"
        usage = {"prompt_tokens": 9, "completion_tokens": 300, "total_tokens": 309}
        message = {"role": "assistant", "content": f"![image]({url})\n\n{url}"}
        return web.json_response(
            {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": usage,
            }
        )

    async def _events(self, request: web.Request, events: list[dict[str, Any]], end: bytes = b"") -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for number, event in enumerate(events):
            if self.cut and number == len(events) - 1:
                assert request.transport is not None
                request.transport.abort()
                return response
            await response.write(b"event: " + event["type"].encode() + b"\r\ndata: " + json.dumps(event).encode() + b"\r\n\r\n")
        await response.write(end)
        await response.write_eof()
        return response


async def _read(request: web.Request) -> Received:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if not request.content_type.startswith("multipart/"):
        return Received(request.path, headers, await request.json())
    received = Received(request.path, headers, {})
    async for part in await request.multipart():
        assert not isinstance(part, str) and hasattr(part, "filename")
        data = bytes(await part.read())
        name = part.name or ""
        if part.filename is not None:
            received.files.append((name, part.filename, part.headers.get("Content-Type", ""), data))
        elif name in received.fields:
            held = received.fields[name]
            received.fields[name] = [*(held if isinstance(held, list) else [held]), data.decode()]
        else:
            received.fields[name] = data.decode()
    return received
