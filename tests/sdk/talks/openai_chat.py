"""The openai package, Chat Completions."""

from __future__ import annotations

import base64
import json
from typing import Any

from openai import AsyncOpenAI

from .talk import DESCRIPTION, SCHEMA, TOOL_SCHEMA, Answer, Counted, Talk


class OpenAIChatTalk(Talk):
    wire = "openai.chat"
    finishes = {"stop": "stop", "length": "length", "calls": "tool_calls"}

    def __init__(self, url: str, key: str, model: str, stream: bool) -> None:
        super().__init__(url, key, model, stream)
        self.client = AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
        self.history = [{"role": "system", "content": "Be brief."}]

    async def close(self) -> None:
        await self.client.close()

    async def ask(self, text: str, image: bytes | None = None) -> Answer:
        parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if image is not None:
            uri = f"data:image/png;base64,{base64.b64encode(image).decode()}"
            parts.append({"type": "image_url", "image_url": {"url": uri}})
        self.history.append({"role": "user", "content": parts if image is not None else text})
        return await self._send()

    async def tell(self, results: dict[str, str]) -> Answer:
        self.history += [{"role": "tool", "tool_call_id": id, "content": text} for id, text in results.items()]
        return await self._send()

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"model": self.model, "messages": self.history}
        if self.tools:
            function = {"name": "get_weather", "description": DESCRIPTION, "parameters": TOOL_SCHEMA, "strict": True}
            options["tools"] = [{"type": "function", "function": function}]
        if self.thinking:
            options["reasoning_effort"] = "medium"
        if self.structured:
            schema = {"name": "place", "schema": SCHEMA, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        return options

    async def _send(self) -> Answer:
        completion = await (self._streamed() if self.stream else self.client.chat.completions.create(**self._options()))
        choice, usage = completion.choices[0], completion.usage
        self.history.append(choice.message)
        return Answer(
            text=choice.message.content or "",
            finish=choice.finish_reason,
            calls=[(c.id, c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls or ()],
            thinking=getattr(choice.message, "reasoning_content", None) or "",
            model=completion.model,
            request_id=None if self.stream else completion._request_id,
            extension=getattr(completion, "pisces", None),
            counted=Counted(
                input=usage.prompt_tokens,
                cached=usage.prompt_tokens_details.cached_tokens,
                output=usage.completion_tokens,
                reasoning=usage.completion_tokens_details.reasoning_tokens,
            ),
        )

    async def _streamed(self) -> Any:
        options = self._options()
        async with self.client.chat.completions.stream(**options, stream_options={"include_usage": True}) as stream:
            seen = "".join([event.delta async for event in stream if event.type == "content.delta"])
            final = await stream.get_final_completion()
        assert seen == (final.choices[0].message.content or "")
        return final
