"""The fake vendors by wire."""

from __future__ import annotations

from .anthropic_messages import AnthropicMessages
from .gemini_generate import GeminiGenerate
from .openai_chat import OpenAIChat, ThinkingChat
from .openai_responses import OpenAIResponses
from .server import Vendor

VENDORS: tuple[type[Vendor], ...] = (OpenAIChat, OpenAIResponses, AnthropicMessages, GeminiGenerate)
SIGNED = (OpenAIResponses, AnthropicMessages, GeminiGenerate)  # those that sign their thinking

__all__ = ["SIGNED", "VENDORS", "AnthropicMessages", "GeminiGenerate", "OpenAIChat", "OpenAIResponses", "ThinkingChat"]
