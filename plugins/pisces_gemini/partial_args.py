"""Function arguments that come in pieces: JSON paths with values, strings continued (Vertex, `streamFunctionCallArguments`)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import msgspec

from .answer import PartialArg

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_DEEPEST = 64
_LONGEST = 4096

_encode = msgspec.json.Encoder().encode


class PartialArgs:
    """The arguments of one call while they come in."""

    def __init__(self) -> None:
        self._whole: dict[str | int, Any] = {}

    def add(self, piece: PartialArg) -> None:
        path = _steps(piece.json_path)
        if not path or len(path) > _DEEPEST:
            return
        at: Any = self._whole
        for step, following in pairwise(path):
            at = _entered(at, step, [] if isinstance(following, int) else {})
            if at is None:
                return
        _set(at, path[-1], piece)

    def text(self) -> str:
        return _encode(self._whole).decode()


def _steps(path: str) -> list[str | int]:
    """`$.a[0].b` as its steps."""
    found: list[str | int] = []
    for name, index, *quoted in _STEP.findall(path):
        found.append(int(index) if index else name or "".join(quoted))
    return found


def _entered(at: Any, step: str | int, fresh: Any) -> Any:
    if isinstance(at, list) and isinstance(step, int) and step < _LONGEST:
        at.extend([None] * (step + 1 - len(at)))
        at[step] = fresh if at[step] is None else at[step]
        return at[step]
    return at.setdefault(step, fresh) if isinstance(at, dict) else None


def _set(at: Any, step: str | int, piece: PartialArg) -> None:
    value: Any = None
    if piece.string_value is not None:
        value = piece.string_value
    elif piece.number_value is not msgspec.UNSET:
        value = piece.number_value
    elif piece.bool_value is not None:
        value = piece.bool_value
    if isinstance(at, list) and isinstance(step, int) and step < _LONGEST:
        at.extend([None] * (step + 1 - len(at)))
    elif not isinstance(at, dict):
        return
    before = at.get(step) if isinstance(at, dict) else at[step]
    at[step] = before + value if isinstance(before, str) and isinstance(value, str) else value
