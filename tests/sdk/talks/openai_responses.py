"""The openai package, Responses; stateless, as Codex and privacy-minded users call it."""

from __future__ import annotations

import base64
import json
from typing import Any

from openai import AsyncOpenAI

from .talk import DESCRIPTION, SCHEMA, TOOL_SCHEMA, Answer, Counted, Talk


class OpenAIResponsesTalk(Talk):
    wire = "openai.responses"
    finishes = {"stop": "completed", "length": "incomplete", "calls": "completed"}

    def __init__(self, url: str, key: str, model: str, stream: bool) -> None:
        super().__init__(url, key, model, stream)
        self.client = AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    async def close(self) -> None:
        await self.client.close()

    async def ask(self, text: str, image: bytes | None = None) -> Answer:
        parts: list[dict[str, Any]] = [{"type": "input_text", "text": text}]
        if image is not None:
            uri = f"data:image/png;base64,{base64.b64encode(image).decode()}"
            parts.append({"type": "input_image", "image_url": uri, "detail": "auto"})
        self.history.append({"role": "user", "content": parts})
        return await self._send()

    async def tell(self, results: dict[str, str]) -> Answer:
        self.history += [{"type": "function_call_output", "call_id": id, "output": text} for id, text in results.items()]
        return await self._send()

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"model": self.model, "input": self.history, "instructions": "Be brief.", "store": False}
        if self.tools:
            tool = {"name": "get_weather", "description": DESCRIPTION, "parameters": TOOL_SCHEMA, "strict": True}
            options["tools"] = [{"type": "function", **tool}]
        if self.thinking:
            options["reasoning"] = {"effort": "medium", "summary": "auto"}
            options["include"] = ["reasoning.encrypted_content"]
        if self.structured:
            options["text"] = {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}
        return options

    async def _send(self) -> Answer:
        response = await (self._streamed() if self.stream else self.client.responses.create(**self._options()))
        self.history += response.output
        calls = [item for item in response.output if item.type == "function_call"]
        thoughts = [item for item in response.output if item.type == "reasoning"]
        usage = response.usage
        return Answer(
            text=response.output_text,
            finish=response.status,
            calls=[(call.call_id, call.name, json.loads(call.arguments)) for call in calls],
            thinking="".join(part.text for item in thoughts for part in item.summary),
            model=response.model,
            request_id=None if self.stream else response._request_id,
            extension=getattr(response, "pisces", None),
            counted=Counted(
                input=usage.input_tokens,
                cached=usage.input_tokens_details.cached_tokens,
                output=usage.output_tokens,
                reasoning=usage.output_tokens_details.reasoning_tokens,
            ),
        )

    async def _streamed(self) -> Any:
        final, seen = None, ""
        async with self.client.responses.stream(**self._options()) as stream:
            async for event in stream:
                seen += event.delta if event.type == "response.output_text.delta" else ""
                if event.type in ("response.completed", "response.incomplete"):
                    final = event.response
        assert final is not None
        assert seen == final.output_text
        return final
