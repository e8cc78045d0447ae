"""Recorded answers of real vendors, re-encoded in every other wire: text, calls, end and usage survive."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from laws import essence, grammar
from laws.reading import events_of, stream_of
from laws.samples import reply

from pisces_proxy import chat
from pisces_proxy.errors import PiscesError
from pisces_proxy.plugin import Profile, Wire

pytestmark = [pytest.mark.corpus]
FOLDERS = {
    "openai.chat": "openai_chat",
    "openai.responses": "openai_responses",
    "anthropic.messages": "anthropic",
    "gemini.generate": "gemini",
}
# (why this is right, what has to hold for it) by target: differences that the target's format makes unavoidable
ONE_ANSWER_ONLY = {
    "openai.responses": "the format holds one answer; n > 1 is refused before such an answer can come",
    "anthropic.messages": "the format holds one answer; n > 1 is refused before such an answer can come",
}


def corpus() -> Path:
    named = os.environ.get("PISCES_CORPUS")
    return Path(named) if named else Path(__file__).parents[2].parent / "shared" / "corpus"


@lru_cache
def recorded(wire: str) -> list[tuple[str, dict[str, Any]]]:
    """Names and exchanges with status 200."""
    folder = corpus() / FOLDERS.get(wire, "none")
    if not folder.is_dir():
        return []
    exchanges = [(file.name, json.loads(file.read_text(encoding="utf-8"))) for file in sorted(folder.glob("*.json"))]
    return [(name, exchange) for name, exchange in exchanges if exchange["response"]["status"] == 200]


def heard(wire: Wire, exchange: dict[str, Any]) -> chat.Response:
    response = exchange["response"]
    if "sse" in response:
        events = events_of(wire, response["sse"].encode(), Profile())
        grammar.check(events)
        return chat.fold(events)
    text = response.get("body_text")
    body = text.encode() if text is not None else json.dumps(response["body"], ensure_ascii=False).encode()
    return wire.decode_response(body, Profile())


@pytest.mark.parametrize("form", ["whole", "streamed"])
def test_recorded_answers_survive_every_other_wire(source: Wire, target: Wire, form: str) -> None:
    exchanges = recorded(source.name)
    if not exchanges:
        pytest.skip(f"no recorded exchanges of {source.name}: set PISCES_CORPUS to their folder")
    compared, differences = 0, []
    for name, exchange in exchanges:
        try:
            said = heard(source, exchange)
        except PiscesError:
            continue  # a broken or refused answer: its own test is the failure test below
        if len(said.choices) > 1 and target.name in ONE_ANSWER_ONLY:
            continue
        compared += 1
        differences += [f"{name}: {difference}" for difference in _differences(said, source, target, form)]
    assert compared >= len(exchanges) * 0.9
    assert not differences, f"{len(differences)} of {compared}:\n" + "\n".join(differences[:40])


def _differences(said: chat.Response, source: Wire, target: Wire, form: str) -> list[str]:
    told = reply(target, stream=form == "streamed")
    try:
        if form == "whole":
            again = target.decode_response(target.encode_response(said, told), Profile())
        else:
            events = events_of(target, stream_of(target, said, told), Profile())
            grammar.check(events)
            again = chat.fold(events)
    except (PiscesError, AssertionError) as error:
        return [f"{type(error).__name__}: {error}"]
    before, after = essence.of(said, target.name), essence.of(again)
    return [
        f"{field}: {getattr(old, field)!r:.150} became {getattr(new, field)!r:.150}"
        for old, new in zip(before, after, strict=True)
        for field in essence.Essence._fields
        if getattr(old, field) != getattr(new, field)
    ]


def test_recorded_streams_can_be_cut_anywhere(wire: Wire) -> None:
    streams = [(name, exchange["response"]["sse"]) for name, exchange in recorded(wire.name) if "sse" in exchange["response"]]
    if not streams:
        pytest.skip(f"no recorded streams of {wire.name}: set PISCES_CORPUS to their folder")
    for name, stream in streams:
        whole = [repr(event) for event in events_of(wire, stream.encode(), Profile()) if not isinstance(event, chat.Failed)]
        pieces = [repr(event) for event in events_of(wire, stream.encode(), Profile(), 7) if not isinstance(event, chat.Failed)]
        assert pieces == whole, name
