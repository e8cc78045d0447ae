"""What a model at a provider can take, as data: every quirk that an encoder or decoder must know of."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model at a provider can take: data, no code. Laid over each other in this order: the provider's `flags`,
    its row for the longest matching model name, the channel's `flags`. None and empty mean: as the wire has it.

    reasoning          how thinking is asked for: `effort` (reasoning_effort), `adaptive` and `budget` (Anthropic), `level`
                       and `thinking_budget` (Gemini), `thinking_type` ({"thinking":{"type":...}}),
                       `enable_thinking` (Qwen), `none`
    efforts            the efforts it takes, weakest first; others go to the nearest
    reasoning_field    where an OpenAI-like answer holds its thinking
    reasoning_echo     whether earlier thinking must be sent back in `reasoning_content`
    called_tools       whether the tools that were called must be declared, also where the client offers none any more
    sampling           `reject`: no temperature, top_p, top_k; `temperature_only`; `one_of`: not both temperature and top_p
    signature          the family whose signatures it takes back (`anthropic`, `openai`, `gemini`), `none`
    force_stream       `yes`: answers only as a stream; `no`: never streams
    url_media          the kinds of media it fetches by URL itself
    token_ids          whether it takes OpenAI's token ids where it takes text (embeddings, completions)
    prompt_list        whether it takes several prompts in one completions request
    embedding_batch    the most inputs of one embeddings request; more are asked for in several
    embedding_format   how its vectors come: `any` (float or base64, as asked), `base64` (the same, but the word `float` is
                       unknown), `float`, `int8` (base64 of signed bytes)
    embedding_task     how it is told what vectors are for: the `member`, and its words for our `query` and `document`
    dimensions         whether the length of its vectors can be chosen
    images_as_text     whether clients of generateContent get pictures as base64 in `parts[].text`, as some resellers write
                       them, and not in `inlineData`; a key can ask for the same
    """

    max_tokens_field: Literal["", "max_tokens", "max_completion_tokens"] = ""
    default_max_tokens: int | None = None
    max_output: int | None = None
    sampling: Literal["ok", "reject", "temperature_only", "one_of"] = "ok"
    temperature_max: float | None = None
    stop: bool = True
    stop_max: int | None = None
    penalties: bool = True
    logprobs: bool = True
    n: bool = True
    seed: bool = True
    reasoning: Literal[
        "", "none", "effort", "adaptive", "budget", "level", "thinking_budget", "thinking_type", "enable_thinking"
    ] = ""
    efforts: tuple[str, ...] = ()
    reasoning_off: bool = True
    budget_min: int | None = None
    budget_max: int | None = None
    reasoning_field: Literal["reasoning_content", "reasoning", "think_tags", "chunks", "reasoning_details"] = (
        "reasoning_content"
    )
    reasoning_echo: Literal["never", "tools", "always"] = "never"
    forced_tool_with_reasoning: bool = True
    tool_choices: tuple[str, ...] = ("auto", "none", "required", "function")
    required_word: str = "required"
    parallel_tool_calls: bool = True
    tools: bool = True
    custom_tools: bool = True
    called_tools: bool = False
    strict_tools: bool = True
    tool_id: Literal["any", "mistral9", "le64", "le40"] = "any"
    schema: Literal["plain", "openai", "anthropic", "gemini", "gemini_json"] = "plain"
    structured: Literal["native", "json_object", "tool", "none"] = "native"
    json_object: bool = True
    images: bool = True
    documents: bool = True
    audio: bool = True
    video: bool = False
    url_media: tuple[str, ...] | None = None
    media_in_results: bool | None = None
    system_role: Literal["system", "developer", "none"] = "system"
    mid_system: bool = True
    prefill: bool = True
    cache_marks: bool | None = None
    merge_same_role: bool = False
    alternate_roles: bool = False
    stream_usage: Literal["request", "always", "none"] = "request"
    force_stream: Literal["auto", "yes", "no"] = "auto"
    repeat_last: bool = False
    cumulative_content: bool = False
    token_ids: bool = False
    prompt_list: bool = True
    embedding_batch: int = 2048
    embedding_format: Literal["any", "base64", "float", "int8"] = "any"
    embedding_task: dict[str, str] = {}
    dimensions: bool = True
    images_as_text: bool = False
    signature: str = ""
    drop: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    n_max: int = 10
    image_size: Literal["size", "aspect_ratio", "width_height", "image_size", "image_config", "none"] = "size"
    image_sizes: tuple[str, ...] = ()
    image_qualities: tuple[str, ...] | None = None
    image_delivery: Literal["response_format", "base64", "data", "url", "either"] = "response_format"
    image_edits: Literal["form", "json", "objects", "image_url", "image", "none"] = "form"
    image_variations: bool = False
    image_stream: bool = False
    speech_formats: tuple[str, ...] | None = None
    speech_stream: bool = False
    speech_json: bool = False
    transcript_formats: tuple[str, ...] | None = None
    transcript_timed: Literal["verbose_json", "diarized_json", "granularities", "none"] = "verbose_json"
    transcript_stream: bool = False
    transcript_url: bool = False
    translations: bool = True
    upload_max: int | None = None
    text_max: int | None = None
