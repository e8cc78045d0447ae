"""Sums that a sentence contains, worked out without `eval`."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

_SPOKEN = (
    (re.compile(r"\s+(?:plus|added to)\s+", re.IGNORECASE), " + "),
    (re.compile(r"\s+minus\s+", re.IGNORECASE), " - "),
    (re.compile(r"\s+(?:times|multiplied by)\s+|(?<=\d)\s*[×x]\s*(?=\d)", re.IGNORECASE), " * "),
    (re.compile(r"\s+divided by\s+|\s*÷\s*", re.IGNORECASE), " / "),
    (re.compile(r"(?<=\d)\s*加\s*(?=\d)"), " + "),
    (re.compile(r"(?<=\d)\s*减\s*(?=\d)"), " - "),
    (re.compile(r"(?<=\d)\s*乘以?\s*(?=\d)"), " * "),
    (re.compile(r"(?<=\d)\s*除以\s*(?=\d)"), " / "),
)
_NUMBER = r"\d{1,15}(?:\.\d{1,15})?"
_SUM = re.compile(rf"[(\-\s]*{_NUMBER}[\s)]*(?:(?:\*\*|//|[+\-*/%^])[(\-\s]*{_NUMBER}[\s)]*)+")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,4}/\d{1,2}/\d{1,4}\b")
_LONGEST = 200  # characters: nobody types more, and the parser recurses

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def expression(text: str) -> str:
    """The first sum in a text, written out (`12 * 3`); empty where there is none."""
    plain = _DATE.sub(" ", text[:2000])
    for pattern, sign in _SPOKEN:
        plain = pattern.sub(sign, plain)
    found = _SUM.search(plain)
    return " ".join(found[0].replace("^", "**").split()) if found and len(found[0]) <= _LONGEST else ""


def value(sum: str) -> float | None:
    """What a sum comes to, None where it is no sum or has no value."""
    try:
        result = _worked_out(ast.parse(sum, mode="eval").body)
    except (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError):
        return None
    return int(result) if isinstance(result, float) and result.is_integer() and abs(result) < 1e15 else result


def _worked_out(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_worked_out(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            exponent = _worked_out(right)
            if abs(exponent) > 64:
                raise ValueError("a power too large")
            return float(_worked_out(left) ** exponent)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_worked_out(left), _worked_out(right))
    raise ValueError("no sum")
