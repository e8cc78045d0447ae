"""What the fake models say, in no vendor's words: a scenario hears a request and answers it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

TEXT = "Die Seine fließt durch Paris: 13 km. 川 flows 🌊 on."  # cuts inside two, three and four byte characters
THOUGHT = "The user asks for the weather, so I need the tool."
AFTERTHOUGHT = "The tool has answered."
COUNT = 42  # what every vendor counts when it only counts
STRUCTURED = '{"city":"Paris","population":2102650}'
CALLS = (("Zürich", '{"city":"Zürich","days":3}'), ("Tokyo", '{"city":"Tokyo","days":1}'))

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
    "additionalProperties": False,
}
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
PNG = base64.b64decode(  # one red pixel; its base64 holds + and /, so that alphabets show
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Counted:
    """Tokens as the upstream counts them: `input` with the cached ones, `output` with the reasoning."""

    input: int = 105
    cached: int = 90
    output: int = 17
    reasoning: int = 0


@dataclass(frozen=True)
class Call:
    name: str
    arguments: str  # JSON text


@dataclass(frozen=True)
class Said:
    """One answer. `proof`: the vendor signs its thinking (or its first call)."""

    text: str = ""
    thinking: str = ""
    proof: bool = False
    calls: tuple[Call, ...] = ()
    stop: str = "stop"  # stop, length, calls
    counted: Counted = Counted()


class Refused(Exception):
    """What a vendor answers instead: its HTTP status and a message; each vendor dresses it in its own shape."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


@dataclass
class Heard:
    """A request as a vendor understood it. `proven` is None where the history holds no signed turn, else whether the
    signature stands byte for byte where it was made."""

    model: str = ""
    stream: bool = False
    tools: tuple[str, ...] = ()
    results: list[tuple[str, str]] = field(default_factory=list)  # call id (or tool name), text
    images: list[tuple[str, bytes]] = field(default_factory=list)
    schema: Any = None
    thinks: bool = False  # whether the client wants to see the thinking
    encrypted: bool = False  # Responses: whether it wants the encrypted reasoning
    echoed: int = 0  # Gemini: thoughts that came back; its own SDK sends them, a translation should not
    form: str = "sse"
    number: int = 0  # Responses: its item ids never repeat
    proven: bool | None = None
    system: str = ""
    texts: list[str] = field(default_factory=list)


Scenario = Callable[[Heard], Said]


def text(heard: Heard) -> Said:
    return Said(text=TEXT)


def long(heard: Heard) -> Said:
    return Said(text=TEXT, stop="length")


def tool(heard: Heard) -> Said:
    _must(heard.tools == ("get_weather",), f"the tool get_weather was not declared: {heard.tools}")
    if heard.results:
        return _quoted(heard, 1)
    return Said(calls=(Call("get_weather", CALLS[0][1]),), stop="calls")


def parallel(heard: Heard) -> Said:
    if heard.results:
        return _quoted(heard, 2)
    return Said(text="Two places.", calls=tuple(Call("get_weather", arguments) for _, arguments in CALLS), stop="calls")


def thinking(heard: Heard) -> Said:
    counted = replace(Counted(), reasoning=8)
    if heard.results:
        return replace(_quoted(heard, 1), thinking=AFTERTHOUGHT, proof=True, counted=counted)
    call = Call("get_weather", CALLS[0][1])
    return Said(thinking=THOUGHT, proof=True, calls=(call,), stop="calls", counted=counted)


def image(heard: Heard) -> Said:
    _must(len(heard.images) == 1, f"one image expected, got {len(heard.images)}")
    mime, data = heard.images[0]
    _must(data == PNG, "the image's bytes have changed")
    return Said(text=f"I see {len(data)} bytes of {mime}.")


def structured(heard: Heard) -> Said:
    names = set((heard.schema or {}).get("properties", {}))
    _must(names == set(SCHEMA["properties"]), f"the schema did not arrive: {heard.schema}")
    return Said(text=STRUCTURED)


def refusing(status: int, message: str, **headers: str) -> Scenario:
    def refuse(heard: Heard) -> Said:
        raise Refused(status, message, headers)

    return refuse


def _quoted(heard: Heard, count: int) -> Said:
    _must(len(heard.results) == count, f"{count} tool results expected, got {heard.results}")
    return Said(text="It says: " + " & ".join(text for _, text in heard.results))


def _must(condition: bool, message: str) -> None:
    if not condition:
        raise Refused(400, message)


def pieces(text: str, size: int = 7) -> list[str]:
    """A text as a model streams it."""
    return [text[at : at + size] for at in range(0, len(text), size)]
