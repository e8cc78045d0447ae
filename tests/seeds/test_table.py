"""Every published promise has a test that exists, or a reason why it is none of the API's."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from seeds.table import COUNTS, LEFT_OUT, ROWS

TESTS = Path(__file__).parents[1]
NAMED = sorted({test for _, _, tests in ROWS for test in tests})


def ids(written: str) -> Iterator[str]:
    """`S0-1 S0-3..5` is four of them."""
    for part in written.split():
        document, _, numbers = part.partition("-")
        first, _, last = numbers.partition("..")
        yield from (f"{document}-{number}" for number in range(int(first), int(last or first) + 1))


@cache
def functions_of(file: str) -> frozenset[str]:
    module = ast.parse((TESTS / f"{file}.py").read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_item_stands_in_one_place() -> None:
    found = Counter(id for written, *_ in (*ROWS, *LEFT_OUT) for id in ids(written))
    wanted = {f"{document}-{number}" for document, count in COUNTS.items() for number in range(1, count + 1)}
    assert set(found) == wanted
    assert not [id for id, times in found.items() if times > 1]


@pytest.mark.parametrize("test", NAMED)
def test_a_named_test_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in functions_of(file)


@pytest.mark.parametrize(("written", "words"), [row[:2] for row in (*ROWS, *LEFT_OUT)])
def test_every_row_says_what_it_is_about(written: str, words: str) -> None:
    assert words and list(ids(written))
