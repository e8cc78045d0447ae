"""The google-genai package."""

from __future__ import annotations

from typing import Any

from google import genai
from google.genai import types

from .talk import DESCRIPTION, SCHEMA, TOOL_SCHEMA, Answer, Counted, Talk


class GeminiTalk(Talk):
    wire = "gemini.generate"
    finishes = {"stop": "STOP", "length": "MAX_TOKENS", "calls": "STOP"}

    def __init__(self, url: str, key: str, model: str, stream: bool) -> None:
        super().__init__(url, key, model, stream)
        options = types.HttpOptions(base_url=url, api_version="v1beta")
        self.client = genai.Client(api_key=key, http_options=options)

    async def close(self) -> None:
        await self.client.aio.aclose()
        self.client.close()

    async def ask(self, text: str, image: bytes | None = None) -> Answer:
        parts = [types.Part.from_text(text=text)]
        if image is not None:
            parts.insert(0, types.Part.from_bytes(data=image, mime_type="image/png"))
        self.history.append(types.Content(role="user", parts=parts))
        return await self._send()

    async def tell(self, results: dict[str, str]) -> Answer:
        parts = [
            types.Part(function_response=types.FunctionResponse(id=id, name="get_weather", response={"output": text}))
            for id, text in results.items()
        ]
        self.history.append(types.Content(role="user", parts=parts))
        return await self._send()

    def _options(self) -> dict[str, Any]:
        config: dict[str, Any] = {"system_instruction": "Be brief."}
        if self.tools:
            function = {"name": "get_weather", "description": DESCRIPTION, "parameters_json_schema": TOOL_SCHEMA}
            config["tools"] = [{"function_declarations": [function]}]
            config["automatic_function_calling"] = {"disable": True}
        if self.thinking:
            config["thinking_config"] = {"include_thoughts": True, "thinking_level": "MEDIUM"}
        if self.structured:
            config |= {"response_mime_type": "application/json", "response_json_schema": SCHEMA}
        return {"model": self.model, "contents": self.history, "config": config}

    async def _send(self) -> Answer:
        if self.stream:
            chunks = [chunk async for chunk in await self.client.aio.models.generate_content_stream(**self._options())]
        else:
            chunks = [await self.client.aio.models.generate_content(**self._options())]
        parts = [part for chunk in chunks for c in chunk.candidates or () if c.content for part in c.content.parts or ()]
        self.history.append(types.Content(role="model", parts=parts))
        calls = [part.function_call for part in parts if part.function_call]
        usage = chunks[-1].usage_metadata
        headers = {name.lower(): value for name, value in (chunks[0].sdk_http_response.headers or {}).items()}
        return Answer(
            text="".join(part.text for part in parts if part.text and not part.thought),
            finish=chunks[-1].candidates[0].finish_reason.name,
            calls=[(call.id, call.name, dict(call.args)) for call in calls],
            thinking="".join(part.text for part in parts if part.text and part.thought),
            model=chunks[-1].model_version,
            request_id=headers.get("x-request-id"),
            counted=Counted(
                input=usage.prompt_token_count + (usage.tool_use_prompt_token_count or 0),
                cached=usage.cached_content_token_count or 0,
                output=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
                reasoning=usage.thoughts_token_count or 0,
            ),
        )
