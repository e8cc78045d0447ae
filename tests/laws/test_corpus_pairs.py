"""Recorded answers of real vendors, re-encoded in every other wire: text, calls, end and usage survive."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from laws import essence, grammar
from laws.reading import events_of, shown, stream_of
from laws.recorded import body, exchanges, streams
from laws.samples import reply

from pisces_proxy import chat
from pisces_proxy.errors import PiscesError
from pisces_proxy.plugin import Profile, Wire

pytestmark = [pytest.mark.corpus]
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


def heard(wire: Wire, exchange: dict[str, Any]) -> chat.Response:
    response = exchange["response"]
    if "sse" in response:
        events = events_of(wire, response["sse"].encode(), Profile())
        grammar.check(events)
        return chat.fold(events)
    return wire.decode_response(body(exchange), Profile())


@pytest.mark.parametrize("form", ["whole", "streamed"])
def test_recorded_answers_survive_every_other_wire(source: Wire, target: Wire, form: str) -> None:
    found = exchanges(source.name)
    compared, broken, differences = 0, 0, []
    for name, exchange in found:
        try:
            said = heard(source, exchange)
        except PiscesError:
            broken += 1  # an error in a 200, an answer that is still being made, a stream that was cut
            continue
        if len(said.choices) > 1 and target.name in ONE_ANSWER_ONLY:
            continue
        compared += 1
        differences += [f"{name}: {difference}" for difference in _differences(said, source, target, form)]
    assert broken <= len(found) * 0.03
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


@pytest.mark.parametrize("size", [1, 7])
def test_recorded_streams_can_be_cut_anywhere(wire: Wire, size: int) -> None:
    for name, stream in streams(wire.name):
        assert shown(events_of(wire, stream, Profile(), size)) == shown(events_of(wire, stream, Profile())), name
