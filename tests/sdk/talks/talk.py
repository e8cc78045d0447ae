"""One conversation through an official SDK: ask, answer the calls, ask on. The history is kept as the SDK's users keep it."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from upstreams.script import PARAMETERS, PNG, SCHEMA, Counted

DESCRIPTION = "The weather forecast for a place."
TOOL_SCHEMA = {**PARAMETERS, "required": ["city", "days"], "additionalProperties": False}


@dataclass
class Answer:
    text: str
    finish: str
    counted: Counted
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # id, name, arguments
    thinking: str = ""
    model: str = ""
    request_id: str | None = None
    extension: Any = None  # the `pisces` object, where the SDK hands it out


class Talk(abc.ABC):
    """`wire` is what this SDK speaks; `finishes` its words for stop, length and calls."""

    wire: ClassVar[str]
    finishes: ClassVar[dict[str, str]]
    shows_request_id: ClassVar[bool] = True

    def __init__(self, url: str, key: str, model: str, stream: bool) -> None:
        self.url, self.key, self.model, self.stream = url, key, model, stream
        self.history: list[Any] = []
        self.thinking = False
        self.tools = False
        self.structured = False

    @abc.abstractmethod
    async def ask(self, text: str, image: bytes | None = None) -> Answer: ...

    @abc.abstractmethod
    async def tell(self, results: dict[str, str]) -> Answer:
        """Results by call id; the next answer."""

    @abc.abstractmethod
    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


@dataclass(frozen=True)
class Mistake:
    """An SDK's exception as its users see it."""

    kind: str  # the class's name
    status: int
    message: str
    request_id: str | None


__all__ = ["DESCRIPTION", "PNG", "SCHEMA", "TOOL_SCHEMA", "Answer", "Mistake", "Talk"]
