"""A vendor for embeddings, moderations, reranking and completions: it answers in recorded shapes and keeps what it heard."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Heard:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Vendor:
    """`base64`: whether it heeds `encoding_format`. `refuse` may answer in its place: (status, body) or None. `answering`: requests
    that have not ended."""

    url: str = ""
    base64: bool = True
    refuse: Callable[[Heard], tuple[int, Any] | None] = lambda heard: None
    heard: list[Heard] = field(default_factory=list)
    answering: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        heard = Heard(request.path, dict(request.headers), await request.json())
        self.heard.append(heard)
        self.answering += 1
        try:
            return await self._answer(request, heard)
        finally:
            self.answering -= 1

    async def _answer(self, request: web.Request, heard: Heard) -> web.StreamResponse:
        if (refused := self.refuse(heard)) is not None:
            return web.json_response(refused[1], status=refused[0])
        for end, tell in _TOLD.items():
            if heard.path.endswith(end):
                return await tell(self, request, heard.body)
        return web.json_response({"error": {"message": f"no {heard.path} here"}}, status=404)

    def bodies(self, end: str) -> list[Any]:
        return [heard.body for heard in self.heard if heard.path.endswith(end)]


@asynccontextmanager
async def vendor(**how: Any) -> AsyncIterator[Vendor]:
    made = Vendor(**how)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


def vector_of(given: Any) -> list[float]:
    """Three numbers that tell one input from another, exact in float32."""
    text = given if isinstance(given, str) else ",".join(map(str, given))
    return [float(len(text)), float(sum(text.encode()) % 1024), 0.1]


async def _embeddings(vendor: Vendor, request: web.Request, body: Any) -> web.Response:
    given = body["input"]
    inputs = [given] if isinstance(given, str) or isinstance(given[0], int) else given
    rows = [vector_of(each) for each in inputs]
    packed = body.get("encoding_format") == "base64" and vendor.base64
    told = [base64.b64encode(struct.pack("<3f", *row)).decode() if packed else row for row in rows]
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(told)]
    usage = {"prompt_tokens": 5 * len(rows), "total_tokens": 5 * len(rows)}
    return web.json_response({"object": "list", "data": data, "model": f"{body['model']}-v2", "usage": usage})


async def _cohere_embed(vendor: Vendor, request: web.Request, body: Any) -> web.Response:
    rows = [vector_of(each) for each in body["texts"]]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3 * len(rows)}}
    return web.json_response({"id": "e1", "embeddings": {"float": rows}, "texts": body["texts"], "meta": meta})


async def _moderations(vendor: Vendor, request: web.Request, body: Any) -> web.Response:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    results = [
        {"flagged": "kill" in str(each), "categories": {"violence": "kill" in str(each)}, "category_scores": {"violence": 0.5},
         "category_applied_input_types": {"violence": ["text"]}}
        for each in inputs
    ]  # fmt: skip
    return web.json_response({"id": "modr-9", "model": body["model"], "results": results})


async def _rerank(vendor: Vendor, request: web.Request, body: Any) -> web.Response:
    ranked = sorted(range(len(body["documents"])), key=lambda index: -len(body["documents"][index]))
    results = [{"index": index, "relevance_score": round(0.9 - 0.1 * place, 2)} for place, index in enumerate(ranked)]
    if request.path.startswith("/v2/"):
        return web.json_response({"id": "r1", "results": results, "meta": {"billed_units": {"search_units": 1}}})
    return web.json_response({"model": body["model"], "results": results, "usage": {"total_tokens": 11}})


async def _completions(vendor: Vendor, request: web.Request, body: Any) -> web.StreamResponse:
    given = body["prompt"]
    prompts = given if isinstance(given, list) and isinstance(given[0], str) else [given]
    head = {"id": "cmpl-up", "object": "text_completion", "created": 1790000000, "model": body["model"]}
    texts = [f" then {str(prompt).upper()}" for prompt in prompts for _ in range(body.get("n", 1))]
    usage = {
        "prompt_tokens": 2 * len(prompts),
        "completion_tokens": 3 * len(texts),
        "total_tokens": 2 * len(prompts) + 3 * len(texts),
    }
    if not body.get("stream"):
        choices = [
            {"text": text, "index": index, "logprobs": None, "finish_reason": "length"} for index, text in enumerate(texts)
        ]
        return web.json_response({**head, "choices": choices, "usage": usage})
    chunks: list[Any] = [
        {**head, "choices": [{"text": piece, "index": index, "logprobs": None, "finish_reason": None}]}
        for index, text in enumerate(texts)
        for piece in (text[:5], text[5:])
    ]
    chunks += [
        {**head, "choices": [{"text": "", "index": index, "logprobs": None, "finish_reason": "length"}]}
        for index in range(len(texts))
    ]
    return await _streamed(request, [*chunks, {**head, "choices": [], "usage": usage}])


async def _chat(vendor: Vendor, request: web.Request, body: Any) -> web.StreamResponse:
    said = body["messages"][-1]["content"]
    text = f"You said {said}"
    head = {"id": "chatcmpl-up", "created": 1790000000, "model": body["model"]}
    usage = {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}
    await asyncio.sleep(0.05 if "slow" in said else 0)
    if not body.get("stream"):
        message = {"role": "assistant", "content": text}
        choices = [{"index": index, "message": message, "finish_reason": "stop"} for index in range(body.get("n", 1))]
        return web.json_response({**head, "object": "chat.completion", "choices": choices, "usage": usage})
    head["object"] = "chat.completion.chunk"
    chunks: list[Any] = [
        {**head, "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        for piece in (text[:4], text[4:])
    ]
    if "broken" in said:
        return await _streamed(request, chunks[:1], whole=False)
    if "endless" in said:
        return await _streamed(request, chunks[:1] * 1000, pause=0.02)
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if "uncounted" not in said:
        chunks.append({**head, "choices": [], "usage": usage})
    return await _streamed(request, chunks)


async def _streamed(request: web.Request, chunks: list[Any], *, whole: bool = True, pause: float = 0.0) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for chunk in chunks:
        await response.write(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")
        await asyncio.sleep(pause)
    if whole:
        await response.write(b"data: [DONE]\n\n")
    return response


_TOLD = {
    "/chat/completions": _chat,
    "/completions": _completions,
    "/embeddings": _embeddings,
    "/v2/embed": _cohere_embed,
    "/moderations": _moderations,
    "/rerank": _rerank,
}
