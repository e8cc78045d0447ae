"""Each vendor's row is well-formed, and says what its documentation says."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from pisces_compatible import PROVIDERS, Row, pisces_providers

from pisces_proxy.plugin import Profile, Provider

KNOWN_WIRES = {
    "openai.chat", "openai.responses", "anthropic.messages", "openai.completions", "openai.embeddings", "openai.moderations",
    "openai.rerank", "openai.images", "openai.chat-images", "openai.speech", "openai.transcriptions",
    "dashscope.speech", "dashscope.images", "dashscope.image-jobs", "dashscope.video", "dashscope.rerank",
    "dashscope.transcriptions", "minimax.speech", "minimax.video", "ark.images", "ark.video", "zhipu.video",
    "xai.video", "siliconflow.video",
}  # fmt: skip
SEVERAL_PATHS = {"minimax.video", "zhipu.video"}  # below the base URL itself
CHATS = {"openai.chat", "openai.responses", "anthropic.messages", "openai.completions"}
MODELS = (
    "", "gpt-4o", "GPT-5-Mini", "openai/gpt-oss-120b", "anthropic/claude-opus-4.7", "Claude-Sonnet-4.5", "claude-opus-4-6",
    "google/gemini-2.5-pro", "deepseek-ai/DeepSeek-V3.2", "deepseek-reasoner", "kimi-k2-thinking", "moonshotai/kimi-k2.5",
    "z-ai/glm-5.3", "glm-4.6", "Qwen/Qwen3-235B-A22B", "qwq-32b", "grok-4-0709", "grok-4.5", "magistral-medium",
    "accounts/fireworks/models/kimi-k2-instruct", "ep-20260101-abcde", "sonar-reasoning-pro", "x" * 300,
)  # fmt: skip
VENDORS = {
    "openrouter", "deepseek", "xai", "groq", "mistral", "together", "fireworks", "moonshot", "zhipu", "dashscope", "minimax",
    "volcengine", "siliconflow", "poe", "perplexity", "ollama", "vllm", "llamacpp", "lmstudio", "jina", "cerebras",
    "nvidia", "huggingface", "compatible",
}  # fmt: skip
BY_NAME = {row.name: row for row in PROVIDERS}


def flags(vendor: str, model: str, wire: str = "openai.chat", **overrides: object) -> Profile:
    return BY_NAME[vendor].profile(wire, model, overrides)


def test_the_hook_lists_every_vendor_once() -> None:
    names = [provider.name for provider in pisces_providers()]
    assert sorted(names) == sorted(VENDORS)


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_flags_make_a_profile_for_any_model_on_any_wire(row: Row) -> None:
    for wire in row.wires:
        for model in MODELS:
            assert isinstance(row.profile(wire, model, {}), Profile)


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_every_single_model_row_is_valid_and_can_be_reached(row: Row) -> None:
    for rows in (row.models, *row.on.values()):
        for name in rows:
            assert name == name.lower() and "/" not in name, "a prefix is compared with the lower-case name behind the slash"
    for name in row.models:
        for wire in row.wires:
            row.profile(wire, name, {})


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_wires_have_names_that_exist_and_paths_that_join(row: Row) -> None:
    assert row.wires and set(row.wires) <= KNOWN_WIRES
    assert set(row.on) <= set(row.wires) and row.counts <= set(row.wires)
    paths = [path for wire, path in row.wires.items() if wire not in SEVERAL_PATHS]
    assert all(path.startswith(("/", "~/")) and not path.endswith("/") and " " not in path for path in paths)
    assert all(row.wires[wire] == "" for wire in SEVERAL_PATHS & set(row.wires))


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_base_urls_are_whole_and_only_compatible_has_none(row: Row) -> None:
    if row.name == "compatible":
        assert row.base_url == ""
        return
    url = urlsplit(row.base_url)
    local = url.hostname == "127.0.0.1"
    assert url.scheme == ("http" if local else "https") and url.hostname and not row.base_url.endswith("/")
    assert not url.query and not url.fragment and row.key_required is not local


def test_servers_on_this_machine_ask_for_no_key() -> None:
    assert {name for name, row in BY_NAME.items() if not row.key_required} == {
        "ollama", "vllm", "llamacpp", "lmstudio", "compatible",
    }  # fmt: skip


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_the_key_travels_as_a_bearer_token(row: Row) -> None:
    for wire in row.wires:
        assert row.authorize(wire, "k") == {"Authorization": "Bearer k"}
        assert row.authorize(wire, "") == {}


def test_dashscope_takes_the_origin() -> None:
    assert urlsplit(BY_NAME["dashscope"].base_url).path == ""


@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        ("deepseek", "~/anthropic/v1/messages"),
        ("moonshot", "~/anthropic/v1/messages"),
        ("zhipu", "~/api/anthropic/v1/messages"),
        ("minimax", "~/anthropic/v1/messages"),
        ("dashscope", "/apps/anthropic/v1/messages"),
        ("openrouter", "/messages"),
        ("fireworks", "/messages"),
        ("siliconflow", "/messages"),
        ("ollama", "/messages"),
        ("vllm", "/messages"),
        ("llamacpp", "/messages"),
        ("lmstudio", "/messages"),
    ],
)
def test_claude_clients_reach_vendors_that_speak_messages_untouched(vendor: str, path: str) -> None:
    assert BY_NAME[vendor].wires["anthropic.messages"] == path
    assert flags(vendor, "some-model", "anthropic.messages").reasoning in ("budget", "adaptive")


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_conversations_never_prefer_a_wire_that_only_completes_texts(row: Row) -> None:
    chats = [wire for wire in row.wires if wire in CHATS]
    assert "openai.completions" not in chats[:-1], "it comes last"
    assert chats != ["openai.completions"]


def test_the_longest_prefix_wins_and_the_vendor_before_the_slash_does_not_count() -> None:
    assert flags("openrouter", "x-ai/grok-4-fast").reasoning == "none"
    assert flags("openrouter", "x-ai/grok-4.5").efforts == ("low", "medium", "high")
    assert flags("openrouter", "Anthropic/Claude-Opus-4.7").sampling == "reject"
    assert flags("openrouter", "anthropic/claude-opus-4.5").sampling == "one_of"


def test_deepseek_wants_its_thinking_back_and_no_forced_tool_while_it_thinks() -> None:  # H89
    profile = flags("deepseek", "deepseek-chat")
    assert (profile.reasoning, profile.reasoning_echo, profile.forced_tool_with_reasoning) == ("thinking_type", "always", False)
    assert flags("deepseek", "deepseek-reasoner").reasoning_off is False


def test_mistral_gets_its_own_words() -> None:
    profile = flags("mistral", "magistral-medium-latest")
    assert profile.tool_id == "mistral9" and profile.required_word == "any" and profile.rename == {"seed": "random_seed"}
    assert "stream_options" in profile.drop and profile.stream_usage == "always" and profile.reasoning_field == "chunks"


def test_minimax_repeats_its_answer_in_the_last_chunk() -> None:  # H23
    assert flags("minimax", "MiniMax-M2.1").repeat_last
    assert flags("minimax", "MiniMax-M2.1").reasoning_field == "think_tags"


@pytest.mark.parametrize("model", ["qwen3-32b", "Qwen3-235B-A22B-Thinking", "qwq-plus", "qwen3-omni-flash", "qwen-omni-turbo"])
def test_qwens_that_only_stream_are_streamed(model: str) -> None:
    assert flags("dashscope", model).force_stream == "yes"


@pytest.mark.parametrize("model", ["qwen-max", "qwen3-max", "qwen3.6-plus", "qwen3-coder-plus"])
def test_other_qwens_are_left_as_they_are(model: str) -> None:
    assert flags("dashscope", model).force_stream == "auto" and flags("dashscope", model).reasoning == "enable_thinking"


def test_poe_lists_what_it_ignores_and_never_streams_a_media_bot() -> None:
    profile = flags("poe", "GPT-4o")
    assert not any((profile.strict_tools, profile.parallel_tool_calls, profile.n, profile.seed, profile.penalties))
    assert flags("poe", "Flux-Pro-1.1").force_stream == "no"


def test_claude_on_messages_is_asked_to_think_as_its_version_wants() -> None:
    styles = [
        flags("openrouter", f"anthropic/claude-{model}", "anthropic.messages").reasoning
        for model in ("sonnet-4.5", "sonnet-4.6", "opus-4-7")
    ]
    assert styles == ["budget", "adaptive", "adaptive"]


def test_a_channel_has_the_last_word() -> None:
    assert flags("dashscope", "qwen3-32b", force_stream="no").force_stream == "no"
    assert flags("deepseek", "deepseek-chat", "anthropic.messages", reasoning="none").reasoning == "none"


def test_a_row_refuses_a_member_that_providers_do_not_have() -> None:
    with pytest.raises(TypeError, match="provider has no 'url'"):
        Row(name="x", url="https://example.invalid")


def test_rows_are_providers() -> None:
    assert all(isinstance(row, Provider) and row.summary for row in PROVIDERS)
