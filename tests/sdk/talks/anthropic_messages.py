"""The anthropic package, Messages."""

from __future__ import annotations

import base64
from typing import Any

from anthropic import AsyncAnthropic

from .talk import DESCRIPTION, SCHEMA, TOOL_SCHEMA, Answer, Counted, Talk


class AnthropicTalk(Talk):
    wire = "anthropic.messages"
    finishes = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use"}

    def __init__(self, url: str, key: str, model: str, stream: bool) -> None:
        super().__init__(url, key, model, stream)
        self.client = AsyncAnthropic(base_url=url, api_key=key, max_retries=0)

    async def close(self) -> None:
        await self.client.close()

    async def ask(self, text: str, image: bytes | None = None) -> Answer:
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if image is not None:
            data = base64.b64encode(image).decode()
            content.insert(0, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}})
        self.history.append({"role": "user", "content": content})
        return await self._send()

    async def tell(self, results: dict[str, str]) -> Answer:
        content = [{"type": "tool_result", "tool_use_id": id, "content": text} for id, text in results.items()]
        self.history.append({"role": "user", "content": content})
        return await self._send()

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"model": self.model, "messages": self.history, "max_tokens": 8000, "system": "Be brief."}
        if self.tools:
            options["tools"] = [{"name": "get_weather", "description": DESCRIPTION, "input_schema": TOOL_SCHEMA}]
        if self.thinking:
            options["thinking"] = {"type": "enabled", "budget_tokens": 4000}
        if self.structured:
            options["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
        return options

    async def _send(self) -> Answer:
        message = await (self._streamed() if self.stream else self.client.messages.create(**self._options()))
        self.history.append({"role": "assistant", "content": message.content})
        usage = message.usage
        details = getattr(usage, "output_tokens_details", None)
        return Answer(
            text="".join(block.text for block in message.content if block.type == "text"),
            finish=message.stop_reason,
            calls=[(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"],
            thinking="".join(block.thinking for block in message.content if block.type == "thinking"),
            model=message.model,
            request_id=message._request_id,
            extension=getattr(message, "pisces", None),
            counted=Counted(
                input=usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0),
                cached=usage.cache_read_input_tokens or 0,
                output=usage.output_tokens,
                reasoning=details.thinking_tokens if details else 0,
            ),
        )

    async def _streamed(self) -> Any:
        async with self.client.messages.stream(**self._options()) as stream:
            seen = "".join([piece async for piece in stream.text_stream])
            message = await stream.get_final_message()
            message._request_id = stream.request_id
        assert seen == "".join(block.text for block in message.content if block.type == "text")
        return message
