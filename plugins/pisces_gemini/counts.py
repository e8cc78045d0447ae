"""Google's token counts and ours (wire.md C10)."""

from __future__ import annotations

import msgspec

from pisces_proxy.usage import Usage

from .google import COUNTED_MODALITY, word


class Detail(msgspec.Struct, rename="camel"):
    modality: str | int | None = None
    token_count: int | None = None


class Counts(msgspec.Struct, rename="camel"):
    """`usageMetadata`: cumulative, but members come and go from chunk to chunk."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[Detail] | None = None
    candidates_tokens_details: list[Detail] | None = None


class Meter:
    """The greatest of each count that a stream has said: a member that vanishes again keeps its value."""

    __slots__ = ("_counts", "_details", "searches")

    def __init__(self) -> None:
        self._counts = [0, 0, 0, 0, 0]
        self._details: dict[str, int] = {}
        self.searches = 0

    def read(self, said: Counts) -> None:
        counts = self._counts
        for place, count in enumerate((
            said.prompt_token_count, said.cached_content_token_count, said.candidates_token_count, said.thoughts_token_count,
            said.tool_use_prompt_token_count,
        )):  # fmt: skip
            if count is not None and count > counts[place]:
                counts[place] = count
        self._modalities("in", said.prompt_tokens_details)
        self._modalities("out", said.candidates_tokens_details)

    def _modalities(self, way: str, details: list[Detail] | None) -> None:
        for detail in details or ():
            name = f"{way} {word(detail.modality, COUNTED_MODALITY)}"
            self._details[name] = max(self._details.get(name, 0), detail.token_count or 0)

    def usage(self) -> Usage:
        prompt, cached, answer, thoughts, tools = self._counts
        details = self._details
        return Usage(
            input=prompt + tools,
            cached_input=cached,
            tool_input=tools,
            output=answer + thoughts,
            reasoning=thoughts,
            audio_input=details.get("in AUDIO", 0),
            image_input=details.get("in IMAGE", 0),
            audio_output=details.get("out AUDIO", 0),
            image_output=details.get("out IMAGE", 0),
            searches=self.searches,
        )


def usage_metadata(usage: Usage) -> dict[str, object]:
    """For a client. Google has no word for what is written to a cache."""
    out: dict[str, object] = {
        "promptTokenCount": usage.input - usage.tool_input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.total,
    }
    more = {
        "cachedContentTokenCount": usage.cached_input,
        "thoughtsTokenCount": usage.reasoning,
        "toolUsePromptTokenCount": usage.tool_input,
    }
    out |= {name: count for name, count in more.items() if count}
    for name, total, kinds in (
        ("promptTokensDetails", usage.input - usage.tool_input, {"AUDIO": usage.audio_input, "IMAGE": usage.image_input}),
        ("candidatesTokensDetails", usage.output - usage.reasoning, {"AUDIO": usage.audio_output, "IMAGE": usage.image_output}),
    ):
        if any(kinds.values()):
            kinds = {"TEXT": max(0, total - sum(kinds.values())), **kinds}
            out[name] = [{"modality": kind, "tokenCount": count} for kind, count in kinds.items() if count]
    return out


class _Config(msgspec.Struct):
    limit: int | None = msgspec.field(default=None, name="maxOutputTokens")
    snake: int | None = msgspec.field(default=None, name="max_output_tokens")
    candidates: int | None = msgspec.field(default=None, name="candidateCount")


class _Allowed(msgspec.Struct):
    config: _Config | None = msgspec.field(default=None, name="generationConfig")
    snake: _Config | None = msgspec.field(default=None, name="generation_config")


_allowed = msgspec.json.Decoder(_Allowed)


def max_output(body: bytes) -> int | None:
    """How long an answer the client allows, in tokens over all candidates; None where it does not say."""
    try:
        said = _allowed.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return None
    config = said.config or said.snake or _Config()
    limit = config.limit if config.limit is not None else config.snake
    return None if limit is None else max(0, limit) * max(1, config.candidates or 1)
