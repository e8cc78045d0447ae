"""Recorded answers of real vendors, re-encoded in every other wire: text, calls, end and usage survive."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
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
Explains = Callable[[chat.Response, str, essence.Essence, essence.Essence], bool]


def _uncounted(said: chat.Response, target: str, old: essence.Essence, new: essence.Essence) -> bool:
    return (old.usage is None or not any(old.usage)) and target in COUNT_ALWAYS


def _contradicting(said: chat.Response, target: str, old: essence.Essence, new: essence.Essence) -> bool:
    return said.usage is not None and said.usage.checked()[1] != ()


def _prompt_of_none(said: chat.Response, target: str, old: essence.Essence, new: essence.Essence) -> bool:
    return target == "anthropic.messages" and old.usage is not None and 0 in (old.usage[0], old.usage[2])


def _media(said: chat.Response, target: str, old: essence.Essence, new: essence.Essence) -> bool:
    return old.text == LINKED.sub("", new.text)


def _half_a_call(said: chat.Response, target: str, old: essence.Essence, new: essence.Essence) -> bool:
    return said.choices[0].stop.reason == "error"


def _cut_arguments(said: chat.Response, target: str, old: essence.Essence, new: essence.Essence) -> bool:
    return any(isinstance(arguments, str) for _, arguments in old.calls) and target != "openai.chat"


COUNT_ALWAYS = {"anthropic.messages", "openai.responses"}
LINKED = re.compile(r"!?\[(image|audio|document|video)\]\(data:[^)]*\)")
# (what differs, why that is right, whether it is that); everything else that differs is a fault
EXCEPTIONS: tuple[tuple[str, str, Explains], ...] = (
    ("usage", "the vendor counted nothing; these clients break without numbers, so they get an estimate", _uncounted),
    ("usage", "the vendor's counts contradict each other (more cached than sent, more reasoning than written)", _contradicting),
    ("usage", "nothing read or written: Anthropic's clients want at least one token", _prompt_of_none),
    ("text", "a picture or sound that the format has no place for is told as a link", _media),
    ("calls", "the vendor stopped inside the arguments: a format that holds an object gets one, closed", _cut_arguments),
    ("finish", "the vendor broke off inside a call that nobody declared", _half_a_call),
    ("calls", "the vendor broke off inside a call that nobody declared", _half_a_call),
)
ONE_ANSWER_ONLY = {"openai.responses", "anthropic.messages"}  # n > 1 is refused before such an answer can come


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
        return [] if said.choices[0].stop.reason == "error" else [f"{type(error).__name__}: {error}"]
    before, after = essence.of(said, target.name), essence.of(again)
    return [
        f"{field}: {getattr(old, field)!r:.150} became {getattr(new, field)!r:.150}"
        for old, new in zip(before, after, strict=True)
        for field in essence.Essence._fields
        if getattr(old, field) != getattr(new, field) and not _explained(field, said, target.name, old, new)
    ]


def _explained(field: str, said: chat.Response, target: str, old: essence.Essence, new: essence.Essence) -> bool:
    return any(what == field and explains(said, target, old, new) for what, _, explains in EXCEPTIONS)


def test_recorded_streams_can_be_cut_anywhere(wire: Wire) -> None:
    streams = [(name, exchange["response"]["sse"]) for name, exchange in recorded(wire.name) if "sse" in exchange["response"]]
    if not streams:
        pytest.skip(f"no recorded streams of {wire.name}: set PISCES_CORPUS to their folder")
    for name, stream in streams:
        whole = [repr(event) for event in events_of(wire, stream.encode(), Profile()) if not isinstance(event, chat.Failed)]
        pieces = [repr(event) for event in events_of(wire, stream.encode(), Profile(), 7) if not isinstance(event, chat.Failed)]
        assert pieces == whole, name


def test_the_usage_read_at_a_glance_is_that_of_the_whole_answer(wire: Wire) -> None:
    """A passthrough does not read the answer; what it bills must be the same."""
    bodies = [(name, exchange["response"]) for name, exchange in recorded(wire.name) if "body" in exchange["response"]]
    if not bodies:
        pytest.skip(f"no recorded answers of {wire.name}: set PISCES_CORPUS to their folder")
    for name, response in bodies:
        body = json.dumps(response["body"], ensure_ascii=False).encode()
        try:
            whole = wire.decode_response(body, Profile()).usage
        except PiscesError as refused:
            with pytest.raises(type(refused)):
                wire.read_usage(body, Profile())
            continue
        assert wire.read_usage(body, Profile()) == whole, name
