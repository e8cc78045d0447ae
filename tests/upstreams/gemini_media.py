"""Google AI as it embeds, draws, speaks, listens and films: as strict about members as Google is."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from aiohttp import web

KEY = "upstream-key"
TEXT = "Hello there. Goodbye now."
FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 400
SAMPLES = b"\x10\x00" * 24_000  # a second


def _png() -> bytes:
    """Large enough to be told from a text: 64 x 32 pixels that do not compress."""
    rows = b"".join(b"\x00" + bytes((at * 7 * (row + 3) + at // 3) % 251 for at in range(192)) for row in range(32))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 64, 32, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


PNG = _png()
B64 = base64.b64encode(PNG).decode()
_CONTENT = {
    "contents", "generationConfig", "systemInstruction", "safetySettings", "tools", "toolConfig", "labels", "cachedContent",
}  # fmt: skip
_CONFIG = {
    "responseModalities", "speechConfig", "imageConfig", "seed", "temperature", "responseMimeType", "responseSchema",
    "candidateCount", "maxOutputTokens",
}  # fmt: skip
_EMBED = {"model", "content", "taskType", "title", "outputDimensionality"}
_VEO = {"aspectRatio", "durationSeconds", "resolution", "negativePrompt", "personGeneration", "seed", "sampleCount"}


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: Any


class Refusal(Exception):
    def __init__(self, message: str, status: int = 400, name: str = "INVALID_ARGUMENT") -> None:
        self.status = status
        self.body = {"error": {"code": status, "message": message, "status": name}}


class GeminiMedia:
    """`async with GeminiMedia() as vendor:`. `says`: what the model answers in place of a picture, `as_text`: pictures stand
    in text parts, `polls`: looks until a video is ready, `filtered`: what the video's filters say."""

    def __init__(self) -> None:
        self.reset()
        self.origin = ""

    def reset(self) -> None:
        self.received: list[Received] = []
        self.says: dict[str, Any] | None = None
        self.as_text = False
        self.polls = 1
        self.filtered: list[str] = []
        self.fails: Refusal | None = None

    @property
    def last(self) -> Received:
        return self.received[-1]

    async def __aenter__(self) -> GeminiMedia:
        app = web.Application(client_max_size=1 << 27)
        app.router.add_post("/v1beta/models/{call}", self._asked)
        app.router.add_get("/v1beta/models/{model}/operations/{id}", self._operation)
        app.router.add_get("/v1beta/files/{file}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.path, headers, await request.json())
        self.received.append(received)
        model, _, verb = request.match_info["call"].rpartition(":")
        try:
            if self.fails is not None:
                raise self.fails
            if headers.get("x-goog-api-key") != KEY:
                raise Refusal("API key not valid. Please pass a valid API key.")
            if verb == "streamGenerateContent":
                return await self._streamed(request, self._generated(received.body, model))
            answers = {
                "batchEmbedContents": self._batch, "embedContent": self._one, "predict": self._predicted,
                "generateContent": self._generated, "predictLongRunning": self._started,
            }  # fmt: skip
            return web.json_response(answers[verb](received.body, model))
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)

    # -- vectors

    def _batch(self, body: Any, model: str) -> Any:
        _known(body, {"requests", "model"})
        if len(body["requests"]) > 100:
            raise Refusal("BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch")
        for asked in body["requests"]:
            if asked.get("model") != f"models/{model}":
                raise Refusal("model in BatchEmbedContentsRequest must match the one in the path")
        return {"embeddings": [self._one(asked, model)["embedding"] for asked in body["requests"]]}

    def _one(self, asked: Any, model: str) -> Any:
        _known(asked, _EMBED)
        text = "".join(part.get("text", "a picture") for part in asked["content"]["parts"])
        length = asked.get("outputDimensionality", 4)
        return {"embedding": {"values": [len(text) / 8, *[0.25] * (length - 1)]}}

    # -- pictures, sound, words

    def _generated(self, body: Any, model: str) -> Any:
        _known(body, _CONTENT)
        config = body.get("generationConfig", {})
        _known(config, _CONFIG)
        wanted = config.get("responseModalities", ["TEXT"])
        if self.says is not None:
            return self.says
        if "AUDIO" in wanted:
            return self._spoken(config)
        if "IMAGE" in wanted:
            picture = {"text": B64} if self.as_text else {"inlineData": {"mimeType": "image/png", "data": B64}}
            draft = {"thought": True, "inlineData": {"mimeType": "image/png", "data": B64}}
            return _answer([{"text": "Here it is:"}, *([] if self.as_text else [draft]), picture], model, "IMAGE", 1290)
        if config.get("responseMimeType") == "application/json":
            listed = '[{"start":0,"end":1.2,"text":"Hello there."},{"start":1.5,"end":"2.0","text":"Goodbye now."}]'
            return _answer([{"text": listed}], model, "TEXT", 30)
        return _answer([{"text": TEXT}], model, "TEXT", 6)

    def _spoken(self, config: Any) -> Any:
        voice = _camel(config)["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"]
        if voice == "Nobody":
            raise Refusal("Voice name Nobody is not supported.")
        data = base64.b64encode(SAMPLES).decode()
        part = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}}
        return _answer([part], "tts", "AUDIO", 25)

    async def _streamed(self, request: web.Request, answer: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        (candidate,) = answer["candidates"]
        for part in candidate["content"]["parts"]:
            piece = {"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}], "modelVersion": "m"}
            await response.write(b"data: " + web.json_response(piece).body + b"\r\n\r\n")  # type: ignore[operator]
        last = {**answer, "candidates": [{"finishReason": "STOP", "index": 0, "content": {"parts": [{"text": ""}]}}]}
        await response.write(b"data: " + web.json_response(last).body + b"\r\n\r\n")  # type: ignore[operator]
        await response.write_eof()
        return response

    def _predicted(self, body: Any, model: str) -> Any:
        _known(body, {"instances", "parameters"})
        count = body.get("parameters", {}).get("sampleCount", 4)
        if count > 4:
            raise Refusal("Sample count must be between 1 and 4.")
        if self.says is not None:
            return self.says
        return {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": B64}] * count}

    # -- videos

    def _started(self, body: Any, model: str) -> Any:
        _known(body.get("parameters", {}), _VEO)
        return {"name": f"models/{model}/operations/op1"}

    async def _operation(self, request: web.Request) -> web.Response:
        if request.headers.get("x-goog-api-key") != KEY:
            return web.json_response(Refusal("no key", 403, "PERMISSION_DENIED").body, status=403)
        name = request.path.removeprefix("/v1beta/")
        self.polls -= 1
        if self.polls >= 0:
            return web.json_response({"name": name})
        uri = f"{self.origin}/v1beta/files/f1:download?alt=media"
        generated: dict[str, Any] = {"generatedSamples": [{"video": {"uri": uri}}]}
        if self.filtered:
            generated = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": self.filtered}
        return web.json_response({"name": name, "done": True, "response": {"generateVideoResponse": generated}})

    async def _file(self, request: web.Request) -> web.Response:
        """Not without the key."""
        if request.headers.get("x-goog-api-key") != KEY:
            return web.json_response(Refusal("no key", 403, "PERMISSION_DENIED").body, status=403)
        return web.Response(body=FILM, content_type="video/mp4")


def _known(body: Any, names: set[str]) -> None:
    unknown = sorted(set(_camel(body)) - names)
    if unknown:
        raise Refusal(f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')


def _camel(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {"".join(w.title() if n else w for n, w in enumerate(k.split("_"))): _camel(v) for k, v in value.items()}


def _answer(parts: list[Any], model: str, modality: str, count: int) -> Any:
    usage = {
        "promptTokenCount": 9, "candidatesTokenCount": count, "totalTokenCount": 9 + count,
        "candidatesTokensDetails": [{"modality": modality, "tokenCount": count}],
    }  # fmt: skip
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "r1"}
