"""Knobs for Google: sampling, output, thinking, speech."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_gemini.provider import Google
from plugins.gemini.talk import WIRE, asking, encoded, lost

from pisces_proxy.chat import OutputFormat, Speech, Thinking, Tool
from pisces_proxy.plugin import Profile

TOOL = Tool(name="get_weather", description="Weather")


def config(profile: Profile | None = None, **members: Any) -> Any:
    return json.loads(WIRE.encode_request(asking(**members), "m", profile or Profile()).body).get("generationConfig", {})


def test_sampling_is_translated() -> None:
    assert config(
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        n=2,
        stop=("a",),
        seed=2**40 + 5,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=4,
    ) == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 3,
        "candidateCount": 2,
        "maxOutputTokens": 9,
        "stopSequences": ["a"],
        "seed": 5,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 4,
    }


def test_what_has_no_place_is_said() -> None:
    request = asking(
        logit_bias=b'{"1":2}',
        verbosity="low",
        metadata=b"{}",
        user="u",
        parallel_tool_calls=False,
        tools=(TOOL,),
        temperature=3,
        stop=tuple("abcdef"),
        service_tier="scale",
        extra={"prediction": b"1", "safetySettings": b"[]"},
    )
    assert lost(request) == {
        "logit_bias",
        "verbosity",
        "metadata",
        "user",
        "parallel_tool_calls",
        "temperature",
        "stop",
        "service_tier",
        "prediction",
    }
    body = encoded(request)
    assert body["generationConfig"] == {"temperature": 2.0, "stopSequences": list("abcde")}
    assert body["safetySettings"] == []


@pytest.mark.parametrize(
    ("output", "flags", "expected"),
    [
        (OutputFormat(kind="json"), {}, {"responseMimeType": "application/json"}),
        (
            OutputFormat(kind="schema", schema=b'{"type":"object","properties":{"a":{"type":"string"}}}'), {},
            {"responseMimeType": "application/json", "responseJsonSchema": {
                "type": "object", "properties": {"a": {"type": "string"}}, "propertyOrdering": ["a"]}},
        ),
        (
            OutputFormat(kind="schema", schema=b'{"type":"string"}'), {"schema": "gemini"},
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
        ),
        (OutputFormat(kind="text"), {}, {}),
    ],
)  # fmt: skip
def test_structured_output_is_asked_for(output: OutputFormat, flags: Any, expected: Any) -> None:
    assert config(Profile(**flags), output=output) == expected


def thinking(model_name: str, **members: Any) -> Any:
    profile = Google().profile(WIRE.name, model_name, {})
    return config(profile, thinking=Thinking(**members)).get("thinkingConfig")


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"effort": "none"}, {"thinkingBudget": 128}),
        ("gemini-2.5-pro", {"effort": "max", "include": True}, {"includeThoughts": True, "thinkingBudget": 32768}),
        ("gemini-2.5-flash", {"effort": "xhigh"}, {"thinkingBudget": 24576}),
        ("gemini-2.5-flash-lite", {"budget": 5}, {"thinkingBudget": 512}),
        ("gemini-2.5-flash", {"effort": "auto"}, {"thinkingBudget": -1}),
        ("gemini-3-pro-preview", {"effort": "minimal"}, {"thinkingLevel": "LOW"}),  # H76
        ("gemini-3-pro-preview", {"effort": "medium"}, {"thinkingLevel": "HIGH"}),
        ("gemini-3-flash-preview", {"effort": "none"}, {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-flash-preview", {"effort": "max"}, {"thinkingLevel": "HIGH"}),
        ("gemini-3-flash-preview", {"budget": 9000}, {"thinkingLevel": "HIGH"}),
        ("gemini-3-flash-preview", {"effort": "auto", "include": True}, {"includeThoughts": True}),
        ("gemini-2.0-flash", {"effort": "high"}, None),
        ("gemini-9-new", {"budget": 9000}, {"thinkingBudget": 9000}),
        ("gemini-9-new", {"effort": "high"}, {"thinkingLevel": "HIGH"}),
    ],
)
def test_thinking_is_asked_for_as_each_model_knows_it(name: str, members: Any, expected: Any) -> None:
    assert thinking(name, **members) == expected


def test_speech_is_asked_for_by_voice() -> None:
    assert config(modalities=("text", "audio"), speech=Speech(voice="Kore")) == {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    }
    assert config(modalities=("text", "image")) == {"responseModalities": ["TEXT", "IMAGE"]}
